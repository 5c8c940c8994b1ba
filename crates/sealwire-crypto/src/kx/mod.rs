//! Ephemeral key agreement of handshakes: one share from the client, one from the server, one secret.
//!
//! The hybrids are those of TLS 1.3 (RFC 10024). Their secrets are the halves' secrets side by side, so they are fit for a
//! key schedule over a transcript that holds both shares, and for nothing else.

mod group;

use aws_lc_rs::kem::DecapsulationKey;

pub use group::Group;

use crate::{Error, ecdh::PrivateScalar, mlkem, random::Random};
use zeroize::Zeroizing;

/// The client's side until the server's share is here: used once, never copied, wiped on drop.
pub struct Offer {
    group: Group,
    scalar: PrivateScalar,
    ml_kem: Option<DecapsulationKey>,
    share: Vec<u8>,
}

impl Offer {
    /// A fresh offer. Of `random` it takes the scalar, 32 or 48 bytes; ML-KEM keys come from the backend's generator. From a
    /// script ([`Random::is_scripted`]) it takes the seed d || z too, 64 bytes, in the order of the shares.
    ///
    /// # Errors
    /// [`Error::Random`]
    pub fn generate(group: Group, random: &dyn Random) -> Result<Self, Error> {
        let (scalar, ml_kem) = in_order(
            group,
            || PrivateScalar::generate(group.curve(), random),
            || group.ml_kem().map(|ml_kem| ml_kem.generate(random)).transpose(),
        )?;
        let (ml_kem, encapsulation_key) = ml_kem.unzip();
        let share = group.join(&encapsulation_key.unwrap_or_default(), &scalar.public_key()?);
        Ok(Self { group, scalar, ml_kem, share })
    }

    /// The group.
    #[must_use]
    pub fn group(&self) -> Group {
        self.group
    }

    /// The client's share, [`Group::client_share_len`] bytes.
    #[must_use]
    pub fn share(&self) -> &[u8] {
        &self.share
    }

    /// The secret that the server's share gives, [`Group::server_share_len`] bytes.
    ///
    /// # Errors
    /// [`Error::Kem`]: wrong length, a point off the curve or of low order. An ML-KEM ciphertext that was altered is no
    /// error here: it gives another secret, and the first tag fails.
    pub fn complete(self, server_share: &[u8]) -> Result<SharedSecret, Error> {
        let (ciphertext, point) = self.group.split_server(server_share)?;
        let curve = agree(self.group, &self.scalar, point)?;
        let ml_kem = self.ml_kem.map(|key| mlkem::decapsulate(&key, ciphertext)).transpose()?;
        Ok(SharedSecret::join(self.group, ml_kem, &curve))
    }
}

/// The server's side: its share, [`Group::server_share_len`] bytes, and the secret.
///
/// Of `random` it takes the scalar, 32 or 48 bytes; ML-KEM encapsulates with the backend's generator. From a script
/// ([`Random::is_scripted`]) it takes the randomness m too, 32 bytes, in the order of the shares.
///
/// # Errors
/// [`Error::Kem`]: wrong length, a point off the curve or of low order, an ML-KEM key that fails the modulus check;
/// [`Error::Random`].
pub fn respond(
    group: Group,
    client_share: &[u8],
    random: &dyn Random,
) -> Result<(Vec<u8>, SharedSecret), Error> {
    let (encapsulation_key, point) = group.split_client(client_share)?;
    let ((own_point, curve), ml_kem) = in_order(
        group,
        || {
            let scalar = PrivateScalar::generate(group.curve(), random)?;
            Ok((scalar.public_key()?, agree(group, &scalar, point)?))
        },
        || group.ml_kem().map(|ml_kem| ml_kem.encapsulate(encapsulation_key, random)).transpose(),
    )?;
    let (ciphertext, ml_kem) = ml_kem.unzip();
    let share = group.join(&ciphertext.unwrap_or_default(), &own_point);
    Ok((share, SharedSecret::join(group, ml_kem, &curve)))
}

/// What both sides share: 64, 80 or 32 bytes. Never shown, wiped on drop.
pub struct SharedSecret(Zeroizing<Vec<u8>>);

impl SharedSecret {
    fn join(group: Group, ml_kem: Option<mlkem::Secret>, curve: &[u8]) -> Self {
        let ml_kem = ml_kem.as_ref().map_or(&[][..], |secret| secret.as_slice());
        Self(Zeroizing::new(group.join(ml_kem, curve)))
    }

    /// The bytes, as input keying material.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// Does both halves in the order of the group's shares, which is the order that they draw from a script.
fn in_order<C, K>(
    group: Group,
    curve: impl FnOnce() -> Result<C, Error>,
    ml_kem: impl FnOnce() -> Result<K, Error>,
) -> Result<(C, K), Error> {
    if group.ml_kem_first() {
        let ml_kem = ml_kem()?;
        Ok((curve()?, ml_kem))
    } else {
        Ok((curve()?, ml_kem()?))
    }
}

/// The agreement with a peer's point in bytes.
fn agree(group: Group, scalar: &PrivateScalar, point: &[u8]) -> Result<Zeroizing<Vec<u8>>, Error> {
    let curve = group.curve();
    let mut secret = Zeroizing::new(vec![0; curve.secret_len()]);
    scalar.agree(curve.point(point).ok_or(Error::Kem)?, &mut secret)?;
    Ok(secret)
}
