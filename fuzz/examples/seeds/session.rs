//! Seeds of `session_hello`, `session_flight`, `session_finish`, `session_field` and `session_chunk`.

use super::{AUTHORITY, Result, seed};
use sealwire_crypto::random::OsRandom;
use sealwire_session::{
    Identity, client,
    message::{
        Answer, Authentication, ChannelOpen, ChannelOpened, ClientCredential, ClientFinish, ClientHello,
        Close, Closed, FinishAnswer, Parameters, Proof, Resumption, ServerCredential, ServerFlight,
        TicketMessage,
    },
    request::{Binder, Ticket, base_id},
    server::{self, Once, Presenting, Received, Server},
};
use std::{sync::Arc, time::Duration};

struct Fresh;

impl Once for Fresh {
    fn take(&self, _: [u8; 16], _: u64, _: u64) -> bool {
        true
    }
}

/// Messages of a handshake; those that need evidence have bytes in its place, which no decoder here looks into.
pub(crate) fn seeds() -> Result {
    let identity = Identity::generate(false, &OsRandom)?;
    let server = Server::new(server::Config::default(), [1; 16], identity, &OsRandom)?;
    let config = Arc::new(client::Config { attests: true, ..client::Config::default() });
    let started = client::start(config, AUTHORITY, Some([2; 48]), None, false, 0, &OsRandom)?;
    seed("session_hello", "hello", &started.hello)?;
    let mut resuming = ClientHello::decode(&started.hello)?;
    resuming.early = true;
    resuming.resumption =
        Some(Resumption { ticket: vec![3; 200], age: 1000, without_agreement: true, binder: vec![4; 48] });
    seed("session_hello", "hello-with-ticket", resuming.encode())?;
    resuming.shares.clear();
    seed("session_hello", "hello-without-share", resuming.encode())?;
    let mut elsewhere = ClientHello::decode(&started.hello)?;
    elsewhere.shares = vec![(elsewhere.groups[1], vec![4; 1665])];
    seed("session_hello", "hello-with-another-share", elsewhere.encode())?;
    let Received::Retry(retry) = server.receive(&started.hello, true, 0, &Fresh, &OsRandom)? else {
        return Err("a busy server asks for a retry".into());
    };
    seed("session_hello", "retry", &retry)?;
    let client::Received::Again { message, .. } = started.next.receive(&retry, &OsRandom)? else {
        return Err("a retry leads to the hello again".into());
    };
    seed("session_hello", "hello-again", &message)?;

    let Received::Hello(hello) = server.receive(&message, false, 0, &Fresh, &OsRandom)? else {
        return Err("a hello is said again once".into());
    };
    let hour = Duration::from_secs(3600);
    let parameters =
        Parameters { lifetime: hour, idle: hour, requests: 1 << 32, window: 1024, message: 1 << 30 };
    let authentication = Authentication::Wanted;
    let presenting = Presenting {
        document: [5; 48],
        published: b"published",
        quote: None,
        parameters,
        authentication,
        note: None,
    };
    let (flight, _) = hello.answer(&server, false, &OsRandom)?.present(&server, &presenting, 0, &OsRandom)?;
    seed("session_flight", "flight", &flight)?;
    seed("session_flight", "hello", ServerFlight::decode(&flight)?.hello)?;
    let credential = ServerCredential {
        document: [5; 48],
        published: Some(b"published"),
        quote: Some(b"quote"),
        parameters,
        authentication,
    };
    seed("session_flight", "credential", credential.encode())?;
    let proof = Proof { scheme: 1, signatures: vec![vec![6; 64], vec![7; 3309]] };
    seed("session_flight", "proof", proof.encode())?;
    let ticket = TicketMessage { lifetime: 86_400, ticket: vec![8; 200] };
    seed("session_flight", "ticket", TicketMessage::encode(Some(&ticket)))?;
    seed("session_flight", "accepted", Answer::Accepted(Some(ticket)).encode())?;
    seed("session_flight", "refused", Answer::Refused.encode())?;

    let (session, mac, random) = ([9; 32], [10; 32], [11; 32]);
    seed("session_finish", "finish", ClientFinish { session, sealed: &[12; 300] }.encode())?;
    seed("session_finish", "answer", FinishAnswer { sealed: &[13; 100] }.encode())?;
    let document = Some(([5; 48], &b"published"[..]));
    seed("session_finish", "credential", ClientCredential { document, quote: Some(b"quote") }.encode())?;
    seed("session_finish", "nothing", ClientCredential::default().encode())?;
    seed("session_finish", "open", ChannelOpen { session, number: 300, random, mac }.encode())?;
    seed("session_finish", "opened", ChannelOpened { random, mac }.encode())?;
    seed("session_finish", "close", Close { session, mac }.encode())?;
    seed("session_finish", "closed", Closed { mac }.encode())?;

    seed("session_field", "ticket", Ticket { number: 1 << 40, random, mac }.to_field())?;
    seed("session_field", "binder", Binder { random, mac }.to_field())?;
    seed("session_field", "base-id", base_id(&session))?;

    // Two chunks and a last one: data, data and zeros, zeros alone.
    let chunks = [&[0, 4, 3][..], b"one", &[0, 9, 3], b"two", &[0; 5], &[0; 4]].concat();
    seed("session_chunk", "padded", chunks)?;
    seed("session_chunk", "bad-padding", [0, 4, 1, 7, 0, 1, 0])?;
    seed("session_chunk", "last-only", [2, 8, 8])
}
