use base64ct::{Base64UrlUnpadded, Encoding as _};
use sealwire_crypto::bls::{SCALAR_LEN, Scalar};
use zeroize::Zeroizing;

use super::Error;

/// `u8 index || f(index)`
const LEN: usize = 1 + SCALAR_LEN;
/// Length of the base64url text of [`LEN`] bytes.
const TEXT_LEN: usize = LEN.div_ceil(3) * 4;

/// One holder's share of a key. As secret as the key, since shares add up; wiped on drop.
pub struct Share {
    index: u8,
    value: Scalar,
}

impl Share {
    pub(super) fn new(index: u8, value: Scalar) -> Self {
        Self { index, value }
    }

    /// Parses the text of EN-70.
    ///
    /// # Errors
    /// [`Error::Length`], [`Error::IndexZero`], [`Error::Value`]
    pub fn from_text(text: &str) -> Result<Self, Error> {
        // In constant time, unlike the base64url of public values.
        let mut bytes = Zeroizing::new([0; LEN]);
        if text.len() != TEXT_LEN {
            return Err(Error::Length);
        }
        Base64UrlUnpadded::decode(text, bytes.as_mut_slice()).map_err(|_| Error::Length)?;
        let [index, value @ ..] = &*bytes;
        if *index == 0 {
            return Err(Error::IndexZero);
        }
        Ok(Self { index: *index, value: Scalar::from_bytes(value).map_err(|_| Error::Value)? })
    }

    /// The text of EN-70.
    #[must_use]
    pub fn to_text(&self) -> Zeroizing<String> {
        let mut bytes = Zeroizing::new([0; LEN]);
        if let Some((index, value)) = bytes.split_first_mut() {
            *index = self.index;
            value.copy_from_slice(self.value.to_bytes().as_slice());
        }
        Zeroizing::new(Base64UrlUnpadded::encode_string(bytes.as_slice()))
    }

    /// Which share this is: 1 to 255, public.
    #[must_use]
    pub fn index(&self) -> u8 {
        self.index
    }

    pub(super) fn value(&self) -> &Scalar {
        &self.value
    }
}

impl std::fmt::Debug for Share {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Share").field("index", &self.index).finish_non_exhaustive()
    }
}
