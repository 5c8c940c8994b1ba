use sealwire_crypto::aead::Aead;
use sealwire_message::{bhttp, chunk};
use std::time::Duration;

/// OB-29: plaintext bytes of one message under an AES-GCM key, whatever [`Limits`] says.
pub const AES_GCM_MESSAGE: usize = 1 << 30;

/// Every limit of the wire (section 10 of `docs/spec/oblivious.md`), with its defaults. Under AES-GCM no message is longer
/// than [`AES_GCM_MESSAGE`], also where a limit here says more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// single-shot request plaintext, bytes
    pub single_request: usize,
    /// single-shot response plaintext, bytes
    pub single_response: usize,
    /// chunked messages
    pub chunk: chunk::Limits,
    /// the Binary HTTP inside
    pub bhttp: bhttp::Limits,
    /// configs of a list
    pub configs: usize,
    /// bytes of a list
    pub config_list: usize,
    /// from the first byte of a request to its inner head
    pub header_time: Duration,
    /// between two chunks
    pub idle_time: Duration,
}

impl Limits {
    /// Plaintext bytes of a single-shot request under `aead` (OB-29).
    pub(crate) fn request(&self, aead: Aead) -> usize {
        self.single_request.min(bound(aead))
    }

    /// Plaintext bytes of a single-shot response under `aead` (OB-29).
    pub(crate) fn response(&self, aead: Aead) -> usize {
        self.single_response.min(bound(aead))
    }

    /// The limits of a chunked message under `aead` (OB-29).
    pub(crate) fn chunk(&self, aead: Aead) -> chunk::Limits {
        let bound = u64::try_from(bound(aead)).unwrap_or(u64::MAX);
        chunk::Limits { message: self.chunk.message.min(bound), ..self.chunk }
    }
}

/// Plaintext bytes of one message under `aead`, whatever the limits say.
fn bound(aead: Aead) -> usize {
    match aead {
        Aead::Aes128Gcm | Aead::Aes256Gcm => AES_GCM_MESSAGE,
        Aead::ChaCha20Poly1305 => usize::MAX,
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            single_request: 1 << 20,
            single_response: 8 << 20,
            chunk: chunk::Limits {
                received_chunk: 65536,
                sent_chunk: 16384,
                chunks: 1 << 24,
                message: 1 << 30,
            },
            bhttp: bhttp::Limits {
                control_data: 8 << 10,
                section: 64 << 10,
                fields: 256,
                name: 256,
                value: 16 << 10,
                informational: 16,
                padding: 1 << 20,
            },
            configs: 16,
            config_list: 64 << 10,
            header_time: Duration::from_secs(10),
            idle_time: Duration::from_secs(60),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// OB-29: also for single-shot messages, where a limit was raised above it.
    #[test]
    fn aes_gcm() {
        let mut limits = Limits { single_request: usize::MAX, ..Limits::default() };
        limits.single_response = AES_GCM_MESSAGE + 1;
        for aead in [Aead::Aes128Gcm, Aead::Aes256Gcm] {
            assert_eq!(limits.request(aead), AES_GCM_MESSAGE);
            assert_eq!(limits.response(aead), AES_GCM_MESSAGE);
        }
        assert_eq!(limits.request(Aead::ChaCha20Poly1305), usize::MAX);
        assert_eq!(limits.response(Aead::ChaCha20Poly1305), AES_GCM_MESSAGE + 1);
        assert_eq!(Limits::default().request(Aead::Aes128Gcm), 1 << 20);
    }
}
