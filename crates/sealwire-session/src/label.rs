//! Expand-Label (section 4).

use crate::Error;
use sealwire_crypto::kdf::Prk;

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
    Ok(with_info(label, context, len, |info| secret.expand(info, out))??)
}

/// Derive: Expand-Label into the next secret.
pub(crate) fn derive(secret: &Prk, label: &str, context: &[&[u8]]) -> Result<Prk, Error> {
    let len = secret.kdf().hash_len();
    Ok(with_info(label, context, len, |info| secret.derive(info))??)
}
