//! A channel of another instance: its WebSocket is taken there, and its bytes, which are sealed, go both ways unopened.

use super::hop::{Failure, HOP, Hops};
use crate::upstream::RequestBody;
use http::{HeaderValue, Request, Response, StatusCode, Uri, header};
use http_body::Body as _;
use hyper::upgrade;
use sealwire_http::{
    Body, body,
    message::bhttp::remove_connection_fields,
    server::session,
    websocket::{self, Asking, Form, Occupied},
};
use std::time::Duration;
use tokio::time::timeout;

impl Hops {
    /// Asks there for what was asked for here, within `patience`. Whatever the answer is, it is the caller's; what comes
    /// after a 101 has a task of its own.
    pub(super) async fn tunnel(
        &self,
        to: Uri,
        request: Request<Body>,
        patience: Duration,
    ) -> Result<Response<Body>, Failure> {
        let (mut parts, content) = request.into_parts();
        let Ok(form) = Form::of(&parts) else { return Err(Failure::Broken) };
        // It has no place there: whoever waited for it would take the next request for it.
        if !content.is_end_stream() {
            return Ok(session::no_channel(StatusCode::BAD_REQUEST));
        }
        let Some(slot) = self.tunnels.slot() else { return Ok(session::full()) };
        let occupied = parts.extensions.remove::<Occupied>();
        let mut here = Request::new(());
        std::mem::swap(here.extensions_mut(), &mut parts.extensions);
        let near = upgrade::on(here);
        remove_connection_fields(&mut parts.headers);
        parts.headers.insert(HOP, HeaderValue::from_static("1"));
        parts.headers.remove(header::HOST);
        parts.uri = to;
        let asking = Asking::ask(&mut parts, self.random.as_ref()).map_err(|_| Failure::Broken)?;
        let nothing = RequestBody::new(body::empty(), None, patience, ::metrics::Counter::noop());
        let answer = timeout(patience, self.client.request(Request::from_parts(parts, nothing))).await;
        let mut answer = match answer {
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) if error.is_connect() => return Err(Failure::Unconnected),
            Ok(Err(_)) | Err(_) => return Err(Failure::Broken),
        };
        let is_met = asking.is_met(&answer);
        remove_connection_fields(answer.headers_mut());
        match answer.status() {
            StatusCode::SWITCHING_PROTOCOLS if is_met => {}
            StatusCode::SWITCHING_PROTOCOLS => return Err(Failure::Broken),
            // An answer without content, to a CONNECT, would be taken for a tunnel.
            status if status.is_success() => return Err(Failure::Broken),
            _ => return Ok(answer.map(body::boxed)),
        }
        let far = upgrade::on(&mut answer);
        self.tunnels.spawn(async move {
            if let Err(error) = websocket::join(near, far).await {
                tracing::debug!(%error, "a channel of another instance broke off");
            }
            drop((slot, occupied));
        });
        Ok(form.answer(answer.into_parts().0.headers))
    }
}
