//! Which registers are quoted.

use super::Error;
use std::{fmt, str::FromStr};

/// A selection of the registers 0 to 23, as a TPM takes it: a bitmap, the lowest register first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pcrs([u8; 3]);

impl Default for Pcrs {
    /// All but 16 (debug) and 23 (application): any program may reset those, so they prove nothing (TCG PC Client
    /// Platform TPM Profile, section 4.6).
    fn default() -> Self {
        Self([0xff, 0xff, 0x7e])
    }
}

impl Pcrs {
    pub(super) fn bitmap(&self) -> &[u8; 3] {
        &self.0
    }
}

impl FromStr for Pcrs {
    type Err = Error;

    /// Numbers and ranges: `0-7,11`.
    fn from_str(text: &str) -> Result<Self, Error> {
        let no = || Error::Pcrs(text.to_owned());
        let mut bits = 0u32;
        for part in text.split(',') {
            let (first, last) = part.split_once('-').unwrap_or((part, part));
            let [first, last] =
                [first, last].map(|number| number.trim().parse::<u32>().ok().filter(|n| *n < 24));
            let (first, last) = first.zip(last).filter(|(first, last)| first <= last).ok_or_else(no)?;
            bits |= (first..=last).fold(0, |bits, index| bits | 1 << index);
        }
        let [a, b, c, _] = bits.to_le_bytes();
        Ok(Self([a, b, c]))
    }
}

impl fmt::Display for Pcrs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c] = self.0;
        let bits = u32::from_le_bytes([a, b, c, 0]);
        let mut comma = "";
        let mut index = 0;
        while index < 24 {
            let run = (bits >> index).trailing_ones();
            match run {
                0 => {}
                1 => write!(f, "{comma}{index}")?,
                _ => write!(f, "{comma}{index}-{}", index + run - 1)?,
            }
            if run > 0 {
                comma = ",";
            }
            index += run + 1;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn selections_are_written_as_they_are_read() {
        for text in ["0-15,17-22", "7", "0,2,4-6,23", "0-23"] {
            assert_eq!(text.parse::<Pcrs>().unwrap().to_string(), text);
        }
        assert_eq!(Pcrs::default().to_string(), "0-15,17-22");
        assert_eq!("0-7,4,11".parse::<Pcrs>().unwrap().bitmap(), &[0xff, 0x08, 0]);
        for text in ["", "24", "3-1", "0-24", "a", "1,", "-1", "1-", "sha256:0"] {
            assert!(matches!(text.parse::<Pcrs>(), Err(Error::Pcrs(_))), "{text}");
        }
    }
}
