//! The client's side of the handshake. Before the quote, the policy and the binding have all been checked there is no key,
//! and nothing of the connection can be used (TU-36).

use crate::{
    Error, Limits, VerifierData,
    binding::{self, Bindings},
    connection::{Client, Connection},
    handshake::{ClientKx, ServerKx},
};
use bytes::Bytes;
use sealwire_attest::{
    Appraised, Claims, Endorsements, Evidence, Kind, Policy, UnixTime, Verifier,
    verdict::{Denial, Reason},
    verify::Expected,
};
use sealwire_crypto::{
    nacl::{self, SecretBoxKey},
    random::{self, Random},
};
use zeroize::Zeroizing;

/// What a server shows; nothing of it has been checked.
pub struct Presented(ServerKx);

impl Presented {
    /// Reads the first message of a server.
    ///
    /// # Errors
    /// [`Error::ServerKx`], [`Error::OldForm`], [`Error::PublicKey`], [`Error::Field`]
    pub fn read(message: &[u8]) -> Result<Self, Error> {
        ServerKx::decode(message).map(Self)
    }

    /// Its key for sealed boxes.
    #[must_use]
    pub fn public_key(&self) -> &[u8; 32] {
        &self.0.public
    }

    /// What a verifier is said to have given it.
    #[must_use]
    pub fn verifier_data(&self) -> Option<&VerifierData> {
        self.0.verifier_data.as_ref()
    }

    /// The endorsements that it sends along, as a Sealwire gateway does.
    #[must_use]
    pub fn endorsements(&self) -> &Endorsements {
        &self.0.endorsements
    }

    /// The quote as evidence, of the kind that its bytes have. A report is a development one only for a policy that names
    /// such a root (AT-07).
    ///
    /// # Errors
    /// What is wrong with its form.
    pub fn evidence(&self, policy: &Policy) -> Result<Evidence, sealwire_attest::Error> {
        let kind = policy.is_development().then_some(Kind::Development);
        Evidence::detect(&self.0.quote, kind)
    }

    /// Checks the quote as any evidence, its binding to the key, and the policy (TU-36). `endorsements` are all that there
    /// are, those of the server among them.
    ///
    /// # Errors
    /// Every rule that failed, or the first check.
    pub fn appraise(
        self,
        verifier: &Verifier,
        policy: &Policy,
        endorsements: &Endorsements,
        bindings: Bindings,
        at: UnixTime,
    ) -> Result<Trusted, Denial> {
        let failed =
            |error: &sealwire_attest::Error| Denial { reasons: vec![Reason::of(error, endorsements)] };
        let evidence = self.evidence(policy).map_err(|error| failed(&error))?;
        let Self(ServerKx { public, verifier_data, .. }) = self;
        let report_data = bindings.report_data(verifier_data.as_ref(), &public)?;
        let expected = Expected::Binding(&report_data);
        let verified =
            verifier.verify(&evidence, endorsements, expected, at).map_err(|error| failed(&error))?;
        let claims = policy.appraise(verified, at)?;
        binding::check(policy, verifier_data.as_ref(), at)?;
        Ok(Trusted { public, claims, verifier_data })
    }
}

/// A server's key that the policy has accepted.
pub struct Trusted {
    public: [u8; 32],
    claims: Appraised<Claims>,
    verifier_data: Option<VerifierData>,
}

impl Trusted {
    /// What was accepted.
    #[must_use]
    pub fn claims(&self) -> &Appraised<Claims> {
        &self.claims
    }

    /// What the quote covers besides the key.
    #[must_use]
    pub fn verifier_data(&self) -> Option<&VerifierData> {
        self.verifier_data.as_ref()
    }

    /// Makes the key of the connection; gives `client_kx`, which is sent next.
    ///
    /// # Errors
    /// [`Error::LowOrder`], [`Error::Random`]
    pub fn agree(
        &self,
        limits: &Limits,
        now_millis: u64,
        random: &dyn Random,
    ) -> Result<(Bytes, Connection<Client>), Error> {
        let key = Zeroizing::new(random::array::<{ nacl::KEY_LEN }>(random).map_err(|_| Error::Random)?);
        let sealed = nacl::seal(&self.public, &*key, random).map_err(|error| match error {
            sealwire_crypto::Error::Random => Error::Random,
            _ => Error::LowOrder,
        })?;
        let sealed = sealed.try_into().map_err(|_| Error::SealedKey)?;
        let connection = Connection::new(SecretBoxKey::new(&key), limits, now_millis, random)?;
        Ok((ClientKx { sealed }.encode().into(), connection))
    }
}
