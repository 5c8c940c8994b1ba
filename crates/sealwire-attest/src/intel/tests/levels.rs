//! Reference data, and the levels that follow from it.

use super::forge::{Forge, NOW, at, level, svn_level};
use crate::{Endorsements, Error, Outcome, TcbStatus, UnixTime};
use serde_json::{Value, json};

const SGX: [u8; 16] = [2, 2, 2, 2, 3, 1, 0, 5, 0, 0, 0, 0, 0, 0, 0, 0];
const TDX: [u8; 16] = [0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];

fn status(forge: &Forge) -> TcbStatus {
    forge.verify().unwrap().get().tcb_status.unwrap()
}

fn edited(mut forge: Forge, edit: impl Fn(&mut Value, &mut Value)) -> Forge {
    edit(&mut forge.tcb_info, &mut forge.qe_identity);
    forge
}

// AT-03: each component counts, and PCESVN.
#[test]
fn a_level_is_reached_with_every_component() {
    for component in 0..16 {
        let mut forge = Forge::tdx();
        forge.components[component] += 1;
        assert_eq!(status(&forge), TcbStatus::UpToDate);
        let mut sgx = SGX;
        sgx[component] += 1;
        let above = |info: &mut Value, _: &mut Value| {
            info["tcbLevels"] = json!([level(&sgx, 11, Some(&TDX), "UpToDate", &[])]);
        };
        assert_eq!(status(&edited(Forge::tdx(), above)), TcbStatus::Unlisted);
        assert_eq!(status(&edited(Forge::sgx(), above)), TcbStatus::Unlisted);
        let mut tdx = TDX;
        tdx[component] = 9;
        let above = |info: &mut Value, _: &mut Value| {
            info["tcbLevels"] = json!([level(&SGX, 11, Some(&tdx), "UpToDate", &[])]);
        };
        // SVN and version of the module are judged by its own levels.
        let expected = if component < 2 { TcbStatus::UpToDate } else { TcbStatus::Unlisted };
        assert_eq!(status(&edited(Forge::tdx(), above)), expected, "{component}");
        assert_eq!(status(&edited(Forge::sgx(), above)), TcbStatus::UpToDate, "not an enclave's matter");
        // A module of version 0 has no levels of its own.
        let old = edited(Forge::tdx(), above).set(at::TEE_TCB_SVN, &[6, 0, 3]);
        assert_eq!(status(&old), TcbStatus::Unlisted);
    }
    assert_eq!(status(&Forge { pce_svn: 10, ..Forge::sgx() }), TcbStatus::Unlisted);
    assert_eq!(status(&Forge { pce_svn: 300, ..Forge::sgx() }), TcbStatus::UpToDate);
    let unlisted = Forge { pce_svn: 10, ..Forge::sgx() }.verify().unwrap();
    assert_eq!((unlisted.get().tcb_date, unlisted.get().tcb_evaluation), (None, Some(17)));
}

// AT-03: the highest level that matches, in whatever order they are written.
#[test]
fn the_highest_level_counts() {
    let levels = [
        level(&SGX, 11, Some(&TDX), "UpToDate", &[]),
        level(&SGX, 10, Some(&TDX), "SWHardeningNeeded", &["INTEL-SA-1"]),
        level(&[0; 16], 5, Some(&[0; 16]), "OutOfDate", &["INTEL-SA-1", "INTEL-SA-2"]),
    ];
    for order in [[0, 1, 2], [2, 1, 0], [1, 0, 2]] {
        for (pce_svn, expected) in [
            (11, TcbStatus::UpToDate),
            (10, TcbStatus::SwHardeningNeeded),
            (9, TcbStatus::OutOfDate),
            (4, TcbStatus::Unlisted),
        ] {
            for forge in [Forge::sgx(), Forge::tdx()] {
                let forge = edited(Forge { pce_svn, ..forge }, |info, _| {
                    info["tcbLevels"] = order.map(|index| levels[index].clone()).to_vec().into();
                });
                assert_eq!(status(&forge), expected);
            }
        }
    }
}

// AT-03: what module, platform or quoting enclave needs is needed.
#[test]
fn components_converge() {
    let of_module = |version: &'static str, svn, status: &'static str| {
        move |info: &mut Value, _: &mut Value| {
            info["tdxModuleIdentities"][0]["id"] = version.into();
            info["tdxModuleIdentities"][0]["tcbLevels"] = json!([svn_level(svn, status, &["INTEL-SA-3"])]);
        }
    };
    let old = edited(Forge::tdx(), of_module("TDX_01", 6, "OutOfDate"));
    let verified = old.verify().unwrap();
    assert_eq!(verified.get().tcb_status, Some(TcbStatus::OutOfDate));
    assert_eq!(verified.get().advisories, ["INTEL-SA-3"]);
    // Of the oldest level.
    assert_eq!(verified.get().tcb_date.unwrap().to_string(), "2026-02-13T00:00:00Z");
    assert_eq!(status(&edited(Forge::tdx(), of_module("TDX_01", 7, "UpToDate"))), TcbStatus::Unlisted);
    assert_eq!(status(&edited(Forge::tdx(), of_module("TDX_01", 6, "Revoked"))), TcbStatus::Revoked);
    let unknown = edited(Forge::tdx(), of_module("TDX_03", 6, "UpToDate"));
    assert!(matches!(unknown.verify().unwrap_err(), Error::TdxModule(_)));
    assert_eq!(status(&unknown.set(at::TEE_TCB_SVN, &[6, 0, 3])), TcbStatus::UpToDate);

    for (platform, enclave, expected) in [
        ("UpToDate", "OutOfDate", TcbStatus::OutOfDate),
        ("SWHardeningNeeded", "OutOfDate", TcbStatus::OutOfDate),
        ("ConfigurationNeeded", "OutOfDate", TcbStatus::OutOfDateConfigurationNeeded),
        ("ConfigurationAndSWHardeningNeeded", "OutOfDate", TcbStatus::OutOfDateConfigurationNeeded),
        ("OutOfDate", "UpToDate", TcbStatus::OutOfDate),
        ("UpToDate", "Revoked", TcbStatus::Revoked),
        ("Revoked", "UpToDate", TcbStatus::Revoked),
        ("SWHardeningNeeded", "ConfigurationNeeded", TcbStatus::ConfigurationAndSwHardeningNeeded),
    ] {
        for forge in [Forge::sgx(), Forge::tdx()] {
            let forge = edited(forge, |info, identity| {
                info["tcbLevels"][0]["tcbStatus"] = platform.into();
                identity["tcbLevels"][0]["tcbStatus"] = enclave.into();
            });
            assert_eq!(status(&forge), expected, "{platform} {enclave}");
        }
    }
    let below = edited(Forge::sgx(), |_, identity| identity["tcbLevels"][0]["tcb"]["isvsvn"] = 7.into());
    assert_eq!(status(&below), TcbStatus::Unlisted);
}

// AT-03: a module that was renewed under a TD that runs.
#[test]
fn relaunch() {
    let forge = |launch: [u8; 3], now: [u8; 3], platform: &str| {
        edited(Forge::tdx15(3).set(at::TEE_TCB_SVN, &launch).set(at::TEE_TCB_SVN2, &now), |info, _| {
            info["tcbLevels"][0]["tcbStatus"] = platform.into();
            info["tdxModuleIdentities"][0]["tcbLevels"] =
                json!([svn_level(6, "UpToDate", &[]), svn_level(4, "OutOfDate", &["INTEL-SA-4"])]);
        })
    };
    let advised = forge([4, 1, 3], [6, 1, 3], "UpToDate").verify().unwrap();
    assert_eq!(advised.get().tcb_status, Some(TcbStatus::TdRelaunchAdvised));
    assert_eq!(advised.get().advisories, ["INTEL-SA-4"]);
    let configuration = forge([4, 1, 3], [6, 1, 3], "ConfigurationNeeded");
    assert_eq!(status(&configuration), TcbStatus::TdRelaunchAdvisedConfigurationNeeded);
    assert_eq!(status(&forge([4, 1, 3], [4, 1, 3], "UpToDate")), TcbStatus::OutOfDate);
    assert_eq!(status(&forge([6, 1, 3], [6, 1, 3], "UpToDate")), TcbStatus::UpToDate);
    // The TD runs on what it runs on.
    assert_eq!(status(&forge([6, 1, 3], [4, 1, 3], "UpToDate")), TcbStatus::OutOfDate);
    assert_eq!(status(&forge([6, 1, 3], [3, 1, 3], "UpToDate")), TcbStatus::Unlisted);
    let unknown = forge([6, 1, 3], [6, 2, 3], "UpToDate").verify().unwrap_err();
    assert!(matches!(unknown, Error::TdxModule(_)));
}

// AT-03: who signed the TDX module, and its attributes.
#[test]
fn modules() {
    for at in [at::MR_SIGNER_SEAM, at::MR_SIGNER_SEAM + 47, at::SEAM_ATTRIBUTES, at::SEAM_ATTRIBUTES + 7] {
        let forge = Forge::tdx().set(at, &[1]);
        assert!(matches!(forge.verify().unwrap_err(), Error::TdxModule(_)), "{at}");
    }
    let named = edited(Forge::tdx(), |info, _| {
        info["tdxModuleIdentities"][0]["mrsigner"] = format!("01{}", "00".repeat(47)).into();
    });
    assert!(matches!(named.verify().unwrap_err(), Error::TdxModule(_)));
    named.clone().set(at::MR_SIGNER_SEAM, &[1]).verify().unwrap();
    // Without TCB info Intel is the signer.
    let forge = named.set(at::MR_SIGNER_SEAM, &[1]);
    let error = forge.verify_with(&Endorsements::default(), NOW).unwrap_err();
    assert_eq!(error, Error::TdxModule("not signed by Intel"));
    // And it has no attributes.
    let forge = Forge::tdx();
    forge.verify_with(&Endorsements::default(), NOW).unwrap();
    for at in [at::SEAM_ATTRIBUTES, at::SEAM_ATTRIBUTES + 7] {
        let error = forge.clone().set(at, &[1]).verify_with(&Endorsements::default(), NOW).unwrap_err();
        assert_eq!(error, Error::TdxModule("other attributes"), "{at}");
    }
    // What is outside of the mask was judged by nobody.
    let masked = edited(Forge::tdx(), |info, _| {
        info["tdxModuleIdentities"][0]["attributesMask"] = format!("{}00", "FF".repeat(7)).into();
    });
    masked.verify().unwrap();
    let masked = masked.set(at::SEAM_ATTRIBUTES + 7, &[1]);
    assert!(matches!(masked.verify().unwrap_err(), Error::TdxModule(_)));
}

// AT-03, AT-06: without an identity the quoting enclave has to be Intel's all the same. Any enclave on a platform can
// have its report signed by the platform's provisioning key.
#[test]
fn quoting_enclaves_without_identity() {
    for forge in [Forge::sgx(), Forge::tdx()] {
        let all = forge.endorsements();
        // With nothing, and with TCB info alone.
        for kept in [0, 1] {
            let without = Endorsements { references: all.references[..kept].to_vec(), ..all.clone() };
            let verify = |forge: Forge| forge.verify_with(&without, NOW);
            verify(forge.clone()).unwrap();
            for (at, bytes) in [
                (at::MRSIGNER, [0]),
                (at::MRSIGNER + 31, [0]),
                (at::ISV_PROD_ID, [3]),
                (at::MISC_SELECT, [1]),
                (at::MISC_SELECT + 3, [0x80]),
                (at::ATTRIBUTES, [0x01]),
                (at::ATTRIBUTES, [0x11 | 0x80]),
                (at::ATTRIBUTES + 7, [1]),
            ] {
                let error = verify(forge.clone().set_qe(at, &bytes)).unwrap_err();
                assert!(matches!(error, Error::QeIdentity(_)), "{at}: {error:?}");
            }
            // Outside of the mask, and versions, which nothing judges.
            for (at, bytes) in [(at::ATTRIBUTES, 0x11), (at::ATTRIBUTES + 8, 0xe7), (at::ISV_SVN, 0)] {
                verify(forge.clone().set_qe(at, &[bytes])).unwrap();
            }
        }
    }
    // The enclave of the other kind is not good enough.
    let Forge { qe_report, .. } = Forge::sgx();
    let other = Forge { qe_report, ..Forge::tdx() };
    let error = other.verify_with(&Endorsements::default(), NOW).unwrap_err();
    assert_eq!(error, Error::QeIdentity("another signer"));
}

// AT-03: the quoting enclave is the one that Intel describes.
#[test]
fn quoting_enclaves() {
    for (at, bytes) in [
        (at::MRSIGNER, [0]),
        (at::ISV_PROD_ID, [1]),
        (at::MISC_SELECT, [1]),
        (at::ATTRIBUTES, [0x11 | 0x80]),
        (at::ATTRIBUTES + 7, [1]),
    ] {
        let forge = Forge::tdx().set_qe(at, &bytes);
        assert!(matches!(forge.verify().unwrap_err(), Error::QeIdentity(_)), "{at}");
    }
    // Outside of the mask.
    Forge::tdx().set_qe(at::ATTRIBUTES, &[0x11]).set_qe(at::ATTRIBUTES + 8, &[0xe7]).verify().unwrap();
    // The identity of the other kind's enclave says nothing.
    for id in ["QE", "QVE", "TD_QE2"] {
        let other = edited(Forge::tdx(), |_, identity| identity["id"] = id.into());
        let verified = other.verify().unwrap();
        assert!(matches!(verified.checks().tcb, Outcome::NotSupplied(_)), "{id}");
        assert_eq!(verified.get().tcb_status, None);
    }
}

// AT-06: half of the reference data speaks against the evidence, never for it.
#[test]
fn half_of_it_against() {
    let against = |forge: &Forge, kept: usize| {
        let all = forge.endorsements();
        let half = Endorsements { references: vec![all.references[kept].clone()], ..all };
        let verified = forge.verify_with(&half, NOW).unwrap();
        let Outcome::NotSupplied(detail) = &verified.checks().tcb else { panic!() };
        let claims = verified.get();
        assert_eq!((claims.tcb_date, claims.tcb_evaluation), (None, None));
        (claims.tcb_status, claims.advisories.clone(), detail.clone())
    };
    for forge in [Forge::sgx, Forge::tdx] {
        let of = |status: &'static str, advisories: &'static [&'static str]| {
            edited(forge(), move |info, identity| {
                info["tcbLevels"] = json!([level(&SGX, 11, Some(&TDX), status, advisories)]);
                identity["tcbLevels"] = json!([svn_level(0, status, advisories)]);
            })
        };
        for (kept, part) in [(0, "; platform level "), (1, "; quoting enclave level ")] {
            for (written, expected) in [
                ("Revoked", Some(TcbStatus::Revoked)),
                ("OutOfDate", Some(TcbStatus::OutOfDate)),
                ("SWHardeningNeeded", Some(TcbStatus::SwHardeningNeeded)),
                ("UpToDate", None),
            ] {
                let (status, advisories, detail) = against(&of(written, &["INTEL-SA-7"]), kept);
                assert_eq!(status, expected, "{written}");
                assert_eq!(advisories, ["INTEL-SA-7"]);
                assert!(detail.contains(&format!("{part}{written}")), "{detail}");
            }
            let unlisted = edited(forge(), |info, identity| {
                info["tcbLevels"] = json!([level(&SGX, 12, Some(&TDX), "UpToDate", &[])]);
                identity["tcbLevels"] = json!([svn_level(u16::MAX, "UpToDate", &[])]);
            });
            assert_eq!(against(&unlisted, kept).0, Some(TcbStatus::Unlisted));
        }
    }
}

// AT-06: half of the reference data is no judgement.
#[test]
fn half_of_it() {
    let forge = Forge::tdx();
    let all = forge.endorsements();
    assert_eq!(all.references.len(), 2);
    for (kept, expected) in [(0, "no identity of the quoting enclave"), (1, "no TCB info")] {
        let half = Endorsements { references: vec![all.references[kept].clone()], ..all.clone() };
        let verified = forge.verify_with(&half, NOW).unwrap();
        let Outcome::NotSupplied(detail) = &verified.checks().tcb else { panic!() };
        assert!(detail.starts_with(expected), "{detail}");
        let claims = verified.get();
        assert_eq!((claims.tcb_status, claims.tcb_date, claims.tcb_evaluation), (None, None, None));
    }
    // TCB info of another platform, or another kind, says nothing.
    for (key, value) in [("fmspc", "00A067110001"), ("pceId", "0001"), ("id", "SGX")] {
        let other = edited(Forge::tdx(), |info, _| info[key] = value.into());
        let verified = other.verify().unwrap();
        assert!(matches!(verified.checks().tcb, Outcome::NotSupplied(_)), "{key}");
    }
}

// AT-03: signed data that is not understood is not guessed at.
#[test]
fn reference_data_that_is_not_understood() {
    type Edit = fn(&mut Value, &mut Value);
    let edits: [Edit; 16] = [
        |info, _| info["version"] = 4.into(),
        |info, _| info["version"] = 2.into(),
        |info, _| info["tcbType"] = 1.into(),
        |info, _| info["tcbLevels"][0]["tcbStatus"] = "Fine".into(),
        |info, _| info["tcbLevels"][0]["tcbStatus"] = "TDRelaunchAdvised".into(),
        |info, _| info["tcbLevels"][0]["tcbStatus"] = "Unlisted".into(),
        |info, _| info["tcbLevels"][0]["tcbDate"] = "yesterday".into(),
        |info, _| info["tcbLevels"][0]["tcb"]["pcesvn"] = 65536.into(),
        |info, _| info["tcbLevels"][0]["tcb"]["sgxtcbcomponents"][3]["svn"] = 256.into(),
        |info, _| info["tcbLevels"][0]["tcb"]["tdxtcbcomponents"][3]["svn"] = (-1).into(),
        |info, _| drop(info["tcbLevels"][0]["tcb"]["sgxtcbcomponents"].as_array_mut().unwrap().pop()),
        |info, _| drop(info["tcbLevels"][0]["tcb"].as_object_mut().unwrap().remove("tdxtcbcomponents")),
        |info, _| drop(info.as_object_mut().unwrap().remove("tdxModule")),
        |_, identity| identity["version"] = 4.into(),
        |_, identity| identity["mrsigner"] = "8C".into(),
        |_, identity| identity["tcbLevels"][0]["tcb"]["isvsvn"] = 65536.into(),
    ];
    for (number, edit) in edits.iter().enumerate() {
        let error = edited(Forge::tdx(), edit).verify().unwrap_err();
        assert!(matches!(error, Error::ReferenceInvalid(_)), "{number}: {error:?}");
    }
}

// AT-03, QI-06: the signature is over the exact bytes, by Intel's signer and nobody else.
#[test]
fn signatures_of_reference_data() {
    let forge = Forge::tdx();
    let endorsements = forge.endorsements();
    for index in 0..2 {
        let object = String::from_utf8(endorsements.references[index].clone()).unwrap();
        let respaced = object.replace(",\"version\"", ", \"version\"");
        let renumbered = object.replace("Number\":17", "Number\":18");
        for other in [respaced, renumbered] {
            assert_ne!(object, other);
            let mut endorsements = endorsements.clone();
            endorsements.references[index] = other.into_bytes();
            let error = forge.verify_with(&endorsements, NOW).unwrap_err();
            assert!(matches!(error, Error::ReferenceInvalid(_)), "{error:?}");
        }
    }
    // A certificate of the root that is not the signer's.
    let other = Forge { signer: "Intel SGX PCK Certificate", ..forge.clone() };
    assert!(matches!(other.verify().unwrap_err(), Error::ReferenceInvalid(_)));
    let mut endorsements = forge.endorsements();
    endorsements.certificates.clear();
    let error = forge.verify_with(&endorsements, NOW).unwrap_err();
    assert!(matches!(error, Error::ReferenceInvalid(_)), "without the signer: {error:?}");
}

// AT-03: of several the highest evaluation that is in force.
#[test]
fn of_several_the_highest_evaluation() {
    let evaluated = |number: u32, status: &'static str, days: u64| {
        edited(Forge::sgx(), move |info, _| {
            info["tcbEvaluationDataNumber"] = number.into();
            info["tcbLevels"][0]["tcbStatus"] = status.into();
            info["nextUpdate"] = UnixTime(NOW.0 + days * 86_400).to_string().into();
        })
    };
    let (old, new) = (evaluated(17, "UpToDate", 9), evaluated(18, "OutOfDate", 3));
    for forges in [[&old, &new], [&new, &old]] {
        let mut endorsements = Endorsements::default();
        for forge in forges {
            endorsements.merge(&forge.endorsements()).unwrap();
        }
        let at = |days: u64| {
            let verified = old.verify_with(&endorsements, UnixTime(NOW.0 + days * 86_400));
            verified.map(|verified| verified.get().tcb_status.unwrap())
        };
        assert_eq!(at(0).unwrap(), TcbStatus::OutOfDate);
        assert_eq!(at(5).unwrap(), TcbStatus::UpToDate);
        assert!(matches!(at(10).unwrap_err(), Error::ReferenceExpired { what: "TCB info", .. }));
    }
    // The verdict rests on the lower one of TCB info and identity.
    let verified = new.verify().unwrap();
    assert_eq!(verified.get().tcb_evaluation, Some(17));
}

// AT-80: what is no collateral adds nothing.
#[test]
fn collateral_that_does_not_read() {
    let good = serde_json::to_value(Forge::tdx().collateral()).unwrap();
    let mut endorsements = Endorsements::default();
    endorsements.add(good.to_string().as_bytes()).unwrap();
    let once = endorsements.clone();
    endorsements.add(format!(" \n{good}\n").as_bytes()).unwrap();
    assert_eq!(endorsements, once, "nothing is added twice");
    for (key, value) in [
        ("tcb_info", "{\"id\":1},\"signature\":\"\""),
        ("tcb_info", " {}"),
        ("qe_identity", "{"),
        ("tcb_info_signature", "00"),
        ("pck_crl", "zz"),
        ("root_ca_crl", "3000"),
        ("pck_crl_issuer_chain", ""),
    ] {
        let mut bad = good.clone();
        bad[key] = value.into();
        let mut endorsements = Endorsements::default();
        let error = endorsements.add(bad.to_string().as_bytes()).unwrap_err();
        assert!(matches!(error, Error::MalformedEndorsement(_)), "{key}: {error:?}");
        assert_eq!(endorsements, Endorsements::default());
    }
    for text in ["{}", "{\"tcbInfo\":{},\"enclaveIdentity\":{},\"signature\":\"\"}", "{\"tcbInfo\":{}", "{"] {
        assert!(Endorsements::default().add(text.as_bytes()).is_err(), "{text}");
    }
}
