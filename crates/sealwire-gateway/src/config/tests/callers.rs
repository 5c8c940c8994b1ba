//! Who may call, how their sessions are, and who gets secrets.

use super::*;

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
