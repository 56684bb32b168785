//! Pages that the browser fetches ahead of the visitor must not consume the session's flash
//! messages.

use std::time::Duration;

use anyhow::{Result, bail};
use cloakroom_e2e::{Browser, Demo, Look, Scripts, Watch};

const MESSAGES: &str = "#messages .flash";
const ADDED: &str = "Added to your cart";

/// A signed-in visitor at the shop, with a flash message that no page has shown yet.
async fn with_a_message() -> Result<(Demo, Watch, Browser)> {
    let demo = Demo::start(&[])?;
    let watch = Watch::start(&demo).await?;
    let browser = Browser::start(Look::Light, Scripts::On).await?;
    browser.go(&watch.url("/sign-in")).await?;
    browser.fill("#name", "Ada").await?;
    browser.follow("main form button").await?;
    browser.go(&watch.url("/")).await?;
    assert!(browser.texts(MESSAGES).await?.is_empty());
    // A script submits the first item's form. It doesn't follow the redirect, since that page would
    // show the message.
    let sent = "const form = document.querySelector('form[action=\"/cart/add\"]');
        return fetch(form.action, { method: 'POST', redirect: 'manual', body: new URLSearchParams(new FormData(form)) })
            .then(response => response.type)";
    assert_eq!(browser.script(sent).await?, "opaqueredirect");
    Ok((demo, watch, browser))
}

/// Adds speculation rules for the cart to the page, and waits until the browser has the response.
async fn speculate(watch: &Watch, browser: &Browser, action: &str) -> Result<()> {
    let rules = format!(
        "const rules = document.createElement('script');
        rules.type = 'speculationrules';
        rules.textContent = JSON.stringify({{ {action}: [{{ urls: ['/cart'], eagerness: 'immediate' }}] }});
        document.head.append(rules)"
    );
    browser.script(&rules).await?;
    watch.speculated(1).await
}

/// Waits for a page. Activating a prerendered page is no navigation that ChromeDriver waits for.
async fn arrived(browser: &Browser, path: &str) -> Result<()> {
    let there = format!("return location.pathname === '{path}' && document.readyState === 'complete'");
    for _ in 0..500 {
        if browser.script(&there).await.is_ok_and(|there| there == true) {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    bail!("not at {path}, but at {}", browser.client().current_url().await?)
}

#[tokio::test]
async fn a_page_that_nobody_saw_consumes_no_message() -> Result<()> {
    for action in ["prefetch", "prerender"] {
        let (_demo, watch, browser) = with_a_message().await?;
        speculate(&watch, &browser, action).await?;
        browser.go(&watch.url("/devices")).await?;
        let messages = browser.texts(MESSAGES).await?;
        assert!(matches!(&messages[..], [one] if one.contains(ADDED)), "{action}: {messages:?}");
        browser.go(&watch.url("/")).await?;
        assert!(browser.texts(MESSAGES).await?.is_empty(), "{action}: shown once");
    }
    Ok(())
}

#[tokio::test]
async fn a_message_is_shown_by_the_page_that_the_visitor_sees() -> Result<()> {
    for action in ["prefetch", "prerender"] {
        let (_demo, watch, browser) = with_a_message().await?;
        speculate(&watch, &browser, action).await?;
        browser.click("nav a[href='/cart']").await?;
        arrived(&browser, "/cart").await?;
        let messages = browser.texts(MESSAGES).await?;
        assert!(matches!(&messages[..], [one] if one.contains(ADDED)), "{action}: {messages:?}");
    }
    Ok(())
}
