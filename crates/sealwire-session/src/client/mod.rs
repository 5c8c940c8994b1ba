//! The client's side of the handshake: [`start`] → [`ExpectServerFlight`] → [`ServerPresented`] or [`ResumedByServer`] →
//! [`Outcome`]: an [`Established`] session, or [`ExpectOwnCredential`] → [`ExpectFinishAnswer`] first.

mod authenticate;
mod flight;
mod presented;
mod start;
mod ticket;

pub use authenticate::{ExpectFinishAnswer, ExpectOwnCredential, Own};
pub use flight::{ExpectServerFlight, Received};
pub use presented::{Outcome, ResumedByServer, ServerPresented};
pub(crate) use presented::{bound, is_of};
pub use start::{Started, start};
pub use ticket::Ticket;

use crate::{
    Scheme, Secrets, SessionId, Suite,
    message::{Authentication, EvidenceMode, Parameters},
    suite::Group,
};

/// What a client offers (SE-04, SE-09).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// by preference; a share is sent of the first
    pub groups: Vec<Group>,
    /// by preference
    pub suites: Vec<Suite>,
    /// by preference
    pub schemes: Vec<Scheme>,
    /// what of the server's hardware (SE-08)
    pub evidence: EvidenceMode,
    /// whether this client has evidence of its own to show
    pub attests: bool,
    /// whether a ticket may be used without a new key agreement (SE-40)
    pub without_agreement: bool,
}

impl Default for Config {
    fn default() -> Self {
        use sealwire_crypto::aead::Aead::{Aes128Gcm, Aes256Gcm, ChaCha20Poly1305};
        Self {
            groups: vec![Group::X25519MlKem768, Group::SecP384r1MlKem1024],
            suites: [Aes256Gcm, ChaCha20Poly1305, Aes128Gcm].map(|aead| Suite { aead }).to_vec(),
            schemes: vec![Scheme::Ed25519MlDsa65, Scheme::SlhDsaSha2192f],
            evidence: EvidenceMode::Identity,
            attests: false,
            without_agreement: false,
        }
    }
}

/// A session that is attested, confirmed and ready (SE-10). There is no other way to one than through the checks.
pub struct Established {
    /// its id
    pub id: SessionId,
    /// what runs
    pub suite: Suite,
    /// the group that was agreed in; none in a resumption without agreement
    pub group: Option<Group>,
    /// how the server signed; none in a resumed session
    pub scheme: Option<Scheme>,
    /// what the server grants
    pub parameters: Parameters,
    /// what of its hardware the server has shown in this handshake
    pub evidence: EvidenceMode,
    /// whether the server asked for the client's evidence
    pub asked: Authentication,
    /// whether the client has shown it
    pub authenticated: bool,
    /// keys
    pub secrets: Secrets,
    /// for the next session
    pub ticket: Option<Ticket>,
    /// whether the server has taken early data
    pub early_accepted: bool,
}
