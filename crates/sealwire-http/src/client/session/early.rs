//! A request along with the hello of a resumed session (SE-42).

use super::{
    Refused, Settings,
    handshake::{gather, outer},
    live::chunks,
};
use crate::{
    Body, BoxError, INCREMENTAL, body,
    chunks::OpenChunks,
    client::{Error, exchange},
    informational::InformationalSender,
    prefixed::{self, Prefixed},
    sealed::SealedBody,
};
use bytes::{Bytes, BytesMut};
use http::{Extensions, HeaderValue, Method, Request, Response, StatusCode, Uri, header};
use sealwire_crypto::aead::Sequence;
use sealwire_message::bhttp::{self, RequestHead, encode};
use sealwire_session::{
    Secrets, media,
    message::MAX_FLIGHT,
    request::{Opener, PADDING_STEP, Padding, Sealer},
};
use std::time::Duration;
use tower::{Service, ServiceExt};

/// What came behind the flight, not yet opened: the keys of it come with the session.
pub(super) struct Behind {
    sealed: Body,
    /// what came along with the flight
    first: Bytes,
    method: Method,
    informational: Option<InformationalSender>,
    settings: Settings,
}

/// Sends a hello with a request behind it, and gives back the answer to the hello.
pub(super) async fn post<T>(
    transport: &T,
    resource: &Uri,
    hello: &[u8],
    keys: Sequence,
    (head, extensions, content): (RequestHead, Extensions, Body),
    settings: &Settings,
) -> Result<(Vec<u8>, Option<Behind>), Refused>
where
    T: Service<Request<Body>, Response = Response<Body>, Future: Send> + Clone + Send + 'static,
    T::Error: Into<BoxError>,
{
    let sealer = Sealer::new(keys, Padding::Short(PADDING_STEP), chunks(&settings.limits));
    let mut plaintext = BytesMut::with_capacity(512);
    encode::request_head(&mut plaintext, &head);
    let before = BytesMut::from(&*prefixed::write(hello));
    let sealed = body::boxed(SealedBody::new(sealer, before, plaintext, content));
    let mut request = outer(resource, media::EARLY, sealed);
    request.headers_mut().insert(INCREMENTAL, HeaderValue::from_static("?1"));
    let answer =
        transport.clone().oneshot(request).await.map_err(|error| Refused::Transport(error.into()))?;
    let (parts, mut sealed) = answer.into_parts();
    let found = crate::wire::single(&parts.headers, &header::CONTENT_TYPE).unwrap_or_default();
    if parts.status != StatusCode::OK {
        return Err(Refused::Status(parts.status));
    }
    // The answer of a hello without early data: they were not taken.
    if found.eq_ignore_ascii_case(media::HANDSHAKE) {
        return Ok((gather(sealed).await?, None));
    }
    if !found.eq_ignore_ascii_case(media::EARLY) {
        return Err(Refused::Status(parts.status));
    }
    let Prefixed { message, rest } =
        prefixed::read(&mut sealed, MAX_FLIGHT).await.map_err(|error| match error {
            prefixed::Error::TooLong => Refused::TooLong,
            prefixed::Error::Cut => Refused::Transport("the answer ends before the flight does".into()),
        })?;
    let behind = Behind {
        sealed,
        first: rest,
        method: head.method,
        informational: extensions.get::<InformationalSender>().cloned(),
        settings: settings.clone(),
    };
    Ok((message.to_vec(), Some(behind)))
}

impl Behind {
    /// With the keys of the session.
    pub(super) fn under(self, secrets: &Secrets) -> Result<EarlyAnswer, sealwire_session::Error> {
        let Self { sealed, first, method, informational, settings } = self;
        let opener = Opener::new(secrets.request.early_answer()?, chunks(&settings.limits));
        let Settings { bhttp, idle_time, .. } = settings;
        Ok(EarlyAnswer { sealed, first, opener, method, informational, bhttp, idle_time })
    }
}

/// The answer to a request that went along with the hello.
pub struct EarlyAnswer {
    sealed: Body,
    first: Bytes,
    opener: Opener,
    method: Method,
    informational: Option<InformationalSender>,
    bhttp: bhttp::Limits,
    idle_time: Duration,
}

impl EarlyAnswer {
    /// Awaits and opens it.
    ///
    /// # Errors
    /// [`Error::NotAccepted`] where nothing was acted upon, because the route takes no early data: the request is sent
    /// again in the session. The others leave open what became of the request.
    pub async fn response(self) -> Result<Response<Body>, Error> {
        let Self { sealed, first, mut opener, method, informational, bhttp, idle_time } = self;
        OpenChunks::push(&mut opener, &first)?;
        let (head, content) =
            exchange::open(sealed, opener, bhttp, idle_time, &method, informational).await?;
        if head.status == StatusCode::TOO_EARLY {
            return Err(Error::NotAccepted);
        }
        Ok(exchange::plain(head, content))
    }
}
