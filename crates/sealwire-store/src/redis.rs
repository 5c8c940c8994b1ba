//! A store in Redis or Valkey: for several processes that share keys.
//!
//! One script does the whole of a reservation, so that it is atomic for everybody. All ends are in one sorted set, which
//! the script sweeps as it goes: what is over is dropped by time that comes with the question, never by the server's clock.
//!
//! A reservation is as durable as the server makes it before it answers: with `appendonly yes` and `appendfsync always`
//! it is on the disk. [`RedisStore::concerns`] tells where that is not so.

use std::{fmt, time::Duration};

use redis::{
    Client, RedisError,
    aio::{ConnectionManager, ConnectionManagerConfig},
};

use crate::key::key;
use crate::{BoxFuture, Error, FOREVER, Reservation, Store};

/// How long one question may take.
const PATIENCE: Duration = Duration::from_millis(500);
/// What keys of this store begin with, unless somebody says otherwise.
pub const PREFIX: &str = "sealwire:replay";

/// The contract of [`Store::reserve`]. At most 256 rows that are over are dropped at once, which keeps ahead of the one that
/// is added and bounds how long the server is held.
const RESERVE: &str = "\
local ends, mark = KEYS[1], KEYS[2]
local id, now, expires, capacity = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4])
local function number(text)
  if string.sub(text, -3) == 'inf' then return math.huge end
  return tonumber(text)
end
local held = redis.call('ZSCORE', ends, id)
if held and number(now) < number(held) then return 'seen' end
local before = number(redis.call('GET', mark) or '0')
local forgotten = before
local over = redis.call('ZRANGEBYSCORE', ends, '-inf', now, 'WITHSCORES', 'LIMIT', 0, 256)
for row = 1, #over, 2 do
  redis.call('ZREM', ends, over[row])
  forgotten = math.max(forgotten, number(over[row + 1]))
end
held = redis.call('ZSCORE', ends, id)
if held then forgotten = math.max(forgotten, number(held)) end
if forgotten ~= before then redis.call('SET', mark, string.format('%.0f', forgotten)) end
if number(expires) <= forgotten then return 'expired' end
if not held and redis.call('ZCARD', ends) >= capacity then return 'full' end
redis.call('ZADD', ends, expires, id)
return 'fresh'
";

/// A [`Store`] in Redis. Each answer comes after the server has acknowledged its reservation; a server that is down, or
/// does not answer within half a second, is [`Error::Unavailable`].
pub struct RedisStore {
    connection: ConnectionManager,
    /// of both keys; the braces keep them on one node of a cluster
    ends: String,
    mark: String,
    capacity: u64,
}

impl RedisStore {
    /// Of `redis://[user:password@]host[:port][/database]`, with keys that begin with `prefix`; [`PREFIX`] is the usual
    /// one. It holds at most `capacity` live reservations, over all spaces. A server that is down now may come later.
    ///
    /// # Errors
    /// Not such a URL.
    pub fn open(url: &str, prefix: &str, capacity: u64) -> Result<Self, RedisError> {
        Ok(Self {
            connection: connection(url)?,
            ends: format!("{{{prefix}}}:ends"),
            mark: format!("{{{prefix}}}:forgotten"),
            capacity,
        })
    }

    /// What is wrong with how the server is set up: it may drop keys under pressure, or forget when it falls.
    ///
    /// # Errors
    /// [`Error::Unavailable`]
    pub async fn concerns(&self) -> Result<Vec<&'static str>, Error> {
        let mut connection = self.connection.clone();
        let info: String = redis::cmd("INFO").query_async(&mut connection).await.map_err(unavailable)?;
        let value = |name: &str| {
            info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(str::trim)
        };
        let mut concerns = Vec::new();
        if value("maxmemory_policy").is_some_and(|policy| policy != "noeviction") {
            concerns.push("it drops keys when memory is short: set maxmemory-policy noeviction");
        }
        if value("aof_enabled") != Some("1") {
            concerns.push("it forgets when it falls: set appendonly yes and appendfsync always");
            return Ok(concerns);
        }
        // Managed servers keep CONFIG to themselves; then nobody knows.
        let asked = redis::cmd("CONFIG").arg("GET").arg("appendfsync").query_async(&mut connection).await;
        let (_, sync): (String, String) = asked.unwrap_or_default();
        if !sync.is_empty() && sync != "always" {
            concerns.push("it may forget the last second when it falls: set appendfsync always");
        }
        Ok(concerns)
    }

    async fn ask(&self, id: &[u8], now: u64, expires: u64) -> Result<Reservation, Error> {
        let mut connection = self.connection.clone();
        let expires = if expires == FOREVER { "+inf".to_owned() } else { expires.to_string() };
        let mut script = redis::cmd("EVAL");
        script.arg(RESERVE).arg(2).arg(&self.ends).arg(&self.mark);
        script.arg(id).arg(now).arg(expires).arg(self.capacity);
        let answer: String = script.query_async(&mut connection).await.map_err(unavailable)?;
        match answer.as_str() {
            "fresh" => Ok(Reservation::Fresh),
            "seen" => Ok(Reservation::Seen),
            "full" => Err(Error::Full),
            "expired" => Err(Error::Expired),
            _ => Err(Error::Unavailable),
        }
    }
}

impl Store for RedisStore {
    fn reserve<'a>(
        &'a self,
        space: &'a str,
        id: &'a [u8],
        now: u64,
        expires: u64,
    ) -> BoxFuture<'a, Result<Reservation, Error>> {
        Box::pin(async move {
            let key = key(space, id)?;
            if expires <= now {
                return Err(Error::Expired);
            }
            self.ask(&key, now, expires).await
        })
    }
}

impl fmt::Debug for RedisStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisStore")
            .field("ends", &self.ends)
            .field("capacity", &self.capacity)
            .finish_non_exhaustive()
    }
}

/// A connection that mends itself, to a server that may come later.
pub(crate) fn connection(url: &str) -> Result<ConnectionManager, RedisError> {
    let config = ConnectionManagerConfig::new()
        .set_connection_timeout(Some(PATIENCE))
        .set_response_timeout(Some(PATIENCE))
        .set_number_of_retries(1);
    ConnectionManager::new_lazy_with_config(Client::open(url)?, config)
}

fn unavailable(error: RedisError) -> Error {
    tracing::warn!(%error, "Redis does not answer");
    Error::Unavailable
}
