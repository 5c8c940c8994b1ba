//! The client's side of hpke-http/3: the whole request is sealed, and one endpoint takes all of them.

mod answer;
mod outer;
mod target;

pub use target::{Asked, Target, WIRE};

use super::{Error, exchange};
use crate::{
    Body, BoxError, Clock, SystemClock, body,
    opened::Fault,
    records::{SealRecords, SealedRecords},
};
use bytes::BytesMut;
use futures_util::future::BoxFuture;
use http::{Request, Response};
use sealwire_crypto::random::{OsRandom, Random};
use sealwire_hpke_http::{
    Compression, Limits,
    client::{self, RequestSealer},
    message::{Method, RequestHead, request_fields},
};
use std::{
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};
use tower::Service;

/// Settings of the wire's client side.
#[derive(Clone)]
pub struct Settings {
    /// limits
    pub limits: Limits,
    /// whether requests are compressed before they are sealed (HH-60)
    pub compression: Compression,
    /// how long nothing may come of an answer that has begun
    pub idle_time: Duration,
    /// clock: requests tell their time, which the server holds against its own (HH-15)
    pub clock: Arc<dyn Clock>,
    /// randomness
    pub random: Arc<dyn Random>,
}

impl Default for Settings {
    /// Without compression: the lengths of what is compressed tell of it.
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            compression: Compression::Off,
            idle_time: Duration::from_secs(300),
            clock: Arc::new(SystemClock),
            random: Arc::new(OsRandom),
        }
    }
}

/// One attempt each call: seals the request afresh, sends it by `transport`, opens the answer. Sealed bytes are never sent
/// twice (HH-39).
///
/// The request's URI is absolute; its authority is the inner authority. A finite answer is there once it is whole; of
/// an event stream each event is, as it comes (HH-23).
#[derive(Clone)]
pub struct HpkeHttp<T> {
    transport: T,
    shared: Arc<Shared>,
}

/// What all attempts have in common.
struct Shared {
    target: Target,
    settings: Settings,
}

impl<T> HpkeHttp<T> {
    /// To one target.
    #[must_use]
    pub fn new(transport: T, target: Target, settings: Settings) -> Self {
        Self { transport, shared: Arc::new(Shared { target, settings }) }
    }
}

impl<T> Service<Request<Body>> for HpkeHttp<T>
where
    T: Service<Request<Body>, Response = Response<Body>, Future: Send> + Clone + Send + 'static,
    T::Error: Into<BoxError>,
{
    type Response = Response<Body>;
    type Error = Error;
    type Future = BoxFuture<'static, Result<Response<Body>, Error>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.transport.poll_ready(cx).map_err(Error::transport)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let shared = Arc::clone(&self.shared);
        // The clone takes the place of the one that is ready.
        let fresh = self.transport.clone();
        let transport = std::mem::replace(&mut self.transport, fresh);
        Box::pin(async move { attempt(&shared, transport, request).await })
    }
}

async fn attempt<T>(
    shared: &Shared,
    mut transport: T,
    request: Request<Body>,
) -> Result<Response<Body>, Error>
where
    T: Service<Request<Body>, Response = Response<Body>>,
    T::Error: Into<BoxError>,
{
    let Shared { target, settings } = shared;
    if !target.is_live(&*settings.clock) {
        return Err(Error::KeyExpired);
    }
    let (head, content) = inner(request)?;
    let mut out = BytesMut::new();
    let now = settings.clock.unix_seconds();
    let started = client::start(target.names(), &head, &settings.limits, now, &*settings.random, &mut out);
    let (sealer, reader) = started.map_err(Fault::from).map_err(Error::Sealing)?;
    let sealer = Records(Some(sealer.compressed(settings.compression)));
    let (sealed, fault) = SealedRecords::new(sealer, out, content);
    // Between here and the first byte there may be a connection to be made (HH-08).
    let (again, clock) = (target.clone(), settings.clock.clone());
    let gate = move || if again.is_live(&*clock) { Ok(()) } else { Err(Fault::KeyExpired) };
    let sealed = sealed.gated(Box::new(gate)).ended_if_empty().map_err(Error::Sealing)?;
    let sent = transport.call(outer::request(target, body::boxed(sealed))).await;
    let answer = sent.map_err(|error| Error::sending(error, &fault))?;
    let sealed = outer::sealed(answer)?;
    let mut opened = answer::open(sealed, reader, settings).await?;
    opened.extensions_mut().insert(target.source());
    Ok(opened)
}

/// What is sealed.
fn inner(request: Request<Body>) -> Result<(RequestHead, Body), Error> {
    if !outer::is_identity(request.headers()) {
        return Err(Error::InnerCoding);
    }
    let (head, _, content) = exchange::head(request)?;
    let sealing = |error| Error::Sealing(Fault::from(error));
    let method = Method::try_from(&head.method).map_err(sealing)?;
    let authority = head.authority.ok_or(Error::Request("its URI names no authority"))?;
    let fields = request_fields(&head.headers).map_err(sealing)?;
    let head = RequestHead::new(method, authority.as_str(), head.path.as_str(), fields).map_err(sealing)?;
    Ok((head, content))
}

/// DATA and END.
struct Records(Option<RequestSealer>);

impl SealRecords for Records {
    fn content(&mut self, out: &mut BytesMut, content: &[u8]) -> Result<(), Fault> {
        self.0.as_mut().map_or(Ok(()), |sealer| Ok(sealer.data(out, content)?))
    }

    fn end(&mut self, out: &mut BytesMut) -> Result<(), Fault> {
        self.0.take().map_or(Ok(()), |sealer| Ok(sealer.finish(out)?))
    }
}
