//! `sealwire attest fetch`: a folder of endorsements (AT-70, AT-71).

use crate::cli::{
    exit::{Exit, Failure, OrNext, Outcome},
    files, output,
    source::{Shown, Source},
    tls,
    values::{self, Url},
};
use anyhow::Context;
use clap::{ArgGroup, Args as ClapArgs, ValueEnum};
use comfy_table::{Table, presets::UTF8_HORIZONTAL_ONLY};
use indicatif::{ProgressBar, ProgressStyle};
use sealwire_attest::{
    Endorsements, Evidence, Kind,
    composite::Presented,
    needs::{IntelTee, Need, PckCa, needs},
    snp::{Product, report::SigningKey},
};
use sealwire_collateral::{Fetcher, Item, Limits, Sources, folder, system_clock};
use serde_json::{Value, json};
use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

/// What was fetched may tell what else is needed, as a certificate names its product.
const ROUNDS: usize = 3;

/// Fetch what is needed to verify evidence into a folder
///
/// Asks Intel's, AMD's and AWS's services for the certificates, CRLs and TCB information that a piece of evidence, or a
/// platform, needs. What comes is checked against the vendor's root before it is kept. `sealwire verify --endorsements DIR`
/// and the gateway's `[endorsements] folder` take the folder; files of an earlier run are replaced. Where to ask is never
/// taken from evidence or certificates; which of AWS's lists is, since nothing else tells.
#[derive(Debug, ClapArgs)]
#[command(
    group(ArgGroup::new("what").required(true).args(["evidence", "url", "tee"])),
    after_help = "\
Examples:
  sealwire attest fetch --evidence quote.bin --output endorsements/
  sealwire attest fetch --url https://gateway.example --output endorsements/
  sealwire attest fetch --tee tdx --fmspc b0c06f000000 --output endorsements/ \\
      --pcs https://pccs.internal:8081

--json prints {\"output\",\"fetched\":[{\"what\",\"from\",\"made\",\"until\",\"files\"}],\"failed\":[{\"what\",\"error\"}],
\"elsewhere\":[…]}.

Exit codes: 0 everything was had · 1 something was not · 2 usage · 10 malformed evidence"
)]
pub(crate) struct Args {
    /// What this evidence needs: raw bytes, or hex or base64 text of them; `-` is standard input
    #[arg(long, value_name = "FILE")]
    evidence: Option<PathBuf>,
    /// Kind of that evidence; told from the bytes unless given
    #[arg(long, value_name = "KIND", value_parser = values::kind, requires = "evidence")]
    kind: Option<Kind>,
    /// What the evidence of this gateway needs
    #[arg(long, value_name = "URL")]
    url: Option<Url>,
    /// What a platform needs, without evidence
    #[arg(long, value_name = "TEE")]
    tee: Option<Tee>,
    /// The platform, for tdx and sgx: FMSPC, 12 hex digits
    #[arg(long, value_name = "HEX", value_parser = values::hex_array::<6>, requires = "tee")]
    fmspc: Option<[u8; 6]>,
    /// The generation, for snp: milan, genoa, turin
    #[arg(long, value_name = "NAME", value_parser = product, requires = "tee")]
    product: Option<Product>,
    /// Folder for what comes; made if need be
    #[arg(long, short, value_name = "DIR")]
    output: PathBuf,
    /// A mirror of Intel's PCS (a PCCS) to ask instead of Intel
    #[arg(long, value_name = "URL")]
    pcs: Option<String>,
    /// A mirror of AMD's KDS to ask instead of AMD
    #[arg(long, value_name = "URL")]
    kds: Option<String>,
    /// A mirror of the buckets with AWS's CRLs for Nitro to ask instead of AWS
    #[arg(long, value_name = "URL")]
    aws_crls: Option<String>,
    #[command(flatten)]
    roots: tls::Roots,
    /// Seconds that one answer may take; each item is asked for three times at most
    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = values::seconds)]
    timeout: Duration,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// A platform that can be asked for by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Tee {
    Tdx,
    Sgx,
    Snp,
}

fn product(name: &str) -> Result<Product, String> {
    Product::from_name(name).ok_or_else(|| "known generations: milan, genoa, turin".to_owned())
}

pub(crate) async fn run(args: Args) -> Outcome {
    let fetcher = fetcher(&args)?;
    let subject = Subject::of(&args).await?;
    fs::create_dir_all(&args.output)
        .with_context(|| format!("cannot make {}", args.output.display()))
        .or_usage()?;
    let had = fetch(&fetcher, &subject, &args.output).await?;
    if args.json {
        output::json(&had.as_json(&args.output))?;
    } else {
        had.print(&args.output)?;
    }
    Ok(if had.failed.is_empty() { Exit::Ok } else { Exit::Failed })
}

fn fetcher(args: &Args) -> Result<Fetcher, Failure> {
    let mut sources = Sources::default();
    if let Some(pcs) = &args.pcs {
        sources = sources.with_pcs(pcs).or_usage()?;
    }
    if let Some(kds) = &args.kds {
        sources = sources.with_kds(kds).or_usage()?;
    }
    if let Some(aws_crls) = &args.aws_crls {
        sources = sources.with_aws_crls(aws_crls).or_usage()?;
    }
    let exchange = args.timeout;
    let default = Limits::default();
    let total = exchange.saturating_mul(default.attempts);
    let limits = Limits { connect: exchange, exchange, total, ..default };
    Ok(Fetcher::new(sources, &args.roots.read()?, limits, system_clock())?)
}

/// What things are fetched for.
enum Subject {
    Evidence(Presented),
    Platform(Vec<Need>),
}

impl Subject {
    async fn of(args: &Args) -> Result<Self, Failure> {
        if let Some(url) = &args.url {
            let roots = args.roots.clone();
            let source = Source { roots, timeout: args.timeout, ..Source::default() };
            return Ok(Self::Evidence(Shown::fetch(url, &source, false).await?.published.evidence));
        }
        if let Some(path) = &args.evidence {
            let evidence = Evidence::detect(&files::read_or_stdin(path)?, args.kind).map_err(malformed)?;
            return Ok(Self::Evidence(evidence.into()));
        }
        let missing = |flag: &str| Failure::usage(format!("--tee needs {flag}"));
        let intel = |tee| {
            let fmspc = args.fmspc.ok_or_else(|| missing("--fmspc, which says what platform"))?;
            // Which authority certified a platform only its certificate tells; the two CRLs are small.
            let crls = [PckCa::Processor, PckCa::Platform].map(|ca| Need::IntelPckCrl { ca });
            let mut list =
                vec![Need::IntelTcb { tee, fmspc }, Need::IntelIdentity { tee }, Need::IntelRootCrl];
            list.extend(crls);
            Ok(Self::Platform(list))
        };
        match args.tee {
            Some(Tee::Tdx) => intel(IntelTee::Tdx),
            Some(Tee::Sgx) => intel(IntelTee::Sgx),
            Some(Tee::Snp) => {
                let product = args.product.ok_or_else(|| missing("--product"))?;
                let of = |key| [Need::AmdChain { product, key }, Need::AmdCrl { product, key }];
                Ok(Self::Platform([SigningKey::Vcek, SigningKey::Vlek].into_iter().flat_map(of).collect()))
            }
            None => Err(Failure::usage("one of --evidence, --url, --tee says what to fetch")),
        }
    }

    /// What is needed beyond what is at hand, and what nobody publishes.
    fn needs(&self, at_hand: &Endorsements) -> Result<(Vec<Need>, Vec<&'static str>), Failure> {
        match self {
            Self::Platform(list) => Ok((list.clone(), Vec::new())),
            Self::Evidence(evidence) => {
                let found = needs(evidence, at_hand).map_err(malformed)?;
                Ok((found.published, found.elsewhere))
            }
        }
    }
}

fn malformed(error: sealwire_attest::Error) -> Failure {
    let exit = Exit::Verdict(error.exit());
    Failure::from(error).exit(exit)
}

/// What came of it.
#[derive(Default)]
struct Had {
    fetched: Vec<(Item, String, Vec<PathBuf>)>,
    failed: Vec<(Need, sealwire_collateral::Failure)>,
    elsewhere: Vec<&'static str>,
}

async fn fetch(fetcher: &Fetcher, subject: &Subject, output: &Path) -> Result<Had, Failure> {
    // Draws nothing where standard error is no terminal.
    let bar = ProgressBar::new(0);
    let style = ProgressStyle::with_template("{bar:24} {pos}/{len} {wide_msg}");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    let mut had = Had::default();
    let mut at_hand = Endorsements::default();
    let mut asked: Vec<Need> = Vec::new();
    for _ in 0..ROUNDS {
        let (published, elsewhere) = subject.needs(&at_hand)?;
        had.elsewhere = elsewhere;
        let fresh: Vec<Need> = published.into_iter().filter(|need| !asked.contains(need)).collect();
        if fresh.is_empty() {
            break;
        }
        bar.inc_length(fresh.len() as u64);
        for need in fresh {
            bar.set_message(need.to_string());
            match fetcher.fetch(&need, None).await {
                Ok(fetched) => {
                    let item = fetched.item();
                    at_hand.merge(item.endorsements())?;
                    let files = folder::write(output, &item)?;
                    had.fetched.push((item, fetcher.place(&need), files));
                }
                Err(failure) => had.failed.push((need.clone(), failure)),
            }
            bar.inc(1);
            asked.push(need);
        }
    }
    bar.finish_and_clear();
    Ok(had)
}

impl Had {
    fn as_json(&self, output: &Path) -> Value {
        let fetched = self.fetched.iter().map(|(item, from, files)| {
            json!({
                "what": item.need().to_string(),
                "from": from,
                "made": item.from().to_string(),
                "until": item.until().to_string(),
                "files": files,
            })
        });
        let failed = self
            .failed
            .iter()
            .map(|(need, failure)| json!({ "what": need.to_string(), "error": failure.to_string() }));
        json!({
            "output": output,
            "fetched": fetched.collect::<Vec<_>>(),
            "failed": failed.collect::<Vec<_>>(),
            "elsewhere": self.elsewhere,
        })
    }

    fn print(&self, folder: &Path) -> Result<(), Failure> {
        if !self.fetched.is_empty() {
            let mut table = Table::new();
            table.load_style(UTF8_HORIZONTAL_ONLY).set_header(["what", "from", "valid until", "file"]);
            for (item, from, files) in &self.fetched {
                let names = files.iter().filter_map(|path| Some(path.file_name()?.to_string_lossy()));
                table.add_row([
                    item.need().to_string(),
                    from.clone(),
                    item.until().to_string(),
                    names.collect::<Vec<_>>().join("\n"),
                ]);
            }
            output::print(table.to_string())?;
        }
        for (_, failure) in &self.failed {
            output::print(format!("{} {failure}", output::bad("not had:")))?;
        }
        for what in &self.elsewhere {
            output::print(format!("{} {what}", output::warn("not published for everybody:")))?;
        }
        if self.failed.is_empty() && !self.fetched.is_empty() {
            let next = format!("sealwire verify --evidence FILE --endorsements {}", folder.display());
            output::print(format!("\nNext: {next}"))?;
        } else if self.fetched.is_empty() && self.failed.is_empty() {
            output::print("no vendor publishes anything that this evidence needs")?;
        }
        Ok(())
    }
}
