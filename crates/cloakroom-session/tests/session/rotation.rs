//! Key rotation signs no user out.

use cloakroom_session::factory::Seal;
use cloakroom_session::{CookieSessions, Keyring};

use crate::support::{App, BOTH, Browser, key, seconds};

fn with(seal: Seal, keyring: Keyring) -> CookieSessions {
    match seal {
        Seal::Signed => CookieSessions::signed(keyring).build().unwrap(),
        _ => CookieSessions::encrypted(keyring).build().unwrap(),
    }
}

#[test]
fn a_rolling_deployment_signs_nobody_out() {
    for seal in BOTH {
        let (old, new) = (key(1), key(2));
        let before = App::new(with(seal, Keyring::new(old.clone())));
        let announced = before.redeployed(with(seal, Keyring::new(old.clone()).next(new.clone()).unwrap()));
        let rotated = before.redeployed(with(seal, Keyring::new(new.clone()).previous(old).unwrap()));
        let after = before.redeployed(with(seal, Keyring::new(new)));

        // Step one: some nodes know the next key, others don't.
        let browser = Browser::signed_in(&announced);
        assert!(browser.user(&before).is_some(), "{seal:?}: the next key doesn't seal yet");
        // Step two: some nodes seal with the new key, others only know it.
        let mut browser = Browser::signed_in(&rotated);
        assert!(browser.user(&announced).is_some(), "{seal:?}: the announced key opens");
        assert!(browser.user(&before).is_none(), "{seal:?}: without the announcement, it doesn't open");
        browser.visit(&announced, |session| session.insert("cart", 1).unwrap());
        assert!(browser.user(&rotated).is_some(), "{seal:?}: sealed by a node that isn't rotated yet");
        // Step three: the old key is removed.
        assert!(browser.user(&after).is_none(), "{seal:?}");
    }
}

#[test]
fn the_next_write_seals_with_the_current_key() {
    for seal in BOTH {
        let (old, new) = (key(1), key(2));
        let before = App::new(with(seal, Keyring::new(old.clone())));
        let rotated = before.redeployed(with(seal, Keyring::new(new.clone()).previous(old).unwrap()));
        let after = before.redeployed(with(seal, Keyring::new(new)));
        for (name, age, write) in [("a write", 0, true), ("a touch", 121, false)] {
            let mut browser = Browser::signed_in(before.at(seconds(0)));
            assert!(browser.visit(&rotated, |_| {}).is_silent(), "{seal:?}, {name}: a read sends nothing");
            assert!(browser.user(&after).is_none());
            let answer = browser.visit(rotated.at(seconds(age)), |session| {
                if write {
                    session.insert("cart", 1).unwrap();
                }
            });
            assert!(answer.sets_a_cookie(), "{seal:?}, {name}");
            assert_eq!(browser.user(&after).as_deref(), Some("ann"), "{seal:?}, {name}");
        }
    }
}
