//! The channel of a session: its upgrade, what is said before it, its admission, and how it ends with its session (SE-37).

use super::{
    Settings, answer, handshake,
    talk::{Begun, begin},
};
use crate::{
    Body,
    channel::{self, SUBPROTOCOL, Talk, Verdict},
    server::{
        channel::{Opener, requests},
        exchange::Application,
        tunnels::{Opening, Slot, Tunnels},
    },
    websocket::{Form, Occupied},
};
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, header};
use http_body::Body as _;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use metrics::{counter, gauge};
use sealwire_session::{
    message::ChannelOpen,
    server::{End, OpenChannel, Tie},
};
use std::{sync::Arc, time::Duration};
use tokio_util::sync::CancellationToken;

/// What channels need besides what sessions do.
#[derive(Clone)]
pub struct Channels {
    /// those of the server
    pub tunnels: Arc<Tunnels>,
    /// of each
    pub settings: channel::Settings,
    /// how long answers that are under way may take once their session has ended, also those of an attested caller outside of
    /// channels
    pub closing: Duration,
}

/// Answers the upgrade, and serves the channel in a task of its own.
pub(super) fn serve(
    settings: Arc<Settings>,
    request: Request<Body>,
    inner: impl Application,
) -> Response<Body> {
    let (mut outer, content) = request.into_parts();
    let Ok(form) = Form::of(&outer) else { return answer::no_channel(StatusCode::UPGRADE_REQUIRED) };
    // What would come before the first byte of the WebSocket.
    if !content.is_end_stream() {
        return answer::no_channel(StatusCode::BAD_REQUEST);
    }
    let Some(opening) = settings.channels.tunnels.opening() else { return answer::full() };
    let occupied = outer.extensions.remove::<Occupied>();
    let outside = outer.headers.clone();
    let upgrade = hyper::upgrade::on(Request::from_parts(outer, ()));
    let tunnels = Arc::clone(&settings.channels.tunnels);
    tunnels.spawn(async move {
        run(settings, opening, upgrade, &outside, inner).await;
        drop(occupied);
    });
    let mut headers = HeaderMap::new();
    headers.insert(header::SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(SUBPROTOCOL));
    form.answer(headers)
}

async fn run(
    settings: Arc<Settings>,
    opening: Opening,
    upgrade: OnUpgrade,
    outside: &HeaderMap,
    inner: impl Application,
) {
    let Channels { tunnels, settings: of_channel, closing } = settings.channels.clone();
    let clock = Arc::clone(&settings.clock);
    // Its table is not held on to: it goes with its configuration, and takes the sessions along.
    let accepted = opening.run(async move {
        let io = TokioIo::new(upgrade.await.map_err(channel::Error::Http)?);
        let talk = Talk::server(io, handshake::longest(&settings), of_channel.opening).await;
        let Some(Begun { talk, message, made }) = begin(talk, &settings, outside).await? else {
            return Ok(None);
        };
        let opened = talk.admit(&message, |open| admit(&settings, open)).await?;
        if made {
            counter!("sealwire_tunnels_opened_total").increment(1);
        }
        Ok::<_, channel::Error>(Some(opened))
    });
    let (stream, (opener, tie, slot)) = match accepted.await {
        Some(Ok(Some(accepted))) => accepted,
        // Its session is closed, which is all that was wanted.
        Some(Ok(None)) => return,
        None => {
            counter!("sealwire_refusals_total", "reason" => "channels").increment(1);
            return tracing::debug!("an opening of a channel was displaced by later ones");
        }
        Some(Err(error)) => {
            counter!("sealwire_refusals_total", "reason" => "channel").increment(1);
            return tracing::debug!(%error, "a channel is not opened");
        }
    };
    let mut counted = Counted::new();
    let stopped = CancellationToken::new();
    let serving = requests(stream, opener, inner, stopped.cancelled(), &of_channel);
    let ended = tokio::select! {
        result = serving => match result {
            Ok(()) => None,
            Err(error) => {
                tracing::debug!(%error, "a channel broke off");
                Some("broken")
            }
        },
        () = cut(&tie, &tunnels, closing, &stopped, &mut counted.because) => None,
    };
    counted.because = ended.unwrap_or(counted.because);
    tie.release(clock.unix_millis());
    drop(slot);
}

/// Stops the channel when its session or the server ends, and is ready when it is to be cut: at once where its client is
/// not wanted any more, and after `closing` where answers were to be finished. The server has a time of its own.
async fn cut(
    tie: &Tie,
    tunnels: &Tunnels,
    closing: Duration,
    stopped: &CancellationToken,
    because: &mut &'static str,
) {
    let end = tokio::select! {
        end = tie.ended() => end,
        () = tunnels.draining() => {
            *because = "drain";
            stopped.cancel();
            tie.ended().await
        }
    };
    if end == End::Unwanted {
        *because = "revoked";
        return;
    }
    *because = "session";
    stopped.cancel();
    tokio::time::sleep(closing).await;
}

/// The order of work is that of section 9, and the table's.
fn admit(settings: &Settings, open: &ChannelOpen) -> Verdict<(Opener, Tie, Slot)> {
    let now = settings.clock.unix_millis();
    match settings.table.open_channel(open, now, settings.random.as_ref()) {
        Ok(granted) => {
            let OpenChannel { opened, channel, tie } = granted.keys;
            let opener = Opener { authority: granted.authority.to_string(), identity: granted.data };
            match settings.channels.tunnels.slot() {
                Some(slot) => Verdict::Open(opened, channel, (opener, tie, slot)),
                None => {
                    tie.release(now);
                    Verdict::Over(opened, channel)
                }
            }
        }
        Err(refused) => match refused.inside() {
            Some((opened, channel)) => Verdict::Over(opened, channel),
            // One answer, whatever it was (SE-72).
            None => Verdict::Unknown,
        },
    }
}

/// Counts a channel, also when its task is cut.
struct Counted {
    because: &'static str,
}

impl Counted {
    fn new() -> Self {
        counter!("sealwire_channels_opened_total").increment(1);
        gauge!("sealwire_channels").increment(1.0);
        Self { because: "closed" }
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        gauge!("sealwire_channels").decrement(1.0);
        counter!("sealwire_channels_ended_total", "end" => self.because).increment(1);
    }
}
