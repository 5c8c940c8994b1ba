use crate::{Kind, UnixTime, check::Check};

/// A certificate's place in a chain, for messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// the self-signed root (ARK)
    Root,
    /// between root and leaf (ASK, ASVK)
    Intermediate,
    /// the certificate of the key that signs evidence (VCEK, VLEK, PCK, …)
    Leaf,
    /// the certificate of the key that signs a vendor's reference data
    Signer,
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Root => "root",
            Self::Intermediate => "intermediate",
            Self::Leaf => "leaf",
            Self::Signer => "reference data signer's",
        })
    }
}

/// Why evidence is not believed. Each check has variants of its own (AT-03); [`Error::code`] is stable (AT-81).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    // Format
    /// AT-08
    #[error("malformed: {0}")]
    Malformed(&'static str),
    /// AT-08: a structure of fixed length has another one
    #[error("malformed: {found} bytes, where {what} has {expected}")]
    Length {
        /// what was parsed
        what: &'static str,
        /// its length in bytes
        expected: usize,
        /// what there was
        found: usize,
    },
    /// AT-02: a version of the format that is not known
    #[error("{what} version {found} is not supported")]
    Version {
        /// what was parsed
        what: &'static str,
        /// what it says
        found: u32,
    },
    /// AT-02: a key type or algorithm that this kind may name and no evidence that is accepted has
    #[error("{0} is not supported")]
    Unsupported(&'static str),
    /// AT-08: an endorsement does not parse
    #[error("malformed endorsement: {0}")]
    MalformedEndorsement(&'static str),
    /// AT-01: the wrapper of the evidence
    #[error(transparent)]
    Cmw(#[from] crate::cmw::Error),
    /// AT-08, AT-44: a key document, its published form, or an operator's statement
    #[error(transparent)]
    KeyDocument(#[from] crate::key_document::Error),

    // Chain
    /// AT-02: the firmware was told to sign nothing, so there is no key to find a chain for
    #[error("the report is not signed")]
    Unsigned,
    /// AT-06: an endorsement that the evidence cannot be verified without
    #[error("missing endorsement: {0}")]
    EndorsementMissing(&'static str),
    /// AT-02: the chain ends in a root that is not pinned
    #[error("the chain ends in a root that is not pinned")]
    RootNotPinned,
    /// AT-07: the root that verified makes it another kind than its label
    #[error("labelled {label}, but its root makes it {found}")]
    KindMismatch {
        /// the label
        label: Kind,
        /// what the root says
        found: Kind,
    },
    /// AT-03: a certificate's signature does not verify with its issuer's key
    #[error("the signature of the {0} certificate does not verify")]
    CertificateSignature(Place),
    /// AT-03: algorithm identifier or parameters other than the vendor's
    #[error("the {0} certificate has another algorithm than the vendor uses")]
    CertificateAlgorithm(Place),
    /// AT-03: basic constraints, key usage, an unknown critical extension
    #[error("the {0} certificate may not stand in its place in the chain")]
    CertificateUsage(Place),
    /// AT-02: a vendor's extension is missing, repeated or malformed
    #[error("the leaf certificate lacks what the vendor puts into it: {0}")]
    CertificateExtension(&'static str),
    /// AT-02: the leaf belongs to another chip
    #[error("the certificate belongs to another chip than the report")]
    WrongChip,
    /// AT-02: the leaf belongs to another product than the report or the root
    #[error("the certificate belongs to another product than the report or the root")]
    WrongProduct,

    /// AT-02: a key that the evidence is signed with is not the one that the hardware vouches for
    #[error("not bound to the hardware: {0}")]
    KeyNotBound(&'static str),
    /// AT-02: the signature over the report of the quoting enclave does not verify
    #[error("the signature of the quoting enclave's report does not verify")]
    QeSignature,

    // Validity
    /// AT-05
    #[error("the {place} certificate was valid until {not_after} only")]
    Expired {
        /// which certificate
        place: Place,
        /// its last second
        not_after: UnixTime,
    },
    /// AT-05
    #[error("the {place} certificate is not valid before {not_before}")]
    NotYetValid {
        /// which certificate
        place: Place,
        /// its first second
        not_before: UnixTime,
    },

    // Revocation
    /// AT-03: the CRL's signature, algorithm or structure
    #[error("the CRL is not its issuer's: {0}")]
    CrlInvalid(&'static str),
    /// AT-03: its next update has passed
    #[error("the CRL was to be renewed by {0}")]
    CrlExpired(UnixTime),
    /// AT-03: made after the time of the verification
    #[error("the CRL is from the future: {0}")]
    CrlNotYetValid(UnixTime),
    /// AT-03: who signed the OCSP response, or with what
    #[error("the OCSP response is not its issuer's: {0}")]
    OcspInvalid(&'static str),
    /// AT-03: its next update, or its responder's certificate, or the age of one that names none, has passed
    #[error("the OCSP response was to be renewed by {0}")]
    OcspExpired(UnixTime),
    /// AT-03: made after the time of the verification
    #[error("the OCSP response is from the future: {0}")]
    OcspNotYetValid(UnixTime),
    /// AT-03: its issuer says that it knows of no such certificate
    #[error("the issuer of the {0} certificate does not know it")]
    OcspUnknown(Place),
    /// AT-03
    #[error("the {0} certificate is revoked")]
    Revoked(Place),

    // Signature
    /// AT-03
    #[error("the signature of the report does not verify")]
    Signature,
    // TCB
    /// AT-03: the key was derived for another firmware level than the report claims
    #[error(
        "the signing key belongs to another firmware level than the report: {component} {certified}, reported {reported}"
    )]
    TcbMismatch {
        /// name of the firmware component
        component: &'static str,
        /// security version in the certificate
        certified: u64,
        /// security version in the report
        reported: u64,
    },

    /// AT-03: reference data that the vendor did not sign in this form
    #[error("reference data that is not its vendor's: {0}")]
    ReferenceInvalid(&'static str),
    /// AT-03: reference data past its next update
    #[error("the {what} was to be renewed by {until}")]
    ReferenceExpired {
        /// which
        what: &'static str,
        /// its last second
        until: UnixTime,
    },
    /// AT-03: reference data from after the time of the verification
    #[error("the {what} is from the future: {from}")]
    ReferenceNotYetValid {
        /// which
        what: &'static str,
        /// its first second
        from: UnixTime,
    },
    /// AT-03: the quoting enclave is not the one that the vendor's identity describes
    #[error("the quoting enclave is not the vendor's: {0}")]
    QeIdentity(&'static str),
    /// AT-03: the TDX module is none that the vendor's TCB info describes
    #[error("the TDX module is not the vendor's: {0}")]
    TdxModule(&'static str),
    /// AT-02: the register values beside a quote are not those that it is over
    #[error("the PCR values are not those of the quote")]
    PcrDigest,
    /// AT-02: an event log whose replay gives other register values
    #[error("the event log does not replay to {0}")]
    EventLog(String),

    // Attributes
    /// AT-03: a permission that this version does not know, so cannot judge
    #[error("attributes that are not understood: {0}")]
    Attributes(&'static str),

    // Binding
    /// AT-04
    #[error("the evidence is bound to something else")]
    Binding,

    // Freshness
    /// AT-03: the hardware says that it made the evidence after the time of the verification
    #[error("made in the future, at {0}")]
    MadeInFuture(UnixTime),

    /// AT-01: what is wrong with a companion of composite evidence
    #[error("companion `{label}`: {error}")]
    Companion {
        /// its label
        label: String,
        /// what is wrong
        error: Box<Error>,
    },
}

impl From<crate::cbor::Error> for Error {
    fn from(error: crate::cbor::Error) -> Self {
        use crate::cbor::Error as Cbor;
        Self::Malformed(match error {
            Cbor::Malformed => "CBOR that is cut short, or of another type",
            Cbor::NotDeterministic => "CBOR in another form than the deterministic one",
            Cbor::Bounds => "longer or more than its bound",
            Cbor::MissingField => "a required field is not there",
            Cbor::UnknownField => "a field that is not known, twice, or out of order",
            Cbor::Trailing => "bytes after the evidence",
        })
    }
}

impl Error {
    /// The stable reason code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Malformed(_) => "malformed",
            Self::Length { .. } => "length",
            Self::Version { .. } => "version",
            Self::MalformedEndorsement(_) => "endorsement-malformed",
            Self::Cmw(_) => "cmw-malformed",
            Self::KeyDocument(_) => "key-document-malformed",
            Self::EndorsementMissing(_) => "endorsement-missing",
            Self::RootNotPinned => "root-not-pinned",
            Self::KindMismatch { .. } => "kind-mismatch",
            Self::CertificateSignature(_) => "certificate-signature",
            Self::CertificateAlgorithm(_) => "certificate-algorithm",
            Self::CertificateUsage(_) => "certificate-usage",
            Self::CertificateExtension(_) => "certificate-extension",
            Self::WrongChip => "wrong-chip",
            Self::WrongProduct => "wrong-product",
            Self::Expired { .. } => "certificate-expired",
            Self::NotYetValid { .. } => "certificate-not-yet-valid",
            Self::CrlInvalid(_) => "crl-invalid",
            Self::CrlExpired(_) => "crl-expired",
            Self::CrlNotYetValid(_) => "crl-not-yet-valid",
            Self::OcspInvalid(_) => "ocsp-invalid",
            Self::OcspExpired(_) => "ocsp-expired",
            Self::OcspNotYetValid(_) => "ocsp-not-yet-valid",
            Self::OcspUnknown(_) => "ocsp-unknown",
            Self::Revoked(_) => "revoked",
            Self::Signature => "signature",
            Self::Unsigned => "unsigned",
            Self::TcbMismatch { .. } => "tcb-mismatch",
            Self::Attributes(_) => "attributes-unknown",
            Self::Binding => "binding",
            Self::Unsupported(_) => "unsupported",
            Self::KeyNotBound(_) => "key-not-bound",
            Self::QeSignature => "qe-signature",
            Self::ReferenceInvalid(_) => "reference-invalid",
            Self::ReferenceExpired { .. } => "reference-expired",
            Self::ReferenceNotYetValid { .. } => "reference-not-yet-valid",
            Self::QeIdentity(_) => "qe-identity",
            Self::TdxModule(_) => "tdx-module",
            Self::PcrDigest => "pcr-digest",
            Self::EventLog(_) => "event-log",
            Self::MadeInFuture(_) => "made-in-future",
            Self::Companion { error, .. } => error.code(),
        }
    }

    /// What would have passed, for denials (AT-23). What was found is the error's own text.
    #[must_use]
    pub fn expected(&self) -> String {
        let expected = match self {
            Self::Malformed(_) => "evidence in the format of its kind",
            Self::Length { expected, .. } => return format!("{expected} bytes"),
            Self::Version { .. } => "a version of the format that is known",
            Self::Unsupported(_) => "what evidence of this kind may have",
            Self::MalformedEndorsement(_) => {
                "endorsements that can be read, no more and no longer than their limits"
            }
            Self::Cmw(_) => "one piece of evidence, or a lead with companions, in its wrapper",
            Self::KeyDocument(_) => "a key document in its published form",
            Self::EndorsementMissing(_) => "every certificate between the evidence and a pinned root",
            Self::RootNotPinned => "a root of the vendor's, or one that the policy names",
            Self::KindMismatch { label, .. } => return format!("a root of {label}"),
            Self::CertificateSignature(_) => "a signature by the certificate above it",
            Self::CertificateAlgorithm(_) => "an algorithm that the vendor signs certificates with",
            Self::CertificateUsage(_) => "a certificate that was made for its place in the chain",
            Self::CertificateExtension(_) => "the extensions that the vendor puts into it, each once",
            Self::WrongChip => "the certificate of the chip that made the report",
            Self::WrongProduct => "one product in report, certificate and root",
            Self::KeyNotBound(_) => "a key that the hardware vouches for",
            Self::QeSignature => "a signature by the platform's certificate (PCK)",
            Self::Unsigned => "a report that the firmware signed",
            Self::Expired { .. } | Self::NotYetValid { .. } => {
                "certificates that are valid at the time of the verification"
            }
            Self::CrlInvalid(_) => "a CRL that its issuer signed",
            Self::CrlExpired(_) | Self::CrlNotYetValid(_) => "a CRL in force at the time of the verification",
            Self::OcspInvalid(_) => "an OCSP response by the issuer, or by a responder that it certified",
            Self::OcspExpired(_) | Self::OcspNotYetValid(_) => {
                "an OCSP response in force at the time of the verification"
            }
            Self::OcspUnknown(_) => "certificates that their issuers know",
            Self::Revoked(_) => "certificates that nobody has revoked",
            Self::Signature => "a signature over these bytes by the key that the chain certifies",
            Self::TcbMismatch { component, certified, .. } => {
                return format!("{component} {certified}, for which the key is certified");
            }
            Self::ReferenceInvalid(_) => "reference data in exactly the bytes that its vendor signed",
            Self::ReferenceExpired { .. } | Self::ReferenceNotYetValid { .. } => {
                "reference data in force at the time of the verification"
            }
            Self::QeIdentity(_) => "the quoting enclave that its vendor describes",
            Self::TdxModule(_) => "a TDX module that its vendor describes",
            Self::PcrDigest => "the register values that the quote is over",
            Self::EventLog(_) => "a log that leads to the registers attested",
            Self::Attributes(_) => "attributes that this version can judge",
            Self::Binding => "evidence over exactly what it is shown for",
            Self::MadeInFuture(_) => "evidence from before the time of the verification",
            Self::Companion { error, .. } => return error.expected(),
        };
        expected.to_owned()
    }

    /// The check that failed (AT-03).
    #[must_use]
    pub fn check(&self) -> Check {
        match self {
            Self::Malformed(_)
            | Self::Length { .. }
            | Self::Version { .. }
            | Self::Unsupported(_)
            | Self::MalformedEndorsement(_)
            | Self::Cmw(_)
            | Self::KeyDocument(_) => Check::Format,
            Self::EndorsementMissing(_)
            | Self::RootNotPinned
            | Self::KindMismatch { .. }
            | Self::CertificateSignature(_)
            | Self::CertificateAlgorithm(_)
            | Self::CertificateUsage(_)
            | Self::CertificateExtension(_)
            | Self::WrongChip
            | Self::WrongProduct
            | Self::KeyNotBound(_)
            | Self::QeSignature
            | Self::Unsigned => Check::Chain,
            Self::Expired { .. } | Self::NotYetValid { .. } => Check::Validity,
            Self::CrlInvalid(_)
            | Self::CrlExpired(_)
            | Self::CrlNotYetValid(_)
            | Self::OcspInvalid(_)
            | Self::OcspExpired(_)
            | Self::OcspNotYetValid(_)
            | Self::OcspUnknown(_)
            | Self::Revoked(_) => Check::Revocation,
            Self::Signature | Self::PcrDigest | Self::EventLog(_) => Check::Signature,
            Self::TcbMismatch { .. }
            | Self::ReferenceInvalid(_)
            | Self::ReferenceExpired { .. }
            | Self::ReferenceNotYetValid { .. }
            | Self::QeIdentity(_)
            | Self::TdxModule(_) => Check::Tcb,
            Self::Attributes(_) => Check::Attributes,
            Self::Binding => Check::Binding,
            Self::MadeInFuture(_) => Check::Freshness,
            Self::Companion { error, .. } => error.check(),
        }
    }

    /// The exit code of `sealwire verify`: 10 malformed, 20 not genuine, 30 refused by the policy, 40 endorsement missing.
    #[must_use]
    pub fn exit(&self) -> u8 {
        match self {
            Self::EndorsementMissing(_) => 40,
            Self::Companion { error, .. } => error.exit(),
            error if error.check() == Check::Format => 10,
            _ => 20,
        }
    }
}
