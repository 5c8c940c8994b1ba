//! AT-08: what a verification takes of memory: no kind more than 1 MiB, whatever is supplied.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod common;

use common::{
    accepted::{self, Accepted},
    azure::{self, Vm},
    der::{Crl, Extension, bit_string, extensions, oid_tlv, sequence, time, tlv},
    machine::{ARK, ASK, Machine, Model, NOW},
    tpm::{Ak, Log, SHA256, Tpm},
};
use minicbor::Encoder;
use peak_alloc::PeakAlloc;
use sealwire_attest::{
    Endorsements, Error, Evidence, Kind, Verifier,
    azure::{Hardware, MAX_TD_QUOTE, VmEvidence},
    endorsements::{MAX_CERTIFICATES, MAX_CRL_BYTES, MAX_CRLS, MAX_REFERENCE, MAX_REFERENCES},
    event_log::MAX_LEN as MAX_LOG,
    verify::Expected,
};
use sealwire_crypto::digest::sha256;

#[global_allocator]
static ALLOCATED: PeakAlloc = PeakAlloc;

const BOUND: usize = 1024 * 1024;
/// The longest certificate that is looked at.
const MAX_CERTIFICATE: usize = 8 * 1024;
/// The longest certification data of a quote.
const MAX_CERTIFICATION: usize = 32 * 1024;

/// Everything that there is, forged evidence of the one kind that no root outside of the crate makes genuine included.
fn all() -> Vec<Accepted> {
    let mut all = accepted::genuine();
    all.extend([accepted::development(), accepted::tpm(), azure_snp(&Vm::new())]);
    all
}

fn azure_snp(vm: &Vm) -> Accepted {
    Accepted {
        name: "azure-snp",
        trust: [vm.machine.fingerprint()].as_slice().into(),
        evidence: Evidence { kind: Kind::AzureSnp, bytes: vm.evidence().encode() },
        endorsements: vm.machine.endorsements(),
        at: NOW,
    }
}

/// From bytes to a verdict, with caches that are empty, held to the bound.
fn bounded(subject: &Accepted, bytes: &[u8], endorsements: &Endorsements, what: &str) -> Result<(), Error> {
    let before = ALLOCATED.current_usage();
    ALLOCATED.reset_peak_usage();
    let verdict = Evidence::detect(bytes, Some(subject.evidence.kind)).and_then(|evidence| {
        let verifier = Verifier::new(subject.trust.clone());
        verifier.verify(&evidence, endorsements, Expected::Unbound, subject.at).map(drop)
    });
    let taken = ALLOCATED.peak_usage() - before;
    assert!(taken < BOUND, "{}, {what}: {taken} bytes, {verdict:?}", subject.name);
    verdict
}

/// A list of the root's of [`Machine`]s, half as long as all of them may be.
fn long_crl(machine: &Machine) -> Vec<u8> {
    const LEN: usize = MAX_CRL_BYTES / 2;
    // An entry has 24 bytes.
    let revoked = (1_000_000..1_000_000 + (LEN as u64 - 1000) / 24).collect();
    let crl = Crl { revoked, ..machine.crl() }.sign(&ARK);
    assert!((LEN - 1000..=LEN).contains(&crl.len()), "{}", crl.len());
    crl
}

/// A certificate that nobody needs, as long and of about as many elements as one may be.
fn crowded_certificate(machine: &Machine) -> Vec<u8> {
    let mut certificate = machine.leaf.clone();
    certificate.extensions.extend(vec![Extension::new("1.2", Vec::new()); 45]);
    certificate.extensions.push(Extension::new("1.2", vec![0x30; MAX_CERTIFICATE - 2400]));
    let crowded = certificate.sign(&ASK);
    assert!(Endorsements::default().add(&crowded).is_ok());
    certificate.extensions.resize(500, Extension::new("1.2", Vec::new()));
    let error = Endorsements::default().add(&certificate.sign(&ASK)).unwrap_err();
    assert!(matches!(error, Error::MalformedEndorsement(_)), "{error:?}");
    crowded
}

/// An OCSP response that nobody signed, with these extensions.
fn response(list: &[Extension]) -> Vec<u8> {
    let algorithm = sequence(&[&oid_tlv("1.2.840.10045.4.3.3")]);
    let responder = tlv(0xa2, &[&tlv(0x04, &[&[7; 20]])]);
    let data = sequence(&[&responder, &time(NOW.0), &sequence(&[]), &extensions(list, 0xa1)]);
    let basic = tlv(0x04, &[&sequence(&[&data, &algorithm, &bit_string(&[1; 96])])]);
    let answer = tlv(0xa0, &[&sequence(&[&oid_tlv("1.3.6.1.5.5.7.48.1.1"), &basic])]);
    sequence(&[&[0x0a, 1, 0], &answer])
}

/// As long, and of about as many elements, as one may be.
fn crowded_response() -> Vec<u8> {
    let mut list = vec![Extension::new("1.2", Vec::new()); 2000];
    let error = Endorsements::default().add(&response(&list)).unwrap_err();
    assert!(matches!(error, Error::MalformedEndorsement(_)), "{error:?}");
    list.truncate(330);
    list.push(Extension::new("1.2", vec![0x30; 13_000]));
    let response = response(&list);
    Endorsements::default().add(&response).expect("the form of a response");
    response
}

/// In the form of what Intel serves, as long as it may be, with a value that `filler` fills.
fn reference(name: &str, (start, filler, end): (&str, &str, &str)) -> Vec<u8> {
    let (head, tail) =
        (format!(r#"{{"{name}":{start}"#), format!(r#"{end},"signature":"{}"}}"#, "00".repeat(64)));
    let count = (MAX_REFERENCE - head.len() - tail.len()) / filler.len();
    [head, filler.repeat(count), tail].concat().into_bytes()
}

/// A manifest in XML that begins as NVIDIA's do, as long as one may be, or of `count` times `part`.
fn swid(part: &str, count: usize) -> Vec<u8> {
    const MAX_SWID: usize = 64 * 1024;
    let (head, tail) = (
        "<SoftwareIdentity xmlns='http://standards.iso.org/iso/19770/-2/2015/schema.xsd'>",
        "</SoftwareIdentity>",
    );
    let count = count.min((MAX_SWID - head.len() - tail.len()) / part.len());
    [head, &part.repeat(count), tail].concat().into_bytes()
}

/// What a kind's evidence becomes at its longest, with counts and lengths that are true.
fn grown() -> Vec<(&'static str, Accepted)> {
    let mut grown = vec![("event log", tpm_with_log()), ("keys in the runtime data", vm_with_keys())];
    for sample in accepted::genuine() {
        let bytes = &sample.evidence.bytes;
        let longer: Vec<(&str, Vec<u8>)> = match sample.evidence.kind {
            Kind::Tdx | Kind::Sgx => {
                let pem = quoted_pem(bytes);
                let block =
                    |base64: &str| format!("-----BEGIN CERTIFICATE-----{base64}-----END CERTIFICATE-----\n");
                let many = [&pem[..], block("MAA=").repeat(500).as_bytes()].concat();
                vec![
                    ("line ends", with_pem(bytes, &vec![b'\n'; MAX_CERTIFICATION])),
                    ("one certificate", with_pem(bytes, block(&"MAAA".repeat(8000)).as_bytes())),
                    ("many certificates", with_pem(bytes, &many)),
                    ("its own chain again", with_pem(bytes, &pem.repeat(MAX_CERTIFICATION / pem.len()))),
                ]
            }
            Kind::Nitro => vec![("all fields", nitro_document())],
            Kind::Nvidia => vec![
                ("one block", gpu_report(&[vec![0x55; 60_000]])),
                ("blocks", gpu_report(&vec![vec![0x55; 200]; 255])),
            ],
            Kind::AzureTdx => vec![("event log and TD quote", vm_with_log(bytes))],
            // Reports have one length.
            _ => Vec::new(),
        };
        for (what, bytes) in longer {
            let evidence = Evidence { bytes, ..sample.evidence.clone() };
            let endorsements = sample.endorsements.clone();
            grown.push((what, Accepted { evidence, endorsements, trust: sample.trust.clone(), ..sample }));
        }
    }
    grown
}

/// As many events as a log may have bytes for.
fn long_log() -> (Log, [u8; 32]) {
    let count = (MAX_LOG - 100) / 50;
    let mut log = Log::new(&[(SHA256, 32)]);
    let mut value = [0; 32];
    for _ in 0..count {
        log = log.event(0, 8, b"");
        value = sha256(&[&value, &sha256(&[b""])]);
    }
    (log, value)
}

/// A TPM whose log replays.
fn tpm_with_log() -> Accepted {
    let (log, value) = long_log();
    let mut tpm = Tpm::new(Ak::P256);
    tpm.set_pcrs([(0, value)].into());
    tpm.event_log = Some(log.write());
    let evidence = tpm.evidence();
    let verdict = Verifier::new(tpm.trust()).verify(&evidence, &tpm.endorsements(), Expected::Unbound, NOW);
    verdict.expect("as a firmware could write it");
    Accepted { name: "tpm", trust: tpm.trust(), evidence, endorsements: tpm.endorsements(), at: NOW }
}

/// A VM whose runtime data is small keys.
fn vm_with_keys() -> Accepted {
    let vm = Vm::new();
    let own = vm.runtime();
    let (keys, rest) = own.split_once("}],").unwrap();
    let more = r#"},{"kid":"","kty":"""#.repeat(650);
    let runtime = format!("{keys}{more}}}],{rest}");
    let mut evidence = vm.evidence();
    evidence.hcl_report = azure::hcl_report(Hardware::Snp, &vm.machine.evidence().bytes, &runtime);
    let bytes = evidence.encode();
    Accepted { evidence: Evidence { kind: Kind::AzureSnp, bytes }, ..azure_snp(&vm) }
}

/// The sample with a log and a TD quote, each as long as it may be.
fn vm_with_log(bytes: &[u8]) -> Vec<u8> {
    let mut vm = VmEvidence::parse(bytes).unwrap();
    let quote = vm.td_quote.take().unwrap();
    let filled = MAX_TD_QUOTE - quote.len() + quoted_pem(&quote).len();
    vm.td_quote = Some(with_pem(&quote, &vec![b'\n'; filled]));
    vm.quote.as_mut().unwrap().event_log = Some(long_log().0.write());
    vm.encode()
}

/// Where the length of the signature data is, of quotes of versions 3 to 5, and that of the certificates in PEM.
fn lengths(quote: &[u8]) -> (usize, Option<usize>, usize) {
    let word = |at: usize| u32::from_le_bytes(quote[at..][..4].try_into().unwrap()) as usize;
    let data = match quote[0] {
        3 => 48 + 384,
        4 => 48 + 584,
        _ => 54 + word(50),
    };
    let outer = (quote[0] > 3).then_some(data + 4 + 128 + 2);
    let report = outer.map_or(data + 4 + 128, |outer| outer + 4);
    let authentication = usize::from(u16::from_le_bytes(quote[report + 448..][..2].try_into().unwrap()));
    (data, outer, report + 450 + authentication + 2)
}

fn quoted_pem(quote: &[u8]) -> Vec<u8> {
    let (.., at) = lengths(quote);
    quote[at + 4..].strip_suffix(&[0]).unwrap_or(&quote[at + 4..]).to_vec()
}

/// The quote with other text where its certificates are, all lengths adjusted.
fn with_pem(quote: &[u8], pem: &[u8]) -> Vec<u8> {
    let (data, outer, at) = lengths(quote);
    let mut bytes = [&quote[..at + 4], pem].concat();
    let end = bytes.len();
    for place in [Some(data), outer, Some(at)].into_iter().flatten() {
        bytes[place..][..4].copy_from_slice(&((end - place - 4) as u32).to_le_bytes());
    }
    bytes
}

/// A document of which every field is as long as it may be.
fn nitro_document() -> Vec<u8> {
    let mut payload = Encoder::new(Vec::new());
    payload.map(9).unwrap().str("module_id").unwrap().str(&"i".repeat(128)).unwrap();
    payload.str("digest").unwrap().str("SHA384").unwrap().str("timestamp").unwrap().u64(1).unwrap();
    payload.str("pcrs").unwrap().map(32).unwrap();
    for index in 0..32 {
        payload.u8(index).unwrap().bytes(&[index; 48]).unwrap();
    }
    payload.str("certificate").unwrap().bytes(&[0x30; 1024]).unwrap();
    payload.str("cabundle").unwrap().array(7).unwrap();
    for _ in 0..7 {
        payload.bytes(&[0x30; 1024]).unwrap();
    }
    for name in ["public_key", "user_data", "nonce"] {
        payload.str(name).unwrap().bytes(&[7; 1024]).unwrap();
    }
    let mut cose = Encoder::new(Vec::new());
    cose.array(4).unwrap().bytes(&[0xa1, 1, 0x38, 0x22]).unwrap().map(0).unwrap();
    cose.bytes(&payload.into_writer()).unwrap().bytes(&[1; 96]).unwrap();
    cose.into_writer()
}

/// A report of these measurements, and of as many fields as opaque data has room for.
fn gpu_report(measurements: &[Vec<u8>]) -> Vec<u8> {
    let record: Vec<u8> = (1..=measurements.len() as u8)
        .zip(measurements)
        .flat_map(|(index, value)| {
            let len = value.len() as u16;
            let head = [[index, 1], (len + 3).to_le_bytes(), [1, len as u8], [(len >> 8) as u8, 0]];
            [&head.as_flattened()[..7], value].concat()
        })
        .collect();
    let opaque: Vec<u8> = (0..256_u16).flat_map(|number| [number.to_le_bytes(), [0; 2]]).flatten().collect();
    [
        &[0x11, 0xe0, 1, 0xff][..],
        &[7; 32],
        &[0, 0x11, 0x60, 0, 0, measurements.len() as u8],
        &(record.len() as u32).to_le_bytes()[..3],
        &record,
        &[8; 32],
        &(opaque.len() as u16).to_le_bytes(),
        &opaque,
        &[1; 96],
    ]
    .concat()
}

// AT-08: one test, so that nothing else of this process allocates beside it.
#[test]
fn no_kind_allocates_more_than_a_mebibyte() {
    let machine = Machine::new(Model::Milan);
    let (crl, certificate) = (long_crl(&machine), crowded_certificate(&machine));
    let response = crowded_response();
    let references = [
        reference("tcbInfo", ("[0", ",0", "]")),
        reference("tcbInfo", ("[{}", ",{}", "]")),
        reference("tcbInfo", (r#"{"id":"TDX","tcbLevels":["#, " ", "]}")),
        reference("tcbInfo", ("", " ", "[]")),
        reference("enclaveIdentity", ("[[]", ",[]", "]")),
        reference("enclaveIdentity", (r#"{"id":""#, r"\u0041", r#""}"#)),
        swid("<Payload/>", 2000),
        swid("<a b=''/>", 2000),
        swid("<a>&#65;</a>", 1000),
        swid("<a>", 3000),
        swid(&format!("<Payload b='{}'/>", "&#65;".repeat(11_000)), 1),
        swid(
            &format!(
                "<Resource {}/>",
                (0..64).map(|n| format!("h{n}='{}' ", "0".repeat(96))).collect::<String>()
            ),
            8,
        ),
    ];
    for subject in all() {
        let Accepted { name, evidence, endorsements, .. } = &subject;
        let bytes = &evidence.bytes;
        // What is parsed once for all verifiers is not the sample's.
        let verifier = Verifier::new(subject.trust.clone());
        let first = verifier.verify(evidence, endorsements, Expected::Unbound, subject.at).map(drop);
        let verdict = bounded(&subject, bytes, endorsements, "as it is");
        assert_eq!(verdict, first, "{name}");
        assert_eq!(verdict.is_ok(), evidence.kind != Kind::AzureSnp, "{name}: {verdict:?}");

        // AT-06: endorsements that are much, and say nothing of it.
        let with = |more: &dyn Fn(&mut Endorsements), what: &str| {
            let mut flooded = endorsements.clone();
            more(&mut flooded);
            bounded(&subject, bytes, &flooded, what)
        };
        let crls = |count: usize| with(&|all| all.crls = vec![crl.clone(); count], "long CRLs");
        let taken = crls(2);
        // Those are of one root of machines; everybody else passes them over, but for AMD's who have its name.
        let is_of_amd = name.starts_with("snp/");
        let expected = if is_of_amd { Err(Error::CrlInvalid("signature")) } else { verdict.clone() };
        assert_eq!(taken, expected, "{name}");
        let too_long = Err(Error::MalformedEndorsement("CRLs that are too long together"));
        assert_eq!(crls(MAX_CRLS), too_long, "{name}");
        let all_certificates = |all: &mut Endorsements| {
            all.certificates.resize(MAX_CERTIFICATES, certificate.clone());
        };
        assert_eq!(with(&all_certificates, "long certificates"), verdict, "{name}");
        for reference in &references {
            let what = String::from_utf8_lossy(&reference[..30]);
            drop(with(&|all| all.references = vec![reference.clone(); MAX_REFERENCES], &what));
        }
        let responses = |all: &mut Endorsements| {
            all_certificates(all);
            all.crls = vec![response.clone(); MAX_CRLS];
        };
        assert_eq!(with(&responses, "OCSP responses"), verdict, "{name}");
        let everything = |all: &mut Endorsements| {
            all_certificates(all);
            all.crls = vec![crl.clone(); 2];
            all.references.resize(MAX_REFERENCES, references[0].clone());
        };
        drop(with(&everything, "everything"));

        // Lengths and counts that are not true, and evidence that ends.
        for at in (0..bytes.len()).step_by(97) {
            for value in [[0xff; 4], [0xff, 0xff, 0, 0], [0x9b, 0xff, 0xff, 0xff], [0x5a, 0x7f, 0xff, 0xff]] {
                let mut edited = bytes.clone();
                edited.iter_mut().skip(at).zip(value).for_each(|(byte, value)| *byte = value);
                drop(bounded(&subject, &edited, endorsements, &format!("{value:x?} at {at}")));
            }
            drop(bounded(&subject, &bytes[..at], endorsements, &format!("{at} bytes")));
        }
    }
    for (what, subject) in grown() {
        let Accepted { name, evidence, endorsements, .. } = &subject;
        let verdict = bounded(&subject, &evidence.bytes, endorsements, what);
        // Not for its length alone: what is measured is a reader that was given all that it takes.
        if let Err(Error::Malformed(why)) = verdict {
            assert!(!why.contains("too long") && !why.contains("cut short"), "{name}, {what}: {why}");
        }
    }
}
