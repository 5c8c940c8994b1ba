//! Control data of a request (RFC 9292 section 3.4).

use super::{
    super::{Error, Limits, RequestHead},
    input::Input,
    semantics,
};
use http::{
    HeaderMap, Method,
    uri::{Authority, PathAndQuery, Scheme},
};

/// Reads the four strings.
pub(super) struct Control {
    /// bytes that the strings may yet have (OB-70)
    left: usize,
    string: Text,
    part: Part,
}

/// Where in a length-prefixed string.
enum Text {
    Length,
    Bytes(usize),
}

/// Which string is due, with what came before it.
enum Part {
    Method,
    Scheme(Method),
    Authority(Method, Scheme),
    Path(Method, Scheme, Option<Authority>),
}

impl Control {
    pub(super) fn new(limits: &Limits) -> Self {
        Self { left: limits.control_data, string: Text::Length, part: Part::Method }
    }

    /// A head whose header section is still empty.
    pub(super) fn read(&mut self, input: &mut Input) -> Result<Option<RequestHead>, Error> {
        loop {
            let len = match self.string {
                Text::Bytes(len) => len,
                Text::Length => {
                    let Some((len, _)) = input.integer()? else { return Ok(None) };
                    let len = usize::try_from(len).map_err(|_| Error::ControlDataTooLong)?;
                    self.left = self.left.checked_sub(len).ok_or(Error::ControlDataTooLong)?;
                    self.string = Text::Bytes(len);
                    len
                }
            };
            let next = match &self.part {
                Part::Method => input.string(len, method)?.map(Part::Scheme),
                Part::Scheme(method) => {
                    input.string(len, scheme)?.map(|scheme| Part::Authority(method.clone(), scheme))
                }
                Part::Authority(method, scheme) => input
                    .string(len, authority)?
                    .map(|authority| Part::Path(method.clone(), scheme.clone(), authority)),
                Part::Path(method, scheme, authority) => {
                    let path = input.string(len, |bytes| path(bytes, method))?;
                    return Ok(path.map(|path| RequestHead {
                        method: method.clone(),
                        scheme: scheme.clone(),
                        authority: authority.clone(),
                        path,
                        headers: HeaderMap::new(),
                    }));
                }
            };
            let Some(next) = next else { return Ok(None) };
            self.part = next;
            self.string = Text::Length;
        }
    }
}

fn method(bytes: &[u8]) -> Result<Method, Error> {
    let method = Method::from_bytes(bytes).map_err(|_| Error::Method)?;
    if method == Method::CONNECT { Err(Error::Connect) } else { Ok(method) }
}

fn scheme(bytes: &[u8]) -> Result<Scheme, Error> {
    if bytes.eq_ignore_ascii_case(b"https") {
        Ok(Scheme::HTTPS)
    } else if bytes.eq_ignore_ascii_case(b"http") {
        Ok(Scheme::HTTP)
    } else {
        Err(Error::Scheme)
    }
}

fn authority(bytes: &[u8]) -> Result<Option<Authority>, Error> {
    if bytes.is_empty() { Ok(None) } else { semantics::authority(bytes).map(Some) }
}

fn path(bytes: &[u8], method: &Method) -> Result<PathAndQuery, Error> {
    let due = match bytes {
        [b'/', ..] => true,
        b"*" => method == Method::OPTIONS,
        _ => false,
    };
    let path = PathAndQuery::try_from(bytes).map_err(|_| Error::Path)?;
    // A fragment is cut off by the parser; here it is an error, as a fragment is never sent (RFC 9110 section
    // 4.2.5).
    if due && path.as_str().len() == bytes.len() { Ok(path) } else { Err(Error::Path) }
}
