//! Steps with their times, told at the end in a table.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};

/// What was done so far.
#[derive(Default)]
pub(crate) struct Steps {
    done: Vec<Step>,
}

struct Step {
    name: &'static str,
    took: Duration,
    passed: bool,
}

impl Steps {
    /// Runs one step and notes its time.
    pub(crate) fn step(&mut self, name: &'static str, work: impl FnOnce() -> Result<()>) -> Result<()> {
        println!("\n=== {name} ===");
        let start = Instant::now();
        let result = work();
        self.done.push(Step { name, took: start.elapsed(), passed: result.is_ok() });
        result.with_context(|| format!("step `{name}` failed"))
    }

    /// Prints the table.
    pub(crate) fn print(&self) {
        println!("\n{:<12} {:>9}  result", "step", "seconds");
        for Step { name, took, passed } in &self.done {
            let result = if *passed { "ok" } else { "FAILED" };
            println!("{name:<12} {:>9.1}  {result}", took.as_secs_f64());
        }
        let total: Duration = self.done.iter().map(|step| step.took).sum();
        println!("{:<12} {:>9.1}", "total", total.as_secs_f64());
    }
}
