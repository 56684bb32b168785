//! The CSRF check of one request, on what Rocket shows of it.

use bytes::Bytes;
use cloakroom_session::{
    CookieHeader, CsrfGuard, Error, Extent, FormKind, Refusal, RequestFacts, Stage, find_token, meter,
};
use rocket::response::Response;
use rocket::{Data, Request};

use crate::response::{plain, sorry};
use crate::sessions::slot;

/// As much of a body as Rocket lets anybody look at before it is read, in bytes.
const PEEK: usize = 512;

/// Both stages; the response that takes the handler's place if one fails.
pub(crate) async fn check<'r>(
    guard: &CsrfGuard,
    request: &Request<'_>,
    data: &mut Data<'_>,
) -> Result<(), Response<'r>> {
    let host = host(request);
    let verdict = match guard.first_stage(&facts(request, host.as_deref())) {
        Stage::TokenNeeded => second_stage(guard, request, data).await.map_err(|error| {
            tracing::error!(error = &error as &dyn std::error::Error, "CSRF check impossible");
            sorry(&error)
        })?,
        Stage::Refused(refusal) => Err(refusal),
        Stage::Uncovered | Stage::Passed | _ => Ok(()),
    };
    let Err(refusal) = verdict else { return Ok(()) };
    let reported = guard.rules().is_report_only();
    let outcome = if reported { "would be refused" } else { "refused" };
    meter::refused(refusal, reported);
    tracing::warn!(reason = refusal.as_str(), method = %request.method(), "request {outcome} by the CSRF check: {refusal}");
    if reported {
        return Ok(());
    }
    if let Some(slot) = slot(request) {
        slot.discard();
    }
    Err(plain(refusal.status(), format!("CSRF check failed: {refusal}\n")))
}

/// The host that the request was sent to. HTTP/2 has no header for it, and Rocket knows it all the same.
fn host(request: &Request<'_>) -> Option<String> {
    let mut values = request.headers().get("host");
    match (values.next(), values.next()) {
        (Some(host), None) => Some(host.to_owned()),
        (Some(_), Some(_)) => None,
        (None, _) => request.host().map(ToString::to_string),
    }
}

/// What the request says about where it comes from.
fn facts<'r>(request: &'r Request<'_>, host: Option<&'r str>) -> RequestFacts<'r> {
    // A header that came twice is a value that nothing equals.
    let one = |name: &str| {
        let mut values = request.headers().get(name);
        let first = values.next()?;
        Some(if values.next().is_none() { first } else { "" })
    };
    RequestFacts {
        method: request.method().as_str(),
        host,
        sec_fetch_site: one("sec-fetch-site"),
        origin: one("origin"),
        referer: one("referer"),
    }
}

/// Stage two: finds the token and compares it. An `Err` means that there is nothing to compare it with.
async fn second_stage(
    guard: &CsrfGuard,
    request: &Request<'_>,
    data: &mut Data<'_>,
) -> Result<Result<(), Refusal>, Error> {
    let rules = guard.rules();
    let headers = request.headers();
    let cookies = CookieHeader::new(headers.get("cookie").map(str::as_bytes));
    let Some(expected) = guard.expected(slot(request), cookies).await? else {
        return Ok(Err(Refusal::NothingToMatch));
    };
    // A wrong token in the header isn't made good by the form.
    if let Some(token) = headers.get_one(rules.header_name()).filter(|token| !token.is_empty()) {
        return Ok(CsrfGuard::second_stage(&expected, Some(token)));
    }
    let Some(kind) = headers.get_one("content-type").and_then(FormKind::of) else {
        return Ok(Err(Refusal::TokenMissing));
    };
    let beginning = Bytes::copy_from_slice(data.peek(PEEK).await);
    // Rocket's local client says that a body is complete however long it is.
    let whole = data.peek_complete() && beginning.len() < PEEK;
    let extent = if whole { Extent::Whole } else { Extent::Prefix };
    let found = find_token(&kind, &[beginning], rules.field_name(), extent).await;
    Ok(found.and_then(|token| CsrfGuard::second_stage(&expected, token.as_deref())))
}
