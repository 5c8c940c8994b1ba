use std::borrow::Cow;

use super::{Error, Unescaped, names::Names};
use crate::canonical::clean_prefix;

/// The largest integer that every peer prints alike (SP-05).
const MAX_INTEGER: u64 = (1 << 53) - 1;

/// What a value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `{…}`
    Object,
    /// `[…]`
    Array,
    /// `"…"`
    String,
    /// digits
    Number,
    /// `true` or `false`
    Boolean,
    /// `null`
    Null,
}

/// Walks over one JSON text. Each method takes the next value whole, or refuses the text.
#[derive(Clone)]
pub struct Reader<'a> {
    text: &'a str,
    at: usize,
    depth_left: u8,
}

/// Reads a whole text: `value` takes the one value of it, which nests no deeper than `depth`.
///
/// # Errors
/// What is wrong with the text, and what `value` refuses.
pub fn read<'a, T, E: From<Error>>(
    text: &'a [u8],
    depth: u8,
    value: impl FnOnce(&mut Reader<'a>) -> Result<T, E>,
) -> Result<T, E> {
    let mut reader = Reader::new(text, depth)?;
    let read = value(&mut reader)?;
    reader.end()?;
    Ok(read)
}

impl<'a> Reader<'a> {
    /// Begins at the front of `text`.
    ///
    /// # Errors
    /// [`Error::Utf8`]
    pub fn new(text: &'a [u8], depth: u8) -> Result<Self, Error> {
        let text = std::str::from_utf8(text).map_err(|_| Error::Utf8)?;
        if u32::try_from(text.len()).is_err() {
            return Err(Error::Utf8);
        }
        Ok(Self { text, at: 0, depth_left: depth })
    }

    /// What the next value is, going by its first character.
    ///
    /// # Errors
    /// [`Error::Syntax`]
    pub fn kind(&mut self) -> Result<Kind, Error> {
        self.white_space();
        match self.peek() {
            Some(b'{') => Ok(Kind::Object),
            Some(b'[') => Ok(Kind::Array),
            Some(b'"') => Ok(Kind::String),
            Some(b'-' | b'0'..=b'9') => Ok(Kind::Number),
            Some(b't' | b'f') => Ok(Kind::Boolean),
            Some(b'n') => Ok(Kind::Null),
            _ => Err(Error::Syntax),
        }
    }

    /// The name of the first member of the object that is next, which stays to be read.
    ///
    /// # Errors
    /// [`Error::WrongKind`], and what is wrong with the name.
    pub fn first_name(&self) -> Result<Option<Cow<'a, str>>, Error> {
        let mut ahead = self.clone();
        ahead.expect_kind(Kind::Object)?;
        ahead.at += 1;
        ahead.white_space();
        if ahead.peek() == Some(b'}') { Ok(None) } else { ahead.string().map(Some) }
    }

    /// A string.
    ///
    /// # Errors
    /// [`Error::WrongKind`], and what is wrong with it.
    pub fn string(&mut self) -> Result<Cow<'a, str>, Error> {
        self.expect_kind(Kind::String)?;
        let (raw, escaped) = self.raw_string()?;
        Ok(if escaped { Cow::Owned(Unescaped::new(raw).collect()) } else { Cow::Borrowed(raw) })
    }

    /// An integer as SP-05 spells it: 0 to 2^53 - 1.
    ///
    /// # Errors
    /// [`Error::WrongKind`], [`Error::Integer`]
    pub fn integer(&mut self) -> Result<u64, Error> {
        let number = self.number()?;
        if !number.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(Error::Integer);
        }
        number.parse().ok().filter(|value| *value <= MAX_INTEGER).ok_or(Error::Integer)
    }

    /// Any number, as it is spelt.
    ///
    /// # Errors
    /// [`Error::WrongKind`], [`Error::Syntax`]
    pub fn number(&mut self) -> Result<&'a str, Error> {
        self.expect_kind(Kind::Number)?;
        let start = self.at;
        self.take(b'-');
        if !self.take(b'0') {
            self.digits()?;
        }
        if self.take(b'.') {
            self.digits()?;
        }
        if self.take(b'e') || self.take(b'E') {
            if !self.take(b'+') {
                self.take(b'-');
            }
            self.digits()?;
        }
        self.text.get(start..self.at).ok_or(Error::Syntax)
    }

    /// `true` or `false`.
    ///
    /// # Errors
    /// [`Error::WrongKind`], [`Error::Syntax`]
    pub fn boolean(&mut self) -> Result<bool, Error> {
        self.expect_kind(Kind::Boolean)?;
        if self.peek() == Some(b't') {
            self.word("true").map(|()| true)
        } else {
            self.word("false").map(|()| false)
        }
    }

    /// `null`.
    ///
    /// # Errors
    /// [`Error::WrongKind`], [`Error::Syntax`]
    pub fn null(&mut self) -> Result<(), Error> {
        self.expect_kind(Kind::Null)?;
        self.word("null")
    }

    /// An object; `member` gets each name and takes its value.
    ///
    /// # Errors
    /// [`Error::WrongKind`], [`Error::DuplicateMember`], what is wrong with it, and what `member` refuses.
    pub fn object<E: From<Error>>(
        &mut self,
        mut member: impl FnMut(&str, &mut Self) -> Result<(), E>,
    ) -> Result<(), E> {
        self.enter(Kind::Object)?;
        let mut names = Names::default();
        self.white_space();
        if !self.take(b'}') {
            loop {
                self.white_space();
                let start = self.at;
                let name = self.string()?;
                // Without the quotes.
                names.push(self.text, start + 1, self.at.saturating_sub(1))?;
                self.white_space();
                self.expect(b':')?;
                member(&name, self)?;
                self.white_space();
                if self.take(b'}') {
                    break;
                }
                self.expect(b',')?;
            }
        }
        names.finish(self.text)?;
        self.depth_left += 1;
        Ok(())
    }

    /// An array; `item` takes each of its values.
    ///
    /// # Errors
    /// [`Error::WrongKind`], what is wrong with it, and what `item` refuses.
    pub fn array<E: From<Error>>(
        &mut self,
        mut item: impl FnMut(&mut Self) -> Result<(), E>,
    ) -> Result<(), E> {
        self.enter(Kind::Array)?;
        self.white_space();
        if !self.take(b']') {
            loop {
                item(self)?;
                self.white_space();
                if self.take(b']') {
                    break;
                }
                self.expect(b',')?;
            }
        }
        self.depth_left += 1;
        Ok(())
    }

    /// Any value, as it is spelt, checked like every other.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn value(&mut self) -> Result<&'a str, Error> {
        let kind = self.kind()?;
        let start = self.at;
        match kind {
            Kind::Object => self.object(|_, reader| reader.value().map(drop))?,
            Kind::Array => self.array(|reader| reader.value().map(drop))?,
            Kind::String => self.raw_string().map(drop)?,
            Kind::Number => self.number().map(drop)?,
            Kind::Boolean => self.boolean().map(drop)?,
            Kind::Null => self.null()?,
        }
        self.text.get(start..self.at).ok_or(Error::Syntax)
    }

    /// Nothing but white space is left.
    ///
    /// # Errors
    /// [`Error::Trailing`]
    pub fn end(mut self) -> Result<(), Error> {
        self.white_space();
        if self.at == self.text.len() { Ok(()) } else { Err(Error::Trailing) }
    }

    /// The token of a string without its quotes, and whether it has escapes.
    fn raw_string(&mut self) -> Result<(&'a str, bool), Error> {
        self.expect(b'"')?;
        let start = self.at;
        let mut escaped = false;
        loop {
            self.at += clean_prefix(self.rest());
            match self.peek() {
                Some(b'"') => break,
                Some(b'\\') => {
                    escaped = true;
                    self.at += 1;
                    self.escape()?;
                }
                _ => return Err(Error::Syntax),
            }
        }
        let raw = self.text.get(start..self.at).ok_or(Error::Syntax)?;
        self.at += 1;
        Ok((raw, escaped))
    }

    fn escape(&mut self) -> Result<(), Error> {
        let kind = self.peek().ok_or(Error::Syntax)?;
        self.at += 1;
        match kind {
            b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => Ok(()),
            b'u' => match self.unit()? {
                0xd800..=0xdbff => {
                    if !(self.take(b'\\') && self.take(b'u')) {
                        return Err(Error::LoneSurrogate);
                    }
                    let low = (0xdc00..=0xdfff).contains(&self.unit()?);
                    if low { Ok(()) } else { Err(Error::LoneSurrogate) }
                }
                0xdc00..=0xdfff => Err(Error::LoneSurrogate),
                _ => Ok(()),
            },
            _ => Err(Error::Syntax),
        }
    }

    fn unit(&mut self) -> Result<u32, Error> {
        let digits = self.rest().first_chunk::<4>().ok_or(Error::Syntax)?;
        let mut unit = 0;
        for digit in digits {
            unit = unit << 4 | char::from(*digit).to_digit(16).ok_or(Error::Syntax)?;
        }
        self.at += 4;
        Ok(unit)
    }

    fn digits(&mut self) -> Result<(), Error> {
        let count = self.rest().iter().take_while(|byte| byte.is_ascii_digit()).count();
        self.at += count;
        if count == 0 { Err(Error::Syntax) } else { Ok(()) }
    }

    fn enter(&mut self, kind: Kind) -> Result<(), Error> {
        self.expect_kind(kind)?;
        self.depth_left = self.depth_left.checked_sub(1).ok_or(Error::TooDeep)?;
        self.at += 1;
        Ok(())
    }

    fn expect_kind(&mut self, kind: Kind) -> Result<(), Error> {
        if self.kind()? == kind { Ok(()) } else { Err(Error::WrongKind) }
    }

    fn word(&mut self, word: &str) -> Result<(), Error> {
        if !self.rest().starts_with(word.as_bytes()) {
            return Err(Error::Syntax);
        }
        self.at += word.len();
        Ok(())
    }

    fn white_space(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.peek() {
            self.at += 1;
        }
    }

    fn expect(&mut self, byte: u8) -> Result<(), Error> {
        if self.take(byte) { Ok(()) } else { Err(Error::Syntax) }
    }

    fn take(&mut self, byte: u8) -> bool {
        let there = self.peek() == Some(byte);
        self.at += usize::from(there);
        there
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn rest(&self) -> &'a [u8] {
        self.text.as_bytes().get(self.at..).unwrap_or_default()
    }
}
