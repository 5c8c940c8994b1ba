//! What AMD's certificates say of a chip and its firmware level (57230), in the leaf of the development root.

use super::report::Tcb;
use crate::Error;
use der::{
    Encode as _,
    asn1::{Ia5StringRef, OctetString},
    oid::ObjectIdentifier,
};
use x509_cert::ext::{Extension, Extensions};

const STRUCTURE_VERSION: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.3704.1.1");
const PRODUCT_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.3704.1.2");
const BOOTLOADER: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.3704.1.3.1");
const TEE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.3704.1.3.2");
const SNP: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.3704.1.3.3");
const SPL_4: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.3704.1.3.4");
const SPL_5: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.3704.1.3.5");
const SPL_6: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.3704.1.3.6");
const SPL_7: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.3704.1.3.7");
const MICROCODE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.3704.1.3.8");
const HARDWARE_ID: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.3704.1.4");

/// What a VCEK's certificate says of its chip and firmware (57230, table 8).
pub(super) fn leaf_extensions(product: &str, chip_id: &[u8; 64], tcb: Tcb) -> Result<Extensions, Error> {
    Ok(vec![
        extension(STRUCTURE_VERSION, 0u8.to_der()?)?,
        extension(PRODUCT_NAME, Ia5StringRef::new(product)?.to_der()?)?,
        extension(BOOTLOADER, tcb.bootloader.to_der()?)?,
        extension(TEE, tcb.tee.to_der()?)?,
        extension(SPL_4, 0u8.to_der()?)?,
        extension(SPL_5, 0u8.to_der()?)?,
        extension(SPL_6, 0u8.to_der()?)?,
        extension(SPL_7, 0u8.to_der()?)?,
        extension(SNP, tcb.snp.to_der()?)?,
        extension(MICROCODE, tcb.microcode.to_der()?)?,
        // Alone among them not DER inside, but the bytes of the id.
        extension(HARDWARE_ID, chip_id.to_vec())?,
    ])
}

fn extension(extn_id: ObjectIdentifier, value: Vec<u8>) -> Result<Extension, Error> {
    Ok(Extension { extn_id, critical: false, extn_value: OctetString::new(value)? })
}
