//! LabeledExtract and LabeledExpand (RFC 9180 section 4), fed in parts so that nothing is joined in memory.

use crate::{
    Error,
    kdf::{Hkdf, Prk},
};

const VERSION: &[u8] = b"HPKE-v1";

/// LabeledExtract to a key.
pub(crate) fn extract(kdf: Hkdf, suite_id: &[u8], salt: &[u8], label: &[u8], ikm: &[u8]) -> Prk {
    kdf.extract(salt, &[VERSION, suite_id, label, ikm])
}

/// LabeledExtract with no salt, to bytes: a hash.
pub(crate) fn hash(kdf: Hkdf, suite_id: &[u8], label: &[u8], ikm: &[u8]) -> impl AsRef<[u8]> + use<> {
    kdf.extract_bytes(&[], &[VERSION, suite_id, label, ikm])
}

/// LabeledExpand into the whole of `out`; `info` is the three parts, joined.
pub(crate) fn expand(
    prk: &Prk,
    suite_id: &[u8],
    label: &[u8],
    [a, b, c]: [&[u8]; 3],
    out: &mut [u8],
) -> Result<(), Error> {
    let length = u16::try_from(out.len()).map_err(|_| Error::Limit)?.to_be_bytes();
    prk.expand(&[&length, VERSION, suite_id, label, a, b, c], out)
}
