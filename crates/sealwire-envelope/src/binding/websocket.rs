//! Connections of WebSockets (EN-42, SP-33): a hello each, then frames that are counted in each direction and name the
//! connection. A type for each step: [`ClientHello`] and [`ServerHello`] lead to a [`Connection`].

use sealwire_crypto::random::{self, Random};

use super::http::authority;
use crate::{
    Authentic, Envelope, Message, Reason, base64url,
    canonical::{self, write_string},
    frame::labelled_digest,
    json::{self, DOCUMENT_DEPTH, Error as JsonError, required},
    key::{SignError, Signer, Use},
};

/// Marker of hellos.
pub const MARKER: &str = "sw-ws/1";
/// How long hellos and frames hold, in milliseconds (EN-42).
pub const TTL_MS: i64 = 30_000;
/// The code with which a connection is closed that deviates.
pub const CLOSE_CODE: u16 = 1008;

/// Where a connection goes.
#[derive(Debug, Clone, Copy)]
pub struct Endpoint<'a> {
    /// `https` or `http`, or as the WebSocket names them
    pub scheme: &'a str,
    /// host, and port where the request names one
    pub authority: &'a str,
    /// path and query of the request
    pub target: &'a str,
}

/// A client that has said hello and waits for the server's.
pub struct ClientHello {
    envelope: Envelope,
    canonical: Vec<u8>,
}

impl ClientHello {
    /// Says hello to `recipient`. Takes 16 random bytes, and those of a message.
    ///
    /// # Errors
    /// [`SignError`]
    pub fn new(
        endpoint: &Endpoint<'_>,
        recipient: &str,
        signer: &Signer,
        now_ms: i64,
        random: &dyn Random,
    ) -> Result<Self, SignError> {
        let authority = authority(endpoint.scheme, endpoint.authority).ok_or(SignError::Invalid)?;
        let content = client_content(&authority, &fresh(random)?, endpoint.target);
        let envelope = hello(&content, recipient, None).signed(signer, Use::Envelope, now_ms, random)?;
        let canonical = canonical::envelope(&envelope);
        Ok(Self { envelope, canonical })
    }

    /// The frame to send.
    #[must_use]
    pub fn envelope(&self) -> &Envelope {
        &self.envelope
    }

    /// Takes the server's hello, which was verified and held against the replay register.
    ///
    /// # Errors
    /// [`Reason::BindingMissing`], [`Reason::BindingMalformed`], [`Reason::BindingMismatch`],
    /// [`Reason::UnknownSender`] when another answers than was called.
    pub fn establish(self, server: &Authentic) -> Result<Connection, Reason> {
        let body = is_hello(server)?;
        if Some(server.sender()) != self.envelope.header.recipient.as_deref() {
            return Err(Reason::UnknownSender);
        }
        let rnd = read_rnd(&body.content).map_err(|_| Reason::BindingMalformed)?;
        let peer = canonical::digest(&self.canonical);
        let correlated = body.correlation_id.as_ref() == Some(&self.envelope.header.message_id);
        if !correlated || body.content != server_content(&peer, &rnd) {
            return Err(Reason::BindingMismatch);
        }
        Ok(Connection::new(&self.canonical, server.canonical(), server.sender()))
    }
}

/// A server's hello, in answer to a client's.
pub struct ServerHello {
    envelope: Envelope,
    connection: Connection,
}

impl ServerHello {
    /// Answers the hello of a client, which was verified and held against the replay register. Takes 16 random bytes, and
    /// those of a message.
    ///
    /// # Errors
    /// [`Refused`]
    pub fn answer(
        client: &Authentic,
        endpoint: &Endpoint<'_>,
        signer: &Signer,
        now_ms: i64,
        random: &dyn Random,
    ) -> Result<Self, Refused> {
        let body = is_hello(client)?;
        let rnd = read_rnd(&body.content).map_err(|_| Reason::BindingMalformed)?;
        let authority = authority(endpoint.scheme, endpoint.authority).ok_or(Reason::BindingMismatch)?;
        if body.correlation_id.is_some() || body.content != client_content(&authority, &rnd, endpoint.target)
        {
            return Err(Reason::BindingMismatch.into());
        }
        let content = server_content(&client.digest(), &fresh(random)?);
        let message_id = &client.envelope().header.message_id;
        let message = hello(&content, client.sender(), Some(message_id));
        let envelope = message.signed(signer, Use::Envelope, now_ms, random)?;
        let connection =
            Connection::new(client.canonical(), &canonical::envelope(&envelope), client.sender());
        Ok(Self { envelope, connection })
    }

    /// The frame to send.
    #[must_use]
    pub fn envelope(&self) -> &Envelope {
        &self.envelope
    }

    /// Once it is sent.
    #[must_use]
    pub fn establish(self) -> Connection {
        self.connection
    }
}

/// Why no hello came of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refused {
    /// the client's was refused
    #[error(transparent)]
    Client(#[from] Reason),
    /// ours could not be signed
    #[error(transparent)]
    Sign(#[from] SignError),
}

/// A connection on which both sides have said hello.
pub struct Connection {
    marker: String,
    peer: String,
    sent: u64,
    received: u64,
    closed: bool,
}

impl Connection {
    /// The server's side of a connection whose hellos were both checked before, such as by another process.
    #[must_use]
    pub fn from_hellos(client: &Authentic, server: &Authentic) -> Self {
        Self::new(client.canonical(), server.canonical(), client.sender())
    }

    fn new(client: &[u8], server: &[u8], peer: &str) -> Self {
        let sid = base64url::encode(labelled_digest(b"sw-ws/1\0", &[client, server]));
        Self { marker: format!("{MARKER};{sid}"), peer: peer.to_owned(), sent: 0, received: 0, closed: false }
    }

    /// The connection's name, base64url of 32 bytes.
    #[must_use]
    pub fn sid(&self) -> &str {
        self.marker.get(MARKER.len() + 1..).unwrap_or_default()
    }

    /// Who is at the other end.
    #[must_use]
    pub fn peer(&self) -> &str {
        &self.peer
    }

    /// The next frame: `content` is a text, or the JSON text of anything else.
    ///
    /// # Errors
    /// [`SignError`]
    pub fn frame(
        &mut self,
        content: &str,
        signer: &Signer,
        now_ms: i64,
        random: &dyn Random,
    ) -> Result<Envelope, SignError> {
        let counter = self.sent.checked_add(1).ok_or(SignError::Invalid)?;
        let message = Message {
            recipient: Some(&self.peer),
            intent: "TASK",
            content,
            capability: Some(&self.marker),
            correlation_id: Some(&counter.to_string()),
            ttl_ms: TTL_MS,
        };
        let envelope = message.signed(signer, Use::Envelope, now_ms, random)?;
        self.sent = counter;
        Ok(envelope)
    }

    /// Takes the next frame, which was verified; gives its content. After any failure the connection takes no more: it
    /// has to be closed with [`CLOSE_CODE`].
    ///
    /// # Errors
    /// [`Reason::UnknownSender`], [`Reason::BindingMissing`], [`Reason::BindingMismatch`]
    pub fn receive(&mut self, frame: Authentic) -> Result<String, Reason> {
        if std::mem::replace(&mut self.closed, true) {
            return Err(Reason::BindingMismatch);
        }
        if frame.sender() != self.peer {
            return Err(Reason::UnknownSender);
        }
        let body = frame.into_envelope().body;
        if body.intent != "TASK" {
            return Err(Reason::BindingMissing);
        }
        let counter = self.received.checked_add(1).ok_or(Reason::BindingMismatch)?;
        let expected = (Some(self.marker.as_str()), Some(counter.to_string()));
        if (body.capability.as_deref(), body.correlation_id) != expected {
            return Err(Reason::BindingMismatch);
        }
        self.received = counter;
        self.closed = false;
        Ok(body.content)
    }

    /// A frame that could not even be verified ends the connection as well.
    pub fn close(&mut self) {
        self.closed = true;
    }

    /// Whether it takes no more.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.closed
    }
}

/// A frame for a peer that knows no hellos (EN-42); `counter` is the number of the frame, from 1 on.
///
/// # Errors
/// [`SignError`]
pub fn legacy_frame(
    content: &str,
    counter: u64,
    recipient: Option<&str>,
    signer: &Signer,
    now_ms: i64,
    random: &dyn Random,
) -> Result<Envelope, SignError> {
    let message = Message {
        recipient,
        intent: "TASK",
        content,
        capability: None,
        correlation_id: Some(&counter.to_string()),
        ttl_ms: TTL_MS,
    };
    message.signed(signer, Use::Envelope, now_ms, random)
}

fn hello<'a>(content: &'a str, recipient: &'a str, correlation_id: Option<&'a str>) -> Message<'a> {
    Message {
        recipient: Some(recipient),
        intent: "CAPS",
        content,
        capability: Some(MARKER),
        correlation_id,
        ttl_ms: TTL_MS,
    }
}

fn is_hello(authentic: &Authentic) -> Result<&crate::Body, Reason> {
    let body = &authentic.envelope().body;
    let is = body.capability.as_deref() == Some(MARKER) && body.intent == "CAPS";
    if is { Ok(body) } else { Err(Reason::BindingMissing) }
}

fn fresh(random: &dyn Random) -> Result<String, SignError> {
    random::array::<16>(random).map(base64url::encode).map_err(|_| SignError::Random)
}

/// Member `rnd` of a hello; all else is rebuilt and compared.
fn read_rnd(content: &str) -> Result<String, JsonError> {
    let mut rnd = None;
    json::read(content.as_bytes(), DOCUMENT_DEPTH, |reader| {
        reader.object(|name, reader| {
            let value = reader.string()?;
            if name == "rnd" {
                rnd = Some(value.into_owned());
            }
            Ok::<_, JsonError>(())
        })
    })?;
    let rnd = required(rnd)?;
    base64url::decode_array::<16>(&rnd).map_err(|_| JsonError::WrongKind)?;
    Ok(rnd)
}

fn client_content(authority: &str, rnd: &str, target: &str) -> String {
    let members = [
        ("{\"authority\":", authority),
        (",\"rnd\":", rnd),
        (",\"role\":", "client"),
        (",\"target\":", target),
    ];
    content(&members)
}

fn server_content(peer: &str, rnd: &str) -> String {
    content(&[("{\"peer\":", peer), (",\"rnd\":", rnd), (",\"role\":", "server")])
}

fn content(members: &[(&str, &str)]) -> String {
    let mut out = Vec::with_capacity(192);
    for (name, value) in members {
        out.extend_from_slice(name.as_bytes());
        write_string(value, &mut out);
    }
    out.extend_from_slice(b",\"v\":\"sw-ws/1\"}");
    String::from_utf8(out).unwrap_or_default()
}
