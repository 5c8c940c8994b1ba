//! Decapsulate and open a request, then seal a response: ours, the `ohttp` crate, and the floor (OB-180).

use crate::{
    floor,
    measure::nanos,
    report::{Table, Target},
};
use anyhow::{Result, anyhow};
use bytes::BytesMut;
use ohttp::{ClientRequest, KeyConfig, Server, SymmetricSuite, hpke};
use sealwire_crypto::{
    aead::Aead,
    hpke::Symmetric,
    kdf::Hkdf,
    kem::{Kem, PrivateKey},
    random::{self, OsRandom},
};
use sealwire_oblivious::{
    Limits, client,
    config::Selected,
    gateway::{self, GatewayKey, Header},
};

const KEMS: [(Kem, &str, hpke::Kem); 3] = [
    (Kem::X25519, "X25519", hpke::Kem::X25519Sha256),
    (Kem::XWing, "X-Wing", hpke::Kem::XWing),
    (Kem::P256, "P-256", hpke::Kem::P256Sha256),
];
const AEADS: [(Aead, &str, Option<hpke::Aead>); 3] = [
    (Aead::Aes128Gcm, "AES-128-GCM", Some(hpke::Aead::Aes128Gcm)),
    // Not in that crate's build.
    (Aead::Aes256Gcm, "AES-256-GCM", None),
    (Aead::ChaCha20Poly1305, "ChaCha20-Poly1305", Some(hpke::Aead::ChaCha20Poly1305)),
];
const SIZES: [(usize, &str); 2] = [(1 << 10, "1 KiB"), ((1 << 20) - 64, "1 MiB")];

/// Every suite and size; one core.
pub(crate) fn run() -> Result<Table> {
    let mut table = Table::new(
        "decap + encap, exchanges/s on one core",
        &["suite", "size", "ours", "floor", "`ohttp` 0.8", "ours / floor", "ours / `ohttp`"],
    );
    // glibc maps large blocks anew, and gives the heap's end back, until a large block has been freed once.
    drop(std::hint::black_box(vec![1_u8; 30 << 20]));
    let mut kept = Vec::new();
    for (kem, kem_name, peer_kem) in KEMS {
        for (aead, aead_name, peer_aead) in AEADS {
            for (size, size_name) in SIZES {
                let mut rates = (f64::NAN, f64::NAN);
                let bytes = random::array::<32>(&OsRandom)?;
                let message = vec![0x5a; size];
                let suite = Symmetric { kdf: Hkdf::Sha256, aead };
                let key = GatewayKey::new(7, PrivateKey::from_bytes(kem, &bytes)?, &[suite]);
                let to = Selected { key_id: 7, public_key: key.config().public_key.clone(), suite };
                let limits = Limits::default();
                let (sealed, _) = client::seal_single(&to, &message, &limits, &OsRandom)?;

                rates.0 = 1e9
                    / nanos(|| {
                        let opened = ours(&key, &sealed, &message, &limits);
                        assert!(opened.is_ok());
                    });
                let bare = floor::Key::new(kem, &bytes)?;
                rates.1 = 1e9 / floor_nanos(&bare, kem, aead, &sealed, &message);
                let peer = match peer_aead {
                    None => f64::NAN,
                    Some(peer_aead) => peer(peer_kem, peer_aead, &message)?,
                };
                let against_floor = rates.0 / rates.1;
                table.push(
                    [
                        format!("{kem_name} / {aead_name}"),
                        size_name.to_owned(),
                        rate(rates.0),
                        rate(rates.1),
                        rate(peer),
                        ratio(against_floor),
                        ratio(rates.0 / peer),
                    ],
                    against_floor,
                    Target::AtLeast(0.85),
                );
                kept.push((kem_name, aead_name, size_name, rates.0));
            }
        }
    }
    let rate_of = |kem: &str, aead: &str, size: &str| {
        let found = kept.iter().find(|(k, a, s, _)| (*k, *a, *s) == (kem, aead, size));
        found.map_or(f64::NAN, |(_, _, _, rate)| *rate)
    };
    for (_, aead, _) in AEADS {
        for (_, size) in SIZES {
            let share = rate_of("X-Wing", aead, size) / rate_of("X25519", aead, size);
            let none = || "–".to_owned();
            let what = format!("X-Wing against X25519 / {aead}");
            let cells = [what, size.to_owned(), ratio(share), none(), none(), none(), none()];
            table.push(cells, share, Target::AtLeast(0.5));
        }
    }
    Ok(table)
}

/// Microseconds of the floor at 1 KiB with AES-128-GCM.
pub(crate) fn floor_micros(kem: Kem) -> Result<f64> {
    let bytes = random::array::<32>(&OsRandom)?;
    let message = vec![0x5a; 1 << 10];
    let suite = Symmetric { kdf: Hkdf::Sha256, aead: Aead::Aes128Gcm };
    let public_key = PrivateKey::from_bytes(kem, &bytes)?.public_key().clone();
    let to = Selected { key_id: 7, public_key, suite };
    let (sealed, _) = client::seal_single(&to, &message, &Limits::default(), &OsRandom)?;
    let bare = floor::Key::new(kem, &bytes)?;
    Ok(floor_nanos(&bare, kem, Aead::Aes128Gcm, &sealed, &message) / 1000.0)
}

fn floor_nanos(key: &floor::Key, kem: Kem, aead: Aead, sealed: &[u8], message: &[u8]) -> f64 {
    let (header, rest) = sealed.split_at(7);
    let (enc, ciphertext) = rest.split_at(kem.enc_len());
    let info = [b"message/bhttp request\0", header].concat();
    nanos(|| {
        let mut request = ciphertext.to_vec();
        let mut answer = message.to_vec();
        assert!(floor::exchange(key, kem, aead, enc, &info, &mut request, &mut answer).is_ok());
    })
}

fn ours(key: &GatewayKey, sealed: &[u8], answer: &[u8], limits: &Limits) -> Result<BytesMut> {
    let message = BytesMut::from(sealed);
    let (header, key) = Header::parse(&message, |_| Some(key))?;
    let opened = gateway::open_single(header, key, message, limits)?;
    let mut out = opened.reply.buffer(answer.len());
    out.extend_from_slice(answer);
    Ok(opened.reply.seal(out, &OsRandom)?)
}

fn peer(kem: hpke::Kem, aead: hpke::Aead, message: &[u8]) -> Result<f64> {
    let suite = SymmetricSuite::new(hpke::Kdf::HkdfSha256, aead);
    let server = Server::new(KeyConfig::new(7, kem, vec![suite])?)?;
    let request = ClientRequest::from_encoded_config(&server.config().encode()?)?;
    let (sealed, _) = request.encapsulate(message)?;
    let mut failed = false;
    let nanos = nanos(|| {
        let answered = server.decapsulate(&sealed).and_then(|(_, reply)| reply.encapsulate(message));
        failed |= answered.is_err();
    });
    if failed {
        return Err(anyhow!("the ohttp crate refused its own message"));
    }
    Ok(1e9 / nanos)
}

fn rate(per_second: f64) -> String {
    match per_second {
        rate if rate.is_nan() => "–".to_owned(),
        rate if rate >= 10_000.0 => format!("{:.1}k", rate / 1000.0),
        rate => format!("{rate:.0}"),
    }
}

fn ratio(ratio: f64) -> String {
    if ratio.is_nan() { "–".to_owned() } else { format!("{ratio:.2}") }
}
