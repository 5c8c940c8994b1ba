//! The one writer of a log (SP-72): it alone gives out places in the chain.

use sealwire_crypto::random::{self, Random};

use super::{Checkpoint, Entry, Event, GENESIS, Hash, Kind, LOG_ID_LEN, Signer, hash};
use crate::key::SignError;

/// When a checkpoint is due (SP-73).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Intervals {
    /// after so many entries
    pub entries: u64,
    /// so long after the last checkpoint, in milliseconds, if there is news
    pub time_ms: u64,
}

impl Default for Intervals {
    fn default() -> Self {
        Self { entries: 1_000, time_ms: 60_000 }
    }
}

/// The state of a log that is being written. There is one for each log, and it cannot be copied: two writers with one tip
/// would make two chains.
pub struct Log {
    id: [u8; LOG_ID_LEN],
    signer: Signer,
    intervals: Intervals,
    next: u64,
    tip: Hash,
    last: Option<Checkpoint>,
    /// When the last checkpoint was made, or the log began.
    checked_at: u64,
}

/// An entry that has its place but is not written yet. Until it is committed no other can be made; without commitment
/// its place is given out again.
#[must_use = "an entry that is not committed leaves no trace in the chain"]
pub struct Pending<'a> {
    log: &'a mut Log,
    line: String,
}

/// The end of one segment and the beginning of the next (SP-74).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rotation {
    /// last line of the old segment, if it has entries that no checkpoint covers yet
    pub checkpoint: Option<String>,
    /// first line of the new one
    pub segment: String,
}

impl Log {
    /// A new log: 16 bytes of `random` are its identifier. `now` is in milliseconds since the Unix epoch.
    ///
    /// # Errors
    /// [`sealwire_crypto::Error::Random`]
    pub fn start(
        signer: Signer,
        intervals: Intervals,
        now: u64,
        random: &dyn Random,
    ) -> Result<Self, sealwire_crypto::Error> {
        Ok(Self {
            id: random::array(random)?,
            signer,
            intervals,
            next: 0,
            tip: GENESIS,
            last: None,
            checked_at: now,
        })
    }

    /// The identifier.
    #[must_use]
    pub fn id(&self) -> &[u8; LOG_ID_LEN] {
        &self.id
    }

    /// How many entries were committed.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.next
    }

    /// Gives an event the next place. The caller appends [`Pending::line`], and commits when that is durable.
    pub fn prepare(&mut self, event: Event, now: u64) -> Pending<'_> {
        let line = self.entry(event, now).to_line();
        Pending { log: self, line }
    }

    /// Whether [`Log::checkpoint`] should be called now.
    #[must_use]
    pub fn is_checkpoint_due(&self, now: u64) -> bool {
        let unsealed = self.unsealed();
        unsealed >= self.intervals.entries
            || (unsealed > 0 && now.saturating_sub(self.checked_at) >= self.intervals.time_ms)
    }

    /// The line of a checkpoint over all that was committed; nothing where the last one covers it already. Called when
    /// one is due, and at shutdown.
    ///
    /// # Errors
    /// [`SignError`]
    pub fn checkpoint(&mut self, now: u64) -> Result<Option<String>, SignError> {
        let seq = match self.next.checked_sub(1) {
            Some(seq) if self.unsealed() > 0 => seq,
            _ => return Ok(None),
        };
        let checkpoint = Checkpoint::sign(self.id, seq, self.tip, now, &self.signer)?;
        let line = checkpoint.to_line();
        self.last = Some(checkpoint);
        self.checked_at = now;
        Ok(Some(line))
    }

    /// Ends a segment and begins the next; nothing where no entry was written at all. Old segments may be deleted whole
    /// from then on: what follows can be verified from the checkpoint.
    ///
    /// # Errors
    /// [`SignError`]
    pub fn rotate(&mut self, now: u64) -> Result<Option<Rotation>, SignError> {
        let checkpoint = self.checkpoint(now)?;
        let Some(last) = &self.last else { return Ok(None) };
        let mut event = Event::new(Kind::Segment);
        event.detail = Some(last.sig_text());
        let pending = self.prepare(event, now);
        let segment = pending.line().to_owned();
        pending.commit();
        Ok(Some(Rotation { checkpoint, segment }))
    }

    /// The last checkpoint.
    #[must_use]
    pub fn last_checkpoint(&self) -> Option<&Checkpoint> {
        self.last.as_ref()
    }

    fn entry(&self, event: Event, ts: u64) -> Entry {
        Entry { event, log: self.id, seq: self.next, prev: self.tip, ts }
    }

    /// How many entries no checkpoint covers.
    fn unsealed(&self) -> u64 {
        let sealed = self.last.as_ref().map_or(0, |checkpoint| checkpoint.seq.saturating_add(1));
        self.next.saturating_sub(sealed)
    }
}

impl Pending<'_> {
    /// The line to append, without a newline.
    #[must_use]
    pub fn line(&self) -> &str {
        &self.line
    }

    /// It is written: the next entry will name it.
    pub fn commit(self) {
        self.log.tip = hash(&self.line);
        self.log.next = self.log.next.saturating_add(1);
    }
}
