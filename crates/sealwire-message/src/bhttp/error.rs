/// What the sender of a Binary HTTP message did wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// OB-120
    #[error("framing indicator is not one that is due here")]
    Framing,
}
