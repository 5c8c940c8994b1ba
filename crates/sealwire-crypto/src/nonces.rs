//! For tests: which keys have sealed with which nonces (SE-70, SE-71).
//!
//! Only behind the feature `test-support`, which the binary does not have.

use crate::{
    aead::{Aead, NONCE_LEN},
    digest::sha384,
};
use std::cell::RefCell;

/// A key, by its AEAD's identifier and its hash, with a nonce.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Pair {
    key: Fingerprint,
    nonce: [u8; NONCE_LEN],
}

/// A key, as far as it can be told from others.
pub(crate) type Fingerprint = (u16, [u8; 48]);

thread_local! {
    static SEALED: RefCell<Option<Vec<Pair>>> = const { RefCell::new(None) };
}

/// Runs something, and tells every pair that a message was sealed with in this thread meanwhile, in order. Keys are
/// known if they were made meanwhile, in this thread, too.
pub fn observe<T>(run: impl FnOnce() -> T) -> (T, Vec<Pair>) {
    SEALED.replace(Some(Vec::new()));
    let value = run();
    (value, SEALED.take().unwrap_or_default())
}

/// Of a key that is made; nothing where nobody observes, so that benchmarks do not measure it.
pub(crate) fn fingerprint(aead: Aead, key: &[u8]) -> Option<Fingerprint> {
    SEALED.with_borrow(|sealed| sealed.as_ref().map(|_| (aead.id(), sha384(&[key]))))
}

pub(crate) fn note(key: Option<Fingerprint>, nonce: [u8; NONCE_LEN]) {
    SEALED.with_borrow_mut(|sealed| {
        if let (Some(sealed), Some(key)) = (sealed, key) {
            sealed.push(Pair { key, nonce });
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aead::Key;

    #[test]
    fn a_pair_that_repeats_is_seen_twice() {
        let key = |byte| Key::new(Aead::Aes128Gcm, &[byte; 16]).unwrap();
        let before = key(3);
        let ((), pairs) = observe(|| {
            before.seal([0; NONCE_LEN], b"", &mut []).unwrap();
            for (key, nonce) in [(key(1), 0), (key(1), 0), (key(1), 1), (key(2), 0)] {
                key.seal([nonce; NONCE_LEN], b"", &mut [0; 4]).unwrap();
            }
        });
        assert_eq!(pairs.len(), 4);
        assert_eq!(pairs[0], pairs[1]);
        assert_ne!(pairs[1], pairs[2]);
        assert_ne!(pairs[1], pairs[3]);
    }
}
