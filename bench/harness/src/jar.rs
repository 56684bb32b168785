//! Cookies, as a browser keeps them.

/// Cookies by name.
#[derive(Clone, Debug, Default)]
pub struct Jar(Vec<(String, String)>);

impl Jar {
    /// Puts one there.
    pub fn put(&mut self, name: &str, value: &str) {
        self.0.retain(|(there, _)| there != name);
        self.0.push((name.to_owned(), value.to_owned()));
    }

    /// Does what these `Set-Cookie` lines say: one that is empty is one that goes.
    ///
    /// # Panics
    /// When a line has no name.
    pub fn obey<'a>(&mut self, lines: impl IntoIterator<Item = &'a str>) {
        for line in lines {
            let pair = line.split(';').next().unwrap_or_default();
            let (name, value) = pair.split_once('=').expect("a name and a value");
            self.0.retain(|(there, _)| there != name);
            if !value.is_empty() {
                self.put(name, value);
            }
        }
    }

    /// The line `Cookie` with all of them, or `None` without any.
    #[must_use]
    pub fn header(&self) -> Option<String> {
        let pairs: Vec<_> = self.0.iter().map(|(name, value)| format!("{name}={value}")).collect();
        (!pairs.is_empty()).then(|| pairs.join("; "))
    }
}
