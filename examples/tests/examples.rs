//! Every example runs, and prints what it says.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use sealwire_tee::Development;
use std::{
    fs,
    io::{BufRead, BufReader},
    path::PathBuf,
    process::{Child, Command, Output, Stdio},
};

/// A folder that outlives the run: making a development root takes seconds.
fn folder(name: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::create_dir_all(&folder).unwrap();
    folder
}

/// Ended with the test.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn said(output: &Output) -> String {
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{out}{err}");
    out.into_owned()
}

// The application attests itself, and its handlers see plain requests: one as a session's, by both faces of the client.
#[test]
fn a_client_calls_an_application_that_attests_itself() {
    let state = folder("axum-server");
    let mut server = Command::new(env!("CARGO_BIN_EXE_axum-server"));
    server.arg("127.0.0.1:0").arg(&state).stdout(Stdio::piped());
    let mut server = Server(server.spawn().unwrap());
    let mut line = String::new();
    BufReader::new(server.0.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let url = line.trim().strip_prefix("serving ").expect("an address");

    let root = hex::encode(Development::open(&state).unwrap().root_fingerprint());
    let policy = |root: &str| {
        let path = state.join(format!("{}.toml", &root[..8]));
        let any = "{ any = \"a test\" }";
        let text = format!(
            "version = 1\nany-operator = true\n[[accept]]\nkind = \"development\"\nroots = [\"sha256:{root}\"]\n\
             measurement = {any}\nhost-data = {any}\nminimum-tcb = {any}\nvmpl = {any}\ncrl = \"if-available\"\n"
        );
        fs::write(&path, text).unwrap();
        path
    };
    let client =
        |policy: PathBuf| Command::new(env!("CARGO_BIN_EXE_client")).arg(url).arg(policy).output().unwrap();
    let said = said(&client(policy(&root)));
    assert_eq!(
        said,
        "a session, aes-256-gcm-sha384\nhello, by the wire session\nsaid once\nsaid through tower\n"
    );

    // AT-42: another root is another machine, and nothing is sent to it.
    let refused = client(policy(&"ab".repeat(32)));
    assert!(!refused.status.success() && refused.stdout.is_empty());
}

// SE-11: each side is told who the other is, and who shows nothing gets nowhere.
#[test]
fn two_services_attest_each_other() {
    let folder = folder("mutual");
    let said = said(&Command::new(env!("CARGO_BIN_EXE_mutual")).arg(&folder).output().unwrap());
    let root = |name: &str| {
        let machine = Development::open(&folder.join(name)).unwrap();
        hex::encode(machine.root_fingerprint())
    };
    let lines: Vec<_> = said.lines().collect();
    assert_eq!(lines.len(), 4, "{said}");
    assert!(lines[0].starts_with("the teller saw the ledger: development"), "{said}");
    assert!(lines[0].contains(&root("ledger")), "{said}");
    assert!(lines[1].starts_with("the ledger saw the teller: development"), "{said}");
    assert!(lines[1].contains(&root("teller")), "{said}");
    assert_eq!(lines[2], "12.50 transferred");
    assert!(lines[3].starts_with("a caller without evidence: no session at"), "{said}");
}
