use crate::{
    Dropped,
    binding::{DIGEST_LEN, OURS},
    cbor::{Reader, Value, Writer},
};
use sealwire_attest::UnixTime;
use sealwire_crypto::random::{self, Random};

/// `verifier_data`: what a verifier gave the server to have it bound, by the server's word (TU-16). Its signature is not
/// checked, here as little as by the peer: the quote covers `val` and `iat`, and nothing rests on who made them (TU-17).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifierData {
    /// a nonce
    pub val: Vec<u8>,
    /// when it was made, as text
    pub iat: Vec<u8>,
    /// the verifier's signature over both
    pub signature: Option<Vec<u8>>,
}

impl VerifierData {
    /// Those of a Sealwire gateway, which asks no verifier: `val` has the digest of its configuration (AT-44), so that the
    /// quote covers it, and random bytes.
    ///
    /// # Errors
    /// No randomness.
    pub fn of_gateway(
        config_digest: &[u8; DIGEST_LEN],
        now: UnixTime,
        random: &dyn Random,
    ) -> Result<Self, sealwire_crypto::Error> {
        let fresh = random::array::<16>(random)?;
        let val = [OURS, config_digest, &fresh].concat();
        Ok(Self { val, iat: now.to_string().into_bytes(), signature: None })
    }

    /// The digest of the configuration, if a Sealwire gateway made them.
    #[must_use]
    pub fn config_digest(&self) -> Option<[u8; DIGEST_LEN]> {
        let rest = self.val.strip_prefix(OURS)?;
        let (digest, fresh) = rest.split_first_chunk()?;
        (fresh.len() == 16).then_some(*digest)
    }

    /// Whether a Sealwire gateway made them, wherever the border between `val` and `iat` has come to be since.
    pub(crate) fn is_of_gateway(&self) -> bool {
        self.val.iter().chain(&self.iat).take(OURS.len()).eq(OURS)
    }

    /// When `iat` says that they were made: RFC 3339, or as Intel Trust Authority writes it
    /// (`2025-09-11 21:55:22 +0000 UTC`).
    #[must_use]
    pub fn issued_at(&self) -> Option<UnixTime> {
        let text = std::str::from_utf8(&self.iat).ok()?;
        let text = match text.strip_suffix(" +0000 UTC") {
            Some(civil) => format!("{}Z", civil.replacen(' ', "T", 1)),
            None => text.to_owned(),
        };
        UnixTime::from_rfc3339(&text).ok()
    }

    pub(super) fn decode(cbor: &[u8]) -> Result<Self, Dropped> {
        let (mut val, mut iat, mut signature) = (None, None, None);
        let mut reader = Reader::new(cbor);
        reader.map(|key, reader| {
            let field = match key {
                "val" => &mut val,
                "iat" => &mut iat,
                "signature" => &mut signature,
                _ => return Ok(false),
            };
            *field = match reader.value()? {
                Value::Bytes(bytes) => Some(bytes.to_vec()),
                Value::Absent => None,
                Value::Text(_) => return Err(Dropped::Field("verifier_data")),
            };
            Ok::<_, Dropped>(true)
        })?;
        reader.finish()?;
        match (val, iat) {
            (Some(val), Some(iat)) => Ok(Self { val, iat, signature }),
            _ => Err(Dropped::Field("verifier_data")),
        }
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        let Self { val, iat, signature } = self;
        let mut writer = Writer::behind(0, 256);
        writer.map(if signature.is_some() { 3 } else { 2 });
        for (name, bytes) in [("val", Some(val)), ("iat", Some(iat)), ("signature", signature.as_ref())] {
            if let Some(bytes) = bytes {
                writer.text(name);
                writer.bytes(bytes);
            }
        }
        writer.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sealwire_crypto::random::OsRandom;

    fn data(iat: &str) -> VerifierData {
        VerifierData { val: b"x".to_vec(), iat: iat.as_bytes().to_vec(), signature: None }
    }

    // TU-37: the time is read in both forms; another is none.
    #[test]
    fn times_are_read() {
        let at = UnixTime(1_757_627_722);
        for iat in
            ["2025-09-11 21:55:22 +0000 UTC", "2025-09-11T21:55:22Z", "2025-09-11 21:55:22.5 +0000 UTC"]
        {
            assert_eq!(data(iat).issued_at(), Some(at), "{iat}");
        }
        for iat in ["", "yesterday", "2025-09-11 21:55:22", "1757627722", "\u{0}"] {
            assert_eq!(data(iat).issued_at(), None, "{iat}");
        }
    }

    // AT-44 on this wire: the digest is under the quote, and only in the form of our own.
    #[test]
    fn a_gateways_data_carry_the_digest_of_its_configuration() {
        let digest = [7; DIGEST_LEN];
        let ours = VerifierData::of_gateway(&digest, UnixTime(1_757_627_722), &OsRandom).unwrap();
        assert_eq!(ours.config_digest(), Some(digest));
        assert_eq!(ours.issued_at(), Some(UnixTime(1_757_627_722)));
        assert_eq!(VerifierData::decode(&ours.encode()), Ok(ours.clone()));
        let mut longer = ours.clone();
        longer.val.push(0);
        assert_eq!(longer.config_digest(), None);
        assert_eq!(data("").config_digest(), None);
        let again = VerifierData::of_gateway(&digest, UnixTime(0), &OsRandom).unwrap();
        assert_ne!(ours.val, again.val);
    }
}
