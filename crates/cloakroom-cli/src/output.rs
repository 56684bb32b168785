//! Writing to stdout, which may be a closed pipe.

use std::io::{self, ErrorKind, Write as _};

use serde_json::Value;

/// Prints a text. A reader that closes the pipe early is no error.
pub(crate) fn print(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        written => written,
    }
}

pub(crate) fn print_json(value: &Value) -> io::Result<()> {
    print(&format!("{value:#}\n"))
}

/// Escapes control characters in a text from elsewhere, so that a terminal doesn't interpret them.
pub(crate) fn plain(text: &str) -> String {
    text.chars().flat_map(|it| if it.is_control() { it.escape_default().collect() } else { vec![it] }).collect()
}

#[cfg(test)]
mod tests {
    use super::plain;

    #[test]
    fn control_characters_are_escaped() {
        for (text, expected) in
            [("Zoë", "Zoë"), ("a\u{1b}[2Jb", "a\\u{1b}[2Jb"), ("one\ntwo\r", "one\\ntwo\\r"), ("\u{9b}", "\\u{9b}")]
        {
            assert_eq!(plain(text), expected);
        }
    }
}
