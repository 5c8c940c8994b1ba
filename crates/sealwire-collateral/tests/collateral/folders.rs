//! Folders of files (AT-71).

use crate::{
    samples::{Collateral, IN_2025, quotes, sample, tdx},
    stand_in::{StandIn, TestClock},
};
use sealwire_attest::{Endorsements, Outcome, Verifier, needs::needs, verify::Expected};
use sealwire_collateral::{Failure, folder};
use std::fs;

// AT-71: what was fetched fills a folder that a verifier takes, with no network.
#[tokio::test]
async fn a_folder_replaces_the_vendor() {
    let (Some(evidence), Some(collateral)) = (tdx(), Collateral::of_2025()) else { return };
    let server = StandIn::start().await;
    collateral.serve(&server);
    let fetcher = server.fetcher(&TestClock::at(IN_2025));
    let offline = tempfile::tempdir().unwrap();
    for need in needs(&evidence, &Endorsements::default()).unwrap().published {
        let item = fetcher.fetch(&need, None).await.unwrap().item();
        assert!(!folder::write(offline.path(), &item).unwrap().is_empty());
    }
    drop(server);
    fs::write(offline.path().join("README.txt"), "fetched yesterday").unwrap();
    fs::write(offline.path().join("quote.bin"), &evidence.lead.bytes).unwrap();
    let loaded = folder::read(offline.path()).unwrap();
    let left_out: Vec<_> = loaded.left_out.iter().map(|path| path.file_name().unwrap()).collect();
    assert_eq!(left_out, ["README.txt", "quote.bin"]);
    let verified =
        Verifier::new(&[]).verify(&evidence.lead, &loaded.endorsements, Expected::Unbound, IN_2025).unwrap();
    assert!(matches!(verified.checks().tcb, Outcome::Passed(_)));
    assert!(matches!(verified.checks().revocation, Outcome::Passed(_)));
    assert!(
        fs::read_dir(offline.path()).unwrap().all(|entry| {
            let name = entry.unwrap().file_name();
            !name.to_str().unwrap().starts_with('.')
        }),
        "nothing unfinished is left"
    );
}

// AT-71, AT-80: a damaged endorsement is not passed over, what was named is not left out.
#[test]
fn damaged_files_are_told() {
    if quotes().is_none() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let vcek = sample("snp/milan.vcek.der").unwrap();
    fs::write(folder.path().join("vcek.der"), &vcek[..vcek.len() - 1]).unwrap();
    let error = folder::read(folder.path()).unwrap_err();
    assert!(matches!(&error, Failure::Endorsement { path, .. } if path.ends_with("vcek.der")), "{error}");
    fs::write(folder.path().join("vcek.der"), &vcek).unwrap();
    fs::write(folder.path().join("tcb.json"), "{\"tcbInfo\":{},\"signature\":\"\"}").unwrap();
    let error = folder::read(folder.path()).unwrap_err();
    assert!(matches!(&error, Failure::Endorsement { path, .. } if path.ends_with("tcb.json")), "{error}");
    let note = folder.path().join("note.txt");
    fs::write(&note, "see there").unwrap();
    assert!(matches!(folder::read(&note), Err(Failure::Endorsement { .. })));
    assert!(matches!(folder::read(&folder.path().join("none")), Err(Failure::File { .. })));
    let long = folder.path().join("long.pem");
    fs::write(&long, vec![b'-'; (4 << 20) + 1]).unwrap();
    assert!(matches!(folder::read(&long), Err(Failure::File { .. })));
}
