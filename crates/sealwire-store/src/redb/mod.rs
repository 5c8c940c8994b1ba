//! A store in one file, with redb: for one process, and for what must not be forgotten when it ends.
//!
//! Reservations are committed in groups. One thread owns the file; while it waits for the disk, further
//! reservations queue up, and the next commit takes them all. A lone reservation waits for nobody.

mod file;
mod ledger;
#[cfg(all(test, unix))]
mod tests;

use std::fmt;
use std::path::{Path, PathBuf};
use std::thread::JoinHandle;

use tokio::sync::{mpsc, oneshot};

use crate::key::key;
use crate::{BoxFuture, Error, Reservation, Store};
use ledger::{Entry, Ledger};

/// Reservations in one commit, and as many again that wait for the next. Further callers wait for a place.
const GROUP: usize = 4096;

/// A [`Store`] in a file. Each answer comes after its reservation has reached the disk.
///
/// After an error of the disk every call is refused as [`Error::Unavailable`] until the file is opened again.
pub struct RedbStore {
    path: PathBuf,
    capacity: u64,
    // Both are there until the store is dropped.
    queue: Option<mpsc::Sender<Request>>,
    writer: Option<JoinHandle<()>>,
}

struct Request {
    entry: Entry,
    answer: oneshot::Sender<Result<Reservation, Error>>,
}

impl RedbStore {
    /// Opens the store in the file at `path`, which is made with mode 0600 if it is missing. It holds at most
    /// `capacity` live reservations, over all spaces, in about 250 bytes of disk each.
    ///
    /// Blocks: on the disk, and after a crash for as long as it takes to check the whole file.
    ///
    /// # Errors
    /// [`Error::Locked`], [`Error::Corrupt`], [`Error::Permissions`], or [`Error::Open`].
    pub fn open(path: impl AsRef<Path>, capacity: u64) -> Result<Self, Error> {
        let path = path.as_ref().to_owned();
        let (queue, requests) = mpsc::channel(GROUP);
        let (opened, open) = std::sync::mpsc::channel();
        let writer = std::thread::Builder::new()
            .name("sealwire-store".into())
            .spawn({
                let path = path.clone();
                move || match Ledger::open(&path, capacity) {
                    Ok(ledger) => {
                        let _ = opened.send(Ok(()));
                        write(&ledger, requests);
                    }
                    Err(error) => {
                        let _ = opened.send(Err(error));
                    }
                }
            })
            .map_err(|source| Error::Open { path: path.clone(), source })?;
        let store = Self { path, capacity, queue: Some(queue), writer: Some(writer) };
        // redb panics over some kinds of damage. That ends the writer's thread, and the answer never comes.
        open.recv().unwrap_or_else(|_| {
            Err(Error::Corrupt {
                path: store.path.clone(),
                reason: "the storage engine gave up on it".into(),
            })
        })?;
        Ok(store)
    }
}

/// The writer's loop: ends when the store is dropped.
fn write(ledger: &Ledger, mut requests: mpsc::Receiver<Request>) {
    let mut group = Vec::with_capacity(GROUP);
    while requests.blocking_recv_many(&mut group, GROUP) > 0 {
        let (entries, callers): (Vec<_>, Vec<_>) =
            group.drain(..).map(|request| (request.entry, request.answer)).unzip();
        match ledger.commit(&entries) {
            // A caller that went away is no reason to undo its reservation.
            Ok(answers) => callers.into_iter().zip(answers).for_each(|(caller, answer)| {
                let _ = caller.send(answer);
            }),
            Err(error) => {
                tracing::error!(%error, "the replay store refuses everything: its commit failed");
                callers.into_iter().for_each(|caller| {
                    let _ = caller.send(Err(Error::Unavailable));
                });
            }
        }
    }
}

impl Store for RedbStore {
    fn reserve<'a>(
        &'a self,
        space: &'a str,
        id: &'a [u8],
        now: u64,
        expires: u64,
    ) -> BoxFuture<'a, Result<Reservation, Error>> {
        Box::pin(async move {
            let entry = Entry { key: key(space, id)?, now, expires };
            if expires <= now {
                return Err(Error::Expired);
            }
            let (answer, answered) = oneshot::channel();
            let queue = self.queue.as_ref().ok_or(Error::Unavailable)?;
            // Both fail only when the writer has died.
            queue.send(Request { entry, answer }).await.map_err(|_| Error::Unavailable)?;
            answered.await.map_err(|_| Error::Unavailable)?
        })
    }
}

impl Drop for RedbStore {
    /// Waits for the commit under way, so that the file can be opened again at once.
    fn drop(&mut self) {
        drop(self.queue.take());
        if let Some(writer) = self.writer.take() {
            let _ = writer.join();
        }
    }
}

impl fmt::Debug for RedbStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedbStore")
            .field("path", &self.path)
            .field("capacity", &self.capacity)
            .finish_non_exhaustive()
    }
}
