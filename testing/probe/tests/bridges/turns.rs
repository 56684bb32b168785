//! Two applications take turns on one session: each must see the changes of the other.

use serde_json::{Value, json};

use crate::sequences::Dice;
use crate::side::{Jar, Side};

/// A time with a fraction of a second, as real clocks have.
pub(crate) const NOW: f64 = 1_700_000_000.25;

/// The features of a framework, apart from storing values.
#[derive(Clone, Copy)]
pub(crate) struct Abilities {
    /// It has flash messages.
    pub(crate) flashes: bool,
    /// Flash queues have names, and each queue holds several messages.
    pub(crate) queues: bool,
    /// A message of any JSON type comes back unmodified.
    pub(crate) any_message: bool,
    /// A message has a level as well as text.
    pub(crate) levels: bool,
    /// Its forms are checked the way ours are.
    pub(crate) forms: bool,
    /// It can end a session.
    pub(crate) ends: bool,
    /// A session of the first age is valid, one of the second age has expired.
    pub(crate) lifetime: Option<(f64, f64)>,
    /// A copied cookie opens nothing after a sign-out.
    pub(crate) ends_for_good: bool,
}

/// The features that most frameworks have.
pub(crate) const USUAL: Abilities = Abilities {
    flashes: true,
    queues: true,
    any_message: true,
    levels: true,
    forms: true,
    ends: true,
    lifetime: None,
    ends_for_good: false,
};

/// When a signing secret is used.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Signs {
    /// Once for each session, for its id.
    OnlyTheId,
    EachWrite,
}

/// Both applications, and the number of turns.
pub(crate) struct Turns {
    format: &'static str,
    sides: [Side; 2],
    jar: Jar,
    now: f64,
    taken: usize,
    mismatches: Vec<String>,
}

impl Turns {
    pub(crate) fn between(format: &'static str, theirs: Side, ours: Side) -> Self {
        Self { format, sides: [theirs, ours], jar: Jar::new(), now: NOW, taken: 0, mismatches: Vec::new() }
    }

    /// Uses another clock, for a framework that reads its own.
    pub(crate) const fn at(mut self, now: f64) -> Self {
        self.now = now;
        self
    }

    /// Runs all checks, starting with either side.
    pub(crate) fn all(mut self, abilities: Abilities) {
        for first in [0, 1] {
            self.values(first);
            self.numbers(first);
            self.any_values(first, abilities);
            if abilities.flashes {
                self.flashes(first, abilities);
            }
            if abilities.forms {
                self.forms(first);
            }
            self.tampered(first);
            if abilities.ends {
                self.ended(first, abilities);
            }
            if let Some(lifetime) = abilities.lifetime {
                self.expired(first, lifetime);
            }
        }
        self.settle();
    }

    /// Runs an operation on one side and compares its result.
    fn turn(&mut self, side: usize, operation: &Value, expected: &Value) {
        let result = self.ask(side, operation);
        if result != *expected {
            let name = self.sides[side].name;
            self.mismatches.push(format!("{name}, {operation}: {result} instead of {expected}"));
        }
    }

    fn ask(&mut self, side: usize, operation: &Value) -> Value {
        self.taken += 1;
        self.sides[side].one(&mut self.jar, self.now, operation)
    }

    fn visitor(&mut self) {
        self.jar.clear();
    }

    fn values(&mut self, first: usize) {
        let second = 1 - first;
        self.visitor();
        let values = [
            ("user_id", json!(42)),
            ("name", json!("héllo ☃ 😀 \"quoted\" <tag> \u{7f}\n")),
            ("nested", json!({"list": [1, [2, {"three": null}]], "true": true, "empty": {}})),
            ("half", json!(1.5)),
            ("nothing", json!(null)),
            ("list", json!([])),
            ("large", json!(9_007_199_254_740_991_i64)),
            ("key with spaces; and, signs=\"é\"", json!("value")),
        ];
        for (key, value) in &values {
            self.turn(first, &json!(["insert", key, value]), &json!(null));
            self.turn(second, &json!(["get", key]), value);
        }
        // When the other side writes too, values that it didn't touch stay the same.
        self.turn(second, &json!(["insert", "mine", "other"]), &json!(null));
        for (key, value) in &values {
            self.turn(first, &json!(["get", key]), value);
        }
        self.turn(first, &json!(["get", "mine"]), &json!("other"));
        self.turn(first, &json!(["remove", "user_id"]), &json!(true));
        self.turn(second, &json!(["contains", "user_id"]), &json!(false));
        self.turn(second, &json!(["take", "half"]), &json!(1.5));
        self.turn(first, &json!(["take", "half"]), &json!(null));
        self.turn(first, &json!(["set_default", "name", 7]), &values[1].1);
        self.turn(second, &json!(["extend", {"x": 1, "y": [2]}]), &json!(null));
        self.turn(first, &json!(["get", "y"]), &json!([2]));
    }

    fn numbers(&mut self, first: usize) {
        self.visitor();
        for round in 1..=6 {
            let side = (first + round) % 2;
            self.turn(side, &json!(["add", "n", round]), &json!((1..=round).sum::<usize>()));
            self.turn(side, &json!(["push", "l", round]), &json!(round));
            self.now += 1.0;
        }
        self.turn(first, &json!(["get", "l"]), &json!([1, 2, 3, 4, 5, 6]));
    }

    /// Random JSON: neither side may take a part of it for something else, as Flask takes an object
    /// with a tag.
    fn any_values(&mut self, first: usize, abilities: Abilities) {
        let second = 1 - first;
        for seed in 1..=40 {
            self.visitor();
            let mut dice = Dice::new(seed);
            let (value, other) = (dice.any_value(4), dice.any_value(2));
            self.turn(first, &json!(["insert", "value", value]), &json!(null));
            self.turn(second, &json!(["get", "value"]), &value);
            self.turn(second, &json!(["insert", "other", other]), &json!(null));
            self.turn(first, &json!(["get", "other"]), &other);
            self.turn(first, &json!(["get", "value"]), &value);
            if abilities.any_message {
                let message = json!({"text": value});
                self.turn(first, &json!(["flash", message]), &json!(null));
                self.turn(second, &json!(["pop_flash"]), &json!([message]));
            }
        }
    }

    fn flashes(&mut self, first: usize, abilities: Abilities) {
        let second = 1 - first;
        self.visitor();
        self.turn(first, &json!(["insert", "kept", 1]), &json!(null));
        self.turn(first, &json!(["flash", "Saved."]), &json!(null));
        self.turn(second, &json!(["pop_flash"]), &json!(["Saved."]));
        self.turn(first, &json!(["pop_flash"]), &json!([]));
        self.turn(second, &json!(["pop_flash"]), &json!([]));
        if abilities.any_message {
            let message = json!({"text": "Saved.", "at": [1, 2]});
            self.turn(first, &json!(["flash", message]), &json!(null));
            self.turn(second, &json!(["pop_flash"]), &json!([message]));
        }
        if abilities.levels {
            let message = json!(["success", "Saved."]);
            self.turn(first, &json!(["flash", message]), &json!(null));
            self.turn(second, &json!(["pop_flash"]), &json!([message]));
        }
        if abilities.queues {
            for (side, message, queue) in
                [(first, "one", ""), (second, "two", ""), (second, "bad", "error"), (first, "worse", "error")]
            {
                self.turn(side, &json!(["flash", message, queue]), &json!(null));
            }
            self.turn(second, &json!(["peek_flash"]), &json!(["one", "two"]));
            self.turn(first, &json!(["peek_flash"]), &json!(["one", "two"]));
            self.turn(first, &json!(["pop_flash", "error"]), &json!(["bad", "worse"]));
            self.turn(second, &json!(["pop_flash", "error"]), &json!([]));
            self.turn(second, &json!(["pop_flash"]), &json!(["one", "two"]));
            self.turn(first, &json!(["pop_flash"]), &json!([]));
        }
        self.turn(first, &json!(["get", "kept"]), &json!(1));
    }

    fn forms(&mut self, first: usize) {
        let second = 1 - first;
        self.visitor();
        self.turn(first, &json!(["insert", "kept", 1]), &json!(null));
        let rendered = self.rendered(first);
        for (side, token, expected) in [
            (second, rendered.as_str(), true),
            (first, rendered.as_str(), true),
            (second, "", false),
            (second, "nonsense", false),
            (second, &rendered[1..], false),
        ] {
            self.form(side, token, expected);
        }
        let again = self.rendered(second);
        self.form(first, &again, true);
        self.form(second, &again, true);
        self.form(second, &rendered, true);
        // A form of another visitor is refused.
        self.visitor();
        self.turn(first, &json!(["insert", "kept", 2]), &json!(null));
        let _ = self.rendered(first);
        self.form(second, &rendered, false);
        self.form(first, &rendered, false);
    }

    /// Returns the token as this application renders it.
    fn rendered(&mut self, side: usize) -> String {
        let operation = if self.sides[side].name == "ours" { "masked_csrf_token" } else { "csrf_token" };
        self.ask(side, &json!([operation])).as_str().expect("a token").to_owned()
    }

    fn form(&mut self, side: usize, token: &str, expected: bool) {
        self.taken += 1;
        if self.sides[side].takes_form(&mut self.jar, self.now, token) != expected {
            let (name, verb) = (self.sides[side].name, if expected { "refuses" } else { "accepts" });
            self.mismatches.push(format!("{name} {verb} a form with the token {token:?}"));
        }
    }

    fn tampered(&mut self, first: usize) {
        self.visitor();
        self.turn(first, &json!(["insert", "secret", "kept"]), &json!(null));
        let whole = self.jar.clone();
        let (name, value) = whole.iter().max_by_key(|(_, value)| value.len()).expect("a cookie");
        let places = [0, value.len() / 4, value.len() / 2, value.len() * 3 / 4, value.len() - 3];
        for place in places {
            let mut bytes = value.clone().into_bytes();
            // Still a base64 character, so that the test does not only exercise the alphabet check.
            // And not the same letter: tower-sessions in MySQL ignores the case of ids.
            bytes[place] = if bytes[place].eq_ignore_ascii_case(&b'A') { b'B' } else { b'A' };
            for side in [0, 1] {
                self.jar.insert(name.clone(), String::from_utf8(bytes.clone()).unwrap());
                self.turn(side, &json!(["get", "secret"]), &json!(null));
            }
        }
        for side in [0, 1] {
            self.jar.insert(name.clone(), value[..value.len() - 5].to_owned());
            self.turn(side, &json!(["get", "secret"]), &json!(null));
            self.jar.clone_from(&whole);
            self.turn(side, &json!(["get", "secret"]), &json!("kept"));
        }
    }

    fn ended(&mut self, first: usize, abilities: Abilities) {
        let second = 1 - first;
        self.visitor();
        self.turn(first, &json!(["insert", "user", "ann"]), &json!(null));
        self.turn(second, &json!(["get", "user"]), &json!("ann"));
        let copy = self.jar.clone();
        self.turn(second, &json!(["invalidate"]), &json!(null));
        self.turn(first, &json!(["get", "user"]), &json!(null));
        self.turn(second, &json!(["get", "user"]), &json!(null));
        if abilities.ends_for_good {
            for side in [first, second] {
                self.jar.clone_from(&copy);
                self.turn(side, &json!(["get", "user"]), &json!(null));
                // A write doesn't revive it either.
                self.turn(side, &json!(["insert", "late", 1]), &json!(null));
                self.turn(side, &json!(["get", "user"]), &json!(null));
            }
        }
    }

    fn expired(&mut self, first: usize, (open, over): (f64, f64)) {
        // Frameworks that store whole seconds round down.
        let begun = self.now.floor();
        for side in [first, 1 - first] {
            for (age, expected) in [(open, json!("ann")), (over, json!(null))] {
                self.now = begun;
                self.visitor();
                self.turn(first, &json!(["insert", "user", "ann"]), &json!(null));
                self.now = begun + age;
                self.turn(side, &json!(["get", "user"]), &expected);
            }
        }
    }

    /// Secrets rotate: cookies that one side sealed with the old secret open on the other, which
    /// seals with the new one.
    ///
    /// `start` starts both with a secret and a previous one.
    pub(crate) fn rotated(format: &'static str, signs: Signs, start: impl Fn(&str, Option<&str>) -> [Side; 2]) {
        const OLD: &str = "the secret of last year, which has leaked to an attacker";
        const NEW: &str = "the secret of this year, which has not leaked so far";
        let started = |secret, previous| start(secret, previous);
        let [theirs, ours] = started(OLD, None);
        let mut turns = Self::between(format, theirs, ours);
        for first in [0, 1] {
            turns.visitor();
            turns.sides = started(OLD, None);
            turns.turn(first, &json!(["insert", "user", "ann"]), &json!(null));
            let old = turns.jar.clone();
            turns.sides = started(NEW, Some(OLD));
            for side in [0, 1] {
                turns.jar.clone_from(&old);
                turns.turn(side, &json!(["get", "user"]), &json!("ann"));
                turns.turn(side, &json!(["insert", "visits", 2]), &json!(null));
                turns.turn(1 - side, &json!(["get", "user"]), &json!("ann"));
            }
            turns.sides = started(NEW, None);
            let known = signs == Signs::EachWrite;
            turns.turn(0, &json!(["get", "user"]), &if known { json!("ann") } else { json!(null) });
            turns.turn(1, &json!(["get", "visits"]), &if known { json!(2) } else { json!(null) });
            for side in [0, 1] {
                turns.jar.clone_from(&old);
                turns.turn(side, &json!(["get", "user"]), &json!(null));
            }
        }
        turns.settle();
    }

    /// Prints the counts and fails if there was a mismatch.
    fn settle(&self) {
        println!("{}: {} turns, {} mismatches", self.format, self.taken, self.mismatches.len());
        assert!(self.mismatches.is_empty(), "{}: {:#?}", self.format, self.mismatches);
    }
}
