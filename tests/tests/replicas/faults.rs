//! Three gateways, a balancer, a registry, and everything that can go wrong with them (SE-44): whatever does, nothing is
//! acted upon twice, nothing is in clear, and nothing comes from a stranger. Availability may suffer.

use super::fleet::{Balancer, Member, bound, call, connect, enclave, entry, free, instance, send, settings};
use axum::{Router, body::Body, extract::Request, response::Response, routing::any};
use http::{Method, StatusCode};
use sealwire_client::{Connector, Settings, Wire};
use sealwire_gateway::{Environment, Gateway};
use sealwire_http::{client::oblivious::Form, session::media};
use sealwire_tee::Development;
use sealwire_tests::{App, document::Server, redis::Redis, stage, tap::Tap, tee};
use std::{collections::HashMap, net::SocketAddr, sync::Arc};

/// Part of everything that is said, by either side, and of every path.
const SECRET: &str = "a-secret-of-the-caller";

const KINDS: [&str; 8] = ["chunked", "single", "session", "resumed", "early", "mutual", "bound", "channel"];

/// A connector of each kind, and the balancer that it comes by.
struct Caller {
    kind: &'static str,
    connector: Connector,
    balancer: Balancer,
    early: bool,
}

struct Scene {
    app: App,
    redis: Option<Redis>,
    members: Vec<Member>,
    callers: Vec<Caller>,
    next: usize,
    /// paths that were answered, with how
    answered: Vec<String>,
    /// paths of requests that may not be repeated
    once: Vec<String>,
}

impl Scene {
    /// Each caller has begun at one of the gateways, and no gateway has asked the registry for another yet.
    async fn set() -> Self {
        let (app, redis) = (App::echo().await, Redis::start());
        let url = redis.url();
        let mut members = Vec::new();
        for _ in 0..3 {
            members.push(Member::start(&app, Some(&url)).await);
        }
        let mut callers = Vec::new();
        for (number, kind) in KINDS.into_iter().enumerate() {
            let balancer = Balancer::before(&[members[number % 3].tap.address()]).await;
            let at = balancer.address;
            if kind == "bound" {
                for member in &mut members {
                    member.is_also(at).await;
                }
            }
            let settings = match kind {
                "chunked" => settings(at, Wire::Oblivious),
                "single" => Settings { form: Form::Single, ..settings(at, Wire::Oblivious) },
                "early" => Settings { early_data: true, ..settings(at, Wire::Session) },
                "mutual" => enclave(at),
                "bound" => bound(at),
                _ => settings(at, Wire::Session),
            };
            let connector = connect(settings).await;
            callers.push(Caller { kind, connector, balancer, early: ["resumed", "early"].contains(&kind) });
        }
        let (answered, once) = (Vec::new(), Vec::new());
        let mut scene = Self { app, redis: Some(redis), members, callers, next: 0, answered, once };
        let well = scene.everybody_speaks(1).await;
        assert!(well.iter().all(|(_, well)| *well), "{well:?}");
        scene
    }

    /// From now on every request goes to the next gateway that lives.
    fn balance(&self) {
        let living = self.members.iter().filter(|member| member.running.is_some());
        let living: Vec<SocketAddr> = living.map(|member| member.tap.address()).collect();
        self.callers.iter().for_each(|caller| caller.balancer.route(&living));
    }

    fn redis(&self) -> &Redis {
        self.redis.as_ref().unwrap()
    }

    fn ids(&self) -> Vec<[u8; 16]> {
        // The first three callers are at the three gateways.
        self.callers[..3].iter().map(|caller| instance(&caller.connector)).collect()
    }

    /// Every caller says something as often as `times`; who was answered well.
    async fn everybody_speaks(&mut self, times: usize) -> Vec<(&'static str, bool)> {
        let mut outcomes = Vec::new();
        for caller in &self.callers {
            for _ in 0..times {
                if caller.early {
                    // The next one begins with a ticket.
                    caller.connector.close().await;
                }
                let method = if caller.early { Method::GET } else { Method::POST };
                self.next += 1;
                // In bound mode the path is to be seen.
                let place = if caller.kind == "bound" { "seen" } else { SECRET };
                let path = format!("/{place}/{}", self.next);
                if method == Method::POST {
                    self.once.push(path.clone());
                }
                let said = format!("{SECRET} {}", self.next);
                let said = if method == Method::POST { said } else { String::new() };
                let outcome = match caller.kind {
                    "channel" => call(&caller.connector, &path, &said).await,
                    _ => send(&caller.connector, method, &path, &said).await,
                };
                let well = matches!(&outcome, Ok((StatusCode::OK, back)) if *back == said.as_bytes());
                // Nobody but the application says anything to a caller but the gateway's own errors.
                if let Ok((status, back)) = &outcome {
                    assert!(
                        well || status.is_client_error() || status.is_server_error(),
                        "{status} {back:?}"
                    );
                }
                if well {
                    self.answered.push(path);
                }
                outcomes.push((caller.kind, well));
            }
        }
        outcomes
    }

    /// What holds whatever has happened.
    fn holds(&self) {
        let mut counted: HashMap<String, usize> = HashMap::new();
        for head in self.app.seen() {
            *counted.entry(head.uri.path().to_owned()).or_default() += 1;
        }
        let count = |path: &String| counted.get(path).copied().unwrap_or_default();
        for path in &self.once {
            assert!(count(path) <= 1, "{path} was acted upon {} times", count(path));
        }
        for path in &self.answered {
            assert!(count(path) >= 1, "somebody else has answered {path}");
        }
        for member in &self.members {
            assert!(!member.tap.saw(SECRET.as_bytes()), "in clear between gateways");
        }
        let Some(redis) = &self.redis else { return };
        for key in ["sealwire:instance:*", "sealwire:ohttp-key:*"] {
            assert!(!String::from_utf8_lossy(&redis.say(&["KEYS", key])).contains(SECRET));
        }
    }

    /// With a gateway that needs nobody, everything is as ever.
    async fn one_alone_serves(&mut self) {
        let alive = self.members.iter().find(|member| member.running.is_some()).unwrap();
        let at = alive.tap.address();
        let fresh = connect(settings(at, Wire::Session)).await;
        let path = format!("/{SECRET}/last");
        assert_eq!(send(&fresh, Method::POST, &path, "well").await.unwrap().0, StatusCode::OK);
    }
}

fn all_well(outcomes: &[(&'static str, bool)]) {
    assert!(outcomes.iter().all(|(_, well)| *well), "{outcomes:?}");
}

// SE-44: where nothing fails, nobody notices that there are three.
#[tokio::test]
async fn nothing_fails() {
    let mut scene = Scene::set().await;
    scene.balance();
    all_well(&scene.everybody_speaks(6).await);
    for caller in &scene.callers {
        let counts = caller.connector.status().counts;
        assert_eq!((counts.renewals, counts.failed, counts.resent), (0, 0, 0), "{}", caller.kind);
    }
    scene.holds();
}

// SE-43, SE-44: an instance is killed, and another begins, while callers are at it.
#[tokio::test]
async fn an_instance_is_killed_and_another_begins() {
    let mut scene = Scene::set().await;
    scene.balance();
    scene.members[0].kill().await;
    scene.balance();
    let outcomes = scene.everybody_speaks(3).await;
    // Safe methods are sent again by whoever begins anew.
    assert!(
        outcomes.iter().all(|(kind, well)| *well || !["resumed", "early"].contains(kind)),
        "{outcomes:?}"
    );
    let url = scene.redis().url();
    scene.members.push(Member::start(&scene.app, Some(&url)).await);
    scene.balance();
    scene.everybody_speaks(3).await;
    scene.holds();
    scene.one_alone_serves().await;
}

// SE-44: the registry is gone before anybody has learnt anything by it.
#[tokio::test]
async fn the_registry_is_killed() {
    let mut scene = Scene::set().await;
    drop(scene.redis.take());
    scene.balance();
    scene.everybody_speaks(3).await;
    scene.holds();
    scene.one_alone_serves().await;
}

// SE-44: every entry is deleted, which is also what a registry does that starts anew.
#[tokio::test]
async fn entries_are_deleted() {
    let mut scene = Scene::set().await;
    scene.redis().say(&["FLUSHALL"]);
    scene.balance();
    scene.everybody_speaks(3).await;
    scene.holds();
    scene.one_alone_serves().await;
}

// SE-44: every entry leads to another instance than it says.
#[tokio::test]
async fn entries_are_swapped() {
    let mut scene = Scene::set().await;
    let ids = scene.ids();
    for (which, id) in ids.iter().enumerate() {
        let wrong = scene.members[(which + 1) % 3].tap.address();
        scene.redis().say(&["SET", &entry(id), &format!("http://{wrong}")]);
    }
    swap_keys(scene.redis(), &ids);
    scene.balance();
    scene.everybody_speaks(3).await;
    scene.holds();
    scene.one_alone_serves().await;
}

/// Every key id becomes the next instance's.
fn swap_keys(redis: &Redis, ids: &[[u8; 16]]) {
    let mut taken = 0;
    for key in 0..=255_u8 {
        let name = format!("sealwire:ohttp-key:{key}");
        let owner = String::from_utf8(redis.say(&["GET", &name])).unwrap();
        if let Some(which) = ids.iter().position(|id| owner.contains(&hex::encode(id))) {
            taken += 1;
            redis.say(&["SET", &name, &hex::encode(ids[(which + 1) % ids.len()])]);
        }
    }
    assert!(taken >= ids.len(), "every instance has a key");
}

// SE-44: the registry is rolled back to what it said before an instance was replaced by another in the same place.
#[tokio::test]
async fn entries_are_rolled_back() {
    let mut scene = Scene::set().await;
    let (old, url) = (scene.ids()[0], scene.redis().url());
    scene.members[0].kill().await;
    let place = scene.members[0].listen;
    let next = Member::at(place, &scene.app, Some(&url), |_| {}).await;
    scene.members.push(next);
    scene.redis().say(&["SET", &entry(&old), &format!("http://{place}")]);
    scene.balance();
    scene.everybody_speaks(3).await;
    scene.holds();
    scene.one_alone_serves().await;
}

// SE-44: a genuine gateway of somebody else's, whose hardware no policy here knows, is registered under the id of every
// instance: it gets sealed bytes, and nobody believes its answers.
#[tokio::test]
async fn a_stranger_is_registered_as_everybody() {
    let theirs = App::echo().await;
    let folder = tee::state().with_file_name("sealwire-tests-stranger");
    let root =
        tokio::task::spawn_blocking(move || Arc::new(Development::open(&folder).unwrap())).await.unwrap();
    let environment = Environment { tee: Some(root.into()), ..Environment::default() };
    let config = sealwire_gateway::Config { listen: free(), ..stage::config(&theirs.url()) };
    let stranger = Gateway::start_in(config, environment).await.unwrap();
    registered_as_everybody(stranger.address()).await;
    assert_eq!(theirs.counts().reached, 0);
}

// SE-44: and so is one that answers everything with something of the right form.
#[tokio::test]
async fn a_forger_is_registered_as_everybody() {
    let answer = |request: Request| async move {
        let asked = request.headers().get("content-type").map(|value| value.to_str().unwrap().to_owned());
        let media_type = match asked.as_deref() {
            Some("message/ohttp-chunked-req") => "message/ohttp-chunked-res",
            Some("message/ohttp-req") => "message/ohttp-res",
            Some(media::REQUEST) => media::RESPONSE,
            Some(media::EARLY) => media::EARLY,
            _ => media::HANDSHAKE,
        };
        let mut response = Response::new(Body::from(vec![0x5a; 700]));
        let headers = response.headers_mut();
        headers.insert("content-type", media_type.parse().unwrap());
        headers.insert("attest-binder", format!(":{}:", "A".repeat(88)).parse().unwrap());
        response
    };
    let forger = Server::start(Router::new().fallback(any(answer))).await;
    registered_as_everybody(forger.address).await;
}

async fn registered_as_everybody(stranger: SocketAddr) {
    let tap = Tap::before(stranger).await;
    let mut scene = Scene::set().await;
    let place = format!("http://{}", tap.address());
    let made_up = [0x77; 16];
    let ids = scene.ids();
    for id in ids.iter().chain([&made_up]) {
        scene.redis().say(&["SET", &entry(id), &place]);
    }
    scene.balance();
    scene.everybody_speaks(3).await;
    assert!(tap.connections() > 0, "sealed bytes went there");
    assert!(!tap.saw(SECRET.as_bytes()));
    scene.holds();
    scene.one_alone_serves().await;
}
