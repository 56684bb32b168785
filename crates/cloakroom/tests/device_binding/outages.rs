//! Outages of the store, and lost answers.

use cloakroom::DeviceBinding;

use crate::adapters::{ADAPTERS, Answer, App};
use crate::browser::{BOUND, Browser};
use crate::shop::{Outage, seconds};

/// A browser keeps its binding after 503 only.
fn is_outage(answer: &Answer) -> bool {
    let is_silent = answer.all("set-cookie").is_empty() && answer.one("location").is_none();
    answer.status == 503 && is_silent && answer.one("cache-control") == Some("no-store")
}

#[tokio::test]
async fn an_outage_at_the_endpoints_is_503_on_every_adapter() {
    for (name, make) in ADAPTERS {
        for outage in [Outage::All, Outage::Writes] {
            let app = App::of(make, DeviceBinding::enforce());
            let mut browser = Browser::new(1);
            let (challenge, path) = browser.sign_in(&app).await;
            app.shop.store.fail(outage);
            let answer = browser.register(&app, &challenge, &path).await;
            assert!(is_outage(&answer), "{name}, {outage:?}: {answer:?}");
            app.shop.store.fail(Outage::None);
            assert_eq!(browser.register(&app, &challenge, &path).await.status, 200, "{name}, {outage:?}");

            browser.get(&app, "/").await;
            app.shop.wait(seconds(600));
            app.shop.store.fail(outage);
            let answer = browser.refresh(&app).await;
            assert!(is_outage(&answer), "{name}, {outage:?}: {answer:?}");
            app.shop.wait(seconds(120));
            app.shop.store.fail(Outage::None);
            assert_eq!(browser.refresh(&app).await.status, 200, "{name}, {outage:?}");
            assert!(browser.get(&app, "/").await.body.starts_with("anna Fresh"), "{name}, {outage:?}");
        }
    }
}

/// The store has written, and the browser asks again.
#[tokio::test]
async fn an_answer_of_the_store_that_is_lost_ends_no_binding() {
    let app = App::new(DeviceBinding::enforce());
    let mut browser = Browser::armed(&app).await;
    for (row, later, status) in [("at once", 1, 200), ("after the minute of repetitions", 61, 403)] {
        app.shop.wait(seconds(600));
        app.shop.store.fail(Outage::Answer);
        let answer = browser.refresh(&app).await;
        assert!(is_outage(&answer), "{row}: {answer:?}");
        app.shop.store.fail(Outage::None);
        app.shop.wait(seconds(later));
        assert_eq!(browser.refresh(&app).await.status, status, "{row}");
    }
    assert_eq!(browser.refresh(&app).await.status, 200, "with the challenge of the answer");
    assert!(browser.get(&app, "/").await.body.starts_with("anna Fresh"));
}

/// The session stays usable, and the next sign-in offers again.
#[tokio::test]
async fn a_registration_whose_answer_is_lost_locks_no_user_out() {
    let app = App::new(DeviceBinding::enforce());
    let mut browser = Browser::new(1);
    let (challenge, path) = browser.sign_in(&app).await;
    app.shop.store.fail(Outage::Answer);
    let answer = browser.register(&app, &challenge, &path).await;
    assert!(is_outage(&answer), "{answer:?}");
    app.shop.store.fail(Outage::None);
    assert!(!browser.jar.contains_key(BOUND));
    app.shop.wait(seconds(600));
    assert_eq!(browser.get(&app, "/").await.body, "anna NotArmed");
    let (challenge, path) = browser.sign_in(&app).await;
    assert_eq!(browser.register(&app, &challenge, &path).await.status, 200);
}
