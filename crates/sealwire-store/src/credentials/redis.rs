//! Keys in Redis or Valkey.

use std::fmt;
use std::sync::Arc;

use redis::{RedisError, aio::ConnectionManager};
use zeroize::Zeroizing;

use super::{Credential, Credentials, ID, Unavailable, Use};
use crate::BoxFuture;

/// What keys of this source begin with, unless somebody says otherwise.
pub const PREFIX: &str = "sealwire:psk:";

/// Each key is a hash at `PREFIX` and the id in hexadecimal digits, with the fields `key` (its bytes), `tenant`, and `wire`
/// (`hpke-http/3` when absent).
pub struct RedisCredentials {
    connection: ConnectionManager,
    prefix: String,
}

impl RedisCredentials {
    /// Of `redis://[user:password@]host[:port][/database]`. A server that is down now may come later.
    ///
    /// # Errors
    /// Not such a URL.
    pub fn open(url: &str, prefix: &str) -> Result<Self, RedisError> {
        Ok(Self { connection: crate::redis::connection(url)?, prefix: prefix.to_owned() })
    }

    async fn ask(&self, id: &[u8]) -> Result<Option<Arc<Credential>>, Unavailable> {
        if id.is_empty() || id.len() > ID {
            return Ok(None);
        }
        let place = format!("{}{}", self.prefix, super::hexadecimal(id));
        let mut connection = self.connection.clone();
        let mut asked = redis::cmd("HMGET");
        asked.arg(place).arg("key").arg("tenant").arg("wire");
        let answer = asked.query_async(&mut connection).await;
        type Fields = (Option<Vec<u8>>, Option<String>, Option<String>);
        let (key, tenant, wire): Fields = answer.map_err(|error: RedisError| {
            tracing::warn!(%error, "Redis does not tell credentials");
            Unavailable
        })?;
        let (Some(key), tenant) = (key.map(Zeroizing::new), tenant.unwrap_or_default()) else {
            return Ok(None);
        };
        let usage = match wire.as_deref() {
            None | Some("hpke-http/3") => Use::Native,
            Some("hpke-http/1.x") => Use::Legacy,
            Some(_) => {
                tracing::error!(tenant, "a credential in Redis is for no wire that is known");
                return Err(Unavailable);
            }
        };
        let made = Credential::new(id, key, &tenant, usage);
        made.map(|credential| Some(Arc::new(credential))).map_err(|error| {
            tracing::error!(tenant, %error, "a credential in Redis cannot be used");
            Unavailable
        })
    }
}

impl Credentials for RedisCredentials {
    fn find<'a>(&'a self, id: &'a [u8]) -> BoxFuture<'a, Result<Option<Arc<Credential>>, Unavailable>> {
        Box::pin(self.ask(id))
    }
}

impl fmt::Debug for RedisCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisCredentials").field("prefix", &self.prefix).finish_non_exhaustive()
    }
}
