//! The answer: whole where it is finite, event by event where it is a stream of them (HH-23).

use super::{Error, Settings, outer};
use crate::{
    Body, body,
    opened::{Fault, Message, OpenedBody, Part},
};
use http::{Response, StatusCode};
use http_body_util::BodyExt;
use sealwire_hpke_http::{
    client::{Event, ResponseReader},
    message::{Mode, ResponseHead},
};
use std::time::Duration;

pub(super) async fn open(
    mut sealed: Body,
    reader: ResponseReader,
    settings: &Settings,
) -> Result<Response<Body>, Error> {
    let mut records = Records(reader);
    let head = loop {
        match records.0.next_event().map_err(Fault::from)? {
            Some(Event::Head(head)) => break head,
            // Heads come first; behind the end of everything there is none.
            Some(Event::Data(_) | Event::End) => return Err(MALFORMED.into()),
            None => records.read(&mut sealed, settings.idle_time).await?,
        }
    };
    let content = match head.mode() {
        Mode::EventStream => body::boxed(OpenedBody::new(sealed, records, None, settings.idle_time).0),
        Mode::Finite => finite(sealed, records, settings.idle_time).await?,
    };
    plain(&head, content)
}

/// What nothing but a reader that contradicts itself could come to.
const MALFORMED: Fault = Fault::HpkeHttp(sealwire_hpke_http::Error::MalformedEnvelope);

/// The content of a finite answer, of which nothing is released before all of it is certain.
async fn finite(mut sealed: Body, mut records: Records, idle_time: Duration) -> Result<Body, Error> {
    let mut content = None;
    loop {
        match records.0.next_event().map_err(Fault::from)? {
            Some(Event::Data(data)) if content.is_none() => content = Some(data),
            Some(Event::End) => return Ok(content.map_or_else(body::empty, body::full)),
            Some(_) => return Err(MALFORMED.into()),
            None => records.read(&mut sealed, idle_time).await?,
        }
    }
}

/// The ordinary response that a sealed one stands for.
fn plain(head: &ResponseHead, content: Body) -> Result<Response<Body>, Error> {
    let headers = head.fields().to_headers();
    if !outer::is_identity(&headers) {
        return Err(Error::InnerCoding);
    }
    let mut response = Response::new(content);
    *response.status_mut() = StatusCode::from_u16(head.status()).map_err(|_| MALFORMED)?;
    *response.headers_mut() = headers;
    Ok(response)
}

/// Records go in at one end, content comes out at the other.
struct Records(ResponseReader);

impl Records {
    /// Takes more of the outer body.
    async fn read(&mut self, sealed: &mut Body, idle_time: Duration) -> Result<(), Fault> {
        match tokio::time::timeout(idle_time, sealed.frame()).await.map_err(|_| Fault::Idle)? {
            None => self.0.end(),
            Some(Err(_)) => return Err(Fault::Transport),
            Some(Ok(frame)) => {
                if let Some(slice) = frame.data_ref() {
                    self.0.push(slice);
                }
            }
        }
        Ok(())
    }
}

impl Message for Records {
    fn push(&mut self, slice: &[u8]) -> Result<(), Fault> {
        self.0.push(slice);
        Ok(())
    }

    fn end(&mut self) {
        self.0.end();
    }

    fn next_part(&mut self) -> Result<Option<Part>, Fault> {
        Ok(match self.0.next_event()? {
            Some(Event::Data(data)) => Some(Part::Data(data)),
            Some(Event::End) => Some(Part::End),
            Some(Event::Head(_)) => return Err(MALFORMED),
            None => None,
        })
    }
}
