//! WebSockets through the tunnel: frames become messages, and messages frames (TU-10, TU-29).

use super::{Error, connection::Shared, exchange::hand_over};
use crate::{
    Body,
    tunnel::{
        self,
        inner::{self, WebSocket},
        outbox::{Budget, Inlet, Outlet, Queued, inlet},
    },
    websocket::Form,
};
use futures_util::{SinkExt, StreamExt};
use http::{HeaderMap, HeaderValue, Request, Response, header, uri::Scheme};
use sealwire_tunnel::{
    Id, close,
    message::{Close, Connect, Content, Event, Frame, FromClient, Happened},
};
use std::sync::Arc;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::{Message, protocol::CloseFrame};

/// What the server says to the socket.
pub(super) enum Said {
    Frame(Content),
    Event(Happened),
}

/// Where it goes; what waits there is bounded.
pub(super) type Handle = Inlet<Said>;

pub(super) fn event(shared: &Shared, event: Event) {
    say(shared, &event.id, 0, Said::Event(event.happened));
}

pub(super) fn frame(shared: &Shared, frame: Frame) {
    say(shared, &frame.id, frame.data.len(), Said::Frame(frame.data));
}

fn say(shared: &Shared, id: &Id, len: usize, said: Said) {
    if let Some(handle) = shared.sockets().get(id) {
        handle.say(said, len);
    }
}

/// Opens a socket, and grants the local side its WebSocket.
pub(super) async fn open(shared: &Arc<Shared>, request: Request<Body>) -> Result<Response<Body>, Error> {
    let (parts, _) = request.into_parts();
    let form = Form::of(&parts).map_err(|_| Error::Request("it is no upgrade to a WebSocket"))?;
    let settings = &shared.settings;
    let id = Id::of_socket(settings.clock.unix_millis(), settings.random.as_ref());
    let id = id.map_err(|_| Error::Random)?;
    let protocols = offered(&parts.headers);
    let authority = parts.uri.authority().ok_or(Error::Request("its URI names no authority"))?;
    let target = parts.uri.path_and_query().map_or("/", |target| target.as_str());
    let scheme = if parts.uri.scheme() == Some(&Scheme::HTTP) { "ws" } else { "wss" };
    let url = format!("{scheme}://{authority}{target}");
    let (handle, mut outlet) = inlet(&Budget::new(settings.limits.outbound));
    shared.sockets().begin(id.clone(), handle).map_err(|_| Error::Request("too many sockets at once"))?;
    let open = Open { shared: Arc::clone(shared), id: id.clone() };
    if shared.ended.is_cancelled() {
        return Err(Error::Ended);
    }
    let connect = Connect { id, url, protocols: protocols.clone() };
    hand_over(&shared.outbox, FromClient::Connect(connect), 0).await?;
    let first = timeout(settings.limits.answer, outlet.waiting.recv()).await.map_err(|_| Error::TimedOut)?;
    match first.ok_or(Error::Closed)?.message {
        Said::Event(Happened::Open) => {}
        Said::Event(_) | Said::Frame(_) => return Err(Error::NoWebSocket),
    }
    let mut headers = HeaderMap::new();
    // The wire does not tell which the application has chosen. Of one it can only be that (TU-10).
    if let [only] = protocols.as_slice()
        && let Ok(only) = HeaderValue::from_str(only)
    {
        headers.insert(header::SEC_WEBSOCKET_PROTOCOL, only);
    }
    let granted = inner::grant(tunnel::within(&settings.limits), settings.random.as_ref()).await;
    let (upgrade, socket) = granted.ok_or(Error::NoWebSocket)?;
    tokio::spawn(carry(open, outlet, socket));
    let mut answer = form.answer(headers);
    answer.extensions_mut().insert(upgrade);
    Ok(answer)
}

fn offered(headers: &HeaderMap) -> Vec<String> {
    let values = headers.get_all(header::SEC_WEBSOCKET_PROTOCOL).iter();
    let names = values.filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(','));
    names.map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()).collect()
}

/// A socket that is known, until it is dropped.
struct Open {
    shared: Arc<Shared>,
    id: Id,
}

impl Drop for Open {
    fn drop(&mut self) {
        drop(self.shared.sockets().end(&self.id));
    }
}

async fn carry(open: Open, Outlet { waiting: mut said, overrun }: Outlet<Said>, socket: WebSocket) {
    let Open { shared, id } = &open;
    let (mut sink, mut stream) = socket.split();
    let there = async {
        let (code, reason) = loop {
            let message = match stream.next().await {
                // The local side broke off: there is no word of its own to pass on.
                None | Some(Err(_)) => break (None, String::new()),
                Some(Ok(Message::Close(frame))) => {
                    break frame.map_or((None, String::new()), |CloseFrame { code, reason }| {
                        (Some(code.into()), reason.to_string())
                    });
                }
                Some(Ok(message)) => message,
            };
            let Some(data) = tunnel::content(message) else { continue };
            let len = data.len();
            let frame = FromClient::Frame(Frame { id: id.clone(), data });
            if hand_over(&shared.outbox, frame, len).await.is_err() {
                return;
            }
        };
        let close = FromClient::Close(Close { id: id.clone(), code, reason });
        let _ = hand_over(&shared.outbox, close, 0).await;
    };
    let back = async {
        // Without a word from the server the tunnel has ended: the local side sees a connection that breaks off, which is
        // 1006 to it (TU-11).
        while let Some(Queued { message, room }) = said.recv().await {
            let sent = match message {
                Said::Frame(data) => match tunnel::message(data) {
                    Some(message) => sink.send(message).await,
                    None => Ok(()),
                },
                Said::Event(Happened::Open) => Ok(()),
                Said::Event(Happened::Close { code: Some(close::ABNORMAL), .. } | Happened::Error(_)) => {
                    return;
                }
                Said::Event(Happened::Close { code, reason }) => {
                    let _ = sink.send(Message::Close(tunnel::close_frame(code, &reason))).await;
                    let _ = sink.close().await;
                    return;
                }
            };
            drop(room);
            if sent.is_err() {
                return;
            }
        }
    };
    tokio::select! {
        () = there => {}
        () = back => {}
        // The server was faster than the local side, which sees its connection break off.
        () = overrun.cancelled() => {
            let close = FromClient::Close(Close { id: id.clone(), code: None, reason: String::new() });
            let _ = hand_over(&shared.outbox, close, 0).await;
        }
    }
}
