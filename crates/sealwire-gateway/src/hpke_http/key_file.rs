//! Keys that are configured, and the steps in which one follows another (HH-41).
//!
//! Clients use a key for as long as its lease says, and instances read the file one after the other. So a key is accepted
//! everywhere before anybody advertises it, and for long enough after.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use sealwire_http::{
    crypto::{
        kem::{Kem, PrivateKey},
        random::{self, Random},
    },
    hpke_http::Error,
};
use serde::{Deserialize, Serialize};
use std::{fmt, time::Duration};
use zeroize::Zeroizing;

/// Longest id, in bytes; those in key documents are at most as long.
const ID: usize = 64;
/// Keys at once.
const MOST: usize = 8;
/// Bytes of an id that is made here, before they become text.
const RANDOM_ID: usize = 9;

/// The keys of a file.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyFile {
    /// id of the key that clients are told of
    advertised: String,
    key: Vec<Key>,
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Key {
    id: String,
    private: Text,
    /// Unix seconds; of a key that was advertised, until when it has to be accepted
    #[serde(skip_serializing_if = "Option::is_none")]
    until: Option<u64>,
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
struct Text(Zeroizing<String>);

impl From<String> for Text {
    fn from(text: String) -> Self {
        Self(Zeroizing::new(text))
    }
}

impl From<Text> for String {
    fn from(text: Text) -> Self {
        text.0.as_str().to_owned()
    }
}

/// What a step of a rotation did, or why it is not yet time for one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// A new key is accepted, and not advertised.
    Added {
        /// its id
        id: String,
    },
    /// The new key is advertised, and the old one accepted.
    Advertised {
        /// the new key's id
        id: String,
        /// Unix seconds until which the old one has to be accepted
        until: u64,
    },
    /// The old key is gone.
    Removed {
        /// its id
        id: String,
    },
    /// The old key has to be accepted for longer.
    Wait {
        /// Unix seconds
        until: u64,
    },
}

impl KeyFile {
    /// A file with one fresh key.
    ///
    /// # Errors
    /// No randomness.
    pub fn generate(random: &dyn Random) -> Result<Self, Error> {
        let key = Key::generate(random)?;
        Ok(Self { advertised: key.id.clone(), key: vec![key] })
    }

    /// Reads the text of a file.
    ///
    /// # Errors
    /// What is wrong, without any key.
    pub fn parse(text: &str) -> Result<Self, String> {
        let file: Self = toml::from_str(text).map_err(|_| {
            "is no file of keys: `advertised = \"ID\"`, and [[key]] with `id` and `private`".to_owned()
        })?;
        let count = |id: &str| file.key.iter().filter(|key| key.id == id).count();
        for Key { id, .. } in &file.key {
            if id.is_empty() || id.len() > ID || !id.bytes().all(|byte| byte.is_ascii_graphic()) {
                return Err(format!("an id has 1 to {ID} visible characters of ASCII"));
            }
            if count(id) > 1 {
                return Err(format!("the id `{id}` is there twice"));
            }
        }
        if file.key.len() > MOST {
            return Err(format!("has more than {MOST} keys"));
        }
        if count(&file.advertised) == 0 {
            return Err("the key that is advertised is not among the keys".to_owned());
        }
        file.key.iter().try_for_each(|key| {
            let wrong = || format!("the private key of `{}` is not 32 bytes in base64url", key.id);
            key.private().map(drop).map_err(|_| wrong())
        })?;
        Ok(file)
    }

    /// The text of a file. Whoever writes it keeps it from others.
    #[must_use]
    pub fn to_text(&self) -> Zeroizing<String> {
        let written = toml::to_string(self).unwrap_or_default();
        Zeroizing::new(format!(
            "# Made by `sealwire keys rotate`. Who can read this can open requests.\n{written}"
        ))
    }

    /// Id of the key that is advertised.
    #[must_use]
    pub fn advertised_id(&self) -> &str {
        &self.advertised
    }

    /// Ids of all keys that are accepted.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        self.key.iter().map(|key| key.id.as_str())
    }

    pub(crate) fn advertised(&self) -> Result<(&str, PrivateKey), Error> {
        let key = self.find(&self.advertised).ok_or(Error::InvalidConfiguration)?;
        Ok((&key.id, key.private()?))
    }

    pub(super) fn others(&self) -> Result<Vec<(&str, PrivateKey)>, Error> {
        let others = self.key.iter().filter(|key| key.id != self.advertised);
        others.map(|key| Ok((key.id.as_str(), key.private()?))).collect()
    }

    /// Whether some key is in both.
    pub(crate) fn shares_a_key_with(&self, other: &Self) -> bool {
        let is_there = |key: &Key| other.key.iter().any(|other| *other.private.0 == *key.private.0);
        self.key.iter().any(is_there)
    }

    fn find(&self, id: &str) -> Option<&Key> {
        self.key.iter().find(|key| key.id == id)
    }

    /// Takes the next step. `hold` is how long a key has to be accepted after clients were last told of it.
    ///
    /// # Errors
    /// No randomness.
    pub fn step(&mut self, now: u64, hold: Duration, random: &dyn Random) -> Result<Step, Error> {
        let retired = self.key.iter().find(|key| key.id != self.advertised && key.until.is_some());
        if let Some(Key { id, until: Some(until), .. }) = retired {
            if now < *until {
                return Ok(Step::Wait { until: *until });
            }
            let id = id.clone();
            self.key.retain(|key| key.id != id);
            return Ok(Step::Removed { id });
        }
        let next = self.key.iter().find(|key| key.id != self.advertised).map(|key| key.id.clone());
        let Some(id) = next else {
            let key = Key::generate(random)?;
            let id = key.id.clone();
            self.key.push(key);
            return Ok(Step::Added { id });
        };
        let until = now.saturating_add(hold.as_secs());
        if let Some(old) = self.key.iter_mut().find(|key| key.id == self.advertised) {
            old.until = Some(until);
        }
        self.advertised = id.clone();
        Ok(Step::Advertised { id, until })
    }

    /// Whether this may follow `before`, which is in force: whether no step is left out.
    ///
    /// # Errors
    /// Which step is.
    pub fn follows(&self, before: &Self, now: u64) -> Result<(), String> {
        if before.find(&self.advertised).is_none() {
            return Err(format!(
                "advertises `{}`, which is not accepted yet: first accept it everywhere, then advertise it",
                self.advertised
            ));
        }
        for id in &before.advertised_or_retired(now) {
            if self.find(id).is_none() {
                return Err(format!(
                    "has `{id}` no more, which clients may still use: keep it until its time is over"
                ));
            }
        }
        let same = |key: &Key| before.find(&key.id).is_none_or(|old| *old.private.0 == *key.private.0);
        match self.key.iter().find(|key| !same(key)) {
            Some(key) => Err(format!("has another key under the id `{}`", key.id)),
            None => Ok(()),
        }
    }

    fn advertised_or_retired(&self, now: u64) -> Vec<&str> {
        let is_in_use = |key: &&Key| key.id == self.advertised || key.until.is_some_and(|until| now < until);
        self.key.iter().filter(is_in_use).map(|key| key.id.as_str()).collect()
    }
}

impl Key {
    fn generate(random: &dyn Random) -> Result<Self, Error> {
        let private = Zeroizing::new(random::array::<32>(random)?);
        let id = URL_SAFE_NO_PAD.encode(random::array::<RANDOM_ID>(random)?);
        Ok(Self { id, private: URL_SAFE_NO_PAD.encode(private.as_slice()).into(), until: None })
    }

    fn private(&self) -> Result<PrivateKey, Error> {
        let bytes = URL_SAFE_NO_PAD.decode(self.private.0.as_bytes()).map(Zeroizing::new);
        let bytes = bytes.map_err(|_| Error::InvalidConfiguration)?;
        PrivateKey::from_bytes(Kem::X25519, &bytes).map_err(|_| Error::InvalidConfiguration)
    }
}

impl fmt::Debug for KeyFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyFile").field("advertised", &self.advertised).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sealwire_http::crypto::random::OsRandom;

    const HOLD: Duration = Duration::from_secs(1000);

    // HH-41: every step, each in force before the next.
    #[test]
    fn one_key_follows_another_in_steps() {
        let mut file = KeyFile::generate(&OsRandom).unwrap();
        let first = file.advertised_id().to_owned();
        let mut step = |now: u64| {
            let before = KeyFile::parse(&file.to_text()).unwrap();
            let step = file.step(now, HOLD, &OsRandom).unwrap();
            let after = KeyFile::parse(&file.to_text()).unwrap();
            assert_eq!(after.follows(&before, now), Ok(()));
            assert_eq!(after.follows(&after, now), Ok(()));
            (before, after, step)
        };
        let (one, two, added) = step(10);
        let Step::Added { id: second } = added else { panic!("{added:?}") };
        assert_eq!((two.advertised_id(), two.ids().count()), (first.as_str(), 2));
        let (_, three, advertised) = step(20);
        assert_eq!(advertised, Step::Advertised { id: second.clone(), until: 1020 });
        assert_eq!(three.advertised_id(), second);
        assert_eq!(step(1019).2, Step::Wait { until: 1020 });
        let (_, four, removed) = step(1020);
        assert_eq!(removed, Step::Removed { id: first });
        assert_eq!(four.ids().collect::<Vec<_>>(), [second]);

        // Each step that is left out.
        assert!(three.follows(&one, 20).unwrap_err().contains("not accepted yet"));
        assert!(four.follows(&three, 1019).unwrap_err().contains("may still use"));
        assert!(four.follows(&two, 1020).unwrap_err().contains("may still use"));
        assert!(four.follows(&one, 1020).unwrap_err().contains("not accepted yet"));
        let other = KeyFile::generate(&OsRandom).unwrap();
        assert!(other.follows(&one, 10).is_err());
        let mut forged = one.clone();
        forged.key[0].private = other.key[0].private.clone();
        assert!(forged.follows(&one, 10).unwrap_err().contains("another key"));
    }

    #[test]
    fn wrong_files_are_refused_without_their_keys() {
        let file = KeyFile::generate(&OsRandom).unwrap();
        let text = file.to_text();
        let private = file.key[0].private.0.as_str();
        for (wrong, what) in [
            (text.replace(private, "short"), "not 32 bytes"),
            (text.replace("advertised", "advertized"), "is no file of keys"),
            (text.replacen(file.advertised_id(), "another", 1), "not among the keys"),
            (
                format!("{}\n[[key]]\nid = \"{}\"\nprivate = \"{private}\"", *text, file.advertised_id()),
                "twice",
            ),
            (format!("{}\n[[key]]\nid = \"a b\"\nprivate = \"{private}\"", *text), "visible characters"),
        ] {
            let told = KeyFile::parse(&wrong).unwrap_err();
            assert!(told.contains(what) && !told.contains(private), "{told}");
        }
        assert!(!format!("{file:?}").contains(private));
    }
}
