//! `sealwire relay`

use super::{
    exit::{Exit, Failure, Outcome},
    logging, output, signals, tls,
    values::{self, Url},
};
use clap::Args as ClapArgs;
use sealwire::relay::{self, RelayLimits, RelaySettings, Running};
use serde_json::json;
use std::net::SocketAddr;

/// Forward sealed requests to gateways that you do not run
///
/// A relay stands between callers and gateways: the gateway does not learn who asks, and the relay does not learn what.
/// That holds only if the relay is run by somebody else than the gateway. It forwards to the gateways named here and
/// nowhere else, strips everything that tells of the caller, and logs nothing about them. A gateway called `unit` is
/// reached under /unit/; a single one also without its name.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  sealwire relay --listen 127.0.0.1:8444 --gateway unit=http://127.0.0.1:8443
  sealwire relay --listen 0.0.0.0:443 --tls-certificate chain.pem --tls-key key.pem \\
      --gateway a=https://a.example --gateway b=https://b.example --rate 50

Exit codes: 0 stopped in good order · 1 failure · 2 usage")]
pub(crate) struct Args {
    /// Where callers come; port 0 chooses a free one. Without TLS on this machine only
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8444", value_parser = values::address)]
    listen: SocketAddr,
    /// A gateway by name; https:// unless it is on this machine; repeatable
    #[arg(long = "gateway", value_name = "NAME=URL", required = true, value_parser = gateway)]
    gateways: Vec<(String, Url)>,
    #[command(flatten)]
    tls: tls::Server,
    #[command(flatten)]
    roots: tls::Roots,
    /// Where /healthz and /metrics are served; nowhere unless given
    #[arg(long, value_name = "ADDR", value_parser = values::address)]
    admin: Option<SocketAddr>,
    /// Print one line of JSON when ready: ready, listen, admin, gateways
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    caps: Caps,
}

/// OB-85
#[derive(Debug, ClapArgs)]
#[command(next_help_heading = "Caps")]
struct Caps {
    /// Longest body of a request, for example "64 MiB" [default: 1 GiB and the overhead of its chunks]
    #[arg(long, value_name = "SIZE", value_parser = values::size)]
    max_body: Option<u64>,
    /// Exchanges at once [default: 4096]
    #[arg(long, value_name = "N")]
    max_exchanges: Option<usize>,
    /// Exchanges at once of one caller (an IPv4 address, or 64 bits of IPv6) [default: 64]
    #[arg(long, value_name = "N")]
    max_exchanges_per_client: Option<u16>,
    /// Requests per second of one caller [default: 100]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    rate: Option<u32>,
    /// Requests that one caller may make at once before the rate counts [default: 200]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    burst: Option<u32>,
}

impl Caps {
    fn limits(&self) -> RelayLimits {
        let default = RelayLimits::default();
        RelayLimits {
            body: self.max_body.unwrap_or(default.body),
            exchanges: self.max_exchanges.unwrap_or(default.exchanges),
            exchanges_per_client: self.max_exchanges_per_client.unwrap_or(default.exchanges_per_client),
            rate: self.rate.unwrap_or(default.rate),
            burst: self.burst.unwrap_or(default.burst),
            ..default
        }
    }
}

fn gateway(text: &str) -> Result<(String, Url), String> {
    let (name, url) =
        text.split_once('=').ok_or("write NAME=URL, for example unit=https://gateway.example")?;
    Ok((name.to_owned(), url.parse()?))
}

pub(crate) async fn run(args: &Args, logs: &logging::Args) -> Outcome {
    logs.start("info", false)?;
    let gateways = args.gateways.iter().map(|(name, url)| (name.clone(), url.0.clone())).collect();
    let settings = RelaySettings {
        tls: args.tls.read()?,
        limits: args.caps.limits(),
        tls_roots: args.roots.read()?,
        admin: args.admin,
        ..RelaySettings::new(args.listen, gateways)
    };
    let shutdown = signals::shutdown()?;
    let running = relay::start(settings).await.map_err(not_started)?;
    announce(args, &running)?;
    shutdown.cancelled().await;
    running.shutdown().await;
    Ok(Exit::Ok)
}

fn not_started(error: relay::Error) -> Failure {
    let usage = matches!(error, relay::Error::Map(_) | relay::Error::Plain(_) | relay::Error::Rate);
    let failure = Failure::from(error);
    if usage { failure.exit(Exit::Usage) } else { failure }
}

fn announce(args: &Args, running: &Running) -> Result<(), Failure> {
    let scheme = if args.tls.tls_certificate.is_some() { "https" } else { "http" };
    let listen = format!("{scheme}://{}", running.address());
    let admin = running.admin_address().map(|address| format!("http://{address}"));
    if args.json {
        let gateways: serde_json::Map<_, _> =
            args.gateways.iter().map(|(name, url)| (name.clone(), url.to_string().into())).collect();
        let ready = json!({ "ready": "relay", "listen": listen, "admin": admin, "gateways": gateways });
        return Ok(output::json_line(&ready)?);
    }
    let gateways = args.gateways.iter().map(|(name, url)| output::leaf(format!("{listen}/{name} → {url}")));
    let mut lines: Vec<_> = gateways.collect();
    lines.extend(admin.map(|admin| output::field("admin", format!("{admin}/healthz /metrics"))));
    let name = args.gateways.first().map_or("NAME", |(name, _)| name);
    output::print(format!(
        "{}\nNext, where the callers are: sealwire connect --to GATEWAY --policy policy.toml --relay {listen}/{name}",
        output::node(output::strong(format!("relay ready at {listen}")), lines),
    ))?;
    Ok(())
}
