//! MessagePack values as JSON, and the other way round.
//!
//! Nothing is allocated by a length in the input: each length is only a number of items or bytes
//! that must be there.

#![expect(clippy::wildcard_enum_match_arm, reason = "each function names the markers that it reads")]

use cloakroom_session::Error;
use cloakroom_session::factory::Json;
use rmp::decode::{RmpRead as _, read_marker};
use rmp::{Marker, encode};

use crate::spelling::quoted;

/// The maximum depth of arrays and objects, which is that of a JSON text.
pub(crate) const DEEPEST: usize = 127;

/// The number of significant digits that a float may need.
const DIGITS: usize = 17;

const TOO_DEEP: &str = "it is nested too deep for MessagePack";
const NOT_A_NUMBER: &str = "MessagePack keeps integers of 64 bits and floats: write the number as a string";
const NOT_TEXT: &str = "it holds text that isn't Unicode";

/// Reads one value as JSON text. `depth` is that of an array or object.
pub(crate) fn read_value(bytes: &mut &[u8], depth: usize, out: &mut String) -> Option<()> {
    match read_marker(bytes).ok()? {
        Marker::Null => out.push_str("null"),
        Marker::True => out.push_str("true"),
        Marker::False => out.push_str("false"),
        Marker::F32 => float(f64::from(bytes.read_data_f32().ok()?), out),
        Marker::F64 => float(bytes.read_data_f64().ok()?, out),
        Marker::FixArray(length) => array(bytes, u32::from(length), depth, out)?,
        Marker::Array16 => {
            let length = u32::from(bytes.read_data_u16().ok()?);
            array(bytes, length, depth, out)?;
        }
        Marker::Array32 => {
            let length = bytes.read_data_u32().ok()?;
            array(bytes, length, depth, out)?;
        }
        Marker::FixMap(length) => map(bytes, u32::from(length), depth, out)?,
        Marker::Map16 => {
            let length = u32::from(bytes.read_data_u16().ok()?);
            map(bytes, length, depth, out)?;
        }
        Marker::Map32 => {
            let length = bytes.read_data_u32().ok()?;
            map(bytes, length, depth, out)?;
        }
        marker @ (Marker::FixStr(_) | Marker::Str8 | Marker::Str16 | Marker::Str32) => text(bytes, marker, out)?,
        // Binary data has no JSON.
        marker => out.push_str(&integer(bytes, marker)?.to_string()),
    }
    Some(())
}

/// JSON has no infinities, and neither has the other side's JSON: it reads them as `null`.
fn float(number: f64, out: &mut String) {
    if number.is_finite() { out.push_str(&format!("{number:?}")) } else { out.push_str("null") }
}

pub(crate) fn integer(bytes: &mut &[u8], marker: Marker) -> Option<i128> {
    Some(match marker {
        Marker::FixPos(number) => number.into(),
        Marker::FixNeg(number) => number.into(),
        Marker::U8 => bytes.read_data_u8().ok()?.into(),
        Marker::U16 => bytes.read_data_u16().ok()?.into(),
        Marker::U32 => bytes.read_data_u32().ok()?.into(),
        Marker::U64 => bytes.read_data_u64().ok()?.into(),
        Marker::I8 => bytes.read_data_i8().ok()?.into(),
        Marker::I16 => bytes.read_data_i16().ok()?.into(),
        Marker::I32 => bytes.read_data_i32().ok()?.into(),
        Marker::I64 => bytes.read_data_i64().ok()?.into(),
        _ => return None,
    })
}

fn array(bytes: &mut &[u8], length: u32, depth: usize, out: &mut String) -> Option<()> {
    (depth <= DEEPEST).then_some(())?;
    out.push('[');
    for index in 0..length {
        out.push_str(if index == 0 { "" } else { "," });
        read_value(bytes, depth + 1, out)?;
    }
    out.push(']');
    Some(())
}

fn map(bytes: &mut &[u8], length: u32, depth: usize, out: &mut String) -> Option<()> {
    (depth <= DEEPEST).then_some(())?;
    out.push('{');
    for index in 0..length {
        out.push_str(if index == 0 { "" } else { "," });
        let marker = read_marker(bytes).ok()?;
        text(bytes, marker, out)?;
        out.push(':');
        read_value(bytes, depth + 1, out)?;
    }
    out.push('}');
    Some(())
}

fn text(bytes: &mut &[u8], marker: Marker, out: &mut String) -> Option<()> {
    let length = match marker {
        Marker::FixStr(length) => u32::from(length),
        Marker::Str8 => u32::from(bytes.read_data_u8().ok()?),
        Marker::Str16 => u32::from(bytes.read_data_u16().ok()?),
        Marker::Str32 => bytes.read_data_u32().ok()?,
        _ => return None,
    };
    let text = std::str::from_utf8(take(bytes, usize::try_from(length).ok()?)?).ok()?;
    out.push_str(&quoted(text).ok()?);
    Some(())
}

pub(crate) fn take<'a>(bytes: &mut &'a [u8], length: usize) -> Option<&'a [u8]> {
    let (taken, rest) = bytes.split_at_checked(length)?;
    *bytes = rest;
    Some(taken)
}

/// Returns an error that names the key if MessagePack can't hold the value.
pub(crate) fn check(key: &str, value: &Json) -> Result<(), Error> {
    write_value(value, 2, &mut Vec::new()).map_err(|reason| Error::inexact(key, reason))
}

/// Appends a value. `depth` is that of an array or object.
pub(crate) fn write_value(value: &Json, depth: usize, out: &mut Vec<u8>) -> Result<(), &'static str> {
    // Nothing else fails: the output is memory, and a JSON text of a record is shorter than 4 GiB.
    let failed = |_| NOT_TEXT;
    let text = value.as_str();
    let is_nested = text.starts_with(['[', '{']);
    if is_nested && depth > DEEPEST {
        return Err(TOO_DEEP);
    }
    match text.as_bytes().first() {
        Some(b'n') => encode::write_nil(out).map_err(|_| NOT_TEXT),
        Some(b't' | b'f') => encode::write_bool(out, text == "true").map_err(|_| NOT_TEXT),
        Some(b'"') => {
            let text: String = value.decode("text").map_err(|_| NOT_TEXT)?;
            encode::write_str(out, &text).map_err(failed)
        }
        Some(b'[') => {
            let elements = value.elements().unwrap_or_default();
            encode::write_array_len(out, u32::try_from(elements.len()).map_err(|_| TOO_DEEP)?).map_err(failed)?;
            elements.iter().try_for_each(|element| write_value(element, depth + 1, out))
        }
        Some(b'{') => {
            let members = value.members().unwrap_or_default();
            encode::write_map_len(out, u32::try_from(members.len()).map_err(|_| TOO_DEEP)?).map_err(failed)?;
            members.iter().try_for_each(|(key, value)| {
                write_value(key, depth + 1, out)?;
                write_value(value, depth + 1, out)
            })
        }
        _ => number(text, out),
    }
}

fn number(text: &str, out: &mut Vec<u8>) -> Result<(), &'static str> {
    if let Ok(number) = text.parse::<u64>() {
        return encode::write_uint(out, number).map(|_| ()).map_err(|_| NOT_A_NUMBER);
    }
    // `-0` is a float to `serde_json`.
    if let Some(number) = text.parse::<i64>().ok().filter(|number| *number != 0) {
        return encode::write_sint(out, number).map(|_| ()).map_err(|_| NOT_A_NUMBER);
    }
    let is_integer = !text.contains(['.', 'e', 'E']) && text != "-0";
    let number = text.parse::<f64>().ok().filter(|number| number.is_finite() && !is_integer).ok_or(NOT_A_NUMBER)?;
    let digits = text.split(['e', 'E']).next().unwrap_or_default().replace(['-', '.'], "");
    if digits.trim_matches('0').len() > DIGITS {
        return Err(NOT_A_NUMBER);
    }
    encode::write_f64(out, number).map_err(|_| NOT_A_NUMBER)
}
