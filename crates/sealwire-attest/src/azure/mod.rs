//! Azure confidential VMs: a vTPM whose key the hardware's report vouches for through the HCL report.

mod agent;
mod evidence;
mod hcl;
mod runtime;
mod td_report;
mod verify;

#[cfg(test)]
mod tests;

pub use evidence::{MAX_TD_QUOTE, VmEvidence, VtpmQuote};
pub use hcl::{Hardware, HclReport};

pub(crate) use verify::AzureVerifier;

use crate::{
    Error, Kind,
    check::{Check, Offered},
    tpm,
};
use verify::{Parsed, kind_of};

/// Attributes that a policy can ask for besides those of the hardware: of the vTPM, and of the VM's configuration.
pub(crate) fn attribute_names() -> impl Iterator<Item = &'static str> {
    tpm::attribute_names().chain(runtime::ATTRIBUTES)
}

/// The kind that bytes look like, if it is one of these: an HCL report, our own form, or the JSON of attestation agents.
pub(crate) fn looks_like(bytes: &[u8]) -> Option<Kind> {
    let vm = read(bytes)?.ok()?;
    let hcl = HclReport::parse(&vm.hcl_report).ok()?;
    Some(kind_of(hcl.hardware))
}

/// From a file's bytes to the form in which evidence of this kind travels, checked (AT-08).
pub(crate) fn from_file(kind: Kind, bytes: &[u8]) -> Result<Vec<u8>, Error> {
    let vm = read(bytes).ok_or(Error::Malformed("not the evidence of an Azure VM"))??;
    Parsed::new(kind, &vm)?;
    let bytes = vm.encode();
    drop(vm);
    // Its bounds hold for what came in another form as well.
    VmEvidence::parse(&bytes)?;
    Ok(bytes)
}

/// None where it is none of the three forms.
fn read(bytes: &[u8]) -> Option<Result<VmEvidence, Error>> {
    if hcl::looks_like(bytes) {
        let hcl_report = hcl::without_padding(bytes).to_vec();
        Some(Ok(VmEvidence { hcl_report, quote: None, td_quote: None }))
    } else if evidence::looks_like(bytes) {
        Some(VmEvidence::parse(bytes))
    } else if agent::looks_like(bytes) {
        Some(agent::parse(bytes))
    } else {
        None
    }
}

/// What `azure-snp` offers for each check.
pub(crate) fn offered_snp(check: Check) -> Offered {
    match check {
        Check::Format => Offered::Checked(
            "HCL report version 1 or 2 with an SEV-SNP report and runtime data in JSON; the vTPM's quote as for `tpm`",
        ),
        Check::Chain => Offered::Checked(
            "as `snp`; report data is the SHA-256 of the runtime data and 32 zeros, and the runtime data holds the \
             vTPM's attestation key",
        ),
        Check::Signature => Offered::Checked(
            "as `snp`; then RSASSA over the vTPM's quote, registers and event log as for `tpm`",
        ),
        Check::Validity | Check::Revocation | Check::Tcb => Offered::Checked("as `snp`"),
        Check::Attributes => Offered::Checked(
            "as `snp`; secure boot and the rest of the VM's configuration are judged by the policy",
        ),
        check => offered_vtpm(check),
    }
}

/// What `azure-tdx` offers for each check.
pub(crate) fn offered_tdx(check: Check) -> Offered {
    match check {
        Check::Format => Offered::Checked(
            "HCL report version 1 or 2 with a TDREPORT and runtime data in JSON; the TD quote as for `tdx`; the \
             vTPM's quote as for `tpm`",
        ),
        Check::Chain => Offered::Checked(
            "as `tdx`; report data of TDREPORT and TD quote is the SHA-256 of the runtime data and 32 zeros, both \
             have the same registers, and the runtime data holds the vTPM's attestation key",
        ),
        Check::Signature => Offered::Checked(
            "as `tdx`; then RSASSA over the vTPM's quote, registers and event log as for `tpm`",
        ),
        Check::Validity | Check::Revocation | Check::Tcb => Offered::Checked("as `tdx`"),
        Check::Attributes => Offered::Checked(
            "as `tdx`; secure boot and the rest of the VM's configuration are judged by the policy",
        ),
        check => offered_vtpm(check),
    }
}

fn offered_vtpm(check: Check) -> Offered {
    match check {
        Check::Binding => {
            Offered::Checked("extraData of the vTPM's quote is the first 32 bytes of the binding")
        }
        check => tpm::offered(check),
    }
}
