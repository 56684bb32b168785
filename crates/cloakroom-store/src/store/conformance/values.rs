//! Texts and owners of every size and kind are returned unchanged.

use super::bench::{Bench, GRACE, Outcome, ensure, nth, same};
use crate::store::{Replaced, Store};

/// Writes a text in each possible way, and reads it back.
async fn comes_back<S: Store>(it: &Bench<S>, what: &str, text: &str) -> Outcome {
    let entry = it.entry(text);
    let key = it.put(&entry).await?;
    it.live(&format!("{what}, created"), &key, 1, &entry).await?;
    let before = it.entry("before");
    let key = it.put(&before).await?;
    let replaced = it.store.replace(&key, nth(1, &before), &entry, it.now).await?;
    same(&format!("replace with {what}"), &replaced, &Replaced::Yes(nth(2, &entry)))?;
    it.live(&format!("{what}, replaced"), &key, 2, &entry).await?;
    let new = it.key_for_move(&key)?;
    it.store.cycle(&key, nth(2, &entry), &new, &entry, it.now + GRACE, it.now).await?;
    it.live(&format!("{what}, moved"), &new, 1, &entry).await
}

pub(super) async fn empty_and_tiny_texts<S: Store>(it: Bench<S>) -> Outcome {
    for text in ["", " ", "0", "\n", "null", "{}"] {
        comes_back(&it, &format!("the text {text:?}"), text).await?;
    }
    Ok(())
}

pub(super) async fn a_mebibyte<S: Store>(it: Bench<S>) -> Outcome {
    comes_back(&it, "a mebibyte, or the largest text", &random_text(&it, it.largest.min(1 << 20))).await
}

fn random_text<S: Store>(it: &Bench<S>, bytes: usize) -> String {
    (0..bytes).map(|_| char::from(b' ' + u8::try_from(it.below(95)).unwrap_or(0))).collect()
}

pub(super) async fn a_text_that_is_too_large_changes_nothing<S: Store>(it: Bench<S>) -> Outcome {
    let large = it.entry(&random_text(&it, it.largest.saturating_mul(2)));
    let small = it.entry("small");
    let (new, key) = (it.key()?, it.put(&small).await?);
    let refused = [
        ("create", it.store.create(&new, &large, it.now).await.err()),
        ("replace", it.store.replace(&key, nth(1, &small), &large, it.now).await.err()),
        ("cycle", it.store.cycle(&key, nth(1, &small), &new, &large, it.now + GRACE, it.now).await.err()),
    ];
    for (what, error) in refused {
        ensure(error.is_some(), format!("{what} with a text above the limit must be an error"))?;
    }
    it.absent("a session whose text is too large", &new).await?;
    it.live("a session that a text above the limit was written to", &key, 1, &small).await
}

pub(super) async fn awkward_texts<S: Store>(it: Bench<S>) -> Outcome {
    // Every Unicode scalar value, once.
    let all: String = ('\0'..=char::MAX).collect();
    for (what, text) in [
        ("a zero byte", "a\0b\0"),
        ("line ends", "\r\n\r\n\n\r one \n"),
        ("quotes", r#"'"`\'\"\\;--/* $1 ? :name %s {0}"#),
        ("white space around", "\t  text \u{a0}\u{2028} "),
        ("four-byte characters", "🎩🧥👜 𝔘𝔫𝔦𝔠𝔬𝔡𝔢 \u{10ffff}"),
        ("composed and not", "é e\u{301} \u{feff}\u{200b}\u{202e}"),
    ] {
        comes_back(&it, what, text).await?;
    }
    for part in parts(&all, it.largest) {
        comes_back(&it, "all of Unicode", part).await?;
    }
    Ok(())
}

/// Cuts a text into parts of at most this many bytes.
fn parts(mut text: &str, most: usize) -> Vec<&str> {
    let mut parts = Vec::new();
    while !text.is_empty() {
        // A character has at most four bytes.
        let end = (most.saturating_sub(3).max(4)..=most).find(|at| text.is_char_boundary(*at));
        let (part, rest) = text.split_at_checked(end.unwrap_or(text.len())).unwrap_or((text, ""));
        parts.push(part);
        text = rest;
    }
    parts
}

/// Owners that applications use, and that attackers try.
pub(super) const OWNERS: [&str; 18] = [
    "user",
    "User",
    "user ",
    " user",
    "user\0",
    "us\u{301}er",
    "úser",
    "uſer",
    "user\u{200b}",
    "ｕser",
    "o'brien\"; drop table sessions; --",
    "a:b{c}*?[d]\\",
    "user%",
    "u_er",
    "line\nend",
    "🎩",
    "1",
    "01",
];

pub(super) async fn awkward_owners_come_back<S: Store>(it: Bench<S>) -> Outcome {
    let long = "x".repeat(1024);
    let wide = "🎩".repeat(256);
    for owner in OWNERS.into_iter().chain(["", &long, &wide]).map(Some).chain([None]) {
        let entry = it.entry("text").owner(owner.map(str::to_owned));
        let key = it.put(&entry).await?;
        it.live(&format!("an entry of {owner:?}"), &key, 1, &entry).await?;
    }
    Ok(())
}
