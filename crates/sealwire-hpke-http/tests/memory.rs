//! What readers hold, whatever is sent to them. One test, since it measures the whole process.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::expect_used, clippy::panic)]

mod common;

use bytes::BytesMut;
use common::{
    NOW, admit, credential,
    forge::{ForgedAnswer, ForgedRequest, answer_start, start},
    head, key, read, seal,
};
use peak_alloc::PeakAlloc;
use sealwire_hpke_http::{
    Compression, Error, Limits,
    client::{self, Target},
    message::Method,
    server::{Record, Start},
};

#[global_allocator]
static ALLOCATED: PeakAlloc = PeakAlloc;

/// Bytes more than before that `work` holds at its highest.
fn peak<T>(work: impl FnOnce() -> T) -> (T, usize) {
    let before = ALLOCATED.current_usage();
    ALLOCATED.reset_peak_usage();
    let value = work();
    (value, ALLOCATED.peak_usage().saturating_sub(before))
}

// HH-14, HH-32: lengths that announce what never comes, parts that grow, uploads that go on.
#[test]
fn hostile_messages_hold_little() {
    let good = start(b"POST", b"a", b"/", &[]);

    // START of the longest length, of which nothing comes.
    let forged = ForgedRequest::new();
    let front = [forged.header, forged.enc, 25000_u32.to_be_bytes().to_vec()].concat();
    let (whole, held) = peak(|| {
        let mut start = Start::new(Limits::default());
        start.push(&front);
        start.is_whole()
    });
    assert_eq!(whole, Ok(false));
    assert!(held < 4096, "{held}");

    // An answer whose second record announces the longest body.
    let (request, reader) = seal(&head(Method::Get, &[]), &[], Compression::Off);
    let announced = ((8 << 20) + 18_u32).to_be_bytes();
    let mut forged = ForgedAnswer::new(&request);
    let start_record = forged.record(&answer_start(200, &[]));
    let sealed = [forged.prefix.as_slice(), &start_record, &announced].concat();
    let (answer, held) = peak(|| read(reader, &[&sealed]).err());
    assert_eq!(answer, Some(Error::MalformedEnvelope));
    assert!(held < 256 << 10, "{held}");

    // A part of some KiB that would be 64 MiB. What zstd itself takes is its window, which is bounded by the same test
    // as the part.
    let bomb = [b"\x02\x01".to_vec(), zstd::bulk::compress(&vec![0; 64 << 20], 3).unwrap()].concat();
    let sealed = ForgedRequest::request(&[&good, &bomb]);
    let (key, credential) = (key(), credential());
    let (refused, held) =
        peak(|| common::receive(&key, Some(&credential), Limits::default(), NOW, &[&sealed]).err());
    assert_eq!(refused, Some(Error::LimitExceeded));
    assert!(held < 256 << 10, "{held}");

    // An upload of 32 MiB, passed on as it comes: one buffer, used again.
    let target = Target { recipient: key.recipient(), credential: &credential };
    let mut out = BytesMut::new();
    let random = sealwire_crypto::random::OsRandom;
    let (mut sealer, _) =
        client::start(target, &head(Method::Put, &[]), &Limits::default(), NOW, &random, &mut out).unwrap();
    let first = out.split();
    let pieces: [&[u8]; 1] = [&first];
    let (opened, _) = admit(&key, Some(&credential), Limits::default(), NOW, &pieces).unwrap();
    let (mut body, part) = (opened.body, vec![7; 65536]);
    let ((), held) = peak(|| {
        let mut came = 0;
        while came < 32 << 20 {
            sealer.data(&mut out, &part).unwrap();
            for slice in out.chunks(8192) {
                body.push(slice);
                while let Some(Record::Data(data)) = body.next_record().unwrap() {
                    came += data.len();
                }
            }
            out.clear();
        }
    });
    assert!(held < 1 << 20, "{held}");
}
