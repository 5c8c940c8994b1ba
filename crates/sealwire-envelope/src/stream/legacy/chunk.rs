use crate::{
    canonical::{write_integer, write_string},
    json::{self, ENVELOPE_DEPTH},
};

/// A chunk (EN-61). Its own hash `h` only its writer can compute, so it is kept as it came and never looked at (EN-62).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chunk {
    /// the how manyth, from 0
    pub index: u64,
    /// the data
    pub data: String,
    /// member `h`
    pub hash: String,
    /// what the final one has besides
    pub last: Option<Final>,
}

/// What ends a stream.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Final {
    /// base64url of the signature
    pub sig: Option<String>,
    /// name of the key
    pub kid: Option<String>,
}

impl Chunk {
    /// The JSON text.
    #[must_use]
    pub fn to_json(&self) -> String {
        let mut out = Vec::with_capacity(self.data.len() + 256);
        out.extend_from_slice(b"{\"i\":");
        write_integer(self.index, &mut out);
        member(",\"d\":", Some(&self.data), &mut out);
        member(",\"h\":", Some(&self.hash), &mut out);
        out.extend_from_slice(if self.last.is_some() { b",\"f\":true" } else { b",\"f\":false" });
        if let Some(last) = &self.last {
            member(",\"sig\":", last.sig.as_deref(), &mut out);
            member(",\"kid\":", last.kid.as_deref(), &mut out);
        }
        out.push(b'}');
        String::from_utf8(out).unwrap_or_default()
    }

    /// Reads a JSON text.
    ///
    /// # Errors
    /// [`json::Error`]
    pub fn from_json(text: &[u8]) -> Result<Self, json::Error> {
        let (mut index, mut data, mut hash, mut is_final) = (None, None, None, None);
        let mut last = Final::default();
        json::read(text, ENVELOPE_DEPTH, |reader| {
            reader.object(|name, reader| {
                match name {
                    "i" => index = Some(reader.integer()?),
                    "d" => data = Some(reader.string()?.into_owned()),
                    "h" => hash = Some(reader.string()?.into_owned()),
                    "f" => is_final = Some(reader.boolean()?),
                    "sig" => last.sig = Some(reader.string()?.into_owned()),
                    "kid" => last.kid = Some(reader.string()?.into_owned()),
                    _ => return Err(json::Error::UnknownMember),
                }
                Ok(())
            })
        })?;
        let is_final = json::required(is_final)?;
        if !is_final && last != Final::default() {
            return Err(json::Error::UnknownMember);
        }
        Ok(Self {
            index: json::required(index)?,
            data: json::required(data)?,
            hash: json::required(hash)?,
            last: is_final.then_some(last),
        })
    }
}

fn member(name: &str, value: Option<&str>, out: &mut Vec<u8>) {
    if let Some(value) = value {
        out.extend_from_slice(name.as_bytes());
        write_string(value, out);
    }
}
