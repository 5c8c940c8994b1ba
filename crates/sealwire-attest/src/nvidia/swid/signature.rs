//! The signature of a manifest: XML Signature (W3C, 2008) in the one form that NVIDIA writes.

use super::canonical::canonical;
use crate::Error;
use base64::{Engine as _, prelude::BASE64_STANDARD};
use roxmltree::Node;
use sealwire_crypto::digest::sha384;

pub(super) const DS: &str = "http://www.w3.org/2000/09/xmldsig#";
const C14N11: &str = "http://www.w3.org/2006/12/xml-c14n11";
const ENVELOPED: &str = "http://www.w3.org/2000/09/xmldsig#enveloped-signature";
const ECDSA_SHA384: &str = "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha384";
const SHA384: &str = "http://www.w3.org/2001/04/xmldsig-more#sha384";
/// The most certificates that a signature may bring; NVIDIA's bring four.
const MAX_CERTIFICATES: usize = 8;

/// What a signature says; nothing about it is verified but the digest.
#[derive(Debug, Default)]
pub(super) struct XmlSignature {
    /// what the key signed
    pub(super) message: Vec<u8>,
    /// r and s
    pub(super) value: Vec<u8>,
    /// in DER
    pub(super) certificates: Vec<Vec<u8>>,
    /// whether the digest in it is that of the document around it
    pub(super) is_intact: bool,
}

/// The longest canonical form of the document, and of what the key signed, in bytes: escapes can take six times their
/// length. NVIDIA's have about 16 KiB and 1.3 KiB.
const MAX_DOCUMENT: usize = 128 * 1024;
const MAX_INFO: usize = 8 * 1024;

const FORM: Error = Error::MalformedEndorsement("a manifest that is not signed in NVIDIA's form");

impl XmlSignature {
    /// Reads `signature`, which is a child of the document's root.
    pub(super) fn read(signature: Node<'_, '_>) -> Result<Self, Error> {
        let [info, value, key_info] = children(signature, ["SignedInfo", "SignatureValue", "KeyInfo"])?;
        let [method, algorithm, reference] =
            children(info, ["CanonicalizationMethod", "SignatureMethod", "Reference"])?;
        is_algorithm(method, C14N11)?;
        is_algorithm(algorithm, ECDSA_SHA384)?;
        // The whole document, and nothing that is looked for in it.
        has_only(reference, "URI", "")?;
        let [transforms, digest_method, digest] =
            children(reference, ["Transforms", "DigestMethod", "DigestValue"])?;
        let [enveloped, canonicalisation] = children(transforms, ["Transform", "Transform"])?;
        is_algorithm(enveloped, ENVELOPED)?;
        is_algorithm(canonicalisation, C14N11)?;
        is_algorithm(digest_method, SHA384)?;
        let [data] = children(key_info, ["X509Data"])?;
        let mut certificates = Vec::new();
        for certificate in elements(data)? {
            if !certificate.has_tag_name((DS, "X509Certificate")) || certificates.len() >= MAX_CERTIFICATES {
                return Err(FORM);
            }
            certificates.push(base64(certificate)?);
        }
        for plain in [signature, info, transforms, key_info, data, value, digest] {
            if plain.attributes().len() > 0 {
                return Err(FORM);
            }
        }
        let root = signature.document().root_element();
        let document = canonical(root, Some(signature), MAX_DOCUMENT).ok_or(FORM)?;
        Ok(Self {
            message: canonical(info, None, MAX_INFO).ok_or(FORM)?.into_bytes(),
            value: base64(value)?,
            certificates,
            is_intact: base64(digest)? == sha384(&[document.as_bytes()]),
        })
    }
}

/// The elements in a node that has nothing else but space in it.
pub(super) fn elements<'a, 'i>(node: Node<'a, 'i>) -> Result<impl Iterator<Item = Node<'a, 'i>>, Error> {
    let is_space = |child: Node<'_, '_>| {
        child.text().is_some_and(|text| text.trim_ascii().is_empty() && child.is_text())
    };
    if node.children().all(|child| child.is_element() || is_space(child)) {
        Ok(node.children().filter(Node::is_element))
    } else {
        Err(FORM)
    }
}

fn children<'a, 'i, const N: usize>(
    node: Node<'a, 'i>,
    names: [&str; N],
) -> Result<[Node<'a, 'i>; N], Error> {
    let found: Vec<_> = elements(node)?.take(N + 1).collect();
    let found: [Node<'a, 'i>; N] = found.try_into().map_err(|_| FORM)?;
    let are_named = found.iter().zip(names).all(|(child, name)| child.has_tag_name((DS, name)));
    if are_named { Ok(found) } else { Err(FORM) }
}

fn is_algorithm(node: Node<'_, '_>, expected: &str) -> Result<(), Error> {
    // Parameters would be elements in it.
    if node.has_children() { Err(FORM) } else { has_only(node, "Algorithm", expected) }
}

fn has_only(node: Node<'_, '_>, name: &str, value: &str) -> Result<(), Error> {
    let mut attributes = node.attributes();
    match (attributes.next(), attributes.next()) {
        (Some(only), None) if only.namespace().is_none() && only.name() == name && only.value() == value => {
            Ok(())
        }
        _ => Err(FORM),
    }
}

fn base64(node: Node<'_, '_>) -> Result<Vec<u8>, Error> {
    let mut inside = node.children();
    let (Some(text), None) = (inside.next(), inside.next()) else { return Err(FORM) };
    let mut text = text.text().filter(|_| text.is_text()).ok_or(FORM)?.to_owned();
    text.retain(|char| !char.is_ascii_whitespace());
    BASE64_STANDARD.decode(text).map_err(|_| FORM)
}
