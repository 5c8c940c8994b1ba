//! A hello arrives (sections 5.1 and 5.2).

use super::{Answering, Once, Remembered, Server};
use crate::{
    Error, Suite,
    message::{ClientHello, EvidenceMode, HelloAgain, Resumed, Resumption, Retry, ServerHello, Type},
    schedule::{Early, Traffic},
    suite::Group,
    transcript::{self, Direction, Transcript},
};
use sealwire_crypto::{
    aead::Sequence,
    digest::constant_time_eq,
    kx,
    random::{self, Random},
};

/// Early data are taken only if the client's word on the age of its ticket is this close to the truth, in milliseconds
/// (SE-42).
const AGE_TOLERANCE: u64 = 10_000;

/// What a first message leads to.
pub enum Received {
    /// to be sent; nothing is kept
    Retry(Vec<u8>),
    /// a hello that can be answered
    Hello(Box<Hello>),
}

/// A hello that has been checked, as far as that goes without keys.
pub struct Hello {
    hello: ClientHello,
    /// exact bytes, in order: hello, and where it was said again retry and hello again
    first: Vec<u8>,
    retried: Option<(Vec<u8>, Vec<u8>)>,
    suite: Suite,
    group: Group,
    /// of that group
    share: Option<Vec<u8>>,
    ticket: Option<Remembered>,
    early: Option<Traffic>,
}

impl Server {
    /// Takes a hello, or a hello again. `busy` asks for a retry where there was none; `now` is Unix milliseconds.
    ///
    /// # Errors
    /// What the client did wrong.
    pub fn receive(
        &self,
        message: &[u8],
        busy: bool,
        now: u64,
        once: &dyn Once,
        random: &dyn Random,
    ) -> Result<Received, Error> {
        match Type::of(message)? {
            Type::ClientHello => self.first(message, busy, now, once, random),
            Type::HelloAgain => self.again(message, now, once),
            _ => Err(Error::Unexpected),
        }
    }

    fn first(
        &self,
        message: &[u8],
        busy: bool,
        now: u64,
        once: &dyn Once,
        random: &dyn Random,
    ) -> Result<Received, Error> {
        let hello = ClientHello::decode(message)?;
        let group = self.group(&hello)?;
        // A hello without shares says that its ticket will do; whether it does is known by opening it.
        let does = || {
            let ticket = hello.resumption.as_ref().map(|resumption| resumption.ticket.as_slice());
            let opens = |ticket| self.ticket_key.open(ticket, now).is_ok();
            self.without_agreement(&hello) && ticket.is_some_and(opens)
        };
        let lacks = hello.share(group.id()).is_none() && !(hello.shares.is_empty() && does());
        let wanted = lacks.then(|| group.id());
        if busy || wanted.is_some() {
            let token_life = u64::try_from(self.config.limits.token.as_millis()).unwrap_or(u64::MAX);
            let token = self.token_key.token(message, wanted, now.saturating_add(token_life), random)?;
            return Ok(Received::Retry(Retry { token, group: wanted }.encode()));
        }
        let share = hello.share(group.id()).map(<[u8]>::to_vec);
        self.checked(hello, message, None, group, share, now, once)
    }

    fn again(&self, message: &[u8], now: u64, once: &dyn Once) -> Result<Received, Error> {
        let again = HelloAgain::decode(message)?;
        let retry = Retry::decode(again.retry)?;
        let used = self.token_key.check(&retry.token, again.hello, retry.group, now)?;
        if !once.take_token(used.nonce, now, used.expires) {
            return Err(Error::Token);
        }
        let hello = ClientHello::decode(again.hello)?;
        let group = self.group(&hello)?;
        let share = match (retry.group, again.share) {
            (None, None) => hello.share(group.id()).map(<[u8]>::to_vec),
            (Some(wanted), Some(share)) if wanted == group.id() => Some(share.to_vec()),
            _ => return Err(Error::Inconsistent),
        };
        let retried = Some((again.retry.to_vec(), message.to_vec()));
        self.checked(hello, again.hello, retried, group, share, now, once)
    }

    #[allow(clippy::too_many_arguments, reason = "both ways to a hello end here")]
    fn checked(
        &self,
        hello: ClientHello,
        first: &[u8],
        retried: Option<(Vec<u8>, Vec<u8>)>,
        group: Group,
        share: Option<Vec<u8>>,
        now: u64,
        once: &dyn Once,
    ) -> Result<Received, Error> {
        let resumed = self.resume(&hello, first, now, once)?;
        let (suite, ticket, early) = match resumed {
            Some((remembered, early)) => (remembered.suite, Some(remembered), early),
            None => (self.suite(&hello)?, None, None),
        };
        if share.is_none() && !(ticket.is_some() && self.without_agreement(&hello)) {
            // No share, and no ticket that would do without one.
            return Err(Error::NoCommonSuite);
        }
        let early = if retried.is_some() { None } else { early };
        let first = first.to_vec();
        Ok(Received::Hello(Box::new(Hello { hello, first, retried, suite, group, share, ticket, early })))
    }

    /// The first of the server's groups that the client offers.
    fn group(&self, hello: &ClientHello) -> Result<Group, Error> {
        let mut groups = self.config.groups.iter();
        groups.find(|group| hello.groups.contains(&group.id())).copied().ok_or(Error::NoCommonSuite)
    }

    /// Whether both sides are content with a ticket alone (SE-40).
    fn without_agreement(&self, hello: &ClientHello) -> bool {
        let client = hello.resumption.as_ref().is_some_and(|resumption| resumption.without_agreement);
        client && self.config.without_agreement
    }

    fn suite(&self, hello: &ClientHello) -> Result<Suite, Error> {
        let mut suites = self.config.suites.iter();
        suites.find(|suite| hello.aeads.contains(&suite.aead.id())).copied().ok_or(Error::NoCommonSuite)
    }

    /// The ticket, if it is one of this instance's, still good, and for this name. One that is not leads to a full
    /// handshake; a binder that does not verify leads nowhere.
    fn resume(
        &self,
        hello: &ClientHello,
        first: &[u8],
        now: u64,
        once: &dyn Once,
    ) -> Result<Option<(Remembered, Option<Traffic>)>, Error> {
        let Some(Resumption { ticket, age, binder, .. }) = &hello.resumption else { return Ok(None) };
        let Ok(remembered) = self.ticket_key.open(ticket, now) else { return Ok(None) };
        let hash = remembered.suite.hash();
        if remembered.authority != hello.authority || !self.config.suites.contains(&remembered.suite) {
            return Ok(None);
        }
        if !hello.aeads.contains(&remembered.suite.aead.id()) || binder.len() != hash.hash_len() {
            return Err(Error::Binder);
        }
        let schedule = Early::new(remembered.suite, Some(&remembered.psk));
        let covered = first.get(..first.len().saturating_sub(hash.hash_len())).unwrap_or_default();
        let covered = transcript::of_client(hash.hash(), covered);
        let expected = schedule.binder_key()?.sign(&[covered.as_bytes()]);
        if !constant_time_eq(expected.as_bytes(), binder) {
            return Err(Error::Binder);
        }
        // From here on it is the client that the ticket was made for, or a copy of its hello.
        if !once.take(remembered.once, now, remembered.expires) {
            return Ok(None);
        }
        let true_age = now.saturating_sub(remembered.made);
        let early = if hello.early && true_age.abs_diff(*age) <= AGE_TOLERANCE {
            Some(schedule.traffic(&transcript::of_client(hash.hash(), first))?)
        } else {
            None
        };
        Ok(Some((remembered, early)))
    }
}

impl Hello {
    /// The name that the client wants, in its own words: whoever answers checks that this instance serves it (SE-07).
    #[must_use]
    pub fn authority(&self) -> &str {
        &self.hello.authority
    }

    /// What the client wants to see (SE-08).
    #[must_use]
    pub fn evidence(&self) -> EvidenceMode {
        self.hello.evidence
    }

    /// Whether the client can attest itself.
    #[must_use]
    pub fn attests(&self) -> bool {
        self.hello.attests
    }

    /// SHA-384 of the key document that the client has accepted.
    #[must_use]
    pub fn known(&self) -> Option<&[u8; 48]> {
        self.hello.known.as_ref()
    }

    /// What the ticket says, where one was taken.
    #[must_use]
    pub fn remembered(&self) -> Option<&Remembered> {
        self.ticket.as_ref()
    }

    /// Leaves the ticket aside: what is known by it will not do any more (SE-41). The handshake is then a full one.
    pub fn forget_ticket(&mut self) {
        self.ticket = None;
        self.early = None;
    }

    /// Key and iv of the early data behind the hello, if they may be looked at (SE-42).
    ///
    /// # Errors
    /// None in practice: HKDF over known lengths.
    pub fn early(&self) -> Result<Option<Sequence>, Error> {
        self.early.as_ref().map(|traffic| traffic.sequence(0)).transpose()
    }

    /// Agrees on keys. `early` says whether early data are accepted, which they are only where [`Self::early`] has keys.
    ///
    /// # Errors
    /// [`Error::Share`], [`Error::NoCommonSuite`], no randomness.
    pub fn answer(self, server: &Server, early: bool, random: &dyn Random) -> Result<Answering, Error> {
        let Self { hello, first, retried, suite, group, share, ticket, early: accepts } = self;
        let alone = server.without_agreement(&hello);
        let resumed = match (&ticket, &share) {
            (None, None) => return Err(Error::NoCommonSuite),
            (None, Some(_)) => Resumed::No,
            (Some(_), _) if alone => Resumed::WithoutAgreement,
            (Some(_), _) => Resumed::WithAgreement,
        };
        let (own_share, shared) = match (&share, resumed) {
            (_, Resumed::WithoutAgreement) => (None, None),
            (Some(share), _) => {
                let (own, shared) = kx::respond(group, share, random).map_err(|error| match error {
                    sealwire_crypto::Error::Random => Error::Crypto(error),
                    _ => Error::Share,
                })?;
                (Some((group.id(), own)), Some(shared))
            }
            (None, _) => return Err(Error::NoCommonSuite),
        };
        let mut session = [0; crate::SESSION_ID_LEN];
        let (instance, rest) = session.split_at_mut(16);
        instance.copy_from_slice(server.instance());
        random.fill(rest)?;
        let early = early && accepts.is_some();
        let server_hello = ServerHello {
            random: random::array(random)?,
            session,
            aead: suite.aead.id(),
            resumed,
            early,
            share: own_share,
        };
        let server_hello = server_hello.encode();
        let mut transcript = Transcript::new(suite.hash().hash());
        transcript.add(Direction::Client, &first);
        if let Some((retry, again)) = &retried {
            transcript.add(Direction::Server, retry);
            transcript.add(Direction::Client, again);
        }
        transcript.add(Direction::Server, &server_hello);
        let psk = ticket.as_ref().map(|ticket| &ticket.psk);
        let handshake = Early::new(suite, psk).agree(shared.as_ref().map(kx::SharedSecret::as_bytes))?;
        Answering::new(hello, suite, session, server_hello, transcript, handshake, early, ticket)
    }
}
