//! Sealed text opens unchanged or not at all.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use cloakroom_core::{Key, KeyId, Keyring, Rejected, Seal, Sealer};
use proptest::prelude::*;

const BOTH: [Seal; 2] = [Seal::Signed, Seal::Encrypted];
const PAYLOAD: &str = "1c1700000000000;t0;k4:userv5:\"ann\"";
const NONCE: [u8; 12] = *b"twelve bytes";

fn key(start: u8) -> Key {
    Key::new((start..start + 40).collect::<Vec<u8>>()).unwrap()
}

fn sealer(seal: Seal, keyring: impl Into<Keyring>) -> Sealer {
    Sealer::new(seal, &keyring.into(), "session").unwrap()
}

fn body(sealed: &str) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(&sealed[3..]).unwrap()
}

fn with_body(sealed: &str, body: &[u8]) -> String {
    sealed[..3].to_owned() + &URL_SAFE_NO_PAD.encode(body)
}

#[test]
fn any_bit_of_any_byte_breaks_the_seal() {
    for seal in BOTH {
        // Payloads of three lengths, because base64 ends differently.
        for payload in [PAYLOAD, &PAYLOAD[1..], &PAYLOAD[2..], ""] {
            let sealer = sealer(seal, key(1));
            let sealed = sealer.seal(payload, NONCE).unwrap();
            let whole = body(&sealed);
            for at in 0..whole.len() {
                for bit in 0..8 {
                    let mut bytes = whole.clone();
                    bytes[at] ^= 1 << bit;
                    let expected = if at < 4 { Rejected::UnknownKey } else { Rejected::Forged };
                    assert_eq!(
                        sealer.unseal(&with_body(&sealed, &bytes)),
                        Err(expected),
                        "{seal:?}, bit {bit} of byte {at}"
                    );
                }
            }
        }
    }
}

#[test]
fn any_character_replaced_added_or_left_out_breaks_the_seal() {
    const OTHERS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_+/=. \"\0é";
    for seal in BOTH {
        for payload in ["x", "xx", "xxx"] {
            let sealer = sealer(seal, key(1));
            let sealed = sealer.seal(payload, NONCE).unwrap();
            for at in 0..sealed.len() {
                let (head, tail) = sealed.split_at(at);
                for other in OTHERS.chars() {
                    let replaced = format!("{head}{other}{}", &tail[1..]);
                    if replaced != sealed {
                        // In the last character, this also covers the spellings of base64 that
                        // decode to the same bytes.
                        assert!(sealer.unseal(&replaced).is_err(), "{seal:?}: {replaced}");
                    }
                    assert!(sealer.unseal(&format!("{head}{other}{tail}")).is_err(), "{seal:?}: {other:?} at {at}");
                }
                assert!(sealer.unseal(&format!("{head}{}", &tail[1..])).is_err(), "{seal:?}: without {at}");
                assert!(sealer.unseal(head).is_err(), "{seal:?}: cut at {at}");
            }
            for end in ["=", "==", "A", "AA", "AAAA", " ", "\n", ".", ";"] {
                assert!(sealer.unseal(&format!("{sealed}{end}")).is_err(), "{seal:?}: {end:?} behind it");
            }
            assert_eq!(sealer.unseal(&sealed).as_deref(), Ok(payload));
        }
    }
}

#[test]
fn base64_has_one_spelling() {
    // Payloads of different length make the last character carry 0, 2 or 4 bits that must be zero.
    let mut spellings = 0;
    for seal in BOTH {
        for payload in ["", "1", "12"] {
            let sealer = sealer(seal, key(1));
            let sealed = sealer.seal(payload, NONCE).unwrap();
            let lenient = base64::engine::GeneralPurpose::new(
                &base64::alphabet::URL_SAFE,
                base64::engine::general_purpose::NO_PAD.with_decode_allow_trailing_bits(true),
            );
            for last in "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".chars() {
                let other = format!("{}{last}", &sealed[..sealed.len() - 1]);
                if other != sealed && lenient.decode(&other[3..]).unwrap() == body(&sealed) {
                    assert_eq!(sealer.unseal(&other), Err(Rejected::Malformed), "{seal:?}: {other}");
                    spellings += 1;
                }
            }
        }
    }
    assert_eq!(spellings, 2 * (3 + 15), "both kinds of endings occurred in both formats");
}

#[test]
fn truncated_text_is_refused_at_every_length() {
    for seal in BOTH {
        let sealer = sealer(seal, key(1));
        let sealed = sealer.seal(PAYLOAD, NONCE).unwrap();
        for end in 0..sealed.len() {
            assert!(sealer.unseal(&sealed[..end]).is_err(), "{seal:?}: {end} characters");
        }
        let whole = body(&sealed);
        for length in 0..whole.len() {
            for cut in [&whole[..length], &whole[whole.len() - length..]] {
                assert!(sealer.unseal(&with_body(&sealed, cut)).is_err(), "{seal:?}: {length} bytes");
            }
        }
        for (name, text, expected) in [
            ("an empty text", "", Rejected::UnknownFormat),
            ("only a prefix", &sealed[..3], Rejected::Malformed),
            ("less than a key id", &sealed[..6], Rejected::Malformed),
            ("only a key id", &with_body(&sealed, &whole[..4]), Rejected::Malformed),
            (
                "one byte less than a seal",
                &with_body(&sealed, &whole[..if seal == Seal::Signed { 35 } else { 31 }]),
                Rejected::Malformed,
            ),
            (
                "as long as a seal",
                &with_body(&sealed, &whole[..if seal == Seal::Signed { 36 } else { 32 }]),
                Rejected::Forged,
            ),
        ] {
            assert_eq!(sealer.unseal(text), Err(expected), "{seal:?}: {name}");
        }
    }
}

#[test]
fn each_cookie_has_its_own_key() {
    for seal in BOTH {
        let sealed = sealer(seal, key(1)).seal(PAYLOAD, NONCE).unwrap();
        for name in ["Session", "session2", "sessio", "", "__Host-session", "session\0", "key id"] {
            let other = Sealer::new(seal, &key(1).into(), name).unwrap();
            assert_eq!(other.unseal(&sealed), Err(Rejected::Forged), "{seal:?}: {name:?}");
        }
    }
}

#[test]
fn keys_rotate() {
    let (old, new, stranger) = (|| key(1), || key(2), || key(3));
    // Each row: a keyring, and the results for a text sealed with the old key, the new key and
    // another key.
    type Row = (&'static str, Keyring, [Result<(), Rejected>; 3]);
    let rings: &[Row] = &[
        ("old", old().into(), [Ok(()), Err(Rejected::UnknownKey), Err(Rejected::UnknownKey)]),
        ("old, new announced", Keyring::new(old()).next(new()).unwrap(), [Ok(()), Ok(()), Err(Rejected::UnknownKey)]),
        ("new, old kept", Keyring::new(new()).previous(old()).unwrap(), [Ok(()), Ok(()), Err(Rejected::UnknownKey)]),
        ("new", new().into(), [Err(Rejected::UnknownKey), Ok(()), Err(Rejected::UnknownKey)]),
    ];
    for seal in BOTH {
        for (name, ring, expected) in rings {
            let sealer = sealer(seal, ring.clone());
            for (key, expected) in [old(), new(), stranger()].into_iter().zip(expected) {
                let sealed = self::sealer(seal, key).seal(PAYLOAD, NONCE).unwrap();
                assert_eq!(sealer.unseal(&sealed).map(|_| ()), *expected, "{seal:?}: {name}");
            }
            let current = if name.starts_with("old") { old() } else { new() };
            assert_eq!(
                sealer.seal(PAYLOAD, NONCE).unwrap(),
                self::sealer(seal, current).seal(PAYLOAD, NONCE).unwrap(),
                "{name}: the first key seals"
            );
        }
    }
}

#[test]
fn a_key_s_id_does_not_lend_its_key() {
    // A body whose key id was replaced with that of another key in the keyring.
    for seal in BOTH {
        let ring = Keyring::new(key(1)).previous(key(2)).unwrap();
        let sealer = sealer(seal, ring);
        let sealed = sealer.seal(PAYLOAD, NONCE).unwrap();
        let mut bytes = body(&sealed);
        assert_eq!(&bytes[..4], key(1).id().as_bytes());
        bytes[..4].copy_from_slice(key(2).id().as_bytes());
        assert_eq!(sealer.unseal(&with_body(&sealed, &bytes)), Err(Rejected::Forged), "{seal:?}");
    }
}

#[test]
fn formats_are_not_taken_for_each_other() {
    let signed = sealer(Seal::Signed, key(1));
    let encrypted = sealer(Seal::Encrypted, key(1));
    let (s, e) = (signed.seal(PAYLOAD, NONCE).unwrap(), encrypted.seal(PAYLOAD, NONCE).unwrap());
    let swapped = |prefix: &str, text: &str| prefix.to_owned() + &text[3..];
    let rows = [
        ("signed in encrypted", &encrypted, s.clone(), Rejected::UnknownFormat),
        ("encrypted in signed", &signed, e.clone(), Rejected::UnknownFormat),
        ("signed that says encrypted", &encrypted, swapped("e1.", &s), Rejected::Forged),
        ("encrypted that says signed", &signed, swapped("s1.", &e), Rejected::Forged),
        ("a later version", &signed, swapped("s2.", &s), Rejected::UnknownFormat),
        ("version 0", &signed, swapped("s0.", &s), Rejected::UnknownFormat),
        ("upper case", &signed, swapped("S1.", &s), Rejected::UnknownFormat),
        ("no dot", &signed, swapped("s1,", &s), Rejected::UnknownFormat),
        ("no version", &signed, s[3..].to_owned(), Rejected::UnknownFormat),
        ("the prefix twice", &signed, format!("s1.{s}"), Rejected::Malformed),
        ("a space in front", &signed, format!(" {s}"), Rejected::UnknownFormat),
    ];
    for (name, sealer, text, expected) in rows {
        assert_eq!(sealer.unseal(&text), Err(expected), "{name}");
    }
    assert_eq!((signed.format(), encrypted.format()), (Seal::Signed, Seal::Encrypted));
}

#[test]
fn sealed_len_is_exact() {
    for seal in BOTH {
        let sealer = sealer(seal, key(1));
        for length in (0..400).chain([4000, 4096, 10_000]) {
            assert_eq!(
                sealer.seal(&"x".repeat(length), NONCE).unwrap().len(),
                seal.sealed_len(length),
                "{seal:?}: {length}"
            );
        }
        assert_eq!(sealer.seal("\u{1F600}", NONCE).unwrap().len(), seal.sealed_len(4));
        assert!(seal.sealed_len(usize::MAX) > usize::MAX / 4, "no overflow");
    }
}

#[test]
fn nonces_do_what_they_should() {
    let encrypted = sealer(Seal::Encrypted, key(1));
    let (one, same) = (encrypted.seal(PAYLOAD, [1; 12]).unwrap(), encrypted.seal(PAYLOAD, [1; 12]).unwrap());
    assert_eq!(one, same, "a repeated nonce reveals only that two payloads are equal");
    let other = encrypted.seal(&PAYLOAD.replace("ann", "bob"), [1; 12]).unwrap();
    let (one, other) = (body(&one), body(&other));
    let equal = one[16..].iter().zip(&other[16..]).filter(|(one, other)| one == other).count();
    assert!(
        equal < one.len() / 4,
        "under a repeated nonce, similar payloads differ everywhere: {equal} bytes are equal"
    );
    assert_ne!(encrypted.seal(PAYLOAD, [1; 12]).unwrap(), encrypted.seal(PAYLOAD, [2; 12]).unwrap());
    let signed = sealer(Seal::Signed, key(1));
    assert_eq!(
        signed.seal(PAYLOAD, [1; 12]).unwrap(),
        signed.seal(PAYLOAD, [2; 12]).unwrap(),
        "the signed format uses no nonce"
    );
    // The readability of each format.
    let readable = |sealed: &str| body(sealed).windows(3).any(|part| part == b"ann");
    assert!(readable(&signed.seal(PAYLOAD, NONCE).unwrap()));
    assert!(!readable(&encrypted.seal(PAYLOAD, NONCE).unwrap()));
}

#[test]
fn garbage_of_a_hundred_thousand_bytes_is_refused() {
    for seal in BOTH {
        let sealer = sealer(seal, key(1));
        let prefix = &sealer.seal("", NONCE).unwrap()[..3];
        let id = URL_SAFE_NO_PAD.encode([key(1).id().as_bytes().as_slice(), &[0; 2]].concat());
        for (name, text, expected) in [
            ("letters", "A".repeat(100_000), Rejected::UnknownFormat),
            ("letters behind the prefix", format!("{prefix}{}", "A".repeat(100_000)), Rejected::UnknownKey),
            ("a known key, then letters", format!("{prefix}{id}{}", "A".repeat(100_000)), Rejected::Forged),
            ("not base64", format!("{prefix}{}", "\u{1F600}".repeat(25_000)), Rejected::Malformed),
        ] {
            assert_eq!(sealer.unseal(&text), Err(expected), "{seal:?}: {name}");
        }
    }
}

proptest! {
    #[test]
    fn any_payload_comes_back(payload in any::<String>(), name in "[!#-+.-9<-~]{1,40}", nonce in any::<[u8; 12]>()) {
        for seal in BOTH {
            let sealer = Sealer::new(seal, &key(1).into(), &name).unwrap();
            let sealed = sealer.seal(&payload, nonce).unwrap();
            prop_assert_eq!(sealer.unseal(&sealed), Ok(payload.clone()));
            prop_assert!(sealed.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_".contains(&byte)));
        }
    }

    #[test]
    fn any_text_is_refused(text in any::<String>(), bytes in prop::collection::vec(any::<u8>(), 0..200), known in any::<bool>()) {
        for (seal, prefix) in [(Seal::Signed, "s1."), (Seal::Encrypted, "e1.")] {
            let sealer = sealer(seal, key(1));
            prop_assert!(sealer.unseal(&text).is_err());
            let id = if known { *key(1).id().as_bytes() } else { [0; 4] };
            let forged = format!("{prefix}{}", URL_SAFE_NO_PAD.encode([id.as_slice(), &bytes].concat()));
            prop_assert!(sealer.unseal(&forged).is_err());
        }
    }
}

#[test]
fn ids_of_keys_are_shown_in_hexadecimal() {
    let id: KeyId = key(1).id();
    let hex: String = id.as_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!((id.to_string(), format!("{id:?}")), (hex.clone(), format!("KeyId({hex})")));
}
