//! Splitting of a threshold key among holders of shares (EN-70, SP-51): any m of n shares give the key back, fewer tell
//! nothing about it.
//!
//! The shares are values of a polynomial over the scalars of BLS12-381 whose value at 0 is the key. Nothing here takes
//! longer for one secret than for another; indexes are public.

mod share;

use std::collections::BTreeSet;

use sealwire_crypto::{
    bls::{PublicKey, Scalar, SecretKey},
    random::Random,
};

pub use share::Share;

/// Why a key was not split, or shares gave none (SP-51).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// EN-70: not 2 <= m <= n <= 255.
    #[error(
        "the threshold has to be at least 2 and at most the number of shares, of which there are at most 255"
    )]
    Threshold,
    /// SP-51: not base64url of 33 bytes.
    #[error("a share is base64url of 33 bytes")]
    Length,
    /// SP-51: index 0 is the secret itself.
    #[error("a share with index 0")]
    IndexZero,
    /// SP-51: a value that is not below the order.
    #[error("the value of a share is not below the order of the group")]
    Value,
    /// SP-51: two shares with one index.
    #[error("two shares have the same index")]
    DuplicateIndex,
    /// EN-70: fewer than m shares.
    #[error("not enough shares")]
    TooFew,
    /// SP-51: what the shares give is not the key that belongs to the public key.
    #[error("the shares do not give the key: one is wrong, or the threshold is higher")]
    OtherKey,
    /// The operating system gave no randomness.
    #[error("no randomness")]
    Random,
}

/// Splits a key into `n` shares with the indexes 1 to n, of which any `m` give it back. The coefficients are 64 bytes of
/// `random` each, from the lowest.
///
/// # Errors
/// [`Error::Threshold`], [`Error::Random`]
pub fn split(key: &SecretKey, m: u8, n: u8, random: &dyn Random) -> Result<Vec<Share>, Error> {
    if m < 2 || m > n {
        return Err(Error::Threshold);
    }
    let secret = Scalar::from_bytes(key.to_bytes().as_slice()).map_err(|_| Error::Value)?;
    let coefficients =
        (1..m).map(|_| Scalar::random(random)).collect::<Result<Vec<_>, _>>().map_err(|_| Error::Random)?;
    Ok((1..=n).map(|index| Share::new(index, evaluate(&secret, &coefficients, index))).collect())
}

/// The key that the first `m` shares give, which has to be the one that `expected` belongs to.
///
/// # Errors
/// [`Error::Threshold`], [`Error::TooFew`], [`Error::DuplicateIndex`], [`Error::OtherKey`]
pub fn combine(shares: &[Share], m: u8, expected: &PublicKey) -> Result<SecretKey, Error> {
    if m < 2 {
        return Err(Error::Threshold);
    }
    let mut indexes = BTreeSet::new();
    if !shares.iter().all(|share| indexes.insert(share.index())) {
        return Err(Error::DuplicateIndex);
    }
    let shares = shares.get(..usize::from(m)).ok_or(Error::TooFew)?;
    let mut secret = Scalar::from_u8(0);
    for share in shares {
        secret = secret.add(&share.value().mul(&weight(share, shares)?));
    }
    // Zero is no key, so it is not the expected one either.
    let key = SecretKey::from_bytes(secret.to_bytes().as_slice()).map_err(|_| Error::OtherKey)?;
    if key.public_key() == *expected { Ok(key) } else { Err(Error::OtherKey) }
}

/// The value of the polynomial at `index` (Horner).
fn evaluate(secret: &Scalar, coefficients: &[Scalar], index: u8) -> Scalar {
    let x = Scalar::from_u8(index);
    let above =
        coefficients.iter().rev().fold(Scalar::from_u8(0), |sum, coefficient| sum.add(coefficient).mul(&x));
    above.add(secret)
}

/// The Lagrange basis polynomial of `share` among `shares`, at 0: the product of x_j / (x_j - x_i) over the others.
fn weight(share: &Share, shares: &[Share]) -> Result<Scalar, Error> {
    let own = Scalar::from_u8(share.index());
    let mut numerator = Scalar::from_u8(1);
    let mut denominator = Scalar::from_u8(1);
    for other in shares.iter().filter(|other| other.index() != share.index()) {
        let x = Scalar::from_u8(other.index());
        numerator = numerator.mul(&x);
        denominator = denominator.mul(&x.sub(&own));
    }
    // No factor is zero, since indexes are distinct and below the order.
    Ok(numerator.mul(&denominator.invert().map_err(|_| Error::DuplicateIndex)?))
}
