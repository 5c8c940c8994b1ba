//! The same forged evidence through `dcap-qvl`, which reads and judges it with code of its own.

use super::forge::{Forge, NOW, at, level, svn_level};
use crate::{Error, TcbStatus};
use dcap_qvl::{QuoteClaims, QuotePolicy, verify::QuoteVerifier};
use proptest::{prelude::*, sample::select};
use serde_json::json;

/// What the other implementation makes of it, with a policy that takes every status.
fn other(forge: &Forge) -> Result<QuoteClaims, String> {
    let verifier = QuoteVerifier::new(forge.root()).allow_debug(true).allow_service_td(true);
    let policy = TcbStatus::ALL.into_iter().fold(QuotePolicy::claims_only(NOW.0), |policy, status| {
        match serde_json::from_value(json!(status.name())) {
            Ok(status) => policy.allow_status(status),
            Err(_) => policy,
        }
    });
    let claims = verifier.verify_with_policy(&forge.quote(), forge.collateral(), NOW.0, &policy);
    claims.map_err(|error| format!("{error:#}"))
}

const STATUSES: [&str; 7] = [
    "UpToDate",
    "SWHardeningNeeded",
    "ConfigurationNeeded",
    "ConfigurationAndSWHardeningNeeded",
    "OutOfDate",
    "OutOfDateConfigurationNeeded",
    "Revoked",
];
/// Those that Intel gives to TDX modules and quoting enclaves; of others the two make different things, on purpose.
const OF_COMPONENTS: [&str; 3] = ["UpToDate", "OutOfDate", "Revoked"];
const ADVISORIES: [&str; 4] = ["INTEL-SA-00001", "INTEL-SA-00002", "INTEL-SA-00003", "INTEL-SA-00004"];

fn advisories() -> impl Strategy<Value = Vec<&'static str>> {
    proptest::sample::subsequence(ADVISORIES.to_vec(), 0..=4)
}

/// Few values, so that levels are met and missed about equally.
fn svns() -> impl Strategy<Value = [u8; 16]> {
    (0_u8..3, 0_u8..3, 0_u8..3).prop_map(|(one, two, three)| {
        let mut svns = [1; 16];
        (svns[0], svns[7], svns[2]) = (one, two, three);
        svns
    })
}

fn levels() -> impl Strategy<Value = Vec<serde_json::Value>> {
    let one = (svns(), 9_u16..12, svns(), select(&STATUSES[..]), advisories());
    proptest::collection::vec(
        one.prop_map(|(sgx, pce_svn, tdx, status, advisories)| {
            level(&sgx, pce_svn, Some(&tdx), status, &advisories)
        }),
        1..6,
    )
}

/// Highest first, as Intel writes them: the other implementation takes them in the order of the file.
fn svn_levels() -> impl Strategy<Value = Vec<serde_json::Value>> {
    let one = (select(&OF_COMPONENTS[..]), advisories());
    proptest::collection::vec(one, 1..4).prop_map(|levels| {
        let count = levels.len() as u16;
        (0..).zip(levels).map(|(index, (status, list))| svn_level(3 + count - index, status, &list)).collect()
    })
}

fn forges() -> impl Strategy<Value = Forge> {
    let platform = (svns(), 9_u16..12, levels(), svn_levels(), svn_levels());
    // Module SVN, module version, SEAM SVN: at launch, now.
    let module = || (2_u8..8, 0_u8..3, 0_u8..3);
    (0..4_usize, platform, module(), module(), 2_u8..8, any::<bool>()).prop_map(
        |(form, (components, pce_svn, levels, of_module, of_enclave), launch, now, isv_svn, other_module)| {
            let tee_svn = |(svn, version, seam)| [svn, version, seam, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1];
            let mut forge = match form {
                0 => Forge::sgx(),
                1 => Forge::tdx().set(at::TEE_TCB_SVN, &tee_svn(launch)),
                form => Forge::tdx15(form as u16 + 1)
                    .set(at::TEE_TCB_SVN, &tee_svn(launch))
                    .set(at::TEE_TCB_SVN2, &tee_svn(now)),
            };
            if form > 0 {
                forge.tcb_info["tdxModuleIdentities"][0]["tcbLevels"] = of_module.into();
                if other_module {
                    let mut second = forge.tcb_info["tdxModuleIdentities"][0].clone();
                    second["id"] = "TDX_02".into();
                    forge.tcb_info["tdxModuleIdentities"].as_array_mut().unwrap().push(second);
                }
            }
            forge.tcb_info["tcbLevels"] = levels.into();
            forge.qe_identity["tcbLevels"] = of_enclave.into();
            Forge { components, pce_svn, ..forge }.set_qe(at::ISV_SVN, &[isv_svn])
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, max_shrink_iters: 200, ..ProptestConfig::default() })]

    // AT-02, AT-03: whatever the levels are, both come to the same status and advisories, or both refuse.
    #[test]
    fn both_come_to_the_same_status(forge in forges()) {
        let ours = forge.verify();
        let theirs = other(&forge);
        let claims = match (&ours, &theirs) {
            (Err(error), theirs) => {
                prop_assert!(matches!(error, Error::TdxModule(_)), "{error:?}");
                prop_assert!(theirs.is_err(), "{error:?}");
                return Ok(());
            }
            (Ok(verified), _) => verified.get(),
        };
        let status = claims.tcb_status.unwrap();
        let theirs = match theirs {
            // For these the other one has errors; here a policy refuses them.
            Err(error) => {
                prop_assert!(matches!(status, TcbStatus::Revoked | TcbStatus::Unlisted), "{status}: {error}");
                return Ok(());
            }
            Ok(theirs) => theirs,
        };
        let mut advisories = theirs.tcb.advisory_ids.clone();
        let current = &theirs.platform.current_tcb_level;
        // The present level counts here as well: see `Level::launched_then`.
        let now = current.iter().flat_map(|level| level.advisory_ids.iter().cloned());
        advisories.extend(now.chain(theirs.qe.tcb_level.advisory_ids.iter().cloned()));
        advisories.sort();
        advisories.dedup();
        let mut ours = claims.advisories.clone();
        ours.sort();
        prop_assert_eq!(ours, advisories);
        prop_assert_eq!(claims.tcb_evaluation, Some(theirs.tcb.eval_data_number));
        let needs = |status: &str| [status.contains("OutOfDate"), status.contains("Configuration"), status.contains("SWHardening")];
        let launch = needs(&theirs.tcb.status.to_string());
        let worse_now = current.as_ref().is_some_and(|level| {
            needs(&level.tcb_status.to_string()).into_iter().zip(launch).any(|(now, launch)| now && !launch)
        });
        let theirs = theirs.tcb.status.to_string();
        if !worse_now || theirs.starts_with("TDRelaunchAdvised") {
            prop_assert_eq!(status.name(), theirs);
        } else {
            prop_assert_ne!(status, TcbStatus::UpToDate);
        }
    }
}

// AT-02: evidence that is wrong in one place is refused by both.
#[test]
fn both_refuse() {
    let mut forges = vec![
        Forge::tdx().set_qe(at::REPORT_DATA, &[1]),
        Forge::tdx().set_qe(at::MRSIGNER, &[1]),
        Forge::tdx().set_qe(at::ISV_PROD_ID, &[1]),
        Forge::tdx().set_qe(at::MISC_SELECT, &[1]),
        Forge::tdx().set(at::MR_SIGNER_SEAM, &[1]),
        Forge::tdx().set(at::SEAM_ATTRIBUTES, &[1]),
        Forge::tdx().set(at::TD_ATTRIBUTES, &[0, 1]),
        Forge { next_update: crate::UnixTime(NOW.0 - 1), ..Forge::sgx() },
    ];
    for list in [[vec![1], vec![]], [vec![2], vec![]], [vec![4], vec![]], [vec![], vec![3]]] {
        forges.push(Forge { revoked: list, ..Forge::sgx() });
    }
    for (key, value) in [("nextUpdate", "2026-01-01T00:00:00Z"), ("issueDate", "2030-01-01T00:00:00Z")] {
        for which in 0..2 {
            let mut forge = Forge::tdx();
            let edited = if which == 0 { &mut forge.tcb_info } else { &mut forge.qe_identity };
            edited[key] = value.into();
            forges.push(forge);
        }
    }
    for (number, forge) in forges.iter().enumerate() {
        assert!(forge.verify().is_err(), "{number}");
        assert!(other(forge).is_err(), "{number}");
    }
    for forge in [Forge::sgx(), Forge::tdx(), Forge::tdx15(3), Forge::tdx15(4)] {
        forge.verify().unwrap();
        other(&forge).unwrap();
    }
}
