//! The search for a field of a `multipart/form-data` body (RFC 7578), without copying.
//!
//! The search reads the body once and allocates nothing for parts or headers, because the client
//! controls their number.

use std::borrow::Cow;

use memchr::memmem::Finder;

/// The outcome of a search for a field.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Field<'a> {
    /// The first field of that name that isn't a file.
    Found(&'a [u8]),
    /// The form is complete and doesn't contain the field.
    Absent,
    /// The body isn't a form, or is truncated.
    Broken,
}

/// Finds the first field called `name`.
pub(super) fn find_field<'a>(body: &'a [u8], boundary: &str, name: &str) -> Field<'a> {
    let line = format!("\r\n--{boundary}");
    let delimiter = Delimiter { finder: Finder::new(&line), length: line.len() };
    // The first delimiter needs no line break before it.
    let first = body.strip_prefix(line.as_bytes().get(2..).unwrap_or_default()).and_then(Behind::of);
    let Some(mut behind) = first.or_else(|| delimiter.next(body).map(|(_, behind)| behind)) else {
        return Field::Broken;
    };
    loop {
        let part = match behind {
            Behind::Part(part) => part,
            Behind::End => return Field::Absent,
        };
        let Some((value, next)) = delimiter.next(part) else { return Field::Broken };
        let Some((head, content)) = split_head(value) else { return Field::Broken };
        if is_field(head, name) {
            return Field::Found(content);
        }
        behind = next;
    }
}

/// The line between two parts.
struct Delimiter<'n> {
    finder: Finder<'n>,
    length: usize,
}

/// The bytes after a delimiter.
enum Behind<'a> {
    Part(&'a [u8]),
    End,
}

impl<'a> Behind<'a> {
    /// Returns `None` if the line continues, so that it only starts like a delimiter.
    fn of(rest: &'a [u8]) -> Option<Self> {
        if rest.starts_with(b"--") {
            return Some(Self::End);
        }
        let padding = rest.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
        // The line break is kept, because a part without headers begins with an empty line.
        rest.get(padding..).filter(|it| it.starts_with(b"\r\n")).map(Self::Part)
    }
}

impl Delimiter<'_> {
    /// Returns the bytes before the next delimiter, and the bytes after it.
    fn next<'a>(&self, bytes: &'a [u8]) -> Option<(&'a [u8], Behind<'a>)> {
        let mut from = 0;
        loop {
            let at = from + self.finder.find(bytes.get(from..)?)?;
            from = at + self.length;
            if let Some(behind) = Behind::of(bytes.get(from..)?) {
                return Some((bytes.get(..at)?, behind));
            }
        }
    }
}

/// Splits a part into its headers, each after a line break, and its content.
fn split_head(part: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = memchr::memmem::find(part, b"\r\n\r\n")?;
    Some((part.get(..end)?, part.get(end + 4..)?))
}

fn is_field(head: &[u8], name: &str) -> bool {
    // Browsers send names in UTF-8 (RFC 7578 §5.1), so any other name belongs to another field.
    let Ok(text) = std::str::from_utf8(head) else { return false };
    let disposition = text.split("\r\n").find_map(|line| {
        let (key, value) = line.split_once(':')?;
        key.trim().eq_ignore_ascii_case("content-disposition").then_some(value)
    });
    disposition.is_some_and(|value| {
        parameter(value, "name").is_some_and(|it| it == name)
            && parameter(value, "filename").is_none()
            && parameter(value, "filename*").is_none()
    })
}

/// Returns the first parameter called `name` of a header such as
/// `form-data; name="a"; filename="b"`.
pub(super) fn parameter<'a>(header: &'a str, name: &str) -> Option<Cow<'a, str>> {
    let mut rest = header.split_once(';')?.1;
    loop {
        let (key, after) = rest.split_once('=')?;
        // A parameter without a value is ignored.
        let key = key.rsplit(';').next().unwrap_or_default().trim();
        let (value, next) = match after.trim_start().strip_prefix('"') {
            Some(quoted) => unquote(quoted)?,
            None => {
                let (value, next) = after.split_once(';').unwrap_or((after, ""));
                (Cow::Borrowed(value.trim()), next)
            }
        };
        if key.eq_ignore_ascii_case(name) {
            return Some(value);
        }
        rest = next;
    }
}

/// Returns the text before the closing quote, and the rest. Only `\"` is an escape, because
/// browsers don't escape backslashes.
fn unquote(text: &str) -> Option<(Cow<'_, str>, &str)> {
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'"' if !escaped => {
                let (value, rest) = (text.get(..at)?, text.get(at + 1..)?);
                let value = if value.contains("\\\"") { value.replace("\\\"", "\"").into() } else { value.into() };
                return Some((value, rest));
            }
            byte => escaped = byte == b'\\',
        }
    }
    None
}
