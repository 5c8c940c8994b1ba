use std::collections::BTreeSet;

use sealwire_crypto::{digest::sha256, random::Random};

use super::{
    CAPABILITY_FIELD, Content, ENVELOPE_FIELD, Field, REQUEST_MARKER, authority, fields, from_field,
};
use crate::{
    Authentic, Envelope, Message, REQUEST_TTL_MS, Reason, Rules, base64url,
    canonical::{write_integer, write_string},
    encoding::{Options, cbor},
    json::{self, DOCUMENT_DEPTH, Error as JsonError, required},
    key::{Keyring, SignError, Signer, Use},
};

/// A request, as it was sent or received.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// in its exact case
    pub method: &'a str,
    /// `http` or `https`
    pub scheme: &'a str,
    /// as the request has it: host, and port where it names one
    pub authority: &'a str,
    /// path and, if present, `?` and query, unmodified
    pub target: &'a str,
    /// all header fields
    pub fields: &'a [Field<'a>],
    /// the content
    pub content: Content<'a>,
}

/// Which fields have to be covered when they are there, besides `content-type` and `content-encoding` (SP-28).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Coverage {
    names: BTreeSet<String>,
}

impl Default for Coverage {
    fn default() -> Self {
        Self::new(["authorization", "idempotency-key"])
    }
}

impl Coverage {
    /// These fields, whatever their case.
    pub fn new<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        let always = ["content-type", "content-encoding"];
        Self { names: names.into_iter().chain(always).map(str::to_ascii_lowercase).collect() }
    }

    fn iter(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(String::as_str).filter(|name| fields::may_cover(name))
    }
}

/// What a signer adds to a request that is all there.
#[derive(Debug, Clone, Copy)]
pub struct RequestMessage<'a> {
    /// the service (SP-25)
    pub recipient: &'a str,
    /// for how long the envelope holds, in milliseconds
    pub ttl_ms: i64,
    /// the application's own label
    pub capability: Option<&'a str>,
    /// which fields to cover
    pub coverage: &'a Coverage,
}

/// Signs a request (SP-26). A chain of capability tokens among its fields is covered.
///
/// # Errors
/// [`SignError`]; [`SignError::Invalid`] for an authority or a covered field that is no text.
pub fn sign_request(
    request: &Request<'_>,
    message: &RequestMessage<'_>,
    signer: &Signer,
    now_ms: i64,
    random: &dyn Random,
) -> Result<Envelope, SignError> {
    let authority = authority(request.scheme, request.authority).ok_or(SignError::Invalid)?;
    let names = fields::covered(request.fields, message.coverage.iter());
    let chain = chain_member(request.fields).map_err(|_| SignError::Invalid)?;
    let signed_by = (signer.algorithm().name(), signer.key_id());
    let statement = statement(request, signed_by, &authority, &names, message.capability, chain.as_deref())
        .ok_or(SignError::Invalid)?;
    let message = Message {
        recipient: Some(message.recipient),
        intent: "TASK",
        content: &statement,
        capability: Some(REQUEST_MARKER),
        correlation_id: None,
        ttl_ms: message.ttl_ms,
    };
    message.signed(signer, Use::Envelope, now_ms, random)
}

/// What a route asks of requests.
#[derive(Debug, Clone)]
pub struct Route {
    /// whom they are for, and for how long they hold
    pub rules: Rules,
    /// sizes and names
    pub options: Options,
    /// fields that have to be covered
    pub coverage: Coverage,
    /// the authorities that the service is known by, if it has to know; otherwise the one that was asked for
    pub authorities: Vec<String>,
    /// the field of the envelope
    pub field: String,
    /// the switch `unbound`: envelopes are taken that say nothing about the request (SP-30)
    pub unbound: bool,
}

impl Route {
    /// The safe profile for a service of this name.
    #[must_use]
    pub fn new(identity: &str) -> Self {
        Self {
            rules: Rules::new(identity).with_max_ttl_ms(REQUEST_TTL_MS),
            options: Options::default(),
            coverage: Coverage::default(),
            authorities: Vec::new(),
            field: ENVELOPE_FIELD.to_owned(),
            unbound: false,
        }
    }
}

/// How a request and its envelope belong together (SP-30).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Binding {
    /// `sw-req/1`: the sender meant this request
    Request {
        /// the application's label
        capability: Option<String>,
        /// whether it covers a chain of capability tokens (SP-64)
        chain: bool,
    },
    /// the sender said something, and this request came with it (switch `unbound`)
    None,
}

impl Binding {
    /// What the application is told in `x-7h3-binding` (SP-30).
    #[must_use]
    pub fn to_field(&self) -> &'static str {
        match self {
            Self::Request { .. } => REQUEST_MARKER,
            Self::None => "none",
        }
    }
}

/// A request whose sender is known, and what of it the sender vouches for. It has not been held against replays.
#[derive(Debug, Clone)]
pub struct Verified {
    /// the envelope
    pub authentic: Authentic,
    /// how it belongs to the request
    pub binding: Binding,
}

/// Verifies a request's envelope up to its binding (SP-39). Chains of capability tokens, policies and the replay register
/// come after it, in this order.
///
/// # Errors
/// What [`from_field`], [`Authentic::verify`] and [`bind_request`] refuse.
pub fn verify_request(
    request: &Request<'_>,
    route: &Route,
    keys: &Keyring,
    now_ms: i64,
) -> Result<Verified, Reason> {
    let envelope = from_field(request.fields, &route.field, &route.options)?;
    let authentic = Authentic::verify(envelope, Use::Envelope, &route.rules, keys, now_ms)?;
    let binding = bind_request(&authentic, request, route)?;
    Ok(Verified { authentic, binding })
}

/// Holds an authentic envelope against the request that it came with (SP-29, SP-30).
///
/// # Errors
/// [`Reason::BindingMissing`], [`Reason::BindingMalformed`], [`Reason::BindingIncomplete`],
/// [`Reason::CapabilityNotBound`], [`Reason::CapabilityMalformed`], [`Reason::BindingMismatch`]
pub fn bind_request(authentic: &Authentic, request: &Request<'_>, route: &Route) -> Result<Binding, Reason> {
    let body = &authentic.envelope().body;
    if body.capability.as_deref() != Some(REQUEST_MARKER) || body.intent != "TASK" {
        return if route.unbound { Ok(Binding::None) } else { Err(Reason::BindingMissing) };
    }
    let parsed = Parsed::read(&body.content).map_err(|_| Reason::BindingMalformed)?;
    let uncovered =
        |name: &str| fields::is_there(request.fields, name) && !parsed.names.iter().any(|n| n == name);
    if route.coverage.iter().any(uncovered) {
        return Err(Reason::BindingIncomplete);
    }
    let chain = chain_member(request.fields)?;
    if chain.is_some() && !parsed.chain {
        return Err(Reason::CapabilityNotBound);
    }
    let authority = if route.authorities.is_empty() {
        authority(request.scheme, request.authority).ok_or(Reason::BindingMismatch)?
    } else {
        // The one that the statement names, if it is ours.
        route
            .authorities
            .iter()
            .find(|ours| **ours == parsed.authority)
            .ok_or(Reason::BindingMismatch)?
            .clone()
    };
    let signed_by = authentic.alg_and_key_id();
    let capability = parsed.capability.as_deref();
    let rebuilt = statement(request, signed_by, &authority, &parsed.names, capability, chain.as_deref());
    if rebuilt.as_ref() != Some(&body.content) {
        return Err(Reason::BindingMismatch);
    }
    Ok(Binding::Request { capability: parsed.capability, chain: chain.is_some() })
}

/// Verifies an envelope that is the whole body of a request, in CBOR (EN-38, SP-36): a message, not a request with another
/// body. The route has to opt in by asking here.
///
/// # Errors
/// What decoding and [`Authentic::verify`] refuse; [`Reason::BindingMismatch`] for a statement about a request.
pub fn verify_cbor_body(
    body: &[u8],
    route: &Route,
    keys: &Keyring,
    now_ms: i64,
) -> Result<Authentic, Reason> {
    let envelope = cbor::decode(body, &route.options)?;
    if envelope.body.capability.as_deref() == Some(REQUEST_MARKER) {
        return Err(Reason::BindingMismatch);
    }
    let rules = Rules { recipient_optional: false, ..route.rules.clone() };
    Authentic::verify(envelope, Use::Envelope, &rules, keys, now_ms)
}

/// What is taken from a statement; all else is rebuilt from the request (SP-29).
struct Parsed {
    authority: String,
    capability: Option<String>,
    names: Vec<String>,
    chain: bool,
}

impl Parsed {
    fn read(content: &str) -> Result<Self, JsonError> {
        let (mut alg, mut authority, mut body, mut len) = (None, None, None, None);
        let (mut capability, mut chain, mut names, mut kid) = (None, None, Vec::new(), None);
        let (mut method, mut target, mut version) = (None, None, None);
        json::read(content.as_bytes(), DOCUMENT_DEPTH, |reader| {
            reader.object(|name, reader| {
                let slot = match name {
                    "alg" => &mut alg,
                    "authority" => &mut authority,
                    "body" => &mut body,
                    "cap" => &mut capability,
                    "chain" => &mut chain,
                    "kid" => &mut kid,
                    "method" => &mut method,
                    "target" => &mut target,
                    "v" => &mut version,
                    "bodyLen" => {
                        len = Some(reader.integer()?);
                        return Ok(());
                    }
                    "fields" => {
                        names = fields::read_names(reader)?;
                        return Ok(());
                    }
                    _ => return Err(JsonError::UnknownMember),
                };
                *slot = Some(reader.string()?);
                Ok(())
            })
        })?;
        for member in [alg, kid, method, target, version] {
            required(member)?;
        }
        // SP-27: a length with a digest, and none with a stream.
        match required(body)?.split_once(':') {
            Some(("sha-256", _)) if len.is_some() => {}
            Some(("stream", _)) if len.is_none() => {}
            _ => return Err(JsonError::WrongKind),
        }
        Ok(Self {
            authority: required(authority)?.into_owned(),
            capability: capability.map(std::borrow::Cow::into_owned),
            names,
            chain: chain.is_some(),
        })
    }
}

/// The statement about a request (SP-27). Nothing when a covered field is missing or no text.
fn statement(
    request: &Request<'_>,
    (alg, key_id): (&str, &str),
    authority: &str,
    names: &[String],
    capability: Option<&str>,
    chain: Option<&str>,
) -> Option<String> {
    let mut out = Vec::with_capacity(384);
    let member = |name: &[u8], value: &str, out: &mut Vec<u8>| {
        out.extend_from_slice(name);
        write_string(value, out);
        out.push(b',');
    };
    member(b"{\"alg\":", alg, &mut out);
    member(b"\"authority\":", authority, &mut out);
    member(b"\"body\":", &request.content.to_member(), &mut out);
    if let Some(len) = request.content.to_len() {
        out.extend_from_slice(b"\"bodyLen\":");
        write_integer(len, &mut out);
        out.push(b',');
    }
    if let Some(capability) = capability {
        member(b"\"cap\":", capability, &mut out);
    }
    if let Some(chain) = chain {
        member(b"\"chain\":", chain, &mut out);
    }
    fields::write(request.fields, names, &mut out)?;
    member(b"\"kid\":", key_id, &mut out);
    member(b"\"method\":", request.method, &mut out);
    member(b"\"target\":", request.target, &mut out);
    out.extend_from_slice(b"\"v\":\"sw-req/1\"}");
    String::from_utf8(out).ok()
}

/// Member `chain` for the field of capability tokens, if there is one (SP-27).
fn chain_member(fields: &[Field<'_>]) -> Result<Option<String>, Reason> {
    let mut lines = fields.iter().filter(|(name, _)| name.eq_ignore_ascii_case(CAPABILITY_FIELD));
    let Some((_, value)) = lines.next() else { return Ok(None) };
    if lines.next().is_some() {
        return Err(Reason::CapabilityMalformed);
    }
    Ok(Some(base64url::encode(sha256(&[value]))))
}
