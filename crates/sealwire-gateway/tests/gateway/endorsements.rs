//! What is stapled to the evidence.

use crate::support::{NAME, ask, config, named, published, start};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use sealwire_attest::{KeyDocument, key_document::Published};
use sealwire_gateway::{Config, Gateway, StartError};
use std::{fs, path::Path};

const ASK_MILAN: &[u8] = include_bytes!("../../../sealwire-attest/anchors/amd/ask-milan.pem");
const ASK_GENOA: &[u8] = include_bytes!("../../../sealwire-attest/anchors/amd/ask-genoa.pem");

async fn with_folder(folder: &Path) -> Config {
    let mut config = config();
    config.upstream = Some(format!("http://{}", named("a").await));
    config.endorsements.folder = Some(folder.to_owned());
    config
}

fn serial(published: &Published) -> u64 {
    KeyDocument::decode(&published.document).unwrap().serial
}

// AT-40, AT-71: the folder goes out beside the platform's own, to everybody who asks, and for a challenge, too.
#[tokio::test]
async fn the_folder_is_stapled() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("ask.pem"), ASK_MILAN).unwrap();
    fs::write(folder.path().join("note.txt"), "renewed by hand").unwrap();
    let config = with_folder(folder.path()).await;
    let gateway = start(config.clone()).await;
    let first = published(gateway.address()).await;
    let platforms = crate::support::tee();
    let own = sealwire_tee::Tee::produce(&*platforms, &[0; 64]).unwrap().endorsements.certificates;
    assert_eq!(first.endorsements.certificates.len(), own.len() + 1);
    let challenge = URL_SAFE_NO_PAD.encode([7; 32]);
    let path = format!("/.well-known/sealwire?challenge={challenge}");
    let (_, bytes) = crate::support::get_bytes(gateway.address(), &path).await;
    let challenged = Published::decode(&bytes).unwrap();
    for certificate in &first.endorsements.certificates {
        assert!(challenged.endorsements.certificates.contains(certificate));
    }

    // AT-41: a reload makes a new document where the folder has changed, and none where it has not.
    gateway.reload(config.clone()).await.unwrap();
    assert_eq!(serial(&published(gateway.address()).await), serial(&first));
    fs::write(folder.path().join("more.pem"), ASK_GENOA).unwrap();
    gateway.reload(config).await.unwrap();
    let second = published(gateway.address()).await;
    assert_eq!(second.endorsements.certificates.len(), own.len() + 2);
    assert!(serial(&second) > serial(&first));
}

// AT-71: a folder that has become unreadable costs no document; what it held before goes out.
#[tokio::test]
async fn a_damaged_folder_does_not_stop_a_gateway() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("ask.pem"), ASK_MILAN).unwrap();
    let gateway = start(with_folder(folder.path()).await).await;
    let first = published(gateway.address()).await;
    fs::write(folder.path().join("cut.pem"), &ASK_GENOA[..ASK_GENOA.len() / 2]).unwrap();
    gateway.rotate().await.unwrap();
    let second = published(gateway.address()).await;
    assert!(serial(&second) > serial(&first));
    assert_eq!(first.endorsements, second.endorsements);
    // At the start it is told.
    let refused = Gateway::start(with_folder(folder.path()).await).await.err().unwrap();
    assert!(matches!(&refused, StartError::Config(error) if error.key == "endorsements.folder"), "{refused}");
    assert!(ask(gateway.address(), "GET /healthz", "").await.starts_with("HTTP/1.1"), "{NAME} still answers");
}
