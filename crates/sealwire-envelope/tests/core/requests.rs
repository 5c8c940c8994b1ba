//! Requests and responses.

use sealwire_crypto::random::OsRandom;
use sealwire_envelope::{
    Authentic, Reason, Rules,
    binding::{
        grpc,
        http::{
            Asked, Binding, CAPABILITY_FIELD, Content, Coverage, ENVELOPE_FIELD, Field, RESPONSE_FIELD,
            Request, RequestMessage, Response, ResponseBinding, Route, authority, bind_request, from_field,
            sign_legacy_response, sign_request, sign_response, to_field, verify_cbor_body,
            verify_legacy_response, verify_request, verify_response,
        },
    },
    encoding::{Options, cbor, json},
    key::{KeyRecord, Keyring, Require, SharedSecret, Use, Uses},
};
use serde_json::Value;

use crate::{
    common::{cases, hex, record, text, vectors},
    support::{NOW, alice, decoded, keys, message, outcome, rules, service, typed},
};

fn fields(value: &Value) -> Vec<(String, Vec<u8>)> {
    let lines = value.as_array().into_iter().flatten();
    lines
        .map(|line| (line[0].as_str().unwrap().to_owned(), line[1].as_str().unwrap().as_bytes().to_vec()))
        .collect()
}

fn borrowed(fields: &[(String, Vec<u8>)]) -> Vec<Field<'_>> {
    fields.iter().map(|(name, value)| (name.as_str(), value.as_slice())).collect()
}

fn ring(file: &Value) -> Keyring {
    let mut ring = Keyring::new();
    let key = &file["shared"]["keys"]["agent.ed"];
    for key_id in ["k1", "k1b"] {
        ring.insert(record("agent.ed", key_id, key, Use::Envelope)).unwrap();
    }
    if let Some(secret) = file["shared"]["secret"].as_str() {
        ring.insert(KeyRecord::secret("agent.ed", "svc.api", "hk1", SharedSecret::new(secret)).unwrap())
            .unwrap();
    }
    ring
}

// SP-25, SP-26, SP-27, SP-28, SP-29, SP-30
#[test]
fn the_vectors_of_request_bindings() {
    let Some(file) = vectors("request-binding") else { return };
    let ring = ring(&file);
    let mut route = Route::new("svc.api");
    route.rules = route.rules.with_require(Require::Any);
    for case in cases(&file) {
        let id = text(case, "id");
        let asked = &case["request"];
        let body = hex(asked, "bodyHex");
        let owned = fields(&asked["headers"]);
        let mut lines = borrowed(&owned);
        let value = case["envelope"].to_string();
        lines.push((ENVELOPE_FIELD, value.as_bytes()));
        let request = Request {
            method: text(asked, "method"),
            scheme: "https",
            authority: text(asked, "authority"),
            target: text(asked, "target"),
            fields: &lines,
            content: Content::of(&body),
        };
        let verified = verify_request(&request, &route, &ring, NOW);
        assert_eq!(outcome(&verified), text(case, "expect"), "{id}");
        let asked = Asked::by(&typed(&case["envelope"]));
        assert_eq!(asked.digest(), text(case, "canonicalSha256"), "{id}");
    }
}

// EN-34, EN-36, SP-09, SP-13, SP-25, SP-30
#[test]
fn the_vectors_of_header_verification() {
    let Some(file) = vectors("http") else { return };
    let mut ring = Keyring::new();
    let key =
        sealwire_envelope::key::PublicKey::parse(text(&file["shared"]["registry"], "agent.ed")).unwrap();
    ring.insert(KeyRecord::public("agent.ed", "k1", key).unwrap()).unwrap();
    for case in cases(&file) {
        let headers = case["headers"].as_object().unwrap();
        let lines: Vec<_> =
            headers.iter().map(|(name, value)| (name.as_str(), value.as_str().unwrap().as_bytes())).collect();
        let request = Request { fields: &lines, ..get("/") };
        let now = case["now"].as_i64().unwrap();
        let verified = verify_request(&request, &Route::new("svc.api"), &ring, now);
        assert_eq!(outcome(&verified), text(case, "safe"), "{}", text(case, "id"));
    }
}

// SP-31, EN-49, EN-50
#[test]
fn the_vectors_of_responses() {
    let Some(file) = vectors("response") else { return };
    let mut ring = Keyring::new();
    ring.insert(record("svc.api", "s1", &file["shared"]["keys"]["svc.api"], Use::Response)).unwrap();
    let asked = Asked::by(&typed(&file["shared"]["request"]["envelope"]));
    let expected = ResponseBinding { asked: Some(&asked), signer: "svc.api" };
    for case in cases(&file) {
        let id = text(case, "id");
        let answer = &case["response"];
        let body = hex(answer, "bodyHex");
        let owned = fields(&answer["headers"]);
        let mut lines = borrowed(&owned);
        let value = case["envelope"].to_string();
        lines.push((RESPONSE_FIELD, value.as_bytes()));
        let status = u16::try_from(answer["status"].as_u64().unwrap()).unwrap();
        let response = Response { status, fields: &lines, content: Content::of(&body) };
        let verified = verify_response(&response, &expected, &Rules::new("agent.ed"), &ring, NOW);
        assert_eq!(outcome(&verified), text(case, "expect"), "{id}");
        if case["legacy"] == "content-mismatch" {
            let envelope = decoded(&case["envelope"]).unwrap();
            let rules = Rules::new("agent.ed");
            let got = verify_legacy_response(envelope, &body, &expected, &rules, &ring, NOW).unwrap();
            assert_eq!(got, None, "{id}");
        }
    }
}

// SP-32, EN-43
#[test]
fn the_vectors_of_grpc() {
    let Some(file) = vectors("grpc") else { return };
    let ring = ring(&file);
    for case in cases(&file) {
        let metadata: Vec<_> = case["metadata"].as_str().map(str::as_bytes).into_iter().collect();
        let lines: [Field<'_>; 1] = [("content-type", grpc::CONTENT_TYPE.as_bytes())];
        let message = hex(case, "messageHex");
        let request = grpc::unary("api.example.com", text(case, "method"), &lines, &message);
        let route = Route::new("svc.api");
        let verified = grpc::from_metadata(&metadata, &Options::default())
            .and_then(|envelope| Authentic::verify(envelope, Use::Envelope, &route.rules, &ring, NOW))
            .and_then(|authentic| bind_request(&authentic, &request, &route));
        assert_eq!(outcome(&verified), text(case, "expect"), "{}", text(case, "id"));
        if let Err(reason) = verified {
            assert_eq!(u64::from(reason.grpc_status()), case["grpcStatus"].as_u64().unwrap());
            assert_eq!(grpc::status_message(reason), format!("7h3: {reason}"));
        }
    }
}

fn get(target: &str) -> Request<'_> {
    Request {
        method: "GET",
        scheme: "https",
        authority: "service.example",
        target,
        fields: &[],
        content: Content::of(b""),
    }
}

fn coverage() -> &'static Coverage {
    static COVERAGE: std::sync::LazyLock<Coverage> = std::sync::LazyLock::new(Coverage::default);
    &COVERAGE
}

/// A request signed by alice, and what the service says about one that comes.
pub(crate) fn sign(request: &Request<'_>) -> String {
    let message =
        RequestMessage { recipient: "service", ttl_ms: 60_000, capability: None, coverage: coverage() };
    let envelope = sign_request(request, &message, &alice(), NOW, &OsRandom).unwrap();
    to_field(&envelope, &Options::default()).unwrap()
}

pub(crate) fn take(request: &Request<'_>, value: &str) -> Result<Binding, Reason> {
    take_at(request, value, &Route::new("service"))
}

pub(crate) fn take_at(request: &Request<'_>, value: &str, route: &Route) -> Result<Binding, Reason> {
    let mut lines = request.fields.to_vec();
    lines.push((ENVELOPE_FIELD, value.as_bytes()));
    verify_request(&Request { fields: &lines, ..*request }, route, &keys(), NOW)
        .map(|verified| verified.binding)
}

// SP-26 to SP-29: what one signs the other takes, with everything there can be.
#[test]
fn a_request_with_everything() {
    let lines: [Field<'_>; 5] = [
        ("Content-Type", b" application/json\t"),
        ("accept", b"*/*"),
        ("Authorization", b"Bearer x"),
        (CAPABILITY_FIELD, b"[]"),
        ("content-encoding", b"gzip"),
    ];
    let request = Request { method: "POST", fields: &lines, content: Content::of(b"{}"), ..get("/a?b=%20") };
    let bound = take(&request, &sign(&request)).unwrap();
    assert_eq!(bound, Binding::Request { capability: None, chain: true });
    assert_eq!((bound.to_field(), Binding::None.to_field()), ("sw-req/1", "none"));
    // In another case, and behind a port that the scheme has anyway.
    let elsewhere = Request { authority: "SERVICE.example:443", ..request };
    assert!(take(&elsewhere, &sign(&request)).is_ok());
}

// SP-27: a stream is named where a digest would be.
#[test]
fn a_request_whose_body_is_a_stream() {
    let request = Request { method: "POST", content: Content::Stream("stream-1"), ..get("/upload") };
    let value = sign(&request);
    assert!(take(&request, &value).is_ok());
    let other = Request { content: Content::Stream("stream-2"), ..request };
    assert_eq!(take(&other, &value), Err(Reason::BindingMismatch));
    let whole = Request { content: Content::of(b"stream-1"), ..request };
    assert_eq!(take(&whole, &value), Err(Reason::BindingMismatch));
    let call = grpc::streaming("service.example", "/a.B/C", &[], "stream-1");
    assert!(take(&call, &sign(&call)).is_ok());
}

// SP-29: an authority that the service does not have is refused wherever the request came in.
#[test]
fn the_service_may_know_its_own_authorities() {
    let value = sign(&get("/"));
    let known = |names: &[&str]| {
        let mut route = Route::new("service");
        route.authorities = names.iter().map(|name| (*name).to_owned()).collect();
        // The inner hop has another name.
        take_at(&Request { authority: "10.0.0.7:8080", ..get("/") }, &value, &route)
    };
    assert!(known(&["other.example", "service.example"]).is_ok());
    assert_eq!(known(&["other.example"]), Err(Reason::BindingMismatch));
}

// SP-27
#[test]
fn authorities_have_one_spelling() {
    assert_eq!(authority("https", "EXAMPLE.com:443").unwrap(), "example.com");
    assert_eq!(authority("http", "example.com:443").unwrap(), "example.com:443");
    assert_eq!(authority("http", "[::1]:80").unwrap(), "[::1]");
    for wrong in ["", "user@example.com", "bücher.example", "a b", "a/b"] {
        assert_eq!(authority("https", wrong), None, "{wrong}");
    }
}

// SP-09, SP-36: one field line, of a size that servers take.
#[test]
fn there_is_one_envelope_of_a_bearable_size() {
    let value = sign(&get("/"));
    let twice = [(ENVELOPE_FIELD, value.as_bytes()), ("X-7H3-Envelope", value.as_bytes())];
    assert_eq!(from_field(&twice, ENVELOPE_FIELD, &Options::default()), Err(Reason::MalformedEnvelope));
    assert!(from_field(&twice[1..], ENVELOPE_FIELD, &Options::default()).is_ok());
    // EN-39
    let long = message(&"x".repeat(16 << 10)).signed(&alice(), Use::Envelope, NOW, &OsRandom).unwrap();
    assert_eq!(to_field(&long, &Options::default()), None);
    let text = json::encode(&long);
    let lines = [(ENVELOPE_FIELD, text.as_bytes())];
    assert_eq!(from_field(&lines, ENVELOPE_FIELD, &Options::default()), Err(Reason::MalformedEnvelope));
}

// EN-38, SP-36: a CBOR body is a message, and never a request with another body.
#[test]
fn a_cbor_body_is_a_message_to_us() {
    let route = Route::new("service");
    let body = |envelope| cbor::encode(&envelope).unwrap();
    let plain = message("payload").signed(&alice(), Use::Envelope, NOW, &OsRandom).unwrap();
    let taken = verify_cbor_body(&body(plain.clone()), &route, &keys(), NOW).unwrap();
    assert_eq!(taken.envelope().body.content, "payload");
    let bound = json::decode(sign(&get("/")).as_bytes(), &Options::default()).unwrap();
    assert_eq!(verify_cbor_body(&body(bound), &route, &keys(), NOW).err(), Some(Reason::BindingMismatch));
    let mut lax = Route::new("service");
    lax.rules.recipient_optional = true;
    let to_nobody = sealwire_envelope::Message { recipient: None, ..message("x") };
    let to_nobody = to_nobody.signed(&alice(), Use::Envelope, NOW, &OsRandom).unwrap();
    assert_eq!(verify_cbor_body(&body(to_nobody), &lax, &keys(), NOW).err(), Some(Reason::RecipientMissing));
}

fn respond<'a>(fields: &'a [Field<'a>], body: &[u8]) -> Response<'a> {
    Response { status: 200, fields, content: Content::of(body) }
}

fn client() -> Rules {
    Rules::new("alice")
}

// SP-31: both directions, asked and unasked.
#[test]
fn responses_belong_to_their_requests() {
    let asked = Asked::by(&json::decode(sign(&get("/")).as_bytes(), &Options::default()).unwrap());
    let cookies: [Field<'_>; 3] = [("set-cookie", b"a=1"), ("set-cookie", b"b=2, c"), ("location", b"/x")];
    for asked in [Some(&asked), None] {
        let response = respond(&cookies, b"body");
        let envelope = sign_response(&response, asked, &service(), NOW, &OsRandom).unwrap();
        let value = to_field(&envelope, &Options::default()).unwrap();
        let mut lines = cookies.to_vec();
        lines.push((RESPONSE_FIELD, value.as_bytes()));
        let expected = ResponseBinding { asked, signer: "service" };
        let came = Response { fields: &lines, ..response };
        assert!(verify_response(&came, &expected, &client(), &keys(), NOW).is_ok());
        let other = ResponseBinding { signer: "alice", ..expected };
        let refused = verify_response(&came, &other, &client(), &keys(), NOW);
        assert_eq!(refused.err(), Some(Reason::UnknownSender));
        let changed = Response { content: Content::of(b"Body"), ..came };
        assert_eq!(
            verify_response(&changed, &expected, &client(), &keys(), NOW).err(),
            Some(Reason::BindingMismatch)
        );
    }
}

// EN-49, EN-50, SP-31: for callers that know nothing else.
#[test]
fn legacy_responses_carry_the_body_itself() {
    let signed = |body: &[u8]| sign_legacy_response(body, Some("alice"), &service(), NOW, &OsRandom).unwrap();
    let expected = ResponseBinding { asked: None, signer: "service" };
    let envelope = signed(b"hello").unwrap();
    let verify = |body: &[u8]| {
        verify_legacy_response(envelope.clone(), body, &expected, &client(), &keys(), NOW).unwrap().is_some()
    };
    assert!(verify(b"hello") && !verify(b"Hello"));
    // What does not fit is signed otherwise.
    assert!(
        signed(&[0xff]).is_none()
            && signed(&vec![b'x'; 8193]).is_none()
            && signed(&vec![b'x'; 8192]).is_some()
    );
}

// SP-13: no word that a forger could learn from, and no status that nobody expects.
#[test]
fn refusals_have_their_status() {
    for (reason, status, grpc) in [
        (Reason::InvalidPath, 400, 3),
        (Reason::UnknownSender, 401, 16),
        (Reason::NoMatchingPolicy, 403, 7),
        (Reason::BodyTooLarge, 413, 8),
        (Reason::RateLimited, 429, 8),
        (Reason::ReplayStoreFull, 503, 14),
    ] {
        assert_eq!((reason.status(), reason.grpc_status()), (status, grpc), "{reason}");
    }
}

// SP-17: a key for responses vouches for no request, and the other way round.
#[test]
fn keys_hold_for_their_uses_alone() {
    let mut ring = Keyring::new();
    let record = KeyRecord::public("alice", "k1", crate::support::public(1)).unwrap();
    ring.insert(record.with_uses([Use::Response].into_iter().collect::<Uses>())).unwrap();
    let envelope = message("x").signed(&alice(), Use::Envelope, NOW, &OsRandom).unwrap();
    let verified = Authentic::verify(envelope.clone(), Use::Envelope, &rules(), &ring, NOW);
    assert_eq!(verified.err(), Some(Reason::UnknownSender));
    assert!(Authentic::verify(envelope, Use::Response, &rules(), &ring, NOW).is_ok());
}
