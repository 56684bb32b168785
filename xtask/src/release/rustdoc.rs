//! Has rustdoc write down what the published crates export, for programs to read.

use std::path::{Path, PathBuf};

use crate::manifest::Crate;
use crate::{Outcome, shell, toolchain};

/// Every library of the project that stands in `root`, as a file each in the folder that is
/// returned.
///
/// One run documents them all, with all their features, so that their dependencies are built once:
/// for the sources of today and for those of a tag, each of which has a `name` of its own.
pub(super) fn write(root: &Path, crates: &[Crate], name: &str) -> Outcome<PathBuf> {
    let build = super::folder("rustdoc");
    let target = build.join(name);
    // Only the nightly compiler writes this form.
    let mut doc = toolchain::cargo("nightly")?;
    doc.args(["doc", "--locked", "--lib", "--no-deps", "--all-features", "--target-dir"]).arg(&target);
    for it in crates {
        doc.args(["--package", &it.name]);
    }
    doc.env("CARGO_BUILD_BUILD_DIR", build).current_dir(root);
    shell::succeed(doc.env("RUSTDOCFLAGS", "-Z unstable-options --output-format json --cap-lints allow"))?;
    Ok(target.join("doc"))
}

/// The file of a crate in such a folder.
pub(super) fn file(folder: &Path, it: &Crate) -> PathBuf {
    folder.join(format!("{}.json", it.name.replace('-', "_")))
}
