//! `inspect`: the contents of a cookie, and the reason for which it is refused.
//!
//! | file | contents |
//! |---|---|
//! | `cookie` | parsing the cookie |
//! | `question` | the input of a format |
//! | `report` | the result |
//! | `sealed`, `id` | Cloakroom's own formats |
//! | `bridged` | formats of other frameworks |

mod bridged;
mod cookie;
mod id;
mod question;
mod report;
mod sealed;

use clap::Args;
use cloakroom::factory::CookieOrder;
use cloakroom::{Clock as _, CookieConfig, SystemClock};

use crate::describe::Values;
use crate::outcome::{Outcome, WrongUse};
use crate::output::{print, print_json};
use crate::secret::KeyOptions;
use bridged::OtherOptions;
use cookie::Cookie;
use question::Question;
use report::{Report, Verdict};

#[derive(Args, Debug)]
#[command(after_help = "\
    With a key, reports whether a factory with that key opens the cookie, and if not, why. Without one, reports \
    only the parts that are readable without a key.\n\n\
    For another framework: `cloakroom inspect - --framework rails --secret-env SECRET_KEY_BASE --name _shop_session < cookie`.")]
pub(crate) struct Options {
    /// The cookie: its value, name=value, a whole Cookie or Set-Cookie line, or - to read one of
    /// these from stdin. A session cookie is a secret while it is valid, and other users of the
    /// machine can read arguments
    #[arg(value_name = "COOKIE")]
    cookie: String,
    /// The cookie's name, which its seal is bound to; also selects one of several cookies [default:
    /// the name in COOKIE, or that of the library or framework]
    #[arg(long)]
    name: Option<String>,
    #[command(flatten)]
    key: KeyOptions,
    #[command(flatten)]
    other: OtherOptions,
    /// Shows the values too: they may contain any data that the application stores about a person
    #[arg(long)]
    values: bool,
}

/// A format. Returns a report if it recognizes the cookie. To add a format, add it to the list.
type Format = fn(&Question<'_>) -> anyhow::Result<Option<Report>>;

const FORMATS: &[Format] = &[bridged::look, sealed::look, id::look, bridged::guess];

pub(crate) async fn run(options: &Options, json: bool) -> anyhow::Result<Outcome> {
    let ours = CookieConfig::default().build()?;
    let other = options.other.read()?;
    let usual = other.as_ref().map_or(ours.name(), |other| other.framework.cookie_name());
    let order = other.as_ref().map_or(CookieOrder::LastFirst, |other| other.framework.order());
    let mut cookies = Cookie::read(&options.cookie, options.name.as_deref(), usual)?;
    if order == CookieOrder::LastFirst {
        cookies.reverse();
    }
    let keyring = options.key.keyring()?;
    let values = if options.values { Values::Shown } else { Values::Hidden };
    let now = SystemClock.now();
    let (cookie, report) = counting(&cookies, order, |cookie| {
        ask(&Question { cookie, keyring: keyring.as_ref(), other: other.as_ref(), values, now })
    })?;
    if json {
        print_json(&report.document(cookie))?
    } else {
        print(&report.text(cookie, values))?
    }
    Ok(Outcome::no_if(matches!(report.verdict, Verdict::Refused { .. })))
}

/// Returns the cookie that counts, and its report: the first one that isn't refused, as in a
/// factory, otherwise the first one. `cookies` are in the order in which they are tried.
fn counting<'a>(
    cookies: &'a [Cookie],
    order: CookieOrder,
    ask: impl Fn(&'a Cookie) -> anyhow::Result<Report>,
) -> anyhow::Result<(&'a Cookie, Report)> {
    let mut chosen: Option<(usize, &Cookie, Report)> = None;
    let (mut open, mut is_checked) = (0, true);
    for (index, cookie) in cookies.iter().enumerate() {
        let report = ask(cookie)?;
        let is_refused = matches!(report.verdict, Verdict::Refused { .. });
        is_checked &= !matches!(report.verdict, Verdict::Unchecked { .. });
        open += usize::from(!is_refused);
        if chosen.is_none() || (open == 1 && !is_refused) {
            chosen = Some((index, cookie, report));
        }
    }
    let (index, cookie, report) = chosen.ok_or_else(|| WrongUse::new("the cookie is empty"))?;
    if cookies.len() == 1 {
        return Ok((cookie, report));
    }
    let number = if order == CookieOrder::LastFirst { cookies.len() - index } else { index + 1 };
    let what = match open {
        0 => "none of them opens".to_owned(),
        _ if !is_checked => format!("number {number} counts if it opens"),
        1 => format!("number {number} counts"),
        _ => format!("{open} of them open, and number {number} counts: the browser holds two sessions"),
    };
    let text = format!("{} of this name: {what}", cookies.len());
    Ok((cookie, report.fact("cookies", text)))
}

fn ask(question: &Question<'_>) -> anyhow::Result<Report> {
    for format in FORMATS {
        if let Some(report) = format(question)? {
            return Ok(report);
        }
    }
    let hint = "it is neither sealed (`s1.`, `e1.`), nor an id of 43 characters, alone or after `new.`, nor similar to the cookies of other frameworks; is it incomplete?";
    Ok(Report::new("an unknown format", Verdict::refused("unknown-format", "no known format matches", hint)))
}

#[cfg(test)]
mod tests;
