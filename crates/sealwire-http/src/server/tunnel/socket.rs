//! `ws_connect` and what follows: a WebSocket of the application's, whose frames travel as messages (TU-10, TU-29).

use super::{
    connection::Shared,
    request::{absolute, target},
};
use crate::{
    Identity, Peer, body,
    server::exchange::Application,
    tunnel::{
        self, WIRE, inner,
        outbox::{Inlet, Outlet, Queued, inlet},
    },
};
use futures_util::{SinkExt, StreamExt};
use http::{HeaderValue, Request, header};
use sealwire_tunnel::{
    Id, close as codes,
    live::Refused,
    message::{Close, Connect, Event, Frame, FromServer, Happened},
};
use std::{sync::Arc, time::Duration};
use tokio::{sync::mpsc::UnboundedReceiver, task::JoinSet};
use tokio_tungstenite::tungstenite::{Message, protocol::CloseFrame};

/// How long the application may take to answer a close.
const CLOSING: Duration = Duration::from_secs(10);

/// What the client says to the socket.
pub(super) enum Said {
    Frame(Frame),
    Close(Close),
}

/// Where it goes. What waits in all sockets of a connection is bounded together, like what waits to be sent.
pub(super) type Handle = Inlet<Said>;

/// Phrases of events (TU-28).
const REFUSED: &str = "the application takes no WebSocket here";
const NOT_TAKEN: &str = "url or protocols are not taken";
const IN_USE: &str = "this connectionId is in use";
const BEHIND: &str = "the application does not keep up";
const TOO_MANY: &str = "too many sockets at once";

/// Opens a socket, or refuses it.
pub(super) async fn begin(
    shared: &Arc<Shared>,
    connect: Connect,
    application: impl Application,
    tasks: &mut JoinSet<()>,
) {
    let id = connect.id.clone();
    let (handle, Outlet { waiting, overrun }) = inlet(&shared.inbound);
    let begun = shared.sockets().begin(id.clone(), handle);
    if let Err(refused) = begun {
        let phrase = match refused {
            Refused::InUse => IN_USE,
            Refused::Full => TOO_MANY,
        };
        return event(shared, id, Happened::Error(phrase.to_owned())).await;
    }
    let shared = Arc::clone(shared);
    tasks.spawn(async move {
        let last = tokio::select! {
            last = carry(&shared, connect, application, waiting) => last,
            // The client was faster than the application, whether that has opened it or not.
            () = overrun.cancelled() => Happened::Error(BEHIND.to_owned()),
        };
        // In use until there is room for the last word, so that those that wait for it are no more than may be live. The client
        // may use the id again as soon as it knows.
        let room = shared.outbox.room_in_turn(0).await;
        shared.sockets().end(&id);
        if let Some(room) = room {
            shared.outbox.send(FromServer::Event(Event { id, happened: last }), room);
        }
    });
}

/// A frame for a socket of this connection; there is no other that it could be for (TU-26, TU-46).
pub(super) fn frame(shared: &Shared, frame: Frame) {
    let id = frame.id.clone();
    say(shared, &id, frame.data.len(), Said::Frame(frame));
}

/// A close for a socket of this connection.
pub(super) fn close(shared: &Shared, close: Close) {
    let id = close.id.clone();
    say(shared, &id, 0, Said::Close(close));
}

fn say(shared: &Shared, id: &Id, len: usize, said: Said) {
    if let Some(handle) = shared.sockets().get(id) {
        handle.say(said, len);
    }
}

async fn event(shared: &Shared, id: Id, happened: Happened) {
    if let Some(room) = shared.outbox.room_in_turn(0).await {
        shared.outbox.send(FromServer::Event(Event { id, happened }), room);
    }
}

/// What becomes of a socket; the last event tells it.
async fn carry(
    shared: &Shared,
    connect: Connect,
    application: impl Application,
    mut said: UnboundedReceiver<Queued<Said>>,
) -> Happened {
    let settings = &shared.settings;
    let Some(request) = request(&settings.authority, &connect) else {
        return Happened::Error(NOT_TAKEN.to_owned());
    };
    let config = tunnel::within(&settings.limits);
    let opened = inner::open(request, application, config, settings.random.as_ref()).await;
    let Ok(socket) = opened else { return Happened::Error(REFUSED.to_owned()) };
    event(shared, connect.id.clone(), Happened::Open).await;

    let (mut sink, mut stream) = socket.split();
    let there = async {
        while let Some(queued) = said.recv().await {
            match queued.message {
                Said::Frame(frame) => {
                    let Some(message) = tunnel::message(frame.data) else { continue };
                    if sink.send(message).await.is_err() {
                        return broken();
                    }
                }
                Said::Close(Close { code, reason, .. }) => {
                    let frame = tunnel::close_frame(code, &reason);
                    if sink.send(Message::Close(frame)).await.is_err() {
                        return broken();
                    }
                    tokio::time::sleep(CLOSING).await;
                    return broken();
                }
            }
        }
        broken()
    };
    let back = async {
        loop {
            let message = match stream.next().await {
                None | Some(Err(_)) => return broken(),
                Some(Ok(Message::Close(frame))) => return closed(frame),
                Some(Ok(message)) => message,
            };
            let Some(data) = tunnel::content(message) else { continue };
            // Where the client takes nothing, nothing more is taken from the application.
            let Some(room) = shared.outbox.room_in_turn(data.len()).await else { return broken() };
            shared.outbox.send(FromServer::Frame(Frame { id: connect.id.clone(), data }), room);
        }
    };
    tokio::select! {
        last = there => last,
        last = back => last,
    }
}

fn request(authority: &str, connect: &Connect) -> Option<Request<crate::Body>> {
    let mut request = Request::new(body::empty());
    // A target that HTTP takes and a gateway can read in one way alone, as of any request (TU-32).
    let rules = sealwire_hpke_http::message::RequestHead::new(
        sealwire_hpke_http::message::Method::Get,
        authority,
        target(&connect.url)?,
        sealwire_hpke_http::message::Fields::default(),
    );
    *request.uri_mut() = absolute(authority, rules.ok()?.target())?;
    if !connect.protocols.is_empty() {
        let offered = HeaderValue::from_str(&connect.protocols.join(", ")).ok()?;
        request.headers_mut().insert(header::SEC_WEBSOCKET_PROTOCOL, offered);
    }
    request.extensions_mut().insert(Peer { wire: WIRE, identity: Identity::Nobody });
    Some(request)
}

/// The application's end broke off.
fn broken() -> Happened {
    Happened::Close { code: Some(codes::ABNORMAL), reason: String::new() }
}

fn closed(frame: Option<CloseFrame>) -> Happened {
    match frame {
        None => Happened::Close { code: None, reason: String::new() },
        Some(CloseFrame { code, reason }) => {
            Happened::Close { code: Some(code.into()), reason: reason.to_string() }
        }
    }
}
