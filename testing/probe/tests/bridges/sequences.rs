//! Random sequences of operations, run on a real Pyramid application and on the probe.
//!
//! Each batch is sent to both with the same cookie, and every result is compared. The visitor then
//! continues with the cookie of one side, chosen at random. The deliberate differences are listed
//! in the table of `docs/guide/bridges.md` and in [`agree`].

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};

use crate::side::{Jar, Side};
use crate::turns::NOW;

/// Pyramid's default.
const TIMEOUT: f64 = 1200.0;

/// Returns whether Pyramid uses this key for a flash queue or the token.
fn is_pyramids(key: &str) -> bool {
    key.starts_with("_f_") || key == "_csrft_"
}

/// A deterministic random number generator: xorshift64*.
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let high = self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33;
        usize::try_from(high).unwrap() % limit
    }

    fn one<T: Clone>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())].clone()
    }

    fn key(&mut self) -> &'static str {
        self.one(&["a", "b", "cart", "é", "", "n", "l"])
    }

    fn value(&mut self) -> Value {
        let values = json!([
            null, true, false, 0, 1, -7, 2.5, 9_007_199_254_740_991_i64, "", "text", "☃ 😀 \\ \"", [], [1, [2]], {}, {"k": {"v": null}}
        ]);
        self.one(values.as_array().unwrap())
    }

    /// A value with at most this many levels, of keys and texts that some framework treats
    /// specially somewhere. Numbers are those that every language reads alike.
    pub(crate) fn any_value(&mut self, levels: usize) -> Value {
        const KEYS: &[&str] = &[
            " m",
            " t",
            " di",
            " di__",
            " b",
            " u",
            " d",
            " x",
            "__proto__",
            "constructor",
            "toString",
            "json_class",
            "_rails",
            "$type",
            "__html__",
            "_cloakroom",
            "py/object",
            "cookie",
            "a",
            "é ☃",
            "",
        ];
        const TEXTS: &[&str] = &[
            "",
            "<script>alert(1)</script>",
            "2026-11-30T10:00:00.000Z",
            "2026-11-30",
            "/Date(1)/",
            "j:{}",
            "NaN",
            "null",
            "\u{2028}\u{7f}\u{1f600}\\u0000",
            "__json_message",
            "=1+1",
            "!!python/object",
        ];
        let below = levels.saturating_sub(1);
        match self.below(if levels == 0 { 5 } else { 9 }) {
            0 => json!(null),
            1 => json!(self.below(2) == 0),
            2 => self.one(&[json!(0), json!(-1), json!(9_007_199_254_740_991_i64), json!(-0.5), json!(1.5e300)]),
            3 | 4 => json!(self.one(TEXTS)),
            5 | 6 => json!({ self.one(KEYS): self.any_value(below) }),
            7 => {
                let count = self.below(4);
                (0..count).map(|_| (self.one(KEYS).to_owned(), self.any_value(below))).collect::<Map<_, _>>().into()
            }
            _ => {
                let count = self.below(4);
                (0..count).map(|_| self.any_value(below)).collect::<Vec<_>>().into()
            }
        }
    }

    fn message(&mut self) -> Value {
        let messages = json!(["Saved.", "Saved.", "☃", {"level": "error", "text": "No."}, ["a", 1], 7]);
        self.one(messages.as_array().unwrap())
    }

    fn queue(&mut self) -> &'static str {
        self.one(&["", "", "error", "é x"])
    }

    /// An operation that leaves the same session on both sides.
    fn operation(&mut self, token: Option<&str>) -> Value {
        match self.below(24) {
            0 | 1 => json!(["get", self.key()]),
            2 => json!(["contains", self.key()]),
            3 => json!(["keys"]),
            4 => json!(["len"]),
            5 => json!(["entries"]),
            6..=8 => json!(["insert", self.key(), self.value()]),
            9 => json!(["remove", self.key()]),
            10 => json!(["take", self.key()]),
            11 => json!(["set_default", self.key(), self.value()]),
            12 => json!(["extend", {"a": self.value(), "b": self.value()}]),
            13 => json!(["add", self.key(), self.one(&[1, 2, -3])]),
            14 => json!(["push", self.key(), self.value()]),
            15 | 16 => json!(["flash", self.message(), self.queue(), self.below(2) == 0]),
            17 => json!(["pop_flash", self.queue()]),
            18 => json!(["peek_flash", self.queue()]),
            19 => json!(["csrf_token"]),
            20 => json!(["check_csrf", token.filter(|_| self.below(3) > 0).unwrap_or("nonsense")]),
            21 => json!(["created"]),
            22 => json!(["is_new"]),
            _ => json!(["changed"]),
        }
    }

    /// An operation that leaves different sessions.
    fn parting(&mut self) -> Value {
        json!([self.one(&["clear", "pop_item", "invalidate", "new_csrf_token"])])
    }

    /// Usually a short pause, sometimes one longer than the timeout.
    fn pause(&mut self) -> f64 {
        self.one(&[0.0, 0.25, 1.0, 59.75, 119.0, 600.0, TIMEOUT, TIMEOUT + 0.5, 3000.0])
    }
}

/// Both applications, running the same sequence.
struct Pair<'a> {
    theirs: &'a mut Side,
    ours: &'a mut Side,
    compared: usize,
    differences: Vec<String>,
}

/// Decodes a session cookie: the time of its last use, and its state.
fn inside(jar: &Jar) -> Option<(f64, Map<String, Value>)> {
    const MAC: usize = 64;
    let bytes = URL_SAFE_NO_PAD.decode(jar.get("session")?).unwrap();
    let triple: Value = serde_json::from_slice(&bytes[MAC..]).unwrap();
    Some((triple[0].as_f64().unwrap(), triple[2].as_object().unwrap().clone()))
}

/// The session before a batch, as both sides know it.
#[derive(Clone)]
struct Before {
    now: f64,
    /// Expired: empty on both sides, but still the same session to Pyramid.
    expired: bool,
    /// The token, which both must know.
    token: Option<String>,
}

impl Before {
    fn of(jar: &Jar, now: f64) -> Self {
        let inside = inside(jar);
        let expired = inside.as_ref().is_some_and(|(used, _)| now - used > TIMEOUT);
        let token =
            inside.filter(|_| !expired).and_then(|(_, state)| state.get("_csrft_")?.as_str().map(str::to_owned));
        Self { now, expired, token }
    }
}

impl Pair<'_> {
    fn sequence(&mut self, seed: u64) {
        let mut dice = Dice::new(seed);
        let (mut jar, mut now, mut operations) = (Jar::new(), NOW, 0);
        while operations < 20 {
            now += dice.pause();
            let before = Before::of(&jar, now);
            let mut batch: Vec<Value> = (0..=dice.below(6)).map(|_| dice.operation(before.token.as_deref())).collect();
            if dice.below(4) == 0 {
                batch.push(dice.parting());
            }
            operations += batch.len();
            let mut jars = [jar.clone(), jar];
            self.batch(&mut jars, &before, &batch, seed);
            let [theirs, ours] = jars;
            jar = if dice.below(2) == 0 { theirs } else { ours };
        }
    }

    /// Sends the batch to both and compares.
    fn batch(&mut self, [theirs, ours]: &mut [Jar; 2], before: &Before, batch: &[Value], seed: u64) {
        // Pyramid counts its internal keys too. Ask for the keys and count the others here.
        let asked: Vec<Value> =
            batch.iter().map(|it| if it[0] == "len" { json!(["keys"]) } else { it.clone() }).collect();
        let their_results = self.theirs.run(theirs, before.now, &json!(asked));
        let our_results = self.ours.run(ours, before.now, &json!(batch));
        // The token that each side created in this batch if the session had none.
        let mut made = None;
        for (operation, (their, our)) in batch.iter().zip(their_results.iter().zip(&our_results)) {
            self.compared += 1;
            if !agree(operation, their, our, before, &mut made) {
                self.differences
                    .push(format!("sequence {seed}, {operation} of {batch:?}: Pyramid {their}, ours {our}"));
            }
        }
        for (jar, results) in [(theirs, their_results), (ours, our_results)] {
            let told =
                batch.iter().zip(&results).rev().find(|(it, _)| it[0] == "csrf_token" || it[0] == "new_csrf_token");
            let Some((operation, told)) = told.filter(|(it, _)| !gone_after(batch, it)) else { continue };
            let kept = inside(jar).and_then(|(_, state)| state.get("_csrft_").cloned());
            if kept.as_ref() != Some(told) {
                self.differences
                    .push(format!("sequence {seed}: {operation} returned {told}, but the cookie has {kept:?}"));
            }
        }
    }
}

/// Returns whether the batch ends with an operation that removes the token.
fn gone_after(batch: &[Value], told: &Value) -> bool {
    let last = batch.last().unwrap();
    last != told && ["clear", "invalidate", "pop_item"].iter().any(|name| last[0] == *name)
}

/// Returns whether both results agree, apart from the deliberate differences.
fn agree(operation: &Value, theirs: &Value, ours: &Value, before: &Before, made: &mut Option<[Value; 2]>) -> bool {
    let failed = |result: &Value| result["err"].is_object();
    if failed(theirs) || failed(ours) {
        return failed(theirs) && failed(ours);
    }
    match operation[0].as_str().unwrap() {
        // We don't expose flash queues and the token as keys.
        "keys" => without_pyramids(theirs) == *ours,
        "len" => json!(without_pyramids(theirs).as_array().unwrap().len()) == *ours,
        "entries" => {
            let theirs: Map<String, Value> = theirs.as_object().unwrap().clone();
            json!(theirs.into_iter().filter(|(key, _)| !is_pyramids(key)).collect::<Map<_, _>>()) == *ours
        }
        "pop_item" => theirs == ours || theirs[0].as_str().is_some_and(is_pyramids),
        // Both sides create a token, and must return it again later in the batch.
        "csrf_token" if before.token.is_none() => {
            let [known, own] = made.get_or_insert_with(|| [theirs.clone(), ours.clone()]);
            theirs.is_string() && ours.is_string() && known == theirs && own == ours
        }
        "new_csrf_token" => theirs.is_string() && ours.is_string(),
        // An expired session is a new session to us, and the same one to Pyramid.
        "is_new" if before.expired => *ours == json!(true) && *theirs == json!(false),
        "created" if before.expired => ours.as_f64() == Some(before.now.floor()),
        _ => theirs == ours,
    }
}

fn without_pyramids(keys: &Value) -> Value {
    json!(keys.as_array().unwrap().iter().filter(|key| !is_pyramids(key.as_str().unwrap())).collect::<Vec<_>>())
}

/// Runs the given number of sequences and fails if any result differs.
pub(crate) fn compare(theirs: &mut Side, ours: &mut Side, sequences: u64) {
    let mut pair = Pair { theirs, ours, compared: 0, differences: Vec::new() };
    for seed in 1..=sequences {
        pair.sequence(seed);
    }
    let Pair { compared, differences, .. } = pair;
    println!(
        "side by side with Pyramid: {sequences} sequences, {compared} results compared, {} differences",
        differences.len()
    );
    let shown: Vec<&String> = differences.iter().take(20).collect();
    assert!(differences.is_empty(), "{} differences, the first of them: {shown:#?}", differences.len());
}
