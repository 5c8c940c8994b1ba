//! The project's own chores: `cargo xtask test`, `bench`, `fuzz`, `peers`, `vectors`.

mod bench;
mod fuzz;
mod licences;
mod shell;
mod steps;
mod test;
mod tools;
mod vectors;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "cargo xtask", about = "The project's own chores")]
struct Cli {
    #[command(subcommand)]
    chore: Chore,
}

#[derive(Subcommand)]
enum Chore {
    /// Everything that is checked, as the project's own CI does it
    Test {
        /// Only format, lints, build and tests
        #[arg(long)]
        quick: bool,
    },
    /// What Sealwire costs, against the floor and its peers
    Bench {
        /// For the bench program
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Fuzz the decoders
    Fuzz {
        /// For each target
        #[arg(long, default_value_t = 60)]
        seconds: u32,
        /// All of them if none is named
        targets: Vec<String>,
    },
    /// Make the Python environments that peers of the tests run in
    Peers,
    /// Make the vectors of the session anew where the code no longer makes them, and check them with the second
    /// implementation
    Vectors,
}

fn main() -> ExitCode {
    let result = match Cli::parse().chore {
        Chore::Test { quick } => test::run(quick),
        Chore::Bench { arguments } => bench::run(&arguments),
        Chore::Fuzz { seconds, targets } => fuzz::run(seconds, &targets),
        Chore::Peers => tools::peers(),
        Chore::Vectors => vectors::run(),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\nerror: {error:#}");
            ExitCode::FAILURE
        }
    }
}
