//! The example, every default, and what a configuration names: files, TPMs, statements.

mod callers;
mod digest;
mod hpke_http;
mod mistakes;

use super::*;
use crate::hpke_http::KeyFile;
use proptest::prelude::*;
use rcgen::{CertifiedKey, generate_simple_self_signed};
use sealwire_attest::{
    UnixTime,
    key_document::operator::{OperatorStatement, signing_key_to_pem},
    revocation::RevocationList,
};
use sealwire_http::{
    crypto::{random::OsRandom, sign::ed25519::SigningKey},
    session::{Group, Scheme, Suite, server},
};
use sealwire_tee::tpm::EventLog;
use std::{fs, os::unix::fs::PermissionsExt as _, path::Path};

const EXAMPLE: &str = include_str!("../../../../../examples/sealwire.toml");

fn parse(text: &str) -> Result<Config, Error> {
    Config::parse(text, Path::new("/etc/sealwire.toml"))
}

fn refused(text: &str) -> Error {
    parse(text).expect_err(text)
}

#[test]
fn the_example_loads() {
    let config = parse(EXAMPLE).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(config.routes.len(), 2);
    assert_eq!(config.routes[1].complete_requests, Some(16 << 20));
    assert_eq!(config.routes[1].timeout, Some(Duration::from_secs(120)));
}

#[test]
fn the_example_shows_the_defaults() {
    let config = parse(EXAMPLE).unwrap();
    let defaults = Config::default();
    assert_eq!(config.listen, defaults.listen);
    assert_eq!(config.limits, defaults.limits);
    assert_eq!(config.keys, defaults.keys);
    assert_eq!(config.session, defaults.session);
    assert_eq!(config.replay, defaults.replay);
    assert_eq!(config.quotes, defaults.quotes);
    assert_eq!(config.endorsements, defaults.endorsements);
    assert_eq!(config.log, defaults.log);
}

/// A folder with the files that the example names.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(["gateway.test".to_owned()]).unwrap();
    fs::write(folder.path().join("chain.pem"), cert.pem()).unwrap();
    fs::write(folder.path().join("internal-ca.pem"), cert.pem()).unwrap();
    fs::write(folder.path().join("key.pem"), signing_key.serialize_pem()).unwrap();
    callers(folder.path());
    private(folder.path(), "psks.toml", "");
    for name in ["hpke-http-keys.toml", "hpke-http-1-key.toml"] {
        private(folder.path(), name, &KeyFile::generate(&OsRandom).unwrap().to_text());
    }
    folder
}

/// A file that its owner alone can read.
fn private(folder: &Path, name: &str, text: &str) {
    fs::write(folder.join(name), text).unwrap();
    fs::set_permissions(folder.join(name), fs::Permissions::from_mode(0o600)).unwrap();
}

/// A policy for callers, `callers.toml`, and the list that it asks for.
fn callers(folder: &Path) {
    let key = SigningKey::generate(&OsRandom).unwrap();
    let signer = format!("revocation-keys = [\"ed25519:{}\"]", hex::encode(key.public_key()));
    fs::write(folder.join("callers.toml"), caller_policy(&signer, '1')).unwrap();
    // Of secrets.
    fs::write(folder.join("readers.toml"), caller_policy("", '3')).unwrap();
    fs::write(folder.join("writers.toml"), caller_policy("", '4')).unwrap();
    let list = RevocationList::empty(1, UnixTime(1), UnixTime(u64::from(u32::MAX)));
    fs::write(folder.join("revoked.cbor"), list.sign(&key).unwrap()).unwrap();
}

fn caller_policy(top: &str, root: char) -> String {
    let root = root.to_string().repeat(64);
    format!(
        "version = 1\nany-operator = true\n{top}\n[[accept]]\nkind = \"development\"\n\
         roots = [\"sha256:{root}\"]\nmeasurement = [\"{}\"]\nhost-data = {{ any = \"a test\" }}\n\
         minimum-tcb = {{ any = \"a test\" }}\nvmpl = {{ any = \"a test\" }}\ncrl = \"if-available\"\n",
        "2".repeat(96)
    )
}

fn statement(folder: &Path, authorities: &[&str], digest: [u8; 48]) {
    let key = SigningKey::generate(&OsRandom).unwrap();
    let authorities: Vec<String> = authorities.iter().map(ToString::to_string).collect();
    let statement = OperatorStatement::sign(&key, &authorities, digest, &[7; 48]).unwrap();
    fs::write(folder.join("statement.pem"), statement.to_pem()).unwrap();
}

#[test]
fn the_example_is_complete() {
    // With every key that is commented out put in, but the second way to write the route `/`, and one of several.
    let every: String = EXAMPLE
        .lines()
        .map(|line| match line.strip_prefix("# ") {
            Some(rest) if rest.starts_with("upstream =") || rest.ends_with("# or") => line,
            Some(rest)
                if [
                    "[hpke-http]",
                    "[hpke-http.legacy]",
                    "[tls]",
                    "[tpm]",
                    "[callers]",
                    "[secrets]",
                    "[[secret]]",
                    "[ehbp]",
                    "[registry]",
                ]
                .iter()
                .any(|table| rest.starts_with(table)) =>
            {
                rest
            }
            Some(rest) if rest.split(' ').nth(1) == Some("=") => rest,
            _ => line,
        })
        // Places to fetch from belong to fetching.
        .map(|line| if line == "fetch = false" { "fetch = true" } else { line })
        .flat_map(|line| [line, "\n"])
        .collect();
    let folder = folder();
    fs::create_dir(folder.path().join("endorsements")).unwrap();
    let path = folder.path().join("sealwire.toml");
    let without: String = every
        .lines()
        .filter(|line| !line.starts_with("operator-statement"))
        .flat_map(|line| [line, "\n"])
        .collect();
    let digest = Config::parse(&without, &path).unwrap().digest().unwrap();
    statement(folder.path(), &["127.0.0.1:8443"], digest);
    fs::write(&path, &every).unwrap();
    let config = Config::load(&path).unwrap_or_else(|error| panic!("{error}\n{every}"));
    assert_eq!(config.state.as_deref(), Some(folder.path().join("state").as_path()), "relative to the file");
    assert!(config.tls.is_some() && config.upstream_roots.is_some() && config.operator_statement.is_some());
    // Of a struct, `Debug` names every field.
    let fields = format!("{config:#?}");
    let names = fields
        .lines()
        .filter_map(|line| line.trim().split_once(": "))
        .map(|(name, _)| name.replace('_', "-"));
    for name in names
        .filter(|name| name != "routes" && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-'))
    {
        assert!(
            EXAMPLE.contains(&format!("{name} = ")) || EXAMPLE.contains(&format!("[{name}]")),
            "`{name}` is not in the example"
        );
    }
}

#[test]
fn one_upstream_is_enough() {
    let config = parse("upstream = \"http://127.0.0.1:3000\"").unwrap();
    let spelt = parse("[[route]]\npath = \"/\"\nupstream = \"http://127.0.0.1:3000/\"").unwrap();
    assert_eq!(config.digest(), spelt.digest());
    let made = Config { upstream: Some("http://127.0.0.1:3000".to_owned()), ..Config::default() };
    assert_eq!(made.validate(), Ok(()));
    assert_eq!(made.digest(), config.digest());
}

// AT-01
#[test]
fn companions_are_configured() {
    let read = |text: &str| parse(&format!("upstream = \"http://127.0.0.1:9\"\ntee = \"snp\"\n{text}"));
    let plain = read("").unwrap();
    assert_eq!(plain.companions, []);
    let text = "companions = [\"tpm\", { kind = \"nvidia\", command = [\"a\", \"{nonce}\"] }]";
    let inline = read(text).unwrap();
    let tables = read(
        "[[companions]]\nkind = \"tpm\"\n[[companions]]\nkind = \"nvidia\"\ncommand = [\"a\", \"{nonce}\"]\n",
    );
    assert_eq!(inline, tables.unwrap());
    let labels: Vec<_> = inline.companions.iter().map(Companion::label).collect();
    assert_eq!(labels, ["tpm", "nvidia"]);
    // They do not decide where plaintext goes.
    assert_eq!(inline.digest(), plain.digest());

    let refused = |text: &str| {
        let error = read(text).expect_err(text);
        (error.line, error.to_string())
    };
    let nvidia =
        |more: &str| format!("[[companions]]\nkind = \"nvidia\"\n{more}\n[[companions]]\nkind = \"tpm\"\n");
    let command = "command = [\"a\", \"{nonce}\"]";
    let many: Vec<_> =
        (0..9).map(|i| format!("{{ kind = \"nvidia\", {command}, label = \"{i}\" }}")).collect();
    for (text, line, what) in [
        ("companions = [\"snp\"]".to_owned(), 3, "unknown variant `snp`"),
        ("companions = [5]".to_owned(), 3, "the name of a kind"),
        ("companions = [{}]".to_owned(), 3, "missing field `kind`"),
        ("companions = [\"tpm\", \"tpm\"]".to_owned(), 3, "a second companion `tpm`"),
        ("companions = [\"nvidia\"]".to_owned(), 3, "the command is empty"),
        (format!("companions = [{}]", many.join(", ")), 3, "has more than 8"),
        (nvidia("command = [\"a\"]"), 5, "where the nonce goes"),
        (nvidia(&format!("{command}\nlabel = \"GPU\"")), 6, "`GPU` is no label"),
        (nvidia(&format!("{command}\nlabel = \"\"")), 6, "`` is no label"),
        (nvidia(&format!("{command}\nlabel = \"{}\"", "a".repeat(33))), 6, "is no label"),
        (nvidia(&format!("{command}\ntimeout = \"10s\"")), 6, "not below quotes.timeout"),
        (nvidia(&format!("{command}\ntimeout = \"0s\"")), 6, "is zero"),
        (nvidia(&format!("{command}\nother = 1")), 6, "unknown field `other`"),
        (format!("[[companions]]\nkind = \"tpm\"\n{command}"), 5, "is not for a TPM"),
        ("[[companions]]\nkind = \"tpm\"\ntimeout = \"1s\"".to_owned(), 5, "is not for a TPM"),
    ] {
        let (found, told) = refused(&text);
        assert_eq!(found, Some(line), "{text}: {told}");
        assert!(told.contains(what), "{text}: {told}");
    }
    let twice =
        parse("upstream = \"http://127.0.0.1:9\"\ntee = \"tpm\"\ncompanions = [\"tpm\"]").unwrap_err();
    assert_eq!(twice.line, Some(3), "{twice}");
}

// AT-62
#[test]
fn a_tpm_is_configured() {
    let tpm = |text: &str| {
        parse(&format!("upstream = \"http://127.0.0.1:9\"\ntee = \"tpm\"\n[tpm]\n{text}"))
            .map(|config| (config.tee, config.tpm))
    };
    let default = tpm("").unwrap();
    assert_eq!(default, (Tee::Tpm, Tpm::default()));
    assert_eq!(default.1.device.to_string(), "/dev/tpmrm0");
    assert_eq!(default.1.pcrs.to_string(), "0-15,17-22");
    let text = "device = \"unix:/run/tpm\"\ncertificate = \"ak.pem\"\npcrs = \"0-7,11\"\nevent-log = \"log\"";
    let (_, full) = tpm(text).unwrap();
    assert_eq!((full.device.to_string(), full.pcrs.to_string()), ("unix:/run/tpm".into(), "0-7,11".into()));
    // Files lie beside the configuration.
    assert_eq!(full.certificate.as_deref(), Some(Path::new("/etc/ak.pem")));
    assert_eq!(full.event_log, EventLog::File("/etc/log".into()));
    assert_eq!(tpm("event-log = \"none\"").unwrap().1.event_log, EventLog::None);
    for (wrong, key) in
        [("device = \"tpm0\"", "tpm.device"), ("pcrs = \"24\"", "tpm.pcrs"), ("pcr = 1", "tpm")]
    {
        let error = tpm(wrong).expect_err(wrong);
        assert!((error.line, error.key.starts_with(key)) == (Some(4), true), "{error:?}");
    }
}

#[test]
fn sizes_and_times_are_read() {
    let limits = |text: &str| {
        parse(&format!("upstream = \"http://127.0.0.1:9\"\n[limits]\n{text}")).map(|config| config.limits)
    };
    assert_eq!(limits("message = 1048577").unwrap().message, (1 << 20) + 1);
    assert_eq!(limits("message = \"2 MiB\"").unwrap().message, 2 << 20);
    assert_eq!(limits("message = \"3MB\"").unwrap().message, 3_000_000);
    assert_eq!(limits("idle-time = \"1h 30m\"").unwrap().idle_time, Duration::from_secs(5400));
    assert_eq!(limits("idle-time = \"250ms\"").unwrap().idle_time, Duration::from_millis(250));
    for wrong in [
        "message = -1",
        "message = \"much\"",
        "message = true",
        "idle-time = 5",
        "idle-time = \"-5s\"",
        "idle-time = \"soon\"",
    ] {
        let error = limits(wrong).expect_err(wrong);
        assert_eq!(error.line, Some(3), "{error}");
    }
    let complete = |value: &str| {
        parse(&format!(
            "[[route]]\npath = \"/\"\nupstream = \"http://127.0.0.1:9\"\ncomplete-requests = {value}"
        ))
        .map(|config| config.routes[0].complete_requests)
    };
    assert_eq!(complete("false"), Ok(None));
    assert_eq!(complete("\"64 KiB\""), Ok(Some(65536)));
    assert_eq!(complete("true").unwrap_err().line, Some(4));
}

/// One wrong file: its text, the line that is to be named, and parts of what and hint.
type Wrong = (&'static str, usize, &'static str, &'static str);

#[test]
fn files_that_cannot_be_used_are_named() {
    let folder = folder();
    let path = folder.path().join("sealwire.toml");
    let refused = |text: &str| Config::parse(text, &path).expect_err(text);
    let tls = |certificate: &str, key: &str| {
        format!("upstream = \"http://127.0.0.1:9\"\n[tls]\ncertificate = \"{certificate}\"\nkey = \"{key}\"")
    };
    assert!(Config::parse(&tls("chain.pem", "key.pem"), &path).is_ok());
    let error = refused(&tls("none.pem", "key.pem"));
    assert_eq!((error.key.as_str(), error.line), ("tls.certificate", Some(3)));
    assert!(error.what.contains("none.pem") && error.hint.contains("PEM"), "{error}");
    let error = refused(&tls("chain.pem", "none.pem"));
    assert_eq!((error.key.as_str(), error.line), ("tls.key", Some(4)));
    let error = refused(&tls("key.pem", "key.pem"));
    assert!(error.what.contains("holds no certificate"), "{error}");
    let other = self::folder();
    let error = refused(&tls("chain.pem", other.path().join("key.pem").to_str().unwrap()));
    assert!(error.what.contains("does not go with the certificate"), "{error}");

    let error = refused("upstream = \"http://127.0.0.1:9\"\nupstream-roots = \"none.pem\"");
    assert_eq!((error.key.as_str(), error.line), ("upstream-roots", Some(2)));

    let error = Config::load(&folder.path().join("none.toml")).unwrap_err();
    assert!(error.to_string().contains("none.toml: cannot be read"), "{error}");
}

// AT-44
#[test]
fn an_operators_statement_must_be_for_this_configuration() {
    let folder = folder();
    let path = folder.path().join("sealwire.toml");
    let text = "authorities = [\"b.example\", \"a.example\"]\nupstream = \"http://127.0.0.1:9\"\noperator-statement = \"statement.pem\"";
    let digest = parse(text.rsplit_once('\n').unwrap().0).unwrap().digest().unwrap();
    let check = || Config::parse(text, &path);

    statement(folder.path(), &["a.example", "b.example"], digest);
    assert!(check().is_ok());
    statement(folder.path(), &["a.example"], digest);
    let error = check().unwrap_err();
    assert_eq!((error.key.as_str(), error.line), ("operator-statement", Some(3)));
    assert!(error.what.contains("is for a.example, not a.example, b.example"), "{error}");
    statement(folder.path(), &["a.example", "b.example"], [1; 48]);
    let error = check().unwrap_err();
    assert!(
        error.what.contains("another configuration") && error.hint.contains(&hex::encode(digest)),
        "{error}"
    );
    let key = signing_key_to_pem(&SigningKey::generate(&OsRandom).unwrap()).unwrap();
    fs::write(folder.path().join("statement.pem"), key).unwrap();
    let error = check().unwrap_err();
    assert!(error.what.contains("private key") && error.hint.contains("take it off"), "{error}");
    fs::write(folder.path().join("statement.pem"), "junk").unwrap();
    assert!(check().unwrap_err().what.contains("PEM"));
    fs::remove_file(folder.path().join("statement.pem")).unwrap();
    assert!(check().unwrap_err().what.contains("cannot be read"));
}
