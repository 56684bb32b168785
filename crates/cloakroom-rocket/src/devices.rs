//! The routes for browsers that register their device or refresh.

use std::io::Cursor;
use std::sync::Arc;

use cloakroom_session::Engine;
use cloakroom_session::adapter::{DeviceAnswer, SessionSlot};
use rocket::http::{Method, Status};
use rocket::response::Response;
use rocket::route::{Handler, Outcome, Route};
use rocket::{Data, Request, async_trait};

use crate::check::Head;
use crate::csrf::exempted;

/// Returns the routes of an engine that binds sessions to devices. Others have none.
///
/// They need no CSRF token: a proof is signed, and its origin is checked.
pub(crate) fn device_routes(engine: &Arc<Engine>) -> Vec<Route> {
    let route = |path: &str| {
        let handler = Devices { engine: Arc::clone(engine) };
        let mut route = Route::new(Method::Post, path, handler);
        route.name = Some("device binding".into());
        exempted(route)
    };
    engine.device_paths().into_iter().flatten().map(route).collect()
}

#[derive(Clone)]
struct Devices {
    engine: Arc<Engine>,
}

#[async_trait]
impl Handler for Devices {
    async fn handle<'r>(&self, request: &'r Request<'_>, data: Data<'r>) -> Outcome<'r> {
        let call = SessionSlot::new(Arc::clone(&self.engine)).device_call(&Head::of(request));
        match call {
            Some(call) => Outcome::Success(response(&call.await)),
            None => Outcome::Forward((data, Status::NotFound)),
        }
    }
}

fn response(answer: &DeviceAnswer) -> Response<'static> {
    let mut response = Response::build();
    response.status(Status::new(answer.status()));
    for (name, value) in answer.headers() {
        response.raw_header_adjoin(name, value.to_owned());
    }
    response.sized_body(answer.body().len(), Cursor::new(answer.body().to_owned())).finalize()
}
