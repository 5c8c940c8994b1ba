use super::{Reason, Verdict};
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
        Err(error) => {
            let mut verdict = Verdict::failed(&error, Some(evidence.kind), checks);
            verdict.reasons = vec![Reason::of(&error, endorsements)];
            if error == Error::Binding {
                tell_binding(&mut verdict, verifier, &request);
            }
            return verdict;
        }
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

/// Both sides of a comparison that failed (AT-23). Whatever the evidence is bound to, its chain and signature have
/// verified by then and are known, so that to ask without a binding costs little.
fn tell_binding(verdict: &mut Verdict, verifier: &Verifier, request: &Request<'_>) {
    let expected = match request.expected {
        Expected::ReportData(bytes) => bytes,
        Expected::Binding(binding) => binding.get(..request.evidence.kind.binding_len()).unwrap_or(binding),
        Expected::Unbound => return,
    };
    let unbound = Request { expected: Expected::Unbound, ..*request };
    let Ok(verified) = verifier.verify_noting(&unbound, &mut Checks::not_reached()) else { return };
    let found = &verified.get().report_data;
    for reason in &mut verdict.reasons {
        reason.expected = told(expected);
        reason.found = match found.as_slice() {
            same if same == expected => format!("{}, with a nonce or a public key beside it", told(same)),
            other => told(other),
        };
    }
}

/// Bytes in hex; hex has no word for none.
fn told(bytes: &[u8]) -> String {
    if bytes.is_empty() { "nothing".to_owned() } else { hex::encode(bytes) }
}
