//! What shows of a request in bound mode, and what may change it on the way (SE-31).

use crate::listed;
use http::{HeaderMap, HeaderName, Method, header, request::Parts};
use sealwire_attest::key_document::authority;
use sealwire_message::bhttp::RequestHead;
use sealwire_session::{Error, request::Listed};
use std::collections::HashMap;

/// What stands in front of the gateway changes, and what is put back before anything is compared. The default is that it
/// changes nothing.
///
/// Nothing here decides where plaintext goes: the application gets what is sealed inside, whatever is tolerated outside.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rewrites {
    authorities: HashMap<String, String>,
    /// the longest outer prefix first
    prefixes: Vec<(String, String)>,
}

impl Rewrites {
    /// `authorities` are the names by which requests arrive, in normal form, each with the one that callers sealed;
    /// `prefixes` the same of paths, in whole segments without a final `/`.
    #[must_use]
    pub fn new(authorities: HashMap<String, String>, mut prefixes: Vec<(String, String)>) -> Self {
        prefixes.sort_by_key(|(outer, _)| std::cmp::Reverse(outer.len()));
        Self { authorities, prefixes }
    }

    fn authority(&self, arrived: &str) -> String {
        let normal = authority::normalise(arrived, authority::DEFAULT_PORT);
        let sent = normal.ok().and_then(|normal| self.authorities.get(&normal));
        sent.map_or(arrived, String::as_str).to_owned()
    }

    fn path(&self, arrived: &str) -> String {
        let sent = self.prefixes.iter().find_map(|(outer, inner)| {
            let rest = arrived.strip_prefix(outer.as_str())?;
            (rest.is_empty() || rest.starts_with('/')).then(|| format!("{inner}{rest}"))
        });
        match sent {
            // A proxy that takes a whole path away leaves no empty one.
            Some(path) if path.is_empty() => "/".to_owned(),
            Some(path) => path,
            None => arrived.to_owned(),
        }
    }
}

/// What showed: as it arrived, with what is known to change on the way put back.
pub(super) struct Outside {
    method: Method,
    authority: String,
    path: String,
    query: String,
    /// the listed ones, in their order
    fields: Vec<(HeaderName, Vec<u8>)>,
    /// the same, line by line
    lines: HeaderMap,
}

impl Outside {
    /// # Errors
    /// [`Error::Field`] for a malformed list, [`Error::Listed`] where a listed field is not there, or the authority is
    /// missing or said in two ways.
    pub(super) fn of(outer: &Parts, rewrites: &Rewrites) -> Result<Self, Error> {
        let mut fields = Vec::new();
        let mut lines = HeaderMap::new();
        for name in listed::read(&outer.headers).ok_or(Error::Field)? {
            let value = listed::value(&outer.headers, &name).ok_or(Error::Listed)?;
            for line in outer.headers.get_all(&name) {
                lines.append(name.clone(), line.clone());
            }
            fields.push((name, value));
        }
        Ok(Self {
            method: outer.method.clone(),
            authority: rewrites.authority(arrived_authority(outer).ok_or(Error::Listed)?),
            path: rewrites.path(outer.uri.path()),
            query: outer.uri.query().unwrap_or_default().to_owned(),
            fields,
            lines,
        })
    }

    /// What the header MAC has to cover.
    pub(super) fn listed(&self) -> Listed {
        let mut listed = Listed::target(self.method.as_str(), &self.authority, &self.path, &self.query);
        for (name, value) in &self.fields {
            listed.field(name.as_str(), value);
        }
        listed
    }

    /// Holds what is sealed against what showed: whoever routes or filters by the outside decided on what the
    /// application gets. A listed field that is sealed too is the same; one that is not joins the sealed ones.
    ///
    /// # Errors
    /// [`Error::Listed`]
    pub(super) fn complete(self, head: &mut RequestHead) -> Result<(), Error> {
        let authority = head.effective_authority();
        let same = head.method == self.method
            && authority.is_some_and(|authority| authority.as_str() == self.authority)
            && head.path.path() == self.path
            && head.path.query().unwrap_or_default() == self.query;
        if !same {
            return Err(Error::Listed);
        }
        for (name, shown) in &self.fields {
            match listed::value(&head.headers, name) {
                Some(sealed) if sealed != *shown => return Err(Error::Listed),
                Some(_) => {}
                None => {
                    for line in self.lines.get_all(name) {
                        head.headers.append(name.clone(), line.clone());
                    }
                }
            }
        }
        Ok(())
    }
}

/// Whom the outer request names. `None` where that is missing, or said twice and differently.
fn arrived_authority(outer: &Parts) -> Option<&str> {
    let uri = outer.uri.authority().map(http::uri::Authority::as_str);
    if !outer.headers.contains_key(header::HOST) {
        return uri;
    }
    let host = crate::wire::single(&outer.headers, &header::HOST)?;
    uri.is_none_or(|uri| uri == host).then_some(host)
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::Request;

    fn rewrites() -> Rewrites {
        let names = [("edge.example".to_owned(), "app.example".to_owned())].into();
        let prefix = |outer: &str, inner: &str| (outer.to_owned(), inner.to_owned());
        Rewrites::new(names, vec![prefix("/a", "/one"), prefix("/a/b", ""), prefix("/gone", "")])
    }

    // SE-31: names and prefixes are put back as configured, and nothing else is.
    #[test]
    fn what_is_configured_is_put_back() {
        for (arrived, sent) in [
            ("edge.example", "app.example"),
            ("EDGE.example:443", "app.example"),
            ("edge.example:8443", "edge.example:8443"),
            ("app.example", "app.example"),
            ("App.example", "App.example"),
            ("no name", "no name"),
        ] {
            assert_eq!(rewrites().authority(arrived), sent, "{arrived}");
            assert_eq!(Rewrites::default().authority(arrived), arrived);
        }
        for (arrived, sent) in [
            ("/a", "/one"),
            ("/a/", "/one/"),
            ("/a/x", "/one/x"),
            ("/ab", "/ab"),
            ("/A/x", "/A/x"),
            ("/a/b/c", "/c"),
            ("/a/bc", "/one/bc"),
            ("/gone", "/"),
            ("/x/a", "/x/a"),
            ("/", "/"),
        ] {
            assert_eq!(rewrites().path(arrived), sent, "{arrived}");
            assert_eq!(Rewrites::default().path(arrived), arrived);
        }
        let added = Rewrites::new(HashMap::new(), vec![(String::new(), "/svc".to_owned())]);
        assert_eq!(added.path("/x"), "/svc/x");
    }

    // SE-31: an authority is said once, or twice alike.
    #[test]
    fn the_authority_is_said_in_one_way() {
        let of = |uri: &str, hosts: &[&str]| {
            let mut request = Request::get(uri);
            for host in hosts {
                request = request.header("host", *host);
            }
            let outer = request.body(()).unwrap().into_parts().0;
            Outside::of(&outer, &Rewrites::default()).map(|outside| outside.authority)
        };
        assert_eq!(of("/", &["a.example"]).unwrap(), "a.example");
        assert_eq!(of("http://a.example/", &[]).unwrap(), "a.example");
        assert_eq!(of("http://a.example/", &["a.example"]).unwrap(), "a.example");
        assert_eq!(of("http://a.example/", &["b.example"]).unwrap_err(), Error::Listed);
        assert_eq!(of("/", &["a.example", "a.example"]).unwrap_err(), Error::Listed);
        assert_eq!(of("/", &[]).unwrap_err(), Error::Listed);
    }
}
