//! Two ends in memory, and a `server_kx` made by hand.

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use minicbor::Encoder;
use sealwire_attest::{Policy, UnixTime, Verifier, verdict::Denial};
use sealwire_crypto::random::OsRandom;
use sealwire_tee::{Development, Tee};
use sealwire_tunnel::{
    Limits, VerifierData,
    binding::Bindings,
    client::{Presented, Trusted},
    connection::{Client, Connection, Server},
    server::{ExpectClientKx, Offer, Step, Unquoted},
};
use std::{
    env,
    sync::{Arc, LazyLock},
    time::SystemTime,
};

/// The digest of the gateway's configuration.
pub(crate) const DIGEST: [u8; 48] = [0x33; 48];

/// The development machine of all tests of this binary. Its root is kept inside cargo's target folder.
pub(crate) static TEE: LazyLock<Development> = LazyLock::new(|| {
    let program = env::current_exe().unwrap();
    Development::open(&program.ancestors().nth(3).unwrap().join("tmp").join("sealwire-tests")).unwrap()
});

/// Unix seconds at which everything happens: the development chain is made for the present.
pub(crate) static NOW: LazyLock<UnixTime> =
    LazyLock::new(|| UnixTime(SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs()));

/// A policy that takes the development machine, with more lines before its table.
pub(crate) fn policy(top: &str) -> Policy {
    let text = format!(
        "version = 1\n{top}\n[[accept]]\nkind = \"development\"\n\
         measurement = {{ any = \"test\" }}\nhost-data = {{ any = \"test\" }}\nminimum-tcb = {{ any = \"test\" }}\n\
         crl = \"if-available\"\nroots = [\"sha256:{}\"]\n",
        hex::encode(TEE.root_fingerprint())
    );
    Policy::from_toml(&text).unwrap()
}

pub(crate) static POLICY: LazyLock<Policy> = LazyLock::new(|| policy("any-operator = true"));
pub(crate) static VERIFIER: LazyLock<Verifier> = LazyLock::new(|| Verifier::new(POLICY.trust()));

/// A gateway's key with a quote over it.
pub(crate) fn offer(limits: &Limits) -> Arc<Offer> {
    let unquoted = Unquoted::generate(&DIGEST, *NOW, &OsRandom).unwrap();
    let produced = TEE.produce(&unquoted.report_data()).unwrap();
    Arc::new(unquoted.quoted(produced.evidence.bytes, produced.endorsements, limits))
}

pub(crate) fn appraise(message: &[u8], policy: &Policy, bindings: Bindings) -> Result<Trusted, Denial> {
    appraise_at(message, policy, bindings, *NOW)
}

pub(crate) fn appraise_at(
    message: &[u8],
    policy: &Policy,
    bindings: Bindings,
    at: UnixTime,
) -> Result<Trusted, Denial> {
    let presented = Presented::read(message).unwrap();
    let mut endorsements = presented.endorsements().clone();
    endorsements.merge(&TEE.produce(&[0; 64]).unwrap().endorsements).unwrap();
    presented.appraise(&VERIFIER, policy, &endorsements, bindings, at)
}

/// The code of the one reason for which a server was refused.
pub(crate) fn code(result: Result<Trusted, Denial>) -> &'static str {
    let Err(denial) = result else { panic!("accepted") };
    assert_eq!(denial.reasons.len(), 1, "{denial:?}");
    denial.reasons[0].code
}

/// Both ends of a connection.
pub(crate) fn pair(limits: &Limits) -> (Connection<Client>, Connection<Server>) {
    let offer = offer(limits);
    let trusted = appraise(&offer.message(), &POLICY, Bindings::default()).unwrap();
    let (client_kx, client) = trusted.agree(limits, 0, &OsRandom).unwrap();
    match ExpectClientKx::new(offer).receive(&client_kx, limits, 0, &OsRandom) {
        Ok(Step::Established(server)) => (client, *server),
        Ok(Step::Dropped(_, dropped)) => panic!("{dropped}"),
        Err(error) => panic!("{error}"),
    }
}

/// A `server_kx` by hand, in the shortest forms.
#[derive(Clone)]
pub(crate) struct ByHand {
    pub(crate) public: Vec<u8>,
    pub(crate) quote: Vec<u8>,
    /// whether its key stands there at all
    pub(crate) has_runtime_data: bool,
    pub(crate) verifier_data: Option<VerifierData>,
}

impl ByHand {
    /// With a quote of the development machine over `report_data`.
    pub(crate) fn quoted(public: &[u8], report_data: &[u8; 64], data: Option<VerifierData>) -> Self {
        let quote = TEE.produce(report_data).unwrap().evidence.bytes;
        Self { public: public.to_vec(), quote, has_runtime_data: true, verifier_data: data }
    }

    pub(crate) fn encode(&self) -> Bytes {
        let mut e = Encoder::new(Vec::new());
        let pairs = 3 + u64::from(self.has_runtime_data) + u64::from(self.verifier_data.is_some());
        e.map(pairs).unwrap().str("type").unwrap().str("server_kx").unwrap();
        e.str("x25519PublicKey").unwrap().str(&STANDARD.encode(&self.public)).unwrap();
        e.str("quote").unwrap().str(&STANDARD.encode(&self.quote)).unwrap();
        if self.has_runtime_data {
            e.str("runtime_data").unwrap().null().unwrap();
        }
        if let Some(VerifierData { val, iat, signature }) = &self.verifier_data {
            let mut data = Encoder::new(Vec::new());
            data.map(if signature.is_some() { 3 } else { 2 }).unwrap();
            data.str("val").unwrap().bytes(val).unwrap().str("iat").unwrap().bytes(iat).unwrap();
            if let Some(signature) = signature {
                data.str("signature").unwrap().bytes(signature).unwrap();
            }
            e.str("verifier_data").unwrap().str(&STANDARD.encode(data.into_writer())).unwrap();
        }
        e.into_writer().into()
    }
}
