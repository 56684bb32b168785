//! Pyramid's signed cookies: cookies made by Pyramid 2.1 are read, and written unchanged.

use std::time::Duration;

use cloakroom_bridge::{BridgedCookies, CookieFormat as _, IncomingCookie, PyramidCookie, SealContext, Secret};
use cloakroom_session::factory::{
    CookieHeader, Duplicates, FlashId, Json, Record, Rejected, SessionFactory as _, SessionState, begin_commit,
};
use cloakroom_session::{CookieConfig, Lifetimes, Timestamp};
use serde_json::{Map, Value};

use super::browser::{App, Browser, NOW};
use super::vectors::{text, vectors};

/// Returns the format that a vector was made with.
fn format(vector: &Value) -> PyramidCookie {
    let args = &vector["factory_args"];
    let secret = args["secret"].as_str().unwrap_or("itsaseekreet");
    let bytes = secret.strip_prefix("b'").and_then(|it| it.strip_suffix('\''));
    let mut builder = PyramidCookie::new(bytes.map_or_else(|| Secret::from(secret), |it| Secret::from(it.as_bytes())));
    if let Some(salt) = args.get("salt") {
        builder = builder.salt(salt.as_str().unwrap_or_default());
    }
    if let Some(name) = args["hashalg"].as_str() {
        builder = builder.hash_algorithm(name.parse().expect("a hash of Pyramid's"));
    }
    builder.build().expect("a valid configuration")
}

fn lifetimes(vector: &Value) -> Lifetimes {
    let args = &vector["factory_args"];
    let seconds = |key: &str, default: u64| match args.get(key) {
        None => Some(default),
        // Pyramid also accepts text.
        Some(value) => value.as_u64().or_else(|| value.as_str()?.parse().ok()),
    };
    let defaults = Lifetimes::default().absolute_timeout(None);
    let timeouts = defaults.idle_timeout(seconds("timeout", 1200).map(Duration::from_secs));
    timeouts.touch_after(seconds("reissue_time", 0).map(Duration::from_secs))
}

fn at(vector: &Value, key: &str) -> Timestamp {
    let seconds = vector[key].as_f64().unwrap_or(1_700_000_000.5);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a time of our days")]
    Timestamp::from_unix_millis((seconds * 1000.0).round() as u64)
}

/// Returns the record as Pyramid's dictionary.
fn state(record: &Record) -> Value {
    let parse = |json: &Json| serde_json::from_str::<Value>(json.as_str()).unwrap_or(Value::Null);
    let mut state: Map<String, Value> = record.entries().map(|(key, value)| (key.to_owned(), parse(&value))).collect();
    for (queue, bodies) in record.flashes() {
        state.insert(format!("_f_{queue}"), bodies.into_iter().map(parse).collect());
    }
    if let Some(token) = record.csrf() {
        state.insert("_csrft_".to_owned(), token.expose().into());
    }
    Value::Object(state)
}

/// Vectors that open differently here than in Pyramid, with the reason.
const READ_OTHERWISE: &[(&str, &str)] = &[
    ("padded_ok", "base64 has one spelling here"),
    ("std_alphabet_ok", "base64 has one spelling here"),
    ("junk_chars_ignored", "base64 has one spelling here"),
    ("dup_cookie_last_wins2", "the last one that opens counts, so that garbage doesn't hide a session"),
    ("odd_state_pairs", "the state is an object"),
    ("odd_nan", "a session dated NaN would never end"),
    ("odd_inf", "a session dated infinity would never end"),
    ("odd_future", "a session dated in the future is refused"),
];

/// Vectors whose state is the one after an operation, not the cookie's content.
const AFTERWARDS: &[&str] = &["existing_invalidate", "existing_invalidate_then_set", "existing_ior"];

#[tokio::test]
async fn cookies_made_by_pyramid_open() {
    let (mut read, mut otherwise) = (0, Vec::new());
    for vector in vectors("pyramid_signed_cookie") {
        let Some(header) = vector["request_cookie_header"].as_str() else { continue };
        let name = text(&vector, "name");
        if AFTERWARDS.contains(&name) {
            continue;
        }
        let cookies = BridgedCookies::new(format(&vector)).cookie(CookieConfig::default().name("session"));
        let sessions = cookies.lifetimes(lifetimes(&vector)).build().expect("a valid configuration");
        let now = at(&vector, "time_at_access");
        let session = sessions.open(CookieHeader::new([header.as_bytes()]), now).await.expect("it answers");
        // A crash in Pyramid is an absent session here.
        let expected = vector["session_attrs"]["state"].as_object().cloned().unwrap_or_default();
        read += 1;
        if state(session.record()) != Value::Object(expected) {
            otherwise.push(name.to_owned());
        }
    }
    println!("pyramid: {read} cookies read, {} otherwise than Pyramid does: {otherwise:?}", otherwise.len());
    let known: Vec<&str> = READ_OTHERWISE.iter().map(|(name, _)| *name).collect();
    assert_eq!(otherwise, known, "differences are listed, with reasons");
    assert!(read > 40, "{read} vectors");
}

#[test]
fn cookies_made_by_pyramid_are_written_unchanged() {
    let mut written = 0;
    for vector in vectors("pyramid_signed_cookie") {
        let (Some(value), Some(payload)) = (vector["cookie_value"].as_str(), vector["payload"].as_str()) else {
            continue;
        };
        let (name, format, lifetimes) = (text(&vector, "name"), format(&vector), lifetimes(&vector));
        let record = format
            .open(IncomingCookie::new("session", value), &lifetimes)
            .unwrap_or_else(|why| panic!("{name}: {why}"));
        let sealing = SealContext::new("session", record.times().touched, &lifetimes, &[7; 64]);
        let sealed = format.seal(&record, sealing).expect("it can be written");
        if payload.split(',').next().is_some_and(|accessed| accessed.contains('.')) {
            // `changed()` alone: Pyramid writes a fraction, which this side doesn't.
            assert_ne!(sealed.value, value, "{name}");
            continue;
        }
        assert_eq!(sealed.value, value, "{name}");
        written += 1;
    }
    println!("pyramid: {written} cookies written, byte for byte as Pyramid does");
    assert!(written > 30, "{written} vectors");
}

#[test]
fn pickles_are_recognized_and_never_read() {
    let format = PyramidCookie::new("itsaseekreet").build().expect("a valid configuration");
    for vector in vectors("pyramid110_legacy") {
        let opened = format.open(IncomingCookie::new("session", text(&vector, "cookie_value")), &Lifetimes::default());
        assert_eq!(opened.map(|_| ()), Err(Rejected::UnsafeSerializer), "{}", vector["name"]);
    }
}

#[test]
fn foreign_cookies_are_refused_with_a_reason() {
    let vector = &vectors("pyramid_signed_cookie")[0];
    let value = text(vector, "cookie_value");
    let format = |secret: &str| PyramidCookie::new(secret);
    let good = format("itsaseekreet");
    let changed = format!("{}X{}", &value[..90], &value[91..]);
    for (name, builder, value, expected) in [
        ("another secret", format("another"), value, Rejected::Forged),
        ("another salt", good.clone().salt("other."), value, Rejected::Forged),
        ("another hash", good.clone().hash_algorithm("sha256".parse().unwrap()), value, Rejected::Forged),
        ("changed", good.clone(), changed.as_str(), Rejected::Forged),
        ("cut", good.clone(), &value[..value.len() - 4], Rejected::Forged),
        ("cut to less than a digest", good.clone(), &value[..40], Rejected::Malformed),
        ("empty", good.clone(), "", Rejected::Malformed),
        ("not base64", good, "?", Rejected::Malformed),
    ] {
        let opened = builder.build().unwrap().open(IncomingCookie::new("session", value), &Lifetimes::default());
        assert_eq!(opened.map(|_| ()), Err(expected), "{name}");
    }
}

fn app() -> App {
    let format = PyramidCookie::new("itsaseekreet").build().unwrap();
    App::new(BridgedCookies::new(format).build().unwrap())
}

#[tokio::test]
async fn timeout_and_reissue_are_pyramids() {
    let value = text(&vectors("pyramid_signed_cookie")[0], "cookie_value").to_owned();
    for (name, after, opens, cookies) in [
        ("the same second", 999, true, 0),
        ("a second later", 1000, true, 1),
        ("at the timeout", 1_200_000, true, 1),
        ("a moment after it", 1_200_001, false, 0),
    ] {
        let (app, mut browser) = (app(), Browser::with("session", &value));
        app.clock.advance(Duration::from_millis(after));
        let (found, sent) = browser.visit(&app, |session| session.get::<String>("abc").unwrap()).await;
        assert_eq!((found.is_some(), sent), (opens, cookies), "{name}");
    }
}

#[tokio::test]
async fn a_read_renews_the_cookie_only_after_the_reissue_time() {
    let value = text(&vectors("pyramid_signed_cookie")[0], "cookie_value").to_owned();
    let after = |seconds| Some(Duration::from_secs(seconds));
    for (name, reissue, age, cookies) in [
        ("at the reissue time", after(120), 120_000, 0),
        // Pyramid compares whole seconds.
        ("in the same second", after(120), 120_999, 0),
        ("a second later", after(120), 121_000, 1),
        ("never", None, 1_199_000, 0),
    ] {
        let format = PyramidCookie::new("itsaseekreet").build().unwrap();
        let timeouts = format.lifetimes().touch_after(reissue);
        let app = App::new(BridgedCookies::new(format).lifetimes(timeouts).build().unwrap());
        app.clock.advance(Duration::from_millis(age));
        let mut browser = Browser::with("session", &value);
        let (found, sent) = browser.visit(&app, |session| session.get::<String>("abc").unwrap()).await;
        assert_eq!((found.as_deref(), sent), (Some("123"), cookies), "{name}");
        let (_, sent) = browser.visit(&app, |session| session.insert("a", 1).unwrap()).await;
        assert_eq!(sent, 1, "{name}: a write always does");
    }
}

/// Returns the state after a request that only adds a flash message.
async fn touched(state: &str) -> String {
    let format = PyramidCookie::new("itsaseekreet").build().unwrap();
    let lifetimes = Lifetimes::default();
    let random = [7; 64];
    let sealing = SealContext::new("session", NOW, &lifetimes, &random);
    // A cookie with an arbitrary payload, signed like Pyramid.
    let payload = format!("[1700000000, 1700000000.123456, {state}]");
    let value = sign(&payload);
    let record = format.open(IncomingCookie::new("session", &value), &lifetimes).unwrap();
    let mut session = SessionState::loaded(cloakroom_session::factory::fresh_id().unwrap(), record, NOW, lifetimes);
    session.flash("q", &"hi", FlashId::from_random(7), Duplicates::Allow).unwrap();
    let record = begin_commit(session, NOW).unwrap().record();
    let sealed = format.seal(&record, sealing).unwrap();
    let bytes = base64_decode(&sealed.value);
    String::from_utf8(bytes[64..].to_vec()).unwrap()
}

fn sign(payload: &str) -> String {
    use base64::Engine as _;
    use hmac::{KeyInit as _, Mac as _};
    let mut mac = hmac::Hmac::<sha2::Sha512>::new_from_slice(b"pyramid.session.itsaseekreet").unwrap();
    mac.update(payload.as_bytes());
    let bytes = [mac.finalize().into_bytes().as_slice(), payload.as_bytes()].concat();
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes)
}

fn base64_decode(text: &str) -> Vec<u8> {
    use base64::Engine as _;
    base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(text).unwrap()
}

#[tokio::test]
async fn untouched_members_are_written_byte_for_byte() {
    for (name, state) in [
        ("a number beyond 64 bits", r#""n": 123456789012345678901234567890"#),
        ("not a number", r#""n": [NaN, Infinity, -Infinity]"#),
        ("half of a surrogate pair", r#""n": "\ud800""#),
        ("half of one in a key", r#""\udfff": 1"#),
        ("escapes", r#""h\u00e9": "\u2603\u007f", "s": "a\/b""#),
        ("floats as Python has them", r#""e": 1e+100, "f": 1.0, "z": -0.0"#),
        ("space where others have none", r#""a": { "b":1 ,  "c" : [ ] }"#),
        ("a flash queue", r#""_f_": ["a",  "b"]"#),
        ("a flash queue that isn't one", r#""_f_x": "text""#),
        ("a token that isn't one", r#""_csrft_": 5"#),
        ("a token between values", r#""a": 1, "_csrft_": "t", "b": 2"#),
    ] {
        let written = touched(&format!("{{{state}}}")).await;
        assert_eq!(written, format!("[1700000000, 1700000000.123456, {{{state}, \"_f_q\": [\"hi\"]}}]"), "{name}");
    }
}

#[cfg(feature = "pyramid-nacl")]
#[test]
fn encrypted_cookies_are_read_and_written() {
    use cloakroom_bridge::PyramidNaclCookie;

    let document = super::vectors::document("pyramid_nacl");
    let key: Vec<u8> = (0..32).collect();
    assert_eq!(text(&document, "key_hex"), key.iter().map(|byte| format!("{byte:02x}")).collect::<String>());
    let format = PyramidNaclCookie::new(key).unwrap();
    let lifetimes = Lifetimes::default();
    let [json, pickle] = vectors("pyramid_nacl").try_into().unwrap();
    let value = text(&json, "cookie_value");
    let record = format.open(IncomingCookie::new("session", value), &lifetimes).unwrap();
    assert_eq!(record.get("abc").as_ref().map(Json::as_str), Some("\"123\""));
    // The nonce of the vector is 0, 1, 2, …
    let mut random = [0; 64];
    random.iter_mut().zip(0..).for_each(|(slot, byte)| *slot = byte);
    let sealed = format.seal(&record, SealContext::new("session", NOW, &lifetimes, &random)).unwrap();
    assert_eq!(sealed.value, value, "byte for byte");
    let opened = format.open(IncomingCookie::new("session", text(&pickle, "cookie_value")), &lifetimes);
    assert_eq!(opened.map(|_| ()), Err(Rejected::UnsafeSerializer));
    for (name, value, expected) in [
        ("changed", value.replacen("AAEC", "AAED", 1), Rejected::Forged),
        ("cut", value[..60].to_owned(), Rejected::Forged),
        ("cut in the nonce", value[..20].to_owned(), Rejected::Malformed),
    ] {
        let opened = format.open(IncomingCookie::new("session", &value), &lifetimes);
        assert_eq!(opened.map(|_| ()), Err(expected), "{name}");
    }
}
