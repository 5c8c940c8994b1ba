//! Randomness that follows from a name.

use sealwire_crypto::{Error, digest::sha512, random::Random};
use std::sync::Mutex;

/// Each draw is SHA-512 of the name, the draw's number and a block number. What was drawn is kept, because vectors say
/// what the private keys were.
pub(crate) struct Script {
    name: String,
    drawn: Mutex<Vec<Vec<u8>>>,
}

impl Script {
    pub(crate) fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), drawn: Mutex::default() }
    }

    /// What was drawn so far, in order.
    pub(crate) fn drawn(&self) -> Vec<Vec<u8>> {
        self.drawn.lock().unwrap().clone()
    }
}

impl Random for Script {
    fn fill(&self, out: &mut [u8]) -> Result<(), Error> {
        let mut drawn = self.drawn.lock().unwrap();
        let number = u32::try_from(drawn.len()).unwrap().to_be_bytes();
        for (block, part) in (0_u32..).zip(out.chunks_mut(64)) {
            let bytes = sha512(&[self.name.as_bytes(), &number, &block.to_be_bytes()]);
            part.copy_from_slice(&bytes[..part.len()]);
        }
        drawn.push(out.to_vec());
        Ok(())
    }

    fn is_scripted(&self) -> bool {
        true
    }
}
