//! The one source of randomness: a trait, so that protocols are testable byte for byte.

use std::sync::Mutex;

use crate::Error;
use zeroize::Zeroizing;

/// Fills buffers with random bytes. The default everywhere is [`OsRandom`].
pub trait Random: Send + Sync {
    /// Fills `out`.
    ///
    /// # Errors
    /// [`Error::Random`] when the source has failed.
    fn fill(&self, out: &mut [u8]) -> Result<(), Error>;

    /// Whether this is a script, from which *everything* has to follow. The backend makes ML-KEM keys, encapsulations
    /// and ML-DSA signatures from its own generator only; where this says true, that randomness is taken from here,
    /// through slower code that lets it be chosen.
    fn is_scripted(&self) -> bool {
        false
    }
}

/// The operating system's generator, through the backend's generator that it seeds.
#[derive(Debug, Clone, Copy, Default)]
pub struct OsRandom;

impl Random for OsRandom {
    fn fill(&self, out: &mut [u8]) -> Result<(), Error> {
        aws_lc_rs::rand::fill(out).map_err(|_| Error::Random)
    }
}

/// Gives out the bytes that it was made with, in order, then fails. Not random at all: it exists to reproduce
/// published vectors. It never repeats a byte and never makes one up, so a protocol that runs on it by mistake stops.
pub struct Scripted {
    rest: Mutex<Zeroizing<Vec<u8>>>,
}

impl Scripted {
    /// A source of exactly `bytes`.
    #[must_use]
    pub fn new(bytes: &[u8]) -> Self {
        Self { rest: Mutex::new(Zeroizing::new(bytes.to_vec())) }
    }
}

impl Random for Scripted {
    fn fill(&self, out: &mut [u8]) -> Result<(), Error> {
        let mut rest = self.rest.lock().map_err(|_| Error::Random)?;
        out.copy_from_slice(rest.get(..out.len()).ok_or(Error::Random)?);
        rest.drain(..out.len());
        Ok(())
    }

    fn is_scripted(&self) -> bool {
        true
    }
}

/// `N` fresh random bytes.
///
/// # Errors
/// [`Error::Random`]
pub fn array<const N: usize>(random: &dyn Random) -> Result<[u8; N], Error> {
    let mut out = [0; N];
    random.fill(&mut out)?;
    Ok(out)
}

/// Feeds `N` random bytes at a time to `key` until it takes them. Every kind of key takes almost any bytes (P-256 refuses
/// one in 2^32), so a source whose bytes are refused again and again is no random source.
pub(crate) fn key<const N: usize, T>(
    random: &dyn Random,
    key: impl Fn(&[u8; N]) -> Result<T, Error>,
) -> Result<T, Error> {
    for _ in 0..8 {
        let bytes = Zeroizing::new(array::<N>(random)?);
        if let Ok(key) = key(&bytes) {
            return Ok(key);
        }
    }
    Err(Error::Random)
}
