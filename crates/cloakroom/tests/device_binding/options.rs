//! The options, and factories that can't bind sessions.

use cloakroom::{CookieConfig, CookieSessions, DeviceBinding, Engine, Key, MemoryStore, StoredSessions};

use crate::shop::seconds;

#[test]
fn options_that_cannot_work_are_refused() {
    let enforce = DeviceBinding::enforce;
    let named = |name: &str| CookieConfig::default().name(name);
    let session = CookieConfig::default().build().unwrap();
    for (row, binding, option) in [
        ("less than three minutes", enforce().bound_life(seconds(179)), "bound_life"),
        ("more than a day", enforce().bound_life(seconds(86_401)), "bound_life"),
        ("without Secure", enforce().cookie(named("bound").danger_insecure()), "cookie"),
        ("a name that Chromium doesn't bind", enforce().cookie(named("__Host-Http-bound")), "cookie"),
        ("the same in other letters", enforce().cookie(named("__host-http-bound")), "cookie"),
        ("the name of the session", enforce().cookie(named(session.name())), "cookie"),
        ("no path", enforce().path("dbsc"), "path"),
        ("a path that ends with /", enforce().path("/dbsc/"), "path"),
        ("a query", enforce().path("/dbsc?a"), "path"),
        ("a site without a domain", enforce().include_site(), "include_site"),
    ] {
        let engine = Engine::new(StoredSessions::new(MemoryStore::new()).build().unwrap());
        let error = engine.device_binding(binding).unwrap_err();
        assert_eq!(error.option(), option, "{row}: {error}");
    }
    let site = named("__Secure-bound").domain("shop.example");
    let engine = Engine::new(StoredSessions::new(MemoryStore::new()).build().unwrap());
    assert!(engine.device_binding(enforce().bound_life(seconds(180)).cookie(site).include_site()).is_ok());
}

#[tokio::test]
async fn sessions_in_cookies_are_not_bound() {
    use cloakroom::adapter::{CookieHeader, SessionSlot};

    let sessions = || {
        CookieSessions::encrypted(Key::new(b"a secret from the environment, of 32 bytes or more").unwrap())
            .build()
            .unwrap()
    };
    let plain = Engine::new(sessions());
    let engine = plain.clone().device_binding(DeviceBinding::enforce()).unwrap();
    for (engine, words) in [(plain, "device_binding"), (engine, "can't do that")] {
        let slot = SessionSlot::new(engine.into());
        let session = slot.open(CookieHeader::default()).await.unwrap();
        let error = session.bind_device().unwrap_err();
        assert!(error.is_unsupported() && error.to_string().contains(words), "{error}");
    }
}
