//! What was learnt, for a while.

use std::{collections::HashMap, hash::Hash, time::Duration};
use tokio::time::Instant;

/// How long an answer is believed without asking again.
const FRESH: Duration = Duration::from_secs(2);
/// Answers that are remembered; ids of callers' making must not fill the memory.
const REMEMBERED: usize = 1024;

/// Answers by what was asked for.
pub(super) struct Known<K, V> {
    answers: HashMap<K, Answer<V>>,
    life: Duration,
}

/// An answer; `None` is one too.
#[derive(Clone)]
pub(super) struct Answer<V> {
    pub(super) value: Option<V>,
    at: Instant,
}

impl<V> Answer<V> {
    /// Whether it needs no asking again.
    pub(super) fn is_fresh(&self) -> bool {
        self.at.elapsed() < FRESH
    }
}

impl<K: Hash + Eq, V: Clone> Known<K, V> {
    /// Answers that are remembered for `life`.
    pub(super) fn new(life: Duration) -> Self {
        Self { answers: HashMap::new(), life }
    }

    pub(super) fn get(&self, key: &K) -> Option<Answer<V>> {
        self.answers.get(key).filter(|answer| answer.at.elapsed() < self.life).cloned()
    }

    pub(super) fn put(&mut self, key: K, value: Option<V>) {
        if self.answers.len() >= REMEMBERED {
            // Whoever asks for what is not there can only push out what is not there.
            self.answers.retain(|_, answer| answer.value.is_some() && answer.at.elapsed() < self.life);
            if self.answers.len() >= REMEMBERED {
                self.answers.clear();
            }
        }
        self.answers.insert(key, Answer { value, at: Instant::now() });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::time::advance;

    // SE-44: fresh for a moment, remembered for its life, and then forgotten.
    #[tokio::test(start_paused = true)]
    async fn answers_grow_old() {
        let mut known = Known::new(Duration::from_secs(30));
        known.put(1, Some("a"));
        assert!(known.get(&1).unwrap().is_fresh() && known.get(&2).is_none());
        advance(FRESH).await;
        let old = known.get(&1).unwrap();
        assert!(!old.is_fresh() && old.value == Some("a"));
        advance(Duration::from_secs(28)).await;
        assert!(known.get(&1).is_none());
    }

    // SE-44: questions that nobody has an answer to fill nothing, and push out no answer.
    #[tokio::test(start_paused = true)]
    async fn made_up_ids_do_not_push_out_known_ones() {
        let mut known = Known::new(Duration::from_secs(30));
        known.put(0, Some("a"));
        for id in 1..10_000 {
            known.put(id, None);
            assert!(known.answers.len() <= REMEMBERED);
        }
        assert_eq!(known.get(&0).unwrap().value, Some("a"));
    }
}
