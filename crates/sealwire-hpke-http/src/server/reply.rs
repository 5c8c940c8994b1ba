use crate::{
    Compression, Error, Limits, SseSplitter,
    coding::Coded,
    envelope::VERSION,
    message::{Fields, Method, Mode, ResponseHead, response_length},
    record::{Aad, Writer, kind},
    response_secret::{NONCE_LEN, ResponseSecret},
    sse,
};
use bytes::BytesMut;
use sealwire_crypto::{
    aead::Sequence,
    random::{self, Random},
};

/// What the additional data of an answer's records begins with (HH-18).
pub(crate) const RECORD_LABEL: &[u8] = b"hpke-http/3 response record\0";
/// What an answer begins with, before the server's nonce.
pub(crate) const FRONT: &[u8; 5] = b"HHRP\x03";
/// From this record on only END may come (HH-18): its number is the last that the sequence has.
const LAST: u64 = u64::MAX - 1;

const _: () = assert!(FRONT[4] == VERSION);

/// The right to answer a request, once.
pub struct Reply {
    secret: ResponseSecret,
    method: Method,
    limits: Limits,
    compression: Compression,
}

impl Reply {
    pub(super) fn new(secret: ResponseSecret, method: Method, limits: Limits) -> Self {
        Self { secret, method, limits, compression: Compression::Off }
    }

    /// Sets whether the answer is compressed; it is not unless this is called.
    #[must_use]
    pub fn compressed(self, compression: Compression) -> Self {
        Self { compression, ..self }
    }

    /// Appends prefix and START to `out` and gives what seals the rest. `status` is 200 to 599.
    ///
    /// # Errors
    /// [`Error::InvalidConfiguration`] and [`Error::LimitExceeded`] for an answer that the wire does not allow;
    /// [`Error::EntropyUnavailable`]. `out` is then as it was.
    pub fn start(
        self,
        status: u16,
        fields: Fields,
        out: &mut BytesMut,
        random: &dyn Random,
    ) -> Result<ResponseSealer, Error> {
        let head = ResponseHead::new(self.method, status, fields)?;
        let before = out.len();
        self.seal_start(&head, out, random)
            .map(|records| self.rest(head, records))
            .inspect_err(|_| out.truncate(before))
    }

    fn seal_start(
        &self,
        head: &ResponseHead,
        out: &mut BytesMut,
        random: &dyn Random,
    ) -> Result<Writer<Sequence>, Error> {
        let (status, section) = head.encode(&self.limits)?;
        let nonce = random::array::<NONCE_LEN>(random)?;
        let prefix = [FRONT.as_slice(), &nonce].concat();
        out.extend_from_slice(&prefix);
        let mut records = Writer::new(self.secret.sequence(&nonce)?, Aad::new(RECORD_LABEL, &prefix));
        records.record(out, &[kind::START], &[&status, section])?;
        Ok(records)
    }

    fn rest(self, head: ResponseHead, records: Writer<Sequence>) -> ResponseSealer {
        let Self { method, limits, compression, .. } = self;
        match head.mode() {
            Mode::Finite => {
                ResponseSealer::Finite(FiniteSealer { records, head, method, limits, compression })
            }
            Mode::EventStream => ResponseSealer::EventStream(EventSealer {
                records,
                splitter: SseSplitter::new(limits.max_body_len),
                limit: limits.max_body_len,
                compression,
            }),
        }
    }
}

/// What seals the rest of an answer. A sealer that is dropped leaves an answer without END, which no client takes for
/// a whole one (HH-24).
pub enum ResponseSealer {
    /// one body
    Finite(FiniteSealer),
    /// an event stream
    EventStream(EventSealer),
}

/// Seals a body that is there as a whole (HH-20).
pub struct FiniteSealer {
    records: Writer<Sequence>,
    head: ResponseHead,
    method: Method,
    limits: Limits,
    compression: Compression,
}

impl FiniteSealer {
    /// The longest body, bytes.
    #[must_use]
    pub fn max_len(&self) -> usize {
        self.limits.max_body_len
    }

    /// Appends the body, which is `parts`, joined, and END. The parts are copied once, and sealed where they then lie.
    ///
    /// # Errors
    /// [`Error::LimitExceeded`]; [`Error::InvalidConfiguration`] for a body that is not what the head says (HH-31).
    pub fn finish(mut self, out: &mut BytesMut, parts: &[impl AsRef<[u8]>]) -> Result<(), Error> {
        let len = parts.iter().fold(0_usize, |len, part| len.saturating_add(part.as_ref().len()));
        if len > self.limits.max_body_len {
            return Err(Error::LimitExceeded);
        }
        response_length(self.method, self.head.status(), self.head.fields(), len)?;
        if len > 0 {
            data(&mut self.records, self.compression, len, out, parts)?;
        }
        self.records.record(out, &[kind::END], NOTHING)
    }
}

/// Seals an event stream, block by block (HH-22).
pub struct EventSealer {
    records: Writer<Sequence>,
    splitter: SseSplitter,
    limit: usize,
    compression: Compression,
}

impl EventSealer {
    /// Takes the next bytes of the stream, divided in any way, and appends every block that they complete.
    ///
    /// # Errors
    /// [`Error::LimitExceeded`]; the stream then cannot go on, and is to be broken off (HH-24).
    pub fn write(&mut self, out: &mut BytesMut, mut stream: &[u8]) -> Result<(), Error> {
        while let Some(block) = self.splitter.next_block(&mut stream)? {
            event(&mut self.records, self.compression, out, block)?;
        }
        Ok(())
    }

    /// Appends one block: line feeds alone, and one empty line, at the end.
    ///
    /// # Errors
    /// [`Error::InvalidConfiguration`], [`Error::LimitExceeded`]
    pub fn block(&mut self, out: &mut BytesMut, block: &[u8]) -> Result<(), Error> {
        if !sse::is_block(block) {
            return Err(Error::InvalidConfiguration);
        }
        if block.len() > self.limit {
            return Err(Error::LimitExceeded);
        }
        event(&mut self.records, self.compression, out, block)
    }

    /// Appends END. An unfinished last block is dropped.
    ///
    /// # Errors
    /// [`Error::LimitExceeded`], which nobody lives to see.
    pub fn finish(mut self, out: &mut BytesMut) -> Result<(), Error> {
        self.records.record(out, &[kind::END], NOTHING)
    }
}

/// The content of an END.
const NOTHING: &[&[u8]] = &[];

fn event(
    records: &mut Writer<Sequence>,
    compression: Compression,
    out: &mut BytesMut,
    block: &[u8],
) -> Result<(), Error> {
    if records.next_number() >= LAST {
        return Err(Error::LimitExceeded);
    }
    data(records, compression, block.len(), out, &[block])
}

fn data(
    records: &mut Writer<Sequence>,
    compression: Compression,
    len: usize,
    out: &mut BytesMut,
    parts: &[impl AsRef<[u8]>],
) -> Result<(), Error> {
    let coded = Coded::new(compression, len, || parts.iter().flat_map(AsRef::as_ref).copied().collect())?;
    let front = [kind::DATA, coded.id()];
    match coded {
        Coded::Raw => records.record(out, &front, parts),
        Coded::Zstd(frame) => records.record(out, &front, &[frame]),
    }
}
