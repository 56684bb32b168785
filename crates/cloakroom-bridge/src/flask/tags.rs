//! Flask's tagged JSON.
//!
//! A value that JSON can't express is an object whose only key is a tag: `{" t":[1,2]}` is a tuple.
//! An ordinary object of that shape is escaped, as in Flask's `TagDict`: `{" t":1}` is written
//! `{" di":{" t__":1}}`. Without this, JSON from a visitor could become `Markup`, which templates
//! print without escaping.

use cloakroom_session::Error;
use cloakroom_session::factory::Json;

use crate::layout::{Spelling, quoted};

/// The tag of an escaped object.
const ESCAPED: &str = " di";

const TAGS: [&str; 6] = [ESCAPED, " t", " b", " m", " u", " d"];

/// The suffix of the key in an escaped object.
const SUFFIX: &str = "__";

const SPELLING: Spelling = Spelling { comma: ",", colon: ":", ascii: false };

/// The maximum depth of a value, which is the maximum depth of a readable value.
const DEEPEST: u8 = 128;

/// The maximum number of tagged values that are recognised in one member. Each costs a comparison.
const MOST_KNOWN: usize = 64;

pub(super) fn is_tag(key: &str) -> bool {
    TAGS.contains(&key)
}

/// Returns the only key of an object and its value. Of equal keys the last value counts, as in
/// Python.
fn only(members: &[(Json, Json)]) -> Option<(String, &Json)> {
    let (first, others) = members.split_first()?;
    let key: String = first.0.decode("key").ok()?;
    let is_same = |(other, _): &(Json, Json)| other.decode::<String>("key").is_ok_and(|other| other == key);
    let value = &others.last().unwrap_or(first).1;
    others.iter().all(is_same).then_some((key, value))
}

/// Returns the tag of a tagged value.
fn tag(members: &[(Json, Json)]) -> Option<(String, &Json)> {
    only(members).filter(|(key, _)| is_tag(key))
}

/// Returns the value that Flask hands out for a member, with its tags left in place.
///
/// Parts that are nested too deeply for JSON parsers stay as they are.
pub(super) fn unescape(value: &Json) -> Json {
    let unescaped = unescaped(value, DEEPEST).and_then(|text| Json::from_lenient("value", text).ok());
    unescaped.unwrap_or_else(|| value.clone())
}

/// Returns the text of an unescaped value if it differs from the original.
fn unescaped(value: &Json, depth: u8) -> Option<String> {
    let depth = depth.checked_sub(1)?;
    let inner = |value: &Json| unescaped(value, depth);
    let Some(members) = value.members() else {
        let elements = value.elements()?;
        return array(&elements, &elements.iter().map(inner).collect::<Vec<_>>());
    };
    if let Some((ESCAPED, object)) = tag(&members).as_ref().map(|(key, value)| (key.as_str(), *value)) {
        let members = object.members()?;
        let (key, value) = only(&members)?;
        let key = quoted(key.strip_suffix(SUFFIX)?).ok()?;
        let value = inner(value).unwrap_or_else(|| value.as_str().to_owned());
        return Some(format!("{{{key}:{value}}}"));
    }
    object(&members, &members.iter().map(|(_, value)| inner(value)).collect::<Vec<_>>())
}

/// Writes an array if any element has a new text.
fn array(elements: &[Json], new: &[Option<String>]) -> Option<String> {
    new.iter()
        .any(Option::is_some)
        .then(|| SPELLING.array(elements.iter().zip(new).map(|(was, new)| new.as_deref().unwrap_or(was.as_str()))))
}

/// Writes an object if any value has a new text.
fn object(members: &[(Json, Json)], new: &[Option<String>]) -> Option<String> {
    new.iter().any(Option::is_some).then(|| {
        let pairs = members.iter().zip(new);
        let pairs =
            pairs.map(|((key, was), new)| format!("{}:{}", key.as_str(), new.as_deref().unwrap_or(was.as_str())));
        format!("{{{}}}", pairs.collect::<Vec<_>>().join(SPELLING.comma))
    })
}

/// The tagged values in a member as Flask wrote it. They keep their meaning when a handler writes
/// them again.
#[derive(Debug, Default)]
pub(super) struct Known {
    tagged: Vec<Json>,
    escaped: Vec<Json>,
}

impl Known {
    pub(super) fn of(original: Option<&Json>) -> Self {
        let mut known = Self::default();
        if let Some(original) = original {
            known.collect(original, DEEPEST);
        }
        known
    }

    fn collect(&mut self, value: &Json, depth: u8) {
        let Some(depth) = depth.checked_sub(1) else { return };
        let members = value.members().unwrap_or_default();
        if let Some((tag, _)) = tag(&members) {
            let list = if tag == ESCAPED { &mut self.escaped } else { &mut self.tagged };
            if list.len() < MOST_KNOWN {
                list.push(unescape(value));
            }
        }
        let elements = value.elements().unwrap_or_default();
        members.iter().map(|(_, value)| value).chain(&elements).for_each(|value| self.collect(value, depth));
    }

    /// Returns whether Flask wrote this value with its tag, and no visitor's object is like it.
    fn is_tagged(&self, value: &Json) -> bool {
        let is_in = |list: &[Json]| list.iter().any(|known| known.means_the_same_as(value));
        is_in(&self.tagged) && !is_in(&self.escaped)
    }

    /// Returns the text of a handler's value, with escaped objects.
    ///
    /// # Errors
    /// Fails if the value is nested too deeply to be checked. The error names `key`.
    pub(super) fn escape(&self, key: &str, value: &Json) -> Result<String, Error> {
        match self.escaped(value, DEEPEST) {
            Ok(text) => Ok(text.unwrap_or_else(|| value.as_str().to_owned())),
            // The parser names the depth in its error.
            Err(TooDeep) => {
                Err(Json::from_text(key, value.as_str()).map_or_else(Error::from, |_| Error::reserved(key, "flask")))
            }
        }
    }

    fn escaped(&self, value: &Json, depth: u8) -> Result<Option<String>, TooDeep> {
        let depth = depth.checked_sub(1).ok_or(TooDeep)?;
        let Some(members) = value.members() else {
            let elements = value.elements().unwrap_or_default();
            let texts = elements.iter().map(|element| self.escaped(element, depth)).collect::<Result<Vec<_>, _>>()?;
            return Ok(array(&elements, &texts));
        };
        match tag(&members) {
            Some(_) if self.is_tagged(value) => Ok(None),
            Some((key, value)) => {
                let value = self.escaped(value, depth)?.unwrap_or_else(|| value.as_str().to_owned());
                Ok(Some(format!(r#"{{"{ESCAPED}":{{"{key}{SUFFIX}":{value}}}}}"#)))
            }
            None => {
                let texts =
                    members.iter().map(|(_, value)| self.escaped(value, depth)).collect::<Result<Vec<_>, _>>()?;
                Ok(object(&members, &texts))
            }
        }
    }
}

/// The value has more levels than a JSON parser reads.
#[derive(Debug)]
struct TooDeep;

#[cfg(test)]
mod tests {
    use super::{Known, unescape};
    use cloakroom_session::factory::Json;

    fn json(text: &str) -> Json {
        Json::from_lenient("it", text).unwrap()
    }

    #[test]
    fn objects_that_look_like_tags_are_escaped() {
        for (value, escaped) in [
            (r#"{" m":"<b>"}"#, r#"{" di":{" m__":"<b>"}}"#),
            (r#"{"\u0020m":"<b>"}"#, r#"{" di":{" m__":"<b>"}}"#),
            (r#"{" m":1," m":"<b>"}"#, r#"{" di":{" m__":"<b>"}}"#),
            (r#"{" di":{" m__":"<b>"}}"#, r#"{" di":{" di__":{" m__":"<b>"}}}"#),
            (r#"[1,{"a":{" t":[{" d":0}]}}]"#, r#"[1,{"a":{" di":{" t__":[{" di":{" d__":0}}]}}}]"#),
            (r#"{" m":"<b>","n":1}"#, r#"{" m":"<b>","n":1}"#),
            (r#"{" x":"<b>"}"#, r#"{" x":"<b>"}"#),
            (r#"{" m__":"<b>"}"#, r#"{" m__":"<b>"}"#),
            ("\"text\"", "\"text\""),
        ] {
            let value = json(value);
            let written = Known::default().escape("it", &value).unwrap();
            assert_eq!(written, escaped, "{}", value.as_str());
            assert!(
                unescape(&json(&written)).means_the_same_as(&value) || value.as_str().contains(" m\":1"),
                "{written}"
            );
        }
    }

    #[test]
    fn tagged_values_of_flask_keep_their_tags() {
        let original = json(r#"{"size":{" t":[1,"\u00e9"]},"page":{" m":"<i>"}}"#);
        let known = Known::of(Some(&original));
        for (value, written) in [
            // The same tuple, as a handler writes it, next to another change.
            (r#"{"size":{" t":[1,"é"]},"n":1}"#, r#"{"size":{" t":[1,"é"]},"n":1}"#),
            (r#"{"size":{" t":[2,"é"]}}"#, r#"{"size":{" di":{" t__":[2,"é"]}}}"#),
        ] {
            assert_eq!(known.escape("it", &json(value)).unwrap(), written);
        }
    }

    #[test]
    fn an_object_like_an_escaped_one_stays_escaped() {
        let known = Known::of(Some(&json(r#"[{" m":"<b>"},{" di":{" m__":"<b>"}}]"#)));
        assert_eq!(known.escape("it", &json(r#"{" m":"<b>"}"#)).unwrap(), r#"{" di":{" m__":"<b>"}}"#);
    }

    #[test]
    fn values_beyond_json_are_kept() {
        assert_eq!(
            Known::default().escape("it", &json("[NaN,{\" m\":Infinity}]")).unwrap(),
            "[NaN,{\" di\":{\" m__\":Infinity}}]"
        );
    }

    #[test]
    fn deep_values_are_refused_or_left_alone() {
        let deep = json(&format!("{}{{\" m\":1}}{}", "[".repeat(200), "]".repeat(200)));
        assert_eq!(Known::default().escape("deep", &deep).unwrap_err().key(), Some("deep"));
        assert_eq!(unescape(&deep), deep);
    }
}
