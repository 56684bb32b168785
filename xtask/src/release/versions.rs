//! All published crates have the same version, and the metadata that crates.io and docs.rs need.

use std::fs;

use super::part::Verdict;
use crate::manifest::{self, Crate, Manifest};
use crate::outcome::Outcome;
use crate::shell;

/// Required fields of a manifest. All but the first may be inherited from the workspace.
const FIELDS: &[&str] = &["description", "license", "repository", "keywords", "categories"];

const GUIDE: &str = "docs/guide";

/// The maximum that crates.io accepts.
const KEYWORDS: usize = 5;

pub(super) fn check() -> Outcome<Verdict> {
    let workspace = Manifest::of_workspace()?;
    let crates = manifest::published(&shell::root())?;
    let changelog = shell::root().join("CHANGELOG.md");
    let changelog = fs::read_to_string(changelog).map_err(|why| format!("CHANGELOG.md: {why}"))?;
    let version = workspace.string("workspace.package", "version").ok_or("[workspace.package] has no version")?;

    let mut findings = of_workspace(&workspace, version);
    for it in &crates {
        findings.extend(of_crate(it, &workspace, &|file| it.folder.join(file).is_file()));
    }
    for (page, text) in pages()? {
        findings
            .extend(of_page(&text, version).into_iter().map(|line| format!("{page}: `{line}` doesn't name {version}")));
    }
    let heading = heading(&changelog, version);
    if heading.is_none() {
        findings.push(format!("CHANGELOG.md has no heading for {version}"));
    }
    if findings.is_empty() {
        return Ok(Verdict::Passed(format!("{} crates of {version}, {}", crates.len(), heading.unwrap_or_default())));
    }
    Err(findings.join("\n"))
}

/// Returns the pages that state a version to depend on.
fn pages() -> Outcome<Vec<(String, String)>> {
    let mut pages = vec!["README.md".to_owned(), "crates/cloakroom/src/lib.rs".to_owned()];
    let entries = fs::read_dir(shell::root().join(GUIDE)).map_err(|why| format!("{GUIDE}: {why}"))?;
    let names = entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned());
    pages.extend(names.filter(|name| name.ends_with(".md")).map(|name| format!("{GUIDE}/{name}")));
    pages.sort_unstable();
    let read = |page: String| match fs::read_to_string(shell::root().join(&page)) {
        Ok(text) => Ok((page, text)),
        Err(why) => Err(format!("{page}: {why}")),
    };
    pages.into_iter().map(read).collect()
}

/// Returns the lines that depend on one of our crates in a different version. An abbreviated
/// version matches every version that begins with it.
fn of_page<'a>(text: &'a str, version: &str) -> Vec<&'a str> {
    let is_wrong = |line: &&str| {
        let dependency = line.trim_start_matches(['/', '!', ' ']).starts_with("cloakroom");
        let named = line.split_once("version = \"").and_then(|(_, rest)| rest.split('"').next());
        let fits =
            |named: &str| version.strip_prefix(named).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
        dependency && named.is_some_and(|named| !fits(named))
    };
    text.lines().filter(is_wrong).collect()
}

/// Returns the heading of this version in the changelog.
fn heading<'a>(changelog: &'a str, version: &str) -> Option<&'a str> {
    let is_it = |line: &&str| line.starts_with("## ") && line.split_whitespace().any(|word| word == version);
    changelog.lines().find(is_it)
}

/// Checks that our crates have a path and a version: published packages need the version.
fn of_workspace(workspace: &Manifest, version: &str) -> Vec<String> {
    let mut findings = Vec::new();
    if workspace.string("workspace.package", "repository").is_none() {
        findings.push("[workspace.package] has no `repository`: where is the project hosted?".to_owned());
    }
    let wanted = format!("version = \"{version}\"");
    for (name, value) in workspace.section("workspace.dependencies") {
        if value.contains("path = ") && !value.contains(&wanted) {
            findings.push(format!("[workspace.dependencies] names {name} without `{wanted}`"));
        }
    }
    findings
}

fn of_crate(it: &Crate, workspace: &Manifest, has_file: &dyn Fn(&str) -> bool) -> Vec<String> {
    let package = |field: &str| it.manifest.value("package", field);
    let inherits = |field: &str| package(&format!("{field}.workspace")) == Some("true");
    let mut findings = Vec::new();
    let mut missing = |what: &str| findings.push(format!("{} has no {what}", it.name));
    if !inherits("version") {
        missing("`version.workspace = true`");
    }
    for field in FIELDS {
        // If the workspace lacks it, that has been reported once already.
        let inherited = || *field == "repository" && workspace.value("workspace.package", field).is_none();
        if package(field).is_none() && !inherits(field) && !inherited() {
            missing(&format!("`{field}`"));
        }
    }
    if package("keywords").is_some_and(|words| words.matches('"').count() > 2 * KEYWORDS) {
        missing(&format!("place for more than {KEYWORDS} `keywords`"));
    }
    if !has_file("README.md") {
        missing("README.md");
    }
    for licence in ["LICENSE-APACHE", "LICENSE-MIT"].iter().filter(|licence| !has_file(licence)) {
        missing(licence);
    }
    if it.manifest.value("package.metadata.docs.rs", "all-features") != Some("true") {
        missing("`all-features = true` in [package.metadata.docs.rs]");
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::{heading, of_crate, of_page, of_workspace};
    use crate::manifest::{Crate, Manifest};

    const WORKSPACE: &str = "[workspace.package]\nversion = \"1.2.0\"\nrepository = \"https://example.org\"\n";

    const GOOD: &str = "[package]\nname = \"it\"\ndescription = \"It.\"\nversion.workspace = true\nlicense.workspace = true\n\
        repository.workspace = true\nkeywords = [\"a\", \"b\", \"c\", \"d\", \"e\"]\ncategories = [\"a\"]\n\
        [package.metadata.docs.rs]\nall-features = true\n";

    #[test]
    fn missing_metadata_is_reported() {
        let without = |line: &str| GOOD.replace(line, "");
        let table: [(&str, String, &[&str]); 7] = [
            ("all there", GOOD.to_owned(), &[]),
            (
                "a version of its own",
                GOOD.replace("version.workspace = true", "version = \"1.2.0\""),
                &["it has no `version.workspace = true`"],
            ),
            ("no description", without("description = \"It.\"\n"), &["it has no `description`"]),
            ("no repository", without("repository.workspace = true\n"), &["it has no `repository`"]),
            (
                "no keywords and categories",
                without("keywords = [\"a\", \"b\", \"c\", \"d\", \"e\"]\ncategories = [\"a\"]\n"),
                &["it has no `keywords`", "it has no `categories`"],
            ),
            ("six keywords", GOOD.replace("\"e\"]", "\"e\", \"f\"]"), &["it has no place for more than 5 `keywords`"]),
            (
                "not all features on docs.rs",
                without("all-features = true\n"),
                &["it has no `all-features = true` in [package.metadata.docs.rs]"],
            ),
        ];
        for (row, manifest, expected) in table {
            let it = Crate { folder: "crates/it".into(), name: "it".to_owned(), manifest: Manifest::parse(&manifest) };
            assert_eq!(of_crate(&it, &Manifest::parse(WORKSPACE), &|_| true), expected, "{row}");
        }
    }

    #[test]
    fn missing_files_are_reported() {
        let it = Crate { folder: "crates/it".into(), name: "it".to_owned(), manifest: Manifest::parse(GOOD) };
        let findings = of_crate(&it, &Manifest::parse(WORKSPACE), &|file| file == "LICENSE-MIT");
        assert_eq!(findings, ["it has no README.md", "it has no LICENSE-APACHE"]);
    }

    #[test]
    fn the_workspace_names_its_crates_by_version() {
        let table: [(&str, &str, &[&str]); 4] = [
            ("named", "it = { path = \"it\", version = \"1.2.0\" }\nserde = \"1\"\n", &[]),
            (
                "of another version",
                "it = { path = \"it\", version = \"1.1.0\" }\n",
                &["[workspace.dependencies] names it without `version = \"1.2.0\"`"],
            ),
            (
                "of no version",
                "it = { path = \"it\" }\n",
                &["[workspace.dependencies] names it without `version = \"1.2.0\"`"],
            ),
            ("from elsewhere", "serde = { version = \"1.0.1\", features = [\"derive\"] }\n", &[]),
        ];
        for (row, dependencies, expected) in table {
            let workspace = Manifest::parse(&format!("{WORKSPACE}[workspace.dependencies]\n{dependencies}"));
            assert_eq!(of_workspace(&workspace, "1.2.0"), expected, "{row}");
        }
        let homeless = Manifest::parse("[workspace.package]\nversion = \"1.2.0\"\n");
        assert_eq!(of_workspace(&homeless, "1.2.0").len(), 1);
    }

    #[test]
    fn pages_name_this_version() {
        let table: [(&str, &str, &[&str]); 6] = [
            ("cut short", "cloakroom = { version = \"1.2\", features = [] }", &[]),
            ("in full", "cloakroom = { version = \"1.2.0\" }", &[]),
            (
                "a beginning that isn't a number of it",
                "cloakroom = { version = \"1.20\" }",
                &["cloakroom = { version = \"1.20\" }"],
            ),
            (
                "another",
                "text\n//! cloakroom-poem = { version = \"1.1\" }\n",
                &["//! cloakroom-poem = { version = \"1.1\" }"],
            ),
            ("by path", "cloakroom = { path = \"there\" }", &[]),
            ("another crate", "serde = { version = \"1.0\" }", &[]),
        ];
        for (row, page, expected) in table {
            assert_eq!(of_page(page, "1.2.0"), expected, "{row}");
        }
    }

    #[test]
    fn a_version_has_a_heading() {
        let table = [
            ("released", "# Changelog\n\n## 1.2.0 (2026-12-01)\n", Some("## 1.2.0 (2026-12-01)")),
            ("not yet", "## Unreleased: 1.2.0\n", Some("## Unreleased: 1.2.0")),
            ("another version", "## 1.2.0-rc.1\n## 11.2.0\n## 1.2.01\n", None),
            ("in the text", "- fixed: what 1.2.0 broke\n### 1.2.0\n", None),
        ];
        for (row, changelog, expected) in table {
            assert_eq!(heading(changelog, "1.2.0"), expected, "{row}");
        }
    }
}
