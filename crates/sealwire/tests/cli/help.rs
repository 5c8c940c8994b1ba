//! What a newcomer reads.

use crate::support::run;

/// Every command, in the order of the help.
const COMMANDS: [&[&str]; 59] = [
    &[],
    &["gateway"],
    &["connect"],
    &["relay"],
    &["inspect"],
    &["verify"],
    &["attest", "produce"],
    &["attest", "fetch"],
    &["attest", "enrol"],
    &["attest", "enrol", "ca"],
    &["attest", "enrol", "request"],
    &["attest", "enrol", "challenge"],
    &["attest", "enrol", "answer"],
    &["attest", "enrol", "certify"],
    &["policy", "init"],
    &["policy", "check"],
    &["keys", "show"],
    &["keys", "operator", "show"],
    &["keys", "operator", "generate"],
    &["keys", "operator", "sign"],
    &["secrets"],
    &["secrets", "put"],
    &["secrets", "get"],
    &["secrets", "list"],
    &["secrets", "delete"],
    &["secrets", "audit"],
    &["envelope"],
    &["envelope", "keygen"],
    &["envelope", "sign"],
    &["envelope", "verify"],
    &["envelope", "inspect"],
    &["envelope", "seal"],
    &["envelope", "open"],
    &["envelope", "stream"],
    &["envelope", "stream", "sign"],
    &["envelope", "stream", "verify"],
    &["envelope", "webhook"],
    &["envelope", "webhook", "sign"],
    &["envelope", "webhook", "verify"],
    &["envelope", "queue"],
    &["envelope", "queue", "sign"],
    &["envelope", "queue", "verify"],
    &["envelope", "capability"],
    &["envelope", "capability", "issue"],
    &["envelope", "capability", "delegate"],
    &["envelope", "capability", "verify"],
    &["envelope", "capability", "inspect"],
    &["envelope", "threshold"],
    &["envelope", "threshold", "draft"],
    &["envelope", "threshold", "sign"],
    &["envelope", "threshold", "combine"],
    &["envelope", "threshold", "verify"],
    &["envelope", "threshold", "split"],
    &["envelope", "threshold", "join"],
    &["envelope", "audit"],
    &["envelope", "audit", "verify"],
    &["envelope", "audit", "seal"],
    &["envelope", "audit", "export"],
    &["completions"],
];

#[test]
fn every_help_text_has_an_example() {
    for command in COMMANDS {
        let help = run(command.iter().chain(&["--help"])).expect(0).stdout;
        let example = format!("  sealwire {}", command.join(" "));
        assert!(help.contains("Example") && help.contains(example.trim_end()), "{command:?}: {help}");
    }
}

#[test]
fn completions_know_every_command() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = run(["completions", shell]).expect(0).stdout;
        for command in COMMANDS.iter().filter_map(|command| command.first()) {
            assert!(script.contains(command), "{shell}: {command}");
        }
    }
    run(["completions", "csh"]).expect(2);
}
