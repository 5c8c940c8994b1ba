//! From a published document to one that a client may use (AT-41, AT-42, AT-44).

use super::{CHALLENGE_LEN, CLIENT, GATEWAY, KeyDocument, Published, authority, bound_as};
use crate::{
    Appraised, Claims, Policy, UnixTime, Verified, Verifier,
    policy::OperatorRule,
    verdict::{Denial, Reason},
};
use sealwire_crypto::digest::sha384;
use std::time::Duration;

/// How far clocks may differ: an issued-at, or the first second of a key, this far in the client's future passes.
/// Ends are never stretched.
pub const MAX_SKEW: Duration = Duration::from_secs(60);

/// Whose document is wanted. The role is for who accepts to expect, not for the document to choose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted<'a> {
    /// that of a gateway that serves this authority (SE-07)
    Gateway(&'a str),
    /// that of a caller who attests itself (SE-11)
    Client,
}

impl Wanted<'_> {
    fn role(self) -> &'static str {
        match self {
            Self::Gateway(_) => GATEWAY,
            Self::Client => CLIENT,
        }
    }
}

/// What a client already knows of an instance.
#[derive(Debug, Clone, Copy, Default)]
pub struct Seen {
    /// instance and highest serial
    pub serial: Option<([u8; 16], u64)>,
}

/// How the age of a document is known (AT-41).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Age {
    /// The evidence covers the client's own challenge: it was made after that was sent.
    Challenged,
    /// The document says so itself, and evidence carries no time.
    SelfAsserted(Duration),
}

impl Age {
    /// The stable name: `challenged`, `self-asserted`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Challenged => "challenged",
            Self::SelfAsserted(_) => "self-asserted",
        }
    }
}

/// Why the policy is content with who runs the code (AT-44).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OperatorGround {
    /// the policy pins the digest of the configuration
    ConfigDigest,
    /// the policy pins this key, which signed the document's statement
    Signed([u8; 32]),
    /// the policy says `any-operator = true`
    Any,
}

/// A document that a client may use, and what that rests on.
#[derive(Debug, Clone)]
pub struct Acceptance {
    /// the document
    pub document: Appraised<KeyDocument>,
    /// SHA-384 of its exact bytes
    pub document_hash: [u8; 48],
    /// what its evidence says; whoever shows anything of it shows `development` too (AT-07)
    pub claims: Appraised<Claims>,
    /// how its age is known
    pub age: Age,
    /// whose configuration it is
    pub operator: OperatorGround,
}

impl Acceptance {
    /// Holds what was accepted against the revocation list that is in force now (AT-25).
    ///
    /// # Errors
    /// What of it is revoked, or why that cannot be said.
    pub fn recheck_revocation(&self, policy: &Policy, at: UnixTime) -> Result<(), Denial> {
        let mut reasons = policy.revocation().failures(self.claims.get(), at);
        reasons.extend(policy.revocation().document_failures(&self.document_hash, self.document.get()));
        if reasons.is_empty() { Ok(()) } else { Err(Denial { reasons }) }
    }

    /// Holds what was accepted against the time, and against the revocation list that is in force now: whether it would
    /// be accepted again at `at`, by the policy that accepted it (AT-25, AT-41, SE-41).
    ///
    /// # Errors
    /// What has ended, is too old, or is revoked.
    pub fn recheck(&self, policy: &Policy, at: UnixTime) -> Result<(), Denial> {
        let document = self.document.get();
        let mut failed = Failed(policy.revocation().failures(self.claims.get(), at));
        failed.0.extend(policy.revocation().document_failures(&self.document_hash, document));
        failed.times(document, policy, self.claims.get(), at);
        failed.age(document, policy, &[], at);
        if failed.0.is_empty() { Ok(()) } else { Err(Denial { reasons: failed.0 }) }
    }

    /// Holds what was accepted against another policy, as if it were shown at `at` (SE-20): its claims, operator, times and
    /// age, and the revocation lists that are in force there. What was verified stays verified; whether its root is one
    /// of `policy` is asked anew.
    ///
    /// # Errors
    /// Every rule that failed.
    pub fn appraise(&self, policy: &Policy, at: UnixTime) -> Result<Appraised<Claims>, Denial> {
        let (document, claims) = (self.document.get(), self.claims.get());
        let mut failed = Failed(Vec::new());
        let verified = Verified::new(claims.clone(), self.claims.verdict().checks.clone());
        let appraised = policy.appraise(verified, at).map_err(|denial| failed.0.extend(denial.reasons)).ok();
        failed.0.extend(policy.revocation().document_failures(&self.document_hash, document));
        failed.times(document, policy, claims, at);
        failed.age(document, policy, &[], at);
        let operator = failed.operator(document, policy.operator_rule(), claims);
        match (appraised, operator) {
            (Some(claims), Some(_)) if failed.0.is_empty() => Ok(claims),
            _ => Err(Denial { reasons: failed.0 }),
        }
    }
}

/// Verifies, appraises and accepts a published document (AT-41, AT-42, AT-44).
///
/// `challenge` is what was sent, or empty.
///
/// # Errors
/// Every rule that failed; a document that cannot be read, or evidence that is not genuine, alone.
pub fn accept(
    published: &Published,
    verifier: &Verifier,
    policy: &Policy,
    wanted: Wanted<'_>,
    challenge: &[u8],
    seen: Seen,
    at: UnixTime,
) -> Result<Acceptance, Denial> {
    if !challenge.is_empty() && !CHALLENGE_LEN.contains(&challenge.len()) {
        let expected = "no challenge, or 32 to 64 bytes";
        return Err(only(reason("challenge-length", "challenge", expected, challenge.len())));
    }
    let document = KeyDocument::decode(&published.document)
        .map_err(|e| only(reason(e.code(), "document", "a well-formed key document", e)))?;

    let bound = bound_as(wanted.role(), &published.document, challenge);
    let verified = verifier
        .verify_presented(&published.evidence, &published.endorsements, &bound, at)
        .map_err(|error| {
            only(Reason { rule: "evidence".to_owned(), ..Reason::of(&error, &published.endorsements) })
        })?;

    let claims = verified.get().clone();
    let mut failed = Failed(Vec::new());
    let appraised = policy.appraise(verified, at).map_err(|denial| failed.0.extend(denial.reasons)).ok();
    let document_hash = sha384(&[&published.document]);
    failed.0.extend(policy.revocation().document_failures(&document_hash, &document));
    failed.times(&document, policy, &claims, at);
    let age = failed.age(&document, policy, challenge, at);
    failed.names(&document, wanted);
    failed.serial(&document, seen);
    let operator = failed.operator(&document, policy.operator_rule(), &claims);

    match (appraised, operator) {
        (Some(claims), Some(operator)) if failed.0.is_empty() => Ok(Acceptance {
            document: claims.clone().map(|_| document),
            document_hash,
            claims,
            age,
            operator,
        }),
        _ => Err(Denial { reasons: failed.0 }),
    }
}

fn reason(code: &'static str, rule: impl ToString, expected: impl ToString, found: impl ToString) -> Reason {
    Reason { code, rule: rule.to_string(), expected: expected.to_string(), found: found.to_string() }
}

fn only(reason: Reason) -> Denial {
    Denial { reasons: vec![reason] }
}

/// The rules that failed so far.
struct Failed(Vec<Reason>);

impl Failed {
    fn unless(
        &mut self,
        holds: bool,
        code: &'static str,
        rule: &str,
        expected: impl ToString,
        found: impl ToString,
    ) {
        if !holds {
            self.0.push(reason(code, rule, expected, found));
        }
    }

    /// AT-41: the document's own times, those of its keys, and those of what is underneath.
    fn times(&mut self, document: &KeyDocument, policy: &Policy, claims: &Claims, at: UnixTime) {
        let latest = at.saturating_add(MAX_SKEW);
        self.unless(
            document.issued_at <= latest,
            "document-from-the-future",
            "issued-at",
            format_args!("{latest} or earlier"),
            document.issued_at,
        );
        self.unless(
            at <= document.not_after,
            "document-expired",
            "not-after",
            format_args!("{at} or later"),
            document.not_after,
        );
        let lifetime = document.not_after.since(document.issued_at);
        self.unless(
            lifetime <= policy.max_lifetime(),
            "document-lifetime",
            "max-lifetime",
            seconds(policy.max_lifetime()),
            seconds(lifetime),
        );
        self.unless(
            document.not_after <= claims.not_after,
            "document-outlives-evidence",
            "not-after",
            format_args!("{} or earlier", claims.not_after),
            document.not_after,
        );
        self.unless(
            document.keys.iter().any(|key| key.is_live(at)),
            "no-live-key",
            "keys",
            format_args!("a key that is live at {at}"),
            format_args!("{} keys, none of them live", document.keys.len()),
        );
    }

    /// AT-41: evidence that covers the client's challenge is as fresh as that is; any other document is as old as it
    /// says.
    fn age(&mut self, document: &KeyDocument, policy: &Policy, challenge: &[u8], at: UnixTime) -> Age {
        if !challenge.is_empty() {
            return Age::Challenged;
        }
        let age = at.since(document.issued_at);
        let most = policy.max_age().saturating_add(policy.grace());
        self.unless(age <= most, "document-too-old", "max-age", seconds(most), seconds(age));
        Age::SelfAsserted(age)
    }

    /// SE-07, AT-44
    fn names(&mut self, document: &KeyDocument, wanted: Wanted<'_>) {
        self.unless(document.role == wanted.role(), "role", "role", wanted.role(), &document.role);
        let Wanted::Gateway(wanted) = wanted else { return };
        let served = authority::normalise(wanted, authority::DEFAULT_PORT)
            .is_ok_and(|wanted| document.authorities.contains(&wanted));
        let authorities = document.authorities.join(", ");
        self.unless(served, "authority-not-served", "authorities", wanted, authorities);
    }

    /// AT-41: within one instance serials only go up. Another instance starts anew.
    fn serial(&mut self, document: &KeyDocument, seen: Seen) {
        if let Some((instance, highest)) = seen.serial {
            self.unless(
                instance != document.instance || document.serial >= highest,
                "serial-went-back",
                "serial",
                format_args!("{highest} or higher"),
                document.serial,
            );
        }
    }

    /// AT-44: any one ground is enough; the strongest that holds is told.
    fn operator(
        &mut self,
        document: &KeyDocument,
        rule: &OperatorRule,
        claims: &Claims,
    ) -> Option<OperatorGround> {
        if rule.config_digests.contains(&document.config_digest) {
            return Some(OperatorGround::ConfigDigest);
        }
        let fault = match statement_fault(document, rule, claims) {
            Ok(key) => return Some(OperatorGround::Signed(key)),
            Err(fault) => fault,
        };
        if rule.any {
            return Some(OperatorGround::Any);
        }
        let digest = hex::encode(document.config_digest);
        self.0.push(reason("operator", "operator", grounds(rule), format_args!("{fault}; digest {digest}")));
        None
    }
}

/// What the policy pins, as it writes it, so that it can be held against what was found.
fn grounds(rule: &OperatorRule) -> String {
    let digests = rule.config_digests.iter().map(|digest| format!("digest {}", hex::encode(digest)));
    let keys = rule.keys.iter().map(|key| format!("a statement signed by ed25519:{}", hex::encode(key)));
    let grounds: Vec<_> = digests.chain(keys).collect();
    if grounds.is_empty() {
        return "a configuration digest or an operator's key, and the policy pins neither".to_owned();
    }
    grounds.join(", or ")
}

/// The pinned key that signed what the document and the hardware say, or what is wrong.
fn statement_fault(
    document: &KeyDocument,
    rule: &OperatorRule,
    claims: &Claims,
) -> Result<[u8; 32], &'static str> {
    let statement = document.operator.as_ref().ok_or("no statement")?;
    if !rule.keys.contains(&statement.key) {
        return Err("a statement under a key that is not pinned");
    }
    statement.verify().map_err(|_| "a statement whose signature does not verify")?;
    let mut authorities = document.authorities.clone();
    authorities.sort_unstable();
    if statement.authorities != authorities {
        return Err("a statement for other authorities");
    }
    if statement.config_digest != document.config_digest {
        return Err("a statement for another configuration");
    }
    if claims.measurement().as_ref() != Some(&statement.measurement) {
        return Err("a statement for another measurement");
    }
    Ok(statement.key)
}

fn seconds(duration: Duration) -> String {
    format!("{} s", duration.as_secs())
}
