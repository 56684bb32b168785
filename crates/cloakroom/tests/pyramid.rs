//! Conformance with Pyramid's own tests of sessions and CSRF protection.
//!
//! The numbers are those of Pyramid 2.1's `tests/test_session.py` (1 to 54), `tests/test_csrf.py`
//! (55 to 97), and the CSRF tests of `tests/test_viewderivers.py` and
//! `tests/test_config/test_security.py` (98 to 120), in file order, followed by twelve additional
//! cases (121 to 132). A refusal is 403 here and 400 in Pyramid.
#![cfg(feature = "axum")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::wildcard_enum_match_arm,
    reason = "a panic is how a test fails"
)]

#[path = "pyramid/check.rs"]
mod check;
#[path = "pyramid/cookie.rs"]
mod cookie;
#[path = "pyramid/flash.rs"]
mod flash;
#[path = "pyramid/life.rs"]
mod life;
#[path = "pyramid/token.rs"]
mod token;
#[path = "pyramid/world.rs"]
mod world;

/// The result of a test of Pyramid in Cloakroom.
#[derive(Clone, Copy)]
enum Verdict {
    /// Behaves like Pyramid.
    Same(fn()),
    /// Differs for the given reason; the test shows the difference.
    Different(&'static str, fn()),
    /// Concerns Pyramid's own cookies, which this crate neither reads nor writes.
    Bridge(&'static str),
}

use Verdict::{Bridge, Different, Same};

const TYPED: &str = "options are typed, so no text is coerced, and contradictions are errors of build()";
const STATUS: &str = "the status of the response decides, not an exception: Rust has none";
const KEYS: &str = "flash queues and the CSRF token are not data keys: they never collide, and clear() keeps them";
const SEALED: &str = "a double-submit cookie is signed, and any other value is not a token";
const RENEWED: &str = "a double-submit token is made once per cookie; the token of a session can be renewed";
const ATTRIBUTES: &str =
    "Secure, HttpOnly and a __Host- prefix are the defaults; browsers ignore the order of attributes";
const ROUTES: &str = "there is no callback: the check is configured at the route";
const VIEWS: &str = "there are no exception views: the layer wraps the fallback, or only the routes";
const FORMAT: &str = "specific to Pyramid's cookie format: salt, hash and serializer are fixed here";
const PICKLE: &str = "pickle runs code, so it is never read, not even by the bridges";

/// Every test of Pyramid: its number, its rule, and the result here.
const CONFORMANCE: &[(u16, &str, Verdict)] = &[
    (1, "no cookie: the session is empty", Same(life::no_cookie)),
    (2, "the complete interface", Same(life::interface)),
    (3, "renewed just now: restored", Same(life::restored)),
    (4, "renewed at the epoch: empty", Same(life::idle_for_ages)),
    (5, "undecodable cookie: empty", Same(cookie::undecodable)),
    (6, "a payload of another shape: empty", Same(cookie::another_shape)),
    (7, "renewed 5 s ago, timeout 1: empty", Same(life::timeout_of_one_second)),
    (
        8,
        "timeout None: kept, even if dated in the future",
        Different("a session dated in the future beyond clock differences is not genuine", life::no_timeout),
    ),
    (9, "timeout as text", Different(TYPED, life::timeout_of_one_second)),
    (10, "timeout that is not a number", Different(TYPED, life::contradictory_timeouts)),
    (11, "changed() returns nothing and marks dirty", Same(life::changed)),
    (12, "invalidate() returns nothing and empties", Same(life::invalidate)),
    (
        13,
        "a read two seconds later marks dirty",
        Different(
            "a cookie with every read is wasteful: by default a tenth of the idle timeout must pass",
            life::default_touch,
        ),
    ),
    (14, "set_on_exception off, exception: not set", Different(STATUS, life::not_on_server_error)),
    (15, "set_on_exception off, none: set", Same(life::not_on_server_error)),
    (16, "100,000 characters: an error", Same(cookie::too_long)),
    (17, "an ordinary value: Set-Cookie", Same(cookie::plain_write)),
    (18, "the attributes and their order", Different(ATTRIBUTES, cookie::attributes)),
    (19, "two messages in order, under _f_", Different(KEYS, flash::in_order)),
    (20, "allow_duplicate off, an equal one: not added", Same(flash::duplicates)),
    (21, "allow_duplicate on: added", Same(flash::duplicates)),
    (22, "allow_duplicate off, another: added", Same(flash::duplicates)),
    (23, "queues are apart", Same(flash::queues)),
    (24, "pop of the default queue", Same(flash::pop)),
    (25, "pop of a named queue", Same(flash::pop)),
    (26, "peek into the default queue", Same(flash::peek)),
    (27, "peek into a named queue", Same(flash::peek)),
    (28, "a new token is stored under _csrft_", Different(KEYS, token::new_token)),
    (29, "the token stays", Same(token::stays)),
    (30, "a token is made when there is none", Same(token::made)),
    (31, "set_on_exception off, exception: no Set-Cookie", Different(STATUS, life::not_on_server_error)),
    (32, "set_on_exception on, exception: Set-Cookie", Same(life::always)),
    (33, "a write: one callback", Same(cookie::plain_write)),
    (34, "reissue_time 1, renewed now: not dirty", Same(life::touch_of_one_second)),
    (35, "no reissue, no timeout: readable, not dirty", Same(life::never_touched)),
    (36, "reissue_time as text", Different(TYPED, life::touch_at_each_read)),
    (37, "reissue_time that is not a number", Different(TYPED, life::contradictory_touch)),
    (
        38,
        "max_age that is not a number",
        Different(
            "max_age is not global: a session is remembered individually, or ends with the browser",
            life::remembered,
        ),
    ),
    (39, "a salt that matches", Bridge(FORMAT)),
    (40, "a salt that doesn't", Bridge(FORMAT)),
    (41, "another hash", Bridge(FORMAT)),
    (42, "a hash that doesn't match", Bridge(FORMAT)),
    (43, "another secret: empty", Same(cookie::another_secret)),
    (44, "a serializer inside the signature", Bridge(FORMAT)),
    (45, "a byte short of a signature: empty", Same(cookie::shorter_than_its_seal)),
    (46, "a secret of 1,024 bytes", Same(cookie::long_secret)),
    (47, "reissue 0, renewed at 0: a read marks dirty", Same(life::touch_at_each_read)),
    (
        48,
        "reissue 5, renewed now: sets accessed, not dirty",
        Different("an access time that is not stored does not exist: a session is touched or not", life::no_touch_yet),
    ),
    (49, "a read of a dirty session: one callback", Same(cookie::read_and_written)),
    (50, "a write sets accessed and marks dirty", Same(life::write_touches)),
    (51, "loads a pickle", Bridge(PICKLE)),
    (52, "invalid pickle", Bridge(PICKLE)),
    (53, "a pickle of an unknown class", Bridge(PICKLE)),
    (54, "dumps a pickle", Bridge(PICKLE)),
    (55, "the legacy policy", Different("one policy keeps tokens in the session", token::policy_of_sessions)),
    (56, "the token comes from the session", Same(token::policy_of_sessions)),
    (57, "an equal token, another token", Same(token::compared)),
    (58, "U+1F600 is not the token", Same(token::compared)),
    (59, "the session policy", Same(token::policy_of_sessions)),
    (60, "an empty session: a token is made", Same(token::made)),
    (61, "the token stays until it is renewed", Same(token::renewed)),
    (62, "nothing to match; a match; none", Same(token::nothing_to_match)),
    (63, "U+1F600 is not the token", Same(token::compared)),
    (64, "the cookie policy", Same(token::policy_of_cookies)),
    (65, "its cookie's attributes", Different(ATTRIBUTES, token::cookie_attributes)),
    (66, "without SameSite", Different("SameSite is always sent, and None needs Secure", token::same_site)),
    (67, "an existing cookie is not sent again", Same(token::policy_of_cookies)),
    (68, "a new token replaces the cookie", Different(RENEWED, token::cookie_is_renewed_by_removal)),
    (69, "a new token belongs to its request", Different(RENEWED, token::one_token_per_request)),
    (70, "no cookie; 'foo' and 'foo'; 'foo' and 'bar'", Different(SEALED, token::unsigned_cookie)),
    (71, "U+1F600 is not the token", Same(token::compared)),
    (72, "get_csrf_token without an override", Same(token::policy_of_sessions)),
    (73, "get_csrf_token with one", Same(token::policy_of_cookies)),
    (74, "new_csrf_token without an override", Same(token::renewed)),
    (75, "new_csrf_token with one", Different(RENEWED, token::cookie_is_renewed_by_removal)),
    (76, "in the body, under a configured name", Same(check::names)),
    (77, "in the header, under a configured name", Same(check::names)),
    (78, "in the body", Same(check::in_the_body)),
    (79, "in the header", Same(check::in_the_header)),
    (80, "no token: refused", Same(check::nowhere)),
    (81, "no token, raises off: false", Same(check::as_a_value)),
    (82, "no options: in the body", Same(check::in_the_body)),
    (83, "no options: no token", Same(check::nowhere)),
    (84, "no options, raises off", Same(check::as_a_value)),
    (85, "http: not checked", Different("requests over http can be forged, too", check::http)),
    (86, "a Referer of the same host", Same(check::own_referer)),
    (
        87,
        "an Origin with a slash at its end",
        Different("an origin has no path, and no browser sends one", check::slash),
    ),
    (88, "a trusted Referer", Same(check::trusted_referer)),
    (89, "a port in both", Same(check::ports)),
    (90, "no origin headers, allow_no_origin", Same(check::nothing_said)),
    (91, "a foreign Referer", Same(check::foreign)),
    (92, "no origin headers", Same(check::nothing_said)),
    (93, "Origin: null", Same(check::null)),
    (94, "Origin: null, trusted", Different("any page can have it: a sandboxed frame is enough", check::null)),
    (
        95,
        "two origins in one header",
        Different("two origins are treated as none, since the right one is unknown", check::two_origins),
    ),
    (96, "an http Referer on https", Same(check::http_referer)),
    (97, "a port in one of them", Same(check::ports)),
    (98, "GET isn't checked", Same(check::safe_methods)),
    (99, "POST, wrong header", Same(check::in_the_header)),
    (100, "POST, right header", Same(check::in_the_header)),
    (101, "POST, wrong body", Same(check::in_the_body)),
    (102, "POST, right body", Same(check::in_the_body)),
    (103, "a Referer of the same domain", Same(check::own_referer)),
    (104, "check_origin off, an evil Origin", Same(check::token_only)),
    (105, "allow_no_origin, no origin headers", Same(check::nothing_said)),
    (106, "PUT, wrong header", Same(check::in_the_header)),
    (107, "a bad Referer", Same(check::foreign)),
    (108, "a bad Origin", Same(check::foreign)),
    (109, "enforced if the view sets no option", Same(check::routes)),
    (110, "a callback that returns true", Different(ROUTES, check::routes)),
    (111, "a callback that returns false", Different(ROUTES, check::routes)),
    (112, "another name for the field", Same(check::names)),
    (113, "another name for the header", Same(check::names)),
    (114, "PUT declared safe", Same(check::safe_methods)),
    (115, "require_csrf off at the view", Same(check::routes)),
    (116, "exception views are skipped", Different(VIEWS, check::fallbacks)),
    (117, "unless they enable the check: refused", Different(VIEWS, check::fallbacks)),
    (118, "and pass with the right header", Different(VIEWS, check::fallbacks)),
    (119, "the defaults of the options", Same(check::defaults)),
    (
        120,
        "all of them can be changed",
        Different(
            "safe methods can be added but not removed: a GET with side effects is a mistake",
            check::safe_methods,
        ),
    ),
    (121, "the edge of the timeout", Same(life::edge_of_the_timeout)),
    (122, "the edge of reissue_time", Same(life::edge_of_the_touch)),
    (
        123,
        "expired: new is false, created stays",
        Different("an expired session is replaced by a new one in every respect", life::expired),
    ),
    (124, "a pop that fails marks dirty", Different("an operation without effect needs no cookie", life::failed_pop)),
    (
        125,
        "changed() alone keeps accessed",
        Different("sending the cookie again extends the session", life::changed_touches),
    ),
    (126, "a redirect that was raised sends nothing", Different(STATUS, life::redirects)),
    (127, "4,064 bytes of value pass", Different("browsers count 4,096 bytes of name and value", cookie::limit)),
    (
        128,
        "a change after serialisation is lost",
        Different("it is traced, and commit_now returns an error", life::late),
    ),
    (129, "of two cookies the last wins", Same(cookie::last_wins)),
    (130, "the header before the body", Same(check::header_first)),
    (131, "an empty Origin, and a Referer", Same(check::empty_origin)),
    (
        132,
        "an empty stored token",
        Different("it would match an empty submission, so it can't exist", token::never_empty),
    ),
];

#[test]
fn every_number_is_there_once_and_in_order() {
    let numbers: Vec<u16> = CONFORMANCE.iter().map(|(number, ..)| *number).collect();
    assert_eq!(numbers, (1..=132).collect::<Vec<_>>());
    for (number, what, verdict) in CONFORMANCE {
        assert!(!what.is_empty(), "{number}");
        if let Different(reason, _) | Bridge(reason) = verdict {
            assert!(reason.len() > 20, "{number}: the reason is missing or too short");
        }
    }
}

#[test]
fn every_number_holds() {
    let mut failed = Vec::new();
    let (mut same, mut different, mut bridge) = (0, 0, 0);
    for (number, what, verdict) in CONFORMANCE {
        let (mark, test) = match verdict {
            Same(test) => (&mut same, Some(test)),
            Different(_, test) => (&mut different, Some(test)),
            Bridge(_) => (&mut bridge, None),
        };
        *mark += 1;
        if test.is_some_and(|test| std::panic::catch_unwind(test).is_err()) {
            failed.push(format!("{number}: {what}"));
        }
    }
    assert!(failed.is_empty(), "see the panics above:\n{}", failed.join("\n"));
    assert_eq!((same, different, bridge), (86, 37, 9));
}
