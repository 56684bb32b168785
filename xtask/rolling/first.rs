//! The first release's side of the rolling test, used until there is a tag to build from.
//!
//! It reads and writes the formats of the first release and is frozen: if it were updated together
//! with the formats, it could not detect that they changed. It was written from the description of
//! the formats, not copied from the code, so that mistakes in the description are found too. The
//! protocol is described in `side.rs`.

use std::io::{BufRead as _, Write as _};

use aes_gcm_siv::aead::{AeadInOut as _, KeyInit as _};
use aes_gcm_siv::{Aes256GcmSiv, Nonce, Tag};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hkdf::Hkdf;
use hmac::{Hmac, Mac as _};
use sha2::Sha256;

type Outcome<T> = Result<T, String>;

const SECRET: &[u8] = b"no secret: two releases take turns";
const COOKIE: &str = "__Host-Http-session";
const ID: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
const NONCE: [u8; 12] = [7; 12];

/// A field of a record: its letter, its content, and the bytes of both.
struct Field {
    letter: char,
    value: String,
    raw: String,
}

fn number(letter: char, value: u64) -> Field {
    Field { letter, value: value.to_string(), raw: format!("{letter}{value};") }
}

fn text(letter: char, value: &str) -> Field {
    Field { letter, value: value.to_owned(), raw: format!("{letter}{}:{value}", value.len()) }
}

/// Parses the fields of a record. An unknown letter is an error.
fn read(record: &str) -> Outcome<Vec<Field>> {
    let mut rest = record.strip_prefix('1').ok_or("another version")?;
    let mut fields = Vec::new();
    while let Some(letter) = rest.chars().next() {
        let end = rest.find([';', ':']).ok_or("no end")?;
        let digits = rest.get(1..end).ok_or("no number")?;
        let count: u64 = digits.parse().map_err(|_| "no number")?;
        let (value, size) = match (letter, &rest[end..=end]) {
            ('c' | 't' | 'i' | 'a' | 'o' | 'r' | 'n' | 'm' | 'w' | 'y', ";") => (digits, end + 1),
            ('x' | 'u' | 'l' | 'k' | 'v' | 'q' | 'b' | 'A'..='Z', ":") => {
                let size = end + 1 + usize::try_from(count).map_err(|_| "too long")?;
                (rest.get(end + 1..size).ok_or("too long")?, size)
            }
            _ => return Err(format!("field {letter} isn't known")),
        };
        let (raw, behind) = rest.split_at(size);
        fields.push(Field { letter, value: value.to_owned(), raw: raw.to_owned() });
        rest = behind;
    }
    Ok(fields)
}

/// Writes known fields, followed by extensions.
fn write(fields: &[Field]) -> String {
    let raw = |wanted: bool| {
        fields.iter().filter(move |it| it.letter.is_ascii_uppercase() == wanted).map(|it| it.raw.as_str())
    };
    std::iter::once("1").chain(raw(false)).chain(raw(true)).collect()
}

/// Inserts the new fields before the first field with one of these letters.
fn insert(fields: &mut Vec<Field>, before: &[char], new: Vec<Field>) {
    let at = fields.iter().position(|it| before.contains(&it.letter)).unwrap_or(fields.len());
    fields.splice(at..at, new);
}

fn put(fields: &mut Vec<Field>, key: &str, json: &str) {
    match fields.iter().position(|it| it.letter == 'k' && it.value == key) {
        Some(at) => fields[at + 1] = text('v', json),
        None => insert(fields, &['q', 'w', 'y'], vec![text('k', key), text('v', json)]),
    }
}

fn flash(fields: &mut Vec<Field>, json: &str) {
    let used = |it: &&Field| it.letter == 'm';
    let next = fields.iter().filter(used).filter_map(|it| it.value.parse::<u64>().ok()).max().map_or(0, |last| last + 1);
    let mut new = vec![number('m', next), text('b', json)];
    if !fields.iter().any(|it| it.letter == 'q') {
        new.insert(0, text('q', ""));
    }
    insert(fields, &['w', 'y'], new);
}

fn mark(fields: &mut Vec<Field>, commit: u64) {
    insert(fields, &['y'], vec![number('w', commit)]);
    while fields.iter().filter(|it| it.letter == 'w').count() > 8 {
        let oldest = fields.iter().position(|it| it.letter == 'w').unwrap_or_default();
        fields.remove(oldest);
    }
}

fn list(fields: &[Field]) -> String {
    let mut lines = String::new();
    let mut key = "";
    for field in fields {
        match field.letter {
            'k' => key = &field.value,
            'v' => lines += &format!("{key}={}\n", field.value),
            'b' => lines += &format!("flash={}\n", field.value),
            _ => {}
        }
    }
    if let Some(last) = fields.iter().rfind(|it| it.letter == 'w') {
        lines += &format!("commit={}\n", last.value);
    }
    lines
}

fn derive(purpose: &[&[u8]], out: &mut [u8]) {
    Hkdf::<Sha256>::new(Some(b"cloakroom"), SECRET).expand(&purpose.join(&0), out).expect("a short key");
}

fn key(prefix: &str) -> ([u8; 4], [u8; 32]) {
    let (mut id, mut key) = ([0; 4], [0; 32]);
    derive(&[b"key id"], &mut id);
    derive(&[prefix.as_bytes(), COOKIE.as_bytes()], &mut key);
    (id, key)
}

fn open(carrier: &str, sealed: &str) -> Outcome<String> {
    let prefix = match carrier {
        "record" => return Ok(sealed.to_owned()),
        "signed" => "s1.",
        _ => "e1.",
    };
    let body = sealed.strip_prefix(prefix).ok_or("another format")?;
    let bytes = URL_SAFE_NO_PAD.decode(body).map_err(|why| why.to_string())?;
    let (id, key) = key(prefix);
    let rest = bytes.strip_prefix(&id).ok_or("another key")?;
    let payload = if carrier == "signed" {
        let (payload, tag) = rest.split_last_chunk::<32>().ok_or("too short")?;
        let mac = Hmac::<Sha256>::new_from_slice(&key).expect("any length");
        mac.chain_update(prefix).chain_update(id).chain_update(payload).verify_slice(tag).map_err(|_| "forged")?;
        payload.to_vec()
    } else {
        let (nonce, rest) = rest.split_first_chunk::<12>().ok_or("too short")?;
        let (text, tag) = rest.split_last_chunk::<16>().ok_or("too short")?;
        let (mut text, associated) = (text.to_vec(), [prefix.as_bytes(), &id].concat());
        let cipher = Aes256GcmSiv::new_from_slice(&key).expect("32 bytes");
        let plain = text.as_mut_slice().into();
        cipher.decrypt_inout_detached(&Nonce::from(*nonce), &associated, plain, &Tag::from(*tag)).map_err(|_| "forged")?;
        text
    };
    let payload = String::from_utf8(payload).map_err(|_| "no text")?;
    Ok(payload.strip_prefix(ID).ok_or("another id")?.to_owned())
}

fn close(carrier: &str, record: &str) -> String {
    let prefix = match carrier {
        "record" => return record.to_owned(),
        "signed" => "s1.",
        _ => "e1.",
    };
    let (id, key) = key(prefix);
    let payload = format!("{ID}{record}").into_bytes();
    let body = if carrier == "signed" {
        let mac = Hmac::<Sha256>::new_from_slice(&key).expect("any length");
        let tag = mac.chain_update(prefix).chain_update(id).chain_update(&payload).finalize().into_bytes();
        [&id[..], &payload, &tag].concat()
    } else {
        let (mut text, associated) = (payload, [prefix.as_bytes(), &id].concat());
        let cipher = Aes256GcmSiv::new_from_slice(&key).expect("32 bytes");
        let plain = text.as_mut_slice().into();
        let tag = cipher.encrypt_inout_detached(&Nonce::from(NONCE), &associated, plain).expect("it is short");
        [&id[..], &NONCE, &text, &tag].concat()
    };
    prefix.to_owned() + &URL_SAFE_NO_PAD.encode(body)
}

fn answer(words: &[String]) -> Outcome<String> {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let fields_of = |carrier: &str, text: &str| read(&open(carrier, text)?);
    let (carrier, fields) = match words[..] {
        ["new", carrier] => (carrier, read("1c1700000000000;t0;i1200000;a86400000;")?),
        ["put", carrier, text, key, json] => {
            let mut fields = fields_of(carrier, text)?;
            put(&mut fields, key, json);
            (carrier, fields)
        }
        ["flash", carrier, text, json] => {
            let mut fields = fields_of(carrier, text)?;
            flash(&mut fields, json);
            (carrier, fields)
        }
        ["mark", carrier, text, number] => {
            let mut fields = fields_of(carrier, text)?;
            mark(&mut fields, number.parse().map_err(|_| "no number")?);
            (carrier, fields)
        }
        ["extend", carrier, text, more] => return Ok(close(carrier, &(open(carrier, text)? + more))),
        ["open", carrier, text] => return open(carrier, text),
        ["list", carrier, text] => return Ok(list(&fields_of(carrier, text)?)),
        _ => return Err("no request".to_owned()),
    };
    Ok(close(carrier, &write(&fields)))
}

fn hex(text: &str) -> String {
    text.bytes().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(word: &str) -> Outcome<String> {
    let byte = |at: usize| u8::from_str_radix(word.get(at..at + 2).unwrap_or("odd"), 16).map_err(|why| why.to_string());
    String::from_utf8((0..word.len()).step_by(2).map(byte).collect::<Result<_, _>>()?).map_err(|why| why.to_string())
}

fn main() -> std::io::Result<()> {
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        let words = line.split(' ').enumerate().map(|(at, word)| if at < 2 { Ok(word.to_owned()) } else { unhex(word) });
        let answer = words.collect::<Outcome<Vec<_>>>().and_then(|words| answer(&words));
        println!("{}", answer.map_or_else(|why| format!("error {}", hex(&why)), |text| format!("ok {}", hex(&text))));
        std::io::stdout().flush()?;
    }
    Ok(())
}
