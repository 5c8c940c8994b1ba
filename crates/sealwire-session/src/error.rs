use sealwire_attest::cbor;

/// What went wrong in a session. What the peer did has a variant of its own; what a peer is told is less (SE-43).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// SE-02: not the deterministic CBOR of this message.
    #[error("a malformed message: {0}")]
    Malformed(cbor::Error),
    /// SE-02: another protocol string.
    #[error("a message of another protocol or version")]
    Protocol,
    /// SE-02: a message that is not the one that is awaited.
    #[error("not the message that is awaited")]
    Unexpected,
    /// SE-38
    #[error("a message longer than the limit")]
    TooLong,
    /// SE-02: fields that contradict each other.
    #[error("a message whose fields contradict each other")]
    Inconsistent,
    /// SE-04: no group, AEAD or signature scheme that both sides take.
    #[error("no common suite")]
    NoCommonSuite,
    /// SE-02: the server chose what the client did not offer.
    #[error("a choice that was not offered")]
    NotOffered,
    /// SE-04: a share of another length, off its curve, of low order or outside its modulus.
    #[error("a key share that is not valid")]
    Share,
    /// SE-07
    #[error("an authority that this instance does not serve")]
    Authority,
    /// SE-13: a second retry, or one that asks for nothing new.
    #[error("a retry that is not permitted")]
    Retry,
    /// SE-13: a token that is forged, expired or was used.
    #[error("a retry token that is not valid")]
    Token,
    /// SE-06: the sealed part of a handshake message does not authenticate.
    #[error("a sealed handshake message does not authenticate")]
    Open,
    /// SE-08: the key document that the credential names is not the one that was accepted.
    #[error("another key document than the one that was accepted")]
    Document,
    /// SE-08: the quote that was asked for is not there, or there is one that was not.
    #[error("a quote is missing, or was not asked for")]
    Quote,
    /// SE-08: no evidence that was accepted stands behind the quote of the handshake.
    #[error("the quote of the handshake was not appraised")]
    NotAppraised,
    /// SE-09: the document has no live identity key of the scheme.
    #[error("no identity key for the signature scheme")]
    NoIdentityKey,
    /// SE-09
    #[error("an identity signature does not verify")]
    Signature,
    /// SE-08, SE-10
    #[error("the Finished MAC does not verify")]
    Finished,
    /// SE-03: the binder of a ticket does not verify.
    #[error("the binder does not verify")]
    Binder,
    /// SE-40: not a ticket of this instance.
    #[error("a ticket that this instance did not make")]
    Ticket,
    /// SE-41: what the ticket rests on is too old.
    #[error("a ticket that has expired")]
    TicketExpired,
    /// SE-40: a ticket is for one handshake.
    #[error("a ticket that was used before")]
    TicketUsed,
    /// SE-11: the client cannot show what the server requires.
    #[error("the server requires an attested caller")]
    CallerNotAttested,
    /// SE-11: the server refused the client's evidence or proof.
    #[error("the server refused the client's evidence")]
    CallerRefused,
    /// SE-34: a field that carries number, random bytes and MAC is missing or malformed.
    #[error("a session field that is missing or malformed")]
    Field,
    /// SE-43: no session of this id: never made, evicted, closed, or another instance's.
    #[error("no such session")]
    UnknownSession,
    /// SE-30, SE-72: the header MAC does not verify.
    #[error("the header MAC does not verify")]
    HeaderMac,
    /// SE-30, SE-73: a number that was seen, or lies below the window.
    #[error("a request number that was used, or is too old")]
    Replay,
    /// SE-34: the answer is not bound to the request.
    #[error("the answer is not to this request")]
    Binding,
    /// SE-31: what arrived is not what the caller listed.
    #[error("the outer request is not the one that was sealed")]
    Listed,
    /// SE-35: a chunk whose padding is not all zeros, or whose length lies.
    #[error("malformed padding")]
    Padding,
    /// SE-38: more requests than a session takes.
    #[error("the session has taken as many requests as it may")]
    RequestLimit,
    /// SE-38: lifetime or idle time is over.
    #[error("the session is over")]
    Expired,
    /// SE-13, SE-38
    #[error("too many sessions")]
    Overload,
    /// SE-39
    #[error("the session is closed")]
    Closed,
    /// SE-37: a record that does not authenticate, or is out of order.
    #[error("a record does not authenticate")]
    Record,
    /// SE-37: a record of an unknown type, or whose length its type does not have.
    #[error("a record of an unknown type, or with another content than its type has")]
    RecordContent,
    /// SE-37, SE-38: a key update too early, or none where it was due.
    #[error("a key update that comes too early, or did not come in time")]
    KeyUpdate,
    /// SE-37: a record after the last one.
    #[error("a record after the close")]
    AfterClose,
    /// SE-37: the channel ended without a close.
    #[error("the channel was cut")]
    Truncated,
    /// Chunks that are cut, altered or too many (SE-32).
    #[error(transparent)]
    Chunk(#[from] sealwire_message::chunk::Error),
    /// No randomness, or a key is used up.
    #[error(transparent)]
    Crypto(#[from] sealwire_crypto::Error),
}

/// What an answer may tell that nothing seals (SE-43, section 11): one text for each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outside {
    /// status 400: no message that could lead to a session
    Malformed,
    /// status 409: no such session, or not its keys; whatever it was, the same bytes
    Session,
    /// status 503
    Overload,
}

impl Error {
    /// The little of this that a peer is told where there are no keys to tell it under.
    #[must_use]
    pub fn outside(self) -> Outside {
        match self {
            Self::UnknownSession
            | Self::HeaderMac
            | Self::Replay
            | Self::RequestLimit
            | Self::Expired
            | Self::Closed
            | Self::Open
            | Self::Finished => Outside::Session,
            Self::Overload | Self::Crypto(_) => Outside::Overload,
            _ => Outside::Malformed,
        }
    }
}

impl From<cbor::Error> for Error {
    fn from(error: cbor::Error) -> Self {
        Self::Malformed(error)
    }
}
