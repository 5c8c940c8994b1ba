//! AT-22: reference values of Trustee, and CoRIMs.

use super::{HEAD, codes, development, load, reasons};
use crate::common::{
    machine::{Machine, Model, NOW},
    samples,
};
use corim::{
    builder::{ComidBuilder, CorimBuilder},
    types::{
        common::{CborTime, MeasuredElement, TagIdChoice, ValidityMap},
        corim::{CorimId, CorimMetaMap, CorimSignerMap},
        environment::EnvironmentMap,
        measurement::{Digest, MeasurementMap, MeasurementValuesMap, RawValueChoice},
        signed::{CoseAlgorithm, CwtClaims, SignedCorimBuilder},
        triples::ReferenceTriple,
    },
};
use proptest::prelude::*;
use sealwire_attest::{Policy, policy::PolicyError};
use sealwire_crypto::{random::OsRandom, sign::ed25519::SigningKey};

const ANY: &str = "{ any = \"a test\" }";

/// A policy for `machine` with one file of reference values.
fn policy(machine: &Machine, lines: &str, file: &[u8]) -> Result<Policy, PolicyError> {
    let lines = format!("reference-values = [\"values\"]\n{lines}");
    load(&(HEAD.to_owned() + &development(machine, &lines)), &[("values", file)])
}

fn list(name: &str, value: &str, more: &str) -> String {
    format!(
        "[{{\"version\": \"0.1.0\", \"name\": \"{name}\", {more} \
         \"hash-value\": [{{\"alg\": \"sha384\", \"value\": \"{value}\"}}]}}]"
    )
}

// AT-22: every form that Trustee has written.
#[test]
fn trustees_files_supply_registers() {
    let machine = Machine::new(Model::Milan);
    let (right, wrong) = ("22".repeat(48), "44".repeat(48));
    let base64 = "IiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIi";
    let host_data = format!("host-data = {ANY}\n");
    let says = |file: &str| codes(&policy(&machine, &host_data, file.as_bytes()).unwrap(), &machine);
    for right in [
        list("snp_launch_measurement", &right, ""),
        list("measurement", base64, "\"expired\": \"2030-01-01T00:00:00Z\","),
        format!("{{\"measurement\": [\"{wrong}\", \"{right}\"]}}"),
        format!("{{\"snp_launch_measurement\": \"{right}\", \"snp_bootloader\": [3, 4]}}"),
        format!(
            "{{\"m\": {{\"name\": \"m\", \"value\": [true]}}, \"AMD/SEV-SNP/measurement\": \
             {{\"version\": \"1\", \"name\": \"measurement\", \"expiration\": \"2030-01-01T00:00:00Z\", \"value\": [\"{right}\"]}}}}"
        ),
    ] {
        assert!(says(&right).is_empty(), "{right}");
    }
    assert_eq!(says(&list("measurement", &wrong, "")), ["reference-value"]);
    let file = list("measurement", &wrong, "");
    let reasons = reasons(&policy(&machine, &host_data, file.as_bytes()).unwrap(), &machine);
    assert_eq!(reasons[0].rule, "accept[0].reference-values.measurement");
    assert_eq!((&reasons[0].expected, &reasons[0].found), (&wrong, &right));
}

// AT-22: by name, where the name says nothing.
#[test]
fn registers_name_their_values() {
    let machine = Machine::new(Model::Milan);
    let file = format!("{{\"my-image\": \"{}\", \"my-data\": \"{}\"}}", "22".repeat(48), "33".repeat(32));
    let lines = "measurement = { reference = \"my-image\" }\nhost-data = { reference = \"my-data\" }\n";
    assert!(codes(&policy(&machine, lines, file.as_bytes()).unwrap(), &machine).is_empty());
    let other = file.replace("33", "34");
    assert_eq!(codes(&policy(&machine, lines, other.as_bytes()).unwrap(), &machine), ["reference-value"]);

    let error = policy(&machine, &lines.replace("my-image", "image"), file.as_bytes()).unwrap_err();
    assert_eq!((error.line, error.key.as_str()), (7, "measurement"), "{error}");
    assert!(error.problem.contains("my-data, my-image"), "{error}");
    // 32 bytes are no measurement.
    let error = policy(&machine, &lines.replace("my-image", "my-data"), file.as_bytes()).unwrap_err();
    assert_eq!(error.key, "measurement");
    let text = HEAD.to_owned() + &development(&machine, lines);
    assert!(load(&text, &[]).unwrap_err().problem.contains("no reference-values"));
}

// AT-22: what the alternative lists itself is its own; a register that nobody speaks of is missing as ever.
#[test]
fn a_list_of_the_alternatives_own_counts_alone() {
    let machine = Machine::new(Model::Milan);
    let file =
        format!("{{\"measurement\": \"{}\", \"host_data\": \"{}\"}}", "44".repeat(48), "33".repeat(32));
    let lines = format!("measurement = \"{}\"\n", "22".repeat(48));
    assert!(codes(&policy(&machine, &lines, file.as_bytes()).unwrap(), &machine).is_empty());

    let alone = format!("{{\"measurement\": \"{}\"}}", "22".repeat(48));
    let error = policy(&machine, "", alone.as_bytes()).unwrap_err();
    assert_eq!(error.key, "host-data", "{error}");
    // Values for something else are a mistake.
    let error = policy(&machine, &lines, b"{\"mrtd\": []}").unwrap_err();
    assert_eq!(error.key, "reference-values", "{error}");
}

// AT-22, AT-05: expiry, on both sides.
#[test]
fn reference_values_expire() {
    let machine = Machine::new(Model::Milan);
    let host_data = format!("host-data = {ANY}\n");
    let at = |expiry: &str| {
        let file = list("measurement", &"22".repeat(48), &format!("\"expired\": \"{expiry}\","));
        codes(&policy(&machine, &host_data, file.as_bytes()).unwrap(), &machine)
    };
    assert_eq!(NOW.to_string(), "2027-01-15T08:00:00Z");
    assert!(at("2027-01-15T08:00:00Z").is_empty());
    assert_eq!(at("2027-01-15T07:59:59Z"), ["reference-value-expired"]);
    let file = list("measurement", &"22".repeat(48), "\"expired\": \"soon\",");
    assert!(policy(&machine, &host_data, file.as_bytes()).is_err());
}

// AT-22
#[test]
fn files_that_are_none_do_not_load() {
    let machine = Machine::new(Model::Milan);
    let host_data = format!("host-data = {ANY}\n");
    for file in [
        &b""[..],
        b"[",
        b"[{}]",
        b"[{\"name\": \"measurement\"}]",
        b"{\"measurement\": [\"zz\"]}",
        b"{\"measurement\": {\"hash-value\": 7}}",
        b"\xd9\x01\xf5\xa0",
        b"\xa1",
        b"7",
    ] {
        let error = policy(&machine, &host_data, file).unwrap_err();
        assert_eq!(error.key, "reference-values", "{error}");
    }
    let deep = "[".repeat(100_000);
    assert!(policy(&machine, &host_data, deep.as_bytes()).is_err());
    let long = vec![b'['; 2 * 1024 * 1024];
    assert!(policy(&machine, &host_data, &long).unwrap_err().problem.contains("longer than"));
}

/// A CoRIM with both registers, good for ten seconds around [`NOW`].
fn manifest(measurement: u8) -> CorimBuilder {
    let value = |key: MeasuredElement, mval: MeasurementValuesMap| MeasurementMap {
        mkey: Some(key),
        mval,
        authorized_by: None,
    };
    let mut digests = MeasurementValuesMap::default();
    digests.digests = Some(vec![Digest::new(7, vec![measurement; 48]), Digest::new(1, vec![1; 32])]);
    let mut raw = MeasurementValuesMap::default();
    raw.raw_value = Some(RawValueChoice::Bytes(vec![0x33; 32]));
    let measurements = vec![
        value(MeasuredElement::Text("launch_measurement".into()), digests),
        value(MeasuredElement::Text("host-data".into()), raw),
    ];
    let triple = ReferenceTriple::new(EnvironmentMap::for_class("AMD", "SEV-SNP"), measurements);
    let comid =
        ComidBuilder::new(TagIdChoice::Text("tag".into())).add_reference_triple(triple).build().unwrap();
    let at = NOW.0 as i64;
    CorimBuilder::new(CorimId::Text("id".into()))
        .add_comid_tag(comid)
        .unwrap()
        .set_validity(Some(at - 10), at + 10)
        .unwrap()
}

// AT-22
#[test]
fn corims_supply_registers() {
    let machine = Machine::new(Model::Milan);
    let right = manifest(0x22).build_bytes().unwrap();
    assert!(codes(&policy(&machine, "", &right).unwrap(), &machine).is_empty());
    let wrong = manifest(0x44).build_bytes().unwrap();
    assert_eq!(codes(&policy(&machine, "", &wrong).unwrap(), &machine), ["reference-value"]);
    let lines = "measurement = { reference = \"AMD/SEV-SNP/launch_measurement\" }";
    assert!(codes(&policy(&machine, lines, &right).unwrap(), &machine).is_empty());

    let verified = |at| {
        let policy = policy(&machine, "", &right).unwrap();
        policy.appraise(super::verified(&machine), sealwire_attest::UnixTime(at)).map(drop)
    };
    verified(NOW.0 + 10).unwrap();
    verified(NOW.0 - 10).unwrap();
    for outside in [NOW.0 + 11, NOW.0 - 11] {
        let denial = verified(outside).unwrap_err();
        assert_eq!(denial.reasons[0].code, "reference-value-expired");
    }
}

/// The CoRIM, signed as COSE_Sign1.
fn signed(key: &SigningKey, say: impl FnOnce(SignedCorimBuilder) -> SignedCorimBuilder) -> Vec<u8> {
    let builder = SignedCorimBuilder::new(CoseAlgorithm::EdDsa, manifest(0x22).build_bytes().unwrap());
    let mut builder = say(builder);
    let message = builder.to_be_signed(&[]).unwrap();
    builder.build_with_signature(key.sign(&message).to_vec()).unwrap()
}

/// SubjectPublicKeyInfo of an Ed25519 key (RFC 8410).
fn public(key: &SigningKey) -> Vec<u8> {
    let head = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
    [&head[..], &key.public_key()].concat()
}

// AT-22: signed by exactly the key that the policy names.
#[test]
fn signed_corims_need_their_signer() {
    let machine = Machine::new(Model::Milan);
    let (key, other) = (SigningKey::generate(&OsRandom).unwrap(), SigningKey::generate(&OsRandom).unwrap());
    let claims = || CwtClaims::new("a test");
    let corim = signed(&key, |builder| builder.set_cwt_claims(claims()));
    let with = |corim: &[u8], signer: &[u8]| {
        let lines = "reference-values = [{ file = \"values\", signer = \"key\" }]\n";
        load(&(HEAD.to_owned() + &development(&machine, lines)), &[("values", corim), ("key", signer)])
    };
    assert!(codes(&with(&corim, &public(&key)).unwrap(), &machine).is_empty());
    let pem = der::pem::encode_string("PUBLIC KEY", der::pem::LineEnding::LF, &public(&key)).unwrap();
    assert!(codes(&with(&corim, pem.as_bytes()).unwrap(), &machine).is_empty());

    let problem = |corim: &[u8], signer: &[u8]| with(corim, signer).unwrap_err().problem;
    assert!(problem(&corim, &public(&other)).contains("does not verify"));
    assert!(problem(&corim, b"no key").contains("neither a public key"));
    assert!(problem(&manifest(0x22).build_bytes().unwrap(), &public(&key)).contains("not signed"));
    assert!(problem(b"{}", &public(&key)).contains("not signed"));
    let mut tampered = corim.clone();
    let at = tampered.windows(48).position(|window| window == [0x22; 48]).unwrap();
    tampered[at] = 0x23;
    assert!(problem(&tampered, &public(&key)).contains("does not verify"));
    // Without the key nothing vouches for it.
    let error = policy(&machine, "", &corim).unwrap_err();
    assert!(error.problem.contains("say by whom"), "{error}");

    // The signer's own validity counts as well, in either form.
    let meta = |until| {
        let signer = CorimSignerMap { signer_name: "a test".to_owned(), signer_uri: None };
        let validity = ValidityMap { not_before: None, not_after: CborTime::new(until) };
        CorimMetaMap { signer, signature_validity: Some(validity) }
    };
    let at = NOW.0 as i64;
    for (until, expected) in [(at, &[][..]), (at - 1, &["reference-value-expired"; 2])] {
        for corim in [
            signed(&key, |builder| builder.set_cwt_claims(claims().with_exp(until))),
            signed(&key, |builder| builder.set_corim_meta(meta(until))),
        ] {
            assert_eq!(codes(&with(&corim, &public(&key)).unwrap(), &machine), expected);
        }
    }
}

// AT-22: a real one: in TCG's wrapping, signed by NVIDIA, whose key is not here.
#[test]
fn nvidias_manifest_is_read() {
    let Some(corim) = samples::sample("nvidia/cx7-rim.cbor") else { return };
    let machine = Machine::new(Model::Milan);
    let error = policy(&machine, "", &corim).unwrap_err();
    assert!(error.problem.contains("say by whom"), "{error}");
}

proptest! {
    // AT-08, AT-22
    #[test]
    fn any_bytes_are_reference_values_or_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        sealwire_attest::policy::parses_reference_values(&bytes);
    }

    // AT-08, AT-22
    #[test]
    fn a_damaged_manifest_does_not_panic(at in 0usize..1000, to in any::<u8>()) {
        let mut bytes = manifest(0x22).build_bytes().unwrap();
        let at = at % bytes.len();
        bytes[at] = to;
        sealwire_attest::policy::parses_reference_values(&bytes);
        sealwire_attest::policy::parses_reference_values(&bytes[..at]);
    }
}
