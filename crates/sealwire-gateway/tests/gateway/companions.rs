//! Composite evidence: what is published with companions, and what becomes of those that fail.

use crate::support::{Mode, Switched, config, environment, eventually, get, named, published, status, tee};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use sealwire_attest::{Error as Refused, UnixTime, Verifier, key_document};
use sealwire_gateway::{
    Config, Environment, Gateway, InstanceError, StartError,
    config::{Companion, CompanionKind},
};
use sealwire_tee::{Error, Platform, nvidia};
use std::time::{Duration, SystemTime};

async fn upstream() -> Config {
    let mut config = config();
    config.upstream = Some(format!("http://{}", named("a").await));
    config.quotes.challenges_per_second = 1000;
    config
}

/// A GPU of which `script` tells, with the nonce as `$1`.
fn gpu(script: &str) -> Companion {
    Companion {
        kind: CompanionKind::Nvidia,
        label: Some("gpu-0".to_owned()),
        command: ["/bin/sh", "-c", script, "helper", "{nonce}"].map(str::to_owned).to_vec(),
        timeout: None,
    }
}

async fn refused(companion: Companion) -> StartError {
    let mut config = upstream().await;
    config.companions = vec![companion];
    Gateway::start_in(config, environment()).await.err().expect("a companion that cannot be had")
}

// AT-01, AT-04
#[tokio::test]
async fn the_lead_covers_its_companions() {
    let platform = Platform::new(tee()).with_companion("beside".to_owned(), Switched::new());
    let environment = Environment { tee: Some(platform), ..Environment::default() };
    let gateway = Gateway::start_in(upstream().await, environment).await.unwrap();
    let published = published(gateway.address()).await;
    let bound = key_document::bound(&published.document, &[]);
    let verifier = Verifier::new(&[tee().root_fingerprint()]);
    let now = UnixTime(SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs());
    let verify = |evidence| verifier.verify_presented(evidence, &published.endorsements, &bound, now);
    let verified = verify(&published.evidence).unwrap();
    assert_eq!(verified.get().companions.keys().collect::<Vec<_>>(), ["beside"]);
    // Without it the lead is over something else.
    let mut alone = published.evidence.clone();
    alone.companions.clear();
    assert_eq!(verify(&alone).unwrap_err(), Refused::Binding);
}

// AT-61: a slow companion never blocks a request.
#[tokio::test]
async fn a_slow_companion_blocks_nothing_else() {
    let slow = Switched::new();
    let platform = Platform::new(tee()).with_companion("slow".to_owned(), slow.clone());
    let mut config = upstream().await;
    config.quotes.queue = 1;
    config.quotes.timeout = Duration::from_millis(500);
    let environment = Environment { tee: Some(platform), ..Environment::default() };
    let gateway = Gateway::start_in(config, environment).await.unwrap();
    let challenge = async |byte| {
        let challenge = URL_SAFE_NO_PAD.encode([byte; 32]);
        status(&get(gateway.address(), &format!("{}?challenge={challenge}", key_document::PATH)).await)
    };
    slow.set(Mode::Hangs);
    let (a, b, c, plain) =
        tokio::join!(challenge(1), challenge(2), challenge(3), get(gateway.address(), key_document::PATH));
    assert_eq!([a, b, c], [503; 3], "the queue is full, or the time is over");
    assert_eq!(status(&plain), 200);
    slow.set(Mode::Works);
    eventually(|| async { challenge(4).await == 200 }).await;
}

// AT-60
#[tokio::test]
async fn a_program_that_fails_keeps_it_from_starting() {
    let error = refused(gpu("echo no driver >&2; exit 1")).await;
    let StartError::Instance(InstanceError::Tee(Error::Companion { label, source })) = &error else {
        panic!("{error}")
    };
    assert_eq!(label, "gpu-0");
    assert!(
        matches!(&**source, Error::Helper(nvidia::Error::Failed { said, .. }) if said == "no driver"),
        "{error}"
    );
}

// AT-41: what no client can accept is found here.
#[tokio::test]
async fn a_report_that_is_none_keeps_it_from_starting() {
    // The nonce where it belongs, and nothing else of a report.
    let script = "printf '{\"report\":\"'; \
                  (printf '\\021\\340\\001\\377'; for i in $(seq 1 2 63); do \
                  printf \"\\\\$(printf %03o 0x$(echo $1 | cut -c$i-$((i+1))))\"; done; printf '\\000') | base64 -w0; \
                  printf '\",\"certificates\":[]}'";
    let error = refused(gpu(script)).await;
    assert!(
        matches!(&error, StartError::Instance(InstanceError::Evidence(Refused::Companion { label, .. }))
            if label == "gpu-0"),
        "{error}"
    );
    assert!(error.to_string().contains("companion `gpu-0`"), "{error}");
}
