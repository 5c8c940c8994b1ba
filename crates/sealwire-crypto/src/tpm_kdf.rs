//! The key derivation functions of TPM 2.0 (part 1, section 11.4.10), with SHA-256.

use crate::{digest::sha256, mac::hmac_sha256};
use zeroize::{Zeroize as _, Zeroizing};

/// KDFa: SP 800-108 in counter mode with HMAC-SHA-256, for up to 32 bytes.
///
/// `label` is without its final zero byte, which the function adds.
#[must_use]
pub fn kdfa_sha256<const N: usize>(
    key: &[u8],
    label: &[u8],
    context_u: &[u8],
    context_v: &[u8],
) -> Zeroizing<[u8; N]> {
    let counter = 1u32.to_be_bytes();
    first(hmac_sha256(key, &[&counter, label, &[0], context_u, context_v, &bits::<N>()]))
}

/// KDFe: the one-step function of SP 800-56A with SHA-256, for up to 32 bytes.
///
/// `z` is the x coordinate that was agreed on, `party_u` and `party_v` those of the two public keys. `label` is without
/// its final zero byte, which the function adds.
#[must_use]
pub fn kdfe_sha256<const N: usize>(
    z: &[u8],
    label: &[u8],
    party_u: &[u8],
    party_v: &[u8],
) -> Zeroizing<[u8; N]> {
    let counter = 1u32.to_be_bytes();
    first(sha256(&[&counter, z, label, &[0], party_u, party_v]))
}

fn bits<const N: usize>() -> [u8; 4] {
    const { assert!(N > 0 && N <= 32) };
    // At most 256.
    (N as u32 * 8).to_be_bytes()
}

/// The first bytes of the one block that is needed.
fn first<const N: usize>(mut block: [u8; 32]) -> Zeroizing<[u8; N]> {
    const { assert!(N > 0 && N <= 32) };
    let mut out = Zeroizing::new([0; N]);
    for (out, byte) in out.iter_mut().zip(block) {
        *out = byte;
    }
    block.zeroize();
    out
}
