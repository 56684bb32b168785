//! Test support: the demo, driven in a browser.
//!
//! Each test starts a separate demo and a separate Chromium with its ChromeDriver, so that tests
//! share no cookies. All of them exit with the test, even if it panics.
//!
//! The demo must have been built: `cargo xtask test -p cloakroom-e2e` does both. `CHROMEDRIVER` and
//! `CHROMIUM` name programs that aren't on `PATH`. If `E2E_SCREENSHOTS` is set to a folder,
//! screenshots of the pages are saved there.

mod browser;
mod demo;
mod devtools;
mod folder;
mod https;
mod process;
mod watch;

pub use browser::{Browser, Look, Scripts};
pub use demo::{COOKIE, Demo};
pub use https::HttpsServer;
pub use watch::Watch;
