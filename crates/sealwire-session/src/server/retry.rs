//! Retry tokens (SE-13, section 5.2): a MAC instead of a memory.

use crate::Error;
use sealwire_crypto::{
    digest::{Hash, constant_time_eq, sha384},
    mac,
    random::{self, Random},
};
use zeroize::Zeroizing;

const LABEL: &[u8] = b"sealwire/1 retry";

/// What tokens are made with.
pub(super) struct TokenKey(mac::Key);

/// A token that holds: what says that it is used up.
pub(super) struct Used {
    pub(super) nonce: [u8; 16],
    pub(super) expires: u64,
}

impl TokenKey {
    pub(super) fn generate(random: &dyn Random) -> Result<Self, Error> {
        let key = Zeroizing::new(random::array::<32>(random)?);
        Ok(Self(mac::Key::new(Hash::Sha256, key.as_slice())))
    }

    /// `expiry u64 || nonce[16] || MAC[32]`
    pub(super) fn token(
        &self,
        hello: &[u8],
        group: Option<u16>,
        expires: u64,
        random: &dyn Random,
    ) -> Result<Vec<u8>, Error> {
        let nonce = random::array::<16>(random)?;
        let mac = self.mac(hello, group, expires, &nonce);
        Ok([&expires.to_be_bytes()[..], &nonce, &mac].concat())
    }

    /// Checks a token that comes back with the hello that it was made for.
    pub(super) fn check(
        &self,
        token: &[u8],
        hello: &[u8],
        group: Option<u16>,
        now: u64,
    ) -> Result<Used, Error> {
        let (expires, rest) = token.split_first_chunk::<8>().ok_or(Error::Token)?;
        let (nonce, mac) = rest.split_first_chunk::<16>().ok_or(Error::Token)?;
        let expires = u64::from_be_bytes(*expires);
        let ours = self.mac(hello, group, expires, nonce);
        if !constant_time_eq(&ours, mac) || expires <= now {
            return Err(Error::Token);
        }
        Ok(Used { nonce: *nonce, expires })
    }

    fn mac(&self, hello: &[u8], group: Option<u16>, expires: u64, nonce: &[u8; 16]) -> [u8; 32] {
        let group = group.unwrap_or_default().to_be_bytes();
        self.0.sign_truncated(&[LABEL, &expires.to_be_bytes(), nonce, &group, &sha384(&[hello])])
    }
}
