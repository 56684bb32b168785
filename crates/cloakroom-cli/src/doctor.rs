//! `doctor`: the state of a store's server, and the rights of its user.

mod canary;

use std::time::Duration;

use clap::Args;
use cloakroom::store::{Checkup, Severity, Store as _, Topic};
use cloakroom::{AnyStore, Clock as _, Keyring, SystemClock, Timestamp};
use serde_json::{Value, json};

use crate::outcome::Outcome;
use crate::output::{plain, print, print_json};
use crate::scan::{PAGE, Scan, within};
use crate::secret::{RecordKeyOptions, locked};
use crate::store_url::{Open, store};
use crate::table::table;
use crate::time::{span, utc};

/// A larger difference between the clocks of a deployment is reported: sessions are dated by the
/// clock of the process that writes them.
const APART: Duration = Duration::from_secs(5);

#[derive(Args, Debug)]
#[command(after_help = "\
    Queries the server, and creates, uses and ends one session under a random key and a random owner. Like the \
    application, it creates a database's table if it doesn't exist.")]
pub(crate) struct Options {
    /// The store: a URL, env:NAME or @FILE
    #[arg(value_name = "URL")]
    store: String,
    #[command(flatten)]
    records: RecordKeyOptions,
}

pub(crate) async fn run(options: &Options, json: bool) -> anyhow::Result<Outcome> {
    let keyring = options.records.keyring()?;
    let store = store(&options.store, Open::Existing, keyring.as_ref()).await?;
    let began = SystemClock.now();
    let checkup = match within(store.checkup()).await {
        Ok(checkup) => checkup,
        Err(why) if why.is_timed_out() => return Err(why.into()),
        // The server is reachable, so the other questions may still be answered.
        Err(why) => {
            let server = Checkup::new("unknown");
            server.found(Topic::Writes, Severity::Unknown, canary::told(&why))
        }
    };
    let mut clock = Clock::compare(checkup.clock, began, SystemClock.now());
    if checkup.too_far_ahead(began).is_some() {
        clock.text.push_str(" A sweeper on this machine would end live sessions, and refuses to work.");
    }
    let checkup = with_locked(checkup, &store, keyring.as_ref()).await;
    let (severity, text) = canary::rights(&store, SystemClock.now()).await;
    let checkup = checkup.found(Topic::Rights, severity, text);
    if json {
        print_json(&document(&checkup, &clock))?
    } else {
        print(&table_of(&checkup, &clock))?
    }
    let problems = checkup.findings.iter().any(|finding| finding.severity == Severity::Problem);
    Ok(Outcome::no_if(problems || clock.severity == Severity::Problem))
}

/// Adds a finding if the first page of a walk has records that don't open.
async fn with_locked(checkup: Checkup, store: &AnyStore, keyring: Option<&Keyring>) -> Checkup {
    // A store without scans is reported elsewhere.
    let Ok(Some(page)) = Scan::new(store, PAGE).page().await else { return checkup };
    if page.locked.is_empty() {
        return checkup;
    }
    let severity = if keyring.is_some() { Severity::Problem } else { Severity::Note };
    let seen = page.sessions.len() + page.damaged.len() + page.locked.len();
    let text = format!("of the first {seen}, {}", locked(page.locked.len() as u64, keyring));
    checkup.found(Topic::Records, severity, text)
}

/// The difference between the server's clock and ours.
#[derive(Debug, PartialEq)]
struct Clock {
    severity: Severity,
    apart: Option<Duration>,
    text: String,
}

impl Clock {
    /// The server answered between these two times, so its clock may show any time between them.
    fn compare(server: Option<Timestamp>, began: Timestamp, ended: Timestamp) -> Self {
        let Some(server) = server else {
            return Self {
                severity: Severity::Unknown,
                apart: None,
                text: "the server doesn't report its time".to_owned(),
            };
        };
        let (ahead, behind) = (server.since(ended), began.since(server));
        let apart = ahead.max(behind);
        let far = format!("{}.{:03} s", apart.as_secs(), apart.subsec_millis());
        let (severity, text) = match apart {
            Duration::ZERO => (Severity::Good, format!("{}, as here", utc(server))),
            apart if apart > APART => {
                let side = if ahead > behind { "ahead of" } else { "behind" };
                (Severity::Problem, format!("{}, {} {side} here: which of the two is wrong?", utc(server), span(apart)))
            }
            _ => (Severity::Good, format!("{}, {far} from here", utc(server))),
        };
        Self { severity, apart: Some(apart), text }
    }
}

fn table_of(checkup: &Checkup, clock: &Clock) -> String {
    let mut rows: Vec<Vec<String>> = vec![vec!["server".to_owned(), "good".to_owned(), plain(&checkup.server)]];
    rows.push(vec!["clock".to_owned(), clock.severity.to_string(), clock.text.clone()]);
    for finding in &checkup.findings {
        rows.push(vec![finding.topic.to_string(), finding.severity.to_string(), plain(&finding.text)]);
    }
    table(&["ABOUT", "SEVERITY", "FOUND"], &[], &rows)
}

fn document(checkup: &Checkup, clock: &Clock) -> Value {
    let findings: Vec<Value> = checkup
        .findings
        .iter()
        .map(|it| json!({ "about": it.topic.as_str(), "severity": it.severity.as_str(), "text": it.text }))
        .collect();
    json!({
        "server": checkup.server,
        "clock": { "severity": clock.severity.as_str(), "milliseconds_apart": clock.apart.map(|it| it.as_millis() as u64), "text": clock.text },
        "findings": findings,
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use cloakroom::Timestamp;
    use cloakroom::store::{Checkup, Severity, Topic};

    use super::{Clock, document, table_of as text};

    const NOW: Timestamp = Timestamp::from_unix_secs(1_700_000_000);

    #[test]
    fn clocks() {
        let later = NOW + Duration::from_secs(60);
        let near = Timestamp::from_unix_millis(NOW.unix_millis() - 30);
        for (row, server, severity, says) in [
            ("equal", Some(NOW), Severity::Good, "as here"),
            ("a little behind", Some(near), Severity::Good, "0.030 s from here"),
            ("ahead", Some(later), Severity::Problem, "1 min ahead of here"),
            ("not reported", None, Severity::Unknown, "doesn't report"),
        ] {
            let clock = Clock::compare(server, NOW, NOW);
            assert_eq!(clock.severity, severity, "{row}");
            assert!(clock.text.contains(says), "{row}: {}", clock.text);
        }
        assert!(Clock::compare(Some(NOW), later, later).text.contains("1 min behind here"));
    }

    #[test]
    fn a_page() {
        let checkup = Checkup::new("Redis 7").found(Topic::Eviction, Severity::Problem, "allkeys-lru");
        let clock = Clock::compare(Some(NOW), NOW, NOW);
        assert!(text(&checkup, &clock).contains("eviction  problem   allkeys-lru\n"), "{}", text(&checkup, &clock));
        assert_eq!(document(&checkup, &clock)["findings"][0]["severity"], "problem");
        assert_eq!(document(&checkup, &clock)["clock"]["milliseconds_apart"], 0);
    }
}
