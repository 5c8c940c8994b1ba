//! The replay window of a session (SE-30): which numbers have come.

use crate::Error;

/// The highest number that came, and a bit for each of so many below it.
#[derive(Debug)]
pub struct Window {
    /// one above the highest that came; 0 before the first
    next: u128,
    /// bit `n % (64 × len)` for number `n`; made when the first number comes
    seen: Vec<u64>,
    words: usize,
    size: u32,
}

impl Window {
    /// A window of `size` numbers below the highest.
    #[must_use]
    pub fn new(size: u32) -> Self {
        // The highest itself has a bit too.
        let words = usize::try_from(size).unwrap_or(usize::MAX).saturating_add(1).div_ceil(64);
        Self { next: 0, seen: Vec::new(), words, size }
    }

    /// Marks a number whose header MAC has held. Nothing else may move the window (SE-74).
    ///
    /// # Errors
    /// [`Error::Replay`]: it came before, or lies below the window.
    pub fn mark(&mut self, number: u64) -> Result<(), Error> {
        if self.seen.is_empty() {
            self.seen = vec![0; self.words];
        }
        let size = (self.words as u128).saturating_mul(64);
        let after = u128::from(number).saturating_add(1);
        if after > self.next {
            let fresh = after.saturating_sub(self.next).min(size);
            for step in 0..fresh {
                self.set(self.next.saturating_add(step), size, false);
            }
            self.next = after;
        } else if self.next.saturating_sub(after) > self.size.into() || self.get(number.into(), size) {
            return Err(Error::Replay);
        }
        self.set(number.into(), size, true);
        Ok(())
    }

    fn get(&self, number: u128, size: u128) -> bool {
        let (word, bit) = place(number, size);
        self.seen.get(word).is_some_and(|word| word & bit != 0)
    }

    fn set(&mut self, number: u128, size: u128, on: bool) {
        let (word, bit) = place(number, size);
        if let Some(word) = self.seen.get_mut(word) {
            if on { *word |= bit } else { *word &= !bit }
        }
    }
}

fn place(number: u128, size: u128) -> (usize, u64) {
    let at = number.checked_rem(size).unwrap_or_default();
    let word = usize::try_from(at / 64).unwrap_or(usize::MAX);
    (word, 1 << (at % 64))
}
