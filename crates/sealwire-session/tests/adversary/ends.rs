//! What an instance does with bytes that arrive, and what is remembered of it for the comparison.

use crate::common::{Caller, Gateway, at};
use bytes::BytesMut;
use sealwire_attest::key_document::Acceptance;
use sealwire_crypto::{aead::Sequence, random::OsRandom};
use sealwire_message::chunk;
use sealwire_session::{
    Error, Limits, Scheme, Secrets, SessionId, Suite,
    message::{ClientFinish, Close, Type},
    request::{Listed, Mode, Opened, Opener, Padding, Sealer, Ticket, parse_base_id},
    server::{self, HalfOpen, Next, Pending, Table},
};
use std::{
    collections::{HashMap, HashSet},
    sync::LazyLock,
};

/// Lengths of the fields in front of the bodies of requests and answers.
pub(crate) const BASE_ID: usize = 66;
pub(crate) const TICKET: usize = 98;
pub(crate) const BINDER: usize = 90;

pub(crate) static CALLER: LazyLock<Caller> = LazyLock::new(Caller::new);
static CALLER_ACCEPTED: LazyLock<Acceptance> = LazyLock::new(|| CALLER.acceptance());

/// What an end believes of a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Belief {
    pub(crate) suite: Suite,
    pub(crate) exported: [u8; 32],
    pub(crate) authenticated: bool,
    pub(crate) resumed: bool,
}

pub(crate) fn exported(secrets: &Secrets) -> [u8; 32] {
    let mut out = [0; 32];
    secrets.exporter.export("agreement", b"", &mut out).unwrap();
    out
}

/// An instance, and all that it ever did.
pub(crate) struct Instance {
    pub(crate) gateway: Gateway,
    pub(crate) accepted: Acceptance,
    pub(crate) table: Table<()>,
    pending: Pending,
    /// those of them that are resumptions
    resuming: HashSet<SessionId>,
    /// sessions that it made
    pub(crate) made: HashMap<SessionId, Belief>,
    /// sessions of which it acted on something
    pub(crate) used: HashSet<SessionId>,
    /// plaintexts of requests that it acted upon
    pub(crate) acted: Vec<Vec<u8>>,
}

impl Instance {
    pub(crate) fn new(gateway: Gateway) -> Self {
        // Small, so that evictions happen too.
        let limits = Limits { sessions: 64, half_open: 16, ..Limits::default() };
        Self {
            accepted: gateway.acceptance(),
            gateway,
            table: Table::new(limits),
            pending: Pending::new(&limits),
            resuming: HashSet::new(),
            made: HashMap::new(),
            used: HashSet::new(),
            acted: Vec::new(),
        }
    }

    /// A `POST` to the place of handshakes.
    pub(crate) fn handshake(&mut self, body: &[u8], busy: bool, now: u64) -> Result<Vec<u8>, Error> {
        match Type::of(body)? {
            Type::ClientHello | Type::HelloAgain => match self.gateway.receive(body, busy, now)? {
                server::Received::Retry(retry) => Ok(retry),
                server::Received::Hello(hello) => Ok(self.flight(*hello, false, now)?.0),
            },
            Type::ClientFinish => self.finish(body, now),
            Type::Close => {
                let closed = self.table.close(&Close::decode(body)?);
                Ok(closed.map_err(|refused| refused.reason())?.encode())
            }
            _ => Err(Error::Unexpected),
        }
    }

    /// A `POST` with early data.
    pub(crate) fn early(&mut self, body: &[u8], busy: bool, now: u64) -> Result<Vec<u8>, Error> {
        let (hello, chunks) = split_prefixed(body).ok_or(Error::Unexpected)?;
        let hello = match self.gateway.receive(hello, busy, now)? {
            server::Received::Retry(retry) => return Ok(prefixed(&retry, b"")),
            server::Received::Hello(hello) => hello,
        };
        let mut request = None;
        if let Some(sequence) = hello.early()? {
            request = read(Opener::new(sequence, chunk::Limits::default()), chunks).ok();
        }
        let (flight, sequence) = self.flight(*hello, request.is_some(), now)?;
        let (Some(request), Some(sequence)) = (request, sequence) else { return Ok(prefixed(&flight, b"")) };
        self.acted.push(request.clone());
        let answer = answer_to(Sealer::new(sequence, Padding::Off, chunk::Limits::default()), &request);
        Ok(prefixed(&flight, &answer))
    }

    /// A sealed request: fields, then the body.
    pub(crate) fn request(&mut self, bytes: &[u8], now: u64) -> Result<Vec<u8>, Error> {
        let (base_id, rest) = bytes.split_at_checked(BASE_ID).ok_or(Error::Field)?;
        let (ticket, body) = rest.split_at_checked(TICKET).ok_or(Error::Field)?;
        let (session, ticket) = (parse_base_id(base_id)?, Ticket::from_field(ticket)?);
        let admitted = self.table.admit(&session, ticket, Mode::Hidden, &Listed::nothing(), now);
        let granted = admitted.map_err(|refused| refused.reason())?;
        let (opener, reply) = granted.keys.opening(chunk::Limits::default());
        let request = read(opener, body)?;
        self.acted.push(request.clone());
        self.used.insert(session);
        let (binder, sealer) = reply.begin(Padding::To(64), chunk::Limits::default(), &OsRandom)?;
        Ok([binder.to_field().as_bytes(), &answer_to(sealer, &request)].concat())
    }

    /// The flight, and what seals the answer to early data.
    fn flight(
        &mut self,
        hello: server::Hello,
        early: bool,
        now: u64,
    ) -> Result<(Vec<u8>, Option<Sequence>), Error> {
        let resumed = hello.remembered().is_some();
        let (flight, next) = self.gateway.answer_with(hello, early, now)?;
        match next {
            Next::HalfOpen(session) => {
                let sequence = session.secrets.request.early_answer()?;
                self.keep(session, false, resumed, now);
                Ok((flight, Some(sequence)))
            }
            Next::Authenticate(expect) => {
                if resumed {
                    self.resuming.insert(expect.id());
                }
                self.pending.insert(expect, now);
                Ok((flight, None))
            }
        }
    }

    fn finish(&mut self, body: &[u8], now: u64) -> Result<Vec<u8>, Error> {
        let presented = self.pending.receive(body)?;
        let resumed = self.resuming.contains(&ClientFinish::decode(body)?.session);
        let server = &self.gateway.server;
        let Some(published) = presented.published()? else {
            let (answer, session) = presented.accept_unattested(server, None, now, &OsRandom)?;
            self.keep(Box::new(session), false, resumed, now);
            return Ok(answer);
        };
        assert_eq!(published, CALLER.published.encode(), "nobody else's document opens here");
        match presented.verify(&CALLER_ACCEPTED, None, &[Scheme::Ed25519MlDsa65], at(now)) {
            Err(_) => presented.refuse(),
            Ok(attested) => {
                let (answer, session) = presented.accept(&attested, server, Some(b"note"), now, &OsRandom)?;
                self.keep(Box::new(session), true, resumed, now);
                Ok(answer)
            }
        }
    }

    fn keep(&mut self, session: Box<HalfOpen>, authenticated: bool, resumed: bool, now: u64) {
        let exported = exported(&session.secrets);
        let belief = Belief { suite: session.suite, exported, authenticated, resumed };
        assert!(self.made.insert(session.id, belief).is_none(), "a session id came twice");
        self.table.insert(session, (), now);
    }
}

/// What the client accepts of a document that it was sent: what it has judged before, or nothing.
pub(crate) fn judged(instances: &[Instance], published: &[u8]) -> Option<Acceptance> {
    let known = instances.iter().find(|instance| instance.gateway.published.encode() == published);
    known.map(|instance| instance.accepted.clone())
}

/// All data of a message whose end has authenticated.
pub(crate) fn read(mut opener: Opener, body: &[u8]) -> Result<Vec<u8>, Error> {
    opener.push(body);
    opener.end();
    let mut all = Vec::new();
    loop {
        match opener.next_data()? {
            Some(Opened::Data(data)) => all.extend_from_slice(&data),
            Some(Opened::Final(data)) => {
                all.extend_from_slice(&data);
                return Ok(all);
            }
            None => return Err(Error::Truncated),
        }
    }
}

pub(crate) fn answer(request: &[u8]) -> Vec<u8> {
    [b"answer to ", request].concat()
}

fn answer_to(mut sealer: Sealer, request: &[u8]) -> Vec<u8> {
    let mut body = BytesMut::new();
    let answer = answer(request);
    let (first, rest) = answer.split_at(answer.len() / 2);
    sealer.seal(&mut body, first).unwrap();
    sealer.finish(&mut body, &[rest]).unwrap();
    body.to_vec()
}

pub(crate) fn prefixed(message: &[u8], rest: &[u8]) -> Vec<u8> {
    [&u32::try_from(message.len()).unwrap().to_be_bytes()[..], message, rest].concat()
}

pub(crate) fn split_prefixed(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (len, rest) = bytes.split_first_chunk::<4>()?;
    rest.split_at_checked(u32::from_be_bytes(*len) as usize)
}
