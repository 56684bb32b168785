//! The demo, driven in a browser: what its tests stand on.
//!
//! Each test starts its own demo and its own Chromium through its own ChromeDriver, so that tests
//! share no cookie. All of it ends with the test, also when that panics.
//!
//! The demo must have been built: `cargo xtask test -p cloakroom-e2e` does both. `CHROMEDRIVER` and
//! `CHROMIUM` name programs that aren't on `PATH`. With `E2E_SCREENSHOTS` set to a folder, pictures
//! of the pages are put there.

mod browser;
mod demo;
mod folder;
mod process;
mod watch;

pub use browser::{Browser, Look, Scripts};
pub use demo::{COOKIE, Demo};
pub use watch::Watch;
