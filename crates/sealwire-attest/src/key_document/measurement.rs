//! What of the claims an operator's statement names (AT-44).

use crate::{Claims, Kind, cbor, policy};
use sealwire_crypto::digest::sha384;

impl Claims {
    /// What an operator's statement names as the measurement: the launch measurement where one register holds it
    /// (`snp`, `development`), else SHA-384 of the deterministic CBOR map of every register that a policy for the kind
    /// has to say something of, from name to value. `None` where the evidence lacks one of them.
    #[must_use]
    pub fn measurement(&self) -> Option<Vec<u8>> {
        if matches!(self.kind, Kind::Snp | Kind::Development) {
            return self.measurements.get("measurement").cloned();
        }
        let registers =
            policy::required_registers(self.kind).map(|name| Some((name, self.measurements.get(name)?)));
        let mut registers: Vec<_> = registers.collect::<Option<_>>()?;
        if registers.is_empty() {
            return None;
        }
        // Bytewise order of the encoded keys (RFC 8949, 4.2.1), where the length comes first.
        registers.sort_unstable_by_key(|(name, _)| (name.len(), *name));
        let map = cbor::encode(|e| {
            e.map(cbor::len(&registers))?;
            registers.iter().try_for_each(|(name, value)| e.str(name)?.bytes(value)?.ok())
        });
        Some(sha384(&[&map]).to_vec())
    }
}
