//! A headless Chromium.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream};
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use fantoccini::actions::{InputSource as _, KeyAction, KeyActions};
use fantoccini::cookies::Cookie;
use fantoccini::key::Key;
use fantoccini::wd::Capabilities;
use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};

use crate::folder::Folder;
use crate::process::Process;

/// The window and colours of the browser.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Look {
    /// A large window.
    Light,
    /// A large window, with a preference for dark colours.
    Dark,
    /// A phone.
    Narrow,
}

/// The setting for scripts in the browser.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Scripts {
    /// Scripts run.
    On,
    /// Scripts are disabled.
    Off,
}

/// The options with which a browser is started.
#[derive(Clone, Debug)]
struct Setup {
    look: Look,
    scripts: Scripts,
    /// The browser binds sessions to its device, and trusts the certificate whose public key has
    /// this hash.
    device: Option<String>,
}

/// A browser with a separate profile.
#[derive(Debug)]
pub struct Browser {
    client: Client,
    setup: Setup,
    // Drop order: the browser must exit before its profile is deleted.
    driver: Driver,
    profile: Folder,
}

impl Browser {
    /// Starts a browser.
    ///
    /// # Errors
    /// When ChromeDriver or Chromium is missing or doesn't start.
    pub async fn start(look: Look, scripts: Scripts) -> anyhow::Result<Self> {
        Self::launch(Setup { look, scripts, device: None }, Folder::new()?).await
    }

    /// Starts a browser that binds sessions to its device (DBSC), with a key in its profile.
    ///
    /// `public_key_hash` is that of the server's certificate. Chromium binds no session over a
    /// connection whose certificate it only tolerates.
    ///
    /// # Errors
    /// When ChromeDriver or Chromium is missing or doesn't start.
    pub async fn start_with_device(public_key_hash: &str) -> anyhow::Result<Self> {
        let device = Some(public_key_hash.to_owned());
        Self::launch(Setup { look: Look::Light, scripts: Scripts::On, device }, Folder::new()?).await
    }

    /// Closes the browser and starts it again with the same profile.
    ///
    /// # Errors
    /// If it doesn't exit or doesn't start.
    pub async fn restart(self) -> anyhow::Result<Self> {
        let Self { client, setup, driver, profile } = self;
        // Chromium writes its cookies when it is closed.
        client.close().await?;
        drop(driver);
        Self::launch(setup, profile).await
    }

    async fn launch(setup: Setup, profile: Folder) -> anyhow::Result<Self> {
        let driver = Driver::start()?;
        let mut connector = HttpConnector::new();
        // Commands are small and wait for their answers: Nagle's algorithm would add 40
        // milliseconds to each.
        connector.set_nodelay(true);
        let client = ClientBuilder::new(connector)
            .capabilities(capabilities(&setup, &profile))
            .connect(&format!("http://127.0.0.1:{}", driver.port))
            .await
            .context("Chromium didn't start; CHROMIUM can name the program")?;
        Ok(Self { client, setup, driver, profile })
    }

    /// The WebDriver client, for everything that isn't wrapped here.
    #[must_use]
    pub const fn client(&self) -> &Client {
        &self.client
    }

    /// Opens an address and waits for its page.
    ///
    /// # Errors
    /// If the page can't be loaded.
    pub async fn go(&self, url: &str) -> anyhow::Result<()> {
        self.client.goto(url).await.with_context(|| format!("going to {url}"))
    }

    /// Clicks on the first element that matches a CSS selector, and waits for the next page.
    ///
    /// # Errors
    /// If there is no such element, or no page follows.
    pub async fn follow(&self, selector: &str) -> anyhow::Result<()> {
        self.page_after(self.click(selector)).await
    }

    /// Performs a step that leads to another page, and waits for that page.
    ///
    /// # Errors
    /// If the step fails, or no page follows.
    pub async fn page_after(&self, step: impl Future<Output = anyhow::Result<()>>) -> anyhow::Result<()> {
        let page = self.client.find(Locator::Css("html")).await?;
        step.await?;
        for _ in 0..500 {
            match page.tag_name().await {
                Err(error) if error.is_stale_element_reference() => return Ok(()),
                _ => tokio::time::sleep(Duration::from_millis(20)).await,
            }
        }
        bail!("still at {}", self.client.current_url().await?)
    }

    /// Clicks on the first element that matches a CSS selector.
    ///
    /// # Errors
    /// If there is none.
    pub async fn click(&self, selector: &str) -> anyhow::Result<()> {
        let found = self.client.find(Locator::Css(selector)).await;
        found.with_context(|| format!("clicking on {selector}"))?.click().await?;
        Ok(())
    }

    /// Replaces the text of the first element that matches a CSS selector.
    ///
    /// # Errors
    /// If there is none.
    pub async fn fill(&self, selector: &str, text: &str) -> anyhow::Result<()> {
        let found = self.client.find(Locator::Css(selector)).await.with_context(|| format!("filling in {selector}"))?;
        found.clear().await?;
        Ok(found.send_keys(text).await?)
    }

    /// Returns the visible texts of all elements that match a CSS selector.
    ///
    /// # Errors
    /// If the command fails.
    pub async fn texts(&self, selector: &str) -> anyhow::Result<Vec<String>> {
        let mut texts = Vec::new();
        for element in self.client.find_all(Locator::Css(selector)).await? {
            texts.push(element.text().await?);
        }
        Ok(texts)
    }

    /// Returns the text of the only element that matches a CSS selector.
    ///
    /// # Errors
    /// If there is none, or more than one.
    pub async fn text(&self, selector: &str) -> anyhow::Result<String> {
        let mut texts = self.texts(selector).await?;
        ensure!(
            texts.len() == 1,
            "{selector} matches {} elements at {}",
            texts.len(),
            self.client.current_url().await?
        );
        Ok(texts.remove(0))
    }

    /// Runs a script in the page, as an attacker might, and returns its result.
    ///
    /// # Errors
    /// If the script fails.
    pub async fn script(&self, script: &str) -> anyhow::Result<Value> {
        Ok(self.client.execute(script, Vec::new()).await?)
    }

    /// Presses a key.
    ///
    /// # Errors
    /// If the command fails.
    pub async fn press(&self, key: Key) -> anyhow::Result<()> {
        let value = char::from(key);
        let keyboard = KeyActions::new("keyboard".to_owned());
        Ok(self.client.perform_actions(keyboard.then(KeyAction::Down { value }).then(KeyAction::Up { value })).await?)
    }

    /// Returns a cookie of the current page, even if scripts can't read it.
    ///
    /// # Errors
    /// If the command fails.
    pub async fn cookie(&self, name: &str) -> anyhow::Result<Option<Cookie<'static>>> {
        let cookies = self.client.get_all_cookies().await?;
        Ok(cookies.into_iter().find(|cookie| cookie.name() == name))
    }

    /// Saves a screenshot of the whole page in the folder `E2E_SCREENSHOTS`, if that is set.
    ///
    /// # Errors
    /// If the command fails, or the file can't be written.
    pub async fn picture(&self, name: &str) -> anyhow::Result<()> {
        let Some(folder) = std::env::var_os("E2E_SCREENSHOTS").filter(|folder| !folder.is_empty()) else {
            return Ok(());
        };
        let folder = PathBuf::from(folder);
        std::fs::create_dir_all(&folder)?;
        if self.setup.look != Look::Narrow {
            self.client.set_window_size(WIDE, 900).await?;
            let height = self.script("return document.documentElement.scrollHeight + 160").await?.as_u64();
            self.client.set_window_size(WIDE, u32::try_from(height.unwrap_or_default())?).await?;
        }
        let look = format!("{:?}", self.setup.look).to_lowercase();
        let picture = self.client.screenshot().await?;
        std::fs::write(folder.join(format!("{name}-{look}.png")), picture)?;
        Ok(())
    }
}

const WIDE: u32 = 1280;

/// Device-bound sessions, without the quota of signatures, and with keys in files instead of
/// hardware.
const BINDING: &str =
    "DeviceBoundSessions:RefreshQuota/false,EnableBoundSessionCredentialsSoftwareKeysForManualTesting";

fn capabilities(setup: &Setup, profile: &Folder) -> Capabilities {
    let mut arguments: Vec<String> = [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--disable-dev-shm-usage",
        "--hide-scrollbars",
    ]
    .map(str::to_owned)
    .to_vec();
    arguments.push(format!("--window-size={WIDE},900"));
    arguments.push(format!("--user-data-dir={}", profile.path().display()));
    if let Some(hash) = &setup.device {
        arguments.push(format!("--enable-features={BINDING}"));
        arguments.push(format!("--ignore-certificate-errors-spki-list={hash}"));
    }
    let mut options = Capabilities::new();
    match setup.look {
        Look::Light => {}
        Look::Dark => arguments.push("--blink-settings=preferredColorScheme=0".to_owned()),
        Look::Narrow => {
            let telephone = json!({ "deviceMetrics": { "width": 390, "height": 2200, "pixelRatio": 1.0 } });
            options.insert("mobileEmulation".to_owned(), telephone);
        }
    }
    if setup.scripts == Scripts::Off {
        let off = json!({ "profile.managed_default_content_settings.javascript": 2 });
        options.insert("prefs".to_owned(), off);
    }
    if let Some(program) = std::env::var("CHROMIUM").ok().filter(|program| !program.is_empty()) {
        options.insert("binary".to_owned(), json!(program));
    }
    options.insert("args".to_owned(), json!(arguments));
    Capabilities::from_iter([("goog:chromeOptions".to_owned(), Value::Object(options))])
}

#[derive(Debug)]
struct Driver {
    port: u16,
    process: Process,
}

impl Driver {
    fn start() -> anyhow::Result<Self> {
        let program = std::env::var_os("CHROMEDRIVER").filter(|program| !program.is_empty());
        let mut command = Command::new(program.unwrap_or_else(|| "chromedriver".into()));
        let (process, port) = Process::start(command.arg("--port=0"), |line| {
            line.strip_prefix("ChromeDriver was started successfully on port ")?.trim_end_matches('.').parse().ok()
        })
        .context("these tests need ChromeDriver: install it (Debian: chromium-driver), or name it in CHROMEDRIVER")?;
        Ok(Self { port, process })
    }

    /// Asks ChromeDriver to exit together with its browsers. If it were killed, they would keep
    /// running.
    fn shut_down(&self) -> std::io::Result<()> {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port))?;
        stream.set_read_timeout(Some(Duration::from_secs(10)))?;
        write!(stream, "GET /shutdown HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nConnection: close\r\n\r\n", self.port)?;
        stream.read_to_end(&mut Vec::new()).map(drop)
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        if self.shut_down().is_err() || !self.process.ends_within(Duration::from_secs(10)) {
            eprintln!("ChromeDriver didn't exit when asked to: a browser may still be running");
        }
    }
}
