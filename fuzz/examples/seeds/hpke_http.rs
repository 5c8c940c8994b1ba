//! Seeds of the targets `hpke_http_*`.

use super::{Result, seed};
use sealwire_fuzz::hpke_http::{KEY, request, script};
use sealwire_hpke_http::legacy::document;

pub(crate) fn seeds() -> Result {
    let start = b"\x01\x04POST\x10api.example.test\x06/v1?x=\x17\x0ccontent-type\x09text/html";
    let end = b"\x03";
    let whole = script(&[start, b"\x02\x00some content", b"\x02\x00more", end]);
    seed("hpke_http_request", "records", &whole)?;
    seed("hpke_http_request", "sealed", request(&whole))?;
    let zstd = [
        b"\x02\x01".as_slice(),
        b"\x28\xb5\x2f\xfd\x60\x00\x0f\x4d\x00\x00\x10\x61\x61\x01\x00\xfb\xf7\x01\x16",
    ];
    seed("hpke_http_request", "zstd", script(&[start, &zstd.concat(), end]))?;

    let finite = b"\x01\x00\xc8\x0econtent-length\x013";
    let events = b"\x01\x00\xc8\x0ccontent-type\x11text/event-stream";
    let answers: [(&str, &[&[u8]]); 3] = [
        ("finite", &[finite, b"\x02\x00abc", end]),
        ("empty", &[b"\x01\x00\xcc", end]),
        ("events", &[events, b"\x02\x00data: 1\n\n", b"\x02\x00\n", end]),
    ];
    for (name, records) in answers {
        seed("hpke_http_response", name, [&[0], script(records).as_slice()].concat())?;
    }
    seed("hpke_http_key_record", "record", KEY.record(60)?.encode())?;
    seed("hpke_http_blocks", "line-ends", "data: 1\r\ndata: 2\r\n\r\n: x\r\rid\n\n")?;
    seed("hpke_http_legacy_request", "identity", "\0{\"a\":1}")?;
    let zstd = b"\x28\xb5\x2f\xfd\x60\x00\x0f\x4d\x00\x00\x10\x61\x61\x01\x00\xfb\xf7\x01\x16";
    seed("hpke_http_legacy_request", "zstd", [b"\x04", zstd.as_slice()].concat())?;
    let gzip = b"\x1f\x8b\x08\0\0\0\0\0\0\x03\x4b\x4c\x4a\x06\0\xc2\x41\x24\x35\x03\0\0\0";
    seed("hpke_http_legacy_request", "gzip", [b"\x05", gzip.as_slice()].concat())?;
    let chunks = script(&[b"\x00some content", b"\x00"]);
    seed("hpke_http_legacy_response", "chunks", [&[0], chunks.as_slice()].concat())?;
    seed("hpke_http_legacy_response", "events", "\x01event: enc\ndata: AAAAAQfq0ZSCyggu0xHF\n\n")?;
    Ok(seed("hpke_http_legacy_response", "document", document(KEY.recipient().public_key())?)?)
}
