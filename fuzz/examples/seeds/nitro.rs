//! Seeds of `nitro_document`.

use super::{
    Result,
    cbor::{array, bytes, item, map, text, uint},
    hex, seed,
};

/// Documents of the right form with certificates that are none, definite and not.
pub(crate) fn seeds() -> Result {
    let fields = [
        (text("module_id"), text("i-0123456789abcdef0-enc0")),
        (text("digest"), text("SHA384")),
        (text("timestamp"), item(0, 0x8000, &[])),
        (text("pcrs"), map(&[(uint(0), bytes(&[1; 48])), (uint(4), bytes(&[2; 48]))])),
        (text("certificate"), bytes(&[0x30, 0])),
        (text("cabundle"), array(&[bytes(&[0x30, 0]), bytes(&[0x30, 0])])),
        (text("public_key"), vec![0xf6]),
        (text("user_data"), bytes(&[7; 64])),
        (text("nonce"), vec![0xf6]),
    ];
    let document = |payload: &[u8]| {
        array(&[bytes(&[0xa1, 0x01, 0x38, 0x22]), vec![0xa0], bytes(payload), bytes(&[9; 96])])
    };
    let definite = map(&fields);
    let indefinite = [&[0xbf], &definite[1..], &[0xff]].concat();
    seed("nitro_document", "definite", document(&definite))?;
    seed("nitro_document", "indefinite", document(&indefinite))?;
    seed("nitro_document", "tagged", [&[0xd2], &document(&definite)[..]].concat())?;
    seed("nitro_document", "hex", hex(&document(&definite)))
}
