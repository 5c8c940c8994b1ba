//! Quotes, HCL reports and event logs of the right form; nobody signed them.

use sealwire_attest::azure::{VmEvidence, VtpmQuote};
use sealwire_attest::tpm::Quote;

use super::{Result, seed};

pub(crate) fn seeds() -> Result {
    let quote = quote();
    let log = event_log(&[(0x04, 20), (0x0b, 32)], b"");
    seed("tpm_quote", "quote", quote.encode())?;
    seed("tpm_quote", "public", &quote.public)?;
    seed("tpm_quote", "with-log", Quote { event_log: Some(log.clone()), ..quote.clone() }.encode())?;

    seed("event_log", "two-banks", &log)?;
    seed("event_log", "guest", event_log(&[(0x0c, 48)], &[0xff; 40]))?;

    let hcl_report = hcl_report();
    let quote = VtpmQuote {
        attest: quote.attest,
        signature: [&[0, 0x14, 0, 0x0b, 1, 0][..], &[7; 256]].concat(),
        pcrs: quote.pcrs,
        event_log: None,
    };
    let json = format!(
        r#"{{"version":1,"tpm_quote":{{"signature":"{}","message":"{}","pcrs":["{}"]}},"hcl_report":"{}"}}"#,
        "07".repeat(256),
        hex(&quote.attest),
        "00".repeat(32),
        base64url(&hcl_report),
    );
    seed("hcl_report", "report", [&hcl_report[..], &[0; 20]].concat())?;
    seed("hcl_report", "json", json)?;
    let evidence = VmEvidence { hcl_report, quote: Some(quote), td_quote: Some(vec![4; 64]) };
    seed("hcl_report", "evidence", evidence.encode())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn base64url(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let group = |group: &[u8]| {
        let bits =
            group.iter().fold(0, |bits, byte| bits << 8 | usize::from(*byte)) << (8 * (3 - group.len()));
        (0..=group.len()).map(|index| char::from(ALPHABET[bits >> (18 - 6 * index) & 63])).collect::<String>()
    };
    bytes.chunks(3).map(group).collect()
}

/// A quote over PCR 0 by a key on P-256.
fn quote() -> Quote {
    let attest = [
        &b"\xffTCG\x80\x18"[..],
        // qualified signer, extraData
        &[0, 2, 0, 0x0b, 0, 4, 1, 2, 3, 4],
        // clock, resets, restarts, safe; firmware
        &[0; 16],
        &[1],
        &[0; 8],
        // SHA-256, PCR 0
        &[0, 0, 0, 1, 0, 0x0b, 3, 1, 0, 0, 0, 32],
        &[6; 32],
    ]
    .concat();
    let scalar = [&[0, 32][..], &[5; 32]].concat();
    let public = [
        &[0, 0x23, 0, 0x0b][..],
        &0x0005_0072_u32.to_be_bytes(),
        // no policy, no symmetric algorithm, ECDSA with SHA-256, P-256, no KDF
        &[0, 0, 0, 0x10, 0, 0x18, 0, 0x0b, 0, 3, 0, 0x10],
        &scalar,
        &scalar,
    ]
    .concat();
    Quote {
        attest,
        signature: [&[0, 0x18, 0, 0x0b][..], &scalar, &scalar].concat(),
        public,
        pcrs: [(0, [0; 32])].into(),
        event_log: None,
    }
}

/// Three events, one of which extends nothing.
fn event_log(banks: &[(u16, u16)], tail: &[u8]) -> Vec<u8> {
    let mut spec = b"Spec ID Event03\0\0\0\0\0\0\x02\0\x02".to_vec();
    spec.extend((banks.len() as u32).to_le_bytes());
    for (algorithm, len) in banks {
        spec.extend(algorithm.to_le_bytes());
        spec.extend(len.to_le_bytes());
    }
    spec.push(0);
    let mut out = [&0_u32.to_le_bytes()[..], &3_u32.to_le_bytes(), &[0; 20]].concat();
    out.extend((spec.len() as u32).to_le_bytes());
    out.extend(spec);
    for (register, kind, data) in
        [(0_u32, 3_u32, &b"StartupLocality\0\x03"[..]), (0, 8, b"version"), (1, 4, &[0; 4])]
    {
        out.extend(register.to_le_bytes());
        out.extend(kind.to_le_bytes());
        out.extend((banks.len() as u32).to_le_bytes());
        for (algorithm, len) in banks {
            out.extend(algorithm.to_le_bytes());
            out.resize(out.len() + usize::from(*len), 0x51);
        }
        out.extend((data.len() as u32).to_le_bytes());
        out.extend(data);
    }
    out.extend(tail);
    out
}

/// With a TDREPORT of zeros, and a key whose modulus is one byte over and over.
fn hcl_report() -> Vec<u8> {
    let json = format!(
        r#"{{"keys":[{{"kid":"HCLAkPub","kty":"RSA","e":"AQAB","n":"{}"}}],"vm-configuration":{{"secure-boot":true}}}}"#,
        // 256 bytes in base64url, the last one in two characters
        "w8PD".repeat(85) + "ww",
    );
    let len = json.len() as u32;
    let mut td_report = [0; 1184];
    td_report[0] = 0x81;
    let words = |words: &[u32]| words.iter().flat_map(|word| word.to_le_bytes()).collect::<Vec<_>>();
    [
        &b"HCLA"[..],
        &words(&[2, 32 + 1184 + 20 + len, 2, 0, 0, 0, 0]),
        &td_report,
        &words(&[20 + len, 1, 4, 1, len]),
        json.as_bytes(),
    ]
    .concat()
}
