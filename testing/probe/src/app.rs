//! The state that all adapters share: the session engine, the CSRF rules and the counters.

use std::sync::Arc;

use cloakroom::{CsrfRules, Engine, StoredSessions};
use serde_json::Value;

use crate::backend::{self, Backend};
use crate::clock::RequestClock;
use crate::counting::{CountingCookies, CountingStore, Counts};
use crate::options::Options;

#[derive(Clone)]
pub(crate) struct App {
    pub(crate) engine: Engine,
    pub(crate) rules: CsrfRules,
    counts: Counts,
    stored: Option<Arc<StoredSessions<CountingStore>>>,
}

impl App {
    pub(crate) async fn new(options: &Options) -> anyhow::Result<Self> {
        let counts = Counts::default();
        let (engine, stored) = match backend::connect(options, &counts).await? {
            Backend::Cookies(inner) => {
                let inner = *inner;
                (Engine::new(CountingCookies { inner, counts: counts.clone() }), None)
            }
            Backend::Foreign(engine) => (engine, None),
            Backend::Store(factory) => (Engine::new(Arc::clone(&factory)), Some(factory)),
        };
        let mut engine = engine.policy(options.commit_policy()).clock(RequestClock);
        if let Some(messages) = options.flash_limit {
            engine = engine.flash_limit(messages);
        }
        let mut rules = CsrfRules::builder().danger_own_scheme_http().token_policy(options.token_policy());
        if let Some(bytes) = options.body_limit {
            rules = rules.body_limit(bytes);
        }
        if let Some(name) = &options.csrf_field {
            rules = rules.field(name);
        }
        if let Some(scheme) = &options.exempt_authorization {
            rules = rules.exempt_authorization(scheme);
        }
        if let Some(name) = &options.csrf_header {
            rules = rules.header(name);
        }
        if options.report_only {
            rules = rules.danger_report_only();
        }
        Ok(Self { engine, rules: rules.build()?, counts, stored })
    }

    /// Returns the counters as the JSON of `/stats`.
    pub(crate) fn report(&self) -> Value {
        let stats = self.stored.as_ref().map(|factory| factory.stats()).unwrap_or_default();
        self.counts.report(stats.replayed, stats.dropped)
    }
}
