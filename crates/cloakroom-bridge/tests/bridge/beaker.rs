//! Beaker: cookies and records made by Beaker 1.14 are read and written.

use cloakroom_bridge::{
    BeakerCipher, BeakerCookie, BeakerId, BeakerRecord, CookieFormat, IncomingCookie, RecordFormat as _, SealContext,
};
use cloakroom_session::factory::Rejected;
use cloakroom_session::{Lifetimes, Timestamp};
use serde_json::Value;

use super::vectors::{text, vectors};

const NOW: Timestamp = Timestamp::from_unix_millis(1_700_000_000_250);

/// Returns the format that a vector of `type = cookie` was made with.
fn format(args: &Value) -> BeakerCookie {
    let mut builder = BeakerCookie::new(args["validate_key"].as_str().unwrap());
    if let Some(key) = args["encrypt_key"].as_str() {
        let cipher = if args["crypto_type"] == "pycrypto" { BeakerCipher::AesCtr } else { BeakerCipher::AesGcm };
        builder = builder.encrypt_key(key, cipher);
    }
    if let Some(bits) = args["encrypt_nonce_bits"].as_u64() {
        builder = builder.nonce_bits(usize::try_from(bits).unwrap());
    }
    builder.place(args["cookie_domain"].as_str(), args["cookie_path"].as_str().unwrap_or("/")).build().unwrap()
}

#[test]
fn cookies_made_by_beaker_are_read_and_written() {
    let lifetimes = Lifetimes::default();
    let (mut read, mut refused) = (0, 0);
    for vector in vectors("beaker")
        .iter()
        .filter(|it| it["args"].get("validate_key").is_some() && it["name"].as_str().unwrap().starts_with("cookie_"))
    {
        let name = text(vector, "name");
        let format = format(&vector["args"]);
        let opened = format.open(IncomingCookie::new("beaker.session.id", text(vector, "cookie_value")), &lifetimes);
        if name.contains("pickle") {
            assert_eq!(opened.map(|_| ()), Err(Rejected::UnsafeSerializer), "{name}");
            refused += 1;
            continue;
        }
        let record = opened.unwrap_or_else(|why| panic!("{name}: {why}"));
        assert_eq!(record.get("user").as_ref().map(|it| it.as_str()), Some("\"fred\""), "{name}");
        assert_eq!(
            record.entries().filter(|(key, _)| key.starts_with('_')).count(),
            0,
            "{name}: Beaker's own is hidden"
        );
        assert_eq!((record.times().created, record.times().touched), (NOW, NOW), "{name}");
        let sealed = format.seal(&record, SealContext::new("beaker.session.id", NOW, &lifetimes, &[7; 64])).unwrap();
        let again = format.open(IncomingCookie::new("beaker.session.id", &sealed.value), &lifetimes).unwrap();
        assert_eq!(again, record, "{name}: with all of Beaker's own members");
        read += 1;
    }
    println!("beaker: {read} cookies read and written, {refused} pickled ones refused");
    assert_eq!((read, refused), (6, 3));
}

#[test]
fn records_of_its_stores_are_read_and_written() {
    let lifetimes = Lifetimes::default();
    let mut read = 0;
    for vector in vectors("beaker").iter().filter(|it| it["name"].as_str().unwrap().starts_with("file_json")) {
        let (name, args) = (text(vector, "name"), &vector["args"]);
        let mut format = BeakerRecord::new(text(args, "secret")).unwrap();
        if let Some(key) = args["encrypt_key"].as_str() {
            format = format.encrypted(BeakerCipher::AesGcm, key, text(args, "validate_key")).unwrap();
        }
        let body = text(vector, "file_pickle_decoded");
        let body = body.strip_prefix("{'session': '").and_then(|it| it.strip_suffix("'}")).unwrap();
        let record = format.open(body.as_bytes(), NOW, &lifetimes).unwrap_or_else(|why| panic!("{name}: {why}"));
        assert_eq!(record.get("user").as_ref().map(|it| it.as_str()), Some("\"fred\""), "{name}");
        let sealed =
            format.seal("id", &record, SealContext::new("beaker.session.id", NOW, &lifetimes, &[7; 64])).unwrap();
        assert_eq!(format.open(&sealed, NOW, &lifetimes).unwrap(), record, "{name}");
        read += 1;
    }
    assert_eq!(read, 2);
}

#[test]
fn ids_are_signed() {
    let ids = BeakerId::new("s3cret").unwrap();
    let good = "f873abd46468bf4beee1b87abe937e98704e6eee0123456789abcdef0123456789abcdef";
    let path = ids.seal("../../tmp/evil");
    for (name, value, expected) in [
        ("as Beaker makes it", good, Ok("0123456789abcdef0123456789abcdef")),
        ("another id", &good.replace("0123456789abcdef", "0123456789abcdee"), Err(Rejected::Forged)),
        ("unsigned", "0123456789abcdef0123456789abcdef", Err(Rejected::Malformed)),
        ("invented by a client", "attackerchosen", Err(Rejected::Malformed)),
        ("signed, and a path", &path, Err(Rejected::Corrupt)),
    ] {
        assert_eq!(ids.open(value), expected, "{name}");
    }
}

#[test]
fn foreign_cookies_are_refused_with_a_reason() {
    let vector = vectors("beaker").into_iter().find(|it| it["name"] == "cookie_json_aesgcm").unwrap();
    let value = text(&vector, "cookie_value");
    let gcm = |validate: &str, encrypt: &str| BeakerCookie::new(validate).encrypt_key(encrypt, BeakerCipher::AesGcm);
    let (validate, encrypt) = ("validate-key-abcdef", "encrypt-key-0123456789");
    let plain = BeakerCookie::new(validate);
    for (name, builder, value, expected) in [
        ("right", gcm(validate, encrypt), value, Ok(())),
        ("another validate_key", gcm("other", encrypt), value, Err(Rejected::Forged)),
        ("another encrypt_key", gcm(validate, "other"), value, Err(Rejected::Corrupt)),
        ("another cipher", plain.clone().encrypt_key(encrypt, BeakerCipher::AesCtr), value, Err(Rejected::Corrupt)),
        ("not encrypted", plain, value, Err(Rejected::Corrupt)),
        ("cut", gcm(validate, encrypt), &value[..60], Err(Rejected::Forged)),
        ("garbage", gcm(validate, encrypt), "garbage", Err(Rejected::Malformed)),
        ("more than ASCII", gcm(validate, encrypt), &"é".repeat(40), Err(Rejected::Malformed)),
    ] {
        let opened =
            builder.build().unwrap().open(IncomingCookie::new("beaker.session.id", value), &Lifetimes::default());
        assert_eq!(opened.map(|_| ()), expected, "{name}");
    }
}
