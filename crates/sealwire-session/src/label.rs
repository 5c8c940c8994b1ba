//! Expand-Label (section 4).

use crate::Error;
use sealwire_crypto::{kdf::Prk, mac};

const PREFIX: &[u8] = b"sealwire/1 ";

/// What HKDF-Expand takes, in parts: `u16(n) || u8(len(l)) || l || u8(len(context)) || context`.
fn with_info<T>(
    label: &str,
    context: &[&[u8]],
    len: usize,
    run: impl FnOnce(&[&[u8]]) -> T,
) -> Result<T, Error> {
    let count = context.iter().fold(0_usize, |count, part| count.saturating_add(part.len()));
    let too_long = |_| Error::Crypto(sealwire_crypto::Error::Limit);
    let len = u16::try_from(len).map_err(too_long)?.to_be_bytes();
    let label_len = [u8::try_from(PREFIX.len().saturating_add(label.len())).map_err(too_long)?];
    let context_len = [u8::try_from(count).map_err(too_long)?];
    let mut info: [&[u8]; 8] = [&len, &label_len, PREFIX, label.as_bytes(), &context_len, &[], &[], &[]];
    // No context here has more than three parts; what is beyond would be left out, so it is refused.
    let rooms = info.get_mut(5..).unwrap_or_default();
    if context.len() > rooms.len() {
        return Err(Error::Crypto(sealwire_crypto::Error::Limit));
    }
    for (room, part) in rooms.iter_mut().zip(context) {
        *room = part;
    }
    Ok(run(&info))
}

/// Expand-Label into the whole of `out`; `context` is the parts, joined: at most three, 255 bytes in all.
pub(crate) fn expand(secret: &Prk, label: &str, context: &[&[u8]], out: &mut [u8]) -> Result<(), Error> {
    let len = out.len();
    with_info(label, context, len, |info| secret.expand(info, out))??;
    #[cfg(test)]
    observed::record(label, out);
    Ok(())
}

/// The same under a key that is kept ready: the one block of HKDF-Expand that `out` needs, which is an HMAC (RFC 5869
/// section 2.3).
pub(crate) fn block(key: &mac::Key, label: &str, context: &[&[u8]], out: &mut [u8]) -> Result<(), Error> {
    let tag = with_info(label, context, out.len(), |info| {
        let mut parts: [&[u8]; 9] = [&[1]; 9];
        parts.iter_mut().zip(info).for_each(|(room, part)| *room = part);
        key.sign(&parts)
    })?;
    let tag = tag.as_bytes().get(..out.len()).ok_or(sealwire_crypto::Error::Limit)?;
    out.copy_from_slice(tag);
    #[cfg(test)]
    observed::record(label, out);
    Ok(())
}

/// Derive: Expand-Label into the next secret.
pub(crate) fn derive(secret: &Prk, label: &str, context: &[&[u8]]) -> Result<Prk, Error> {
    let len = secret.kdf().hash_len();
    #[cfg(test)]
    {
        let mut out = vec![0; len];
        with_info(label, context, len, |info| secret.expand(info, &mut out))??;
        observed::record(label, &out);
    }
    Ok(with_info(label, context, len, |info| secret.derive(info))??)
}

/// What was derived on this thread, for tests that no two keys are the same (SE-70, SE-71).
#[cfg(test)]
pub(crate) mod observed {
    use std::{cell::RefCell, mem};

    thread_local! {
        static DERIVED: RefCell<Vec<(String, Vec<u8>)>> = const { RefCell::new(Vec::new()) };
    }

    pub(crate) fn record(label: &str, output: &[u8]) {
        DERIVED.with_borrow_mut(|derived| derived.push((label.to_owned(), output.to_vec())));
    }

    /// Label and output of each derivation since the last call.
    pub(crate) fn take() -> Vec<(String, Vec<u8>)> {
        DERIVED.with_borrow_mut(mem::take)
    }
}
