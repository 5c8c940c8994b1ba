use crate::{
    Clock,
    client::{KeySource, PinnedKey},
};
use http::Uri;
use sealwire_attest::{Appraised, KeyDocument, UnixTime};
use sealwire_hpke_http::{
    Credential, client,
    key::{Error, KeyRecord, Lease, Moment, Recipient},
};
use std::{
    sync::{Arc, LazyLock},
    time::UNIX_EPOCH,
};
use tokio::time::Instant;

/// The name of the wire, and the purpose of its keys in a key document (HH-61).
pub const WIRE: &str = "hpke-http";

/// Whom to seal to, as whom, and where to send it.
///
/// The key comes from an appraised document, or from the user: what an endpoint says of its own key nobody has
/// authenticated, so it is not asked (HH-10, HH-61).
#[derive(Clone)]
pub struct Target {
    recipient: Recipient,
    credential: Arc<Credential>,
    source: KeySource,
    /// how long the key may be used; one that the user vouches for, as long as they do
    lease: Option<Lease>,
    pub(super) endpoint: Uri,
}

impl Target {
    /// The first key of an appraised document that is live. `asked` is when the document was asked for: from then on, and by
    /// both clocks, the key is used for as long as its entry and its document say (HH-08).
    ///
    /// # Errors
    /// When the document has no such key, or one that is malformed.
    pub fn attested(
        document: &Appraised<KeyDocument>,
        asked: Asked,
        endpoint: Uri,
        credential: Arc<Credential>,
    ) -> Result<Self, Error> {
        let document = document.get();
        let listed = document.live_keys(WIRE, asked.at).next().ok_or(Error::Length)?;
        let record = KeyRecord::parse(&listed.bytes)?;
        let recipient = record.recipient().clone();
        if listed.id != recipient.id()[..] {
            return Err(Error::KeyId);
        }
        // The entry's own time stands for the lease, which is for those who have the record alone. Its last second is one.
        let left = listed.not_after.min(document.not_after).since(asked.at).as_secs().saturating_add(1);
        let left = KeyRecord::new(recipient.clone(), u32::try_from(left).unwrap_or(u32::MAX))?;
        let lease = Some(left.lease(asked.moment));
        Ok(Self { recipient, credential, source: KeySource::Attested, lease, endpoint })
    }

    /// A key that the user vouches for.
    ///
    /// # Errors
    /// An id of another length than 1 to 255 bytes, a key that is no X25519 key.
    pub fn pinned(key: &PinnedKey, endpoint: Uri, credential: Arc<Credential>) -> Result<Self, Error> {
        let recipient = Recipient::new(key.id.clone(), &key.public_key)?;
        Ok(Self { recipient, credential, source: KeySource::Pinned, lease: None, endpoint })
    }

    /// The id of the key.
    #[must_use]
    pub fn key_id(&self) -> &[u8] {
        self.recipient.id()
    }

    /// Why the key is believed.
    #[must_use]
    pub fn source(&self) -> KeySource {
        self.source
    }

    pub(super) fn names(&self) -> client::Target<'_> {
        client::Target { recipient: &self.recipient, credential: &self.credential }
    }

    pub(super) fn is_live(&self, clock: &dyn Clock) -> bool {
        self.lease.is_none_or(|lease| lease.is_live(moment(clock)))
    }
}

/// When a key document was asked for.
#[derive(Debug, Clone, Copy)]
pub struct Asked {
    at: UnixTime,
    moment: Moment,
}

impl Asked {
    /// Now: before the request for the document is sent (HH-08).
    #[must_use]
    pub fn now(clock: &dyn Clock) -> Self {
        Self { at: UnixTime(clock.unix_seconds()), moment: moment(clock) }
    }
}

/// Now, on both clocks.
fn moment(clock: &dyn Clock) -> Moment {
    static ORIGIN: LazyLock<Instant> = LazyLock::new(Instant::now);
    Moment {
        monotonic: Instant::now().saturating_duration_since(*ORIGIN),
        wall: clock.now().duration_since(UNIX_EPOCH).unwrap_or_default(),
    }
}
