//! A session that is resumed: from the ticket to the first bytes of an answer, over loopback.

use super::{
    established, millis,
    requests::{self, Sealed},
};
use crate::{
    gateway::connect,
    process::Party,
    report::{Table, Target},
};
use anyhow::{Result, anyhow};
use http::Request;
use http_body_util::{BodyExt, Full};
use sealwire_crypto::random::OsRandom;
use sealwire_http::{
    session::{
        client::{self, Config, Received},
        media,
    },
    wire::SESSION_PATH,
};
use std::{path::Path, sync::Arc, time::Instant};

const ROUNDS: usize = 1000;

/// One after the other, on one connection.
pub(crate) async fn run(state: &Path) -> Result<Table> {
    let mut table = Table::new(
        "Session, resumed: from its ticket to the first bytes of an answer, over loopback",
        &["what", "median, us", "p99, us"],
    );
    let upstream = Party::start("upstream", &[])?;
    let arguments = [upstream.address.to_string(), state.display().to_string(), "x25519".to_owned()];
    let gateway = Party::start("gateway", &arguments)?;
    let authority = gateway.address.to_string();
    let (mut session, acceptance) = requests::handshake(state, gateway.address).await?;
    let config = Arc::new(Config::default());
    let mut connection = connect(gateway.address).await?;
    let mut took = Vec::with_capacity(ROUNDS);
    for _ in 0..ROUNDS {
        let ticket = session.ticket.take().ok_or_else(|| anyhow!("no ticket"))?;
        let begun = Instant::now();
        let started =
            client::start(config.clone(), &authority, None, Some(ticket), false, millis(), &OsRandom)?;
        let hello = Request::post(SESSION_PATH)
            .header("host", &authority)
            .header("content-type", media::HANDSHAKE)
            .body(Full::new(started.hello.into()))?;
        let flight = connection.send_request(hello).await?.into_body().collect().await?.to_bytes();
        let Received::Resumed(resumed) = started.next.receive(&flight, &OsRandom)? else {
            return Err(anyhow!("the ticket is not taken"));
        };
        session = established(resumed.accept(&acceptance, false)?)?;
        let sealed = Sealed::new(session);
        let request = sealed.some(&authority, 1)?.pop().ok_or_else(|| anyhow!("no request"))?;
        connection.ready().await?;
        let mut answer = connection.send_request(request).await?.into_body();
        let first = answer.frame().await;
        took.push(begun.elapsed().as_secs_f64() * 1e6);
        first.ok_or_else(|| anyhow!("no answer"))??;
        answer.collect().await?;
        connection.ready().await?;
        session = sealed.into_session();
    }
    took.sort_by(f64::total_cmp);
    let at = |place: usize| took.get(place).copied().ok_or_else(|| anyhow!("nothing was measured"));
    let (median, p99) = (at(ROUNDS / 2)?, at(ROUNDS * 99 / 100)?);
    let cells =
        ["handshake with agreement, then a request".to_owned(), format!("{median:.0}"), format!("{p99:.0}")];
    table.push(cells, p99, Target::AtMost(1000.0));
    Ok(table)
}
