//! The decision.

use super::{Appraised, Policy, Rule, extensions::Judged};
use crate::{
    Claims, Kind, UnixTime, Verdict, Verified,
    claims::Companion,
    verdict::{Denial, Reason},
};
use std::{collections::BTreeMap, sync::Arc};

pub(super) fn appraise(
    policy: &Policy,
    verified: Verified<Claims>,
    at: UnixTime,
) -> Result<Appraised<Claims>, Denial> {
    let (claims, checks) = verified.into_parts();
    // What was verified may have been kept until after its end.
    if at > claims.not_after {
        return Err(Denial { reasons: vec![reason("expired", "validity", claims.not_after, at)] });
    }
    if let Some(duplicate) = duplicate(&claims) {
        return Err(Denial { reasons: vec![duplicate] });
    }
    // AT-25: whatever accepts it.
    let revoked = policy.revocation().failures(&claims, at);
    let mut reasons = Vec::new();
    for (index, alternative) in policy.alternatives.iter().enumerate() {
        if alternative.kind() != claims.kind {
            continue;
        }
        let rule = match policy.is_default {
            true => format!("default.{}", alternative.kind()),
            false => format!("accept[{index}]"),
        };
        let mut failures = alternative.failures(&rule, &claims, &checks, at, policy.ages.grace);
        if failures.is_empty() {
            let judged = Judged { alternative: index, claims: &claims, checks: &checks, at };
            failures = policy.extensions.failures(&judged);
        }
        if failures.is_empty() && !revoked.is_empty() {
            return Err(Denial { reasons: revoked });
        }
        if failures.is_empty() {
            let weighed = alternative.weighed(&claims).cloned().collect();
            let verdict = Verdict::accepted(&claims, checks, weighed);
            return Ok(Appraised {
                value: claims.clone(),
                claims: Arc::new(claims),
                verdict: Arc::new(verdict),
                alternative: index,
            });
        }
        reasons.extend(failures);
    }
    if reasons.is_empty() {
        let kinds: Vec<&str> = policy.alternatives.iter().map(Rule::kind).map(Kind::name).collect();
        let expected =
            if kinds.is_empty() { "nobody: the policy is empty".to_owned() } else { kinds.join(", ") };
        reasons.push(reason("kind-not-accepted", "accept", expected, claims.kind));
    }
    reasons.splice(0..0, revoked);
    Err(Denial { reasons })
}

/// One device that is shown under two labels is not two devices (AT-01).
fn duplicate(claims: &Claims) -> Option<Reason> {
    let mut seen = BTreeMap::new();
    claims.companions.iter().find_map(|(label, Companion { claims, .. })| {
        let is_known = claims.hardware_id.iter().any(|byte| *byte != 0);
        let first = is_known.then(|| seen.insert((claims.kind.name(), &claims.hardware_id), label))??;
        let found = format!("one {} as {first} and {label}", claims.kind);
        Some(reason("companion-duplicate", "companions", "a device for each label", found))
    })
}

fn reason(code: &'static str, rule: &str, expected: impl ToString, found: impl ToString) -> Reason {
    Reason { code, rule: rule.to_owned(), expected: expected.to_string(), found: found.to_string() }
}
