//! What the gateway refuses, and in which words (HH-72 and the table of answers).

use crate::{
    forge::{self, END, Forged, MEDIA, PATH, data, key, now, seal, send, start, start_for, vec},
    support::{Files, PSK, PSK_ID, psk, stage},
};
use sealwire_http::hpke_http::message::Method;
use sealwire_tests::{
    App, Stage,
    raw::{Answer, request},
    stage::AUTHORITY,
};

/// The one text of everything that is wrong with a message.
const INVALID: &str = "The sealed request is not valid.\n";

async fn echo(files: &Files) -> Stage {
    stage(App::echo().await, files, |_| {}).await
}

fn told(answer: &Answer) -> (u16, &str) {
    assert_eq!(answer.field("content-type"), "text/plain; charset=utf-8");
    assert_eq!(answer.field("cache-control"), "no-store");
    (answer.status, std::str::from_utf8(&answer.content).unwrap())
}

// HH-13, HH-14, HH-25 to HH-29, HH-31, HH-32, HH-35, HH-37, HH-67, HH-72: one answer for all of it.
#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_wrong_with_a_message_has_one_answer() {
    let files = Files::new();
    let stage = echo(&files).await;
    let key = key(&stage).await;
    let whole = |records: &[Vec<u8>]| Forged::to(&key).whole(records);
    let get = start("GET", "/", &[]);
    let post = |fields: &[(&str, &str)]| start("POST", "/", fields);
    // What authenticates is taken once, so each that does is another.
    let fresh = || whole(&[get.clone(), END.to_vec()]);
    let right = fresh();
    let changed = |at: usize, to: &[u8]| {
        let mut bytes = right.clone();
        bytes[at..at + to.len()].copy_from_slice(to);
        bytes
    };
    let header = Forged::to(&key).header.len();
    let bytes = |length: u32| {
        let mut bytes = Forged::to(&key).front();
        bytes.extend(length.to_be_bytes());
        bytes
    };
    let behind_start = |length: u32| {
        let mut forged = Forged::to(&key);
        let start = forged.record(&start("POST", "/", &[]));
        [forged.front(), start, length.to_be_bytes().to_vec()].concat()
    };
    let swapped = {
        let mut forged = Forged::to(&key);
        let front = forged.front();
        let records: Vec<_> = [post(&[]), data(b"a"), data(b"b"), END.to_vec()]
            .iter()
            .map(|clear| forged.record(clear))
            .collect();
        [front, records[0].clone(), records[2].clone(), records[1].clone(), records[3].clone()].concat()
    };
    let bomb = {
        // A zstd frame of one byte, a mebibyte of it: more than a part may be.
        let block = |last: u32| ((131_072_u32 << 3) | (1 << 1) | last).to_le_bytes()[..3].to_vec();
        let mut frame = vec![0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x58];
        for number in 0..8 {
            frame.extend(block(u32::from(number == 7)));
            frame.push(b'a');
        }
        [&[2, 1][..], &frame].concat()
    };
    let cases: Vec<(&str, Vec<u8>)> = vec![
        ("nothing", Vec::new()),
        ("another magic", changed(0, b"X")),
        ("version 2", changed(4, &[2])),
        ("version 4", changed(4, &[4])),
        ("no key id", changed(5, &[0])),
        ("no PSK id", changed(6, &[0])),
        ("another KEM", changed(7, &[0x64, 0x7a])),
        ("another AEAD", changed(12, &[1])),
        ("another time", changed(20, &[right[20] ^ 1])),
        ("an unknown key", changed(21, &[right[21] ^ 1])),
        ("an unknown PSK id", Forged::at(&key, now(), PSK, "nobody").whole(&[get.clone(), END.to_vec()])),
        (
            "a wrong PSK",
            Forged::at(&key, now(), &PSK.replace('a', "b"), PSK_ID).whole(&[get.clone(), END.to_vec()]),
        ),
        ("an enc of low order", changed(header, &[0; 32])),
        ("a length of 4 GiB", bytes(u32::MAX)),
        ("a length of nothing", bytes(0)),
        ("a length without content", bytes(16)),
        ("a START above its cap", bytes(16384 + 8192 + 64 * 16 + 273)),
        ("a record of 4 GiB", behind_start(u32::MAX)),
        ("a record above its cap", behind_start(65555)),
        ("a tag that is changed", changed(right.len() - 25, &[right[right.len() - 25] ^ 1])),
        ("cut in START", fresh()[..header + 40].to_vec()),
        ("no END", whole(std::slice::from_ref(&get))),
        ("cut in END", fresh()[..right.len() - 1].to_vec()),
        ("a byte behind END", [&fresh()[..], &[0]].concat()),
        ("a record behind END", whole(&[get.clone(), END.to_vec(), END.to_vec()])),
        ("no START", whole(&[END.to_vec()])),
        ("two STARTs", whole(&[get.clone(), get.clone(), END.to_vec()])),
        ("an unknown kind", whole(&[post(&[]), vec![4], END.to_vec()])),
        ("an END with content", whole(&[get.clone(), vec![3, 0]])),
        ("an empty DATA", whole(&[post(&[]), data(b""), END.to_vec()])),
        ("a DATA of 65537 bytes", whole(&[post(&[]), data(&[0; 65537]), END.to_vec()])),
        ("another coding", whole(&[post(&[]), vec![2, 2, 0], END.to_vec()])),
        ("zstd that is none", whole(&[post(&[]), vec![2, 1, 0], END.to_vec()])),
        ("a decompression bomb", whole(&[post(&[]), bomb, END.to_vec()])),
        ("records swapped", swapped),
        ("a length that is too long", whole(&[[&[1, 0x40, 3][..], b"GET"].concat(), END.to_vec()])),
        ("TRACE", whole(&[start("TRACE", "/", &[]), END.to_vec()])),
        ("get", whole(&[start("get", "/", &[]), END.to_vec()])),
        ("userinfo", whole(&[start_for(&format!("me@{AUTHORITY}"), "GET", "/", &[]), END.to_vec()])),
        ("a dot segment", whole(&[start("GET", "/a/%2e%2e/b", &[]), END.to_vec()])),
        ("an encoded slash", whole(&[start("GET", "/a%2fb", &[]), END.to_vec()])),
        ("a fragment", whole(&[start("GET", "/a#b", &[]), END.to_vec()])),
        ("a star without OPTIONS", whole(&[start("GET", "*", &[]), END.to_vec()])),
        ("an upper-case name", whole(&[start("GET", "/", &[("X", "1")]), END.to_vec()])),
        ("a host inside", whole(&[start("GET", "/", &[("host", "a")]), END.to_vec()])),
        ("a connection inside", whole(&[start("GET", "/", &[("connection", "close")]), END.to_vec()])),
        ("a blank value", whole(&[start("GET", "/", &[("a", " b")]), END.to_vec()])),
        (
            "two lengths",
            whole(&[post(&[("content-length", "1"), ("content-length", "1")]), data(b"a"), END.to_vec()]),
        ),
        ("more than its length", whole(&[post(&[("content-length", "1")]), data(b"ab"), END.to_vec()])),
        ("less than its length", whole(&[post(&[("content-length", "2")]), data(b"a"), END.to_vec()])),
        (
            "an odd number of vectors",
            whole(&[
                [&[1][..], &vec("GET"), &vec(AUTHORITY), &vec("/"), &vec(vec("a"))].concat(),
                END.to_vec(),
            ]),
        ),
        ("bytes behind the fields", whole(&[[&get[..], &[0]].concat(), END.to_vec()])),
        ("65 fields", whole(&[start("GET", "/", &[("a", "b"); 65]), END.to_vec()])),
    ];
    for (what, bytes) in &cases {
        let answer = send(&stage, bytes).await;
        assert_eq!(told(&answer), (400, INVALID), "{what}");
    }
    // Inside, coded content is refused by its own words (HH-30).
    let coded = whole(&[post(&[("content-encoding", "gzip")]), END.to_vec()]);
    assert_eq!(told(&send(&stage, &coded).await), (400, "The content inside the sealed request is coded.\n"));
    // Nothing of all this completed a request at the application; and the right one does.
    assert_eq!(stage.app.counts().completed, 0, "{:?}", stage.app.counts());
    assert_eq!(send(&stage, &fresh()).await.status, 200);
}

// HH-15, HH-16, HH-71
#[tokio::test(flavor = "multi_thread")]
async fn time_and_repeats_are_told_to_who_has_the_key() {
    let files = Files::new();
    let stage = echo(&files).await;
    let key = key(&stage).await;
    let at = |time: u64, psk: &str| {
        Forged::at(&key, time, psk, PSK_ID).whole(&[start("GET", "/", &[]), END.to_vec()])
    };
    for time in [now() - 400, now() + 300, 0, u64::MAX] {
        let answer = send(&stage, &at(time, PSK)).await;
        let (status, text) = told(&answer);
        assert_eq!(status, 409);
        assert!(text.starts_with("The time of the sealed request"), "{text}");
        assert!(httpdate::parse_http_date(answer.field("date")).is_ok());
        // Whoever has no key learns nothing of times.
        assert_eq!(told(&send(&stage, &at(time, &PSK.replace('a', "b"))).await), (400, INVALID));
    }
    // Generous to a slow machine on both sides.
    for time in [now() - 200, now()] {
        assert_eq!(send(&stage, &at(time, PSK)).await.status, 200);
    }
    let once = at(now(), PSK);
    assert_eq!(send(&stage, &once).await.status, 200);
    for _ in 0..3 {
        let again = send(&stage, &once).await;
        assert_eq!(told(&again), (409, "This sealed request has been received before.\n"));
    }
    assert_eq!(stage.app.counts().reached, 3);
}

// HH-04 to HH-07, HH-64
#[tokio::test(flavor = "multi_thread")]
async fn the_outside_has_its_own_answers() {
    let files = Files::new();
    let stage = stage(App::echo().await, &files, |config| {
        config.hpke_http.as_mut().unwrap().cors_origins = vec!["https://page.example".to_owned()];
    })
    .await;
    let key = key(&stage).await;
    let sealed = seal(&key, Method::Get, "/", b"").bytes;
    let ask = async |method: &str, path: &str, fields: &[(&str, &str)], content: &[u8]| {
        let length = content.len().to_string();
        let all = [&[("content-length", length.as_str())], fields].concat();
        let mut raw = stage.connect().await;
        raw.send(request(method, path, &all)).await.send(content).await;
        raw.answer().await
    };
    for (method, query, fields, status) in [
        ("PUT", "", &[MEDIA][..], 405),
        ("PATCH", "", &[MEDIA], 405),
        ("DELETE", "", &[MEDIA], 405),
        ("OPTIONS", "", &[MEDIA], 405),
        ("POST", "?a", &[MEDIA], 400),
        ("GET", "?a", &[], 400),
        ("POST", "", &[], 415),
        ("POST", "", &[("content-type", "application/json")], 415),
        ("POST", "", &[MEDIA, ("content-encoding", "gzip")], 415),
        ("POST", "", &[MEDIA, MEDIA], 400),
        ("POST", "", &[MEDIA, ("content-encoding", "identity"), ("content-encoding", "identity")], 400),
        ("POST", "", &[MEDIA, ("x", "\u{e4}")], 400),
    ] {
        let answer = ask(method, &format!("{PATH}{query}"), fields, &sealed).await;
        assert_eq!(told(&answer).0, status, "{method} {query} {fields:?}: {}", answer.text());
        if status == 405 {
            assert_eq!(answer.field("allow"), "GET, POST");
        }
    }
    assert_eq!(stage.app.counts().reached, 0);
    // A parameter does no harm, nor does a coding that is none.
    let fields = [("content-type", "Message/HPKE-HTTP-Request; v=3"), ("content-encoding", "Identity")];
    assert_eq!(ask("POST", PATH, &fields, &sealed).await.status, 200);

    // In clear, other paths are told how to come.
    let clear = ask("POST", "/v1", &[("content-type", "application/json")], b"{}").await;
    assert_eq!((clear.status, clear.field("upgrade")), (426, "hpke-http/3"));
    assert_eq!(stage.app.counts().reached, 1);

    // Browsers ask first, and may where that is configured.
    let preflight = [("origin", "https://page.example"), ("access-control-request-method", "POST")];
    let answer = ask("OPTIONS", PATH, &preflight, b"").await;
    assert_eq!((answer.status, answer.field("access-control-allow-origin")), (204, "https://page.example"));
    assert_eq!(answer.field("access-control-allow-methods"), "GET, POST");
    let stranger = [("origin", "https://other.example"), ("access-control-request-method", "POST")];
    assert_eq!(ask("OPTIONS", PATH, &stranger, b"").await.status, 405);
    let answer = ask("GET", PATH, &preflight[..1], b"").await;
    assert_eq!((answer.status, answer.field("access-control-allow-origin")), (200, "https://page.example"));
}

// HH-34, HH-40, HH-68: for whom a request is, it says itself, and nothing of the outside reaches the application.
#[tokio::test(flavor = "multi_thread")]
async fn authorities_are_compared_as_origins_and_the_outside_stays_outside() {
    let files = Files::new();
    let stage = stage(App::echo().await, &files, |config| {
        let wire = config.hpke_http.as_mut().unwrap();
        wire.copy_fields = [("x-trace".to_owned(), "outer-trace".to_owned())].into();
        wire.tenant_field = Some("sealwire-tenant".to_owned());
    })
    .await;
    let key = key(&stage).await;
    for other in ["other.example", "app.example:444", "xapp.example"] {
        let sealed = Forged::to(&key).whole(&[start_for(other, "GET", "/", &[]), END.to_vec()]);
        let answer = send(&stage, &sealed).await;
        assert_eq!(told(&answer).0, 421, "{other}");
    }
    assert_eq!(stage.app.counts().reached, 0);
    for same in ["app.example", "APP.example:443"] {
        let fields = [
            ("x-inner", "1"),
            ("sealwire-tenant", "forged"),
            ("sealwire_tenant", "forged"),
            ("outer-trace", "forged"),
            ("accept-encoding", "gzip"),
        ];
        let sealed = Forged::to(&key).whole(&[start_for(same, "GET", "/p?q=1", &fields), END.to_vec()]);
        let mut raw = stage.connect().await;
        let outer = [MEDIA, ("cookie", "outer"), ("x-trace", "from outside"), ("authorization", "outer")];
        assert_eq!(raw.post(PATH, &outer, &sealed).await.answer().await.status, 200, "{same}");
    }
    for seen in stage.app.seen() {
        assert_eq!(seen.uri, "/p?q=1");
        let field = |name: &str| seen.headers.get(name).map(|value| value.to_str().unwrap().to_lowercase());
        assert_eq!(field("x-inner").as_deref(), Some("1"));
        assert_eq!(field("sealwire-tenant").as_deref(), Some("acme"));
        assert_eq!(field("sealwire_tenant"), None);
        assert_eq!(field("outer-trace").as_deref(), Some("from outside"));
        assert!(field("host").unwrap().starts_with("app.example"));
        for absent in ["cookie", "x-trace", "authorization", "accept-encoding", "content-type"] {
            assert_eq!(field(absent), None, "{absent}");
        }
    }
}

// HH-17: a source that cannot be asked refuses, and never takes anybody for a stranger.
#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_fails_is_503() {
    let files = Files::new();
    let stage = stage(App::echo().await, &files, |config| {
        let wire = config.hpke_http.as_mut().unwrap();
        wire.psk_file = None;
        wire.psk_command = ["/bin/false", "{id}"].map(str::to_owned).to_vec();
    })
    .await;
    let key = key(&stage).await;
    let answer = send(&stage, &seal(&key, Method::Get, "/", b"").bytes).await;
    assert_eq!(told(&answer).0, 503);
    assert_eq!(stage.app.counts().reached, 0);
}

// HH-105: a key of the releases 1.x is none here; one that is withdrawn is none any more.
#[tokio::test(flavor = "multi_thread")]
async fn keys_are_read_again_and_are_for_one_wire() {
    let files = Files::new();
    let stage = echo(&files).await;
    let key = key(&stage).await;
    let ask = async || send(&stage, &seal(&key, Method::Get, "/", b"").bytes).await.status;
    assert_eq!(ask().await, 200);
    for (text, status) in [
        (psk(PSK_ID, PSK, "acme") + "wire = \"hpke-http/1.x\"\n", 400),
        (psk(PSK_ID, PSK, "acme"), 200),
        (psk("another", PSK, "acme"), 400),
    ] {
        files.private("psks.toml", &text);
        stage.gateway.reload(stage.config.clone()).await.unwrap();
        // The key of the wire is the same: what clients know stays right.
        assert_eq!(forge::key(&stage).await.id(), key.id());
        assert_eq!(ask().await, status, "{text}");
    }
    // A file that is wrong leaves the one before in force.
    files.private("psks.toml", &psk(PSK_ID, PSK, "acme"));
    stage.gateway.reload(stage.config.clone()).await.unwrap();
    files.private("psks.toml", &psk(PSK_ID, "short", "acme"));
    assert!(stage.gateway.reload(stage.config.clone()).await.is_err());
    assert_eq!(ask().await, 200);
}
