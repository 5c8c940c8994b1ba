//! `sealwire envelope verify`

use super::input::{At, Message, Verifying};
use crate::cli::{
    exit::{Exit, Failure, Outcome},
    output,
};
use clap::{ArgGroup, Args as ClapArgs};
use sealwire_envelope::{
    Authentic, Envelope, Reason, Rules,
    key::{Keyring, Require, Use},
    validate::MAX_TTL_MS,
};
use serde_json::json;

/// Verify a message
///
/// The key that is given is the only one trusted; the names in the envelope are what it says. That a message comes a
/// second time does not show here: only who remembers messages can tell.
#[derive(Debug, ClapArgs)]
#[command(
    group = ArgGroup::new("for_whom").required(true).args(["recipient", "any_recipient"]),
    after_help = "\
Examples:
  sealwire envelope verify --public-key-file alice.json --recipient bob < envelope.json
  sealwire envelope verify --public-key MCow… --any-recipient --envelope-file envelope.json --json

Exit codes: 0 valid · 1 invalid · 2 usage"
)]
pub(super) struct Args {
    #[command(flatten)]
    verifying: Verifying,
    #[command(flatten)]
    message: Message,
    #[command(flatten)]
    whom: Whom,
    #[command(flatten)]
    at: At,
    /// Print JSON: valid, reason; sender, recipient, messageId, keyId, fingerprint, intent, content where valid
    #[arg(long)]
    json: bool,
}

/// For whom a message has to be, and from whom.
#[derive(Debug, ClapArgs)]
pub(super) struct Whom {
    /// Your own name: the message has to be for you
    #[arg(long, value_name = "NAME")]
    pub(super) recipient: Option<String>,
    /// Take messages to anybody
    #[arg(long)]
    any_recipient: bool,
    /// The message has to be from this sender
    #[arg(long, value_name = "NAME")]
    pub(super) sender: Option<String>,
}

impl Whom {
    /// Whether `envelope` is from the sender who is asked for.
    pub(super) fn admits(&self, envelope: &Envelope) -> bool {
        self.sender.as_ref().is_none_or(|sender| *sender == envelope.header.sender)
    }

    /// What is asked of `envelope`.
    pub(super) fn rules(&self, envelope: &Envelope) -> Rules {
        let own = self.recipient.clone().or_else(|| envelope.header.recipient.clone()).unwrap_or_default();
        let rules = Rules::new(&own).with_max_ttl_ms(MAX_TTL_MS).with_require(Require::Any);
        Rules { recipient_optional: self.any_recipient, ..rules }
    }
}

/// Verifies with one key; `Err` inside is the message's fault.
pub(super) fn authenticate(
    envelope: Envelope,
    verifying: &Verifying,
    whom: &Whom,
    now_ms: i64,
) -> Result<Result<Authentic, Reason>, Failure> {
    let header = &envelope.header;
    if !whom.admits(&envelope) {
        return Ok(Err(Reason::UnknownSender));
    }
    let Some(signature) = envelope.signature() else { return Ok(Err(Reason::MalformedEnvelope)) };
    let record =
        verifying.record(&header.sender, header.recipient.as_deref(), &signature.key_id, Use::Envelope)?;
    let mut keys = Keyring::new();
    keys.insert(record)?;
    let rules = whom.rules(&envelope);
    Ok(Authentic::verify(envelope, Use::Envelope, &rules, &keys, now_ms))
}

pub(super) fn run(args: &Args) -> Outcome {
    let outcome = authenticate(args.message.read()?, &args.verifying, &args.whom, args.at.ms())?;
    report(&outcome, args.json)
}

/// Says whether an envelope is valid (SP-84).
pub(super) fn report(outcome: &Result<Authentic, Reason>, as_json: bool) -> Outcome {
    match outcome {
        Ok(authentic) if as_json => {
            let envelope = authentic.envelope();
            output::json_line(&json!({
                "valid": true,
                "sender": authentic.sender(),
                "recipient": envelope.header.recipient,
                "messageId": envelope.header.message_id,
                "keyId": authentic.alg_and_key_id().1,
                "fingerprint": authentic.fingerprint().as_str(),
                "intent": envelope.body.intent,
                "content": envelope.body.content,
            }))?;
        }
        Ok(_) => output::print("Signature valid")?,
        Err(reason) if as_json => {
            output::json_line(&json!({ "valid": false, "reason": reason.to_string() }))?
        }
        Err(reason) => output::print(format!("INVALID — {reason}"))?,
    }
    Ok(if outcome.is_ok() { Exit::Ok } else { Exit::Failed })
}
