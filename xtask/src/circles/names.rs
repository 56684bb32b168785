//! Finds the files of one program or library, and the names that each file uses from the others.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::items::{ALL, Body, parse};
use crate::outcome::Outcome;

/// The names that tie one file to another: user, definer, names.
pub(super) type Ties = BTreeMap<(PathBuf, PathBuf), BTreeSet<String>>;

/// The modules of one program or library.
#[derive(Debug, Default)]
pub(super) struct Modules(Vec<Module>);

#[derive(Debug)]
struct Module {
    file: PathBuf,
    parent: Option<usize>,
    children: BTreeMap<String, usize>,
    body: Body,
}

/// The meaning of a path.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Meaning {
    Module(usize),
    Item { file: PathBuf, name: String },
}

/// The lookups under way, by module and name. They end the search in re-exports that form a circle.
type Pending = Vec<(usize, String)>;

impl Modules {
    /// Reads the modules below a root file such as `src/lib.rs`. `read` returns the text of a file.
    pub(super) fn read(root: &Path, read: &dyn Fn(&Path) -> Option<String>) -> Outcome<Self> {
        let text = read(root).ok_or_else(|| format!("{} can't be read", root.display()))?;
        let mut modules = Self::default();
        modules.add(root, root.parent().unwrap_or(Path::new("")), None, parse(&text), read)?;
        Ok(modules)
    }

    /// Adds a module with its children. `folder` is the folder of its children's files.
    fn add(
        &mut self,
        file: &Path,
        folder: &Path,
        parent: Option<usize>,
        mut body: Body,
        read: &dyn Fn(&Path) -> Option<String>,
    ) -> Outcome<usize> {
        let children = std::mem::take(&mut body.children);
        let here = self.0.len();
        self.0.push(Module { file: file.to_path_buf(), parent, children: BTreeMap::new(), body });
        for child in children {
            let inner = folder.join(&child.name);
            let added = if let Some(body) = child.body {
                self.add(file, &inner, Some(here), body, read)?
            } else {
                let beside = file.parent().unwrap_or(folder);
                let (child_file, text) = find(folder, beside, &child.name, child.path.as_deref(), read)
                    .ok_or_else(|| format!("{}: found no file for `mod {}`", file.display(), child.name))?;
                if child_file.ends_with("tests.rs") {
                    continue;
                }
                // A file at a `#[path]` has its children in its own folder, like a `mod.rs`.
                let inner = match &child.path {
                    Some(_) => child_file.parent().unwrap_or(folder).to_path_buf(),
                    None => inner,
                };
                self.add(&child_file, &inner, Some(here), parse(&text), read)?
            };
            if let Some(module) = self.0.get_mut(here) {
                module.children.insert(child.name, added);
            }
        }
        Ok(here)
    }

    /// Returns the names that each file uses from the others.
    ///
    /// A re-export is a tie only if the file itself also mentions the name.
    pub(super) fn ties(&self) -> Ties {
        let mut ties = Ties::new();
        for (at, module) in self.0.iter().enumerate() {
            let mut meanings = Vec::new();
            for import in &module.body.imports {
                let found = self.resolve(at, &import.path, &mut Pending::new());
                if import.name == ALL {
                    let modules =
                        found.iter().filter_map(|it| if let Meaning::Module(it) = it { Some(*it) } else { None });
                    for (imported, word) in modules.flat_map(|it| module.body.words.iter().map(move |word| (it, word)))
                    {
                        if !module.body.definitions.contains(word) {
                            meanings.extend(self.lookup(imported, word, &mut Pending::new()));
                        }
                    }
                    meanings.extend(found);
                } else if !import.is_public || module.body.words.contains(&import.name) {
                    meanings.extend(found);
                }
            }
            for path in &module.body.paths {
                meanings.extend(self.resolve(at, path, &mut Pending::new()));
            }
            for meaning in meanings {
                match meaning {
                    Meaning::Item { file, name } if file != module.file => {
                        ties.entry((module.file.clone(), file)).or_default().insert(name);
                    }
                    Meaning::Item { .. } | Meaning::Module(_) => {}
                }
            }
        }
        ties
    }

    /// Returns the meanings of a path in a module: none if it leads to another crate, several if
    /// names differ by feature or namespace.
    fn resolve(&self, from: usize, path: &[String], pending: &mut Pending) -> Vec<Meaning> {
        let Some((first, rest)) = path.split_first() else { return Vec::new() };
        let parent = || self.0.get(from).and_then(|module| module.parent).map(Meaning::Module);
        let mut found = match first.as_str() {
            "crate" => vec![Meaning::Module(0)],
            "self" => vec![Meaning::Module(from)],
            "super" => parent().into_iter().collect(),
            name => self.lookup(from, name, pending),
        };
        for name in rest {
            let mut next = Vec::new();
            for meaning in found {
                match meaning {
                    // A variant or an associated item stands with its type.
                    Meaning::Item { .. } => next.push(meaning),
                    Meaning::Module(module) if name == "super" => {
                        next.extend(self.0.get(module).and_then(|it| it.parent).map(Meaning::Module));
                    }
                    Meaning::Module(module) => next.extend(self.member(module, name, pending)),
                }
            }
            found = next;
        }
        found.sort_unstable();
        found.dedup();
        found
    }

    /// Returns the meanings of a name in another module. An unknown name is attributed to a macro
    /// if the module calls one.
    fn member(&self, module: usize, name: &str, pending: &mut Pending) -> Vec<Meaning> {
        let found = self.lookup(module, name, pending);
        match self.0.get(module) {
            Some(it) if found.is_empty() && it.body.calls_macros => {
                vec![Meaning::Item { file: it.file.clone(), name: name.to_owned() }]
            }
            _ => found,
        }
    }

    /// Returns the meanings of a name in the scope of a module.
    fn lookup(&self, at: usize, name: &str, pending: &mut Pending) -> Vec<Meaning> {
        let Some(module) = self.0.get(at) else { return Vec::new() };
        let this = (at, name.to_owned());
        if pending.contains(&this) {
            return Vec::new();
        }
        pending.push(this);
        let mut found = Vec::new();
        found.extend(module.children.get(name).copied().map(Meaning::Module));
        if module.body.definitions.contains(name) {
            found.push(Meaning::Item { file: module.file.clone(), name: name.to_owned() });
        }
        for import in module.body.imports.iter().filter(|import| import.name == name) {
            found.extend(self.resolve(at, &import.path, pending));
        }
        // Names of a glob import yield to all others.
        if found.is_empty() {
            for import in module.body.imports.iter().filter(|import| import.name == ALL) {
                for meaning in self.resolve(at, &import.path, pending) {
                    if let Meaning::Module(imported) = meaning {
                        found.extend(self.lookup(imported, name, pending));
                    }
                }
            }
        }
        pending.pop();
        found
    }
}

/// Finds the file of a child module. `beside` is the folder of the parent's file.
fn find(
    folder: &Path,
    beside: &Path,
    name: &str,
    path: Option<&str>,
    read: &dyn Fn(&Path) -> Option<String>,
) -> Option<(PathBuf, String)> {
    let candidates = match path {
        Some(path) => vec![beside.join(path)],
        None => vec![folder.join(format!("{name}.rs")), folder.join(name).join("mod.rs")],
    };
    candidates.into_iter().find_map(|file| read(&file).map(|text| (file, text)))
}
