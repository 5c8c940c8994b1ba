//! Every misconfiguration with its line and hint.

use super::*;

/// EH-20, EH-27
const OF_EHBP: [Wrong; 10] = [
    (
        "[[route]]\npath = \"/\"\nupstream = \"http://127.0.0.1:9\"\nehbp = { paths = [\"/a\"] }",
        4,
        "no table [ehbp]",
        "may be empty",
    ),
    ("upstream = \"http://127.0.0.1:9\"\n[ehbp]", 2, "no route takes it", "ehbp = { paths"),
    (
        "[ehbp]\n[[route]]\npath = \"/\"\nupstream = \"http://127.0.0.1:9\"\nehbp = {}",
        5,
        "lists no path",
        "any-path = true",
    ),
    (
        "[ehbp]\n[[route]]\npath = \"/\"\nupstream = \"http://127.0.0.1:9\"\n\
         ehbp = { any-path = true, paths = [\"/a\"] }",
        5,
        "any-path is true",
        "leave one",
    ),
    (
        "[ehbp]\n[[route]]\npath = \"/v1\"\nupstream = \"http://127.0.0.1:9\"\nehbp = { paths = [\"/v2\"] }",
        5,
        "`/v2` is not on this route",
        "below its own",
    ),
    (
        "[ehbp]\n[[route]]\npath = \"/\"\nupstream = \"http://127.0.0.1:9\"\nehbp = { paths = [\"/a/../b\"] }",
        5,
        "`/a/../b` is no path",
        "without query",
    ),
    (
        "[ehbp]\n[[route]]\npath = \"/\"\nupstream = \"http://127.0.0.1:9\"\nehbp = { paths = [\"/a\", \"/a\"] }",
        5,
        "is there twice",
        "once",
    ),
    (
        "[ehbp]\nframe = 0\n[[route]]\npath = \"/\"\nupstream = \"http://127.0.0.1:9\"\nehbp = { any-path = true }",
        2,
        "is zero",
        "default",
    ),
    (
        "[ehbp]\nsecond-tries-per-second = 0\n[[route]]\npath = \"/\"\nupstream = \"http://127.0.0.1:9\"\n\
         ehbp = { any-path = true }",
        2,
        "is zero",
        "100",
    ),
    (
        "[ehbp]\n[keys]\noverlap = \"25h\"\n[[route]]\npath = \"/\"\nupstream = \"http://127.0.0.1:9\"\n\
         ehbp = { any-path = true }",
        3,
        "longer than keys.rotation",
        "only one that was replaced",
    ),
];

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
    for (text, line, what, hint) in WRONG.into_iter().chain(OF_EHBP) {
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
