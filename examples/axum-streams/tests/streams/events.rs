//! Server-sent events.

use cloakroom_smoke::Browser;

use crate::clients::{Events, counts, post, program, visitor};

#[test]
fn both_changes_are_kept() {
    let program = program();
    let (mut browser, token) = visitor(&program);
    let mut events = Events::open(&program, browser.cookie.as_deref().unwrap());
    assert_eq!(events.next(), Some((1, 0)));
    post(&mut browser, "/note", &token);
    // The stream sees the change of the other request, and continues to count.
    let (steps, notes) = std::iter::from_fn(|| events.next()).find(|(_, notes)| *notes > 0).unwrap();
    assert!(steps > 1 && notes == 1, "{steps} {notes}");
    drop(events);
    let (later, notes) = counts(&mut browser);
    assert!(later >= steps && notes == 1, "{later} {notes}");
    post(&mut browser, "/note", &token);
    assert_eq!(counts(&mut browser).1, 2, "nothing follows it");
}

#[test]
fn many_streams_and_many_requests_lose_nothing() {
    const STREAMS: usize = 4;
    const WRITERS: u32 = 4;
    const NOTES_EACH: u32 = 10;
    let program = program();
    let (mut browser, token) = visitor(&program);
    let cookie = browser.cookie.clone().unwrap();
    let seen: u32 = std::thread::scope(|scope| {
        let streams: Vec<_> = (0..STREAMS)
            .map(|_| {
                scope.spawn(|| {
                    let mut events = Events::open(&program, &cookie);
                    let mut all = std::iter::from_fn(|| events.next());
                    // The number of steps until all changes had arrived.
                    all.position(|(_, notes)| notes == WRITERS * NOTES_EACH).unwrap() as u32 + 1
                })
            })
            .collect();
        for _ in 0..WRITERS {
            scope.spawn(|| {
                let mut tab = Browser::new(&program);
                tab.cookie = Some(cookie.clone());
                for _ in 0..NOTES_EACH {
                    post(&mut tab, "/note", &token);
                }
            });
        }
        streams.into_iter().map(|stream| stream.join().unwrap()).sum()
    });
    let (steps, notes) = counts(&mut browser);
    assert_eq!(notes, WRITERS * NOTES_EACH);
    // Each event that a client read is a committed step.
    assert!(steps >= seen, "{steps} steps of {seen}");
}

#[test]
fn an_ended_session_ends_the_stream() {
    let program = program();
    let (mut browser, token) = visitor(&program);
    let cookie = browser.cookie.clone();
    let mut events = Events::open(&program, cookie.as_deref().unwrap());
    assert_eq!(events.next(), Some((1, 0)));
    post(&mut browser, "/sign-out", &token);
    while events.next().is_some() {}
    // The last step of the stream didn't revive the session.
    browser.cookie.clone_from(&cookie);
    assert_eq!(counts(&mut browser), (0, 0));
}

#[test]
fn a_new_session_is_created_before_the_stream() {
    let program = program();
    let mut events = Events::open(&program, "other=1");
    assert_eq!(events.next(), Some((1, 0)));
    assert_eq!(events.next(), Some((2, 0)), "the session is kept between steps");
}
