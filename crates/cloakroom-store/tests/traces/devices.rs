//! Traces of sessions that are bound to a device.

use std::sync::Arc;

use cloakroom_device::{Device, headers};
use cloakroom_session::factory::SessionId;
use cloakroom_session::{DeviceBinding, Engine, ManualClock, Session};
use cloakroom_store::MemoryStore;

use crate::Traces;
use crate::browser::{BOUND, Browser, Head, REFRESH, call, visit};
use crate::world::{Gated, NAME, NOW, crashing, records, seconds, sessions, with_clock};

/// Adds the secrets that a browser and the record have at this moment.
fn note(secrets: &mut Vec<String>, browser: &Browser, store: &MemoryStore) {
    secrets.extend(browser.jar.values().cloned());
    secrets.extend(browser.jar.get(BOUND).and_then(|value| value.split('.').nth(1)).map(str::to_owned));
    for record in records(store) {
        let Some(binding) = record.binding() else { continue };
        let (text, id) = (binding.encode(), binding.id().to_string());
        // Challenges, the key and the secret of the bound cookie. The identifier is public.
        secrets.extend(text.split('.').filter(|part| part.len() > 20 && *part != id).map(str::to_owned));
    }
}

/// Adds a proof and its parts, and sends it.
async fn prove(secrets: &mut Vec<String>, browser: &mut Browser, engine: &Arc<Engine>, proof: &str) -> u16 {
    secrets.extend(proof.split('.').chain([proof]).filter(|part| part.len() > 10).map(str::to_owned));
    let id = browser.known.as_ref().map(|(_, id)| id.clone());
    let head = Head::post(REFRESH, &browser.jar, &headers(id.as_deref(), Some(proof)));
    browser.send(engine, &head).await.status
}

#[tokio::test(start_paused = true)]
async fn traces_of_bindings_name_the_session_by_its_prefix_and_hold_no_secret() {
    let traces = Traces::default();
    let _tracing = traces.start();
    let (store, clock) = (Arc::new(MemoryStore::new()), Arc::new(ManualClock::at(NOW)));
    let app = with_clock(Arc::clone(&store), Arc::clone(&clock));
    let (mut secrets, mut browser) = (Vec::new(), Browser::new());

    let challenge = browser.sign_in(&app).await;
    note(&mut secrets, &browser, &store);
    let key = SessionId::parse(&browser.jar[NAME]).unwrap().store_key();
    let proof = browser.device.registers(&challenge);
    secrets.extend(proof.split('.').map(str::to_owned).chain([proof.clone()]));
    let head = browser.registration(&challenge);
    assert_eq!(browser.send(&app, &head).await.status, 200);
    note(&mut secrets, &browser, &store);
    assert_eq!(browser.send(&app, &head).await.status, 400, "a second registration");
    assert_eq!(browser.send(&app, &browser.clone().asking()).await.status, 403);

    let (challenge, _) = browser.known.clone().unwrap();
    let (good, forged) = (browser.device.refreshes(&challenge), Device::new(2).refreshes(&challenge));
    assert_eq!(prove(&mut secrets, &mut browser, &app, &forged).await, 400);
    assert_eq!(prove(&mut secrets, &mut browser, &app, &good).await, 200);
    note(&mut secrets, &browser, &store);
    assert_eq!(prove(&mut secrets, &mut browser.clone(), &app, "this.isnt.a-proof-at-all").await, 400);

    browser.visit(&app, |_| ()).await;
    clock.advance(seconds(10));
    let mut thief = browser.clone();
    thief.jar.insert(BOUND.to_owned(), "1700009999999.a-guess-of-a-thief".to_owned());
    secrets.push("a-guess-of-a-thief".to_owned());
    thief.visit(&app, |session| session.insert("a", 1).unwrap()).await;
    let observing = Engine::new(sessions(Arc::clone(&store))).clock(Arc::clone(&clock));
    let observing = Arc::new(observing.device_binding(DeviceBinding::observe()).unwrap());
    let skipped = Head::get(&thief.jar).with("secure-session-skipped", "unreachable;session_identifier=\"a\"");
    visit(&observing, &skipped, |_| ()).await.unwrap();

    // A store that fails, an id that has moved, and a session that has ended.
    let down = crashing(Arc::new(Gated::new(Arc::clone(&store)).crashing_in(1)));
    assert_eq!(call(&down, &browser.refreshing()).await.status, 503);
    let mut copy = browser.clone();
    browser.visit(&app, Session::reauthenticated).await;
    note(&mut secrets, &browser, &store);
    assert_eq!(copy.send(&app, &copy.refreshing()).await.status, 503);
    let moved = SessionId::parse(&browser.jar[NAME]).unwrap().store_key();
    browser.visit(&app, Session::invalidate).await;
    let asking = copy.asking();
    assert_eq!(copy.send(&app, &asking).await.status, 503, "the id leads to a session that has ended");

    let text = traces.text();
    let (prefix, binding) = (key.prefix(), copy.known.clone().unwrap().1);
    for (what, found) in [
        ("a registration", format!("a session was bound to a device session=\"{prefix}\" binding={binding}")),
        (
            "a refused registration",
            format!("the registration of a device was refused session=\"{prefix}\" reason=\"already-bound\""),
        ),
        ("a refused proof", format!("the proof of a device was refused session=\"{prefix}\" reason=\"forged\"")),
        ("a malformed proof", format!("the proof of a device was refused session=\"{prefix}\" reason=\"malformed\"")),
        ("a refresh", format!("a device has proved itself session=\"{prefix}\" binding={binding}")),
        ("an unproven request", format!("is bound to session=\"{prefix}\" detached=true")),
        ("the same, observed", format!("is bound to session=\"{prefix}\" detached=false")),
        ("a store that fails", "a device binding wasn't stored".to_owned()),
        ("an id that has moved", "a browser refreshed with an id that has moved".to_owned()),
    ] {
        assert!(text.contains(&found), "{what}: {found:?} is missing in\n{text}");
    }
    assert!(text.contains(&format!("{moved:?}")), "the session is traced after its move");
    assert!(secrets.len() > 25, "{}", secrets.len());
    for secret in secrets {
        assert!(!secret.is_empty() && !text.contains(&secret), "{secret:?} is in\n{text}");
    }
}
