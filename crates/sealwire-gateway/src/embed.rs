//! An application that attests itself: the gateway's parts around a service in the same process.
//!
//! No gateway process is needed, and no plaintext leaves the process. [`Enclave::builder`] makes keys, has the hardware
//! attest them, and wraps any HTTP service, such as an `axum::Router`: requests come in sealed, by whichever wire, and the
//! service sees ordinary ones with a [`sealwire_http::Peer`] in their extensions.
//!
//! An enclave goes around the whole of an application, routing included: the path of a sealed request is known only once
//! it is open. So it is no layer for `Router::layer`, which is there when a route has been chosen already. With axum:
//!
//! ```no_run
//! # async fn run(app: axum::Router, listener: tokio::net::TcpListener) -> Result<(), Box<dyn std::error::Error>> {
//! use sealwire_gateway::embed::Enclave;
//!
//! let enclave = Enclave::builder().authorities(["api.example"]).around(app).await?;
//! axum::serve(listener, axum::Router::new().fallback_service(enclave.service())).await?;
//! # Ok(())
//! # }
//! ```

use crate::{
    Environment, ReloadError, StartError,
    config::{Callers, Config, Endorsements, Keys, Limits, Plan, Quotes, Replay, Route, Served, Tee, Tpm},
    destination::{Destination, Within},
    gateway::{Core, Front},
};
use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::{Request, Response};
use sealwire_http::{Body, BoxError, body};
use std::{
    convert::Infallible,
    path::PathBuf,
    task::{Context, Poll},
};
use tower::{Service, ServiceExt};

/// An attested application. While it lives, keys and documents are kept fresh; dropped, it renews nothing any more, and
/// clients go once the document has ended.
pub struct Enclave {
    core: Core,
}

impl Enclave {
    /// With the gateway's defaults, on the machine's own TEE.
    #[must_use]
    pub fn builder() -> Builder {
        Builder { config: Config::default(), environment: Environment::default() }
    }

    /// The application in its wires, for any server of HTTP/1.1 or HTTP/2: the key document, handshakes and sealed requests
    /// are answered; what is not sealed is refused unless its route takes it. Cheap to clone.
    #[must_use]
    pub fn service(&self) -> Sealed {
        Sealed(self.core.front())
    }

    /// The digest that the published document carries (AT-44): what a policy pins, or an operator signs.
    #[must_use]
    pub fn config_digest(&self) -> [u8; 48] {
        self.core.state.live().current.plan.digest
    }

    /// Replaces the keys of the oblivious wire now, instead of when it is time.
    ///
    /// # Errors
    /// When the new keys cannot be attested; the old ones then stay.
    pub async fn rotate(&self) -> Result<(), ReloadError> {
        Ok(self.core.state.rotate().await?)
    }

    /// Ends what keeps keys and documents fresh, and waits for it. Whoever listens stops first.
    pub async fn shutdown(mut self) {
        self.core.finish().await;
    }
}

/// What an attested application is like. What is not said is as in a gateway's configuration.
pub struct Builder {
    config: Config,
    environment: Environment,
}

impl Builder {
    /// What makes the evidence.
    #[must_use]
    pub fn tee(mut self, tee: Tee) -> Self {
        self.config.tee = tee;
        self
    }

    /// For [`Tee::Tpm`]: which, and how it is used.
    #[must_use]
    pub fn tpm(mut self, tpm: Tpm) -> Self {
        self.config.tpm = tpm;
        self
    }

    /// For [`Tee::Development`]: the folder of its root.
    #[must_use]
    pub fn state(mut self, folder: impl Into<PathBuf>) -> Self {
        self.config.state = Some(folder.into());
        self
    }

    /// Names by which clients call it, `host` or `host:port`. At least one is needed: others are not served.
    #[must_use]
    pub fn authorities<A: Into<String>>(mut self, names: impl IntoIterator<Item = A>) -> Self {
        self.config.authorities = names.into_iter().map(Into::into).collect();
        self
    }

    /// What callers prove of themselves; nothing unless said.
    #[must_use]
    pub fn callers(mut self, callers: Callers) -> Self {
        self.config.callers = Some(callers);
        self
    }

    /// What holds for paths below `path`: whether only attested callers are served, whether repeats do harm, … A route's
    /// upstream says nothing here.
    #[must_use]
    pub fn route(mut self, path: &str, change: impl FnOnce(&mut Route)) -> Self {
        let mut route = Route::new(path, "");
        change(&mut route);
        self.config.routes.push(route);
        self
    }

    /// File with an operator's statement (AT-44).
    #[must_use]
    pub fn operator_statement(mut self, file: impl Into<PathBuf>) -> Self {
        self.config.operator_statement = Some(file.into());
        self
    }

    /// Keys of the oblivious wire, and how long documents live.
    #[must_use]
    pub fn keys(mut self, keys: Keys) -> Self {
        self.config.keys = keys;
        self
    }

    /// Bounds of what callers may cost. Those of connections are the listener's.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.config.limits = limits;
        self
    }

    /// Defence against repeated requests.
    #[must_use]
    pub fn replay(mut self, replay: Replay) -> Self {
        self.config.replay = replay;
        self
    }

    /// How evidence is made.
    #[must_use]
    pub fn quotes(mut self, quotes: Quotes) -> Self {
        self.config.quotes = quotes;
        self
    }

    /// What goes out beside the evidence.
    #[must_use]
    pub fn endorsements(mut self, endorsements: Endorsements) -> Self {
        self.config.endorsements = endorsements;
        self
    }

    /// Surroundings of the caller's choice: a TEE that is open already, a clock, randomness.
    #[must_use]
    pub fn environment(mut self, environment: Environment) -> Self {
        self.environment = environment;
        self
    }

    /// Makes keys, has them attested, and puts the wires around `application`. Needs a Tokio runtime.
    ///
    /// # Errors
    /// [`StartError`]: a setting that cannot be, no TEE, evidence that no client could accept.
    pub async fn around<A, B>(mut self, application: A) -> Result<Enclave, StartError>
    where
        A: Service<Request<Body>, Response = Response<B>, Error = Infallible> + Clone + Send + Sync + 'static,
        A::Future: Send + 'static,
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        if !self.config.routes.iter().any(|route| route.path == "/") {
            self.config.routes.push(Route::new("/", ""));
        }
        let plan = Plan::new(&self.config, Served::Within)?;
        let application = application.map_response(|response: Response<B>| response.map(body::boxed));
        let destination = Destination::Within(Within::new(application));
        let core = Box::pin(Core::start(&self.config, plan, self.environment, destination)).await?;
        Ok(Enclave { core })
    }
}

/// See [`Enclave::service`].
#[derive(Clone)]
pub struct Sealed(Front);

impl<B> Service<Request<B>> for Sealed
where
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        Box::pin(self.0.call(request.map(body::boxed)))
    }
}
