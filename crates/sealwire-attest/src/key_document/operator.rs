//! The operator's statement (AT-44).
//!
//! Hardware proves the code, not who runs it: a host can start the genuine image with its own upstream and claim
//! any name. An operator therefore signs, away from the machines, which names a configuration may serve on which
//! measurement; the document carries the statement, and a client's policy pins the operator's key.

use super::{Error, authority, codec};
use crate::cbor::{self, Fields, Reader};
use der::{
    SecretDocument,
    pem::{self, LineEnding},
    zeroize::Zeroizing,
};
use sealwire_crypto::sign::ed25519::{self, SigningKey};

/// Label of a statement in PEM.
pub const PEM_LABEL: &str = "SEALWIRE OPERATOR STATEMENT";
/// Label of a PKCS#8 private key in PEM (RFC 7468 section 10).
const KEY_LABEL: &str = "PRIVATE KEY";
/// Separates what an operator signs here from anything else that its key might sign.
const CONTEXT: &str = "sealwire/1 operator statement";
/// Longest measurement in bytes.
const MAX_MEASUREMENT: usize = 64;
/// Longest statement in PEM; more than any that is within the limits.
const MAX_PEM: usize = 64 * 1024;

/// Who runs the genuine code: a signature over authorities, configuration digest and measurement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OperatorStatement {
    /// Ed25519 public key
    pub key: [u8; 32],
    /// what was signed: authorities, in their normal form and in ascending order
    pub authorities: Vec<String>,
    /// what was signed: configuration digest
    pub config_digest: [u8; 48],
    /// what was signed: the measurement, as [`crate::Claims::measurement`] has it
    pub measurement: Vec<u8>,
    /// Ed25519 signature
    pub signature: [u8; 64],
}

impl OperatorStatement {
    /// Signs a statement. The order of `authorities` and the case of their hosts do not matter.
    ///
    /// # Errors
    /// When the authorities or the measurement are not what a document can hold.
    pub fn sign(
        key: &SigningKey,
        authorities: &[String],
        config_digest: [u8; 48],
        measurement: &[u8],
    ) -> Result<Self, Error> {
        let normal = authorities.iter().map(|name| authority::normalise(name, authority::DEFAULT_PORT));
        let mut authorities = normal.collect::<Result<Vec<_>, _>>()?;
        authorities.sort_unstable();
        let mut statement = Self {
            key: key.public_key(),
            authorities,
            config_digest,
            measurement: measurement.to_vec(),
            signature: [0; 64],
        };
        statement.validate()?;
        statement.signature = key.sign(&statement.signed_bytes());
        Ok(statement)
    }

    /// Verifies the signature under the key that the statement carries. Whether that key is trusted is the policy's
    /// to say.
    ///
    /// # Errors
    /// [`Error::OperatorSignature`]
    pub fn verify(&self) -> Result<(), Error> {
        ed25519::verify(&self.key, &self.signed_bytes(), &self.signature)
            .map_err(|_| Error::OperatorSignature)
    }

    /// The statement in PEM, as an operator hands it to a gateway.
    #[must_use]
    pub fn to_pem(&self) -> String {
        let bytes = cbor::encode(|e| self.write(e));
        // The label is a constant of the right form and the output is sized by the encoder.
        pem::encode_string(PEM_LABEL, LineEnding::LF, &bytes).unwrap_or_default()
    }

    /// Parses PEM. The signature is not verified here.
    ///
    /// # Errors
    /// [`Error::Pem`], and what is wrong with the statement inside.
    pub fn from_pem(text: &str) -> Result<Self, Error> {
        if text.len() > MAX_PEM {
            return Err(Error::Bounds);
        }
        let (label, bytes) = pem::decode_vec(text.trim().as_bytes()).map_err(|_| Error::Pem)?;
        if label != PEM_LABEL {
            return Err(Error::Pem);
        }
        let mut reader = Reader::new(&bytes);
        let statement = Self::read(&mut reader)?;
        reader.finish()?;
        statement.validate()?;
        Ok(statement)
    }

    /// What is signed. The array and its strings carry their lengths, so nothing runs into anything else.
    fn signed_bytes(&self) -> Vec<u8> {
        cbor::encode(|e| {
            e.array(4)?.str(CONTEXT)?;
            codec::write_texts(e, &self.authorities)?;
            e.bytes(&self.config_digest)?.bytes(&self.measurement)?.ok()
        })
    }

    pub(super) fn write(&self, e: &mut codec::Writer) -> cbor::Written {
        e.map(5)?.u8(0)?.bytes(&self.key)?.u8(1)?;
        codec::write_texts(e, &self.authorities)?;
        e.u8(2)?.bytes(&self.config_digest)?.u8(3)?.bytes(&self.measurement)?;
        e.u8(4)?.bytes(&self.signature)?.ok()
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, Error> {
        let mut fields: Fields = reader.fields()?;
        fields.required(reader, 0)?;
        let key = reader.fixed()?;
        fields.required(reader, 1)?;
        let authorities = codec::read_texts(reader, codec::MAX_AUTHORITIES)?;
        fields.required(reader, 2)?;
        let config_digest = reader.fixed()?;
        fields.required(reader, 3)?;
        let measurement = reader.bytes(MAX_MEASUREMENT)?.to_vec();
        fields.required(reader, 4)?;
        let signature = reader.fixed()?;
        fields.finish(reader)?;
        Ok(Self { key, authorities, config_digest, measurement, signature })
    }

    /// One set of names has one encoding, so that a statement can be compared and its bytes made again.
    pub(super) fn validate(&self) -> Result<(), Error> {
        codec::check_authorities(&self.authorities)?;
        let ascending = self.authorities.is_sorted_by(|a, b| a < b);
        let measured = (1..=MAX_MEASUREMENT).contains(&self.measurement.len());
        if ascending && measured { Ok(()) } else { Err(Error::Statement) }
    }
}

/// Parses an operator's private key: Ed25519 in PKCS#8, in PEM.
///
/// # Errors
/// [`Error::Pem`], [`Error::OperatorKey`]
pub fn signing_key_from_pem(text: &str) -> Result<SigningKey, Error> {
    let (label, document) = SecretDocument::from_pem(text.trim()).map_err(|_| Error::Pem)?;
    if label != KEY_LABEL {
        return Err(Error::Pem);
    }
    SigningKey::from_pkcs8(document.as_bytes()).map_err(|_| Error::OperatorKey)
}

/// An operator's private key in the form that [`signing_key_from_pem`] parses. Wiped on drop.
///
/// # Errors
/// [`Error::OperatorKey`] when the key cannot be exported.
pub fn signing_key_to_pem(key: &SigningKey) -> Result<Zeroizing<String>, Error> {
    let der = key.to_pkcs8().map_err(|_| Error::OperatorKey)?;
    let document = SecretDocument::try_from(der.as_slice()).map_err(|_| Error::OperatorKey)?;
    document.to_pem(KEY_LABEL, LineEnding::LF).map_err(|_| Error::OperatorKey)
}

#[cfg(test)]
mod tests {
    use super::*;
    use sealwire_crypto::random::OsRandom;

    fn key() -> SigningKey {
        SigningKey::generate(&OsRandom).unwrap()
    }

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(ToString::to_string).collect()
    }

    // AT-44
    #[test]
    fn signs_and_verifies() {
        let key = key();
        let statement =
            OperatorStatement::sign(&key, &names(&["b.example:443", "A.example"]), [7; 48], &[9; 48])
                .unwrap();
        assert_eq!(statement.authorities, names(&["a.example", "b.example"]));
        assert_eq!(statement.key, key.public_key());
        assert_eq!(statement.verify(), Ok(()));
        assert_eq!(OperatorStatement::from_pem(&statement.to_pem()), Ok(statement.clone()));

        let forged = [
            OperatorStatement { authorities: names(&["a.example"]), ..statement.clone() },
            OperatorStatement { config_digest: [8; 48], ..statement.clone() },
            OperatorStatement { measurement: vec![8; 48], ..statement.clone() },
            OperatorStatement { measurement: vec![9; 47], ..statement.clone() },
            OperatorStatement { key: self::key().public_key(), ..statement.clone() },
        ];
        for forged in forged {
            assert_eq!(forged.verify(), Err(Error::OperatorSignature));
        }
    }

    #[test]
    fn refuses_what_a_document_cannot_hold() {
        let key = key();
        let sign = |authorities: &[&str], measurement: &[u8]| {
            OperatorStatement::sign(&key, &names(authorities), [7; 48], measurement)
        };
        assert_eq!(sign(&[], &[9; 48]), Err(Error::Authorities));
        assert_eq!(sign(&["a", "A:443"], &[9; 48]), Err(Error::Authorities));
        assert_eq!(sign(&["a/"], &[9; 48]), Err(Error::Authority));
        assert_eq!(sign(&["a"], &[]), Err(Error::Statement));
        assert_eq!(sign(&["a"], &[9; 65]), Err(Error::Statement));
    }

    #[test]
    fn reads_only_its_own_pem() {
        let statement = OperatorStatement::sign(&key(), &names(&["a", "b"]), [7; 48], &[9; 48]).unwrap();
        let pem = statement.to_pem();
        assert!(pem.starts_with("-----BEGIN SEALWIRE OPERATOR STATEMENT-----\n"), "{pem}");
        let other = pem.replace("OPERATOR STATEMENT", "OPERATOR STATEMENTS");
        assert_eq!(OperatorStatement::from_pem(&other), Err(Error::Pem));
        assert_eq!(OperatorStatement::from_pem(""), Err(Error::Pem));
        assert_eq!(OperatorStatement::from_pem(&" ".repeat(MAX_PEM + 1)), Err(Error::Bounds));

        let armour = |bytes: &[u8]| pem::encode_string(PEM_LABEL, LineEnding::LF, bytes).unwrap();
        let mut bytes = cbor::encode(|e| statement.write(e));
        bytes.push(0);
        assert_eq!(OperatorStatement::from_pem(&armour(&bytes)), Err(Error::Trailing));
        let unsorted = OperatorStatement { authorities: names(&["b", "a"]), ..statement };
        let bytes = cbor::encode(|e| unsorted.write(e));
        assert_eq!(OperatorStatement::from_pem(&armour(&bytes)), Err(Error::Statement));
    }

    #[test]
    fn reads_operator_keys() {
        let key = key();
        let pem = signing_key_to_pem(&key).unwrap();
        assert_eq!(signing_key_from_pem(&pem).unwrap().public_key(), key.public_key());
        let other = pem.replace("PRIVATE", "PUBLIC");
        assert_eq!(signing_key_from_pem(&other).err(), Some(Error::Pem));
        let short = pem::encode_string(KEY_LABEL, LineEnding::LF, &[0x30, 0]).unwrap();
        assert_eq!(signing_key_from_pem(&short).err(), Some(Error::OperatorKey));
    }
}
