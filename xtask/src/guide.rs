//! Checks the documentation: every link has a target, and every test and metric that the guide
//! names exists.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

const AT_THE_ROOT: [&str; 7] = [
    "README.md",
    "COMPARE.md",
    "ARCHITECTURE.md",
    "CONTRIBUTING.md",
    "CODE_OF_CONDUCT.md",
    "SECURITY.md",
    "CHANGELOG.md",
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// Collects all files below a folder whose names have this ending.
fn below(folder: &Path, ending: &str, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() && name != "target" && name != "node_modules" {
            below(&path, ending, found);
        } else if path.is_file() && name.ends_with(ending) {
            found.push(path);
        }
    }
}

fn pages() -> Vec<PathBuf> {
    let mut pages: Vec<PathBuf> = AT_THE_ROOT.iter().map(|name| root().join(name)).collect();
    below(&root().join("docs"), ".md", &mut pages);
    pages
}

/// Returns a page without its code blocks.
fn prose(page: &str) -> String {
    let mut fence: Option<&str> = None;
    let mut prose = String::new();
    for line in page.lines() {
        let marks = line.trim_start();
        let marks = &marks[..marks.len() - marks.trim_start_matches('`').len()];
        match fence {
            None if marks.len() >= 3 => fence = Some(marks),
            Some(open) if marks == open => fence = None,
            Some(_) => {}
            None => {
                prose.push_str(line);
                prose.push('\n');
            }
        }
    }
    prose
}

/// Splits a line into the spans between single backticks and the text outside of them.
fn spans(line: &str) -> (Vec<&str>, String) {
    let pieces: Vec<&str> = line.split('`').collect();
    (pieces.iter().skip(1).step_by(2).copied().collect(), pieces.iter().step_by(2).copied().collect())
}

/// Returns the targets of a page's links, except external ones.
fn links(page: &str) -> Vec<String> {
    let mut targets = Vec::new();
    for line in prose(page).lines() {
        for piece in spans(line).1.split("](").skip(1) {
            let target = piece.split(')').next().unwrap();
            if !target.contains("://") && !target.starts_with("mailto:") {
                targets.push(target.to_owned());
            }
        }
    }
    targets
}

/// Returns the anchors of a page's headings, as GitHub and mdBook generate them.
fn anchors(page: &str) -> BTreeSet<String> {
    let mut anchors = BTreeSet::new();
    for line in prose(page).lines().filter(|line| line.starts_with('#')) {
        let title = line.trim_start_matches('#').trim().to_lowercase();
        let kept = title.chars().filter(|it| it.is_alphanumeric() || " -_".contains(*it));
        let slug: String = kept.map(|it| if it == ' ' { '-' } else { it }).collect();
        let taken = |slug: &String| anchors.contains(slug);
        let numbered = (1..).map(|number| format!("{slug}-{number}"));
        let free = std::iter::once(slug.clone()).chain(numbered).find(|slug| !taken(slug)).unwrap();
        anchors.insert(free);
    }
    anchors
}

/// Returns the reason why a link is broken, if it is.
fn broken(page: &Path, target: &str) -> Option<String> {
    let (path, anchor) = target.split_once('#').map_or((target, None), |(path, anchor)| (path, Some(anchor)));
    let there = if path.is_empty() { page.to_owned() } else { page.parent().unwrap().join(path) };
    if !there.exists() {
        return Some(format!("{}: {target} does not exist", page.display()));
    }
    let anchor = anchor?;
    let known = anchors(&fs::read_to_string(&there).unwrap()).contains(anchor);
    (!known).then(|| format!("{}: {target} has no such heading", page.display()))
}

#[test]
fn every_link_has_a_target() {
    let mut count = 0;
    let mut wrong = Vec::new();
    for page in pages() {
        for target in links(&fs::read_to_string(&page).unwrap()) {
            count += 1;
            wrong.extend(broken(&page, &target));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(count > 100, "only {count} links were found");
}

#[test]
fn every_page_is_in_the_contents_and_links_stay_inside_the_book() {
    let guide = root().join("docs/guide");
    let contents: BTreeSet<String> =
        links(&fs::read_to_string(guide.join("SUMMARY.md")).unwrap()).into_iter().collect();
    let mut there = Vec::new();
    below(&guide, ".md", &mut there);
    let name = |page: &Path| page.strip_prefix(&guide).unwrap().to_string_lossy().into_owned();
    there.retain(|page| name(page) != "SUMMARY.md");
    assert_eq!(there.iter().map(|page| name(page)).collect::<BTreeSet<_>>(), contents);
    for page in there {
        for target in links(&fs::read_to_string(&page).unwrap()) {
            assert!(!target.contains("..") && !target.contains("SUMMARY"), "{}: {target}", page.display());
        }
    }
}

/// The links between the published pages lead to modules with the names of the files.
#[test]
fn every_page_but_the_benchmarks_is_published_with_the_facade() {
    let guide = root().join("docs/guide");
    let modules = fs::read_to_string(root().join("crates/cloakroom/src/guide.rs")).unwrap();
    for page in links(&fs::read_to_string(guide.join("SUMMARY.md")).unwrap()) {
        let module = page.trim_end_matches(".md").replace('-', "_");
        let published = format!(
            "#[doc = include_str!(\"../guide/{page}\")]\n\
            #[cfg_attr(not(doctest), doc = include_str!(\"guide/links.html\"))]\npub mod {module} {{}}"
        );
        assert_eq!(modules.contains(&published), !page.starts_with("benchmarks"), "{page}");
    }
}

#[test]
fn every_test_named_in_the_asvs_table_exists() {
    let mut sources = Vec::new();
    for folder in ["crates", "examples", "testing"] {
        below(&root().join(folder), ".rs", &mut sources);
    }
    let mut words = BTreeSet::new();
    for source in sources {
        let text = fs::read_to_string(source).unwrap();
        let apart = |it: char| !it.is_alphanumeric() && it != '_';
        words.extend(text.split(apart).map(str::to_owned));
    }
    let page = fs::read_to_string(root().join("docs/guide/asvs.md")).unwrap();
    let names: BTreeSet<String> = page
        .lines()
        .flat_map(|line| spans(line).0)
        .filter(|it| it.matches('_').count() >= 2 && it.chars().all(|it| it.is_alphanumeric() || it == '_'))
        .map(str::to_owned)
        .collect();
    assert!(names.len() > 30, "only {} names were found", names.len());
    assert_eq!(names.difference(&words).collect::<Vec<_>>(), Vec::<&String>::new());
}

#[test]
fn the_dashboard_and_its_page_use_existing_metric_names() {
    let meter = fs::read_to_string(root().join("crates/cloakroom-session/src/meter.rs")).unwrap();
    let names = |text: &str| -> BTreeSet<String> {
        text.split(|it: char| !it.is_alphanumeric() && it != '_')
            .filter(|it| it.starts_with("cloakroom_") && it.matches('_').count() >= 2)
            .map(|it| it.trim_end_matches("_bucket").trim_end_matches("_count").to_owned())
            .collect()
    };
    let dashboard = fs::read_to_string(root().join("docs/guide/dashboard.json")).unwrap();
    let page = fs::read_to_string(root().join("docs/guide/observability.md")).unwrap();
    assert_eq!(names(&dashboard), names(&meter));
    assert_eq!(names(&page).difference(&names(&meter)).collect::<Vec<_>>(), Vec::<&String>::new());
}

#[test]
fn the_dashboard_shows_every_event() {
    let meter = fs::read_to_string(root().join("crates/cloakroom-session/src/meter.rs")).unwrap();
    let known: BTreeSet<&str> = meter
        .lines()
        .filter_map(|line| line.trim().strip_prefix("Self::")?.split_once("=> \"")?.1.strip_suffix("\","))
        .collect();
    let dashboard = fs::read_to_string(root().join("docs/guide/dashboard.json")).unwrap();
    // The file has event=\"opened\" or event=~\"created|ended\", with escaped quotes.
    let shown: BTreeSet<&str> = dashboard
        .split("event=")
        .skip(1)
        .filter_map(|rest| rest.split("\\\"").nth(1))
        .flat_map(|words| words.split('|'))
        .collect();
    assert!(!known.is_empty());
    assert_eq!(shown, known);
}

#[test]
fn links_and_anchors_are_parsed_as_they_are_rendered() {
    let page = "# What is `this`?\n[a](b.md#c) and `[x](y)`\n```md\n[no](no.md)\n# no\n```\n## A. B\n## A. B\n\
        [far](https://example.com) [near](#a-b)\n";
    assert_eq!(links(page), ["b.md#c", "#a-b"]);
    assert_eq!(anchors(page).into_iter().collect::<Vec<_>>(), ["a-b", "a-b-1", "what-is-this"]);
}

#[test]
fn the_page_about_other_libraries_shows_the_compiled_programs() {
    let page = fs::read_to_string(root().join("docs/guide/from-peers.md")).unwrap();
    let mut programs = Vec::new();
    below(&root().join("testing/e2e/foreign/rust/src/before"), ".rs", &mut programs);
    programs.retain(|path| path.file_name().is_none_or(|name| name != "mod.rs"));
    for path in &programs {
        let program = fs::read_to_string(path).unwrap();
        assert!(page.contains(&format!("```rust,ignore\n{program}```\n")), "{} differs from the page", path.display());
    }
    assert_eq!(page.matches("```rust,ignore\n").count(), programs.len(), "the page has a program that isn't compiled");
}

#[test]
fn listings_for_graphql_and_openapi_are_parts_of_the_examples() {
    let page = fs::read_to_string(root().join("docs/guide/graphql-openapi.md")).unwrap();
    let mut programs = Vec::new();
    for example in ["examples/graphql/src", "examples/openapi/src"] {
        below(&root().join(example), ".rs", &mut programs);
    }
    let programs: Vec<String> = programs.iter().map(|path| fs::read_to_string(path).unwrap()).collect();
    let listings: Vec<&str> =
        page.split("```rust,ignore\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    assert!(listings.len() >= 5);
    for listing in listings {
        assert!(programs.iter().any(|program| program.contains(listing)), "in no example:\n{listing}");
    }
}
