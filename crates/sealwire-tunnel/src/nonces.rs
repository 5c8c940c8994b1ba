//! Nonces of one connection (TU-24).

use sealwire_crypto::{
    Error,
    nacl::NONCE_LEN,
    random::{self, Random},
};
use std::collections::HashSet;

/// What all nonces of this side begin with.
const PREFIX: usize = 16;

/// Which nonces have come, and which this side has used.
///
/// This side's have a random beginning of 16 bytes and then count, so that none comes twice, and that one that comes back is
/// known without keeping it. To anybody else they are 24 bytes like others. The other side's are kept, 24 bytes each.
pub(crate) struct Nonces {
    prefix: [u8; PREFIX],
    next: u64,
    theirs: HashSet<[u8; NONCE_LEN]>,
}

/// Why a nonce is not taken.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Seen {
    /// it came before
    Repeated,
    /// this side sent it (TU-41)
    Ours,
}

impl Nonces {
    pub(crate) fn new(random: &dyn Random) -> Result<Self, Error> {
        Ok(Self { prefix: random::array(random)?, next: 0, theirs: HashSet::new() })
    }

    /// How many were used, of both sides.
    pub(crate) fn count(&self) -> u64 {
        self.next.saturating_add(self.theirs.len() as u64)
    }

    /// The next of this side.
    pub(crate) fn next(&mut self) -> Result<[u8; NONCE_LEN], Error> {
        let mut nonce = [0; NONCE_LEN];
        let (prefix, counter) = nonce.split_at_mut(PREFIX);
        prefix.copy_from_slice(&self.prefix);
        counter.copy_from_slice(&self.next.to_be_bytes());
        self.next = self.next.checked_add(1).ok_or(Error::Limit)?;
        Ok(nonce)
    }

    /// Whether a nonce may be new. To be asked before a box is opened.
    pub(crate) fn check(&self, nonce: &[u8; NONCE_LEN]) -> Result<(), Seen> {
        if nonce.starts_with(&self.prefix) {
            return Err(Seen::Ours);
        }
        if self.theirs.contains(nonce) { Err(Seen::Repeated) } else { Ok(()) }
    }

    /// Remembers the nonce of a box that has opened: what does not open costs no memory.
    pub(crate) fn remember(&mut self, nonce: [u8; NONCE_LEN]) {
        self.theirs.insert(nonce);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sealwire_crypto::random::OsRandom;

    // TU-24
    #[test]
    fn both_sides_nonces_are_known() {
        let mut nonces = Nonces::new(&OsRandom).unwrap();
        let ours: Vec<_> = (0..300).map(|_| nonces.next().unwrap()).collect();
        let distinct: HashSet<_> = ours.iter().collect();
        assert_eq!(distinct.len(), ours.len());
        assert!(ours.iter().all(|nonce| nonces.check(nonce) == Err(Seen::Ours)));
        let theirs = [7; NONCE_LEN];
        assert_eq!(nonces.check(&theirs), Ok(()));
        nonces.remember(theirs);
        assert_eq!(nonces.check(&theirs), Err(Seen::Repeated));
        assert_eq!(nonces.count(), 301);
    }

    // TU-06: two connections have nothing in common.
    #[test]
    fn nonces_of_two_connections_differ() {
        let first = || Nonces::new(&OsRandom).unwrap().next().unwrap();
        assert_ne!(first(), first());
    }
}
