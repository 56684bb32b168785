//! Cookies made by the frameworks themselves.

use std::time::Duration;

use clap::ValueEnum as _;
use cloakroom::Timestamp;
use cloakroom::factory::CookieOrder;
use serde_json::Value;

use super::framework::Reader;
use super::{Framework, Other, shape};
use crate::describe::Values;
use crate::inspect::cookie::Cookie;
use crate::inspect::{Question, ask, counting};

/// A second after they were made.
const NOW: Timestamp = Timestamp::from_unix_secs(1_700_000_001);

const FLASK: &str = "eyJ1c2VyX2lkIjo0MiwibmFtZSI6ImZyZWQifQ.ZVPxAA.Ym1EthXqlO9YbR6DjR-FsQoZkRc";
const STARLETTE: &str = "eyJ1c2VyX2lkIjogNDIsICJuYW1lIjogImZyZWQifQ==.ZVPxAA.IFLq0aqR_vQoy951ForC-0cpKEI";
const DJANGO: &str = "eyJ1c2VyX2lkIjo0MiwibmFtZSI6ImZyZWQifQ:1r31eq:L2SYbXLviRo2p28V7tnioZtNTNfesZmeic9BAUDXWK4";
const PYRAMID: &str = "TAekuzFl-k8K2s01oJeTOlTfXtoQuVyx2eL-l_Vg-SRldewTGmp8Gu04etw0dYU4BkHWjyyu9F4wa-wvpC5yHlsxNzAwMDAwMDAwLCAxNzAwMDAwMDAwLjI1LCB7ImFiYyI6ICIxMjMifV0";
const NACL: &str =
    "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXHHhFtrFViKrWUkRDwOZOngXOD3_3-pIgiwy_Eki-fadilXbvvBUPwSWXS7Qu5cCD4PnP9WeBxzGb8L0";
const BEAKER: &str = "dbab2e8cbe00f75d578d7e9be5120f6a12deb0e8eJxtjEkKhTAQRK8ivf44xPF7mdCmWwxolCSuxLtrgyuxVvWKRx2gaV3QOugTt8/zLwG9YZxuhAyELEnPC1VWddN2fxwM8fhmUffAXtzRMwnLZ6Xkw3jGaFeno134Xos2f5KqWgQ0hkNg+hTOC93hLTQ=";
const PICKLE: &str = "add74ecd2c057c0c1b13d35d19212819777e9413gAJ9cQAoWAcAAABfZG9tYWlucQFOWAUAAABfcGF0aHECWAEAAAAvcQNYAwAAAF9pZHEEWCAAAAAwMTIzNDU2Nzg5YWJjZGVmMDEyMzQ1Njc4OWFiY2RlZnEFWAQAAAB1c2VycQZYBAAAAGZyZWRxB1gBAAAAbnEISypYDgAAAF9jcmVhdGlvbl90aW1lcQlHQdlU/EAQAABYDgAAAF9hY2Nlc3NlZF90aW1lcQpHQdlU/EAQAAB1Lg==";

const KEY: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

/// Vectors made by the frameworks, also used in the tests of the bridges.
fn vectors(file: &str) -> Value {
    let path = format!("{}/../cloakroom-bridge/tests/vectors/{file}.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// Returns a text in one of the vectors.
fn text<'a>(vectors: &'a Value, list: &str, name: &str, member: &str) -> &'a str {
    let found = vectors[list].as_array().unwrap().iter().find(|it| it["name"] == name).unwrap();
    found[member].as_str().unwrap()
}

fn reported(cookie: &Cookie, other: Option<&Other>, now: Timestamp) -> (Value, String) {
    let report = ask(&Question { cookie, keyring: None, other, values: Values::Shown, now }).unwrap();
    (report.document(cookie), report.text(cookie, Values::Shown))
}

fn of(framework: Framework, secret: &str, salt: Option<&str>) -> Option<Other> {
    Some(Other { framework, secret: Some(secret.to_owned()), encrypt_key: None, salt: salt.map(str::to_owned) })
}

fn asked(framework: Option<Framework>, secret: Option<&str>, value: &str, now: Timestamp) -> (Value, String) {
    let cookie = Cookie::new(framework.map_or("session", Framework::cookie_name), value);
    let other = framework.map(|framework| Other {
        framework,
        secret: secret.map(str::to_owned),
        encrypt_key: None,
        salt: None,
    });
    reported(&cookie, other.as_ref(), now)
}

#[test]
fn cookies_open_only_with_their_secret() {
    for (framework, secret, value, key, content) in [
        (Framework::Flask, "dev-secret-key", FLASK, "name", "fred"),
        (Framework::Django, "django-insecure-test-key", DJANGO, "name", "fred"),
        (Framework::Starlette, "dev-secret-key", STARLETTE, "name", "fred"),
        (Framework::Pyramid, "itsaseekreet", PYRAMID, "abc", "123"),
        (Framework::PyramidNacl, KEY, NACL, "abc", "123"),
        (Framework::Beaker, "validate-key-abcdef", BEAKER, "user", "fred"),
    ] {
        let (document, text) = asked(Some(framework), Some(secret), value, NOW);
        assert_eq!(document["answer"]["verdict"], "opens", "{framework:?}: {text}");
        assert_eq!(document["facts"]["values"][key], content, "{framework:?}: {text}");
        assert!(!text.contains(secret), "{framework:?}: {text}");

        let other = if framework == Framework::PyramidNacl { KEY.replace('0', "1") } else { "another".to_owned() };
        let (document, text) = asked(Some(framework), Some(&other), value, NOW);
        assert_eq!(document["answer"]["verdict"], "refused", "{framework:?}: {text}");
        assert!(!text.contains(content), "{framework:?}: {text}");

        let (document, _) = asked(Some(framework), None, value, NOW);
        assert_eq!(document["answer"]["verdict"], "unchecked", "{framework:?}");
    }
}

#[test]
fn rows_of_django_open() {
    let vectors = vectors("django_session");
    for name in ["db_basic", "db_unicode", "db_long"] {
        let value = text(&vectors, "vectors", name, "value");
        let (document, text) = asked(Some(Framework::Django), Some("django-insecure-test-key"), value, NOW);
        assert_eq!(document["answer"]["verdict"], "opens", "{name}: {text}");
        assert_eq!(document["facts"]["algorithm"], "HMAC-SHA256, of the table", "{name}: {text}");
        let (document, _) = asked(Some(Framework::Django), Some("another"), value, NOW);
        assert_eq!(document["answer"]["reason"], "forged", "{name}");
    }
}

/// The secret is the key, in one of three spellings.
#[test]
fn cookies_of_libraries_in_rust_open() {
    let vectors = vectors("rust");
    let key = vectors["key"].as_str().unwrap();
    let hex: String = key.bytes().map(|byte| format!("{byte:02x}")).collect();
    let base64 = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, key);
    let session = vectors["actix_session"].as_array().unwrap().iter().find(|it| it["name"] == "a user").unwrap();
    for kind in ["signed", "private"] {
        let id = vectors["tower_sessions"]["cookies"][kind].as_str().unwrap().strip_prefix("id=").unwrap();
        let actix = session[kind].as_str().unwrap().strip_prefix("id=").unwrap().split(';').next().unwrap();
        for secret in [key, &hex, &base64] {
            let (document, text) = asked(Some(Framework::TowerSessions), Some(secret), id, NOW);
            assert_eq!(document["facts"]["id"], vectors["tower_sessions"]["cookies"]["id"], "{kind}: {text}");
            let (document, text) = asked(Some(Framework::ActixSession), Some(secret), actix, NOW);
            assert_eq!(document["answer"]["verdict"], "opens", "{kind}: {text}");
            assert_eq!(document["facts"]["values"]["user"], "ann", "{kind}: {text}");
        }
        let another = "x".repeat(64);
        for (framework, value) in [(Framework::TowerSessions, id), (Framework::ActixSession, actix)] {
            let (document, text) = asked(Some(framework), Some(&another), value, NOW);
            assert_eq!(document["answer"]["verdict"], "refused", "{kind}: {text}");
            assert!(!text.contains("ann"), "{kind}: {text}");
        }
    }
}

#[test]
fn pickles_and_expired_cookies_are_refused() {
    let (document, _) = asked(Some(Framework::Beaker), Some("validate-key-abcdef"), PICKLE, NOW);
    assert_eq!(document["answer"]["reason"], "unsafe-serializer", "{document}");
    let (document, _) =
        asked(Some(Framework::Pyramid), Some("itsaseekreet"), PYRAMID, NOW + Duration::from_secs(86_400));
    assert_eq!(document["answer"]["reason"], "expired-idle", "{document}");
}

#[test]
fn beaker_encrypts_in_several_ways() {
    let vectors = vectors("beaker");
    let cookie = |name: &str| text(&vectors, "vectors", name, "cookie_value").to_owned();
    let (gcm, ctr) = (cookie("cookie_json_aesgcm"), cookie("cookie_json_aesctr"));
    let (short, pickle) = (cookie("cookie_json_aesctr_48"), cookie("cookie_pickle_aesctr"));
    let right = Some("encrypt-key-0123456789");
    for (row, value, secret, encrypt_key, verdict, says) in [
        ("cryptography", &gcm, "validate-key-abcdef", right, "opens", "HMAC-SHA1, AES-256-GCM"),
        ("pycryptodome", &ctr, "validate-key-abcdef", right, "opens", "HMAC-SHA1, AES-256-CTR"),
        ("Beaker 1.7", &short, "validate-key-abcdef", right, "opens", "HMAC-SHA1, AES-256-CTR"),
        ("a pickle", &pickle, "validate-key-abcdef", right, "unsafe-serializer", "AES-256-CTR"),
        ("no key to decrypt it", &gcm, "validate-key-abcdef", None, "corrupt", "--encrypt-key-file"),
        ("another", &gcm, "validate-key-abcdef", Some("of nobody"), "corrupt", "another encrypt_key"),
        ("another validate_key", &gcm, "of nobody", right, "forged", "seal is broken"),
    ] {
        let cookie = Cookie::new("beaker.session.id", value);
        let other =
            Other { encrypt_key: encrypt_key.map(str::to_owned), ..of(Framework::Beaker, secret, None).unwrap() };
        let (document, text) = reported(&cookie, Some(&other), NOW);
        let answer = &document["answer"];
        let said = if answer["verdict"] == "refused" { &answer["reason"] } else { &answer["verdict"] };
        assert_eq!(said, verdict, "{row}: {text}");
        assert!(text.contains(says), "{row}: {text}");
        assert_eq!(text.contains("fred"), verdict == "opens", "{row}: {text}");
        assert!(!text.contains("encrypt-key-0123456789"), "{row}: {text}");
    }
}

#[test]
fn rails() {
    let vectors = vectors("rails_cookies");
    let secret = vectors["secret_key_base"].as_str().unwrap();
    let cookie = |name: &str| text(&vectors, "vectors", name, "cookie_value_unescaped").to_owned();
    let (new, old) = (cookie("gcm_sha256_with_purpose"), cookie("gcm_sha1_no_metadata"));
    let escaped = text(&vectors, "vectors", "gcm_sha256_with_purpose", "cookie_value_percent_escaped").to_owned();
    let (ends, cbc, jar) = (cookie("gcm_sha1_purpose_expires"), cookie("cbc_hmac_legacy"), cookie("signed_cookie_jar"));
    let (changed, cut) = (new.replacen("NE", "NF", 1), new[..new.len() - 8].to_owned());
    let end = Timestamp::from_unix_secs(4_102_444_801);
    let (shop, sha1, sha256) = ("_myapp_session", "key derived with SHA-1", "key derived with SHA-256");
    for (row, name, value, secret, now, verdict, says) in [
        ("Rails 7", shop, &new, secret, NOW, "opens", sha256),
        ("percent-encoded, as in a browser", shop, &escaped, secret, NOW, "opens", sha256),
        ("Rails 5", shop, &old, secret, NOW, "opens", sha1),
        ("with an end", shop, &ends, secret, NOW, "opens", "2100-01-01T00:00:00Z"),
        ("too old", shop, &ends, secret, end, "expired-absolute", sha1),
        ("another secret", shop, &new, "of nobody", NOW, "forged", "secret_key_base"),
        ("changed", shop, &changed, secret, NOW, "forged", "SHA-256 (Rails 7.0 and newer) and SHA-1"),
        ("cut short", shop, &cut, secret, NOW, "malformed", "cut short"),
        ("another name", "_session", &new, secret, NOW, "wrong-purpose", "--name"),
        ("before 5.2", shop, &cbc, secret, NOW, "unknown-format", "Rails before 5.2"),
        ("before 5.2, another secret", shop, &cbc, "of nobody", NOW, "forged", "a signed cookie of Rails"),
        ("signed, but a number", "user", &jar, secret, NOW, "corrupt", "HMAC-SHA1, the key derived with SHA-"),
    ] {
        let (document, text) = reported(&Cookie::new(name, value), of(Framework::Rails, secret, None).as_ref(), now);
        let answer = &document["answer"];
        assert!(answer["verdict"] == verdict || answer["reason"] == verdict, "{row}: {text}");
        assert!(text.contains(says), "{row}: {text}");
        assert_eq!(text.contains("user_id: 42"), verdict == "opens" || row == "too old", "{row}: {text}");
        assert_eq!(document["facts"]["has_csrf_token"] == true, text.contains("user_id"), "{row}: {text}");
        assert!(!text.contains(&"x".repeat(43)) && !text.contains(secret), "{row}: {text}");
        assert!(document["facts"]["age"].is_null(), "{row}: Rails writes no time of creation: {text}");
    }
}

#[test]
fn plug() {
    let vectors = vectors("plug_session");
    let member = |name: &str| vectors[name].as_str().unwrap();
    let (secret, salt) = (member("secret_key_base"), member("signing_salt"));
    let json = member("json_signed_cookie");
    let xcp = member("encrypted_cookie_xcp");
    let changed = json.replace(".ey", ".ez");
    for (row, value, secret, salt, verdict, says) in [
        ("signed", json, secret, salt, "opens", "HMAC-SHA256"),
        ("another secret", json, "another", salt, "forged", "another salt"),
        ("another salt", json, secret, "another", "forged", "another salt"),
        ("changed", &changed, secret, salt, "forged", "changed in transit"),
        ("Erlang's terms", member("signed_cookie"), secret, salt, "unsafe-serializer", "JSON"),
        ("encrypted", xcp, secret, member("encryption_salt"), "unsafe-serializer", "XChaCha20-Poly1305"),
        ("encrypted, the other salt", xcp, secret, salt, "forged", "encryption_salt"),
        ("encrypted by plug_crypto 1", "QTEyOEdDTQ.a.b.c.d", secret, salt, "unknown-format", "QTEyOEdDTQ."),
        ("something else", "garbage", secret, salt, "unknown-format", "neither"),
    ] {
        let (document, text) =
            reported(&Cookie::new("_key", value), of(Framework::Plug, secret, Some(salt)).as_ref(), NOW);
        let answer = &document["answer"];
        assert!(answer["verdict"] == verdict || answer["reason"] == verdict, "{row}: {text}");
        assert!(text.contains(says), "{row}: {text}");
        assert_eq!(document["facts"]["values"]["user_id"] == 42, verdict == "opens", "{row}: {text}");
    }
    let (cookie, other) = (Cookie::new("_key", json), of(Framework::Plug, secret, None));
    let question = Question { cookie: &cookie, keyring: None, other: other.as_ref(), values: Values::Hidden, now: NOW };
    assert!(ask(&question).unwrap_err().to_string().contains("signing_salt"));
}

#[test]
fn express() {
    let vectors = vectors("express");
    let id = vectors["express_session"][0]["set_cookie"][0].as_str().unwrap();
    let id = id.strip_prefix("connect.sid=").unwrap().split(';').next().unwrap();
    let unescaped = id.replace("%3A", ":").replace("%2F", "/");
    let changed = id.replace("0123", "0124");
    for (row, value, secret, verdict, says) in [
        ("signed", id, "keyboard cat", "unchecked", "id         0123456789abcdefghijklmnopqrstuv\n"),
        ("not escaped", &unescaped, "keyboard cat", "unchecked", "its signature is good"),
        ("another secret", id, "another", "forged", "if `secret` is a list"),
        ("changed", &changed, "keyboard cat", "forged", "changed in transit"),
        ("unsigned", "0123456789abcdefghijklmnopqrstuv", "keyboard cat", "malformed", "cut short"),
    ] {
        let (document, text) = asked(Some(Framework::ExpressSession), Some(secret), value, NOW);
        let answer = &document["answer"];
        assert!(answer["verdict"] == verdict || answer["reason"] == verdict, "{row}: {text}");
        assert!(text.contains(says), "{row}: {text}");
        assert_eq!(document["facts"]["algorithm"] == "HMAC-SHA256", verdict == "unchecked", "{row}: {text}");
    }

    let line = |text: &str, name: &str| Cookie::read(text, Some(name), "session").unwrap().remove(0);
    let lines = vectors["cookie_session"][0]["set_cookie"].as_array().unwrap();
    let both = lines.iter().map(|line| format!("Set-Cookie: {}\r\n", line.as_str().unwrap())).collect::<String>();
    let value = "eyJ1c2VyIjo0MiwibmFtZSI6ImZyZWQifQ==";
    let signed = |tag: &str| line(&format!("session={value}; session.sig={tag}"), "session");
    for (row, cookie, key, verdict, says) in [
        ("in the form that Express sends", line(&both, "session"), "key1", "opens", "HMAC-SHA1"),
        ("another key", line(&both, "session"), "key2", "forged", "if `keys` has several"),
        ("another signature", signed("PeJyTIipFPJtDR5S0sO12GoDay4"), "key1", "forged", "changed in transit"),
        ("no signature", signed("?"), "key1", "malformed", "cut short"),
        ("alone", Cookie::new("session", value), "key1", "unchecked", "session.sig: give both"),
    ] {
        let (document, text) = reported(&cookie, of(Framework::CookieSession, key, None).as_ref(), NOW);
        let answer = &document["answer"];
        assert!(answer["verdict"] == verdict || answer["reason"] == verdict, "{row}: {text}");
        assert!(text.contains(says), "{row}: {text}");
        assert_eq!(document["facts"]["values"]["name"] == "fred", verdict == "opens", "{row}: {text}");
        assert!(document["facts"]["age"].is_null() && !text.contains("touched"), "{row}: {text}");
    }
}

#[test]
fn times_written_by_a_bridge_are_shown() {
    // A session of Express, written by this side, signed with the key `key1`.
    let format = cloakroom::bridge::ExpressCookie::new("key1").build().unwrap();
    let random = [7; 64];
    let lifetimes = cloakroom::bridge::CookieFormat::lifetimes(&format);
    let sealing = cloakroom::bridge::SealContext::new("session", NOW, &lifetimes, &random);
    let record = cloakroom::factory::Record::new(NOW, &lifetimes);
    let sealed = cloakroom::bridge::CookieFormat::seal(&format, &record, sealing).unwrap();
    let text = format!("session={}; session.sig={}", sealed.value, sealed.companion.unwrap());
    let cookie = Cookie::read(&text, None, "session").unwrap().remove(0);
    let (document, text) =
        reported(&cookie, of(Framework::CookieSession, "key1", None).as_ref(), NOW + Duration::from_secs(75));
    assert_eq!(document["facts"]["age"], "1 min 15 s", "{text}");
    assert!(document["facts"]["touched"].is_null(), "{text}");
}

#[test]
fn values_longer_than_any_cookie_are_refused() {
    for framework in [Framework::Flask, Framework::Rails, Framework::ExpressSession] {
        let (document, _) = asked(Some(framework), Some("a secret"), &"A".repeat(5000), NOW);
        assert_eq!(document["answer"]["reason"], "too-long", "{framework:?}");
    }
}

#[test]
fn frameworks_are_guessed_by_the_form_of_a_cookie() {
    let (rails, plug) = (vectors("rails_cookies"), vectors("plug_session"));
    let rails = |name: &str| text(&rails, "vectors", name, "cookie_value_unescaped");
    let plug = |name: &str| plug[name].as_str().unwrap();
    let id = "s%3A0123456789abcdefghijklmnopqrstuv.CP7rMi5wLTU3wgaBt19C3w7NvZFqz9xhKXnQ%2FdSpkXo";
    for (value, framework, says) in [
        (FLASK, Some(Framework::Flask), "--framework flask"),
        (STARLETTE, Some(Framework::Starlette), "--framework starlette"),
        (DJANGO, Some(Framework::Django), "--framework django"),
        (PYRAMID, Some(Framework::Pyramid), "--framework pyramid"),
        (BEAKER, Some(Framework::Beaker), "--framework beaker"),
        (rails("gcm_sha1_with_purpose"), Some(Framework::Rails), "perhaps an encrypted cookie of Rails"),
        (rails("gcm_sha256_no_metadata"), Some(Framework::Rails), "--framework rails"),
        (rails("cbc_hmac_legacy"), Some(Framework::Rails), "--framework rails"),
        (rails("signed_cookie_jar"), Some(Framework::Rails), "perhaps a signed cookie of Rails"),
        (plug("json_signed_cookie"), Some(Framework::Plug), "perhaps a signed cookie of Plug"),
        (plug("encrypted_cookie_xcp"), Some(Framework::Plug), "perhaps an encrypted cookie of Plug"),
        ("QTEyOEdDTQ.a.b.c.d", Some(Framework::Plug), "--framework plug"),
        (id, Some(Framework::ExpressSession), "--framework express-session"),
        ("eyJ1c2VyIjo0MiwibmFtZSI6ImZyZWQifQ==", Some(Framework::CookieSession), "--framework cookie-session"),
        ("garbage", None, "no known format matches"),
        ("", None, "no known format matches"),
        ("--", None, "no known format matches"),
        ("é", None, "no known format matches"),
    ] {
        assert_eq!(shape(value), framework, "{value}");
        assert!(asked(None, None, value, NOW).1.contains(says), "{value}");
    }
}

#[test]
fn the_order_of_cookies_is_that_of_the_formats() {
    for framework in Framework::value_variants() {
        let salt = (*framework == Framework::Plug).then(|| "salt".to_owned());
        let secret = if *framework == Framework::PyramidNacl { "0b".repeat(32) } else { "x".repeat(64) };
        let other = Other { framework: *framework, secret: None, encrypt_key: None, salt };
        for way in framework.ways("value", &secret, &other).unwrap() {
            let order = match way.reader {
                Reader::Session(format) => format.order(),
                Reader::Id(format) | Reader::Record(format) => format.order(),
            };
            assert_eq!(order, framework.order(), "{framework:?}");
        }
    }
}

#[test]
fn of_two_cookies_the_one_of_the_framework_counts() {
    let format = |secret: &str| cloakroom::bridge::FlaskCookie::new(secret).build().unwrap();
    let sealed = |secret: &str, at: Timestamp| {
        let format = format(secret);
        let lifetimes = cloakroom::bridge::CookieFormat::lifetimes(&format);
        let random = [7; 64];
        let context = cloakroom::bridge::SealContext::new("session", at, &lifetimes, &random);
        let record = cloakroom::factory::Record::new(at, &lifetimes);
        cloakroom::bridge::CookieFormat::seal(&format, &record, context).unwrap().value
    };
    let (good, later, bad) = (sealed("dev", NOW), sealed("dev", NOW + Duration::from_secs(9)), sealed("other", NOW));
    let other = of(Framework::Flask, "dev", None).unwrap();
    for (row, cookies, chosen, says) in [
        ("the first of two good ones", [&good, &later], &good, "2 of them open, and number 1 counts"),
        ("a bad one first", [&bad, &good], &good, "number 2 counts"),
        ("a bad one last", [&good, &bad], &good, "number 1 counts"),
        ("two bad ones", [&bad, &bad], &bad, "none of them opens"),
    ] {
        let line = format!("Cookie: session={}; session={}", cookies[0], cookies[1]);
        let cookies = Cookie::read(&line, None, "session").unwrap();
        let now = NOW + Duration::from_secs(10);
        let (cookie, report) = counting(&cookies, other.framework.order(), |cookie| {
            ask(&Question { cookie, keyring: None, other: Some(&other), values: Values::Hidden, now })
        })
        .unwrap();
        assert_eq!(&cookie.value, chosen, "{row}");
        let text = report.text(cookie, Values::Hidden);
        assert!(text.contains(&format!("2 of this name: {says}")), "{row}: {text}");
        // Without the secret, nothing is known about the seals.
        let unknown = Other { framework: Framework::Flask, secret: None, encrypt_key: None, salt: None };
        let (cookie, report) = counting(&cookies, CookieOrder::FirstFirst, |cookie| {
            ask(&Question { cookie, keyring: None, other: Some(&unknown), values: Values::Hidden, now })
        })
        .unwrap();
        assert!(report.text(cookie, Values::Hidden).contains("number 1 counts if it opens"), "{row}");
    }
}

/// Returns the vectors that the bridges refuse: the row of the guide's table, the framework with
/// its secret, the name of the cookie, and its value.
fn refused_vectors() -> Vec<(&'static str, Other, String, String)> {
    let mut rows = Vec::new();
    let mut all = |row, other: &dyn Fn() -> Other, file: &str, member: &str, is_refused: &dyn Fn(&str) -> bool| {
        for vector in vectors(file)["vectors"].as_array().unwrap() {
            if let Some(value) = vector[member].as_str().filter(|_| is_refused(vector["name"].as_str().unwrap())) {
                rows.push((row, other(), "_myapp_session".to_owned(), value.to_owned()));
            }
        }
    };
    let given = |framework, secret: &'static str| move || of(framework, secret, None).unwrap();
    let any = |_: &str| true;
    all("a pickle of Pyramid 1", &given(Framework::Pyramid, "itsaseekreet"), "pyramid110_legacy", "cookie_value", &any);
    let is_pickle = |name: &str| name.contains("pickle");
    all(
        "a pickle of pyramid_nacl_session",
        &given(Framework::PyramidNacl, KEY),
        "pyramid_nacl",
        "cookie_value",
        &is_pickle,
    );
    let beaker = || Other {
        encrypt_key: Some("encrypt-key-0123456789".to_owned()),
        ..of(Framework::Beaker, "validate-key-abcdef", None).unwrap()
    };
    let is_encrypted_pickle = |name: &str| name.contains("pickle_aes");
    all("a pickle of Beaker", &beaker, "beaker", "cookie_value", &is_encrypted_pickle);
    let plain = given(Framework::Beaker, "validate-key-abcdef");
    all("a pickle of Beaker", &plain, "beaker", "cookie_value", &|name| name == "cookie_pickle_plain");
    let is_encrypted = |name: &str| name.contains("json_aes");
    all("encrypted by Beaker, without the key", &plain, "beaker", "cookie_value", &is_encrypted);
    let rails: &'static str = "a".repeat(128).leak();
    all("AES-256-CBC of Rails", &given(Framework::Rails, rails), "rails_refused", "cookie_value", &any);
    let is_cbc = |name: &str| name == "cbc_hmac_legacy";
    all("AES-256-CBC of Rails", &given(Framework::Rails, rails), "rails_cookies", "cookie_value_unescaped", &is_cbc);
    let is_jar = |name: &str| name == "signed_cookie_jar";
    all("another cookie of Rails", &given(Framework::Rails, rails), "rails_cookies", "cookie_value_unescaped", &is_jar);
    let django = given(Framework::Django, "dj-secret-invented");
    all("SHA-1 of Django", &django, "django_refused", "value", &any);
    let starlette = given(Framework::Starlette, "dev-secret-key");
    let is_timeless = |name: &str| name == "without a time";
    all("signed for Starlette without a time", &starlette, "starlette_refused", "cookie_value", &is_timeless);
    all("not a session of Starlette", &starlette, "starlette_refused", "cookie_value", &|name| !is_timeless(name));
    all("itsdangerous before 1.0", &given(Framework::Flask, "dev-secret-key"), "flask_refused", "cookie_value", &any);

    let plug = vectors("plug_session");
    for (value, salt) in [("signed_cookie", "signing_salt"), ("encrypted_cookie_xcp", "encryption_salt")] {
        let other = of(Framework::Plug, plug["secret_key_base"].as_str().unwrap(), plug[salt].as_str()).unwrap();
        rows.push(("Erlang's terms of Plug", other, "_key".to_owned(), plug[value].as_str().unwrap().to_owned()));
    }
    let other = of(Framework::Plug, "secret", Some("salt")).unwrap();
    rows.push(("plug_crypto before 2", other, "_key".to_owned(), "QTEyOEdDTQ.a.b.c.d".to_owned()));
    rows
}

/// With the secret that sealed them, the report doesn't blame the secret. The guide has a row for
/// each sentence.
#[test]
fn refused_vectors_say_why() {
    let guide = format!("{}/../../docs/guide/cli.md", env!("CARGO_MANIFEST_DIR"));
    let guide = std::fs::read_to_string(guide).unwrap();
    let (vectors, mut missing) = (refused_vectors(), Vec::new());
    for (row, other, name, value) in &vectors {
        let (document, text) = reported(&Cookie::new(name, value), Some(other), NOW);
        let answer = &document["answer"];
        assert_eq!(answer["verdict"], "refused", "{row}: {text}");
        assert!(!text.contains("another secret"), "{row}: {text}");
        let (reason, advice) = (answer["reason"].as_str().unwrap(), text.lines().nth(2).unwrap());
        let expected = format!("| {row} | `{reason}` | {advice} |");
        if !guide.contains(&expected) && !missing.contains(&expected) {
            missing.push(expected);
        }
    }
    assert!(missing.is_empty(), "cli.md doesn't have these lines:\n{}", missing.join("\n"));
    assert_eq!(vectors.len(), 34);
}

/// Signed by Flask-Session 0.8.
#[test]
fn ids_of_flask_session_are_printed() {
    let value = "q8J3xw0mYb5c7RkZt1uVdA2sEfGhIjKlMnOpQrStUvW.DJf9R3NQQhyoglZgQziiUxs7jZc";
    let (document, text) = asked(Some(Framework::FlaskSession), Some("dev"), value, NOW);
    assert_eq!(document["answer"]["verdict"], "unchecked", "{text}");
    assert_eq!(document["facts"]["id"], value.rsplit_once('.').unwrap().0, "{text}");
    assert!(text.contains("session:ID"), "{text}");
    let (document, _) = asked(Some(Framework::FlaskSession), Some("another"), value, NOW);
    assert_eq!(document["answer"]["reason"], "forged");
}
