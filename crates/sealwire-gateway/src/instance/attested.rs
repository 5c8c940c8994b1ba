//! A document with its evidence, in the forms in which it is served.

use bytes::Bytes;
use sealwire_attest::{KeyDocument, Kind, UnixTime, key_document::Published};
use sealwire_http::{crypto::digest::sha384, ehbp};

/// A published key document.
pub(crate) struct Attested {
    pub(crate) document: KeyDocument,
    pub(crate) published: Published,
    /// SHA-384 of the document's exact bytes
    pub(crate) hash: [u8; 48],
    /// `published`, encoded
    pub(crate) cbor: Bytes,
    /// for people
    pub(crate) json: Bytes,
    /// the same keys as `application/ohttp-keys` (OB-50)
    pub(crate) list: Bytes,
    /// the key of EHBP alone, a courtesy (EH-29); nothing where it is not spoken
    pub(crate) ehbp: Option<Bytes>,
}

impl Attested {
    pub(super) fn new(document: KeyDocument, published: Published) -> Self {
        let hash = sha384(&[&published.document]);
        let cbor = published.encode().into();
        let json = json(&published);
        let list = document.ohttp_key_list().into();
        let ehbp = document.keys.iter().find(|key| key.purpose == ehbp::WIRE);
        let ehbp = ehbp.map(|key| key.bytes.clone().into());
        Self { document, published, hash, cbor, json, list, ehbp }
    }

    /// Whether it may be used at `at`.
    pub(crate) fn is_live(&self, at: UnixTime) -> bool {
        at <= self.document.not_after
    }

    /// When to replace it: before half of its life is over (AT-41).
    pub(crate) fn renew_at(&self) -> UnixTime {
        let life = self.document.not_after.since(self.document.issued_at);
        self.document.issued_at.saturating_add(life * 2 / 5)
    }

    /// Whether it rests on a development root (AT-07): everything that is said of it has to say so.
    pub(crate) fn is_development(&self) -> bool {
        self.published.evidence.lead.kind == Kind::Development
    }
}

/// The rendering for people, indented and with a final newline.
pub(crate) fn json(published: &Published) -> Bytes {
    format!("{:#}\n", published.to_json_for_people()).into()
}
