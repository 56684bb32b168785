//! The list of devices, and signing out one device from another.

use anyhow::{Context as _, Result};
use cloakroom_e2e::{Browser, COOKIE, Demo, Look, Scripts};

use crate::{shop, sign_in};

async fn devices(demo: &Demo, browser: &Browser) -> Result<usize> {
    browser.go(&demo.url("/devices")).await?;
    Ok(browser.texts(".device").await?.len())
}

async fn visitor(demo: &Demo, browser: &Browser) -> Result<Option<String>> {
    browser.go(&demo.url("/")).await?;
    Ok(browser.texts("#visitor").await?.pop())
}

#[tokio::test]
async fn one_device_signs_another_out() -> Result<()> {
    let (demo, here) = shop().await?;
    let there = Browser::start(Look::Narrow, Scripts::On).await?;
    sign_in(&demo, &here, "Ada").await?;
    assert_eq!(devices(&demo, &here).await?, 1);
    assert!(here.texts("#end-others").await?.is_empty(), "there is no other");

    sign_in(&demo, &there, "Ada").await?;
    assert_eq!(devices(&demo, &here).await?, 2);
    assert_eq!(here.texts(".device.current").await?.len(), 1);
    here.picture("devices-two").await?;
    here.follow("form[action='/devices/end'] button").await?;
    assert!(here.text(".flash.success").await?.contains("That device is signed out."));
    assert_eq!(here.texts(".device").await?.len(), 1);

    let ended = there.cookie(COOKIE).await?.map(|cookie| cookie.value().to_owned());
    assert_eq!(visitor(&demo, &there).await?, None, "signed out, though its browser still had the cookie");
    assert_ne!(there.cookie(COOKIE).await?.map(|cookie| cookie.value().to_owned()), ended, "a separate session");
    assert_eq!(visitor(&demo, &here).await?.as_deref(), Some("Ada"));
    Ok(())
}

#[tokio::test]
async fn sign_out_everywhere_else_keeps_only_this_device() -> Result<()> {
    let (demo, here) = shop().await?;
    let there = Browser::start(Look::Light, Scripts::Off).await?;
    for (browser, name) in [(&here, "Ada"), (&there, "Ada")] {
        sign_in(&demo, browser, name).await?;
    }
    assert_eq!(devices(&demo, &here).await?, 2);
    here.follow("#end-others").await?;
    assert!(here.text(".flash.success").await?.contains("One other device was signed out."));
    assert_eq!(visitor(&demo, &there).await?, None);

    sign_in(&demo, &there, "Grace").await?;
    assert_eq!(devices(&demo, &there).await?, 1, "the devices of another user are not listed");
    assert_eq!(devices(&demo, &here).await?, 1);
    Ok(())
}

#[tokio::test]
async fn cookie_sessions_list_no_other_device() -> Result<()> {
    let demo = Demo::start(&["--store", "signed"])?;
    let browser = Browser::start(Look::Light, Scripts::On).await?;
    sign_in(&demo, &browser, "Ada").await?;
    assert_eq!(devices(&demo, &browser).await?, 0);
    assert_eq!(browser.texts("#unsupported").await?.len(), 1);
    Ok(())
}

/// The browser registers concurrently. No page tells when it has.
#[tokio::test]
async fn the_demo_with_tls_binds_the_session_to_the_device() -> Result<()> {
    let demo = Demo::start(&["--tls", "--store", "memory:"])?;
    let browser = Browser::start_with_device(demo.public_key_hash().context("a hash")?).await?;
    sign_in(&demo, &browser, "Ada").await?;
    let mut binding = String::new();
    for _ in 0..500 {
        assert_eq!(devices(&demo, &browser).await?, 1);
        binding = browser.text("#binding").await?;
        if binding.starts_with("Bound to this device") {
            break;
        }
    }
    assert!(binding.contains(", last proof "), "{binding}");
    browser.picture("devices-bound").await?;

    browser.go(&demo.url("/stolen")).await?;
    browser.follow("#steal").await?;
    let attempts = browser.texts(".attempt p").await?;
    assert_eq!(attempts.len(), 2, "{attempts:?}");
    assert!(attempts.last().is_some_and(|both| both.contains("Ada")), "{attempts:?}");
    browser.picture("stolen").await?;
    Ok(())
}

#[tokio::test]
async fn the_demo_without_tls_says_that_it_binds_nothing() -> Result<()> {
    let (demo, browser) = shop().await?;
    sign_in(&demo, &browser, "Ada").await?;
    assert_eq!(devices(&demo, &browser).await?, 1);
    assert!(browser.texts("#binding").await?.is_empty());
    browser.follow("#to-stolen").await?;
    assert!(browser.text("#unavailable").await?.contains("--tls"));
    Ok(())
}
