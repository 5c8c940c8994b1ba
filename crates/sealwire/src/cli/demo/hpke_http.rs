//! hpke-http/3: a second gateway, which knows its callers by pre-shared keys (HH-61).

use super::{
    report::Told,
    stage::{Stage, config},
};
use anyhow::{anyhow, bail, ensure};
use http::{Request, StatusCode};
use http_body_util::BodyExt;
use sealwire_attest::Policy;
use sealwire_client::{Connector, HpkeHttp, Settings, Wire};
use sealwire_crypto::random::{self, OsRandom};
use sealwire_gateway::{
    Config, Running,
    config::{HpkeHttp as Table, Route},
};
use sealwire_http::{body, hpke_http::Credential};
use std::{env, fs, io::Write, os::unix::fs::OpenOptionsExt, path::Path, sync::Arc};
use tower::ServiceExt;

const ID: &str = "a-random-id";
const KEY: &str = "a key that was given to the tenant, of 32 bytes or more";

/// A caller with the key is served, one without is not, and in clear nobody is.
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
    let path = folder.join("psks.toml");
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
    write!(file, "[[psk]]\nid = \"{ID}\"\nkey = \"{KEY}\"\ntenant = \"acme\"\n")?;
    let config = Config {
        hpke_http: Some(Table { psk_file: Some(path), ..Table::default() }),
        routes: vec![Route::new("/", stage.upstream.to_string().trim_end_matches('/'))],
        ..config()
    };
    Ok(stage.gateway(config).await?)
}

async fn calls(stage: &Stage, gateway: &Running) -> anyhow::Result<Told> {
    let verified = stage.shown.verified().map_err(|error| anyhow!("{error}"))?;
    let policy = Policy::exactly(verified, Some(&gateway.config_digest()), None);
    let settings = |key: &str| {
        let credential = Arc::new(Credential::new(ID, key.as_bytes())?);
        let to = format!("http://{}", gateway.address()).parse()?;
        let settings = Settings::new(to, Policy::from_toml(&policy)?);
        let hpke_http = Some(HpkeHttp::new(credential));
        anyhow::Ok(Settings { wire: Wire::HpkeHttp, hpke_http, ..settings })
    };
    let uri = format!("http://{}/", gateway.address());
    let ask = || anyhow::Ok(Request::get(&uri).body(body::empty())?);

    let before = stage.reached().await?;
    let response = Connector::connect(settings(KEY)?).await?.oneshot(ask()?).await?;
    let status = response.status();
    let content = response.into_body().collect().await.map_err(|error| anyhow!("{error}"))?.to_bytes();
    ensure!(stage.reached().await? == before + 1, "the request was not served: {status}");
    let stranger = Connector::connect(settings(&KEY.to_uppercase())?).await?.oneshot(ask()?).await;
    let Err(refused) = stranger else { bail!("a caller with another key was served") };
    let (clear, _) = super::plain::Plain::new(gateway.address()).get("/").await?;
    ensure!(clear == StatusCode::UPGRADE_REQUIRED, "a request in clear was answered {clear}");
    ensure!(stage.reached().await? == before + 1, "the application was reached by a stranger");
    Ok(Told::new(
        "a caller with a pre-shared key is served, under a key of the attested document; others are refused",
    )
    .saw("caller", format!("{status}, {} bytes", content.len()))
    .saw("stranger", format!("{refused}")))
}
