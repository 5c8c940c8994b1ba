//! Header fields that statements cover (SP-28), and authorities (SP-27).

use crate::{
    canonical::write_string,
    json::{Error as JsonError, Reader},
};

/// A field line: name and value.
pub type Field<'a> = (&'a str, &'a [u8]);

/// Fields that belong to a connection or say nothing about the message. Statements never cover them (SP-28).
const NEVER: [&str; 13] = [
    "connection",
    "content-length",
    "date",
    "host",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "user-agent",
];

/// Whether a statement may cover a field of this name.
pub(super) fn may_cover(name: &str) -> bool {
    let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !name.is_empty()
        && name.bytes().all(|byte| token(byte) && !byte.is_ascii_uppercase())
        && !name.starts_with("x-7h3-")
        && !NEVER.contains(&name)
}

/// Whether there is a line of this name.
pub(super) fn is_there(fields: &[Field<'_>], name: &str) -> bool {
    fields.iter().any(|(field, _)| field.eq_ignore_ascii_case(name))
}

/// The lines of a name, joined (SP-28); nothing when there is none, or when they are no text.
pub(super) fn joined(fields: &[Field<'_>], name: &str) -> Option<String> {
    // Dates in cookies have commas (SP-31).
    let separator = if name == "set-cookie" { "\n" } else { ", " };
    let mut joined: Option<String> = None;
    for (_, value) in fields.iter().filter(|(field, _)| field.eq_ignore_ascii_case(name)) {
        let text = std::str::from_utf8(value).ok()?.trim_matches([' ', '\t']);
        match &mut joined {
            None => joined = Some(text.to_owned()),
            Some(joined) => {
                joined.push_str(separator);
                joined.push_str(text);
            }
        }
    }
    joined
}

/// Which of `names` there are, sorted, each once: what a signer covers.
pub(super) fn covered<'a>(fields: &[Field<'_>], names: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let mut there: Vec<_> = names
        .into_iter()
        .map(str::to_ascii_lowercase)
        .filter(|name| may_cover(name) && is_there(fields, name))
        .collect();
    there.sort_unstable();
    there.dedup();
    there
}

/// Appends `"fields":{…},` for these names, which are sorted. Nothing when there is none.
pub(super) fn write(fields: &[Field<'_>], names: &[String], out: &mut Vec<u8>) -> Option<()> {
    if names.is_empty() {
        return Some(());
    }
    out.extend_from_slice(b"\"fields\":{");
    for (index, name) in names.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        write_string(name, out);
        out.push(b':');
        write_string(&joined(fields, name)?, out);
    }
    out.extend_from_slice(b"},");
    Some(())
}

/// Reads the names in member `fields`, sorted. The values are compared later, all at once.
pub(super) fn read_names(reader: &mut Reader<'_>) -> Result<Vec<String>, JsonError> {
    let mut names = Vec::new();
    reader.object(|name, reader| {
        if !may_cover(name) {
            return Err(JsonError::UnknownMember);
        }
        names.push(name.to_owned());
        reader.string().map(drop)
    })?;
    names.sort_unstable();
    Ok(names)
}

/// An authority as statements have it (SP-27): lower-case, without the port that the scheme has anyway. `None` for user
/// information, and for what is no name in ASCII.
#[must_use]
pub fn authority(scheme: &str, authority: &str) -> Option<String> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~:[]%!$&'()*+,;=".contains(&byte);
    if authority.is_empty() || !authority.bytes().all(plain) {
        return None;
    }
    let lower = authority.to_ascii_lowercase();
    let port = match scheme {
        "https" | "wss" => ":443",
        "http" | "ws" => ":80",
        _ => return Some(lower),
    };
    Some(lower.strip_suffix(port).map_or(lower.clone(), str::to_owned))
}
