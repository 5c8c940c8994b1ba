//! One text for each JSON value (EN-114).

use super::{Error, Kind, Reader, Unescaped, read};
use crate::canonical::write_string;

/// How numbers are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Numbers {
    /// Integers of SP-05 alone, in decimal: what is signed (EN-114, SP-21).
    Integers,
    /// The same with signs: what published peers print alike (EN-46).
    SignedIntegers,
    /// Any number by its exact decimal value: what is compared (SP-34). `10`, `1e1` and `10.0` are one number, and
    /// 2^53 + 1 is not 2^53.
    Exact,
}

/// The stable text of a JSON text: members sorted by UTF-16 code unit, strings escaped alike, no white space. Members of
/// the outermost object that `without` names are left out.
///
/// # Errors
/// What is wrong with the text; [`Error::Integer`] for numbers that [`Numbers`] does not take.
pub fn stable(text: &[u8], depth: u8, numbers: Numbers, without: Option<&str>) -> Result<Vec<u8>, Error> {
    let mut out = Vec::with_capacity(text.len());
    read(text, depth, |reader| write(reader, numbers, without, &mut out))?;
    Ok(out)
}

fn write(
    reader: &mut Reader<'_>,
    numbers: Numbers,
    without: Option<&str>,
    out: &mut Vec<u8>,
) -> Result<(), Error> {
    match reader.kind()? {
        Kind::Object => write_object(reader, numbers, without, out)?,
        Kind::Array => {
            out.push(b'[');
            let mut first = true;
            reader.array(|reader| {
                if !std::mem::take(&mut first) {
                    out.push(b',');
                }
                write(reader, numbers, None, out)
            })?;
            out.push(b']');
        }
        Kind::String => write_string(&reader.string()?, out),
        Kind::Number if numbers == Numbers::Integers => {
            crate::canonical::write_integer(reader.integer()?, out);
        }
        Kind::Number if numbers == Numbers::SignedIntegers => {
            let number = reader.number()?;
            let magnitude = number.strip_prefix('-').unwrap_or(number);
            let digits = magnitude.bytes().all(|byte| byte.is_ascii_digit());
            let small = magnitude.parse::<u64>().is_ok_and(|value| value < 1 << 53);
            if !digits || !small || number == "-0" {
                return Err(Error::Integer);
            }
            out.extend_from_slice(number.as_bytes());
        }
        Kind::Number => write_exact(reader.number()?, out)?,
        Kind::Boolean => out.extend_from_slice(if reader.boolean()? { b"true" } else { b"false" }),
        Kind::Null => {
            reader.null()?;
            out.extend_from_slice(b"null");
        }
    }
    Ok(())
}

fn write_object(
    reader: &mut Reader<'_>,
    numbers: Numbers,
    without: Option<&str>,
    out: &mut Vec<u8>,
) -> Result<(), Error> {
    // Members are written one behind the other first, as `"name":value`, and then put in order.
    let start = out.len();
    let mut members = Vec::new();
    reader.object(|name, reader| {
        if without == Some(name) {
            return reader.value().map(drop);
        }
        let from = out.len() - start;
        write_string(name, out);
        out.push(b':');
        write(reader, numbers, None, out)?;
        members.push((from as u32, (out.len() - start) as u32));
        Ok(())
    })?;
    let unsorted = out.split_off(start);
    let member = |(from, to): (u32, u32)| unsorted.get(from as usize..to as usize).unwrap_or_default();
    members.sort_by(|a, b| utf16_of_name(member(*a)).cmp(utf16_of_name(member(*b))));
    out.push(b'{');
    for (index, range) in members.into_iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        out.extend_from_slice(member(range));
    }
    out.push(b'}');
    Ok(())
}

/// The UTF-16 code units of the name at the front of a member that was written by us.
fn utf16_of_name(member: &[u8]) -> impl Iterator<Item = u16> {
    let text = std::str::from_utf8(member).unwrap_or_default().strip_prefix('"').unwrap_or_default();
    let mut escaped = false;
    let end = text.bytes().position(|byte| {
        let ends = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        ends
    });
    let name = text.get(..end.unwrap_or(text.len())).unwrap_or_default();
    Unescaped::new(name).flat_map(|character| {
        let mut units = [0; 2];
        let count = character.encode_utf16(&mut units).len();
        units.into_iter().take(count)
    })
}

/// Writes a number as its digits without zeros at either end, times a power of ten.
fn write_exact(number: &str, out: &mut Vec<u8>) -> Result<(), Error> {
    let (mantissa, exponent) = match number.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i64>().map_err(|_| Error::Integer)?),
        None => (number, 0),
    };
    let (negative, mantissa) = match mantissa.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, mantissa),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let start = out.len();
    if negative {
        out.push(b'-');
    }
    let digits = out.len();
    out.extend(whole.bytes().chain(fraction.bytes()).skip_while(|digit| *digit == b'0'));
    if out.len() == digits {
        // Zero has no sign and no exponent.
        out.truncate(start);
        out.push(b'0');
        return Ok(());
    }
    let mut exponent = exponent.checked_sub(fraction.len() as i64).ok_or(Error::Integer)?;
    while out.last() == Some(&b'0') {
        out.pop();
        exponent = exponent.checked_add(1).ok_or(Error::Integer)?;
    }
    if exponent != 0 {
        out.push(b'e');
        out.extend_from_slice(exponent.to_string().as_bytes());
    }
    Ok(())
}
