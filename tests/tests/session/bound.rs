//! Bound mode (SE-31): method, target and some fields show outside, under the header MAC.

use super::{attest, by_hand::handshake, send, whole};
use axum::{Router, body::Body as AxumBody, extract::Request as Incoming, response::Response as Outgoing};
use bytes::BytesMut;
use http::{HeaderName, HeaderValue, Method, Request, StatusCode, Version, header, request::Parts};
use sealwire_client::{Connector, Settings, Wire, transport::Transport};
use sealwire_crypto::random::OsRandom;
use sealwire_gateway::{Config, config::PathPrefix};
use sealwire_http::{
    Body, body,
    session::{
        client::Established,
        media,
        request::{AwaitAnswer, Binder, Listed, Mode, Padding, Ticket, base_id},
    },
    wire::SESSION_REQUEST_PATH,
};
use sealwire_message::{
    bhttp::{self, RequestHead, encode},
    chunk,
};
use sealwire_tests::{
    Stage,
    document::Server,
    message,
    raw::Answer,
    stage::{self, AUTHORITY},
    tap::Tap,
    within,
};
use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};
use tower::ServiceExt;

/// The outside of a request in bound mode, as it is sent.
#[derive(Clone)]
struct Outer {
    method: &'static str,
    target: &'static str,
    host: &'static str,
    /// what comes besides id, ticket and media type
    fields: Vec<(&'static str, &'static str)>,
}

/// POST of `/v1/items?a=1` with two listed fields.
fn outer() -> Outer {
    Outer {
        method: "POST",
        target: "/v1/items?a=1",
        host: AUTHORITY,
        fields: vec![
            ("attest-listed", "\"x-tenant\", \"x-region\""),
            ("x-tenant", "blue"),
            ("x-region", "north"),
            ("x-region", "east"),
        ],
    }
}

/// What its caller has listed.
fn listed() -> Listed {
    let mut listed = Listed::target("POST", AUTHORITY, "/v1/items", "a=1");
    listed.field("x-tenant", b"blue");
    listed.field("x-region", b"north, east");
    listed
}

fn inner() -> RequestHead {
    message::head("POST", "/v1/items?a=1")
}

fn ticket(live: &Established, number: u64, mode: Mode, listed: &Listed) -> Ticket {
    live.secrets.request.ticket(&live.id, number, mode, listed, &OsRandom).unwrap()
}

fn seal(live: &Established, ticket: Ticket, head: &RequestHead) -> (BytesMut, AwaitAnswer) {
    let limits = chunk::Limits::default();
    let sealing = live.secrets.request.seal(ticket).unwrap().sealing(Padding::To(256), limits);
    let mut plaintext = BytesMut::new();
    encode::request_head(&mut plaintext, head);
    encode::end(&mut plaintext, None);
    let mut sealed = BytesMut::new();
    sealing.0.finish(&mut sealed, &[&plaintext]).unwrap();
    (sealed, sealing.1)
}

/// Sends `outer` with the ticket and what is sealed under it.
async fn say(at: SocketAddr, live: &Established, outer: &Outer, ticket: Ticket, sealed: &[u8]) -> Answer {
    let Outer { method, target, host, fields } = outer;
    let (id, ticket) = (base_id(&live.id), ticket.to_field());
    let mut head = format!(
        "{method} {target} HTTP/1.1\r\nhost: {host}\r\ncontent-type: {}\r\ncontent-length: {}\r\n\
         attest-base-id: {id}\r\nattest-ticket: {ticket}\r\n",
        media::REQUEST,
        sealed.len()
    );
    for (name, value) in fields {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    let mut raw = sealwire_tests::raw::Raw::connect(at).await;
    raw.send(head + "\r\n").await.send(sealed).await.answer().await
}

/// The inner status of a sealed answer.
fn status(answer: &Answer, awaited: AwaitAnswer) -> u16 {
    assert_eq!((answer.status, answer.field("content-type")), (200, media::RESPONSE), "{}", answer.text());
    let binder = Binder::from_field(answer.field("attest-binder").as_bytes()).unwrap();
    super::by_hand::status(awaited.receive(&binder).unwrap(), &answer.content)
}

/// Seals a request and sends it: the inner status.
async fn exchange(
    stage: &Stage,
    live: &Established,
    number: u64,
    (outer, listed): (&Outer, &Listed),
    head: &RequestHead,
) -> u16 {
    let ticket = ticket(live, number, Mode::Bound, listed);
    let (sealed, awaited) = seal(live, ticket, head);
    status(&say(stage.address(), live, outer, ticket, &sealed).await, awaited)
}

/// Whether a request in bound mode works in a session, over HTTP/1.1 or HTTP/2: it names whom it is for in another way
/// there (SE-50).
pub(crate) async fn works(version: attest::Version, stage: &Stage, live: &Established) {
    let target = Listed::target("GET", AUTHORITY, "/v1/works", "a");
    let ticket = ticket(live, 0, Mode::Bound, &target);
    let (sealed, awaited) = seal(live, ticket, &message::head("GET", "/v1/works?a"));
    let (id, ticket) = (base_id(&live.id), ticket.to_field());
    let fields = [("content-type", media::REQUEST), ("attest-base-id", &*id), ("attest-ticket", &*ticket)];
    let answer = attest::send(version, stage.address(), ("GET", "/v1/works?a"), &fields, &sealed).await;
    assert_eq!(status(&answer, awaited), 200);
}

fn values<'a>(seen: &'a Parts, name: &str) -> Vec<&'a str> {
    seen.headers.get_all(name).iter().map(|value| value.to_str().unwrap()).collect()
}

// SE-31: what is listed and not sealed joins what is sealed; what is both is the same; what is neither goes nowhere.
// SE-78: a role that somebody on the way adds is believed by nobody.
#[tokio::test]
async fn se_78_sealed_and_listed_fields_alone_reach_the_application() {
    let stage = Stage::start().await;
    let live = handshake(&stage).await;
    let mut head = inner();
    for (name, value) in [("x-tenant", "blue"), ("x-inside", "1")] {
        head.headers.insert(name, HeaderValue::from_static(value));
    }
    let mut shown = outer();
    for injected in [("x-role", "admin"), ("x-inside", "2"), ("authorization", "Bearer x"), ("cookie", "a=1")]
    {
        shown.fields.push(injected);
    }
    assert_eq!(exchange(&stage, &live, 0, (&shown, &listed()), &head).await, 200);
    // In hidden mode nothing of the outside counts, a list of fields included.
    let hidden = Outer { target: SESSION_REQUEST_PATH, ..shown.clone() };
    let ticket = ticket(&live, 1, Mode::Hidden, &Listed::nothing());
    let (sealed, awaited) = seal(&live, ticket, &head);
    assert_eq!(status(&say(stage.address(), &live, &hidden, ticket, &sealed).await, awaited), 200);
    let seen = stage.app.seen();
    for (seen, regions) in seen.iter().zip([&["north", "east"][..], &[]]) {
        assert_eq!(seen.uri.path_and_query().unwrap(), "/v1/items?a=1");
        assert_eq!((values(seen, "x-tenant"), values(seen, "x-inside")), (vec!["blue"], vec!["1"]));
        assert_eq!(values(seen, "x-region"), regions);
        for name in ["x-role", "authorization", "cookie", "attest-listed", "attest-base-id", "attest-ticket"]
        {
            assert!(!seen.headers.contains_key(name), "{name}");
        }
        assert_ne!(values(seen, "content-type"), [media::REQUEST]);
    }
    assert_eq!(seen.len(), 2);
}

// SE-31: whoever routes by the outside routes what the application gets. A caller that says two things is refused inside.
#[tokio::test]
async fn the_inside_is_what_the_outside_says() {
    let stage = Stage::start().await;
    let live = handshake(&stage).await;
    let tenant = |value: &'static str| {
        let mut head = inner();
        head.headers.insert("x-tenant", HeaderValue::from_static(value));
        head
    };
    let another = RequestHead { authority: Some(format!("{AUTHORITY}:443").parse().unwrap()), ..inner() };
    let refused = [
        message::head("PUT", "/v1/items?a=1"),
        message::head("POST", "/v1/item?a=1"),
        message::head("POST", "/v1/items?a=2"),
        message::head("POST", "/v1/items"),
        another,
        tenant("red"),
        tenant("blue, blue"),
    ];
    for (number, head) in refused.iter().enumerate() {
        let got = exchange(&stage, &live, number as u64, (&outer(), &listed()), head).await;
        assert_eq!(got, 400, "{head:?}");
    }
    assert_eq!(stage.app.counts().reached, 0);
    assert_eq!(exchange(&stage, &live, 99, (&outer(), &listed()), &tenant("blue")).await, 200);
}

// SE-31, SE-79: whatever is changed of method, name, path, query or a listed field breaks the MAC, a diversion to another
// path included. SE-74: and it moves nothing, so that the request itself still comes.
#[tokio::test]
async fn se_79_what_shows_cannot_be_changed() {
    let stage = Stage::start().await;
    let live = handshake(&stage).await;
    let ticket = ticket(&live, 0, Mode::Bound, &listed());
    let (sealed, awaited) = seal(&live, ticket, &inner());
    let with = |index: usize, field: (&'static str, &'static str)| {
        let mut changed = outer();
        changed.fields[index] = field;
        changed
    };
    let more = |field: (&'static str, &'static str)| {
        let mut changed = outer();
        changed.fields.push(field);
        changed
    };
    let hint = say(stage.address(), &live, &Outer { method: "PUT", ..outer() }, ticket, &sealed).await;
    assert_eq!((hint.status, hint.field("content-type")), (409, "application/problem+json"));
    for (what, changed) in [
        ("method", Outer { method: "GET", ..outer() }),
        ("method", Outer { method: "post", ..outer() }),
        ("path", Outer { target: "/v1/items/?a=1", ..outer() }),
        ("path", Outer { target: "/v1/%69tems?a=1", ..outer() }),
        ("path", Outer { target: "/V1/items?a=1", ..outer() }),
        ("diversion", Outer { target: "/v1/admin?a=1", ..outer() }),
        ("query", Outer { target: "/v1/items?a=2", ..outer() }),
        ("query", Outer { target: "/v1/items", ..outer() }),
        ("query and path", Outer { target: "/v1/itemsa?=1", ..outer() }),
        ("authority", Outer { host: "other.example", ..outer() }),
        ("authority", Outer { host: "APP.example", ..outer() }),
        ("authority", Outer { host: "app.example:443", ..outer() }),
        ("value", with(1, ("x-tenant", "red"))),
        ("value", with(3, ("x-region", "south"))),
        ("added line", more(("x-tenant", "red"))),
        ("added line", more(("x-tenant", "blue"))),
        ("order of lines", {
            let mut changed = outer();
            changed.fields.swap(2, 3);
            changed
        }),
        ("order of the list", with(0, ("attest-listed", "\"x-region\", \"x-tenant\""))),
        ("shorter list", with(0, ("attest-listed", "\"x-tenant\""))),
        ("longer list", with(0, ("attest-listed", "\"x-tenant\", \"x-region\", \"content-language\""))),
        ("no list", with(0, ("x-other", "1"))),
    ] {
        let mut changed = changed;
        changed.fields.push(("content-language", "en"));
        let answer = say(stage.address(), &live, &changed, ticket, &sealed).await;
        assert_eq!((answer.status, &answer.content), (409, &hint.content), "{what} {}", changed.target);
    }
    // What can be no list, or lists what is not there, is told so: anybody can see it.
    for (what, changed) in [
        ("twice", with(0, ("attest-listed", "\"x-tenant\", \"x-tenant\", \"x-region\""))),
        ("upper case", with(0, ("attest-listed", "\"X-Tenant\", \"x-region\""))),
        ("not there", with(1, ("x-other", "blue"))),
        ("two lists", more(("attest-listed", "\"x-tenant\""))),
        ("not to be listed", with(0, ("attest-listed", "\"x-tenant\", \"x-region\", \"host\""))),
        ("two names", more(("host", AUTHORITY))),
    ] {
        let answer = say(stage.address(), &live, &changed, ticket, &sealed).await;
        assert_eq!(answer.status, 400, "{what}: {}", answer.text());
    }
    assert_eq!(stage.app.counts().reached, 0);
    assert_eq!(status(&say(stage.address(), &live, &outer(), ticket, &sealed).await, awaited), 200);
    // Lines that were joined on the way are the same value (RFC 9110 section 5.3).
    let mut joined = outer();
    joined.fields.truncate(2);
    joined.fields.push(("x-region", "north, east"));
    assert_eq!(exchange(&stage, &live, 1, (&joined, &listed()), &inner()).await, 200);
}

// SE-31: a MAC is for one mode, and for one place.
#[tokio::test]
async fn a_mac_is_for_its_mode() {
    let stage = Stage::start().await;
    let live = handshake(&stage).await;
    let plain = Outer { fields: Vec::new(), ..outer() };
    let target = Listed::target("POST", AUTHORITY, "/v1/items", "a=1");
    for (number, (mode, listed, shown)) in [
        (Mode::Hidden, Listed::nothing(), plain.clone()),
        (Mode::Hidden, target.clone(), plain.clone()),
        (Mode::Channel, target.clone(), plain.clone()),
        (Mode::Bound, target.clone(), Outer { target: SESSION_REQUEST_PATH, ..plain.clone() }),
    ]
    .into_iter()
    .enumerate()
    {
        let ticket = ticket(&live, number as u64, mode, &listed);
        let (sealed, _) = seal(&live, ticket, &inner());
        assert_eq!(say(stage.address(), &live, &shown, ticket, &sealed).await.status, 409, "{mode:?}");
    }
    assert_eq!(stage.app.counts().reached, 0);
    assert_eq!(exchange(&stage, &live, 9, (&plain, &target), &inner()).await, 200);
}

// SE-36: no 100 comes before what is sealed has been looked at; without the marker it is a request in clear.
#[tokio::test]
async fn expectations_and_markers() {
    let stage = Stage::start().await;
    let live = handshake(&stage).await;
    let ticket = ticket(&live, 0, Mode::Bound, &listed());
    let (sealed, awaited) = seal(&live, ticket, &inner());
    let mut expecting = outer();
    expecting.fields.push(("expect", "100-continue"));
    assert_eq!(say(stage.address(), &live, &expecting, ticket, &sealed).await.status, 417);
    let head = Outer { method: "HEAD", ..outer() };
    let mut raw = stage.connect().await;
    let text = format!(
        "HEAD {} HTTP/1.1\r\nhost: {AUTHORITY}\r\ncontent-type: {}\r\ncontent-length: 0\r\nattest-base-id: {}\r\n\r\n",
        head.target,
        media::REQUEST,
        base_id(&live.id)
    );
    assert_eq!(raw.send(text).await.head().await.unwrap().status, 405);
    let fields = [("content-type", media::REQUEST), ("attest-ticket", &*ticket.to_field())];
    let answer = stage.connect().await.post("/v1/items?a=1", &fields, &sealed).await.answer().await;
    assert_eq!(answer.status, 403, "clear text is not taken");
    assert_eq!(status(&say(stage.address(), &live, &outer(), ticket, &sealed).await, awaited), 200);
}

/// What a proxy in front of the gateway makes of a request.
type Change = Arc<dyn Fn(&mut Parts) + Send + Sync>;

/// A proxy as others run it: it reads requests, changes them, and sends them on over connections of its own.
struct Proxy {
    server: Server,
    seen: Arc<Mutex<Vec<Parts>>>,
}

impl Proxy {
    async fn before(gateway: SocketAddr, change: impl Fn(&mut Parts) + Send + Sync + 'static) -> Self {
        let to = format!("http://{gateway}").parse().unwrap();
        let transport = Transport::new([&to], &[], Duration::from_secs(5)).unwrap();
        let (change, seen): (Change, _) = (Arc::new(change), Arc::<Mutex<Vec<Parts>>>::default());
        let log = seen.clone();
        let pass = move |request: Incoming| {
            let (change, log, transport) = (change.clone(), log.clone(), transport.clone());
            async move { pass(request, gateway, &*change, &log, transport).await }
        };
        Self { server: Server::start(Router::new().fallback(pass)).await, seen }
    }

    async fn connector(&self, listed: &[&'static str]) -> Connector {
        let names = listed.iter().map(|name| HeaderName::from_static(name)).collect();
        let settings =
            Settings { wire: Wire::Session, bound: Some(names), ..stage::settings(self.server.address) };
        within("a session", Connector::connect(settings)).await.unwrap()
    }

    /// The requests that went by in bound mode.
    fn bound(&self) -> Vec<Parts> {
        let seen = self.seen.lock().unwrap();
        seen.iter().filter(|parts| !parts.uri.path().starts_with("/.well-known/")).cloned().collect()
    }
}

async fn pass(
    request: Incoming,
    gateway: SocketAddr,
    change: &(dyn Fn(&mut Parts) + Send + Sync),
    log: &Mutex<Vec<Parts>>,
    transport: Transport,
) -> Outgoing {
    let (mut parts, content) = request.into_parts();
    log.lock().unwrap().push(parts.clone());
    bhttp::remove_connection_fields(&mut parts.headers);
    change(&mut parts);
    let path = parts.uri.path_and_query().unwrap().clone();
    parts.uri = format!("http://{gateway}{path}").parse().unwrap();
    parts.version = Version::HTTP_11;
    let mut request = Request::from_parts(parts, body::boxed(content));
    body::frame(&mut request);
    let answer = transport.oneshot(request).await.unwrap();
    let (mut parts, content) = answer.into_parts();
    bhttp::remove_connection_fields(&mut parts.headers);
    Outgoing::from_parts(parts, AxumBody::new(content))
}

fn named(host: &'static str) -> impl Fn(&mut Parts) + Send + Sync {
    move |parts| {
        parts.headers.insert(header::HOST, HeaderValue::from_static(host));
    }
}

/// Puts `to` in the place of the prefix `from` of what is no wire's own.
fn moved(from: &'static str, to: &'static str) -> impl Fn(&mut Parts) + Send + Sync {
    move |parts| {
        named(AUTHORITY)(parts);
        let path = parts.uri.path_and_query().unwrap().as_str();
        if let Some(rest) = path.strip_prefix(from).filter(|_| !path.starts_with("/.well-known/")) {
            parts.uri = format!("{to}{rest}").parse().unwrap();
        }
    }
}

async fn ask(connector: &Connector, method: Method, path: &str, content: Body) -> (StatusCode, Vec<u8>) {
    whole(send(connector, method, path, content).await).await
}

// SE-31: the proxy sees method and target, and the fields that are listed, and nothing else; the application what was asked.
#[tokio::test]
async fn a_proxy_sees_what_it_routes_by() {
    let stage = Stage::start().await;
    let tap = Tap::before(stage.address()).await;
    let behind = tap.url().authority().unwrap().as_str().parse().unwrap();
    let proxy = Proxy::before(behind, named(AUTHORITY)).await;
    let connector = proxy.connector(&["x-tenant", "x-absent"]).await;
    let ask = |method: Method, path: &'static str, content: Body| {
        let request = Request::builder()
            .method(method)
            .uri(format!("https://{AUTHORITY}{path}"))
            .header("x-tenant", "blue")
            .header("x-secret", "Ada Lovelace")
            .body(content)
            .unwrap();
        let connector = connector.clone();
        async move { whole(within("an answer", connector.oneshot(request)).await.unwrap()).await }
    };
    let empty = body::empty;
    for (method, path, content, said) in [
        (Method::POST, "/v1/items?a=1", body::full("Grace Hopper"), "Grace Hopper"),
        (Method::GET, "/", empty(), ""),
        (Method::GET, "/a%20b?", body::full("content of a GET"), "content of a GET"),
        (Method::DELETE, "/v1/items/7", empty(), ""),
        (Method::OPTIONS, "/v1", empty(), ""),
    ] {
        assert_eq!(ask(method, path, content).await, (StatusCode::OK, said.into()), "{path}");
    }
    let seen: Vec<_> = proxy.bound().into_iter().map(|seen| (seen.method, seen.uri.to_string())).collect();
    let expected = [
        (Method::POST, "/v1/items?a=1"),
        (Method::GET, "/"),
        (Method::GET, "/a%20b?"),
        (Method::DELETE, "/v1/items/7"),
        (Method::OPTIONS, "/v1"),
    ];
    assert_eq!(seen, expected.clone().map(|(method, path)| (method, path.to_owned())));
    for seen in proxy.bound() {
        assert_eq!(values(&seen, "attest-listed"), ["\"x-tenant\""]);
        assert_eq!(values(&seen, "x-tenant"), ["blue"]);
    }
    for (got, (method, path)) in stage.app.seen().iter().zip(expected) {
        assert_eq!((&got.method, got.uri.to_string().as_str()), (&method, path));
        assert_eq!((values(got, "x-tenant"), values(got, "x-secret")), (vec!["blue"], vec!["Ada Lovelace"]));
    }
    for secret in ["Grace Hopper", "Ada Lovelace", "x-secret", "content of a GET"] {
        assert!(!tap.saw(secret.as_bytes()), "{secret}");
    }
    assert!(tap.saw(b"x-tenant") && tap.saw(b"/v1/items?a=1"), "the tap saw nothing at all");
    // The answer to a HEAD has no content that could be sealed, so it goes hidden.
    let before = proxy.bound().len();
    assert_eq!(ask(Method::HEAD, "/v1/items?head", empty()).await.0, StatusCode::OK);
    assert_eq!(proxy.bound().len(), before);
    assert_eq!(stage.app.seen().last().unwrap().method, Method::HEAD);
    assert_eq!(connector.status().counts.failed, 0);
}

// SE-31: a proxy that calls the gateway by another name, or under another path, is tolerated where it is configured so, and
// exactly so.
#[tokio::test]
async fn rewrites_are_tolerated_as_configured() {
    let prefix = |outer: &str, inner: &str| PathPrefix { outer: outer.to_owned(), inner: inner.to_owned() };
    let stage = Stage::with(|config: &mut Config| {
        let aliases = &mut config.session.authority_aliases;
        aliases.insert("edge.example".to_owned(), AUTHORITY.to_owned());
        config.session.path_prefixes = vec![prefix("/internal", "/"), prefix("/v2", "/api/v2")];
    })
    .await;
    let behind = async |change: Change| {
        let proxy = Proxy::before(stage.address(), move |parts| change(parts)).await;
        let connector = proxy.connector(&[]).await;
        (proxy, connector)
    };
    let failing = async |connector: &Connector, path: &str| {
        let request = Request::builder().method(Method::POST).uri(path).body(body::full("x")).unwrap();
        within("an answer", connector.clone().oneshot(request)).await.expect_err(path)
    };
    // Configured: an alias, a prefix that is added, and one that is taken away.
    let (_alias, connector) = behind(Arc::new(named("edge.example"))).await;
    assert_eq!(ask(&connector, Method::PUT, "/v1?q", body::full("1")).await, (StatusCode::OK, b"1".into()));
    let (_added, connector) = behind(Arc::new(moved("", "/internal"))).await;
    assert_eq!(ask(&connector, Method::PUT, "/v1?q", body::full("2")).await, (StatusCode::OK, b"2".into()));
    let (_taken, connector) = behind(Arc::new(moved("/api", ""))).await;
    let answer = ask(&connector, Method::PUT, "/api/v2/x", body::full("3")).await;
    assert_eq!(answer, (StatusCode::OK, b"3".into()));
    let asked: Vec<_> = stage.app.seen().iter().map(|seen| seen.uri.to_string()).collect();
    assert_eq!(asked, ["/v1?q", "/v1?q", "/api/v2/x"], "the application sees what was asked");

    // Not configured: another prefix, another name, and a name that none was set for.
    let reached = stage.app.counts().reached;
    failing(&connector, "/api/v3").await;
    let (_other, connector) = behind(Arc::new(moved("", "/external"))).await;
    failing(&connector, "/v1").await;
    let (_other, connector) = behind(Arc::new(named("other.example"))).await;
    failing(&connector, "/v1").await;
    let (_kept, connector) = behind(Arc::new(|_: &mut Parts| {})).await;
    failing(&connector, "/v1").await;
    assert_eq!(stage.app.counts().reached, reached);
}
