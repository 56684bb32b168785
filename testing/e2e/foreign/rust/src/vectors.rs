//! Prints cookies and records made by the real libraries, for
//! `crates/cloakroom-bridge/tests/vectors/rust.json`.

use actix_session::config::CookieContentSecurity;
use actix_session::storage::CookieSessionStore;
use actix_session::{Session, SessionMiddleware};
use actix_web::{App, HttpResponse, test, web};
use serde_json::{Map, Value, json};
use time::{Date, Month, OffsetDateTime, Time, UtcOffset};
use tower_sessions_14::cookie::{Cookie, CookieJar, Key};

const KEY: &[u8; 64] = b"a public key of exactly sixty-four bytes, used only by the tests";
const ID: i128 = -0x0123_4567_89ab_cdef_0011_2233_4455_6677;

fn values() -> Vec<(&'static str, Value)> {
    vec![
        ("empty", json!({})),
        ("a user", json!({"user": "ann"})),
        (
            "integers",
            json!({"n": [0, 1, 127, 128, 255, 256, 65535, 65536, 4294967296_u64, u64::MAX, -1, -32, -33, -128, -129, -32769, i64::MIN]}),
        ),
        ("floats", json!({"n": [0.5, -0.0, 0.1, 1.0, 1e300, 5e-324, 1e16, 0.30000000000000004]})),
        (
            "texts",
            json!({"t": ["", "é ☃ 😀 \"\\\n\u{0}", "x".repeat(31), "x".repeat(32), "x".repeat(255), "x".repeat(256)]}),
        ),
        ("nested", json!({"v": {"list": [1, [2, {"three": null}]], "true": true, "false": false, "": {}}})),
        (
            "long lists",
            json!({"l": (0..20).collect::<Vec<_>>(), "m": (0..20).map(|n| (n.to_string(), json!(n))).collect::<Map<_, _>>()}),
        ),
        (
            "axum-messages",
            json!({"axum-messages.data": {"pending_messages": [{"l": "Success", "m": "Saved.", "d": null}], "messages": []}}),
        ),
        ("axum-login", json!({"axum-login.data": {"user_id": 7, "auth_hash": [1, 2, 3]}})),
    ]
}

fn dates() -> Vec<(&'static str, OffsetDateTime)> {
    let at = |year, month, day, nanosecond| {
        let date = Date::from_calendar_date(year, month, day).expect("a date");
        date.with_time(Time::from_hms_nano(23, 59, 58, nanosecond).expect("a time")).assume_utc()
    };
    let east = UtcOffset::from_hms(5, 45, 0).expect("an offset");
    let west = UtcOffset::from_hms(-9, -30, 0).expect("an offset");
    vec![
        ("with nanoseconds", at(2030, Month::November, 30, 123_456_789)),
        ("in a leap year", at(2028, Month::December, 31, 0)),
        ("before 1970", at(1969, Month::December, 31, 0)),
        ("the last one", at(9999, Month::December, 31, 999_999_999)),
        ("in Kathmandu", at(2030, Month::January, 1, 0).to_offset(east)),
        ("in the Marquesas", at(2030, Month::January, 1, 0).to_offset(west)),
    ]
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Returns one record in the form of each version.
fn record(name: &str, data: &Value, expiry_date: OffsetDateTime) -> anyhow::Result<Value> {
    let data: std::collections::HashMap<String, Value> = serde_json::from_value(data.clone())?;
    let old = tower_sessions_core_14::session::Record {
        id: tower_sessions_core_14::session::Id(ID),
        data: data.clone(),
        expiry_date,
    };
    let new = tower_sessions_core_15::session::Record {
        id: tower_sessions_core_15::session::Id(ID),
        data: data.clone(),
        expiry_date,
    };
    let millis = i64::try_from(expiry_date.unix_timestamp_nanos().div_euclid(1_000_000))?;
    Ok(json!({
        "name": name, "id": old.id.to_string(), "data": data, "expires": millis,
        "0.14": hex(&rmp_serde::to_vec(&old)?), "0.15": hex(&rmp_serde::to_vec(&new)?),
    }))
}

/// Returns the id in each kind of cookie.
fn id_cookies() -> Value {
    let id = tower_sessions_core_15::session::Id(ID).to_string();
    let key = Key::from(KEY);
    let value = |jar: &CookieJar| jar.delta().next().map(|cookie| cookie.encoded().to_string());
    let (mut plain, mut signed, mut private) = (CookieJar::new(), CookieJar::new(), CookieJar::new());
    plain.add(Cookie::new("id", id.clone()));
    signed.signed_mut(&key).add(Cookie::new("id", id.clone()));
    private.private_mut(&key).add(Cookie::new("id", id.clone()));
    json!({"id": id, "plain": value(&plain), "signed": value(&signed), "private": value(&private)})
}

/// Returns the cookie that the middleware of actix-session sends for these values.
async fn session_cookie(values: &Value, security: CookieContentSecurity) -> anyhow::Result<String> {
    let values = values.clone();
    let sessions = SessionMiddleware::builder(CookieSessionStore::default(), actix_web::cookie::Key::from(KEY))
        .cookie_content_security(security)
        .build();
    let insert = move |session: Session| {
        for (key, value) in values.as_object().into_iter().flatten() {
            session.insert(key, value).expect("JSON");
        }
        async { HttpResponse::Ok() }
    };
    let app = test::init_service(App::new().wrap(sessions).route("/", web::get().to(insert))).await;
    let answer = test::call_service(&app, test::TestRequest::get().uri("/").to_request()).await;
    let line = answer.headers().get("set-cookie").map(|line| line.to_str().map(str::to_owned)).transpose()?;
    Ok(line.unwrap_or_default())
}

pub(crate) fn print() -> anyhow::Result<()> {
    let (_, usual) = dates().swap_remove(0);
    let mut records = Vec::new();
    for (name, data) in values() {
        records.push(record(name, &data, usual)?);
    }
    for (name, date) in dates() {
        records.push(record(name, &json!({"user": "ann"}), date)?);
    }
    let cookies = actix_web::rt::System::new().block_on(async {
        let mut cookies = Vec::new();
        for (name, data) in values().into_iter().filter(|(_, data)| data.as_object().is_some_and(|it| !it.is_empty())) {
            cookies.push(json!({
                "name": name, "data": data,
                "signed": session_cookie(&data, CookieContentSecurity::Signed).await?,
                "private": session_cookie(&data, CookieContentSecurity::Private).await?,
            }));
        }
        Ok::<_, anyhow::Error>(cookies)
    })?;
    let key = std::str::from_utf8(KEY)?;
    let document =
        json!({"key": key, "tower_sessions": {"cookies": id_cookies(), "records": records}, "actix_session": cookies});
    println!("{}", serde_json::to_string_pretty(&document)?);
    Ok(())
}
