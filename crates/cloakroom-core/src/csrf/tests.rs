//! The origin check against the complete table of the design, and the token check against near
//! misses.

use super::*;

const OWN: &str = "https://own.example";
const TRUSTED: &str = "https://pay.example";
const FOREIGN: &str = "https://evil.example";

/// A header's text, and the origin that it denotes by the standards. The rules are compared with
/// this.
type Said = Option<(&'static str, Option<&'static str>)>;

const ORIGINS: &[Said] = &[
    None,
    Some((OWN, Some(OWN))),
    Some(("https://own.example:443", Some(OWN))),
    Some(("HTTPS://OWN.EXAMPLE", Some(OWN))),
    Some(("http://own.example", Some("http://own.example"))),
    Some(("http://own.example:80", Some("http://own.example"))),
    Some(("https://own.example:8443", Some("https://own.example:8443"))),
    Some(("https://fixed.example", Some("https://fixed.example"))),
    Some((TRUSTED, Some(TRUSTED))),
    Some(("https://a.shops.example", Some("https://a.shops.example"))),
    Some(("https://shops.example", Some("https://shops.example"))),
    Some((FOREIGN, Some(FOREIGN))),
    Some(("https://own.example.evil.example", Some("https://own.example.evil.example"))),
    Some(("https://evilshops.example", Some("https://evilshops.example"))),
    Some(("null", None)),
    Some(("", None)),
    Some(("garbage", None)),
    Some(("https://own.example@evil.example", None)),
    Some(("https://own.example/", None)),
    Some(("https://own.example, https://evil.example", None)),
];

const REFERERS: &[Said] = &[
    None,
    Some(("https://own.example/cart?id=1#top", Some(OWN))),
    Some(("https://own.example", Some(OWN))),
    Some(("https://Own.Example:443/", Some(OWN))),
    Some(("http://own.example/", Some("http://own.example"))),
    Some(("https://fixed.example/", Some("https://fixed.example"))),
    Some(("https://pay.example/done", Some(TRUSTED))),
    Some(("https://b.shops.example/", Some("https://b.shops.example"))),
    Some(("https://evil.example/https://own.example/", Some(FOREIGN))),
    Some(("https://own.example@evil.example/", Some(FOREIGN))),
    Some(("https://own.example:443@evil.example/", Some(FOREIGN))),
    Some(("https://evil.example?@own.example/", Some(FOREIGN))),
    Some(("https://evil.example#@own.example/", Some(FOREIGN))),
    Some(("https://evil.example\\@own.example/", Some(FOREIGN))),
    Some(("https://own.example\\@evil.example/", Some(OWN))),
    Some(("about:blank", None)),
    Some(("", None)),
    Some(("garbage", None)),
];

const SITES: &[Option<&str>] = &[
    None,
    Some("same-origin"),
    Some("none"),
    Some("same-site"),
    Some("cross-site"),
    Some("same-planet"),
    Some("Same-Origin"),
    Some(""),
];

/// A `Host` header, and the authority that it denotes, without the scheme's default port.
const HOSTS: &[(Option<&str>, Option<&str>)] = &[
    (Some("own.example"), Some("own.example")),
    (Some("Own.Example"), Some("own.example")),
    (None, None),
    (Some("own example"), None),
];

const METHODS: &[(&str, bool)] = &[
    ("GET", true),
    ("HEAD", true),
    ("OPTIONS", true),
    ("TRACE", true),
    ("QUERY", true),
    ("POST", false),
    ("PUT", false),
    ("PATCH", false),
    ("DELETE", false),
    ("PROPFIND", false),
    ("get", false),
    ("", false),
];

/// The effect of a policy, in terms of the design and not of the code.
struct Policy {
    name: &'static str,
    rules: CsrfRules,
    /// The scheme that precedes `Host`; `None` if our own origin is `https://fixed.example`.
    scheme: Option<&'static str>,
    trusted: &'static [&'static str],
    origin: bool,
    token: TokenPolicy,
    allow_no_origin: bool,
}

fn policies() -> Vec<Policy> {
    let trusting = || CsrfRules::builder().trusted_origin(TRUSTED).trusted_origin("https://*.shops.example");
    let trusted: &[&str] = &[TRUSTED, "https://a.shops.example", "https://b.shops.example"];
    let default = |name, rules: CsrfRulesBuilder| Policy {
        name,
        rules: rules.build().unwrap(),
        scheme: Some("https"),
        trusted,
        origin: true,
        token: TokenPolicy::WhenUnsure,
        allow_no_origin: false,
    };
    let always = || trusting().token_policy(TokenPolicy::Always);
    vec![
        Policy { trusted: &[], ..default("default", CsrfRules::builder()) },
        default("trusting", trusting()),
        Policy { token: TokenPolicy::Always, ..default("always", always()) },
        Policy { allow_no_origin: true, ..default("allow no origin", trusting().danger_allow_no_origin()) },
        Policy {
            allow_no_origin: true,
            token: TokenPolicy::Always,
            ..default("allow no origin, always", always().danger_allow_no_origin())
        },
        Policy { token: TokenPolicy::Never, ..default("origin only", trusting().origin_only()) },
        Policy { origin: false, token: TokenPolicy::Always, ..default("token only", trusting().danger_token_only()) },
        Policy { scheme: None, ..default("fixed own origin", trusting().own_origin("https://fixed.example")) },
        Policy { scheme: Some("http"), ..default("http", trusting().danger_own_scheme_http()) },
        default("report only", trusting().danger_report_only()),
    ]
}

/// The table of the design, row by row.
fn verdict(
    policy: &Policy,
    site: Option<&str>,
    host: Option<&str>,
    origin: Said,
    referer: Said,
) -> Result<(), Refusal> {
    let own = match policy.scheme {
        Some(scheme) => host.map(|host| format!("{scheme}://{host}")),
        None => Some("https://fixed.example".to_owned()),
    };
    let trusted = |meant: Option<&str>| meant.is_some_and(|it| policy.trusted.contains(&it));
    let welcome = |meant: Option<&str>| meant.is_some() && (meant == own.as_deref() || trusted(meant));
    if !policy.origin || site == Some("same-origin") || site == Some("none") {
        return Ok(());
    }
    if site == Some("same-site") || site == Some("cross-site") {
        let passes = origin.is_some_and(|(_, meant)| trusted(meant));
        return if passes { Ok(()) } else { Err(Refusal::CrossSite) };
    }
    if let Some((text, meant)) = origin {
        return match text {
            _ if welcome(meant) => Ok(()),
            "null" => Err(Refusal::NullOrigin),
            _ => Err(Refusal::ForeignOrigin),
        };
    }
    match referer {
        Some((_, meant)) if welcome(meant) => Ok(()),
        Some(_) => Err(Refusal::ForeignOrigin),
        None if site.is_some() => Err(Refusal::UnknownSite),
        None if policy.allow_no_origin => Ok(()),
        None => Err(Refusal::NoOrigin),
    }
}

/// The decision for an accepted origin by the token policy.
fn decision(policy: &Policy, site: Option<&str>, origin: Said, verdict: Result<(), Refusal>) -> CsrfDecision {
    let said = origin.is_some() || site.is_some_and(|site| ["same-origin", "none"].contains(&site));
    match (verdict, policy.token) {
        (Err(refusal), _) => CsrfDecision::Refused(refusal),
        (Ok(()), TokenPolicy::Never) => CsrfDecision::Passed,
        (Ok(()), TokenPolicy::WhenUnsure) if said => CsrfDecision::Passed,
        (Ok(()), _) => CsrfDecision::TokenNeeded,
    }
}

#[test]
fn stage_one_is_the_table_of_the_design_in_full() {
    let mut rows = 0;
    for policy in &policies() {
        assert_eq!(policy.rules.token_policy(), policy.token, "{}", policy.name);
        for (method, safe) in METHODS {
            assert_eq!(policy.rules.covers(method), !safe, "{method}");
            for site in SITES {
                for (host, authority) in HOSTS {
                    for origin in ORIGINS {
                        for referer in REFERERS {
                            let facts = RequestFacts::new(method)
                                .host(*host)
                                .sec_fetch_site(*site)
                                .origin(origin.map(|(text, _)| text))
                                .referer(referer.map(|(text, _)| text));
                            let expected = verdict(policy, *site, *authority, *origin, *referer);
                            assert_eq!(policy.rules.check_origin(&facts), expected, "{}: {facts:?}", policy.name);
                            let asked = decision(policy, *site, *origin, expected);
                            assert_eq!(policy.rules.decide_covered(&facts), asked, "{}: {facts:?}", policy.name);
                            let asked = if *safe { CsrfDecision::Unchecked } else { asked };
                            assert_eq!(policy.rules.decide(&facts), asked, "{}: {facts:?}", policy.name);
                            let socket = if site.is_none() && origin.is_none() { Ok(()) } else { expected };
                            let asked = CsrfDecision::of(socket);
                            assert_eq!(policy.rules.decide(&facts.handshake()), asked, "{}: {facts:?}", policy.name);
                            rows += 1;
                        }
                    }
                }
            }
        }
    }
    assert_eq!(rows, 10 * 12 * 8 * 4 * 20 * 18);
}

#[test]
fn the_origin_check_by_example() {
    use Refusal::{CrossSite, ForeignOrigin, NoOrigin, NullOrigin, UnknownSite};
    // name, Sec-Fetch-Site, Origin, Referer, verdict
    type Row = (&'static str, Option<&'static str>, Option<&'static str>, Option<&'static str>, Result<(), Refusal>);
    #[rustfmt::skip] // one row, one line
    let rows: &[Row] = &[
        ("a form of ours in a modern browser", Some("same-origin"), Some(OWN), None, Ok(())),
        ("typed into the address bar", Some("none"), None, None, Ok(())),
        ("our own page behind a proxy that rewrites Host", Some("same-origin"), Some("https://public.example"), None, Ok(())),
        ("a foreign form", Some("cross-site"), Some(FOREIGN), None, Err(CrossSite)),
        ("a form of a sibling domain", Some("same-site"), Some("https://www.own.example"), None, Err(CrossSite)),
        ("a sibling on http that claims our origin", Some("same-site"), Some(OWN), None, Err(CrossSite)),
        ("the payment provider posts back", Some("cross-site"), Some(TRUSTED), None, Ok(())),
        ("a trusted Referer is not a trusted Origin", Some("cross-site"), None, Some("https://pay.example/"), Err(CrossSite)),
        ("a sandboxed frame", Some("cross-site"), Some("null"), None, Err(CrossSite)),
        ("a browser without Sec-Fetch-Site", None, Some(OWN), None, Ok(())),
        ("a browser without Sec-Fetch-Site, from a foreign page", None, Some(FOREIGN), None, Err(ForeignOrigin)),
        ("Origin takes precedence over Referer", None, Some(FOREIGN), Some("https://own.example/"), Err(ForeignOrigin)),
        ("null is not absent", None, Some("null"), Some("https://own.example/"), Err(NullOrigin)),
        ("empty is not absent", None, Some(""), Some("https://own.example/"), Err(ForeignOrigin)),
        ("an old browser", None, None, Some("https://own.example/cart"), Ok(())),
        ("an old browser on a foreign page", None, None, Some("https://evil.example/"), Err(ForeignOrigin)),
        ("a Referer with our name as user", None, None, Some("https://own.example@evil.example/"), Err(ForeignOrigin)),
        ("a page without TLS", None, Some("http://own.example"), None, Err(ForeignOrigin)),
        ("another port of ours", None, Some("https://own.example:8443"), None, Err(ForeignOrigin)),
        ("curl", None, None, None, Err(NoOrigin)),
        ("a value from a later standard falls back", Some("same-planet"), Some(OWN), None, Ok(())),
        ("an unknown value does not pass by itself", Some("same-planet"), None, None, Err(UnknownSite)),
        ("values are compared exactly", Some("Same-Origin"), None, None, Err(UnknownSite)),
    ];
    let rules = CsrfRules::builder().trusted_origin(TRUSTED).build().unwrap();
    for (name, sec_fetch_site, origin, referer, expected) in rows {
        let facts = RequestFacts::new("POST").host("own.example");
        let facts = facts.sec_fetch_site(*sec_fetch_site).origin(*origin).referer(*referer);
        assert_eq!(rules.check_origin(&facts), *expected, "{name}");
    }
}

#[test]
fn a_header_that_came_twice_is_named_as_the_cause() {
    use HeaderFact::Malformed;
    use Refusal::{ForeignOrigin, MalformedHeaders};
    let post = RequestFacts::new("POST").host("own.example");
    let rules = CsrfRules::builder().trusted_origin(TRUSTED).danger_allow_no_origin().build().unwrap();
    for (name, facts, expected) in [
        ("Sec-Fetch-Site", post.sec_fetch_site(Malformed), Err(MalformedHeaders)),
        ("Sec-Fetch-Site, and our Origin", post.sec_fetch_site(Malformed).origin(OWN), Ok(())),
        ("Sec-Fetch-Site, and a foreign Origin", post.sec_fetch_site(Malformed).origin(FOREIGN), Err(ForeignOrigin)),
        ("Origin", post.origin(Malformed).referer("https://own.example/"), Err(MalformedHeaders)),
        ("Referer", post.referer(Malformed), Err(MalformedHeaders)),
        ("Host", post.host(Malformed).origin(OWN), Err(MalformedHeaders)),
        ("Host, and a trusted Origin", post.host(Malformed).origin(TRUSTED), Ok(())),
        ("Host, which isn't needed", post.host(Malformed).sec_fetch_site("same-origin"), Ok(())),
        ("Origin, which isn't needed", post.origin(Malformed).sec_fetch_site("same-origin"), Ok(())),
        ("Origin of another site", post.origin(Malformed).sec_fetch_site("cross-site"), Err(Refusal::CrossSite)),
    ] {
        assert_eq!(rules.check_origin(&facts), expected, "{name}");
    }
}

#[test]
fn a_credential_exempts_only_requests_without_the_sessions_cookie() {
    use CsrfDecision::{Passed, Refused, Unchecked};
    let rules = CsrfRules::builder().exempt_authorization("Bearer").exempt_authorization("ApiKey").build().unwrap();
    let post = RequestFacts::new("POST").host("own.example");
    let program = post.without_cookie();
    let refused = Refused(Refusal::NoOrigin);
    for (name, facts, expected) in [
        ("a program with a token", program.authorization("Bearer 27hbf3"), Unchecked),
        ("schemes have no case", program.authorization("bearer 27hbf3"), Unchecked),
        ("another listed scheme", program.authorization("ApiKey 1"), Unchecked),
        (
            "a page of another site that CORS permits",
            program.authorization("Bearer 1").sec_fetch_site("cross-site"),
            Unchecked,
        ),
        ("a program with our cookie", post.authorization("Bearer 27hbf3"), refused),
        (
            "a page of another site with our cookie",
            post.authorization("Bearer 1").sec_fetch_site("cross-site"),
            Refused(Refusal::CrossSite),
        ),
        ("a page of ours with our cookie", post.authorization("Bearer 1").sec_fetch_site("same-origin"), Passed),
        ("a sign-in form of another site", program.sec_fetch_site("cross-site"), Refused(Refusal::CrossSite)),
        ("a password that the browser remembers", program.authorization("Basic YTpi"), refused),
        ("a scheme that begins like a listed one", program.authorization("Bearers 1"), refused),
        ("two headers", program.authorization(HeaderFact::Malformed), refused),
        ("an empty header", program.authorization(""), refused),
        ("no header", program, refused),
    ] {
        assert_eq!(rules.decide(&facts), expected, "{name}");
        assert_ne!(CsrfRules::default().decide(&facts), Unchecked, "{name}: by default all are checked");
    }
    let socket = program.authorization("Bearer 1").handshake();
    assert_eq!(rules.decide(&socket.origin("https://evil.example")), Refused(Refusal::ForeignOrigin), "a socket");
}

#[test]
fn a_refusal_without_an_origin_says_what_a_test_sends() {
    let words = Refusal::NoOrigin.to_string();
    assert!(words.contains("\"Sec-Fetch-Site: same-origin\", or its own Origin"), "{words}");
    for refusal in Refusal::ALL {
        assert!(!refusal.to_string().contains("danger"), "{refusal}: no option that weakens the check");
    }
}

#[test]
fn an_option_changes_only_its_own_setting() {
    let rules = CsrfRules::default();
    assert_eq!(
        (rules.header_name(), rules.field_name(), rules.max_body()),
        ("x-csrf-token", "csrf_token", 1024 * 1024)
    );
    let rules =
        CsrfRules::builder().header("X-XSRF-Token").field("_token").body_limit(10).danger_safe_method("PROPFIND");
    let rules = rules.build().unwrap();
    assert_eq!((rules.header_name(), rules.field_name(), rules.max_body()), ("x-xsrf-token", "_token", 10));
    assert!(!rules.covers("PROPFIND") && rules.covers("POST") && rules.covers("propfind"));
    let reporting = CsrfRules::builder().danger_report_only().build().unwrap();
    assert!(reporting.is_report_only());
    let two = CsrfRules::builder().own_origin(OWN).own_origin("http://127.0.0.1:3000").build().unwrap();
    for (origin, expected) in
        [(OWN, Ok(())), ("http://127.0.0.1:3000", Ok(())), ("https://host.example", Err(Refusal::ForeignOrigin))]
    {
        let facts = RequestFacts::new("POST").host("host.example").origin(origin);
        assert_eq!(two.check_origin(&facts), expected, "{origin}: a configured origin replaces Host");
    }
}

#[test]
fn invalid_options_are_errors_of_build() {
    type Build = fn(CsrfRulesBuilder) -> CsrfRulesBuilder;
    let rows: &[(&str, Build)] = &[
        ("header", |it| it.header("")),
        ("header", |it| it.header("X CSRF: Token")),
        ("header", |it| it.header("X-CSRF-Tokén")),
        ("field", |it| it.field("")),
        ("field", |it| it.field("csrf\r\ntoken")),
        ("field", |it| it.field("csrf\"token")),
        ("body_limit", |it| it.body_limit(0)),
        ("danger_safe_method", |it| it.danger_safe_method("post")),
        ("danger_safe_method", |it| it.danger_safe_method("")),
        ("danger_safe_method", |it| it.danger_safe_method("A B")),
        ("exempt_authorization", |it| it.exempt_authorization("")),
        ("exempt_authorization", |it| it.exempt_authorization("Bearer abc")),
        ("exempt_authorization", |it| it.exempt_authorization("basic")),
        ("exempt_authorization", |it| it.exempt_authorization("Negotiate")),
        ("own_origin", |it| it.own_origin("")),
        ("own_origin", |it| it.own_origin("own.example")),
        ("own_origin", |it| it.own_origin("https://own.example/")),
        ("own_origin", |it| it.own_origin("null")),
        ("own_origin", |it| it.own_origin("https://*.own.example")),
        ("own_origin", |it| it.own_origin("https://*")),
        ("own_origin", |it| it.own_origin("javascript://x")),
        ("own_origin", |it| it.own_origin("wss://own.example")),
        ("own_origin", |it| it.own_origin(OWN).own_origin("https://*.own.example")),
        ("danger_own_scheme_http", |it| it.own_origin(OWN).danger_own_scheme_http()),
        ("danger_own_scheme_http", |it| it.danger_own_scheme_http().own_origin(OWN)),
        ("trusted_origin", |it| it.trusted_origin("")),
        ("trusted_origin", |it| it.trusted_origin("null")),
        ("trusted_origin", |it| it.trusted_origin("https://*")),
        ("trusted_origin", |it| it.trusted_origin("https://*.com")),
        ("trusted_origin", |it| it.trusted_origin("https://*.com.")),
        ("trusted_origin", |it| it.trusted_origin("https://*.[::1]")),
        ("trusted_origin", |it| it.trusted_origin("https://*.127.0.0.1")),
        ("trusted_origin", |it| it.trusted_origin("javascript://x")),
        ("trusted_origin", |it| it.trusted_origin("wss://pay.example")),
        ("trusted_origin", |it| it.trusted_origin("file://x")),
        ("danger_token_only", |it| it.origin_only().danger_token_only()),
        ("danger_token_only", |it| it.danger_token_only().token_policy(TokenPolicy::WhenUnsure)),
    ];
    for (row, (option, build)) in rows.iter().enumerate() {
        let error = build(CsrfRules::builder()).build().expect_err(option);
        assert_eq!(error.option(), *option, "row {row}: {error}");
    }
    let fine: &[Build] = &[
        |it| it,
        |it| it.header("X_Token").field("user[csrf token]").body_limit(1).danger_safe_method("M-SEARCH"),
        |it| it.own_origin("http://localhost:3000").own_origin("https://[2001:db8::1]"),
        |it| it.trusted_origin("capacitor://localhost").trusted_origin("chrome-extension://abcdef"),
        |it| it.trusted_origin("http://*.localhost:3000").trusted_origin("https://*.co.uk"),
        |it| it.danger_token_only().token_policy(TokenPolicy::Always),
    ];
    for (row, build) in fine.iter().enumerate() {
        assert!(build(CsrfRules::builder()).build().is_ok(), "row {row}");
    }
}

#[test]
fn origins_are_parsed_as_browsers_write_them() {
    let rows: &[(&str, Option<&str>)] = &[
        ("https://example.com", Some("https://example.com")),
        ("HTTPS://Example.COM:443", Some("https://example.com")),
        ("http://example.com:80", Some("http://example.com")),
        ("http://example.com:443", Some("http://example.com:443")),
        ("https://example.com:0443", Some("https://example.com")),
        ("wss://example.com:443", Some("wss://example.com")),
        ("http://localhost:3000", Some("http://localhost:3000")),
        ("http://127.0.0.1:3000", Some("http://127.0.0.1:3000")),
        ("https://[::1]", Some("https://[::1]")),
        ("https://[::1]:443", Some("https://[::1]")),
        ("https://[2001:DB8::1]:8443", Some("https://[2001:db8::1]:8443")),
        ("https://[2001:0DB8:0:0:0:0:0:0001]", Some("https://[2001:db8::1]")),
        ("https://[0:0:0:0:0:0:0:1]:443", Some("https://[::1]")),
        ("https://xn--bcher-kva.example", Some("https://xn--bcher-kva.example")),
        ("https://example.com.", Some("https://example.com.")),
        ("chrome-extension://abcdef", Some("chrome-extension://abcdef")),
        ("", None),
        ("null", None),
        ("example.com", None),
        ("//example.com", None),
        ("://example.com", None),
        ("https://", None),
        ("https:///", None),
        ("https://:443", None),
        ("https:example.com", None),
        ("1https://example.com", None),
        ("ht tps://example.com", None),
        (" https://example.com", None),
        ("https://example.com ", None),
        ("https://exam ple.com", None),
        ("https://example.com/", None),
        ("https://example.com?", None),
        ("https://example.com#", None),
        ("https://example.com\\", None),
        ("https://user@example.com", None),
        ("https://example.com:", None),
        ("https://example.com:x", None),
        ("https://example.com:+1", None),
        ("https://example.com:65536", None),
        ("https://example.com:1:2", None),
        ("https://bücher.example", None),
        ("https://[::1", None),
        ("https://::1", None),
        ("https://[::1]evil.example", None),
        ("https://[::1]evil.example:80", None),
        ("https://[evil.example]", None),
        ("https://[]", None),
        ("https://]:80", None),
        ("https://a https://b", None),
    ];
    for (text, expected) in rows {
        let read = Origin::parse(text).map(|origin| origin.to_string());
        assert_eq!(read.as_deref(), *expected, "{text:?}");
        if let Some(text) = read {
            assert_eq!(
                Origin::parse(&text).map(|origin| origin.to_string()),
                Some(text),
                "its own text reads as itself"
            );
        }
    }
}

#[test]
fn patterns_match_only_the_origins_that_they_name() {
    // pattern, origin, trusted
    let rows: &[(&str, &str, bool)] = &[
        ("https://example.com", "https://example.com", true),
        ("https://example.com:443", "https://EXAMPLE.com", true),
        ("https://example.com", "http://example.com", false),
        ("https://example.com", "https://example.com:8443", false),
        ("https://example.com", "https://www.example.com", false),
        ("https://example.com", "https://example.com.", false),
        ("https://*.example.com", "https://a.example.com", true),
        ("https://*.example.com", "https://a.b.example.com", true),
        ("https://*.Example.com", "https://A.EXAMPLE.COM", true),
        ("https://*.example.com", "https://example.com", false),
        ("https://*.example.com", "https://.example.com", false),
        ("https://*.example.com", "https://evilexample.com", false),
        ("https://*.example.com", "https://a.example.com.evil.example", false),
        ("https://*.example.com", "http://a.example.com", false),
        ("https://*.example.com", "https://a.example.com:8443", false),
        ("https://*.example.com:8443", "https://a.example.com:8443", true),
        ("https://*.example.com:8443", "https://a.example.com", false),
        ("http://*.localhost:3000", "http://shop.localhost:3000", true),
        // To browsers, a name with a final dot is a different host.
        ("https://*.example.com.", "https://a.example.com", false),
        ("https://*.example.com.", "https://a.example.com.", true),
        ("https://[::1]:8443", "https://[::1]:8443", true),
        ("https://[0:0::1]:8443", "https://[::1]:8443", true),
    ];
    for (pattern, origin, trusted) in rows {
        let parsed = OriginPattern::parse(pattern).unwrap();
        assert_eq!(parsed.matches(&Origin::parse(origin).unwrap()), *trusted, "{pattern} and {origin}");
    }
    for bad in [
        "",
        "*",
        "null",
        "example.com",
        "*.example.com",
        "https://*",
        "https://*.",
        "https://*:443",
        "https://**.example.com",
        "https://*.*.example.com",
        "https://a.*.example.com",
        "https://*example.com",
        "https://example.*",
        "*://example.com",
        "https://*.example.com/",
        "https://*.example.com:x",
        "https://user@example.com",
        "https://*.a@example.com",
        "https://exam ple.com",
    ] {
        let error = OriginPattern::parse(bad).unwrap_err();
        assert_eq!(error.option(), "trusted_origin");
        assert!(error.to_string().contains(&format!("{bad:?}")), "{error}");
    }
}

fn flipped(text: &str, at: usize, bit: u8) -> Option<String> {
    let mut bytes = text.as_bytes().to_vec();
    bytes[at] ^= 1 << bit;
    String::from_utf8(bytes).ok()
}

#[test]
fn only_the_token_matches() {
    let token = CsrfToken::from_random([7; 32]);
    let other = CsrfToken::from_random([8; 32]);
    let raw = token.expose();
    let pad: Vec<u8> = (0..token.mask_len()).map(|it| u8::try_from(it * 5).unwrap()).collect();
    let masked = token.mask(&pad);
    let rows: &[(&str, String, bool)] = &[
        ("raw", raw.to_owned(), true),
        ("masked", masked.clone(), true),
        ("masked by zeros", token.mask(&[0; 43]), true),
        ("masked by the token itself", token.mask(raw.as_bytes()), true),
        ("masked by a short pad", token.mask(&pad[..42]), false),
        ("masked by a long pad", token.mask(&[1; 44]), false),
        ("masked by no pad", token.mask(&[]), false),
        ("masked, padded base64", format!("{masked}="), false),
        ("masked, standard base64", token.mask(&[0xff; 43]).replace('_', "/"), false),
        ("masked twice", CsrfToken::from_text(masked.as_str()).unwrap().mask(&[3; 115]), false),
        ("other session's", other.expose().to_owned(), false),
        ("other session's, masked", other.mask(&pad), false),
        ("empty", String::new(), false),
        ("spaces around", format!(" {raw} "), false),
        ("a final line feed", format!("{raw}\n"), false),
        ("a final zero byte", format!("{raw}\0"), false),
        ("other case", raw.to_ascii_lowercase(), false),
        ("twice", format!("{raw}{raw}"), false),
        ("not ASCII", "\u{1F600}".to_owned(), false),
        ("not ASCII, as long", "\u{1F600}".repeat(10) + "abc", false),
        ("not ASCII behind it", format!("{raw}\u{1F600}"), false),
        ("huge", "A".repeat(10_000_000), false),
        ("huge, and starts right", masked.repeat(10_000), false),
        ("base64 of zeros", "A".repeat(115), false),
        ("base64 of an odd length", "A".repeat(44), false),
    ];
    for (name, submitted, expected) in rows {
        assert_eq!(token.matches(submitted), *expected, "{name}");
    }
    assert_ne!(token, other);
}

#[test]
fn a_token_with_any_bit_or_character_wrong_does_not_match() {
    let token = CsrfToken::from_random([7; 32]);
    let masked = token.mask(&[42; 43]);
    for (name, text) in [("raw", token.expose()), ("masked", masked.as_str())] {
        for at in 0..text.len() {
            for bit in 0..8 {
                let Some(wrong) = flipped(text, at, bit) else { continue };
                assert!(!token.matches(&wrong), "{name}, bit {bit} of character {at}");
            }
            assert!(!token.matches(&text[..at]), "{name}, cut at {at}");
            let (head, tail) = text.split_at(at);
            assert!(!token.matches(&format!("{head}A{tail}")), "{name}, extended at {at}");
            assert!(!token.matches(&format!("{head}{}", &tail[1..])), "{name}, without character {at}");
        }
        assert!(!token.matches(&format!("{text}A")), "{name}, extended at the end");
    }
}

#[test]
fn tokens_of_other_frameworks_keep_their_text() {
    for (name, text, accepted) in [
        ("empty: an empty form would match it", String::new(), false),
        ("one character", "x".to_owned(), true),
        ("forty hexadecimal digits", "0123456789abcdef0123456789abcdef01234567".to_owned(), true),
        ("not ASCII", "schlüssel\u{1F600}".to_owned(), true),
        ("as long as allowed", "x".repeat(256), true),
        ("longer", "x".repeat(257), false),
    ] {
        let token = CsrfToken::from_text(text.as_str());
        assert_eq!(token.is_some(), accepted, "{name}");
        let Some(token) = token else { continue };
        assert_eq!(token.expose(), text, "{name}");
        assert!(token.matches(&text), "{name}, raw");
        assert!(token.matches(&token.mask(&vec![0xa5; token.mask_len()])), "{name}, masked");
        assert!(!token.matches(""), "{name}, and nothing");
    }
}

#[test]
fn masks_differ_and_hide_the_token() {
    let token = CsrfToken::from_random(std::array::from_fn(|index| u8::try_from(index * 7).unwrap()));
    let masks: Vec<String> = (0..=255).map(|byte| token.mask(&[byte; 43])).collect();
    for (index, mask) in masks.iter().enumerate() {
        assert!(!masks[..index].contains(mask), "two pads must give two masks");
        assert!(!mask.contains(token.expose()));
    }
}

#[test]
fn refusals_have_distinct_names_and_quote_nothing() {
    let all = Refusal::ALL;
    for (index, refusal) in all.iter().enumerate() {
        assert!(
            all[..index]
                .iter()
                .all(|other| other.as_str() != refusal.as_str() && other.to_string() != refusal.to_string())
        );
        let text = refusal.to_string();
        assert!(!text.ends_with('.') && text.starts_with(char::is_lowercase) | text.starts_with("CSRF"), "{text}");
    }
}
