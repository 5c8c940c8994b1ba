//! The path of a request, from listener to upstream and back: every layer that it passes, in order.

use crate::{
    config::Plan,
    destination::Application as Innermost,
    hpke_http::HpkeHttp,
    layers::{
        Anywhere, InFlight, InFlightLayer, Legacy, Observe, ObserveLayer, PickWire, Placed, Plain,
        PlainLayer, Policy, PolicyLayer, RateLayer, RateLimit, Sealed, SealedContent, Services,
        SessionServices, Tenant, TenantLayer, TunnelWire,
    },
    own::Own,
    replicas::{Forward, ForwardLayer, Hops, Replicas, Times},
    secrets::{Provision, Secrets, SecretsLayer},
    sessions::{Presented, Sessions},
    tunnel::TunnelKeys,
};
use sealwire_http::crypto::random::Random;
use sealwire_http::{
    Clock, KeyRing, Wire,
    server::{
        ehbp::{self, Ehbp, EhbpLayer, SecondTries},
        hpke_http::{self, Served},
        oblivious::{Oblivious, ObliviousLayer, Settings},
        session::{Session, SessionLayer},
        tunnel::{self, TunnelLayer},
        tunnels::Tunnels,
    },
    store::Store,
};
use std::{sync::Arc, time::Duration};
use tower::{ServiceBuilder, util::BoxCloneSyncService};

/// What every wire leads to.
type Application = Tenant<Provision<Policy<RateLimit<Innermost>>>>;
/// The oblivious wire.
type SealedWire = Observe<Oblivious<Application>>;
/// The session wire.
type SessionWire = Observe<Session<Application>>;
/// The channel of the session wire. What comes through it has passed no other limit.
type ChannelWire = Observe<Session<InFlight<InFlight<Observe<Application>>>>>;
/// Content that is sealed alone.
type EhbpWire = Observe<Ehbp<Application>>;
/// Every wire.
type Wires =
    PickWire<Observe<Own>, Observe<Plain<Application>>, SealedWire, SessionWire, ChannelWire, EhbpWire>;
/// Everything between listener and upstreams.
pub(crate) type Stack = InFlight<Forward<Wires>>;

/// What all stacks of a gateway share.
pub(crate) struct Parts {
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) random: Arc<dyn Random>,
    /// replay reservations that outlive the process
    pub(crate) store: Option<Arc<dyn Store>>,
    pub(crate) in_flight: InFlightLayer,
    /// of these, what may come in channels
    pub(crate) in_channels: InFlightLayer,
    pub(crate) observe: Observers,
    /// connections that were taken over
    pub(crate) tunnels: Arc<Tunnels>,
    /// how long a channel's answers may take once its session has ended
    pub(crate) closing: Duration,
    /// other instances behind the same names, and the way to them
    pub(crate) replicas: Option<(Arc<Replicas>, Hops)>,
}

/// Counters and timers, by wire.
pub(crate) struct Observers {
    none: ObserveLayer,
    plain: ObserveLayer,
    single: ObserveLayer,
    chunked: ObserveLayer,
    handshake: ObserveLayer,
    early: ObserveLayer,
    session: ObserveLayer,
    channel: ObserveLayer,
    in_channel: ObserveLayer,
    bound: ObserveLayer,
    ehbp: ObserveLayer,
    tunnel: ObserveLayer,
    in_tunnel: ObserveLayer,
    hpke_http: ObserveLayer,
    legacy: ObserveLayer,
}

impl Observers {
    pub(crate) fn new() -> Self {
        let of = |wire: Wire| ObserveLayer::new(wire.name());
        Self {
            none: ObserveLayer::new("none"),
            plain: of(Wire::Plain),
            single: of(Wire::ObliviousSingle),
            chunked: of(Wire::ObliviousChunked),
            handshake: of(Wire::SessionHandshake),
            early: of(Wire::SessionEarly),
            session: of(Wire::Session),
            channel: of(Wire::SessionChannel),
            in_channel: ObserveLayer::new("in-channel"),
            bound: of(Wire::SessionBound),
            ehbp: of(Wire::Ehbp),
            tunnel: of(Wire::TunnelV0),
            in_tunnel: ObserveLayer::new("in-tunnel-v0"),
            hpke_http: of(Wire::HpkeHttp),
            legacy: of(Wire::HpkeHttpLegacy),
        }
    }
}

/// One configuration in force: its keys, and where their plaintext goes.
pub(crate) struct Generation {
    pub(crate) plan: Plan,
    pub(crate) ring: Arc<KeyRing>,
    pub(crate) sessions: Arc<Sessions>,
    /// `None` where it is not spoken
    pub(crate) ehbp: Option<Arc<ehbp::keys::Keys>>,
    /// `None` where they are off
    pub(crate) tunnel: Option<Arc<TunnelKeys>>,
    /// `None` where it is off
    pub(crate) hpke_http: Option<HpkeHttp>,
    /// `None` where none are configured
    pub(crate) secrets: Option<Arc<Secrets>>,
    pub(crate) application: Innermost,
}

/// The whole of it. `older` are configurations that have been replaced, and whose keys are still accepted.
pub(crate) fn stack<'a>(
    parts: &Parts,
    current: &Generation,
    older: impl Iterator<Item = &'a Arc<Generation>> + Clone,
    own: Own,
    shows: &Arc<Presented>,
    instance: [u8; 16],
) -> Stack {
    let rings = older.clone().map(|older| older.ring.clone()).chain([current.ring.clone()]).collect();
    let services = Services {
        // the key document and the key list
        own: ServiceBuilder::new().layer(parts.observe.none.clone()).service(own),
        plain: ServiceBuilder::new()
            // trace and metrics
            .layer(parts.observe.plain.clone())
            // only to routes with `plaintext = true`; Peer: nobody, in clear
            .layer(PlainLayer {
                routes: current.plan.routes.clone(),
                upgrade: current.plan.hpke_http.is_some(),
            })
            .service(application(current)),
        sealed: sealed(parts, current),
        older: older.clone().map(|older| sealed(parts, older)).collect(),
        session: session(parts, current, shows),
        older_sessions: older.clone().map(|older| session(parts, older, shows)).collect(),
        ehbp: content(parts, current, older.clone()),
        placed: hpke_http(parts, current, older).into_iter().collect(),
        legacy: legacy(parts, current),
        tunnel: tunnel(parts, current),
        header_time: current.plan.wire.header_time,
    };
    let header = current.plan.wire.header_time;
    let application = current.plan.routes.iter().map(|route| route.timeout).fold(header, Duration::max);
    let times =
        Times { header, idle: current.plan.idle_time, application: application.saturating_add(header) };
    let forward = ForwardLayer::new(parts.replicas.as_ref(), instance, rings, times);
    ServiceBuilder::new()
        // limits: 503 above so many requests at once
        .layer(parts.in_flight.clone())
        // what is sealed to another instance goes to it, unopened
        .layer(forward)
        // pick wire: by method, path and media type; and the configuration, by the key that a request is sealed to
        .service(PickWire::new(services))
}

/// The oblivious wire of one configuration, in both forms.
fn sealed(parts: &Parts, generation: &Generation) -> Sealed<SealedWire> {
    let wire = ObliviousLayer::new(Settings {
        ring: generation.ring.clone(),
        routes: generation.plan.routes.clone(),
        clock: parts.clock.clone(),
        random: parts.random.clone(),
        limits: generation.plan.wire,
        window: generation.plan.window,
    });
    let service = |observe: &ObserveLayer| {
        ServiceBuilder::new()
            // trace and metrics
            .layer(observe.clone())
            // open, replay check, Peer; on the way back: seal
            .layer(wire.clone())
            .service(application(generation))
    };
    Sealed {
        ring: generation.ring.clone(),
        single: service(&parts.observe.single),
        chunked: service(&parts.observe.chunked),
    }
}

/// EHBP: of the configuration in force, and of the one before it, whose key is tried too.
fn content<'a>(
    parts: &Parts,
    current: &Generation,
    mut older: impl Iterator<Item = &'a Arc<Generation>>,
) -> Option<SealedContent<EhbpWire>> {
    let mut wire = ehbp(parts, current)?;
    if let Some(before) = older.find_map(|older| ehbp(parts, older)) {
        wire = wire.in_place_of(before);
    }
    // trace and metrics
    let service = ServiceBuilder::new().layer(parts.observe.ehbp.clone()).service(wire);
    Some(SealedContent { routes: current.plan.routes.clone(), service })
}

/// EHBP under one configuration.
fn ehbp(parts: &Parts, generation: &Generation) -> Option<Ehbp<Application>> {
    let plan = generation.plan.ehbp.as_ref()?;
    let wire = EhbpLayer::new(ehbp::Settings {
        keys: generation.ehbp.clone()?,
        routes: generation.plan.routes.clone(),
        clock: parts.clock.clone(),
        random: parts.random.clone(),
        limits: plan.limits,
        second_tries: Arc::new(SecondTries::per_second(plan.second_tries)),
        header_time: generation.plan.wire.header_time,
        idle_time: generation.plan.idle_time,
        gathered: generation.plan.wire.single_request,
    });
    // open, path, replay check, Peer; on the way back: seal
    Some(ServiceBuilder::new().layer(wire).service(application(generation)))
}

/// Version 0 of the RA tunnel. A connection goes on under the configuration that it was made under.
fn tunnel(parts: &Parts, generation: &Generation) -> Option<TunnelWire> {
    let plan = generation.plan.tunnel?;
    let wire = TunnelLayer::new(tunnel::Settings {
        offers: generation.tunnel.clone()?,
        authority: generation.plan.authorities.first()?.clone(),
        joined_cookies: plan.joined_cookies,
        limits: plan.limits,
        tunnels: parts.tunnels.clone(),
        clock: parts.clock.clone(),
        random: parts.random.clone(),
    });
    let service = ServiceBuilder::new()
        // trace and metrics of the upgrade
        .layer(parts.observe.tunnel.clone())
        // quote, handshake, open, Peer; on the way back: seal
        .layer(wire)
        // limits, trace and metrics of each request in it
        .layer(parts.in_channels.clone())
        .layer(parts.in_flight.clone())
        .layer(parts.observe.in_tunnel.clone())
        .service(application(generation));
    Some(BoxCloneSyncService::new(service))
}

/// The session wire of one configuration.
fn session(
    parts: &Parts,
    generation: &Generation,
    shows: &Arc<Presented>,
) -> SessionServices<SessionWire, ChannelWire> {
    let sessions = &generation.sessions;
    let wire = SessionLayer::new(sessions.settings(parts, &generation.plan, shows.clone()));
    let service = |observe: &ObserveLayer| {
        ServiceBuilder::new()
            // trace and metrics
            .layer(observe.clone())
            // handshakes; of requests: MAC, window, open, Peer; on the way back: seal
            .layer(wire.clone())
            .service(application(generation))
    };
    SessionServices {
        table: sessions.table.clone(),
        handshake: service(&parts.observe.handshake),
        early: service(&parts.observe.early),
        request: service(&parts.observe.session),
        bound: service(&parts.observe.bound),
        channel: ServiceBuilder::new()
            // trace and metrics of the upgrade
            .layer(parts.observe.channel.clone())
            // the channel's opening; of each request in it: Peer
            .layer(wire)
            // limits, trace and metrics of each request in it
            .layer(parts.in_channels.clone())
            .layer(parts.in_flight.clone())
            .layer(parts.observe.in_channel.clone())
            .service(application(generation)),
    }
}

/// The wire hpke-http/3 of all configurations: who is known is for the one in force to say, where plaintext goes for the one
/// whose key it is sealed to (AT-44).
fn hpke_http<'a>(
    parts: &Parts,
    current: &Generation,
    older: impl Iterator<Item = &'a Arc<Generation>>,
) -> Option<Placed> {
    let (plan, wire) = (current.plan.hpke_http.as_ref()?, current.hpke_http.as_ref()?);
    let settings = hpke_http::Settings {
        credentials: wire.credentials.clone(),
        limits: plan.limits,
        copied: plan.copied.clone(),
        cors: plan.cors.clone(),
        embedded: current.plan.embedded,
        clock: parts.clock.clone(),
        random: parts.random.clone(),
        header_time: current.plan.wire.header_time,
        idle_time: current.plan.idle_time,
        gathered: current.plan.wire.single_request,
    };
    let served = |generation: &Generation, wire: &HpkeHttp| Served {
        keys: wire.keys.clone(),
        authorities: generation.plan.authorities.as_slice().into(),
        routes: generation.plan.routes.clone(),
        inner: application(generation),
    };
    let older = older.filter_map(|older| Some(served(older, older.hpke_http.as_ref()?)));
    let service = ServiceBuilder::new()
        // trace and metrics
        .layer(parts.observe.hpke_http.clone())
        // the key record; open, replay check, Peer; on the way back: seal
        .service(hpke_http::HpkeHttp::new(settings, served(current, wire), older));
    Some(Placed { path: plan.path.clone(), service: Anywhere::new(service) })
}

/// The releases 1.x of hpke-http under the configuration in force. They name no key, so there is no other (HH-89).
fn legacy(parts: &Parts, current: &Generation) -> Option<Legacy> {
    let plan = current.plan.hpke_http.as_ref()?.legacy.as_ref()?;
    let wire = current.hpke_http.as_ref()?;
    let settings = hpke_http::legacy::Settings {
        key: wire.legacy.clone()?,
        credentials: wire.credentials.clone(),
        paths: current.plan.routes.clone(),
        routes: current.plan.routes.clone(),
        limits: plan.limits,
        window: plan.window,
        until: plan.until,
        clock: parts.clock.clone(),
        random: parts.random.clone(),
        header_time: current.plan.wire.header_time,
        idle_time: current.plan.idle_time,
        gathered: current.plan.wire.single_request,
    };
    let service = ServiceBuilder::new()
        // trace and metrics
        .layer(parts.observe.legacy.clone())
        // the key document; of a body: a first chunk, replay check, Peer; on the way back: seal
        .service(hpke_http::legacy::HpkeHttpLegacy::new(settings, application(current)));
    let routes = current.plan.routes.clone();
    Some(Legacy { routes, service: Anywhere::new(service), beside_ehbp: current.ehbp.is_some() })
}

/// Plain requests with a Peer, by whichever wire they came.
fn application(generation: &Generation) -> Application {
    let plan = &generation.plan;
    let tenant_field = plan.hpke_http.as_ref().and_then(|wire| wire.tenant_field.clone());
    ServiceBuilder::new()
        // the tenant's name for the application; what a request says there itself is dropped
        .layer(TenantLayer(tenant_field))
        // secrets, which are the gateway's own: 403 for who has not attested itself
        .layer(SecretsLayer(generation.secrets.clone()))
        // route policy: 403 for foreign authorities, 404 and 405 by route
        .layer(PolicyLayer::new(plan.authorities.clone(), plan.routes.clone()))
        // rate limit by Peer
        .layer(RateLayer)
        // the exchange with the application, streaming both ways
        .service(generation.application.clone())
}
