//! Forged and outdated forms.

use anyhow::{Context as _, Result};
use cloakroom_e2e::COOKIE;

use crate::{cart, shop, sign_in};

#[tokio::test]
async fn a_form_of_another_site_is_refused() -> Result<()> {
    let (demo, browser) = shop().await?;
    browser.go(&demo.url("/")).await?;
    browser.follow("#add-silk-scarf").await?;
    let before = browser.cookie(COOKIE).await?.context("a session")?;

    browser.go(&demo.url("/forgery")).await?;
    browser.follow("#stranger").await?;
    assert_eq!(browser.client().current_url().await?.as_str(), demo.foreign_url("/forgery"));
    browser.follow("#claim").await?;
    assert_eq!(browser.client().current_url().await?.as_str(), demo.url("/cart/add"));
    assert_eq!(browser.text("#refusal").await?, "cross-site");

    let after = browser.cookie(COOKIE).await?.context("a session")?;
    assert_eq!(before.value(), after.value(), "the refusal leaves the cookie alone");
    assert_eq!(cart(&demo, &browser).await?, "1");
    Ok(())
}

#[tokio::test]
async fn a_form_without_the_right_token_is_refused() -> Result<()> {
    let (demo, browser) = shop().await?;
    for (button, refusal) in [("#without", "token-missing"), ("#stale", "token-mismatch")] {
        browser.go(&demo.url("/forgery")).await?;
        browser.follow(button).await?;
        assert_eq!(browser.text("#refusal").await?, refusal, "{button}");
    }
    assert_eq!(cart(&demo, &browser).await?, "0");

    browser.go(&demo.url("/forgery")).await?;
    browser.follow("#honest").await?;
    assert_eq!(cart(&demo, &browser).await?, "1", "the same form with its token");

    browser.go(&demo.url("/")).await?;
    browser.script("document.querySelectorAll('[name=csrf_token]').forEach(it => it.remove())").await?;
    browser.follow("#add-top-hat").await?;
    assert_eq!(browser.text("#refusal").await?, "token-missing", "a form that lost its token");
    Ok(())
}

#[tokio::test]
async fn a_form_from_before_signing_in_is_refused() -> Result<()> {
    let (demo, browser) = shop().await?;
    browser.go(&demo.url("/")).await?;
    let old = browser.client().window().await?;
    let new = browser.client().new_window(true).await?.handle;
    browser.client().switch_to_window(new).await?;
    sign_in(&demo, &browser, "Ada").await?;
    browser.client().switch_to_window(old).await?;
    browser.follow("#add-top-hat").await?;
    assert_eq!(browser.text("#refusal").await?, "token-mismatch");
    Ok(())
}
