//! Seeds of `tunnel_message` and `tunnel_handshake`.

use super::{Result, seed};
use sealwire_attest::{Policy, UnixTime, Verifier};
use sealwire_crypto::random::OsRandom;
use sealwire_fuzz::Fixed;
use sealwire_tee::{Tee, development::forge::Forge};
use sealwire_tunnel::{
    Id, Limits,
    binding::Bindings,
    client::Presented,
    message::{
        Close, Connect, Content, Event, Frame, FromClient, FromServer, Happened, Message, Request, Response,
        Text,
    },
    server::Unquoted,
};

/// That of the target.
const NOW: UnixTime = UnixTime(1_800_000_000);

pub(crate) fn seeds() -> Result {
    let id = || Id::parse("1700000000000abcdefghi").ok_or("an id");
    let headers = || vec![("content-type".to_owned(), "application/json".to_owned())];
    let text = || Content::Text(Text::from("{}"));
    let bytes = || Content::Bytes(vec![0, 0x80, 0xff].into());
    let client = [
        FromClient::Request(Request {
            id: id()?,
            method: "POST".to_owned(),
            url: "/v1?x=1".to_owned(),
            headers: headers(),
            body: Some(text()),
        }),
        FromClient::Connect(Connect {
            id: id()?,
            url: "ws://h/".to_owned(),
            protocols: vec!["a".to_owned(), "b".to_owned()],
        }),
        FromClient::Frame(Frame { id: id()?, data: bytes() }),
        FromClient::Close(Close { id: id()?, code: Some(1000), reason: "bye".to_owned() }),
    ];
    let server = [
        FromServer::Response(Response {
            id: id()?,
            status: 502,
            status_text: "Bad Gateway".to_owned(),
            headers: headers(),
            body: None,
            error: Some("no answer".to_owned()),
        }),
        FromServer::Event(Event {
            id: id()?,
            happened: Happened::Close { code: Some(1006), reason: "tunnel closed".to_owned() },
        }),
        FromServer::Event(Event { id: id()?, happened: Happened::Error("refused".to_owned()) }),
        FromServer::Frame(Frame { id: id()?, data: text() }),
    ];
    for (number, message) in client.iter().enumerate() {
        seed("tunnel_message", &format!("client-{number}"), message.encode())?;
    }
    for (number, message) in server.iter().enumerate() {
        seed("tunnel_message", &format!("server-{number}"), message.encode())?;
    }

    // The server's key is that of the target, and the evidence that of a machine made for it.
    let folder = tempfile::tempdir()?;
    let forge = Forge::open(folder.path())?;
    let limits = Limits::default();
    let unquoted = Unquoted::generate(&[0x24; 48], NOW, &Fixed)?;
    let produced = forge.development().produce(&unquoted.report_data())?;
    let offer = unquoted.quoted(produced.evidence.bytes, produced.endorsements, &limits);
    seed("tunnel_handshake", "server-kx", offer.message())?;
    let root = super::hex(&forge.development().root_fingerprint());
    let any = "{ any = \"a seed\" }";
    let policy = Policy::from_toml(&format!(
        "version = 1\nany-operator = true\n[[accept]]\nkind = \"development\"\n\
         measurement = {any}\nhost-data = {any}\nminimum-tcb = {any}\ncrl = \"if-available\"\n\
         roots = [\"sha256:{root}\"]\n"
    ))?;
    let presented = Presented::read(&offer.message())?;
    let endorsements = presented.endorsements().clone();
    let verifier = Verifier::new(policy.trust());
    let trusted = presented.appraise(&verifier, &policy, &endorsements, Bindings::default(), NOW)?;
    let (client_kx, mut connection) = trusted.agree(&limits, 0, &OsRandom)?;
    let mut messages = vec![client_kx];
    for message in &client {
        messages.push(connection.seal(message, 0)?);
    }
    let mut behind_lengths = Vec::new();
    for message in messages {
        behind_lengths.extend_from_slice(&u16::try_from(message.len())?.to_be_bytes());
        behind_lengths.extend_from_slice(&message);
    }
    seed("tunnel_handshake", "connection", behind_lengths)
}
