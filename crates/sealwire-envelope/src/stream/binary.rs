//! Frames as bytes (SP-55): `u8 2 || u8 flags || u64be index || u32be length || data || [tag] || [s]`.

use super::{
    Data, Error, Frame, MAX_FRAME, Mode, Tag,
    frame::{BINARY, FINAL},
};

const VERSION: u8 = 2;
/// Says that a tag follows; it is not chained.
const TAGGED: u8 = 0x80;
/// What stands before the data.
const HEAD: usize = 14;

impl Frame {
    /// The bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let data = self.data.as_bytes();
        let mut out = Vec::with_capacity(HEAD + data.len() + 128);
        out.push(VERSION);
        out.push(self.flags() | if self.tag.is_some() { TAGGED } else { 0 });
        out.extend_from_slice(&self.index.to_be_bytes());
        out.extend_from_slice(&u32::try_from(data.len()).unwrap_or(u32::MAX).to_be_bytes());
        out.extend_from_slice(data);
        out.extend_from_slice(self.tag.as_ref().map_or(&[], Tag::as_bytes));
        out.extend_from_slice(self.signature.as_ref().map_or(&[], <[u8; 64]>::as_slice));
        out
    }

    /// Reads the frame at the front of `input`, of a stream in `mode`, and says how many bytes it has. `None` while more
    /// input is needed; what was announced is never reserved.
    ///
    /// # Errors
    /// [`Error::Malformed`], [`Error::Flags`], [`Error::Limit`]
    pub fn from_bytes(mode: Mode, input: &[u8]) -> Result<Option<(Self, usize)>, Error> {
        // What is wrong shows as early as possible.
        if input.first().is_some_and(|version| *version != VERSION) {
            return Err(Error::Malformed);
        }
        if input.get(1).is_some_and(|flags| flags & !(FINAL | BINARY | TAGGED) != 0) {
            return Err(Error::Flags);
        }
        let Some((head, rest)) = input.split_first_chunk::<HEAD>() else { return Ok(None) };
        let [_, flags, i0, i1, i2, i3, i4, i5, i6, i7, l0, l1, l2, l3] = *head;
        let index = u64::from_be_bytes([i0, i1, i2, i3, i4, i5, i6, i7]);
        let len = usize::try_from(u32::from_be_bytes([l0, l1, l2, l3])).map_err(|_| Error::Limit)?;
        if len > MAX_FRAME {
            return Err(Error::Limit);
        }
        let is_final = flags & FINAL != 0;
        let tag_len = match (flags & TAGGED != 0, mode) {
            (false, _) => 0,
            (true, Mode::Sig) => 64,
            (true, Mode::Mac) => 32,
        };
        let signature_len = if is_final && mode == Mode::Mac { 64 } else { 0 };
        let Some((data, rest)) = rest.split_at_checked(len) else { return Ok(None) };
        let Some((tag, rest)) = rest.split_at_checked(tag_len) else { return Ok(None) };
        let Some((signature, _)) = rest.split_at_checked(signature_len) else { return Ok(None) };
        let data = if flags & BINARY != 0 {
            Data::Binary(data.to_vec())
        } else {
            Data::Text(std::str::from_utf8(data).map_err(|_| Error::Malformed)?.to_owned())
        };
        let tag = if tag.is_empty() { None } else { Some(Tag::from_bytes(mode, tag)?) };
        let frame = Self { index, data, is_final, tag, signature: signature.try_into().ok() };
        Ok(Some((frame, HEAD + len + tag_len + signature_len)))
    }
}
