//! Splits Rust source text into tokens, without comments.

use std::iter::Peekable;
use std::str::Chars;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Token {
    /// An identifier or a keyword.
    Word(String),
    /// The text of a string literal, as written.
    Text(String),
    /// Any other literal, or a lifetime.
    Literal,
    /// The separator `::`.
    Colons,
    Sign(char),
}

impl Token {
    pub(super) fn is(&self, sign: char) -> bool {
        *self == Self::Sign(sign)
    }

    /// Returns the identifier or keyword.
    pub(super) fn word(&self) -> Option<&str> {
        if let Self::Word(word) = self { Some(word) } else { None }
    }

    pub(super) fn is_word(&self, word: &str) -> bool {
        self.word() == Some(word)
    }
}

/// Splits a source text. Invalid text yields some tokens, but no error: the compiler reports it.
pub(super) fn tokens(text: &str) -> Vec<Token> {
    let mut rest = text.chars().peekable();
    let mut found = Vec::new();
    while let Some(first) = rest.next() {
        match first {
            '/' if rest.peek() == Some(&'/') => while rest.next().is_some_and(|c| c != '\n') {},
            '/' if rest.peek() == Some(&'*') => skip_block_comment(&mut rest),
            '"' => found.push(Token::Text(string(&mut rest))),
            '\'' => {
                skip_quoted(&mut rest);
                found.push(Token::Literal);
            }
            ':' if rest.next_if_eq(&':').is_some() => found.push(Token::Colons),
            c if c.is_ascii_digit() => {
                word(c, &mut rest);
                found.push(Token::Literal);
            }
            c if is_part_of_word(c) => found.push(word_or_literal(c, &mut rest)),
            c if c.is_whitespace() => {}
            c => found.push(Token::Sign(c)),
        }
    }
    found
}

fn is_part_of_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn word(first: char, rest: &mut Peekable<Chars<'_>>) -> String {
    let mut word = String::from(first);
    while let Some(c) = rest.next_if(|c| is_part_of_word(*c)) {
        word.push(c);
    }
    word
}

/// Reads an identifier, or a literal with a prefix such as `b"…"` and `r#"…"#`.
fn word_or_literal(first: char, rest: &mut Peekable<Chars<'_>>) -> Token {
    let word = word(first, rest);
    let is_raw = matches!(word.as_str(), "r" | "br" | "cr");
    match rest.peek() {
        Some('"' | '#') if is_raw => raw_string_or_word(rest),
        Some('"') if matches!(word.as_str(), "b" | "c") => {
            rest.next();
            Token::Text(string(rest))
        }
        Some('\'') if word == "b" => {
            rest.next();
            skip_quoted(rest);
            Token::Literal
        }
        _ => Token::Word(word),
    }
}

/// Reads the part of `r#"…"#` or `r#word` after the `r`.
fn raw_string_or_word(rest: &mut Peekable<Chars<'_>>) -> Token {
    let mut hashes = 0;
    while rest.next_if_eq(&'#').is_some() {
        hashes += 1;
    }
    if rest.next_if_eq(&'"').is_none() {
        return rest.next().map_or(Token::Literal, |first| Token::Word(word(first, rest)));
    }
    let mut text = String::new();
    while let Some(c) = rest.next() {
        if c == '"' {
            let mut closing = 0;
            while closing < hashes && rest.next_if_eq(&'#').is_some() {
                closing += 1;
            }
            if closing == hashes {
                break;
            }
        }
        text.push(c);
    }
    Token::Text(text)
}

/// Reads up to the closing quote.
fn string(rest: &mut Peekable<Chars<'_>>) -> String {
    let mut text = String::new();
    while let Some(c) = rest.next() {
        match c {
            '"' => break,
            '\\' => text.extend(rest.next()),
            c => text.push(c),
        }
    }
    text
}

/// Skips a character literal or a lifetime, after its first quote.
fn skip_quoted(rest: &mut Peekable<Chars<'_>>) {
    match rest.next() {
        Some('\\') => {
            rest.next();
            while rest.next().is_some_and(|c| c != '\'') {}
        }
        Some(c) if rest.next_if_eq(&'\'').is_none() && is_part_of_word(c) => {
            word(c, rest);
        }
        _ => {}
    }
}

/// Skips a comment that can contain other comments, after its first `/`.
fn skip_block_comment(rest: &mut Peekable<Chars<'_>>) {
    rest.next();
    let mut depth = 1;
    while depth > 0 {
        match rest.next() {
            Some('*') if rest.next_if_eq(&'/').is_some() => depth -= 1,
            Some('/') if rest.next_if_eq(&'*').is_some() => depth += 1,
            Some(_) => {}
            None => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Token, tokens};

    #[test]
    fn comments_and_literals_hide_their_contents() {
        let table = [
            ("line comment", "a // b\nc", "a c"),
            ("nested comment", "a /* b /* c */ d */ e", "a e"),
            ("string", r#"a "b \" c" d"#, "a d"),
            ("raw string", r###"a r#"b " c"# br"d" e"###, "a e"),
            ("raw word", "r#type a", "type a"),
            ("characters", r"a 'b' '\'' '\u{62}' '{' b'c' b'\'' d", "a d"),
            ("lifetimes", "fn a<'b>(c: &'b d)", "fn a c d"),
            ("numbers", "a 1_000u64 0x1f 1.5e3 b", "a b"),
        ];
        for (row, text, expected) in table {
            let found = tokens(text);
            let words: Vec<&str> = found.iter().filter_map(Token::word).collect();
            assert_eq!(words.join(" "), expected, "{row}");
        }
        assert_eq!(
            tokens("a::b:c"),
            [
                Token::Word("a".into()),
                Token::Colons,
                Token::Word("b".into()),
                Token::Sign(':'),
                Token::Word("c".into())
            ]
        );
    }
}
