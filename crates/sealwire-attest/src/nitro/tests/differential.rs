//! The same documents through `coset` and the P-384 of RustCrypto, which share no code with what verifies here.

use super::forge::{Enclave, bytes, document, item};
use crate::{
    Endorsements, Evidence, UnixTime, Verifier,
    common::samples::sample,
    nitro::document::Document,
    verify::Expected,
    x509::forge::{NOW, Party},
};
use coset::{
    Algorithm, CborSerializable as _, CoseSign1, CoseSign1Builder, Header, HeaderBuilder,
    TaggedCborSerializable as _, cbor::value::Value, iana,
};
use der::{Decode as _, Encode as _};
use p384::ecdsa::{Error, Signature, VerifyingKey, signature::Verifier as _};
use x509_cert::certificate::Certificate;

/// A document as the other implementation reads it.
struct Other {
    cose: CoseSign1,
    fields: Vec<(Value, Value)>,
}

impl Other {
    fn read(bytes: &[u8]) -> Option<Self> {
        let cose = CoseSign1::from_slice(bytes).or_else(|_| CoseSign1::from_tagged_slice(bytes)).ok()?;
        let Value::Map(fields) = Value::from_slice(cose.payload.as_ref()?).ok()? else { return None };
        Some(Self { cose, fields })
    }

    fn field(&self, name: &str) -> Option<&Value> {
        self.fields.iter().find(|(key, _)| key.as_text() == Some(name)).map(|(_, value)| value)
    }

    fn key(&self) -> Option<VerifyingKey> {
        let leaf = Certificate::from_der(self.field("certificate")?.as_bytes()?).ok()?;
        let info = leaf.tbs_certificate().subject_public_key_info();
        VerifyingKey::from_sec1_bytes(info.subject_public_key.raw_bytes()).ok()
    }

    /// With ES384 alone in the headers, which is what AWS writes (RFC 9053, section 2.1), and a signature by the key of
    /// the certificate.
    fn verifies(&self) -> bool {
        let only = Header { alg: Some(Algorithm::Assigned(iana::Algorithm::ES384)), ..Header::default() };
        let headers = self.cose.protected.header == only && self.cose.unprotected.is_empty();
        let verified = self.cose.verify_signature(&[], |signature, message| {
            let key = self.key().ok_or_else(Error::new)?;
            key.verify(message, &Signature::from_slice(signature)?)
        });
        headers && verified.is_ok()
    }
}

/// Whether both accept, or both refuse, what that was.
fn agree(evidence: &Evidence, verifier: &Verifier, at: UnixTime, what: &str) -> bool {
    let ours = verifier.verify(evidence, &Endorsements::default(), Expected::Unbound, at).map(drop);
    let theirs = Other::read(&evidence.bytes).is_some_and(|other| other.verifies());
    assert_eq!(ours.is_ok(), theirs, "{what}: {ours:?}");
    theirs
}

/// Documents with the second that they were made in; the last is cut out of its container.
fn samples() -> Option<[(Evidence, UnixTime); 3]> {
    let container = sample("nitro/dstack-app.bin")?;
    let mut cbor = minicbor::Decoder::new(&container[4..]);
    cbor.skip().unwrap();
    let end = 4 + cbor.position();
    Some([
        (document(sample("nitro/production.cose")?), UnixTime(1_736_179_625)),
        (document(sample("nitro/debug-2021.cose")?), UnixTime(1_614_963_709)),
        (document(container[4..end].to_vec()), UnixTime(1_766_678_659)),
    ])
}

// AT-02: headers, payload and signature of every sample.
#[test]
fn coset_reads_and_verifies_the_samples() {
    let Some(samples) = samples() else { return };
    for (evidence, at) in samples {
        assert!(agree(&evidence, &Verifier::new(&[]), at, "a sample"));
        let ours = Document::parse(&evidence.bytes).unwrap();
        let theirs = Other::read(&evidence.bytes).unwrap();
        assert_eq!(theirs.cose.payload.as_deref(), Some(ours.payload));
        assert_eq!(theirs.cose.signature, ours.signature);
        assert_eq!(theirs.cose.tbs_data(&[]), ours.signed());
        let bytes_of = |name: &str| theirs.field(name).unwrap().as_bytes().map(Vec::as_slice);
        assert_eq!(theirs.field("module_id").unwrap().as_text(), Some(ours.module_id));
        assert_eq!(theirs.field("timestamp").unwrap().as_integer(), Some(ours.timestamp.into()));
        assert_eq!(bytes_of("certificate"), Some(ours.certificate));
        for (name, value) in
            [("public_key", ours.public_key), ("user_data", ours.user_data), ("nonce", ours.nonce)]
        {
            assert_eq!(bytes_of(name), value, "{name}");
        }
        let bundle = theirs.field("cabundle").unwrap().as_array().unwrap();
        assert!(bundle.iter().map(|der| der.as_bytes().unwrap().as_slice()).eq(ours.cabundle));
        let pcrs = theirs.field("pcrs").unwrap().as_map().unwrap();
        let pcrs = pcrs.iter().map(|(index, value)| {
            (u8::try_from(index.as_integer().unwrap()).unwrap(), value.as_bytes().unwrap().as_slice())
        });
        assert!(pcrs.eq(ours.pcrs.iter().map(|(index, value)| (*index, value.as_slice()))));
    }
}

// AT-02: each link of every sample's chain, from the root to the key that signed.
#[test]
fn p384_verifies_the_chains_of_the_samples() {
    let Some(samples) = samples() else { return };
    for (evidence, _) in samples {
        let document = Document::parse(&evidence.bytes).unwrap();
        let chain: Vec<Certificate> = document
            .cabundle
            .iter()
            .chain([&document.certificate])
            .map(|der| Certificate::from_der(der).unwrap())
            .collect();
        for (issuer, subject) in chain.iter().take(1).chain(&chain).zip(&chain) {
            let key = issuer.tbs_certificate().subject_public_key_info();
            let key = VerifyingKey::from_sec1_bytes(key.subject_public_key.raw_bytes()).unwrap();
            let signature = Signature::from_der(subject.signature().raw_bytes()).unwrap();
            key.verify(&subject.tbs_certificate().to_der().unwrap(), &signature).unwrap();
        }
    }
}

// AT-08: no edit of a sample is anything to one that it is not to the other.
#[test]
fn both_refuse_every_edit_of_a_sample() {
    let Some(samples) = samples() else { return };
    for (evidence, at) in samples {
        let verifier = Verifier::new(&[]);
        let len = evidence.bytes.len();
        for index in (0..16).chain((16..len - 100).step_by(101)).chain(len - 100..len) {
            let mut edited = evidence.clone();
            edited.bytes[index] ^= 1 << (index % 8);
            assert!(!agree(&edited, &verifier, at, &format!("byte {index}")));
        }
        for len in (0..len).step_by(211).chain([len - 1]) {
            let cut = document(evidence.bytes[..len].to_vec());
            assert!(!agree(&cut, &verifier, at, &format!("{len} bytes")));
        }
    }
}

/// A document by the other implementation's builder.
fn built(
    enclave: &Enclave,
    protected: Header,
    unprotected: Header,
    payload: Option<Vec<u8>>,
    aad: &[u8],
    signer: &Party,
) -> CoseSign1 {
    let mut builder = CoseSign1Builder::new().protected(protected).unprotected(unprotected);
    match payload {
        Some(payload) => {
            builder = builder.payload(payload).create_signature(aad, |message| signer.sign(message).to_vec())
        }
        None => {
            builder = builder
                .create_detached_signature(&enclave.payload(), aad, |message| signer.sign(message).to_vec());
        }
    }
    builder.build()
}

// AT-02, AT-08: documents of ours, signed by either, bent in each part of a COSE_Sign1.
#[test]
fn both_say_the_same_of_forged_documents() {
    let mut enclave = Enclave::new();
    // One set of certificates: each signing makes others.
    let (leaf, bundle) = enclave.certificates();
    enclave.set("certificate", bytes(&leaf));
    enclave.set("cabundle", super::forge::array(&bundle));
    let verifier = Verifier { nitro: enclave.verifier(), ..Verifier::new(&[]) };
    let says = |bytes: Vec<u8>, what: &str| agree(&document(bytes), &verifier, NOW, what);

    let header = |algorithm| HeaderBuilder::new().algorithm(algorithm).build();
    let es384 = || header(iana::Algorithm::ES384);
    let (none, own) = (Header::default(), &enclave.parties[4]);
    let payload = || Some(enclave.payload());
    let plain = built(&enclave, es384(), none.clone(), payload(), &[], own);
    let bent = |bend: &dyn Fn(&mut CoseSign1)| {
        let mut bent = plain.clone();
        bend(&mut bent);
        bent.to_vec().unwrap()
    };

    assert!(says(enclave.evidence().bytes, "ours"));
    assert!(says(plain.clone().to_vec().unwrap(), "theirs"));
    assert!(says(plain.clone().to_tagged_vec().unwrap(), "with its tag"));
    // ECDSA has two values of s for each signature; neither COSE nor X.509 asks for the lower one.
    let other_s = |signature: &[u8]| {
        let (r, s) = Signature::from_slice(signature).unwrap().split_scalars();
        Signature::from_scalars(r, -s).unwrap().to_bytes().to_vec()
    };
    assert!(says(bent(&|cose| cose.signature = other_s(&cose.signature)), "the other s"));
    // The payload's length in four bytes; what is signed has the shortest one.
    let mut long = plain.clone().to_vec().unwrap();
    let place = long.windows(3).position(|head| head == [0xa0, 0x59, (enclave.payload().len() >> 8) as u8]);
    long.splice(place.unwrap() + 1..place.unwrap() + 2, [0x5a, 0, 0]);
    assert!(says(long, "a longer length"));

    for algorithm in [iana::Algorithm::ES256, iana::Algorithm::ES512, iana::Algorithm::EdDSA] {
        let other = built(&enclave, header(algorithm), none.clone(), payload(), &[], own);
        assert!(!says(other.to_vec().unwrap(), "another algorithm"));
    }
    let with_key_id = HeaderBuilder::new().algorithm(iana::Algorithm::ES384).key_id(b"1".to_vec()).build();
    let refused = [
        ("nothing in the header", built(&enclave, none.clone(), none.clone(), payload(), &[], own)),
        ("a key id in the header", built(&enclave, with_key_id.clone(), none.clone(), payload(), &[], own)),
        ("a key id that is not signed", built(&enclave, es384(), with_key_id, payload(), &[], own)),
        ("the algorithm where it is not signed", built(&enclave, none.clone(), es384(), payload(), &[], own)),
        ("a detached payload", built(&enclave, es384(), none.clone(), None, &[], own)),
        ("external data", built(&enclave, es384(), none.clone(), payload(), b"x", own)),
        ("another key", built(&enclave, es384(), none, payload(), &[], &Party::leaf("x", 9))),
    ];
    for (what, cose) in refused {
        assert!(!says(cose.to_vec().unwrap(), what));
    }
    type Bend = fn(&mut Vec<u8>);
    let signatures: [(&str, Bend); 7] = [
        ("r and s the other way round", |signature| signature.rotate_left(48)),
        ("each little-endian", |signature| signature.chunks_mut(48).for_each(<[u8]>::reverse)),
        ("zero", |signature| signature.fill(0)),
        ("r zero", |signature| signature[..48].fill(0)),
        ("s beyond the order", |signature| signature[48..].fill(0xff)),
        ("longer", |signature| signature.insert(0, 0)),
        ("shorter", |signature| signature.truncate(95)),
    ];
    for (what, bend) in signatures {
        assert!(!says(bent(&|cose| bend(&mut cose.signature)), what));
    }
    let der = |cose: &mut CoseSign1| {
        cose.signature = Signature::from_slice(&cose.signature).unwrap().to_der().as_bytes().to_vec();
    };
    assert!(!says(bent(&der), "DER"));
    assert!(!says([bent(&|_| ()), vec![0]].concat(), "a byte behind it"));
    // The structure of a COSE_Sign, over the same parts.
    let message = item(|cbor| {
        cbor.array(5).unwrap().str("Signature").unwrap().bytes(&[]).unwrap();
        cbor.bytes(&[0xa1, 1, 0x38, 0x22]).unwrap().bytes(&[]).unwrap().bytes(&enclave.payload()).unwrap();
    });
    assert!(!says(bent(&|cose| cose.signature = own.sign(&message).to_vec()), "another context"));
}
