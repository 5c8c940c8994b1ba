//! Makes the seeds: inputs of the right form for each target, so that fuzzing begins behind the first check.
//!
//! `cargo run --manifest-path fuzz/Cargo.toml --example seeds`. They are committed; make them again when a format
//! changes.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime};

use bytes::BytesMut;
use der::pem::{self, LineEnding};
use http::{HeaderMap, HeaderValue, Method, StatusCode, header, uri::Scheme};
use sealwire_attest::key_document::{
    KeyDocument, Published, PublishedKey, operator::OperatorStatement, report_data,
};
use sealwire_attest::{Kind, Policy, UnixTime, Verifier, cmw, verify::Expected};
use sealwire_crypto::kem::{Kem, PrivateKey};
use sealwire_crypto::sign::ed25519;
use sealwire_fuzz::{Fixed, GATEWAY, SELECTED};
use sealwire_message::bhttp::{RequestHead, ResponseHead, encode};
use sealwire_oblivious::gateway::{GatewayKey, Header, open_chunked, open_single};
use sealwire_oblivious::{Limits, client, config};
use sealwire_tee::{Produced, Tee, development::forge::Forge};

const ISSUED: UnixTime = UnixTime(1_795_000_000);
const UNTIL: UnixTime = UnixTime(1_795_086_400);
const AUTHORITY: &str = "api.example.com";

type Result<T = ()> = std::result::Result<T, Box<dyn std::error::Error>>;

fn main() -> Result {
    binary_http()?;
    chunks()?;
    oblivious()?;
    attestation()?;
    for (name, text) in [
        ("name", "Api.Example.com:443"),
        ("v4", "192.0.2.1:8443"),
        ("v6", "[2001:DB8::1]:443"),
        ("local", "localhost:1"),
    ] {
        seed("authority", name, text)?;
    }
    Ok(())
}

fn seed(target: &str, name: &str, bytes: impl AsRef<[u8]>) -> Result {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds").join(target);
    fs::create_dir_all(&folder)?;
    Ok(fs::write(folder.join(name), bytes)?)
}

fn fields(lines: &[(&'static str, &'static str)]) -> HeaderMap {
    lines
        .iter()
        .map(|(name, value)| (header::HeaderName::from_static(name), HeaderValue::from_static(value)))
        .collect()
}

fn request(method: Method, lines: &[(&'static str, &'static str)]) -> RequestHead {
    RequestHead {
        method,
        scheme: Scheme::HTTPS,
        authority: Some(AUTHORITY.parse().expect("it is one")),
        path: "/v1/things?limit=2".parse().expect("it is one"),
        headers: fields(lines),
    }
}

fn binary_http() -> Result {
    let get = request(Method::GET, &[("accept", "application/json"), ("host", AUTHORITY)]);
    let post =
        request(Method::POST, &[("content-type", "text/plain"), ("content-length", "5"), ("cookie", "a=b")]);
    let trailers = fields(&[("x-checksum", "1")]);

    let mut out = BytesMut::new();
    encode::known_request(&mut out, &get, b"", None);
    seed("bhttp_request", "known-get", &out)?;
    // OB-31: what follows the control data may be missing.
    seed("bhttp_request", "known-cut", &out[..out.len() - 2])?;

    out.clear();
    encode::known_request(&mut out, &post, b"hello", Some(&trailers));
    encode::pad(&mut out);
    seed("bhttp_request", "known-post-padded", &out)?;

    out.clear();
    encode::request_head(&mut out, &post);
    for part in [&b"he"[..], b"llo"] {
        encode::content_prefix(&mut out, part.len());
        out.extend_from_slice(part);
    }
    encode::end(&mut out, Some(&trailers));
    seed("bhttp_request", "indeterminate-post", &out)?;

    let ok =
        ResponseHead { status: StatusCode::OK, headers: fields(&[("content-type", "text/event-stream")]) };
    let hints = ResponseHead { status: StatusCode::EARLY_HINTS, headers: fields(&[("link", "</a.css>")]) };
    out.clear();
    encode::known_response(&mut out, &ok, b"data: 1\n\n", Some(&trailers));
    seed("bhttp_response", "known", &out)?;

    out.clear();
    encode::response_start(&mut out);
    encode::response_head(&mut out, &hints);
    encode::response_head(&mut out, &ok);
    for part in [&b"data: 1\n\n"[..], b"data: 2\n\n"] {
        encode::content_prefix(&mut out, part.len());
        out.extend_from_slice(part);
    }
    encode::end(&mut out, None);
    encode::pad(&mut out);
    seed("bhttp_response", "indeterminate", &out)
}

/// Sealed by the cipher of the target `chunk`.
fn chunks() -> Result {
    let mut out = vec![16 + 5];
    out.extend_from_slice(b"hello");
    out.extend_from_slice(&[0; 16]);
    // OB-23: a length may be longer than it needs to be.
    out.extend_from_slice(&[0x40, 16 + 3]);
    out.extend_from_slice(b"you");
    out.extend_from_slice(&[0; 16]);
    out.push(0);
    seed("chunk", "final-empty", [&out[..], &[5; 16]].concat())?;
    seed("chunk", "final", [&out[..], b"the end", &[5; 16]].concat())
}

fn oblivious() -> Result {
    let keys = [(1, Kem::XWing), (2, Kem::X25519), (3, Kem::P256)];
    let mut configs = Vec::new();
    for (id, kem) in keys {
        let suites = &GATEWAY.config().suites;
        let key = PrivateKey::from_bytes(kem, &[0x11; 32])?;
        configs.push(GatewayKey::new(id, key, suites).config().clone());
        seed(
            "ohttp_keys",
            &format!("{kem:?}").to_lowercase(),
            config::encode_list(&configs[configs.len() - 1..]),
        )?;
    }
    seed("ohttp_keys", "all", config::encode_list(&configs))?;
    // OB-06: a KEM that is unknown is stepped over.
    let unknown =
        [&[0, 9, 9, 0xff, 0xff, 1, 2, 3, 4, 5, 6][..], &config::encode_list(&configs[1..])].concat();
    seed("ohttp_keys", "unknown-kem", unknown)?;

    let limits = Limits::default();
    let mut message = BytesMut::new();
    encode::known_request(&mut message, &request(Method::GET, &[]), b"", None);

    let (sealed, _) = client::seal_single(&SELECTED, &message, &limits, &Fixed)?;
    seed("ohttp_request", "single", &sealed)?;
    let (header, key) = Header::parse(&sealed, |_| Some(&*GATEWAY))?;
    let opened = open_single(header, key, sealed, &limits)?;
    let mut buffer = opened.reply.buffer(0);
    buffer.extend_from_slice(b"the answer");
    seed("ohttp_response", "single", opened.reply.seal(buffer, &Fixed)?)?;

    let mut sealed = BytesMut::new();
    let (mut sealer, _) = client::start_chunked(&SELECTED, &mut sealed, &limits, &Fixed)?;
    let prefix = sealed.clone();
    sealer.chunk(&mut sealed, &[&message[..10]])?;
    sealer.finish(&mut sealed, &[&message[10..]])?;
    seed("ohttp_request", "chunked", &sealed)?;
    let (header, key) = Header::parse(&prefix, |_| Some(&*GATEWAY))?;
    let opened = open_chunked(header, key, &prefix, &limits)?;
    let mut answer = BytesMut::new();
    let mut sealer = opened.reply.start(&mut answer, &Fixed)?;
    sealer.chunk(&mut answer, &[b"the "])?;
    sealer.chunk(&mut answer, &[b"answer"])?;
    sealer.finish(&mut answer, &[])?;
    seed("ohttp_response", "chunked", &answer)
}

fn attestation() -> Result {
    let state = tempfile::tempdir()?;
    let forge = Forge::open(state.path())?;
    let tee = forge.development();
    let now = UnixTime(SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?.as_secs());
    let operator = ed25519::SigningKey::generate(&Fixed)?;
    let statement = OperatorStatement::sign(&operator, &[AUTHORITY.into()], [3; 48], &tee.measurement())?;
    seed("operator_statement", "statement", statement.to_pem())?;

    let config = GATEWAY.config();
    let document = KeyDocument {
        instance: [9; 16],
        serial: 1,
        issued_at: ISSUED,
        not_after: UNTIL,
        role: "gateway".into(),
        authorities: vec![AUTHORITY.into()],
        keys: vec![PublishedKey {
            id: vec![config.key_id],
            purpose: "oblivious".into(),
            not_before: ISSUED,
            not_after: UNTIL,
            bytes: config.encode(),
        }],
        wires: vec!["oblivious".into(), "demo".into()],
        suites: BTreeMap::from([("demo".into(), vec!["one".into(), "two".into()])]),
        limits: BTreeMap::from([("oblivious".into(), 1 << 20)]),
        config_digest: [3; 48],
        operator: Some(statement),
    };
    let document = document.encode();
    seed("key_document", "full", &document)?;
    seed(
        "key_document",
        "no-operator",
        KeyDocument { operator: None, ..KeyDocument::decode(&document)? }.encode(),
    )?;

    let Produced { evidence, endorsements } = tee.produce(&report_data(&document, Kind::Development, b""))?;
    seed("snp_report", "development", &evidence.bytes)?;
    seed("snp_report", "hex", hex(&evidence.bytes))?;
    seed("cmw", "development", cmw::encode(&evidence.clone().into()))?;
    for (place, der) in endorsements.certificates.iter().enumerate() {
        seed("endorsements", &format!("der-{place}"), der)?;
    }
    let crl = forge.crl(false, now, now.saturating_add(Duration::from_secs(1 << 28)))?;
    seed("endorsements", "crl", &crl)?;
    let mut text = pem::encode_string("X509 CRL", LineEnding::LF, &crl)?;
    for der in &endorsements.certificates {
        text.push_str(&pem::encode_string("CERTIFICATE", LineEnding::LF, der)?);
    }
    seed("endorsements", "pem", text)?;

    let verifier = Verifier::new(&[tee.root_fingerprint()]);
    let verified = verifier.verify(&evidence, &endorsements, Expected::Unbound, now)?;
    seed("policy_toml", "exactly", Policy::exactly(&verified, Some(&[3; 48]), Some(&operator.public_key())))?;
    seed("policy_toml", "any", Policy::exactly(&verified, None, None))?;
    seed("published", "development", Published { document, evidence: evidence.into(), endorsements }.encode())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
