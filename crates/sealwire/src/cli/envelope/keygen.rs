//! `sealwire envelope keygen`

use super::input::now_ms;
use crate::cli::{
    exit::{Exit, Failure, OrNext, Outcome},
    files::{self, Access},
    output,
};
use clap::{Args as ClapArgs, ValueEnum};
use sealwire_attest::UnixTime;
use sealwire_crypto::{
    random::{self, OsRandom},
    sign::ml_dsa::Parameters,
    x25519,
};
use sealwire_envelope::{
    Algorithm, VERSION, base64url,
    key::{PrivateKey, SharedSecret},
    threshold,
};
use serde_json::{Value, json};
use std::path::PathBuf;
use zeroize::Zeroizing;

/// Make a key
///
/// Prints the key as JSON: algorithm, wireVersion, publicKey, privateKey, createdAt and a warning. With --output all of
/// that goes into a new file that only you may read, and what is printed leaves the private key out.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  sealwire envelope keygen --output alice.json
  sealwire envelope keygen --format pem --output alice.pem
  sealwire envelope keygen --algorithm x25519 --output alice-seal.json")]
pub(super) struct Args {
    /// What the key is for: ed25519 and ml-dsa sign, hs256 is a secret of two, x25519 opens sealed messages, bls signs
    /// with others
    #[arg(long, value_enum, default_value_t = Kind::Ed25519)]
    algorithm: Kind,
    /// Form of the private key in the file; pem and jwk for ed25519
    #[arg(long, value_enum, default_value_t = Format::Json, requires = "output")]
    format: Format,
    /// New file for the key; an existing one is never overwritten
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Kind {
    Ed25519,
    #[value(name = "ml-dsa-44")]
    MlDsa44,
    #[value(name = "ml-dsa-65")]
    MlDsa65,
    #[value(name = "ml-dsa-87")]
    MlDsa87,
    Hs256,
    X25519,
    Bls,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Json,
    Pem,
    Jwk,
}

/// A key, as it is told.
struct Made {
    /// Everything but the private key.
    public: Value,
    /// `privateKey`, or `secret`.
    member: &'static str,
    private: Zeroizing<String>,
    /// Other forms of the private key.
    forms: Option<PrivateKey>,
}

pub(super) fn run(args: &Args) -> Outcome {
    let made = make(args.algorithm)?;
    let Some(file) = &args.output else {
        output::print(&*with_private(&made)?)?;
        return Ok(Exit::Ok);
    };
    let other_form =
        || made.forms.as_ref().ok_or_else(|| Failure::usage("only Ed25519 keys have the forms pem and jwk"));
    let text = match args.format {
        Format::Json => with_private(&made)?,
        Format::Pem => other_form()?.to_pem().or_usage()?,
        Format::Jwk => other_form()?.to_jwk().or_usage()?,
    };
    files::create(file, text.as_bytes(), Access::Secret)?;
    let mut public = made.public;
    set(&mut public, "file", json!(file));
    output::json_line(&public)?;
    Ok(Exit::Ok)
}

fn make(kind: Kind) -> Result<Made, Failure> {
    let signing = |algorithm, name: &str| -> Result<Made, Failure> {
        let key = PrivateKey::generate(algorithm, &OsRandom)?;
        let public = key.public_key()?;
        let told = told(
            name,
            json!({ "publicKey": public.to_text(), "fingerprint": public.fingerprint().as_str() }),
        );
        Ok(Made { public: told, member: "privateKey", private: key.to_text()?, forms: Some(key) })
    };
    match kind {
        Kind::Ed25519 => signing(Algorithm::Ed25519, "Ed25519"),
        Kind::MlDsa44 => signing(Algorithm::MlDsa(Parameters::MlDsa44), "ML-DSA-44"),
        Kind::MlDsa65 => signing(Algorithm::MlDsa(Parameters::MlDsa65), "ML-DSA-65"),
        Kind::MlDsa87 => signing(Algorithm::MlDsa(Parameters::MlDsa87), "ML-DSA-87"),
        Kind::Hs256 => {
            let secret = SharedSecret::generate(&OsRandom)?;
            let fingerprint = SharedSecret::new(&secret).fingerprint().as_str().to_owned();
            let public = told("HS256", json!({ "fingerprint": fingerprint }));
            Ok(Made { public, member: "secret", private: secret, forms: None })
        }
        Kind::X25519 => {
            let bytes = Zeroizing::new(random::array::<32>(&OsRandom)?);
            let key = x25519::PrivateKey::from_bytes(bytes.as_slice())?;
            let public = told("X25519", json!({ "publicKey": base64url::encode(key.public_key()?) }));
            let private = Zeroizing::new(base64url::encode(bytes.as_slice()));
            Ok(Made { public, member: "privateKey", private, forms: None })
        }
        Kind::Bls => {
            let key = threshold::SecretKey::generate(&OsRandom)?;
            let members = json!({ "publicKey": key.public_key_text(), "pop": key.possession_text() });
            let public = told(threshold::ALGORITHM, members);
            Ok(Made { public, member: "privateKey", private: key.to_text(), forms: None })
        }
    }
}

fn told(algorithm: &str, members: Value) -> Value {
    let created = UnixTime(u64::try_from(now_ms() / 1_000).unwrap_or_default());
    let mut all = json!({ "algorithm": algorithm, "wireVersion": VERSION });
    for (name, value) in members.as_object().into_iter().flatten() {
        set(&mut all, name, value.clone());
    }
    set(&mut all, "createdAt", json!(created.to_string()));
    set(
        &mut all,
        "warning",
        json!("Whoever has the private key can sign as you. Keep it away from others, and from logs."),
    );
    all
}

/// The JSON with the private key in it, in a buffer that is wiped.
fn with_private(made: &Made) -> Result<Zeroizing<String>, Failure> {
    let public = serde_json::to_string(&made.public)?;
    let rest = public.strip_suffix('}').unwrap_or(&public);
    let mut out = Zeroizing::new(String::with_capacity(rest.len() + made.private.len() + 32));
    // Base64url has nothing to escape.
    for part in [rest, ",\"", made.member, "\":\"", &made.private, "\"}\n"] {
        out.push_str(part);
    }
    Ok(out)
}

fn set(object: &mut Value, name: &str, value: Value) {
    if let Some(members) = object.as_object_mut() {
        members.insert(name.to_owned(), value);
    }
}
