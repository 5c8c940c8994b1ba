//! Two enclaves that attest each other: a second gateway, which asks who calls (SE-11).

use super::{
    report::Told,
    stage::{Stage, config},
};
use anyhow::{anyhow, bail, ensure};
use http::{Request, StatusCode};
use http_body_util::BodyExt;
use sealwire::attester::Machine;
use sealwire_attest::Policy;
use sealwire_client::{Connector, SealedWith, Settings, Wire};
use sealwire_crypto::random::{self, OsRandom};
use sealwire_gateway::{
    Config, Running,
    config::{Asked, Callers, Route},
};
use sealwire_http::{body, problem};
use sealwire_tee::Platform;
use std::{env, fs, path::Path, sync::Arc};
use tower::ServiceExt;

/// An enclave is served; a caller that shows nothing has a session, and is refused at the route.
pub(super) async fn step(stage: &Stage) -> anyhow::Result<Told> {
    let folder =
        env::temp_dir().join(format!("sealwire-demo-{}", hex::encode(random::array::<16>(&OsRandom)?)));
    fs::create_dir(&folder)?;
    let gateway = gateway(stage, &folder).await;
    // It has been read.
    fs::remove_dir_all(&folder)?;
    let gateway = gateway?;
    let told = calls(stage, &gateway).await;
    gateway.shutdown().await;
    told
}

async fn gateway(stage: &Stage, folder: &Path) -> anyhow::Result<Running> {
    let policy = folder.join("callers.toml");
    let verified = stage.shown.verified().map_err(|error| anyhow!("{error}"))?;
    // Callers have no configuration that a policy could pin.
    fs::write(&policy, Policy::exactly(verified, None, None))?;
    let route = Route::new("/", stage.upstream.to_string().trim_end_matches('/'));
    let config = Config {
        callers: Some(Callers { policy, attested: Asked::Wanted, revocation_list: None }),
        routes: vec![Route { attested_caller: true, ..route }],
        ..config()
    };
    Ok(stage.gateway(config).await?)
}

async fn calls(stage: &Stage, gateway: &Running) -> anyhow::Result<Told> {
    let verified = stage.shown.verified().map_err(|error| anyhow!("{error}"))?;
    let policy = Policy::exactly(verified, Some(&gateway.config_digest()), None);
    let to = format!("http://{}", gateway.address()).parse()?;
    let nobody = Settings { wire: Wire::Session, ..Settings::new(to, Policy::from_toml(&policy)?) };
    let machine = Machine::new(Platform::new(stage.tee.clone()), Vec::new());
    let enclave = Settings { attester: Some(Arc::new(machine)), ..nobody.clone() };

    let before = stage.reached().await?;
    let (attested, status, _) = call(enclave, gateway).await?;
    ensure!(attested, "the caller was not asked who it is");
    ensure!(stage.reached().await? == before + 1, "the enclave's request was not served: {status}");
    let (attested, status, content) = call(nobody, gateway).await?;
    ensure!(!attested, "a caller without evidence passes for one with some");
    ensure!(status == StatusCode::FORBIDDEN, "a caller without evidence was answered {status}");
    if !content.contains(problem::ATTESTED_CALLER) {
        bail!("the refusal does not say what is missing: {content}");
    }
    ensure!(stage.reached().await? == before + 1, "the application was reached by nobody in particular");
    Ok(Told::new("two enclaves attest each other before a byte goes; a caller that shows nothing is refused")
        .saw("caller", format!("{status}, sealed: {}", content.trim())))
}

/// One request over a session of its own: whether the caller has attested itself, and the answer.
async fn call(settings: Settings, gateway: &Running) -> anyhow::Result<(bool, StatusCode, String)> {
    let connector = Connector::connect(settings).await?;
    let SealedWith::Session(facts) = connector.status().sealed_with else { bail!("another wire") };
    let uri = format!("http://{}/", gateway.address());
    let response = connector.oneshot(Request::get(uri).body(body::empty())?).await?;
    let status = response.status();
    let content = response.into_body().collect().await.map_err(|error| anyhow!("{error}"))?.to_bytes();
    Ok((facts.authenticated, status, String::from_utf8_lossy(&content).into_owned()))
}
