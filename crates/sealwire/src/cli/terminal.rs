//! Questions to a person.

use super::exit::{Exit, Failure};
use std::io::{self, BufRead, IsTerminal, Write};

/// Asks a yes-or-no question on the terminal; no is what happens without an answer. With `yes` it has been answered.
/// Without a terminal there is nobody to ask, and nothing is taken for granted.
pub(crate) fn confirm(question: &str, yes: bool) -> Result<(), Failure> {
    if yes {
        return Ok(());
    }
    if !io::stdin().is_terminal() {
        return Err(Failure::usage("this asks a person, and standard input is not a terminal")
            .next("check what is shown above by other means, then give --yes"));
    }
    let mut err = io::stderr();
    write!(err, "{question} [y/N] ")?;
    err.flush()?;
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer)?;
    if ["y", "yes"].contains(&answer.trim().to_ascii_lowercase().as_str()) {
        Ok(())
    } else {
        Err(Failure::from(anyhow::anyhow!("not confirmed; nothing was written")).exit(Exit::Failed))
    }
}
