//! The extension fields of a record that this release knows, within those that it only keeps.

use super::Record;
use crate::alias::Alias;
#[cfg(feature = "dbsc")]
use crate::dbsc::Binding;

/// The letter of the alias.
const ALIAS: u8 = b'A';

/// The letter of the binding to a device.
#[cfg(feature = "dbsc")]
const BINDING: u8 = b'D';

impl Record {
    /// Returns the session's alias, if the application set one.
    ///
    /// It is an extension field, so that a release without aliases keeps it, and so that a record
    /// without one is as small as before.
    #[must_use]
    pub fn alias(&self) -> Option<Alias> {
        self.extension(ALIAS).and_then(Alias::parse)
    }

    /// Sets or removes the alias. Returns whether that changed it.
    pub(crate) fn set_alias(&mut self, alias: Option<&Alias>) -> bool {
        if self.alias().as_ref() == alias {
            return false;
        }
        self.set_extension(ALIAS, alias.map(Alias::spell).as_ref().map(|it| it.as_str()));
        true
    }

    /// Sets the alias of a loaded record; for factories with their own record format.
    pub fn restore_alias(&mut self, alias: Alias) {
        self.set_alias(Some(&alias));
    }

    /// Returns the session's binding to a device, if one was offered or registered.
    ///
    /// It is an extension field, like the alias.
    #[cfg(feature = "dbsc")]
    #[must_use]
    pub fn binding(&self) -> Option<Binding> {
        self.extension(BINDING).and_then(Binding::decode)
    }

    /// Returns `true` if the session has a binding, even one that this release can't read.
    ///
    /// A later release may have written it. Such a session isn't unbound.
    #[cfg(feature = "dbsc")]
    #[must_use]
    pub fn has_binding(&self) -> bool {
        self.extension(BINDING).is_some()
    }

    /// Sets or removes the binding. Returns whether that changed it.
    #[cfg(feature = "dbsc")]
    pub(crate) fn set_binding(&mut self, binding: Option<&Binding>) -> bool {
        let text = binding.map(Binding::encode);
        if self.extension(BINDING) == text.as_deref() {
            return false;
        }
        self.set_extension(BINDING, text.as_deref());
        true
    }

    /// Returns the text of the field with this letter.
    fn extension(&self, letter: u8) -> Option<&str> {
        let fields = self.extensions.as_deref()?;
        Fields(fields).find(|field| field.letter == letter).map(|field| field.text)
    }

    /// Replaces the field with this letter. It comes first; the others keep their order.
    fn set_extension(&mut self, letter: u8, text: Option<&str>) {
        let mut all = String::new();
        if let Some(text) = text {
            all.push_str(&format!("{}{}:{text}", char::from(letter), text.len()));
        }
        let others = Fields(self.extensions.as_deref().unwrap_or_default()).filter(|field| field.letter != letter);
        others.for_each(|field| all.push_str(field.whole));
        self.extensions = (!all.is_empty()).then(|| all.into());
    }
}

/// Extension fields, as they are concatenated in a record. They were checked when it was read.
struct Fields<'a>(&'a str);

struct Field<'a> {
    letter: u8,
    text: &'a str,
    whole: &'a str,
}

impl<'a> Iterator for Fields<'a> {
    type Item = Field<'a>;

    fn next(&mut self) -> Option<Field<'a>> {
        let letter = *self.0.as_bytes().first()?;
        let (length, rest) = self.0.get(1..)?.split_once(':')?;
        let text = rest.get(..length.parse().ok()?)?;
        let (whole, others) = self.0.split_at_checked(1 + length.len() + 1 + text.len())?;
        self.0 = others;
        Some(Field { letter, text, whole })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::lifetimes::Lifetimes;
    use crate::time::Timestamp;

    #[test]
    fn an_alias_is_one_field_and_the_others_stay() {
        let one = Alias::new("https://login.example", "1");
        let other = Alias::new("https://login.example", "2");
        for (name, before) in
            [("no other fields", ""), ("before and after", "Z3:A1:B2:Ä"), ("another one twice", "Q1:aQ1:b")]
        {
            let text = Record::new(Timestamp::default(), &Lifetimes::default()).encode() + before;
            let mut record = Record::decode(&Arc::from(text.as_str()), 0).unwrap_or_else(|_| panic!("{name}"));
            assert_eq!(record.alias(), None, "{name}");
            assert!(record.set_alias(Some(&one)) && !record.set_alias(Some(&one)), "{name}");
            assert!(record.set_alias(Some(&other)), "{name}");
            let again = Record::decode(&record.encode().into(), 0).unwrap_or_else(|_| panic!("{name}"));
            assert_eq!(again.alias(), Some(other), "{name}");
            assert_eq!(again, record, "{name}");
            assert!(record.set_alias(None), "{name}");
            assert_eq!(record.encode(), text, "{name}");
        }
    }

    #[test]
    fn a_field_that_is_no_alias_is_none() {
        for field in ["A0:", "A5:12345", "A43:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB"] {
            let text = Record::new(Timestamp::default(), &Lifetimes::default()).encode() + field;
            let record = Record::decode(&text.as_str().into(), 0).unwrap_or_else(|_| panic!("{field}"));
            assert_eq!(record.alias(), None, "{field}");
            assert_eq!(record.encode(), text, "it is kept");
        }
    }
}
