//! From a fetched document to a pinned one: verified, appraised, and with a key chosen from it.

use super::{
    channel::{self, Channel, Errand, Handshaken, Known, Where},
    fetch::{self, Failed},
    own::{self, Own},
    seen::Serials,
};
use crate::{
    Ehbp, Environment, Error, HpkeHttp, HpkeHttp1, Offer, Settings, Wire,
    error::Expired,
    revocation::{Cut, Severed},
    settings::Places,
    transport::Transport,
    wire::offers_sessions,
};
use arc_swap::ArcSwap;
use http::Uri;
use sealwire_attest::{
    Appraised, Endorsements, KeyDocument, Policy, UnixTime, Verifier,
    key_document::{self, Acceptance, OBLIVIOUS, Published, Wanted},
    revocation,
    verdict::Denial,
};
use sealwire_collateral::folder;
use sealwire_http::crypto::{kem::Kem, random};
use sealwire_http::oblivious::config::{self, Selected};
use sealwire_http::session::client::Ticket;
use sealwire_http::{
    BoxError, Clock, channel as wire,
    client::{
        channel::{Channel as Opened, Connection, Stream},
        ehbp,
        hpke_http::{self, Asked},
        hpke_http_1,
        oblivious::{self, Oblivious, Target},
        session::{self, Live},
    },
};
use std::{
    error::Error as StdError,
    fmt,
    path::PathBuf,
    sync::{Arc, Mutex},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

/// A document that the policy accepted, and the wire to the key that was chosen from it.
pub(crate) struct Pin {
    pub(crate) acceptance: Acceptance,
    pub(crate) published: Arc<Published>,
    pub(crate) channel: Channel,
    /// when it was accepted
    pub(crate) accepted_at: SystemTime,
    /// last second of use, of document, key and age
    pub(crate) expires: UnixTime,
    /// when to ask for the next
    pub(crate) renew_at: SystemTime,
    /// whether it has been revoked since (AT-25)
    pub(crate) cut: Cut,
}

impl AsRef<Cut> for Pin {
    fn as_ref(&self) -> &Cut {
        &self.cut
    }
}

impl Pin {
    pub(crate) fn document(&self) -> &KeyDocument {
        self.acceptance.document.get()
    }

    pub(crate) fn is_live(&self, at: UnixTime) -> bool {
        self.is_fresh(at) && self.channel.is_usable()
    }

    /// Whether what it rests on may still be used.
    pub(crate) fn is_fresh(&self, at: UnixTime) -> bool {
        at <= self.expires
    }
}

/// Why there is no new pin. Cheap to clone: whoever waited for the same renewal gets the same answer.
#[derive(Clone)]
pub(crate) enum Failure {
    /// The policy refuses what the gateway shows now.
    Denied(Denial),
    /// Nothing was learnt: what is pinned stays until it expires.
    Unlearnt {
        at: Uri,
        source: Arc<dyn StdError + Send + Sync>,
        /// somebody answered
        answered: bool,
    },
    /// No key in it can be used here.
    NoKey { at: Uri, source: sealwire_http::oblivious::Error },
    /// It has no key for this wire.
    NotOffered { at: Uri, wire: &'static str, why: &'static str },
    /// This side has nothing to show.
    Own(Arc<own::Fault>),
    /// There is no session to be had.
    Handshake { at: Uri, source: Arc<session::Refused> },
}

impl Failure {
    /// The pinned document has expired, and it is too soon to ask for another.
    pub(super) fn expired(appraiser: &Appraiser) -> Self {
        appraiser.unlearnt(Arc::new(Expired), true)
    }

    /// Whether somebody answered, so that asking again at once would make a flood.
    pub(super) fn answered(&self) -> bool {
        !matches!(self, Self::Unlearnt { answered: false, .. })
    }
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Denied(denial) => Self::Denied(denial),
            Failure::Unlearnt { at, source, answered } => {
                Failed { source: Box::new(Shared(source)), answered }.at(&at)
            }
            Failure::NoKey { at, source } => Self::NoKey { at: at.to_string(), source },
            Failure::NotOffered { at, wire, why } => Self::NotOffered { at: at.to_string(), wire, why },
            Failure::Own(fault) => Self::NotAttested(fault),
            Failure::Handshake { at, source } => Self::NoSession { at: at.to_string(), source },
        }
    }
}

/// One error for several callers.
#[derive(Debug)]
struct Shared(Arc<dyn StdError + Send + Sync>);

impl fmt::Display for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl StdError for Shared {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        Some(&*self.0)
    }
}

/// Why a document that offers a wire is of no use for it.
const NO_KEY: &str = "none of its keys can be used now";

/// The document that was offered is not newer than the one that is pinned.
#[derive(Debug, thiserror::Error)]
#[error("the document on offer is older than the one that is pinned (serial {0})")]
struct NotNewer(u64);

/// `local`, and behind it what a gateway sends along.
pub(super) fn beside(
    local: &Endorsements,
    stapled: &Endorsements,
) -> Result<Endorsements, sealwire_attest::Error> {
    let mut together = local.clone();
    together.merge(stapled)?;
    Ok(together)
}

/// What files and folders hold now.
pub(crate) async fn read_endorsements(paths: &[PathBuf]) -> Result<Endorsements, BoxError> {
    if paths.is_empty() {
        return Ok(Endorsements::default());
    }
    let paths = paths.to_vec();
    let read = tokio::task::spawn_blocking(move || local(&paths)).await;
    read.unwrap_or_else(|stopped| Err(Box::new(stopped)))
}

fn local(paths: &[PathBuf]) -> Result<Endorsements, BoxError> {
    let mut found = Endorsements::default();
    for path in paths {
        found.merge(&folder::read(path)?.endorsements)?;
    }
    Ok(found)
}

/// Fetches documents and holds them against the policy.
pub(crate) struct Appraiser {
    transport: Transport,
    places: Places,
    /// with the revocation list in force
    policy: ArcSwap<Policy>,
    verifier: Verifier,
    kems: Vec<Kem>,
    chosen: Wire,
    wire: oblivious::Settings,
    hpke_http: Option<HpkeHttp>,
    hpke_http_1: Option<HpkeHttp1>,
    ehbp: Ehbp,
    endorsements: Vec<PathBuf>,
    timeout: Duration,
    early_data: bool,
    offer: Offer,
    outside: session::Outside,
    environment: Environment,
    serials: Mutex<Serials>,
    own: Option<Own>,
}

impl Appraiser {
    pub(crate) fn new(settings: Settings, environment: Environment) -> Result<Self, Error> {
        let (places, chosen) = (Places::of(&settings)?, Wire::asked_for(&settings)?);
        let transport =
            Transport::new([&places.keys], &settings.tls_roots, settings.timeout).map_err(Error::Tls)?;
        let own = settings.attester.map(|attester| Own::new(attester, &*environment.random));
        let own = own.transpose().map_err(|_| Error::Settings("there is no randomness for keys"))?;
        let offer = settings.offer.under(&settings.policy);
        Ok(Self {
            transport,
            places,
            verifier: Verifier::new(settings.policy.trust()),
            policy: ArcSwap::from_pointee(settings.policy),
            kems: settings.kems,
            chosen,
            wire: oblivious::Settings {
                form: settings.form,
                limits: settings.limits,
                clock: environment.clock.clone(),
                random: environment.random.clone(),
            },
            hpke_http: settings.hpke_http,
            hpke_http_1: settings.hpke_http_1,
            ehbp: settings.ehbp,
            endorsements: settings.endorsements,
            timeout: settings.timeout,
            early_data: settings.early_data,
            offer,
            outside: settings
                .bound
                .map_or(session::Outside::Hidden, |names| session::Outside::Bound(names.into())),
            environment,
            serials: Mutex::default(),
            own,
        })
    }

    pub(crate) fn authority(&self) -> &str {
        &self.places.authority
    }

    pub(crate) fn clock(&self) -> &dyn Clock {
        &*self.environment.clock
    }

    pub(crate) fn now(&self) -> UnixTime {
        UnixTime(self.environment.clock.unix_seconds())
    }

    /// Of messages on the oblivious wire.
    pub(crate) fn form(&self) -> oblivious::Form {
        self.wire.form
    }

    /// Whether requests may go along with handshakes (SE-42).
    pub(crate) fn sends_early(&self) -> bool {
        self.early_data
    }

    pub(super) fn offer(&self) -> &Offer {
        &self.offer
    }

    pub(super) fn verifier(&self) -> &Verifier {
        &self.verifier
    }

    pub(crate) fn policy(&self) -> Arc<Policy> {
        self.policy.load_full()
    }

    /// Takes a revocation list; whether it is another than those in force.
    pub(crate) fn take_list(&self, bytes: &[u8]) -> Result<bool, revocation::Error> {
        let current = self.policy();
        let next = current.with_revocation_list(bytes)?;
        let is_new = !next.revocation_lists().eq(current.revocation_lists());
        if is_new {
            self.policy.store(Arc::new(next));
        }
        Ok(is_new)
    }

    /// Whether `pin` is still what the revocation list lets through.
    pub(crate) fn rejudge(&self, pin: &Pin) -> Result<(), Denial> {
        pin.acceptance.recheck_revocation(&self.policy(), self.now())
    }

    /// A fresh pin. `current` is what is pinned already.
    pub(crate) async fn obtain(&self, current: Option<&Pin>) -> Result<Pin, Failure> {
        if self.is_tunnel() {
            return self.obtain_in_tunnel().await;
        }
        let asked = Asked::now(self.clock());
        let mut published = fetch::get(&self.transport, &self.places.keys, self.timeout)
            .await
            .map_err(|failed| self.unlearnt(failed.source.into(), failed.answered))?;
        let endorsements = self.local().await?;
        self.endorse(&mut published, &endorsements)?;
        let at = self.now();
        let acceptance = self.accept(&published).map_err(|denial| {
            // Unverified: says what a refusal means.
            match (current, KeyDocument::decode(&published.document)) {
                // Somebody replays an old document. That says nothing against the newer one.
                (Some(pin), Ok(old))
                    if old.instance == pin.document().instance && old.serial < pin.document().serial =>
                {
                    self.unlearnt(Arc::new(NotNewer(old.serial)), true)
                }
                _ => Failure::Denied(denial),
            }
        })?;
        let channel = match self.chosen {
            Wire::HpkeHttp => self.hpke_http(&acceptance, asked)?,
            Wire::HpkeHttp1 => self.hpke_http_1(&acceptance, at)?,
            Wire::Ehbp => self.ehbp(&acceptance, at)?,
            _ if self.goes_by_session(acceptance.document.get(), current) => {
                // New evidence was asked for, so nothing of the last session stands in for it (SE-41).
                let known = Known { document: Some((&published, &acceptance)), endorsements, ticket: None };
                let made = self.session(known, &mut Errand::default()).await?;
                return Ok(self.pinned(made, Arc::new(published), at));
            }
            _ => self.oblivious(&acceptance, at)?,
        };
        let made = Handshaken { channel, acceptance, published: None, own_end: None };
        Ok(self.pinned(made, Arc::new(published), at))
    }

    /// The same where nothing but a WebSocket passes: the gateway shows its document in the handshake (TU-68).
    async fn obtain_in_tunnel(&self) -> Result<Pin, Failure> {
        let at = self.now();
        let known = Known { document: None, endorsements: self.local().await?, ticket: None };
        let mut made = self.session(known, &mut Errand::default()).await?;
        // What was known was nothing, so it rests on what was shown.
        let shown = made.published.take().ok_or_else(|| Failure::Handshake {
            at: self.places.channel.clone(),
            source: Arc::new(sealwire_http::session::Error::Document.into()),
        })?;
        Ok(self.pinned(made, Arc::new(shown), at))
    }

    /// Whether everything goes by a WebSocket.
    pub(crate) fn is_tunnel(&self) -> bool {
        self.chosen == Wire::Tunnel
    }

    /// The wire is chosen once, by a document that was accepted. What asks for another document later, a hint of whoever is
    /// on the way as well, does not lead to another wire (SE-43).
    fn goes_by_session(&self, document: &KeyDocument, current: Option<&Pin>) -> bool {
        match (self.chosen, current) {
            (Wire::Session | Wire::Tunnel, _) => true,
            (Wire::Auto, Some(pin)) => pin.channel.is_session(),
            (Wire::Auto, None) => offers_sessions(document),
            _ => false,
        }
    }

    /// A channel of the session of `pin`, which breaks when `pin` is revoked; `None` where the wire has none (SE-37).
    pub(super) async fn open_channel(
        &self,
        pin: &Arc<Pin>,
    ) -> Option<Result<(Opened, Connection), wire::Error>> {
        let live = pin.channel.live()?;
        let settings = wire::Settings::default();
        let (upgrades, place) = (self.transport.upgrading(), &self.places.channel);
        let opening = async {
            let stream = live.open_channel(upgrades, place, &settings).await?;
            self.carry(pin, live, stream).await
        };
        // Of its parts each has a bound, but for the answer to the upgrade.
        let bound = self.timeout.saturating_add(settings.opening);
        let opened = tokio::time::timeout(bound, opening).await;
        Some(opened.unwrap_or(Err(wire::Error::TimedOut)))
    }

    /// The channel that came with the session of `pin`, once; `None` where none did.
    pub(super) async fn first_channel(
        &self,
        pin: &Arc<Pin>,
    ) -> Option<Result<(Opened, Connection), wire::Error>> {
        let stream = pin.channel.take_first()?;
        let carrying = self.carry(pin, pin.channel.live()?, stream);
        Some(tokio::time::timeout(self.timeout, carrying).await.unwrap_or(Err(wire::Error::TimedOut)))
    }

    async fn carry(
        &self,
        pin: &Arc<Pin>,
        live: &Arc<Live>,
        stream: Stream,
    ) -> Result<(Opened, Connection), wire::Error> {
        live.carry(stream, &wire::Settings::default(), |stream| Severed::new(stream, pin.clone())).await
    }

    /// Another session by the ticket of the last one (SE-40), with no document asked for. `None` where that is not to be
    /// had: the way is then that of [`Self::obtain`].
    pub(crate) async fn resume(&self, pin: &Pin, errand: &mut Errand) -> Option<Pin> {
        let at = self.now();
        if !self.rests_well(pin, at) {
            return None;
        }
        let ticket = self.ticket(pin)?;
        let endorsements = self.local().await.ok()?;
        let (published, acceptance) = (&*pin.published, &pin.acceptance);
        let known = Known { document: Some((published, acceptance)), endorsements, ticket: Some(ticket) };
        let made = self.session(known, errand).await;
        let made = made.inspect_err(|_| tracing::debug!("no session by the ticket of the last")).ok()?;
        let resumed = made.channel.is_resumed();
        let next = self.pinned(made, pin.published.clone(), at);
        // A ticket makes nothing younger.
        Some(if resumed {
            Pin { accepted_at: pin.accepted_at, renew_at: pin.renew_at, ..next }
        } else {
            next
        })
    }

    /// Whether another session may rest on what this one rests on: all of it is held against the policy and the revocation
    /// list of now, and it is no older than the policy wants. The patience with gateways that do not answer is not for this
    /// (SE-41).
    fn rests_well(&self, pin: &Pin, at: UnixTime) -> bool {
        let policy = self.policy();
        let oldest = pin.document().issued_at.saturating_add(policy.max_age());
        let fresh = at <= self.expires(pin.document(), &pin.channel).min(oldest)
            && policy.is_revocation_list_good(at);
        fresh && !pin.cut.is_cut() && self.accept(&pin.published).is_ok()
    }

    /// The ticket of the session of `pin`, once, if it rests on what `pin` does.
    fn ticket(&self, pin: &Pin) -> Option<Ticket> {
        let now = self.environment.clock.unix_millis();
        let ticket = pin.channel.live()?.take_ticket()?;
        let document = &pin.acceptance.document_hash;
        (ticket.is_usable(now) && ticket.document_hash() == document).then_some(ticket)
    }

    /// What was made from `known`, or from another document that the gateway has shown since.
    fn pinned(&self, made: Handshaken, known: Arc<Published>, at: UnixTime) -> Pin {
        let Handshaken { channel, acceptance, published, own_end } = made;
        let published = published.map_or(known, Arc::new);
        let document = acceptance.document.get();
        if let Ok(mut serials) = self.serials.lock() {
            serials.accepted(document.instance, document.serial);
        }
        // The gateway cuts off a caller whose own document has ended.
        let end = self.expires(document, &channel);
        let expires = own_end.map_or(end, |own_end| own_end.min(end));
        Pin {
            renew_at: self.renewal(document, at, expires),
            accepted_at: self.environment.clock.now(),
            expires,
            channel,
            published,
            acceptance,
            cut: Cut::default(),
        }
    }

    /// Holds a document against the policy, and against what was seen of its instance.
    pub(super) fn accept(&self, published: &Published) -> Result<Acceptance, Denial> {
        // Unverified: chooses what the serial is compared with, which is checked with the rest.
        let claimed = KeyDocument::decode(&published.document).ok();
        let seen = claimed.as_ref().map_or_else(Default::default, |claimed| self.seen(claimed));
        let wanted = Wanted::Gateway(&self.places.authority);
        key_document::accept(published, &self.verifier, &self.policy(), wanted, &[], seen, self.now())
    }

    /// The endorsements of this side, as they are now.
    async fn local(&self) -> Result<Endorsements, Failure> {
        read_endorsements(&self.endorsements).await.map_err(|error| self.unlearnt(error.into(), false))
    }

    /// Adds the endorsements of this side. They come first, so that what the gateway sends cannot crowd them out: where
    /// there are too many together, nothing is learnt.
    fn endorse(&self, published: &mut Published, local: &Endorsements) -> Result<(), Failure> {
        let together = beside(local, &published.endorsements);
        published.endorsements = together.map_err(|error| self.unlearnt(Arc::new(error), true))?;
        Ok(())
    }

    /// What is known of the instance that a document names, before the document is believed.
    fn seen(&self, claimed: &KeyDocument) -> key_document::Seen {
        self.serials.lock().map(|serials| serials.of(&claimed.instance)).unwrap_or_default()
    }

    fn unlearnt(&self, source: Arc<dyn StdError + Send + Sync>, answered: bool) -> Failure {
        let at = if self.is_tunnel() { &self.places.channel } else { &self.places.keys };
        Failure::Unlearnt { at: at.clone(), source, answered }
    }

    /// The key for hpke-http, which has to stand in the document (HH-61).
    fn hpke_http(&self, acceptance: &Acceptance, asked: Asked) -> Result<Channel, Failure> {
        let (document, wire) = (&acceptance.document, hpke_http::WIRE);
        let none = |why| self.not_offered(wire, why);
        // Settings without it have been refused.
        let spoken = self.hpke_http.as_ref().ok_or_else(|| none("there is no pre-shared key"))?;
        self.check_offered(document, wire)?;
        let credential = spoken.credential.clone();
        let target = hpke_http::Target::attested(document, asked, self.places.endpoint.clone(), credential)
            .map_err(|_| none(NO_KEY))?;
        let key_id = target.key_id().to_vec();
        let settings = spoken.layer(self.wire.limits.idle_time, &self.environment);
        let wire = hpke_http::HpkeHttp::new(self.transport.clone(), target, settings);
        Ok(Channel::HpkeHttp { wire, key_id })
    }

    /// The key for hpke-http 1.x.
    fn hpke_http_1(&self, acceptance: &Acceptance, at: UnixTime) -> Result<Channel, Failure> {
        let (document, wire) = (&acceptance.document, hpke_http_1::WIRE);
        let none = |why| self.not_offered(wire, why);
        // Settings without it have been refused.
        let spoken = self.hpke_http_1.as_ref().ok_or_else(|| none("there is no pre-shared key"))?;
        self.check_offered(document, wire)?;
        let credential = spoken.credential.clone();
        let target = hpke_http_1::Target::attested(document, at, self.places.root.clone(), credential)
            .map_err(|_| none(NO_KEY))?;
        let key_id = target.key_id().to_vec();
        let settings = spoken.layer(self.wire.limits.idle_time, &self.environment);
        let wire = hpke_http_1::HpkeHttp1::new(self.transport.clone(), target, settings);
        Ok(Channel::HpkeHttp1 { wire, key_id })
    }

    fn not_offered(&self, wire: &'static str, why: &'static str) -> Failure {
        Failure::NotOffered { at: self.places.keys.clone(), wire, why }
    }

    fn check_offered(&self, document: &Appraised<KeyDocument>, wire: &'static str) -> Result<(), Failure> {
        let is_offered = document.get().wires.iter().any(|offered| offered == wire);
        if is_offered { Ok(()) } else { Err(self.not_offered(wire, "the wire is not on offer")) }
    }

    /// The key for EHBP, which has to stand in the document (EH-28).
    fn ehbp(&self, acceptance: &Acceptance, at: UnixTime) -> Result<Channel, Failure> {
        let (document, wire) = (&acceptance.document, sealwire_http::ehbp::WIRE);
        self.check_offered(document, wire)?;
        let target = ehbp::Target::attested(document, at, self.places.root.clone())
            .map_err(|_| self.not_offered(wire, NO_KEY))?;
        let key_id = target.key_id().to_vec();
        let settings = self.ehbp.layer(self.wire.limits.idle_time, &self.environment);
        Ok(Channel::Ehbp { wire: ehbp::Ehbp::new(self.transport.clone(), target, settings), key_id })
    }

    fn oblivious(&self, acceptance: &Acceptance, at: UnixTime) -> Result<Channel, Failure> {
        let no_key = |source| Failure::NoKey { at: self.places.keys.clone(), source };
        let (selected, target) = self.select(&acceptance.document, at).map_err(no_key)?;
        let wire = Oblivious::new(self.transport.clone(), target, self.wire.clone());
        Ok(Channel::Oblivious { wire, selected })
    }

    /// A session, with what it rests on: the gateway may show a newer document than the one that is known.
    async fn session(&self, known: Known<'_>, errand: &mut Errand) -> Result<Handshaken, Failure> {
        let place = if self.is_tunnel() { &self.places.channel } else { &self.places.session };
        let refused = |source: session::Refused| match source {
            session::Refused::Denied(denial) => Failure::Denied(denial),
            source => Failure::Handshake { at: place.clone(), source: Arc::new(source) },
        };
        let is_offered = |acceptance: &Acceptance| offers_sessions(acceptance.document.get());
        if !known.document.is_none_or(|(_, acceptance)| is_offered(acceptance)) {
            return Err(refused(session::Refused::NotOffered));
        }
        let settings = session::Settings {
            limits: sealwire_http::session::Limits::default(),
            outside: self.outside.clone(),
            bhttp: self.wire.limits.bhttp,
            idle_time: self.wire.limits.idle_time,
            clock: self.environment.clock.clone(),
            random: self.environment.random.clone(),
        };
        let own = match &self.own {
            Some(own) => {
                let document = own.document(self.now()).await;
                Some((own, document.map_err(|fault| Failure::Own(Arc::new(fault)))?))
            }
            None => None,
        };
        let shows = own.as_ref().map(|(own, document)| (*own, &**document));
        let at = Where {
            transport: &self.transport,
            place,
            requests: (!self.is_tunnel()).then_some(&self.places.requests),
            timeout: self.timeout,
        };
        // Every request's future would have room for it, and few make one.
        let made = Box::pin(channel::handshake(self, at, settings, known, shows, errand)).await;
        let made = made.map_err(|source| match source {
            // Nobody has answered, so asking again costs nobody anything (SE-43).
            session::Refused::Transport(source) if self.is_tunnel() => self.unlearnt(source.into(), false),
            source => refused(source),
        })?;
        if is_offered(&made.acceptance) { Ok(made) } else { Err(refused(session::Refused::NotOffered)) }
    }

    /// The key to seal to (OB-05, OB-51). The gateway lists keys by preference and only while they are live.
    fn select(
        &self,
        document: &Appraised<KeyDocument>,
        at: UnixTime,
    ) -> Result<(Selected, Target), sealwire_http::oblivious::Error> {
        let no_key = sealwire_http::oblivious::Error::NoUsableKey;
        if !document.get().wires.iter().any(|wire| wire == OBLIVIOUS) {
            return Err(no_key);
        }
        let limits = &self.wire.limits;
        let target = Target::new(document, &self.kems, self.places.resource.clone(), limits)?;
        let configs = config::parse_list(&document.get().ohttp_key_list(), limits)?;
        let selected = config::select(&configs, &self.kems)?;
        let is_live =
            document.get().live_keys(OBLIVIOUS, at).any(|key| key.bytes.first() == Some(&selected.key_id));
        if is_live { Ok((selected, target)) } else { Err(no_key) }
    }

    /// The document ends, the key ends, or the policy's patience with an unrefreshed document ends (AT-41).
    fn expires(&self, document: &KeyDocument, channel: &Channel) -> UnixTime {
        let policy = self.policy();
        let patience = policy.max_age().saturating_add(policy.grace());
        let key = channel.key(document);
        let key_end = key.map_or(document.not_after, |key| key.not_after);
        document.not_after.min(key_end).min(document.issued_at.saturating_add(patience))
    }

    /// Before half of the lifetime, at a moment that differs from client to client (AT-41).
    fn renewal(&self, document: &KeyDocument, at: UnixTime, expires: UnixTime) -> SystemTime {
        let now = self.environment.clock.now();
        let half_life = document.issued_at.saturating_add(expires.since(document.issued_at) / 2);
        let until_half = half_life.since(at);
        let remaining = expires.since(at);
        // A document that is already past its half, or nearly, is waited for as if it began now.
        let (from, to) = if until_half > remaining / 8 { (0.5, 0.95) } else { (0.3, 0.45) };
        let span = if until_half > remaining / 8 { until_half } else { remaining };
        let [random] = random::array(&*self.environment.random).unwrap_or([u8::MAX]);
        let part = from + (to - from) * f64::from(random) / f64::from(u8::MAX);
        now.checked_add(span.mul_f64(part)).unwrap_or(UNIX_EPOCH)
    }
}
