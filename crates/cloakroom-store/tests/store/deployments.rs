//! Sessions in a store whose cookie gets other attributes in a deployment.

use std::sync::Arc;

use cloakroom_session::CookieConfig;
use cloakroom_store::{MemoryStore, StoredSessions};

use crate::former;

/// Returns a function that makes factories on one store.
fn sessions() -> impl Fn(CookieConfig) -> StoredSessions<MemoryStore> {
    let store = Arc::new(MemoryStore::new());
    move |cookie| StoredSessions::new(Arc::clone(&store)).cookie(cookie).build().unwrap()
}

#[tokio::test]
async fn a_former_cookie_is_removed_by_a_sign_in_and_a_sign_out() {
    former::cookies_with_other_attributes(sessions()).await;
}

#[tokio::test]
async fn of_several_cookies_the_one_used_last_counts() {
    former::of_several_cookies_the_one_used_last_counts(sessions()).await;
}
