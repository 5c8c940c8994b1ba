//! Evidence of every kind under a root of its own, and what can be wrong with it.

use super::Subject;
use crate::{
    Endorsements, Evidence, Kind, Verifier,
    azure::{Hardware, VmEvidence},
    common::{
        azure::{self, Vm},
        machine::{self, ARK, DEBUG_BIT, Machine, Model, at},
        tpm::{Ak, EXTRA_DATA, Tpm},
    },
    intel::tests::forge as intel,
    nitro::tests::forge as nitro,
    nvidia::tests::{forge as nvidia, manifests},
    snp::SnpVerifier,
    x509::forge as x509,
};
use sealwire_crypto::digest::sha256;
use std::ops::Range;

/// What a kind does with one kind of bad input.
pub(super) enum Case {
    /// the verifier refuses it, with this code
    Refused(Subject, &'static str),
    /// it is genuine, and a policy that accepts exactly the good evidence refuses it, for all of these reasons
    ByPolicy(Subject, &'static [&'static str]),
    /// the kind has no such thing; why
    Lacks(#[allow(dead_code)] &'static str),
}

/// Tells of each byte of some evidence whether it is free.
type Free = fn(&[u8]) -> Box<dyn Fn(usize) -> bool + '_>;

/// One kind.
pub(super) struct Row {
    /// with every endorsement that the kind takes
    pub(super) good: Subject,
    /// its first second, and why the one before is refused
    pub(super) first: (u64, &'static str),
    /// its last second, and why the one behind is refused
    pub(super) last: (u64, &'static str),
    /// parts of which any bit is refused by one check: what, where, its code
    pub(super) covered: Vec<(&'static str, Range<usize>, &'static str)>,
    /// every code that a bit elsewhere has
    pub(super) flipped: &'static [&'static str],
    /// why some bytes are free, and which
    pub(super) free: (&'static str, Free),
    /// the code of evidence that is cut short or too long
    pub(super) cut: &'static str,
    pub(super) swapped: Case,
    pub(super) revoked: Case,
    pub(super) other_tcb: Case,
    pub(super) debug: Case,
}

/// A row for each kind, in the order of [`Kind::ALL`].
pub(super) fn rows() -> Vec<Row> {
    vec![
        intel_quote(intel::Forge::tdx(), TD_REPORT_DATA, (intel::at::TD_ATTRIBUTES, 1)),
        intel_quote(intel::Forge::sgx(), intel::at::REPORT_DATA, (intel::at::ATTRIBUTES, 7)),
        report(Kind::Snp),
        nitro_document(),
        tpm_quote(),
        azure_snp(),
        azure_tdx(),
        nvidia_report(),
        report(Kind::Development),
    ]
}

/// The codes that a bit of a format can have: what reads it, what finds its certificates, and what is signed.
mod flipped {
    pub(super) const REPORT: &[&str] =
        &["endorsement-missing", "malformed", "signature", "version", "wrong-chip", "wrong-product"];
    pub(super) const QUOTE: &[&str] = &[
        "certificate-algorithm",
        "certificate-extension",
        "certificate-signature",
        "endorsement-missing",
        "key-not-bound",
        "length",
        "malformed",
        "qe-signature",
        "signature",
        "unsupported",
        "version",
    ];
    pub(super) const DOCUMENT: &[&str] = &[
        "certificate-algorithm",
        // its time, which is compared with the certificate's
        "certificate-expired",
        "certificate-not-yet-valid",
        "certificate-signature",
        "length",
        "malformed",
        "root-not-pinned",
        "signature",
        "unsupported",
    ];
    pub(super) const TPM: &[&str] =
        &["endorsement-missing", "malformed", "pcr-digest", "signature", "unsupported"];
    pub(super) const VM_ON_SNP: &[&str] = &[
        "endorsement-missing",
        "key-not-bound",
        "length",
        "malformed",
        "pcr-digest",
        "signature",
        "unsupported",
        "version",
        "wrong-chip",
        "wrong-product",
    ];
    pub(super) const VM_ON_TDX: &[&str] = &[
        "certificate-algorithm",
        "certificate-extension",
        "certificate-signature",
        "endorsement-missing",
        "key-not-bound",
        "length",
        "malformed",
        "pcr-digest",
        "qe-signature",
        "signature",
        "unsupported",
        "version",
    ];
    pub(super) const GPU: &[&str] = &["malformed", "signature", "unsupported", "version"];
}

const DAY: u64 = 86_400;
/// Offset in a TD report of what the requester gave.
const TD_REPORT_DATA: usize = 520;
/// Of MRTD.
const TD_MEASUREMENT: usize = 136;

const NO_BYTE_IS_FREE: (&str, Free) = ("", |_| Box::new(|_| false));

/// Where the one occurrence of `needle` is.
fn find(bytes: &[u8], needle: &[u8]) -> Range<usize> {
    let mut places = bytes.windows(needle.len()).enumerate().filter(|(_, window)| *window == needle);
    let (place, _) = places.next().unwrap();
    assert!(places.next().is_none(), "{} is there twice", hex::encode(needle));
    place..place + needle.len()
}

fn intel_subject(forge: &intel::Forge) -> Subject {
    Subject {
        name: if forge.kind == Kind::Tdx { "tdx, forged" } else { "sgx, forged" },
        verifier: Verifier { intel: forge.verifier(), ..Verifier::new(&[]) },
        evidence: forge.evidence(),
        endorsements: forge.endorsements(),
        at: intel::NOW,
    }
}

/// Another level of the platform than any that its TCB info lists.
fn below(forge: &intel::Forge) -> intel::Forge {
    let mut old = forge.clone();
    old.components[0] -= 1;
    old
}

fn intel_revoked(forge: &intel::Forge) -> intel::Forge {
    let [_, _, pck, _] = intel::SERIALS;
    intel::Forge { revoked: [Vec::new(), vec![pck]], ..forge.clone() }
}

/// The first and the last second of all that a forged platform comes with.
const INTEL_TIMES: [(u64, &str); 2] =
    [(intel::NOW.0 - DAY, "crl-not-yet-valid"), (intel::NOW.0 + 20 * DAY, "crl-expired")];

const PEM_IS_TEXT: (&str, Free) =
    ("the zero behind the certificates, and line ends in PEM, say nothing", |bytes| {
        Box::new(|at| at > 1000 && matches!(bytes[at], 0 | b'\n'))
    });

fn intel_quote(forge: intel::Forge, report_data: usize, debug: (usize, u8)) -> Row {
    let forge = forge.set(report_data, &[0x11; 64]);
    let body = if forge.kind == Kind::Tdx { TD_MEASUREMENT..TD_MEASUREMENT + 48 } else { 64..96 };
    let header = 48;
    let good = intel_subject(&forge);
    let signature = header + forge.body.len() + 4;
    let qe_report = find(&good.evidence.bytes, &forge.qe_report[..320]).start;
    let qe_signer = qe_report + intel::at::MRSIGNER;
    Row {
        first: INTEL_TIMES[0],
        last: INTEL_TIMES[1],
        covered: vec![
            ("measurement", header + body.start..header + body.end, "signature"),
            ("report data", header + report_data..header + report_data + 64, "signature"),
            ("signature", signature..signature + 64, "signature"),
            ("signer of the quoting enclave", qe_signer..qe_signer + 32, "qe-signature"),
        ],
        flipped: flipped::QUOTE,
        free: PEM_IS_TEXT,
        cut: "malformed",
        swapped: Case::Refused(
            intel_subject(&intel::Forge { is_pck_of_another: true, ..forge.clone() }),
            "qe-signature",
        ),
        revoked: Case::Refused(intel_subject(&intel_revoked(&forge)), "revoked"),
        other_tcb: Case::ByPolicy(intel_subject(&below(&forge)), &["tcb-status"]),
        debug: Case::ByPolicy(intel_subject(&forge.clone().set(debug.0, &[debug.1])), &["debug"]),
        good,
    }
}

/// A machine's report under a development root, or under one in the place of AMD's.
fn report_subject(kind: Kind, machine: &Machine, revoked: &[u64]) -> Subject {
    let root = machine.fingerprint();
    let snp = match kind {
        Kind::Development => SnpVerifier::new(&[root]),
        _ => SnpVerifier::under(root),
    };
    Subject {
        name: if kind == Kind::Snp { "snp, forged" } else { "development" },
        verifier: Verifier { snp, ..Verifier::new(&[]) },
        evidence: Evidence { kind, ..machine.evidence() },
        endorsements: with_crl(machine, revoked),
        at: machine::NOW,
    }
}

fn with_crl(machine: &Machine, revoked: &[u64]) -> Endorsements {
    let mut endorsements = machine.endorsements();
    let mut crl = machine.crl();
    crl.revoked = revoked.to_vec();
    endorsements.crls.push(crl.sign(&ARK));
    endorsements
}

/// The serial number of the authority below the root.
const ASK_SERIAL: u64 = 2;

/// A machine with another chip.
fn other_chip(machine: &Machine) -> Machine {
    let mut other = machine.clone();
    other.extension("1.3.6.1.4.1.3704.1.4").value = vec![0xd8; 64];
    other
}

/// A machine whose report is of other firmware than its key was derived for.
fn other_firmware(machine: &Machine) -> Machine {
    let mut other = machine.clone();
    other.report[at::REPORTED_TCB] += 1;
    other
}

fn debuggable(machine: &Machine) -> Machine {
    let mut other = machine.clone();
    other.set_policy(DEBUG_BIT);
    other
}

const MACHINE_TIMES: [(u64, &str); 2] =
    [(machine::NOT_BEFORE, "certificate-not-yet-valid"), (machine::NOT_AFTER, "certificate-expired")];

fn report(kind: Kind) -> Row {
    let machine = Machine::new(Model::Milan);
    let mut swapped = report_subject(kind, &machine, &[]);
    swapped.endorsements = with_crl(&other_chip(&machine), &[]);
    Row {
        good: report_subject(kind, &machine, &[]),
        first: MACHINE_TIMES[0],
        last: MACHINE_TIMES[1],
        covered: vec![
            ("measurement", at::MEASUREMENT..at::MEASUREMENT + 48, "signature"),
            ("report data", at::REPORT_DATA..at::REPORT_DATA + 64, "signature"),
            ("chip id", at::CHIP_ID..at::CHIP_ID + 64, "wrong-chip"),
            ("r", at::SIGNATURE..at::SIGNATURE + 48, "signature"),
            ("s", at::SIGNATURE + 72..at::SIGNATURE + 120, "signature"),
        ],
        flipped: flipped::REPORT,
        free: NO_BYTE_IS_FREE,
        cut: "length",
        swapped: Case::Refused(swapped, "wrong-chip"),
        revoked: Case::Refused(report_subject(kind, &machine, &[ASK_SERIAL]), "revoked"),
        other_tcb: Case::Refused(report_subject(kind, &other_firmware(&machine), &[]), "tcb-mismatch"),
        debug: Case::ByPolicy(report_subject(kind, &debuggable(&machine), &[]), &["debug"]),
    }
}

fn nitro_subject(enclave: &nitro::Enclave, revoked: &[u64]) -> Subject {
    let [root, regional, ..] = &enclave.parties;
    let crl = |of: &x509::Party, revoked: &[u64]| of.crl(x509::NOT_BEFORE, x509::NOT_AFTER, revoked);
    Subject {
        name: "nitro, forged",
        verifier: Verifier { nitro: enclave.verifier(), ..Verifier::new(&[]) },
        evidence: enclave.evidence(),
        endorsements: Endorsements {
            crls: vec![crl(root, &[]), crl(regional, revoked)],
            ..Endorsements::default()
        },
        at: x509::NOW,
    }
}

/// Made in the first second of its certificates.
fn enclave() -> nitro::Enclave {
    let mut enclave = nitro::Enclave::new();
    let millis = nitro::item(|cbor| nitro::drop_ref(cbor.u64(x509::NOT_BEFORE.0 * 1000)));
    enclave.set("timestamp", millis);
    enclave
}

const PARTY_TIMES: [(u64, &str); 2] =
    [(x509::NOT_BEFORE.0, "certificate-not-yet-valid"), (x509::NOT_AFTER.0, "certificate-expired")];

fn nitro_document() -> Row {
    let mut enclave = enclave();
    let good = nitro_subject(&enclave, &[]);
    let revoked = nitro_subject(&enclave, &[3]);
    let len = good.evidence.bytes.len();
    let covered = vec![
        ("PCR 2", find(&good.evidence.bytes, &[3; 48]), "signature"),
        ("user data", find(&good.evidence.bytes, &[7; 64]), "signature"),
        ("signature", len - 96..len, "signature"),
    ];
    // Another enclave of the same instance, and its document with this one's certificate.
    let (leaf, _) = enclave.certificates();
    let key = std::mem::replace(&mut enclave.parties[4].key, x509::Party::leaf("", 9).key);
    enclave.set("certificate", nitro::bytes(&leaf));
    let swapped = nitro_subject(&enclave, &[]);
    enclave.parties[4].key = key;
    enclave.set("certificate", Vec::new());
    let zero: &[u8] = &[0; 48];
    enclave.set("pcrs", nitro::pcrs(&[(0, zero), (1, zero), (2, zero), (4, &[4; 48])]));
    Row {
        good,
        first: PARTY_TIMES[0],
        last: PARTY_TIMES[1],
        covered,
        flipped: flipped::DOCUMENT,
        free: NO_BYTE_IS_FREE,
        cut: "malformed",
        swapped: Case::Refused(swapped, "signature"),
        revoked: Case::Refused(revoked, "revoked"),
        other_tcb: Case::Lacks("AWS publishes no levels, and a document tells none"),
        debug: Case::ByPolicy(nitro_subject(&enclave, &[]), &["debug", "register-not-listed"]),
    }
}

fn tpm_subject(tpm: &Tpm, revoked: &[u64]) -> Subject {
    let mut endorsements = tpm.endorsements();
    endorsements.crls.push(tpm.crl(revoked, machine::NOT_AFTER));
    Subject {
        name: "tpm",
        verifier: Verifier::new(tpm.trust()),
        evidence: tpm.evidence(),
        endorsements,
        at: machine::NOW,
    }
}

fn tpm_quote() -> Row {
    let tpm = Tpm::new(Ak::P256);
    let good = tpm_subject(&tpm, &[]);
    let mut swapped = tpm_subject(&tpm, &[]);
    swapped.endorsements = Tpm::new(Ak::P384).endorsements();
    let quote = crate::tpm::Quote::parse(&good.evidence.bytes).unwrap();
    let attest = find(&good.evidence.bytes, &quote.attest);
    Row {
        first: MACHINE_TIMES[0],
        last: MACHINE_TIMES[1],
        covered: vec![
            ("extraData", find(&good.evidence.bytes, &EXTRA_DATA), "signature"),
            ("PCR digest", attest.end - 32..attest.end, "signature"),
            ("PCR 7", find(&good.evidence.bytes, &[0xa7; 32]), "pcr-digest"),
            ("s", find(&good.evidence.bytes, &quote.signature[quote.signature.len() - 32..]), "signature"),
        ],
        flipped: flipped::TPM,
        free: (
            "attributes of the key are the enrolment CA's to look at, but for those that make it one",
            |bytes| {
                let attributes = find(bytes, &[0, 0x23, 0, 0x0b, 0, 5, 0, 0x72]).start + 4;
                Box::new(move |at| (attributes..attributes + 4).contains(&at))
            },
        ),
        cut: "malformed",
        swapped: Case::Refused(swapped, "endorsement-missing"),
        revoked: Case::Refused(tpm_subject(&tpm, &[tpm.leaf.serial]), "revoked"),
        other_tcb: Case::Lacks("nobody publishes levels of TPM firmware; PCR 0 holds the platform's"),
        debug: Case::Lacks("a TPM does not know whether what it measures can be debugged"),
        good,
    }
}

fn vm_subject(vm: &Vm, revoked: &[u64]) -> Subject {
    Subject {
        name: "azure-snp, forged",
        verifier: Verifier { snp: SnpVerifier::under(vm.machine.fingerprint()), ..Verifier::new(&[]) },
        evidence: Evidence { kind: Kind::AzureSnp, bytes: vm.evidence().encode() },
        endorsements: with_crl(&vm.machine, revoked),
        at: machine::NOW,
    }
}

fn azure_snp() -> Row {
    let vm = Vm::new();
    let with = |machine: Machine| vm_subject(&Vm { machine, ..vm.clone() }, &[]);
    let good = vm_subject(&vm, &[]);
    let mut swapped = vm_subject(&vm, &[]);
    swapped.endorsements = with_crl(&other_chip(&vm.machine), &[]);
    let mut covered = vtpm_parts(&good.evidence.bytes, &vm.runtime());
    covered.push(("measurement", find(&good.evidence.bytes, &[0x22; 48]), "signature"));
    covered.push(("chip id", find(&good.evidence.bytes, &[0xc7; 64]), "wrong-chip"));
    Row {
        good,
        first: MACHINE_TIMES[0],
        last: MACHINE_TIMES[1],
        covered,
        flipped: flipped::VM_ON_SNP,
        free: NO_BYTE_IS_FREE,
        cut: "malformed",
        swapped: Case::Refused(swapped, "wrong-chip"),
        revoked: Case::Refused(vm_subject(&vm, &[ASK_SERIAL]), "revoked"),
        other_tcb: Case::Refused(with(other_firmware(&vm.machine)), "tcb-mismatch"),
        debug: Case::ByPolicy(with(debuggable(&vm.machine)), &["debug"]),
    }
}

/// What a VM's evidence holds besides its hardware's.
fn vtpm_parts(bytes: &[u8], runtime: &str) -> Vec<(&'static str, Range<usize>, &'static str)> {
    let quote = VmEvidence::parse(bytes).unwrap().quote.unwrap();
    let hash = sha256(&[runtime.as_bytes()]);
    vec![
        ("extraData", find(bytes, &EXTRA_DATA), "signature"),
        ("vTPM's signature", find(bytes, &quote.signature[6..]), "signature"),
        ("PCR 7", find(bytes, &[0xa7; 32]), "pcr-digest"),
        ("the modulus in the runtime data", modulus_text(bytes), "key-not-bound"),
        (
            "report data",
            bytes.windows(32).position(|window| window == hash).map(|at| at..at + 64).unwrap(),
            "key-not-bound",
        ),
    ]
}

/// A byte of the modulus that is other base64 text with one bit flipped.
fn modulus_text(bytes: &[u8]) -> Range<usize> {
    let start = find(bytes, br#""n":""#).end + 100;
    let is_text = |at: &usize| (bytes[*at] ^ 1 << (at % 8)).is_ascii_alphanumeric();
    let place = (start..start + 100).find(is_text).unwrap();
    place..place + 1
}

/// A TD's quote for a VM, with a TDREPORT of the same registers.
fn td_vm_subject(forge: &intel::Forge) -> Subject {
    let tpm = Tpm::new(Ak::Rsa);
    let runtime = azure::runtime_with(&azure::modulus(&tpm));
    let mut bound = [0; 64];
    bound[..32].copy_from_slice(&sha256(&[runtime.as_bytes()]));
    let forge = forge.clone().set(TD_REPORT_DATA, &bound);
    let mut report = azure::td_report(&runtime);
    // TDINFO_STRUCT: MRTD, three owners' fields, four RTMRs, each of 48 bytes and in the order of a quote's.
    for (index, place) in (528..).step_by(48).take(8).enumerate() {
        let quoted = if index < 4 { TD_MEASUREMENT + 48 * index } else { 328 + 48 * (index - 4) };
        report[place..][..48].copy_from_slice(&forge.body[quoted..][..48]);
    }
    let vm = VmEvidence {
        hcl_report: azure::hcl_report(Hardware::Tdx, &report, &runtime),
        quote: Some(azure::vtpm_quote(&tpm)),
        td_quote: Some(forge.quote()),
    };
    Subject {
        name: "azure-tdx, forged",
        evidence: Evidence { kind: Kind::AzureTdx, bytes: vm.encode() },
        ..intel_subject(&forge)
    }
}

fn azure_tdx() -> Row {
    let forge = intel::Forge::tdx().set(TD_MEASUREMENT, &[0x22; 48]);
    let debug = forge.clone().set(intel::at::TD_ATTRIBUTES, &[1]);
    let good = td_vm_subject(&forge);
    let tpm = Tpm::new(Ak::Rsa);
    let mut covered = vtpm_parts(&good.evidence.bytes, &azure::runtime_with(&azure::modulus(&tpm)));
    let [reported, quoted] = measurements(&good.evidence.bytes);
    covered.push(("MRTD of the TDREPORT", reported, "key-not-bound"));
    covered.push(("MRTD of the TD quote", quoted, "signature"));
    Row {
        good,
        first: INTEL_TIMES[0],
        last: INTEL_TIMES[1],
        covered,
        flipped: flipped::VM_ON_TDX,
        free: (
            "what of the TDREPORT no quote repeats has a MAC that only its machine can check; and PEM is text",
            |bytes| {
                let report = bytes.windows(4).position(|window| window == b"HCLA").unwrap() + 32;
                let used = [report + 128..report + 192, report + 528..report + 912];
                let quote = find(bytes, &dcap_qvl::INTEL_QE_VENDOR_ID).start;
                Box::new(move |at| {
                    let is_used = at == report || used.iter().any(|range| range.contains(&at));
                    (report..report + 1024).contains(&at) && !is_used
                        || at > quote + 1000 && matches!(bytes[at], 0 | b'\n')
                })
            },
        ),
        cut: "malformed",
        swapped: Case::Refused(
            td_vm_subject(&intel::Forge { is_pck_of_another: true, ..forge.clone() }),
            "qe-signature",
        ),
        revoked: Case::Refused(td_vm_subject(&intel_revoked(&forge)), "revoked"),
        other_tcb: Case::ByPolicy(td_vm_subject(&below(&forge)), &["tcb-status"]),
        debug: Case::ByPolicy(td_vm_subject(&debug), &["debug"]),
    }
}

/// MRTD in the TDREPORT, and in the quote.
fn measurements(bytes: &[u8]) -> [Range<usize>; 2] {
    let places = bytes.windows(48).enumerate().filter(|(_, window)| *window == [0x22; 48]);
    let places: Vec<_> = places.map(|(place, _)| place..place + 48).collect();
    places.try_into().unwrap()
}

fn gpu_subject(gpu: &nvidia::Gpu, revoked: &[u64]) -> Subject {
    let [root, product, ..] = &gpu.parties;
    let crl = |of: &x509::Party, revoked: &[u64]| of.crl(x509::NOT_BEFORE, x509::NOT_AFTER, revoked);
    let crls = vec![crl(root, &[]), crl(product, revoked)];
    Subject {
        name: "nvidia, forged",
        verifier: Verifier { nvidia: gpu.verifier(), ..Verifier::new(&[]) },
        evidence: gpu.evidence(),
        endorsements: Endorsements { crls, ..manifests::endorsements(gpu) },
        at: x509::NOW,
    }
}

fn nvidia_report() -> Row {
    let mut gpu = nvidia::Gpu::new();
    let good = gpu_subject(&gpu, &[]);
    let revoked = gpu_subject(&gpu, &[3]);
    let mut swapped = gpu_subject(&gpu, &[]);
    let len = good.evidence.bytes.len();
    let covered = vec![
        ("nonce", find(&good.evidence.bytes, &[7; 32]), "signature"),
        ("a measurement", find(&good.evidence.bytes, &[3; 48]), "signature"),
        ("signature", len - 96..len, "signature"),
    ];
    // The certificate of another GPU under the same boot ROM.
    let key = std::mem::replace(&mut gpu.parties[4].key, x509::Party::leaf("", 9).key);
    swapped.endorsements.certificates[0] = gpu.parties[3].certify(&gpu.parties[4]);
    gpu.parties[4].key = key;
    gpu.blocks[2] = nvidia::block(3, &[0x33; 48]);
    Row {
        good,
        first: PARTY_TIMES[0],
        last: PARTY_TIMES[1],
        covered,
        flipped: flipped::GPU,
        free: NO_BYTE_IS_FREE,
        cut: "malformed",
        swapped: Case::Refused(swapped, "signature"),
        revoked: Case::Refused(revoked, "revoked"),
        other_tcb: Case::ByPolicy(gpu_subject(&gpu, &[]), &["tcb-status"]),
        debug: Case::Lacks("a report does not say; the measurements differ then, as with other firmware"),
    }
}
