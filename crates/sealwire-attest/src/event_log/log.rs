use super::{Bank, MAX_EVENTS, MAX_LEN};
use crate::{
    Error,
    binary::{Format, Reader},
};

/// What the first event's data begins with (PFP 10.4.5.1, TCG_EfiSpecIdEvent).
const SIGNATURE: &[u8; 16] = b"Spec ID Event03\0";
/// An event that says something and extends nothing.
const EV_NO_ACTION: u32 = 3;
/// The most banks of one log; TPMs have up to four.
const MAX_BANKS: usize = 8;
/// The highest index of a PCR.
const LAST_REGISTER: u32 = 23;

/// Little-endian throughout.
const FORMAT: Format =
    Format { cut_short: "an event log that is cut short", trailing: "bytes after the banks of an event log" };

/// A log that parsed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Log<'a> {
    /// algorithm (TPM_ALG_ID) and length of a digest, for every bank
    banks: Vec<(u16, usize)>,
    events: Vec<Event<'a>>,
}

/// One event (TCG_PCR_EVENT2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Event<'a> {
    /// which register it extended
    pub register: u32,
    /// its type (`EV_…`, PFP 10.4.1)
    pub kind: u32,
    /// what the firmware says that it measured; vouched for by nothing
    pub data: &'a [u8],
    /// algorithm and digest, one after the other, one for every bank
    digests: &'a [u8],
}

impl<'a> Log<'a> {
    /// Parses a log from its first event, which names the banks. Behind the last event there may be nothing, or bytes
    /// that are all ff or all zero to the end: firmware leaves its buffer so.
    ///
    /// # Errors
    /// AT-08: [`Error::Malformed`].
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Error> {
        if bytes.len() > MAX_LEN {
            return Err(Error::Malformed("an event log that is too long"));
        }
        let mut input = Reader::new(bytes, &FORMAT);
        let mut log = Self { banks: header(&mut input)?, events: Vec::new() };
        while !is_padding(input.rest()) {
            if log.events.len() == MAX_EVENTS {
                return Err(Error::Malformed("an event log of too many events"));
            }
            log.events.push(event(&mut input, &log.banks)?);
        }
        Ok(log)
    }

    /// The events, the first one without, which only tells the format.
    #[must_use]
    pub fn events(&self) -> &[Event<'a>] {
        &self.events
    }

    /// Whether there are digests of this bank.
    #[must_use]
    pub fn has_bank(&self, bank: Bank) -> bool {
        self.banks.iter().any(|(algorithm, _)| *algorithm == bank.id())
    }

    /// What `event`, one of this log's, extended its register of a bank with.
    #[must_use]
    pub fn digest(&self, event: &Event<'a>, bank: Bank) -> Option<&'a [u8]> {
        let mut digests = Reader::new(event.digests, &FORMAT);
        while let Ok(algorithm) = digests.u16_le() {
            let (_, len) = self.banks.iter().find(|(known, _)| *known == algorithm)?;
            let digest = digests.take(*len).ok()?;
            if algorithm == bank.id() {
                return Some(digest);
            }
        }
        None
    }
}

impl Event<'_> {
    /// Whether it extended its register.
    #[must_use]
    pub fn extends(&self) -> bool {
        self.kind != EV_NO_ACTION
    }
}

/// The end, or a tail of one byte repeated. An event of type 0 without digests does not exist, nor one of type
/// `ffffffff`, so neither can begin like this; each test stops at the first byte that differs.
fn is_padding(rest: &[u8]) -> bool {
    rest.iter().all(|byte| *byte == 0) || rest.iter().all(|byte| *byte == 0xff)
}

/// The first event, in the old format (TCG_PCClientPCREvent), and in it the banks of all others.
fn header(log: &mut Reader<'_>) -> Result<Vec<(u16, usize)>, Error> {
    let _register = log.u32_le()?;
    let kind = log.u32_le()?;
    let digest: &[u8; 20] = log.array()?;
    let mut data = Reader::new(log.sized_u32_le()?, &FORMAT);
    if kind != EV_NO_ACTION || *digest != [0; 20] || data.array()? != SIGNATURE {
        return Err(Error::Malformed("not a crypto-agile event log"));
    }
    let _platform_class = data.u32_le()?;
    let _version_and_uintn_size: &[u8; 4] = data.array()?;
    let count = usize::try_from(data.u32_le()?).unwrap_or(usize::MAX);
    if count == 0 || count > MAX_BANKS {
        return Err(Error::Malformed("an event log of too few or too many banks"));
    }
    let mut banks: Vec<(u16, usize)> = Vec::with_capacity(count);
    for _ in 0..count {
        let (algorithm, len) = (data.u16_le()?, usize::from(data.u16_le()?));
        let is_known_twice = banks.iter().any(|(known, _)| *known == algorithm);
        let is_odd = Bank::from_id(algorithm).is_some_and(|bank| bank.digest_len() != len);
        if is_known_twice || is_odd || len == 0 || len > 64 {
            return Err(Error::Malformed("an event log with an impossible bank"));
        }
        banks.push((algorithm, len));
    }
    let vendor_len = data.u8()?;
    data.take(usize::from(vendor_len))?;
    data.finish()?;
    Ok(banks)
}

fn event<'a>(log: &mut Reader<'a>, banks: &[(u16, usize)]) -> Result<Event<'a>, Error> {
    let register = log.u32_le()?;
    let kind = log.u32_le()?;
    // An event that extends nothing may name no register (ffffffff).
    if register > LAST_REGISTER && kind != EV_NO_ACTION {
        return Err(Error::Malformed("an event of a register that does not exist"));
    }
    let other_banks = Error::Malformed("an event with digests of other banks than the log");
    if usize::try_from(log.u32_le()?) != Ok(banks.len()) {
        return Err(other_banks);
    }
    let start = log.rest();
    let mut seen = 0_u32;
    for _ in banks {
        let algorithm = log.u16_le()?;
        let index = banks.iter().position(|(known, _)| *known == algorithm).ok_or(other_banks.clone())?;
        let (_, len) = banks.get(index).ok_or(other_banks.clone())?;
        log.take(*len)?;
        if seen & (1 << index) != 0 {
            return Err(other_banks);
        }
        seen |= 1 << index;
    }
    let digests = start.get(..start.len() - log.rest().len()).ok_or_else(|| log.cut_short())?;
    Ok(Event { register, kind, digests, data: log.sized_u32_le()? })
}
