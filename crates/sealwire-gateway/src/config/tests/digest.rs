//! What the configuration digest covers, and what it does not (AT-44).

use super::*;

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

// TU-01, TU-34, AT-44: whether a wire is on that is not forward secret, and which routes it leads to.
#[test]
fn the_digest_covers_version_0_of_the_tunnel() {
    let with = |table: &str| BASE.replacen("[[route]]", &format!("[tunnel]\n{table}\n[[route]]"), 1);
    let off = digest(BASE);
    assert_eq!(digest(&with("version-0 = false")), off);
    assert_eq!(digest(&BASE.replace("methods", "tunnel-version-0 = false\nmethods")), off);
    let on = digest(&with("version-0 = true"));
    assert_ne!(on, off);
    assert_eq!(digest(&with("version-0 = true\nmessage = \"2 MiB\"")), on);
    assert_ne!(digest(&with("version-0 = true\njoined-cookies = true")), on);
    let without = with("version-0 = true").replace("methods", "tunnel-version-0 = false\nmethods");
    assert_ne!(digest(&without), on);
}

// TU-22
#[test]
fn mistakes_in_the_tunnels_table_are_told() {
    for (table, key) in [
        ("message = \"15 KiB\"", "tunnel.message"),
        ("version-0 = true\nmessage = \"17 MiB\"", "tunnel.message"),
        ("joined-cookies = true", "tunnel.joined-cookies"),
    ] {
        let text = BASE.replacen("[[route]]", &format!("[tunnel]\n{table}\n[[route]]"), 1);
        let error = parse(&text).expect_err(table);
        assert!(error.key == key && !error.hint.is_empty(), "{error:?}");
    }
}

// EH-20, AT-44: where content may go that is bound to no path.
#[test]
fn the_digest_covers_where_content_may_go_that_is_sealed_alone() {
    let sealed = BASE
        .replace("methods", "ehbp = { paths = [\"/v1/a\", \"/v1/b\"] }\nmethods")
        .replace("[[route]]\npath = \"/\"", "[ehbp]\n[[route]]\npath = \"/\"");
    let base = digest(&sealed);
    assert_ne!(base, digest(BASE));
    for (from, to) in [
        ("\"/v1/a\", ", ""),
        ("paths = [\"/v1/a\", \"/v1/b\"]", "any-path = true"),
        ("{ paths", "{ whole = true, paths"),
    ] {
        let changed = sealed.replace(from, to);
        assert_ne!(changed, sealed);
        assert_ne!(digest(&changed), base, "{from} -> {to}");
    }
    for (from, to) in [
        ("\"/v1/a\", \"/v1/b\"", "\"/v1/b\", \"/v1/a\""),
        ("[ehbp]\n", "[ehbp]\nframe = \"2 MiB\"\nsecond-tries-per-second = 1\n"),
    ] {
        let changed = sealed.replace(from, to);
        assert_ne!(changed, sealed);
        assert_eq!(digest(&changed), base, "{from} -> {to}");
    }
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
