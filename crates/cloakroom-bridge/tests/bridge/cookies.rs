//! The factory for cookies of another framework: values seen by handlers, preserved data, and
//! errors.

use std::time::Duration;

use cloakroom_bridge::{BridgedCookies, Migration, Phase, PyramidCookie};
use cloakroom_session::adapter::{CookieHeader, SessionSlot};
use cloakroom_session::{CookieConfig, CookieSessions, Engine, Key, Session};

use super::browser::{App, Browser, NOW};

fn pyramid() -> BridgedCookies<PyramidCookie> {
    BridgedCookies::new(PyramidCookie::new("itsaseekreet").build().unwrap()).build().unwrap()
}

#[tokio::test]
async fn data_without_a_place_in_pyramid_is_kept() {
    let app = App::new(pyramid());
    let mut browser = Browser::default();
    browser
        .visit(&app, |session| {
            session.set_owner("me");
            session.set_label("phone");
            session.set_idle_timeout(Duration::from_secs(60));
        })
        .await;
    app.clock.advance(Duration::from_secs(60));
    let (owner, _) = browser.visit(&app, Session::owner).await;
    assert_eq!(owner.as_deref(), Some("me"));
    app.clock.advance(Duration::from_secs(61));
    let (owner, _) = browser.visit(&app, Session::owner).await;
    assert_eq!(owner, None, "its own timeout holds");
    let mut browser = Browser::default();
    browser
        .visit(&app, |session| {
            session.insert("a", 1).unwrap();
            session.remember(Duration::from_secs(999_999));
        })
        .await;
    app.clock.advance(Duration::from_secs(900_000));
    let (found, sent) = browser.visit(&app, |session| session.get::<u32>("a").unwrap()).await;
    assert_eq!((found, sent), (Some(1), 1), "remembered beyond Pyramid's timeout");
    app.clock.advance(Duration::from_secs(100_000));
    let (found, _) = browser.visit(&app, |session| session.get::<u32>("a").unwrap()).await;
    assert_eq!(found, None);
}

#[tokio::test]
async fn keys_of_pyramid_are_reserved() {
    let app = App::new(pyramid());
    for (key, value, reserved) in [
        ("_csrft_", serde_json::json!("mine"), true),
        ("_csrft_", serde_json::json!(5), true),
        ("_f_", serde_json::json!(["a"]), true),
        ("_f_q", serde_json::json!([]), true),
        ("_cloakroom", serde_json::json!({}), true),
        ("_f_q", serde_json::json!("no list"), false),
        ("_other", serde_json::json!(1), false),
    ] {
        let mut browser = Browser::default();
        let visited = browser.try_visit(&app, |session| session.insert(key, &value).unwrap()).await;
        match visited {
            Ok(_) => assert!(!reserved, "{key}: {value}"),
            Err(error) => {
                assert!(reserved && error.is_reserved() && error.key() == Some(key), "{key}: {value}: {error}");
                assert!(browser.jar.is_empty(), "all or nothing");
            }
        }
    }
}

#[tokio::test]
async fn the_size_limit_is_pyramids() {
    let app = App::new(pyramid());
    let size = |length: usize| async move {
        let mut browser = Browser::default();
        let app = App::new(pyramid());
        let visited = browser.try_visit(&app, |session| session.insert("k", "x".repeat(length)).unwrap()).await;
        visited.map(|_| browser.jar["session"].len())
    };
    let mut most = 0;
    for length in 2850..2900 {
        match size(length).await {
            Ok(bytes) => most = bytes,
            Err(error) => {
                assert!(error.is_too_large() && error.key() == Some("k"), "{error}");
                break;
            }
        }
    }
    assert!((4060..=4064).contains(&most), "{most}");
    let mut browser = Browser::default();
    let grown = browser.try_visit(&app, |session| session.insert("k", "x".repeat(9000)).unwrap()).await;
    assert!(grown.unwrap_err().to_string().contains("the limit is 4071"), "with its name, as browsers count");
}

#[tokio::test]
async fn forms_contain_the_token_in_pyramids_form() {
    let app = App::new(pyramid());
    let mut browser = Browser::default();
    let (tokens, _) =
        browser.visit(&app, |session| (session.csrf_token().unwrap(), session.masked_csrf_token().unwrap())).await;
    assert_eq!(tokens.0.expose(), tokens.1, "raw");
    let (same, _) = browser.visit(&app, |session| session.csrf_token().unwrap().matches(&tokens.1)).await;
    assert!(same);
}

#[tokio::test]
async fn cookies_and_removals_have_safe_attributes() {
    let engine = std::sync::Arc::new(Engine::new(pyramid()));
    let slot = SessionSlot::new(std::sync::Arc::clone(&engine));
    slot.open(CookieHeader::default()).await.unwrap().insert("a", 1).unwrap();
    let line = slot.finish(200).await.unwrap().cookies[0].as_str().to_owned();
    assert!(line.ends_with("; Path=/; Secure; HttpOnly; SameSite=Lax"), "{line}");
    let slot = SessionSlot::new(engine);
    slot.open(CookieHeader::new([line.split(';').next().unwrap().as_bytes()])).await.unwrap().invalidate();
    let line = slot.finish(200).await.unwrap().cookies[0].as_str().to_owned();
    assert!(
        line.starts_with("session=; ")
            && line.contains("Max-Age=0")
            && line.ends_with("; Secure; HttpOnly; SameSite=Lax"),
        "{line}"
    );
}

#[tokio::test]
async fn a_session_of_pyramids_moves_to_an_encrypted_cookie_and_back() {
    let key = Key::new(b"a secret of 32 bytes or more, for the new factory").unwrap();
    let new = CookieSessions::encrypted(key).cookie(CookieConfig::default().name("new")).build().unwrap();
    let migration = Migration::new(pyramid(), new, Phase::ReadOld);
    let switch = migration.switch();
    let app = App::new(migration);
    let mut browser = Browser::default();
    let (token, _) = browser
        .visit(&app, |session| {
            session.insert("user", 42).unwrap();
            session.flash("hello");
            session.csrf_token().unwrap()
        })
        .await;
    for (turn, phase) in [Phase::ReadBothWriteNew, Phase::ReadBothWriteOld, Phase::ReadBothWriteNew, Phase::ReadNew]
        .into_iter()
        .enumerate()
    {
        switch.set(phase);
        app.clock.advance(Duration::from_secs(10));
        browser.visit(&app, |session| session.insert("turn", turn).unwrap()).await;
        let (held, _) = browser
            .visit(&app, |session| {
                let user = session.get::<u32>("user").unwrap();
                (user, session.peek_flash::<String>(), session.csrf_token().unwrap(), session.created())
            })
            .await;
        let expected = (Some(42), vec!["hello".to_owned()], token.clone(), NOW.unix_secs());
        assert_eq!(held, expected, "turn {turn}");
        assert_eq!(browser.jar.len(), 1);
    }
    assert!(browser.jar.contains_key("new"));
}
