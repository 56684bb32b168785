//! Sessions that are bound to a device: they are listed, copied and ended.

use std::borrow::Cow;
use std::sync::Arc;

use cloakroom::adapter::{CookieHeader, DeviceAnswer, RequestHead, SessionSlot};
use cloakroom::factory::SessionId;
use cloakroom::{AnyStore, DeviceBinding, Engine, Keyring, Packing, StoredSessions, connect, connect_packed};
use cloakroom_device::{Device, challenge, headers, offer};

use crate::common::{cloakroom, command, json, run, sqlite};

const NAME: &str = "__Host-Http-session";
const KEY: &str = "q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJA=";

/// The head of a request to an endpoint.
struct Head {
    path: &'static str,
    lines: Vec<(&'static str, String)>,
}

impl RequestHead for Head {
    fn method(&self) -> &str {
        "POST"
    }

    fn authority(&self) -> Option<&str> {
        Some("shop.example")
    }

    fn target(&self) -> Cow<'_, str> {
        self.path.into()
    }

    fn lines<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        self.lines.iter().filter(move |(it, _)| *it == name).map(|(_, value)| value.as_bytes())
    }
}

/// An application on a store.
struct App(Arc<Engine>);

impl App {
    fn new(store: &Arc<AnyStore>) -> Self {
        let sessions = StoredSessions::new(Arc::clone(store)).build().unwrap();
        Self(Arc::new(Engine::new(sessions).device_binding(DeviceBinding::enforce()).unwrap()))
    }

    /// Signs a user in. Returns the value of the cookie, and the challenge of the offer.
    async fn sign_in(&self) -> (String, String) {
        let slot = SessionSlot::new(Arc::clone(&self.0));
        let session = slot.open(CookieHeader::default()).await.unwrap();
        session.sign_in("ann");
        session.bind_device().unwrap();
        drop(session);
        let effects = slot.finish(200).await.map_err(|failure| failure.error).unwrap();
        let cookie = effects.cookies[0].as_str().split([';', '=']).nth(1).unwrap().to_owned();
        (cookie, offer(&effects.headers[0].1).1)
    }

    async fn call(&self, path: &'static str, cookie: &str, id: Option<&str>, proof: &str) -> DeviceAnswer {
        let lines = headers(id, Some(proof)).into_iter().map(|(name, value)| (name, value.to_owned()));
        let lines = lines.chain([("cookie", format!("{NAME}={cookie}"))]).collect();
        SessionSlot::new(Arc::clone(&self.0)).device_call(&Head { path, lines }).unwrap().await
    }

    /// Registers the device. Returns the next challenge and the identifier.
    async fn register(&self, cookie: &str, challenge: &str) -> (String, String) {
        let proof = Device::new(1).registers(challenge);
        next(&self.call("/.well-known/dbsc/register", cookie, None, &proof).await)
    }

    /// Refreshes. Returns the status and the next challenge.
    async fn refresh(&self, cookie: &str, known: &(String, String)) -> DeviceAnswer {
        let proof = Device::new(1).refreshes(&known.0);
        self.call("/.well-known/dbsc/refresh", cookie, Some(&known.1), &proof).await
    }
}

fn next(answer: &DeviceAnswer) -> (String, String) {
    assert_eq!(answer.status(), 200);
    challenge(answer.headers().find(|(name, _)| *name == "secure-session-challenge").unwrap().1)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_binding_is_shown_without_secrets_and_ends_with_its_session() {
    let folder = tempfile::tempdir().unwrap();
    let url = sqlite(folder.path(), "sessions.db");
    let store = Arc::new(connect(&url).await.unwrap());
    let app = App::new(&store);
    let (cookie, challenge) = app.sign_in().await;
    let key = SessionId::parse(&cookie).unwrap().store_key().to_hex();
    let shown = || cloakroom(&["sessions", "show", &url, &key, "--values"]).1;
    assert!(shown().contains("device             a binding is offered\n"), "{}", shown());
    let known = app.register(&cookie, &challenge).await;
    assert!(shown().contains("bound to a device since 20") && shown().contains("Z, last proof 20"), "{}", shown());
    for listed in [json(0, &["sessions", "list", &url]), json(0, &["sessions", "list", &url, "--owner", "ann"])] {
        let device = &listed["sessions"][0]["device"];
        assert!(device["bound_since"].is_string() && device["last_proof"].is_string(), "{listed}");
    }
    let table = cloakroom(&["sessions", "list", &url]).1;
    assert!(table.contains("DEVICE") && table.contains("bound"), "{table}");
    assert!(!(table + &shown()).contains(&known.0), "a challenge is never shown");

    assert_eq!(app.refresh(&cookie, &known).await.status(), 200);
    assert_eq!(cloakroom(&["sessions", "end", &url, &key]).0, 0);
    assert_eq!(app.refresh(&cookie, &known).await.status(), 401);
}

/// A copy of a store has the bindings, and the device refreshes there: also if one of the stores
/// packs its records.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_binding_moves_with_a_copy_of_its_store() {
    let folder = tempfile::tempdir().unwrap();
    let [from, to] = ["from.db", "to.db"].map(|name| sqlite(folder.path(), name));
    let packing = || Packing::new().encrypt(Keyring::parse(KEY).unwrap()).compress_above(64);
    let store = Arc::new(connect_packed(&from, packing()).await.unwrap());
    let copy = Arc::new(connect_packed(&to, packing()).await.unwrap());
    let app = App::new(&store);
    let (cookie, challenge) = app.sign_in().await;
    let known = app.register(&cookie, &challenge).await;
    let known = next(&app.refresh(&cookie, &known).await);
    let key = folder.path().join("key");
    std::fs::write(&key, KEY).unwrap();
    let (key, journal) = (key.to_str().unwrap(), folder.path().join("journal"));
    let journal = journal.to_str().unwrap();
    let migrate = ["migrate", &from, &to, "--journal", journal, "--records-key-file", key];
    let (code, out, err) = run(&mut command(&migrate));
    assert_eq!(code, 0, "{out}{err}");
    let known = next(&App::new(&copy).refresh(&cookie, &known).await);
    assert_eq!(App::new(&copy).refresh(&cookie, &known).await.status(), 200);
}
