//! What a machine attests with: one TEE that leads, and companions that its evidence covers (AT-04).

use crate::{Error, Produced, Tee};
use sealwire_attest::{Bound, Endorsements, Kind, Presented, composite};
use std::{collections::BTreeMap, sync::Arc};

/// A lead and its companions by label.
#[derive(Clone)]
pub struct Platform {
    lead: Arc<dyn Tee>,
    companions: BTreeMap<String, Arc<dyn Tee>>,
}

/// Evidence over what it was asked to be bound to, and what goes with it.
#[derive(Debug, Clone)]
pub struct Attested {
    /// the lead and its companions
    pub evidence: Presented,
    /// what the platform handed out
    pub endorsements: Endorsements,
}

impl Platform {
    /// With no companions.
    #[must_use]
    pub fn new(lead: Arc<dyn Tee>) -> Self {
        Self { lead, companions: BTreeMap::new() }
    }

    /// With one companion more.
    #[must_use]
    pub fn with_companion(mut self, label: String, companion: Arc<dyn Tee>) -> Self {
        self.companions.insert(label, companion);
        self
    }

    /// The kind of the lead.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.lead.kind()
    }

    /// Makes evidence. The companions come first, since the lead covers their exact bytes. Blocking.
    ///
    /// # Errors
    /// What the platform said.
    pub fn produce(&self, bound: &Bound) -> Result<Attested, Error> {
        let mut endorsements = Endorsements::default();
        let mut companions = BTreeMap::new();
        let companions_asked = self.companions.iter().filter(|_| bound.covers_companions());
        for (label, companion) in companions_asked {
            let produced = companion
                .produce(&bound.digest(companion.kind(), &[]))
                .map_err(|error| Error::Companion { label: label.clone(), source: Box::new(error) })?;
            endorsements.merge(&produced.endorsements).map_err(Error::Endorsements)?;
            companions.insert(label.clone(), produced.evidence);
        }
        let covered = composite::companion_bytes(&companions);
        let Produced { evidence: lead, endorsements: of_lead } =
            self.lead.produce(&bound.digest(self.lead.kind(), &covered))?;
        endorsements.merge(&of_lead).map_err(Error::Endorsements)?;
        Ok(Attested { evidence: Presented { lead, companions }, endorsements })
    }
}

impl<T: Tee> From<Arc<T>> for Platform {
    fn from(lead: Arc<T>) -> Self {
        Self::new(lead)
    }
}
