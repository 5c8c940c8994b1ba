//! What evidence is bound to (AT-04).

use crate::{Kind, PROTOCOL, cbor};
use sealwire_crypto::digest::{sha384, sha512};

/// The `usage` of evidence over a key document.
pub const KEY_DOCUMENT: &str = "key-document";
/// The `usage` of evidence that is made for one handshake of a session (SE-08).
pub const HANDSHAKE: &str = "handshake";

/// `B = SHA-512(CBOR[protocol, use, role, kind, SHA-384(bound bytes), challenge, SHA-384(companions)])`
///
/// CBOR delimits every item by its length, so that no two different bindings have the same bytes to hash. The use
/// and the role keep evidence that was made for one place from being shown in another.
#[derive(Debug, Clone, Copy)]
pub struct Binding<'a> {
    /// [`KEY_DOCUMENT`] or [`HANDSHAKE`]
    pub usage: &'a str,
    /// `gateway` or `client`
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
        let Self { usage, role, kind, bound, challenge, companions } = self;
        digest(usage, role, *kind, &sha384(&[bound]), challenge, companions)
    }
}

/// What evidence is to be bound to, before it is known which kinds will be bound: what a producer is asked for, and
/// what a verifier expects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bound(Form);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Form {
    /// AT-04
    Binding {
        usage: &'static str,
        role: &'static str,
        /// SHA-384 of the bytes that the evidence stands for
        hash: [u8; 48],
        challenge: Vec<u8>,
    },
    /// what another protocol binds, by a hash of its own
    ReportData([u8; 64]),
}

impl Bound {
    /// See [`Binding`] for what each part is.
    #[must_use]
    pub fn new(usage: &'static str, role: &'static str, bound: &[u8], challenge: &[u8]) -> Self {
        Self(Form::Binding { usage, role, hash: sha384(&[bound]), challenge: challenge.to_vec() })
    }

    /// Exactly this report data, for protocols that others have defined: the RA tunnel (TU-16). It covers no companions. It has to
    /// be a hash, so that nobody can choose it to be a binding of AT-04.
    #[must_use]
    pub fn report_data(hash: [u8; 64]) -> Self {
        Self(Form::ReportData(hash))
    }

    /// Whether companions are covered by it.
    #[must_use]
    pub fn covers_companions(&self) -> bool {
        matches!(self.0, Form::Binding { .. })
    }

    /// What the client sent along, or empty.
    #[must_use]
    pub fn challenge(&self) -> &[u8] {
        match &self.0 {
            Form::Binding { challenge, .. } => challenge,
            Form::ReportData(_) => &[],
        }
    }

    /// The binding of evidence of `kind` that leads `companions`: their exact bytes, or empty. A companion has none
    /// itself (AT-04). Evidence carries the first [`Kind::binding_len`] bytes of it.
    #[must_use]
    pub fn digest(&self, kind: Kind, companions: &[u8]) -> [u8; 64] {
        match &self.0 {
            Form::Binding { usage, role, hash, challenge } => {
                digest(usage, role, kind, hash, challenge, companions)
            }
            Form::ReportData(hash) => *hash,
        }
    }
}

fn digest(
    usage: &str,
    role: &str,
    kind: Kind,
    bound: &[u8; 48],
    challenge: &[u8],
    companions: &[u8],
) -> [u8; 64] {
    let companions = sha384(&[companions]);
    let items = cbor::encode(|e| {
        e.array(7)?.str(PROTOCOL)?.str(usage)?.str(role)?.str(kind.name())?;
        e.bytes(bound)?.bytes(challenge)?.bytes(&companions)?.ok()
    });
    sha512(&[&items])
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

    // TU-16: what another protocol binds is what the evidence carries, and no companion is said to be covered.
    #[test]
    fn report_data_stay_as_they_are() {
        let bound = Bound::report_data([7; 64]);
        assert_eq!(bound.digest(Kind::Tdx, b""), [7; 64]);
        assert!(!bound.covers_companions() && bound.challenge().is_empty());
        assert!(Bound::new("handshake", "gateway", b"x", &[]).covers_companions());
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
