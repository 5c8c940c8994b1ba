//! Quotes of an enrolled TPM, and what verifies them.

use crate::enrolled::{DAY, Enrolled, certified, new_ca, new_tpm, now};
use sealwire_attest::{
    Endorsements, Error, Evidence, Kind, Trust, UnixTime, Verifier,
    binding::{Bound, KEY_DOCUMENT},
    tpm::Quote,
    verify::Expected,
};
use sealwire_crypto::digest::sha256;
use sealwire_tee::{
    Produced, Tee,
    tpm::{Error as TpmError, EventLog, Options, Tpm},
};
use sealwire_tests::swtpm::{Between, extend, run};
use std::{
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering::Relaxed},
    },
};

const CREATE_PRIMARY: u32 = 0x131;
const PCR_READ: u32 = 0x17e;
const DATA: [u8; 64] = [0x5a; 64];

fn pcr(produced: &Produced, index: u8) -> [u8; 32] {
    Quote::parse(&produced.evidence.bytes).unwrap().pcrs[&index]
}

fn verify(verifier: &Verifier, produced: &Produced, at: UnixTime) -> Result<sealwire_attest::Claims, Error> {
    let Produced { evidence, endorsements } = produced;
    let expected = Expected::Binding(&DATA);
    verifier.verify(evidence, endorsements, expected, at).map(|verified| verified.get().clone())
}

// AT-02, AT-04, AT-62: from the TPM to the claims.
#[test]
fn an_enrolled_tpm_attests() {
    let mut enrolled = Enrolled::new();
    enrolled.device.extend(7, &[1; 32]);
    let tee = enrolled.open();
    assert_eq!(tee.kind(), Kind::Tpm);
    let produced = tee.produce(&DATA).unwrap();
    let claims = verify(&enrolled.verifier(), &produced, now()).unwrap();
    assert_eq!(claims.root, enrolled.root);
    assert_eq!(claims.report_data, DATA[..32]);
    assert_eq!(claims.measurements.len(), 22);
    assert_eq!(claims.measurements["pcr-7"], sha256(&[&[0; 32], &[1; 32]]));
    assert!(!claims.measurements.contains_key("pcr-16") && !claims.measurements.contains_key("pcr-23"));
    let request = crate::enrolled::request(&enrolled.device.address());
    assert_eq!(claims.hardware_id, sha256(&[&request.ek_public]));
    assert_eq!(enrolled.device.loaded(), [0, 0]);

    // The same key after the machine has started anew: nothing was stored, and the certificate is still its own.
    let name = tee.key_name().to_vec();
    enrolled.device.reboot();
    let tee = enrolled.open();
    assert_eq!(tee.key_name(), name);
    let after = tee.produce(&DATA).unwrap();
    assert_eq!(pcr(&after, 7), [0; 32]);
    verify(&enrolled.verifier(), &after, now()).unwrap();
}

// The key is made once, and again only after the machine has started anew.
#[test]
fn the_key_is_kept_in_between() {
    let mut enrolled = Enrolled::new();
    let made = Arc::new(AtomicU32::new(0));
    let counted = made.clone();
    let hook = move |command: u32, _: &mut Vec<u8>, _: &dyn Fn(&[u8]) -> Vec<u8>| {
        counted.fetch_add(u32::from(command == CREATE_PRIMARY), Relaxed);
    };
    let between = Between::start(&enrolled.device, Box::new(hook));
    let tee = Tpm::open(Options { device: between.address(), ..enrolled.options() }).unwrap();
    for expected in [1, 2] {
        for _ in 0..2 {
            let produced = tee.produce(&DATA).unwrap();
            verify(&enrolled.verifier(), &produced, now()).unwrap();
            assert_eq!(made.load(Relaxed), expected);
            assert_eq!(enrolled.device.loaded(), [0, 0]);
        }
        enrolled.device.reboot();
    }
}

// AT-62: a policy may name the key itself instead of a CA.
#[test]
fn a_key_can_be_pinned_by_name() {
    let device = new_tpm();
    let options = Options { device: device.address(), event_log: EventLog::None, ..Options::default() };
    let tee = Tpm::open(options).unwrap();
    let produced = tee.produce(&DATA).unwrap();
    assert_eq!(produced.endorsements, Endorsements::default());
    let named = |name: Vec<u8>| Verifier::new(Trust { tpm_keys: vec![name], ..Trust::default() });
    let claims = verify(&named(tee.key_name().to_vec()), &produced, now()).unwrap();
    assert_eq!(claims.hardware_id, tee.key_name());
    let nobody = verify(&named(vec![0, 0x0b, 7]), &produced, now());
    assert_eq!(nobody.err(), Some(Error::RootNotPinned));
}

// AT-04: evidence over one challenge is not evidence over another.
#[test]
fn a_replayed_quote_is_refused() {
    let enrolled = Enrolled::new();
    let (tee, verifier) = (enrolled.open(), enrolled.verifier());
    let bound =
        |challenge: &[u8]| Bound::new(KEY_DOCUMENT, "gateway", b"document", challenge).digest(Kind::Tpm, b"");
    let asked = bound(&[1; 32]);
    let Produced { evidence, endorsements } = tee.produce(&asked).unwrap();
    let check = |binding: &[u8; 64]| {
        verifier.verify(&evidence, &endorsements, Expected::Binding(binding), now()).map(drop)
    };
    assert_eq!(check(&asked), Ok(()));
    assert_eq!(check(&bound(&[2; 32])), Err(Error::Binding));
    assert_eq!(check(&bound(b"")), Err(Error::Binding));
}

// AT-02: register values that the TPM did not quote, and registers that moved on.
#[test]
fn changed_registers_are_seen() {
    let enrolled = Enrolled::new();
    let (tee, verifier) = (enrolled.open(), enrolled.verifier());
    let before = tee.produce(&DATA).unwrap();
    enrolled.device.extend(4, &[9; 32]);
    let after = tee.produce(&DATA).unwrap();
    assert_eq!(pcr(&before, 4), [0; 32]);
    assert_eq!(pcr(&after, 4), sha256(&[&[0; 32], &[9; 32]]));
    verify(&verifier, &after, now()).unwrap();
    // The values of before with the quote of after.
    let mut quote = Quote::parse(&after.evidence.bytes).unwrap();
    quote.pcrs.insert(4, [0; 32]);
    let forged = Produced { evidence: Evidence { kind: Kind::Tpm, bytes: quote.encode() }, ..after };
    assert_eq!(verify(&verifier, &forged, now()).err(), Some(Error::PcrDigest));
}

// A register that another program extends between reading and quoting.
#[test]
fn registers_are_read_until_they_agree() {
    let enrolled = Enrolled::new();
    let behind = |moves: u32| {
        let left = Arc::new(AtomicU32::new(moves));
        Between::start(
            &enrolled.device,
            Box::new(move |command, _, send| {
                if command == PCR_READ && left.load(Relaxed) > 0 {
                    left.fetch_sub(1, Relaxed);
                    assert_eq!(send(&extend(10, &[3; 32]))[6..10], [0; 4]);
                }
            }),
        )
    };
    let steady = behind(3);
    let tee = Tpm::open(Options { device: steady.address(), ..enrolled.options() }).unwrap();
    verify(&enrolled.verifier(), &tee.produce(&DATA).unwrap(), now()).unwrap();
    let restless = behind(u32::MAX);
    let options = Options { device: restless.address(), ..enrolled.options() };
    assert!(matches!(Tpm::open(options.clone()).err(), Some(TpmError::Moving(8))));
    assert_eq!(enrolled.device.loaded(), [0, 0]);
    // Without that register there is nothing to disagree about.
    Tpm::open(Options { pcrs: "0-7".parse().unwrap(), ..options }).unwrap();
}

// AT-02: a log that replays to the registers, one that does not, and one that says nothing of them.
#[test]
fn an_event_log_is_replayed() {
    let enrolled = Enrolled::new();
    let events: [(u32, [u8; 32]); 3] = [(0, [1; 32]), (4, [2; 32]), (4, [3; 32])];
    for (register, digest) in &events {
        enrolled.device.extend(u8::try_from(*register).unwrap(), digest);
    }
    let with_log = |events: &[(u32, [u8; 32])]| {
        let path = enrolled.file("log", &log(events));
        Tpm::open(Options { event_log: EventLog::File(path), ..enrolled.options() })
    };
    let tee = with_log(&events).unwrap();
    let produced = tee.produce(&DATA).unwrap();
    let claims = verify(&enrolled.verifier(), &produced, now()).unwrap();
    assert_eq!(claims.attributes["event-log"], 1);
    // Found at the start, before any client sees it.
    let refused = |events: &[(u32, [u8; 32])]| match with_log(events).err() {
        Some(TpmError::Check(Error::EventLog(register))) => register,
        other => panic!("{other:?}"),
    };
    assert_eq!(refused(&events[..2]), "pcr-4");
    assert_eq!(refused(&[events[0], events[2], events[1]]), "pcr-4");
    assert_eq!(refused(&[(0, [9; 32])]), "pcr-0");
    // And by a client, should the log be exchanged on the way.
    let mut quote = Quote::parse(&produced.evidence.bytes).unwrap();
    quote.event_log = Some(log(&events[1..2]));
    let evidence = Evidence { kind: Kind::Tpm, bytes: quote.encode() };
    let forged = Produced { evidence, ..produced };
    assert_eq!(verify(&enrolled.verifier(), &forged, now()).err(), Some(Error::EventLog("pcr-4".to_owned())));
    // A file that is named has to be there.
    let missing = EventLog::File("/nonexistent/log".into());
    let error = Tpm::open(Options { event_log: missing, ..enrolled.options() }).err();
    assert!(matches!(error, Some(TpmError::File { .. })));
}

/// A crypto-agile log with the SHA-256 bank alone (TCG PC Client Platform Firmware Profile, section 10).
fn log(events: &[(u32, [u8; 32])]) -> Vec<u8> {
    const EV_NO_ACTION: u32 = 3;
    const EV_EFI_ACTION: u32 = 0x8000_0007;
    let mut id = b"Spec ID Event03\0".to_vec();
    // platform class, version 2.0 errata 2, 64-bit
    id.extend([0, 0, 0, 0, 0, 2, 2, 2]);
    // one algorithm: SHA-256 of 32 bytes; no vendor information
    id.extend([1, 0, 0, 0, 0x0b, 0, 32, 0, 0]);
    let mut log = Vec::new();
    for number in [0, EV_NO_ACTION] {
        log.extend(number.to_le_bytes());
    }
    log.extend([0; 20]);
    log.extend(u32::try_from(id.len()).unwrap().to_le_bytes());
    log.extend(id);
    for (register, digest) in events {
        for number in [*register, EV_EFI_ACTION, 1] {
            log.extend(number.to_le_bytes());
        }
        log.extend([0x0b, 0]);
        log.extend(digest);
        log.extend(4u32.to_le_bytes());
        log.extend(b"test");
    }
    log
}

// AT-62: what belongs to another TPM, or is over, is found at the start.
#[test]
fn a_wrong_certificate_is_found_at_the_start() {
    let (ca, enrolled) = (new_ca(), Enrolled::new());
    let other = new_tpm();
    let with = |pem: &str| {
        let path = enrolled.file("other.pem", pem.as_bytes());
        match Tpm::open(Options { certificate: Some(path), ..enrolled.options() }).err() {
            Some(TpmError::Check(error)) => error,
            error => panic!("{error:?}"),
        }
    };
    let others = certified(&ca, &other.address(), DAY);
    assert_eq!(with(&others), Error::EndorsementMissing("the certificate of the attestation key"));
    let own = certified(&ca, &enrolled.device.address(), DAY);
    let (leaf, _) = own.split_at(own.rfind("-----BEGIN").unwrap());
    assert_eq!(with(leaf), Error::EndorsementMissing("a certificate between the evidence and the root"));
    // A certificate of the other TPM does not help a quote of this one either.
    let produced = enrolled.open().produce(&DATA).unwrap();
    let mut endorsements = Endorsements::default();
    endorsements.add(others.as_bytes()).unwrap();
    let verifier = Verifier::new(Trust { enrolment: vec![ca.fingerprint()], ..Trust::default() });
    let swapped = Produced { endorsements, ..produced };
    assert!(matches!(verify(&verifier, &swapped, now()).err(), Some(Error::EndorsementMissing(_))));
    // Nor does a CA that the client does not pin.
    let own = enrolled.open().produce(&DATA).unwrap();
    assert!(verify(&verifier, &own, now()).is_err());
}

// AT-05: to the last second of the certificate.
#[test]
fn a_certificate_ends() {
    let enrolled = Enrolled::new();
    let produced = enrolled.open().produce(&DATA).unwrap();
    let end = verify(&enrolled.verifier(), &produced, now()).unwrap().not_after;
    assert!(end.0.abs_diff(now().saturating_add(DAY).0) < 60, "{end}");
    assert!(verify(&enrolled.verifier(), &produced, end).is_ok());
    let after = verify(&enrolled.verifier(), &produced, UnixTime(end.0 + 1));
    assert!(matches!(after.err(), Some(Error::Expired { .. })));
}

// A second implementation: tpm2-tools verify our quote, and make a credential that our half opens.
#[test]
fn tpm2_tools_agree() {
    let enrolled = Enrolled::new();
    enrolled.device.extend(3, &[5; 32]);
    let options = Options { pcrs: "0-7".parse().unwrap(), ..enrolled.options() };
    let produced = Tpm::open(options).unwrap().produce(&DATA).unwrap();
    let quote = Quote::parse(&produced.evidence.bytes).unwrap();
    // TPM2B_PUBLIC, as `tpm2_readpublic --format=tss` would have written it.
    let sized = |bytes: &[u8]| [&u16::try_from(bytes.len()).unwrap().to_be_bytes(), bytes].concat();
    let public = enrolled.file("ak.pub", &sized(&quote.public));
    let message = enrolled.file("quote", &quote.attest);
    let signature = enrolled.file("signature", &quote.signature);
    let pcrs = enrolled.file("pcrs", &serialized(&quote));
    let check = |qualification: &[u8]| {
        let mut check = Command::new("tpm2_checkquote");
        check.arg("-u").arg(&public).arg("-m").arg(&message).arg("-s").arg(&signature);
        check.arg("-f").arg(&pcrs).args(["-g", "sha256", "-q", &hex::encode(qualification)]);
        check
    };
    run(check(&DATA[..32]));
    assert!(!check(&[1; 32]).output().unwrap().status.success());
}

/// Registers 0 to 7 as `tpm2_quote --pcr` writes them: TPML_PCR_SELECTION, a count of lists, and one TPML_DIGEST, as they lie
/// in memory, little-endian.
fn serialized(quote: &Quote) -> Vec<u8> {
    let mut out = 1u32.to_le_bytes().to_vec();
    out.extend([0x0b, 0, 3, 0xff, 0, 0, 0, 0]);
    out.resize(4 + 16 * 8, 0);
    out.extend(1u32.to_le_bytes());
    out.extend(8u32.to_le_bytes());
    for value in quote.pcrs.values() {
        out.extend(32u16.to_le_bytes());
        out.extend(value);
        out.extend([0; 32]);
    }
    out
}
