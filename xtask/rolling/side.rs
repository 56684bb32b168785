//! One side of the rolling test.
//!
//! `cargo xtask release-check rolling` builds this program against the crates of two releases,
//! which then take turns on a session. Requests and answers are one line each. The protocol must
//! not change, because later releases use it to talk to this one.
//!
//! ```text
//! new CARRIER                  a new session
//! put CARRIER TEXT KEY JSON    sets a value
//! flash CARRIER TEXT JSON      appends a message
//! mark CARRIER TEXT NUMBER     marks it as written by this commit
//! extend CARRIER TEXT FIELDS   appends fields, like a later release that knows them
//! open CARRIER TEXT            the record's text
//! list CARRIER TEXT            values, messages and the last commit, a line each
//! ```
//!
//! CARRIER is `record`, `signed` or `encrypted`; all other words are hexadecimal. An answer is `ok`
//! and a hexadecimal word, or `error`.

use std::fmt::Write as _;
use std::io::{BufRead as _, Write as _};
use std::sync::Arc;

use cloakroom_core::{CommitId, Json, Key, Keyring, Lifetimes, Record, Seal, Sealer, Timestamp};

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

const SECRET: &[u8] = b"no secret: two releases take turns";
const COOKIE: &str = "__Host-Http-session";
/// The id, which precedes the record in a cookie.
const ID: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

fn sealer(carrier: &str) -> Outcome<Option<Sealer>> {
    let seal = match carrier {
        "record" => return Ok(None),
        "signed" => Seal::Signed,
        "encrypted" => Seal::Encrypted,
        unknown => return Err(format!("no carrier: {unknown}").into()),
    };
    Ok(Some(Sealer::new(seal, &Keyring::new(Key::new(SECRET)?), COOKIE)?))
}

fn open(carrier: &str, text: &str) -> Outcome<String> {
    let Some(sealer) = sealer(carrier)? else { return Ok(text.to_owned()) };
    let payload = sealer.unseal(text).map_err(|why| why.as_str())?;
    Ok(payload.strip_prefix(ID).ok_or("another id")?.to_owned())
}

fn close(carrier: &str, record: &str) -> Outcome<String> {
    let Some(sealer) = sealer(carrier)? else { return Ok(record.to_owned()) };
    Ok(sealer.seal(&format!("{ID}{record}"), [7; 12])?)
}

fn list(record: &Record) -> Outcome<String> {
    let mut lines = String::new();
    for (key, value) in record.entries() {
        writeln!(lines, "{key}={}", value.as_str())?;
    }
    for body in record.flashes().flat_map(|(_, bodies)| bodies) {
        writeln!(lines, "flash={}", body.as_str())?;
    }
    if let Some(commit) = record.last_commit() {
        writeln!(lines, "commit={}", commit.number())?;
    }
    Ok(lines)
}

fn answer(words: &[String]) -> Outcome<String> {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let read = |text: &str| Record::decode(&Arc::from(text), 0);
    let (carrier, record) = match words[..] {
        ["new", carrier] => {
            let now = Timestamp::from_unix_secs(1_700_000_000);
            (carrier, Record::new(now, &Lifetimes::default()))
        }
        ["put", carrier, text, key, json] => {
            let mut record = read(&open(carrier, text)?)?;
            record.restore(key, Json::from_text(key, json)?);
            (carrier, record)
        }
        ["flash", carrier, text, json] => {
            let mut record = read(&open(carrier, text)?)?;
            record.restore_flash("", Json::from_text("", json)?);
            (carrier, record)
        }
        ["mark", carrier, text, number] => {
            let mut record = read(&open(carrier, text)?)?;
            let [_, _, bytes @ ..] = number.parse::<u64>()?.to_be_bytes();
            record.mark(CommitId::from_random(bytes), record.times().touched);
            (carrier, record)
        }
        ["extend", carrier, text, fields] => return close(carrier, &(open(carrier, text)? + fields)),
        ["open", carrier, text] => return open(carrier, text),
        ["list", carrier, text] => return list(&read(&open(carrier, text)?)?),
        _ => return Err("no request".into()),
    };
    close(carrier, &record.encode())
}

fn hex(text: &str) -> String {
    text.bytes().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(word: &str) -> Outcome<String> {
    let byte = |at: usize| u8::from_str_radix(word.get(at..at + 2).unwrap_or("odd"), 16);
    Ok(String::from_utf8((0..word.len()).step_by(2).map(byte).collect::<Result<_, _>>()?)?)
}

fn main() -> Outcome<()> {
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        let words = line.split(' ').enumerate().map(|(at, word)| if at < 2 { Ok(word.to_owned()) } else { unhex(word) });
        let answer = words.collect::<Outcome<Vec<_>>>().and_then(|words| answer(&words));
        println!("{}", answer.map_or_else(|why| format!("error {}", hex(&why.to_string())), |text| format!("ok {}", hex(&text))));
        std::io::stdout().flush()?;
    }
    Ok(())
}
