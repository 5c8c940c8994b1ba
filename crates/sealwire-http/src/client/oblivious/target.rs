use http::Uri;
use sealwire_attest::{Appraised, KeyDocument};
use sealwire_crypto::kem::Kem;
use sealwire_oblivious::{
    Limits,
    config::{self, Selected},
};

/// Whom to seal to, and where to send it.
///
/// Made from an appraised key document alone: a request cannot be sealed to anybody who has not been verified (AT-42).
///
/// ```compile_fail,E0308
/// # use sealwire_http::client::oblivious::Target;
/// # use sealwire_attest::KeyDocument;
/// fn unverified(document: &KeyDocument, resource: http::Uri) {
///     let _ = Target::new(document, &[], resource, &Default::default());
/// }
/// ```
#[derive(Clone)]
pub struct Target {
    pub(super) selected: Selected,
    pub(super) resource: Uri,
}

impl Target {
    /// Chooses the first key of the document whose KEM is among `kems` (OB-05). `resource` is where the gateway or a
    /// relay takes sealed requests.
    ///
    /// # Errors
    /// When the document's list is malformed, or nothing in it is usable.
    pub fn new(
        document: &Appraised<KeyDocument>,
        kems: &[Kem],
        resource: Uri,
        limits: &Limits,
    ) -> Result<Self, sealwire_oblivious::Error> {
        let configs = config::parse_list(&document.get().ohttp_key_list(), limits)?;
        Ok(Self { selected: config::select(&configs, kems)?, resource })
    }
}
