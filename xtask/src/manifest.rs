//! A minimal parser for the project's manifests: sections, keys, and raw values.

use std::fs;
use std::path::{Path, PathBuf};

use crate::outcome::Outcome;
use crate::shell;

/// A manifest's entries in order: section, key, value.
#[derive(Debug, Default)]
pub(crate) struct Manifest(Vec<(String, String, String)>);

impl Manifest {
    pub(crate) fn read(path: &Path) -> Outcome<Self> {
        let text = fs::read_to_string(path).map_err(|why| format!("{}: {why}", path.display()))?;
        Ok(Self::parse(&text))
    }

    /// Reads the workspace's manifest.
    pub(crate) fn of_workspace() -> Outcome<Self> {
        Self::read(&shell::root().join("Cargo.toml"))
    }

    pub(crate) fn parse(text: &str) -> Self {
        let mut entries: Vec<(String, String, String)> = Vec::new();
        let mut section = String::new();
        let mut open = false;
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
            if let (true, Some((_, _, value))) = (open, entries.last_mut()) {
                value.push_str(line);
                open = is_open(value);
            } else if let Some(title) = line.strip_prefix('[') {
                section = title.trim_matches(['[', ']']).to_owned();
            } else if let Some((key, value)) = line.split_once(" = ") {
                open = is_open(value);
                entries.push((section.clone(), key.to_owned(), value.to_owned()));
            }
        }
        Self(entries)
    }

    /// Returns the keys and values of a section.
    pub(crate) fn section<'a>(&'a self, name: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.0
            .iter()
            .filter(move |(section, _, _)| section == name)
            .map(|(_, key, value)| (key.as_str(), value.as_str()))
    }

    /// Returns a raw value.
    pub(crate) fn value<'a>(&'a self, section: &'a str, key: &str) -> Option<&'a str> {
        self.section(section).find(|(name, _)| *name == key).map(|(_, value)| value)
    }

    /// Returns the text between the first two quotes of a value.
    pub(crate) fn string<'a>(&'a self, section: &'a str, key: &str) -> Option<&'a str> {
        self.value(section, key)?.split('"').nth(1)
    }

    /// Returns the names of the features, except `default` and those that other features share.
    pub(crate) fn features(&self) -> Vec<&str> {
        let names = self.section("features").map(|(name, _)| name);
        names.filter(|name| *name != "default" && !name.starts_with('_')).collect()
    }
}

/// Returns whether a list continues on the next line.
fn is_open(value: &str) -> bool {
    value.matches('[').count() > value.matches(']').count()
}

/// A published crate.
#[derive(Debug)]
pub(crate) struct Crate {
    pub(crate) folder: PathBuf,
    pub(crate) name: String,
    pub(crate) manifest: Manifest,
}

/// Returns every published crate of the project in `root`, sorted by name.
pub(crate) fn published(root: &Path) -> Outcome<Vec<Crate>> {
    let crates = root.join("crates");
    let entries = fs::read_dir(&crates).map_err(|why| format!("{}: {why}", crates.display()))?;
    let mut folders: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    folders.retain(|folder| folder.join("Cargo.toml").is_file());
    folders.sort_unstable();
    let mut found = Vec::new();
    for folder in folders {
        let manifest = Manifest::read(&folder.join("Cargo.toml"))?;
        if manifest.value("package", "publish") == Some("false") {
            continue;
        }
        let name = manifest.string("package", "name").map(str::to_owned);
        let name = name.ok_or_else(|| format!("{}: its manifest has no name", folder.display()))?;
        found.push(Crate { folder, name, manifest });
    }
    if found.is_empty() {
        return Err(format!(
            "{}: found no published crate: has the format of the manifests changed?",
            crates.display()
        ));
    }
    Ok(found)
}

/// Returns the published crates with a library. The command line has none.
pub(crate) fn libraries(root: &Path) -> Outcome<Vec<Crate>> {
    let mut crates = published(root)?;
    crates.retain(|it| it.folder.join("src/lib.rs").is_file());
    Ok(crates)
}

#[cfg(test)]
mod tests {
    use super::Manifest;

    const MANIFEST: &str = "[package]\nname = \"it\"\nversion.workspace = true\npublish = false\n\n[features]\ndefault = []\n\
        # What a = b is.\nstore = [\"dep:x\"]\ntls = [\n    \"dep:y\",\n    # of z = 1\n    \"z?/tls\",\n]\nlast = [] # a comment\n_shared = []\n\n\
        [dependencies]\nserde = { version = \"1\", features = [\"derive\"] }\n\n[[example]]\nname = \"other\"\n";

    #[test]
    fn values_are_found_in_their_section() {
        let manifest = Manifest::parse(MANIFEST);
        let table = [
            ("a string", "package", "name", Some("\"it\"")),
            ("inherited", "package", "version.workspace", Some("true")),
            ("on several lines", "features", "tls", Some("[\"dep:y\",\"z?/tls\",]")),
            ("a table", "dependencies", "serde", Some("{ version = \"1\", features = [\"derive\"] }")),
            ("one of a list of tables", "example", "name", Some("\"other\"")),
            ("of another section", "package", "serde", None),
        ];
        for (row, section, key, expected) in table {
            assert_eq!(manifest.value(section, key), expected, "{row}");
        }
        assert_eq!(manifest.string("package", "name"), Some("it"));
        assert_eq!(manifest.string("package", "publish"), None);
    }

    #[test]
    fn features_are_found_in_a_manifest() {
        assert_eq!(Manifest::parse(MANIFEST).features(), ["store", "tls", "last"]);
        assert!(Manifest::parse("[package]\nname = \"it\"\n").features().is_empty());
    }
}
