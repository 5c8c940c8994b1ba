use super::{Authenticated, Reply, RequestBody, ServerKey};
use crate::{
    Credential, Error, Limits,
    envelope::{self, Layout, RECORD_LABEL, SUITE},
    message::{Remaining, RequestHead},
    record::{self, Aad, Reader, kind},
    response_secret::ResponseSecret,
    time,
};
use bytes::{Buf, BytesMut};
use sealwire_crypto::hpke::{self, Mode};
use std::ops::Deref;

/// Takes the outer body until its START is whole.
///
/// It holds at most that and the last slice, since lengths are checked before what they announce is waited for.
pub struct Start {
    buffer: BytesMut,
    limits: Limits,
}

impl Start {
    /// A request of which nothing has come.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self { buffer: BytesMut::new(), limits }
    }

    /// Takes the next slice of the outer body, as long as [`Self::is_whole`] says no.
    pub fn push(&mut self, slice: &[u8]) {
        self.buffer.extend_from_slice(slice);
    }

    /// Whether enough has come for [`Self::preparse`].
    ///
    /// # Errors
    /// What is wrong with what has come, in the order of HH-37 up to START's length.
    pub fn is_whole(&self) -> Result<bool, Error> {
        Ok(self.place()?.is_some())
    }

    /// Where the parts are, and how long START is, once it is whole.
    fn place(&self) -> Result<Option<(Layout, usize)>, Error> {
        let Some(layout) = Layout::check(&self.buffer)? else { return Ok(None) };
        let Some(length) = layout.start_length(&self.buffer) else { return Ok(None) };
        let length = record::admit(length, self.limits.request_start())?;
        let is_whole = self.buffer.len() >= layout.start_offset().saturating_add(length);
        Ok(is_whole.then_some((layout, length)))
    }

    /// Finds the server's key. `find` gives a pointer to the key of an id (`&`, `Arc`), or to what holds one.
    ///
    /// # Errors
    /// As [`Self::is_whole`]; [`Error::MalformedEnvelope`] when the outer body has ended too early;
    /// [`Error::UnknownRecipientKey`].
    pub fn preparse<K>(self, find: impl FnOnce(&[u8]) -> Option<K>) -> Result<Preparsed<K>, Error>
    where
        K: Deref<Target: AsRef<ServerKey>>,
    {
        let (layout, length) = self.place()?.ok_or(Error::MalformedEnvelope)?;
        let Self { buffer: mut front, limits } = self;
        let key = find(layout.key_id(&front).unwrap_or_default()).ok_or(Error::UnknownRecipientKey)?;
        let mut start = front.split_off(layout.start_offset());
        let rest = start.split_off(length);
        Ok(Preparsed { layout, front, start, rest, key, limits })
    }
}

/// A request whose key is known, and of which nothing has authenticated: its PSK id is a claim.
pub struct Preparsed<K> {
    layout: Layout,
    /// up to START's length
    front: BytesMut,
    /// START's ciphertext
    start: BytesMut,
    /// what has come behind it
    rest: BytesMut,
    key: K,
    limits: Limits,
}

impl<K: Deref<Target: AsRef<ServerKey>>> Preparsed<K> {
    /// The id of the pre-shared key that the request claims to know.
    #[must_use]
    pub fn psk_id(&self) -> &[u8] {
        self.layout.psk_id(&self.front).unwrap_or_default()
    }

    /// What `find` gave.
    #[must_use]
    pub fn key(&self) -> &K {
        &self.key
    }

    /// Opens START, and holds its time against `now`, in Unix seconds. `credential` is what is known under
    /// [`Self::psk_id`]: where that is nothing, the same work is done with a key that nobody has, and fails as a wrong
    /// key does (HH-67). So callers ask this in both cases.
    ///
    /// # Errors
    /// [`Error::InvalidCredential`] when `credential` is of another id. [`Error::AuthenticationFailed`]. When it has
    /// opened: [`Error::MalformedEnvelope`], [`Error::UnsupportedMethod`], [`Error::LimitExceeded`],
    /// [`Error::InvalidRequestTime`].
    pub fn authenticate(self, credential: Option<&Credential>, now: u64) -> Result<Authenticated, Error> {
        let Self { layout, front, start, rest, key, limits } = self;
        let key = (*key).as_ref();
        let whole =
            (layout.header(&front), layout.psk_id(&front), layout.enc(&front), layout.issued_at(&front));
        let (Some(header), Some(psk_id), Some(&enc), Some(issued_at)) = whole else {
            return Err(Error::MalformedEnvelope);
        };
        if credential.is_some_and(|credential| credential.id() != psk_id) {
            return Err(Error::InvalidCredential);
        }
        let psk = credential.map_or(key.decoy(), Credential::psk);
        let mode = Mode::Psk { psk, id: psk_id };
        let receiver = hpke::setup_receiver(key.private(), &enc, SUITE, mode, &envelope::info(header))
            .map_err(|_| Error::AuthenticationFailed)?;
        let secret = ResponseSecret::export(enc, |label, out| receiver.export(label, out))?;
        let mut records = Reader::new(receiver, Aad::new(RECORD_LABEL, header), rest);
        let mut start = records.open(start)?;
        if credential.is_none() {
            return Err(Error::AuthenticationFailed);
        }
        if start.first() != Some(&kind::START) {
            return Err(Error::MalformedEnvelope);
        }
        start.advance(1);
        let head = RequestHead::decode(&start, &limits)?;
        let remaining = Remaining::new(head.fields(), limits.max_request_bytes).map_err(Error::received)?;
        let deadline = time::deadline(issued_at, now)?;
        let id = envelope::replay_id(header, &enc);
        let reply = Reply::new(secret, head.method(), limits);
        Ok(Authenticated::new(id, deadline, head, RequestBody::new(records, remaining), reply))
    }
}
