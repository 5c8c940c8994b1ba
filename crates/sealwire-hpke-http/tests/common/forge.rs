//! A peer who has the keys and keeps to no rule: it seals any records, in any order, after the document and not with the
//! crate's own writers.

use super::{NOW, PSK, key};
use sealwire_crypto::{
    aead::{Aead, Key, Sequence, TAG_LEN},
    hpke::{self, Mode, Sender, Symmetric},
    kdf::Hkdf,
    kem::{Kem, PrivateKey},
    random::OsRandom,
};

const SUITE: Symmetric = Symmetric { kdf: Hkdf::Sha256, aead: Aead::ChaCha20Poly1305 };

/// A header for the key and the tenant of these tests.
pub(crate) fn header(issued_at: u64) -> Vec<u8> {
    let ids = [b"\x03\x06".as_slice(), &[0, 0x20, 0, 1, 0, 3]].concat();
    [b"HHRQ\x03", ids.as_slice(), &issued_at.to_be_bytes(), b"key", b"tenant"].concat()
}

/// A request that is being forged.
pub(crate) struct ForgedRequest {
    pub(crate) header: Vec<u8>,
    pub(crate) enc: Vec<u8>,
    sender: Sender,
    next: u64,
}

impl ForgedRequest {
    pub(crate) fn new() -> Self {
        Self::at(NOW)
    }

    pub(crate) fn at(issued_at: u64) -> Self {
        let header = header(issued_at);
        let info = [b"message/hpke-http request\0v3\0".as_slice(), &header].concat();
        let mode = Mode::Psk { psk: PSK, id: b"tenant" };
        let (enc, sender) =
            hpke::setup_sender(key().recipient().public_key(), SUITE, mode, &info, &OsRandom).unwrap();
        Self { header, enc, sender, next: 0 }
    }

    /// The next record, framed.
    pub(crate) fn record(&mut self, clear: &[u8]) -> Vec<u8> {
        let label = b"hpke-http/3 request record\0";
        let sealer = &mut self.sender;
        let frame = frame(label, &self.header, self.next, clear, |aad, data| sealer.seal(aad, data).unwrap());
        self.next += 1;
        frame
    }

    /// A whole request of these records.
    pub(crate) fn request(records: &[&[u8]]) -> Vec<u8> {
        let mut forged = Self::new();
        let frames: Vec<Vec<u8>> = records.iter().map(|clear| forged.record(clear)).collect();
        [forged.header, forged.enc, frames.concat()].concat()
    }
}

fn frame(
    label: &[u8],
    prefix: &[u8],
    number: u64,
    clear: &[u8],
    seal: impl FnOnce(&[u8], &mut [u8]) -> [u8; TAG_LEN],
) -> Vec<u8> {
    let ct_len = u32::try_from(clear.len() + TAG_LEN).unwrap().to_be_bytes();
    let aad = [label, prefix, &number.to_be_bytes(), &ct_len].concat();
    let mut data = clear.to_vec();
    let tag = seal(&aad, &mut data);
    [ct_len.as_slice(), &data, &tag].concat()
}

/// An answer that is being forged, to a request that was really sealed.
pub(crate) struct ForgedAnswer {
    pub(crate) prefix: Vec<u8>,
    sequence: Sequence,
}

impl ForgedAnswer {
    /// `request` is the sealed one.
    pub(crate) fn new(request: &[u8]) -> Self {
        let (header, rest) = request.split_at(21 + 3 + 6);
        let enc = &rest[..32];
        let private = PrivateKey::from_bytes(Kem::X25519, &[0x42; 32]).unwrap();
        let info = [b"message/hpke-http request\0v3\0".as_slice(), header].concat();
        let mode = Mode::Psk { psk: PSK, id: b"tenant" };
        let receiver = hpke::setup_receiver(&private, enc, SUITE, mode, &info).unwrap();
        let mut secret = [0; 32];
        receiver.export(b"message/hpke-http response\0v3", &mut secret).unwrap();
        let nonce = [9; 32];
        let prk = Hkdf::Sha256.extract(&[enc, &nonce].concat(), &[&secret]);
        let key = Key::derive(Aead::ChaCha20Poly1305, &prk, &[b"hpke-http/3 response key"]).unwrap();
        let base = *prk.expand_array(&[b"hpke-http/3 response nonce"]).unwrap();
        Self { prefix: [b"HHRP\x03", nonce.as_slice()].concat(), sequence: Sequence::new(key, base) }
    }

    /// The next record, framed.
    pub(crate) fn record(&mut self, clear: &[u8]) -> Vec<u8> {
        let label = b"hpke-http/3 response record\0";
        let (number, sequence) = (self.sequence.next_number(), &mut self.sequence);
        frame(label, &self.prefix, number, clear, |aad, data| sequence.seal(aad, data).unwrap())
    }

    /// A whole answer of these records.
    pub(crate) fn answer(request: &[u8], records: &[&[u8]]) -> Vec<u8> {
        let mut forged = Self::new(request);
        let frames: Vec<Vec<u8>> = records.iter().map(|clear| forged.record(clear)).collect();
        [forged.prefix, frames.concat()].concat()
    }
}

/// A vector with the shortest length.
pub(crate) fn vector(bytes: &[u8]) -> Vec<u8> {
    let len = u32::try_from(bytes.len()).unwrap();
    let length = match len {
        0..64 => vec![bytes.len() as u8],
        64..16384 => (bytes.len() as u16 | 0x4000).to_be_bytes().to_vec(),
        _ => (len | 0x8000_0000).to_be_bytes().to_vec(),
    };
    [&length, bytes].concat()
}

/// Lines, unchecked.
pub(crate) fn section(lines: &[(&[u8], &[u8])]) -> Vec<u8> {
    lines.iter().flat_map(|(name, value)| [vector(name), vector(value)].concat()).collect()
}

/// A request's START, unchecked.
pub(crate) fn start(method: &[u8], authority: &[u8], target: &[u8], section: &[u8]) -> Vec<u8> {
    [b"\x01".to_vec(), vector(method), vector(authority), vector(target), vector(section)].concat()
}

/// An answer's START, unchecked.
pub(crate) fn answer_start(status: u16, lines: &[(&[u8], &[u8])]) -> Vec<u8> {
    [b"\x01".as_slice(), &status.to_be_bytes(), &section(lines)].concat()
}
