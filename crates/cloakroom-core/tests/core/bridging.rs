//! Support for bridges to other frameworks: their JSON, their tokens, and sessions that move.

use std::time::Duration;

use cloakroom_core::{
    After, CookieUpdate, CsrfScheme, CsrfToken, FrameworkData, Json, Lifetimes, Plan, Record, Rejected, SessionId,
    SessionState, Timestamp,
};

use crate::operations::{commit, outcome_at};

const NOW: Timestamp = Timestamp::from_unix_secs(1_700_000_000);
const ID: SessionId = SessionId::from_random([7; 32]);

#[test]
fn json_of_other_frameworks_is_taken_and_nothing_else() {
    for (name, text, expected) in [
        ("not a number", "NaN", true),
        ("infinities", "[Infinity,-Infinity]", true),
        ("half of a surrogate pair", r#""\ud800""#, true),
        ("digits without end", "123456789012345678901234567890", true),
        ("more than a float", "1e999", true),
        ("minus zero", "-0", true),
        ("space around", " [ 1 , { \"a\" : [ ] } ] \n", true),
        ("a name twice", r#"{"a":1,"a":2}"#, true),
        ("empty ones", "[{},[],\"\"]", true),
        ("every escape", r#""\"\\\/\b\f\n\r\t\u00e9""#, true),
        ("an empty text", "", false),
        ("only space", "  ", false),
        ("two values", "1 2", false),
        ("a comma behind", "[1,]", false),
        ("a comma in front", "[,1]", false),
        ("a comma in an object", "{,}", false),
        ("unclosed", "[1", false),
        ("closed twice", "[1]]", false),
        ("closed by the wrong bracket", "[1}", false),
        ("a key that is no text", "{1:2}", false),
        ("a key without a value", r#"{"a"}"#, false),
        ("a key in a list", r#"["a":1]"#, false),
        ("an unterminated text", r#""abc"#, false),
        ("an unterminated escape", r#""\u12"#, false),
        ("an unknown escape", r#""\x""#, false),
        ("a line break in a text", "\"a\nb\"", false),
        ("a zero in front", "01", false),
        ("a point without digits", "1.", false),
        ("an exponent without digits", "1e", false),
        ("a plus", "+1", false),
        ("minus NaN", "-NaN", false),
        ("a word", "nil", false),
        ("half a word", "tru", false),
        ("a word and more", "nullx", false),
    ] {
        assert_eq!(Json::from_lenient("it", text).is_ok(), expected, "{name}: {text}");
    }
}

#[test]
fn a_value_of_any_depth_is_taken_without_a_stack() {
    let deep = "[".repeat(1_000_000) + &"]".repeat(1_000_000);
    let json = Json::from_lenient("it", deep).unwrap();
    assert_eq!(json.elements().unwrap().len(), 1);
    let error = json.decode::<Vec<u8>>("it").unwrap_err();
    assert!(error.is_decode() && error.key() == Some("it"), "{error}");
}

#[test]
fn members_and_elements_keep_their_spelling() {
    let parts = |text: &str| {
        let json = Json::from_lenient("it", text.to_owned()).unwrap();
        let elements: Option<Vec<_>> = json.elements().map(|all| all.iter().map(|it| it.as_str().to_owned()).collect());
        let members: Option<Vec<_>> = json
            .members()
            .map(|all| all.iter().map(|(key, value)| format!("{}={}", key.as_str(), value.as_str())).collect());
        (elements, members)
    };
    let list = |items: &[&str]| Some(items.iter().map(|it| (*it).to_owned()).collect::<Vec<_>>());
    for (name, text, elements, members) in [
        ("a list", "[ 1 ,NaN, [2, 3] ]", list(&["1", "NaN", "[2, 3]"]), None),
        ("an object", r#"{ "a" : 1,"\u0062":{"c":[]} }"#, None, list(&["\"a\"=1", r#""\u0062"={"c":[]}"#])),
        ("an empty list", " [ ] ", list(&[]), None),
        ("an empty object", "{}", None, list(&[])),
        ("a text", r#""[1]""#, None, None),
    ] {
        assert_eq!(parts(text), (elements, members), "{name}");
    }
}

#[test]
fn data_of_another_framework_is_kept_and_hidden() {
    let mut record = Record::new(NOW, &Lifetimes::default());
    let members = Json::from_lenient("it", r#"{"_id":"secret-id","_id":"last"}"#).unwrap().members().unwrap();
    let foreign =
        FrameworkData::new("beaker").stored("secret-id", "secret-text").noting(Some("note".into())).members(members);
    record.restore_foreign(foreign);
    let foreign = record.foreign("beaker").unwrap();
    assert_eq!(
        (foreign.id(), foreign.seen(), foreign.note()),
        (Some("secret-id"), Some(&b"secret-text"[..]), Some("note"))
    );
    assert_eq!(foreign.member("_id").map(Json::as_str), Some("\"last\""), "of several, the last");
    assert!(record.foreign("pyramid").is_none() && record.get("_id").is_none());
    assert!(!format!("{record:?}").contains("secret"));
    assert!(!record.encode().contains("secret"), "it is not in our own format");
}

#[derive(Debug)]
struct Hexed;

impl CsrfScheme for Hexed {
    fn token(&self, random: &[u8; 32]) -> String {
        random.iter().take(4).map(|byte| format!("{byte:02x}")).collect()
    }

    fn pad_len(&self, _: &str) -> usize {
        3
    }

    fn mask(&self, token: &str, pad: &[u8]) -> String {
        format!("{}:{token}", pad.len())
    }

    fn matches(&self, token: &str, submitted: &str) -> bool {
        submitted.split_once(':').is_some_and(|(_, it)| it == token)
    }
}

#[test]
fn tokens_go_by_the_scheme_of_the_framework_that_shares_them() {
    let fresh = || CsrfToken::from_random([0xab; 32]);
    let mut session = SessionState::fresh(NOW, Lifetimes::default()).with_csrf_scheme(Some(&Hexed));
    let token = session.csrf_token(fresh);
    assert_eq!((token.expose(), token.mask_len(), token.mask(&[0; 3]).as_str()), ("abababab", 3, "3:abababab"));
    assert!(token.matches("abababab") && token.matches("9:abababab") && !token.matches("9:abababac"));
    assert!(!token.matches(&fresh().mask(&[1; 43])), "our own mask is not in their format");
    session.set_csrf_token(CsrfToken::from_random([1; 32]));
    assert_eq!(session.record().csrf().map(CsrfToken::expose), Some("01010101"));
    session.set_csrf_token(CsrfToken::from_text("theirs").unwrap());
    assert_eq!(session.record().csrf().map(CsrfToken::expose), Some("theirs"), "a token given as text stays");
    let mut born = SessionState::fresh(NOW, Lifetimes::default()).with_csrf_scheme(Some(&Hexed));
    born.insert("a", &1).unwrap();
    let record = outcome_at(&born, NOW);
    assert_eq!(record.csrf().map(CsrfToken::expose), Some("01010101"), "created with the session");
    let mut settled = commit(&mut born, NOW).settle(After::Ended);
    assert_eq!(settled.csrf_token(fresh).expose(), "abababab", "and after a commit");
}

/// A session that was loaded from another framework.
fn loaded(lifetimes: Lifetimes) -> SessionState {
    let mut record = Record::new(NOW, &lifetimes);
    record.restore("user", Json::from_text("user", "42").unwrap());
    record.restore_flash("q", Json::from_text("q", "\"hi\"").unwrap());
    record.restore_csrf(CsrfToken::from_text("token").unwrap());
    record.restore_owner("me");
    record.restore_label("phone");
    record.restore_foreign(FrameworkData::new("beaker").stored("id", "text"));
    SessionState::loaded(ID, record, NOW, lifetimes)
}

#[test]
fn a_session_that_moves_keeps_its_contents_and_restarts_its_timeouts() {
    let (forever, later) =
        (Lifetimes::default().idle_timeout(None).absolute_timeout(None), NOW + Duration::from_secs(99));
    let moved = SessionState::fresh(later, Lifetimes::default()).import(&loaded(forever), later);
    assert_eq!(
        moved.clone().with_payload(cloakroom_core::CookiePayload::Id).plan(later),
        (Plan::Create, CookieUpdate::Set)
    );
    let record = moved.record();
    assert_eq!((record.get("user").as_ref().map(Json::as_str), record.flashes().count()), (Some("42"), 1));
    assert_eq!(
        (record.owner(), record.label(), record.csrf().map(CsrfToken::expose)),
        (Some("me"), Some("phone"), Some("token"))
    );
    assert!(record.foreign("beaker").is_none(), "the data of another framework stays behind");
    let times = record.times();
    assert_eq!((times.created, times.touched), (NOW, later));
    let seconds = |deadline: Option<Timestamp>| deadline.map(|it| it.since(later).as_secs());
    assert_eq!(seconds(times.idle_deadline), Some(1200), "its new timeouts count from the move");
    assert_eq!(seconds(times.absolute_deadline), Some(86_400));
    // A session with an absolute deadline keeps it.
    let hour = Lifetimes::default().absolute_timeout(Duration::from_secs(3600));
    let moved = SessionState::fresh(later, Lifetimes::default()).import(&loaded(hour), later);
    assert_eq!(moved.record().times().absolute_deadline, Some(NOW + Duration::from_secs(3600)));
    // A lifetime that a handler set for this one session still applies.
    let mut remembered = loaded(forever);
    remembered.remember(Duration::from_secs(9_999_999), NOW);
    let moved = SessionState::fresh(later, Lifetimes::default()).import(&remembered, later);
    assert_eq!(moved.record().times().absolute_deadline, Some(NOW + Duration::from_secs(9_999_999)));
    assert!(moved.record().times().remembered && moved.record().times().idle_deadline.is_none());
    // An empty session is not stored.
    let empty = SessionState::fresh(NOW, Lifetimes::default());
    let moved = SessionState::fresh(later, Lifetimes::default()).import(&empty, later);
    assert_eq!(
        moved.clone().with_payload(cloakroom_core::CookiePayload::Id).plan(later),
        (Plan::Nothing, CookieUpdate::Keep)
    );
}

#[test]
fn an_invalidated_session_keeps_its_framework_data() {
    let mut session = loaded(Lifetimes::default());
    session.invalidate(NOW);
    assert_eq!(session.ended_foreign().and_then(FrameworkData::id), Some("id"));
    session.insert("a", &1).unwrap();
    session.invalidate(NOW);
    assert_eq!(session.ended_foreign().and_then(FrameworkData::id), Some("id"), "also if it is invalidated twice");
    // Committed before the response, and invalidated while the commit ran: the session that was
    // just committed ends.
    let mut running = loaded(Lifetimes::default());
    running.insert("a", &1).unwrap();
    let commit = commit(&mut running, NOW);
    running.invalidate(NOW);
    let mut kept = Record::clone(&commit.record());
    kept.restore_foreign(FrameworkData::new("beaker").stored("new", "text"));
    running.absorb_now(&commit, commit.settle(After::Kept(ID, kept.into())).with_source(2)).unwrap();
    assert_eq!(running.ended_foreign().and_then(FrameworkData::id), Some("new"));
    assert_eq!(running.place(), 2);
}

#[test]
fn a_session_keeps_its_source_its_duplicate_and_its_rejection() {
    let fresh = SessionState::fresh(NOW, Lifetimes::default()).with_rejection(Some(Rejected::Forged));
    assert_eq!((fresh.rejected(), fresh.place()), (Some(Rejected::Forged), 0));
    let mut both = loaded(Lifetimes::default()).with_source(1).with_duplicate(fresh.with_source(2));
    assert_eq!((both.place(), both.other().map(SessionState::place)), (1, Some(2)));
    let settled = commit(&mut both, NOW).settle(After::Ended);
    assert_eq!((settled.place(), settled.other().is_none()), (1, true), "the other session has ended");
}
