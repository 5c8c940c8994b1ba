//! Version 0 of the RA tunnel: requests one after the other, against a proxy in clear on one connection (TU-91).

use crate::{
    gateway::{self, Load},
    process::Party,
    report::{Table, Target},
    stream::accepting,
};
use anyhow::{Result, bail};
use http_body_util::BodyExt;
use sealwire_attest::Policy;
use sealwire_client::ra_tunnel::{Connector, Settings};
use sealwire_http::body;
use std::{future::Future, path::Path, time::Instant};
use tower::ServiceExt;

const REQUESTS: usize = 5000;
const ROUNDS: usize = 3;

/// Requests of 1 KiB whose answers are as long, in one second.
pub(crate) async fn run(state: &Path) -> Result<Table> {
    let columns = ["what", "plain, proxied", "sealed", "ratio"];
    let mut table = Table::new("Tunnel, version 0: one connection, one request after the other", &columns);
    let upstream = Party::start("upstream", &[])?;
    let proxy = Party::start("bare-proxy", &[upstream.address.to_string()])?;
    let arguments = [upstream.address.to_string(), state.display().to_string(), "x25519".to_owned()];
    let gateway = Party::start("gateway", &arguments)?;
    let policy = Policy::from_toml(&accepting(state)?)?;
    let to = format!("http://{}", gateway.address).parse()?;
    let connector = Connector::connect(Settings::new(to, policy)).await?;
    let (mut plain, mut sealed): (f64, f64) = (0.0, 0.0);
    for _ in 0..ROUNDS {
        let mut connection = gateway::connect(proxy.address).await?;
        let mut requests = gateway::plain().requests(proxy.address, REQUESTS)?;
        let work = async {
            while let Some(request) = requests.pop() {
                connection.ready().await?;
                let answer = connection.send_request(request).await?;
                if answer.status() != 200 {
                    bail!("status {}", answer.status());
                }
                answer.into_body().collect().await?;
            }
            Ok(())
        };
        plain = plain.max(rate(work).await?);
        let requests = gateway::plain().requests(gateway.address, REQUESTS)?;
        let work = async {
            for request in requests {
                let answer = connector.clone().oneshot(request.map(body::boxed)).await?;
                if answer.status() != 200 {
                    bail!("status {}", answer.status());
                }
                answer.into_body().collect().await.map_err(|error| anyhow::anyhow!("{error}"))?;
            }
            Ok(())
        };
        sealed = sealed.max(rate(work).await?);
    }
    let ratio = sealed / plain;
    let cells = [
        "requests of 1 KiB, /s".to_owned(),
        format!("{plain:.0}"),
        format!("{sealed:.0}"),
        format!("{ratio:.2}"),
    ];
    table.push(cells, ratio, Target::AtLeast(0.6));
    Ok(table)
}

/// Requests in a second.
async fn rate(work: impl Future<Output = Result<()>>) -> Result<f64> {
    let begun = Instant::now();
    work.await?;
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
    let count = REQUESTS as f64;
    Ok(count / begun.elapsed().as_secs_f64())
}
