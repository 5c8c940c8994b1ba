//! What the demo prints: for a person as it goes, for a machine at the end.

use super::stage::Stage;
use crate::cli::output::{self, bad, dim, field, good, node, strong, warn};
use comfy_table::{Cell, CellAlignment, Table, presets::UTF8_FULL_CONDENSED};
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;
use std::{
    io,
    time::{Duration, Instant},
};

/// One step and how it went.
#[derive(Serialize)]
struct Step {
    name: &'static str,
    ok: bool,
    ms: f64,
    detail: String,
}

/// What a step has to say.
pub(super) struct Told {
    /// one line, for the table
    pub(super) detail: String,
    /// what was to be seen, for a person
    pub(super) seen: Vec<String>,
}

impl Told {
    pub(super) fn new(detail: impl Into<String>) -> Self {
        Self { detail: detail.into(), seen: Vec::new() }
    }

    pub(super) fn saw(mut self, who: &str, what: impl AsRef<str>) -> Self {
        self.seen.push(format!("{:<12} {}", dim(format!("{who}:")), what.as_ref()));
        self
    }

    pub(super) fn shows(mut self, lines: impl Into<String>) -> Self {
        self.seen.push(lines.into());
        self
    }
}

/// Gathers steps.
pub(super) struct Report {
    json: bool,
    steps: Vec<Step>,
}

impl Report {
    pub(super) fn new(json: bool) -> Self {
        Self { json, steps: Vec::new() }
    }

    pub(super) fn passed(&self) -> bool {
        !self.steps.is_empty() && self.steps.iter().all(|step| step.ok)
    }

    fn say(&self, text: impl AsRef<str>) -> io::Result<()> {
        if self.json { Ok(()) } else { output::print(text) }
    }

    pub(super) fn begin(&self) -> io::Result<()> {
        self.say(format!(
            "{}\n{}\n",
            strong("Sealwire demo: an HTTP channel that ends inside the enclave"),
            warn("The TEE is a development one: the format and the checks are genuine, the hardware is not."),
        ))
    }

    /// A bar for work of `bytes` bytes; invisible where nobody looks.
    pub(super) fn bar(&self, bytes: u64) -> ProgressBar {
        if self.json {
            return ProgressBar::hidden();
        }
        let bar = ProgressBar::new(bytes);
        if let Ok(style) = ProgressStyle::with_template("{bar:40} {bytes}/{total_bytes} {bytes_per_sec}") {
            bar.set_style(style);
        }
        bar
    }

    pub(super) fn parties(&self, stage: &Stage) -> io::Result<()> {
        let lines = [
            field("application", stage.application()),
            field("gateway", format!("http://{}", stage.gateway.address())),
            field("relay", format!("http://{}", stage.relay.address())),
            field("proxy", format!("http://{}", stage.proxy.address())),
        ];
        self.say(node(strong("running on this machine"), lines).to_string())
    }

    /// Runs one step.
    pub(super) async fn step<F>(&mut self, name: &'static str, work: F) -> io::Result<()>
    where
        F: Future<Output = anyhow::Result<Told>>,
    {
        const LIMIT: Duration = Duration::from_secs(120);
        let start = Instant::now();
        let outcome = match tokio::time::timeout(LIMIT, work).await {
            Ok(outcome) => outcome,
            Err(_) => Err(anyhow::anyhow!("not finished after {} s", LIMIT.as_secs())),
        };
        let ms = start.elapsed().as_secs_f64() * 1000.0;
        let (ok, detail) = match outcome {
            Ok(told) => {
                self.say(format!("\n{} {} {}", good("✓"), strong(name), dim(format!("{ms:.1} ms"))))?;
                for line in &told.seen {
                    for line in line.lines() {
                        self.say(format!("  {line}"))?;
                    }
                }
                self.say(format!("  {}", told.detail))?;
                (true, told.detail)
            }
            Err(error) => {
                self.say(format!("\n{} {} {}", bad("✗"), strong(name), bad(format!("{error:#}"))))?;
                (false, format!("{error:#}"))
            }
        };
        self.steps.push(Step { name, ok, ms: (ms * 10.0).round() / 10.0, detail });
        Ok(())
    }

    pub(super) fn end(&self) -> io::Result<()> {
        if self.json {
            return output::json(&serde_json::json!({ "ok": self.passed(), "steps": self.steps }));
        }
        let mut table = Table::new();
        table.load_style(UTF8_FULL_CONDENSED).set_header(["step", "", "ms", "what was shown"]);
        for step in &self.steps {
            let mark = if step.ok { "ok" } else { "FAILED" };
            let ms = Cell::new(format!("{:.1}", step.ms)).set_alignment(CellAlignment::Right);
            table.add_row([Cell::new(step.name), Cell::new(mark), ms, Cell::new(&step.detail)]);
        }
        self.say(format!("\n{table}"))
    }

    pub(super) fn by_hand(&self, stage: &Stage) -> io::Result<()> {
        let proxy = stage.proxy.address();
        let gateway = stage.gateway.address();
        let mut lines = vec![strong("Try it by hand; Ctrl-C ends it:")];
        if stage.app.is_some() {
            lines.push(format!("  curl http://{proxy}/v1/patients --json '{{\"name\":\"Ada\"}}'"));
            lines.push(format!("  curl -N http://{proxy}/v1/events/20"));
            lines.push(format!("  curl http://{proxy}/v1/download/1000000 | wc -c"));
        } else {
            lines.push(format!("  curl http://{proxy}/"));
        }
        lines.push(format!("  curl http://{gateway}/        {}", dim("# not sealed: refused")));
        lines.push(format!("  curl http://{gateway}/.well-known/sealwire -H 'accept: application/json'"));
        lines.push(format!(
            "  open http://{}/     {}",
            stage.proxy.status_address(),
            dim("# what the proxy verified")
        ));
        self.say(format!("\n{}", lines.join("\n")))
    }
}
