//! Rules of every kind, on claims made here: outside of the crate claims come from verification alone.

use super::{Policy, schema::Schema};
use crate::{
    Checks, Claims, Kind, Outcome, TcbStatus, UnixTime, Verified,
    claims::{Attachment, Companion},
    verdict::{Reason, ear::Terms},
};
use sealwire_crypto::digest::sha256;
use std::{collections::BTreeMap, time::Duration};

const NOW: UnixTime = UnixTime(1_800_000_000);
const HEAD: &str = "version = 1\nany-operator = true\n";

/// Claims of a kind with every required register, each filled with its place, from 1.
fn claims(kind: Kind) -> Claims {
    let schema = Schema::of(kind);
    let registers = schema
        .required()
        .zip(1..)
        .map(|(register, place)| (register.name().into(), vec![place; register.len]));
    let text = |text: &str| text.to_owned();
    Claims {
        kind,
        development: kind == Kind::Development,
        hardware_model: text("model"),
        product: match kind {
            Kind::Snp | Kind::AzureSnp | Kind::Development => "milan".into(),
            Kind::Tdx | Kind::Sgx | Kind::AzureTdx => "b0c06f000000".into(),
            Kind::Nvidia => "gh100".into(),
            _ => "".into(),
        },
        signer: text("key"),
        firmware: text("1"),
        versions: schema.versions.iter().map(|version| (version.claim, text("1.2"))).collect(),
        security_version: 0,
        measurements: registers.collect(),
        tcb: schema
            .levels
            .iter()
            .flat_map(|l| l.components)
            .filter(|c| c.name != "fmc")
            .map(|c| (c.name, 5))
            .collect(),
        launch_tcb: BTreeMap::new(),
        tcb_status: schema.has_status.then_some(TcbStatus::UpToDate),
        advisories: Vec::new(),
        tcb_date: schema.has_status.then_some(UnixTime(1_700_000_000)),
        tcb_evaluation: schema.has_status.then_some(17),
        debug: false,
        attributes: (schema.attributes)().into_iter().map(|name| (name, 0)).collect(),
        hardware_id: Vec::new(),
        report_data: vec![0; kind.binding_len()],
        made_at: schema.is_dated.then_some(UnixTime(NOW.0 - 600)),
        root: [7; 32],
        chain: vec![[8; 32], [7; 32]],
        not_after: UnixTime(NOW.0 + 1000),
        companions: BTreeMap::new(),
    }
}

fn passed() -> Checks {
    let mut checks = Checks::not_reached();
    for outcome in [&mut checks.revocation, &mut checks.tcb] {
        *outcome = Outcome::Passed("a test".to_owned());
    }
    checks
}

/// The keys of a rule that accepts [`claims`] of a kind.
fn rule(kind: Kind) -> String {
    let schema = Schema::of(kind);
    let mut text = String::new();
    for (register, place) in schema.required().zip(1_u8..) {
        text += &format!("{} = \"{}\"\n", register.name(), hex::encode(vec![place; register.len]));
    }
    for version in schema.versions {
        text += &format!("{} = \"1.2\"\n", version.key);
    }
    if schema.levels.as_ref().is_some_and(|levels| levels.is_required) {
        text += "minimum-tcb = { bootloader = 5, tee = 5, snp = 5, microcode = 5 }\n";
    }
    if matches!(kind, Kind::Tpm | Kind::Development) {
        text += &format!("roots = [\"sha256:{}\"]\n", "07".repeat(32));
    }
    text
}

fn policy(kind: Kind, more: &str) -> String {
    format!("{HEAD}[[accept]]\nkind = \"{kind}\"\n{}{more}\n", rule(kind))
}

fn load(text: &str) -> Policy {
    Policy::from_toml(text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

/// Code and rule of each failure.
fn failures_with(text: &str, claims: &Claims, checks: &Checks) -> Vec<(&'static str, String)> {
    match load(text).appraise(Verified::new(claims.clone(), checks.clone()), NOW) {
        Ok(_) => Vec::new(),
        Err(denial) => denial
            .reasons
            .into_iter()
            .map(|reason| (reason.code, reason.rule.strip_prefix("accept[0].").unwrap().to_owned()))
            .collect(),
    }
}

fn failures(text: &str, claims: &Claims) -> Vec<(&'static str, String)> {
    failures_with(text, claims, &passed())
}

fn one(code: &'static str, rule: &str) -> Vec<(&'static str, String)> {
    vec![(code, rule.to_owned())]
}

// AT-21: each required register of each kind has to be in a rule, and decides.
#[test]
fn every_kind_needs_each_of_its_registers() {
    for kind in Kind::ALL {
        let text = policy(kind, "");
        assert!(failures(&text, &claims(kind)).is_empty(), "{kind}");
        for register in Schema::of(kind).required() {
            let name = register.name();
            let line = text.lines().find(|line| line.starts_with(&format!("{name} ="))).unwrap();
            let error = Policy::from_toml(&text.replace(line, "")).unwrap_err();
            assert_eq!(
                (error.line, error.key.as_str(), error.problem.as_str()),
                (3, name, "missing"),
                "{kind}"
            );
            assert!(error.hint.contains("bytes in hex"), "{error}");

            let mut other = claims(kind);
            other.measurements.get_mut(name).unwrap()[3] ^= 1;
            let code = match name {
                "measurement" => "measurement-not-listed",
                "host-data" => "host-data-not-listed",
                _ => "register-not-listed",
            };
            assert_eq!(failures(&text, &other), one(code, name), "{kind}");
            other.measurements.remove(name);
            assert_eq!(failures(&text, &other), one(code, name), "{kind}");
            if name != "mrenclave" {
                let any = text.replace(line, &format!("{name} = {{ any = \"a test\" }}"));
                assert!(failures(&any, &other).is_empty(), "{kind}");
            }
        }
        for version in Schema::of(kind).versions {
            let line = format!("{} = \"1.2\"\n", version.key);
            assert_eq!(Policy::from_toml(&text.replace(&line, "")).unwrap_err().key, version.key);
            let mut other = claims(kind);
            other.versions.insert(version.claim, "1.3".to_owned());
            assert_eq!(failures(&text, &other), one("version-not-listed", version.key));
        }
    }
}

// AT-21: what was not meant for a kind is an unknown key of it.
#[test]
fn keys_belong_to_kinds() {
    for kind in Kind::ALL {
        let keys = Schema::of(kind).keys(false);
        for (key, value) in [
            ("tcb-statuses", "[\"UpToDate\"]"),
            ("collateral", "\"required\""),
            ("advisories", "[\"INTEL-SA-00001\"]"),
            ("minimum-tcb", "{ any = \"a test\" }"),
            ("vmpl", "0"),
            ("max-age", "\"1h\""),
            ("rim", "\"required\""),
            ("migratable", "true"),
            ("migration-agent", "true"),
            ("label", "\"gpu\""),
            ("unheard-of", "1"),
            ("pcr-07", "\"\""),
            ("pcr-24", "\"\""),
            ("measurement-0", "\"\""),
        ] {
            let text = policy(kind, "");
            let text = if text.contains(&format!("\n{key} = ")) {
                text
            } else {
                policy(kind, &format!("{key} = {value}"))
            };
            match Policy::from_toml(&text) {
                Ok(_) => assert!(keys.contains(&key.to_owned()), "{kind} {key}"),
                // Nitro has registers to 31.
                Err(error) if kind == Kind::Nitro && key == "pcr-24" => {
                    assert!(error.hint.contains("48 bytes"))
                }
                Err(error) => {
                    assert!(!keys.contains(&key.to_owned()), "{kind} {error}");
                    assert_eq!((error.key.as_str(), error.problem.as_str()), (key, "unknown key"));
                    assert!(error.hint.contains("crl"), "{error}");
                }
            }
        }
    }
}

// AT-21, AT-07: debugging is for development alone; migration has to be permitted by its name.
#[test]
fn dangerous_attributes_are_refused_for_every_kind() {
    for kind in Kind::ALL {
        let mut debug = claims(kind);
        debug.debug = true;
        assert_eq!(failures(&policy(kind, ""), &debug), one("debug", "debug"));
        let permit = policy(kind, "debug = true");
        match kind {
            Kind::Development => assert!(failures(&permit, &debug).is_empty()),
            _ => assert_eq!(Policy::from_toml(&permit).unwrap_err().key, "debug"),
        }
        if let Some(name) = Schema::of(kind).migration {
            let mut moving = claims(kind);
            moving.attributes.insert(name, 1);
            assert_eq!(failures(&policy(kind, ""), &moving), one("migration-agent", name));
            assert!(failures(&policy(kind, &format!("{name} = true")), &moving).is_empty());
        }
    }
}

// AT-21: attributes by the names of the kind.
#[test]
fn attributes_can_be_required_of_every_kind() {
    for kind in Kind::ALL {
        for name in (Schema::of(kind).attributes)() {
            let accepted = policy(kind, &format!("attributes = {{ {name} = 0 }}"));
            assert!(failures(&accepted, &claims(kind)).is_empty());
            let other = policy(kind, &format!("attributes = {{ {name} = 3 }}"));
            assert_eq!(failures(&other, &claims(kind)), one("attribute", &format!("attributes.{name}")));
        }
        let error = Policy::from_toml(&policy(kind, "attributes = { unheard-of = true }")).unwrap_err();
        assert_eq!(error.key, "attributes");
    }
}

const INTEL: [Kind; 3] = [Kind::Tdx, Kind::Sgx, Kind::AzureTdx];

// AT-21: what the vendor says of a firmware level.
#[test]
fn a_status_has_to_be_accepted() {
    for kind in INTEL {
        let with = |status: TcbStatus| Claims { tcb_status: Some(status), ..claims(kind) };
        let hardening = with(TcbStatus::SwHardeningNeeded);
        assert_eq!(failures(&policy(kind, ""), &hardening), one("tcb-status", "tcb-statuses"));
        let listed = policy(kind, "tcb-statuses = [\"UpToDate\", \"SWHardeningNeeded\"]");
        assert!(failures(&listed, &hardening).is_empty());
        assert_eq!(failures(&listed, &with(TcbStatus::OutOfDate)), one("tcb-status", "tcb-statuses"));
        // Whatever is accepted, not what the vendor has taken back or never spoke of.
        let any = policy(kind, "tcb-statuses = { any = \"a test\" }");
        for status in TcbStatus::ALL {
            let never = matches!(status, TcbStatus::Revoked | TcbStatus::Unlisted);
            assert_eq!(failures(&any, &with(status)).is_empty(), !never, "{status}");
            let text = policy(kind, &format!("tcb-statuses = [\"{status}\"]"));
            match Policy::from_toml(&text) {
                Ok(_) => assert!(!never && failures(&text, &with(status)).is_empty(), "{status}"),
                Err(error) => assert!(never && error.key == "tcb-statuses", "{error}"),
            }
        }
        assert_eq!(Policy::from_toml(&policy(kind, "tcb-statuses = []")).unwrap_err().key, "tcb-statuses");
    }
}

// AT-21: advisories are of no weight where the level is up to date, and refuse else.
#[test]
fn an_advisory_has_to_be_allowed() {
    for kind in INTEL {
        let advisories = vec!["INTEL-SA-00289".to_owned(), "INTEL-SA-00615".to_owned()];
        let current = Claims { advisories: advisories.clone(), ..claims(kind) };
        let behind = Claims { tcb_status: Some(TcbStatus::SwHardeningNeeded), ..current.clone() };
        let text = |more: &str| {
            policy(kind, &format!("tcb-statuses = [\"UpToDate\", \"SWHardeningNeeded\"]\n{more}"))
        };
        assert!(failures(&text(""), &current).is_empty());
        assert_eq!(failures(&text(""), &behind), one("advisory", "advisories"));
        let first = text("advisories = [\"INTEL-SA-00289\"]");
        let denial = load(&first).appraise(Verified::new(behind.clone(), passed()), NOW).unwrap_err();
        assert_eq!(
            (denial.reasons[0].expected.as_str(), denial.reasons[0].found.as_str()),
            ("INTEL-SA-00289", "INTEL-SA-00615")
        );
        assert_eq!(failures(&first, &current), one("advisory", "advisories"));
        let both = text("advisories = [\"INTEL-SA-00289\", \"INTEL-SA-00615\"]");
        assert!(failures(&both, &behind).is_empty());
        assert!(failures(&text("advisories = { any = \"a test\" }"), &behind).is_empty());
    }
}

// AT-21: minima of Intel's levels.
#[test]
fn a_minimum_can_name_evaluation_and_date() {
    for kind in INTEL {
        let with = |minimum: &str| policy(kind, &format!("minimum-tcb = {{ {minimum} }}"));
        let found = claims(kind);
        assert!(failures(&with("pce-svn = 5, evaluation = 17, date = \"2023-11-14\""), &found).is_empty());
        assert_eq!(failures(&with("evaluation = 18"), &found), one("tcb-too-old", "minimum-tcb.evaluation"));
        assert_eq!(failures(&with("date = \"2023-11-15\""), &found), one("tcb-too-old", "minimum-tcb.date"));
        assert_eq!(failures(&with("pce-svn = 6"), &found), one("tcb-too-old", "minimum-tcb.pce-svn"));
        let unknown = Claims { tcb_date: None, tcb_evaluation: None, ..claims(kind) };
        assert_eq!(failures(&with("evaluation = 1, date = \"2020-01-01\""), &unknown).len(), 2);
        for (wrong, key) in [
            ("evaluation = -1", "evaluation"),
            ("date = \"yesterday\"", "date"),
            ("pce-svn = 65536", "pce-svn"),
            ("bootloader = 1", "bootloader"),
            ("", "minimum-tcb"),
            ("any = \" \"", "minimum-tcb"),
        ] {
            assert_eq!(Policy::from_toml(&with(wrong)).unwrap_err().key, key, "{wrong}");
        }
    }
    let dated = policy(Kind::Snp, "").replace("microcode = 5", "microcode = 5, date = \"2020-01-01\"");
    assert_eq!(Policy::from_toml(&dated).unwrap_err().key, "date");
}

// AT-06: what was not supplied is an error of its own, and nothing that a vendor's good word is in the place of.
#[test]
fn a_missing_endorsement_is_told_apart() {
    let lacking =
        |kind: Kind| Claims { tcb_status: None, tcb_date: None, tcb_evaluation: None, ..claims(kind) };
    let not_supplied = || Outcome::NotSupplied("a test".to_owned());
    for kind in Kind::ALL {
        let text = policy(kind, "");
        let mut checks = passed();
        checks.revocation = not_supplied();
        let is_lenient = matches!(kind, Kind::Development | Kind::Tpm);
        let expected = if is_lenient { Vec::new() } else { one("endorsement-missing", "crl") };
        assert_eq!(failures_with(&text, &claims(kind), &checks), expected, "{kind}");
        let required = policy(kind, "crl = \"required\"");
        assert_eq!(failures_with(&required, &claims(kind), &checks), one("endorsement-missing", "crl"));
        assert!(failures_with(&policy(kind, "crl = \"if-available\""), &claims(kind), &checks).is_empty());
        // What a vendor does not offer cannot be required.
        checks.revocation = Outcome::NotAvailable("a test".to_owned());
        assert_eq!(failures_with(&required, &claims(kind), &checks), one("endorsement-missing", "crl"));
    }
    let mut checks = passed();
    checks.tcb = not_supplied();
    for kind in INTEL {
        let missing = one("endorsement-missing", "collateral");
        assert_eq!(failures_with(&policy(kind, ""), &lacking(kind), &checks), missing);
        // Half of it is not all of it.
        assert_eq!(failures_with(&policy(kind, ""), &claims(kind), &checks), missing);
        assert_eq!(failures(&policy(kind, ""), &lacking(kind)), missing);
        let any = policy(kind, "tcb-statuses = { any = \"a test\" }");
        // Any status is one that was told: leaving it out is no way around it.
        assert_eq!(failures_with(&any, &lacking(kind), &checks), missing);
        assert_eq!(failures(&any, &lacking(kind)), missing);
        let lenient = policy(kind, "collateral = \"if-available\"");
        assert!(failures_with(&lenient, &lacking(kind), &checks).is_empty());
        // What was supplied counts all the same.
        let behind = Claims { tcb_status: Some(TcbStatus::OutOfDate), ..claims(kind) };
        assert_eq!(failures(&lenient, &behind), one("tcb-status", "tcb-statuses"));
        let required = policy(kind, "collateral = \"required\"");
        assert_eq!(failures_with(&required, &lacking(kind), &checks), missing);
        // Half of it that speaks against the evidence, and under no status but one that is listed.
        for status in [TcbStatus::Revoked, TcbStatus::Unlisted, TcbStatus::OutOfDate] {
            let half = Claims { tcb_status: Some(status), ..lacking(kind) };
            let refused = one("tcb-status", "tcb-statuses");
            assert_eq!(failures_with(&lenient, &half, &checks), refused);
            let listed = policy(kind, "collateral = \"if-available\"\ntcb-statuses = [\"OutOfDate\"]");
            let is_listed = status == TcbStatus::OutOfDate;
            let expected = if is_listed { Vec::new() } else { refused };
            assert_eq!(failures_with(&listed, &half, &checks), expected);
        }
        // Advisories of half of it, where the policy asks for them.
        let half = Claims { advisories: vec!["INTEL-SA-7".to_owned()], ..lacking(kind) };
        assert!(failures_with(&lenient, &half, &checks).is_empty());
        let others = policy(kind, "collateral = \"if-available\"\nadvisories = [\"INTEL-SA-8\"]");
        assert_eq!(failures_with(&others, &half, &checks), one("advisory", "advisories"));
    }
    let missing = one("endorsement-missing", "rim");
    assert_eq!(failures_with(&policy(Kind::Nvidia, ""), &claims(Kind::Nvidia), &checks), missing);
    let rim = policy(Kind::Nvidia, "rim = \"required\"");
    assert_eq!(failures_with(&rim, &claims(Kind::Nvidia), &checks), one("endorsement-missing", "rim"));
    assert!(failures(&rim, &claims(Kind::Nvidia)).is_empty());
    // Reference values that are there and not met are more than missing.
    let other = Claims { tcb_status: Some(TcbStatus::Unlisted), ..claims(Kind::Nvidia) };
    for text in [rim, policy(Kind::Nvidia, "")] {
        assert_eq!(failures(&text, &other), one("tcb-status", "rim"));
    }
}

// AT-21: a signer stands for every enclave that it ever signs.
#[test]
fn any_enclave_needs_signer_product_and_version() {
    let any = |more: &str| {
        let text = policy(Kind::Sgx, more);
        let line = text.lines().find(|line| line.starts_with("mrenclave")).unwrap();
        text.replace(line, "mrenclave = { any = \"releases by the same signer\" }")
    };
    let whole = "attributes = { isv-prod-id = 0 }\nminimum-tcb = { isv-svn = 5 }";
    assert!(failures(&any(whole), &claims(Kind::Sgx)).is_empty());
    let text = any(whole);
    let signer = text.lines().find(|line| line.starts_with("mrsigner")).unwrap();
    let no_signer = text.replace(signer, "mrsigner = { any = \"a test\" }");
    let lacking = [
        no_signer,
        any(""),
        any("attributes = { isv-prod-id = 0 }"),
        any("minimum-tcb = { isv-svn = 5 }"),
        any("attributes = { isv-prod-id = 0 }\nminimum-tcb = { pce-svn = 5 }"),
    ];
    for text in lacking {
        assert_eq!(Policy::from_toml(&text).unwrap_err().key, "mrenclave", "{text}");
    }
}

// AT-21: a GPU is known by its versions, by measurements that are listed, or by signed reference values.
#[test]
fn a_gpu_is_identified() {
    let any = |more: &str| policy(Kind::Nvidia, more).replace("\"1.2\"", "{ any = \"a test\" }");
    let lenient = "rim = \"if-available\"\n";
    // Versions are the device's own words.
    for text in [any(lenient), policy(Kind::Nvidia, lenient)] {
        assert_eq!(Policy::from_toml(&text).unwrap_err().key, "rim");
    }
    assert!(failures(&any(""), &claims(Kind::Nvidia)).is_empty());
    assert!(failures(&any("rim = \"required\""), &claims(Kind::Nvidia)).is_empty());
    let listed = any(&format!("{lenient}measurement-9 = \"{}\"", "aa".repeat(48)));
    assert_eq!(failures(&listed, &claims(Kind::Nvidia)), one("register-not-listed", "measurement-9"));
    let mut found = claims(Kind::Nvidia);
    found.measurements.insert("measurement-9".into(), vec![0xaa; 48]);
    assert!(failures(&listed, &found).is_empty());
    let mut bare = passed();
    bare.tcb = Outcome::NotSupplied("a test".to_owned());
    assert!(failures_with(&listed, &found, &bare).is_empty());
    // Every index that a report can have, and no other.
    let register = |name: &str| any(&format!("{lenient}{name} = \"{}\"", "aa".repeat(48)));
    for index in [1, 239, 240, 253, 254] {
        let name = format!("measurement-{index}");
        found.measurements.insert(name.clone().into(), vec![0xaa; 48]);
        assert!(failures(&register(&name), &found).is_empty(), "{name}");
        found.measurements.insert(name.clone().into(), vec![0xab; 48]);
        assert_eq!(failures(&register(&name), &found), one("register-not-listed", &name));
    }
    for name in ["measurement-0", "measurement-01", "measurement-255", "measurement-256"] {
        assert_eq!(Policy::from_toml(&register(name)).unwrap_err().key, name);
    }
    let none = any(&format!("{lenient}measurement-9 = {{ any = \"a test\" }}"));
    assert_eq!(Policy::from_toml(&none).unwrap_err().key, "rim");
}

// AT-62: a TPM is believed under an enrolment CA that the policy names, or for a key that it names.
#[test]
fn a_tpm_is_pinned() {
    let text = policy(Kind::Tpm, "");
    assert_eq!(load(&text).trust().enrolment, [[7; 32]]);
    assert!(load(&text).trust().development.is_empty() && load(&text).trust().tpm_keys.is_empty());
    let other = Claims { root: [8; 32], ..claims(Kind::Tpm) };
    assert_eq!(failures(&text, &other), one("root-not-listed", "roots"));

    let roots = text.lines().find(|line| line.starts_with("roots")).unwrap();
    assert_eq!(Policy::from_toml(&text.replace(roots, "")).unwrap_err().key, "roots");
    let key = text.replace(roots, &format!("tpm-keys = [\"000b{}\"]", "08".repeat(32)));
    let name = [&[0, 0x0b][..], &[8; 32]].concat();
    assert_eq!(load(&key).trust().tpm_keys, std::slice::from_ref(&name));
    let named = Claims { root: sha256(&[&name]), hardware_id: name, ..claims(Kind::Tpm) };
    assert!(failures(&key, &named).is_empty());
    let written = Policy::exactly(&Verified::new(named.clone(), passed()), None, None);
    assert!(written.contains("tpm-keys") && failures(&written, &named).is_empty(), "{written}");
    assert_eq!(failures(&key, &claims(Kind::Tpm)), one("root-not-listed", "roots"));
    for wrong in ["000b", "000c", ""] {
        let wrong = text.replace(roots, &format!("tpm-keys = [\"{wrong}{}\"]", "08".repeat(31)));
        assert_eq!(Policy::from_toml(&wrong).unwrap_err().key, "tpm-keys");
    }
    // The vendors' roots are trusted for what they sign, not as somebody's enrolment CA.
    let amd = "69d063b45344d26a2e94e1f4210de49ef555308287d4c174445c95639a540bcd";
    let error = Policy::from_toml(&text.replace(&"07".repeat(32), amd)).unwrap_err();
    assert_eq!(error.key, "roots");
    assert!(error.problem.contains("AMD"), "{error}");
}

// AT-21: the age of evidence whose hardware has a clock.
#[test]
fn evidence_with_a_time_can_be_too_old() {
    let text =
        |more: &str, age: &str| format!("{more}{}", policy(Kind::Nitro, &format!("max-age = \"{age}\"")));
    assert!(failures(&text("", "10m"), &claims(Kind::Nitro)).is_empty());
    assert_eq!(failures(&text("", "9m"), &claims(Kind::Nitro)), one("evidence-too-old", "max-age"));
    assert!(failures(&text("grace = \"1m\"\n", "9m"), &claims(Kind::Nitro)).is_empty());
    let timeless = Claims { made_at: None, ..claims(Kind::Nitro) };
    assert_eq!(failures(&text("", "10m"), &timeless), one("evidence-too-old", "max-age"));
    assert_eq!(load(&text("grace = \"1m\"\n", "9m")).grace(), Duration::from_secs(60));
}

// AT-21: products by name, or by FMSPC in either case.
#[test]
fn products_can_be_listed() {
    for (kind, own, other, wrong) in [
        (Kind::Snp, "milan", "genoa", Some("rome")),
        (Kind::AzureSnp, "milan", "genoa", Some("b0c06f000000")),
        (Kind::Tdx, "B0C06F000000", "00806f050000", Some("b0c06f0000")),
        (Kind::Sgx, "b0c06f000000", "00806f050000", Some("milan")),
        (Kind::Nvidia, "gh100", "gb100", None),
    ] {
        let listed = |product: &str| policy(kind, &format!("products = [\"{product}\"]"));
        assert!(failures(&listed(own), &claims(kind)).is_empty(), "{kind}");
        assert_eq!(failures(&listed(other), &claims(kind)), one("product-not-listed", "products"));
        if let Some(wrong) = wrong {
            assert_eq!(Policy::from_toml(&listed(wrong)).unwrap_err().key, "products");
        }
    }
}

fn with_companion(label: &str, companion: Claims) -> Claims {
    let checks = passed();
    let companion = Companion { claims: companion, checks, attachment: Attachment::GuestAsserted };
    Claims { companions: BTreeMap::from([(label.to_owned(), companion)]), ..claims(Kind::Tdx) }
}

fn companion(more: &str) -> String {
    policy(Kind::Tdx, &format!("[[accept.companion]]\nkind = \"nvidia\"\n{}{more}", rule(Kind::Nvidia)))
}

// AT-01: one device under two labels is one device, whether a rule is about it or not.
#[test]
fn companions_of_one_kind_differ() {
    let both = |first: &[u8], second: &[u8]| {
        let gpu = |id: &[u8]| Claims { hardware_id: id.to_vec(), ..claims(Kind::Nvidia) };
        let mut both = with_companion("gpu-0", gpu(first));
        both.companions.extend(with_companion("gpu-1", gpu(second)).companions);
        both
    };
    for text in [policy(Kind::Tdx, ""), companion("")] {
        let code = |claims: &Claims| {
            let decided = load(&text).appraise(Verified::new(claims.clone(), passed()), NOW);
            decided.map(drop).map_err(|denial| denial.reasons[0].code)
        };
        assert_eq!(code(&both(b"1", b"1")), Err("companion-duplicate"));
        assert_eq!(code(&both(b"1", b"2")), Ok(()));
        assert_eq!(code(&both(b"", b"")), Ok(()));
        let mut mixed = both(b"1", b"1");
        mixed.companions.get_mut("gpu-1").unwrap().claims.kind = Kind::Tpm;
        assert_ne!(code(&mixed), Err("companion-duplicate"));
    }
}

// AT-01, AT-21: companions that a policy asks for.
#[test]
fn companions_have_to_be_there_and_pass() {
    let gpu = || claims(Kind::Nvidia);
    let text = companion("");
    assert_eq!(failures(&text, &claims(Kind::Tdx)), one("companion-missing", "companion[0].kind"));
    assert!(failures(&text, &with_companion("gpu", gpu())).is_empty());
    let tpm = with_companion("gpu", claims(Kind::Tpm));
    assert_eq!(failures(&text, &tpm), one("companion-missing", "companion[0].kind"));

    // Its own rules, its own endorsements, its own name.
    let mut other = gpu();
    other.versions.insert("driver", "9".to_owned());
    let refused = one("version-not-listed", "companion[0].driver-versions");
    assert_eq!(failures(&text, &with_companion("gpu", other.clone())), refused);
    let mut lacking = with_companion("gpu", gpu());
    lacking.companions.get_mut("gpu").unwrap().checks.revocation = Outcome::NotSupplied(String::new());
    assert_eq!(failures(&text, &lacking), one("endorsement-missing", "companion[0].crl"));
    let labelled = companion("label = \"gpu-0\"\n");
    assert_eq!(
        failures(&labelled, &with_companion("gpu", gpu())),
        one("companion-missing", "companion[0].kind")
    );
    assert!(failures(&labelled, &with_companion("gpu-0", gpu())).is_empty());

    // Without a label every one of the kind is meant; with one the others carry no weight.
    let mut two = with_companion("gpu-0", gpu());
    let second = Companion { claims: other, checks: passed(), attachment: Attachment::Proven };
    two.companions.insert("gpu-1".to_owned(), second);
    assert_eq!(failures(&text, &two), refused);
    assert!(failures(&labelled, &two).is_empty());
    let accepted = load(&labelled).appraise(Verified::new(two, passed()), NOW).unwrap();
    assert!(accepted.verdict().weighed("gpu-0") && !accepted.verdict().weighed("gpu-1"));
    // AT-23: in an attestation result each has its own place.
    let terms = Terms { audience: "a", binding: None, issued_at: NOW, expires: NOW };
    let ear = accepted.verdict().to_ear(&terms);
    let status = |name: &str| ear["submods"][name]["ear_status"].clone();
    assert_eq!((status("tdx"), status("companion-gpu-0")), ("affirming".into(), "affirming".into()));
    assert_eq!(status("companion-gpu-1"), "none");
    assert_eq!(ear["submods"]["companion-gpu-1"]["ear_verifier_claims"]["attachment"], "proven");
    assert_eq!(ear["submods"]["companion-gpu-0"]["ear_attester_claims"]["kind"], "nvidia");

    // AT-20: what ties it to the lead.
    let proven = companion("attachment = \"proven\"\n");
    let mut found = with_companion("gpu", gpu());
    assert_eq!(failures(&proven, &found), one("companion-attachment", "companion[0].attachment"));
    found.companions.get_mut("gpu").unwrap().attachment = Attachment::Proven;
    assert!(failures(&proven, &found).is_empty());
    // No policy asks for a companion; one that is there does no harm.
    assert!(failures(&policy(Kind::Tdx, ""), &with_companion("gpu", gpu())).is_empty());
}

// AT-21: what a companion's rule may say.
#[test]
fn rules_of_companions_are_checked() {
    let second =
        |label: &str| format!("[[accept.companion]]\nkind = \"nvidia\"\n{label}\n{}", rule(Kind::Nvidia));
    load(&companion(&format!("label = \"a\"\n{}", second("label = \"b\""))));
    for (text, key) in [
        (companion(&second("")), "companion"),
        (companion(&format!("label = \"a\"\n{}", second(""))), "companion"),
        (companion(&format!("label = \"a\"\n{}", second("label = \"a\""))), "companion"),
        (companion("label = \"GPU\""), "label"),
        (companion("attachment = \"glued\""), "attachment"),
        (companion("tcb-statuses = [\"UpToDate\"]"), "tcb-statuses"),
        (companion("companion = []"), "companion"),
        (policy(Kind::Tdx, "[[accept.companion]]\nkind = \"snp\""), "kind"),
        (policy(Kind::Tdx, "[[accept.companion]]\n"), "kind"),
        (policy(Kind::Tdx, "[[accept.companion]]\nkind = \"nvidia\""), "driver-versions"),
        (policy(Kind::Tdx, "companion = 1"), "companion"),
        (policy(Kind::Tdx, "companion = [1]"), "companion"),
    ] {
        let error = Policy::from_toml(&text).unwrap_err();
        assert_eq!(error.key, key, "{error}\n{text}");
    }
    // A TPM beside the hardware brings its own trust.
    let text = policy(Kind::Snp, &format!("[[accept.companion]]\nkind = \"tpm\"\n{}", rule(Kind::Tpm)));
    assert_eq!(load(&text).trust().enrolment, [[7; 32]]);
}

// AT-80, QI-02: what holds where no policy is given.
#[test]
fn without_a_policy_vendors_decide() {
    let appraise = |claims: Claims, checks: Checks| {
        let decided = Policy::without_policy().appraise(Verified::new(claims, checks), NOW);
        decided.map_err(|denial| denial.reasons[0].code).map(drop)
    };
    for kind in Kind::ALL {
        let decided = appraise(claims(kind), passed());
        match kind {
            Kind::Tpm | Kind::Development => assert_eq!(decided, Err("kind-not-accepted")),
            _ => assert_eq!(decided, Ok(()), "{kind}"),
        }
        if decided.is_err() {
            continue;
        }
        assert_eq!(appraise(Claims { debug: true, ..claims(kind) }, passed()), Err("debug"));
        let mut no_crl = passed();
        no_crl.revocation = Outcome::NotSupplied(String::new());
        let intel = INTEL.contains(&kind);
        let expected = if intel { Err("endorsement-missing") } else { Ok(()) };
        assert_eq!(appraise(claims(kind), no_crl), expected, "{kind}");
        if intel {
            let behind = Claims { tcb_status: Some(TcbStatus::SwHardeningNeeded), ..claims(kind) };
            assert_eq!(appraise(behind, passed()), Err("tcb-status"));
            let unknown = Claims { tcb_status: None, ..claims(kind) };
            assert_eq!(appraise(unknown, passed()), Err("endorsement-missing"));
        }
    }
    assert_eq!(Policy::without_policy().trust(), crate::Trust::default());
}

// AT-21: a policy made from what is shown loads, accepts that, and nothing that differs in a register.
#[test]
fn exactly_accepts_exactly_that_for_every_kind() {
    let text = |claims: &Claims, checks: &Checks| {
        Policy::exactly(&Verified::new(claims.clone(), checks.clone()), Some(&[6; 48]), None)
    };
    for kind in Kind::ALL {
        let shown = claims(kind);
        let written = text(&shown, &passed());
        assert!(failures(&written, &shown).is_empty(), "{written}");
        assert!(!written.contains("WARNING") && !written.contains("collateral"), "{written}");
        for register in Schema::of(kind).required() {
            let mut other = claims(kind);
            other.measurements.get_mut(register.name()).unwrap()[0] ^= 1;
            assert_eq!(failures(&written, &other).len(), 1, "{kind} {}", register.name());
        }
        // What did not come is not demanded, and said.
        let mut bare = Checks::not_reached();
        bare.revocation = Outcome::NotSupplied(String::new());
        bare.tcb = Outcome::NotSupplied(String::new());
        let mut poor = Claims { tcb_status: None, tcb_date: None, tcb_evaluation: None, ..claims(kind) };
        if kind == Kind::Nvidia {
            assert!(!failures_with(&text(&poor, &bare), &poor, &bare).is_empty(), "nothing says what runs");
            poor.measurements.insert("measurement-9".into(), vec![9; 48]);
        }
        let written = text(&poor, &bare);
        assert!(failures_with(&written, &poor, &bare).is_empty(), "{written}");
        let is_lenient = written.contains("\ncollateral = \"if-available\"\n");
        assert_eq!(is_lenient, INTEL.contains(&kind), "{written}");
        assert_eq!(is_lenient, written.contains("# WARNING: what the vendor says"), "{written}");
        assert!(written.contains("came with the evidence") || matches!(kind, Kind::Tpm | Kind::Development));
        // A debugged guest of real hardware is not accepted by it either.
        let debug = Claims { debug: true, ..claims(kind) };
        let refused = if kind == Kind::Development { Vec::new() } else { one("debug", "debug") };
        assert_eq!(failures(&text(&debug, &passed()), &debug), refused);
    }
    for kind in INTEL {
        let behind = Claims {
            tcb_status: Some(TcbStatus::OutOfDate),
            advisories: vec!["INTEL-SA-\"1".to_owned()],
            ..claims(kind)
        };
        let written = text(&behind, &passed());
        assert!(written.contains("WARNING") && failures(&written, &behind).is_empty(), "{written}");
        let worse = Claims { advisories: vec!["INTEL-SA-2".to_owned()], ..behind.clone() };
        assert_eq!(failures(&written, &worse), one("advisory", "advisories"));
        let older = Claims { tcb_evaluation: Some(16), ..behind };
        assert_eq!(failures(&written, &older), one("tcb-too-old", "minimum-tcb.evaluation"));
        let revoked = Claims { tcb_status: Some(TcbStatus::Revoked), ..claims(kind) };
        assert_eq!(failures(&text(&revoked, &passed()), &revoked), one("tcb-status", "tcb-statuses"));
    }
    let both = with_companion("gpu", claims(Kind::Nvidia));
    let written = text(&both, &passed());
    assert!(failures(&written, &both).is_empty(), "{written}");
    assert_eq!(failures(&written, &claims(Kind::Tdx)), one("companion-missing", "companion[0].kind"));
}

// AT-44: what an operator signs, for every kind. The values were computed apart from this code.
#[test]
fn an_operator_names_one_measurement() {
    assert_eq!(claims(Kind::Snp).measurement(), Some(vec![1; 48]));
    assert_eq!(claims(Kind::Development).measurement(), Some(vec![1; 48]));
    for kind in [Kind::Tdx, Kind::Sgx, Kind::Nitro, Kind::Tpm, Kind::AzureSnp, Kind::AzureTdx] {
        let measurement = claims(kind).measurement().unwrap();
        assert_eq!(measurement.len(), 48);
        for register in Schema::of(kind).required() {
            let mut other = claims(kind);
            other.measurements.get_mut(register.name()).unwrap()[0] ^= 1;
            assert_ne!(other.measurement(), Some(measurement.clone()));
            other.measurements.remove(register.name());
            assert_eq!(other.measurement(), None);
        }
        let mut more = claims(kind);
        more.measurements.insert("pcr-23".into(), vec![0; 32]);
        assert_eq!(more.measurement(), Some(measurement));
    }
    // A GPU runs nobody's gateway.
    assert_eq!(claims(Kind::Nvidia).measurement(), None);
    assert_eq!(hex::encode(claims(Kind::Nitro).measurement().unwrap()), NITRO);
    assert_eq!(hex::encode(claims(Kind::Tpm).measurement().unwrap()), TPM);
}

const NITRO: &str =
    "a16b8cd18ea2e3124cac34728f029cba90d8660ab02ed7364c74e1ea5328a3a107102ec867186aa9dd15efe16aa14060";
const TPM: &str =
    "de5887e9f403c3d968886bd683502929a9424a589da61642ef25b0e9a29da618da3f99e26380b001d44a1b208be1e197";

fn reasons(policy: &Policy, claims: Claims) -> Vec<Reason> {
    policy.appraise(Verified::new(claims, passed()), NOW).unwrap_err().reasons
}

// AT-23: what was asked for as true or false is told so.
#[test]
fn flags_are_told_as_true_or_false() {
    let name = (Schema::of(Kind::Snp).attributes)()[0];
    let mut claims = claims(Kind::Snp);
    for (asked, found, told) in
        [("false", 1, ["false", "true"]), ("0", 1, ["0", "1"]), ("false", 7, ["false", "7"])]
    {
        claims.attributes.insert(name, found);
        let policy = load(&policy(Kind::Snp, &format!("attributes = {{ {name} = {asked} }}")));
        let reason = reasons(&policy, claims.clone()).remove(0);
        assert_eq!([reason.expected.as_str(), &reason.found], told);
    }
    claims.attributes.remove(name);
    let policy = load(&policy(Kind::Snp, &format!("attributes = {{ {name} = false }}")));
    assert_eq!(reasons(&policy, claims).remove(0).found, "none");
}

// AT-21: a hint says how long a register is in the kind at hand.
#[test]
fn hints_have_the_length_of_the_kind() {
    for (kind, len) in [(Kind::Nitro, 48), (Kind::Tpm, 32)] {
        let text = policy(kind, "");
        let line = text.lines().find(|line| line.starts_with("pcr-0 =")).unwrap();
        for broken in [text.replacen(line, "", 1), text.replacen(line, "pcr-0 = \"00\"", 1)] {
            let error = Policy::from_toml(&broken).unwrap_err();
            assert_eq!(
                (error.key.as_str(), error.hint.starts_with(&format!("{len} bytes"))),
                ("pcr-0", true),
                "{error}"
            );
        }
    }
}

// AT-23, AT-80: where no policy was given a reason does not point into a file.
#[test]
fn what_holds_without_a_policy_is_told_as_that() {
    for kind in [Kind::Snp, Kind::Nvidia] {
        let claims = Claims { debug: true, ..claims(kind) };
        let reasons = reasons(&Policy::without_policy(), claims);
        let rules: Vec<_> = reasons.iter().map(|reason| reason.rule.as_str()).collect();
        assert!(rules.contains(&format!("default.{kind}.debug").as_str()), "{rules:?}");
    }
}
