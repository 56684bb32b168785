//! `keygen`: a key, or a file of keys, and its rotation.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clap::Args;
use cloakroom::factory::random;
use cloakroom::{Key, Keyring};
use serde_json::json;

use crate::outcome::{Outcome, WrongUse};
use crate::output::{print, print_json};

#[derive(Args, Debug)]
#[command(after_help = "\
    Without FILE, prints a key, for a secret manager or an environment variable. With FILE, keeps the keys \
    in that file, which only its owner can read, and prints only their ids.\n\nTo rotate while several nodes run: \
    distribute the file to all nodes after `--next`, again after `--previous`, and again after `--forget`, once \
    the longest lifetime has passed.")]
pub(crate) struct Options {
    /// File of keys; created if no other option is given
    file: Option<PathBuf>,
    /// Announces a new key: it opens cookies, but doesn't seal yet
    #[arg(long, requires = "file", conflicts_with_all = ["previous", "forget"])]
    next: bool,
    /// Makes the announced key the current one, or generates one if none is announced; the former
    /// current key only opens from now on
    #[arg(long, requires = "file", conflicts_with = "forget")]
    previous: bool,
    /// Removes the keys that only open cookies sealed earlier
    #[arg(long, requires = "file")]
    forget: bool,
}

pub(crate) fn run(options: &Options, json: bool) -> anyhow::Result<Outcome> {
    let fresh = STANDARD.encode(random::<32>()?);
    let Some(file) = &options.file else {
        let id = Key::from_base64(&fresh)?.id().to_string();
        if json {
            print_json(&json!({ "key": fresh, "id": id }))?
        } else {
            print(&format!("{fresh}\n"))?
        }
        return Ok(Outcome::Done);
    };
    let step = match options {
        Options { next: true, .. } => Step::Next,
        Options { previous: true, .. } => Step::Previous,
        Options { forget: true, .. } => Step::Forget,
        _ => Step::Create,
    };
    let text = if step == Step::Create {
        let text = format!("current {fresh}\n");
        create(file, &text)?;
        text
    } else {
        let there = fs::read_to_string(file).with_context(|| format!("reading {}", file.display()))?;
        Keyring::parse(&there).with_context(|| format!("in {}", file.display()))?;
        let text = rotated(&there, step, &fresh)?;
        Keyring::parse(&text).context("the rotated keyring")?;
        replace(file, &text)?;
        text
    };
    report(&text, json)?;
    Ok(Outcome::Done)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Create,
    Next,
    Previous,
    Forget,
}

/// Returns the text of a keyring after a step. Comments keep their positions.
fn rotated(there: &str, step: Step, fresh: &str) -> anyhow::Result<String> {
    let mut lines: Vec<(String, String)> = there.lines().map(words).collect();
    let announced = lines.iter().position(|(word, _)| word == "next");
    match step {
        Step::Create => {}
        Step::Next if announced.is_some() => {
            bail!(WrongUse::new("a key is already announced: `--previous` makes it the current one"))
        }
        Step::Next => lines.push(("next".to_owned(), fresh.to_owned())),
        Step::Forget => lines.retain(|(word, _)| word != "previous"),
        Step::Previous => {
            lines.iter_mut().filter(|(word, _)| word == "current").for_each(|(word, _)| "previous".clone_into(word));
            match announced.and_then(|place| lines.get_mut(place)) {
                Some((word, _)) => "current".clone_into(word),
                None => lines.insert(0, ("current".to_owned(), fresh.to_owned())),
            }
        }
    }
    Ok(lines.iter().map(|(word, rest)| format!("{}\n", format!("{word} {rest}").trim())).collect())
}

/// Splits a line into its word and its key. A key alone is the current one.
fn words(line: &str) -> (String, String) {
    let line = line.trim();
    if line.is_empty() || line.starts_with('#') {
        return (String::new(), line.to_owned());
    }
    let (word, key) = line.split_once(char::is_whitespace).unwrap_or(("current", line));
    (word.to_owned(), key.trim().to_owned())
}

/// Reports the ids of the keys, which reveal nothing about the keys.
fn report(text: &str, json: bool) -> anyhow::Result<()> {
    let mut keys = Vec::new();
    for (word, key) in text.lines().map(words).filter(|(word, _)| !word.is_empty()) {
        keys.push((word, Key::from_base64(&key)?.id().to_string()));
    }
    if json {
        let keys: Vec<_> = keys.iter().map(|(word, id)| json!({ "use": word, "id": id })).collect();
        print_json(&json!({ "keys": keys }))?;
    } else {
        keys.iter().try_for_each(|(word, id)| print(&format!("{word:8}  {id}\n")))?;
    }
    Ok(())
}

/// Options for files that only their owner can read.
fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

fn create(file: &Path, text: &str) -> anyhow::Result<()> {
    let opened = private().write(true).create_new(true).open(file);
    let mut opened = match opened {
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            bail!(WrongUse::new(format!("{} already exists: `--previous` rotates it", file.display())))
        }
        opened => opened.with_context(|| format!("creating {}", file.display()))?,
    };
    opened.write_all(text.as_bytes())?;
    Ok(opened.sync_all()?)
}

/// Writes to a temporary file first: a partial keyring would sign all users out.
fn replace(file: &Path, text: &str) -> anyhow::Result<()> {
    let mut name = file.as_os_str().to_owned();
    name.push(".new");
    let unfinished = PathBuf::from(name);
    let written = create(&unfinished, text).with_context(|| format!("next to {}", file.display()));
    written.and_then(|()| fs::rename(&unfinished, file).with_context(|| format!("replacing {}", file.display())))
}

#[cfg(test)]
mod tests {
    use super::{Step, rotated};

    #[test]
    fn steps() {
        for (row, there, step, expected) in [
            ("announced", "current A", Step::Next, Some("current A\nnext F\n")),
            ("a key alone, announced", "A\n", Step::Next, Some("current A\nnext F\n")),
            ("announced twice", "current A\nnext B", Step::Next, None),
            (
                "the announced one becomes the current one",
                "current A\nnext B",
                Step::Previous,
                Some("previous A\ncurrent B\n"),
            ),
            ("none was announced", "# ours\ncurrent A", Step::Previous, Some("current F\n# ours\nprevious A\n")),
            ("a second time", "current B\nprevious A", Step::Previous, Some("current F\nprevious B\nprevious A\n")),
            ("forgotten", "current B\nprevious A\n\n# end", Step::Forget, Some("current B\n\n# end\n")),
        ] {
            assert_eq!(rotated(there, step, "F").ok().as_deref(), expected, "{row}");
        }
    }
}
