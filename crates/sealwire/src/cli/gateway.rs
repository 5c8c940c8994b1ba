//! `sealwire gateway`

use super::{
    exit::{Exit, Failure, Outcome},
    logging, names, output, source, tls, tpm, values,
};
use clap::{Args as ClapArgs, ValueEnum};
use http::uri::Authority;
use sealwire_gateway::{
    Environment, Gateway, Running, StartError,
    config::{self, Config, LogFormat, Tls},
    default_state, run_until_signalled,
};
use sealwire_tee::Development;
use serde_json::json;
use std::{net::SocketAddr, path::PathBuf, sync::Arc};

/// Put a sealed channel in front of an HTTP application
///
/// Runs inside the confidential VM, next to the application. It makes its keys at start, has the hardware attest them,
/// publishes both at /.well-known/sealwire, opens sealed requests, and forwards them to the upstream. SIGTERM and
/// SIGINT let open exchanges finish; SIGHUP reads the configuration again without dropping a request, and keeps the
/// old one if the new one has a mistake.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  sealwire gateway --upstream http://127.0.0.1:3000 --listen 127.0.0.1:8443 --tee development
  sealwire gateway --config sealwire.toml --admin 127.0.0.1:9090
  sealwire gateway --config sealwire.toml --print-config-digest

Flags override the file. examples/sealwire.toml shows every key of it.

Exit codes: 0 stopped in good order · 1 failure · 2 usage or configuration")]
pub(crate) struct Args {
    /// Configuration file (TOML)
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The application: http:// on this machine, or https:// anywhere; required here or in --config FILE
    #[arg(long, value_name = "URL")]
    upstream: Option<String>,
    /// Where requests arrive; port 0 chooses a free one [default: 127.0.0.1:8443]
    #[arg(long, value_name = "ADDR", value_parser = values::address)]
    listen: Option<SocketAddr>,
    /// What makes the evidence [default: auto]
    #[arg(long, value_enum)]
    tee: Option<Tee>,
    /// Where /healthz, /readyz and /metrics are served; nowhere unless given
    #[arg(long, value_name = "ADDR", value_parser = values::address)]
    admin: Option<SocketAddr>,
    /// A name that is served, host or host:port; repeatable [default: the listen address]
    #[arg(long = "authority", value_name = "NAME", value_parser = values::authority)]
    authorities: Vec<String>,
    #[command(flatten)]
    tls: tls::Server,
    #[command(flatten)]
    tpm: tpm::Args,
    /// Folder of the development root
    #[arg(long, value_name = "DIR")]
    state: Option<PathBuf>,
    /// What the operator has signed (`sealwire keys operator sign`)
    #[arg(long, value_name = "FILE")]
    operator_statement: Option<PathBuf>,
    /// Print the digest of the configuration that decides where plaintext goes, and exit
    #[arg(long)]
    print_config_digest: bool,
    /// Print one line of JSON when ready: ready, listen, admin, authorities, tee, companions, config-digest,
    /// development-root
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Tee {
    /// what the machine has; never development
    Auto,
    /// Intel TDX
    Tdx,
    /// AMD SEV-SNP
    Snp,
    /// AWS Nitro Enclaves
    Nitro,
    /// a TPM 2.0 that is enrolled (`sealwire attest enrol`): tells the state of a machine that its operator can read
    Tpm,
    /// a root made on this machine: proves nothing about hardware, and only a development policy accepts it
    Development,
}

impl Args {
    /// The file, if there is one, with the flags over it.
    fn configuration(&self) -> Result<Config, config::Error> {
        let mut config = match &self.config {
            Some(path) => Config::load(path)?,
            None => Config::default(),
        };
        if let Some(upstream) = &self.upstream {
            config.upstream = Some(upstream.clone());
        }
        if let Some(listen) = self.listen {
            config.listen = listen;
        }
        if let Some(tee) = self.tee {
            config.tee = match tee {
                Tee::Auto => config::Tee::Auto,
                Tee::Tdx => config::Tee::Tdx,
                Tee::Snp => config::Tee::Snp,
                Tee::Nitro => config::Tee::Nitro,
                Tee::Tpm => config::Tee::Tpm,
                Tee::Development => config::Tee::Development,
            };
        }
        self.tpm.over(&mut config.tpm);
        if self.admin.is_some() {
            config.admin = self.admin;
        }
        if !self.authorities.is_empty() {
            config.authorities.clone_from(&self.authorities);
        }
        if let (Some(certificate), Some(key)) = (&self.tls.tls_certificate, &self.tls.tls_key) {
            config.tls = Some(Tls { certificate: certificate.clone(), key: key.clone() });
        }
        for (flag, key) in
            [(&self.state, &mut config.state), (&self.operator_statement, &mut config.operator_statement)]
        {
            if flag.is_some() {
                key.clone_from(flag);
            }
        }
        Ok(config)
    }
}

pub(crate) async fn run(args: &Args, logs: &logging::Args) -> Outcome {
    if args.config.is_none() && args.upstream.is_none() {
        return Err(Failure::usage("the application is not named")
            .next("give --upstream URL, for example http://127.0.0.1:3000, or --config FILE"));
    }
    let config =
        args.configuration().and_then(|config| config.validate().map(|()| config)).map_err(unusable)?;
    logs.start("info", config.log.format == LogFormat::Json)?;
    if args.print_config_digest {
        if config.authorities.is_empty() && config.listen.port() == 0 {
            return Err(Failure::usage(
                "the digest covers the names that are served, and port 0 leaves the name open until the start",
            )
            .next("name what is served with --authority NAME, or a port with --listen"));
        }
        output::print(names::config_digest(&config.digest().map_err(unusable)?))?;
        return Ok(Exit::Ok);
    }
    let (environment, root) = environment(&config).await?;
    let running = Gateway::start_in(config.clone(), environment).await.map_err(not_started)?;
    announce(args.json, &config, &running, root.as_ref())?;
    // Flags lie over the file at every reading of it.
    Box::pin(run_until_signalled(running, || args.configuration())).await?;
    Ok(Exit::Ok)
}

fn unusable(error: config::Error) -> Failure {
    let unreadable = error.key.is_empty() && error.what.starts_with("cannot be read");
    let failure = Failure::from(error).exit(Exit::Usage);
    if unreadable {
        return failure.next("give the path of a file that you may read, or flags instead: --upstream URL");
    }
    failure
}

fn not_started(error: StartError) -> Failure {
    match error {
        StartError::Config(error) => unusable(error),
        error @ StartError::Listen { .. } => {
            Failure::from(error).next("choose another address, or port 0 for a free one")
        }
        other => other.into(),
    }
}

/// The development TEE is opened here, because what rests on it is told to whoever starts it (AT-07).
async fn environment(config: &Config) -> Result<(Environment, Option<[u8; 32]>), Failure> {
    if config.tee != config::Tee::Development {
        return Ok((Environment::default(), None));
    }
    let state = config.state.clone().or_else(default_state).ok_or(StartError::NoState)?;
    let tee = tokio::task::spawn_blocking(move || Development::open(&state)).await??;
    let root = tee.root_fingerprint();
    Ok((Environment { tee: Some(Arc::new(tee).into()), ..Environment::default() }, Some(root)))
}

/// Says that requests are served, and what comes next.
fn announce(
    as_json: bool,
    config: &Config,
    running: &Running,
    root: Option<&[u8; 32]>,
) -> Result<(), Failure> {
    let scheme = if config.tls.is_some() { "https" } else { "http" };
    let listen = format!("{scheme}://{}", running.address());
    let admin = running.admin_address().map(|address| format!("http://{address}"));
    let authorities = match config.authorities.as_slice() {
        [] => vec![running.address().to_string()],
        names => names.to_vec(),
    };
    let digest = names::config_digest(&running.config_digest());
    if as_json {
        return Ok(output::json_line(&json!({
            "ready": "gateway",
            "listen": listen,
            "admin": admin,
            "authorities": authorities,
            "tee": config.tee.name(),
            "companions": config.companions.iter()
                .map(|companion| (companion.label().to_owned(), companion.kind.name().into()))
                .collect::<serde_json::Map<String, serde_json::Value>>(),
            "config-digest": digest,
            "development-root": root.map(names::root),
        }))?);
    }
    let mut routes: Vec<_> =
        config.upstream.iter().map(|upstream| output::leaf(format!("/ → {upstream}"))).collect();
    routes.extend(config.routes.iter().map(|route| {
        let plain = if route.plaintext { output::warn(" (also unsealed)") } else { String::new() };
        output::leaf(format!("{} → {}{plain}", route.path, route.upstream))
    }));
    let mut lines = vec![
        output::field("serves", authorities.join(", ")),
        output::node("routes", routes),
        output::field("evidence", config.tee.name()),
    ];
    lines.extend(config.companions.iter().map(|companion| {
        let (label, kind) = (companion.label(), companion.kind.name());
        let told = if label == kind { kind.to_owned() } else { format!("{label} ({kind})") };
        output::field("companion", told)
    }));
    lines.push(output::field("config digest", digest));
    lines.extend(admin.map(|admin| output::field("admin", format!("{admin}/healthz /readyz /metrics"))));
    let mut text = output::node(output::strong(format!("gateway ready at {listen}")), lines).to_string();
    if let Some(root) = root {
        text.push_str(&source::development_notice(root));
        text.push('\n');
    }
    // Clients ask for a name that is served, which the listen address, a wildcard above all, need not be.
    let address = running.address().to_string();
    let from = match authorities.first() {
        // Without a port it is 443: something in front speaks TLS.
        Some(name) if !authorities.contains(&address) => match name.parse::<Authority>() {
            Ok(parts) if parts.port().is_none() => format!("https://{name}"),
            _ => format!("{scheme}://{name}"),
        },
        _ => listen,
    };
    text.push_str(&format!("\nNext, where the callers are: sealwire policy init {from}\n"));
    Ok(output::print(text)?)
}
