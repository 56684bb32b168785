//! Cookie sessions whose cookie gets other attributes in a deployment.

use cloakroom_session::{CookieConfig, CookieSessions, Key};

use crate::former;

fn sessions(cookie: CookieConfig) -> CookieSessions {
    let key = Key::new(b"a secret of the tests, of 32 bytes or even more").unwrap();
    CookieSessions::encrypted(key).cookie(cookie).build().unwrap()
}

#[tokio::test]
async fn a_former_cookie_is_removed_by_a_sign_in_and_a_sign_out() {
    former::cookies_with_other_attributes(sessions).await;
}

#[tokio::test]
async fn of_several_cookies_the_one_used_last_counts() {
    former::of_several_cookies_the_one_used_last_counts(sessions).await;
}
