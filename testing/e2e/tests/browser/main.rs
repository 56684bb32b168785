//! The demo's features in a real browser.

mod algorithms;
mod binding;
mod cookie;
mod devices;
mod forgery;
mod pages;
mod shopping;
mod speculation;

use anyhow::Result;
use cloakroom_e2e::{Browser, Demo, Look, Scripts};

async fn shop() -> Result<(Demo, Browser)> {
    Ok((Demo::start(&[])?, Browser::start(Look::Light, Scripts::On).await?))
}

async fn sign_in(demo: &Demo, browser: &Browser, name: &str) -> Result<()> {
    browser.go(&demo.url("/sign-in")).await?;
    browser.fill("#name", name).await?;
    browser.follow("main form button").await
}

/// Returns the beginning of the hash of the session's id.
async fn store_key(demo: &Demo, browser: &Browser) -> Result<String> {
    browser.go(&demo.url("/inspector")).await?;
    browser.text("#store-key").await
}

async fn cart(demo: &Demo, browser: &Browser) -> Result<String> {
    browser.go(&demo.url("/cart")).await?;
    Ok(browser.text("#cart-count").await?.chars().take_while(char::is_ascii_digit).collect())
}
