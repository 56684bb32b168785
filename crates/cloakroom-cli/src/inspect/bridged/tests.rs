//! Cookies that the frameworks themselves have made.

use std::time::Duration;

use cloakroom::Timestamp;

use super::{Framework, Other, shape};
use crate::describe::Values;
use crate::inspect::cookie::Cookie;
use crate::inspect::{Question, ask};

/// A second after they were made.
const NOW: Timestamp = Timestamp::from_unix_secs(1_700_000_001);

const FLASK: &str = "eyJ1c2VyX2lkIjo0MiwibmFtZSI6ImZyZWQifQ.ZVPxAA.Ym1EthXqlO9YbR6DjR-FsQoZkRc";
const DJANGO: &str = "eyJ1c2VyX2lkIjo0MiwibmFtZSI6ImZyZWQifQ:1r31eq:L2SYbXLviRo2p28V7tnioZtNTNfesZmeic9BAUDXWK4";
const PYRAMID: &str = "TAekuzFl-k8K2s01oJeTOlTfXtoQuVyx2eL-l_Vg-SRldewTGmp8Gu04etw0dYU4BkHWjyyu9F4wa-wvpC5yHlsxNzAwMDAwMDAwLCAxNzAwMDAwMDAwLjI1LCB7ImFiYyI6ICIxMjMifV0";
const NACL: &str =
    "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXHHhFtrFViKrWUkRDwOZOngXOD3_3-pIgiwy_Eki-fadilXbvvBUPwSWXS7Qu5cCD4PnP9WeBxzGb8L0";
const BEAKER: &str = "dbab2e8cbe00f75d578d7e9be5120f6a12deb0e8eJxtjEkKhTAQRK8ivf44xPF7mdCmWwxolCSuxLtrgyuxVvWKRx2gaV3QOugTt8/zLwG9YZxuhAyELEnPC1VWddN2fxwM8fhmUffAXtzRMwnLZ6Xkw3jGaFeno134Xos2f5KqWgQ0hkNg+hTOC93hLTQ=";
const PICKLE: &str = "add74ecd2c057c0c1b13d35d19212819777e9413gAJ9cQAoWAcAAABfZG9tYWlucQFOWAUAAABfcGF0aHECWAEAAAAvcQNYAwAAAF9pZHEEWCAAAAAwMTIzNDU2Nzg5YWJjZGVmMDEyMzQ1Njc4OWFiY2RlZnEFWAQAAAB1c2VycQZYBAAAAGZyZWRxB1gBAAAAbnEISypYDgAAAF9jcmVhdGlvbl90aW1lcQlHQdlU/EAQAABYDgAAAF9hY2Nlc3NlZF90aW1lcQpHQdlU/EAQAAB1Lg==";

const KEY: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

fn asked(
    framework: Option<Framework>,
    secret: Option<&str>,
    value: &str,
    now: Timestamp,
) -> (serde_json::Value, String) {
    let name = framework.map_or("session", Framework::cookie_name).to_owned();
    let cookie = Cookie { name, value: value.to_owned() };
    let other = framework.map(|framework| Other { framework, secret: secret.map(str::to_owned), salt: None });
    let report = ask(&Question { cookie: &cookie, keyring: None, other, values: Values::Shown, now }).unwrap();
    (report.document(&cookie), report.text(&cookie, Values::Shown))
}

#[test]
fn they_open_with_their_secret_and_with_no_other() {
    for (framework, secret, value, key, content) in [
        (Framework::Flask, "dev-secret-key", FLASK, "name", "fred"),
        (Framework::Django, "django-insecure-test-key", DJANGO, "name", "fred"),
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
fn a_pickle_is_refused_and_an_old_one_is_old() {
    let (document, _) = asked(Some(Framework::Beaker), Some("validate-key-abcdef"), PICKLE, NOW);
    assert_eq!(document["answer"]["reason"], "unsafe-serializer", "{document}");
    let (document, _) =
        asked(Some(Framework::Pyramid), Some("itsaseekreet"), PYRAMID, NOW + Duration::from_secs(86_400));
    assert_eq!(document["answer"]["reason"], "expired-idle", "{document}");
}

#[test]
fn what_it_looks_like() {
    for (value, framework, says) in [
        (FLASK, Some(Framework::Flask), "--framework flask"),
        (DJANGO, Some(Framework::Django), "--framework django"),
        (PYRAMID, Some(Framework::Pyramid), "--framework pyramid"),
        (BEAKER, Some(Framework::Beaker), "--framework beaker"),
        ("garbage", None, "no format knows it"),
        ("", None, "no format knows it"),
        ("é", None, "no format knows it"),
    ] {
        assert_eq!(shape(value), framework, "{value}");
        assert!(asked(None, None, value, NOW).1.contains(says), "{value}");
    }
}
