//! What evidence is bound to (AT-04).

use crate::{Kind, PROTOCOL, cbor};
use sealwire_crypto::digest::{sha384, sha512};

/// The `usage` of evidence over a key document.
pub const KEY_DOCUMENT: &str = "key-document";

/// `B = SHA-512(CBOR[protocol, use, role, kind, SHA-384(bound bytes), challenge, SHA-384(companions)])`
///
/// CBOR delimits every item by its length, so that no two different bindings have the same bytes to hash. The use
/// and the role keep evidence that was made for one place from being shown in another.
#[derive(Debug, Clone, Copy)]
pub struct Binding<'a> {
    /// `key-document`, later `handshake`, …
    pub usage: &'a str,
    /// `gateway`, later `client`, …
    pub role: &'a str,
    /// the kind of the evidence
    pub kind: Kind,
    /// the bytes that the evidence stands for
    pub bound: &'a [u8],
    /// 32 to 64 bytes, or empty where none was given
    pub challenge: &'a [u8],
    /// the exact CMW bytes of companion evidence; empty where there is none
    pub companions: &'a [u8],
}

impl Binding<'_> {
    /// The 64 bytes of report data.
    #[must_use]
    pub fn digest(&self) -> [u8; 64] {
        let bound = sha384(&[self.bound]);
        let companions = sha384(&[self.companions]);
        let items = cbor::encode(|e| {
            e.array(7)?.str(PROTOCOL)?.str(self.usage)?.str(self.role)?.str(self.kind.name())?;
            e.bytes(&bound)?.bytes(self.challenge)?.bytes(&companions)?.ok()
        });
        sha512(&[&items])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BASE: Binding<'_> = Binding {
        usage: KEY_DOCUMENT,
        role: "gateway",
        kind: Kind::Snp,
        bound: b"document",
        challenge: b"",
        companions: b"",
    };

    // AT-04: the value was computed apart from this code, from the items written out by hand.
    #[test]
    fn is_the_hash_of_the_items() {
        let expected = concat!(
            "aece7a3189d948cfd5f183341d2f4fc7f49d86545c1f42e5649d66f4c605c5cc",
            "a5191ecdf8a2efb37bdf7c6a4e906078dd7844431bf5e9955f3d8c8719a09571"
        );
        assert_eq!(hex::encode(BASE.digest()), expected);
    }

    // AT-04
    #[test]
    fn every_item_counts() {
        let others = [
            Binding { usage: "handshake", ..BASE },
            Binding { role: "client", ..BASE },
            Binding { kind: Kind::Development, ..BASE },
            Binding { bound: b"documenu", ..BASE },
            Binding { challenge: &[0; 32], ..BASE },
            Binding { companions: b"x", ..BASE },
            // Items do not run into each other.
            Binding { usage: "key-documentg", role: "ateway", ..BASE },
        ];
        for other in others {
            assert_ne!(other.digest(), BASE.digest(), "{other:?}");
        }
    }
}
