//! Generates rustdoc JSON of the published crates.

use std::path::{Path, PathBuf};

use crate::manifest::Crate;
use crate::outcome::Outcome;
use crate::{shell, toolchain};

/// Documents every library of the project in `root` and returns the folder with a file for each.
///
/// One run documents all libraries with all features, so that dependencies are built once. `name`
/// keeps the folders of the current sources and of a tag apart.
pub(super) fn write(root: &Path, crates: &[Crate], name: &str) -> Outcome<PathBuf> {
    let build = super::part::folder("rustdoc");
    let target = build.join(name);
    // Only the nightly compiler writes this format.
    let mut doc = toolchain::cargo("nightly")?;
    doc.args(["doc", "--locked", "--lib", "--no-deps", "--all-features", "--target-dir"]).arg(&target);
    for it in crates {
        doc.args(["--package", &it.name]);
    }
    doc.env("CARGO_BUILD_BUILD_DIR", build).current_dir(root);
    shell::succeed(doc.env("RUSTDOCFLAGS", "-Z unstable-options --output-format json --cap-lints allow"))?;
    Ok(target.join("doc"))
}

/// Returns the file of a crate in that folder.
pub(super) fn file(folder: &Path, it: &Crate) -> PathBuf {
    folder.join(format!("{}.json", it.name.replace('-', "_")))
}
