//! OB-120 to OB-132: what opens, and is then rejected inside: only its sender learns what was wrong (OB-41).

use super::{Application, Row, Table, send};
use crate::bhttp::{self, Message};
use sealwire_http::{problem, wire::OBLIVIOUS_PATH};
use sealwire_tests::{
    message::{self, Form, Opener, Sealing, head, later, plaintext},
    vectors,
};
use std::time::{Duration, SystemTime};

/// Far above what any machine has.
const HUGE: u64 = (1 << 62) - 1;

/// One malformed message.
struct Malformed {
    what: String,
    bytes: Vec<u8>,
    /// so many bytes are a good head: a chunked request gets as far as the application before the rest shows what it is
    good: Option<usize>,
    status: u16,
}

impl Malformed {
    /// Malformed before the head is over.
    fn head(what: &str, bytes: Vec<u8>) -> Self {
        Self { what: what.to_owned(), bytes, good: None, status: 400 }
    }

    /// Malformed after `good` bytes.
    fn after(what: &str, good: usize, bytes: Vec<u8>) -> Self {
        Self { good: Some(good), ..Self::head(what, bytes) }
    }

    fn status(self, status: u16) -> Self {
        Self { status, ..self }
    }
}

impl Table {
    /// Drives each in both forms.
    async fn malformed(&self, id: &str, messages: impl IntoIterator<Item = Malformed>) {
        let sealing = self.stage.sealing().await;
        for Malformed { what, bytes, good, status } in messages {
            let id = format!("{id}, {what}");
            let (sealed, opener) = sealing.single(&bytes);
            let row = Row::new(&id, Form::Single, &sealed);
            self.inside(&row, Opener::Single(opener), status, "message", Application::NotReached).await;
            match good {
                None => {
                    let (sealed, opener) = sealing.chunked(&[&bytes]);
                    let row = Row::new(&id, Form::Chunked, &sealed);
                    let opener = Opener::Chunked(opener);
                    self.inside(&row, opener, status, "message", Application::NotReached).await;
                }
                Some(good) => {
                    let (mut hand, opener) = sealing.by_hand();
                    hand.chunk(b"", &bytes[..good]);
                    let before = hand.out.len();
                    hand.last(b"final", &bytes[good..]);
                    let row = Row { before, ..Row::new(&id, Form::Chunked, &hand.out) };
                    let opener = Opener::Chunked(opener);
                    self.inside(&row, opener, status, "message", Application::Aborted).await;
                }
            }
        }
    }

    /// What is as it should be gets through, in both forms.
    async fn accepted(&self, id: &str, bytes: &[u8]) {
        let sealing = self.stage.sealing().await;
        for form in Form::BOTH {
            let (sealed, opener) = form.seal(&sealing, bytes);
            let fields = [("content-type", form.media_type())];
            let (_, answer) = send(&self.stage, "POST", &fields, &sealed).await;
            let inner = opener.open(&answer);
            assert_eq!((inner.status, inner.complete), (200, true), "{id}, {form:?}: {}", inner.text());
        }
    }
}

#[tokio::test]
async fn ob_120_framing() {
    let table = Table::start().await;
    let request = Message::known().bytes();
    let framed = |indicator: &[u8]| [indicator, &request[1..]].concat();
    let response = [&[1, 0x40, 0xc8][..], &[0; 3]].concat();
    let rows = [
        Malformed::head("4", framed(&[4])),
        Malformed::head("63", framed(&[63])),
        Malformed::head("2^62 - 1", framed(&[0xff; 8])),
        Malformed::head("a response of known length", response.clone()),
        Malformed::head("a response of unknown length", [&[3], &response[1..]].concat()),
        Malformed::head("nothing", Vec::new()),
        Malformed::head("half an indicator", vec![0x40]),
    ];
    table.malformed("OB-120", rows).await;
    // OB-30: a wide integer is no other integer.
    table.accepted("OB-120, wide", &framed(&[0x40, 0])).await;
}

// OB-31 too: where a message may end, and that it may end nowhere else.
#[tokio::test]
async fn ob_121_cut_anywhere() {
    let table = Table::start().await;
    let sealing = table.stage.sealing().await;
    for (name, message) in [("known", Message::known()), ("indeterminate", Message::indeterminate())] {
        let message =
            Message { content: b"content".to_vec(), trailers: bhttp::lines(&[("x-end", "1")]), ..message };
        let whole = message.bytes();
        let ends = message.ends();
        let mut raw = table.stage.connect().await;
        for cut in 0..=whole.len() {
            let (sealed, opener) = sealing.single(&whole[..cut]);
            let fields = [("content-type", Form::Single.media_type())];
            let answer = raw.post(OBLIVIOUS_PATH, &fields, &sealed).await.answer().await;
            let inner = Opener::Single(opener).open(&answer);
            // Without its header section it has no Date, which is another reason to refuse it.
            let undated = cut == ends[0];
            let expected = if ends.contains(&cut) && !undated { 200 } else { 400 };
            assert_eq!(inner.status, expected, "OB-121, {name}, cut at {cut}: {}", inner.text());
            assert_eq!(undated, inner.text().contains(problem::DATE), "{}", inner.text());
        }
        let [control, header, content, _] = ends;
        let rows = [
            Malformed::head("inside control data", whole[..control - 1].to_vec()),
            Malformed::head("inside a field line", whole[..control + 5].to_vec()),
            Malformed::head("inside the header section", whole[..header - 1].to_vec()),
            Malformed::after("inside content", header, whole[..content - 1].to_vec()),
            Malformed::after("inside trailers", header, whole[..content + 3].to_vec()),
        ];
        table.malformed(&format!("OB-121, {name}"), rows).await;
    }
}

#[tokio::test]
async fn ob_122_section_lengths() {
    let table = Table::start().await;
    let field = bhttp::lines(&[("x-a", "value")]);
    let with_section = |section: Vec<u8>| [Message::known().control(), section].concat();
    let section = |len: usize| [vec![len as u8], field.clone(), vec![0, 0]].concat();
    let trailing = Message::known();
    let good = trailing.ends()[1];
    let rows = [
        Malformed::head("inside a value", with_section(section(field.len() - 1))),
        Malformed::head("before a value", with_section(section(5))),
        Malformed::head("inside a name", with_section(section(2))),
        Malformed::head("empty name", with_section([&[2, 0, 0][..], &[0, 0]].concat())),
        Malformed::after(
            "inside a value of the trailers",
            good,
            [&trailing.bytes()[..good], &[0, field.len() as u8 - 1], &field].concat(),
        ),
    ];
    table.malformed("OB-122", rows).await;
}

// OB-157: what would split a request once it is HTTP/1.1.
#[tokio::test]
async fn ob_123_names_and_values() {
    let table = Table::start().await;
    let mut rows = Vec::new();
    for name in ["X-Upper", "x y", "x:y", "x\r\ny", "x\0", "x\"", "x(", "\u{e9}", " x", "x\x7f"] {
        let message = Message::known().with(&[(name, "value")]);
        rows.push(Malformed::head(&format!("name {name:?}"), message.bytes()));
    }
    for value in ["a\0b", "a\rb", "a\nb", "a\r\nset-cookie: x", " a", "a ", "\ta", "a\t", "a\x01b", "a\x7fb"]
    {
        let message = Message::known().with(&[("x-a", value)]);
        rows.push(Malformed::head(&format!("value {value:?}"), message.bytes()));
        let message = Message { trailers: bhttp::lines(&[("x-a", value)]), ..Message::indeterminate() };
        let good = message.ends()[1];
        rows.push(Malformed::after(&format!("trailer {value:?}"), good, message.bytes()));
    }
    table.malformed("OB-123", rows).await;
}

#[tokio::test]
async fn ob_124_pseudo_fields() {
    let table = Table::start().await;
    let mut rows = Vec::new();
    for name in [":method", ":scheme", ":authority", ":path", ":status"] {
        let first = Message {
            fields: [bhttp::lines(&[(name, "/x")]), Message::known().fields].concat(),
            ..Message::known()
        };
        rows.push(Malformed::head(&format!("{name} first"), first.bytes()));
        rows.push(Malformed::head(&format!("{name} last"), Message::known().with(&[(name, "/x")]).bytes()));
    }
    rows.push(Malformed::head("late", Message::known().with(&[(":extra", "1")]).bytes()));
    for message in [Message::known(), Message::indeterminate()] {
        let message = Message { trailers: bhttp::lines(&[(":extra", "1")]), ..message };
        let good = message.ends()[1];
        rows.push(Malformed::after("in trailers", good, message.bytes()));
    }
    table.malformed("OB-124", rows).await;
    let first = bhttp::lines(&[(":extra", "1")]);
    let message = Message { fields: [first, Message::known().fields].concat(), ..Message::known() };
    table.accepted("OB-124, another one first", &message.bytes()).await;
}

// OB-155: a message of a few bytes that says it has 2^62.
#[tokio::test]
async fn ob_126_huge_lengths() {
    let table = Table::start().await;
    let huge = bhttp::integer(HUGE);
    let control = Message::known().control();
    let known = Message::known().bytes();
    let good = Message::known().ends()[1];
    let dated = Message::indeterminate();
    let open_section = [dated.control(), dated.fields.clone()].concat();
    let streaming = dated.bytes();
    let streaming_good = dated.ends()[1];
    let rows = [
        Malformed::head("method", [&[0], &huge[..], b"GET"].concat()).status(431),
        Malformed::head("path", [&control[..control.len() - 3], &huge, b"/v"].concat()).status(431),
        Malformed::head("section", [&control, &huge[..], b"x"].concat()).status(431),
        Malformed::head("name", [&open_section, &huge[..], b"x"].concat()).status(431),
        Malformed::head("value", [&open_section[..], &[1, b'x'], &huge, b"x"].concat()).status(431),
        Malformed::after("content", good, [&known[..good], &huge, b"x"].concat()),
        Malformed::after(
            "content slice",
            streaming_good,
            [&streaming[..streaming_good], &huge, b"x"].concat(),
        ),
        Malformed::after("trailers", good, [&known[..good], &[0], &huge[..], b"x"].concat()).status(431),
    ];
    table.malformed("OB-126", rows).await;
}

#[tokio::test]
async fn ob_127_padding() {
    let table = Table::start().await;
    for message in [Message::known(), Message::indeterminate()] {
        let good = message.ends()[1];
        let mut padded = message.bytes();
        padded.extend([0; 1000]);
        table.accepted("OB-127", &padded).await;
        padded.push(1);
        let first = [&message.bytes(), &[1][..]].concat();
        let rows = [Malformed::after("last byte", good, padded), Malformed::after("first byte", good, first)];
        table.malformed("OB-127", rows).await;
    }
}

#[tokio::test]
async fn ob_128_control_data() {
    let table = Table::start().await;
    let known = Message::known;
    let host = |value| known().with(&[("host", value)]);
    let nameless = Message { authority: "".to_owned(), ..known() };
    let rows = [
        ("no method", Message { method: "", ..known() }),
        ("a method that is no token", Message { method: "GE T", ..known() }),
        ("no path", Message { path: "", ..known() }),
        ("a path without /", Message { path: "v1", ..known() }),
        ("a path that is a URL", Message { path: "https://app.example/", ..known() }),
        ("* with POST", Message { path: "*", ..known() }),
        ("*x with OPTIONS", Message { method: "OPTIONS", path: "*x", ..known() }),
        ("a space in the path", Message { path: "/a b", ..known() }),
        ("a line in the path", Message { path: "/a\r\nx: y", ..known() }),
        ("a fragment", Message { path: "/a#b", ..known() }),
        ("userinfo", Message { authority: "user@app.example".to_owned(), ..known() }),
        ("a path in the authority", Message { authority: "app.example/x".to_owned(), ..known() }),
        ("a port that is none", Message { authority: "app.example:70000".to_owned(), ..known() }),
        ("another scheme", Message { scheme: "ftp".to_owned(), ..known() }),
        ("no scheme", Message { scheme: "".to_owned(), ..known() }),
        ("no authority", nameless.clone()),
        ("an empty host field", nameless.clone().with(&[("host", "")])),
        ("userinfo in the host field", nameless.with(&[("host", "user@app.example")])),
        ("another host", host("b.example")),
        ("another port", host("app.example:8443")),
        ("two hosts", host("app.example").with(&[("host", "app.example")])),
    ];
    table.malformed("OB-128", rows.map(|(what, message)| Malformed::head(what, message.bytes()))).await;
    table.accepted("OB-128, the same host", &host("APP.example:443").bytes()).await;
    let hosted = Message { authority: "".to_owned(), ..host("app.example") };
    table.accepted("OB-33, only a host field", &hosted.bytes()).await;
}

#[tokio::test]
async fn ob_129_content_length() {
    let table = Table::start().await;
    let mut rows = Vec::new();
    for (name, message) in [("known", Message::known()), ("indeterminate", Message::indeterminate())] {
        let message = Message { content: b"12345".to_vec(), ..message };
        for length in ["4", "6", "0", "9223372036854775807"] {
            let message = message.clone().with(&[("content-length", length)]);
            // Whoever gets a head that announces nothing has got all.
            let good = (length != "0").then_some(message.ends()[1]);
            rows.push(Malformed {
                good,
                ..Malformed::head(&format!("{name}, {length} for 5"), message.bytes())
            });
        }
        for fields in [
            &[("content-length", "5"), ("content-length", "5")][..],
            &[("content-length", "5"), ("content-length", "6")],
            &[("content-length", "+5")],
            &[("content-length", "-5")],
            &[("content-length", "5, 5")],
            &[("content-length", "0x5")],
            &[("content-length", "five")],
            &[("content-length", "")],
            &[("content-length", "99999999999999999999")],
            &[("transfer-encoding", "chunked")],
            &[("transfer-encoding", "gzip, Chunked")],
            &[("transfer-encoding", "chunked"), ("content-length", "5")],
        ] {
            rows.push(Malformed::head(&format!("{name}, {fields:?}"), message.clone().with(fields).bytes()));
        }
        table.accepted("OB-129", &message.with(&[("content-length", "5")]).bytes()).await;
    }
    table.malformed("OB-129", rows).await;
}

#[tokio::test]
async fn ob_130_expectations_tunnels_and_upgrades() {
    let table = Table::start().await;
    let rows = [
        Malformed::head("expect", Message::known().with(&[("expect", "100-continue")]).bytes()).status(417),
        Malformed::head("Expect", Message::known().with(&[("expect", "100-Continue")]).bytes()).status(417),
        Malformed::head("CONNECT", Message { method: "CONNECT", path: "", ..Message::known() }.bytes()),
        Malformed::head("CONNECT with a path", Message { method: "CONNECT", ..Message::known() }.bytes()),
    ];
    table.malformed("OB-130", rows).await;
    let sealing = table.stage.sealing().await;
    for form in Form::BOTH {
        let message = Message::known().with(&[("upgrade", "websocket"), ("connection", "upgrade")]);
        let (sealed, opener) = form.seal(&sealing, &message.bytes());
        let row = Row::new("OB-130, upgrade", form, &sealed);
        table.inside(&row, opener, 400, "upgrade", Application::NotReached).await;
    }
}

// OB-46
#[tokio::test]
async fn ob_131_foreign_targets() {
    let table = Table::start().await;
    let sealing = table.stage.sealing().await;
    let upstream = table.stage.app.address.to_string();
    for (scheme, authority) in [
        ("https", "b.example"),
        ("http", "b.example"),
        ("https", "app.example:8443"),
        ("https", "app.example.evil.example"),
        ("https", "sub.app.example"),
        ("http", upstream.as_str()),
        ("http", "localhost"),
        ("http", "169.254.169.254"),
        ("http", "[::1]"),
    ] {
        let (scheme_is, authority_is) = (scheme.to_owned(), authority.to_owned());
        let message = Message { scheme: scheme_is, authority: authority_is, ..Message::known() };
        for form in Form::BOTH {
            let (sealed, opener) = form.seal(&sealing, &message.bytes());
            let id = format!("OB-131, {scheme}://{authority}");
            let row = Row::new(&id, form, &sealed);
            table.inside(&row, opener, 403, "authority", Application::NotReached).await;
        }
    }
}

// OB-60. OB-12: the second answer has a nonce of its own.
#[tokio::test]
async fn ob_132_seen_before() {
    let table = Table::start().await;
    let sealing = table.stage.sealing().await;
    let message = plaintext(&head("POST", "/v1"), b"pay");
    for form in Form::BOTH {
        let (sealed, first, second) = twice(&sealing, form, &message);
        let fields = [("content-type", form.media_type())];
        let (_, answer) = send(&table.stage, "POST", &fields, &sealed).await;
        let nonce = answer.content[..16].to_vec();
        assert_eq!(first.open(&answer).text(), "pay");
        let row = Row::new("OB-132, repeated", form, &sealed);
        let answer = table.drive(&row, "replay", "answered", Application::NotReached).await;
        assert_ne!(answer.content[..16], nonce);
        assert_eq!(second.open(&answer).status, 409);
    }
    // A repetition under the other media type, or with another end, is no other message: it does not open.
    let (sealed, _, _) = twice(&sealing, Form::Single, &message);
    table.key(&Row::new("OB-132, in the other form", Form::Chunked, &sealed)).await;
}

/// One sealed message, and what opens each of two answers to it.
fn twice(sealing: &Sealing, form: Form, message: &[u8]) -> (Vec<u8>, Opener, Opener) {
    match form {
        Form::Single => {
            let (sealed, first, second) = sealing.single_twice(message);
            (sealed, Opener::Single(first), Opener::Single(second))
        }
        Form::Chunked => {
            let (mut hand, first, second) = sealing.by_hand_twice();
            hand.chunk(b"", &message[..10]);
            hand.last(b"final", &message[10..]);
            (hand.out, Opener::Chunked(first), Opener::Chunked(second))
        }
    }
}

// OB-43, OB-62
#[tokio::test]
async fn ob_132_date_outside_the_window() {
    let window = 300;
    let table = Table::with(|config| config.replay.window = Duration::from_secs(window)).await;
    let sealing = table.stage.sealing().await;
    let window = i64::try_from(window).unwrap();
    let dated = |date: Option<&str>| {
        let mut head = head("POST", "/v1");
        head.headers.remove("date");
        if let Some(date) = date {
            head.headers.insert("date", date.parse().unwrap());
        }
        plaintext(&head, b"x")
    };
    let at = |seconds| message::date(later(seconds)).to_str().unwrap().to_owned();
    for form in Form::BOTH {
        for date in [
            Some(at(-window - 30)),
            Some(at(window + 30)),
            Some("Thu, 01 Jan 1970 00:00:00 GMT".to_owned()),
            Some("Fri, 31 Dec 9999 23:59:59 GMT".to_owned()),
            Some("soon".to_owned()),
            None,
        ] {
            let id = format!("OB-132, {date:?}");
            let (sealed, opener) = form.seal(&sealing, &dated(date.as_deref()));
            let row = Row::new(&id, form, &sealed);
            let inner = table.inside(&row, opener, 400, "date", Application::NotReached).await;
            assert!(inner.text().contains(problem::DATE), "{id}: {}", inner.text());
            let told = httpdate::parse_http_date(inner.headers["date"].to_str().unwrap()).unwrap();
            let apart = told.duration_since(SystemTime::now()).unwrap_or_else(|early| early.duration());
            assert!(apart < Duration::from_secs(60), "{id}: {apart:?}");
        }
        for within in [-window + 30, window - 30] {
            let (sealed, opener) = form.seal(&sealing, &dated(Some(&at(within))));
            let fields = [("content-type", form.media_type())];
            let (_, answer) = send(&table.stage, "POST", &fields, &sealed).await;
            assert_eq!(opener.open(&answer).status, 200);
        }
    }
}

// BH-30 and on: every Binary HTTP message that must be refused, whatever the reason.
#[tokio::test]
async fn ob_120_to_130_vectors() {
    let Some(file) = vectors::load("bhttp.json") else { return };
    let table = Table::start().await;
    let sealing = table.stage.sealing().await;
    let mut driven = 0;
    for case in file["cases"].as_array().unwrap() {
        if case["expect"] != "reject" {
            continue;
        }
        let id = case["id"].as_str().unwrap();
        let bytes = vectors::bytes(case, "bytes");
        for form in Form::BOTH {
            let (sealed, opener) = form.seal(&sealing, &bytes);
            let fields = [("content-type", form.media_type())];
            let (_, answer) = send(&table.stage, "POST", &fields, &sealed).await;
            let inner = opener.open(&answer);
            assert!([400, 417, 431].contains(&inner.status), "{id}: {}", inner.status);
            driven += 1;
        }
    }
    assert!(driven > 40, "{driven}");
    assert_eq!(table.stage.app.counts().reached, 0);
}
