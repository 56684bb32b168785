//! Texts and owners of every size and kind are returned unchanged.

use super::bench::{Bench, GRACE, Outcome, nth, same};
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
    let text: String = (0..1 << 20).map(|_| char::from(b' ' + u8::try_from(it.below(95)).unwrap_or(0))).collect();
    comes_back(&it, "a mebibyte", &text).await
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
        ("all of Unicode", &all),
    ] {
        comes_back(&it, what, text).await?;
    }
    Ok(())
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
