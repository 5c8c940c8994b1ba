//! What an opening envelope says in `content` (SP-52).

use std::borrow::Cow;

use super::{CAPABILITY, MAX_EVERY};
use crate::{
    base64url,
    canonical::{write_integer, write_string},
    json::{self, ENVELOPE_DEPTH},
};

/// Length of a stream's identifier in bytes.
pub const SID_LEN: usize = 16;

/// Stands for the digest of a request where a stream answers none.
pub(super) const NO_REQUEST: &str = "none";

/// How frames are tagged (SP-52).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mode {
    /// signed with the key of the stream
    Sig,
    /// with a key that the two ends share; signed once, at the end
    Mac,
}

impl Mode {
    /// The name in a statement.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sig => "sig",
            Self::Mac => "mac",
        }
    }
}

/// The statement, in its one spelling.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// algorithm of the opening signature
    pub alg: String,
    /// HPKE encapsulated key; with mode `mac` only
    pub enc: Option<Vec<u8>>,
    /// 1 to 1024: at least every so manyth frame has a tag
    pub every: u16,
    /// Ed25519 public key, fresh for this stream
    pub key: [u8; 32],
    /// key id of the opening signature
    pub kid: String,
    /// how frames are tagged
    pub mode: Mode,
    /// digest of the request that the stream answers, in base64url; `none` for no request
    pub req: String,
    /// identifier of the stream
    pub sid: [u8; SID_LEN],
    /// media type of the data, joined
    pub media_type: String,
}

impl Statement {
    /// The text.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut out = Vec::with_capacity(384);
        member("{\"alg\":", &self.alg, &mut out);
        if let Some(enc) = &self.enc {
            member(",\"enc\":", &base64url::encode(enc), &mut out);
        }
        out.extend_from_slice(b",\"every\":");
        write_integer(u64::from(self.every), &mut out);
        member(",\"key\":", &base64url::encode(self.key), &mut out);
        member(",\"kid\":", &self.kid, &mut out);
        member(",\"mode\":", self.mode.name(), &mut out);
        member(",\"req\":", &self.req, &mut out);
        member(",\"sid\":", &base64url::encode(self.sid), &mut out);
        member(",\"type\":", &self.media_type, &mut out);
        member(",\"v\":", CAPABILITY, &mut out);
        out.push(b'}');
        String::from_utf8(out).unwrap_or_default()
    }

    /// Reads a text, in the one spelling of [`Statement::to_text`].
    ///
    /// # Errors
    /// [`json::Error`]
    pub fn from_text(text: &str) -> Result<Self, json::Error> {
        let mut members = Members::default();
        json::read(text.as_bytes(), ENVELOPE_DEPTH, |reader| {
            reader.object(|name, reader| members.take(name, reader))
        })?;
        let statement = members.statement()?;
        if statement.to_text() == text { Ok(statement) } else { Err(json::Error::Syntax) }
    }
}

fn member(name: &str, value: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(name.as_bytes());
    write_string(value, out);
}

#[derive(Default)]
struct Members {
    alg: Option<String>,
    enc: Option<Vec<u8>>,
    every: Option<u16>,
    key: Option<[u8; 32]>,
    kid: Option<String>,
    mode: Option<Mode>,
    req: Option<String>,
    sid: Option<[u8; SID_LEN]>,
    media_type: Option<String>,
}

impl Members {
    fn take(&mut self, name: &str, reader: &mut json::Reader<'_>) -> Result<(), json::Error> {
        let text = |reader: &mut json::Reader<'_>| reader.string().map(Cow::into_owned);
        match name {
            "alg" => self.alg = Some(text(reader)?),
            "enc" => {
                self.enc = Some(base64url::decode(&*reader.string()?).map_err(|_| json::Error::WrongKind)?)
            }
            "every" => self.every = u16::try_from(reader.integer()?).ok(),
            "key" => self.key = base64url::decode_array(&*reader.string()?).ok(),
            "kid" => self.kid = Some(text(reader)?),
            "mode" => {
                let name = reader.string()?;
                self.mode = [Mode::Sig, Mode::Mac].into_iter().find(|mode| mode.name() == name);
            }
            "req" => self.req = Some(text(reader)?),
            "sid" => self.sid = base64url::decode_array(&*reader.string()?).ok(),
            "type" => self.media_type = Some(text(reader)?),
            "v" => drop(reader.string()?),
            _ => return Err(json::Error::UnknownMember),
        }
        Ok(())
    }

    fn statement(self) -> Result<Statement, json::Error> {
        let mode = json::required(self.mode)?;
        let every = json::required(self.every)?;
        if !(1..=MAX_EVERY).contains(&every) || self.enc.is_some() != (mode == Mode::Mac) {
            return Err(json::Error::WrongKind);
        }
        let req = json::required(self.req)?;
        if req != NO_REQUEST && base64url::decode_array::<32>(&req).is_err() {
            return Err(json::Error::WrongKind);
        }
        Ok(Statement {
            alg: json::required(self.alg)?,
            enc: self.enc,
            every,
            key: json::required(self.key)?,
            kid: json::required(self.kid)?,
            mode,
            req,
            sid: json::required(self.sid)?,
            media_type: json::required(self.media_type)?,
        })
    }
}
