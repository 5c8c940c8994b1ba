/// Why evidence is not believed. Each check has variants of its own (AT-03); [`Error::code`] is stable (AT-81).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// AT-08
    #[error("malformed: {0}")]
    Malformed(&'static str),
}

impl Error {
    /// The stable reason code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        todo!()
    }
    /// The exit code of `sealwire verify`: 10 malformed, 20 not genuine, 30 refused by the policy, 40 endorsement missing.
    #[must_use]
    pub fn exit(&self) -> u8 {
        todo!()
    }
}
