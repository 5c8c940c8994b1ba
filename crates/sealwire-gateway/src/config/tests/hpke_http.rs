//! `[hpke-http]`.

use super::*;

/// A configuration in a folder with keys, one of the wire and of one caller.
fn load(text: &str) -> Result<Config, Error> {
    let folder = folder();
    let psk = "[[psk]]\nid = \"a\"\nkey = \"0123456789abcdef0123456789abcdef\"\ntenant = \"acme\"\n";
    private(folder.path(), "psks.toml", psk);
    private(folder.path(), "short.toml", &psk.replace("abcdef\"", "\""));
    fs::write(folder.path().join("open.toml"), psk).unwrap();
    fs::set_permissions(folder.path().join("open.toml"), fs::Permissions::from_mode(0o644)).unwrap();
    let path = folder.path().join("sealwire.toml");
    fs::write(&path, format!("upstream = \"http://127.0.0.1:9\"\n{text}")).unwrap();
    let config = Config::load(&path)?;
    // Digests depend on files that are gone after this.
    DIGEST.set(config.digest().ok());
    Ok(config)
}

thread_local! {
    static DIGEST: std::cell::Cell<Option<[u8; 48]>> = const { std::cell::Cell::new(None) };
}

fn digest(text: &str) -> [u8; 48] {
    load(text).unwrap_or_else(|error| panic!("{text}: {error}"));
    DIGEST.take().unwrap()
}

const ON: &str = "[hpke-http]\npsk-file = \"psks.toml\"\n";

// HH-01, HH-35, HH-65
#[test]
fn mistakes_are_told() {
    for (text, line, what, hint) in [
        ("[hpke-http]\n", 2, "has no keys of callers", "psk-file"),
        (
            "[hpke-http]\npsk-file = \"psks.toml\"\npsk-redis = \"redis://a\"\n",
            2,
            "from two places",
            "one way",
        ),
        ("[hpke-http]\npsk-file = \"none.toml\"\n", 3, "cannot be read", "keys psk new"),
        ("[hpke-http]\npsk-file = \"short.toml\"\n", 3, "32 to 1024 bytes", "keys psk new"),
        ("[hpke-http]\npsk-file = \"open.toml\"\n", 3, "chmod 600", ""),
        ("[hpke-http]\npsk-redis = \"http://a\"\n", 3, "no redis:// URL", "redis://"),
        ("[hpke-http]\npsk-command = [\"/bin/sh\"]\n", 3, "where the id goes", "{id}"),
        ("[hpke-http]\npsk-command = [\"psk\", \"{id}\"]\n", 3, "no absolute path", "{id}"),
        ("[hpke-http]\npsk-command = [\"/no/psk\", \"{id}\"]\n", 3, "/no/psk", "measured"),
        ("[hpke-http]\npsk-command = [\"/bin/sh\", \"{id}\"]\npsk-command-time = \"0s\"\n", 4, "is zero", ""),
        ("[hpke-http]\npsk-file = \"psks.toml\"\npath = \"x\"\n", 4, "is no path", ""),
        ("[hpke-http]\npsk-file = \"psks.toml\"\nlease = \"0s\"\n", 4, "is zero", ""),
        (
            "[hpke-http]\npsk-file = \"psks.toml\"\nlease = \"24h\"\n",
            4,
            "longer than a key is accepted",
            "overlap",
        ),
        ("[hpke-http]\npsk-file = \"psks.toml\"\nlease = 5\n", 4, "", "10m"),
        ("[hpke-http]\npsk-file = \"psks.toml\"\nmax-body = \"65 MiB\"\n", 4, "above 64 MiB", "stream"),
        ("[hpke-http]\npsk-file = \"psks.toml\"\nmax-body = 0\n", 4, "is zero", ""),
        ("[hpke-http]\npsk-file = \"psks.toml\"\nmax-request = \"5 GiB\"\n", 4, "above 4 GiB", ""),
        ("[hpke-http]\npsk-file = \"psks.toml\"\nmax-request = 0\n", 4, "is zero", ""),
        (
            "[hpke-http]\npsk-file = \"psks.toml\"\nkeys = \"hpke-http-keys.toml\"\n",
            4,
            "no store",
            "store-file",
        ),
        (
            "[hpke-http]\npsk-file = \"psks.toml\"\nstore-file = \"x\"\n",
            4,
            "no hpke-http.keys",
            "same memory",
        ),
        (
            "[hpke-http]\npsk-file = \"psks.toml\"\nkeys = \"psks.toml\"\nstore-file = \"x\"\n",
            4,
            "is no file of keys",
            "keys rotate",
        ),
        (
            "[hpke-http]\npsk-file = \"psks.toml\"\nkeys = \"hpke-http-keys.toml\"\nstore-file = \"x\"\n\
             store-redis = \"redis://a\"\n",
            5,
            "so is store-redis",
            "one of",
        ),
        (
            "[registry]\nurl = \"redis://a\"\nadvertise = \"http://10.0.0.5:1\"\n[hpke-http]\n\
             psk-file = \"psks.toml\"\nkeys = \"hpke-http-keys.toml\"\nstore-file = \"x\"\n",
            8,
            "there is a [registry]",
            "store-redis",
        ),
        (
            "[hpke-http]\npsk-file = \"psks.toml\"\ncopy-fields = { a = \"a\" }\n",
            4,
            "keeps its name",
            "another",
        ),
        (
            "[hpke-http]\npsk-file = \"psks.toml\"\ncopy-fields = { a = \"c\", b = \"c\" }\n",
            4,
            "become one",
            "",
        ),
        ("[hpke-http]\npsk-file = \"psks.toml\"\ncopy-fields = { a = \"b c\" }\n", 4, "is no name", ""),
        ("[hpke-http]\npsk-file = \"psks.toml\"\ntenant-field = \"a b\"\n", 4, "is no name", ""),
        (
            "[hpke-http]\npsk-file = \"psks.toml\"\ncors-origins = [\"app.example\"]\n",
            4,
            "is no origin",
            "https",
        ),
        (
            "[hpke-http]\npsk-file = \"psks.toml\"\ncors-origins = [\"https://a/\"]\n",
            4,
            "is no origin",
            "https",
        ),
    ] {
        let error = load(text).expect_err(text);
        assert!(error.what.contains(what) && error.hint.contains(hint), "{text}: {error}");
        assert_eq!(error.line, Some(line), "{text}: {error}");
        assert!(!error.to_string().contains("0123456789"), "{error}");
    }
}

#[test]
fn a_path_of_keys_alone_turns_it_on() {
    let config = load(ON).unwrap();
    let wire = config.hpke_http.unwrap();
    assert_eq!(wire, HpkeHttp { psk_file: wire.psk_file.clone(), ..HpkeHttp::default() });
    assert_eq!(wire.path, "/.well-known/sealwire/hpke-http");
    assert!(wire.psk_file.unwrap().is_absolute(), "relative to the file");
}

// AT-44: whose the keys are, who says who calls, and what of the outside goes inside.
#[test]
fn the_digest_covers_what_decides_who_can_open_requests() {
    let off = digest("");
    let on = digest(ON);
    assert_ne!(off, on);
    let with = |more: &str| digest(&format!("{ON}{more}"));
    let configured = with("keys = \"hpke-http-keys.toml\"\nstore-file = \"x\"\n");
    let redis = digest("[hpke-http]\npsk-redis = \"redis://a\"\n");
    let command = digest("[hpke-http]\npsk-command = [\"/bin/sh\", \"{id}\"]\n");
    let copied = with("copy-fields = { a = \"b\" }\n");
    let all = [off, on, configured, redis, command, copied];
    for (index, one) in all.iter().enumerate() {
        assert!(!all[..index].contains(one), "{index}");
    }
    for same in ["path = \"/x\"\n", "lease = \"1m\"\n", "max-body = 5\n", "tenant-field = \"a\"\n"] {
        assert_eq!(with(same), on, "{same}");
    }
}

/// The releases 1.x on a route, with more in their table.
fn legacy(more: &str) -> String {
    let route = "[[route]]\npath = \"/a\"\nupstream = \"http://127.0.0.1:9\"\nlegacy = true\n";
    format!("{ON}[hpke-http.legacy]\n{more}{route}")
}

// HH-95, HH-98: forgetting sooner is no matter of the host's alone.
#[test]
fn the_window_of_the_releases_1_is_in_the_digest_and_no_short_one_is_taken() {
    for short in ["1ms", "0s", "59m"] {
        let error = load(&legacy(&format!("window = \"{short}\"\n"))).expect_err(short);
        assert!(error.what.contains("below an hour") && error.hint.contains("1h"), "{error}");
    }
    let [life, hour, day] =
        ["", "window = \"1h\"\n", "window = \"24h\"\n"].map(|window| digest(&legacy(window)));
    assert!(life != hour && hour != day && life != day);
}

// AT-44: a host must not have a genuine gateway run a program of its own.
#[test]
fn the_digest_covers_the_program_that_tells_keys_with_its_words_and_its_content() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("psk");
    let of = |content: &str, more: &str| {
        fs::write(&path, content).unwrap();
        digest(&format!("[hpke-http]\npsk-command = [\"{}\", \"{{id}}\"{more}]\n", path.display()))
    };
    let one = of("one", "");
    assert_eq!(one, of("one", ""));
    assert_ne!(one, of("two", ""), "its content");
    assert_ne!(one, of("one", ", \"-x\""), "its words");
}

// HH-65: the key of the releases 1.x, too, where both are configured.
#[test]
fn every_file_of_keys_is_one_instances_unless_the_store_is_shared() {
    let [keys, key, store] = ["keys.toml", "key.toml", "replays.redb"].map(|name| Some(name.into()));
    let legacy = Some(Legacy { key: key.clone(), ..Legacy::default() });
    let wire = HpkeHttp { keys: keys.clone(), legacy, store_file: store, ..HpkeHttp::default() };
    assert_eq!(wire.alone(), [keys, key]);
    let shared = HpkeHttp { store_file: None, store_redis: Some("redis://a".to_owned()), ..wire };
    assert_eq!(shared.alone(), [None, None]);
}
