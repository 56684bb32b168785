//! Cookies made by the library, and their reports.

use std::sync::Arc;
use std::time::Duration;

use cloakroom::adapter::SessionSlot;
use cloakroom::factory::{CookieHeader, Seal, Sealer, SessionId};
use cloakroom::{CookieConfig, CookieSessions, CsrfToken, Engine, Key, Keyring, ManualClock, Timestamp};
use serde_json::Value;

use super::cookie::Cookie;
use super::{Question, ask};
use crate::describe::Values;

const NOW: Timestamp = Timestamp::from_unix_secs(1_700_000_000);

fn key(secret: &str) -> Key {
    Key::new(secret).unwrap()
}

fn ours() -> Key {
    key("a secret of at least thirty-two bytes")
}

/// Returns a cookie in the form that the library sends.
async fn cookie(seal: Seal) -> Cookie {
    let builder = match seal {
        Seal::Signed => CookieSessions::signed(ours()),
        Seal::Encrypted | _ => CookieSessions::encrypted(ours()),
    };
    let sessions = builder.cookie(CookieConfig::default().name("__Host-s")).build().unwrap();
    let slot = SessionSlot::new(Arc::new(Engine::new(sessions).clock(ManualClock::at(NOW))));
    let session = slot.open(CookieHeader::default()).await.unwrap();
    session.insert("card", "hat 4711").unwrap();
    let line = slot.finish(200).await.unwrap().cookies[0].as_str().to_owned();
    let (name, value) = line.split(';').next().unwrap().split_once('=').unwrap();
    Cookie::new(name, value)
}

fn asked(cookie: &Cookie, keyring: Option<&Keyring>, values: Values, now: Timestamp) -> (Value, String) {
    let report = ask(&Question { cookie, keyring, other: None, values, now }).unwrap();
    (report.document(cookie), report.text(cookie, values))
}

#[tokio::test]
async fn own_cookies_open_or_are_refused_with_a_reason() {
    let (signed, encrypted) = (cookie(Seal::Signed).await, cookie(Seal::Encrypted).await);
    let ring = Keyring::new(ours());
    let rotated = Keyring::new(key("another secret of at least 32 bytes")).previous(ours()).unwrap();
    let other = Keyring::new(key("another secret of at least 32 bytes"));
    let named = |name: &str| Cookie { name: name.to_owned(), ..signed.clone() };
    let cut = Cookie { value: encrypted.value[..encrypted.value.len() - 1].to_owned(), ..encrypted.clone() };
    let changed = Cookie { value: signed.value.replacen('A', "B", 1), ..signed.clone() };
    let long = Cookie { value: format!("s1.{}", "A".repeat(5000)), ..signed.clone() };
    let short = Cookie { value: "s1.AA".to_owned(), ..signed.clone() };
    let garbage = Cookie { value: "garbage".to_owned(), ..signed.clone() };
    let (idle, absolute) = (NOW + Duration::from_secs(1201), NOW + Duration::from_secs(90_000));
    let future = Timestamp::from_unix_secs(1_600_000_000);
    for (row, cookie, keyring, now, verdict, reason) in [
        ("signed", &signed, Some(&ring), NOW, "opens", ""),
        ("encrypted", &encrypted, Some(&ring), NOW, "opens", ""),
        ("with a key from before", &encrypted, Some(&rotated), NOW, "opens", ""),
        ("signed, no key", &signed, None, NOW, "unchecked", ""),
        ("encrypted, no key", &encrypted, None, NOW, "unchecked", ""),
        ("another key", &encrypted, Some(&other), NOW, "refused", "unknown-key"),
        ("another name", &named("other"), Some(&ring), NOW, "refused", "forged"),
        ("changed", &changed, Some(&ring), NOW, "refused", ""),
        ("cut short", &cut, Some(&ring), NOW, "refused", ""),
        ("too long", &long, Some(&ring), NOW, "refused", "too-long"),
        ("too short", &short, Some(&ring), NOW, "refused", "malformed"),
        ("not used", &signed, Some(&ring), idle, "refused", "expired-idle"),
        ("too old", &signed, Some(&ring), absolute, "refused", "expired-absolute"),
        ("from the future", &signed, Some(&ring), future, "refused", "from-future"),
        ("something else", &garbage, Some(&ring), NOW, "refused", "unknown-format"),
    ] {
        let (document, text) = asked(cookie, keyring, Values::Hidden, now);
        assert_eq!(document["answer"]["verdict"], verdict, "{row}: {document}");
        assert!(reason.is_empty() || document["answer"]["reason"] == reason, "{row}: {document}");
        assert!(!text.contains("hat 4711") && !document.to_string().contains("hat 4711"), "{row}: {text}");
    }
}

#[tokio::test]
async fn contents_of_a_cookie() {
    let (signed, encrypted) = (cookie(Seal::Signed).await, cookie(Seal::Encrypted).await);
    let ring = Keyring::new(ours());
    let later = NOW + Duration::from_secs(75);
    for (row, cookie, keyring, sees) in [
        ("encrypted", &encrypted, Some(&ring), true),
        ("signed", &signed, Some(&ring), true),
        ("signed, without a key", &signed, None, true),
        ("encrypted, without a key", &encrypted, None, false),
    ] {
        let (document, _) = asked(cookie, keyring, Values::Shown, later);
        let facts = &document["facts"];
        assert_eq!(facts["key_id"], ours().id().to_string(), "{row}");
        assert_eq!(facts["age"] == "1 min 15 s", sees, "{row}: {facts}");
        assert_eq!(facts["values"]["card"] == "hat 4711", sees, "{row}: {facts}");
    }
    // After its expiry, too: its contents may explain the reason.
    let (document, text) = asked(&encrypted, Some(&ring), Values::Hidden, NOW + Duration::from_secs(1201));
    assert_eq!(document["facts"]["values"]["card"]["bytes"], 10);
    assert!(text.contains("refused (expired-idle)"), "{text}");
}

#[test]
fn ids_and_tokens() {
    let id = SessionId::from_random([7; 32]);
    for value in [id.expose(), id.expose_reserved()] {
        let (document, _) = asked(&Cookie::new("session", value), None, Values::Hidden, NOW);
        assert_eq!(document["facts"]["store_key"], id.store_key().to_hex());
        assert!(!document.to_string().contains(&id.expose()));
    }

    let ring = Keyring::new(ours());
    let token = CsrfToken::from_random([9; 32]);
    let sealer = Sealer::new(Seal::Signed, &ring, "csrf:token").unwrap();
    let cookie = Cookie::new("token", sealer.seal(token.expose(), [0; 12]).unwrap());
    let (document, text) = asked(&cookie, Some(&ring), Values::Shown, NOW);
    assert_eq!(document["answer"]["verdict"], "opens");
    assert!(!text.contains(token.expose()) && !document.to_string().contains(token.expose()));
}
