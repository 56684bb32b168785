//! The `Cookie` header from clients, `Set-Cookie` for browsers, and the headers for caches.

use std::time::Duration;

use super::*;

fn values<'a>(lines: &[&'a [u8]], name: &str) -> Vec<&'a str> {
    CookieHeader::new(lines.iter().copied()).last_first(name).collect()
}

#[test]
fn values_are_found_the_last_one_first() {
    type Row = (&'static str, &'static [&'static [u8]], &'static [&'static str]);
    let rows: &[Row] = &[
        ("no header", &[], &[]),
        ("an empty header", &[b""], &[]),
        ("alone", &[b"s=1"], &["1"]),
        ("among others", &[b"a=0; s=1; b=2"], &["1"]),
        ("without spaces", &[b"a=0;s=1;b=2"], &["1"]),
        ("with more spaces", &[b" a = 0 ;\t s \t= 1 ; b=2"], &["1"]),
        ("twice in a line", &[b"s=1; s=2"], &["2", "1"]),
        ("three times over three lines", &[b"s=1", b"a=0; s=2", b"s=3"], &["3", "2", "1"]),
        ("in the first of several lines", &[b"s=1", b"a=0", b""], &["1"]),
        ("quoted", &[b"s=\"1\""], &["1"]),
        ("quoted and spaced", &[b"s= \"1\" ; a=0"], &["1"]),
        ("quoted twice: one pair comes off", &[b"s=\"\"1\"\""], &["\"1\""]),
        ("quoted and empty", &[b"s=\"\""], &[""]),
        ("one quote", &[b"s=\""], &["\""]),
        ("a quote in front only", &[b"s=\"1"], &["\"1"]),
        ("a quote behind only", &[b"s=1\""], &["1\""]),
        ("a semicolon ends even a quoted value", &[b"s=\"a;b\""], &["\"a"]),
        ("empty", &[b"s="], &[""]),
        ("empty, then not", &[b"s=; s=1"], &["1", ""]),
        ("no equals sign", &[b"s"], &[]),
        ("no equals sign, twice, then one with", &[b"s; s; s=1"], &["1"]),
        ("an equals sign alone", &[b"=1; =; ="], &[]),
        ("equals signs in the value", &[b"s=a=b=="], &["a=b=="]),
        ("a name that begins with ours", &[b"sid=1; ss=2; s1=3; s-=4"], &[]),
        ("a name that ends with ours", &[b"as=1; -s=2; __Host-s=3"], &[]),
        ("ours behind a space in another", &[b"a s=1"], &[]),
        ("another behind a space in ours", &[b"s a=1"], &[]),
        ("other case", &[b"S=1"], &[]),
        ("our name as a value", &[b"a=s=1; b=s"], &[]),
        ("not UTF-8", &[b"s=\xff\xfe"], &[""]),
        ("not UTF-8, then text", &[b"s=\xff", b"s=1"], &["1", ""]),
        ("text, then not UTF-8", &[b"s=1; s=\xff"], &["", "1"]),
        ("not UTF-8 elsewhere", &[b"\xff=\xff; s=1; \xff"], &["1"]),
        ("UTF-8", &[b"s=\xf0\x9f\x98\x80"], &["\u{1F600}"]),
        ("zero bytes and line ends inside", &[b"s=a\0b\r\nc"], &["a\0b\r\nc"]),
        ("semicolons only", &[b";;;;"], &[]),
        ("a comma separates nothing", &[b"a=0, s=1"], &[]),
        ("RFC 2965 attributes are other cookies", &[b"$Version=1; s=1; $Path=/"], &["1"]),
    ];
    for (name, lines, expected) in rows {
        assert_eq!(values(lines, "s"), *expected, "{name}");
        assert_eq!(CookieHeader::new(lines.iter().copied()).contains("s"), !expected.is_empty(), "{name}");
    }
}

#[test]
fn a_cookie_is_found_in_a_hundred_thousand_bytes_of_garbage() {
    let mut state: u32 = 1;
    let mut garbage = Vec::with_capacity(100_000);
    while garbage.len() < 100_000 {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        // Without a semicolon, so that no part of it can be our cookie.
        garbage.push(match state.to_be_bytes()[0] {
            b';' => b'=',
            byte => byte,
        });
    }
    assert!(values(&[&garbage], "session").is_empty());
    let line = [b"session=1;".as_slice(), &garbage, b"; session=2"].concat();
    assert_eq!(values(&[&line], "session"), ["2", "1"]);
    for filler in [b";".as_slice(), b"=", b"\"", b"session", b"session=;", b"\xff", b" "] {
        let line = filler.repeat(100_000 / filler.len());
        let found = values(&[&line], "session").len();
        assert_eq!(found, if filler == b"session=;" { line.len() / 9 } else { 0 }, "{filler:?}");
    }
}

#[test]
fn debug_of_a_header_shows_no_cookie() {
    let header = CookieHeader::new([b"session=secret".as_slice(), b"a=1"]);
    assert_eq!(format!("{header:?}"), "CookieHeader(2 lines, 17 bytes)");
}

/// The requirements of a prefix: Secure, HttpOnly, no Domain and Path=/ (RFC 6265bis §4.1.3, and
/// §5.4 on case).
const NAMES: &[(&str, [bool; 3])] = &[
    // name, needs [Secure, HttpOnly, host only]
    ("session", [false, false, false]),
    ("__Secure-s", [true, false, false]),
    ("__Host-s", [true, false, true]),
    ("__Http-s", [true, true, false]),
    ("__Host-Http-s", [true, true, true]),
    ("__secure-s", [true, false, false]),
    ("__HOST-s", [true, false, true]),
    ("__hTTP-s", [true, true, false]),
    ("__host-http-s", [true, true, true]),
    ("__Host-", [true, false, true]),
    ("__Host-Http", [true, false, true]),
    ("__Http-Host-s", [true, true, false]),
    ("__Hosts", [false, false, false]),
    ("_Host-s", [false, false, false]),
    ("s__Host-", [false, false, false]),
];

#[test]
fn all_attributes_against_all_prefixes() {
    let mut rows = 0;
    let flags = || [false, true].into_iter();
    for (name, [needs_secure, needs_http_only, needs_host]) in NAMES {
        for path in ["/", "/app"] {
            for domain in [None, Some("example.com")] {
                for (secure, http_only) in flags().flat_map(|secure| flags().map(move |http_only| (secure, http_only)))
                {
                    for (same_site, site) in
                        [(SameSite::Strict, "Strict"), (SameSite::Lax, "Lax"), (SameSite::None, "None")]
                    {
                        for partitioned in flags() {
                            let mut config = CookieConfig::default().name(*name).path(path).same_site(same_site);
                            if let Some(domain) = domain {
                                config = config.domain(domain);
                            }
                            if !secure {
                                config = config.danger_insecure();
                            }
                            if !http_only {
                                config = config.danger_readable_by_scripts();
                            }
                            if partitioned {
                                config = config.partitioned();
                            }
                            let shown = format!("{config:?}");
                            let at_fault = [
                                ("danger_insecure", *needs_secure && !secure),
                                ("danger_readable_by_scripts", *needs_http_only && !http_only),
                                ("domain", *needs_host && domain.is_some()),
                                ("path", *needs_host && path != "/"),
                                ("same_site", same_site == SameSite::None && !secure),
                                ("partitioned", partitioned && !secure),
                            ];
                            let at_fault: Vec<&str> =
                                at_fault.iter().filter(|(_, bad)| *bad).map(|(option, _)| *option).collect();
                            let mut attributes = vec![format!("Path={path}"), format!("SameSite={site}")];
                            attributes.extend(domain.map(|domain| format!("Domain={domain}")));
                            attributes.extend(secure.then(|| "Secure".to_owned()));
                            attributes.extend(http_only.then(|| "HttpOnly".to_owned()));
                            attributes.extend(partitioned.then(|| "Partitioned".to_owned()));
                            match config.build() {
                                Ok(template) => {
                                    assert_eq!(at_fault, Vec::<&str>::new(), "{shown}");
                                    check_lines(&template, name, attributes, &shown);
                                }
                                Err(error) => assert!(
                                    at_fault.contains(&error.option()),
                                    "{shown}: {error}, expected {at_fault:?}"
                                ),
                            }
                            rows += 1;
                        }
                    }
                }
            }
        }
    }
    assert_eq!(rows, 15 * 2 * 2 * 4 * 3 * 2);
}

/// Splits a line into its first pair and its attributes, in sorted order.
fn parts(line: &str) -> (String, Vec<String>) {
    let mut parts = line.split("; ").map(str::to_owned);
    let pair = parts.next().unwrap();
    let mut attributes: Vec<String> = parts.collect();
    attributes.sort();
    (pair, attributes)
}

fn check_lines(template: &CookieTemplate, name: &str, mut attributes: Vec<String>, shown: &str) {
    let expected = |attributes: &[String], more: &[&str]| {
        let mut all: Vec<String> = attributes.iter().cloned().chain(more.iter().map(|it| (*it).to_owned())).collect();
        all.sort();
        all
    };
    attributes.sort();
    assert_eq!(template.name(), name);
    assert_eq!(parts(template.set("v", None).unwrap().as_str()), (format!("{name}=v"), attributes.clone()), "{shown}");
    let kept = template.set("v", Some(Duration::from_secs(60))).unwrap();
    assert_eq!(parts(kept.as_str()), (format!("{name}=v"), expected(&attributes, &["Max-Age=60"])), "{shown}");
    let removed = expected(&attributes, &["Max-Age=0", "Expires=Thu, 01 Jan 1970 00:00:00 GMT"]);
    assert_eq!(parts(template.remove().as_str()), (format!("{name}="), removed), "{shown}: the same attributes");
}

#[test]
fn cookies_as_they_are_sent() {
    let default = CookieConfig::default().build().unwrap();
    let wide = CookieConfig::default().name("s").domain("example.com").path("/app").partitioned().build().unwrap();
    let plain = CookieConfig::default().name("s").danger_insecure().danger_readable_by_scripts().build().unwrap();
    let hours = |hours: u64| Some(Duration::from_secs(hours * 3600));
    #[rustfmt::skip] // one row, one line
    let rows: &[(&str, SetCookie, &str)] = &[
        ("default", default.set("v", None).unwrap(), "__Host-Http-session=v; Path=/; Secure; HttpOnly; SameSite=Lax"),
        ("default, empty", default.set("", None).unwrap(), "__Host-Http-session=; Path=/; Secure; HttpOnly; SameSite=Lax"),
        ("default, removed", default.remove(), "__Host-Http-session=; Path=/; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Secure; HttpOnly; SameSite=Lax"),
        ("wide", wide.set("v", None).unwrap(), "s=v; Path=/app; Domain=example.com; Secure; HttpOnly; SameSite=Lax; Partitioned"),
        ("wide, removed", wide.remove(), "s=; Path=/app; Domain=example.com; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Secure; HttpOnly; SameSite=Lax; Partitioned"),
        ("plain", plain.set("v", None).unwrap(), "s=v; Path=/; SameSite=Lax"),
        ("an hour", plain.set("v", hours(1)).unwrap(), "s=v; Path=/; Max-Age=3600; SameSite=Lax"),
        ("a fraction of a second is cut", plain.set("v", Some(Duration::from_millis(1999))).unwrap(), "s=v; Path=/; Max-Age=1; SameSite=Lax"),
        ("400 days", plain.set("v", hours(9600)).unwrap(), "s=v; Path=/; Max-Age=34560000; SameSite=Lax"),
        ("more than 400 days", plain.set("v", hours(9601)).unwrap(), "s=v; Path=/; Max-Age=34560000; SameSite=Lax"),
        ("for ever", plain.set("v", Some(Duration::MAX)).unwrap(), "s=v; Path=/; Max-Age=34560000; SameSite=Lax"),
    ];
    for (name, cookie, expected) in rows {
        assert_eq!(cookie.as_str(), *expected, "{name}");
        assert_eq!(cookie.to_string(), *expected, "{name}");
        assert_eq!(cookie.clone().into_string(), *expected, "{name}");
        assert!(cookie.as_str().bytes().all(|byte| byte.is_ascii_graphic() || byte == b' '), "{name}");
    }
}

#[test]
fn a_value_with_another_character_is_refused_and_named() {
    let cookie = CookieConfig::default().name("s").build().unwrap();
    let rows: &[(&str, Option<&str>)] = &[
        ("", None),
        ("AZaz09-_.~!#$%&'()*+/:<=>?@[]^`{|}", None),
        ("a b", Some("a space")),
        ("a\"b", Some("a quotation mark")),
        ("a,b", Some("a comma")),
        ("a;b", Some("a semicolon")),
        ("a\\b", Some("a backslash")),
        ("a\tb", Some("a control character")),
        ("a\r\nX: y", Some("a control character")),
        ("a\u{7f}", Some("a control character")),
        ("aé", Some("a character that isn't ASCII")),
        ("a b;c é=d\r\nX: y", Some("a space")),
    ];
    for (value, fault) in rows {
        let outcome = cookie.set(value, None);
        let Some(fault) = fault else {
            assert!(outcome.unwrap().as_str().starts_with(&format!("s={value}; Path=/")), "{value:?}");
            continue;
        };
        let error = outcome.unwrap_err();
        assert!(error.is_cookie_value() && error.key().is_none(), "{value:?}");
        assert_eq!(error.to_string(), format!("the value of cookie \"s\" holds {fault}"), "{value:?}");
    }
}

#[test]
fn attributes_that_browsers_would_ignore_are_refused_and_named() {
    let config = || CookieConfig::default().name("s");
    let long = |length: usize| "x".repeat(length);
    let rows: &[(&str, CookieConfig, Option<&str>)] = &[
        ("a token", config().name("a!#$%&'*+-.^_`|~Z9"), None),
        ("no name", config().name(""), Some("name")),
        ("a name with a space", config().name("a b"), Some("name")),
        ("a name with =", config().name("a=b"), Some("name")),
        ("a name with ;", config().name("a;b"), Some("name")),
        ("a name with a quote", config().name("\"a\""), Some("name")),
        ("a name with a line end", config().name("a\r\nb"), Some("name")),
        ("a name that isn't ASCII", config().name("кука"), Some("name")),
        ("a long name", config().name(long(1024)), None),
        ("a longer name", config().name(long(1025)), Some("name")),
        ("no path", config().path(""), Some("path")),
        ("a relative path", config().path("app"), Some("path")),
        ("a path with another attribute", config().path("/; Domain=evil.example"), Some("path")),
        ("a path with a comma", config().path("/a,b"), Some("path")),
        ("a path with a space", config().path("/a b"), Some("path")),
        ("a path with a line end", config().path("/\r\nSet-Cookie: a=b"), Some("path")),
        ("a path that isn't ASCII", config().path("/ü"), Some("path")),
        ("a long path", config().path(format!("/{}", long(1023))), None),
        ("a longer path", config().path(format!("/{}", long(1024))), Some("path")),
        ("a domain", config().domain("a-b.example.com"), None),
        ("an address", config().domain("127.0.0.1"), None),
        ("no domain", config().domain(""), Some("domain")),
        ("a dot in front", config().domain(".example.com"), Some("domain")),
        ("a dot behind", config().domain("example.com."), Some("domain")),
        ("a domain with a port", config().domain("example.com:3000"), Some("domain")),
        ("a domain with a scheme", config().domain("https://example.com"), Some("domain")),
        ("a domain with a wildcard", config().domain("*.example.com"), Some("domain")),
        ("a domain with another attribute", config().domain("example.com; Path=/"), Some("domain")),
        ("a domain that isn't ASCII", config().domain("bücher.example"), Some("domain")),
        ("a domain with a line end", config().domain("example.com\n"), Some("domain")),
        ("a long domain", config().domain(long(1024)), None),
        ("a longer domain", config().domain(long(1025)), Some("domain")),
    ];
    for (name, config, option) in rows {
        assert_eq!(config.clone().build().err().map(|error| error.option()), *option, "{name}");
    }
}

#[test]
fn responses_vary_by_cookie_once() {
    let rows: &[(&str, &[&str], Option<&str>)] = &[
        ("no values", &[], Some("cookie")),
        ("empty", &[""], Some("cookie")),
        ("another field", &["Accept-Encoding"], Some("cookie")),
        ("cookie", &["Cookie"], None),
        ("cookie in capitals", &["COOKIE"], None),
        ("cookie in a list", &["Accept , cookie,Origin"], None),
        ("cookie in a second line", &["Accept", "Cookie"], None),
        ("any field", &["*"], None),
        ("everything in a list", &["Accept, *"], None),
        ("a field whose name begins alike", &["Cookies, X-Cookie, Cookie2"], Some("cookie")),
    ];
    for (name, values, expected) in rows {
        assert_eq!(vary(values.iter().copied()), *expected, "{name}");
    }
}

#[test]
fn a_private_response_is_stored_by_no_cache() {
    let ours = Some("private, no-store");
    let rows: &[(&str, &[&str], Option<&str>)] = &[
        ("no values", &[], ours),
        ("empty", &[""], ours),
        ("public", &["public, max-age=3600"], ours),
        ("private isn't enough", &["private"], ours),
        ("no-cache isn't enough", &["no-cache"], ours),
        ("private, no-cache", &["private, no-cache"], ours),
        ("a directive that begins alike", &["no-store-ever, x-no-store"], ours),
        ("a directive with a value", &["no-store=1"], ours),
        ("no-store", &["no-store"], None),
        ("no-store in capitals", &["No-Store"], None),
        ("no-store in a list", &["private ,no-store, max-age=0"], None),
        ("no-store in a second line", &["private", "no-store"], None),
        ("public and no-store", &["public, no-store"], ours),
        ("s-maxage in a second line", &["no-store", "S-MaxAge = 60"], ours),
    ];
    for (name, values, expected) in rows {
        assert_eq!(cache_control(values.iter().copied()), *expected, "{name}");
    }
}

#[test]
fn fields_that_override_cache_control_are_recognized() {
    #[rustfmt::skip] // one row, one line
    let rows: &[(&str, &str, bool)] = &[ // field, value, must be removed
        ("cdn-cache-control", "max-age=600", true),
        ("CDN-Cache-Control", "public", true),
        ("cdn-cache-control", "", true),
        ("cdn-cache-control", "private", true),
        ("cdn-cache-control", "max-age=0", true),
        ("cdn-cache-control", "no-store", false),
        ("cdn-cache-control", "private, No-Store", false),
        ("cdn-cache-control", "public, no-store", true),
        ("cloudflare-cdn-cache-control", "max-age=600", true),
        ("cloudflare-cdn-cache-control", "no-store", false),
        ("vercel-cdn-cache-control", "max-age=600", true),
        ("Netlify-CDN-Cache-Control", "public, durable", true),
        ("some-new-cdn-cache-control", "max-age=1", true),
        ("xcdn-cache-control", "max-age=1", false),
        ("surrogate-control", "max-age=600", true),
        ("surrogate-control", "content=\"ESI/1.0\", no-store", false),
        ("edge-control", "cache-maxage=600s", true),
        ("edge-control", "!no-store, max-age=1d", true),
        ("edge-control", "no-store", false),
        ("edge-control", "bypass-cache", false),
        ("akamai-cache-control", "max-age=600", true),
        ("x-litespeed-cache-control", "private, max-age=60", true),
        ("x-litespeed-cache-control", "no-cache", false),
        ("x-accel-expires", "600", true),
        ("x-accel-expires", "@4102444800", true),
        ("x-accel-expires", "off", true),
        ("x-accel-expires", "0", false),
        ("expires", "Thu, 31 Dec 2099 23:59:59 GMT", true),
        ("expires", "Thursday, 31-Dec-99 23:59:59 GMT", true),
        ("expires", "tomorrow", true),
        ("expires", "Thu, 01 Jan 1970 00:00:00 GMT", false),
        ("expires", "0", false),
        ("expires", "-1", false),
        ("pragma", "public", false),
        ("cache-control", "public", false),
        ("age", "600", false),
        ("content-type", "text/html", false),
    ];
    for (field, value, removed) in rows {
        assert_eq!(overrides_cache_control(field, value), *removed, "{field}: {value}");
    }
}

#[test]
fn debug_of_a_cookie_shows_its_name_only() {
    let cookie = CookieConfig::default().build().unwrap().set("secret", None).unwrap();
    assert_eq!(format!("{cookie:?}"), "SetCookie(__Host-Http-session=…)");
}
