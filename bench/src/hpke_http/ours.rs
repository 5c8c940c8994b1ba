//! Our own two sides.

use super::{AUTHORITY, KEY_ID, PSK, PSK_ID, TARGET, TYPE};
use anyhow::{Result, bail};
use bytes::BytesMut;
use sealwire_crypto::{
    kem::{Kem, PrivateKey},
    random::OsRandom,
};
use sealwire_hpke_http::{
    Credential, Limits,
    client::{self, Target},
    message::{Fields, Method, RequestHead},
    server::{Opened, Record, ResponseSealer, ServerKey, Start},
};
use std::time::{SystemTime, UNIX_EPOCH};

/// Events of one stream that is measured.
pub(super) const EVENTS: u32 = 200;

pub(super) struct Sides {
    key: ServerKey,
    credential: Credential,
    head: RequestHead,
    limits: Limits,
    now: u64,
}

impl Sides {
    pub(super) fn new(private: &[u8]) -> Result<Self> {
        let private = PrivateKey::from_bytes(Kem::X25519, private)?;
        Ok(Self {
            key: ServerKey::new(KEY_ID, private, &OsRandom)?,
            credential: Credential::new(PSK_ID, PSK)?,
            head: RequestHead::new(Method::Post, AUTHORITY, TARGET, Fields::new([TYPE])?)?,
            limits: Limits::default(),
            now: SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs(),
        })
    }

    /// A whole request of our client.
    pub(super) fn seal(&self, body: &[u8]) -> Result<BytesMut> {
        let target = Target { recipient: self.key.recipient(), credential: &self.credential };
        let mut out = BytesMut::with_capacity(body.len().saturating_add(4096));
        let (mut sealer, _) = client::start(target, &self.head, &self.limits, self.now, &OsRandom, &mut out)?;
        sealer.data(&mut out, body)?;
        sealer.finish(&mut out)?;
        Ok(out)
    }

    /// The whole of a request at the server, in pieces as a socket gives them; what has opened is passed on at once.
    pub(super) fn open(&self, sealed: &[u8]) -> Result<Opened> {
        let mut slices = sealed.chunks(64 << 10);
        let mut start = Start::new(self.limits);
        while !start.is_whole()? {
            let Some(slice) = slices.next() else { bail!("cut") };
            start.push(slice);
        }
        let preparsed = start.preparse(|_| Some(&self.key))?;
        let authenticated = preparsed.authenticate(Some(&self.credential), self.now)?;
        let decision = authenticated.reservation().decide(true);
        let mut opened = authenticated.admit(decision, self.now)?;
        loop {
            match opened.body.next_record()? {
                Some(Record::Data(data)) => drop(std::hint::black_box(data)),
                Some(Record::End) => return Ok(opened),
                None => match slices.next() {
                    Some(slice) => opened.body.push(slice),
                    None => opened.body.end(),
                },
            }
        }
    }

    /// Opens a request and seals its answer.
    pub(super) fn exchange(&self, sealed: &[u8], answer: &[u8]) -> Result<BytesMut> {
        let opened = self.open(sealed)?;
        let mut out = BytesMut::with_capacity(answer.len().saturating_add(256));
        let ResponseSealer::Finite(sealer) =
            opened.reply.start(200, Fields::new([TYPE])?, &mut out, &OsRandom)?
        else {
            bail!("no event stream")
        };
        sealer.finish(&mut out, &[answer])?;
        Ok(out)
    }

    /// A stream of [`EVENTS`], its exchange included.
    pub(super) fn events(&self, event: &[u8]) -> Result<()> {
        let opened = self.open(&self.seal(b"")?)?;
        let fields = Fields::new([("content-type", "text/event-stream")])?;
        let mut out = BytesMut::with_capacity(4096);
        let ResponseSealer::EventStream(mut sealer) = opened.reply.start(200, fields, &mut out, &OsRandom)?
        else {
            bail!("an event stream")
        };
        for _ in 0..EVENTS {
            out.clear();
            sealer.write(&mut out, event)?;
        }
        Ok(sealer.finish(&mut out)?)
    }
}
