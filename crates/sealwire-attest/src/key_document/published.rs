//! What `/.well-known/sealwire` serves (AT-40).

use super::{Error, KeyDocument, codec};
use crate::{
    Endorsements, PROTOCOL, UnixTime,
    cbor::{self, Reader, len},
    cmw,
    composite::Presented,
    endorsements::{MAX_CERTIFICATES, MAX_CRLS, MAX_REFERENCE, MAX_REFERENCES},
    x509::{MAX_CERTIFICATE, MAX_CRL},
};
use sealwire_crypto::digest::sha256;
use serde_json::{Map, Value, json};

/// Longest published form in bytes: a client need not read further.
pub const MAX_LEN: usize = 1024 * 1024;
/// What `/.well-known/sealwire` serves: the exact document bytes, the evidence over them, and the endorsements, stapled (AT-40).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Published {
    /// encoded [`KeyDocument`]
    pub document: Vec<u8>,
    /// evidence over `document`
    pub evidence: Presented,
    /// endorsements
    pub endorsements: Endorsements,
}

impl Published {
    /// CBOR.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let evidence = cmw::encode(&self.evidence);
        cbor::encode(|e| {
            // Clients that know no reference data need not skip an empty list of it.
            let references = &self.endorsements.references;
            e.map(if references.is_empty() { 5 } else { 6 })?
                .u8(0)?
                .str(PROTOCOL)?
                .u8(1)?
                .bytes(&self.document)?
                .u8(2)?
                .bytes(&evidence)?;
            for (key, list) in
                [(3, &self.endorsements.certificates), (4, &self.endorsements.crls), (5, references)]
            {
                if key < 5 || !list.is_empty() {
                    e.u8(key)?.array(len(list))?;
                    list.iter().try_for_each(|item| e.bytes(item)?.ok())?;
                }
            }
            Ok(())
        })
    }

    /// Parses; nothing is verified.
    ///
    /// # Errors
    /// AT-08
    pub fn decode(bytes: &[u8]) -> Result<Self, crate::Error> {
        let (document, evidence, endorsements) = read(bytes)?;
        Ok(Self { document, evidence: cmw::decode(evidence)?, endorsements })
    }

    /// A rendering for people (AT-40). It is not what the evidence covers, so it is never read back.
    #[must_use]
    pub fn to_json_for_people(&self) -> Value {
        json!({
            "note": "for people to read; what is attested, and verified, is the CBOR form",
            "document": match KeyDocument::decode(&self.document) {
                Ok(document) => describe(&document),
                Err(error) => json!({ "malformed": error.to_string() }),
            },
            "evidence": {
                "kind": self.evidence.lead.kind.name(),
                "bytes": self.evidence.lead.bytes.len(),
                "companions": self.evidence.companions.iter().map(|(label, evidence)| {
                    (label.clone(), json!({ "kind": evidence.kind.name(), "bytes": evidence.bytes.len() }))
                }).collect::<Map<_, _>>(),
            },
            "endorsements": {
                "certificates-sha256": fingerprints(&self.endorsements.certificates),
                "crls-sha256": fingerprints(&self.endorsements.crls),
                "references-sha256": fingerprints(&self.endorsements.references),
            },
        })
    }
}

fn read(bytes: &[u8]) -> Result<(Vec<u8>, &[u8], Endorsements), Error> {
    if bytes.len() > MAX_LEN {
        return Err(Error::Bounds);
    }
    let r = &mut Reader::new(bytes);
    let mut fields = r.fields()?;
    fields.required(r, 0)?;
    if r.text(codec::MAX_NAME)? != PROTOCOL {
        return Err(Error::Protocol);
    }
    fields.required(r, 1)?;
    let document = r.bytes(codec::MAX_LEN)?.to_vec();
    fields.required(r, 2)?;
    let evidence = r.bytes(cmw::MAX_LEN)?;
    fields.required(r, 3)?;
    let certificates = read_ders(r, MAX_CERTIFICATES, MAX_CERTIFICATE)?;
    fields.required(r, 4)?;
    let crls = read_ders(r, MAX_CRLS, MAX_CRL)?;
    let references = match fields.optional(r, 5)? {
        true => read_ders(r, MAX_REFERENCES, MAX_REFERENCE)?,
        false => Vec::new(),
    };
    fields.finish(r)?;
    r.finish()?;
    Ok((document, evidence, Endorsements { certificates, crls, references }))
}

fn read_ders(r: &mut Reader<'_>, count: usize, len: usize) -> Result<Vec<Vec<u8>>, Error> {
    codec::read_array(r, count as u64, |r| Ok(r.bytes(len)?.to_vec()))
}

fn fingerprints(list: &[Vec<u8>]) -> Vec<String> {
    list.iter().map(|der| hex::encode(sha256(&[der]))).collect()
}

fn time(time: UnixTime) -> String {
    time.to_string()
}

fn describe(document: &KeyDocument) -> Value {
    let keys = document.keys.iter().map(|key| {
        json!({
            "id": hex::encode(&key.id),
            "purpose": key.purpose,
            "not-before": time(key.not_before),
            "not-after": time(key.not_after),
            "bytes": hex::encode(&key.bytes),
        })
    });
    let wires = document.wires.iter().map(|wire| {
        let mut fields = Map::new();
        fields.insert("name".into(), json!(wire));
        if let Some(suites) = document.suites.get(wire) {
            fields.insert("suites".into(), json!(suites));
        }
        if let Some(limit) = document.limits.get(wire) {
            fields.insert("largest-request".into(), json!(limit));
        }
        Value::Object(fields)
    });
    json!({
        "protocol": PROTOCOL,
        "instance": hex::encode(document.instance),
        "serial": document.serial,
        "issued-at": time(document.issued_at),
        "not-after": time(document.not_after),
        "role": document.role,
        "authorities": document.authorities,
        "keys": keys.collect::<Vec<_>>(),
        "wires": wires.collect::<Vec<_>>(),
        "config-digest": hex::encode(document.config_digest),
        "operator": document.operator.as_ref().map(|statement| json!({
            "key": hex::encode(statement.key),
            "authorities": statement.authorities,
            "config-digest": hex::encode(statement.config_digest),
            "measurement": hex::encode(&statement.measurement),
            "signature": hex::encode(statement.signature),
        })),
    })
}
