//! Real programs: small shell scripts that play NVIDIA's.

use super::*;
use sealwire_attest::endorsements;
use std::{fs, path::Path, time::Duration};

const LONG: Duration = Duration::from_secs(60);
/// Report data whose second half a GPU does not get.
const DATA: [u8; 64] = {
    let mut data = [7; 64];
    let mut index = 32;
    while index < 64 {
        data[index] = 9;
        index += 1;
    }
    data
};

/// Runs `script` with the nonce as `$1`.
fn produce_within(script: &str, limit: Duration) -> Result<Produced, crate::Error> {
    let words = ["/bin/sh", "-c", script, "helper", "{nonce}"].map(str::to_owned);
    Nvidia::new(Command::new(&words, limit).unwrap()).produce(&DATA)
}

fn produce(script: &str) -> Result<Produced, crate::Error> {
    produce_within(script, LONG)
}

fn refused(script: &str) -> Error {
    match produce(script) {
        Err(crate::Error::Helper(error)) => error,
        other => panic!("{other:?}"),
    }
}

fn report(nonce: &[u8]) -> Vec<u8> {
    [&[0x11, 0xe0, 1, 0xff], nonce, &[0], &[0x11, 0x60], &[1; 100]].concat()
}

/// A script that prints `bytes` as the report, and these certificates.
fn printing(bytes: &[u8], certificates: &[&str]) -> String {
    let answer = serde_json::json!({ "report": BASE64_STANDARD.encode(bytes), "certificates": certificates });
    format!("cat <<'END'\n{answer}\nEND")
}

// AT-04, AT-60
#[test]
fn a_report_over_the_nonce_comes_back() {
    let expected = hex::encode(&DATA[..32]);
    let script = format!("[ \"$1\" = {expected} ] || exit 1\n{}", printing(&report(&DATA[..32]), &[]));
    let produced = produce(&script).unwrap();
    assert_eq!(produced.evidence, Evidence { kind: Kind::Nvidia, bytes: report(&DATA[..32]) });
    assert_eq!(produced.endorsements, Endorsements::default());
}

// AT-60
#[test]
fn certificates_come_with_it() {
    let root = include_str!("../../../sealwire-attest/anchors/nvidia/device-identity-ca.pem");
    let produced = produce(&printing(&report(&DATA[..32]), &[root])).unwrap();
    assert_eq!(produced.endorsements.certificates.len(), 1);
    let certificates = ["not PEM"];
    let error = refused(&printing(&report(&DATA[..32]), &certificates));
    assert!(error.to_string().contains("`certificates`"), "{error}");
    let many = vec![root; endorsements::MAX_CERTIFICATES + 1];
    // The same one is not added again.
    assert_eq!(produce(&printing(&report(&DATA[..32]), &many)).unwrap().endorsements.certificates.len(), 1);
}

// AT-60
#[test]
fn another_nonce_is_refused() {
    for bytes in [report(&[8; 32]), report(&DATA[32..]), report(&DATA[..32])[..35].to_vec(), Vec::new()] {
        assert!(matches!(produce(&printing(&bytes, &[])), Err(crate::Error::WrongReport)));
    }
}

// AT-60
#[test]
fn what_is_no_evidence_is_refused() {
    for (script, part) in [
        ("exit 0", "EOF"),
        ("echo text", "expected"),
        ("echo '{\"report\":\"\"}'", "missing field `certificates`"),
        ("echo '{\"report\":\"\",\"certificates\":[],\"more\":1}'", "unknown field `more`"),
        ("echo '{\"report\":\"*\",\"certificates\":[]}'", "`report` is not base64"),
        ("echo '{\"report\":\"\",\"certificates\":[]}' '{}'", "trailing"),
    ] {
        let error = refused(script);
        assert!(matches!(error, Error::Answer { .. }), "{error}");
        assert!(error.to_string().contains(part), "{script}: {error}");
    }
    let long = refused(&printing(&[1; MAX_REPORT + 1], &[]));
    assert!(long.to_string().contains("longer than any report"), "{long}");
}

// AT-60
#[test]
fn a_program_that_fails_says_why() {
    // Also what it printed before is not taken.
    let script =
        format!("{}\necho >&2\necho 'no GPU \x1b[1mhere' >&2\nexit 3", printing(&report(&DATA[..32]), &[]));
    let error = refused(&script);
    assert!(matches!(&error, Error::Failed { said, .. } if said == "no GPU [1mhere"), "{error}");
    assert_eq!(error.to_string(), "/bin/sh failed (exit status: 3): no GPU [1mhere");
    assert_eq!(refused("kill -9 $$").to_string(), "/bin/sh failed (signal: 9 (SIGKILL))");
}

// AT-60
#[test]
fn output_is_bounded() {
    assert!(matches!(
        refused("while :; do echo 0123456789012345678901234567890123456789; done"),
        Error::TooLong { .. }
    ));
    // Complaints are let pass, however long.
    let script = format!("head -c 1000000 /dev/zero >&2\n{}", printing(&report(&DATA[..32]), &[]));
    produce(&script).unwrap();
    let script = "head -c 1000000 /dev/zero | tr '\\0' x >&2; exit 1";
    assert!(matches!(refused(script), Error::Failed { said, .. } if said == "x".repeat(200)));
}

fn is_alive(id: &str) -> bool {
    // A process that has ended may be there until somebody has asked how: then it has no program.
    fs::read(Path::new("/proc").join(id).join("cmdline")).is_ok_and(|line| !line.is_empty())
}

// AT-61
#[test]
fn a_program_that_hangs_is_ended_with_all_that_it_started() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ids");
    let script = format!("sleep 1000 & echo $$ $! > {}; wait", file.display());
    let limit = Duration::from_millis(300);
    let error = produce_within(&script, limit).unwrap_err();
    assert!(matches!(error, crate::Error::Helper(Error::Timeout { .. })), "{error}");
    let ids = fs::read_to_string(file).unwrap();
    for id in ids.split_whitespace() {
        while is_alive(id) {
            std::thread::yield_now();
        }
    }
    assert_eq!(ids.split_whitespace().count(), 2);
    // One that has gone, and left somebody who holds its output.
    let error = produce_within("sleep 1000 & exit 0", limit).unwrap_err();
    assert!(matches!(error, crate::Error::Helper(Error::Timeout { .. })), "{error}");
}

// AT-60
#[test]
fn commands_are_checked() {
    let command = |words: &[&str]| {
        let words: Vec<_> = words.iter().map(ToString::to_string).collect();
        Command::new(&words, LONG)
    };
    assert!(matches!(command(&[]), Err(Error::NoProgram)));
    assert!(matches!(command(&["", "{nonce}"]), Err(Error::NoProgram)));
    assert!(matches!(command(&["/bin/echo"]), Err(Error::NoNonce)));
    assert!(matches!(command(&["{nonce}", "x"]), Err(Error::NoNonce)));
    let inside = command(&["/bin/echo", "--nonce={nonce}"]).unwrap();
    assert_eq!(inside.run("ab").unwrap(), b"--nonce=ab\n");
    // Without a shell, nothing is expanded.
    assert_eq!(command(&["/bin/echo", "{nonce};$HOME"]).unwrap().run("ab").unwrap(), b"ab;$HOME\n");
    let absent = command(&["/nonexistent/helper", "{nonce}"]).unwrap().run("ab").unwrap_err();
    assert!(matches!(absent, Error::Start { .. }), "{absent}");
}

// AT-61: evidence may be asked for where a runtime is.
#[tokio::test]
async fn a_blocking_thread_of_a_runtime_can_run_it() {
    let script = printing(&report(&DATA[..32]), &[]);
    tokio::task::spawn_blocking(move || produce(&script)).await.unwrap().unwrap();
}
