//! Keys of a response (RFC 9458 section 4.4; the chunked form differs in its label alone).

use crate::{Error, form::Form};
use sealwire_crypto::{
    aead::{Aead, Key, NONCE_LEN, Sequence},
    hpke::Symmetric,
};
use zeroize::Zeroizing;

/// Length of the response nonce and of the exported secret: max(Nn, Nk). It differs by AEAD (OB-150).
pub(crate) fn nonce_len(aead: Aead) -> usize {
    aead.key_len().max(NONCE_LEN)
}

/// What an exchange keeps of its HPKE context: exported when the context is set up, so that the context itself can
/// move into whatever seals or opens the request's chunks.
pub(crate) struct ResponseSecret {
    suite: Symmetric,
    enc: Vec<u8>,
    secret: Zeroizing<Vec<u8>>,
}

impl ResponseSecret {
    /// `export` is Context.Export of either side.
    pub(crate) fn new(
        form: Form,
        suite: Symmetric,
        enc: Vec<u8>,
        export: impl FnOnce(&[u8], &mut [u8]) -> Result<(), sealwire_crypto::Error>,
    ) -> Result<Self, Error> {
        let mut secret = Zeroizing::new(vec![0; nonce_len(suite.aead)]);
        export(form.response_label(), &mut secret)?;
        Ok(Self { suite, enc, secret })
    }

    /// Length of the nonce of a response.
    pub(crate) fn nonce_len(&self) -> usize {
        nonce_len(self.suite.aead)
    }

    /// Key and base nonce of the response with this nonce.
    pub(crate) fn key(&self, nonce: &[u8]) -> Result<(Key, [u8; NONCE_LEN]), Error> {
        let prk = self.suite.kdf.extract(&[&self.enc, nonce].concat(), &[&self.secret]);
        let mut key = Zeroizing::new(vec![0; self.suite.aead.key_len()]);
        prk.expand(&[b"key"], &mut key)?;
        let mut base_nonce = [0; NONCE_LEN];
        prk.expand(&[b"nonce"], &mut base_nonce)?;
        Ok((Key::new(self.suite.aead, &key)?, base_nonce))
    }

    /// The sequence of a chunked response with this nonce: nonce i is the base nonce XOR i, the final chunk included.
    pub(crate) fn sequence(&self, nonce: &[u8]) -> Result<Sequence, Error> {
        let (key, base_nonce) = self.key(nonce)?;
        Ok(Sequence::new(key, base_nonce))
    }
}

#[cfg(test)]
#[path = "../tests/common/vectors.rs"]
mod vectors;

#[cfg(test)]
mod tests {
    //! A client's cases that start from an exported secret, which no public call takes.

    use super::vectors::{bytes, load, number, text};
    use super::*;
    use crate::{Limits, client, media};
    use bytes::BytesMut;
    use sealwire_crypto::kdf::Hkdf;
    use sealwire_message::chunk::{self, Opened};
    use serde_json::Value;

    fn secret(case: &Value) -> ResponseSecret {
        let aead = Aead::from_id(number(case, "aead_id")).unwrap();
        let exported = bytes(case, "export_secret");
        // OB-150: 16 bytes for AES-128-GCM, 32 for the others.
        assert_eq!(exported.len(), nonce_len(aead));
        let suite = Symmetric { kdf: Hkdf::Sha256, aead };
        ResponseSecret::new(Form::Single, suite, bytes(case, "enc"), |_, out| {
            out.copy_from_slice(&exported);
            Ok(())
        })
        .unwrap()
    }

    fn single(case: &Value) -> Result<Vec<u8>, Error> {
        let response = client::SingleResponse::new(secret(case), Limits::default().single_response);
        Ok(response.open(BytesMut::from(&bytes(case, "message")[..]))?.to_vec())
    }

    /// What is released, slice by slice, and how the message ends.
    fn chunked(case: &Value, message: &[u8], size: usize) -> (Vec<u8>, Result<(), Error>) {
        let mut response = client::ChunkedResponse::new(secret(case), Limits::default().chunk);
        let mut slices = message.chunks(size);
        let mut released = Vec::new();
        loop {
            match response.next_chunk() {
                Ok(Some(Opened::Chunk(chunk))) => released.extend_from_slice(&chunk),
                Ok(Some(Opened::Final(chunk))) => {
                    released.extend_from_slice(&chunk);
                    return (released, Ok(()));
                }
                Ok(None) => match slices.next() {
                    Some(slice) => response.push(slice).unwrap(),
                    None => response.end(),
                },
                Err(error) => return (released, Err(error)),
            }
        }
    }

    #[test]
    fn negative() {
        let Some(file) = load("negative.json") else { return };
        let cases = file["cases"].as_array().unwrap();
        let mut seen = 0;
        for case in cases.iter().filter(|case| text(case, "role") == "client") {
            seen += 1;
            let id = text(case, "id");
            let message = bytes(case, "message");
            // ON-51: the client made a chunked request and has only a chunked response to open (OB-116). The layer
            // above refuses by media type; bytes that are opened as the other form fail in any case (OB-106).
            if text(case, "content_type") == media::RESPONSE {
                let want = match id {
                    "ON-40" => Ok(bytes(case, "plaintext")),
                    "ON-41" => Err(Error::ResponseTooShort), // OB-115, OB-159
                    "ON-43" | "ON-44" | "ON-51" => Err(Error::ResponseOpen), // OB-115, OB-116
                    _ => panic!("no expectation for {id}"),
                };
                assert_eq!(single(case), want, "{id}");
                continue;
            }
            let want = match id {
                "ON-45" => Ok(()),
                "ON-46" => Err(Error::Chunk(chunk::Error::Truncated)), // OB-108
                "ON-48" | "ON-49" => Err(Error::Chunk(chunk::Error::Open)), // OB-109, OB-110
                _ => panic!("no expectation for {id}"),
            };
            let released = if want.is_ok() { "plaintext" } else { "authenticated_before_error" };
            for size in [message.len(), 1, 5] {
                assert_eq!(chunked(case, &message, size), (bytes(case, released), want), "{id}");
            }
        }
        assert!(seen > 8);
    }

    /// OB-02: responses to X-Wing requests, which cannot be made again from the vector.
    #[test]
    fn other_kems() {
        let Some(file) = load("kem.json") else { return };
        for vector in file["vectors"].as_array().unwrap() {
            let id = text(vector, "id");
            let message = bytes(vector, "encapsulated_response");
            let nonce = bytes(vector, "response_nonce");
            let (_, base_nonce) = secret(vector).key(&nonce).unwrap();
            assert_eq!(base_nonce[..], bytes(vector, "aead_nonce"), "{id}");
            let response = bytes(vector, "response");
            if vector.get("response_chunks").is_some() {
                assert_eq!(chunked(vector, &message, 3), (response, Ok(())), "{id}");
            } else {
                let client = client::SingleResponse::new(secret(vector), response.len());
                assert_eq!(client.open(BytesMut::from(&message[..])).unwrap(), response, "{id}");
            }
        }
    }
}
