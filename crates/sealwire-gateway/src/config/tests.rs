//! The example, every default, and every misconfiguration with its line and hint.

use super::*;
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
use std::{fs, path::Path};

const EXAMPLE: &str = include_str!("../../../../examples/sealwire.toml");

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
    folder
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
    // With every key that is commented out put in, but the second way to write the route `/`.
    let every: String = EXAMPLE
        .lines()
        .map(|line| match line.strip_prefix("# ") {
            Some(rest) if rest.starts_with("upstream =") => line,
            Some(rest)
                if ["[tls]", "[tpm]", "[callers]", "[secrets]", "[[secret]]", "[registry]"]
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

const WRONG: [Wrong; 60] = [
    ("listen = \"127.0.0.1:1\"\nlisten = 2", 2, "duplicate key", "examples/sealwire.toml"),
    ("listne = \"127.0.0.1:1\"", 1, "unknown field `listne`", "examples/sealwire.toml"),
    ("\n[limits]\nconnection = 1", 3, "unknown field `connection`", "examples/sealwire.toml"),
    (
        "[[route]]\npath = \"/\"\nupstream = \"http://127.0.0.1:9\"\nplain = true",
        4,
        "unknown field `plain`",
        "",
    ),
    ("listen = \"here\"", 1, "invalid socket address", "127.0.0.1:8443"),
    ("tee = \"sgx\"", 1, "unknown variant `sgx`", ""),
    (
        "upstream = \"http://127.0.0.1:9\"\n[keys]\nkems = [\"x448\"]",
        3,
        "`x448` is unknown; known are x-wing",
        "",
    ),
    ("[[route]]\nupstream = \"http://127.0.0.1:9\"", 1, "missing field `path`", ""),
    (
        "upstream = \"http://127.0.0.1:9\"\n[endorsements]\ncache = \"c\"",
        3,
        "nothing is fetched",
        "fetch = true",
    ),
    (
        "upstream = \"http://127.0.0.1:9\"\n[endorsements]\nfetch = true\npcs = \"pccs\"",
        4,
        "is no place to fetch from",
        "https://",
    ),
    ("upstream = \"http://127.0.0.1:9\"\n[endorsements]\nrefresh = \"0s\"", 3, "is zero", "default"),
    ("upstream = \"http://127.0.0.1:9\"\n[endorsements]\ngrace = 5", 3, "", "10m"),
    (
        "upstream = \"http://127.0.0.1:9\"\n[endorsements]\nfolder = \"/nowhere/at/all\"",
        3,
        "/nowhere/at/all",
        "attest fetch",
    ),
    ("listen = \"127.0.0.1:1\"", 0, "there is no route", "upstream ="),
    ("upstream = \"127.0.0.1:3000\"", 1, "", "http://127.0.0.1:3000"),
    ("upstream = \"ftp://127.0.0.1\"", 1, "scheme `ftp`", "http://127.0.0.1:3000"),
    ("upstream = \"http://app.internal\"", 1, "plain http to another host", "use https://"),
    ("upstream = \"https://a/b?c\"", 1, "has a query", "only a path"),
    ("upstream = \"https://me@a\"", 1, "names a user", "credentials"),
    (
        "listen = \"127.0.0.1:3000\"\nupstream = \"http://127.0.0.1:3000\"",
        2,
        "is the gateway itself",
        "application",
    ),
    (
        "upstream = \"http://127.0.0.1:9\"\n[[route]]\npath = \"/\"\nupstream = \"https://b\"",
        3,
        "a second route",
        "final `/`",
    ),
    (
        "[[route]]\npath = \"/v1\"\nupstream = \"http://127.0.0.1:9\"\n\n[[route]]\npath = \"/v1/\"\nupstream = \"https://b\"",
        6,
        "a second route `/v1`",
        "final `/`",
    ),
    (
        "[[route]]\npath = \"v1\"\nupstream = \"http://127.0.0.1:9\"",
        2,
        "is no path of a route",
        "begins with `/`",
    ),
    (
        "[[route]]\npath = \"/\"\nmethods = []\nupstream = \"http://127.0.0.1:9\"",
        3,
        "is empty",
        "every method",
    ),
    (
        "[[route]]\npath = \"/\"\nmethods = [\"get\"]\nupstream = \"http://127.0.0.1:9\"",
        3,
        "`get` is no method",
        "upper case",
    ),
    (
        "[[route]]\npath = \"/\"\nmethods = [\"CONNECT\"]\nupstream = \"http://127.0.0.1:9\"",
        3,
        "CONNECT",
        "never taken",
    ),
    (
        "[[route]]\npath = \"/\"\nmethods = [\"GET\",\n\"GET\"]\nupstream = \"http://127.0.0.1:9\"",
        4,
        "is there twice",
        "",
    ),
    (
        "[[route]]\npath = \"/\"\nupstream = \"http://127.0.0.1:9\"\ncomplete-requests = 0",
        4,
        "is zero",
        "stream",
    ),
    (
        "[[route]]\npath = \"/\"\nupstream = \"http://127.0.0.1:9\"\nrequests-per-second = 0",
        4,
        "is zero",
        "no limit",
    ),
    (
        "[[route]]\npath = \"/\"\nupstream = \"http://127.0.0.1:9\"\ntimeout = \"0s\"",
        4,
        "is zero",
        "upstream-time",
    ),
    (
        "[[route]]\npath = \"/\"\nupstream = \"http://127.0.0.1:9\"\npace = { size = 0, every = \"1s\" }",
        4,
        "is zero",
        "as it comes",
    ),
    (
        "[[route]]\npath = \"/\"\nupstream = \"http://127.0.0.1:9\"\npace = { size = 9, every = \"0s\" }",
        4,
        "is zero",
        "",
    ),
    (
        "listen = \"0.0.0.0:1\"\nupstream = \"http://127.0.0.1:9\"",
        0,
        "is missing, and the listen address",
        "authorities = [",
    ),
    (
        "upstream = \"http://127.0.0.1:9\"\nauthorities = [\"https://api.example\"]",
        2,
        "https://api.example",
        "without scheme",
    ),
    ("upstream = \"http://127.0.0.1:9\"\nauthorities = [\"a\",\n\"A:443\"]", 3, "is there twice", ""),
    (
        "admin = \"127.0.0.1:8443\"\nupstream = \"http://127.0.0.1:9\"",
        1,
        "is the listen address",
        "address of its own",
    ),
    ("upstream = \"http://127.0.0.1:9\"\n[limits]\nconnections = 0", 3, "is zero", "default"),
    ("upstream = \"http://127.0.0.1:9\"\n[limits]\nrequests = 0", 3, "is zero", "default"),
    ("upstream = \"http://127.0.0.1:9\"\n[limits]\nheader-time = \"0s\"", 3, "is zero", "default"),
    ("upstream = \"http://127.0.0.1:9\"\n[limits]\nheader-size = \"1 KiB\"", 3, "below 8 KiB", "browsers"),
    ("upstream = \"http://127.0.0.1:9\"\n[limits]\nmessage = 5", 3, "below limits.single-request", "memory"),
    ("upstream = \"http://127.0.0.1:9\"\n[keys]\nkems = []", 3, "is empty", "x-wing"),
    ("upstream = \"http://127.0.0.1:9\"\n[keys]\naeads = []", 3, "is empty", "aes-256-gcm"),
    ("upstream = \"http://127.0.0.1:9\"\n[keys]\nkems = [\"x25519\",\n\"x25519\"]", 4, "is there twice", ""),
    (
        "upstream = \"http://127.0.0.1:9\"\n[keys]\noverlap = \"1h\"",
        3,
        "shorter than keys.lifetime",
        "as long as a document",
    ),
    ("upstream = \"http://127.0.0.1:9\"\n[keys]\nlifetime = \"1s\"", 3, "below 2 s", "hours"),
    (
        "upstream = \"http://127.0.0.1:9\"\n[keys]\nrotation = \"10m\"",
        3,
        "key ids (256)",
        "rotate less often",
    ),
    ("upstream = \"http://127.0.0.1:9\"\n[keys]\nregister-capacity = 0", 3, "is zero", "default"),
    ("upstream = \"http://127.0.0.1:9\"\n[session]\nsessions = 0", 3, "is zero", "default"),
    ("upstream = \"http://127.0.0.1:9\"\n[session]\nwindow = 65537", 3, "is too wide", "65536"),
    ("upstream = \"http://127.0.0.1:9\"\n[session]\nlifetime = \"10ms\"", 3, "below 1 s", "whole seconds"),
    (
        "upstream = \"http://127.0.0.1:9\"\n[session]\nidle = \"25h\"",
        3,
        "longer than session.lifetime",
        "ends",
    ),
    ("upstream = \"http://127.0.0.1:9\"\n[session]\nhalf-open = 9", 2, "above session.half-open", "oldest"),
    ("upstream = \"http://127.0.0.1:9\"\n[session]\ngroups = []", 3, "is empty", "X25519MLKEM768"),
    ("upstream = \"http://127.0.0.1:9\"\n[session]\naeads = []", 3, "is empty", "aes-256-gcm"),
    ("upstream = \"http://127.0.0.1:9\"\n[session]\nschemes = []", 3, "is empty", "ed25519+ml-dsa-65"),
    (
        "upstream = \"http://127.0.0.1:9\"\n[session]\nschemes = [\"ed25519\",\n\"ed25519\"]",
        4,
        "is there twice",
        "",
    ),
    ("upstream = \"http://127.0.0.1:9\"\n[replay]\nwindow = \"0s\"", 3, "is zero", "default"),
    ("upstream = \"http://127.0.0.1:9\"\n[quotes]\nchallenges-per-second = 0", 3, "is zero", "default"),
    ("upstream = \"http://127.0.0.1:9\"\n[quotes]\ntimeout = \"0s\"", 3, "is zero", "default"),
];

#[test]
fn misconfiguration_is_refused_with_its_line_and_a_hint() {
    for (text, line, what, hint) in WRONG {
        let error = refused(text);
        assert_eq!(error.file.as_deref(), Some(Path::new("/etc/sealwire.toml")));
        assert_eq!(error.line.unwrap_or(0), line, "{text}\n{error}");
        assert!(error.what.contains(what), "{text}\n{error}");
        assert!(error.hint.contains(hint), "{text}\n{error}");
        let shown = error.to_string();
        let start = if line == 0 {
            "/etc/sealwire.toml: ".to_owned()
        } else {
            format!("/etc/sealwire.toml:{line}: ")
        };
        assert!(shown.starts_with(&start), "{shown}");
    }
}

proptest! {
    #[test]
    fn no_text_is_too_strange_to_be_refused(
        text in "(\\[\\[?[a-z]{1,6}\\]\\]?\n|[a-z-]{1,9} = (\"[^\"\n]{0,9}\"|[0-9]{1,20}|true|\\[\\])\n|\\PC{0,9}\n){0,8}",
    ) {
        if let Err(error) = parse(&text) {
            prop_assert!(!error.what.is_empty());
            prop_assert!(error.line.is_none_or(|line| line <= text.lines().count() + 1));
        }
    }
}

#[test]
fn keys_are_named_as_people_count() {
    let error = refused(
        "[[route]]\npath = \"/\"\nupstream = \"http://127.0.0.1:9\"\n[[route]]\npath = \"x\"\nupstream = \"http://127.0.0.1:9\"",
    );
    assert_eq!(error.key, "route[2].path");
    assert_eq!(refused("upstream = \"http://127.0.0.1:9\"\n[limits]\nstreams = 0").key, "limits.streams");
    // What does not even parse is named, too, with the form that it should have.
    for (text, key, hint) in [
        ("listen = \"localhost:8443\"", "listen", "127.0.0.1:8443"),
        ("[keys]\nrotation = 24", "keys.rotation", "24h"),
        ("keys.rotation = \"soon\"", "keys.rotation", "24h"),
        ("[limits]\nmessage = \"big\"", "limits.message", "64 KiB"),
        ("[session]\nidle = 5", "session.idle", "24h"),
        ("[session]\nwindow = \"1h\"", "session.window", "1024"),
        (
            "[[route]]\npath = \"/\"\nupstream = \"http://127.0.0.1:9\"\npace = { size = 1, every = 1 }",
            "route[1].pace.every",
            "24h",
        ),
        ("[[route]]\npath = \"/\"", "route[1]", "examples/sealwire.toml"),
        ("authorities = [1]", "authorities[1]", ""),
        ("[limits]\nconnection = 1", "limits", "names the keys"),
        ("tls = 1", "tls", ""),
    ] {
        let error = refused(text);
        assert_eq!(error.key, key, "{text}\n{error}");
        assert!(error.hint.contains(hint), "{text}\n{error}");
    }
}

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

fn digest(text: &str) -> String {
    hex::encode(parse(text).unwrap_or_else(|error| panic!("{error}")).digest().unwrap())
}

const BASE: &str = "authorities = [\"a.example\", \"b.example\"]\n\
    [[route]]\npath = \"/\"\nupstream = \"http://127.0.0.1:3000\"\n\
    [[route]]\npath = \"/v1\"\nupstream = \"http://127.0.0.1:4000\"\nmethods = [\"GET\", \"POST\"]\n";

// AT-44
#[test]
fn the_digest_covers_where_plaintext_goes() {
    let base = digest(BASE);
    for (from, to) in [
        ("\"b.example\"", "\"c.example\""),
        (", \"b.example\"", ""),
        ("127.0.0.1:3000", "127.0.0.1:3001"),
        ("methods", "idempotent = true\nmethods"),
        ("methods", "undated = true\nmethods"),
        ("methods", "early-data = true\nmethods"),
        ("[[route]]\npath = \"/\"", "[replay]\nwindow = \"1h\"\n[[route]]\npath = \"/\""),
        ("[[route]]\npath = \"/\"", "[keys]\nkems = [\"x25519\"]\n[[route]]\npath = \"/\""),
        ("http://127.0.0.1:4000", "http://127.0.0.1:4000/base"),
        ("path = \"/v1\"", "path = \"/v2\""),
        ("methods = [\"GET\", \"POST\"]\n", ""),
        ("\"GET\", ", ""),
        ("methods", "plaintext = true\nmethods"),
    ] {
        let changed = BASE.replace(from, to);
        assert_ne!(changed, BASE);
        assert_ne!(digest(&changed), base, "{from} -> {to}");
    }
    let folder = folder();
    let with_roots = format!("upstream-roots = \"internal-ca.pem\"\n{BASE}");
    let with_roots =
        Config::parse(&with_roots, &folder.path().join("sealwire.toml")).unwrap().digest().unwrap();
    assert_ne!(hex::encode(with_roots), base);
}

// AT-44: what the system trusts is the host's to choose, so https upstreams need roots that the digest covers.
#[test]
fn https_upstreams_need_roots_of_their_own() {
    let error = refused("upstream = \"https://app.internal\"");
    assert!(error.key.contains("upstream-roots") && error.what.contains("https"), "{error}");
    let folder = folder();
    let text = "upstream-roots = \"internal-ca.pem\"\nupstream = \"https://app.internal\"";
    assert!(Config::parse(text, &folder.path().join("sealwire.toml")).unwrap().digest().is_ok());
}

// SE-11, AT-44: who may call is covered, with everything that the policy says; what was revoked since is not.
#[test]
fn the_digest_covers_who_may_call() {
    let folder = folder();
    let digest =
        |text: &str| Config::parse(text, &folder.path().join("sealwire.toml")).unwrap().digest().unwrap();
    let callers = "[callers]\npolicy = \"callers.toml\"\nrevocation-list = \"revoked.cbor\"\n";
    let with = format!("{BASE}{callers}");
    let (without, wanted) = (digest(BASE), digest(&with));
    let required = digest(&format!("{with}attested = \"required\"\n"));
    assert!(without != wanted && wanted != required && required != without);
    assert_eq!(digest(&format!("{with}attested = \"wanted\"\n")), wanted);
    assert_ne!(digest(&with.replace("methods", "attested-caller = true\nmethods")), wanted);
    let policy = folder.path().join("callers.toml");
    let text = fs::read_to_string(&policy).unwrap();
    fs::write(&policy, text.replace("2222", "2223")).unwrap();
    assert_ne!(digest(&with), wanted);
}

// SE-20, AT-44: who may read and write which secret is covered; where it is written down is not.
#[test]
fn the_digest_covers_who_gets_secrets() {
    let folder = folder();
    let digest =
        |text: &str| Config::parse(text, &folder.path().join("sealwire.toml")).unwrap().digest().unwrap();
    let callers = "[callers]\npolicy = \"callers.toml\"\nrevocation-list = \"revoked.cbor\"\n";
    let key = |digit: char| format!("ed25519:{}", digit.to_string().repeat(64));
    let (one, two) = (key('1'), key('2'));
    let secrets = format!(
        "[secrets]\naudit = \"a.jsonl\"\n[[secret]]\nname = \"db/*\"\nread = \"readers.toml\"\n\
         operator-keys = [\"{one}\", \"{two}\"]\n[[secret]]\nname = \"x\"\nread = \"readers.toml\"\n\
         write = \"writers.toml\"\n"
    );
    let base = format!("{BASE}{callers}{secrets}");
    let expected = digest(&base);
    assert_ne!(digest(&format!("{BASE}{callers}")), expected);
    for (from, to) in [
        ("db/*", "db/y"),
        ("readers", "writers"),
        ("write = \"writers.toml\"", "write = \"readers.toml\""),
        ("write = \"writers.toml\"", "operator-keys = [\"ed25519:KEY\"]"),
        (one.as_str(), "ed25519:KEY"),
        ("name = \"x\"\n", "name = \"x\"\noperator-keys = [\"ed25519:KEY\"]\n"),
    ] {
        let changed = base.replacen(from, &to.replace("KEY", &"3".repeat(64)), 1);
        assert_ne!(changed, base);
        assert_ne!(digest(&changed), expected, "{from} -> {to}");
    }
    let order = format!("[\"{two}\", \"{one}\", \"{two}\"]");
    for (from, to) in [("a.jsonl", "b.jsonl"), (format!("[\"{one}\", \"{two}\"]").as_str(), order.as_str())] {
        let changed = base.replacen(from, to, 1);
        assert_ne!(changed, base);
        assert_eq!(digest(&changed), expected, "{from} -> {to}");
    }
    let policy = folder.path().join("readers.toml");
    let text = fs::read_to_string(&policy).unwrap();
    fs::write(&policy, text.replace("3333", "3334")).unwrap();
    assert_ne!(digest(&base), expected);
}

// SE-20
#[test]
fn secrets_are_configured_without_contradictions() {
    let folder = folder();
    let read = |text: &str| {
        let text = format!("upstream = \"http://127.0.0.1:9\"\n{text}");
        Config::parse(&text, &folder.path().join("sealwire.toml"))
    };
    fs::write(folder.path().join("plain.toml"), caller_policy("", '1')).unwrap();
    let key = SigningKey::generate(&OsRandom).unwrap();
    let keys = format!("revocation-keys = [\"ed25519:{}\"]", hex::encode(key.public_key()));
    fs::write(folder.path().join("listed.toml"), caller_policy(&keys, '1')).unwrap();
    let callers = "[callers]\npolicy = \"plain.toml\"\n";
    let with_list = "[callers]\npolicy = \"callers.toml\"\nrevocation-list = \"revoked.cbor\"\n";
    let audit = "[secrets]\naudit = \"a.jsonl\"\n";
    let one = "[[secret]]\nname = \"a\"\nread = \"plain.toml\"\nwrite = \"plain.toml\"\n";
    let good = format!("{callers}{audit}{one}");
    assert!(read(&good).is_ok());
    for (text, key, what) in [
        (format!("{callers}{one}"), "secret[1]", "there is no [secrets]"),
        (format!("{callers}{audit}"), "secrets", "there is no [[secret]]"),
        (format!("{audit}{one}"), "secrets", "there is no [callers]"),
        (format!("{good}{one}"), "secret[2].name", "a second rule"),
        (good.replace("name = \"a\"", "name = \"a/../b\""), "secret[1].name", "a name has"),
        (good.replace("name = \"a\"", "name = \"*\""), "secret[1].name", "a name has"),
        (good.replace("write = \"plain.toml\"\n", ""), "secret[1].name", "nobody may write"),
        (good.replace("read = \"plain", "read = \"absent"), "secret[1].read", "cannot be read"),
        (good.replace("write = \"plain", "write = \"absent"), "secret[1].write", "cannot be read"),
        (good.replace("read = \"plain", "read = \"listed"), "secret[1].read", "is missing"),
        (
            good.replace(callers, with_list).replace("read = \"plain", "read = \"listed"),
            "secret[1].read",
            "revoked.cbor",
        ),
        (
            format!("{good}operator-keys = [\"ed25519:12\"]\n"),
            "secret[1].operator-keys[1]",
            "no operator's key",
        ),
        (format!("{good}reads = 1\n"), "secret[1]", "unknown field"),
    ] {
        let error = read(&text).expect_err(&text);
        assert!(error.key == key && error.what.contains(what) && !error.hint.is_empty(), "{error:?}");
    }
}

// SE-11
#[test]
fn callers_are_configured_without_contradictions() {
    let folder = folder();
    let read = |text: &str| {
        let text = format!("upstream = \"http://127.0.0.1:9\"\n{text}");
        Config::parse(&text, &folder.path().join("sealwire.toml"))
    };
    let list = "revocation-list = \"revoked.cbor\"\n";
    let callers = "[callers]\npolicy = \"callers.toml\"\n";
    let route = "[[route]]\npath = \"/v1\"\nupstream = \"http://127.0.0.1:9\"\nattested-caller = true\n";
    assert!(read(&format!("{callers}{list}{route}")).is_ok());
    fs::write(folder.path().join("plain.toml"), caller_policy("", '1')).unwrap();
    fs::write(folder.path().join("broken.toml"), "version = 1\nmeasure = 1\n").unwrap();
    fs::write(folder.path().join("fresh.toml"), caller_policy("fresh-evidence = true", '1')).unwrap();
    let plain = "[callers]\npolicy = \"plain.toml\"\n";
    assert!(read(&format!("{plain}{route}")).is_ok());
    for (text, key, what) in [
        (route.to_owned(), "route[1].attested-caller", "there is no [callers]"),
        (format!("{plain}{route}plaintext = true\n"), "route[1].attested-caller", "so is plaintext"),
        (callers.to_owned(), "callers.revocation-list", "is missing"),
        (format!("{plain}{list}"), "callers.revocation-list", "revoked.cbor"),
        (plain.replace("plain", "absent"), "callers.policy", "cannot be read"),
        (plain.replace("plain", "broken"), "callers.policy", "measure"),
        (plain.replace("plain", "fresh"), "callers.policy", "fresh-evidence"),
        (format!("{plain}attested = \"maybe\"\n"), "callers.attested", "maybe"),
        (format!("{plain}wanted = true\n"), "callers", "unknown field"),
    ] {
        let error = read(&text).expect_err(&text);
        assert!(error.key == key && error.what.contains(what) && !error.hint.is_empty(), "{error:?}");
    }
}

// SE-04, SE-38, SE-40: what a file says is what the wire takes; the weak is there only where it is named.
#[test]
fn sessions_are_configured() {
    let read = |text: &str| {
        let config = parse(&format!("upstream = \"http://127.0.0.1:9\"\n[session]\n{text}")).unwrap();
        Plan::new(&config, Served::At(config.listen)).unwrap().session
    };
    let standard = read("");
    assert_eq!(standard, server::Config::default());
    assert!(!standard.groups.contains(&Group::X25519) && !standard.schemes.contains(&Scheme::Ed25519));
    assert!(!standard.without_agreement);
    let changed = read(
        "sessions = 1\nhalf-open = 3\nretry-from = 2\nlifetime = \"4s\"\nidle = \"3s\"\nrequests = 5\nwindow = 6\n\
         message = \"7 KiB\"\nticket = \"8s\"\ngroups = [\"x25519\"]\naeads = [\"aes-128-gcm\"]\n\
         schemes = [\"ed25519\", \"slh-dsa-sha2-192f\"]\nresume-without-agreement = true",
    );
    let expected = server::Config {
        groups: vec![Group::X25519],
        suites: vec![Suite { aead: Aead::Aes128Gcm }],
        schemes: vec![Scheme::Ed25519, Scheme::SlhDsaSha2192f],
        without_agreement: true,
        limits: sealwire_http::session::Limits {
            sessions: 1,
            half_open: 3,
            retry_from: 2,
            lifetime: Duration::from_secs(4),
            idle: Duration::from_secs(3),
            requests: 5,
            window: 6,
            message: 7 << 10,
            ticket: Duration::from_secs(8),
            ..standard.limits
        },
    };
    assert_eq!(changed, expected);
}

// SE-31: what stands in front is named in one way, and leads to what is served.
#[test]
fn rewrites_are_configured_without_contradictions() {
    let read = |text: &str| {
        parse(&format!(
            "upstream = \"http://127.0.0.1:9\"\nauthorities = [\"app.example\"]\n[session]\n{text}"
        ))
    };
    let good = "authority-aliases = { \"edge.example:443\" = \"App.example\" }\n\
                path-prefixes = [{ outer = \"/x/\", inner = \"/\" }, { outer = \"/\", inner = \"/y\" }]";
    // Plaintext goes where what is sealed says, whatever is put back.
    assert_eq!(read(good).unwrap().digest(), read("").unwrap().digest());
    for (text, key, what) in [
        (
            "authority-aliases = { \"a\" = \"b.example\" }",
            "session.authority-aliases",
            "`b.example` is not served",
        ),
        (
            "authority-aliases = { \"app.example\" = \"app.example\" }",
            "session.authority-aliases",
            "is served itself",
        ),
        ("authority-aliases = { \"a/b\" = \"app.example\" }", "session.authority-aliases", "a/b"),
        (
            "authority-aliases = { a = \"app.example\", \"A:443\" = \"app.example\" }",
            "session.authority-aliases",
            "there twice",
        ),
        (
            "path-prefixes = [{ outer = \"x\", inner = \"/\" }]",
            "session.path-prefixes[1].outer",
            "no prefix of paths",
        ),
        (
            "path-prefixes = [{ outer = \"/\", inner = \"/a//b\" }]",
            "session.path-prefixes[1].inner",
            "no prefix of paths",
        ),
        (
            "path-prefixes = [{ outer = \"/a/\", inner = \"/a\" }]",
            "session.path-prefixes[1]",
            "changes nothing",
        ),
        (
            "path-prefixes = [{ outer = \"/a\", inner = \"/\" }, { outer = \"/a/\", inner = \"/b\" }]",
            "session.path-prefixes[2].outer",
            "a second",
        ),
    ] {
        let error = read(text).expect_err(text);
        assert!(error.key == key && error.what.contains(what) && !error.hint.is_empty(), "{text}\n{error:?}");
    }
}

// AT-44
#[test]
fn the_digest_covers_nothing_else() {
    let base = digest(BASE);
    for (from, to) in [
        ("[\"a.example\", \"b.example\"]", "[\"B.example:443\", \"a.example\"]"),
        ("\"/v1\"", "\"/v1/\""),
        ("127.0.0.1:4000", "127.0.0.1:04000/"),
        ("\"GET\", \"POST\"", "\"POST\", \"GET\""),
        ("methods", "timeout = \"1s\"\nrequests-per-second = 1\nmethods"),
        (
            "[[route]]\npath = \"/\"",
            "[limits]\nconnections = 7\n[keys]\noverlap = \"48h\"\n[session]\nwindow = 9\n[[route]]\npath = \"/\"",
        ),
    ] {
        let changed = BASE.replace(from, to);
        assert_ne!(changed, BASE);
        assert_eq!(digest(&changed), base, "{from} -> {to}");
    }
}

// AT-44: clients and operators pin it, so that it may not change by accident. Computed by another program from the
// description of `digest`.
#[test]
fn the_digest_is_stable() {
    let expected = "2afd064ec647d2e4a43b5c22f800e75d52375d49049a0ba5\
                    3cbe053652cf75cc795065d6896eeca4dc2c710a89da07e3";
    assert_eq!(digest(BASE), expected);
}
