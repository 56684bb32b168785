//! Every page in every look: nothing overflows, everything has an accessible name, and the contrast
//! suffices.

use anyhow::Result;
use cloakroom_e2e::{Browser, Demo, Look, Scripts};
use fantoccini::key::Key;

use crate::shop;

const CHECKS: &str = include_str!("checks.js");

async fn visit_all(look: Look) -> Result<()> {
    let (demo, browser) = (Demo::start(&[])?, Browser::start(look, Scripts::On).await?);
    browser.go(&demo.url("/")).await?;
    look_at(&browser, "shop").await?;
    browser.follow("#add-loden-coat").await?;
    browser.follow("#add-opera-glasses").await?;
    look_at(&browser, "shop-message").await?;
    browser.go(&demo.url("/sign-in")).await?;
    look_at(&browser, "sign-in").await?;
    browser.fill("#name", "Ada Lovelace").await?;
    browser.click("#remember").await?;
    browser.follow("main form button").await?;
    for (path, name) in [
        ("/cart", "cart"),
        ("/inspector", "inspector"),
        ("/devices", "devices"),
        ("/forgery", "forgery"),
        ("/nowhere", "lost"),
    ] {
        browser.go(&demo.url(path)).await?;
        look_at(&browser, name).await?;
    }
    browser.go(&demo.foreign_url("/forgery")).await?;
    look_at(&browser, "stranger").await?;
    browser.follow("#claim").await?;
    look_at(&browser, "refused").await?;
    browser.go(&demo.url("/inspector")).await?;
    browser.follow("#hand-in").await?;
    look_at(&browser, "handed-in").await?;
    browser.go(&demo.url("/cart")).await?;
    look_at(&browser, "cart-empty").await
}

async fn look_at(browser: &Browser, name: &str) -> Result<()> {
    browser.picture(name).await?;
    let complaints = browser.script(CHECKS).await?;
    assert_eq!(complaints, serde_json::json!([]), "{name}");
    Ok(())
}

#[tokio::test]
async fn in_light_colours() -> Result<()> {
    visit_all(Look::Light).await
}

#[tokio::test]
async fn in_dark_colours() -> Result<()> {
    visit_all(Look::Dark).await
}

#[tokio::test]
async fn on_a_phone() -> Result<()> {
    visit_all(Look::Narrow).await
}

#[tokio::test]
async fn the_keyboard_reaches_everything_in_order() -> Result<()> {
    let (demo, browser) = shop().await?;
    browser.go(&demo.url("/")).await?;
    for expected in ["Skip to the content", "The Cloakroom", "Lost things", "Cart", "Inspector", "Forgery", "Sign in"] {
        browser.press(Key::Tab).await?;
        let focused = browser.script("return document.activeElement.innerText").await?;
        let focused = focused.as_str().unwrap_or_default().to_owned();
        assert!(focused.contains(expected), "expected the focus on {expected}, not on {focused}");
        let outline = browser.script("return getComputedStyle(document.activeElement).outlineStyle").await?;
        assert_eq!(outline, "solid", "{expected}: the focus is visible");
    }
    browser.press(Key::Tab).await?;
    assert_eq!(browser.script("return document.activeElement.id").await?, "add-top-hat");
    browser.page_after(browser.press(Key::Enter)).await?;
    assert_eq!(browser.texts(".flash.success").await?.len(), 1);

    browser.press(Key::Tab).await?;
    browser.press(Key::Enter).await?;
    browser.press(Key::Tab).await?;
    assert_eq!(browser.script("return document.activeElement.id").await?, "add-top-hat", "the link skips the header");
    Ok(())
}
