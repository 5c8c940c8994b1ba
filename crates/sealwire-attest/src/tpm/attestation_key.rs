use super::{ObjectAttributes, Public};

impl Public {
    /// Why this is no attestation key; `None` for one that signs only what its TPM made, never left it, and cannot
    /// (TPM 2.0 part 1, section 36.3).
    #[must_use]
    pub fn unfit_to_attest(&self) -> Option<&'static str> {
        use ObjectAttributes as A;
        let required = [
            (A::SIGN, "does not sign"),
            (A::RESTRICTED, "is not restricted: it signs what did not come from its TPM"),
            (A::FIXED_TPM, "can be moved to another TPM (fixedTPM is clear)"),
            (A::FIXED_PARENT, "can be moved to another parent (fixedParent is clear)"),
            (A::SENSITIVE_DATA_ORIGIN, "was not made by its TPM (sensitiveDataOrigin is clear)"),
        ];
        let missing = required.into_iter().find(|(attribute, _)| !self.attributes.has(*attribute));
        missing.map(|(_, why)| why).or_else(|| self.attributes.has(A::DECRYPT).then_some("decrypts as well"))
    }
}
