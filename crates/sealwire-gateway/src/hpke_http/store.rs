//! Where reservations outlive the process.

use crate::config::{HpkeHttp, Place};
use sealwire_http::store::{self, Store};
use sealwire_store::{redb::RedbStore, redis};
use std::sync::Arc;

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
            let opened = tokio::task::spawn_blocking(move || RedbStore::open(path, capacity)).await;
            Ok(Some(Arc::new(opened.unwrap_or(Err(store::Error::Unavailable))?)))
        }
        Place::Redis(url) => {
            let opened = redis::RedisStore::open(url, redis::PREFIX, capacity);
            let store = Arc::new(opened.map_err(|error| Error::Url(error.into()))?);
            // What is down may come; until then requests are refused (HH-17).
            match store.concerns().await {
                Ok(concerns) => {
                    concerns.iter().for_each(|concern| tracing::warn!(concern, "the replay store in Redis"));
                }
                Err(error) => tracing::warn!(%error, "the replay store in Redis cannot be reached yet"),
            }
            Ok(Some(store))
        }
    }
}
