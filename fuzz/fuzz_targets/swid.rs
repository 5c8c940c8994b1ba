#![no_main]
//! Manifests of NVIDIA in XML, with their signatures up to the digest.

use libfuzzer_sys::fuzz_target;
use sealwire_attest::Endorsements;

fuzz_target!(|input: &[u8]| {
    let mut endorsements = Endorsements::default();
    if endorsements.add(input).is_err() {
        assert_eq!(endorsements, Endorsements::default(), "an error adds nothing");
        return;
    }
    if input.trim_ascii_start().first() != Some(&b'<') {
        return;
    }
    assert_eq!(endorsements.references, [input]);
    // What has another form than that which is read is not taken.
    for more in [&b"<!-- -->"[..], b"<?x y?>", b"<x/>"] {
        assert!(Endorsements::default().add(&[input, more].concat()).is_err());
    }
});
