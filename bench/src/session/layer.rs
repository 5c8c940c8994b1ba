//! What the wire's layer costs by itself: no sockets, no gateway, an application that echoes.

use super::{AUTHORITY, Anything, Ends, millis, requests::Sealed};
use crate::{
    measure::nanos,
    report::{Table, Target},
};
use anyhow::{Result, anyhow};
use bytes::Bytes;
use futures_util::future::{BoxFuture, FutureExt};
use http::{Request, Response};
use http_body_util::BodyExt;
use sealwire_attest::Bound;
use sealwire_crypto::{
    aead::{Aead, Key},
    digest::Hash,
    mac,
    random::{OsRandom, Random},
};
use sealwire_http::{
    Body, Identity, SystemClock, body, channel,
    server::{
        RouteRules, Routes,
        session::{Callers, Channels, Rewrites, SessionLayer, Settings, Shown, Shows},
        tunnels::Tunnels,
    },
    session::{
        Scheme,
        server::{Pending, Table as Sessions},
    },
};
use sealwire_message::bhttp::{self, RequestHead};
use std::{convert::Infallible, path::Path, sync::Arc, time::Duration};
use tower::{Layer, ServiceExt, service_fn};

/// Requests that are made before the clock runs.
const REQUESTS: usize = 20_000;

/// Against the primitives of one exchange.
pub(crate) fn run(state: &Path) -> Result<Table> {
    let mut table = Table::new(
        "Session, one 1 KiB exchange without sockets, us on one core",
        &["what", "us", "primitives, us", "ratio"],
    );
    let ends = Ends::new(state, Scheme::Ed25519)?;
    let started = ends.hello()?;
    let (flight, session) = ends.flight(&started.hello)?;
    let session_of_client = ends.finish(started, &flight)?;
    let sessions = Arc::new(Sessions::new(ends.server.config().limits));
    sessions.insert(session, Identity::Nobody, millis());
    let layer = SessionLayer::new(Settings {
        table: sessions,
        pending: Arc::new(Pending::new(&ends.server.config().limits)),
        once: Arc::new(Anything),
        shows: Arc::new(Nothing),
        callers: Callers::Anybody,
        routes: Arc::new(Open),
        clock: Arc::new(SystemClock),
        random: Arc::new(OsRandom),
        bhttp: bhttp::Limits::default(),
        header_time: Duration::from_secs(10),
        idle_time: Duration::from_secs(60),
        gathered: 1 << 20,
        channels: Channels {
            tunnels: Arc::new(Tunnels::new(0)),
            settings: channel::Settings::default(),
            closing: Duration::ZERO,
        },
        rewrites: Arc::new(Rewrites::default()),
        server: Arc::new(ends.server),
    });
    let echo = service_fn(|request: Request<Body>| async move {
        let content = request.into_body().collect().await.map(|whole| whole.to_bytes()).unwrap_or_default();
        Ok::<_, Infallible>(Response::new(body::full(content)))
    });
    let service = layer.layer(echo);
    let sealed = Sealed::new(session_of_client);
    let mut requests = Vec::new();
    let mut failed = false;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let us = runtime.block_on(async {
        let mut best = f64::INFINITY;
        for _ in 0..5 {
            requests.extend(sealed.some(AUTHORITY, REQUESTS)?);
            let start = std::time::Instant::now();
            while let Some(request) = requests.pop() {
                let request = request.map(body::boxed);
                let Ok(answer) = service.clone().oneshot(request).await;
                failed |= answer.status() != 200;
                failed |= answer.into_body().collect().await.is_err();
            }
            #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
            let each = start.elapsed().as_secs_f64() * 1e6 / REQUESTS as f64;
            best = best.min(each);
        }
        anyhow::Ok(best)
    })?;
    if failed {
        return Err(anyhow!("a request failed"));
    }
    let floor = primitives()? / 1000.0;
    let ratio = us / floor;
    let cells = ["echo".to_owned(), format!("{us:.2}"), format!("{floor:.2}"), format!("{ratio:.2}")];
    table.push(cells, ratio, Target::None);
    Ok(table)
}

/// What one exchange cannot do without, in nanoseconds: four MACs, a random value, a message opened and one sealed.
fn primitives() -> Result<f64> {
    let key = mac::Key::new(Hash::Sha384, &[1; 48]);
    let whole = || {
        let mut random = [0; 32];
        OsRandom.fill(&mut random)?;
        let [_, request, answer, _] = [0; 4].map(|label: u8| key.sign(&[&[label; 20], &random, &random]));
        let key_of = |tag: &mac::Tag| Key::new(Aead::Aes256Gcm, tag.as_bytes().get(..32).unwrap_or_default());
        let (opening, sealing) = (key_of(&request)?, key_of(&answer)?);
        // What is no ciphertext is read as far as what is one, and the tag compared.
        let mut message = [0x5a; 1280 + 16];
        let refused = opening.open([0; 12], b"final", &mut message).is_err();
        let tag = sealing.seal([0; 12], b"final", message.get_mut(..1280).unwrap_or_default())?;
        anyhow::Ok((refused, tag))
    };
    whole()?;
    Ok(nanos(|| {
        let _ = std::hint::black_box(whole());
    }))
}

struct Nothing;

impl Shows for Nothing {
    fn shown(&self) -> Arc<Shown> {
        Arc::new(Shown { document: [0; 48], published: Bytes::new(), authorities: Arc::new([]) })
    }

    fn quote(&self, _: Bound) -> BoxFuture<'static, Option<Vec<u8>>> {
        std::future::ready(None).boxed()
    }
}

struct Open;

impl Routes for Open {
    fn rules(&self, _: &RequestHead) -> RouteRules {
        RouteRules::default()
    }
}
