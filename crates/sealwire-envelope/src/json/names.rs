//! Names of members, compared as the characters that they stand for.

use super::Error;

/// The characters of a string token without its quotes, which was checked before.
#[derive(Clone)]
pub(crate) struct Unescaped<'a> {
    rest: std::str::Chars<'a>,
}

impl<'a> Unescaped<'a> {
    pub(crate) fn new(raw: &'a str) -> Self {
        Self { rest: raw.chars() }
    }

    fn unit(&mut self) -> u32 {
        self.rest.by_ref().take(4).fold(0, |unit, digit| unit << 4 | digit.to_digit(16).unwrap_or(0))
    }
}

impl Iterator for Unescaped<'_> {
    type Item = char;

    fn next(&mut self) -> Option<char> {
        let first = self.rest.next()?;
        if first != '\\' {
            return Some(first);
        }
        Some(match self.rest.next()? {
            'b' => '\u{8}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'u' => {
                let high = self.unit();
                let scalar = if (0xd800..0xdc00).contains(&high) {
                    self.rest.nth(1);
                    0x1_0000 + ((high - 0xd800) << 10) + (self.unit().wrapping_sub(0xdc00) & 0x3ff)
                } else {
                    high
                };
                char::from_u32(scalar).unwrap_or(char::REPLACEMENT_CHARACTER)
            }
            other => other,
        })
    }
}

/// The names of one object so far: where their tokens stand in the text, which costs less than any text that has them.
#[derive(Default)]
pub(super) struct Names {
    few: [(u32, u32); FEW],
    count: usize,
    many: Vec<(u32, u32)>,
}

/// No object of ours has more members.
const FEW: usize = 14;

impl Names {
    /// Takes the next name.
    pub(super) fn push(&mut self, text: &str, start: usize, end: usize) -> Result<(), Error> {
        let range =
            (u32::try_from(start).map_err(|_| Error::Utf8)?, u32::try_from(end).map_err(|_| Error::Utf8)?);
        if let Some(slot) = self.few.get_mut(self.count) {
            *slot = range;
            let before = self.few.get(..self.count).unwrap_or_default();
            if before.iter().any(|other| same(name(text, *other), name(text, range))) {
                return Err(Error::DuplicateMember);
            }
        } else {
            self.many.push(range);
        }
        self.count += 1;
        Ok(())
    }

    /// Whether the many that were taken without looking are all different.
    pub(super) fn finish(mut self, text: &str) -> Result<(), Error> {
        if self.many.is_empty() {
            return Ok(());
        }
        self.many.extend_from_slice(&self.few);
        self.many.sort_unstable_by(|a, b| Unescaped::new(name(text, *a)).cmp(Unescaped::new(name(text, *b))));
        let twice = self.many.array_windows().any(|[a, b]| same(name(text, *a), name(text, *b)));
        if twice { Err(Error::DuplicateMember) } else { Ok(()) }
    }
}

fn name(text: &str, (start, end): (u32, u32)) -> &str {
    text.get(start as usize..end as usize).unwrap_or_default()
}

fn same(a: &str, b: &str) -> bool {
    if a.contains('\\') || b.contains('\\') { Unescaped::new(a).eq(Unescaped::new(b)) } else { a == b }
}
