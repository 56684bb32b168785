//! Laws of every format: a written record is read back, and untouched members stay unchanged.

use std::sync::LazyLock;

use cloakroom_bridge::{
    BeakerCipher, BeakerCookie, CookieFormat, DjangoCookie, ExpressCookie, FlaskCookie, IncomingCookie, OutgoingCookie,
    PlugCookie, PyramidCookie, RailsCookie, SealContext, StarletteCookie,
};
use cloakroom_session::factory::{
    Duplicates, FlashId, Json, Record, SessionState, SessionTimes, begin_commit, fresh_id,
};
use cloakroom_session::{CsrfToken, Lifetimes};
use proptest::prelude::*;

use super::browser::NOW;

/// Created once, because some formats derive their keys slowly.
static FORMATS: LazyLock<Vec<Box<dyn Formatting>>> = LazyLock::new(|| {
    let beaker = || BeakerCookie::new("validate");
    vec![
        Box::new(PyramidCookie::new("secret").build().unwrap()),
        Box::new(beaker().build().unwrap()),
        Box::new(beaker().encrypt_key("key", BeakerCipher::AesGcm).build().unwrap()),
        Box::new(beaker().encrypt_key("key", BeakerCipher::AesCtr).build().unwrap()),
        Box::new(FlaskCookie::new("secret").build().unwrap()),
        Box::new(DjangoCookie::new("secret").build().unwrap()),
        Box::new(ExpressCookie::new("secret").build().unwrap()),
        Box::new(RailsCookie::encrypted("secret").build().unwrap()),
        Box::new(RailsCookie::signed("secret").without_metadata().build().unwrap()),
        Box::new(PlugCookie::signed("secret", "salt").build().unwrap()),
        Box::new(StarletteCookie::new("secret").build().unwrap()),
        Box::new(PlugCookie::encrypted("secret", "salt").build().unwrap()),
    ]
});

/// A format, without its type.
trait Formatting: Send + Sync {
    fn name(&self) -> &'static str;
    fn write(&self, record: &Record) -> OutgoingCookie;
    fn read(&self, sealed: &OutgoingCookie) -> Record;
}

impl<F: CookieFormat> Formatting for F {
    fn name(&self) -> &'static str {
        self.framework()
    }

    fn write(&self, record: &Record) -> OutgoingCookie {
        let lifetimes = self.lifetimes();
        self.seal(record, SealContext::new("it", NOW, &lifetimes, &[7; 64])).unwrap()
    }

    fn read(&self, sealed: &OutgoingCookie) -> Record {
        let cookie = IncomingCookie::new("it", &sealed.value).with_companion(sealed.companion.as_deref());
        self.open(cookie.at(NOW), &self.lifetimes()).unwrap()
    }
}

/// Values in the spelling of other frameworks.
fn foreign_value() -> impl Strategy<Value = String> {
    let scalar = prop_oneof![
        Just("NaN".to_owned()),
        Just("-Infinity".to_owned()),
        Just(r#""\ud800""#.to_owned()),
        Just(r#"{" t":[1,2]}"#.to_owned()),
        Just("1e+100".to_owned()),
        Just("-0.0".to_owned()),
        "[1-9][0-9]{0,40}",
        "[ -~]{0,12}".prop_map(|text| serde_json::to_string(&text).unwrap()),
    ];
    scalar.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(|items| format!("[ {} ]", items.join(" ,"))),
            prop::collection::vec(("[a-z]{1,4}", inner), 0..4).prop_map(|members| {
                let members: Vec<_> = members.iter().map(|(key, value)| format!("\"{key}\" :{value}")).collect();
                format!("{{{}}}", members.join(", "))
            }),
        ]
    })
}

/// Names of handlers' values.
fn key() -> impl Strategy<Value = String> {
    "[a-zé☃\"]{1,6}"
}

fn record() -> impl Strategy<Value = Record> {
    let data = prop::collection::vec((key(), foreign_value()), 0..6);
    // A pair of a number and a value is a message of Django, which has its own spelling.
    let body = foreign_value().prop_filter("a pair", |it| !it.starts_with('['));
    let flashes = prop::collection::vec(("[a-z]{0,3}", body), 0..5);
    let csrf = prop::option::of("[A-Za-z0-9]{32}");
    let owner = prop::option::of("\\PC{1,8}");
    (data, flashes, csrf, owner, any::<bool>()).prop_map(|(data, flashes, csrf, owner, remembered)| {
        let lifetimes = Lifetimes::default().absolute_timeout(None);
        let mut times = SessionTimes::start(NOW, &lifetimes);
        times.remembered = remembered;
        let mut record = Record::with_times(times);
        for (key, value) in data {
            record.restore(key, Json::from_lenient("it", value).unwrap());
        }
        for (queue, body) in flashes {
            record.restore_flash(queue, Json::from_lenient("it", body).unwrap());
        }
        if let Some(token) = csrf.and_then(CsrfToken::from_text) {
            record.restore_csrf(token);
        }
        if let Some(owner) = owner {
            record.restore_owner(owner);
        }
        record
    })
}

/// Returns the text without space between its parts: a format may write an escaped value anew.
fn compact(json: &Json) -> String {
    let (mut text, mut is_string, mut is_escaped) = (String::new(), false, false);
    for character in json.as_str().chars() {
        if is_string || !character.is_ascii_whitespace() {
            text.push(character);
        }
        is_string ^= character == '"' && !is_escaped;
        is_escaped = character == '\\' && !is_escaped;
    }
    text
}

/// Returns everything that a handler can see of a record. Escapes are only another spelling, for
/// ASCII formats.
fn seen(record: &Record) -> impl PartialEq + std::fmt::Debug {
    (
        record.entries().map(|(key, value)| (key.to_owned(), compact(&value))).collect::<Vec<_>>(),
        record
            .flashes()
            .map(|(name, all)| (name.to_owned(), all.into_iter().map(compact).collect::<Vec<_>>()))
            .collect::<Vec<_>>(),
        record.csrf().map(|token| token.expose().to_owned()),
        record.owner().map(str::to_owned),
        (record.times().remembered, record.times().created),
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_written_is_read(record in record()) {
        for format in FORMATS.iter() {
            let value = format.write(&record);
            let again = format.read(&value);
            prop_assert_eq!(seen(&again), seen(&record), "{}", format.name());
            prop_assert_eq!(format.write(&again), value, "{}: written again, it is the same text", format.name());
        }
    }

    #[test]
    fn untouched_members_stay_unchanged(record in record(), name in key()) {
        for format in FORMATS.iter() {
            // The other application writes the record, and then a request here changes one key and
            // adds a message.
            let loaded = format.read(&format.write(&record));
            let mut session = SessionState::loaded(fresh_id().unwrap(), loaded, NOW, Lifetimes::default());
            session.insert(name.as_str(), &"changed").unwrap();
            session.flash("added", &"added", FlashId::from_random(7), Duplicates::Allow).unwrap();
            let after = format.read(&format.write(&begin_commit(session, NOW).unwrap().record()));
            let others = |record: &Record| {
                let rest = record.entries().filter(|(key, _)| *key != name);
                rest.map(|(key, value)| (key.to_owned(), compact(&value))).collect::<Vec<_>>()
            };
            prop_assert_eq!(others(&after), others(&record), "{}", format.name());
            let changed = after.get(&name);
            prop_assert_eq!(changed.as_ref().map(Json::as_str), Some("\"changed\""), "{}", format.name());
            let mut queues: Vec<_> = record.flashes().map(|(queue, all)| (queue.to_owned(), all.len())).collect();
            queues.push(("added".to_owned(), 1));
            let found: Vec<_> = after.flashes().map(|(queue, all)| (queue.to_owned(), all.len())).collect();
            prop_assert!(queues.iter().all(|it| found.contains(it)), "{}: {:?} {:?}", format.name(), queues, found);
        }
    }
}
