//! A scanner for JSON as other frameworks write it.
//!
//! Python writes `NaN`, `Infinity` and `-Infinity`, integers of any length, and unpaired surrogates
//! as `"\ud800"`. JavaScript writes unpaired surrogates too. All of these are kept unchanged; a
//! value that can't be decoded is detected when it is read.
//!
//! The scanner visits each byte once and isn't recursive. Nesting costs one byte of heap per level
//! and no stack, so text of any depth is safe. The caller limits the size of the text when
//! unpacking it.

/// A position in a text from which values are scanned.
pub(crate) struct Scanner<'a> {
    bytes: &'a [u8],
    pub(crate) at: usize,
}

impl<'a> Scanner<'a> {
    pub(crate) const fn new(text: &'a str) -> Self {
        Self { bytes: text.as_bytes(), at: 0 }
    }

    /// Returns `true` if the text is exactly one value.
    pub(crate) fn is_value(text: &'a str) -> bool {
        let mut scanner = Self::new(text);
        scanner.value().is_some() && scanner.is_at_end()
    }

    pub(crate) fn is_at_end(&mut self) -> bool {
        self.space();
        self.at == self.bytes.len()
    }

    pub(crate) fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    pub(crate) fn eat(&mut self, byte: u8) -> bool {
        let there = self.peek() == Some(byte);
        self.at += usize::from(there);
        there
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    /// Skips one value and the space before it.
    pub(crate) fn value(&mut self) -> Option<()> {
        // The closing brackets of all open arrays and objects.
        let mut open = Vec::new();
        loop {
            self.space();
            match self.peek()? {
                bracket @ (b'{' | b'[') => {
                    self.at += 1;
                    self.space();
                    let closer = if bracket == b'{' { b'}' } else { b']' };
                    if !self.eat(closer) {
                        open.push(closer);
                        self.key_in(closer)?;
                        continue;
                    }
                }
                b'"' => self.string()?,
                _ => self.scalar()?,
            }
            // A value has ended, and possibly the arrays and objects around it.
            loop {
                let Some(closer) = open.last().copied() else { return Some(()) };
                self.space();
                if self.eat(b',') {
                    self.key_in(closer)?;
                    break;
                }
                if !self.eat(closer) {
                    return None;
                }
                open.pop();
            }
        }
    }

    /// Skips a key and its colon if the innermost bracket is an object.
    fn key_in(&mut self, closer: u8) -> Option<()> {
        if closer == b'}' {
            self.space();
            self.string()?;
            self.space();
            return self.eat(b':').then_some(());
        }
        Some(())
    }

    pub(crate) fn string(&mut self) -> Option<()> {
        if !self.eat(b'"') {
            return None;
        }
        loop {
            let byte = self.peek()?;
            self.at += 1;
            match byte {
                b'"' => return Some(()),
                b'\\' => self.escape()?,
                0..=0x1f => return None,
                _ => {}
            }
        }
    }

    fn escape(&mut self) -> Option<()> {
        let byte = self.peek()?;
        self.at += 1;
        match byte {
            b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => Some(()),
            b'u' => {
                let digits = self.bytes.get(self.at..self.at + 4)?;
                self.at += 4;
                digits.iter().all(u8::is_ascii_hexdigit).then_some(())
            }
            _ => None,
        }
    }

    fn scalar(&mut self) -> Option<()> {
        for word in ["true", "false", "null", "NaN", "Infinity", "-Infinity"] {
            if self.bytes.get(self.at..)?.starts_with(word.as_bytes()) {
                self.at += word.len();
                return Some(());
            }
        }
        self.eat(b'-');
        if !self.eat(b'0') {
            self.digits()?;
        }
        if self.eat(b'.') {
            self.digits()?;
        }
        if self.eat(b'e') || self.eat(b'E') {
            let _sign = self.eat(b'+') || self.eat(b'-');
            self.digits()?;
        }
        Some(())
    }

    fn digits(&mut self) -> Option<()> {
        let start = self.at;
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        (self.at > start).then_some(())
    }
}
