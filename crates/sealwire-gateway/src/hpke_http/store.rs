//! Where reservations outlive the process.

use crate::config::{HpkeHttp, Place};
use sealwire_http::{
    server::hpke_http::legacy::SPACE as LEGACY,
    store::{self, BoxFuture, Reservation, Store},
};
use sealwire_store::{redb::RedbStore, redis};
use std::{path::PathBuf, sync::Arc};

/// The releases 1.x apart from version 3, each with the whole capacity: 1.x may remember for ever, and who fills its room must not
/// end the other wire.
#[derive(Debug)]
struct Apart<S> {
    current: S,
    legacy: S,
}

impl<S: Store> Store for Apart<S> {
    fn reserve<'a>(
        &'a self,
        space: &'a str,
        id: &'a [u8],
        now: u64,
        expires: u64,
    ) -> BoxFuture<'a, Result<Reservation, store::Error>> {
        let store = if space.starts_with(LEGACY) { &self.legacy } else { &self.current };
        store.reserve(space, id, now, expires)
    }
}

/// The file of 1.x beside that of version 3.
fn beside(path: &std::path::Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".1x");
    name.into()
}

/// Why there is none.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Its file.
    #[error(transparent)]
    File(#[from] store::Error),
    /// Its URL.
    #[error("the replay store: {0}")]
    Url(sealwire_store::registry::Error),
}

/// Opens what is configured, if anything is.
pub(crate) async fn open(config: Option<&HpkeHttp>) -> Result<Option<Arc<dyn Store>>, Error> {
    let Some((place, capacity)) = config.and_then(HpkeHttp::store) else { return Ok(None) };
    match place {
        Place::File(path) => {
            let path = path.to_owned();
            let opened = tokio::task::spawn_blocking(move || {
                let legacy = RedbStore::open(beside(&path), capacity)?;
                Ok(Apart { current: RedbStore::open(path, capacity)?, legacy })
            })
            .await;
            Ok(Some(Arc::new(opened.unwrap_or(Err(store::Error::Unavailable))?)))
        }
        Place::Redis(url) => {
            let open = |prefix: &str| {
                redis::RedisStore::open(url, prefix, capacity).map_err(|error| Error::Url(error.into()))
            };
            let store = open(redis::PREFIX)?;
            // What is down may come; until then requests are refused (HH-17).
            match store.concerns().await {
                Ok(concerns) => {
                    concerns.iter().for_each(|concern| tracing::warn!(concern, "the replay store in Redis"));
                }
                Err(error) => tracing::warn!(%error, "the replay store in Redis cannot be reached yet"),
            }
            let legacy = open(&format!("{}-1x", redis::PREFIX))?;
            Ok(Some(Arc::new(Apart { current: store, legacy })))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sealwire_store::{FOREVER, memory::MemoryStore};

    #[tokio::test]
    async fn the_releases_1_take_no_room_of_version_3() {
        let store = Apart { current: MemoryStore::new(1), legacy: MemoryStore::new(1) };
        let legacy = format!("{LEGACY}key");
        assert_eq!(store.reserve(&legacy, b"a", 1, FOREVER).await.unwrap(), Reservation::Fresh);
        assert!(matches!(store.reserve(&legacy, b"b", 1, FOREVER).await, Err(store::Error::Full)));
        assert_eq!(store.reserve("hpke-http/3", b"a", 1, 2).await.unwrap(), Reservation::Fresh);
    }
}
