//! What is in force: configuration, keys and published document, replaced together.
//!
//! Keys belong to the configuration that they were attested with: a request that is sealed to a key goes where the
//! document said that named it. So a configuration with another digest gets keys of its own, and the one before it
//! stays in force for requests that are sealed to its keys, until no document that names them can be used any more.
//! Otherwise whoever can make the gateway reload could redirect what callers seal to a document that they verified
//! before (AT-44).

use crate::{
    config::Plan,
    destination::Destination,
    hpke_http::{self, HpkeHttp, Lock, Making},
    instance::{self, Attested, Instance, Keys},
    metrics,
    own::{Challenges, Own},
    secrets::{Audit, Secrets, Surroundings},
    sessions::{Presented, Sessions},
    stack::{self, Generation, Parts, Stack},
    tunnel::TunnelKeys,
};
use arc_swap::ArcSwap;
use http::{Request, Response};
use sealwire_attest::UnixTime;
use sealwire_http::{
    Body, KeyRing,
    key_ring::{self, KeySet},
    server::ehbp::keys,
};
use std::{
    convert::Infallible,
    io,
    path::PathBuf,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};
use tokio::sync::Mutex;
use tower::Service;

/// Replaced configurations whose keys are still accepted, at most; the oldest goes first.
const MAX_OLDER: usize = 8;
/// How often other key ids are tried where some are in use.
const TRIES: usize = 64;

/// What is in force at one moment.
pub(crate) struct Live {
    stack: Stack,
    pub(crate) current: Arc<Generation>,
    /// when the advertised keys were made
    since: UnixTime,
    older: Vec<Older>,
    pub(crate) attested: Arc<Attested>,
    challenges: Arc<Challenges>,
}

#[derive(Clone)]
struct Older {
    generation: Arc<Generation>,
    until: UnixTime,
}

impl Live {
    /// Ids of all keys of the oblivious wire that are accepted.
    pub(crate) fn key_ids(&self) -> Vec<u8> {
        let older = self.older.iter().map(|older| &older.generation);
        older.chain([&self.current]).flat_map(|generation| generation.ring.key_ids()).collect()
    }

    /// Entries of all replay registers.
    pub(crate) fn remembered(&self) -> usize {
        let older = self.older.iter().map(|older| &older.generation);
        let of_ehbp = |generation: &Generation| generation.ehbp.as_ref().map_or(0, |keys| keys.remembered());
        let of_hpke_http =
            |generation: &Generation| generation.hpke_http.as_ref().map_or(0, HpkeHttp::remembered);
        let of = |all: &Arc<Generation>| all.ring.remembered() + of_ehbp(all) + of_hpke_http(all);
        older.chain([&self.current]).map(of).sum()
    }
}

/// The state of a gateway, and the only way to change it.
pub(crate) struct State {
    pub(crate) instance: Arc<Instance>,
    parts: Parts,
    keys: key_ring::Settings,
    destination: Destination,
    live: ArcSwap<Live>,
    /// of the configured keys of hpke-http, where no other instance may use them
    locks: Mutex<Locks>,
    /// changes happen one after the other; requests never wait for one
    changing: Mutex<()>,
}

/// Why a configuration was not put into force.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error(transparent)]
    Instance(#[from] instance::Error),
    #[error(transparent)]
    Tls(#[from] rustls::Error),
    #[error("the audit of secrets cannot be written to {path}: {source}", path = .path.display())]
    Audit { path: PathBuf, source: io::Error },
    #[error(transparent)]
    HpkeHttp(#[from] hpke_http::Failure),
}

impl State {
    /// Makes the first keys and publishes the first document.
    pub(crate) async fn new(
        instance: Instance,
        parts: Parts,
        keys: key_ring::Settings,
        plan: Plan,
        destination: Destination,
    ) -> Result<Self, Error> {
        let instance = Arc::new(instance);
        let application = destination.of(&plan, &parts.random)?;
        let ring = ring(&instance, &keys, &parts, &[]).await?;
        let sessions = sessions(&instance, &parts, &plan)?;
        let ehbp = ehbp(&keys, &parts, &plan)?;
        let tunnel = tunnel(&instance, &parts, &plan).await?;
        let locks = Mutex::new(locks(&plan, &[None, None])?);
        let hpke_http = hpke_http(&instance, &parts, &plan)?;
        let mut current =
            Generation { plan, ring, sessions, ehbp, tunnel, hpke_http, secrets: None, application };
        let since = instance.now();
        let attested = attest(&instance, &keys, &current, &Sets::of(&current), since).await?;
        current.secrets = secrets(&instance, &parts, &current, None).await?;
        let current = Arc::new(current);
        let challenges = Challenges::per_second(current.plan.challenges_per_second);
        let live = assemble(&parts, &instance, current, since, Vec::new(), attested, challenges);
        let live = ArcSwap::from_pointee(live);
        Ok(Self { instance, parts, keys, destination, live, locks, changing: Mutex::new(()) })
    }

    /// What is in force now.
    pub(crate) fn live(&self) -> arc_swap::Guard<Arc<Live>> {
        self.live.load()
    }

    /// When keys are to be replaced next.
    pub(crate) fn rotate_at(&self, rotation: Duration) -> UnixTime {
        self.live().since.saturating_add(rotation)
    }

    /// Replaces the keys. The new ones are advertised only once they are attested; the old ones stay accepted for the
    /// overlap (OB-52, OB-53).
    pub(crate) async fn rotate(&self) -> Result<(), Error> {
        let _changing = self.changing.lock().await;
        let live = self.live.load_full();
        let others = rings(&live.older);
        let ring = &live.current.ring;
        let set = Arc::new(rotated(&self.instance, ring, &self.parts, &others).await?);
        let random = self.parts.random.as_ref();
        let ehbp = live.current.ehbp.as_ref().map(|keys| keys.rotated(random)).transpose();
        let mut sets = Sets {
            ring: set,
            ehbp: ehbp.map_err(instance::Error::from)?.map(Arc::new),
            hpke_http: Sets::of(&live.current).hpke_http,
        };
        if let (Some(keys), Some(plan)) = (&sets.hpke_http, &live.current.plan.hpke_http)
            && let Some(next) = making(&self.instance, &self.parts)
                .rotated(plan, keys, self.keys.overlap)
                .map_err(hpke_http::Failure::from)?
        {
            sets.hpke_http = Some(Arc::new(next));
        }
        let since = self.instance.now();
        let attested = attest(&self.instance, &self.keys, &live.current, &sets, since).await?;
        ring.install(sets.ring);
        if let (Some(keys), Some(set)) = (&live.current.ehbp, sets.ehbp) {
            keys.install(set);
        }
        if let (Some(wire), Some(set)) = (&live.current.hpke_http, sets.hpke_http) {
            wire.keys.install(set);
        }
        ::metrics::counter!(metrics::KEY_ROTATIONS).increment(1);
        let (current, challenges) = (live.current.clone(), live.challenges.clone());
        self.put(current, since, live.older.clone(), attested, challenges);
        Ok(())
    }

    /// Publishes a new document of the same keys.
    pub(crate) async fn renew(&self) -> Result<(), Error> {
        let _changing = self.changing.lock().await;
        let live = self.live.load_full();
        let sets = Sets::of(&live.current);
        let attested = attest(&self.instance, &self.keys, &live.current, &sets, live.since).await?;
        let (current, challenges) = (live.current.clone(), live.challenges.clone());
        self.put(current, live.since, live.older.clone(), attested, challenges);
        Ok(())
    }

    /// Puts another configuration into force, with a new document where that changes what the document says, and with
    /// new keys where the digest changes. Until then, and on an error, the old one stays in force.
    pub(crate) async fn replace(&self, mut plan: Plan) -> Result<(), Error> {
        let _changing = self.changing.lock().await;
        let live = self.live.load_full();
        if let (Some(new), Some(old)) = (&mut plan.callers, &live.current.plan.callers)
            && new.has_policy_of(old)
        {
            new.carry_on(old);
        }
        if let (Some(new), Some(old)) = (&mut plan.secrets, &live.current.plan.secrets) {
            Arc::make_mut(&mut new.rules).carry_on(&old.rules);
        }
        let application = self.destination.of(&plan, &self.parts.random)?;
        let challenges = Challenges::per_second(plan.challenges_per_second);
        let mut held = self.locks.lock().await;
        let taken = locks(&plan, &held)?;
        if plan.digest == live.current.plan.digest {
            let (hpke_http, next) =
                match (&live.current.hpke_http, &plan.hpke_http, &live.current.plan.hpke_http) {
                    (Some(wire), Some(new), Some(old)) => {
                        let making = making(&self.instance, &self.parts);
                        (Some(wire.reading(new, &making)?), making.followed(new, old)?)
                    }
                    _ => (None, None),
                };
            let (ring, sessions) = (live.current.ring.clone(), live.current.sessions.clone());
            let (ehbp, tunnel) = (live.current.ehbp.clone(), live.current.tunnel.clone());
            let same = plan.says_the_same(&live.current.plan);
            let mut current =
                Generation { plan, ring, sessions, ehbp, tunnel, hpke_http, secrets: None, application };
            let mut sets = Sets::of(&current);
            sets.hpke_http = next.map(Arc::new).or(sets.hpke_http);
            let attested = if same {
                live.attested.clone()
            } else {
                attest(&self.instance, &self.keys, &current, &sets, live.since).await?
            };
            current.secrets = secrets(&self.instance, &self.parts, &current, Some(&live.current)).await?;
            if let (Some(wire), Some(set)) = (&current.hpke_http, sets.hpke_http) {
                wire.keys.install(set);
            }
            hold(&mut held, taken);
            let current = Arc::new(current);
            self.put(current, live.since, live.older.clone(), attested, challenges);
            return Ok(());
        }
        let mut others = rings(&live.older);
        others.push(live.current.ring.clone());
        let ring = ring(&self.instance, &self.keys, &self.parts, &others).await?;
        let sessions = sessions(&self.instance, &self.parts, &plan)?;
        let ehbp = ehbp(&self.keys, &self.parts, &plan)?;
        let tunnel = tunnel(&self.instance, &self.parts, &plan).await?;
        let hpke_http = hpke_http(&self.instance, &self.parts, &plan)?;
        let mut current =
            Generation { plan, ring, sessions, ehbp, tunnel, hpke_http, secrets: None, application };
        let since = self.instance.now();
        let attested = attest(&self.instance, &self.keys, &current, &Sets::of(&current), since).await?;
        // Last of what can fail: the old configuration has none any more.
        current.secrets = secrets(&self.instance, &self.parts, &current, Some(&live.current)).await?;
        hold(&mut held, taken);
        let current = Arc::new(current);
        let until = self.instance.now().saturating_add(self.keys.overlap);
        let mut older = vec![Older { generation: live.current.clone(), until }];
        older.extend(live.older.iter().cloned());
        older.truncate(MAX_OLDER);
        self.put(current, since, older, attested, challenges);
        Ok(())
    }

    /// Looks at the revocation lists of callers, and ends the sessions of those who are revoked, whose evidence has become
    /// too old, or whom another policy than today's has accepted (AT-25, SE-41): these attest themselves again. So do those of
    /// a replaced configuration with secrets, which are kept under the one of now (SE-20).
    pub(crate) async fn recheck_callers(&self) {
        let live = self.live.load_full();
        let now = self.instance.now();
        let looked = tokio::task::spawn_blocking(move || {
            let current = live.current.plan.callers.as_ref();
            for generation in live.older.iter().map(|older| &older.generation).chain([&live.current]) {
                let goes_on = Arc::ptr_eq(generation, &live.current) || generation.secrets.is_none();
                let theirs = generation.plan.callers.as_ref().filter(|_| goes_on);
                match theirs.filter(|callers| current.is_some_and(|current| current.has_policy_of(callers))) {
                    Some(callers) => {
                        callers.look(generation.plan.secrets.as_ref().map(|secrets| &*secrets.rules));
                        generation.sessions.recheck(callers, now);
                    }
                    None => generation.sessions.forget_attested(),
                }
            }
        });
        if let Err(error) = looked.await {
            tracing::error!(%error, "callers were not looked at again");
        }
    }

    /// Replaces the key of tunnels where that is due (TU-35). Where no quote is to be had, the old one stays, and this is tried again.
    pub(crate) async fn renew_tunnel(&self) {
        let live = self.live.load_full();
        let (Some(keys), Some(of)) = (&live.current.tunnel, &live.current.plan.tunnel) else { return };
        let random = self.parts.random.as_ref();
        if let Err(error) = keys.renew(&self.instance, &live.current.plan, of, random).await {
            tracing::error!(%error, "no new key for tunnels; the old one stays, and this is tried again");
        }
    }

    /// Replaces the key of EHBP where its replay register is half full: whoever fills it would have everybody refused until the
    /// next rotation (EH-21). The other keys stay.
    pub(crate) async fn renew_ehbp(&self) {
        if let Err(error) = self.replace_worn_ehbp().await {
            tracing::error!(%error, "no new key for EHBP; the old one stays, and this is tried again");
        }
    }

    async fn replace_worn_ehbp(&self) -> Result<(), Error> {
        let _changing = self.changing.lock().await;
        let live = self.live.load_full();
        let Some(keys) = live.current.ehbp.as_ref().filter(|keys| keys.is_worn()) else { return Ok(()) };
        let set = keys.rotated(self.parts.random.as_ref()).map_err(instance::Error::from)?;
        let set = Arc::new(set);
        let mut sets = Sets::of(&live.current);
        sets.ehbp = Some(Arc::clone(&set));
        let attested = attest(&self.instance, &self.keys, &live.current, &sets, live.since).await?;
        keys.install(set);
        let (current, challenges) = (live.current.clone(), live.challenges.clone());
        self.put(current, live.since, live.older.clone(), attested, challenges);
        Ok(())
    }

    /// Drops, and so wipes, keys whose overlap has ended, and counters of callers that no longer come.
    pub(crate) async fn forget(&self) {
        let _changing = self.changing.lock().await;
        let live = self.live.load_full();
        let now = self.instance.now();
        for generation in live.older.iter().map(|older| &older.generation).chain([&live.current]) {
            generation.ring.prune();
            generation.ehbp.as_ref().inspect(|keys| keys.prune());
            generation.hpke_http.as_ref().inspect(|wire| wire.keys.prune());
            generation.sessions.forget(self.instance.now());
            generation
                .plan
                .routes
                .iter()
                .filter_map(|route| route.rate.as_ref())
                .for_each(|rate| rate.forget_idle());
        }
        if live.older.iter().any(|older| older.until < now) {
            let older = live.older.iter().filter(|older| older.until >= now).cloned().collect();
            let (current, challenges) = (live.current.clone(), live.challenges.clone());
            self.put(current, live.since, older, live.attested.clone(), challenges);
        }
    }

    fn put(
        &self,
        current: Arc<Generation>,
        since: UnixTime,
        older: Vec<Older>,
        attested: Arc<Attested>,
        challenges: Arc<Challenges>,
    ) {
        let live = assemble(&self.parts, &self.instance, current, since, older, attested, challenges);
        self.live.store(Arc::new(live));
    }
}

fn assemble(
    parts: &Parts,
    instance: &Arc<Instance>,
    current: Arc<Generation>,
    since: UnixTime,
    older: Vec<Older>,
    attested: Arc<Attested>,
    challenges: Arc<Challenges>,
) -> Live {
    let own = Own::new(attested.clone(), instance.clone(), challenges.clone());
    let shows: Arc<Presented> = Arc::new(Presented::new(&attested, instance.clone(), challenges.clone()));
    let stack = stack::stack(
        parts,
        &current,
        older.iter().map(|older| &older.generation),
        own,
        &shows,
        instance.id(),
    );
    Live { stack, current, since, older, attested, challenges }
}

/// The keys that a document is to advertise.
struct Sets {
    ring: Arc<KeySet>,
    /// `None` where it is not spoken
    ehbp: Option<Arc<keys::KeySet>>,
    /// `None` where it is not spoken
    hpke_http: Option<Arc<sealwire_http::server::hpke_http::KeySet>>,
}

impl Sets {
    /// Those in force.
    fn of(generation: &Generation) -> Self {
        Self {
            ring: generation.ring.current(),
            ehbp: generation.ehbp.as_ref().map(|keys| keys.set()),
            hpke_http: generation.hpke_http.as_ref().map(|wire| wire.keys.current()),
        }
    }
}

async fn attest(
    instance: &Instance,
    keys: &key_ring::Settings,
    generation: &Generation,
    sets: &Sets,
    since: UnixTime,
) -> Result<Arc<Attested>, instance::Error> {
    let identity = generation.sessions.identity();
    let ehbp = sets.ehbp.as_ref().map(|set| set.current().config());
    let hpke_http = sets.hpke_http.as_deref();
    let legacy = generation.hpke_http.as_ref().and_then(|wire| wire.legacy.as_deref());
    let keys = Keys { set: &sets.ring, ehbp, hpke_http, legacy, identity, since, overlap: keys.overlap };
    let attested = instance.attest(&generation.plan, &keys).await?;
    tracing::info!(
        serial = attested.document.serial,
        not_after = %attested.document.not_after,
        config_digest = %hex::encode(attested.document.config_digest),
        development = attested.is_development(),
        "key document published"
    );
    Ok(Arc::new(attested))
}

fn rings(older: &[Older]) -> Vec<Arc<KeyRing>> {
    older.iter().map(|older| older.generation.ring.clone()).collect()
}

/// The secrets of `current`, with those of the generation `before` that go on under it. `before` has none any more, unless its
/// digest is the same.
async fn secrets(
    instance: &Instance,
    parts: &Parts,
    current: &Generation,
    before: Option<&Generation>,
) -> Result<Option<Arc<Secrets>>, Error> {
    let is_same = before.is_some_and(|before| before.plan.digest == current.plan.digest);
    let before = before.and_then(|before| before.secrets.as_ref());
    let (Some(configured), Some(callers)) = (&current.plan.secrets, &current.plan.callers) else {
        if let Some(before) = before {
            before.retire().await;
        }
        return Ok(None);
    };
    let path = configured.audit.clone();
    let audit = match before {
        Some(before) => before.audit().reopen(path.clone()).await.map(|()| before.audit().clone()),
        None => {
            let (path, id, now) = (path.clone(), instance.id(), instance.now());
            let opened = tokio::task::spawn_blocking(move || Audit::open(&path, &id, now)).await;
            opened.unwrap_or_else(|_| Err(io::Error::other("interrupted"))).map(Arc::new)
        }
    };
    let around = Surroundings {
        callers: callers.policy.clone(),
        audit: audit.map_err(|source| Error::Audit { path, source })?,
        instance: instance.id(),
        content_time: current.plan.idle_time,
        clock: parts.clock.clone(),
    };
    let rules = configured.rules.clone();
    Ok(Some(Arc::new(match before {
        Some(before) if is_same => Secrets::going_on(before, rules, around),
        Some(before) => Secrets::taking_over(before, rules, around).await,
        None => Secrets::new(rules, around),
    })))
}

/// A fresh key of tunnels, where they are on.
async fn tunnel(
    instance: &Instance,
    parts: &Parts,
    plan: &Plan,
) -> Result<Option<Arc<TunnelKeys>>, instance::Error> {
    let Some(of) = &plan.tunnel else { return Ok(None) };
    let keys = TunnelKeys::new(instance, plan, of, parts.random.as_ref()).await?;
    Ok(Some(Arc::new(keys)))
}

fn making<'a>(instance: &Instance, parts: &'a Parts) -> Making<'a> {
    Making {
        instance: instance.id(),
        clock: &parts.clock,
        random: parts.random.as_ref(),
        store: parts.store.as_ref(),
    }
}

/// Keys of hpke-http, where it is on.
fn hpke_http(
    instance: &Instance,
    parts: &Parts,
    plan: &Plan,
) -> Result<Option<HpkeHttp>, hpke_http::Failure> {
    plan.hpke_http.as_ref().map(|wire| HpkeHttp::new(wire, &making(instance, parts))).transpose()
}

/// Of the configured keys of hpke-http, and of its releases 1.x.
type Locks = [Option<Lock>; 2];

/// The locks on configured keys, where there have to be some and they are not `held`.
fn locks(plan: &Plan, held: &Locks) -> Result<Locks, hpke_http::Failure> {
    let Some(wire) = &plan.hpke_http else { return Ok([None, None]) };
    let lock = |path: &Option<PathBuf>, held: &Option<Lock>| {
        path.as_ref().map_or(Ok(None), |path| Lock::of(path, held.as_ref()))
    };
    let ([keys, legacy], [held_keys, held_legacy]) = (&wire.alone, held);
    Ok([lock(keys, held_keys)?, lock(legacy, held_legacy)?])
}

/// What is not taken anew stays: an older configuration may still use it.
fn hold(held: &mut Locks, taken: Locks) {
    for (held, taken) in held.iter_mut().zip(taken) {
        if taken.is_some() {
            *held = taken;
        }
    }
}

/// Fresh keys of sessions.
fn sessions(instance: &Instance, parts: &Parts, plan: &Plan) -> Result<Arc<Sessions>, instance::Error> {
    Ok(Arc::new(Sessions::new(&plan.session, instance.id(), parts.random.as_ref())?))
}

/// A fresh key of EHBP, where it is spoken.
fn ehbp(
    settings: &key_ring::Settings,
    parts: &Parts,
    plan: &Plan,
) -> Result<Option<Arc<keys::Keys>>, instance::Error> {
    if plan.ehbp.is_none() {
        return Ok(None);
    }
    let key_ring::Settings { overlap, register_capacity, .. } = *settings;
    let settings = keys::Settings { overlap, register_capacity };
    let clock = parts.clock.clone();
    Ok(Some(Arc::new(keys::Keys::new(settings, clock, parts.random.as_ref())?)))
}

/// A ring of fresh keys, with ids that no key of `others` has.
async fn ring(
    instance: &Instance,
    settings: &key_ring::Settings,
    parts: &Parts,
    others: &[Arc<KeyRing>],
) -> Result<Arc<KeyRing>, instance::Error> {
    for _ in 0..TRIES {
        let ring = KeyRing::new(settings.clone(), parts.clock.clone(), parts.random.as_ref())?;
        if is_apart(&ring.current(), others) && is_ours(instance, parts, &ring.current()).await {
            return Ok(Arc::new(ring));
        }
    }
    Err(sealwire_http::oblivious::Error::NoFreeKeyId.into())
}

/// The set that a rotation leads to, with ids that no key of `others` has.
async fn rotated(
    instance: &Instance,
    ring: &KeyRing,
    parts: &Parts,
    others: &[Arc<KeyRing>],
) -> Result<KeySet, instance::Error> {
    for _ in 0..TRIES {
        let set = ring.rotated(parts.random.as_ref())?;
        if is_apart(&set, others) && is_ours(instance, parts, &set).await {
            return Ok(set);
        }
    }
    Err(sealwire_http::oblivious::Error::NoFreeKeyId.into())
}

/// Whether no other instance has these ids (SE-44).
async fn is_ours(instance: &Instance, parts: &Parts, set: &KeySet) -> bool {
    let Some((replicas, _)) = &parts.replicas else { return true };
    let ids = set.advertised().iter().map(|live| (**live).as_ref().config().key_id);
    replicas.claim(&instance.id(), ids.collect::<Vec<_>>()).await
}

/// Whether no id is shared: the id is all that tells to whose keys a request is sealed.
fn is_apart(set: &KeySet, others: &[Arc<KeyRing>]) -> bool {
    let ids = set.advertised().iter().map(|live| (**live).as_ref().config().key_id);
    ids.into_iter().all(|id| others.iter().all(|ring| ring.find(id).is_none()))
}

/// What the listener serves: each request by the stack that is in force when it begins.
#[derive(Clone)]
pub(crate) struct Front(pub(crate) Arc<State>);

impl Service<Request<Body>> for Front {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = <Stack as Service<Request<Body>>>::Future;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let mut stack = self.0.live.load().stack.clone();
        stack.call(request)
    }
}
