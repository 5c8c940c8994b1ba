/// Why a stream was refused, or ended (SP-56). What was released before remains verified; nothing comes after.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The opening envelope was refused, or says nothing that this reader can follow.
    #[error("stream-open-invalid")]
    OpenInvalid,
    /// A frame that is not the next.
    #[error("stream-sequence")]
    Sequence,
    /// A frame without the tag that it has to have.
    #[error("stream-tag-missing")]
    TagMissing,
    /// A tag that does not cover what came.
    #[error("stream-tag-invalid")]
    TagInvalid,
    /// A flag that is not defined.
    #[error("stream-flags")]
    Flags,
    /// A frame after the final one.
    #[error("stream-after-final")]
    AfterFinal,
    /// The input ended before the final frame. What was released is genuine; there was more.
    #[error("stream-truncated")]
    Truncated,
    /// SP-09: a frame, a number of frames, or data without a tag beyond the limits.
    #[error("stream-limit")]
    Limit,
    /// SP-54, SP-55: not a frame.
    #[error("stream-malformed")]
    Malformed,
}
