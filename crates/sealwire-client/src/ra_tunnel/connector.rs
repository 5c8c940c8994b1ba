use super::{Bindings, Settings, Status};
use crate::{Environment, Error, keys::read_endorsements, retry, transport::Transport};
use futures_util::future::BoxFuture;
use http::{Request, Response, StatusCode, Uri};
use hyper::upgrade;
use hyper_util::rt::TokioIo;
use sealwire_attest::{Appraised, Claims, Policy, UnixTime, Verifier, verdict::Denial};
use sealwire_http::{
    Body, BoxError, body,
    client::tunnel::{self, Tunnel},
    ra_tunnel::client::{Presented, Trusted},
    websocket::Asking,
};
use std::{
    path::PathBuf,
    sync::{
        Arc, Mutex as SyncMutex, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    task::{Context, Poll},
    time::Duration,
};
use tokio::{
    sync::Mutex,
    time::{Instant, timeout},
};
use tower::{Service, ServiceExt};

const WHAT: &str = "tunnel";
/// Between two attempts to connect (TU-12).
const PAUSE: Duration = Duration::from_secs(1);

/// Requests and WebSockets through a tunnel of version 0. Cheap to clone; clones share one connection, which is made anew,
/// with another key and the quote checked again, when it has ended. Nothing leaves by another way (TU-38).
///
/// A request's URI may be relative. If it names an authority, that must be the one of the settings. Requests go whole, with
/// UTF-8 content of at most a message's length, and so do their answers (TU-08, TU-30). A request is never sent again: on
/// this wire nobody can know whether it was carried out.
#[derive(Clone)]
pub struct Connector(Arc<Shared>);

struct Shared {
    authority: String,
    place: Uri,
    transport: Transport,
    judge: Judge,
    wire: tunnel::Settings,
    timeout: Duration,
    current: Mutex<Current>,
    accepted: SyncMutex<Accepted>,
    refused: SyncMutex<Option<Denial>>,
    connections: AtomicU64,
    requests: AtomicU64,
    failed: AtomicU64,
}

/// What was accepted, and the digest of a gateway's configuration.
type Accepted = (Appraised<Claims>, Option<[u8; 48]>);

struct Current {
    tunnel: Tunnel,
    /// when it was last tried to make another, and failed
    failed: Option<Instant>,
}

/// What servers are held against.
struct Judge {
    policy: Policy,
    verifier: Verifier,
    bindings: Bindings,
    endorsements: Vec<PathBuf>,
}

impl Judge {
    async fn judge(&self, presented: Presented, at: UnixTime) -> Result<Trusted, Denial> {
        // Without what cannot be read, the policy says what is missing.
        let local = read_endorsements(&self.endorsements).await;
        let local =
            local.inspect_err(|error| tracing::warn!(error, "the endorsements of this side cannot be read"));
        let local = local.unwrap_or_default();
        let mut endorsements = local.clone();
        // More than a verifier looks at is as good as none.
        if endorsements.merge(presented.endorsements()).is_err() {
            endorsements = local;
        }
        presented.appraise(&self.verifier, &self.policy, &endorsements, self.bindings, at)
    }
}

impl Connector {
    /// Connects, and holds the server's quote against the policy. Needs a Tokio runtime.
    ///
    /// # Errors
    /// [`Error::Denied`], [`Error::Unreachable`], [`Error::RaTunnel`], [`Error::Settings`], [`Error::Tls`]
    pub async fn connect(settings: Settings) -> Result<Self, Error> {
        Self::connect_in(settings, Environment::default()).await
    }

    /// The same with a clock and randomness of the caller's.
    ///
    /// # Errors
    /// As [`Self::connect`].
    pub async fn connect_in(settings: Settings, environment: Environment) -> Result<Self, Error> {
        // Policy and verifier make the state of this large, and every caller's future would hold it.
        Box::pin(Self::set_up(settings, environment)).await
    }

    async fn set_up(settings: Settings, environment: Environment) -> Result<Self, Error> {
        let (authority, place) = settings.places()?;
        let transport = Transport::new([&place], &settings.tls_roots, settings.timeout);
        let Environment { clock, random } = environment;
        let wire = tunnel::Settings { limits: settings.limits, clock, random };
        let judge = Judge {
            verifier: Verifier::new(settings.policy.trust()),
            policy: settings.policy,
            bindings: settings.bindings,
            endorsements: settings.endorsements,
        };
        let far =
            Far { transport: &transport.map_err(Error::Tls)?, place: &place, judge: &judge, wire: &wire };
        let tunnel = far.open(settings.timeout).await?;
        let accepted = SyncMutex::new(accepted(&tunnel));
        Ok(Self(Arc::new(Shared {
            transport: far.transport.clone(),
            authority,
            place: place.clone(),
            timeout: settings.timeout,
            current: Mutex::new(Current { tunnel, failed: None }),
            accepted,
            refused: SyncMutex::default(),
            connections: AtomicU64::new(1),
            requests: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            judge,
            wire,
        })))
    }

    /// The authority that requests name.
    #[must_use]
    pub fn authority(&self) -> &str {
        &self.0.authority
    }

    /// Everything that can be told about it.
    #[must_use]
    pub fn status(&self) -> Status {
        let shared = &*self.0;
        let (claims, config_digest) = shared.lock().clone();
        // Whoever holds it connects: what was open is not.
        let open = shared.current.try_lock().is_ok_and(|current| !current.tunnel.is_closed());
        Status {
            authority: shared.authority.clone(),
            claims,
            config_digest,
            open,
            refused: shared.refused.lock().unwrap_or_else(PoisonError::into_inner).clone(),
            connections: shared.connections.load(Relaxed),
            requests: shared.requests.load(Relaxed),
            failed: shared.failed.load(Relaxed),
        }
    }
}

fn accepted(tunnel: &Tunnel) -> Accepted {
    let digest = tunnel.verifier_data().and_then(sealwire_http::ra_tunnel::VerifierData::config_digest);
    (tunnel.claims().clone(), digest)
}

impl Shared {
    fn lock(&self) -> std::sync::MutexGuard<'_, Accepted> {
        self.accepted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A tunnel that is open, and whose evidence has not ended.
    async fn tunnel(&self) -> Result<Tunnel, Error> {
        let mut current = self.current.lock().await;
        let now = UnixTime(self.wire.clock.unix_seconds());
        let is_live = |tunnel: &Tunnel| !tunnel.is_closed() && now <= tunnel.claims().claims().not_after;
        if is_live(&current.tunnel) {
            return Ok(current.tunnel.clone());
        }
        // Who waited for the same answer gets it after the next attempt, not before it.
        if let Some(failed) = current.failed {
            tokio::time::sleep_until(failed + PAUSE).await;
        }
        let far =
            Far { transport: &self.transport, place: &self.place, judge: &self.judge, wire: &self.wire };
        match far.open(self.timeout).await {
            Ok(tunnel) => {
                *self.lock() = accepted(&tunnel);
                *self.refused.lock().unwrap_or_else(PoisonError::into_inner) = None;
                self.connections.fetch_add(1, Relaxed);
                *current = Current { tunnel: tunnel.clone(), failed: None };
                Ok(tunnel)
            }
            Err(error) => {
                current.failed = Some(Instant::now());
                if let Error::Denied(denial) = &error {
                    *self.refused.lock().unwrap_or_else(PoisonError::into_inner) = Some(denial.clone());
                }
                Err(error)
            }
        }
    }

    async fn exchange(&self, request: Request<Body>) -> Result<Response<Body>, Error> {
        let (head, content) = request.into_parts();
        let head = retry::addressed(head, &self.authority)?;
        let tunnel = self.tunnel().await?;
        tunnel.oneshot(Request::from_parts(head, content)).await.map_err(Error::from_tunnel)
    }
}

/// What a connection is made with.
struct Far<'a> {
    transport: &'a Transport,
    place: &'a Uri,
    judge: &'a Judge,
    wire: &'a tunnel::Settings,
}

impl Far<'_> {
    async fn open(&self, patience: Duration) -> Result<Tunnel, Error> {
        let unreachable =
            |source: BoxError| Error::Unreachable { what: WHAT, at: self.place.to_string(), source };
        let upgraded = timeout(patience, self.upgrade()).await;
        let upgraded = upgraded.unwrap_or_else(|elapsed| Err(elapsed.into())).map_err(unreachable)?;
        let at = UnixTime(self.wire.clock.unix_seconds());
        let judge = |presented| self.judge.judge(presented, at);
        let connected = tunnel::connect(upgraded, judge, self.wire).await;
        let (tunnel, connection) = connected.map_err(Error::from_tunnel)?;
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a tunnel ended");
            }
        });
        Ok(tunnel)
    }

    async fn upgrade(&self) -> Result<TokioIo<upgrade::Upgraded>, BoxError> {
        let request = Request::get(self.place.clone()).body(body::empty())?;
        let (mut parts, content) = request.into_parts();
        let asking = Asking::ask(&mut parts, self.wire.random.as_ref())?;
        let request = Request::from_parts(parts, content);
        let mut answer = self.transport.upgrading().oneshot(request).await?;
        if answer.status() != StatusCode::SWITCHING_PROTOCOLS || !asking.is_met(&answer) {
            return Err(crate::error::NotOk(answer.status()).into());
        }
        Ok(TokioIo::new(upgrade::on(&mut answer).await?))
    }
}

impl Service<Request<Body>> for Connector {
    type Response = Response<Body>;
    type Error = Error;
    type Future = BoxFuture<'static, Result<Response<Body>, Error>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let shared = Arc::clone(&self.0);
        Box::pin(async move {
            shared.requests.fetch_add(1, Relaxed);
            let answer = shared.exchange(request).await;
            if answer.is_err() {
                shared.failed.fetch_add(1, Relaxed);
            }
            answer
        })
    }
}
