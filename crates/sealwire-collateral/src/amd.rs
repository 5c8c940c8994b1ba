//! AMD's Key Distribution Service (AMD 57230, chapter 4).

use crate::{Sources, request::Request};
use http::Uri;
use sealwire_attest::{
    needs::Chip,
    snp::{Product, Tcb, report::SigningKey},
};

/// `/vcek/v1/{product}/{hwid}?…SPL=…`: levels in decimal digits, two at least. Turin's chips have ids of 8 bytes.
pub(crate) fn vcek(sources: &Sources, product: Product, chip: &Chip, tcb: [u8; 8]) -> Option<Request> {
    let Tcb { bootloader, tee, snp, microcode, fmc } = Tcb::from_bytes(tcb, product);
    let len = if product == Product::Turin { 8 } else { 64 };
    let chip = hex::encode(chip.0.get(..len)?);
    let fmc = fmc.map(|fmc| format!("fmcSPL={fmc:02}&")).unwrap_or_default();
    let levels =
        format!("{fmc}blSPL={bootloader:02}&teeSPL={tee:02}&snpSPL={snp:02}&ucodeSPL={microcode:02}");
    let base = format!("{}/vcek/v1/{product}", sources.kds());
    Some(Request {
        uri: format!("{base}/{chip}?{levels}").parse().ok()?,
        shown: format!("{base}/…?{levels}"),
        issuers: &[],
    })
}

/// `/{vcek|vlek}/v1/{product}/cert_chain`
pub(crate) fn chain(sources: &Sources, product: Product, key: SigningKey) -> Option<Request> {
    resource(sources, product, key, "cert_chain")
}

/// `/{vcek|vlek}/v1/{product}/crl`
pub(crate) fn crl(sources: &Sources, product: Product, key: SigningKey) -> Option<Request> {
    resource(sources, product, key, "crl")
}

fn resource(sources: &Sources, product: Product, key: SigningKey, name: &str) -> Option<Request> {
    let key = match key {
        SigningKey::Vcek => "vcek",
        SigningKey::Vlek => "vlek",
    };
    let shown = format!("{}/{key}/v1/{product}/{name}", sources.kds());
    let uri: Uri = shown.parse().ok()?;
    Some(Request { uri, shown, issuers: &[] })
}

#[cfg(test)]
mod tests {
    use super::*;

    // AT-70: the requests of AMD 57230, and of its revision for Turin.
    #[test]
    fn requests_are_those_of_the_specification() {
        let sources = Sources::default();
        let mut id = [0; 64];
        id[..8].fill(0xab);
        let chip = Chip(id);
        let genoa = vcek(&sources, Product::Genoa, &chip, [3, 0, 0, 0, 0, 0, 14, 209]).unwrap();
        let expected = format!(
            "https://kdsintf.amd.com/vcek/v1/Genoa/{}{}?blSPL=03&teeSPL=00&snpSPL=14&ucodeSPL=209",
            "ab".repeat(8),
            "00".repeat(56)
        );
        assert_eq!(genoa.uri.to_string(), expected);
        let turin = vcek(&sources, Product::Turin, &chip, [1, 2, 3, 4, 0, 0, 0, 5]).unwrap();
        let expected = format!(
            "https://kdsintf.amd.com/vcek/v1/Turin/{}?fmcSPL=01&blSPL=02&teeSPL=03&snpSPL=04&ucodeSPL=05",
            "ab".repeat(8)
        );
        assert_eq!(turin.uri.to_string(), expected);
        // AT-20: what is shown and logged does not tell the chip.
        assert!(!turin.shown.contains("abab") && !genoa.shown.contains("abab"));
        let crl = crl(&sources, Product::Milan, SigningKey::Vlek).unwrap();
        assert_eq!(crl.uri, "https://kdsintf.amd.com/vlek/v1/Milan/crl");
        let chain = chain(&sources, Product::Milan, SigningKey::Vcek).unwrap();
        assert_eq!(chain.uri, "https://kdsintf.amd.com/vcek/v1/Milan/cert_chain");
    }
}
