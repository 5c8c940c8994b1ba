//! The fields of HH-82. Their names are in lower case here, as HTTP/2 wants them; peers take any.

use super::{Error, exported::Salt};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use http::{HeaderMap, HeaderValue};

/// Names.
pub mod name {
    use http::HeaderName;

    /// The encapsulated key.
    pub const ENC: HeaderName = HeaderName::from_static("x-hpke-enc");
    /// The salt of a direction.
    pub const STREAM: HeaderName = HeaderName::from_static("x-hpke-stream");
    /// The PSK id.
    pub const PSK_ID: HeaderName = HeaderName::from_static("x-hpke-psk-id");
    /// What the whole body of a request was compressed with.
    pub const ENCODING: HeaderName = HeaderName::from_static("x-hpke-encoding");
    /// The application's content type. Not authenticated.
    pub const CONTENT_TYPE: HeaderName = HeaderName::from_static("x-hpke-content-type");
    /// `true` on errors of the middleware.
    pub const ERROR: HeaderName = HeaderName::from_static("x-hpke-error");
}

/// What the whole body of a request was compressed with, before it was cut into chunks (HH-84).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Encoding {
    /// not at all
    #[default]
    Identity,
    /// zstd
    Zstd,
    /// gzip
    Gzip,
}

impl Encoding {
    pub(super) fn of(headers: &HeaderMap) -> Result<Self, Error> {
        match single(headers, &name::ENCODING)?.map(HeaderValue::as_bytes) {
            None => Ok(Self::Identity),
            Some(b"zstd") => Ok(Self::Zstd),
            Some(b"gzip") => Ok(Self::Gzip),
            Some(_) => Err(Error::Coding),
        }
    }
}

/// The bytes of a field, `None` where it is not there.
pub(super) fn bytes(headers: &HeaderMap, name: &http::HeaderName) -> Result<Option<Vec<u8>>, Error> {
    let decode = |value: &HeaderValue| URL_SAFE_NO_PAD.decode(value.as_bytes()).map_err(|_| Error::Field);
    single(headers, name)?.map(decode).transpose()
}

/// The salt of the direction that the fields are of.
pub(super) fn salt(headers: &HeaderMap) -> Result<Option<Salt>, Error> {
    let salt = |bytes: Vec<u8>| bytes.try_into().map_err(|_| Error::Field);
    bytes(headers, &name::STREAM)?.map(salt).transpose()
}

/// A field's value for bytes.
pub(super) fn value(bytes: &[u8]) -> Result<HeaderValue, Error> {
    HeaderValue::try_from(URL_SAFE_NO_PAD.encode(bytes)).map_err(|_| Error::Field)
}

fn single<'a>(headers: &'a HeaderMap, name: &http::HeaderName) -> Result<Option<&'a HeaderValue>, Error> {
    let mut values = headers.get_all(name).iter();
    let value = values.next();
    if values.next().is_some() { Err(Error::Field) } else { Ok(value) }
}
