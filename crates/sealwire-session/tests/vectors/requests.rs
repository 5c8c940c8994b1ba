//! What is said in a session: requests and answers, channels, exported keys, the end.

use super::{AUTHORITY, handshake::Session, script::Script};
use bytes::BytesMut;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header::CONTENT_TYPE, uri::Scheme};
use sealwire_crypto::aead::Sequence;
use sealwire_message::{
    bhttp::{self, RequestHead, ResponseHead},
    chunk,
};
use sealwire_session::{
    channel::{Received, Receiver, Sealed, Sender, Volume},
    client::Established,
    request::{Listed, Mode, Opened, Opener, Padding, Sealer, base_id},
    server::HalfOpen,
};
use serde_json::{Value, json};

const PATH: &str = "/v1/ask";
const QUERY: &str = "model=small";

/// A Binary HTTP request of indeterminate length with these slices of content, in the pieces in which it is sealed.
fn question(contents: &[&[u8]]) -> Vec<Vec<u8>> {
    let headers = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static("text/plain"))]);
    let head = RequestHead {
        method: Method::POST,
        scheme: Scheme::HTTPS,
        authority: Some(AUTHORITY.parse().unwrap()),
        path: format!("{PATH}?{QUERY}").parse().unwrap(),
        headers,
    };
    let mut first = BytesMut::new();
    bhttp::encode::request_head(&mut first, &head);
    pieces(first, contents)
}

fn reply(content: &[u8]) -> Vec<Vec<u8>> {
    let mut first = BytesMut::new();
    bhttp::encode::response_start(&mut first);
    bhttp::encode::response_head(
        &mut first,
        &ResponseHead { status: StatusCode::OK, headers: HeaderMap::new() },
    );
    pieces(first, &[content])
}

fn pieces(first: BytesMut, contents: &[&[u8]]) -> Vec<Vec<u8>> {
    let mut pieces = vec![first.to_vec()];
    for content in contents {
        let mut piece = BytesMut::new();
        bhttp::encode::content_prefix(&mut piece, content.len());
        piece.extend_from_slice(content);
        pieces.push(piece.to_vec());
    }
    let mut last = BytesMut::new();
    bhttp::encode::end(&mut last, None);
    pieces.push(last.to_vec());
    pieces
}

/// Chunks of at most 300 bytes of plaintext, so that a few bytes have several.
fn limits() -> chunk::Limits {
    chunk::Limits { sent_chunk: 300, ..chunk::Limits::default() }
}

fn padding(step: u16) -> Padding {
    if step == 0 { Padding::Off } else { Padding::To(step) }
}

/// All but the last piece in chunks of their own, the last as the final one.
fn seal(mut sealer: Sealer, pieces: &[Vec<u8>]) -> Vec<u8> {
    let (last, pieces) = pieces.split_last().unwrap();
    let mut body = BytesMut::new();
    for piece in pieces {
        sealer.seal(&mut body, piece).unwrap();
    }
    sealer.finish(&mut body, &[last]).unwrap();
    body.to_vec()
}

fn open(mut opener: Opener, body: &[u8]) -> Vec<u8> {
    opener.push(body);
    opener.end();
    let mut data = Vec::new();
    loop {
        match opener.next_data().unwrap().unwrap() {
            Opened::Data(part) => data.extend_from_slice(&part),
            Opened::Final(part) => {
                data.extend_from_slice(&part);
                return data;
            }
        }
    }
}

/// A request whose parts all stand inside.
pub(crate) fn hidden(session: &mut Session, number: u64, step: u16, contents: &[&[u8]], answer: &[u8]) {
    exchange(session, Mode::Hidden, number, &Listed::nothing(), &[], step, contents, answer);
}

/// A request whose target and one field stand outside, under the MAC.
pub(crate) fn bound(session: &mut Session, number: u64) {
    let fields = [("x-tenant", "blue"), ("x-empty", "")];
    let mut listed = Listed::target("POST", AUTHORITY, PATH, QUERY);
    for (name, value) in fields {
        listed.field(name, value.as_bytes());
    }
    exchange(session, Mode::Bound, number, &listed, &fields, 256, &[b"the question"], b"the answer");
}

#[allow(clippy::too_many_arguments, reason = "all that vectors vary")]
fn exchange(
    session: &mut Session,
    mode: Mode,
    number: u64,
    listed: &Listed,
    fields: &[(&str, &str)],
    step: u16,
    contents: &[&[u8]],
    answer: &[u8],
) {
    let Session { name, schedule, secrets, client, server, .. } = &*session;
    let (client_random, server_random) =
        (Script::new(format!("{name}: request {number}")), Script::new(format!("{name}: answer {number}")));
    let ticket = client.secrets.request.ticket(&client.id, number, mode, listed, &client_random).unwrap();
    let (sealer, awaited) = client.secrets.request.seal(ticket).unwrap().sealing(padding(step), limits());
    let asked = question(contents);
    let body = seal(sealer, &asked);
    let admitted = server.secrets.request.admit(&server.id, ticket, mode, listed).unwrap();
    let (opener, begun) = server.secrets.request.open(admitted).unwrap().opening(limits());
    assert_eq!(open(opener, &body), asked.concat());
    let (binder, sealer) = begun.begin(padding(step), limits(), &server_random).unwrap();
    let answered = reply(answer);
    let answer_body = seal(sealer, &answered);
    assert_eq!(open(awaited.receive(&binder).unwrap(), &answer_body), answered.concat());

    let context = [&number.to_be_bytes()[..], &ticket.random].concat();
    let secret = secrets.get("request");
    let [key, iv] = schedule.key_and_iv_of(secret, "request", &context);
    let context = [ticket.mac, binder.random].concat();
    let [answer_key, answer_iv] = schedule.key_and_iv_of(secret, "response", &context);
    assert_eq!(binder.mac, *schedule.expand(secret, "binder", &context, 32));
    let request = json!({
        "mode": mode as u8,
        "number": number,
        "random": hex::encode(ticket.random),
        "listed fields": fields,
        "padding": step,
        "key": hex::encode(key),
        "iv": hex::encode(iv),
        "attest-base-id": base_id(&client.id),
        "attest-ticket": ticket.to_field(),
        "data": asked.iter().map(hex::encode).collect::<Vec<_>>(),
        "contents": contents.iter().map(hex::encode).collect::<Vec<_>>(),
        "body": hex::encode(body),
        "answer": {
            "random": hex::encode(binder.random),
            "key": hex::encode(answer_key),
            "iv": hex::encode(answer_iv),
            "attest-binder": binder.to_field(),
            "data": answered.iter().map(hex::encode).collect::<Vec<_>>(),
            "content": hex::encode(answer),
            "body": hex::encode(answer_body),
        },
    });
    let requests = session.json.entry("requests").or_insert_with(|| json!([]));
    requests.as_array_mut().unwrap().push(request);
}

/// Early data behind the hello, and the answer behind the flight.
pub(crate) fn early(
    client: &Established,
    server: &HalfOpen,
    sealing: Sequence,
    opening: Sequence,
    hello: &[u8],
    flight: &[u8],
) -> Value {
    let after = |message: &[u8], chunks: &[u8]| {
        [&u32::try_from(message.len()).unwrap().to_be_bytes()[..], message, chunks].concat()
    };
    let (asked, answered) = (question(&[b"early"]), reply(b"as early"));
    let chunks = seal(Sealer::new(sealing, padding(256), limits()), &asked);
    assert_eq!(open(Opener::new(opening, limits()), &chunks), asked.concat());
    let body = after(hello, &chunks);
    let sequence = server.secrets.request.early_answer().unwrap();
    let chunks = seal(Sealer::new(sequence, padding(256), limits()), &answered);
    let sequence = client.secrets.request.early_answer().unwrap();
    assert_eq!(open(Opener::new(sequence, limits()), &chunks), answered.concat());
    json!({
        "padding": 256,
        "data": asked.iter().map(hex::encode).collect::<Vec<_>>(),
        "body": hex::encode(body),
        "answer data": answered.iter().map(hex::encode).collect::<Vec<_>>(),
        "answer body": hex::encode(after(flight, &chunks)),
    })
}

/// A channel: `count` records of one byte from the client, which goes on to its next key as early as it may; one from the
/// server; and both close.
pub(crate) fn channel(session: &mut Session, number: u64, count: u8) {
    let Session { name, schedule, secrets, client, server, .. } = &*session;
    let (client_random, server_random) = (
        Script::new(format!("{name}: channel {number}")),
        Script::new(format!("{name}: channel {number} opened")),
    );
    let (open, expect) = client.secrets.open_channel(&client.id, number, &client_random).unwrap();
    let admitted = server.secrets.admit_channel(&server.id, &open).unwrap();
    let (opened, mut theirs) = admitted.accept(&server.secrets.channel, &server_random).unwrap();
    let mut ours = expect.receive(&client.secrets.channel, &opened).unwrap();
    ours.sender.update_after(Volume { records: 0, bytes: 0 });
    let said: Vec<_> = (0..count).map(|byte| vec![byte]).collect();
    let from_client = records(ours.sender, &mut theirs.receiver, &said);
    // The close, and after 64 records a key update.
    assert_eq!(from_client.len(), said.len() + 1 + usize::from(count > 64));
    let from_server = records(theirs.sender, &mut ours.receiver, &[b"the answer".to_vec()]);

    let context = [&number.to_be_bytes()[..], &open.random, &opened.random].concat();
    let channel = schedule.derive(secrets.get("channel"), "channel", &context);
    let binder = schedule.derive(&channel, "binder", b"");
    let direction = |name, data: &[Vec<u8>], records| {
        let secret = schedule.derive(&channel, name, b"");
        let (key, iv) = schedule.key_and_iv(&secret);
        json!({
            "secret": hex::encode(secret),
            "key": hex::encode(key),
            "iv": hex::encode(iv),
            "data": data.iter().map(hex::encode).collect::<Vec<_>>(),
            "records": records,
        })
    };
    let channel = json!({
        "number": number,
        "random": hex::encode(open.random),
        "answer's random": hex::encode(opened.random),
        "open": hex::encode(open.encode()),
        "opened": hex::encode(opened.encode()),
        "cs": hex::encode(&channel),
        "binder key": hex::encode(binder),
        "client": direction("client", &said, from_client),
        "server": direction("server", &[b"the answer".to_vec()], from_server),
    });
    session.json.insert("channel".to_owned(), channel);
}

/// What one side says over a channel, one record for each, and what else is due; then its close.
fn records(mut sender: Sender, receiver: &mut Receiver, said: &[Vec<u8>]) -> Vec<String> {
    let (mut records, mut received) = (Vec::new(), Vec::new());
    let mut arrives = |record: BytesMut| {
        records.push(hex::encode(&record));
        let mut record = record;
        if receiver.open(&mut record).unwrap() == Received::Data {
            received.push(record.to_vec());
        }
    };
    for data in said {
        loop {
            let mut record = BytesMut::new();
            let sealed = sender.seal([data.as_slice()], &mut record).unwrap();
            arrives(record);
            if sealed == Sealed::Data(data.len()) {
                break;
            }
        }
    }
    let mut record = BytesMut::new();
    sender.close(&mut record).unwrap();
    arrives(record);
    assert!(receiver.is_closed());
    assert_eq!(received, said);
    records
}

/// Keys for others.
pub(crate) fn exports(session: &mut Session) {
    let exports = [("example", &b""[..], 32), ("example", b"context", 80), ("", b"context", 16)];
    let exports = exports.map(|(label, context, len)| {
        let [mut ours, mut theirs] = [vec![0; len], vec![0; len]];
        session.client.secrets.exporter.export(label, context, &mut ours).unwrap();
        session.server.secrets.exporter.export(label, context, &mut theirs).unwrap();
        assert_eq!(ours, theirs);
        json!({ "label": label, "context": hex::encode(context), "output": hex::encode(ours) })
    });
    session.json.insert("exports".to_owned(), json!(exports));
}

/// The end.
pub(crate) fn close(session: &mut Session) {
    let Session { client, server, .. } = &*session;
    let close = client.secrets.close.close(&client.id);
    let closed = server.secrets.close.answer(&close).unwrap();
    client.secrets.close.confirm(&client.id, &closed).unwrap();
    let close = json!({ "close": hex::encode(close.encode()), "closed": hex::encode(closed.encode()) });
    session.json.insert("close".to_owned(), close);
}
