//! What the fuzz targets share: fixed keys, and the division of an input into slices.
//!
//! A target has to do more than not to panic. Where a decoder takes slices, every division gives the same result
//! (OB-156); where an encoding is deterministic, what was decoded encodes to the same bytes; elsewhere what was decoded
//! survives an encoding and a second decoding.

pub mod hpke_http;

use std::sync::LazyLock;

use sealwire_attest::{
    Endorsements, Evidence, Kind, UnixTime, Verifier,
    intel::quote::{Body, Quote},
    verify::Expected,
};
use sealwire_crypto::aead::Aead;
use sealwire_crypto::hpke::Symmetric;
use sealwire_crypto::kdf::Hkdf;
use sealwire_crypto::kem::{Kem, PrivateKey};
use sealwire_crypto::random::Random;
use sealwire_ehbp::server::ServerKey;
use sealwire_oblivious::config::{self, Selected};
use sealwire_oblivious::gateway::GatewayKey;

/// Always the same bytes, so that a run can be repeated.
pub struct Fixed;

impl Random for Fixed {
    fn fill(&self, out: &mut [u8]) -> Result<(), sealwire_crypto::Error> {
        out.fill(0x42);
        Ok(())
    }
}

/// The gateway's one key.
pub static GATEWAY: LazyLock<GatewayKey> = LazyLock::new(|| {
    let key = PrivateKey::from_bytes(Kem::X25519, &[0x24; 32]).expect("32 bytes are a scalar");
    let suites = [Aead::Aes128Gcm, Aead::ChaCha20Poly1305].map(|aead| Symmetric { kdf: Hkdf::Sha256, aead });
    GatewayKey::new(7, key, &suites)
});

/// The server's one key of EHBP.
pub static EHBP: LazyLock<ServerKey> = LazyLock::new(|| {
    let key = PrivateKey::from_bytes(Kem::X25519, &[0x25; 32]).expect("32 bytes are a scalar");
    ServerKey::new(key).expect("it is of this KEM")
});

/// The key of the oblivious wire, as a client has selected it.
pub static SELECTED: LazyLock<Selected> =
    LazyLock::new(|| config::select(&[GATEWAY.config().clone()], &[Kem::X25519]).expect("the key is usable"));

/// The input at once, and in small slices; byte by byte unless that took too long.
pub fn divisions(input: &[u8]) -> [std::slice::Chunks<'_, u8>; 2] {
    let small = if input.len() <= 4096 { 1 } else { 61 };
    [input.chunks(input.len().max(1)), input.chunks(small)]
}

/// A quote of `kind` by every way in.
pub fn quote(input: &[u8], kind: Kind, is_its_body: impl Fn(&Body) -> bool) {
    if let Ok(quote) = Quote::parse(input) {
        assert_eq!(is_its_body(&quote.body), quote.kind() == kind);
        assert_eq!(quote.report_data().len(), 64);
        // Only zeros can follow.
        let longer = [input, &[0; 9]].concat();
        assert!(Quote::parse(&longer).is_err());
        assert_eq!(Evidence::detect(&longer, None).map(|evidence| evidence.bytes), Ok(input.to_vec()));
    }
    let Ok(evidence) = Evidence::detect(input, Some(kind)) else { return };
    assert!(Quote::parse(&evidence.bytes).is_ok_and(|quote| is_its_body(&quote.body)));
    // Nobody but Intel signs what verifies.
    let none = Endorsements::default();
    let verified = Verifier::new(&[]).verify(&evidence, &none, Expected::Unbound, UnixTime(1_800_000_000));
    assert!(verified.is_err());
}
