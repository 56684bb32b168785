//! Signing in and out, the cart, and flash messages.

use anyhow::Result;
use cloakroom_e2e::{Browser, COOKIE, Demo, Look, Scripts};

use crate::{cart, shop, sign_in, store_key};

#[tokio::test]
async fn signing_in_keeps_the_cart_and_changes_the_id() -> Result<()> {
    let (demo, browser) = shop().await?;
    browser.go(&demo.url("/")).await?;
    browser.follow("#add-top-hat").await?;
    let before = store_key(&demo, &browser).await?;
    assert_eq!(store_key(&demo, &browser).await?, before, "the id stays the same until the sign-in");

    sign_in(&demo, &browser, "Ada <b>Lovelace</b>").await?;
    assert_eq!(browser.text("#visitor").await?, "Ada <b>Lovelace</b>");
    assert_ne!(store_key(&demo, &browser).await?, before);
    assert_eq!(cart(&demo, &browser).await?, "1");
    Ok(())
}

#[tokio::test]
async fn a_message_is_shown_once() -> Result<()> {
    let (demo, browser) = shop().await?;
    browser.go(&demo.url("/")).await?;
    browser.follow("#add-umbrella").await?;
    let message = browser.text(".flash.success").await?;
    assert!(message.ends_with("Added to your cart: Burgundy umbrella."), "{message}");
    browser.client().refresh().await?;
    assert!(browser.texts(".flash").await?.is_empty(), "gone after a reload");

    browser.go(&demo.url("/cart")).await?;
    browser.follow("form[action='/cart/empty'] button").await?;
    assert_eq!(browser.texts(".flash.warning").await?.len(), 1);
    assert_eq!(cart(&demo, &browser).await?, "0");
    Ok(())
}

#[tokio::test]
async fn signing_out_ends_the_session_and_its_data() -> Result<()> {
    let (demo, browser) = shop().await?;
    sign_in(&demo, &browser, "Ada").await?;
    browser.follow("#add-carpet-bag").await?;
    let before = store_key(&demo, &browser).await?;

    browser.follow("form[action='/sign-out'] button").await?;
    assert!(browser.text(".flash.info").await?.contains("You have signed out"));
    assert!(browser.texts("#visitor").await?.is_empty());
    assert_eq!(cart(&demo, &browser).await?, "0");
    assert_ne!(store_key(&demo, &browser).await?, before, "the message came with another session");

    browser.follow("#hand-in").await?;
    assert_eq!(browser.text("h1").await?, "Ticket handed in");
    assert!(browser.cookie(COOKIE).await?.is_none(), "nothing was written after the end, so the cookie is gone");
    Ok(())
}

#[tokio::test]
async fn scripts_are_not_needed() -> Result<()> {
    let (demo, browser) = (Demo::start(&[])?, Browser::start(Look::Light, Scripts::Off).await?);
    browser.go("data:text/html,<noscript><p id=off>off</p></noscript>").await?;
    assert_eq!(browser.text("#off").await?, "off");
    sign_in(&demo, &browser, "Ada").await?;
    browser.follow("#add-top-hat").await?;
    assert_eq!(browser.texts(".flash.success").await?.len(), 1);
    browser.go(&demo.url("/cart")).await?;
    browser.fill("input[name=count]", "3").await?;
    browser.follow("form[action='/cart/set'] button").await?;
    assert_eq!(cart(&demo, &browser).await?, "3");
    browser.follow("form[action='/sign-out'] button").await?;
    assert_eq!(cart(&demo, &browser).await?, "0");
    Ok(())
}
