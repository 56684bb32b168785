//! A cookie jar, like that of a browser.

/// Cookies by name.
#[derive(Clone, Debug, Default)]
pub struct Jar(Vec<(String, String)>);

impl Jar {
    /// Stores a cookie.
    pub fn put(&mut self, name: &str, value: &str) {
        self.0.retain(|(there, _)| there != name);
        self.0.push((name.to_owned(), value.to_owned()));
    }

    /// Applies `Set-Cookie` lines. An empty value removes the cookie.
    ///
    /// # Panics
    /// If a line has no name.
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

    /// Returns the `Cookie` header with all cookies, or `None` if there are none.
    #[must_use]
    pub fn header(&self) -> Option<String> {
        let pairs: Vec<_> = self.0.iter().map(|(name, value)| format!("{name}={value}")).collect();
        (!pairs.is_empty()).then(|| pairs.join("; "))
    }
}
