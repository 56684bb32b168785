//! Secrets are never printed: `Debug` and errors of every type that holds one.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use cloakroom_core::{
    CookieConfig, CookieHeader, CsrfToken, Duplicates, Error, Json, Key, Keyring, Lifetimes, Record, Seal, Sealer,
    SessionId, SessionState,
};

use crate::operations::{NOW, fresh};

const SECRET: &str = "correct-horse-battery-staple.-40-bytes!!";

fn bytes() -> [u8; 32] {
    std::array::from_fn(|index| u8::try_from(100 + index).unwrap())
}

/// Returns a secret in the forms in which it could leak.
fn spellings(secret: &[u8]) -> Vec<String> {
    let hex: String = secret.iter().map(|byte| format!("{byte:02x}")).collect();
    // The first bytes suffice to recognize it, and also find a truncated one.
    vec![
        String::from_utf8_lossy(&secret[..8]).into_owned(),
        format!("{:?}", &secret[..6]).trim_matches(['[', ']']).to_owned(),
        hex[..16].to_owned(),
        hex[..16].to_ascii_uppercase(),
        STANDARD.encode(secret)[..10].to_owned(),
        URL_SAFE_NO_PAD.encode(secret)[..10].to_owned(),
    ]
}

#[test]
fn debug_prints_no_secret() {
    let key = Key::new(SECRET).unwrap();
    let keyring = Keyring::new(key.clone()).previous(Key::new([SECRET, "old"].concat()).unwrap()).unwrap();
    let token = CsrfToken::from_random(bytes());
    let mut record = Record::new(NOW, &Lifetimes::default());
    record.restore("card", Json::encode("card", SECRET).unwrap());
    record.restore_flash("", Json::encode("", SECRET).unwrap());
    record.restore_csrf(token.clone());
    let id = SessionId::from_random(bytes());
    let mut session = SessionState::loaded(id, record.clone(), NOW, Lifetimes::default());
    session.insert("card", &SECRET).unwrap();
    session.get_or_insert_with("more", || SECRET.to_owned()).unwrap();
    session.update("most", |it: &mut String| SECRET.clone_into(it)).unwrap();
    session.flash("", &SECRET, fresh(), Duplicates::Allow).unwrap();
    session.pop_flash::<String>("").unwrap();
    session.set_csrf_token(token.clone());
    let mut ended = session.clone();
    ended.invalidate(NOW);
    let cookie = CookieConfig::default().build().unwrap().set(SECRET, None).unwrap();
    let line = format!("session={SECRET}");

    let shown: BTreeMap<&str, String> = [
        ("Key", format!("{key:?}")),
        ("Keyring", format!("{keyring:#?}")),
        ("Sealer, signed", format!("{:#?}", Sealer::new(Seal::Signed, &keyring, "session").unwrap())),
        ("Sealer, encrypted", format!("{:#?}", Sealer::new(Seal::Encrypted, &keyring, "session").unwrap())),
        ("SessionId", format!("{id:?}")),
        ("StoreKey", format!("{:?}", id.store_key())),
        ("CsrfToken", format!("{token:?}")),
        ("SetCookie", format!("{cookie:?}")),
        ("CookieHeader", format!("{:?}", CookieHeader::new([line.as_bytes()]))),
        ("Record", format!("{record:#?}")),
        ("Json", format!("{:?}", Json::encode("card", SECRET).unwrap())),
        ("ChangeLog", format!("{:#?}", session.log())),
        ("SessionState", format!("{session:#?}")),
        ("SessionState, ended", format!("{ended:?}")),
    ]
    .into();
    let store_key = id.store_key();
    let mut secrets: Vec<String> =
        [SECRET.as_bytes(), &bytes(), store_key.as_bytes()].iter().flat_map(|it| spellings(it)).collect();
    // The prefix of a store key may be shown, but nothing more.
    let prefix = store_key.prefix();
    assert_eq!(prefix.len(), 8);
    secrets.push(token.expose()[..8].to_owned());
    for (name, text) in &shown {
        for secret in &secrets {
            assert!(!text.contains(secret.as_str()), "{name} shows {secret:?}: {text}");
        }
    }
    assert_eq!(shown["SessionId"], format!("SessionId({prefix}…)"));
    assert_eq!(shown["Key"], format!("Key({})", key.id()));
    assert!(shown["Record"].contains("card"), "names are shown, for debugging: {}", shown["Record"]);
    assert!(shown["ChangeLog"].contains("Update"), "changes are shown: {}", shown["ChangeLog"]);
}

#[test]
fn errors_print_no_value() {
    let mut record = Record::new(NOW, &Lifetimes::default());
    record.restore("card", Json::encode("card", SECRET).unwrap());
    record.restore("small", Json::encode("small", &1).unwrap());
    record.restore_flash("q", Json::encode("q", &SECRET.repeat(2)).unwrap());
    let session = SessionState::loaded(SessionId::from_random(bytes()), record.clone(), NOW, Lifetimes::default());
    let unwritable: BTreeMap<Vec<u8>, &str> = [(SECRET.as_bytes().to_vec(), SECRET)].into();
    let conflict = {
        let mut this = session.clone();
        this.insert("card", &"other").unwrap();
        let mut newest = record.clone();
        newest.restore("card", Json::encode("card", &[SECRET, SECRET]).unwrap());
        this.log().replay(&record, &newest, cloakroom_core::ConflictPolicy::Strict).unwrap_err()
    };
    let errors = [
        ("decode", session.get::<u32>("card").unwrap_err(), Some("card")),
        ("decode a list", session.get::<Vec<String>>("card").unwrap_err(), Some("card")),
        ("decode a message", session.peek_flash::<u32>("q").unwrap_err(), Some("q")),
        ("encode", session.clone().insert("map", &unwritable).unwrap_err(), Some("map")),
        ("not JSON", Json::from_text("raw", SECRET).unwrap_err(), Some("raw")),
        ("two values", Json::from_text("raw", "1 2").unwrap_err(), Some("raw")),
        ("conflict", conflict, Some("card")),
        ("too large", Error::too_large(5000, 4096, record.largest(3)), Some("flash:q")),
    ];
    for (name, error, key) in &errors {
        assert_eq!(error.key(), *key, "{name}");
        let mut texts = vec![error.to_string(), format!("{error:?}")];
        let mut source = std::error::Error::source(error);
        while let Some(inner) = source {
            texts.push(inner.to_string());
            source = inner.source();
        }
        for text in &texts {
            assert!(!text.contains(&SECRET[..8]), "{name}: {text}");
        }
        assert!(!texts[0].ends_with('.'), "{name}: {}", texts[0]);
        let is = [error.is_encode(), error.is_decode(), error.is_too_large(), error.is_conflict()];
        assert_eq!(is.iter().filter(|it| **it).count(), 1, "{name} is of one kind");
    }
    let large = errors[7].1.to_string();
    assert_eq!(
        large,
        "the session's cookie would take 5000 bytes, the limit is 4096; largest keys: \"flash:q\" (82 bytes), \"card\" (46 bytes), \"small\" (6 bytes)"
    );
}

#[test]
fn ids_have_one_spelling() {
    let id = SessionId::from_random(bytes());
    let text = id.expose();
    assert_eq!(SessionId::parse(&text), Some(id));
    assert_ne!(id.store_key().as_bytes(), &bytes(), "the store never sees the id");
    for (name, wrong) in [
        ("an empty text", String::new()),
        ("too short", text[1..].to_owned()),
        ("too long", format!("{text}A")),
        ("padded", format!("{}=", &text[..42])),
        ("standard base64", format!("+{}", &text[1..])),
        ("bits left over", format!("{}B", &text[..42])),
        ("not ASCII", "é".repeat(21) + "A"),
        ("spaces", format!(" {}", &text[..42])),
    ] {
        assert_eq!(SessionId::parse(&wrong), None, "{name}: {wrong}");
    }
}

/// Traces of lost changes name the keys. Neither values nor owners nor labels are in them.
#[test]
fn a_log_names_its_keys_and_shows_no_values() {
    let mut session = SessionState::fresh(NOW, Lifetimes::default());
    let token = || CsrfToken::from_random(bytes());
    assert_eq!(session.log().to_string(), "");
    session.insert("card", &SECRET).unwrap();
    session.insert("card", &7).unwrap();
    session.set_owner(SECRET, token(), NOW);
    session.set_label(SECRET);
    session.set_csrf_token(token());
    let shown = session.log().to_string();
    assert_eq!(shown, "card, a new id, the owner, the label, the CSRF token");
    for number in 0..20 {
        session.insert(format!("key{number}"), &number).unwrap();
    }
    assert_eq!(session.log().to_string(), format!("{shown}, key0, key1, key2, …"));
}
