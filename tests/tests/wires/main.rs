//! Every wire of one gateway on one port at once, with callers that give up at random: no answer goes to another, nothing is
//! left behind, and nothing hangs.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::expect_used, clippy::panic)]

mod application;
mod caller;

use application::application;
use caller::{Caller, Tally};
use sealwire_client::{Connector, HpkeHttp, HpkeHttp1, Settings, Wire};
use sealwire_gateway::{
    Config,
    config::{self, Ehbp, Legacy, RouteEhbp, RouteLegacy, RouteLegacyTable},
};
use sealwire_http::{
    client::oblivious::Form,
    hpke_http::{self, legacy},
};
use sealwire_tests::{PATIENCE, Stage, metrics::IN_FLIGHT};
use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    sync::Arc,
};
use tokio::{runtime::Handle, task::JoinSet, time::timeout};

/// Callers of each wire, all at once.
const CALLERS: u64 = 4;
/// Exchanges of each, one after the other.
const EXCHANGES: u64 = 150;
/// What callers do follows from this, and from how tasks happen to be scheduled.
const SEED: u64 = 0x5ea1;

/// The pre-shared key of an id, which is nobody else's: of 32 bytes at least.
fn psk(id: &str) -> String {
    format!("the pre-shared key of the tenant {id}, which is long")
}

/// How an exchange goes.
#[derive(Clone, Copy)]
enum Way {
    Request,
    Socket,
}

/// Each wire, as its callers speak it.
fn wires(settings: &Settings) -> Vec<(&'static str, Way, Settings)> {
    let of = |wire: Wire| Settings { wire, ..settings.clone() };
    let new =
        HpkeHttp::new(Arc::new(hpke_http::Credential::new("acme-3", psk("acme-3").as_bytes()).unwrap()));
    let old = HpkeHttp1::new(Arc::new(legacy::Credential::new("acme-1", psk("acme-1").as_bytes()).unwrap()));
    vec![
        ("oblivious, chunked", Way::Request, of(Wire::Oblivious)),
        ("oblivious, single", Way::Request, Settings { form: Form::Single, ..of(Wire::Oblivious) }),
        ("session", Way::Request, of(Wire::Session)),
        ("session, bound", Way::Request, Settings { bound: Some(Vec::new()), ..of(Wire::Session) }),
        ("channel", Way::Socket, of(Wire::Session)),
        ("tunnel", Way::Request, of(Wire::Tunnel)),
        ("tunnel, sockets", Way::Socket, of(Wire::Tunnel)),
        ("EHBP", Way::Request, of(Wire::Ehbp)),
        ("hpke-http/3", Way::Request, Settings { hpke_http: Some(new), ..of(Wire::HpkeHttp) }),
        ("hpke-http 1.x", Way::Request, Settings { hpke_http_1: Some(old), ..of(Wire::HpkeHttp1) }),
    ]
}

/// Pre-shared keys, one for each generation of hpke-http.
fn psks(folder: &Path) -> PathBuf {
    let path = folder.join("psks.toml");
    let one = |id: &str, wire: &str| {
        let key = psk(id);
        format!("[[psk]]\nid = \"{id}\"\nkey = \"{key}\"\ntenant = \"acme\"\nwire = \"{wire}\"\n")
    };
    fs::write(&path, one("acme-3", "hpke-http/3") + &one("acme-1", "hpke-http/1.x")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    path
}

/// Switches on what is off by default.
fn all_wires(config: &mut Config, psks: PathBuf) {
    // In bound mode the name of the outside is the one inside.
    config.authorities.clear();
    config.ehbp = Some(Ehbp::default());
    let paths = vec!["/echo".to_owned()];
    config.routes[0].ehbp = Some(RouteEhbp { paths: paths.clone(), ..RouteEhbp::default() });
    config.hpke_http = Some(config::HpkeHttp {
        psk_file: Some(psks),
        legacy: Some(Legacy::default()),
        ..Default::default()
    });
    let table = RouteLegacyTable { paths: Some(paths), ..RouteLegacyTable::default() };
    config.routes[0].legacy = Some(RouteLegacy::Table(table));
}

/// Waits for as long as a busy machine may take.
async fn patiently<F: Future>(what: &str, future: F) -> F::Output {
    timeout(10 * PATIENCE, future).await.unwrap_or_else(|_| panic!("waited in vain for {what}"))
}

async fn eventually<F: Future<Output = bool>>(what: &str, mut holds: impl FnMut() -> F) {
    let asking = async {
        while !holds().await {
            tokio::task::yield_now().await;
        }
    };
    patiently(what, asking).await;
}

// SE-36, SE-37, EH-42, OB-25, TU-68: whoever asks gets his own answer, by whichever wire, whatever others do meanwhile.
#[tokio::test(flavor = "multi_thread")]
async fn all_wires_at_once() {
    let tasks = || Handle::current().metrics().num_alive_tasks();
    let before = tasks();
    {
        let folder = tempfile::tempdir().unwrap();
        let psks = psks(folder.path());
        let stage = Stage::alone(application().await, |config| all_wires(config, psks)).await;
        let tally = traffic(&stage).await;
        for (name, tally) in &tally {
            println!("{name}: {tally:?}");
            assert!(tally.whole > 0 && tally.given_up > 0, "{name}: {tally:?}");
        }

        // What was given up is given up everywhere.
        eventually("every request to have ended", || async {
            let counts = stage.app.counts();
            counts.reached == counts.completed + counts.aborted
        })
        .await;
        eventually("nothing to be in flight", || async {
            let metrics = stage.metrics().await;
            metrics.get(IN_FLIGHT) == 0.0 && metrics.get("sealwire_channels") == 0.0
        })
        .await;
        let Stage { app, gateway, .. } = stage;
        patiently("the gateway to stop", gateway.shutdown()).await;
        drop(app);
    }
    eventually("every task to have ended", || async { tasks() <= before }).await;
}

/// All callers, until the last one has finished.
async fn traffic(stage: &Stage) -> Vec<(&'static str, Tally)> {
    let mut running = JoinSet::new();
    let settings = Settings { authority: None, ..stage.settings() };
    for (wire, (name, way, settings)) in wires(&settings).into_iter().enumerate() {
        let connector = patiently(name, Connector::connect(settings)).await.unwrap();
        for number in 0..CALLERS {
            let seed = SEED ^ ((wire as u64) << 32) ^ number;
            let mut caller = Caller::new(connector.clone(), name, number, seed);
            running.spawn(async move {
                for exchange in 0..EXCHANGES {
                    let what = format!("{name}, caller {number}, exchange {exchange}");
                    match way {
                        Way::Request => patiently(&what, caller.request(exchange)).await,
                        Way::Socket => patiently(&what, caller.socket(exchange)).await,
                    }
                }
                (wire, name, caller.tally)
            });
        }
    }
    let mut tally: Vec<(&'static str, Tally)> = Vec::new();
    let mut all: Vec<_> = Vec::new();
    while let Some(ended) = running.join_next().await {
        all.push(ended.unwrap());
    }
    all.sort_unstable_by_key(|(wire, ..)| *wire);
    for (_, name, one) in all {
        match tally.iter_mut().find(|(known, _)| *known == name) {
            Some((_, sum)) => sum.add(one),
            None => tally.push((name, one)),
        }
    }
    tally
}
