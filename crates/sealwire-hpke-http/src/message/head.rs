use super::{Fields, Method, authority::is_authority, target::is_target, vector};
use crate::{Error, Limits};

/// Method, target and fields of a request. Checked (HH-25 to HH-29).
#[derive(Clone, PartialEq, Eq)]
pub struct RequestHead {
    method: Method,
    authority: String,
    target: String,
    fields: Fields,
}

impl RequestHead {
    /// `authority` is a host with or without a port, `target` a path with or without a query, or `*`.
    ///
    /// # Errors
    /// [`Error::InvalidConfiguration`]
    pub fn new(method: Method, authority: &str, target: &str, fields: Fields) -> Result<Self, Error> {
        if !is_authority(authority) || !is_target(method, target) {
            return Err(Error::InvalidConfiguration);
        }
        Ok(Self { method, authority: authority.to_owned(), target: target.to_owned(), fields })
    }

    /// Decodes the whole of a START behind its kind.
    pub(crate) fn decode(mut input: &[u8], limits: &Limits) -> Result<Self, Error> {
        let method = Method::from_bytes(vector::take(&mut input)?)?;
        let authority = vector::take(&mut input)?;
        let target = vector::take(&mut input)?;
        if authority.len().saturating_add(target.len()) > limits.max_target_len {
            return Err(Error::LimitExceeded);
        }
        let [authority, target] = [authority, target].map(str::from_utf8);
        let (Ok(authority), Ok(target)) = (authority, target) else { return Err(Error::MalformedEnvelope) };
        let head = Self::new(method, authority, target, Fields::default()).map_err(Error::received)?;
        let fields = Fields::decode(vector::take(&mut input)?, limits)?;
        if !input.is_empty() {
            return Err(Error::MalformedEnvelope);
        }
        Ok(Self { fields, ..head })
    }

    /// The START behind its kind.
    pub(crate) fn encode(&self, limits: &Limits) -> Result<Vec<u8>, Error> {
        if self.authority.len().saturating_add(self.target.len()) > limits.max_target_len {
            return Err(Error::LimitExceeded);
        }
        self.fields.check(limits)?;
        let parts = [self.method.as_str().as_bytes(), self.authority.as_bytes(), self.target.as_bytes()];
        let section = self.fields.section();
        let len = parts.iter().fold(section.len(), |len, part| len.saturating_add(part.len()));
        let mut out = Vec::with_capacity(len.saturating_add(32));
        for part in parts.into_iter().chain([section]) {
            vector::put(&mut out, part);
        }
        Ok(out)
    }

    /// The method.
    #[must_use]
    pub fn method(&self) -> Method {
        self.method
    }

    /// The authority, as it was sent. [`super::same_origin`] compares it.
    #[must_use]
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// Path and query, or `*`.
    #[must_use]
    pub fn target(&self) -> &str {
        &self.target
    }

    /// The fields.
    #[must_use]
    pub fn fields(&self) -> &Fields {
        &self.fields
    }
}

/// Targets can hold secrets: only the method is told.
impl std::fmt::Debug for RequestHead {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RequestHead").field("method", &self.method).finish_non_exhaustive()
    }
}

/// What follows the head of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// one body, in one record (HH-20)
    Finite,
    /// one record for each block of an event stream (HH-21)
    EventStream,
}

/// Status and fields of an answer. Checked (HH-19, HH-21, HH-28, HH-29).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResponseHead {
    status: u16,
    fields: Fields,
    mode: Mode,
}

impl ResponseHead {
    /// The head of an answer to a request with `method`. `status` is 200 to 599.
    ///
    /// # Errors
    /// [`Error::InvalidConfiguration`]; also where the fields tell two types, or an event stream that cannot be one.
    pub fn new(method: Method, status: u16, fields: Fields) -> Result<Self, Error> {
        if !(200..=599).contains(&status) {
            return Err(Error::InvalidConfiguration);
        }
        let mode = mode(method, status, &fields)?;
        Ok(Self { status, fields, mode })
    }

    /// Decodes the whole of a START behind its kind.
    pub(crate) fn decode(method: Method, input: &[u8], limits: &Limits) -> Result<Self, Error> {
        let (status, section) = input.split_first_chunk::<2>().ok_or(Error::MalformedEnvelope)?;
        let fields = Fields::decode(section, limits)?;
        Self::new(method, u16::from_be_bytes(*status), fields).map_err(Error::received)
    }

    /// The START behind its kind, in two parts.
    pub(crate) fn encode(&self, limits: &Limits) -> Result<([u8; 2], &[u8]), Error> {
        self.fields.check(limits)?;
        Ok((self.status.to_be_bytes(), self.fields.section()))
    }

    /// The status, 200 to 599.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.status
    }

    /// The fields.
    #[must_use]
    pub fn fields(&self) -> &Fields {
        &self.fields
    }

    /// What follows.
    #[must_use]
    pub fn mode(&self) -> Mode {
        self.mode
    }
}

/// HH-21
fn mode(method: Method, status: u16, fields: &Fields) -> Result<Mode, Error> {
    let mut types = fields.get_all("content-type");
    let media_type = types.next().map_or("", |value| value.split(';').next().unwrap_or_default());
    if types.next().is_some() {
        return Err(Error::InvalidConfiguration);
    }
    if !media_type.trim_ascii().eq_ignore_ascii_case("text/event-stream") {
        return Ok(Mode::Finite);
    }
    let has = |name| fields.get_all(name).next().is_some();
    if status != 200 || method == Method::Head || has("content-length") || has("content-encoding") {
        return Err(Error::InvalidConfiguration);
    }
    Ok(Mode::EventStream)
}
