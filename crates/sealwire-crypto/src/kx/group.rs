//! Groups, and the order and lengths of their halves (RFC 10024).

use crate::{Error, ecdh::Curve, mlkem::MlKem};

/// A key agreement by its number among the TLS supported groups of IANA.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u16)]
pub enum Group {
    /// X25519MLKEM768, 0x11ec: ML-KEM-768, then X25519.
    X25519MlKem768 = 0x11ec,
    /// SecP384r1MLKEM1024, 0x11ed: ECDH on P-384, then ML-KEM-1024.
    SecP384r1MlKem1024 = 0x11ed,
    /// x25519, 0x001d (RFC 7748), which a quantum computer breaks.
    X25519 = 0x001d,
}

impl Group {
    /// The group of a number.
    #[must_use]
    pub fn from_id(id: u16) -> Option<Self> {
        [Self::X25519MlKem768, Self::SecP384r1MlKem1024, Self::X25519]
            .into_iter()
            .find(|group| group.id() == id)
    }

    /// The number.
    #[must_use]
    pub const fn id(self) -> u16 {
        self as u16
    }

    /// The name that IANA gives it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::X25519MlKem768 => "X25519MLKEM768",
            Self::SecP384r1MlKem1024 => "SecP384r1MLKEM1024",
            Self::X25519 => "x25519",
        }
    }

    /// Length of the client's share in bytes: 1216, 1665 or 32.
    #[must_use]
    pub const fn client_share_len(self) -> usize {
        self.curve().point_len() + self.encapsulation_key_len()
    }

    /// Length of the server's share in bytes: 1120, 1665 or 32.
    #[must_use]
    pub const fn server_share_len(self) -> usize {
        self.curve().point_len() + self.ciphertext_len()
    }

    pub(super) const fn curve(self) -> Curve {
        match self {
            Self::X25519MlKem768 | Self::X25519 => Curve::X25519,
            Self::SecP384r1MlKem1024 => Curve::P384,
        }
    }

    pub(super) const fn ml_kem(self) -> Option<MlKem> {
        match self {
            Self::X25519MlKem768 => Some(MlKem::MlKem768),
            Self::SecP384r1MlKem1024 => Some(MlKem::MlKem1024),
            Self::X25519 => None,
        }
    }

    /// Whether the ML-KEM half stands first in shares and secrets. The hybrids differ because SP 800-56C wants a half first
    /// that NIST approves of, which ECDH on P-384 is and X25519 is not.
    pub(super) const fn ml_kem_first(self) -> bool {
        matches!(self, Self::X25519MlKem768)
    }

    const fn encapsulation_key_len(self) -> usize {
        match self.ml_kem() {
            Some(ml_kem) => ml_kem.encapsulation_key_len(),
            None => 0,
        }
    }

    const fn ciphertext_len(self) -> usize {
        match self.ml_kem() {
            Some(ml_kem) => ml_kem.ciphertext_len(),
            None => 0,
        }
    }

    /// The ML-KEM half (empty where there is none) and the point of a client's share.
    pub(super) fn split_client(self, share: &[u8]) -> Result<(&[u8], &[u8]), Error> {
        self.split(share, self.encapsulation_key_len())
    }

    /// The ML-KEM half (empty where there is none) and the point of a server's share.
    pub(super) fn split_server(self, share: &[u8]) -> Result<(&[u8], &[u8]), Error> {
        self.split(share, self.ciphertext_len())
    }

    fn split(self, share: &[u8], ml_kem_len: usize) -> Result<(&[u8], &[u8]), Error> {
        let point_len = self.curve().point_len();
        if share.len() != ml_kem_len + point_len {
            return Err(Error::Kem);
        }
        if self.ml_kem_first() {
            share.split_at_checked(ml_kem_len).ok_or(Error::Kem)
        } else {
            let (point, ml_kem) = share.split_at_checked(point_len).ok_or(Error::Kem)?;
            Ok((ml_kem, point))
        }
    }

    /// Both halves in the group's order.
    pub(super) fn join(self, ml_kem: &[u8], curve: &[u8]) -> Vec<u8> {
        // In one allocation, because secrets are joined here too and a grown vector leaves its old bytes behind.
        if self.ml_kem_first() { [ml_kem, curve].concat() } else { [curve, ml_kem].concat() }
    }
}
