//! Durations in text form.

use std::fmt;
use std::time::Duration;

use cloakroom_session::ConfigError;
use serde::de::{Deserialize, Deserializer, Error, Visitor};

/// A duration in text form.
///
/// Examples: `"500ms"`, `"90s"`, `"20m"`, `"12h"`, `"30d"`, a number of seconds, or `"never"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span(Option<Duration>);

impl Span {
    /// Returns the duration. `None` means never.
    #[must_use]
    pub const fn duration(self) -> Option<Duration> {
        self.0
    }

    #[cfg_attr(not(feature = "store"), expect(dead_code, reason = "only sessions in a store have such options"))]
    pub(super) fn limit(self, option: &'static str) -> Result<Duration, ConfigError> {
        self.0.ok_or_else(|| ConfigError::new(option, "can't be never: a store that hangs would hang all requests"))
    }

    fn parse(text: &str) -> Option<Self> {
        if text == "never" {
            return Some(Self(None));
        }
        let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
        let number: u64 = digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())??;
        let millis = match text.strip_prefix(digits)? {
            "ms" => 1,
            "s" | "" => 1_000,
            "m" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            _ => return None,
        };
        Some(Self(Some(Duration::from_millis(number.checked_mul(millis)?))))
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Words;
        impl Visitor<'_> for Words {
            type Value = Span;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a length of time like 500ms, 90s, 20m, 12h or 30d, a number of seconds, or never")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Span, E> {
                Span::parse(text).ok_or_else(|| E::invalid_value(serde::de::Unexpected::Str(text), &self))
            }

            fn visit_u64<E: Error>(self, seconds: u64) -> Result<Span, E> {
                Ok(Span(Some(Duration::from_secs(seconds))))
            }

            fn visit_i64<E: Error>(self, seconds: i64) -> Result<Span, E> {
                let span = u64::try_from(seconds).map(|seconds| Span(Some(Duration::from_secs(seconds))));
                span.map_err(|_| E::invalid_value(serde::de::Unexpected::Signed(seconds), &self))
            }
        }
        deserializer.deserialize_any(Words)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Span;

    #[test]
    fn lengths() {
        for (text, expected) in [
            ("\"500ms\"", Some(Some(500))),
            ("\"90s\"", Some(Some(90_000))),
            ("\"20m\"", Some(Some(1_200_000))),
            ("\"12h\"", Some(Some(43_200_000))),
            ("\"30d\"", Some(Some(2_592_000_000))),
            ("\"90\"", Some(Some(90_000))),
            ("90", Some(Some(90_000))),
            ("\"never\"", Some(None)),
            ("\"\"", None),
            ("\"m\"", None),
            ("\"-1s\"", None),
            ("\"1.5h\"", None),
            ("\"1y\"", None),
            ("\"99999999999999999999s\"", None),
            ("-1", None),
            ("true", None),
        ] {
            let span = serde_json::from_str::<Span>(text).ok().map(Span::duration);
            assert_eq!(span, expected.map(|millis| millis.map(Duration::from_millis)), "{text}");
        }
    }
}
