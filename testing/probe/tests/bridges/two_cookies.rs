//! Two good cookies of one name: both applications take the same one. Otherwise they would see
//! different users in one browser.

use cloakroom_servers::Foreign;
use cloakroom_servers::redis::Redis;
use serde_json::{Value, json};

use crate::side::{Jar, Side};
use crate::turns::NOW;

fn takes_the_same(name: &str, mut theirs: Side, mut ours: Side) {
    let mut jars = ["alice", "bob"].map(|user| {
        let mut jar = Jar::new();
        theirs.one(&mut jar, NOW, &json!(["insert", "user", user]));
        jar
    });
    for _ in 0..2 {
        let pairs = jars.iter().flatten().map(|(name, value)| format!("{name}={value}"));
        let header = pairs.collect::<Vec<_>>().join("; ");
        let mut taken = [&mut theirs, &mut ours].map(|side| {
            let read = json!([["get", "user"]]).to_string();
            let answer = side.post(&mut Jar::new(), "/ops", NOW, &[("Cookie", &header)], &read);
            let answer: Value = serde_json::from_str(&answer.body).unwrap();
            answer["results"][0]["ok"].clone()
        });
        println!("{name}: {} of two", taken[0]);
        assert!(taken[0].is_string(), "{name}: {header}");
        assert_eq!(taken[0].take(), taken[1].take(), "{name}: {header}");
        jars.reverse();
    }
}

fn ours(backend: &str, secret: &str) -> Side {
    Side::ours(&["--backend", backend, "--secret", secret])
}

#[test]
fn both_applications_take_the_same_cookie() {
    let theirs = Side::theirs(Foreign::pyramid(&["--secret", "s"]));
    takes_the_same("pyramid", theirs, ours("pyramid", "s"));
    let theirs = Side::theirs(Foreign::pyramid(&["--sessions", "beaker", "--secret", "s"]));
    takes_the_same("beaker", theirs, ours("beaker", "s"));
    let theirs = Side::theirs(Foreign::flask(&["--secret", "dev"]));
    takes_the_same("flask", theirs, ours("flask", "dev"));
    let theirs = Side::theirs(Foreign::django(&["--secret", "insecure", "--cookie-name", "session"]));
    takes_the_same("django", theirs, ours("django", "insecure"));
    let theirs = Side::theirs(Foreign::starlette(&["--secret", "dev"]));
    takes_the_same("starlette", theirs, ours("starlette", "dev"));
    let theirs = Side::theirs(Foreign::express(&["--sessions", "cookie", "--secret", "keyboard cat"]));
    takes_the_same("cookie-session", theirs, ours("express", "keyboard cat"));
    let [theirs, ours_of_rails] = crate::rails::pair("rails", "SHA256", &[], &[]);
    takes_the_same("rails", theirs, ours_of_rails);
    let server = Redis::start();
    let theirs = Side::theirs(Foreign::express(&["--sessions", &server.url(), "--secret", "keyboard cat"]));
    takes_the_same("express-session", theirs, ours(&format!("express:{}", server.url()), "keyboard cat"));
}
