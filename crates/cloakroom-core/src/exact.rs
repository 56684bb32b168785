//! Lossless JSON encoding: every value that is written can be read back unchanged.
//!
//! `serde_json` alone writes `NaN` and the infinities as `null`, writes deeper nesting than it
//! reads, and writes integers of 128 bits, which its own `Value` reads as floats and an internally
//! tagged enum doesn't read at all.

use std::fmt;
use std::io;

use serde::Serialize;
use serde::ser::{self, Serializer};
use serde_json::ser::{CompactFormatter, Formatter};

/// The maximum depth of arrays and objects that `serde_json` reads.
const DEEPEST: usize = 127;

const TOO_DEEP: &str = "it is nested more than 127 levels deep, which can't be read back";
const TOO_WIDE: &str =
    "it holds an integer of more than 64 bits, which JSON readers don't keep exactly: write it as a string";
const NOT_FINITE: &str = "it holds a number that isn't finite (NaN or an infinity), which JSON can't express";

/// The reason why a value isn't written.
pub(crate) enum Unwritable {
    /// The value can be written, but not read back unchanged.
    Inexact(&'static str),
    /// An error of serde.
    Serde(serde_json::Error),
}

/// Encodes the value as JSON text.
pub(crate) fn to_text<T: Serialize + ?Sized>(value: &T) -> Result<String, Unwritable> {
    let mut bytes = Vec::with_capacity(128);
    let mut refused = None;
    let formatter = Exact { compact: CompactFormatter, depth: 0, refused: &mut refused };
    let written = value.serialize(&mut serde_json::Serializer::with_formatter(&mut bytes, formatter));
    if let Some(reason) = refused {
        return Err(Unwritable::Inexact(reason));
    }
    written.map_err(Unwritable::Serde)?;
    // A number that isn't finite was written as `null`, so a text without `null` has none.
    if memchr::memmem::find(&bytes, b"null").is_some() && value.serialize(Finite).is_err() {
        return Err(Unwritable::Inexact(NOT_FINITE));
    }
    String::from_utf8(bytes).map_err(|error| Unwritable::Serde(ser::Error::custom(error)))
}

/// Returns the reason if JSON text is nested too deep to be read.
pub(crate) fn too_deep(text: &str) -> Option<&'static str> {
    let (mut depth, mut deepest, mut in_string, mut escaped) = (0_usize, 0, false, false);
    for byte in text.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'[' | b'{' if !in_string => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b']' | b'}' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    (deepest > DEEPEST).then_some(TOO_DEEP)
}

/// A compact formatter that refuses values that couldn't be read back.
struct Exact<'a> {
    compact: CompactFormatter,
    depth: usize,
    refused: &'a mut Option<&'static str>,
}

impl Exact<'_> {
    fn refuse(&mut self, reason: &'static str) -> io::Result<()> {
        *self.refused = Some(reason);
        Err(io::Error::other(reason))
    }

    fn deeper(&mut self) -> io::Result<()> {
        self.depth += 1;
        if self.depth > DEEPEST { self.refuse(TOO_DEEP) } else { Ok(()) }
    }
}

impl Formatter for Exact<'_> {
    fn write_u128<W: ?Sized + io::Write>(&mut self, writer: &mut W, value: u128) -> io::Result<()> {
        match u64::try_from(value) {
            Ok(value) => self.compact.write_u64(writer, value),
            Err(_) => self.refuse(TOO_WIDE),
        }
    }

    fn write_i128<W: ?Sized + io::Write>(&mut self, writer: &mut W, value: i128) -> io::Result<()> {
        match (u64::try_from(value), i64::try_from(value)) {
            (Ok(value), _) => self.compact.write_u64(writer, value),
            (_, Ok(value)) => self.compact.write_i64(writer, value),
            _ => self.refuse(TOO_WIDE),
        }
    }

    fn begin_array<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.deeper()?;
        self.compact.begin_array(writer)
    }

    fn end_array<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.depth -= 1;
        self.compact.end_array(writer)
    }

    fn begin_object<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.deeper()?;
        self.compact.begin_object(writer)
    }

    fn end_object<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.depth -= 1;
        self.compact.end_object(writer)
    }
}

/// A serializer without output that fails at a number that isn't finite.
#[derive(Clone, Copy)]
struct Finite;

#[derive(Debug)]
struct NotFinite;

impl fmt::Display for NotFinite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(NOT_FINITE)
    }
}

impl std::error::Error for NotFinite {}

impl ser::Error for NotFinite {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self
    }
}

type Checked = Result<(), NotFinite>;

macro_rules! nothing_to_check {
    ($($method:ident($($kind:ty),*);)*) => {
        $(fn $method(self, $(_: $kind),*) -> Checked {
            Ok(())
        })*
    };
}

macro_rules! opens {
    ($($method:ident($($kind:ty),*) -> $compound:ident;)*) => {
        $(fn $method(self, $(_: $kind),*) -> Result<Self::$compound, NotFinite> {
            Ok(self)
        })*
    };
}

impl Serializer for Finite {
    type Ok = ();
    type Error = NotFinite;
    type SerializeSeq = Self;
    type SerializeTuple = Self;
    type SerializeTupleStruct = Self;
    type SerializeTupleVariant = Self;
    type SerializeMap = Self;
    type SerializeStruct = Self;
    type SerializeStructVariant = Self;

    nothing_to_check! {
        serialize_bool(bool);
        serialize_i8(i8);
        serialize_i16(i16);
        serialize_i32(i32);
        serialize_i64(i64);
        serialize_i128(i128);
        serialize_u8(u8);
        serialize_u16(u16);
        serialize_u32(u32);
        serialize_u64(u64);
        serialize_u128(u128);
        serialize_char(char);
        serialize_str(&str);
        serialize_bytes(&[u8]);
        serialize_none();
        serialize_unit();
        serialize_unit_struct(&'static str);
        serialize_unit_variant(&'static str, u32, &'static str);
    }

    opens! {
        serialize_seq(Option<usize>) -> SerializeSeq;
        serialize_tuple(usize) -> SerializeTuple;
        serialize_tuple_struct(&'static str, usize) -> SerializeTupleStruct;
        serialize_tuple_variant(&'static str, u32, &'static str, usize) -> SerializeTupleVariant;
        serialize_map(Option<usize>) -> SerializeMap;
        serialize_struct(&'static str, usize) -> SerializeStruct;
        serialize_struct_variant(&'static str, u32, &'static str, usize) -> SerializeStructVariant;
    }

    fn serialize_f32(self, value: f32) -> Checked {
        if value.is_finite() { Ok(()) } else { Err(NotFinite) }
    }

    fn serialize_f64(self, value: f64) -> Checked {
        if value.is_finite() { Ok(()) } else { Err(NotFinite) }
    }

    fn collect_str<T: fmt::Display + ?Sized>(self, _: &T) -> Checked {
        Ok(())
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Checked {
        value.serialize(self)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, value: &T) -> Checked {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        value: &T,
    ) -> Checked {
        value.serialize(self)
    }
}

macro_rules! compounds {
    ($($compound:ident { $($method:ident($($name:ty)?);)+ })*) => {
        $(impl ser::$compound for Finite {
            type Ok = ();
            type Error = NotFinite;

            $(fn $method<T: Serialize + ?Sized>(&mut self, $(_: $name,)? value: &T) -> Checked {
                value.serialize(*self)
            })+

            fn end(self) -> Checked {
                Ok(())
            }
        })*
    };
}

compounds! {
    SerializeSeq { serialize_element(); }
    SerializeTuple { serialize_element(); }
    SerializeTupleStruct { serialize_field(); }
    SerializeTupleVariant { serialize_field(); }
    SerializeMap { serialize_key(); serialize_value(); }
    SerializeStruct { serialize_field(&'static str); }
    SerializeStructVariant { serialize_field(&'static str); }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::fmt::Debug;

    use serde::{Deserialize, Serialize};
    use serde_json::{Value, json};

    use super::{DEEPEST, NOT_FINITE, TOO_DEEP, TOO_WIDE};
    use crate::text::Json;

    #[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
    enum Shape {
        Nothing,
        Circle(f64),
        Line(f32, f32),
        Square { side: f64 },
    }

    /// Returns arrays nested `levels` deep.
    fn nested(levels: usize) -> Value {
        (1..levels).fold(json!([]), |inner, _| json!([inner]))
    }

    fn refused<T: Serialize>(value: T) -> String {
        let error = Json::encode("it", &value).unwrap_err();
        assert!(error.is_encode() && error.key() == Some("it"), "{error}");
        error.to_string()
    }

    #[expect(clippy::needless_pass_by_value, reason = "rows are easier to read without references")]
    fn comes_back<T: Serialize + for<'a> Deserialize<'a> + PartialEq + Debug>(value: T) {
        assert_eq!(Json::encode("it", &value).unwrap().decode::<T>("it").unwrap(), value);
    }

    #[test]
    fn values_that_cannot_be_read_back_are_refused() {
        let map = |value: f64| BTreeMap::from([("a", Some(value))]);
        for (name, said, reason) in [
            ("NaN", refused(f64::NAN), NOT_FINITE),
            ("an infinity", refused(f64::INFINITY), NOT_FINITE),
            ("a single infinity", refused(f32::NEG_INFINITY), NOT_FINITE),
            ("in an option", refused(Some(f64::NAN)), NOT_FINITE),
            ("in a list", refused(vec![1.0, f64::NAN]), NOT_FINITE),
            ("in a tuple", refused((1, "null", f32::NAN)), NOT_FINITE),
            ("in a map", refused(map(f64::NAN)), NOT_FINITE),
            ("in a newtype variant", refused(Shape::Circle(f64::NAN)), NOT_FINITE),
            ("in a tuple variant", refused(Shape::Line(0.0, f32::NAN)), NOT_FINITE),
            ("in a struct variant", refused(Shape::Square { side: f64::NAN }), NOT_FINITE),
            ("more than 64 bits", refused(u128::from(u64::MAX) + 1), TOO_WIDE),
            ("less than 64 bits", refused(i128::from(i64::MIN) - 1), TOO_WIDE),
            ("more than 64 bits in a list", refused([i128::MAX]), TOO_WIDE),
            ("nested too deep", refused(nested(DEEPEST + 1)), TOO_DEEP),
            ("nested far too deep", refused(nested(1000)), TOO_DEEP),
        ] {
            assert_eq!(said, format!("the value for session key \"it\" can't be written as JSON: {reason}"), "{name}");
        }
    }

    #[test]
    fn written_values_are_read_back_unchanged() {
        comes_back(Some(0.1));
        comes_back(None::<f64>);
        comes_back(f64::MIN_POSITIVE);
        comes_back("null, NaN".to_owned());
        comes_back((None::<u8>, f64::MAX));
        comes_back(vec![Shape::Nothing, Shape::Circle(1.5), Shape::Line(0.5, 2.0), Shape::Square { side: 0.25 }]);
        comes_back(u128::from(u64::MAX));
        comes_back(i128::from(i64::MIN));
        comes_back(i128::from(u64::MAX));
        comes_back((u64::MAX, i64::MIN));
        comes_back(nested(DEEPEST));
    }

    #[test]
    fn text_that_is_nested_too_deep_is_refused() {
        let text = |levels: usize| "[".repeat(levels) + &"]".repeat(levels);
        assert!(Json::from_text("it", text(DEEPEST)).is_ok());
        let error = Json::from_text("it", text(DEEPEST + 1)).unwrap_err();
        assert!(error.is_encode() && error.to_string().ends_with(TOO_DEEP), "{error}");
        let brackets = format!("\"\\\"{}\"", "[".repeat(200));
        assert!(Json::from_text("it", brackets).is_ok(), "brackets in a string aren't nesting");
    }
}
