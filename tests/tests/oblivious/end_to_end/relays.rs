//! The relay between running programs: what it forwards, what it strips, and what it answers itself.

use super::{
    app::{self, Handles},
    json,
};
use http::Method;
use sealwire::{
    connect::{self, ConnectSettings},
    relay::{self, RelayLimits, RelaySettings},
};
use sealwire_attest::key_document;
use sealwire_client::{Connector, Error};
use sealwire_gateway::config::Tls;
use sealwire_http::{body, problem, wire::OBLIVIOUS_PATH};
use sealwire_oblivious::{config::parse_list, media};
use sealwire_tests::{
    chain::{Chain, NAME, Plain, loopback, settings_through, through},
    message::{Form, Sealing, head, open_chunked, plaintext},
    raw::{Raw, request, transfer_chunk},
    stage::{self, AUTHORITY},
    within,
};
use std::{collections::BTreeSet, fs, sync::Arc};

async fn chain() -> (Chain, Handles) {
    limited(|_| {}).await
}

async fn limited(change: impl FnOnce(&mut RelayLimits)) -> (Chain, Handles) {
    let (app, handles) = app::start().await;
    (Chain::with(app, |_| {}, |settings| change(&mut settings.limits)).await, handles)
}

/// Names of all fields of the messages that went one way.
fn field_names(copy: &sealwire_tests::tap::Copy) -> BTreeSet<String> {
    let bytes = copy.lock().unwrap();
    let mut names = BTreeSet::new();
    let starts = [&b"POST /"[..], b"GET /", b"HTTP/1.1 "];
    for at in 0..bytes.len() {
        if starts.iter().any(|start| bytes[at..].starts_with(start)) {
            let end = bytes[at..].windows(4).position(|window| window == b"\r\n\r\n").unwrap();
            let head = std::str::from_utf8(&bytes[at..at + end]).unwrap();
            let fields = head.split("\r\n").skip(1);
            names.extend(fields.map(|line| line.split(':').next().unwrap().to_ascii_lowercase()));
        }
    }
    names
}

// OB-40, OB-81: what the gateway gets of a client is a sealed message and its type; what the client gets, the same.
#[tokio::test]
async fn fields_are_stripped_both_ways() {
    let (chain, _handles) = chain().await;
    let sealing = sealing(&chain).await;
    let (sealed, opener) = sealing.chunked(&[&plaintext(&head("GET", "/"), b"")]);
    let fields = [
        ("content-type", media::CHUNKED_REQUEST),
        ("incremental", "?1"),
        ("user-agent", "somebody/1.0"),
        ("cookie", "id=secret"),
        ("authorization", "Bearer secret"),
        ("x-forwarded-for", "192.0.2.1"),
        ("forwarded", "for=192.0.2.1"),
        ("via", "1.1 somewhere"),
        ("traceparent", "00-1-2-01"),
        ("referer", "http://secret.example/"),
        ("accept-language", "de-CH"),
    ];
    let path = format!("/{NAME}{OBLIVIOUS_PATH}");
    let answer = chain.at_relay().await.post(&path, &fields, &sealed).await.answer().await;
    let names: BTreeSet<_> = answer.headers.keys().map(|name| name.as_str().to_owned()).collect();
    let text = |names: &[&str]| names.iter().map(ToString::to_string).collect::<BTreeSet<_>>();
    // Nothing of the relay's own, no Date either.
    assert_eq!(names, text(&["content-type", "incremental", "transfer-encoding"]));
    let mut answer = answer;
    // Stripped too, and put back so that the check of a gateway's answer finds it.
    answer.headers.insert("cache-control", "no-store".parse().unwrap());
    assert_eq!(open_chunked(&answer, opener).status, 200);
    chain.client.get("/").await;
    let forth = field_names(&chain.tap.forth);
    let known = text(&["content-length", "content-type", "host", "incremental", "transfer-encoding"]);
    assert_eq!(forth.difference(&known).collect::<Vec<_>>(), Vec::<&String>::new());
    for secret in ["secret", "192.0.2.1", "somebody", "somewhere", "de-CH"] {
        assert!(!chain.tap.saw(secret.as_bytes()), "{secret}");
    }
}

/// Keys as they are learnt through the relay.
async fn sealing(chain: &Chain) -> Sealing {
    let list = at_relay(chain, "GET", &format!("/{NAME}{OBLIVIOUS_PATH}")).await;
    Sealing::first(&parse_list(&list.content, &Default::default()).unwrap())
}

async fn at_relay(chain: &Chain, method: &str, path: &str) -> sealwire_tests::raw::Answer {
    chain.at_relay().await.send(request(method, path, &[])).await.answer().await
}

// OB-88: the same bytes as from the gateway, and no challenge.
#[tokio::test]
async fn keys_are_those_of_the_gateway() {
    let (chain, _handles) = chain().await;
    let mut gateway = Raw::connect(chain.gateway.address()).await;
    for (path, media_type) in [(key_document::PATH, key_document::MEDIA_TYPE), (OBLIVIOUS_PATH, media::KEYS)]
    {
        let theirs = gateway.send(request("GET", path, &[])).await.answer().await;
        for place in [format!("/{NAME}{path}"), path.to_owned()] {
            let ours = at_relay(&chain, "GET", &place).await;
            assert_eq!((ours.status, ours.field("content-type")), (200, media_type));
            assert!(ours.content == theirs.content, "{place}");
        }
    }
    let challenge = "A".repeat(43);
    let answer =
        at_relay(&chain, "GET", &format!("/{NAME}{}?challenge={challenge}", key_document::PATH)).await;
    assert_eq!(answer.status, 400);
}

// OB-80: nowhere but by the map.
#[tokio::test]
async fn unknown_names_lead_nowhere() {
    let (chain, _handles) = chain().await;
    let before = chain.tap.forth.lock().unwrap().len();
    for path in [
        format!("/other{OBLIVIOUS_PATH}"),
        format!("/{NAME}"),
        format!("/{NAME}/"),
        format!("/{NAME}/v1"),
        format!("/{NAME}/.well-known/other"),
        format!("/{NAME}/../{NAME}{OBLIVIOUS_PATH}"),
        format!("/http://{}{OBLIVIOUS_PATH}", chain.gateway.address()),
        "/".to_owned(),
        "/metrics".to_owned(),
    ] {
        for method in ["GET", "POST"] {
            assert_eq!(at_relay(&chain, method, &path).await.status, 404, "{method} {path}");
        }
    }
    assert_eq!(at_relay(&chain, "DELETE", &format!("/{NAME}{OBLIVIOUS_PATH}")).await.status, 405);
    assert_eq!(chain.tap.forth.lock().unwrap().len(), before, "the gateway was asked nothing");
}

// OB-42, OB-87: the gateway's refusals arrive, status, type and text.
#[tokio::test]
async fn problems_of_the_gateway_arrive() {
    let (chain, _handles) = chain().await;
    let path = format!("/{NAME}{OBLIVIOUS_PATH}");
    for form in Form::BOTH {
        let (mut sealed, _) = form.seal(&sealing(&chain).await, &plaintext(&head("GET", "/"), b""));
        let last = sealed.len() - 1;
        sealed[last] ^= 1;
        for (media_type, content, status, kind) in [
            (form.media_type(), &sealed[..], 400, problem::OHTTP_KEY),
            (form.media_type(), &sealed[..20], 400, problem::BLANK),
            ("text/plain", &sealed[..], 415, problem::BLANK),
        ] {
            let fields = [("content-type", media_type)];
            let ours = chain.at_relay().await.post(&path, &fields, content).await.answer().await;
            let mut gateway = Raw::connect(chain.gateway.address()).await;
            let theirs = gateway.post(OBLIVIOUS_PATH, &fields, content).await.answer().await;
            assert_eq!((ours.status, ours.field("content-type")), (status, problem::MEDIA_TYPE));
            assert!(ours.text().contains(kind));
            assert_eq!((ours.status, ours.content), (theirs.status, theirs.content));
        }
    }
}

// OB-83: the first chunk is at the application while the request has not ended.
#[tokio::test]
async fn nothing_is_held() {
    let (chain, mut handles) = chain().await;
    let message = plaintext(&head("POST", "/watched"), b"first content");
    let (mut hand, opener) = sealing(&chain).await.by_hand();
    let mut raw = chain.at_relay().await;
    let fields = [("content-type", media::CHUNKED_REQUEST), ("transfer-encoding", "chunked")];
    raw.send(request("POST", &format!("/{NAME}{OBLIVIOUS_PATH}"), &fields)).await;
    hand.chunk(b"", &message[..message.len() - 2]);
    raw.send(transfer_chunk(&hand.out)).await;
    assert_eq!(within("the first content", handles.arrived.recv()).await.unwrap(), "first content");
    let sent = hand.out.len();
    hand.last(b"final", &message[message.len() - 2..]);
    raw.send(transfer_chunk(&hand.out[sent..])).await.send("0\r\n\r\n").await;
    let mut answer = raw.answer().await;
    answer.headers.insert("cache-control", "no-store".parse().unwrap());
    assert_eq!(open_chunked(&answer, opener).status, 200);
}

/// What the local proxy says of an answer that the relay gave in the gateway's place (OB-117).
async fn not_sealed(client: &Plain, method: Method, content: Vec<u8>, status: u16) {
    let (outer, problem) =
        sealwire_tests::chain::whole(client.send(method, "/upload", body::full(content)).await).await;
    let problem = json(&problem);
    assert_eq!((outer, problem["type"].as_str()), (502, Some("tag:sealwire,2026:not-sealed")), "{problem}");
    assert!(problem["detail"].as_str().unwrap().contains(&status.to_string()), "{problem}");
}

// OB-85
#[tokio::test]
async fn bodies_above_the_cap() {
    let (chain, _handles) = limited(|limits| limits.body = 100_000).await;
    assert_eq!(chain.client.post("/upload", vec![7; 90_000]).await.0, 200);
    let path = format!("/{NAME}{OBLIVIOUS_PATH}");
    let fields = [("content-type", media::CHUNKED_REQUEST)];
    let answer = chain.at_relay().await.post(&path, &fields, &vec![0; 100_001]).await.answer().await;
    assert_eq!(answer.status, 413);
    let reached = chain.app.counts();
    not_sealed(&chain.client, Method::PUT, vec![7; 200_000], 413).await;
    let counts =
        chain.app.until("the end", |counts| counts.reached == counts.completed + counts.aborted).await;
    assert_eq!(counts.completed, reached.completed, "OB-25");
    assert_eq!(chain.client.post("/upload", vec![7; 90_000]).await.0, 200);
}

// OB-85
#[tokio::test]
async fn requests_above_the_rate() {
    let (chain, _handles) = limited(|limits| (limits.rate, limits.burst) = (1, 5)).await;
    // The keys were one of these.
    for _ in 0..4 {
        assert_eq!(chain.client.get("/").await.0, 200);
    }
    not_sealed(&chain.client, Method::PUT, Vec::new(), 429).await;
    let answer = at_relay(&chain, "GET", &format!("/{NAME}{OBLIVIOUS_PATH}")).await;
    assert_eq!((answer.status, answer.field("content-type")), (429, "text/plain; charset=utf-8"));
    assert!(answer.field("retry-after").parse::<u64>().unwrap() >= 1);
}

// OB-85
#[tokio::test]
async fn exchanges_above_the_limit() {
    let (chain, handles) = limited(|limits| limits.exchanges_per_client = 2).await;
    let mut held = Vec::new();
    for _ in 0..2 {
        let client = chain.client.clone();
        held.push(tokio::spawn(async move { client.get("/hold").await }));
        within("the application", handles.begun.notified()).await;
    }
    not_sealed(&chain.client, Method::PUT, Vec::new(), 429).await;
    for exchange in held {
        handles.release.notify_one();
        assert_eq!(within("an answer", exchange).await.unwrap(), (200, "released".into()));
    }
    assert_eq!(chain.client.get("/").await.0, 200);
}

// OB-88: each under its name, and neither in the other's place.
#[tokio::test]
async fn two_gateways_behind_one_relay() {
    let (one, _one_handles) = app::named("one").await;
    let (two, _two_handles) = app::named("two").await;
    let mut gateways = Vec::new();
    for (name, app, authority) in [("one", &one, AUTHORITY), ("two", &two, "two.example")] {
        let config =
            sealwire_gateway::Config { authorities: vec![authority.to_owned()], ..stage::config(&app.url()) };
        gateways.push((name, stage::gateway(config).await));
    }
    let map = gateways.iter().map(|(name, gateway)| {
        ((*name).to_owned(), format!("http://{}", gateway.address()).parse().unwrap())
    });
    let relay = relay::start(RelaySettings::new(loopback(), map.collect())).await.unwrap();
    let first = through(relay.address(), "one").await;
    let mut settings = settings_through(relay.address(), "two");
    settings.authority = Some("two.example".to_owned());
    let second = connect::start(ConnectSettings::new(settings, loopback())).await.unwrap();
    for _ in 0..3 {
        assert_eq!(Plain::new(first.address()).get("/").await, (200, "one".into()));
        assert_eq!(Plain::new(second.address()).get("/").await, (200, "two".into()));
    }
    // A relay that leads a client to the wrong gateway is found out before anything is sent.
    let misled = Connector::connect(settings_through(relay.address(), "two")).await;
    let Err(Error::Denied(denial)) = misled else { panic!() };
    assert_eq!(denial.reasons[0].code, "authority-not-served");
    // Without a name there is none, where there are several.
    let mut raw = Raw::connect(relay.address()).await;
    assert_eq!(raw.send(request("GET", OBLIVIOUS_PATH, &[])).await.answer().await.status, 404);
    assert_eq!((one.counts().reached, two.counts().reached), (3, 3));
}

// OB-82: connections towards the gateway are few, and everybody's.
#[tokio::test]
async fn clients_share_connections() {
    let (chain, _handles) = chain().await;
    for _ in 0..5 {
        let newcomer = through(chain.relay.address(), NAME).await;
        assert_eq!(Plain::new(newcomer.address()).get("/").await.0, 200);
    }
    assert_eq!(chain.tap.connections(), 1);
}

// OB-82: TLS on both legs, each with the certificate of its own.
#[tokio::test]
async fn tls_on_both_legs() {
    let folder = tempfile::tempdir().unwrap();
    let certified =
        || rcgen::generate_simple_self_signed(vec!["localhost".to_owned(), "127.0.0.1".to_owned()]).unwrap();
    let (gateway_leg, relay_leg) = (certified(), certified());
    let file = |name: &str, text: String| {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        path
    };
    let tls = Tls {
        certificate: file("certificate.pem", gateway_leg.cert.pem()),
        key: file("key.pem", gateway_leg.signing_key.serialize_pem()),
    };
    let (app, mut handles) = app::start().await;
    let config = sealwire_gateway::Config { tls: Some(tls), ..stage::config(&app.url()) };
    let gateway = stage::gateway(config).await;
    let to_gateway = format!("https://{}", gateway.address()).parse().unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let server = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![relay_leg.cert.der().clone()],
            rustls::pki_types::PrivateKeyDer::Pkcs8(relay_leg.signing_key.serialize_der().into()),
        )
        .unwrap();
    let mut settings = RelaySettings::new(loopback(), vec![(NAME.to_owned(), to_gateway)]);
    settings.tls = Some(Arc::new(server));
    settings.tls_roots = vec![gateway_leg.cert.der().to_vec()];
    let relay = relay::start(settings).await.unwrap();
    let mut client = settings_through(relay.address(), NAME);
    client.relay = Some(format!("https://{}/{NAME}", relay.address()).parse().unwrap());
    client.tls_roots = vec![relay_leg.cert.der().to_vec()];
    let connect = connect::start(ConnectSettings::new(client.clone(), loopback())).await.unwrap();
    let plain = Plain::new(connect.address());
    assert_eq!(plain.get("/").await, (200, "an ordinary application".into()));
    let (status, answer) = plain.post("/upload", app::pattern(0, 1_000_000)).await;
    assert_eq!((status, json(&answer)["bytes"].as_u64()), (200, Some(1_000_000)));
    let mut events = plain.send(Method::GET, "/events", body::empty()).await.into_body();
    for i in 0..3 {
        handles.events.as_ref().unwrap().send(i.to_string()).unwrap();
        let frame = within("an event", http_body_util::BodyExt::frame(&mut events)).await.unwrap().unwrap();
        assert_eq!(frame.into_data().unwrap(), format!("data: {i}\n\n"));
    }
    handles.events = None;
    // A certificate that nobody vouches for, on either leg, ends it before anything is asked.
    client.tls_roots = vec![gateway_leg.cert.der().to_vec()];
    assert!(matches!(Connector::connect(client).await, Err(Error::Unreachable { .. })));
    let to_gateway = format!("https://{}", gateway.address()).parse().unwrap();
    let mut settings = RelaySettings::new(loopback(), vec![(NAME.to_owned(), to_gateway)]);
    settings.tls_roots = vec![relay_leg.cert.der().to_vec()];
    let mistrusting = relay::start(settings).await.unwrap();
    let mut raw = Raw::connect(mistrusting.address()).await;
    let answer = raw.send(request("GET", &format!("/{NAME}{OBLIVIOUS_PATH}"), &[])).await.answer().await;
    assert_eq!((answer.status, answer.field("content-type")), (502, "text/plain; charset=utf-8"));
}
