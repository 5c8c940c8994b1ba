//! Verification of a log (SP-75).

use super::{Checkpoint, Entry, GENESIS, Hash, Keys, Kind, LOG_ID_LEN, hash};

/// An entry that has to be there, known from elsewhere: a checkpoint that was sent to another place, or a note of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// its number
    pub seq: u64,
    /// its hash
    pub hash: Hash,
}

impl From<&Checkpoint> for Head {
    fn from(checkpoint: &Checkpoint) -> Self {
        Self { seq: checkpoint.seq, hash: checkpoint.hash }
    }
}

/// What is wrong with a log (SP-75).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum Why {
    /// a line in another spelling than that of SP-71 or SP-73
    #[error("malformed-entry")]
    MalformedEntry,
    /// a line of another log
    #[error("wrong-log")]
    WrongLog,
    /// a number that is not the next
    #[error("seq-gap")]
    SeqGap,
    /// the entry before was changed, or is another
    #[error("prev-hash-mismatch")]
    PrevHashMismatch,
    /// a checkpoint, a segment's beginning or the expected head that is about another chain
    #[error("checkpoint-mismatch")]
    CheckpointMismatch,
    /// a checkpoint that no trusted key signed
    #[error("bad-checkpoint-signature")]
    BadCheckpointSignature,
    /// the expected head was not reached
    #[error("truncated")]
    Truncated,
}

/// Where a log is broken, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Break {
    /// the line, from 0; for [`Why::Truncated`] the number of lines
    pub at: usize,
    /// what is wrong
    pub why: Why,
}

/// What a verification found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// how many entries hold; all of them, unless the log is broken
    pub length: u64,
    /// how many of them no checkpoint covers: they could be cut off, or be replaced by whoever holds the file
    pub unsealed: u64,
    /// the last checkpoint that holds
    pub last: Option<Checkpoint>,
    /// the first thing that is wrong
    pub broken: Option<Break>,
}

impl Report {
    /// Whether nothing is wrong.
    #[must_use]
    pub fn is_ok(&self) -> bool {
        self.broken.is_none()
    }
}

/// Verifies the lines of a log from its beginning, or from a checkpoint that is trusted because its origin is, and in any
/// case signed. Where a `head` is given, the log has to come as far. Only then does the absence of the last lines show.
#[must_use]
pub fn verify<'a>(
    lines: impl IntoIterator<Item = &'a str>,
    start: Option<&Checkpoint>,
    head: Option<Head>,
    keys: &Keys,
) -> Report {
    let mut chain = Chain::new(start);
    if start.is_some_and(|start| !start.is_signed(keys)) {
        return chain.report(Some(Break { at: 0, why: Why::BadCheckpointSignature }));
    }
    let forked =
        |start: &Checkpoint| head.is_some_and(|head| head.seq == start.seq && head.hash != start.hash);
    if start.is_some_and(forked) {
        return chain.report(Some(Break { at: 0, why: Why::CheckpointMismatch }));
    }
    let mut at = 0;
    for line in lines {
        let taken =
            if Checkpoint::is_meant(line) { chain.checkpoint(line, keys) } else { chain.entry(line, head) };
        if let Err(why) = taken {
            return chain.report(Some(Break { at, why }));
        }
        at += 1;
    }
    let short = head.is_some_and(|head| chain.next <= head.seq);
    chain.report(short.then_some(Break { at, why: Why::Truncated }))
}

struct Chain {
    log: Option<[u8; LOG_ID_LEN]>,
    next: u64,
    tip: Hash,
    last: Option<Checkpoint>,
    length: u64,
    unsealed: u64,
}

impl Chain {
    fn new(start: Option<&Checkpoint>) -> Self {
        Self {
            log: start.map(|start| start.log),
            next: start.map_or(0, |start| start.seq.saturating_add(1)),
            tip: start.map_or(GENESIS, |start| start.hash),
            last: start.cloned(),
            length: 0,
            unsealed: 0,
        }
    }

    fn entry(&mut self, line: &str, head: Option<Head>) -> Result<(), Why> {
        let entry = Entry::from_line(line).map_err(|_| Why::MalformedEntry)?;
        if *self.log.get_or_insert(entry.log) != entry.log {
            return Err(Why::WrongLog);
        }
        if entry.seq != self.next {
            return Err(Why::SeqGap);
        }
        if entry.prev != self.tip {
            return Err(Why::PrevHashMismatch);
        }
        if entry.event.kind == Kind::Segment && !self.follows_its_checkpoint(&entry) {
            return Err(Why::CheckpointMismatch);
        }
        let hash = hash(line);
        if head.is_some_and(|head| head.seq == entry.seq && head.hash != hash) {
            return Err(Why::CheckpointMismatch);
        }
        self.tip = hash;
        self.next = entry.seq.saturating_add(1);
        self.length += 1;
        self.unsealed += 1;
        Ok(())
    }

    /// SP-74: a segment begins right after a checkpoint, and repeats its signature.
    fn follows_its_checkpoint(&self, entry: &Entry) -> bool {
        self.last.as_ref().is_some_and(|last| {
            last.seq.checked_add(1) == Some(entry.seq) && entry.event.detail == Some(last.sig_text())
        })
    }

    fn checkpoint(&mut self, line: &str, keys: &Keys) -> Result<(), Why> {
        let checkpoint = Checkpoint::from_line(line).map_err(|_| Why::MalformedEntry)?;
        if !checkpoint.is_signed(keys) {
            return Err(Why::BadCheckpointSignature);
        }
        if self.log.is_some_and(|log| log != checkpoint.log) {
            return Err(Why::WrongLog);
        }
        if checkpoint.seq.checked_add(1) != Some(self.next) || checkpoint.hash != self.tip {
            return Err(Why::CheckpointMismatch);
        }
        self.last = Some(checkpoint);
        self.unsealed = 0;
        Ok(())
    }

    fn report(self, broken: Option<Break>) -> Report {
        Report { length: self.length, unsealed: self.unsealed, last: self.last, broken }
    }
}
