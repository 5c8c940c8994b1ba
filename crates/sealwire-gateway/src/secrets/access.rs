//! What is done to secrets, one after the other: judge, write down, do (SE-20 (b) to (g)).

use super::{
    Secrets,
    answer::{self, NoRequest},
    audit::{self, Access, Caller, Event, Log, Verdict},
    layer::Wanted,
    rules::{Judge, Rule},
    store::{Before, NotWritten, Retired},
};
use http::{HeaderMap, Request, Response, StatusCode, header};
use http_body_util::BodyExt;
use sealwire_attest::{UnixTime, verdict::Denial};
use sealwire_http::{
    Attested, Body,
    session::secret::{MAX_SECRET, Name, OperatorWrite, Write},
};
use serde::Serialize;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};
use zeroize::Zeroizing;

/// Who writes.
pub(super) enum Who {
    Enclave(Arc<Attested>),
    /// nobody yet: the signature has to be verified
    Operator(OperatorWrite),
}

/// Why somebody may not.
enum No {
    /// of one who is known: codes, for the audit
    Refused(Vec<String>),
    /// of whoever has made up a key: anybody could fill the disk with entries about that
    Unknown,
}

impl From<Denial> for No {
    fn from(denial: Denial) -> Self {
        tracing::info!(%denial, "a caller is refused a secret");
        Self::Refused(audit::reasons(&denial))
    }
}

impl No {
    fn because(reason: &str) -> Self {
        Self::Refused(vec![reason.to_owned()])
    }
}

impl Secrets {
    /// Answers a request.
    pub(super) async fn answer(self: Arc<Self>, wanted: Wanted, request: Request<Body>) -> Response<Body> {
        match wanted {
            Wanted::List(caller) => self.in_turn(move |this, log| this.list(log, &caller)).await,
            Wanted::Get(name, caller) => self.in_turn(move |this, log| this.get(log, &name, &caller)).await,
            Wanted::Put(name, who) => {
                let Some(before) = before(request.headers()) else { return answer::unconditional() };
                if !self.may_be_known(&who) {
                    return answer::refused();
                }
                let gathered = tokio::time::timeout(self.content_time, gather(request.into_body())).await;
                match gathered.unwrap_or(Err(NoRequest::TooSlow)) {
                    Ok(secret) => {
                        self.in_turn(move |this, log| this.put(log, name, &who, before, secret)).await
                    }
                    Err(refused) => refused.response(),
                }
            }
            Wanted::Delete(name, who) => match before(request.headers()) {
                Some(Before::Version(version)) => {
                    self.in_turn(move |this, log| this.delete(log, &name, &who, version)).await
                }
                _ => answer::unconditional(),
            },
        }
    }

    /// Judgement, entry and deed are one step: nothing comes in between, and nobody who goes away cuts it in two.
    async fn in_turn(
        self: Arc<Self>,
        work: impl FnOnce(&Self, &mut Log) -> Response<Body> + Send + 'static,
    ) -> Response<Body> {
        let this = self.clone();
        let done = self.audit.in_turn(move |log| work(&this, log)).await;
        done.unwrap_or_else(|_| answer::unaudited())
    }

    fn now(&self) -> UnixTime {
        UnixTime(self.clock.unix_seconds())
    }

    fn get(&self, log: &mut Log, name: &Name, caller: &Attested) -> Response<Body> {
        let at = self.now();
        let rule = self.rules.of(name);
        let entry = entry(Event::Get, name, rule, Caller::enclave(caller));
        let accepted_by = match self.judge(rule.map(|rule| &rule.read), caller, at) {
            Ok(accepted_by) => accepted_by,
            Err(no) => return refuse(log, at, entry, no),
        };
        let secret = match self.store.get(name) {
            Ok(Some(secret)) => secret,
            Ok(None) => return answer::not_provisioned(),
            Err(Retired) => return answer::retired(),
        };
        let version = Some(secret.version);
        match log.append(at, &Access { version, ..done(entry, Verdict::Delivered, accepted_by) }) {
            Ok(()) => answer::delivered(secret),
            Err(_) => answer::unaudited(),
        }
    }

    fn put(
        &self,
        log: &mut Log,
        name: Name,
        who: &Who,
        before: Before,
        secret: Zeroizing<Vec<u8>>,
    ) -> Response<Body> {
        let at = self.now();
        let rule = self.rules.of(&name);
        let entry = entry(Event::Put, &name, rule, who.told());
        let write = Write {
            instance: &self.instance,
            name: &name,
            version: before.version(),
            secret: Some(secret.as_slice()),
        };
        let accepted_by = match self.may_write(rule, who, &write, at) {
            Ok(accepted_by) => accepted_by,
            Err(no) => return refuse(log, at, entry, no),
        };
        let version = match self.store.next(&name, before, secret.len()) {
            Ok(version) => version,
            Err(why) => return not_written(why),
        };
        let access = Access { version: Some(version), ..done(entry, Verdict::Written, accepted_by) };
        if log.append(at, &access).is_err() {
            return answer::unaudited();
        }
        match self.store.put(name, before, secret) {
            Ok(version) if before == Before::Nothing => answer::written(StatusCode::CREATED, version),
            Ok(version) => answer::written(StatusCode::NO_CONTENT, version),
            Err(why) => not_written(why),
        }
    }

    fn delete(&self, log: &mut Log, name: &Name, who: &Who, version: u64) -> Response<Body> {
        let at = self.now();
        let rule = self.rules.of(name);
        let entry = entry(Event::Delete, name, rule, who.told());
        let write = Write { instance: &self.instance, name, version, secret: None };
        let accepted_by = match self.may_write(rule, who, &write, at) {
            Ok(accepted_by) => accepted_by,
            Err(no) => return refuse(log, at, entry, no),
        };
        if let Err(why) = self.store.is_there(name, version) {
            return not_written(why);
        }
        let access = Access { version: Some(version), ..done(entry, Verdict::Deleted, accepted_by) };
        if log.append(at, &access).is_err() {
            return answer::unaudited();
        }
        match self.store.delete(name, version) {
            Ok(()) => answer::deleted(),
            Err(why) => not_written(why),
        }
    }

    fn list(&self, log: &Log, caller: &Attested) -> Response<Body> {
        let at = self.now();
        let mut there: BTreeMap<Name, _> = self.store.all().into_iter().collect();
        let names: BTreeSet<Name> = there.keys().cloned().chain(self.rules.names().cloned()).collect();
        let mut listed = Vec::new();
        for name in names {
            let rule = self.rules.of(&name);
            let may = |judge: Option<&Judge>| self.accepts(judge, caller, at);
            let read = may(rule.map(|rule| &rule.read));
            let write = may(rule.and_then(|rule| rule.write.as_ref()));
            if read || write {
                let (version, size) =
                    there.remove(&name).map(|secret| (secret.version, secret.size())).unzip();
                listed.push(Listed { name: name.as_str().to_owned(), version, size, read, write });
            }
        }
        let audit = listed.iter().any(|listed| listed.write).then(|| {
            let (entries, head) = log.head();
            Head { entries, head: hex::encode(head) }
        });
        match serde_json::to_string(&List { secrets: listed, audit }) {
            Ok(json) => answer::listed(json),
            Err(_) => answer::unaudited(),
        }
    }

    /// Whether a caller that the session knows meets a policy now, and by which of its rules.
    fn judge(&self, judge: Option<&Judge>, caller: &Attested, at: UnixTime) -> Result<String, No> {
        self.callers.still_accepts(caller, at)?;
        let judge = judge.ok_or_else(|| No::because("no-rule (secret)"))?;
        Ok(judge.accepts(caller, at)?.rule())
    }

    /// The same, where nobody is told why not.
    fn accepts(&self, judge: Option<&Judge>, caller: &Attested, at: UnixTime) -> bool {
        self.callers.still_accepts(caller, at).is_ok()
            && judge.is_some_and(|judge| judge.accepts(caller, at).is_ok())
    }

    fn may_write(
        &self,
        rule: Option<&Rule>,
        who: &Who,
        write: &Write<'_>,
        at: UnixTime,
    ) -> Result<String, No> {
        match who {
            Who::Enclave(caller) => self.judge(rule.and_then(|rule| rule.write.as_ref()), caller, at),
            Who::Operator(signed) => {
                if !self.may_be_known(who) || signed.verify(write).is_err() {
                    return Err(No::Unknown);
                }
                if rule.is_some_and(|rule| rule.keys.contains(&signed.key)) {
                    Ok("operator".to_owned())
                } else {
                    Err(No::because("no-rule (operator-keys)"))
                }
            }
        }
    }

    /// Whether it is worth the while to look at a signature: some rule names the key.
    fn may_be_known(&self, who: &Who) -> bool {
        match who {
            Who::Enclave(_) => true,
            Who::Operator(signed) => self.rules.iter().any(|rule| rule.keys.contains(&signed.key)),
        }
    }
}

impl Who {
    fn told(&self) -> Caller {
        match self {
            Self::Enclave(caller) => Caller::enclave(caller),
            Self::Operator(signed) => Caller::operator(&signed.key),
        }
    }
}

/// The list (SE-20 (f)).
#[derive(Serialize)]
struct List {
    secrets: Vec<Listed>,
    audit: Option<Head>,
}

#[derive(Serialize)]
struct Listed {
    name: String,
    version: Option<u64>,
    size: Option<usize>,
    read: bool,
    write: bool,
}

#[derive(Serialize)]
struct Head {
    entries: u64,
    head: String,
}

/// An entry of which only the end is not known yet.
fn entry(event: Event, name: &Name, rule: Option<&Rule>, caller: Caller) -> Access {
    Access {
        event,
        name: Some(name.as_str().to_owned()),
        version: None,
        verdict: None,
        rule: rule.map(|rule| rule.pattern.to_string()),
        accepted_by: None,
        reasons: Vec::new(),
        caller: Some(caller),
    }
}

fn done(entry: Access, verdict: Verdict, accepted_by: String) -> Access {
    Access { verdict: Some(verdict), accepted_by: Some(accepted_by), ..entry }
}

fn refuse(log: &mut Log, at: UnixTime, entry: Access, no: No) -> Response<Body> {
    let No::Refused(reasons) = no else { return answer::refused() };
    match log.append(at, &Access { verdict: Some(Verdict::Refused), reasons, ..entry }) {
        Ok(()) => answer::refused(),
        Err(_) => answer::unaudited(),
    }
}

fn not_written(why: NotWritten) -> Response<Body> {
    match why {
        NotWritten::Other(there) => answer::other_version(there),
        NotWritten::Full => answer::full(),
        NotWritten::Retired => answer::retired(),
    }
}

/// What a write says is there: exactly one of the two fields, once.
fn before(headers: &HeaderMap) -> Option<Before> {
    let mut none = headers.get_all(header::IF_NONE_MATCH).iter();
    let mut some = headers.get_all(header::IF_MATCH).iter();
    match (none.next(), none.next(), some.next(), some.next()) {
        (Some(value), None, None, None) => (value == "*").then_some(Before::Nothing),
        (None, None, Some(value), None) => {
            let digits = value.to_str().ok()?.strip_prefix('"')?.strip_suffix('"')?;
            let version: u64 = digits.parse().ok()?;
            // One way to write each; 0 is no version.
            (version != 0 && version.to_string() == digits).then_some(Before::Version(version))
        }
        _ => None,
    }
}

/// The content, in memory that is wiped. What it came through on its way here is not.
async fn gather(mut body: Body) -> Result<Zeroizing<Vec<u8>>, NoRequest> {
    let mut gathered = Zeroizing::new(Vec::new());
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| NoRequest::Malformed("The secret did not arrive whole"))?;
        let Ok(data) = frame.into_data() else { continue };
        let len = gathered.len().saturating_add(data.len());
        if len > MAX_SECRET {
            return Err(NoRequest::TooLong);
        }
        if len > gathered.capacity() {
            // A vector that grows by itself leaves behind what it held.
            let larger = Vec::with_capacity(len.saturating_mul(2).min(MAX_SECRET));
            let smaller = std::mem::replace(&mut gathered, Zeroizing::new(larger));
            gathered.extend_from_slice(&smaller);
        }
        gathered.extend_from_slice(&data);
    }
    if gathered.is_empty() {
        return Err(NoRequest::Malformed("A secret has at least one byte"));
    }
    Ok(Zeroizing::new(gathered.to_vec()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use http_body_util::StreamBody;

    // SE-20 (d): in pieces of whatever size, up to the limit and not beyond.
    #[tokio::test]
    async fn a_secret_is_gathered_whole() {
        for (pieces, len) in
            [(1, 1), (3, 5), (65_536, 1), (4, 16_384), (1, 65_536), (65_537, 1), (2, 40_000), (0, 0)]
        {
            let piece = move |number: usize| {
                Ok::<_, sealwire_http::BoxError>(http_body::Frame::data(Bytes::from(vec![number as u8; len])))
            };
            let body = sealwire_http::body::boxed(StreamBody::new(futures_util::stream::iter(
                (0..pieces).map(piece),
            )));
            match gather(body).await {
                Ok(secret) => {
                    let expected: Vec<u8> = (0..pieces).flat_map(|number| vec![number as u8; len]).collect();
                    assert!(*secret == expected && secret.capacity() == expected.len());
                }
                Err(refused) if pieces == 0 => {
                    assert_eq!(refused, NoRequest::Malformed("A secret has at least one byte"));
                }
                Err(refused) => assert!(refused == NoRequest::TooLong && pieces * len > MAX_SECRET),
            }
        }
    }

    // SE-20 (d)
    #[test]
    fn a_write_has_one_condition() {
        let read = |fields: &[(http::HeaderName, &str)]| {
            let mut headers = HeaderMap::new();
            for (name, value) in fields {
                headers.append(name.clone(), value.parse().unwrap());
            }
            before(&headers)
        };
        let (none, some) = (header::IF_NONE_MATCH, header::IF_MATCH);
        assert_eq!(read(&[(none.clone(), "*")]), Some(Before::Nothing));
        assert_eq!(read(&[(some.clone(), "\"17\"")]), Some(Before::Version(17)));
        for bad in [
            "17",
            "\"\"",
            "\"0\"",
            "\"01\"",
            "\"+1\"",
            "W/\"1\"",
            "*",
            "\"1\", \"2\"",
            "\"99999999999999999999\"",
        ] {
            assert_eq!(read(&[(some.clone(), bad)]), None, "{bad}");
        }
        assert_eq!(read(&[]), None);
        assert_eq!(read(&[(none.clone(), "\"1\"")]), None);
        assert_eq!(read(&[(none.clone(), "*"), (none.clone(), "*")]), None);
        assert_eq!(read(&[(none, "*"), (some.clone(), "\"1\"")]), None);
        assert_eq!(read(&[(some.clone(), "\"1\""), (some, "\"1\"")]), None);
    }
}
