//! Traces of refused cookies, which must contain no secret. Runs in a separate process, because
//! other tests would interfere with the subscriber.
#![cfg(all(feature = "beaker", feature = "django", feature = "pyramid"))]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a panic is how a test fails")]

use std::io;
use std::sync::{Arc, Mutex};

use cloakroom_bridge::{
    BeakerCookie, BridgedCookies, CookieFormat, DjangoRecord, HashAlgorithm, MemoryRecords, Migration, Phase,
    PyramidCookie, SharedRecords,
};
use cloakroom_session::adapter::{CookieHeader, SessionSlot};
use cloakroom_session::factory::SessionFactory;
use cloakroom_session::{Clock as _, CookieSessions, Engine, Key, SystemClock};

/// All traces, as text.
#[derive(Clone, Default)]
struct Traces(Arc<Mutex<Vec<u8>>>);

impl io::Write for Traces {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Traces {
    fn start(&self) -> tracing::subscriber::DefaultGuard {
        let traces = self.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(tracing::Level::TRACE)
            .with_ansi(false)
            .with_writer(move || traces.clone());
        tracing::subscriber::set_default(subscriber.finish())
    }

    fn take(&self) -> String {
        String::from_utf8(std::mem::take(&mut *self.0.lock().unwrap())).unwrap()
    }
}

/// Returns the cookie of a session with a secret in it, made by this factory.
async fn cookie_of(factory: impl SessionFactory) -> String {
    let slot = SessionSlot::new(Arc::new(Engine::new(factory)));
    slot.open(CookieHeader::default()).await.unwrap().insert("card", "4111 1111").unwrap();
    slot.finish(200).await.unwrap().cookies[0].as_str().split(';').next().unwrap().to_owned()
}

fn bridged<F: CookieFormat>(format: F) -> BridgedCookies<F> {
    BridgedCookies::new(format).build().unwrap()
}

#[tokio::test]
async fn refused_cookies_are_traced_without_secrets() {
    let traces = Traces::default();
    let _tracing = traces.start();
    let pyramid = || PyramidCookie::new("itsaseekreet");
    let good = cookie_of(bridged(pyramid().build().unwrap())).await;
    // A pickle in the cookie of `UnencryptedCookieSessionFactoryConfig`.
    let pickled =
        "session=4a1fc59f7f5c7150787511a50ab165ba54116d54gAWVIAAAAAAAAABKAPFTZUdB2VT8QBAAAH2UjANhYmOUjAMxMjOUc4eULg==";
    for (name, factory, cookie, reason) in [
        ("a wrong secret", PyramidCookie::new("another"), good.as_str(), "forged"),
        ("a wrong salt", pyramid().salt("another"), &good, "forged"),
        ("a wrong algorithm", pyramid().hash_algorithm(HashAlgorithm::Sha1), &good, "forged"),
        ("an unsafe serializer", pyramid(), pickled, "unsafe-serializer"),
        ("garbage", pyramid(), "session=abc", "malformed"),
    ] {
        let factory = bridged(factory.build().unwrap());
        traces.take();
        let session = factory.open(CookieHeader::new([cookie.as_bytes()]), SystemClock.now()).await.unwrap();
        assert!(session.is_new(), "{name}");
        let text = traces.take();
        let expected = format!("cookie=\"session\" framework=\"pyramid\" reason=\"{reason}\"");
        assert!(text.contains("session cookie rejected") && text.contains(&expected), "{name}: {text}");
        assert_eq!(text.lines().count(), 1, "{name}: one event");
        let value = cookie.split_once('=').unwrap().1;
        for secret in ["itsaseekreet", "another", "4111 1111", value] {
            assert!(!text.contains(secret), "{name}: {text}");
        }
    }
}

#[tokio::test]
async fn a_flood_of_cookies_is_one_event() {
    let traces = Traces::default();
    let _tracing = traces.start();
    let flood = vec!["session=x"; 40_000].join("; ");
    assert!(flood.len() > 400_000);
    let cookies = bridged(PyramidCookie::new("itsaseekreet").build().unwrap());
    let id = vec!["sessionid=x"; 40_000].join("; ");
    let records = DjangoRecord::new("django-insecure-test-key").unwrap();
    let records = SharedRecords::new(records, MemoryRecords::new()).build().unwrap();
    cookies.open(CookieHeader::new([flood.as_bytes()]), SystemClock.now()).await.unwrap();
    let text = traces.take();
    assert_eq!(text.lines().count(), 1, "{text}");
    assert!(text.contains("reason=\"malformed\" count=4 ignored=39996"), "{text}");
    records.open(CookieHeader::new([id.as_bytes()]), SystemClock.now()).await.unwrap();
    let text = traces.take();
    assert_eq!(text.lines().count(), 1, "{text}");
    assert!(text.contains("count=4 ignored=39996"), "{text}");
}

#[tokio::test]
async fn debug_prints_no_secret() {
    let format =
        BeakerCookie::new("validate-secret").encrypt_key("encrypt-secret", cloakroom_bridge::BeakerCipher::AesGcm);
    assert!(!format!("{format:?}").contains("-secret"));
    let old = bridged(format.build().unwrap());
    let key = Key::new(b"a very secret text of 32 bytes or more").unwrap();
    let migration = Migration::new(old, CookieSessions::signed(key).build().unwrap(), Phase::ReadOld);
    let text = format!("{migration:?}");
    assert!(!text.contains("-secret") && !text.contains("very secret"), "{text}");
}
