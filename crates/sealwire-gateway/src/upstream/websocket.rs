//! WebSockets of the application: an extended CONNECT inside a channel is an upgrade of HTTP/1.1 to the application, and
//! then bytes, both ways, until either ends. Messages, fragments, pings and statuses are the two ends' affair. It is
//! HTTP/1.1 also where the route says `upstream-http2`: servers that take both over one port are more than those that take
//! WebSockets over HTTP/2.

use super::{Failure, RequestBody, Shared, direct};
use crate::routes::Route;
use http::{HeaderMap, Request, Response, StatusCode, header};
use hyper::{body::Incoming, upgrade};
use sealwire_http::{
    Body, body,
    message::bhttp::remove_connection_fields,
    websocket::{self, Asking, Form, Occupied},
};
use tokio::time::timeout;

impl Shared {
    /// The answer to the CONNECT; what comes then has a task of its own. Whatever the application says instead of 101 is
    /// the answer, unless it would be taken for a WebSocket.
    pub(super) async fn websocket(
        &self,
        route: &Route,
        request: Request<Body>,
    ) -> Result<Response<Body>, Failure> {
        let (mut parts, _) = request.into_parts();
        let form = Form::of(&parts).map_err(|_| Failure::Unroutable)?;
        let occupied = parts.extensions.remove::<Occupied>();
        let mut inner = Request::new(());
        std::mem::swap(inner.extensions_mut(), &mut parts.extensions);
        let near = upgrade::on(inner);
        direct(route, &mut parts)?;
        let asking = Asking::ask(&mut parts, self.random.as_ref()).map_err(|_| Failure::Unroutable)?;
        let content =
            RequestBody::new(body::empty(), None, self.idle_time, self.metrics.request_bytes.clone());
        let answer = timeout(route.timeout, self.client.request(Request::from_parts(parts, content))).await;
        let mut answer = match answer {
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) => return Err(self.failed(route, error.into(), None)),
            Err(_) => return Err(self.late(route)),
        };
        if answer.status() != StatusCode::SWITCHING_PROTOCOLS {
            return self.no_websocket(route, answer);
        }
        if !asking.is_met(&answer) {
            self.metrics.exchange.increment(1);
            tracing::warn!(upstream = %route.target, "the upstream has changed to another protocol than asked");
            return Err(Failure::Exchange);
        }
        let far = upgrade::on(&mut answer);
        let metrics = self.metrics.clone();
        tokio::spawn(async move {
            match websocket::join(near, far).await {
                Ok((sent, received)) => {
                    metrics.request_bytes.increment(sent);
                    metrics.response_bytes.increment(received);
                }
                // Either end may have done it.
                Err(error) => tracing::debug!(%error, "a WebSocket broke off"),
            }
            drop(occupied);
        });
        Ok(form.answer(without_connection_fields(answer)))
    }

    /// A success would say that there is a WebSocket now (RFC 8441 section 5).
    fn no_websocket(&self, route: &Route, answer: Response<Incoming>) -> Result<Response<Body>, Failure> {
        if answer.status().is_success() {
            self.metrics.exchange.increment(1);
            tracing::warn!(upstream = %route.target, status = answer.status().as_u16(), "the upstream takes no WebSocket here");
            return Err(Failure::NoWebSocket);
        }
        self.inbound(answer, None)
    }
}

fn without_connection_fields(answer: Response<Incoming>) -> HeaderMap {
    let mut headers = answer.into_parts().0.headers;
    remove_connection_fields(&mut headers);
    headers.remove(header::SEC_WEBSOCKET_ACCEPT);
    headers
}
