//! `sealwire envelope stream sign`

use crate::cli::{
    envelope::input::{Signing, now_ms, x25519_public},
    exit::{Exit, Failure, OrNext, Outcome},
};
use anyhow::Context;
use clap::Args as ClapArgs;
use sealwire_crypto::{
    kem::{Kem, PublicKey},
    random::OsRandom,
};
use sealwire_envelope::{
    Message,
    encoding::json,
    key::Use,
    stream::{Data, Opening, Tags, open},
};
use std::{
    fs::File,
    io::{self, Read, Write},
    path::PathBuf,
};

/// How much of the input becomes one frame, in bytes.
const PIECE: usize = 16 * 1024;

/// Sign data while it is made
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Example:
  sealwire envelope stream sign --private-key-file svc.json --sender svc --recipient agent --input log.txt")]
pub(super) struct Args {
    #[command(flatten)]
    signing: Signing,
    /// Who signs
    #[arg(long, value_name = "NAME")]
    sender: String,
    /// To whom
    #[arg(long, value_name = "NAME")]
    recipient: String,
    /// File of the data [default: standard input]
    #[arg(long, value_name = "FILE")]
    input: Option<PathBuf>,
    /// Media type of the data; what begins with text/ has to be UTF-8
    #[arg(long = "type", value_name = "TYPE", default_value = "text/plain")]
    media_type: String,
    /// A tag for at least every so manyth frame: 1 to 1024
    #[arg(long, value_name = "N", default_value_t = 16)]
    every: u16,
    /// Tag with a key that is shared with the owner of this X25519 public key, and sign once at the end
    #[arg(long, value_name = "KEY", value_parser = x25519_public)]
    to_key: Option<[u8; 32]>,
    /// Digest of the request that this answers
    #[arg(long, value_name = "DIGEST")]
    request: Option<String>,
    /// For how long the opening holds, in milliseconds
    #[arg(long, value_name = "MS", default_value_t = 60_000)]
    ttl: i64,
}

pub(super) fn run(args: &Args) -> Outcome {
    let signer = args.signing.signer(&args.sender, Some(&args.recipient), Use::Envelope)?;
    let key = args.to_key.map(|key| PublicKey::from_bytes(Kem::X25519, &key)).transpose().or_usage()?;
    let message = Message {
        recipient: Some(&args.recipient),
        intent: "RESULT",
        content: "",
        capability: None,
        correlation_id: None,
        ttl_ms: args.ttl,
    };
    let opening = Opening {
        header: message.envelope(&args.sender, now_ms(), &OsRandom)?.header,
        intent: "RESULT",
        correlation_id: None,
        request: args.request.as_deref(),
        media_type: &args.media_type,
        every: args.every,
        tags: key.as_ref().map_or(Tags::Signed, Tags::Shared),
    };
    let (envelope, mut writer) = open(&signer, Use::Envelope, opening, &OsRandom).or_usage()?;
    let mut out = io::stdout().lock();
    writeln!(out, "{}", json::encode(&envelope))?;
    let mut pieces = Pieces::open(args)?;
    let mut last = pieces.next()?.unwrap_or_else(|| pieces.empty());
    while let Some(piece) = pieces.next()? {
        let now = u64::try_from(now_ms()).unwrap_or_default();
        let frame = writer.write(std::mem::replace(&mut last, piece), now)?;
        writeln!(out, "{}", frame.to_json())?;
        out.flush()?;
    }
    writeln!(out, "{}", writer.finish(last)?.to_json())?;
    out.flush()?;
    Ok(Exit::Ok)
}

/// The input, piece by piece; text is cut between characters.
struct Pieces {
    from: Box<dyn Read>,
    is_text: bool,
    /// The front of a character whose rest is still to come.
    begun: Vec<u8>,
}

impl Pieces {
    fn open(args: &Args) -> Result<Self, Failure> {
        let from: Box<dyn Read> = match &args.input {
            Some(file) => {
                let opened = File::open(file).with_context(|| format!("cannot read {}", file.display()));
                Box::new(opened.or_usage()?)
            }
            None => Box::new(io::stdin().lock()),
        };
        Ok(Self { from, is_text: args.media_type.starts_with("text/"), begun: Vec::new() })
    }

    fn empty(&self) -> Data {
        if self.is_text { Data::Text(String::new()) } else { Data::Binary(Vec::new()) }
    }

    fn next(&mut self) -> Result<Option<Data>, Failure> {
        let mut buffer = std::mem::take(&mut self.begun);
        loop {
            let begun = buffer.len();
            buffer.resize(begun + PIECE, 0);
            let read = match self.from.read(buffer.get_mut(begun..).unwrap_or_default()) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => 0,
                Ok(0) if begun == 0 => return Ok(None),
                Ok(0) => return Err(Failure::usage("the input ends inside a character")),
                read => read?,
            };
            buffer.truncate(begun + read);
            if !self.is_text {
                return Ok(Some(Data::Binary(buffer)));
            }
            let whole = match std::str::from_utf8(&buffer) {
                Ok(_) => buffer.len(),
                Err(error) if error.error_len().is_none() => error.valid_up_to(),
                Err(_) => {
                    return Err(Failure::usage("the input is not UTF-8")
                        .next("give its media type, such as --type application/octet-stream"));
                }
            };
            if whole > 0 {
                self.begun = buffer.split_off(whole);
                return Ok(Some(Data::Text(String::from_utf8(buffer)?)));
            }
        }
    }
}
