//! Cookies of one name with other attributes, from before a deployment. The tests of factories
//! with other contents include this file.

use std::sync::Arc;
use std::time::Duration;

use cloakroom_session::adapter::{CookieHeader, SessionSlot};
use cloakroom_session::factory::SessionFactory;
use cloakroom_session::{CookieConfig, Engine, ManualClock, Session, Timestamp};

/// The cookies of a browser, as RFC 6265 §5.3 tells them apart.
#[derive(Default)]
struct Jar(Vec<Kept>);

struct Kept {
    domain: Option<String>,
    path: String,
    value: String,
}

impl Jar {
    /// Returns the header for a request, the longest path first (RFC 6265 §5.4).
    fn header(&self, path: &str) -> String {
        let mut sent: Vec<_> = self.0.iter().filter(|kept| path.starts_with(&kept.path)).collect();
        sent.sort_by_key(|kept| std::cmp::Reverse(kept.path.len()));
        sent.iter().map(|kept| format!("sid={}", kept.value)).collect::<Vec<_>>().join("; ")
    }

    fn receive(&mut self, line: &str) {
        let mut parts = line.split("; ");
        let value = parts.next().unwrap().strip_prefix("sid=").unwrap().to_owned();
        let rest: Vec<&str> = parts.collect();
        let attribute = |name| rest.iter().find_map(|part| part.strip_prefix(name)).map(str::to_owned);
        let (domain, path) = (attribute("Domain="), attribute("Path=").unwrap());
        self.0.retain(|kept| (&kept.domain, &kept.path) != (&domain, &path));
        if attribute("Max-Age=").as_deref() != Some("0") {
            self.0.push(Kept { domain, path, value });
        }
    }

    fn places(&self) -> Vec<String> {
        self.0.iter().map(|kept| format!("{}{}", kept.domain.as_deref().unwrap_or_default(), kept.path)).collect()
    }
}

/// A deployment of the application: a factory, and the clock of the test.
struct Deployment {
    engine: Arc<Engine>,
    clock: Arc<ManualClock>,
}

impl Deployment {
    /// Answers a request a minute later.
    async fn answer<T>(&self, jar: &mut Jar, path: &str, handler: impl FnOnce(&Session) -> T) -> T {
        self.clock.advance(Duration::from_secs(60));
        let header = jar.header(path);
        let slot = SessionSlot::new(Arc::clone(&self.engine));
        let session = slot.open(CookieHeader::new([header.as_bytes()])).await.unwrap();
        let result = handler(&session);
        for cookie in slot.finish(200).await.unwrap().cookies {
            jar.receive(cookie.as_str());
        }
        result
    }
}

fn plain() -> CookieConfig {
    CookieConfig::default().name("sid")
}

fn sign_in(session: &Session) {
    session.cycle_id();
    session.insert("user", "ann").unwrap();
}

fn user(session: &Session) -> Option<String> {
    session.get("user").unwrap()
}

fn count(session: &Session) -> u32 {
    session
        .update("count", |count: &mut u32| {
            *count += 1;
            *count
        })
        .unwrap()
}

/// Runs all cases on the factories that `build` makes; all of them open the same cookies.
pub(crate) async fn cookies_with_other_attributes<F: SessionFactory>(build: impl Fn(CookieConfig) -> F) {
    let clock = Arc::new(ManualClock::at(Timestamp::from_unix_secs(1_700_000_000)));
    let deploy = |cookie| {
        let engine = Engine::new(build(cookie)).clock(Arc::clone(&clock));
        Deployment { engine: Arc::new(engine), clock: Arc::clone(&clock) }
    };
    let before = deploy(plain());
    for (name, after, place) in [
        ("a domain", deploy(plain().domain("example.com").former(plain())), "example.com/"),
        ("a path", deploy(plain().path("/app").former(plain())), "/app"),
    ] {
        let mut jar = Jar::default();
        before.answer(&mut jar, "/app", sign_in).await;
        assert_eq!(after.answer(&mut jar, "/app", user).await.as_deref(), Some("ann"), "{name}: still signed in");
        after.answer(&mut jar, "/app", sign_in).await;
        assert_eq!(jar.places(), [place], "{name}: a sign-in replaces the former cookie");
        after.answer(&mut jar, "/app", Session::invalidate).await;
        assert!(jar.places().is_empty(), "{name}: a sign-out removes the cookie");

        before.answer(&mut jar, "/app", sign_in).await;
        after.answer(&mut jar, "/app", Session::invalidate).await;
        assert!(jar.places().is_empty(), "{name}: a sign-out removes the former cookie too");
    }
}

/// Runs the case of two applications that share a name and a key, without an option.
pub(crate) async fn of_several_cookies_the_one_used_last_counts<F: SessionFactory>(build: impl Fn(CookieConfig) -> F) {
    let clock = Arc::new(ManualClock::at(Timestamp::from_unix_secs(1_700_000_000)));
    let deploy = |cookie| {
        let engine = Engine::new(build(cookie)).clock(Arc::clone(&clock));
        Deployment { engine: Arc::new(engine), clock: Arc::clone(&clock) }
    };
    // The longer path is sent first, so that neither the first nor the last cookie is always right.
    for (name, first, second) in [("short, then long", "/", "/app"), ("long, then short", "/app", "/")] {
        let (first, second) = (deploy(plain().path(first)), deploy(plain().path(second)));
        let mut jar = Jar::default();
        assert_eq!(first.answer(&mut jar, "/app", count).await, 1, "{name}");
        let fresh = &mut Jar::default();
        second.answer(fresh, "/app", |session| session.insert("count", 10).unwrap()).await;
        jar.0.append(&mut fresh.0);
        for expected in [11, 12, 13] {
            assert_eq!(second.answer(&mut jar, "/app", count).await, expected, "{name}");
        }
    }
}
