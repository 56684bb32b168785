//! Percent-encoding in cookie values, in the form of browser scripts and most frameworks.

/// Decodes the text; `None` if an escape is invalid.
pub(crate) fn decode(text: &str) -> Option<String> {
    let mut bytes = text.bytes();
    let mut decoded = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        let byte = match byte {
            b'%' => digit(bytes.next()?)? << 4 | digit(bytes.next()?)?,
            byte => byte,
        };
        decoded.push(byte);
    }
    String::from_utf8(decoded).ok()
}

/// Encodes everything except letters, digits and characters that are safe everywhere.
pub(crate) fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len() + text.len() / 8);
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' => encoded.push(char::from(byte)),
            byte => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

fn digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests {
    use super::{decode, encode};

    #[test]
    fn escapes() {
        for (text, escaped) in [("", ""), ("s:a.b+/=", "s%3Aa.b%2B%2F%3D"), ("é", "%C3%A9"), ("100%", "100%25")] {
            assert_eq!(encode(text), escaped);
            assert_eq!(decode(escaped).as_deref(), Some(text));
        }
        for nonsense in ["%", "%4", "%zz", "%ff", "a%2", "%+1"] {
            assert_eq!(decode(nonsense), None, "{nonsense}");
        }
        assert_eq!(decode("a+b/c=").as_deref(), Some("a+b/c="), "unescaped text stays");
        assert_eq!(decode("%2f").as_deref(), Some("/"));
    }
}
