//! What a handshake was made of, from the messages as they were sent and what is private in it.

use super::schedule::{Named, Schedule};
use sealwire_attest::cbor::Reader;
use sealwire_session::{
    Suite,
    message::{ClientFinish, FinishAnswer, ServerFlight, ServerHello},
};
use serde_json::{Map, Value, json};

/// A message as it was sent: who says it, what it is, its bytes.
pub(crate) type Sent = (&'static str, &'static str, Vec<u8>);

/// A handshake, opened.
pub(crate) struct Record {
    said: Said,
    pub(crate) chosen: ServerHello,
    pub(crate) schedule: Schedule,
    pub(crate) secrets: Named,
    pub(crate) keys: Map<String, Value>,
}

impl Record {
    /// `shared` says what the server's share comes to.
    pub(crate) fn new(sent: &[Sent], psk: Option<&[u8]>, shared: impl Fn(&[u8]) -> Vec<u8>) -> Self {
        let at = sent.iter().position(|(_, name, _)| *name == "server flight").unwrap();
        let (before, after) = sent.split_at(at);
        let mut said = Said::default();
        for (from, name, bytes) in before {
            said.add(from, name, bytes);
        }
        let flight = ServerFlight::decode(&after[0].2).unwrap();
        said.add("server", "server flight", &after[0].2);
        said.add("server", "server hello", flight.hello);
        let chosen = ServerHello::decode(flight.hello).unwrap();
        let schedule = Schedule(Suite::from_id(chosen.aead).unwrap());
        let shared = chosen.share.as_ref().map(|(_, share)| shared(share));
        let (secrets, keys) = secrets(schedule, &said, psk, shared.as_deref());
        let mut record = Self { said, chosen, schedule, secrets, keys };
        let opened = record.open("server handshake", 0, "server hello", flight.sealed);
        record.inner("server", ["server credential", "server proof", "server Finished", "ticket"], &opened);
        let mut last = "server Finished";
        for (from, name, bytes) in &after[1..] {
            record.said.add(from, name, bytes);
            if *name == "client finish" {
                let sealed = ClientFinish::decode(bytes).unwrap().sealed;
                let opened = record.open("client handshake", 0, last, sealed);
                last = "client Finished";
                record.inner("client", ["client credential", "client proof", last], &opened);
            } else {
                let sealed = FinishAnswer::decode(bytes).unwrap().sealed;
                let opened = record.open("server handshake", 1, last, sealed);
                let mut reader = Reader::new(&opened);
                assert_eq!((reader.array(2).unwrap(), reader.uint().unwrap()), (2, 0));
                record.inner_one("server", "ticket", reader.bytes(1 << 14).unwrap());
            }
        }
        record.complete(last);
        record
    }

    pub(crate) fn messages(&self) -> Value {
        self.said.to_json(self.schedule)
    }

    fn open(&self, secret: &str, number: u64, after: &str, sealed: &[u8]) -> Vec<u8> {
        let aad = self.said.transcript(self.schedule, after);
        self.schedule.open(self.secrets.get(secret), number, &aad, sealed)
    }

    /// The elements of a CBOR array of byte strings.
    fn inner<const N: usize>(&mut self, from: &'static str, names: [&'static str; N], opened: &[u8]) {
        let mut reader = Reader::new(opened);
        let count = reader.array(4).unwrap();
        assert_eq!(usize::try_from(count), Ok(N));
        for name in names {
            self.inner_one(from, name, reader.bytes(1 << 20).unwrap());
        }
    }

    /// Where there is no ticket, that is no message.
    fn inner_one(&mut self, from: &'static str, name: &'static str, part: &[u8]) {
        if name != "ticket" || !part.is_empty() {
            self.said.add(from, name, part);
        }
    }

    /// The secrets of the session.
    fn complete(&mut self, last: &str) {
        let Self { said, schedule, secrets, .. } = self;
        let complete = said.transcript(*schedule, last);
        for name in ["request", "channel", "close", "exporter", "resumption"] {
            let secret = schedule.derive(secrets.get("main"), name, &complete);
            secrets.add(name, secret);
        }
        let psk = schedule.expand(secrets.get("resumption"), "psk", b"", schedule.hash_len());
        secrets.add("psk of the ticket", psk);
    }
}

/// What is said, in order, what is sealed in it included.
#[derive(Default)]
struct Said(Vec<Message>);

struct Message {
    name: &'static str,
    from: &'static str,
    bytes: Vec<u8>,
    /// whether it is an item of the transcript by itself
    hashed: bool,
}

impl Said {
    fn add(&mut self, from: &'static str, name: &'static str, bytes: &[u8]) {
        let hashed = !matches!(name, "server flight" | "client finish" | "finish answer" | "ticket");
        self.0.push(Message { name, from, bytes: bytes.to_vec(), hashed });
    }

    fn items(&self) -> impl Iterator<Item = (&'static str, Vec<u8>)> {
        let mut items = Vec::new();
        self.0.iter().filter(|message| message.hashed).map(move |Message { name, from, bytes, .. }| {
            items.push(u8::from(*from == "server"));
            items.extend_from_slice(&u32::try_from(bytes.len()).unwrap().to_be_bytes());
            items.extend_from_slice(bytes);
            (*name, items.clone())
        })
    }

    /// T(name)
    fn transcript(&self, schedule: Schedule, name: &str) -> Vec<u8> {
        let (_, items) = self.items().find(|(known, _)| *known == name).unwrap();
        schedule.hash(&items)
    }

    fn to_json(&self, schedule: Schedule) -> Value {
        let messages = self.0.iter().map(|Message { name, from, bytes, hashed }| {
            let mut message = json!({ "name": name, "from": from, "bytes": hex::encode(bytes) });
            if *hashed {
                message["transcript"] = hex::encode(self.transcript(schedule, name)).into();
            }
            message
        });
        messages.collect()
    }
}

/// Secrets up to those of the handshake.
fn secrets(
    schedule: Schedule,
    said: &Said,
    psk: Option<&[u8]>,
    shared: Option<&[u8]>,
) -> (Named, Map<String, Value>) {
    let zeros = vec![0; schedule.hash_len()];
    let (mut secrets, mut keys) = (Named::default(), Map::new());
    let early = schedule.extract(&zeros, psk.unwrap_or(&zeros));
    if let Some(psk) = psk {
        secrets.add("psk", psk.to_vec());
        secrets.add("early", early.clone());
        let binder = schedule.derive(&early, "binder", b"");
        let hello = said.transcript(schedule, "client hello");
        let traffic = schedule.derive(&early, "early", &hello);
        let binder_key = schedule.derive(&binder, "finished", b"");
        keys.insert("binder key".into(), json!({ "finished key": hex::encode(binder_key) }));
        keys.insert("early traffic".into(), schedule.keys(&traffic));
        secrets.add("binder key", binder);
        secrets.add("early traffic", traffic);
    } else {
        secrets.add("early", early.clone());
    }
    if let Some(shared) = shared {
        secrets.add("shared secret", shared.to_vec());
    }
    let derived = schedule.derive(&early, "derived", b"");
    let handshake = schedule.extract(&derived, shared.unwrap_or(&zeros));
    let hello = said.transcript(schedule, "server hello");
    let client = schedule.derive(&handshake, "client handshake", &hello);
    let server = schedule.derive(&handshake, "server handshake", &hello);
    keys.insert("client handshake".into(), schedule.keys(&client));
    keys.insert("server handshake".into(), schedule.keys(&server));
    let main = schedule.extract(&schedule.derive(&handshake, "derived", b""), &zeros);
    secrets.add("handshake", handshake);
    secrets.add("client handshake", client);
    secrets.add("server handshake", server);
    secrets.add("main", main);
    (secrets, keys)
}
