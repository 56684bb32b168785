//! Sessions that are bound to a device, in a browser that binds them.

mod shop;

use anyhow::{Context as _, Result};
use cloakroom_e2e::Browser;

use self::shop::{BOUND, REFRESH, REGISTER, SESSION, Shop};

fn fresh() -> (String, String) {
    ("ada".to_owned(), "Fresh".to_owned())
}

fn missing() -> (String, String) {
    ("visitor".to_owned(), "Missing".to_owned())
}

#[tokio::test]
async fn a_request_without_the_bound_cookie_waits_for_one_refresh() -> Result<()> {
    let shop = Shop::start().await?;
    let browser = shop.bound().await?;
    assert_eq!(shop.count(REGISTER, 200), 1);
    let before = shop.refreshes();
    assert_eq!(shop.who(&browser).await?, fresh());
    assert_eq!(shop.refreshes(), before, "with the cookie, no refresh is needed");
    for round in 1..=3 {
        shop.expire(&browser).await?;
        assert_eq!(shop.who(&browser).await?, fresh());
        assert_eq!(shop.refreshes(), before + round, "one request each, because the challenge came with the last");
    }
    assert_eq!(shop.count(REFRESH, 403), 0);
    Ok(())
}

#[tokio::test]
async fn concurrent_requests_share_one_refresh() -> Result<()> {
    let shop = Shop::start().await?;
    let browser = shop.bound().await?;
    assert_eq!(shop.who(&browser).await?, fresh());
    let before = shop.refreshes();
    shop.expire(&browser).await?;
    let script = "return Promise.all([1, 2, 3, 4, 5, 6].map(n => fetch('/who?' + n).then(it => it.text())))";
    let answers = browser.script(script).await?;
    let answers = answers.as_array().context("six answers")?;
    assert_eq!(answers.len(), 6);
    assert!(answers.iter().all(|it| it.as_str().is_some_and(|it| it.starts_with("ada Fresh"))), "{answers:?}");
    assert_eq!(shop.refreshes(), before + 1);
    Ok(())
}

#[tokio::test]
async fn a_session_that_was_ended_elsewhere_is_not_refreshed() -> Result<()> {
    let shop = Shop::start().await?;
    let browser = shop.bound().await?;
    assert_eq!(shop.end_elsewhere().await?, 1);
    shop.expire(&browser).await?;
    let signed_out = ("visitor".to_owned(), "NotBound".to_owned());
    assert_eq!(shop.who(&browser).await?, signed_out);
    assert_eq!(shop.count(REFRESH, 401), 1);
    // The browser has ended its binding.
    shop.expire(&browser).await?;
    assert_eq!(shop.who(&browser).await?, signed_out);
    assert_eq!(shop.count(REFRESH, 401), 1);
    Ok(())
}

#[tokio::test]
async fn a_copy_of_both_cookies_works_until_the_bound_cookie_expires() -> Result<()> {
    let shop = Shop::start().await?;
    let browser = shop.bound().await?;
    let thief = Browser::start_with_device(shop.https.public_key_hash()).await?;
    for name in [SESSION, BOUND] {
        let cookie = browser.cookie(name).await?.with_context(|| format!("no cookie {name}"))?;
        thief.plant_cookie(&shop.https.url("/"), &cookie).await?;
    }
    assert_eq!(shop.who(&thief).await?, fresh());
    let before = shop.refreshes();
    shop.wait(600);
    assert_eq!(shop.who(&thief).await?, missing());
    assert_eq!(shop.refreshes(), before, "the thief's browser has no key");

    shop.expire(&browser).await?;
    assert_eq!(shop.who(&browser).await?, fresh());
    assert_eq!(shop.who(&thief).await?, missing());
    Ok(())
}

#[tokio::test]
async fn a_binding_outlives_a_restart_of_the_browser() -> Result<()> {
    let shop = Shop::start().await?;
    let browser = shop.bound().await?;
    let before = shop.refreshes();
    let browser = browser.restart().await?;
    browser.go(&shop.https.url("/")).await?;
    shop.expire(&browser).await?;
    assert_eq!(shop.who(&browser).await?, fresh());
    assert!(shop.refreshes() > before);
    assert_eq!(shop.count(REGISTER, 200), 1, "with the key of the profile");
    Ok(())
}

#[tokio::test]
async fn a_browser_keeps_its_binding_while_the_store_is_down() -> Result<()> {
    let shop = Shop::start().await?;
    let browser = shop.bound().await?;
    let before = shop.refreshes();
    shop.store.freeze(true);
    shop.expire(&browser).await?;
    assert_eq!(shop.who(&browser).await?, missing(), "the request goes on without a proof");
    assert_eq!((shop.count(REFRESH, 503), shop.refreshes()), (1, before));

    shop.store.freeze(false);
    assert_eq!(shop.who(&browser).await?, fresh());
    assert_eq!(shop.refreshes(), before + 1);
    Ok(())
}

#[tokio::test]
async fn a_demanded_proof_is_given_before_the_page_is_loaded() -> Result<()> {
    let shop = Shop::start().await?;
    let browser = shop.bound().await?;
    shop.wait(31);
    let before = shop.refreshes();
    browser.go(&shop.https.url("/pay")).await?;
    assert_eq!(browser.text("h1").await?, "paid");
    assert_eq!((shop.count("/pay", 307), shop.count("/pay", 200)), (1, 1));
    assert_eq!(shop.refreshes(), before + 1);
    // The proof is fresh now.
    browser.go(&shop.https.url("/pay")).await?;
    assert_eq!((shop.count("/pay", 307), shop.refreshes()), (1, before + 1));
    Ok(())
}

/// Prints the time that a refresh adds to a request. It depends on the machine and decides nothing.
#[tokio::test]
async fn the_latency_of_a_refresh_is_printed() -> Result<()> {
    const ROUNDS: usize = 9;
    let shop = Shop::start().await?;
    let browser = shop.bound().await?;
    assert_eq!(shop.who(&browser).await?, fresh());
    let script = "const start = performance.now(); \
                  return fetch('/who', { cache: 'no-store' }).then(() => performance.now() - start)";
    let (mut plain, mut refreshed) = (Vec::new(), Vec::new());
    let before = shop.refreshes();
    for _ in 0..ROUNDS {
        plain.push(browser.script(script).await?.as_f64().context("a time")?);
        shop.expire(&browser).await?;
        refreshed.push(browser.script(script).await?.as_f64().context("a time")?);
    }
    assert_eq!(shop.refreshes(), before + ROUNDS);
    for times in [&mut plain, &mut refreshed] {
        times.sort_by(f64::total_cmp);
    }
    let median = |times: &[f64]| times.get(ROUNDS / 2).copied().unwrap_or_default();
    println!("a request takes {:.1} ms, and {:.1} ms with a refresh", median(&plain), median(&refreshed));
    Ok(())
}
