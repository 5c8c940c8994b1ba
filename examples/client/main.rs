//! A client of an attested service, as a `tower::Service` and by its small face.
//!
//! ```text
//! cargo run -p sealwire-examples --bin client -- http://127.0.0.1:8443 policy.toml
//! ```

use anyhow::{Context, Result, anyhow};
use http::{Method, Request, Response};
use http_body_util::BodyExt;
use sealwire_attest::Policy;
use sealwire_client::{Connector, SealedWith, Settings};
use sealwire_http::{Body, body};
use std::{env, fs, time::Duration};
use tower::{Service, ServiceBuilder, ServiceExt};

#[tokio::main]
async fn main() -> Result<()> {
    let mut args = env::args().skip(1);
    let to = args.next().context("give the service's URL")?.parse()?;
    let policy = fs::read_to_string(args.next().context("give a policy file")?)?;

    // The hardware is verified, and held against the policy, before anything is sent.
    let connector = Connector::connect(Settings::new(to, Policy::from_toml(&policy)?)).await?;
    match connector.status().sealed_with {
        SealedWith::Session(facts) => println!("a session, {}", facts.suite.name()),
        _ => println!("the oblivious wire"),
    }

    // The small face: a request is a line.
    print!("{}", text(connector.get("/hello").await?).await?);
    let answer = connector.request(Method::POST, "/echo").body("said once\n").await?;
    print!("{}", text(answer).await?);

    // The same as a service, under any middleware of tower.
    let mut service = ServiceBuilder::new()
        .timeout(Duration::from_secs(10))
        .concurrency_limit(8)
        .service(connector.clone());
    let request = Request::post("/echo").body(body::full("said through tower\n"))?;
    let answer = service.ready().await.map_err(|error| anyhow!(error))?.call(request).await;
    print!("{}", text(answer.map_err(|error| anyhow!(error))?).await?);

    // The gateway forgets the session at once, not only when it has been idle.
    connector.close().await;
    Ok(())
}

async fn text(response: Response<Body>) -> Result<String> {
    let content = response.into_body().collect().await.map_err(|error| anyhow!(error))?;
    Ok(String::from_utf8(content.to_bytes().into())?)
}
