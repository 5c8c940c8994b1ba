//! The floor: the primitives of one exchange, called straight at the backend, with nothing checked and nothing framed.
//! Additional data is laid out, since the primitives read it.

use super::{PSK, PSK_ID};
use crate::floor::{self, Key, expand, prk};
use anyhow::{Result, anyhow};
use aws_lc_rs::{
    aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey},
    digest,
    hkdf::{HKDF_SHA256, Prk},
    hmac,
};
use sealwire_crypto::kem::Kem;

const SUITE: &[u8] = b"HPKE\x00\x20\x00\x01\x00\x03";

/// A sealed request, taken apart.
pub(super) struct Exchange {
    key: Key,
    header: Vec<u8>,
    enc: Vec<u8>,
    records: Vec<Vec<u8>>,
}

impl Exchange {
    pub(super) fn new(private: &[u8], sealed: &[u8]) -> Result<Self> {
        let cut = || anyhow!("a sealed request");
        let id_lens = sealed.get(5..7).ok_or_else(cut)?.iter().map(|len| usize::from(*len)).sum::<usize>();
        let (header, rest) = sealed.split_at_checked(21 + id_lens).ok_or_else(cut)?;
        let (enc, mut rest) = rest.split_at_checked(32).ok_or_else(cut)?;
        let mut records = Vec::new();
        while let Some((length, frames)) = rest.split_first_chunk::<4>() {
            let length = usize::try_from(u32::from_be_bytes(*length))?;
            let (record, after) = frames.split_at_checked(length).ok_or_else(cut)?;
            records.push(record.to_vec());
            rest = after;
        }
        let key = Key::new(Kem::X25519, private)?;
        Ok(Self { key, header: header.to_vec(), enc: enc.to_vec(), records })
    }

    /// Opens its records, and seals an answer of three.
    pub(super) fn run(&self, answer: &[u8]) -> Result<()> {
        let info = [b"message/hpke-http request\0v3\0", self.header.as_slice()].concat();
        let shared = self.key.secret(&self.enc)?;
        let labeled = |label: &[u8], ikm: &[u8]| [b"HPKE-v1", SUITE, label, ikm].concat();
        let psk_id_hash = floor::extract_bytes(b"", &labeled(b"psk_id_hash", PSK_ID.as_bytes()));
        let info_hash = floor::extract_bytes(b"", &labeled(b"info_hash", &info));
        let context = [&[1], psk_id_hash.as_ref(), info_hash.as_ref()].concat();
        let secret = prk(&shared, &labeled(b"secret", PSK));
        let derive = |label: &[u8], out: &mut [u8]| {
            let len = u16::try_from(out.len())?.to_be_bytes();
            expand(&secret, &[&len, b"HPKE-v1", SUITE, label, &context], out)
        };
        let (mut key, mut base, mut exporter) = ([0; 32], [0; NONCE_LEN], [0; 32]);
        derive(b"key", &mut key)?;
        derive(b"base_nonce", &mut base)?;
        derive(b"exp", &mut exporter)?;
        let opening = LessSafeKey::new(UnboundKey::new(&CHACHA20_POLY1305, &key)?);
        for (number, record) in self.records.iter().enumerate() {
            let mut record = record.clone();
            let aad = aad(b"hpke-http/3 request record\0", &self.header, number, record.len())?;
            opening.open_in_place(nonce(base, number), Aad::from(aad), &mut record)?;
        }
        let mut replay = digest::Context::new(&digest::SHA256);
        for part in [b"hpke-http/replay\0v3\0", self.header.as_slice(), &self.enc] {
            replay.update(part);
        }
        std::hint::black_box(replay.finish());

        let exporter = Prk::new_less_safe(HKDF_SHA256, &exporter);
        let mut response = [0; 32];
        let info: [&[u8]; 5] = [&[0, 32], b"HPKE-v1", SUITE, b"sec", b"message/hpke-http response\0v3"];
        expand(&exporter, &info, &mut response)?;
        let mut prefix = *b"HHRP\x03................................";
        let server_nonce = prefix.last_chunk_mut::<32>().ok_or_else(|| anyhow!("a prefix"))?;
        aws_lc_rs::rand::fill(server_nonce)?;
        let salt = [self.enc.as_slice(), server_nonce].concat();
        let extracted = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &salt), &response);
        let response = Prk::new_less_safe(HKDF_SHA256, extracted.as_ref());
        expand(&response, &[b"hpke-http/3 response key"], &mut key)?;
        expand(&response, &[b"hpke-http/3 response nonce"], &mut base)?;
        let sealing = LessSafeKey::new(UnboundKey::new(&CHACHA20_POLY1305, &key)?);
        let start = b"\x01\x00\xc8\x0ccontent-type\x10application/json".to_vec();
        let data = [b"\x02\x00", answer].concat();
        for (number, mut record) in [start, data, vec![3]].into_iter().enumerate() {
            let aad = aad(b"hpke-http/3 response record\0", &prefix, number, record.len())?;
            let tag = sealing.seal_in_place_separate_tag(nonce(base, number), Aad::from(aad), &mut record)?;
            std::hint::black_box((record, tag.as_ref().len()));
        }
        Ok(())
    }
}

fn aad(label: &[u8], prefix: &[u8], number: usize, len: usize) -> Result<Vec<u8>> {
    let (number, len) = (u64::try_from(number)?.to_be_bytes(), u32::try_from(len)?.to_be_bytes());
    Ok([label, prefix, &number, &len].concat())
}

fn nonce(mut base: [u8; NONCE_LEN], number: usize) -> Nonce {
    for (byte, count) in base.iter_mut().rev().zip(number.to_le_bytes()) {
        *byte ^= count;
    }
    Nonce::assume_unique_for_key(base)
}
