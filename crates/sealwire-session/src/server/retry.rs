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
pub(super) struct TokenKey {
    instance: [u8; 16],
    key: mac::Key,
}

/// A token that holds: what says that it is used up.
pub(super) struct Used {
    pub(super) nonce: [u8; 16],
    pub(super) expires: u64,
}

impl TokenKey {
    pub(super) fn generate(instance: [u8; 16], random: &dyn Random) -> Result<Self, Error> {
        let key = Zeroizing::new(random::array::<32>(random)?);
        Ok(Self { instance, key: mac::Key::new(Hash::Sha256, key.as_slice()) })
    }

    /// `instance[16] || expiry u64 || nonce[16] || MAC[32]`: whoever stands between replicas takes it back to this one
    /// (SE-44)
    pub(super) fn token(
        &self,
        hello: &[u8],
        group: Option<u16>,
        expires: u64,
        random: &dyn Random,
    ) -> Result<Vec<u8>, Error> {
        let nonce = random::array::<16>(random)?;
        let mac = self.mac(hello, group, expires, &nonce);
        Ok([&self.instance[..], &expires.to_be_bytes(), &nonce, &mac].concat())
    }

    /// Checks a token that comes back with the hello that it was made for.
    pub(super) fn check(
        &self,
        token: &[u8],
        hello: &[u8],
        group: Option<u16>,
        now: u64,
    ) -> Result<Used, Error> {
        let token = token.strip_prefix(&self.instance).ok_or(Error::Token)?;
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
        self.key.sign_truncated(&[LABEL, &expires.to_be_bytes(), nonce, &group, &sha384(&[hello])])
    }
}
