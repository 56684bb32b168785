//! Writing to stdout, which may be a pipe that somebody has closed.

use std::io::{self, ErrorKind, Write as _};

use serde_json::Value;

/// Prints a text. Whoever reads no further has seen enough: that is no error.
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

/// A text of somebody else's without what a terminal obeys.
pub(crate) fn plain(text: &str) -> String {
    text.chars().flat_map(|it| if it.is_control() { it.escape_default().collect() } else { vec![it] }).collect()
}

#[cfg(test)]
mod tests {
    use super::plain;

    #[test]
    fn a_terminal_is_told_nothing() {
        for (text, expected) in
            [("Zoë", "Zoë"), ("a\u{1b}[2Jb", "a\\u{1b}[2Jb"), ("one\ntwo\r", "one\\ntwo\\r"), ("\u{9b}", "\\u{9b}")]
        {
            assert_eq!(plain(text), expected);
        }
    }
}
