//! AT-22: a policy in Rego beside the rules in TOML.

use super::{HEAD, codes, development, load, reasons, registers};
use crate::common::machine::{Machine, Model};
use sealwire_attest::{Policy, policy::PolicyError};

/// A policy that accepts `machine`, and the Rego beside it.
fn policy(machine: &Machine, rego: &str) -> Result<Policy, PolicyError> {
    let text = format!("{HEAD}rego = \"policy.rego\"\n{}", development(machine, &registers()));
    load(&text, &[("policy.rego", rego.as_bytes())])
}

fn module(rules: &str) -> String {
    format!("package sealwire\n\n{rules}\n")
}

// AT-22
#[test]
fn both_have_to_accept() {
    let machine = Machine::new(Model::Milan);
    let says = |rules: &str| codes(&policy(&machine, &module(rules)).unwrap(), &machine);
    assert!(says("allow := true").is_empty());
    assert_eq!(says("allow := false"), ["rego"]);
    assert_eq!(says("default allow := false\nallow if input.claims.debug"), ["rego"]);

    // What the rules in TOML refuse, no Rego lets in.
    let text = format!("{HEAD}rego = \"policy.rego\"\n{}", development(&machine, &registers()))
        .replace(&"22".repeat(48), &"44".repeat(48));
    let policy = load(&text, &[("policy.rego", module("allow := true").as_bytes())]).unwrap();
    assert_eq!(codes(&policy, &machine), ["measurement-not-listed"]);
}

// AT-22: the same claims.
#[test]
fn it_sees_the_claims() {
    let machine = Machine::new(Model::Milan);
    let rules = format!(
        "allow if {{\n  input.kind == \"development\"\n  input.at == {}\n  input.claims.development == true\n  \
         input.claims.measurements.measurement == \"{}\"\n  input.claims.tcb.snp >= 9\n  \
         input.checks.signature.outcome == \"passed\"\n  input.policy.alternative == 0\n}}",
        crate::common::machine::NOW.0,
        "22".repeat(48),
    );
    assert!(codes(&policy(&machine, &module(&rules)).unwrap(), &machine).is_empty());
    // Not the id of the hardware.
    let rules = "allow if not contains(json.marshal(input), \"c7c7c7\")";
    assert!(codes(&policy(&machine, &module(rules)).unwrap(), &machine).is_empty());
}

// AT-22: nothing but the boolean true is a yes.
#[test]
fn anything_but_true_is_a_no() {
    let machine = Machine::new(Model::Milan);
    for (rules, found) in [
        ("allow if input.nothing", "undefined"),
        ("allow := \"true\"", "no boolean"),
        ("allow := 1", "no boolean"),
        ("allow := [true]", "no boolean"),
        ("allow := false", "false"),
        ("allow if to_number(input.kind) == 1", "could not parse"),
    ] {
        let reasons = reasons(&policy(&machine, &module(rules)).unwrap(), &machine);
        assert_eq!(reasons.len(), 1, "{rules}: {reasons:?}");
        assert_eq!((reasons[0].code, reasons[0].rule.as_str()), ("rego", "policy.rego"), "{rules}");
        assert!(reasons[0].found.contains(found), "{rules}: {reasons:?}");
    }
}

// AT-22: a list or a set of reasons.
#[test]
fn it_gives_reasons() {
    let machine = Machine::new(Model::Milan);
    let found = |rules: &str| {
        let reasons = reasons(&policy(&machine, &module(rules)).unwrap(), &machine);
        reasons.into_iter().map(|reason| reason.found).collect::<Vec<_>>()
    };
    assert_eq!(found("allow := false\nreasons := [\"b\", \"a\"]"), ["b", "a"]);
    let set = "default allow := false\nreasons contains \"b\"\nreasons contains msg if {\n  \
               msg := sprintf(\"kind %s\", [input.kind])\n}";
    assert_eq!(found(set), ["b", "kind development"]);
    // What is no list of texts tells nothing; and what is long is cut.
    assert_eq!(found("allow := false\nreasons := 7"), ["false"]);
    assert_eq!(found("allow := false\nreasons := [7]"), ["false"]);
    let long = "allow := false\nreasons := [concat(\"\", [\"x\" | numbers.range(1, 5000)[_]])]";
    assert!(found(long)[0].len() <= 512);
    let many = "allow := false\nreasons := numbers.range(1, 100)";
    assert_eq!(found(many), ["false"]);
}

// AT-22: what does not load says which file and line.
#[test]
fn errors_name_the_file_and_the_line() {
    let machine = Machine::new(Model::Milan);
    let problem = |rego: &str| {
        let error = policy(&machine, rego).unwrap_err();
        assert_eq!((error.line, error.key.as_str()), (3, "rego"), "{error}");
        error.problem
    };
    assert!(problem("package sealwire\n\nallow := {\n").contains("policy.rego:"), "no place");
    assert!(problem("package sealwire\nallow if nothing_known\n").contains("policy.rego:2"), "no place");
    assert!(problem("package other\nallow := true\n").contains("policy.rego:1"));
    assert!(problem("package sealwire\nallowed := true\n").contains("no rule `allow`"));
    assert!(problem("package sealwire\n\u{0}").contains("policy.rego"));
    assert!(problem(&module(&"#".repeat(300 * 1024))).contains("longer than"));
    let text = format!("{HEAD}rego = \"missing.rego\"\n");
    let error = load(&text, &[]).unwrap_err();
    assert!(error.problem.contains("missing.rego: no such file"), "{error}");
    // A policy that came without its folder.
    let error = Policy::from_toml(&text).unwrap_err();
    assert_eq!((error.line, error.key.as_str()), (3, "rego"));
}

// AT-22: nothing outside can be asked, and time runs out.
#[test]
fn it_reaches_nothing_and_ends() {
    let machine = Machine::new(Model::Milan);
    for outside in [
        "http.send({\"method\": \"get\", \"url\": \"http://127.0.0.1/\"}).status_code == 200",
        "time.now_ns() > 0",
        "rand.intn(\"x\", 2) < 2",
        "opa.runtime().env.HOME != \"\"",
    ] {
        let refused = match policy(&machine, &module(&format!("allow if {outside}"))) {
            Err(_) => true,
            Ok(policy) => codes(&policy, &machine) == ["rego"],
        };
        assert!(refused, "{outside}");
    }
    let endless = "allow if {\n  some a in numbers.range(1, 3000)\n  some b in numbers.range(1, 3000)\n  \
                   some c in numbers.range(1, 3000)\n  a + b + c == 0\n}";
    assert_eq!(codes(&policy(&machine, &module(endless)).unwrap(), &machine), ["rego"]);
}

// AT-22: one policy serves many threads.
#[test]
fn it_is_shared() {
    let machine = Machine::new(Model::Milan);
    let rego = policy(&machine, &module("allow if input.kind == \"development\"")).unwrap();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..10 {
                    assert!(codes(&rego, &machine).is_empty());
                }
            });
        }
    });
    assert_eq!(rego, rego.clone());
}
