//! A register tied to a build by a Sigstore bundle (AT-24).
//!
//! The bundle is verified once, when the policy is loaded, offline: signature, certificate of the builder's identity,
//! proof that both were logged. What is compared later is the register with what the bundle signs.

use super::extensions::{Loader, NamedBuild};
use crate::{Claims, verdict::Reason};
use sealwire_crypto::digest::sha256;
use serde::Deserialize;
use sigstore_verify::{
    VerificationPolicy, Verifier,
    trust_root::{SIGSTORE_PRODUCTION_TRUSTED_ROOT, TrustedRoot},
    types::{Artifact, ArtifactDigest, Bundle, HashAlgorithm, SignatureContent},
};
use std::collections::{BTreeMap, BTreeSet};

/// Longest bundle, and longest trusted root, in bytes.
const MAX_FILE: usize = 1024 * 1024;
/// Most digests that a statement may name.
const MAX_DIGESTS: usize = 1024;

/// What a bundle signs, after it was verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Build {
    register: String,
    identity: String,
    /// digests of the artifacts that it is over
    digests: BTreeSet<Vec<u8>>,
}

impl Build {
    /// Reads and verifies the bundle that `named` names.
    pub(super) fn load(named: NamedBuild, load: &Loader<'_>) -> Result<Self, String> {
        let text = |name: &str| {
            let bytes = load(name).map_err(|error| format!("{name}: {error}"))?;
            if bytes.len() > MAX_FILE {
                return Err(format!("{name}: longer than {MAX_FILE} bytes"));
            }
            String::from_utf8(bytes).map_err(|_| format!("{name}: not text"))
        };
        let root = match &named.trusted_root {
            Some(name) => {
                let json = text(name)?;
                TrustedRoot::from_json(&json).map_err(|error| format!("{name}: {error}"))?
            }
            None => TrustedRoot::from_json(SIGSTORE_PRODUCTION_TRUSTED_ROOT)
                .map_err(|error| format!("the public-good root: {error}"))?,
        };
        let json = text(&named.bundle)?;
        let digests = verify(&json, &named.identity, &named.issuer, &root)
            .map_err(|error| format!("{}: {error}", named.bundle))?;
        Ok(Self { register: named.register, identity: named.identity, digests })
    }

    pub(super) fn register(&self) -> &str {
        &self.register
    }

    /// Why the register is not what the bundle signs.
    pub(super) fn failure(&self, rule: &str, claims: &Claims) -> Option<Reason> {
        let found = claims.measurements.get(self.register.as_str());
        // The register is the artifact, or it holds the artifact's digest.
        let is_signed =
            |found: &Vec<u8>| self.digests.contains(found) || self.digests.contains(&sha256(&[found])[..]);
        if found.is_some_and(is_signed) {
            return None;
        }
        let digests: Vec<String> = self.digests.iter().map(hex::encode).collect();
        Some(Reason {
            code: "build",
            rule: format!("{rule}.build.{}", self.register),
            expected: format!("what {} signed: digest {}", self.identity, digests.join(", ")),
            found: found.map_or_else(|| "none".to_owned(), hex::encode),
        })
    }
}

/// The digests that a bundle of this identity is over.
fn verify(json: &str, identity: &str, issuer: &str, root: &TrustedRoot) -> Result<BTreeSet<Vec<u8>>, String> {
    let bundle = Bundle::from_json(json).map_err(|error| error.to_string())?;
    let signed = signed_digests(&bundle)?;
    // An artifact is not at hand, and not needed: what the signature covers is its digest.
    let (algorithm, digest) = signed.first().ok_or("a bundle over no digest that is known")?;
    let artifact = ArtifactDigest::new(*algorithm, digest.clone()).map_err(|error| error.to_string())?;
    let policy = VerificationPolicy::new(identity, issuer);
    Verifier::new(root)
        .and_then(|verifier| verifier.verify(Artifact::Digest(artifact), &bundle, &policy))
        .map_err(|error| error.to_string())?;
    Ok(signed.into_iter().map(|(_, digest)| digest).collect())
}

/// The part of an in-toto statement that is needed here.
#[derive(Deserialize)]
struct Statement {
    subject: Vec<Subject>,
}

#[derive(Deserialize)]
struct Subject {
    digest: BTreeMap<String, String>,
}

/// What the bundle says that it is over, not yet verified. First one whose algorithm the verifier can compare.
fn signed_digests(bundle: &Bundle) -> Result<Vec<(HashAlgorithm, Vec<u8>)>, String> {
    const NAMES: [(&str, HashAlgorithm); 3] = [
        ("sha256", HashAlgorithm::Sha2256),
        ("sha512", HashAlgorithm::Sha2512),
        ("sha384", HashAlgorithm::Sha2384),
    ];
    match &bundle.content {
        SignatureContent::MessageSignature(signature) => {
            let digest = signature.message_digest.as_ref().ok_or("a message signature without its digest")?;
            // The log speaks of SHA-256 alone.
            if digest.algorithm != HashAlgorithm::Sha2256 {
                return Err("a message signature over another digest than SHA-256".to_owned());
            }
            Ok(vec![(digest.algorithm, digest.digest.as_bytes().to_vec())])
        }
        SignatureContent::DsseEnvelope(envelope) => {
            let statement: Statement = serde_json::from_slice(envelope.payload.as_bytes())
                .map_err(|_| "an envelope around something that is no in-toto statement")?;
            let mut digests = Vec::new();
            for (name, algorithm) in NAMES {
                for value in statement.subject.iter().filter_map(|subject| subject.digest.get(name)) {
                    let value =
                        hex::decode(value).ok().filter(|value| value.len() == algorithm.digest_size());
                    let value = value.ok_or_else(|| format!("a subject whose {name} is none"))?;
                    digests.push((algorithm, value));
                }
            }
            if digests.len() > MAX_DIGESTS {
                return Err(format!("more than {MAX_DIGESTS} subjects"));
            }
            Ok(digests)
        }
        _ => Err("neither a message signature nor an envelope".to_owned()),
    }
}
