//! Commands of the Chrome DevTools Protocol, through ChromeDriver.

use anyhow::{Context as _, Result, bail, ensure};
use fantoccini::cookies::Cookie;
use fantoccini::wd::WebDriverCompatibleCommand;
use http::Method;
use serde_json::{Value, json};
use url::{ParseError, Url};

use crate::browser::Browser;

#[derive(Debug)]
struct Execute {
    command: &'static str,
    parameters: Value,
}

impl WebDriverCompatibleCommand for Execute {
    fn endpoint(&self, base: &Url, session: Option<&str>) -> Result<Url, ParseError> {
        base.join(&format!("session/{}/goog/cdp/execute", session.unwrap_or_default()))
    }

    fn method_and_body(&self, _: &Url) -> (Method, Option<String>) {
        (Method::POST, Some(json!({ "cmd": self.command, "params": self.parameters }).to_string()))
    }
}

impl Browser {
    /// Performs a command of the Chrome DevTools Protocol and returns its result.
    ///
    /// # Errors
    /// If the command fails.
    pub async fn devtools(&self, command: &'static str, parameters: Value) -> Result<Value> {
        self.client().issue_cmd(Execute { command, parameters }).await.context(command)
    }

    /// Deletes a cookie, as its expiry does.
    ///
    /// # Errors
    /// If the command fails.
    pub async fn delete_cookie(&self, url: &str, name: &str) -> Result<()> {
        self.devtools("Network.deleteCookies", json!({ "name": name, "url": url })).await.map(drop)
    }

    /// Loads a page without the bound cookie until the browser has refreshed it.
    ///
    /// The browser handles the answer to its registration concurrently and reports no end of it.
    ///
    /// # Errors
    /// If it doesn't refresh.
    pub async fn until_refreshed(&self, url: &str, bound: &str, is_refreshed: impl Fn() -> bool) -> Result<()> {
        for _ in 0..500 {
            self.delete_cookie(url, bound).await?;
            self.go(url).await?;
            if is_refreshed() {
                return Ok(());
            }
        }
        bail!("the browser has registered and never refreshed")
    }

    /// Stores a cookie that was stolen from another browser, until the browser exits.
    ///
    /// # Errors
    /// If the browser refuses it.
    pub async fn plant_cookie(&self, url: &str, cookie: &Cookie<'_>) -> Result<()> {
        let parameters = json!({
            "name": cookie.name(),
            "value": cookie.value(),
            "url": url,
            "path": "/",
            "secure": true,
            "httpOnly": true,
            "sameSite": "Lax",
        });
        let answer = self.devtools("Network.setCookie", parameters).await?;
        let is_stored = answer.get("success").and_then(Value::as_bool).unwrap_or_default();
        ensure!(is_stored, "the cookie {} was refused: {answer}", cookie.name());
        Ok(())
    }
}
