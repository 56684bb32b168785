//! Rails: encrypted and signed session cookies.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use cloakroom_bridge::{
    BridgedCookies, CookieFormat as _, IncomingCookie, RailsCookie, RailsCookieBuilder, RailsDigest, SealContext,
};
use cloakroom_session::factory::{Deadline, Record, Rejected};
use cloakroom_session::{Lifetimes, Timestamp};
use serde_json::{Value, json};

use super::browser::{App, Browser, NOW};
use super::vectors::{document, text};

const COOKIE: &str = "_myapp_session";

fn secret() -> String {
    "a".repeat(128)
}

fn encrypted(digest: RailsDigest) -> RailsCookieBuilder {
    RailsCookie::encrypted(secret()).digest(digest)
}

fn lifetimes() -> Lifetimes {
    Lifetimes::default().idle_timeout(None).absolute_timeout(None)
}

fn digest_of(vector: &Value) -> RailsDigest {
    if vector["pbkdf2_digest"] == "SHA1" { RailsDigest::Sha1 } else { RailsDigest::Sha256 }
}

fn open(format: &RailsCookie, name: &str, value: &str) -> Result<Record, Rejected> {
    format.open(IncomingCookie::new(name, value).at(NOW), &lifetimes())
}

/// Returns random bytes that begin with the vectors' nonce.
fn random() -> [u8; 64] {
    std::array::from_fn(|index| u8::try_from(index + 1).unwrap())
}

#[test]
fn encrypted_cookies_of_rails_are_read_and_written_byte_for_byte() {
    let (mut read, mut written) = (0, 0);
    for vector in document("rails_cookies")["vectors"].as_array().unwrap() {
        let name = text(vector, "name");
        if !name.starts_with("gcm") {
            continue;
        }
        let format = encrypted(digest_of(vector)).build().unwrap();
        for spelling in ["cookie_value_unescaped", "cookie_value_percent_escaped"] {
            let record = open(&format, COOKIE, text(vector, spelling)).unwrap_or_else(|why| panic!("{name}: {why}"));
            assert_eq!(record.get("user_id").unwrap().as_str(), "42", "{name}");
            assert_eq!(record.csrf().unwrap().expose(), "x".repeat(43), "{name}");
            assert_eq!(record.entries().len(), 1, "{name}: the id of the session is Rails' own");
        }
        read += 1;
        let wrong = open(&format, "_other_session", text(vector, "cookie_value_unescaped")).map(|_| ());
        let expected = if name.ends_with("no_metadata") { Ok(()) } else { Err(Rejected::WrongPurpose) };
        assert_eq!(wrong, expected, "{name}");

        // Sealed again without the `_cloakroom` member, the text is identical.
        let record = open(&format, COOKIE, text(vector, "cookie_value_unescaped")).unwrap();
        let bare = name.ends_with("no_metadata");
        let format = if bare { encrypted(digest_of(vector)).without_metadata().build().unwrap() } else { format };
        let sealed = format.seal(&record, SealContext::new(COOKIE, NOW, &lifetimes(), &random())).unwrap();
        let plain = decrypted(vector, &sealed.value);
        let session = if bare { plain } else { session_in(&plain) };
        let ends = if name.ends_with("expires") { ",\"ends\":4102444800000" } else { "" };
        let ours = format!(",\"_cloakroom\":{{\"created\":{}{ends}}}", NOW.unix_millis());
        assert_eq!(session.replace(&ours, ""), text(vector, "session_json"), "{name}");
        written += 1;
    }
    println!("rails encrypted: {read} cookies read, {written} written");
    assert_eq!((read, written), (6, 6));
}

/// Decrypts a cookie with an independent implementation.
fn decrypted(vector: &Value, value: &str) -> String {
    use aes_gcm::aead::{Aead as _, KeyInit as _};
    let value = value.replace("%2B", "+").replace("%2F", "/").replace("%3D", "=");
    let parts: Vec<Vec<u8>> = value.split("--").map(|part| STANDARD.decode(part).unwrap()).collect();
    let hex = text(vector, "key_hex");
    let key: Vec<u8> = (0..32).map(|at| u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).unwrap()).collect();
    let cipher = aes_gcm::Aes256Gcm::new_from_slice(&key).unwrap();
    let nonce: [u8; 12] = parts[1].clone().try_into().unwrap();
    let sealed = [parts[0].clone(), parts[2].clone()].concat();
    String::from_utf8(cipher.decrypt(&nonce.into(), sealed.as_slice()).unwrap()).unwrap()
}

fn session_in(envelope: &str) -> String {
    let envelope: Value = serde_json::from_str(envelope).unwrap();
    assert_eq!(envelope["_rails"]["pur"], json!(format!("cookie.{COOKIE}")));
    let message = STANDARD.decode(envelope["_rails"]["message"].as_str().unwrap()).unwrap();
    String::from_utf8(message).unwrap()
}

#[test]
fn the_expiry_in_the_envelope_applies() {
    let vectors = document("rails_cookies");
    let vector =
        vectors["vectors"].as_array().unwrap().iter().find(|it| it["name"] == "gcm_sha1_purpose_expires").unwrap();
    let sessions = BridgedCookies::new(encrypted(RailsDigest::Sha1).build().unwrap()).build().unwrap();
    let end = Timestamp::from_unix_secs(4_102_444_800);
    let cookie = IncomingCookie::new(COOKIE, text(vector, "cookie_value_unescaped"));
    for (after, expected) in [(0, Ok(())), (1, Err(Rejected::Expired(Deadline::Absolute)))] {
        let opened = sessions.open_value(cookie, end + Duration::from_millis(after));
        assert_eq!(opened.map(|_| ()), expected, "{after} ms after its end");
    }
}

#[tokio::test]
async fn expire_after_is_an_idle_timeout() {
    let format = encrypted(RailsDigest::Sha256).expire_after(Duration::from_secs(600)).build().unwrap();
    let app = App::new(BridgedCookies::new(format).build().unwrap());
    let mut browser = Browser::default();
    browser.visit(&app, |session| session.insert("a", 1).unwrap()).await;
    for (after, found, sent) in [(0, true, 0), (2, true, 1), (600, true, 1), (601, false, 0)] {
        app.clock.advance(Duration::from_secs(after));
        let (value, cookies) = browser.visit(&app, |session| session.get::<u8>("a").unwrap()).await;
        assert_eq!((value.is_some(), cookies), (found, sent), "{after} s later");
    }
}

#[test]
fn refused_cookies_have_a_reason() {
    let vectors = document("rails_cookies");
    let find =
        |name: &str| vectors["vectors"].as_array().unwrap().iter().find(|it| it["name"] == name).unwrap().clone();
    let (sha1, sha256) = (find("gcm_sha1_with_purpose"), find("gcm_sha256_with_purpose"));
    let good = text(&sha256, "cookie_value_unescaped");
    let [content, nonce, tag] = good.split("--").collect::<Vec<_>>().try_into().unwrap();
    let cbc = find("cbc_hmac_legacy");
    let rows = [
        ("keys derived with the other hash", text(&sha1, "cookie_value_unescaped").to_owned(), Rejected::Forged),
        ("Rails before 5.2", text(&cbc, "cookie_value_unescaped").to_owned(), Rejected::UnknownFormat),
        (
            "a short tag",
            format!("{content}--{nonce}--{}", STANDARD.encode([0x5b, 0xb1, 0x28, 0xe9])),
            Rejected::Malformed,
        ),
        ("no tag", format!("{content}--{nonce}"), Rejected::Malformed),
        ("a fourth part", format!("{good}--AAAA"), Rejected::Malformed),
        ("a changed nonce", format!("{content}--AQIDBAUGBwgJCgsN--{tag}"), Rejected::Forged),
        ("cut", good[1..].to_owned(), Rejected::Malformed),
        ("an escape that makes no sense", format!("{good}%"), Rejected::Malformed),
        ("empty", String::new(), Rejected::Malformed),
    ];
    let format = encrypted(RailsDigest::Sha256).build().unwrap();
    for (row, value, expected) in rows {
        assert_eq!(open(&format, COOKIE, &value).map(|_| ()), Err(expected), "{row}");
    }
    // On request, cookies sealed with keys of the other hash are read.
    let both = encrypted(RailsDigest::Sha256).also_read(secret(), RailsDigest::Sha1).build().unwrap();
    assert!(open(&both, COOKIE, text(&sha1, "cookie_value_unescaped")).is_ok());
    assert!(RailsCookie::encrypted("").build().is_err());
}

/// Signs a text like Rails, with the key in the vectors.
fn signed(content: &[u8]) -> String {
    use hmac::{KeyInit as _, Mac as _};
    let mut key = [0; 64];
    pbkdf2::pbkdf2_hmac::<sha2::Sha256>(secret().as_bytes(), b"signed cookie", 1000, &mut key);
    let content = STANDARD.encode(content);
    let mut mac = hmac::Hmac::<sha1::Sha1>::new_from_slice(&key).unwrap();
    mac.update(content.as_bytes());
    let tag: String = mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{content}--{tag}")
}

#[test]
fn signed_cookies_hold_the_same() {
    let format = RailsCookie::signed(secret()).digest(RailsDigest::Sha256).build().unwrap();
    let vectors = document("rails_cookies");
    let vector = vectors["vectors"].as_array().unwrap().iter().find(|it| it["name"] == "signed_cookie_jar").unwrap();
    // The content is a number: the seal is valid, but it isn't a session.
    let value = text(vector, "cookie_value_unescaped");
    assert_eq!(open(&format, "user", value).map(|_| ()), Err(Rejected::Corrupt));
    assert_eq!(open(&format, "other", value).map(|_| ()), Err(Rejected::WrongPurpose));
    assert_eq!(open(&format, "user", &value.replace("--7", "--8")).map(|_| ()), Err(Rejected::Forged));

    let message = STANDARD.encode(r#"{"user_id":42}"#);
    let envelope = format!(r#"{{"_rails":{{"message":"{message}","exp":null,"pur":"cookie.s"}}}}"#);
    let record = open(&format, "s", &signed(envelope.as_bytes())).unwrap();
    assert_eq!(record.get("user_id").unwrap().as_str(), "42");
    let sealed = format.seal(&record, SealContext::new("s", NOW, &lifetimes(), &random())).unwrap();
    assert!(open(&format, "s", &sealed.value).is_ok());
    for (row, content, expected) in [
        ("a session of Ruby's Marshal", &b"\x04\x08{\x06I\"\x06a\x06:\x06ETi\x06"[..], Rejected::UnsafeSerializer),
        ("not JSON", b"{", Rejected::Corrupt),
        ("a list", b"[]", Rejected::Corrupt),
        ("an envelope without a message", br#"{"_rails":{"exp":null,"pur":null}}"#, Rejected::Corrupt),
        ("an invalid expiry", br#"{"_rails":{"message":"e30=","exp":"soon","pur":null}}"#, Rejected::Corrupt),
    ] {
        assert_eq!(open(&format, "s", &signed(content)).map(|_| ()), Err(expected), "{row}");
    }
}

#[tokio::test]
async fn messages_and_tokens_have_the_keys_of_rails() {
    let format = RailsCookie::signed(secret()).digest(RailsDigest::Sha256).build().unwrap();
    let app = App::new(BridgedCookies::new(format).build().unwrap());
    let written = |browser: &Browser| {
        let value = browser.jar["_session"].replace("%2B", "+").replace("%2F", "/").replace("%3D", "=");
        let envelope = STANDARD.decode(value.split("--").next().unwrap()).unwrap();
        let envelope: Value = serde_json::from_slice(&envelope).unwrap();
        let message = STANDARD.decode(envelope["_rails"]["message"].as_str().unwrap()).unwrap();
        serde_json::from_slice::<Value>(&message).unwrap()
    };
    let mut browser = Browser::default();
    browser
        .visit(&app, |session| {
            session.flash("a");
            session.flash_queue("alert").push("b");
            session.flash_queue("alert").push("c");
        })
        .await;
    let session = written(&browser);
    assert_eq!(session["flash"], json!({"discard": [], "flashes": {"notice": "a", "alert": ["b", "c"]}}));
    assert_eq!(session["session_id"].as_str().map(str::len), Some(32));
    assert_eq!(STANDARD.decode(session["_csrf_token"].as_str().unwrap()).unwrap().len(), 32);

    let session = json!({"session_id": "i", "flash": {"discard": ["old"], "flashes": {"old": "x", "notice": "y"}}});
    let mut browser = Browser::with("_session", &signed(session.to_string().as_bytes()));
    let (found, _) = browser
        .visit(&app, |session| {
            (session.pop_flash::<Value>(), session.flash_queue("old").pop::<Value>(), session.keys())
        })
        .await;
    assert_eq!(found, (vec![json!("y")], vec![], vec![]), "messages shown by Rails are not shown again");
    assert_eq!(written(&browser)["session_id"], json!("i"), "its id is kept");
}
