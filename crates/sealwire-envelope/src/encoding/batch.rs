//! Several envelopes in a JSON array (EN-28).

use super::{Error, Options, compact, within};
use crate::{
    Envelope,
    json::{self, ENVELOPE_DEPTH, Error as JsonError, Kind, Reader},
};

/// Decodes a batch: each item for itself, in JSON or compact form. One that is no envelope does not fail the others; what
/// is not JSON at all does.
///
/// # Errors
/// [`Error::TooLarge`], [`Error::TooManyItems`], [`Error::NotABatch`], [`Error::Batch`]
pub fn decode(text: &[u8], options: &Options) -> Result<Vec<Result<Envelope, Error>>, Error> {
    within(text, options.limits.batch)?;
    let mut items = Vec::new();
    json::read(text, ENVELOPE_DEPTH + 1, |reader| read(reader, options, &mut items)).map_err(|failed| {
        match failed {
            Failed::Json(error) => Error::Batch(error),
            Failed::Batch(error) => error,
        }
    })?;
    Ok(items)
}

fn read(
    reader: &mut Reader<'_>,
    options: &Options,
    items: &mut Vec<Result<Envelope, Error>>,
) -> Result<(), Failed> {
    if reader.kind()? != Kind::Array {
        return Err(Failed::Batch(Error::NotABatch));
    }
    reader.array(|reader| {
        if items.len() == options.limits.batch_items {
            return Err(Failed::Batch(Error::TooManyItems(options.limits.batch_items)));
        }
        items.push(compact::decode_either(reader.value()?.as_bytes(), options));
        Ok(())
    })
}

enum Failed {
    Json(JsonError),
    Batch(Error),
}

impl From<JsonError> for Failed {
    fn from(error: JsonError) -> Self {
        Self::Json(error)
    }
}
