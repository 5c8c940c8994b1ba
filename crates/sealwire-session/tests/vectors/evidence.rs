//! Evidence, which is the one thing here that does not follow from randomness: a development machine signs with ECDSA and
//! RSA. It is made once, kept with the vectors, and looked up by what it is bound to.

use super::CLOCK;
use sealwire_attest::{
    Appraised, Bound, Claims, Endorsements, Kind, Policy, Presented, UnixTime, Verifier, cmw,
    key_document::{self, Acceptance, Published, Seen, Wanted},
};
use sealwire_tee::{Development, Tee};
use serde_json::{Map, Value, json};
use std::{cell::RefCell, collections::BTreeMap, path::Path};

pub(crate) struct Evidence {
    root: [u8; 32],
    endorsements: Endorsements,
    by_binding: RefCell<BTreeMap<String, Vec<u8>>>,
    /// there only where vectors are made anew
    machine: Option<Development>,
    verifier: Verifier,
    policy: Policy,
}

impl Evidence {
    /// What was kept with the vectors.
    pub(crate) fn kept(given: &Value) -> Self {
        let bytes = |value: &Value| hex::decode(value.as_str().unwrap()).unwrap();
        let certificates = given["certificates"].as_array().unwrap().iter().map(bytes).collect();
        let by_binding = given["evidence"].as_object().unwrap();
        let by_binding = by_binding.iter().map(|(binding, value)| (binding.clone(), bytes(value))).collect();
        let root = bytes(&given["root"]).try_into().unwrap();
        let endorsements = Endorsements { certificates, ..Endorsements::default() };
        Self::of(root, endorsements, by_binding, None)
    }

    /// All of it new.
    pub(crate) fn new() -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("sealwire-tests");
        let machine = Development::open(&folder).unwrap();
        let root = machine.root_fingerprint();
        let endorsements = machine.produce(&[0; 64]).unwrap().endorsements;
        Self::of(root, endorsements, BTreeMap::new(), Some(machine))
    }

    fn of(
        root: [u8; 32],
        endorsements: Endorsements,
        by_binding: BTreeMap<String, Vec<u8>>,
        machine: Option<Development>,
    ) -> Self {
        let policy = format!(
            "version = 1\nany-operator = true\n[[accept]]\nkind = \"development\"\n\
             measurement = {{ any = \"test\" }}\nhost-data = {{ any = \"test\" }}\nminimum-tcb = {{ any = \"test\" }}\n\
             crl = \"if-available\"\nroots = [\"sha256:{}\"]\n",
            hex::encode(root)
        );
        let policy = Policy::from_toml(&policy).unwrap();
        let verifier = Verifier::new(policy.trust());
        Self { root, endorsements, by_binding: RefCell::new(by_binding), machine, verifier, policy }
    }

    /// Evidence over something, as it travels.
    pub(crate) fn quote(&self, bound: &Bound) -> Vec<u8> {
        let digest = bound.digest(Kind::Development, &[]);
        let mut known = self.by_binding.borrow_mut();
        let make = || {
            let machine = self.machine.as_ref().expect("stale vectors; type: cargo xtask vectors");
            cmw::encode(&Presented::from(machine.produce(&digest).unwrap().evidence))
        };
        known.entry(hex::encode(digest)).or_insert_with(make).clone()
    }

    pub(crate) fn publish(&self, role: &'static str, document: Vec<u8>) -> Published {
        let evidence = cmw::decode(&self.quote(&key_document::bound_as(role, &document, &[]))).unwrap();
        Published { document, evidence, endorsements: self.endorsements.clone() }
    }

    pub(crate) fn accept(&self, published: &Published, wanted: Wanted<'_>) -> Acceptance {
        let (seen, now) = (Seen::default(), UnixTime(CLOCK / 1000));
        key_document::accept(published, &self.verifier, &self.policy, wanted, &[], seen, now).unwrap()
    }

    pub(crate) fn appraise(&self, quote: &[u8], bound: &Bound) -> Appraised<Claims> {
        let (presented, now) = (cmw::decode(quote).unwrap(), UnixTime(CLOCK / 1000));
        let verified = self.verifier.verify_presented(&presented, &self.endorsements, bound, now).unwrap();
        self.policy.appraise(verified, now).unwrap()
    }

    pub(crate) fn to_json(&self) -> Value {
        let by_binding = self.by_binding.borrow();
        let by_binding: Map<_, _> =
            by_binding.iter().map(|(binding, bytes)| (binding.clone(), hex::encode(bytes).into())).collect();
        let certificates: Vec<_> = self.endorsements.certificates.iter().map(hex::encode).collect();
        json!({ "root": hex::encode(self.root), "certificates": certificates, "evidence": by_binding })
    }
}
