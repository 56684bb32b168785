//! Vectors of the frameworks' versions, which `write_vectors` of the probe's tests makes: each is
//! opened, compared with the values that the framework stored, sealed and opened again.

use std::time::Duration;

use cloakroom_bridge::{
    BeakerCipher, BeakerCookie, CookieFormat, DjangoCookie, DjangoRecord, ExpressCookie, ExpressRecord, FlaskCookie,
    FlaskCookieBuilder, HashAlgorithm, IncomingCookie, PyramidCookie, RailsCookie, RailsDigest, RecordFormat,
    SealContext,
};
use cloakroom_session::Timestamp;
use cloakroom_session::factory::Record;
use serde_json::Value;

use super::vectors::{document, text};

/// The versions, and the number of their vectors.
const VERSIONS: [(&str, &str, usize); 16] = [
    ("django-3.2", "3.2.25", 12),
    ("django-4.0", "4.0.10", 12),
    ("django-4.1", "4.1.13", 14),
    ("django-4.2", "4.2.20", 14),
    ("django-5.2", "5.2.19", 14),
    ("flask-1.1", "1.1.4", 5),
    ("flask-2.3", "2.3.3", 5),
    ("flask-3.1", "3.1.3", 5),
    ("pyramid-1.10", "1.10.8", 8),
    ("pyramid-2.1", "2.1", 8),
    ("beaker-1.13", "1.13.0", 8),
    ("beaker-1.14", "1.14.1", 8),
    ("rails-6.1", "6.1.7.10", 20),
    ("rails-7.2", "7.2.2.2", 20),
    ("cookie-session-2.1", "2.1.1", 4),
    ("express-session-1.19", "1.19.0", 6),
];

const HOUR: Duration = Duration::from_secs(3600);

/// Opens a vector, and seals it for how long browsers keep its cookie. Returns the record of both
/// texts.
trait Reads {
    fn read(&self, vector: &Value, now: Timestamp) -> (Record, Record, Option<Duration>);
}

struct Cookie<F>(F);

struct Stored<F>(F);

fn cookie<'a>(vector: &'a Value, now: Timestamp) -> IncomingCookie<'a> {
    let companion = vector["cookies"]["session.sig"].as_str();
    IncomingCookie::new("session", text(&vector["cookies"], "session")).with_companion(companion).at(now)
}

impl<F: CookieFormat> Reads for Cookie<F> {
    fn read(&self, vector: &Value, now: Timestamp) -> (Record, Record, Option<Duration>) {
        let lifetimes = self.0.lifetimes();
        let read = |cookie| self.0.open(cookie, &lifetimes).unwrap_or_else(|why| panic!("{vector}: {why}"));
        let record = read(cookie(vector, now));
        let sealed = self.0.seal(&record, SealContext::new("session", now, &lifetimes, &[7; 64])).unwrap();
        let again = IncomingCookie::new("session", &sealed.value).with_companion(sealed.companion.as_deref());
        (record, read(again.at(now)), sealed.life.max_age(None, now))
    }
}

impl<F: RecordFormat> Reads for Stored<F> {
    fn read(&self, vector: &Value, now: Timestamp) -> (Record, Record, Option<Duration>) {
        let lifetimes = self.0.lifetimes();
        let read = |stored: &[u8]| self.0.open(stored, now, &lifetimes).unwrap_or_else(|why| panic!("{vector}: {why}"));
        let id = self.0.open_id(cookie(vector, now)).unwrap();
        let record = read(text(vector, "record").as_bytes());
        let sealed = self.0.seal(&id, &record, SealContext::new("session", now, &lifetimes, &[7; 64])).unwrap();
        let life = self.0.life(&record).max_age(self.0.max_age(), now);
        (record, read(&sealed), life)
    }
}

fn format(framework: &str, kind: &str, secret: &str) -> Box<dyn Reads> {
    let rails = |digest| RailsCookie::encrypted(secret).digest(digest);
    match (framework, kind) {
        ("django", "db") => Box::new(Stored(DjangoRecord::new(secret).unwrap())),
        ("django", _) => Box::new(Cookie(DjangoCookie::new(secret).build().unwrap())),
        ("flask", _) => Box::new(Cookie(FlaskCookie::new(secret).build().unwrap())),
        ("pyramid", "sha256") => {
            let format = PyramidCookie::new(secret).hash_algorithm(HashAlgorithm::Sha256);
            Box::new(Cookie(format.build().unwrap()))
        }
        ("pyramid", _) => Box::new(Cookie(PyramidCookie::new(secret).build().unwrap())),
        ("beaker", "plain") => Box::new(Cookie(BeakerCookie::new(secret).build().unwrap())),
        ("beaker", _) => {
            let format = BeakerCookie::new(secret).encrypt_key("encrypt", BeakerCipher::AesGcm);
            Box::new(Cookie(format.build().unwrap()))
        }
        ("rails", "sha1") => Box::new(Cookie(rails(RailsDigest::Sha1).build().unwrap())),
        ("rails", "signed") => Box::new(Cookie(RailsCookie::signed(secret).build().unwrap())),
        ("rails", "expires") => Box::new(Cookie(rails(RailsDigest::Sha256).expire_after(HOUR).build().unwrap())),
        ("rails", "bare") => Box::new(Cookie(rails(RailsDigest::Sha256).without_metadata().build().unwrap())),
        ("rails", _) => Box::new(Cookie(rails(RailsDigest::Sha256).build().unwrap())),
        ("cookie-session", _) => Box::new(Cookie(ExpressCookie::new(secret).build().unwrap())),
        ("express-session", _) => Box::new(Stored(ExpressRecord::new(secret).max_age(HOUR).build().unwrap())),
        unknown => panic!("{unknown:?}"),
    }
}

fn member(record: &Record, key: &str) -> Value {
    record.get(key).map_or(Value::Null, |value| serde_json::from_str(value.as_str()).unwrap())
}

#[test]
fn sessions_of_each_version_are_read_and_written() {
    for (name, version, count) in VERSIONS {
        let file = document(&format!("versions/{name}"));
        let (framework, secret) = (text(&file, "framework"), text(&file, "secret"));
        let now = Timestamp::from_unix_millis(file["made_at_millis"].as_u64().unwrap());
        assert_eq!(text(&file, "version"), version, "{name}");
        let vectors = file["vectors"].as_array().unwrap();
        for vector in vectors {
            let title = format!("{name}, {}, {}", text(vector, "kind"), text(vector, "name"));
            let (record, again, life) = format(framework, text(vector, "kind"), secret).read(vector, now);
            for record in [&record, &again] {
                let values = vector["values"].as_object().unwrap();
                for (key, value) in values {
                    assert_eq!(member(record, key), *value, "{title}: {key}");
                }
                // Rails drops keys without a value.
                let own = record.entries().filter(|(_, value)| value.as_str() != "null").count();
                let expected = values.values().filter(|value| !value.is_null()).count();
                assert_eq!(own, expected, "{title}: nothing else is a value");
                let messages: Vec<Value> = record
                    .flashes()
                    .filter(|(queue, _)| queue.is_empty())
                    .flat_map(|(_, bodies)| bodies)
                    .map(|body| serde_json::from_str(body.as_str()).unwrap())
                    .collect();
                let expected: Vec<Value> =
                    Some(vector["message"].clone()).filter(|it| !it.is_null()).into_iter().collect();
                assert_eq!(messages, expected, "{title}");
                // Flask-WTF signs its forms separately: see `FlaskWtf`.
                if let Some(form) = vector["form"].as_str().filter(|_| framework != "flask") {
                    assert!(record.csrf().unwrap().matches(form), "{title}: a form of the framework");
                }
            }
            assert_eq!(again.times().touched, record.times().touched, "{title}");
            assert_eq!(life.map(|life| life.as_secs()), vector["max_age"].as_u64(), "{title}");
        }
        println!("{name} ({version}): {} vectors", vectors.len());
        assert_eq!(vectors.len(), count, "{name}");
    }
}

/// Versions and options at the edge of what is supported: the guide tells which of them open.
#[test]
fn other_versions_open_or_have_a_reason() {
    let now = Timestamp::from_unix_secs(1_795_960_500);
    for vector in document("versions/edges")["vectors"].as_array().unwrap() {
        let secret = text(vector, "secret");
        let cookie = || IncomingCookie::new("_shop_session", text(vector, "cookie")).at(now);
        let opened = match text(vector, "framework") {
            "flask" => {
                let builder = FlaskCookie::new(secret);
                let builder = vector["fallback"].as_str().into_iter().fold(builder, FlaskCookieBuilder::fallback);
                let format = builder.build().unwrap();
                format.open(cookie(), &format.lifetimes())
            }
            "django" => {
                let format = DjangoRecord::new(secret).unwrap();
                format.open(text(vector, "record").as_bytes(), now, &format.lifetimes())
            }
            _ => {
                let format = RailsCookie::encrypted(secret).digest(RailsDigest::Sha1).build().unwrap();
                format.open(cookie(), &format.lifetimes())
            }
        };
        let result = match opened {
            Ok(record) => {
                assert_eq!(member(&record, "user"), Value::from(42), "{vector}");
                "opens".to_owned()
            }
            Err(why) => why.as_str().to_owned(),
        };
        assert_eq!(result, text(vector, "expected"), "{vector}");
    }
}
