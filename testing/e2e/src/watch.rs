//! A relay in front of the demo that counts speculative requests of the browser.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Result, bail};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use crate::demo::Demo;

/// The demo's policy forbids scripts, and speculation rules count as scripts. Renaming the header
/// disables the policy.
const POLICY: &[u8] = b"content-security-policy";
const NO_POLICY: &[u8] = b"removed-security-policy";

/// A relay to a demo. It counts answered requests with `Sec-Purpose` and disables the demo's policy
/// on scripts.
#[derive(Debug)]
pub struct Watch {
    port: u16,
    answered: Arc<AtomicUsize>,
    relay: JoinHandle<()>,
}

impl Watch {
    /// Starts a relay to this demo.
    ///
    /// # Errors
    /// If there is no free port.
    pub async fn start(demo: &Demo) -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let (port, target) = (listener.local_addr()?.port(), demo.port());
        let answered = Arc::<AtomicUsize>::default();
        let counter = Arc::clone(&answered);
        let relay = tokio::spawn(async move {
            while let Ok((browser, _)) = listener.accept().await {
                let Ok(demo) = TcpStream::connect(("127.0.0.1", target)).await else { return };
                let ((from_browser, to_browser), (from_demo, to_demo)) = (browser.into_split(), demo.into_split());
                let asked = Arc::<AtomicBool>::default();
                tokio::spawn(requests(from_browser, to_demo, Arc::clone(&asked)));
                tokio::spawn(responses(from_demo, to_browser, asked, Arc::clone(&counter)));
            }
        });
        Ok(Self { port, answered, relay })
    }

    /// Returns the address of a page of the shop, through the relay.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// Waits until this number of speculative requests has been answered.
    ///
    /// # Errors
    /// If this takes longer than ten seconds.
    pub async fn speculated(&self, times: usize) -> Result<()> {
        for _ in 0..500 {
            if self.answered.load(Ordering::SeqCst) >= times {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        bail!("{} speculative requests instead of {times}", self.answered.load(Ordering::SeqCst))
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.relay.abort();
    }
}

async fn requests(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, speculative: Arc<AtomicBool>) {
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(read @ 1..) = from.read(&mut buffer).await {
        let bytes = buffer.get(..read).unwrap_or_default();
        let lower = bytes.to_ascii_lowercase();
        if lower.windows(13).any(|it| it == b"\r\nsec-purpose") {
            speculative.store(true, Ordering::SeqCst);
        }
        if to.write_all(bytes).await.is_err() {
            return;
        }
    }
}

async fn responses(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    asked: Arc<AtomicBool>,
    answered: Arc<AtomicUsize>,
) {
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(read @ 1..) = from.read(&mut buffer).await {
        let bytes = buffer.get_mut(..read).unwrap_or_default();
        let policy = bytes.windows(POLICY.len()).position(|it| it == POLICY);
        if let Some(place) = policy.and_then(|at| bytes.get_mut(at..at + POLICY.len())) {
            place.copy_from_slice(NO_POLICY);
        }
        if to.write_all(bytes).await.is_err() {
            return;
        }
        if asked.swap(false, Ordering::SeqCst) {
            answered.fetch_add(1, Ordering::SeqCst);
        }
    }
}
