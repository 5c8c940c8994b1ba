/// What the sender of a Binary HTTP message did wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// OB-120: above 3, or a response where a request is due, or the reverse.
    #[error("framing indicator is not one that is due here")]
    Framing,
    /// OB-121, OB-126: cut where OB-31 does not allow it; also a length above what follows.
    #[error("the message ends inside control data, a field section or content")]
    Truncated,
    /// OB-122
    #[error("a field section's length ends inside a field line")]
    SectionLength,
    /// OB-122
    #[error("a field name of length 0")]
    EmptyName,
    /// OB-123
    #[error("a field name that is not a lower-case token")]
    Name,
    /// OB-123
    #[error("a field value with a forbidden byte, or with a space or tab at an end")]
    Value,
    /// OB-124
    #[error("control data as a field")]
    ControlField,
    /// OB-124
    #[error("a pseudo-field after a regular field, or in trailers")]
    PseudoField,
    /// OB-125
    #[error("a status below 100 or above 599")]
    Status,
    /// OB-125
    #[error("informational responses without a final one")]
    NoFinalResponse,
    /// OB-127
    #[error("padding that is not zero")]
    Padding,
    /// OB-128
    #[error("a method that is not a token")]
    Method,
    /// OB-128
    #[error("a scheme other than http and https")]
    Scheme,
    /// OB-128
    #[error("not an authority")]
    Authority,
    /// OB-128
    #[error("userinfo in an authority")]
    UserInfo,
    /// OB-128
    #[error("neither authority nor host field")]
    NoAuthority,
    /// OB-128: two host fields, or one that names something else than the authority.
    #[error("a host field that differs from the authority")]
    Host,
    /// OB-128
    #[error("not a path and query")]
    Path,
    /// OB-129
    #[error("a content-length field that is not one number")]
    ContentLengthField,
    /// OB-129
    #[error("more than one content-length field")]
    RepeatedContentLength,
    /// OB-129
    #[error("content-length differs from the content")]
    ContentLength,
    /// OB-129
    #[error("transfer-encoding chunked inside Binary HTTP")]
    TransferEncoding,
    /// OB-130, OB-44: to be answered with 417.
    #[error("expect: 100-continue cannot be met")]
    Expect,
    /// OB-130
    #[error("CONNECT is refused")]
    Connect,
    /// OB-70
    #[error("control data longer than the limit")]
    ControlDataTooLong,
    /// OB-70
    #[error("a field section longer than the limit")]
    SectionTooLong,
    /// OB-70
    #[error("more field lines than the limit")]
    TooManyFields,
    /// OB-70
    #[error("a field name longer than the limit")]
    NameTooLong,
    /// OB-70
    #[error("a field value longer than the limit")]
    ValueTooLong,
    /// OB-70
    #[error("more informational responses than the limit")]
    TooManyInformational,
    /// OB-70
    #[error("more padding than the limit")]
    PaddingTooLong,
}
