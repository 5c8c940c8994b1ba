//! `sealwire connect`

use super::{
    exit::{Exit, Failure, Outcome},
    logging, output, own, policy, proof,
    revocation::Revocation,
    signals,
    source::{self, Source},
    values::{self, Url},
    wires,
};
use clap::{Args as ClapArgs, ValueEnum};
use sealwire::connect::{self, ConnectSettings, Running};
use sealwire_attest::verdict::Denial;
use sealwire_client::{Offer, SealedWith, Settings, pinned, ra_tunnel};
use sealwire_crypto::{kem::Kem, kx::Group};
use sealwire_http::{
    client::{oblivious, session::Refused},
    session::{Scheme, message::EvidenceMode},
};
use serde_json::json;
use std::{
    fmt::Write,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    path::{Path, PathBuf},
    time::Duration,
};
use tokio_util::sync::CancellationToken;

/// Open a local port that leads into an attested enclave
///
/// Verifies the gateway by your policy first, and does not even start if the policy says no. Then any program that can
/// be given a base URL (curl, an SDK, a browser) talks plain HTTP to the local port, and everything leaves this machine
/// sealed to the enclave. Keys are renewed by themselves; if the gateway later shows something that the policy
/// refuses, requests are answered 502 with the rule that failed, and nothing is sent.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  sealwire policy init https://gateway.example --output policy.toml
  sealwire connect --to https://gateway.example --policy policy.toml --listen 127.0.0.1:8080
  sealwire connect --to https://gateway.example --policy policy.toml \\
      --relay https://relay.example/unit
  sealwire connect --to https://gateway.example --policy policy.toml \\
      --attest auto
  sealwire connect --to https://gateway.example --policy policy.toml \\
      --wire tunnel
  sealwire connect --to https://gateway.example --policy policy.toml \\
      --wire hpke-http --psk-id tenant --psk-file tenant.key
  sealwire connect --to https://api.example --wire hpke-http --endpoint /sealed \\
      --pinned-key key-2026:0f3c… --psk-id tenant --psk-file tenant.key

Exit codes: 0 stopped in good order · 1 failure, the gateway cannot be reached
            2 usage · 30 the policy refuses the gateway")]
pub(crate) struct Args {
    /// The gateway. With --relay it is never contacted itself
    #[arg(long, value_name = "URL")]
    to: Url,
    /// What the gateway must prove (`sealwire policy init` writes one)
    #[arg(long, value_name = "FILE", required_unless_present = "pinned_key")]
    policy: Option<PathBuf>,
    /// Where programs on this machine connect; port 0 chooses a free one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8080", value_parser = values::address)]
    listen: SocketAddr,
    /// Where the status page is served; port 0 chooses a free one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:0", value_parser = values::address)]
    status: SocketAddr,
    /// A relay's URL for this gateway; the gateway then never learns who asks
    #[arg(long, value_name = "URL")]
    relay: Option<Url>,
    /// The wire to use [default: a session where the gateway's accepted document offers them, else oblivious; with --relay
    /// always oblivious]. One that is named is never left for another
    #[arg(long, value_enum)]
    wire: Option<Wire>,
    /// Asks for a session: a GET, HEAD, OPTIONS or TRACE that finds the last session over goes along with the first message of
    /// the next. One round trip less; where its answer is lost on the way, it is sent again
    #[arg(long)]
    early_data: bool,
    /// Asks for a session: a key agreement that may be used: X25519MLKEM768, SecP384r1MLKEM1024 or x25519; repeatable, the
    /// preferred first [default: the first two]
    #[arg(long = "group", value_name = "GROUP", value_parser = values::group)]
    groups: Vec<Group>,
    /// Asks for a session: a signature that will do: ed25519+ml-dsa-65, slh-dsa-sha2-192f or ed25519; repeatable, the preferred
    /// first [default: the first two]
    #[arg(long = "scheme", value_name = "SCHEME", value_parser = values::scheme)]
    schemes: Vec<Scheme>,
    /// Asks for a session: has the gateway's hardware attest each full handshake, besides the key document. Takes as long as a
    /// quote does, and a gateway makes few in a second
    #[arg(long)]
    fresh_evidence: bool,
    /// Asks for a session: another session may do with the keys of the last, if the gateway says so as well; faster, and whoever
    /// has the old keys has the new ones
    #[arg(long)]
    resume_without_agreement: bool,
    /// Asks for a session: method, path, query and name of requests show outside, authenticated, for infrastructure that routes
    /// by them; content and fields stay sealed
    #[arg(long)]
    bound: bool,
    /// With --bound: a field that shows outside, too, where a request has it; repeatable
    #[arg(long = "listed", value_name = "NAME", requires = "bound")]
    listed: Vec<http::HeaderName>,
    /// Asks for the oblivious wire: streams in chunks, or one sealed message each way [default there: chunked]
    #[arg(long, value_enum)]
    form: Option<Form>,
    /// The name that requests carry inside, where it is not that of --to
    #[arg(long, value_name = "NAME", value_parser = values::authority)]
    authority: Option<String>,
    /// Asks for the oblivious wire: a KEM that may be used, x-wing, x25519 or p-256; repeatable [default there: x-wing and
    /// x25519]
    #[arg(long = "kem", value_name = "KEM", value_parser = values::kem)]
    kems: Vec<Kem>,
    /// A name besides localhost by which programs call the local port; repeatable
    #[arg(long = "allow-host", value_name = "HOST")]
    allow_hosts: Vec<String>,
    /// Origin of a web page that may use the local port, such as https://app.example; repeatable
    #[arg(long = "allow-origin", value_name = "ORIGIN")]
    allow_origins: Vec<String>,
    #[command(flatten)]
    wires: wires::Args,
    #[command(flatten)]
    own: own::Args,
    #[command(flatten)]
    revocation: Revocation,
    #[command(flatten)]
    source: Source,
    /// Where the gateway cannot be reached yet, try again until it can. What the policy refuses is not tried again
    #[arg(long)]
    keep_trying: bool,
    /// Print one line of JSON when ready: ready, listen, status, authority, attested, development, kind, hardware-model,
    /// operator, age, wire, channel (whether WebSockets and gRPC are carried), kem or group, caller-attested, expires. With a
    /// pinned key attested is false, and of the members from development on there are wire, channel and key-id. By tunnel-v0
    /// there are development, kind, hardware-model, wire, channel and config-digest
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Wire {
    /// Oblivious HTTP (RFC 9458): each request by itself, by a relay where one is wanted
    Oblivious,
    /// an attested session: one handshake, then symmetric keys
    Session,
    /// the same with everything on one WebSocket, where nothing but a WebSocket passes
    Tunnel,
    /// version 0 of the RA tunnel (RA-HTTPS, RA-WSS), for servers that others have made. Not forward secret, whole requests of
    /// text alone, and nobody can tell when the quote was made
    #[value(name = "tunnel-v0")]
    TunnelV0,
    /// hpke-http/3: each request under the server's key and a pre-shared key
    HpkeHttp,
    /// hpke-http 1.x, for servers that cannot move yet: bodies alone are sealed
    #[value(name = "hpke-http-1")]
    HpkeHttp1,
    /// EHBP: contents alone are sealed
    Ehbp,
}

impl Wire {
    fn name(self) -> &'static str {
        match self {
            Self::Oblivious => "oblivious",
            Self::Session => "session",
            Self::Tunnel => "tunnel",
            Self::TunnelV0 => ra_tunnel::WIRE,
            Self::HpkeHttp => "hpke-http",
            Self::HpkeHttp1 => "hpke-http-1",
            Self::Ehbp => "ehbp",
        }
    }
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Form {
    /// streams, whatever the size
    Chunked,
    /// whole messages, padded to buckets
    Single,
}

pub(crate) async fn run(args: &Args, logs: &logging::Args) -> Outcome {
    logs.start("info", false)?;
    if let Some(key) = &args.wires.pinned_key {
        return run_pinned(args, key).await;
    }
    if args.wire == Some(Wire::TunnelV0) {
        return run_tunnel_v0(args).await;
    }
    let settings = args.settings().await?;
    let shutdown = signals::shutdown()?;
    let Some(running) = start(&settings, args, &shutdown).await? else { return Ok(Exit::Ok) };
    announce(args, &running)?;
    shutdown.cancelled().await;
    running.shutdown().await;
    Ok(Exit::Ok)
}

/// To a server that attests nothing.
async fn run_pinned(args: &Args, key: &str) -> Outcome {
    let settings = args.pinned_settings(key)?;
    let shutdown = signals::shutdown()?;
    let running = connect::start_pinned(settings).await.map_err(|error| not_started(error, args))?;
    announce_pinned(args, &running)?;
    shutdown.cancelled().await;
    running.shutdown().await;
    Ok(Exit::Ok)
}

/// By version 0 of the RA tunnel.
async fn run_tunnel_v0(args: &Args) -> Outcome {
    let settings = args.tunnel_v0_settings()?;
    let shutdown = signals::shutdown()?;
    let running = connect::start_tunnel_v0(settings).await.map_err(|error| not_started(error, args))?;
    announce_tunnel_v0(args, &running)?;
    shutdown.cancelled().await;
    running.shutdown().await;
    Ok(Exit::Ok)
}

impl Args {
    fn tunnel_v0_settings(&self) -> Result<ConnectSettings<ra_tunnel::Settings>, Failure> {
        self.check_wire_flags()?;
        let others = self.of_oblivious().or(self.of_sessions()).or(self.relay.as_ref().map(|_| "--relay"));
        if let Some(flag) = others.or(self.revocation.is_given().then_some("--revocation-list")) {
            return Err(Failure::usage(format!("{flag} is not for --wire tunnel-v0: leave one of them out")));
        }
        let path = self.policy.as_ref().ok_or_else(|| Failure::usage("there is no policy"))?;
        self.source.local_endorsements()?;
        let client = ra_tunnel::Settings {
            authority: self.authority.clone(),
            bindings: ra_tunnel::Bindings { verifier_data: true, key_alone: self.wires.quote_over_key },
            timeout: self.source.timeout,
            tls_roots: self.source.roots.read()?,
            endorsements: self.source.endorsements.clone(),
            ..ra_tunnel::Settings::new(self.to.0.clone(), policy::load(path)?)
        };
        Ok(self.near(client))
    }

    fn pinned_settings(&self, key: &str) -> Result<ConnectSettings<pinned::Settings>, Failure> {
        self.check_wire_flags()?;
        let wire = match self.wire {
            Some(Wire::HpkeHttp) => {
                pinned::Wire::HpkeHttp(wires::pinned_key(key, true)?, self.wires.hpke_http()?)
            }
            Some(Wire::HpkeHttp1) => {
                pinned::Wire::HpkeHttp1(wires::pinned_key(key, false)?, self.wires.hpke_http_1()?)
            }
            Some(Wire::Ehbp) => pinned::Wire::Ehbp(wires::pinned_key(key, false)?, self.wires.ehbp()),
            _ => {
                return Err(Failure::usage("--pinned-key is for wires that others defined")
                    .next("name one: --wire hpke-http, hpke-http-1 or ehbp; a gateway of Sealwire is held against --policy"));
            }
        };
        let client = pinned::Settings {
            authority: self.authority.clone(),
            timeout: self.source.timeout,
            tls_roots: self.source.roots.read()?,
            ..pinned::Settings::new(self.to.0.clone(), wire)
        };
        Ok(self.near(client))
    }

    /// What belongs to this side of the proxy.
    fn near<S>(&self, client: S) -> ConnectSettings<S> {
        ConnectSettings {
            status: self.status,
            allow_hosts: self.allow_hosts.clone(),
            allow_origins: self.allow_origins.clone(),
            ..ConnectSettings::new(client, self.listen)
        }
    }

    /// A flag of wires that others defined stands beside the name of one of its wires.
    fn check_wire_flags(&self) -> Result<(), Failure> {
        let Some((flag, wires)) = self.wires.given() else { return Ok(()) };
        let named = self.wire.map(Wire::name);
        if named.is_some_and(|named| wires.contains(&named)) {
            return Ok(());
        }
        Err(Failure::usage(format!("{flag} goes with --wire {}", wires.join(" or "))))
    }

    async fn settings(&self) -> Result<ConnectSettings, Failure> {
        let path = self.policy.as_ref().ok_or_else(|| Failure::usage("there is no policy"))?;
        let (policy, revocation) = self.revocation.follow(policy::load(path)?)?;
        let defaults = Settings::new(self.to.0.clone(), policy);
        // What cannot be read is told now, though it is read anew with each key document.
        self.source.local_endorsements()?;
        let client = Settings {
            endorsements: self.source.endorsements.clone(),
            authority: self.authority.clone(),
            relay: self.relay.as_ref().map(|relay| relay.0.clone()),
            wire: self.wire()?,
            hpke_http: match self.wire {
                Some(Wire::HpkeHttp) => Some(self.wires.hpke_http()?),
                _ => None,
            },
            hpke_http_1: match self.wire {
                Some(Wire::HpkeHttp1) => Some(self.wires.hpke_http_1()?),
                _ => None,
            },
            ehbp: self.wires.ehbp(),
            early_data: self.early_data,
            offer: self.offer(),
            bound: self.bound.then(|| self.listed.clone()),
            form: match self.form {
                Some(Form::Chunked) => oblivious::Form::Chunked,
                Some(Form::Single) => oblivious::Form::Single,
                None => defaults.form,
            },
            kems: if self.kems.is_empty() { defaults.kems } else { self.kems.clone() },
            timeout: self.source.timeout,
            tls_roots: self.source.roots.read()?,
            revocation,
            attester: self.own.open().await?,
            ..defaults
        };
        Ok(self.near(client))
    }

    /// What belongs to one wire alone asks for it; the connector knows the rest.
    fn wire(&self) -> Result<sealwire_client::Wire, Failure> {
        self.check_wire_flags()?;
        let (of_oblivious, of_sessions) = (self.of_oblivious(), self.of_sessions());
        match (self.wire, of_oblivious, of_sessions) {
            (Some(Wire::HpkeHttp), None, None) => Ok(sealwire_client::Wire::HpkeHttp),
            (Some(Wire::HpkeHttp1), None, None) => Ok(sealwire_client::Wire::HpkeHttp1),
            (Some(Wire::Ehbp), None, None) => Ok(sealwire_client::Wire::Ehbp),
            (Some(wire @ (Wire::HpkeHttp | Wire::HpkeHttp1 | Wire::Ehbp)), Some(flag), _)
            | (Some(wire @ (Wire::HpkeHttp | Wire::HpkeHttp1 | Wire::Ehbp)), None, Some(flag)) => {
                let name = wire.name();
                Err(Failure::usage(format!("{flag} is not for --wire {name}: leave one of them out")))
            }
            (_, Some(one), Some(other)) => Err(Failure::usage(format!(
                "{one} is for the oblivious wire and {other} for sessions: leave one of them out"
            ))),
            (Some(Wire::Oblivious), ..) | (None, Some(_), _) => Ok(sealwire_client::Wire::Oblivious),
            (Some(Wire::Session), ..) => Ok(sealwire_client::Wire::Session),
            (Some(Wire::Tunnel), ..) => Ok(sealwire_client::Wire::Tunnel),
            // It has no key document, and is told apart before.
            (Some(Wire::TunnelV0), ..) => Err(Failure::usage("--wire tunnel-v0 is not for this")),
            (None, None, _) => Ok(sealwire_client::Wire::Auto),
        }
    }

    /// The first flag that asks for the oblivious wire.
    fn of_oblivious(&self) -> Option<&'static str> {
        first(&[("--form", self.form.is_some()), ("--kem", !self.kems.is_empty())])
    }

    /// The first flag that asks for a session.
    fn of_sessions(&self) -> Option<&'static str> {
        first(&[
            ("--wire session", self.wire == Some(Wire::Session)),
            ("--wire tunnel", self.wire == Some(Wire::Tunnel)),
            ("--attest", self.own.attest.is_some()),
            ("--early-data", self.early_data),
            ("--bound", self.bound),
            ("--group", !self.groups.is_empty()),
            ("--scheme", !self.schemes.is_empty()),
            ("--fresh-evidence", self.fresh_evidence),
            ("--resume-without-agreement", self.resume_without_agreement),
        ])
    }

    fn offer(&self) -> Offer {
        let defaults = Offer::default();
        Offer {
            groups: if self.groups.is_empty() { defaults.groups } else { self.groups.clone() },
            schemes: if self.schemes.is_empty() { defaults.schemes } else { self.schemes.clone() },
            evidence: if self.fresh_evidence { EvidenceMode::Handshake } else { defaults.evidence },
            without_agreement: self.resume_without_agreement,
            ..defaults
        }
    }
}

/// The first flag that is given.
fn first(flags: &[(&'static str, bool)]) -> Option<&'static str> {
    flags.iter().find(|(_, is_given)| *is_given).map(|(flag, _)| *flag)
}

/// Starts the proxy; `None` if it was told to stop before it could.
async fn start(
    settings: &ConnectSettings,
    args: &Args,
    shutdown: &CancellationToken,
) -> Result<Option<Running>, Failure> {
    const LONGEST: Duration = Duration::from_secs(30);
    let mut pause = Duration::from_secs(1);
    loop {
        let error = match connect::start(settings.clone()).await {
            Ok(running) => return Ok(Some(running)),
            Err(error) => error,
        };
        // What stays as it is however long one waits is told at once.
        let may_heal = matches!(&error, connect::Error::Client(error) if error.may_heal());
        if !(may_heal && args.keep_trying) {
            return Err(not_started(error, args));
        }
        tracing::warn!(%error, again_in = ?pause, "not connected yet");
        tokio::select! {
            () = shutdown.cancelled() => return Ok(None),
            () = tokio::time::sleep(pause) => {}
        }
        pause = (pause * 2).min(LONGEST);
    }
}

fn not_started(error: connect::Error, args: &Args) -> Failure {
    use sealwire_client::Error as Client;
    match error {
        connect::Error::Client(Client::Denied(denial)) => {
            let next = after_denial(&denial, args);
            Failure::from(anyhow::anyhow!("{}", refusal(&denial))).exit(Exit::Refused).next(next)
        }
        connect::Error::Client(error @ Client::Unreachable { .. }) => {
            let next = source::past(&error, "the gateway may be starting: --keep-trying waits for it");
            Failure::from(error).next(next)
        }
        connect::Error::Client(error @ Client::NoSession { .. }) => {
            let next = no_session(&error, args);
            let failure = Failure::from(error);
            match next {
                Some(next) => failure.next(next),
                None => failure,
            }
        }
        error @ connect::Error::Client(Client::RevocationList { .. }) => {
            Failure::from(error).exit(Exit::Usage).next(
                "the policy's owner asks for a list: sealwire attest revoke --list FILE shows what one says",
            )
        }
        error @ (connect::Error::Host(_)
        | connect::Error::Origin(_)
        | connect::Error::Client(Client::Settings(_))) => Failure::from(error).exit(Exit::Usage),
        error @ connect::Error::Listen { .. } => {
            Failure::from(error).next("choose another address, or port 0 for a free one")
        }
        other => other.into(),
    }
}

/// What to do where the gateway asks who calls, and is not content (SE-11).
fn no_session(error: &sealwire_client::Error, args: &Args) -> Option<String> {
    use sealwire_http::session::Error as Session;
    let sealwire_client::Error::NoSession { source, .. } = error else { return None };
    if error.may_heal() {
        return Some("the gateway may be starting: --keep-trying waits for it".to_owned());
    }
    let reason = match &**source {
        Refused::Handshake(reason) => reason,
        Refused::NoWebSocket(_) => {
            return Some(
                "what stands in front of the gateway has to pass upgrades on at /.well-known/sealwire/ws; where plain requests                  pass, leave --wire tunnel out"
                    .to_owned(),
            );
        }
        Refused::NotOffered => {
            return Some(
                "--wire oblivious, without what asks for a session (--attest, --early-data, --bound, --group, --scheme, …)"
                    .to_owned(),
            );
        }
        _ => return None,
    };
    match reason {
        Session::CallerNotAttested => Some(
            "this gateway takes attested callers only: run inside an enclave that its operator accepts, with --attest \
             auto"
            .to_owned(),
        ),
        Session::CallerRefused => Some(format!(
            "ask the operator whether their policy of callers accepts this machine; sealwire attest produce --tee {} \
             shows what it says of itself, and the gateway's log says which rule failed",
            args.own.attest.as_deref().unwrap_or("auto")
        )),
        _ => None,
    }
}

/// What to do about a refusal.
fn after_denial(denial: &Denial, args: &Args) -> String {
    let mut steps = Vec::new();
    for reason in &denial.reasons {
        match reason.code {
            "authority-not-served" => {
                steps
                    .push(format!("say which name is meant with --authority NAME; served: {}", reason.found));
            }
            "revocation-list-missing" => {
                steps.push("give the operator's list with --revocation-list".to_owned())
            }
            "operator" => {
                let from = if args.relay.is_some() { "…".to_owned() } else { args.to.to_string() };
                steps.push(format!(
                    "the configuration changed; if you changed it: sealwire policy init {from}{} --output NEW, or have \
                     the operator sign a statement",
                    args.source.roots.flags()
                ));
            }
            _ => {}
        }
    }
    // Whoever chose a relay does not want the gateway to see who asks.
    if args.relay.is_none() {
        let authority =
            args.authority.as_ref().map(|name| format!(" --authority {name}")).unwrap_or_default();
        steps.push(format!(
            "sealwire inspect {} --policy {}{authority}{} --challenge shows every step",
            args.to,
            args.policy.as_deref().unwrap_or(Path::new("FILE")).display(),
            args.source.roots.flags()
        ));
    } else if steps.is_empty() {
        steps.push(
            "ask the operator what changed; to look at the gateway yourself would show it who asks"
                .to_owned(),
        );
    }
    steps.join("\n        ")
}

/// AT-23: each rule that failed, to the party that owns the policy.
pub(super) fn refusal(denial: &Denial) -> String {
    let mut text = String::from("the policy refuses the gateway; nothing was sent");
    for reason in &denial.reasons {
        // Writing to a String cannot fail.
        let _ = write!(text, "\n  {} ({})", reason.code, reason.rule);
        if !reason.expected.is_empty() {
            let _ = write!(text, "\n    expected {}", reason.expected);
        }
        let _ = write!(text, "\n    found    {}", reason.found);
    }
    text
}

/// Says that nothing was verified, and where to go.
fn announce_pinned(args: &Args, running: &Running<pinned::Connector>) -> Result<(), Failure> {
    let status = running.connector().status();
    let listen = format!("http://{}", running.address());
    let page = format!("http://{}", running.status_address());
    let key_id = (!status.key.id.is_empty()).then(|| status.key.id.escape_ascii().to_string());
    if args.json {
        return Ok(output::json_line(&json!({
            "ready": "connect",
            "listen": listen,
            "status": page,
            "authority": status.authority,
            "attested": false,
            "wire": status.wire,
            "channel": false,
            "key-id": key_id,
        }))?);
    }
    let mut lines = vec![
        output::field("verified", "nothing: you vouch for the key, and nothing proves what runs behind it"),
        output::field("wire", status.wire),
        output::field("public key", hex::encode(status.key.public_key)),
    ];
    if let Some(key_id) = key_id {
        lines.push(output::field("key id", key_id));
    }
    lines.push(output::field("base URL", output::strong(&listen)));
    lines.push(output::field("status page", &page));
    let title = output::strong(format!("a way to {}, which is not attested", status.authority));
    Ok(output::print(format!(
        "{}\nTry: curl http://{}/",
        output::node(title, lines),
        near(running.address())
    ))?)
}

/// Says what was verified, and what this wire is not.
fn announce_tunnel_v0(args: &Args, running: &Running<ra_tunnel::Connector>) -> Result<(), Failure> {
    let status = running.connector().status();
    let claims = status.claims.claims();
    let listen = format!("http://{}", running.address());
    let page = format!("http://{}", running.status_address());
    let digest = status.config_digest.map(hex::encode);
    if args.json {
        return Ok(output::json_line(&json!({
            "ready": "connect",
            "listen": listen,
            "status": page,
            "authority": status.authority,
            "attested": true,
            "development": claims.development,
            "kind": claims.kind.name(),
            "hardware-model": claims.hardware_model,
            "wire": ra_tunnel::WIRE,
            "channel": true,
            "config-digest": digest,
        }))?);
    }
    let mut lines = vec![
        output::field("verified", format!("{} evidence, {}", claims.kind, claims.hardware_model)),
        output::field("measurement", claims.measurement().map(hex::encode).unwrap_or_default()),
        output::field(
            "wire",
            "version 0 of the RA tunnel: not forward secret; how old the quote is, is the server's word",
        ),
    ];
    if let Some(digest) = digest {
        lines.push(output::field("configuration", digest));
    }
    lines.push(output::field("base URL", output::strong(&listen)));
    lines.push(output::field("status page", &page));
    let title = output::strong(format!("connected to {}", status.authority));
    let mut text = output::node(title, lines).to_string();
    if claims.development {
        text.push_str(&source::development_notice(&claims.root));
        text.push('\n');
    }
    let _ = write!(text, "\nTry: curl http://{}/", near(running.address()));
    Ok(output::print(text)?)
}

/// A wildcard address is not one that a program can call.
fn near(mut address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        address.set_ip(match address.ip() {
            IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
        });
    }
    address
}

/// Says what was verified, and where to go.
fn announce(args: &Args, running: &Running) -> Result<(), Failure> {
    let status = running.status();
    let acceptance = &status.acceptance;
    let claims = acceptance.claims.get();
    let listen = format!("http://{}", running.address());
    let page = format!("http://{}", running.status_address());
    let sealed_with = values::sealed_with(&status.sealed_with);
    let wire = values::wire_name(&status.sealed_with);
    let facts = status.sealed_with.session();
    let group = facts.and_then(|facts| facts.group).map(Group::name);
    let kem = match &status.sealed_with {
        SealedWith::Oblivious { kem, .. } => Some(values::kem_name(*kem)),
        _ => None,
    };
    let caller_attested = facts.is_some_and(|facts| facts.authenticated);
    if args.json {
        return Ok(output::json_line(&json!({
            "ready": "connect",
            "listen": listen,
            "status": page,
            "authority": status.authority,
            "attested": true,
            "development": claims.development,
            "kind": claims.kind.name(),
            "hardware-model": claims.hardware_model,
            "operator": proof::ground_name(acceptance.operator),
            "age": acceptance.age.name(),
            "wire": wire,
            "channel": facts.is_some(),
            "kem": kem,
            "group": group,
            "caller-attested": caller_attested,
            "expires": status.expires.to_string(),
        }))?);
    }
    let measurement = claims.measurement().map(hex::encode).unwrap_or_default();
    let mut lines = vec![
        output::field("verified", format!("{} evidence, {}", claims.kind, claims.hardware_model)),
        output::field("measurement", measurement),
        output::field("operator", proof::ground(acceptance.operator)),
        output::field("wire", wire),
        output::field("sealed with", format!("{sealed_with}, keys until {}", status.expires)),
    ];
    if args.own.attest.is_some() {
        let shown = if caller_attested { "attested, and accepted" } else { "not asked for by this gateway" };
        lines.push(output::field("this machine", shown));
    }
    if let Some(relay) = &args.relay {
        lines.push(output::field("by the relay", relay));
    }
    lines.push(output::field("base URL", output::strong(&listen)));
    lines.push(output::field("status page", &page));
    let title = output::strong(format!("connected to {}", status.authority));
    let mut text = output::node(title, lines).to_string();
    if claims.development {
        text.push_str(&source::development_notice(&claims.root));
        text.push('\n');
    }
    let _ = write!(text, "\nTry: curl http://{}/", near(running.address()));
    Ok(output::print(text)?)
}
