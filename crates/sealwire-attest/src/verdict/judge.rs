use super::Verdict;
use crate::{
    Checks, Endorsements, Error, Evidence, Policy, UnixTime, Verifier,
    verify::{Expected, Request},
};

/// Everything from evidence to a verdict, for `sealwire verify` (AT-80, AT-81).
///
/// `evidence` may be an error of [`Evidence::detect`], which is a verdict as well. Without a policy,
/// [`Policy::without_policy`] decides.
#[must_use]
pub fn judge(
    verifier: &Verifier,
    evidence: Result<Evidence, Error>,
    endorsements: &Endorsements,
    policy: Option<&Policy>,
    expected: Expected<'_>,
    at: UnixTime,
) -> Verdict {
    let mut checks = Checks::not_reached();
    let evidence = match evidence {
        Ok(evidence) => evidence,
        Err(error) => {
            checks.fail(&error);
            return Verdict::failed(&error, None, checks);
        }
    };
    let request = Request { evidence: &evidence, endorsements, expected, at };
    let verified = match verifier.verify_noting(&request, &mut checks) {
        Ok(verified) => verified,
        Err(error) => return Verdict::failed(&error, Some(evidence.kind), checks),
    };
    let (claims, checks) = verified.clone().into_parts();
    let default;
    let policy = match policy {
        Some(policy) => policy,
        None => {
            default = Policy::without_policy();
            &default
        }
    };
    match policy.appraise(verified, at) {
        Ok(appraised) => appraised.verdict().clone(),
        Err(denial) => Verdict::refused(denial, &claims, checks),
    }
}
