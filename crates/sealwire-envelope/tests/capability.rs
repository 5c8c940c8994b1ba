//! Capability tokens: vectors both ways, and what a chain must not be good for.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::expect_used, clippy::panic)]

mod common;

use common::{Fixed, cases, record, signer, text, vectors};
use proptest::prelude::*;
use sealwire_crypto::random::OsRandom;
use sealwire_envelope::{
    Algorithm, Reason,
    binding::http::{Binding, CAPABILITY_FIELD, Content, ENVELOPE_FIELD, Request, Route, verify_request},
    capability::{
        Delegation, Error, Grant, IssueError, MAX_FIELD, RootAuthority, Scope, Token, Verifier, delegate,
        field, field_digest, issue, parse_field,
    },
    glob,
    key::{KeyRecord, Keyring, PrivateKey, SignError, Signer, Use},
};
use serde_json::Value;

fn configured(file: &Value) -> Verifier {
    let keys = &file["shared"]["keys"];
    let of = |name: &str| record(name, &format!("{name}-key"), &keys[name], Use::Capability);
    let roots = file["shared"]["rootAuthorities"].as_object().unwrap();
    Verifier {
        roots: roots
            .iter()
            .map(|(name, root)| {
                let scopes =
                    root["scopes"].as_array().unwrap().iter().map(|scope| any(text(scope, "pathGlob")));
                let max_depth = usize::try_from(root["maxDepth"].as_u64().unwrap()).unwrap();
                let authority = RootAuthority { scopes: scopes.collect(), max_depth, keys: vec![of(name)] };
                (name.clone(), authority)
            })
            .collect(),
        delegates: keys.as_object().unwrap().keys().map(|name| of(name)).collect(),
        audience: text(&file["shared"], "audience").to_owned(),
        ..Verifier::default()
    }
}

fn any(glob: &str) -> Scope {
    Scope { path_glob: glob.to_owned(), methods: None, max_delegations: None }
}

// EN-51, EN-52, EN-53, EN-55, SP-63, SP-65, SP-66, SP-67
#[test]
fn the_vectors_verify_as_expected() {
    let Some(file) = vectors("capability") else { return };
    let verifier = configured(&file);
    for case in cases(&file) {
        let id = text(case, "id");
        let value = text(case, "headerValue");
        assert_eq!(field_digest(value.as_bytes()), text(case, "headerSha256"), "{id}");
        let tokens = parse_field(value.as_bytes()).unwrap();
        assert_eq!(field(&tokens), value, "{id}");
        for (token, canonical) in tokens.iter().zip(case["canonical"].as_array().unwrap()) {
            assert_eq!(token.canonical(), canonical.as_str().unwrap().as_bytes(), "{id}");
        }
        let required = &case["required"];
        let result = verifier
            .verify_field(value.as_bytes(), case["now"].as_u64().unwrap())
            .and_then(|chain| chain.covers(text(required, "path"), text(required, "method")));
        let result = result.err().map_or_else(|| "ok".to_owned(), |error| error.to_string());
        assert_eq!(result, text(case, "safe"), "{id}");
    }
}

// EN-52
#[test]
fn the_vectors_are_signed_byte_for_byte() {
    let Some(file) = vectors("capability") else { return };
    for case in cases(&file).iter().filter(|case| case["safe"] == "ok") {
        for token in parse_field(text(case, "headerValue").as_bytes()).unwrap() {
            let by =
                signer(&token.issuer, &token.key_id, &file["shared"]["keys"][&token.issuer], Use::Capability);
            assert_eq!(by.sign(Use::Capability, &token.canonical()).unwrap().as_ref(), token.signature);
        }
    }
}

const NOW: u64 = 1_712_500_000_000;

/// root → worker → sub, each with a key of one repeated byte.
struct Scene {
    verifier: Verifier,
}

fn key(fill: u8) -> PrivateKey {
    PrivateKey::from_seed(Algorithm::Ed25519, &[fill; 32]).unwrap()
}

fn by(name: &str, fill: u8) -> Signer {
    Signer::private(name, "k1", key(fill)).unwrap().with_uses(Use::Capability)
}

fn known(name: &str, fill: u8, purpose: Use) -> KeyRecord {
    KeyRecord::public(name, "k1", key(fill).public_key().unwrap()).unwrap().with_uses(purpose)
}

fn root() -> Signer {
    by("root", 1)
}

fn worker() -> Signer {
    by("worker", 2)
}

impl Scene {
    fn new() -> Self {
        let authority = RootAuthority {
            scopes: vec![any("/api/**")],
            max_depth: 4,
            keys: vec![known("root", 1, Use::Capability)],
        };
        let delegates = vec![known("worker", 2, Use::Capability), known("sub", 3, Use::Capability)];
        let roots = [("root".to_owned(), authority)].into();
        Self { verifier: Verifier { roots, delegates, audience: "svc".to_owned(), ..Verifier::default() } }
    }

    fn verify(&self, tokens: &[Token]) -> Result<(), Error> {
        let value = field(tokens);
        self.verifier.verify_field(value.as_bytes(), NOW + 1_000).map(drop)
    }
}

fn grant(glob: &str, max_delegations: u64) -> Grant {
    Grant {
        subject: "worker".to_owned(),
        scopes: vec![any(glob)],
        ttl_ms: 60_000,
        max_delegations,
        audience: "svc".to_owned(),
    }
}

fn issued(glob: &str, max_delegations: u64) -> Token {
    issue(&root(), grant(glob, max_delegations), NOW, &OsRandom).unwrap()
}

fn delegation(glob: &str) -> Delegation {
    Delegation { subject: "sub".to_owned(), scopes: vec![any(glob)], ttl_ms: 30_000, max_delegations: None }
}

/// Signs a token again that was changed by hand.
fn forged(signer: &Signer, change: impl FnOnce(&mut Token), token: &Token) -> Token {
    let mut token = token.clone();
    change(&mut token);
    let signature = signer.sign(Use::Capability, &token.canonical()).unwrap();
    token.signature.copy_from_slice(signature.as_ref());
    token
}

// EN-54, SP-67
#[test]
fn what_is_issued_and_handed_on_verifies() {
    let scene = Scene::new();
    let first = issue(&root(), grant("/api/**", 1), NOW, &Fixed(0xab)).unwrap();
    assert_eq!(first.id, format!("cap-{NOW}-abababababab@svc"));
    let second =
        delegate(&worker(), std::slice::from_ref(&first), delegation("/api/x"), NOW + 500, &OsRandom)
            .unwrap();
    assert_eq!(
        (second.max_delegations, second.delegation_depth, second.audience()),
        (Some(0), 1, Some("svc"))
    );
    assert_eq!(scene.verify(&[first, second]), Ok(()));
}

// EN-54
#[test]
fn what_verifiers_refuse_is_not_made() {
    let first = issued("/api/**", 1);
    let chain = [first.clone()];
    let hand_on = |signer: &Signer, delegation: Delegation, now| {
        delegate(signer, &chain, delegation, now, &OsRandom).map(drop).unwrap_err()
    };
    assert_eq!(hand_on(&by("mallory", 9), delegation("/api/x"), NOW), IssueError::NotSubject);
    assert_eq!(hand_on(&worker(), delegation("/api/x"), NOW + 60_000), IssueError::Expired);
    assert_eq!(hand_on(&worker(), delegation("/api/x"), NOW + 40_000), IssueError::Outlives);
    assert_eq!(hand_on(&worker(), delegation("/**"), NOW), IssueError::Chain(Error::Scopes { at: 1 }));
    let more = Delegation { max_delegations: Some(1), ..delegation("/api/x") };
    assert_eq!(hand_on(&worker(), more, NOW), IssueError::Chain(Error::Escalation));
    let spent = [issued("/api/**", 0)];
    let error = delegate(&worker(), &spent, delegation("/api/x"), NOW, &OsRandom).unwrap_err();
    assert_eq!(error, IssueError::Chain(Error::NoDelegation { at: 1 }));
    for bad in [
        Grant { ttl_ms: 24 * 60 * 60 * 1_000 + 1, ..grant("/a", 0) },
        Grant { ttl_ms: 0, ..grant("/a", 0) },
        Grant { subject: "a b".to_owned(), ..grant("/a", 0) },
        Grant {
            scopes: vec![Scope { methods: Some(vec!["get".to_owned()]), ..any("/a") }],
            ..grant("/a", 0)
        },
        grant("/a b", 0),
    ] {
        assert_eq!(issue(&root(), bad, NOW, &OsRandom).unwrap_err(), IssueError::Invalid);
    }
    // SP-17
    let envelopes = Signer::private("root", "k1", key(1)).unwrap();
    assert_eq!(
        issue(&envelopes, grant("/a", 0), NOW, &OsRandom).unwrap_err(),
        IssueError::Sign(SignError::Use)
    );
}

// SP-64
#[test]
fn a_stolen_chain_authorises_nobody_else() {
    let scene = Scene::new();
    let chain = || {
        let value = field(&[issued("/api/**", 0)]);
        scene.verifier.verify_field(value.as_bytes(), NOW).unwrap()
    };
    let naming = Binding::Request { capability: None, chain: true };
    let silent = Binding::Request { capability: None, chain: false };
    assert_eq!(chain().bind("mallory", &naming), Err(Error::NotBound));
    assert_eq!(
        chain().bind("worker", &silent),
        Err(Error::NotBound),
        "a chain that the request does not name"
    );
    assert_eq!(chain().bind("worker", &Binding::None), Err(Error::NotBound), "an envelope about no request");
    let bound = chain().bind("worker", &naming).unwrap();
    assert_eq!(bound.authorise("/api/x", "GET"), Ok(()));
    assert_eq!(bound.authorise("/other", "GET"), Err(Error::NotCovered));
    assert_eq!(Error::NotBound.reason(), Some(Reason::CapabilityNotBound));
}

// SP-64, SP-27
#[test]
fn the_vectors_of_requests_with_chains() {
    let Some(file) = vectors("capability-pop") else { return };
    let verifier = configured(&file);
    let mut keys = Keyring::new();
    for name in ["agent.sub", "agent.worker", "agent.mallory"] {
        keys.insert(record(name, "k1", &file["shared"]["keys"][name], Use::Envelope)).unwrap();
    }
    for case in cases(&file) {
        let (id, asked) = (text(case, "id"), &case["request"]);
        let envelope = case["envelope"].as_object().map(|_| case["envelope"].to_string());
        let chain = case["capabilityField"].as_str();
        let mut fields = Vec::new();
        if let Some(envelope) = &envelope {
            fields.push((ENVELOPE_FIELD, envelope.as_bytes()));
        }
        if let Some(chain) = chain {
            fields.push((CAPABILITY_FIELD, chain.as_bytes()));
        }
        let request = Request {
            method: text(asked, "method"),
            scheme: "https",
            authority: text(asked, "authority"),
            target: text(asked, "target"),
            fields: &fields,
            content: Content::of(&common::hex(asked, "bodyHex")),
        };
        let now = case["now"].as_u64().unwrap();
        let outcome = verify_request(&request, &Route::new("svc.api"), &keys, i64::try_from(now).unwrap())
            .map_err(|reason| reason.to_string())
            .and_then(|verified| {
                let refused = |error: Error| error.to_string();
                let chain = verifier.verify_field(chain.unwrap().as_bytes(), now).map_err(refused)?;
                let bound = chain.bind(verified.authentic.sender(), &verified.binding).map_err(refused)?;
                bound.authorise(request.target, request.method).map_err(refused)
            });
        assert_eq!(outcome.err().as_deref().unwrap_or("accept"), text(case, "expect"), "{id}");
    }
}

// SP-63
#[test]
fn nobody_makes_themselves_a_root() {
    let scene = Scene::new();
    let own = issue(&worker(), Grant { subject: "worker".to_owned(), ..grant("/api/x", 0) }, NOW, &OsRandom)
        .unwrap();
    assert_eq!(scene.verify(&[own]), Err(Error::RootNotAuthorised));
    // Not in the root's name either, and not by a token that says it is the middle of a chain.
    let named = forged(&worker(), |token| token.issuer = "root".to_owned(), &issued("/api/x", 0));
    assert_eq!(scene.verify(&[named]), Err(Error::Signature { at: 0 }));
    let orphan = forged(&root(), |token| token.parent_token_id = Some("x".to_owned()), &issued("/api/x", 0));
    assert_eq!(scene.verify(&[orphan]), Err(Error::RootNotAuthorised));
}

// SP-63
#[test]
fn a_root_permits_no_more_than_it_was_given() {
    let scene = Scene::new();
    assert_eq!(scene.verify(&[issued("/**", 0)]), Err(Error::RootNotAuthorised));
    assert_eq!(scene.verify(&[issued("/admin/x", 0)]), Err(Error::RootNotAuthorised));
}

// SP-63, SP-17: whoever holds a key for envelopes cannot issue with it.
#[test]
fn keys_of_envelopes_issue_nothing() {
    let mut scene = Scene::new();
    scene.verifier.roots.get_mut("root").unwrap().keys = vec![known("root", 1, Use::Envelope)];
    let error = scene.verify(&[issued("/api/x", 0)]);
    assert_eq!(error, Err(Error::NoKey { issuer: "root".to_owned() }));
}

// SP-65
#[test]
fn delegation_ends_where_the_root_says() {
    let scene = Scene::new();
    let first = issued("/api/**", 1);
    let second =
        delegate(&worker(), std::slice::from_ref(&first), delegation("/api/**"), NOW, &OsRandom).unwrap();
    // The second token claims a budget that it was not given, or claims none at all.
    let greedy = forged(&worker(), |token| token.max_delegations = Some(7), &second);
    assert_eq!(scene.verify(&[first.clone(), greedy]), Err(Error::Escalation));
    let silent = forged(&worker(), |token| token.max_delegations = None, &second);
    let third = forged(
        &by("sub", 3),
        |token| {
            (token.issuer, token.subject) = ("sub".to_owned(), "friend".to_owned());
            (token.delegation_depth, token.parent_token_id) = (2, Some(silent.id.clone()));
            token.max_delegations = None;
        },
        &silent,
    );
    assert_eq!(scene.verify(&[first.clone(), silent.clone()]), Ok(()));
    assert_eq!(scene.verify(&[first, silent, third]), Err(Error::Escalation));
    // A root that says nothing gets what the verifier's configuration says: nothing.
    let open = forged(&root(), |token| token.max_delegations = None, &issued("/api/**", 1));
    let child = forged(&worker(), |token| token.parent_token_id = Some(open.id.clone()), &second);
    assert_eq!(scene.verify(&[open, child]), Err(Error::Escalation));
}

// SP-65: of several scopes that cover, the one with most left counts, and one without a bound has the token's.
#[test]
fn scopes_have_budgets_of_their_own() {
    let scene = Scene::new();
    let scopes = |bounds: &[Option<u64>]| -> Vec<Scope> {
        bounds.iter().map(|max| Scope { max_delegations: *max, ..any("/api/**") }).collect()
    };
    let with = |parent: &[Option<u64>], child: Option<u64>| {
        let first = forged(&root(), |token| token.scopes = scopes(parent), &issued("/api/**", 3));
        let second = delegate(
            &worker(),
            std::slice::from_ref(&issued("/api/**", 3)),
            delegation("/api/**"),
            NOW,
            &OsRandom,
        );
        let second = forged(
            &worker(),
            |token| (token.scopes, token.parent_token_id) = (scopes(&[child]), Some(first.id.clone())),
            &second.unwrap(),
        );
        scene.verify(&[first, second])
    };
    assert_eq!(with(&[Some(0)], None), Err(Error::Escalation));
    assert_eq!(with(&[Some(0), Some(1)], Some(0)), Ok(()));
    assert_eq!(with(&[Some(0), Some(1)], Some(1)), Err(Error::Escalation));
    assert_eq!(with(&[Some(0), None], Some(9)), Ok(()));
}

// SP-67
#[test]
fn a_chain_for_another_service_is_refused() {
    let mut scene = Scene::new();
    let elsewhere =
        issue(&root(), Grant { audience: "other".to_owned(), ..grant("/api/x", 0) }, NOW, &OsRandom).unwrap();
    assert_eq!(scene.verify(std::slice::from_ref(&elsewhere)), Err(Error::Audience));
    let nowhere = forged(&root(), |token| token.id = "cap-1-aabbccddeeff".to_owned(), &elsewhere);
    assert_eq!(scene.verify(std::slice::from_ref(&nowhere)), Err(Error::Audience));
    scene.verifier.allow_no_audience = true;
    assert_eq!(scene.verify(&[nowhere]), Ok(()));
    assert_eq!(scene.verify(&[elsewhere]), Err(Error::Audience));
}

// SP-68, EN-57
#[test]
fn a_query_or_another_spelling_does_not_pass_for_a_path() {
    let scope = Scope { methods: Some(vec!["GET".to_owned()]), ..any("/api/payments/*") };
    assert!(scope.permits("/api/payments/read", "GET"));
    for (path, method) in [
        ("/api/payments/read", "get"),
        ("/api/payments/read", "POST"),
        ("/api/payments/read/all", "GET"),
        ("/api/admin?/api/payments/read", "GET"),
        ("/API/payments/read", "GET"),
    ] {
        assert!(!scope.permits(path, method), "{method} {path}");
    }
}

// SP-69
#[test]
fn a_glob_that_crosses_segments_is_not_handed_on() {
    let scene = Scene::new();
    let first = issued("/api/*", 1);
    let hidden = delegate(&worker(), std::slice::from_ref(&first), delegation("/api/x**"), NOW, &OsRandom);
    assert_eq!(hidden.unwrap_err(), IssueError::Chain(Error::Scopes { at: 1 }));
    let second =
        delegate(&worker(), std::slice::from_ref(&first), delegation("/api/x"), NOW, &OsRandom).unwrap();
    let second = forged(&worker(), |token| token.scopes = vec![any("/api/x**")], &second);
    assert_eq!(scene.verify(&[first, second]), Err(Error::Scopes { at: 1 }));
}

// SP-70
#[test]
fn a_revoked_token_takes_every_chain_with_it() {
    let mut scene = Scene::new();
    let first = issued("/api/**", 1);
    let second =
        delegate(&worker(), std::slice::from_ref(&first), delegation("/api/x"), NOW, &OsRandom).unwrap();
    let chain = [first, second];
    assert_eq!(scene.verify(&chain), Ok(()));
    scene.verifier.revoked.tokens.insert(chain[0].id.clone());
    assert_eq!(scene.verify(&chain), Err(Error::Revoked));
    scene.verifier.revoked.tokens.clear();
    scene.verifier.revoked.issuers.insert(key(2).public_key().unwrap().fingerprint());
    assert_eq!(scene.verify(&chain), Err(Error::Revoked));
    assert_eq!(scene.verify(&chain[..1]), Ok(()));
}

// SP-66, SP-09
#[test]
fn fields_out_of_form_are_malformed() {
    let good = field(&[issued("/api/x", 0)]);
    let token = good.trim_start_matches('[').trim_end_matches(']');
    let many = |count| format!("[{}]", vec![token; count].join(","));
    let scopes = format!("\"scopes\":[{}]", vec![r#"{"pathGlob":"/api/x"}"#; 65].join(","));
    for bad in [
        String::new(),
        "{}".to_owned(),
        "[1]".to_owned(),
        many(9),
        format!("{good} {}", " ".repeat(MAX_FIELD)),
        good.replace("7h3-cap/1", "7h3-cap/2"),
        good.replace("\"subject\":", "\"extra\":1,\"subject\":"),
        good.replace("\"subject\":", "\"subject\":\"x\",\"subject\":"),
        good.replace("\"pathGlob\":\"/api/x\"", "\"pathGlob\":\"\""),
        good.replace("\"delegationDepth\":0", "\"delegationDepth\":0.0"),
        good.replace(r#""scopes":[{"pathGlob":"/api/x"}]"#, &scopes),
        good.replace("worker", "wor ker"),
    ] {
        assert_ne!(bad, good);
        assert_eq!(parse_field(bad.as_bytes()), Err(Error::Malformed), "{bad:.80}");
    }
    assert_eq!(parse_field(many(8).as_bytes()).map(|tokens| tokens.len()), Ok(8));
}

fn globs() -> impl Strategy<Value = String> {
    prop::sample::select(vec![
        "/api/**",
        "/api/*",
        "/api/x",
        "/api/x/**",
        "/api/x/*",
        "/**",
        "/api/x**",
        "/a/?",
    ])
    .prop_map(str::to_owned)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    // SP-65, SP-69: whatever is handed on, a chain that verifies permits nothing that its root does not.
    #[test]
    fn no_chain_permits_more_than_its_root(first in globs(), second in globs(), path in "/(api|a)(/(x|y)){0,2}") {
        let scene = Scene::new();
        let root = issued(&first, 3);
        let child = forged(&worker(), |token| {
            (token.issuer, token.subject) = ("worker".to_owned(), "sub".to_owned());
            (token.delegation_depth, token.parent_token_id) = (1, Some(root.id.clone()));
            token.max_delegations = Some(0);
            token.scopes = vec![any(&second)];
        }, &root);
        let value = field(&[root, child]);
        if let Ok(chain) = scene.verifier.verify_field(value.as_bytes(), NOW) && chain.covers(&path, "GET").is_ok() {
            prop_assert!(glob::matches(&first, &path) && glob::matches("/api/**", &path));
        }
    }

    // SP-66
    #[test]
    fn fields_survive_reading(glob in globs(), max in 0u64..9, methods in prop::option::of(prop::collection::vec("[A-Z]{1,6}", 0..3))) {
        let scope = Scope { path_glob: glob, methods, max_delegations: Some(max) };
        let token = issue(&root(), Grant { scopes: vec![scope], ..grant("/a", max) }, NOW, &OsRandom).unwrap();
        let tokens = vec![token];
        prop_assert_eq!(parse_field(field(&tokens).as_bytes()).unwrap(), tokens);
    }

    // SP-10
    #[test]
    fn no_field_panics(bytes in prop::collection::vec(proptest::num::u8::ANY, 0..200)) {
        let _ = Scene::new().verifier.verify_field(&bytes, NOW);
    }
}
