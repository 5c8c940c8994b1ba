//! The one source of randomness: a trait, so that protocols are testable byte for byte.

use crate::Error;

/// Fills buffers with random bytes. The default everywhere is [`OsRandom`].
pub trait Random: Send + Sync {
    /// Fills `out`.
    ///
    /// # Errors
    /// [`Error::Random`] when the source has failed.
    fn fill(&self, out: &mut [u8]) -> Result<(), Error>;
}

/// The operating system's generator.
#[derive(Debug, Clone, Copy, Default)]
pub struct OsRandom;

impl Random for OsRandom {
    fn fill(&self, _out: &mut [u8]) -> Result<(), Error> {
        todo!()
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
