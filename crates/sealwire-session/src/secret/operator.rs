//! Operators, who have no enclave, sign what they write (SE-20 (e)).

use super::Name;
use crate::{
    Error,
    request::{from_field, to_field},
};
use sealwire_attest::cbor;
use sealwire_crypto::{
    digest::sha384,
    sign::ed25519::{self, SigningKey},
};

/// The field that carries key and signature.
pub const FIELD: &str = "attest-operator";
/// Separates what an operator signs here from anything else that its key might sign.
const CONTEXT: &str = "sealwire/1 secret";

/// What is done to a name. It is signed with the instance, so that no other can be made to repeat it.
#[derive(Clone, Copy)]
pub struct Write<'a> {
    /// the instance, as its key document has it
    pub instance: &'a [u8; 16],
    /// the name
    pub name: &'a Name,
    /// the version that is replaced or deleted; 0 where there is none yet
    pub version: u64,
    /// the secret; `None` where it is deleted
    pub secret: Option<&'a [u8]>,
}

/// Whose signature a write carries. It says nothing before it is verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OperatorWrite {
    /// Ed25519 public key
    pub key: [u8; 32],
    signature: [u8; 64],
}

impl OperatorWrite {
    /// Signs a write.
    #[must_use]
    pub fn sign(key: &SigningKey, write: &Write<'_>) -> Self {
        Self { key: key.public_key(), signature: key.sign(&write.signed()) }
    }

    /// Verifies the signature under the key that is given with it. Whether that key may write is for a rule to say.
    ///
    /// # Errors
    /// [`Error::Signature`]
    pub fn verify(&self, write: &Write<'_>) -> Result<(), Error> {
        ed25519::verify(&self.key, &write.signed(), &self.signature).map_err(|_| Error::Signature)
    }

    /// The field's value.
    #[must_use]
    pub fn to_field(&self) -> String {
        to_field(&[&self.key[..], &self.signature].concat())
    }

    /// Reads the field's value.
    ///
    /// # Errors
    /// [`Error::Field`]
    pub fn from_field(value: &[u8]) -> Result<Self, Error> {
        let bytes = from_field::<96>(value)?;
        let (key, signature) = bytes.split_first_chunk::<32>().ok_or(Error::Field)?;
        Ok(Self { key: *key, signature: signature.try_into().map_err(|_| Error::Field)? })
    }
}

impl Write<'_> {
    /// The array and its strings carry their lengths, so nothing runs into anything else.
    fn signed(&self) -> Vec<u8> {
        let operation = if self.secret.is_some() { "put" } else { "delete" };
        let digest = sha384(&[self.secret.unwrap_or_default()]);
        cbor::encode(|e| {
            e.array(6)?.str(CONTEXT)?.str(operation)?.bytes(self.instance)?;
            e.str(self.name.as_str())?.u64(self.version)?.bytes(&digest)?.ok()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sealwire_crypto::random::OsRandom;

    // SE-20 (e): instance, name, version, secret, and whether it is deleted, are all signed.
    #[test]
    fn a_signature_is_for_one_write() {
        let key = SigningKey::generate(&OsRandom).unwrap();
        let (name, other): (Name, Name) = ("db/a".parse().unwrap(), "db/b".parse().unwrap());
        let write = Write { instance: &[7; 16], name: &name, version: 3, secret: Some(b"s") };
        let signed = OperatorWrite::sign(&key, &write);
        assert_eq!(signed.key, key.public_key());
        signed.verify(&write).unwrap();
        for changed in [
            Write { instance: &[8; 16], ..write },
            Write { name: &other, ..write },
            Write { version: 4, ..write },
            Write { secret: Some(b"t"), ..write },
            Write { secret: Some(b""), ..write },
            Write { secret: None, ..write },
        ] {
            assert_eq!(signed.verify(&changed), Err(Error::Signature));
        }
        let of_another =
            OperatorWrite { key: SigningKey::generate(&OsRandom).unwrap().public_key(), ..signed };
        assert_eq!(of_another.verify(&write), Err(Error::Signature));
        // What is deleted has no bytes, and is no secret of none.
        let none = OperatorWrite::sign(&key, &Write { secret: None, ..write });
        assert_eq!(none.verify(&Write { secret: Some(b""), ..write }), Err(Error::Signature));
    }

    // SE-20 (e)
    #[test]
    fn the_field_has_one_form() {
        let key = SigningKey::generate(&OsRandom).unwrap();
        let name: Name = "a".parse().unwrap();
        let write = Write { instance: &[0; 16], name: &name, version: 0, secret: Some(b"s") };
        let signed = OperatorWrite::sign(&key, &write);
        let field = signed.to_field();
        assert_eq!(OperatorWrite::from_field(field.as_bytes()), Ok(signed));
        for bad in [
            "",
            "::",
            &field[1..],
            &field[..field.len() - 1],
            &format!("{field};a"),
            &field.to_lowercase()[..9],
        ] {
            assert_eq!(OperatorWrite::from_field(bad.as_bytes()), Err(Error::Field), "{bad}");
        }
    }
}
