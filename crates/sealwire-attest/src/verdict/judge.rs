use super::Verdict;
use crate::{Endorsements, Error, Evidence, Policy, UnixTime, Verifier, verify::Expected};

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
    let evidence = match evidence {
        Ok(evidence) => evidence,
        Err(error) => return Verdict::failed(&error, None),
    };
    let verified = match verifier.verify(&evidence, endorsements, expected, at) {
        Ok(verified) => verified,
        Err(error) => return Verdict::failed(&error, Some(evidence.kind)),
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
