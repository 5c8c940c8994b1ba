//! The tables in the file, and one commit of a group of reservations.

use std::path::Path;

use redb::{
    Builder, Database, ReadableTable, ReadableTableMetadata, Table, TableDefinition, WriteTransaction,
};

use super::file;
use crate::{Error, Reservation};

/// Key to the end of its reservation.
const RESERVATIONS: TableDefinition<'_, &[u8], u64> = TableDefinition::new("reservations");
/// The same, by time: what is over is at the front.
const ENDS: TableDefinition<'_, (u64, &[u8]), ()> = TableDefinition::new("ends");
/// One row: the latest end of anything that was dropped.
const FORGOTTEN: TableDefinition<'_, (), u64> = TableDefinition::new("forgotten");

/// Memory for pages of the file.
const CACHE: usize = 32 << 20;
/// What is over is dropped within the commits, and so many rows in one commit at least; twice as many as were
/// reserved at most, which keeps ahead of them and bounds the time of a commit.
const SWEEP: usize = 256;

/// A reservation that somebody waits for.
pub(super) struct Entry {
    pub(super) key: Box<[u8]>,
    pub(super) now: u64,
    pub(super) expires: u64,
}

pub(super) struct Ledger {
    database: Database,
    capacity: u64,
}

/// The tables within one transaction.
struct Tables<'t> {
    reservations: Table<'t, &'static [u8], u64>,
    ends: Table<'t, (u64, &'static [u8]), ()>,
    mark: Table<'t, (), u64>,
    forgotten: u64,
    changed: bool,
}

impl Ledger {
    pub(super) fn open(path: &Path, capacity: u64) -> Result<Self, Error> {
        let file = file::open(path)?;
        Builder::new()
            .set_cache_size(CACHE)
            .create_file(file)
            .map_err(redb::Error::from)
            .and_then(|database| {
                // Makes the tables, or shows that they are others.
                let ledger = Self { database, capacity };
                ledger.commit(&[])?;
                Ok(ledger)
            })
            .map_err(|error| file::opening(path, error))
    }

    /// Reserves a group in one transaction, which is on the disk when this returns.
    pub(super) fn commit(&self, group: &[Entry]) -> Result<Vec<Result<Reservation, Error>>, redb::Error> {
        let mut transaction = self.database.begin_write()?;
        // Ids come from peers and the disk may be the adversary's: redb asks for two phases where both are so.
        transaction.set_two_phase_commit(true);
        let mut tables = Tables::open(&transaction)?;
        let latest = group.iter().map(|entry| entry.now).max().unwrap_or(0);
        tables.sweep(latest, SWEEP.max(2 * group.len()))?;
        let answers =
            group.iter().map(|entry| tables.reserve(entry, self.capacity)).collect::<Result<Vec<_>, _>>()?;
        let changed = tables.close()?;
        // Nothing but refusals needs no trip to the disk; an empty group is the first commit, which makes the tables.
        if changed || group.is_empty() {
            transaction.commit()?;
        } else {
            transaction.abort()?;
        }
        Ok(answers)
    }
}

impl<'t> Tables<'t> {
    fn open(transaction: &'t WriteTransaction) -> Result<Self, redb::Error> {
        let mark = transaction.open_table(FORGOTTEN)?;
        let forgotten = mark.get(())?.map_or(0, |row| row.value());
        Ok(Self {
            reservations: transaction.open_table(RESERVATIONS)?,
            ends: transaction.open_table(ENDS)?,
            mark,
            forgotten,
            changed: false,
        })
    }

    /// Writes what was gathered; says whether there is anything to commit.
    fn close(mut self) -> Result<bool, redb::Error> {
        if self.changed {
            self.mark.insert((), self.forgotten)?;
        }
        Ok(self.changed)
    }

    /// The outer error is the disk's, the inner one the caller's.
    fn reserve(&mut self, entry: &Entry, capacity: u64) -> Result<Result<Reservation, Error>, redb::Error> {
        let key = &*entry.key;
        let held = self.reservations.get(key)?.map(|end| end.value());
        match held {
            Some(end) if entry.now < end => return Ok(Ok(Reservation::Seen)),
            // Over but not swept yet: the id keeps its place.
            Some(end) => {
                self.ends.remove((end, key))?;
                self.forgotten = self.forgotten.max(end);
            }
            None if entry.expires <= self.forgotten => return Ok(Err(Error::Expired)),
            None if self.reservations.len()? >= capacity => return Ok(Err(Error::Full)),
            None => {}
        }
        self.reservations.insert(key, entry.expires)?;
        self.ends.insert((entry.expires, key), ())?;
        self.changed = true;
        Ok(Ok(Reservation::Fresh))
    }

    /// Drops what is over at `now`, the oldest first, `most` rows at most.
    fn sweep(&mut self, now: u64, most: usize) -> Result<(), redb::Error> {
        for _ in 0..most {
            match self.ends.first()? {
                Some((end, _)) if end.value().0 <= now => {}
                _ => break,
            }
            if let Some((row, _)) = self.ends.pop_first()? {
                let (end, key) = row.value();
                self.reservations.remove(key)?;
                self.forgotten = self.forgotten.max(end);
                self.changed = true;
            }
        }
        Ok(())
    }
}
