use super::ResponseReader;
use crate::{
    Compression, Credential, Error, Limits,
    coding::Coded,
    envelope::{self, ENC_LEN, MAX_HEADER_LEN, RECORD_LABEL, SUITE},
    key::Recipient,
    message::{Remaining, RequestHead},
    record::{Aad, DATA_LEN, Writer, kind},
    response_secret::ResponseSecret,
};
use bytes::BytesMut;
use sealwire_crypto::{
    hpke::{self, Mode, Sender},
    random::Random,
};

/// DATA records of one request, at most (HH-13).
const MAX_DATA: u32 = 1 << 20;
/// The content of an END.
const NOTHING: &[&[u8]] = &[];

/// Whom a request is sealed to, and as whom.
#[derive(Clone, Copy)]
pub struct Target<'a> {
    /// the server's key
    pub recipient: &'a Recipient,
    /// the pre-shared key
    pub credential: &'a Credential,
}

/// Starts a request at `now`, in Unix seconds: appends its front and START to `out`, and gives what seals its body and
/// what opens its answer.
///
/// # Errors
/// [`Error::InvalidConfiguration`] and [`Error::LimitExceeded`] for a head that the wire does not allow;
/// [`Error::EntropyUnavailable`]. `out` is then as it was.
pub fn start(
    target: Target<'_>,
    head: &RequestHead,
    limits: &Limits,
    now: u64,
    random: &dyn Random,
    out: &mut BytesMut,
) -> Result<(RequestSealer, ResponseReader), Error> {
    let Target { recipient, credential } = target;
    let remaining = Remaining::new(head.fields(), limits.max_request_bytes)?;
    let start = head.encode(limits)?;
    let header = envelope::header(recipient.id(), credential.id(), now)?;
    let mode = Mode::Psk { psk: credential.psk(), id: credential.id() };
    let (enc, sender) =
        hpke::setup_sender(recipient.public_key(), SUITE, mode, &envelope::info(&header), random)?;
    let enc: [u8; ENC_LEN] = enc.try_into().map_err(|_| Error::CryptoFailure)?;
    let secret = ResponseSecret::export(enc, |label, out| sender.export(label, out))?;
    let mut records = Writer::new(sender, Aad::new(RECORD_LABEL, &header));
    let before = out.len();
    out.reserve(MAX_HEADER_LEN.saturating_add(start.len()));
    out.extend_from_slice(&header);
    out.extend_from_slice(&enc);
    records.record(out, &[kind::START], &[start]).inspect_err(|_| out.truncate(before))?;
    let sealer = RequestSealer { records, remaining, data: 0, compression: Compression::Off };
    Ok((sealer, ResponseReader::new(secret, head.method(), *limits)))
}

/// Seals a request's body as it comes. A sealer that is dropped leaves a request that no server takes for a whole one.
pub struct RequestSealer {
    records: Writer<Sender>,
    remaining: Remaining,
    data: u32,
    compression: Compression,
}

impl RequestSealer {
    /// Sets whether the body is compressed; it is not unless this is called.
    #[must_use]
    pub fn compressed(self, compression: Compression) -> Self {
        Self { compression, ..self }
    }

    /// Appends `data` as as many records as it needs, of at most [`DATA_LEN`] bytes each; none when empty.
    ///
    /// # Errors
    /// [`Error::LimitExceeded`]: more than a limit or the content-length field allows. The request then cannot go on.
    pub fn data(&mut self, out: &mut BytesMut, data: &[u8]) -> Result<(), Error> {
        self.remaining.take(data.len())?;
        for part in data.chunks(DATA_LEN) {
            self.data =
                self.data.checked_add(1).filter(|data| *data <= MAX_DATA).ok_or(Error::LimitExceeded)?;
            let coded = Coded::new(self.compression, part.len(), || part.to_vec())?;
            let front = [kind::DATA, coded.id()];
            match &coded {
                Coded::Raw => self.records.record(out, &front, &[part])?,
                Coded::Zstd(frame) => self.records.record(out, &front, &[frame])?,
            }
        }
        Ok(())
    }

    /// Appends END, behind which the outer body ends.
    ///
    /// # Errors
    /// [`Error::InvalidConfiguration`] when less came than the content-length field says.
    pub fn finish(mut self, out: &mut BytesMut) -> Result<(), Error> {
        self.remaining.end()?;
        self.records.record(out, &[kind::END], NOTHING)
    }
}
