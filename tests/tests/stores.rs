//! Stores and sources of credentials that are servers of their own, against such a server.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::expect_used, clippy::panic)]

use sealwire_store::{
    Error, Reservation, Store, conformance,
    credentials::{Credentials, RedisCredentials, Unavailable, Use},
    redis::RedisStore,
};
use sealwire_tests::{redis::Redis, until};
use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

const NOW: u64 = 1_795_000_000_000;

fn arc(store: RedisStore) -> Arc<dyn Store> {
    Arc::new(store)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn redis_conforms() {
    let redis = Redis::start();
    let made = AtomicUsize::new(0);
    conformance::suite(async |capacity| {
        let prefix = format!("store-{}", made.fetch_add(1, Ordering::Relaxed));
        arc(RedisStore::open(&redis.url(), &prefix, capacity as u64).unwrap())
    })
    .await;
    conformance::durable(async || arc(RedisStore::open(&redis.url(), "durable", 1000).unwrap())).await;
}

// HH-17: a server that is down, or answers something else, reserves nothing.
#[tokio::test(flavor = "multi_thread")]
async fn redis_that_fails_reserves_nothing() {
    let redis = Redis::start();
    let address = redis.address;
    let store = RedisStore::open(&redis.url(), "fails", 1000).unwrap();
    let reserve = |id: &'static [u8]| store.reserve("a", id, NOW, NOW + 1000);
    assert_eq!(reserve(b"one").await.unwrap(), Reservation::Fresh);
    redis.say(&["SET", "{fails}:ends", "no sorted set"]);
    assert!(matches!(reserve(b"two").await, Err(Error::Unavailable)));
    drop(redis);
    assert!(matches!(reserve(b"three").await, Err(Error::Unavailable)));
    // It may come again, and the store with it.
    let _again = Redis::at(address).expect("the port is free again");
    until("the store", async || matches!(reserve(b"four").await, Ok(Reservation::Fresh))).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn redis_tells_how_it_is_set_up() {
    let redis = Redis::start();
    let store = RedisStore::open(&redis.url(), "set up", 1000).unwrap();
    let forgets = store.concerns().await.unwrap();
    assert!(forgets.len() == 1 && forgets[0].contains("appendonly"), "{forgets:?}");
    redis.say(&["CONFIG", "SET", "appendonly", "yes"]);
    redis.say(&["CONFIG", "SET", "maxmemory-policy", "allkeys-lru"]);
    let concerns = store.concerns().await.unwrap();
    assert!(concerns.len() == 2 && concerns[0].contains("noeviction"), "{concerns:?}");
    assert!(concerns[1].contains("appendfsync"), "{concerns:?}");
    redis.say(&["CONFIG", "SET", "appendfsync", "always"]);
    redis.say(&["CONFIG", "SET", "maxmemory-policy", "noeviction"]);
    assert_eq!(store.concerns().await.unwrap(), [""; 0]);
    drop(redis);
    assert!(matches!(store.concerns().await, Err(Error::Unavailable)));
}

// HH-17, HH-35
#[tokio::test(flavor = "multi_thread")]
async fn credentials_are_found_in_redis() {
    let redis = Redis::start();
    let source = RedisCredentials::open(&redis.url(), "psk:").unwrap();
    let key = "0123456789abcdef0123456789abcdef";
    redis.say(&["HSET", "psk:6964", "key", key, "tenant", "acme"]);
    redis.say(&["HSET", "psk:6c", "key", key, "tenant", "acme", "wire", "hpke-http/1.x"]);
    redis.say(&["HSET", "psk:01", "key", "short", "tenant", "acme"]);
    redis.say(&["HSET", "psk:02", "key", key]);
    redis.say(&["HSET", "psk:03", "key", key, "tenant", "acme", "wire", "other"]);
    redis.say(&["SET", "psk:04", "no hash"]);
    let found = source.find(b"id").await.unwrap().unwrap();
    assert_eq!((found.key(), &**found.tenant(), found.usage()), (key.as_bytes(), "acme", Use::Native));
    assert_eq!(source.find(b"l").await.unwrap().unwrap().usage(), Use::Legacy);
    for unknown in [&b"other"[..], b"", &[b'x'; 256]] {
        assert!(source.find(unknown).await.unwrap().is_none());
    }
    for broken in [[1], [2], [3], [4]] {
        assert_eq!(source.find(&broken).await.unwrap_err(), Unavailable);
    }
    drop(redis);
    assert_eq!(source.find(b"id").await.unwrap_err(), Unavailable);
}
