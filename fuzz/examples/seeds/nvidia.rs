//! Seeds of `nvidia_report`.

use super::{
    Result,
    cbor::{array, bytes, map, text, uint},
    seed,
};
use sealwire_attest::{Evidence, corim::Corim};

/// A report of two measurements, and manifests.
pub(crate) fn seeds() -> Result {
    let mut report = vec![0x11, 0xe0, 0x01, 0xff];
    report.extend([7; 32]);
    report.extend([0, 0x11, 0x60, 0, 0, 2, 110, 0, 0]);
    for index in [1, 2] {
        report.extend([index, 1, 51, 0, 1, 48, 0]);
        report.extend([index; 48]);
    }
    report.extend([8; 32]);
    let opaque =
        [&[3, 0, 8, 0][..], b"550.1.2\0", &[6, 0, 8, 0, 0, 0x9f, 0, 0x96, 1, 0, 0, 0], &[11, 0, 1, 0, 0xaa]]
            .concat();
    report.extend((opaque.len() as u16).to_le_bytes());
    report.extend(opaque);
    report.extend([9; 96]);
    Evidence::detect(&report, None)?;
    seed("nvidia_report", "report", &report)?;

    let digest = array(&[uint(7), bytes(&[1; 48])]);
    let measurement = map(&[(uint(0), uint(1)), (uint(1), map(&[(uint(2), array(&[digest]))]))]);
    let environment = map(&[(uint(0), map(&[(uint(1), text("NVIDIA"))]))]);
    let triples = map(&[(uint(0), array(&[array(&[environment, array(&[measurement])])]))]);
    let comid = map(&[(uint(1), map(&[(uint(0), text("tag"))])), (uint(4), triples)]);
    let tags = array(&[[&[0xd9, 0x01, 0xfa], &bytes(&comid)[..]].concat()]);
    let corim = map(&[(uint(0), text("NV_GPU_DRIVER_GH100_550.1.2")), (uint(1), tags)]);
    let corim = [&[0xd9, 0x01, 0xf5], &corim[..]].concat();
    let meta = map(&[(uint(0), map(&[(uint(0), text("NVIDIA"))]))]);
    let header =
        map(&[(uint(1), vec![0x38, 0x22]), (uint(3), text("application/rim+cbor")), (uint(8), bytes(&meta))]);
    let signed = array(&[bytes(&header), vec![0xa0], bytes(&corim), bytes(&[9; 96])]);
    let signed = [&[0xd2], &signed[..]].concat();
    for (name, manifest) in [("corim", &corim), ("signed-corim", &signed)] {
        Corim::parse(manifest)?;
        seed("nvidia_report", name, manifest)?;
    }
    seed("endorsements", "corim", signed)?;
    seed("swid", "manifest", swid())
}

/// A manifest in the form of NVIDIA's, signed by nobody.
fn swid() -> String {
    let iso = "http://standards.iso.org/iso/19770/-2/2015/schema.xsd";
    let ds = "http://www.w3.org/2000/09/xmldsig#";
    let c14n = "Algorithm=\"http://www.w3.org/2006/12/xml-c14n11\"";
    let more = "http://www.w3.org/2001/04/xmldsig-more#";
    let hash = "ab".repeat(48);
    format!(
        "<SoftwareIdentity xmlns=\"{iso}\" xmlns:ns0=\"{iso}\" xmlns:ns2=\"http://www.w3.org/2001/04/xmlenc#sha384\" \
         name=\"GH100\">\n<ns0:Entity name=\"NVIDIA Corporation\"/>\n\
         <ns0:Meta colloquialVersion=\"550.1.2\" product=\"GH100\"/>\n<ns0:Payload>\n\
         <ns0:Resource type=\"Measurement\" index=\"1\" active=\"True\" alternatives=\"2\" ns2:Hash0=\"{hash}\" \
         ns2:Hash1=\"{hash}\" name=\"Measurement_1\" size=\"48\"/>\n</ns0:Payload>\n<ds:Signature xmlns:ds=\"{ds}\">\
         <ds:SignedInfo><ds:CanonicalizationMethod {c14n}/><ds:SignatureMethod Algorithm=\"{more}ecdsa-sha384\"/>\
         <ds:Reference URI=\"\"><ds:Transforms><ds:Transform Algorithm=\"{ds}enveloped-signature\"/>\
         <ds:Transform {c14n}/></ds:Transforms><ds:DigestMethod Algorithm=\"{more}sha384\"/>\
         <ds:DigestValue>AAAA</ds:DigestValue></ds:Reference></ds:SignedInfo><ds:SignatureValue>AAAA</ds:SignatureValue>\
         <ds:KeyInfo><ds:X509Data><ds:X509Certificate>AAAA</ds:X509Certificate></ds:X509Data></ds:KeyInfo>\
         </ds:Signature></SoftwareIdentity>"
    )
}
