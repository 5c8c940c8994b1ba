use sealwire_crypto::aead::Aead;
use sealwire_message::{bhttp, chunk};
use std::time::Duration;

/// OB-29: plaintext bytes of one message under an AES-GCM key, whatever [`Limits`] says.
pub const AES_GCM_MESSAGE: u64 = 1 << 30;

/// Every limit of the wire (section 9 of the specification), with its defaults.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// single-shot request plaintext, bytes
    pub single_request: usize,
    /// single-shot response plaintext, bytes
    pub single_response: usize,
    /// chunked messages; for AES-GCM the message is never longer than [`AES_GCM_MESSAGE`]
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
    /// The limits of a chunked message under `aead` (OB-29).
    pub(crate) fn chunk(&self, aead: Aead) -> chunk::Limits {
        let message = match aead {
            Aead::Aes128Gcm | Aead::Aes256Gcm => self.chunk.message.min(AES_GCM_MESSAGE),
            Aead::ChaCha20Poly1305 => self.chunk.message,
        };
        chunk::Limits { message, ..self.chunk }
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
