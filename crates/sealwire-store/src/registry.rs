//! Which instance is where, in Redis or Valkey (SE-44).
//!
//! Trusted for availability only: what it says decides where sealed bytes are sent, and whoever gets them cannot open
//! them. Entries swapped, rolled back or deleted cost a renewal of keys.

use redis::{AsyncCommands, ExistenceCheck, SetExpiry, SetOptions, aio::ConnectionManager};
use std::{fmt, time::Duration};

/// The longest address that is kept or believed, in bytes.
const MAX_ADDRESS: usize = 256;

/// An instance of a gateway, by the id in its key document.
pub type Instance = [u8; 16];

/// Why the registry could not be asked.
#[derive(Debug, thiserror::Error)]
#[error("the registry: {0}")]
pub struct Error(#[from] redis::RedisError);

/// A connection that mends itself. Cheap to clone.
#[derive(Clone)]
pub struct Registry {
    connection: ConnectionManager,
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Registry")
    }
}

impl Registry {
    /// Of `redis://[user:password@]host[:port][/database]`. A server that is down now may come later.
    ///
    /// # Errors
    /// Not such a URL.
    pub fn open(url: &str) -> Result<Self, Error> {
        Ok(Self { connection: crate::redis::connection(url)? })
    }

    /// Says where an instance is reached, for `ttl`.
    ///
    /// # Errors
    /// The registry cannot be asked.
    pub async fn announce(&self, instance: &Instance, address: &str, ttl: Duration) -> Result<(), Error> {
        let mut connection = self.connection.clone();
        Ok(connection.set_ex(of_instance(instance), address, seconds(ttl)).await?)
    }

    /// Where an instance is reached.
    ///
    /// # Errors
    /// The registry cannot be asked.
    pub async fn address(&self, instance: &Instance) -> Result<Option<String>, Error> {
        let mut connection = self.connection.clone();
        let address: Option<String> = connection.get(of_instance(instance)).await?;
        Ok(address.filter(|address| address.len() <= MAX_ADDRESS))
    }

    /// Takes an OHTTP key id, which is one byte, for `ttl`; or holds on to one that was taken. Whether it is the
    /// instance's now.
    ///
    /// # Errors
    /// The registry cannot be asked.
    pub async fn claim(&self, key_id: u8, instance: &Instance, ttl: Duration) -> Result<bool, Error> {
        let mut connection = self.connection.clone();
        let (key, ours) = (of_key(key_id), name(instance));
        let absent = SetOptions::default()
            .conditional_set(ExistenceCheck::NX)
            .with_expiration(SetExpiry::EX(seconds(ttl)));
        let taken: Option<String> = connection.set_options(&key, &ours, absent).await?;
        if taken.is_some() {
            return Ok(true);
        }
        let owner: Option<String> = connection.get(&key).await?;
        if owner.as_ref() != Some(&ours) {
            return Ok(false);
        }
        // Between the two somebody else could have taken it; that costs availability, which is all that is at stake.
        let _: bool = connection.expire(&key, i64::try_from(seconds(ttl)).unwrap_or(i64::MAX)).await?;
        Ok(true)
    }

    /// Whose key an id is.
    ///
    /// # Errors
    /// The registry cannot be asked.
    pub async fn owner(&self, key_id: u8) -> Result<Option<Instance>, Error> {
        let mut connection = self.connection.clone();
        let owner: Option<String> = connection.get(of_key(key_id)).await?;
        Ok(owner.and_then(|owner| instance(&owner)))
    }

    /// Takes back what an instance has said: it stops.
    ///
    /// # Errors
    /// The registry cannot be asked.
    pub async fn withdraw(&self, instance: &Instance, key_ids: &[u8]) -> Result<(), Error> {
        let mut connection = self.connection.clone();
        for &key_id in key_ids {
            if self.owner(key_id).await?.as_ref() == Some(instance) {
                let _: u64 = connection.del(of_key(key_id)).await?;
            }
        }
        let _: u64 = connection.del(of_instance(instance)).await?;
        Ok(())
    }
}

fn of_instance(instance: &Instance) -> String {
    format!("sealwire:instance:{}", name(instance))
}

fn of_key(key_id: u8) -> String {
    format!("sealwire:ohttp-key:{key_id}")
}

fn name(instance: &Instance) -> String {
    use fmt::Write;
    let mut out = String::with_capacity(32);
    for byte in instance {
        // Writing to a String cannot fail.
        let _ = write!(out, "{byte:02x}");
    }
    out
}

fn instance(name: &str) -> Option<Instance> {
    let digits = name.as_bytes();
    let mut out = Instance::default();
    if digits.len() != 32 {
        return None;
    }
    for (byte, pair) in out.iter_mut().zip(digits.chunks(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(out)
}

/// Whole seconds, at least one: less would be no time at all.
fn seconds(ttl: Duration) -> u64 {
    ttl.as_secs().max(1)
}
