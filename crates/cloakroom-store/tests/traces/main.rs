//! Trace output, which must contain no secret. In a separate process, because tests that run
//! concurrently without a subscriber would interfere.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    dead_code,
    reason = "a panic is the failure report of a test; not all shared test code is used here"
)]

#[path = "../devices/browser.rs"]
mod browser;
mod devices;
#[path = "../store/explorer.rs"]
mod explorer;
#[path = "../store/faulty.rs"]
mod faulty;
#[path = "../devices/world.rs"]
mod world;

use std::io;
use std::sync::{Arc, Mutex};

use cloakroom_session::Session;
use faulty::{App, Faulty, Mode, key_of};
use tracing_subscriber::fmt::format::FmtSpan;

/// All trace output, as text.
#[derive(Clone, Default)]
struct Traces(Arc<Mutex<Vec<u8>>>);

impl io::Write for Traces {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Traces {
    fn start(&self) -> tracing::subscriber::DefaultGuard {
        let traces = self.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(tracing::Level::TRACE)
            .with_span_events(FmtSpan::CLOSE)
            .with_ansi(false)
            .with_writer(move || traces.clone());
        tracing::subscriber::set_default(subscriber.finish())
    }

    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

#[tokio::test(start_paused = true)]
async fn traces_name_a_session_by_its_prefix_and_hold_no_secret() {
    let traces = Traces::default();
    let _tracing = traces.start();
    let app = App::new(Faulty::new());
    let cookie = app
        .visit("", |session| {
            session.insert("card", "4111 1111 1111 1111").unwrap();
            session.csrf_token().unwrap();
        })
        .await;
    let token = app.request(&cookie).await.unwrap().session.csrf_token().unwrap().expose().to_owned();
    let late = app.request(&cookie).await.unwrap();
    late.session.flash("your order 31337");
    let newer = app.visit(&cookie, |session| session.set_owner("ann@example.org")).await;
    late.finish().await.unwrap();
    app.visit(&newer, Session::invalidate).await;
    app.visit(&newer, |_| ()).await;
    app.sessions.store().be(Mode::Hangs);
    assert!(app.request(&newer).await.is_err());

    let text = traces.text();
    let (old, new) = (key_of(&cookie), key_of(&newer));
    for (what, found) in [
        ("a create", format!("session_store{{operation=\"create\" key={old:?} outcome=\"ok\"}}: ")),
        ("a load", format!("session_store{{operation=\"load\" key={old:?} outcome=\"ok\"}}: ")),
        ("a move", format!("session_store{{operation=\"cycle\" key={old:?} outcome=\"ok\"}}: ")),
        ("an end", format!("session_store{{operation=\"end\" key={new:?} outcome=\"ok\"}}: ")),
        ("a store that hangs", format!("session_store{{operation=\"load\" key={new:?} outcome=\"timeout\"}}: ")),
        ("a drop", "session changes dropped".to_owned()),
        ("an unknown id", "cookie=\"session\" reason=\"unknown\" count=1 ignored=0".to_owned()),
    ] {
        assert!(text.contains(&found), "{what}: {found:?} is missing in\n{text}");
    }
    assert!(format!("{old:?}").contains(&old.prefix()) && format!("{old:?}").len() < 24, "{old:?} is a prefix");
    let ids = [&cookie, &newer].map(|cookie| cookie.trim_start_matches("session=").to_owned());
    for secret in [&ids[0], &ids[1], &token, "4111 1111", "order 31337", "ann@example.org"] {
        assert!(!text.contains(secret), "{secret} is in\n{text}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_flood_of_cookies_is_four_round_trips_and_one_event() {
    let traces = Traces::default();
    let _tracing = traces.start();
    let app = App::new(Faulty::new());
    let id = "A".repeat(43);
    let flood = vec![format!("session={id}"); 8_000].join("; ");
    assert!(flood.len() > 400_000);
    app.visit(&flood, |_| ()).await;
    let text = traces.text();
    assert_eq!(text.matches("session cookie rejected").count(), 1, "{text}");
    assert!(text.contains("reason=\"unknown\" count=4 ignored=7996"), "{text}");
    assert_eq!(text.matches("operation=\"load\"").count(), 4, "{text}");
}

/// A child process sees a mount list in which the folder is on NFS. Only root may replace that
/// list.
#[cfg(target_os = "linux")]
#[test]
fn a_network_file_system_is_warned_of_once() {
    const FOLDER: &str = "CLOAKROOM_TEST_FOLDER";
    if let Some(folder) = std::env::var_os(FOLDER) {
        let traces = Traces::default();
        let _tracing = traces.start();
        cloakroom_store::FileStore::open(folder).unwrap();
        println!("{}", traces.text());
        return;
    }
    let (folder, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let root = folder.path().canonicalize().unwrap();
    let mounts = elsewhere.path().join("mountinfo");
    std::fs::write(&mounts, format!("30 22 0:50 / {} rw - nfs4 h:/x rw\n", root.display())).unwrap();
    let opened = |step: &str| {
        let output = std::process::Command::new("unshare")
            .args(["--mount", "sh", "-c", &format!("{step} exec \"$@\"")])
            .arg(&mounts)
            .arg(std::env::current_exe().unwrap())
            .args(["--exact", "a_network_file_system_is_warned_of_once", "--nocapture"])
            .env(FOLDER, folder.path())
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let traces = opened("mount --bind \"$0\" /proc/$$/mountinfo &&");
    assert_eq!(traces.matches("WARN").count(), 1, "{traces}");
    assert!(traces.contains("network file system") && traces.contains("file_system=\"nfs4\""), "{traces}");
    assert!(!opened("").contains("WARN"));
}
