//! Programs that must be newer than those of this system: the system's own if it is new enough, or
//! else unpacked from a newer Debian release.

use std::fs;
use std::io::{Error, Result};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::Variables;
use crate::outcome::Outcome;
use crate::shell;

/// A server in a minimum version.
#[derive(Clone, Copy, Debug)]
struct Newer {
    what: &'static str,
    /// The program, which is also the name of its package.
    program: &'static str,
    package: &'static str,
    /// The program's folder in the package.
    folder: &'static str,
    /// The word before the version in the program's output.
    before: &'static str,
    oldest: (u32, u32),
    /// A value set by the caller is used unchecked.
    variable: &'static str,
}

const NEWER: [Newer; 2] = [
    Newer {
        what: "Valkey with `SET … IFEQ`",
        program: "valkey-server",
        package: "valkey-server",
        folder: "usr/bin",
        before: "v=",
        // The first version with `SET … IFEQ`.
        oldest: (8, 1),
        variable: "VALKEY_SERVER",
    },
    Newer {
        what: "PgBouncer with support for prepared statements",
        program: "pgbouncer",
        package: "pgbouncer",
        folder: "usr/sbin",
        before: "PgBouncer ",
        oldest: (1, 21),
        variable: "PGBOUNCER_NEWER",
    },
];

/// The first Debian release with these versions.
const RELEASE: &str = "trixie";

/// Debian's keys: apt verifies these packages as usual.
const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

/// Finds or unpacks the servers. Returns the variables that tell the tests where they are.
pub(crate) fn provide() -> Outcome<Variables> {
    NEWER.iter().map(Newer::provide).collect()
}

impl Newer {
    fn provide(&self) -> Outcome<(&'static str, PathBuf)> {
        let Self { what, program, variable, oldest: (major, minor), .. } = self;
        let told = std::env::var_os(variable).filter(|value| !value.is_empty()).map(PathBuf::from);
        let here = || shell::on_path(program).filter(|program| self.is_new_enough(program));
        let found = match told.or_else(here) {
            Some(program) => program,
            None => self.unpacked().map_err(|why| {
                format!(
                    "missing: {what}, {major}.{minor} or newer, for the tests of stores, and it can't be had from Debian {RELEASE} ({why}). \
                     Install it and put it on PATH, or say where it is with {variable}"
                )
            })?,
        };
        Ok((variable, found))
    }

    fn is_new_enough(&self, program: &Path) -> bool {
        let said = shell::read(shell::program(program).arg("--version"));
        said.ok().and_then(|said| self.version(&said)).is_some_and(|version| version >= self.oldest)
    }

    /// Parses the version in a line such as `Valkey server v=8.1.1 sha=00000000:0`.
    fn version(&self, said: &str) -> Option<(u32, u32)> {
        let (_, version) = said.split_once(self.before)?;
        let mut numbers = version.split(|c: char| !c.is_ascii_digit()).map(str::parse);
        Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
    }

    fn unpacked(&self) -> Outcome<PathBuf> {
        let name = self.program.trim_end_matches("-server");
        let folder = shell::target().join("tools").join(format!("{name}-{RELEASE}"));
        let program = folder.join(self.program);
        if program.is_file() {
            return Ok(program);
        }
        unpack(&folder, self.package)?;
        self.launcher(&folder, &program)?;
        Ok(program)
    }

    /// Writes a script that starts the program with the unpacked loader and libraries. Written
    /// last: without it, the installation is repeated.
    fn launcher(&self, folder: &Path, program: &Path) -> Outcome {
        let failed = |why: Error| format!("{}: {why}", folder.display());
        let root = folder.join("root");
        let loader = loader(&root)?;
        let libraries = loader.parent().unwrap_or(&root);
        let place = |path: &Path| place(folder, path);
        let text = format!(
            "{HEAD}exec {} --argv0 {} --library-path {} {} \"$@\"\n",
            place(&loader),
            self.program,
            place(libraries),
            place(&root.join(self.folder).join(self.program))
        );
        let new = program.with_extension("new");
        fs::write(&new, text).map_err(failed)?;
        fs::set_permissions(&new, fs::Permissions::from_mode(0o755)).map_err(failed)?;
        if !self.is_new_enough(&new) {
            return Err(format!("{} doesn't print its version", new.display()));
        }
        fs::rename(new, program).map_err(failed)
    }
}

/// Unpacks a package of [`RELEASE`] with all dependencies, including the C library, into a separate
/// folder.
fn unpack(folder: &Path, package: &str) -> Outcome {
    let failed = |why: Error| format!("{}: {why}", folder.display());
    if folder.exists() {
        fs::remove_dir_all(folder).map_err(failed)?;
    }
    let apt = Apt::new(folder, &mirror()?).map_err(failed)?;
    shell::succeed(apt.get().arg("update"))?;
    shell::succeed(apt.get().args(["install", "-y", "--download-only", "--no-install-recommends", package]))?;
    for package in files(&folder.join("cache/archives")).map_err(failed)? {
        if package.extension().is_some_and(|extension| extension == "deb") {
            shell::succeed(shell::program("dpkg-deb").arg("--extract").arg(package).arg(folder.join("root")))?;
        }
    }
    fs::remove_dir_all(folder.join("cache")).map_err(failed)?;
    fs::remove_dir_all(folder.join("lists")).map_err(failed)
}

/// The beginning of a script that starts an unpacked program. It finds the program from its own
/// place, so that the checkout can move.
const HEAD: &str = "#!/bin/sh\nhere=$(dirname \"$(readlink -f \"$0\")\")\n";

/// Returns a path below the folder of such a script, as the script spells it.
fn place(folder: &Path, path: &Path) -> String {
    format!("\"$here\"/'{}'", path.strip_prefix(folder).unwrap_or(path).display())
}

/// Returns the loader of the unpacked C library. The libraries are in its folder.
fn loader(root: &Path) -> Outcome<PathBuf> {
    let libraries = files(&root.join("usr/lib")).map_err(|why| format!("{}: {why}", root.display()))?;
    let loaders = libraries.iter().filter_map(|library| files(library).ok()).flatten();
    let is_loader =
        |file: &PathBuf| file.file_name().is_some_and(|name| name.to_string_lossy().starts_with("ld-linux"));
    loaders.into_iter().find(is_loader).ok_or_else(|| "the unpacked C library has no loader".into())
}

/// Unpacks the Ruby and the Rails of [`RELEASE`] into a folder, whose program `ruby` starts them.
pub(crate) fn ruby(folder: &Path) -> Outcome {
    let program = folder.join("ruby");
    if program.is_file() {
        return Ok(());
    }
    let failed = |why: Error| format!("{}: {why}", folder.display());
    unpack(folder, "ruby-actionpack").map_err(|why| format!("ruby-actionpack of Debian {RELEASE}: {why}"))?;
    let root = folder.join("root");
    let loader = loader(&root)?;
    let (own, shared) = (loader.parent().unwrap_or(&root).join("ruby"), root.join("usr/lib/ruby"));
    let place = |path: &Path| place(folder, path);
    let places = |base: &Path, parts: [&str; 3]| parts.map(|part| place(&base.join(part)));
    let parts = ["vendor_ruby", "vendor_ruby/3.3.0", "3.3.0"];
    let text = format!(
        "{HEAD}export RUBYLIB={}\nexport GEM_PATH={}:{}\n\
         exec {} --argv0 ruby --library-path {} {} \"$@\"\n",
        [places(&shared, parts), places(&own, parts)].concat().join(":"),
        place(&root.join("usr/share/rubygems-integration/all")),
        place(&own.with_file_name("rubygems-integration").join("3.3.0")),
        place(&loader),
        place(loader.parent().unwrap_or(&root)),
        place(&root.join("usr/bin/ruby3.3"))
    );
    let new = program.with_extension("new");
    fs::write(&new, text).map_err(failed)?;
    fs::set_permissions(&new, fs::Permissions::from_mode(0o755)).map_err(failed)?;
    shell::succeed(shell::program(&new).args(["-e", "require 'action_controller'"]))?;
    fs::rename(new, program).map_err(failed)
}

/// Returns the address from which this system gets its packages.
fn mirror() -> Outcome<String> {
    let format = ["indextargets", "--format", "$(ORIGIN) $(CODENAME) $(REPO_URI)", "Created-By: Packages"];
    let targets = shell::read(shell::program("apt-get").args(format))?;
    targets.lines().find_map(debians).map(str::to_owned).ok_or_else(|| "apt has no Debian package source".into())
}

/// Returns the address of a Debian release, but not that of its updates, which may be elsewhere.
fn debians(target: &str) -> Option<&str> {
    let mut words = target.split(' ');
    let is_debian = words.next() == Some("Debian") && words.next().is_some_and(|release| !release.contains('-'));
    words.next().filter(|_| is_debian)
}

/// An apt configuration with separate folders, in which nothing is installed.
struct Apt {
    options: Vec<String>,
}

impl Apt {
    fn new(folder: &Path, mirror: &str) -> Result<Self> {
        for made in ["lists/partial", "cache/archives/partial"] {
            fs::create_dir_all(folder.join(made))?;
        }
        fs::write(folder.join("status"), "")?;
        fs::write(folder.join("sources.list"), format!("deb [signed-by={KEYRING}] {mirror} {RELEASE} main\n"))?;
        let places = [
            ("Dir::Etc::sourcelist", "sources.list"),
            ("Dir::Etc::sourceparts", "none"),
            ("Dir::State::lists", "lists"),
            ("Dir::State::status", "status"),
            ("Dir::Cache", "cache"),
        ];
        let place = |(name, place): (&str, &str)| format!("{name}={}", folder.join(place).display());
        let mut options: Vec<String> = places.into_iter().map(place).collect();
        // The folder belongs to the current user, but apt would download as a different one.
        options.push("APT::Sandbox::User=root".to_owned());
        Ok(Self { options })
    }

    fn get(&self) -> Command {
        let mut apt_get = shell::program("apt-get");
        // Send progress output to stderr: stdout is for results.
        apt_get.arg("-qq").stdout(std::io::stderr()).env("DEBIAN_FRONTEND", "noninteractive");
        apt_get.args(self.options.iter().flat_map(|option| ["-o", option]));
        apt_get
    }
}

fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    fs::read_dir(folder)?.map(|file| file.map(|file| file.path())).collect()
}

#[cfg(test)]
mod tests {
    use super::{NEWER, debians};

    #[test]
    fn the_mirror_is_that_of_a_release_and_not_of_its_updates() {
        for (target, expected) in [
            ("Debian bookworm http://mirror.example/debian/", Some("http://mirror.example/debian/")),
            ("Debian bookworm-security http://mirror.example/debian-security/", None),
            ("Node nodistro https://mirror.example/node/", None),
            ("", None),
        ] {
            assert_eq!(debians(target), expected, "{target}");
        }
    }

    #[test]
    fn versions_are_parsed_from_the_output_of_servers() {
        let [valkey, pgbouncer] = NEWER;
        for (server, said, expected) in [
            (valkey, "Valkey server v=8.1.1 sha=00000000:0 malloc=jemalloc-5.3.0 bits=64 build=384b3c0d", Some((8, 1))),
            (valkey, "Valkey server v=10.0.0-rc1 sha=0", Some((10, 0))),
            (valkey, "Valkey server", None),
            (valkey, "v=8", None),
            (pgbouncer, "PgBouncer 1.24.1\nlibevent 2.1.12-stable", Some((1, 24))),
            (pgbouncer, "PgBouncer", None),
        ] {
            assert_eq!(server.version(said), expected, "{said}");
        }
    }
}
