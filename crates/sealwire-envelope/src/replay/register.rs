use std::hash::{BuildHasher as _, RandomState};

use super::{Key, Reserved};

/// No room for another message, or for another of this sender (SP-40). Nothing that still counts was forgotten for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the replay register is full")]
pub struct Full;

/// Remembers messages in memory (SP-40). All its memory is taken when it is made, so that no call waits for a table to
/// grow (PF-06): 32 bytes for each entry, and between 8 and 16 to find it.
///
/// Entries leave by time order, in steps of a second: each call looks at a few whose time has come. One that still counts
/// never leaves.
pub struct Register {
    entries: Vec<Entry>,
    capacity: usize,
    /// first of the entries that are not in use
    free: u32,
    live: usize,
    /// open addressing with linear probing: entries by key
    table: Vec<u32>,
    /// entries by the second in which their time comes, modulo [`WHEEL`]
    wheel: Vec<u32>,
    /// the second that is swept next
    hand: Option<i64>,
    /// how many entries senders have, by a keyed hash of their name; who shares a counter shares its room
    shares: Vec<u32>,
    keyed: RandomState,
}

#[derive(Clone, Copy)]
struct Entry {
    /// half of the key, which nobody can aim at
    key: [u8; 16],
    until_ms: i64,
    share: u32,
    /// the next in the same second, or the next that is free
    next: u32,
}

/// No entry.
const NONE: u32 = u32::MAX;
/// Seconds on the wheel: more than the longest lifetime and twice the clocks' difference (EN-13).
const WHEEL: usize = 1 << 17;
const SHARES: usize = 1 << 16;
/// How many entries a call lets go, so that many which expire at once make nobody wait.
const SWEPT: usize = 8;
/// How many a call lets go rather than refuse.
const SWEPT_WHEN_FULL: usize = 512;
/// How many empty seconds a call passes over.
const PASSED: usize = 4096;

impl Register {
    /// How many entries a register has unless told otherwise (SP-40).
    pub const DEFAULT_CAPACITY: usize = 1_000_000;

    /// Takes the memory for `capacity` entries, of which one sender may have a quarter; at least 4, at most 2^30.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        let capacity = capacity.clamp(4, 1 << 30);
        Self {
            entries: Vec::with_capacity(capacity),
            capacity,
            free: NONE,
            live: 0,
            // At most half full, so that probes stay short.
            table: vec![NONE; (capacity * 2).next_power_of_two()],
            wheel: vec![NONE; WHEEL],
            hand: None,
            shares: vec![0; SHARES],
            keyed: RandomState::new(),
        }
    }

    /// How many entries there are, those included whose time has come and that nobody has let go yet.
    #[must_use]
    pub fn len(&self) -> usize {
        self.live
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.live == 0
    }

    /// Remembers `key` of `sender` until `until_ms`, unless it is remembered. Times are milliseconds since the Unix epoch.
    ///
    /// # Errors
    /// [`Full`]
    pub fn reserve(&mut self, key: &Key, sender: &str, until_ms: i64, now_ms: i64) -> Result<Reserved, Full> {
        self.sweep(now_ms, SWEPT);
        let key = half(key);
        if let Some(at) = self.find(&key) {
            let index = self.slot(at);
            let Some(entry) = self.entries.get_mut(index as usize) else { return Err(Full) };
            if entry.until_ms > now_ms {
                return Ok(Reserved::Replay);
            }
            // Its time has come, but not its second. It stays on the wheel, which moves it on when it gets there.
            entry.until_ms = until_ms;
            return Ok(Reserved::Fresh);
        }
        let share = (self.keyed.hash_one(sender) % SHARES as u64) as u32;
        let room = |register: &Self| {
            register.live < register.capacity && register.share(share) < (register.capacity / 4) as u32
        };
        if !room(self) {
            self.sweep(now_ms, SWEPT_WHEN_FULL);
            self.sweep_this_second(now_ms);
            if !room(self) {
                return Err(Full);
            }
        }
        self.insert(Entry { key, until_ms, share, next: NONE }, now_ms);
        Ok(Reserved::Fresh)
    }

    fn insert(&mut self, mut entry: Entry, now_ms: i64) {
        let hand = *self.hand.get_or_insert(second(now_ms));
        let bucket = bucket_ahead(hand, entry.until_ms);
        entry.next = self.wheel.get(bucket).copied().unwrap_or(NONE);
        let index = if let Some(free) = self.entries.get_mut(self.free as usize) {
            let index = self.free;
            self.free = free.next;
            *free = entry;
            index
        } else {
            self.entries.push(entry);
            (self.entries.len() - 1) as u32
        };
        set(&mut self.wheel, bucket, index);
        if let Some(count) = self.shares.get_mut(entry.share as usize) {
            *count += 1;
        }
        self.live += 1;
        let mut at = self.home(&entry.key);
        while self.slot(at) != NONE {
            at = self.after(at);
        }
        set(&mut self.table, at, index);
    }

    /// Lets go at most `most` entries whose time has come.
    fn sweep(&mut self, now_ms: i64, most: usize) {
        let Some(mut hand) = self.hand else { return };
        let mut left = most;
        for _ in 0..PASSED {
            // A second is swept when all of it has passed.
            if hand >= second(now_ms) {
                break;
            }
            let bucket = bucket(hand);
            while let Some(entry) = self.entry(self.wheel.get(bucket).copied().unwrap_or(NONE)) {
                if left == 0 {
                    self.hand = Some(hand);
                    return;
                }
                left -= 1;
                let index = self.wheel.get(bucket).copied().unwrap_or(NONE);
                set(&mut self.wheel, bucket, entry.next);
                self.forget(index, entry, hand, now_ms);
            }
            hand += 1;
        }
        self.hand = Some(hand);
        if self.live == 0 {
            // Nothing to pass over: the next entry says where to go on.
            self.hand = None;
        }
    }

    /// Lets go what of the present second has come already.
    fn sweep_this_second(&mut self, now_ms: i64) {
        let hand = second(now_ms);
        if self.hand != Some(hand) {
            return;
        }
        let bucket = bucket(hand);
        let (mut before, mut index) = (NONE, self.wheel.get(bucket).copied().unwrap_or(NONE));
        for _ in 0..SWEPT_WHEN_FULL {
            let Some(entry) = self.entry(index) else { break };
            if entry.until_ms > now_ms {
                before = index;
            } else {
                match self.entries.get_mut(before as usize) {
                    Some(before) => before.next = entry.next,
                    None => set(&mut self.wheel, bucket, entry.next),
                }
                self.forget(index, entry, hand, now_ms);
            }
            index = entry.next;
        }
    }

    /// Lets go an entry that was taken off the wheel, or puts it back when its time has not come: because it came again,
    /// or was further ahead than the wheel is long.
    fn forget(&mut self, index: u32, entry: Entry, hand: i64, now_ms: i64) {
        let next = if entry.until_ms > now_ms {
            let bucket = bucket_ahead(hand, entry.until_ms);
            let next = self.wheel.get(bucket).copied().unwrap_or(NONE);
            set(&mut self.wheel, bucket, index);
            next
        } else {
            if let Some(at) = self.find(&entry.key) {
                self.take_from_table(at, entry.share);
            }
            std::mem::replace(&mut self.free, index)
        };
        if let Some(slot) = self.entries.get_mut(index as usize) {
            slot.next = next;
        }
    }

    fn take_from_table(&mut self, at: usize, share: u32) {
        if let Some(count) = self.shares.get_mut(share as usize) {
            *count = count.saturating_sub(1);
        }
        self.live -= 1;
        // Whatever was pushed behind it moves up, so that there are no gaps and no tombstones.
        let mut gap = at;
        let mut probe = self.after(at);
        while let Some(entry) = self.entry(self.slot(probe)) {
            let home = self.home(&entry.key);
            let mask = self.table.len() - 1;
            if probe.wrapping_sub(home) & mask >= probe.wrapping_sub(gap) & mask {
                let moved = self.slot(probe);
                set(&mut self.table, gap, moved);
                gap = probe;
            }
            probe = self.after(probe);
        }
        set(&mut self.table, gap, NONE);
    }

    fn find(&self, key: &[u8; 16]) -> Option<usize> {
        let mut at = self.home(key);
        while let Some(entry) = self.entry(self.slot(at)) {
            if entry.key == *key {
                return Some(at);
            }
            at = self.after(at);
        }
        None
    }

    fn home(&self, key: &[u8; 16]) -> usize {
        // Keyed, since senders could choose names whose digests lie close together.
        self.keyed.hash_one(key) as usize & (self.table.len() - 1)
    }

    fn after(&self, at: usize) -> usize {
        (at + 1) & (self.table.len() - 1)
    }

    fn slot(&self, at: usize) -> u32 {
        self.table.get(at).copied().unwrap_or(NONE)
    }

    fn entry(&self, index: u32) -> Option<Entry> {
        self.entries.get(index as usize).copied()
    }

    fn share(&self, share: u32) -> u32 {
        self.shares.get(share as usize).copied().unwrap_or(u32::MAX)
    }
}

fn half(Key(key): &Key) -> [u8; 16] {
    *key.first_chunk().unwrap_or(&[0; 16])
}

fn second(ms: i64) -> i64 {
    ms.div_euclid(1000)
}

/// Where on the wheel an entry goes: what should have gone already goes with the next sweep, and what is too far ahead as
/// far as the wheel goes.
fn bucket_ahead(hand: i64, until_ms: i64) -> usize {
    bucket(second(until_ms).clamp(hand, hand.saturating_add(WHEEL as i64 - 1)))
}

fn bucket(second: i64) -> usize {
    second.rem_euclid(WHEEL as i64) as usize
}

fn set(slots: &mut [u32], at: usize, value: u32) {
    if let Some(slot) = slots.get_mut(at) {
        *slot = value;
    }
}
