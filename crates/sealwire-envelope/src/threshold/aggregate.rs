use sealwire_crypto::bls::Signature;

use super::{ALGORITHM, Group, Partial, PartialError, group::key_id, partial::canonical_hash};
use crate::{Envelope, Proof, ThresholdSignature, base64url};

/// Collects parts of one envelope's signature. Each is verified before it is added (SP-49), so that one bad signer is
/// named and spoils nothing.
pub struct Aggregator<'a> {
    group: &'a Group,
    envelope: Envelope,
    hash: [u8; 32],
    signer_ids: Vec<String>,
    signatures: Vec<Signature>,
}

impl<'a> Aggregator<'a> {
    /// For one envelope; a proof that it had is dropped.
    #[must_use]
    pub fn new(group: &'a Group, envelope: Envelope) -> Self {
        let envelope = Envelope { proof: None, ..envelope };
        let hash = canonical_hash(&envelope);
        Self { group, envelope, hash, signer_ids: Vec::new(), signatures: Vec::new() }
    }

    /// Takes a part.
    ///
    /// # Errors
    /// [`PartialError`], which names the signer; what was added before stays.
    pub fn add(&mut self, partial: &Partial) -> Result<(), PartialError> {
        if self.signer_ids.contains(&partial.signer_id) {
            return Err(PartialError::Twice(partial.signer_id.clone()));
        }
        let signature = self.group.verify_partial(partial, &self.hash)?;
        self.signer_ids.push(partial.signer_id.clone());
        self.signatures.push(signature);
        Ok(())
    }

    /// Whether enough have signed.
    #[must_use]
    pub fn is_enough(&self) -> bool {
        self.signatures.len() >= self.group.m()
    }

    /// The envelope, signed by all whose parts were added.
    ///
    /// # Errors
    /// [`PartialError::TooFew`], [`PartialError::Cancel`]
    pub fn finish(self) -> Result<Envelope, PartialError> {
        if !self.is_enough() {
            return Err(PartialError::TooFew { have: self.signatures.len(), need: self.group.m() });
        }
        let sum = self.group.sum(&self.signer_ids).ok_or(PartialError::Cancel)?;
        let signatures: Vec<&Signature> = self.signatures.iter().collect();
        let signature = Signature::sum(&signatures).map_err(|_| PartialError::Cancel)?;
        let count = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
        let proof = Proof::Threshold(ThresholdSignature {
            alg: ALGORITHM.to_owned(),
            key_id: key_id(&sum),
            value: base64url::encode(signature.to_bytes()),
            signer_ids: self.signer_ids,
            m: count(self.group.m()),
            n: count(self.group.n()),
        });
        Ok(Envelope { proof: Some(proof), ..self.envelope })
    }
}
