//! CRLs through `x509-cert`'s own parser, which holds all of one.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use super::{
    UnverifiedCrl,
    forge::{NOT_AFTER, NOT_BEFORE, Party},
};
use crate::common::machine::{ARK, Machine, Model};
use der::{Decode as _, Encode as _};
use x509_cert::crl::CertificateList;

// AT-08: what reads, reads to the same; no edit is anything to one that it is not to the other.
#[test]
fn crls_read_as_they_do_elsewhere() {
    let reason = crate::common::der::Extension::new("2.5.29.21", vec![0x0a, 1, 1]);
    let mut of_amd = Machine::new(Model::Milan).crl();
    of_amd.revoked = vec![1, 0x80, 0x1234_5678_9abc_def0];
    of_amd.entry_extensions = vec![reason];
    for crl in [
        Party::authority("a", 1).crl(NOT_BEFORE, NOT_AFTER, &[]),
        Party::authority("a", 1).crl(NOT_BEFORE, NOT_AFTER, &[1, 2, 3]),
        of_amd.sign(&ARK),
    ] {
        let theirs = <CertificateList>::from_der(&crl).unwrap();
        let ours = UnverifiedCrl::from_der(&crl).unwrap();
        assert_eq!(*ours.issuer(), theirs.tbs_cert_list.issuer);
        assert_eq!(ours.signed, theirs.tbs_cert_list.to_der().unwrap());
        for at in 0..crl.len() {
            for bit in 0..8 {
                let mut edited = crl.clone();
                edited[at] ^= 1 << bit;
                let theirs = <CertificateList>::from_der(&edited).is_ok();
                assert_eq!(UnverifiedCrl::from_der(&edited).is_ok(), theirs, "byte {at}, bit {bit}");
            }
            assert!(UnverifiedCrl::from_der(&crl[..at]).is_err());
        }
        assert!(UnverifiedCrl::from_der(&[&crl[..], &[0]].concat()).is_err());
    }
}
