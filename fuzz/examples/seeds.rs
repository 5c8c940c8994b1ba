//! Makes the seeds: inputs of the right form for each target, so that fuzzing begins behind the first check.
//!
//! `cargo run --manifest-path fuzz/Cargo.toml --example seeds`. They are committed; make them again when a format
//! changes.

#[path = "seeds/cbor.rs"]
mod cbor;
#[path = "seeds/ehbp.rs"]
mod ehbp;
#[path = "seeds/enrolment.rs"]
mod enrolment;
#[path = "seeds/envelope.rs"]
mod envelope;
#[path = "seeds/hpke_http.rs"]
mod hpke_http;
#[path = "seeds/nitro.rs"]
mod nitro;
#[path = "seeds/nvidia.rs"]
mod nvidia;
#[path = "seeds/ocsp.rs"]
mod ocsp;
#[path = "seeds/session.rs"]
mod session;
#[path = "seeds/tpm.rs"]
mod tpm;
#[path = "seeds/tunnel.rs"]
mod tunnel;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime};

use bytes::BytesMut;
use corim::builder::{ComidBuilder, CorimBuilder};
use corim::types::common::{MeasuredElement, TagIdChoice};
use corim::types::corim::CorimId;
use corim::types::environment::EnvironmentMap;
use corim::types::measurement::{Digest, MeasurementMap, MeasurementValuesMap};
use corim::types::signed::{CoseAlgorithm, CwtClaims, SignedCorimBuilder};
use corim::types::triples::ReferenceTriple;
use der::pem::{self, LineEnding};
use http::{HeaderMap, HeaderValue, Method, StatusCode, header, uri::Scheme};
use sealwire_attest::key_document::{
    KeyDocument, Published, PublishedKey, operator::OperatorStatement, report_data,
};
use sealwire_attest::revocation::RevocationList;
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
    extensions()?;
    intel()?;
    tpm::seeds()?;
    enrolment::seeds()?;
    hpke_http::seeds()?;
    nitro::seeds()?;
    nvidia::seeds()?;
    session::seeds()?;
    tunnel::seeds()?;
    envelope::seeds()?;
    ehbp::seeds()?;
    ocsp::seeds()?;
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

/// Quotes and reference data of the right form, signed by nobody.
fn intel() -> Result {
    let forms = [
        ("sgx_quote", "v3", 3_u16, None, 384_usize),
        ("tdx_quote", "v4", 4, None, 584),
        ("tdx_quote", "v5-td10", 5, Some(2_u16), 584),
        ("tdx_quote", "v5-td15", 5, Some(3), 648),
        ("tdx_quote", "v5-extended", 5, Some(4), 885),
    ];
    for (target, name, version, body_type, length) in forms {
        for (suffix, certification_type, certification) in [
            ("chain", 5_u8, &b"-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n\0"[..]),
            ("id", 1, &[0x11; 36]),
        ] {
            let quote = quote(version, body_type, length, certification_type, certification);
            seed(target, &format!("{name}-{suffix}"), &quote)?;
            seed(target, &format!("{name}-{suffix}-padded"), [&quote[..], &[0; 70]].concat())?;
        }
    }
    seed("sgx_quote", "hex", hex(&quote(3, None, 384, 1, &[0; 36])))?;

    let components: Vec<String> = (0..16).map(|svn| format!(r#"{{"svn":{svn}}}"#)).collect();
    let components = components.join(",");
    let times = r#""issueDate":"2026-01-01T00:00:00Z","nextUpdate":"2026-02-01T00:00:00Z","tcbEvaluationDataNumber":17"#;
    let level = r#""tcbDate":"2025-01-01T00:00:00Z","tcbStatus":"UpToDate","advisoryIDs":["INTEL-SA-00001"]"#;
    let module = format!(
        r#""mrsigner":"{}","attributes":"{}","attributesMask":"{}""#,
        "00".repeat(48),
        "00".repeat(8),
        "FF".repeat(8)
    );
    let platform = format!(
        r#"{times},"fmspc":"00906ED50000","pceId":"0000","tcbType":0,"tdxModule":{{{module}}},"tdxModuleIdentities":[{{"id":"TDX_01",{module},"tcbLevels":[{{"tcb":{{"isvsvn":4}},{level}}}]}}],"tcbLevels":[{{"tcb":{{"sgxtcbcomponents":[{components}],"pcesvn":11,"tdxtcbcomponents":[{components}]}},{level}}}]"#
    );
    let sgx = format!(r#"{{"id":"SGX","version":3,{platform}}}"#);
    let tdx = format!(r#"{{"id":"TDX","version":3,{platform}}}"#);
    let identity = format!(
        r#"{{"id":"TD_QE","version":2,{times},"miscselect":"00000000","miscselectMask":"FFFFFFFF","attributes":"{}","attributesMask":"{}","mrsigner":"{}","isvprodid":2,"tcbLevels":[{{"tcb":{{"isvsvn":4}},{level}}}]}}"#,
        "11".repeat(16),
        "FF".repeat(16),
        "DC".repeat(32)
    );
    let signature = "5a".repeat(64);
    for (name, text) in [("sgx", &sgx), ("tdx", &tdx), ("identity", &identity)] {
        seed("intel_reference", name, text)?;
        let outer = if name == "identity" { "enclaveIdentity" } else { "tcbInfo" };
        let served = format!(r#"{{"{outer}":{text},"signature":"{signature}"}}"#);
        seed("intel_reference", &format!("{name}-served"), served)?;
    }
    Ok(())
}

fn quote(
    version: u16,
    body_type: Option<u16>,
    length: usize,
    certification_type: u8,
    certification: &[u8],
) -> Vec<u8> {
    const INTEL: [u8; 16] =
        [0x93, 0x9a, 0x72, 0x33, 0xf7, 0x9c, 0x4c, 0xa9, 0x94, 0x0a, 0x0d, 0xb3, 0x95, 0x7f, 0x06, 0x07];
    let long = |bytes: &[u8]| [&(bytes.len() as u32).to_le_bytes()[..], bytes].concat();
    let tee: u32 = if version == 3 { 0 } else { 0x81 };
    let mut out =
        [&version.to_le_bytes()[..], &[2, 0], &tee.to_le_bytes(), &[0; 4], &INTEL, &[0; 20]].concat();
    if let Some(body_type) = body_type {
        out.extend(body_type.to_le_bytes());
        out.extend((length as u32).to_le_bytes());
    }
    out.resize(out.len() + length, 0);
    let mut inner = vec![0; 384 + 64];
    inner.extend([32, 0]);
    inner.extend([7; 32]);
    inner.extend([certification_type, 0]);
    inner.extend(long(certification));
    let mut signature_data = vec![0x42; 128];
    if version > 3 {
        signature_data.extend([6, 0]);
        inner = long(&inner);
    }
    signature_data.extend(inner);
    out.extend(long(&signature_data));
    out
}

/// What a policy may name besides its own rules.
fn extensions() -> Result {
    let mut list = RevocationList::empty(7, ISSUED, UNTIL);
    let operator = ed25519::SigningKey::generate(&Fixed)?;
    seed("revocation_list", "empty", list.sign(&operator)?)?;
    list.measurements.extend([vec![1; 48], vec![2; 32]]);
    list.hardware_ids.insert(vec![3; 64]);
    list.documents.insert([4; 48]);
    list.keys.insert([5; 32]);
    seed("revocation_list", "full", list.sign(&operator)?)?;

    let digest = hex(&[6; 48]);
    let value = format!("{{\"alg\": \"sha384\", \"value\": \"{digest}\"}}");
    let named =
        format!("\"name\": \"mr_td\", \"expired\": \"2027-01-01T00:00:00Z\", \"hash-value\": [{value}]");
    seed("reference_values", "list", format!("[{{\"version\": \"0.1.0\", {named}}}]"))?;
    seed("reference_values", "map", format!("{{\"mr_td\": {{{named}}}}}"))?;
    seed("reference_values", "plain", format!("{{\"mr_td\": [\"{digest}\"], \"tcb\": 3}}"))?;

    let mut values = MeasurementValuesMap::default();
    values.digests = Some(vec![Digest::new(7, vec![6; 48])]);
    let mkey = Some(MeasuredElement::Text("mrtd".into()));
    let measurement = MeasurementMap { mkey, mval: values, authorized_by: None };
    let triple = ReferenceTriple::new(EnvironmentMap::for_class("Intel", "TDX"), vec![measurement]);
    let tag = ComidBuilder::new(TagIdChoice::Text("tag".into())).add_reference_triple(triple).build()?;
    let manifest = CorimBuilder::new(CorimId::Text("id".into()))
        .add_comid_tag(tag)?
        .set_validity(Some(ISSUED.0.try_into()?), UNTIL.0.try_into()?)?
        .build_bytes()?;
    seed("corim", "unsigned", &manifest)?;
    let mut builder =
        SignedCorimBuilder::new(CoseAlgorithm::EdDsa, manifest).set_cwt_claims(CwtClaims::new("x"));
    let signature = operator.sign(&builder.to_be_signed(&[])?);
    seed("corim", "signed", builder.build_with_signature(signature.to_vec())?)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
