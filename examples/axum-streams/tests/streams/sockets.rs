//! A WebSocket.

use crate::clients::{Socket, counts, post, program, visitor};

const OURS: &str = "same-origin";

#[test]
fn both_changes_are_kept() {
    let program = program();
    let (mut browser, token) = visitor(&program);
    let mut socket = Socket::open(&program, browser.cookie.as_deref().unwrap(), OURS).unwrap();
    assert_eq!(socket.say("one"), (1, 0));
    post(&mut browser, "/note", &token);
    assert_eq!(socket.say("two"), (2, 1));
    post(&mut browser, "/note", &token);
    drop(socket);
    assert_eq!(counts(&mut browser), (2, 2));
}

#[test]
fn an_ended_session_closes_a_silent_socket() {
    let program = program();
    let (mut browser, token) = visitor(&program);
    let cookie = browser.cookie.clone();
    let mut socket = Socket::open(&program, cookie.as_deref().unwrap(), OURS).unwrap();
    assert_eq!(socket.say("one"), (1, 0));
    post(&mut browser, "/sign-out", &token);
    assert!(socket.closes());
    browser.cookie = cookie;
    assert_eq!(counts(&mut browser), (0, 0));
}

#[test]
fn another_site_cannot_open_a_socket() {
    let program = program();
    let (browser, _) = visitor(&program);
    for site in ["cross-site", "same-site"] {
        let refused = Socket::open(&program, browser.cookie.as_deref().unwrap(), site).err();
        assert!(
            matches!(&refused, Some(tungstenite::Error::Http(answer)) if answer.status() == 403),
            "{site}: {refused:?}"
        );
    }
}
