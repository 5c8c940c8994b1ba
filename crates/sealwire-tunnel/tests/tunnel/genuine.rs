//! Genuine quotes, at a fixed clock, under policies that name their measurements (TU-19, TU-81, TU-83). Each was made for
//! somebody else's report data, so that with all else in order it is the binding that refuses it.

use crate::shared::ByHand;
use sealwire_attest::{
    Endorsements, Evidence, Policy, Trust, UnixTime, Verifier, verdict::Denial, verify::Expected,
};
use sealwire_crypto::{nacl::SealedBoxKey, random::OsRandom};
use sealwire_tunnel::{VerifierData, binding::Bindings, client::Presented};
use std::{env, fs, path::PathBuf};

/// When the sample's collateral is in force.
const NOW: UnixTime = UnixTime(1_751_624_163);

fn sample(name: &str) -> Option<Vec<u8>> {
    let shared = env::var_os("SEALWIRE_SHARED").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared")),
        PathBuf::from,
    );
    let path = shared.join("quotes/tdx").join(name);
    match fs::read(&path) {
        Ok(bytes) => Some(bytes),
        Err(error) => {
            assert_ne!(env::var("CI").as_deref(), Ok("true"), "{}: {error}", path.display());
            println!("skipped: no {}", path.display());
            None
        }
    }
}

/// A policy that takes exactly what this quote says, with its collateral.
fn policy(quote: &[u8], collateral: &[u8]) -> Policy {
    let evidence = Evidence::detect(quote, None).unwrap();
    let mut endorsements = Endorsements::default();
    endorsements.add(collateral).unwrap();
    let verifier = Verifier::new(Trust::default());
    let verified = verifier.verify(&evidence, &endorsements, Expected::Unbound, NOW).unwrap();
    let policy = Policy::from_toml(&Policy::exactly(&verified, None, None)).unwrap();
    // Were it not for the binding, it would be accepted.
    policy.appraise(verified, NOW).unwrap();
    policy
}

/// What a server that shows this quote gets.
fn shown(quote: &[u8], collateral: Option<&[u8]>, policy: &Policy, at: UnixTime) -> Denial {
    let key = SealedBoxKey::generate(&OsRandom).unwrap();
    let data =
        VerifierData { val: b"nonce".to_vec(), iat: b"2025-07-04T10:00:00Z".to_vec(), signature: None };
    let mut server = ByHand::quoted(key.public(), &[0; 64], Some(data));
    server.quote = quote.to_vec();
    let mut endorsements = Endorsements::default();
    if let Some(collateral) = collateral {
        endorsements.add(collateral).unwrap();
    }
    let presented = Presented::read(&server.encode()).unwrap();
    let verifier = Verifier::new(policy.trust());
    match presented.appraise(&verifier, policy, &endorsements, Bindings::default(), at) {
        Ok(_) => panic!("accepted"),
        Err(denial) => denial,
    }
}

// TU-16, TU-83: genuine, of the right measurement, and up to date: but another key's.
#[test]
fn a_genuine_quote_over_something_else_is_refused() {
    let (Some(quote), Some(collateral)) = (sample("phala-2025.bin"), sample("phala-2025.collateral.json"))
    else {
        return;
    };
    let denial = shown(&quote, Some(&collateral), &policy(&quote, &collateral), NOW);
    assert_eq!(denial.reasons[0].code, "binding", "{denial:?}");
}

// TU-18, TU-50: the firmware's measurement alone is not enough; every register is held against the policy, or said to be any.
#[test]
fn every_register_is_looked_at() {
    let (Some(quote), Some(collateral)) = (sample("phala-2025.bin"), sample("phala-2025.collateral.json"))
    else {
        return;
    };
    let evidence = Evidence::detect(&quote, None).unwrap();
    let mut endorsements = Endorsements::default();
    endorsements.add(&collateral).unwrap();
    let verifier = Verifier::new(Trust::default());
    let verified = || verifier.verify(&evidence, &endorsements, Expected::Unbound, NOW).unwrap();
    let exactly = Policy::exactly(&verified(), None, None);
    for register in ["mrtd", "rtmr-0", "rtmr-1", "rtmr-2", "rtmr-3"] {
        let pinned = exactly.lines().find(|line| line.starts_with(register)).unwrap();
        let digits = pinned.split('"').nth(1).unwrap();
        let other = exactly.replace(pinned, &pinned.replace(digits, &"11".repeat(48)));
        let denial = Policy::from_toml(&other).unwrap().appraise(verified(), NOW).unwrap_err();
        assert!(denial.reasons.iter().any(|reason| reason.rule.contains(register)), "{denial:?}");
        let without: String =
            exactly.lines().filter(|line| *line != pinned).flat_map(|line| [line, "\n"]).collect();
        assert!(Policy::from_toml(&without).is_err(), "a policy has to say something of {register}");
    }
}

// TU-19, TU-83: altered, of a debug TD, with bytes behind it, cut, or after the end of its collateral.
#[test]
fn what_the_peer_lets_pass_is_refused() {
    let (Some(quote), Some(collateral)) = (sample("phala-2025.bin"), sample("phala-2025.collateral.json"))
    else {
        return;
    };
    let Some(debug) = sample("debug.bin") else { return };
    let policy = policy(&quote, &collateral);
    let mut altered = quote.clone();
    altered[200] ^= 1;
    let longer = [&quote[..], &[1]].concat();
    let cut = quote[..2000].to_vec();
    let refused = |quote: &[u8], collateral, at| shown(quote, collateral, &policy, at).reasons[0].code;
    assert_eq!(refused(&altered, Some(&collateral[..]), NOW), "signature");
    // Of the debug TD the binding is wrong, too, and is found first.
    assert_eq!(refused(&debug, None, NOW), "binding");
    let evidence = Evidence::detect(&debug, None).unwrap();
    let none = Endorsements::default();
    let verified = Verifier::new(Trust::default()).verify(&evidence, &none, Expected::Unbound, NOW);
    let denial = Policy::without_policy().appraise(verified.unwrap(), NOW).unwrap_err();
    assert!(denial.reasons.iter().any(|reason| reason.code == "debug"), "{denial:?}");
    assert_eq!(refused(&longer, Some(&collateral), NOW), "malformed");
    assert_eq!(refused(&cut, Some(&collateral), NOW), "malformed");
    assert_eq!(refused(&quote, Some(&collateral), UnixTime(1_753_006_563)), "crl-expired");
}
