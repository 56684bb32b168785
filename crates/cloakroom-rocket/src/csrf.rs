//! CSRF protection: checked routes, and a launch that fails if a route is neither checked nor
//! exempt.

use std::sync::Arc;

use cloakroom_session::{CsrfGuard, CsrfRules};
use rocket::fairing::{self, Fairing, Info, Kind};
use rocket::route::{Handler, Outcome, Route};
use rocket::{Build, Data, Request, Rocket, async_trait};

use crate::check::check;

/// Suffix of the names of checked and exempt routes. Rocket prints the names at launch.
const CHECKED: &str = "CSRF checked";
const EXEMPT: &str = "CSRF exempt";

/// Refuses requests that were forged by another site.
///
/// It checks the origin of WebSocket handshakes, and of requests with methods other than GET, HEAD,
/// OPTIONS, TRACE and QUERY: `Sec-Fetch-Site`, else `Origin`, else `Referer`. If the browser sent
/// neither of the first two, the request must also carry the session's token, in the header
/// `X-CSRF-Token` or else in the form field `csrf_token`, never in the query.
/// [`TokenPolicy`](cloakroom_session::TokenPolicy) can require the token always. A refusal is 403,
/// or 413 or 400 if the body is at fault, with a reason for developers.
///
/// 1. Mount routes through [`CsrfFairing::protect`]. Mount routes that authenticate their callers
///    in another way through [`CsrfFairing::exempt`].
/// 2. Attach the fairing as well. Rocket then refuses to launch, and names the route, if a route
///    for an unsafe method is neither protected nor exempt.
/// 3. Make the token the first field of a form: Rocket only shows the first 512 bytes of a body.
/// 4. A failed check never creates a session, and no guard of the route runs.
///
/// # Examples
/// ```
/// use cloakroom_rocket::CsrfFairing;
/// use cloakroom_session::CsrfRules;
/// use rocket::{post, routes};
///
/// #[post("/buy")]
/// fn buy() {}
///
/// #[post("/webhook")]
/// fn webhook() {}
///
/// let csrf = CsrfFairing::new(CsrfRules::default());
/// let app = rocket::build()
///     .mount("/", csrf.protect(routes![buy]))
///     .mount("/", csrf.exempt(routes![webhook]))      // this one checks its caller's signature instead
///     .attach(csrf);
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct CsrfFairing {
    guard: Arc<CsrfGuard>,
}

impl CsrfFairing {
    /// Creates a fairing with these rules and with tokens in the session.
    pub fn new(rules: CsrfRules) -> Self {
        Self { guard: Arc::new(CsrfGuard::new(rules)) }
    }

    /// Returns the routes with the check, ready to be mounted.
    #[must_use]
    pub fn protect(&self, routes: impl Into<Vec<Route>>) -> Vec<Route> {
        let checked = |mut route: Route| {
            route.handler = Box::new(Checked { guard: Arc::clone(&self.guard), handler: route.handler });
            marked(route, CHECKED)
        };
        routes.into().into_iter().map(checked).collect()
    }

    /// Returns the routes without the check, ready to be mounted.
    ///
    /// # Security
    /// Use this only for routes that don't rely on cookies to identify the user.
    #[must_use]
    pub fn exempt(&self, routes: impl Into<Vec<Route>>) -> Vec<Route> {
        routes.into().into_iter().map(exempted).collect()
    }
}

/// Marks a route as one that needs no check.
pub(crate) fn exempted(route: Route) -> Route {
    marked(route, EXEMPT)
}

fn marked(mut route: Route, mark: &str) -> Route {
    let name = route.name.as_deref().unwrap_or("route");
    route.name = Some(format!("{name}, {mark}").into());
    route
}

#[async_trait]
impl Fairing for CsrfFairing {
    fn info(&self) -> Info {
        Info { name: "CSRF checks", kind: Kind::Ignite }
    }

    async fn on_ignite(&self, rocket: Rocket<Build>) -> fairing::Result {
        let covered = |route: &&Route| self.guard.rules().covers(route.method.as_str());
        let thought_of =
            |route: &Route| route.name.as_deref().is_some_and(|name| name.ends_with(CHECKED) || name.ends_with(EXEMPT));
        let forgotten: Vec<_> = rocket.routes().filter(covered).filter(|route| !thought_of(route)).collect();
        for route in &forgotten {
            tracing::error!(
                method = route.method.as_str(), uri = %route.uri,
                "this route is neither checked nor exempt: mount it through CsrfFairing::protect or CsrfFairing::exempt"
            );
            rocket::error!("{route} is neither checked nor exempt: use CsrfFairing::protect or CsrfFairing::exempt");
        }
        if forgotten.is_empty() { Ok(rocket) } else { Err(rocket) }
    }
}

/// The handler of a route, behind the check.
#[derive(Clone)]
struct Checked {
    guard: Arc<CsrfGuard>,
    handler: Box<dyn Handler>,
}

#[async_trait]
impl Handler for Checked {
    async fn handle<'r>(&self, request: &'r Request<'_>, mut data: Data<'r>) -> Outcome<'r> {
        match check(&self.guard, request, &mut data).await {
            Ok(()) => self.handler.handle(request, data).await,
            Err(instead) => Outcome::Success(instead.into()),
        }
    }
}
