//! The cookie: access by scripts, lifetime, size, and its display in the inspector.

use anyhow::{Context as _, Result};
use cloakroom_e2e::{Browser, COOKIE, Demo, Look, Scripts};

use crate::{shop, sign_in, store_key};

#[tokio::test]
async fn a_script_can_neither_read_nor_plant_the_cookie() -> Result<()> {
    let (demo, browser) = shop().await?;
    // There is no session yet: this page starts none.
    browser.go(&demo.url("/handed-in")).await?;
    browser.script(&format!("document.cookie = '{COOKIE}=planted; Secure; Path=/'")).await?;
    browser.script("document.cookie = 'other=planted; Secure; Path=/'").await?;
    assert!(browser.cookie(COOKIE).await?.is_none(), "the cookie prefix prevents it");
    assert!(browser.cookie("other").await?.is_some(), "the script can set another cookie");

    browser.go(&demo.url("/")).await?;
    let cookie = browser.cookie(COOKIE).await?.context("a session")?;
    assert_eq!((cookie.http_only(), cookie.secure(), cookie.path()), (Some(true), Some(true), Some("/")));
    assert_eq!(browser.script("return document.cookie").await?, "other=planted");
    browser.script(&format!("document.cookie = '{COOKIE}=planted; Secure; Path=/'")).await?;
    browser.script(&format!("document.cookie = '{COOKIE}=; Secure; Path=/; Max-Age=0'")).await?;
    let after = browser.cookie(COOKIE).await?.context("a session")?;
    assert_eq!(after.value(), cookie.value(), "nor can it be overwritten or removed");
    Ok(())
}

#[tokio::test]
async fn only_a_remembered_session_outlives_the_browser() -> Result<()> {
    let (demo, browser) = shop().await?;
    sign_in(&demo, &browser, "Ada").await?;
    let cookie = browser.cookie(COOKIE).await?.context("a session")?;
    assert_eq!(cookie.expires(), None);

    browser.go(&demo.url("/sign-in")).await?;
    browser.fill("#name", "Ada").await?;
    browser.click("#remember").await?;
    browser.follow("main form button").await?;
    let days = days_left(&browser).await?;
    assert!((13.99..=14.0).contains(&days), "{days} days");

    browser.follow("#add-top-hat").await?;
    let days = days_left(&browser).await?;
    assert!((13.99..=14.0).contains(&days), "a later write keeps it: {days} days");
    Ok(())
}

async fn days_left(browser: &Browser) -> Result<f64> {
    let cookie = browser.cookie(COOKIE).await?.context("a session")?;
    let expires = cookie.expires_datetime().context("an expiry")?.unix_timestamp();
    let now = browser.script("return Date.now() / 1000").await?.as_f64().context("a number")?;
    #[expect(clippy::cast_precision_loss, reason = "a date")]
    Ok((expires as f64 - now) / 86_400.0)
}

#[tokio::test]
async fn a_session_too_large_is_an_error_and_the_old_one_survives() -> Result<()> {
    let demo = Demo::start(&["--store", "encrypted"])?;
    let browser = Browser::start(Look::Light, Scripts::On).await?;
    sign_in(&demo, &browser, "Ada").await?;
    browser.go(&demo.url("/inspector")).await?;
    browser.script("document.querySelector('#text').value = 'x'.repeat(5000)").await?;
    browser.follow("form[action='/inspector/note'] button").await?;
    assert_eq!(browser.text("h1").await?, "Too large for the hook");
    browser.go(&demo.url("/")).await?;
    assert_eq!(browser.text("#visitor").await?, "Ada");
    Ok(())
}

#[tokio::test]
async fn the_inspector_shows_what_the_seal_allows() -> Result<()> {
    for (seal, prefix, readable) in [("signed", "s1.", true), ("encrypted", "e1.", false)] {
        let demo = Demo::start(&["--store", seal])?;
        let browser = Browser::start(Look::Light, Scripts::On).await?;
        sign_in(&demo, &browser, "Grace").await?;
        store_key(&demo, &browser).await?;
        assert!(browser.text("#cookie-text").await?.contains(prefix), "{seal}");
        let characters = browser.texts(".dump .chars").await?.concat();
        assert_eq!(characters.contains("visitor"), readable, "{seal}: {characters}");
        assert!(browser.text("#record").await?.contains("Grace"), "{seal}: the server reads it");
        let value = browser.cookie(COOKIE).await?.context("a session")?.value().to_owned();
        assert!(!browser.client().source().await?.contains(&value), "{seal}: the page is no copy of the cookie");
        browser.picture(&format!("inspector-{seal}")).await?;
    }
    Ok(())
}

#[tokio::test]
async fn the_inspector_shows_the_record_in_the_store() -> Result<()> {
    let (demo, browser) = shop().await?;
    sign_in(&demo, &browser, "Grace").await?;
    let key = store_key(&demo, &browser).await?;
    let version =
        async || anyhow::Ok(browser.text("#version").await?.lines().next().unwrap_or_default().parse::<u64>()?);
    let before = version().await?;
    assert!(browser.text("#record").await?.contains("Grace"));

    // Far more than fits into a cookie.
    browser.script("document.querySelector('#text').value = 'x'.repeat(50000)").await?;
    browser.follow("form[action='/inspector/note'] button").await?;
    assert_eq!(store_key(&demo, &browser).await?, key);
    assert!(browser.text("#size").await?.parse::<usize>()? > 50_000);
    assert!(version().await? > before, "each write counts");

    let cookie = browser.cookie(COOKIE).await?.context("a session")?.value().to_owned();
    assert!(cookie.len() < 64, "only an id");
    assert!(!browser.client().source().await?.contains(&cookie), "the page is no copy of the cookie");
    Ok(())
}
