//! Answers of a slow source, kept for a short time.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::{Credential, Credentials, Unavailable};
use crate::BoxFuture;

/// Ids that are remembered to stand for a key, at most, and as many that stand for none.
const MOST: usize = 4096;

/// Asks `source` once in `lifetime` for an id. A key that was withdrawn is taken for that long still. What failed is not
/// kept.
#[derive(Debug)]
pub struct Cached<S> {
    source: S,
    lifetime: Duration,
    found: Mutex<Kept>,
    /// apart, so that whoever names ids that do not exist pushes nothing out that does
    unknown: Mutex<Kept>,
}

/// What the source says of an id.
type Answer = Option<Arc<Credential>>;

/// Answers, and until when they hold.
#[derive(Default)]
struct Kept(HashMap<Box<[u8]>, (Instant, Answer)>);

impl<S: Credentials> Cached<S> {
    /// Nothing is kept for a `lifetime` of zero.
    pub fn new(source: S, lifetime: Duration) -> Self {
        Self { source, lifetime, found: Mutex::default(), unknown: Mutex::default() }
    }

    fn kept(&self, id: &[u8], now: Instant) -> Option<Answer> {
        [&self.found, &self.unknown].into_iter().find_map(|kept| lock(kept).get(id, now))
    }

    async fn ask(&self, id: &[u8]) -> Result<Answer, Unavailable> {
        if let Some(kept) = self.kept(id, Instant::now()) {
            return Ok(kept);
        }
        let answer = self.source.find(id).await?;
        if !self.lifetime.is_zero() {
            let now = Instant::now();
            let kept = if answer.is_some() { &self.found } else { &self.unknown };
            lock(kept).keep(id, now, now + self.lifetime, answer.clone());
        }
        Ok(answer)
    }
}

fn lock(kept: &Mutex<Kept>) -> MutexGuard<'_, Kept> {
    kept.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Kept {
    fn get(&self, id: &[u8], now: Instant) -> Option<Answer> {
        self.0.get(id).filter(|(until, _)| now < *until).map(|(_, answer)| answer.clone())
    }

    fn keep(&mut self, id: &[u8], now: Instant, until: Instant, answer: Answer) {
        if self.0.len() >= MOST && !self.0.contains_key(id) {
            self.0.retain(|_, (until, _)| now < *until);
            // All of them live: the source is asked more often, and no answer changes.
            if self.0.len() >= MOST {
                self.0.clear();
            }
        }
        self.0.insert(id.into(), (until, answer));
    }
}

impl fmt::Debug for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Kept").field("len", &self.0.len()).finish()
    }
}

impl<S: Credentials> Credentials for Cached<S> {
    fn find<'a>(&'a self, id: &'a [u8]) -> BoxFuture<'a, Result<Option<Arc<Credential>>, Unavailable>> {
        Box::pin(self.ask(id))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use zeroize::Zeroizing;

    use super::*;
    use crate::credentials::Use;

    /// Knows ids that begin with `a`, fails for those that begin with `f`, and counts.
    #[derive(Debug, Default)]
    struct Counting(AtomicUsize);

    impl Credentials for Counting {
        fn find<'a>(&'a self, id: &'a [u8]) -> BoxFuture<'a, Result<Option<Arc<Credential>>, Unavailable>> {
            self.0.fetch_add(1, Ordering::Relaxed);
            let made = || Credential::new(id, Zeroizing::new(vec![7; 32]), "t", Use::Native).unwrap();
            Box::pin(std::future::ready(match id.first() {
                Some(b'a') => Ok(Some(Arc::new(made()))),
                Some(b'f') => Err(Unavailable),
                _ => Ok(None),
            }))
        }
    }

    #[tokio::test]
    async fn answers_are_kept_and_failures_are_not() {
        let cached = Cached::new(Counting::default(), Duration::from_secs(3600));
        for _ in 0..3 {
            assert!(cached.find(b"a").await.unwrap().is_some());
            assert!(cached.find(b"unknown").await.unwrap().is_none());
            assert!(cached.find(b"fails").await.is_err());
        }
        assert_eq!(cached.source.0.load(Ordering::Relaxed), 1 + 1 + 3);
        let direct = Cached::new(Counting::default(), Duration::ZERO);
        for _ in 0..3 {
            assert!(direct.find(b"a").await.unwrap().is_some());
        }
        assert_eq!(direct.source.0.load(Ordering::Relaxed), 3);
    }

    #[tokio::test]
    async fn ids_that_do_not_exist_push_out_none_that_does_and_take_bounded_memory() {
        let cached = Cached::new(Counting::default(), Duration::from_secs(3600));
        assert!(cached.find(b"a").await.unwrap().is_some());
        for id in 0..3 * MOST {
            assert!(cached.find(format!("x{id}").as_bytes()).await.unwrap().is_none());
        }
        assert!(lock(&cached.unknown).0.len() <= MOST);
        let asked = cached.source.0.load(Ordering::Relaxed);
        assert!(cached.find(b"a").await.unwrap().is_some());
        assert_eq!(cached.source.0.load(Ordering::Relaxed), asked);
    }
}
