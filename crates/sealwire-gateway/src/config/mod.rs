//! The configuration: a TOML file, or the same structure made in code.
//!
//! `examples/sealwire.toml` shows every key with its meaning and default. What is written here is only what the file
//! says; `Plan` is what it comes to after every check.

mod callers;
mod companions;
mod digest;
mod ehbp;
mod error;
mod hpke_http;
mod legacy;
mod plan;
mod read;
mod registry;
mod secrets;
mod session;
#[cfg(test)]
mod tests;
mod tpm;
mod tunnel;
mod values;

pub(crate) use callers::CallersPlan;
pub use callers::{Asked, Callers};
pub use companions::{Companion, CompanionKind};
pub use digest::VERSION as DIGEST_VERSION;
pub(crate) use ehbp::EhbpPlan;
pub use ehbp::{Ehbp, RouteEhbp};
pub use error::Error;
pub use hpke_http::HpkeHttp;
pub(crate) use hpke_http::{HpkeHttpPlan, KeysOf, Place};
pub(crate) use legacy::LegacyPlan;
pub use legacy::{Legacy, RouteLegacy, RouteLegacyTable};
pub(crate) use plan::{Plan, Served};
pub use registry::Registry;
pub(crate) use secrets::SecretsPlan;
pub use secrets::{Secret, Secrets};
pub use session::{PathPrefix, Session};
pub use tpm::Tpm;
pub use tunnel::Tunnel;
pub(crate) use tunnel::TunnelPlan;

use sealwire_http::crypto::{aead::Aead, kem::Kem};
use serde::Deserialize;
use std::{
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    time::Duration,
};

/// What a gateway does. Unknown keys are errors.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Config {
    /// where requests arrive; port 0 chooses a free one
    pub listen: SocketAddr,
    /// where health, readiness and metrics are served; nowhere when absent
    pub admin: Option<SocketAddr>,
    /// what makes the evidence
    pub tee: Tee,
    /// for `tee = "tpm"`: which, and how it is used
    pub tpm: Tpm,
    /// evidence that goes with it
    pub companions: Vec<Companion>,
    /// folder of the development root; `sealwire` in the user's state folder when absent
    pub state: Option<PathBuf>,
    /// names that are served, `host` or `host:port`; the listen address when empty
    pub authorities: Vec<String>,
    /// file with an operator's statement (AT-44), which `sealwire keys operator` writes
    pub operator_statement: Option<PathBuf>,
    /// short for one route, `/`
    pub upstream: Option<String>,
    /// file with the certificates, in PEM, that `https` upstreams must chain to; the system's when absent
    pub upstream_roots: Option<PathBuf>,
    /// certificate and key of the listener; no TLS when absent
    pub tls: Option<Tls>,
    /// bounds
    pub limits: Limits,
    /// keys and their document
    pub keys: Keys,
    /// sessions
    pub session: Session,
    /// hpke-http/3; off when absent
    pub hpke_http: Option<HpkeHttp>,
    /// defence against repeated requests
    pub replay: Replay,
    /// evidence
    pub quotes: Quotes,
    /// what clients need besides the evidence
    pub endorsements: Endorsements,
    /// what callers prove of themselves; nothing when absent
    pub callers: Option<Callers>,
    /// what the instance's id begins with, which is random otherwise: at most 4 bytes, for balancers that route by it
    #[serde(deserialize_with = "values::hex")]
    pub instance_prefix: Vec<u8>,
    /// what holds for all secrets; none are kept when absent
    pub secrets: Option<Secrets>,
    /// names of secrets, and who may read and write them
    pub secret: Vec<Secret>,
    /// content that is sealed alone; not taken when absent
    pub ehbp: Option<Ehbp>,
    /// version 0 of the RA tunnel, which is off unless this says otherwise
    pub tunnel: Tunnel,
    /// other instances behind the same names
    pub registry: Option<Registry>,
    /// log of the program
    pub log: Log,
    /// what is served, and by whom
    #[serde(rename = "route")]
    pub routes: Vec<Route>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 8443)),
            admin: None,
            tee: Tee::Auto,
            tpm: Tpm::default(),
            companions: Vec::new(),
            state: None,
            authorities: Vec::new(),
            operator_statement: None,
            upstream: None,
            upstream_roots: None,
            tls: None,
            limits: Limits::default(),
            keys: Keys::default(),
            session: Session::default(),
            hpke_http: None,
            replay: Replay::default(),
            quotes: Quotes::default(),
            endorsements: Endorsements::default(),
            callers: None,
            instance_prefix: Vec::new(),
            secrets: None,
            secret: Vec::new(),
            ehbp: None,
            tunnel: Tunnel::default(),
            registry: None,
            log: Log::default(),
            routes: Vec::new(),
        }
    }
}

/// What makes the evidence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Tee {
    /// what the machine has; never `development`
    Auto,
    /// Intel TDX
    Tdx,
    /// AMD SEV-SNP
    Snp,
    /// AWS Nitro Enclaves
    Nitro,
    /// a TPM 2.0, whose key an enrolment CA has certified; never chosen by `auto`
    Tpm,
    /// evidence in the genuine format under a root of this machine, which only a development policy accepts
    Development,
}

impl Tee {
    /// The name that `sealwire_tee::open` takes.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Tdx => "tdx",
            Self::Snp => "snp",
            Self::Nitro => "nitro",
            Self::Tpm => "tpm",
            Self::Development => "development",
        }
    }
}

/// TLS of the listener. The sealed channel does not rest on it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Tls {
    /// file with the chain, in PEM, the leaf first
    pub certificate: PathBuf,
    /// file with the private key, in PEM
    pub key: PathBuf,
}

/// Bounds of what callers may cost.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Limits {
    /// connections at once; more wait
    pub connections: usize,
    /// requests at once, over all connections; more are answered 503
    pub requests: usize,
    /// concurrent requests of one HTTP/2 connection
    pub streams: u32,
    /// bytes of a header section
    #[serde(deserialize_with = "values::size")]
    pub header_size: usize,
    /// until a request's header section is there; also how long an idle HTTP/1.1 connection is kept
    #[serde(deserialize_with = "values::time")]
    pub header_time: Duration,
    /// longest pause inside a request's content, and longest time for which a caller takes nothing of its answer
    #[serde(deserialize_with = "values::time")]
    pub idle_time: Duration,
    /// how long open exchanges may take to finish after shutdown began
    #[serde(deserialize_with = "values::time")]
    pub drain_time: Duration,
    /// bytes of a request that is sealed in one piece
    #[serde(deserialize_with = "values::size")]
    pub single_request: usize,
    /// bytes of an answer that is sealed in one piece
    #[serde(deserialize_with = "values::size")]
    pub single_response: usize,
    /// bytes of a message that is sealed in chunks, each way
    #[serde(deserialize_with = "values::size")]
    pub message: usize,
    /// how long an upstream may take to begin its answer once it has the request; routes may say otherwise
    #[serde(deserialize_with = "values::time")]
    pub upstream_time: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 10_000,
            requests: 10_000,
            streams: 100,
            header_size: 64 << 10,
            header_time: Duration::from_secs(10),
            idle_time: Duration::from_secs(60),
            drain_time: Duration::from_secs(30),
            single_request: 1 << 20,
            single_response: 8 << 20,
            message: 1 << 30,
            upstream_time: Duration::from_secs(60),
        }
    }
}

/// Keys of the oblivious wire, and the document that attests them.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Keys {
    /// KEMs on offer, by preference: `x-wing`, `x25519`, `p-256`
    #[serde(deserialize_with = "values::kems")]
    pub kems: Vec<Kem>,
    /// AEADs on offer with each key, by preference: `aes-256-gcm`, `chacha20-poly1305`, `aes-128-gcm`
    #[serde(deserialize_with = "values::aeads")]
    pub aeads: Vec<Aead>,
    /// how often keys are replaced
    #[serde(deserialize_with = "values::time")]
    pub rotation: Duration,
    /// how long a replaced key is still accepted
    #[serde(deserialize_with = "values::time")]
    pub overlap: Duration,
    /// how long a key document may be used; it is renewed at half of that
    #[serde(deserialize_with = "values::time")]
    pub lifetime: Duration,
    /// requests that each key's replay register remembers; more are refused with 503 until some are forgotten
    pub register_capacity: usize,
}

impl Default for Keys {
    fn default() -> Self {
        let day = Duration::from_secs(24 * 60 * 60);
        Self {
            kems: vec![Kem::XWing, Kem::X25519],
            aeads: vec![Aead::Aes256Gcm, Aead::ChaCha20Poly1305, Aead::Aes128Gcm],
            rotation: day,
            overlap: day,
            lifetime: day,
            register_capacity: 1 << 22,
        }
    }
}

/// Defence against repeated requests (OB-60 to OB-62).
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Replay {
    /// how far a request's Date may be from the gateway's clock
    #[serde(deserialize_with = "values::time")]
    pub window: Duration,
}

impl Default for Replay {
    fn default() -> Self {
        Self { window: Duration::from_secs(10 * 60) }
    }
}

/// How evidence is made (AT-40, AT-61).
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Quotes {
    /// quotes that may wait; more are answered 503
    pub queue: usize,
    /// how long one may take
    #[serde(deserialize_with = "values::time")]
    pub timeout: Duration,
    /// fresh evidence over callers' challenges, for all callers together; more are answered 429
    pub challenges_per_second: u32,
}

impl Default for Quotes {
    fn default() -> Self {
        Self { queue: 16, timeout: Duration::from_secs(10), challenges_per_second: 5 }
    }
}

/// What goes out beside the evidence, so that clients need not ask its vendor (AT-40, AT-70, AT-71).
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Endorsements {
    /// folder of certificates, CRLs and reference data, read for each key document
    pub folder: Option<PathBuf>,
    /// ask the vendors for what the evidence needs
    pub fetch: bool,
    /// folder in which what was fetched outlives a restart; in memory alone when absent
    pub cache: Option<PathBuf>,
    /// a mirror of Intel's PCS instead of Intel
    pub pcs: Option<String>,
    /// a mirror of AMD's KDS instead of AMD
    pub kds: Option<String>,
    /// a mirror of the buckets with AWS's CRLs instead of AWS
    pub aws_crls: Option<String>,
    /// file with the certificates, in PEM, that these services must chain to; the system's when absent. What they send
    /// is signed, so nothing rests on it
    pub tls_roots: Option<PathBuf>,
    /// how often what has an end is asked for anew
    #[serde(deserialize_with = "values::time")]
    pub refresh: Duration,
    /// how much longer it is used while it cannot be asked for; never past its own end
    #[serde(deserialize_with = "values::time")]
    pub grace: Duration,
    /// how long one item may take, all attempts together
    #[serde(deserialize_with = "values::time")]
    pub timeout: Duration,
}

impl Default for Endorsements {
    fn default() -> Self {
        let day = Duration::from_secs(24 * 60 * 60);
        Self {
            folder: None,
            fetch: false,
            cache: None,
            pcs: None,
            kds: None,
            aws_crls: None,
            tls_roots: None,
            refresh: day,
            grace: 30 * day,
            timeout: Duration::from_secs(30),
        }
    }
}

/// The program's log.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Log {
    /// its form
    pub format: LogFormat,
}

/// Form of log lines.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LogFormat {
    /// for people
    #[default]
    Text,
    /// one object a line
    Json,
}

/// One route: requests whose path begins with these segments, unless a longer route fits too.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Route {
    /// begins with `/`; whole segments are compared, and a final `/` means nothing
    pub path: String,
    /// `http://` to this machine or `https://` to any, with an optional path that goes before the request's
    pub upstream: String,
    /// the upstream is spoken to over HTTP/2, as gRPC wants it: with prior knowledge, or agreed on under TLS
    #[serde(default)]
    pub upstream_http2: bool,
    /// methods that are taken; all but CONNECT and TRACE when absent
    #[serde(default)]
    pub methods: Option<Vec<String>>,
    /// requests that are not sealed are taken too
    #[serde(default)]
    pub plaintext: bool,
    /// sealed requests are gathered, to at most this many bytes, before the upstream sees any (OB-25)
    #[serde(default, deserialize_with = "values::size_or_false")]
    pub complete_requests: Option<usize>,
    /// a repeated request does no harm here, so none is refused as one (OB-60)
    #[serde(default)]
    pub idempotent: bool,
    /// sealed requests without a Date are taken (OB-62)
    #[serde(default)]
    pub undated: bool,
    /// requests from TLS early data are taken (OB-63)
    #[serde(default)]
    pub early_data: bool,
    /// only callers that have attested themselves are served (SE-11)
    #[serde(default)]
    pub attested_caller: bool,
    /// callers by version 0 of the RA tunnel are served, where that is on (TU-34)
    #[serde(default = "values::yes")]
    pub tunnel_version_0: bool,
    /// requests of one caller; more are answered 429. Callers that nothing tells apart share one allowance
    #[serde(default)]
    pub requests_per_second: Option<u32>,
    /// the releases 1.x of hpke-http are taken (HH-96)
    #[serde(default)]
    pub legacy: Option<RouteLegacy>,
    /// answers on hpke-http are compressed, but for event streams (HH-60)
    #[serde(default)]
    pub compress_responses: bool,
    /// chunked answers leave in pieces of one size (OB-64)
    #[serde(default)]
    pub pace: Option<Pace>,
    /// content that is sealed alone is taken, and requests in clear are refused with 426 (EH-20, EH-23)
    #[serde(default)]
    pub ehbp: Option<RouteEhbp>,
    /// instead of `limits.upstream-time`
    #[serde(default, deserialize_with = "values::some_time")]
    pub timeout: Option<Duration>,
}

/// How sealed, chunked answers are cut where the lengths of their pieces tell too much, as those of generated tokens do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Pace {
    /// bytes of content in each piece
    #[serde(deserialize_with = "values::size")]
    pub size: usize,
    /// how long content waits for a piece to fill: latency that is added
    #[serde(deserialize_with = "values::time")]
    pub every: Duration,
}

impl Route {
    /// A route with nothing but its path and upstream.
    #[must_use]
    pub fn new(path: impl Into<String>, upstream: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            upstream: upstream.into(),
            upstream_http2: false,
            methods: None,
            plaintext: false,
            complete_requests: None,
            idempotent: false,
            undated: false,
            early_data: false,
            attested_caller: false,
            tunnel_version_0: true,
            requests_per_second: None,
            legacy: None,
            compress_responses: false,
            pace: None,
            ehbp: None,
            timeout: None,
        }
    }
}
