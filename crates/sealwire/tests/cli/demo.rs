//! The demo: its steps, its JSON, and somebody's own application in the place of its own.

use crate::support::run;
use serde_json::Value;
use std::{
    io::{BufRead, BufReader, Write},
    net::TcpListener,
    time::Duration,
};

/// Making a development root takes seconds: the one of the other tests.
const STATE: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/cli-state");
const STEPS: [&str; 24] = [
    "attest",
    "json",
    "upload",
    "download",
    "events",
    "upstream-error",
    "tamper",
    "replay",
    "session",
    "resume",
    "early-data",
    "restart",
    "websocket",
    "tunnel-fetch",
    "tunnel-websocket",
    "ehbp",
    "hpke-http",
    "mutual",
    "envelope",
    "capability",
    "stream",
    "threshold",
    "audit",
    "wrong-policy",
];

fn steps(shown: &Value) -> Vec<&str> {
    for step in shown["steps"].as_array().unwrap() {
        assert!(step["ok"].is_boolean() && step["ms"].is_number() && step["detail"].is_string(), "{step}");
    }
    shown["steps"].as_array().unwrap().iter().map(|step| step["name"].as_str().unwrap()).collect()
}

#[test]
fn every_step_passes() {
    let shown = run(["demo", "--once", "--json", "--state", STATE]).expect(0).json();
    assert_eq!(shown["ok"], true, "{shown}");
    let steps = steps(&shown);
    assert!(STEPS.iter().all(|name| steps.contains(name)), "{steps:?}");
    let text = run(["demo", "--once", "--state", STATE]).expect(0).stdout;
    assert!(
        text.contains("what was shown") && text.contains("none of: name, diagnosis, path, answer"),
        "{text}"
    );
}

/// An application whose head and content come apart, as those of slow ones do.
fn slow_application() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            std::thread::spawn(move || {
                let mut reader = BufReader::new(stream.try_clone().unwrap());
                let mut line = String::new();
                while reader.read_line(&mut line).is_ok_and(|read| read > 0) {
                    if line == "\r\n" {
                        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n").unwrap();
                        std::thread::sleep(Duration::from_millis(20));
                        stream.write_all(b"mine\n").unwrap();
                    }
                    line.clear();
                }
            });
        }
    });
    url
}

#[test]
fn an_application_of_ones_own() {
    let shown = run(["demo", "--json", "--state", STATE, "--upstream", &slow_application()]).expect(0).json();
    assert_eq!(shown["ok"], true, "{shown}");
    let steps = steps(&shown);
    assert!(STEPS.iter().chain(&["request"]).all(|name| steps.contains(name)), "{steps:?}");
    // Nobody there is no success.
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let shown =
        run(["demo", "--json", "--state", STATE, "--upstream", &format!("http://{nobody}")]).expect(1).json();
    assert_eq!(shown["ok"], false);
}
