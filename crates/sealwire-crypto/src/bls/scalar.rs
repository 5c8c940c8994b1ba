//! The field of scalars, for polynomials over secret keys.

use bls12_381::Scalar as Backend;
use zeroize::{Zeroize as _, ZeroizeOnDrop, Zeroizing};

use crate::{
    Error,
    random::{self, Random},
};

/// Length of a scalar in bytes.
pub const SCALAR_LEN: usize = 32;

/// An integer modulo the order of the groups (a prime of 255 bits). All arithmetic takes the same time for all values.
/// Wiped on drop.
#[derive(Clone)]
pub struct Scalar(Backend);

impl Scalar {
    /// A small number.
    #[must_use]
    pub fn from_u8(value: u8) -> Self {
        Self(Backend::from(u64::from(value)))
    }

    /// A uniform one: 64 bytes of `random`, reduced.
    ///
    /// # Errors
    /// [`Error::Random`]
    pub fn random(random: &dyn Random) -> Result<Self, Error> {
        let wide = Zeroizing::new(random::array::<64>(random)?);
        Ok(Self(Backend::from_bytes_wide(&wide)))
    }

    /// Parses [`SCALAR_LEN`] bytes, big-endian.
    ///
    /// # Errors
    /// [`Error::Key`] on another length, or a number that is not below the order.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        let mut little_endian = Zeroizing::new([0; SCALAR_LEN]);
        if bytes.len() != SCALAR_LEN {
            return Err(Error::Key);
        }
        for (to, from) in little_endian.iter_mut().zip(bytes.iter().rev()) {
            *to = *from;
        }
        Option::from(Backend::from_bytes(&little_endian)).map(Self).ok_or(Error::Key)
    }

    /// The number, big-endian.
    #[must_use]
    pub fn to_bytes(&self) -> Zeroizing<[u8; SCALAR_LEN]> {
        let mut bytes = Zeroizing::new(self.0.to_bytes());
        bytes.reverse();
        bytes
    }

    /// The sum.
    #[must_use]
    pub fn add(&self, other: &Self) -> Self {
        Self(self.0.add(&other.0))
    }

    /// The difference.
    #[must_use]
    pub fn sub(&self, other: &Self) -> Self {
        Self(self.0.sub(&other.0))
    }

    /// The product.
    #[must_use]
    pub fn mul(&self, other: &Self) -> Self {
        Self(self.0.mul(&other.0))
    }

    /// The inverse.
    ///
    /// # Errors
    /// [`Error::Key`]: zero has none.
    pub fn invert(&self) -> Result<Self, Error> {
        Option::from(self.0.invert()).map(Self).ok_or(Error::Key)
    }
}

impl Drop for Scalar {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl ZeroizeOnDrop for Scalar {}
