//! What a manifest says.

use super::signature::{XmlSignature, elements};
use crate::{Error, corim::Signed};
use roxmltree::{Document, Node, NodeType, ParsingOptions};
use std::collections::BTreeMap;

/// The longest manifest, in bytes; NVIDIA's have about 20 KiB.
const MAX_LEN: usize = 64 * 1024;
/// The most nodes of one; NVIDIA's have about 180.
const MAX_NODES: u32 = 2048;
/// The most equals signs, of which every attribute has one, and declarations of namespaces; NVIDIA's have about 540 and
/// 6. Either costs by its square.
const MAX_EQUALS: usize = 2048;
const MAX_NAMESPACES: usize = 16;
/// The most values of one measurement.
const MAX_ALTERNATIVES: usize = 64;
const SWID: &str = "http://standards.iso.org/iso/19770/-2/2015/schema.xsd";
const XML: &str = "http://www.w3.org/XML/1998/namespace";
/// The namespace of the attributes `Hash0`, `Hash1`, …, which names their hash function.
const SHA384: &str = "http://www.w3.org/2001/04/xmlenc#sha384";

/// How deep elements lie in each other at most; genuine manifests have seven, the document itself included.
const MAX_DEPTH: usize = 16;

/// A manifest. Its digest is compared; its signature is not yet verified.
#[derive(Debug)]
pub(crate) struct Swid {
    /// `GH100`
    pub(in crate::nvidia) product: String,
    /// of the driver or the VBIOS that it is for
    pub(in crate::nvidia) version: String,
    /// the SHA-384 digests that are good, by SPDM index
    pub(in crate::nvidia) values: BTreeMap<u8, Vec<[u8; 48]>>,
    signature: XmlSignature,
}

/// Whether bytes look like XML.
pub(crate) fn looks_like(bytes: &[u8]) -> bool {
    bytes.trim_ascii_start().first() == Some(&b'<')
}

const FORM: Error = Error::MalformedEndorsement("not a manifest in NVIDIA's form");

impl Swid {
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, Error> {
        if bytes.len() > MAX_LEN {
            return Err(FORM);
        }
        let text = std::str::from_utf8(bytes).map_err(|_| FORM)?;
        let count = |part: &str| text.matches(part).count();
        if count("=") > MAX_EQUALS || count("xmlns") > MAX_NAMESPACES {
            return Err(FORM);
        }
        // Neither entities nor defaults: a document is what is written in it.
        let options =
            ParsingOptions { allow_dtd: false, nodes_limit: MAX_NODES, ..ParsingOptions::default() };
        let document = Document::parse_with_options(text, options).map_err(|_| FORM)?;
        let is_plain = |node: Node<'_, '_>| {
            matches!(node.node_type(), NodeType::Root | NodeType::Element | NodeType::Text)
                && node.attributes().all(|attribute| attribute.namespace() != Some(XML))
                && node.namespaces().all(|namespace| !namespace.uri().is_empty())
        };
        // What follows goes down the tree by recursion.
        let is_shallow = |node: Node<'_, '_>| node.ancestors().nth(MAX_DEPTH).is_none();
        if !document.descendants().all(|node| is_plain(node) && is_shallow(node)) {
            return Err(FORM);
        }
        let root = document.root_element();
        let parts: Vec<_> = elements(root)?.take(5).collect();
        let [entity, meta, payload, signature] = <[Node<'_, '_>; 4]>::try_from(parts).map_err(|_| FORM)?;
        let names = [(root, "SoftwareIdentity"), (entity, "Entity"), (meta, "Meta"), (payload, "Payload")];
        let are_named = names.into_iter().all(|(node, name)| node.has_tag_name((SWID, name)));
        let is_signed = signature.has_tag_name((super::signature::DS, "Signature"));
        if !are_named || !is_signed || entity.has_children() || meta.has_children() {
            return Err(FORM);
        }
        let attribute = |name| meta.attribute(name).filter(|value| !value.is_empty()).ok_or(FORM);
        Ok(Self {
            product: attribute("product")?.to_owned(),
            version: attribute("colloquialVersion")?.to_owned(),
            values: values(payload)?,
            signature: XmlSignature::read(signature)?,
        })
    }

    /// What its signature is over, and who it says signed it; both are needed once.
    pub(in crate::nvidia) fn take_signed(&mut self) -> Result<Signed, Error> {
        if !self.signature.is_intact {
            return Err(Error::ReferenceInvalid("the manifest is not the one that was signed"));
        }
        let XmlSignature { message, value, certificates, .. } = std::mem::take(&mut self.signature);
        Ok(Signed::es384(message, value, certificates))
    }
}

/// The values of those measurements that are in use. NVIDIA numbers them from 0, SPDM from 1.
fn values(payload: Node<'_, '_>) -> Result<BTreeMap<u8, Vec<[u8; 48]>>, Error> {
    let mut found = BTreeMap::new();
    for resource in elements(payload)? {
        let is = |name, value: &str| resource.attribute(name) == Some(value);
        let number = |name| resource.attribute(name).and_then(decimal).ok_or(FORM);
        let is_measurement = resource.has_tag_name((SWID, "Resource"))
            && is("type", "Measurement")
            && is("size", "48")
            && !resource.has_children();
        let (index, count) = (number("index")?, usize::from(number("alternatives")?));
        let hashes = resource.attributes().filter(|attribute| attribute.namespace() == Some(SHA384)).count();
        let index = index.checked_add(1).filter(|index| *index < 0xff).ok_or(FORM)?;
        if !is_measurement || count == 0 || count > MAX_ALTERNATIVES || hashes != count {
            return Err(FORM);
        }
        let hash = |number| resource.attribute((SHA384, format!("Hash{number}").as_str())).and_then(digest);
        let digests: Option<Vec<_>> = (0..count).map(hash).collect();
        let in_use = match resource.attribute("active") {
            Some("True") => true,
            Some("False") => false,
            _ => return Err(FORM),
        };
        if found.insert(index, digests.ok_or(FORM)?.into_iter().filter(|_| in_use).collect()).is_some() {
            return Err(FORM);
        }
    }
    found.retain(|_, digests: &mut Vec<_>| !digests.is_empty());
    if found.is_empty() { Err(FORM) } else { Ok(found) }
}

fn decimal(text: &str) -> Option<u8> {
    let is_plain = text == "0" || (!text.starts_with('0') && text.bytes().all(|byte| byte.is_ascii_digit()));
    text.parse().ok().filter(|_| is_plain)
}

fn digest(text: &str) -> Option<[u8; 48]> {
    hex::decode(text).ok()?.try_into().ok()
}
