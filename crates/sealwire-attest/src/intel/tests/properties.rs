//! Parsers are total (AT-08), and nothing that was changed verifies.

use super::{
    super::{QeIdentity, TcbInfo, quote::Quote, without_padding},
    forge::{Forge, NOW},
};
use crate::{Checks, Endorsements, Evidence, Kind, Outcome, verify::Request};
use proptest::{prelude::*, sample::Index};
use std::sync::LazyLock;

/// Made once: signing is slow where nothing is optimised.
static FORGED: LazyLock<[(Forge, Evidence, Endorsements); 3]> = LazyLock::new(|| {
    [Forge::sgx(), Forge::tdx(), Forge::tdx15(4)].map(|forge| {
        let (evidence, endorsements) = (forge.evidence(), forge.endorsements());
        (forge, evidence, endorsements)
    })
});

fn header(version: u16, tee: u8, body_type: u16, length: u32) -> Vec<u8> {
    let mut out = version.to_le_bytes().to_vec();
    out.extend([2, 0, tee, 0, 0, 0, 0, 0, 0, 0]);
    out.extend(dcap_qvl::INTEL_QE_VENDOR_ID);
    out.extend([0; 20]);
    out.extend(body_type.to_le_bytes());
    out.extend(length.to_le_bytes());
    out
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    // AT-08
    #[test]
    fn any_bytes_are_a_quote_or_an_error(
        version in 0_u16..8,
        tee in prop_oneof![Just(0_u8), Just(0x81), any::<u8>()],
        body_type in 0_u16..6,
        length in prop_oneof![Just(584_u32), Just(648), Just(885), any::<u32>()],
        rest in proptest::collection::vec(any::<u8>(), 0..3000),
        with_header in any::<bool>(),
    ) {
        let start = if with_header { header(version, tee, body_type, length) } else { Vec::new() };
        let bytes = [start, rest].concat();
        prop_assert!(bytes.starts_with(without_padding(&bytes)));
        prop_assert!(Quote::parse(&bytes).is_err());
        let _ = Evidence::detect(&bytes, None);
        prop_assert!(Evidence::detect(&bytes, Some(Kind::Tdx)).is_err());
    }

    // AT-08
    #[test]
    fn any_text_is_reference_data_or_an_error(text in ".{0,200}", key in "[a-zA-Z]{1,9}", number in any::<i64>()) {
        let json = format!("{{\"version\":{number},\"{key}\":\"{text}\"}}");
        for text in [&text, &json] {
            prop_assert!(TcbInfo::parse(text).is_err());
            prop_assert!(QeIdentity::parse(text).is_err());
            let object = format!("{{{text}");
            prop_assert!(Endorsements::default().add(object.as_bytes()).is_err());
        }
    }

    // AT-08, AT-03
    #[test]
    fn changed_quotes_do_not_verify(
        which in 0_usize..3,
        changes in proptest::collection::vec((any::<Index>(), any::<u8>()), 1..4),
    ) {
        let (forge, evidence, endorsements) = &FORGED[which];
        let mut changed = evidence.clone();
        for (at, byte) in changes {
            let at = at.index(changed.bytes.len());
            changed.bytes[at] = byte;
        }
        let checks = &mut Checks::not_reached();
        let verified = forge.verifier().verify(&Request::unbound(&changed, endorsements, NOW), checks);
        // The one thing in a quote that nobody signs is how the PEM of its chain is laid out.
        let without_space = |bytes: &[u8]| -> Vec<u8> {
            bytes.iter().copied().filter(|byte| !byte.is_ascii_whitespace() && *byte != 0).collect()
        };
        let same = without_space(&changed.bytes) == without_space(&evidence.bytes);
        prop_assert!(verified.is_err() || same);
    }

    // AT-08, AT-03: an endorsement that was changed is refused, or was not needed, or is missed.
    #[test]
    fn changed_endorsements_make_nothing_better(
        which in 0_usize..3,
        list in 0_usize..3,
        item in any::<Index>(),
        at in any::<Index>(),
        bit in 0_u8..8,
    ) {
        let (forge, evidence, endorsements) = &FORGED[which];
        let mut changed = endorsements.clone();
        let list = match list {
            0 => &mut changed.certificates,
            1 => &mut changed.crls,
            _ => &mut changed.references,
        };
        let item = item.index(list.len());
        let at = at.index(list[item].len());
        list[item][at] ^= 1 << bit;
        let checks = &mut Checks::not_reached();
        let verified = forge.verifier().verify(&Request::unbound(evidence, &changed, NOW), checks);
        if let Ok(verified) = verified {
            let checks = verified.checks();
            let missed = [&checks.revocation, &checks.tcb].map(|outcome| matches!(outcome, Outcome::NotSupplied(_)));
            // The certificates of the quote are enough, and hex has two cases.
            let not_needed = changed.crls == endorsements.crls;
            prop_assert!(missed.contains(&true) || not_needed, "{verified:?}");
            prop_assert_eq!(verified.get().tcb_status.is_none(), missed[1]);
        }
    }
}
