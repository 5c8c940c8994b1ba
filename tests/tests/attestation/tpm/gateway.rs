//! A gateway on a machine with a TPM, and clients whose policy names the enrolment CA and the registers.

use crate::enrolled::{Enrolled, policy, rule};
use axum::body::Bytes;
use http::Request;
use http_body_util::BodyExt as _;
use sealwire_attest::{Policy, verdict::Denial};
use sealwire_client::{Connector, Error, Settings};
use sealwire_crypto::digest::sha256;
use sealwire_gateway::{Config, Environment, Gateway, Running, StartError, config};
use sealwire_http::body;
use sealwire_tee::{Platform, tpm};
use sealwire_tests::{
    App,
    stage::{self, AUTHORITY},
    tee::{self, PolicyText, hex},
    within,
};
use std::sync::Arc;
use tower::ServiceExt as _;

/// As an operator configures it.
fn configured(enrolled: &Enrolled, app: &App) -> Config {
    let tpm = config::Tpm {
        device: enrolled.device.address(),
        certificate: Some(enrolled.certificate()),
        event_log: tpm::EventLog::None,
        ..config::Tpm::default()
    };
    Config { tee: config::Tee::Tpm, tpm, ..stage::config(&app.url()) }
}

async fn start(config: Config) -> Running {
    Gateway::start(config).await.unwrap()
}

fn settings(gateway: &Running, policy: &str) -> Settings {
    let to = format!("http://{}", gateway.address()).parse().unwrap();
    let policy = Policy::from_toml(policy).unwrap_or_else(|error| panic!("{error}\n{policy}"));
    let mut settings = Settings::new(to, policy);
    settings.authority = Some(AUTHORITY.to_owned());
    settings
}

/// A sealed request, there and back.
async fn echo(connector: Connector) {
    let request = Request::post("/echo").body(body::full(Bytes::from_static(b"through the TPM"))).unwrap();
    let answer = within("an answer", connector.oneshot(request)).await.unwrap();
    assert_eq!(answer.status(), 200);
    let content = answer.into_body().collect().await.unwrap().to_bytes();
    assert!(content.windows(15).any(|part| part == b"through the TPM"), "{content:?}");
}

async fn denied(settings: Settings) -> Denial {
    match within("a verdict", Connector::connect(settings)).await {
        Err(Error::Denied(denial)) => denial,
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("believed"),
    }
}

fn codes(denial: &Denial) -> Vec<&'static str> {
    denial.reasons.iter().map(|reason| reason.code).collect()
}

// AT-02, AT-40, AT-60, AT-62: a client that names the CA and the registers is served; others are not.
#[tokio::test(flavor = "multi_thread")]
async fn clients_name_the_ca_and_the_registers() {
    let (enrolled, app) = (Enrolled::new(), App::echo().await);
    enrolled.device.extend(7, &[1; 32]);
    let gateway = start(configured(&enrolled, &app)).await;
    let pcr_7 = sha256(&[&[0; 32], &[1; 32]]);
    let good = policy(&enrolled.root, &[(0, [0; 32]), (7, pcr_7)]);
    echo(Connector::connect(settings(&gateway, &good)).await.unwrap()).await;

    let other_value = policy(&enrolled.root, &[(0, [0; 32]), (7, [0; 32])]);
    assert_eq!(codes(&denied(settings(&gateway, &other_value)).await), ["register-not-listed"]);
    let other_ca = policy(&[7; 32], &[(7, pcr_7)]);
    assert_eq!(codes(&denied(settings(&gateway, &other_ca)).await), ["root-not-pinned"]);
    let development = PolicyText::default().toml();
    assert!(!codes(&denied(settings(&gateway, &development)).await).is_empty());
    gateway.shutdown().await;
}

// AT-21: a register that is extended while the gateway runs shows in the next quote.
#[tokio::test(flavor = "multi_thread")]
async fn a_changed_register_is_refused() {
    let (enrolled, app) = (Enrolled::new(), App::echo().await);
    let gateway = start(configured(&enrolled, &app)).await;
    let policy = policy(&enrolled.root, &[(9, [0; 32])]);
    echo(Connector::connect(settings(&gateway, &policy)).await.unwrap()).await;
    enrolled.device.extend(9, &[2; 32]);
    gateway.rotate().await.unwrap();
    let denial = denied(settings(&gateway, &policy)).await;
    assert_eq!(codes(&denial), ["register-not-listed"]);
    let reason = &denial.reasons[0];
    let found = hex(&sha256(&[&[0; 32], &[2; 32]]));
    assert!(reason.rule.ends_with("pcr-9") && reason.found.contains(&found), "{reason:?}");
    gateway.shutdown().await;
}

// A gateway does not start on what no client would believe.
#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_without_its_tpm_does_not_start() {
    let (enrolled, app) = (Enrolled::new(), App::echo().await);
    let mut config = configured(&enrolled, &app);
    config.tpm.device = "unix:/nonexistent/tpm".parse().unwrap();
    let error = Gateway::start(config.clone()).await.err().unwrap();
    assert!(
        matches!(&error, StartError::Tee(_)) && error.to_string().contains("/nonexistent/tpm"),
        "{error}"
    );
    let other = Enrolled::new();
    config.tpm.device = other.device.address();
    let error = Gateway::start(config).await.err().unwrap().to_string();
    assert!(error.contains("certificate of the attestation key"), "{error}");
}

// AT-04, AT-20: evidence of a TEE, and beside it that of the machine's TPM, which it covers.
#[tokio::test(flavor = "multi_thread")]
async fn a_tpm_beside_another_tee() {
    let (enrolled, app) = (Enrolled::new(), App::echo().await);
    let tpm = Arc::new(enrolled.open());
    let platform = Platform::from(tee::development()).with_companion("tpm".to_owned(), tpm);
    let environment = Environment { tee: Some(platform), ..Environment::default() };
    let gateway = Gateway::start_in(stage::config(&app.url()), environment).await.unwrap();
    let both = |root: &[u8; 32], pcr: u8, value: [u8; 32]| {
        let rule = rule(root, &[(pcr, value)]);
        format!("{}\n[[accept.companion]]\nlabel = \"tpm\"\n{rule}", PolicyText::default().toml())
    };
    echo(Connector::connect(settings(&gateway, &both(&enrolled.root, 7, [0; 32]))).await.unwrap()).await;
    let denial = denied(settings(&gateway, &both(&enrolled.root, 7, [1; 32]))).await;
    assert_eq!(codes(&denial), ["register-not-listed"]);
    assert!(!codes(&denied(settings(&gateway, &both(&[7; 32], 7, [0; 32]))).await).is_empty());
    gateway.shutdown().await;

    // Where there is no TPM, a policy that wants one refuses.
    let alone = stage::gateway(stage::config(&app.url())).await;
    let denial = denied(settings(&alone, &both(&enrolled.root, 7, [0; 32]))).await;
    assert_eq!(codes(&denial), ["companion-missing"]);
    alone.shutdown().await;
}
