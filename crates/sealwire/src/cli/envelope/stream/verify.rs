//! `sealwire envelope stream verify`

use crate::cli::{
    envelope::{
        input::{At, Verifying, x25519},
        verify::{Whom, authenticate},
    },
    exit::{Exit, Failure, OrNext, Outcome},
    output,
};
use clap::{ArgGroup, Args as ClapArgs};
use sealwire_envelope::{
    encoding::json,
    key::Use,
    stream::{MAX_FRAME, Opened, Reader, legacy},
};
use std::{
    fs::File,
    io::{self, BufRead, BufReader, Read, Write},
    path::PathBuf,
};

/// No line within the limits is longer.
const MAX_LINE: u64 = 7 * MAX_FRAME as u64;

/// Verify data while it arrives
///
/// Writes the data to standard output as soon as it is verified, and nothing before. If the stream turns out to be
/// changed or cut, the exit code is 1: what was written is genuine, and there was more.
#[derive(Debug, ClapArgs)]
#[command(
    group = ArgGroup::new("for_whom").required(true).args(["recipient", "any_recipient", "legacy_stream"]),
    after_help = "\
Example:
  sealwire envelope stream verify --public-key-file svc.json --recipient agent < log.signed"
)]
pub(super) struct Args {
    #[command(flatten)]
    verifying: Verifying,
    #[command(flatten)]
    whom: Whom,
    #[command(flatten)]
    at: At,
    /// File of the stream [default: standard input]
    #[arg(long, value_name = "FILE")]
    input: Option<PathBuf>,
    /// Digest of the request that the stream has to answer
    #[arg(long, value_name = "DIGEST")]
    request: Option<String>,
    /// Your X25519 private key, for streams whose tags are shared with you
    #[arg(long, value_name = "FILE")]
    own_key_file: Option<PathBuf>,
    /// Read version 1, which says nothing about sender, recipient or time, and is given out only when it is whole
    #[arg(long)]
    legacy_stream: bool,
}

pub(super) fn run(args: &Args) -> Outcome {
    let mut lines = Lines::open(args)?;
    let verified = if args.legacy_stream { read_legacy(args, &mut lines)? } else { read(args, &mut lines)? };
    match verified {
        Ok(()) => Ok(Exit::Ok),
        Err(reason) => {
            output::error(&format_args!("INVALID — {reason}"));
            Ok(Exit::Failed)
        }
    }
}

/// `Err` inside is the stream's fault.
fn read(args: &Args, lines: &mut Lines) -> Result<Result<(), String>, Failure> {
    let Some(first) = lines.next()? else { return Ok(Err("stream-open-invalid".to_owned())) };
    let envelope = json::decode(&first, &Default::default())?;
    let authentic = match authenticate(envelope, &args.verifying, &args.whom, args.at.ms())? {
        Ok(authentic) => authentic,
        Err(reason) => return Ok(Err(reason.to_string())),
    };
    let own = args.own_key_file.as_deref().map(x25519).transpose()?;
    let mut reader = match Opened::read(&authentic, args.request.as_deref(), own.as_ref()) {
        Ok((opened, _)) => Reader::new(opened),
        Err(error) => return Ok(Err(error.to_string())),
    };
    let mut out = io::stdout().lock();
    while let Some(line) = lines.next()? {
        match reader.push_json(&line) {
            Ok(released) => {
                for piece in released {
                    out.write_all(piece.as_bytes())?;
                }
                out.flush()?;
            }
            Err(error) => return Ok(Err(error.to_string())),
        }
    }
    Ok(reader.finish().map_err(|error| error.to_string()))
}

fn read_legacy(args: &Args, lines: &mut Lines) -> Result<Result<(), String>, Failure> {
    let sender = args.whom.sender.as_deref().unwrap_or("sender");
    let record = args.verifying.record(sender, None, "stream-key", Use::Stream)?;
    let mut reader = legacy::Reader::new(record, args.at.ms());
    while let Some(line) = lines.next()? {
        if let Err(error) = reader.push_json(&line) {
            return Ok(Err(error.to_string()));
        }
    }
    match reader.finish() {
        Ok(verified) => {
            io::stdout().lock().write_all(verified.data.as_bytes())?;
            Ok(Ok(()))
        }
        Err(error) => Ok(Err(error.to_string())),
    }
}

/// The lines of the input, of bounded length.
struct Lines {
    from: Box<dyn BufRead>,
}

impl Lines {
    fn open(args: &Args) -> Result<Self, Failure> {
        let from: Box<dyn BufRead> = match &args.input {
            Some(file) => Box::new(BufReader::new(File::open(file).or_usage()?)),
            None => Box::new(io::stdin().lock()),
        };
        Ok(Self { from })
    }

    /// The next line that has anything in it.
    fn next(&mut self) -> Result<Option<Vec<u8>>, Failure> {
        loop {
            let mut line = Vec::new();
            self.from.by_ref().take(MAX_LINE).read_until(b'\n', &mut line)?;
            if line.is_empty() {
                return Ok(None);
            }
            let text = line.trim_ascii();
            if !text.is_empty() {
                return Ok(Some(text.to_vec()));
            }
        }
    }
}
