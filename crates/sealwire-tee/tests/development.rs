//! AT-07: what the development TEE makes is verified by the code that verifies AMD's, and its state is kept well.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::expect_used, clippy::panic)]

use sealwire_attest::{Error as Refused, Evidence, Kind, UnixTime, Verifier, verify::Expected};
use sealwire_tee::{
    Development, Error, Produced, Tee as _,
    development::{Tcb, forge::Forge},
};
use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    sync::Barrier,
    thread,
    time::SystemTime,
};

/// One root for all tests and runs: making one takes seconds.
fn state() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("development-root")
}

fn now() -> UnixTime {
    UnixTime(SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs())
}

/// A copy of the shared root, to damage.
fn copy_of_state() -> tempfile::TempDir {
    Development::open(&state()).unwrap();
    let copy = tempfile::tempdir().unwrap();
    let to = copy.path().join("development");
    fs::create_dir(&to).unwrap();
    for file in fs::read_dir(state().join("development")).unwrap() {
        let from = file.unwrap().path();
        fs::copy(&from, to.join(from.file_name().unwrap())).unwrap();
    }
    copy
}

// AT-07
#[test]
fn the_verifier_of_amds_reports_accepts_it_under_its_root_alone() {
    let tee = Development::open(&state()).unwrap();
    let produced = tee.produce(&[9; 64]).unwrap();
    assert_eq!((tee.kind(), produced.evidence.kind), (Kind::Development, Kind::Development));
    assert_eq!(produced.endorsements.certificates.len(), 3);

    let verifier = Verifier::new(&[tee.root_fingerprint()]);
    let verify = |verifier: &Verifier, evidence: &Evidence, data: &[u8; 64]| {
        verifier.verify(evidence, &produced.endorsements, Expected::ReportData(data), now())
    };
    let verified = verify(&verifier, &produced.evidence, &[9; 64]).unwrap();
    let claims = verified.get();
    assert!(claims.development);
    assert!(!claims.debug);
    assert_eq!(claims.kind, Kind::Development);
    assert_eq!(claims.root, tee.root_fingerprint());
    assert_eq!(claims.measurements["measurement"], tee.measurement());
    assert_eq!(claims.report_data, [9; 64]);

    assert_eq!(verify(&verifier, &produced.evidence, &[8; 64]).err(), Some(Refused::Binding));
    // AT-07: without the root's fingerprint, or under the label of real hardware, it is nothing.
    assert_eq!(verify(&Verifier::new(&[]), &produced.evidence, &[9; 64]).err(), Some(Refused::RootNotPinned));
    let labelled = Evidence { kind: Kind::Snp, ..produced.evidence.clone() };
    let mismatch = Refused::KindMismatch { label: Kind::Snp, found: Kind::Development };
    assert_eq!(verify(&verifier, &labelled, &[9; 64]).err(), Some(mismatch));
}

// AT-07: the format is AMD's, not one that only this project's verifier reads.
#[test]
fn another_implementation_reads_and_verifies_it() {
    use sev::{
        certs::snp::{Chain, Verifiable as _},
        firmware::guest::AttestationReport,
        parser::ByteParser as _,
    };
    let tee = Development::open(&state()).unwrap();
    let Produced { evidence, endorsements } = tee.produce(&[9; 64]).unwrap();
    let report = AttestationReport::from_bytes(&evidence.bytes).unwrap();
    assert_eq!((report.version, report.vmpl), (3, 0));
    assert_eq!(report.report_data, [9; 64]);
    assert_eq!(report.measurement, tee.measurement());
    assert!(!report.policy.debug_allowed());
    assert!(!report.policy.migrate_ma_allowed());
    assert_eq!(report.reported_tcb, report.current_tcb);
    let [vcek, ask, ark] = &endorsements.certificates[..] else { panic!("three certificates") };
    let chain = Chain::from_der(ark, ask, vcek).unwrap();
    (&chain, &report).verify().unwrap();
}

// AT-07
#[test]
fn the_measurement_is_that_of_the_running_program() {
    let program = fs::read(std::env::current_exe().unwrap()).unwrap();
    let expected = sealwire_crypto::digest::sha384(&[&program]);
    assert_eq!(Development::open(&state()).unwrap().measurement(), expected);
}

// AT-07
#[test]
fn a_second_open_has_the_same_root() {
    let (one, two) = (Development::open(&state()).unwrap(), Development::open(&state()).unwrap());
    assert_eq!(one.root_fingerprint(), two.root_fingerprint());
    let chip = |tee: &Development| tee.produce(&[0; 64]).unwrap().evidence.bytes[0x1a0..0x1e0].to_vec();
    assert_eq!(chip(&one), chip(&two));
}

// AT-07
#[test]
fn processes_that_start_together_share_one_root() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    let together = Barrier::new(3);
    let open = || {
        together.wait();
        Development::open(&state).unwrap().root_fingerprint()
    };
    let roots = thread::scope(|scope| {
        let threads = [scope.spawn(open), scope.spawn(open), scope.spawn(open)];
        threads.map(|thread| thread.join().unwrap())
    });
    assert_eq!(roots[0], roots[1]);
    assert_eq!(roots[1], roots[2]);

    // AT-07: files of mode 0600, folders of mode 0700, and nothing unfinished left.
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&state), 0o700);
    assert_eq!(mode(&state.join("development")), 0o700);
    let mut names = Vec::new();
    for file in fs::read_dir(state.join("development")).unwrap() {
        let path = file.unwrap().path();
        assert_eq!(mode(&path), 0o600, "{path:?}");
        names.push(path.file_name().unwrap().to_str().unwrap().to_owned());
    }
    names.sort();
    assert_eq!(names, ["ark.crt", "ark.key", "ask.crt", "ask.key", "vcek.crt", "vcek.key"]);
    let mut names: Vec<_> = fs::read_dir(&state).unwrap().map(|file| file.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["development", "development.lock"]);
}

// AT-07
#[test]
fn a_process_that_died_half_way_leaves_nothing_in_the_way() {
    let folder = copy_of_state();
    let unfinished = folder.path().join("development.unfinished");
    fs::create_dir(&unfinished).unwrap();
    fs::write(unfinished.join("ark.key"), "half").unwrap();
    fs::remove_dir_all(folder.path().join("development")).unwrap();
    Development::open(folder.path()).unwrap();
    assert!(!unfinished.exists());
}

// AT-07
#[test]
fn damage_is_named() {
    let damaged = |name: &str, change: &dyn Fn(&Path)| {
        let folder = copy_of_state();
        change(&folder.path().join("development").join(name));
        match Development::open(folder.path()).err() {
            Some(Error::Damaged { path, why }) => {
                assert!(path.ends_with(name), "{path:?}");
                why
            }
            other => panic!("{name}: {other:?}"),
        }
    };
    for name in ["vcek.key", "vcek.crt", "ask.crt", "ark.crt"] {
        damaged(name, &|path| fs::remove_file(path).unwrap());
        damaged(name, &|path| fs::write(path, "").unwrap());
        damaged(name, &|path| {
            let text = fs::read_to_string(path).unwrap();
            fs::write(path, &text[..text.len() / 2]).unwrap();
        });
    }
    // Files that are whole but do not belong together: the folder is named, since any of them may be the wrong one.
    let folder = copy_of_state();
    let ask = folder.path().join("development/ask.crt");
    fs::copy(ask.with_file_name("ark.crt"), &ask).unwrap();
    let error = Development::open(folder.path()).err().unwrap();
    assert!(matches!(&error, Error::Damaged { path, .. } if path.ends_with("development")), "{error}");
    // A certificate of somebody else's key.
    let other = damaged("vcek.crt", &|path| {
        fs::copy(path.with_file_name("ask.crt"), path).unwrap();
    });
    assert!(other.contains("key beside it"), "{other}");
    let swapped = damaged("vcek.key", &|path| {
        fs::copy(path.with_file_name("ask.key"), path).unwrap();
    });
    assert!(swapped.contains("P-384"), "{swapped}");
}

// AT-07
#[test]
fn keys_that_others_can_read_are_refused() {
    let folder = copy_of_state();
    let key = folder.path().join("development/vcek.key");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o640)).unwrap();
    let error = Development::open(folder.path()).err().unwrap();
    assert!(matches!(error, Error::Exposed { mode: 0o640, .. }), "{error}");
}

#[test]
fn a_folder_that_cannot_be_made_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    let error = Development::open(&file.join("state")).err().unwrap();
    assert!(matches!(&error, Error::State { path, .. } if path.ends_with("state")), "{error}");
}

/// What the verifier says of evidence and endorsements that were forged under a pinned root.
fn verdict(
    forge: &Forge,
    evidence: &Evidence,
    endorsements: &sealwire_attest::Endorsements,
) -> Option<Refused> {
    Verifier::new(&[forge.development().root_fingerprint()])
        .verify(evidence, endorsements, Expected::Unbound, now())
        .err()
}

// AT-07: the forge makes what the verifier must be able to tell apart.
#[test]
fn forged_variants_are_what_they_say() {
    let forge = Forge::open(&state()).unwrap();
    let plain = forge.report(&[1; 64], |_| {}).unwrap();
    let chain = forge.endorsements();
    assert_eq!(verdict(&forge, &plain, &chain), None);

    let debug = forge.report(&[1; 64], |body| body[0x0a] |= 0x08).unwrap();
    let verifier = Verifier::new(&[forge.development().root_fingerprint()]);
    assert!(verifier.verify(&debug, &chain, Expected::Unbound, now()).unwrap().get().debug);

    let other_level = forge.report(&[1; 64], |body| body[0x186] += 1).unwrap();
    assert!(matches!(verdict(&forge, &other_level, &chain), Some(Refused::TcbMismatch { .. })));

    let usual = forge.usual_leaf();
    assert_eq!(verdict(&forge, &plain, &forge.endorsements_with(&usual).unwrap()), None);
    let raised = Tcb { snp: usual.tcb.snp + 1, ..usual.tcb };
    let mut leaf = usual.clone();
    leaf.tcb = raised;
    assert_eq!(verdict(&forge, &other_level, &forge.endorsements_with(&leaf).unwrap()), None);
    let mut leaf = usual.clone();
    leaf.chip_id[0] ^= 1;
    assert_eq!(verdict(&forge, &plain, &forge.endorsements_with(&leaf).unwrap()), Some(Refused::WrongChip));
    let mut leaf = usual.clone();
    leaf.product = "Genoa-B0".to_owned();
    assert_eq!(
        verdict(&forge, &plain, &forge.endorsements_with(&leaf).unwrap()),
        Some(Refused::WrongProduct)
    );
    let mut leaf = usual;
    leaf.not_after = UnixTime(now().0 - 1);
    let expired = verdict(&forge, &plain, &forge.endorsements_with(&leaf).unwrap());
    assert!(matches!(expired, Some(Refused::Expired { .. })), "{expired:?}");

    let hour = 60 * 60;
    let list = |revoked| {
        let mut endorsements = chain.clone();
        endorsements.crls =
            vec![forge.crl(revoked, UnixTime(now().0 - hour), UnixTime(now().0 + hour)).unwrap()];
        verdict(&forge, &plain, &endorsements)
    };
    assert_eq!(list(false), None);
    assert!(matches!(list(true), Some(Refused::Revoked(_))));
}
