//! Keys and keyrings: weak secrets are refused before they protect anything.

use cloakroom_core::{Key, Keyring, Seal, Sealer};

fn bytes(length: u8) -> Vec<u8> {
    (0..length).collect()
}

#[test]
fn weak_secrets_are_refused() {
    let mut almost = vec![0; 32];
    almost[31] = 1;
    let rows: &[(&str, Vec<u8>, Option<&str>)] = &[
        ("an empty secret", vec![], Some("key: has 0 bytes, at least 32 are needed")),
        ("one byte", vec![1], Some("key: has 1 bytes, at least 32 are needed")),
        ("31 bytes", bytes(31), Some("key: has 31 bytes, at least 32 are needed")),
        ("32 bytes", bytes(32), None),
        ("33 bytes", bytes(33), None),
        ("200 bytes", bytes(200), None),
        ("32 zeros", vec![0; 32], Some("key: is one byte repeated, which is no secret")),
        ("64 zeros", vec![0; 64], Some("key: is one byte repeated, which is no secret")),
        ("a letter repeated", vec![b'a'; 32], Some("key: is one byte repeated, which is no secret")),
        ("zeros and a one", almost, None),
    ];
    for (name, secret, expected) in rows {
        let error = Key::new(secret).err();
        assert_eq!(error.as_ref().map(ToString::to_string).as_deref(), *expected, "{name}");
        assert!(error.is_none_or(|error| error.option() == "key"), "{name}");
    }
}

#[test]
fn base64_is_accepted_in_all_variants() {
    let secret: Vec<u8> = (0..32_u8).map(|byte| 255 - byte).collect();
    let key = Key::new(&secret).unwrap();
    let rows = [
        ("standard", "//79/Pv6+fj39vX08/Lx8O/u7ezr6uno5+bl5OPi4eA=", true),
        ("standard, not padded", "//79/Pv6+fj39vX08/Lx8O/u7ezr6uno5+bl5OPi4eA", true),
        ("URL-safe", "__79_Pv6-fj39vX08_Lx8O_u7ezr6uno5-bl5OPi4eA=", true),
        ("URL-safe, not padded", "__79_Pv6-fj39vX08_Lx8O_u7ezr6uno5-bl5OPi4eA", true),
        ("as a tool prints it", "  //79/Pv6+fj39vX08/Lx8O/u7ezr6uno5+bl5OPi4eA=\r\n", true),
        ("both alphabets at once", "__79/Pv6+fj39vX08/Lx8O/u7ezr6uno5+bl5OPi4eA=", false),
        ("a line end inside", "//79/Pv6+fj39vX08/Lx\n8O/u7ezr6uno5+bl5OPi4eA=", false),
        ("bits left over", "//79/Pv6+fj39vX08/Lx8O/u7ezr6uno5+bl5OPi4eB=", false),
        ("hexadecimal with a prefix", "0x:fffefdfc", false),
        ("not ASCII", "схема", false),
        ("an empty text", "", false),
        ("only padding", "====", false),
        ("too short", "AAECAwQFBgcICQ==", false),
        ("zeros", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", false),
    ];
    for (name, text, accepted) in rows {
        match Key::from_base64(text) {
            Ok(read) => assert!(accepted && read == key && read.id() == key.id(), "{name}"),
            Err(error) => {
                assert!(!accepted, "{name}: {error}");
                assert_eq!(error.option(), "key", "{name}");
                assert!(text.len() < 8 || !error.to_string().contains(&text[..8]), "{name} is quoted in {error}");
            }
        }
    }
}

#[test]
fn a_repeated_key_is_refused_and_named() {
    let keys: Vec<Key> = (1..=3).map(|start| Key::new((start..start + 40).collect::<Vec<u8>>()).unwrap()).collect();
    let [one, two, three] = keys.as_slice() else { panic!("three keys") };
    let ring = || Keyring::new(one.clone()).previous(two.clone()).unwrap();
    let rows: &[(&str, Result<Keyring, _>, Option<&str>)] = &[
        ("three keys", ring().next(three.clone()), None),
        ("previous, the current one", ring().previous(one.clone()), Some("previous_key")),
        ("previous, twice", ring().previous(two.clone()), Some("previous_key")),
        ("next, the current one", ring().next(one.clone()), Some("next_key")),
        ("next, a previous one", ring().next(two.clone()), Some("next_key")),
    ];
    for (name, result, option) in rows {
        assert_eq!(result.as_ref().err().map(|error| error.option()), *option, "{name}");
    }
    let error = ring().previous(two.clone()).unwrap_err().to_string();
    assert!(error.contains(&two.id().to_string()), "which key: {error}");
}

#[test]
fn keys_that_differ_in_a_bit_or_a_byte_are_different_keys() {
    let secret = bytes(40);
    let key = Key::new(&secret).unwrap();
    assert_eq!(key, Key::new(&secret).unwrap());
    for at in 0..secret.len() {
        for bit in 0..8 {
            let mut other = secret.clone();
            other[at] ^= 1 << bit;
            let other = Key::new(&other).unwrap();
            assert!(other != key && other.id() != key.id(), "bit {bit} of byte {at}");
        }
    }
    for length in (32..40).chain(41..64) {
        let other = Key::new(bytes(length)).unwrap();
        assert!(other != key && other.id() != key.id(), "{length} bytes");
    }
}

#[test]
fn a_keyring_from_a_key_is_a_keyring_of_one() {
    let key = Key::new(bytes(32)).unwrap();
    let sealed = Sealer::new(Seal::Signed, &key.clone().into(), "s").unwrap().seal("x", [0; 12]).unwrap();
    assert_eq!(Sealer::new(Seal::Signed, &Keyring::new(key), "s").unwrap().unseal(&sealed).as_deref(), Ok("x"));
}
