//! poem.

use std::sync::Arc;

use cloakroom::for_poem::{CsrfMiddleware, SessionMiddleware};
use cloakroom::{DeviceBinding, Error, Session};
use poem::{Endpoint, EndpointExt as _, Request, Response, Route, handler};

use super::{Answer, App, Ask, line, strict};
use crate::shop::{Shop, handle};

#[handler]
async fn any(request: &Request, session: Session) -> Result<String, Error> {
    handle(request.uri().path(), &session).await
}

pub(super) fn app(shop: Shop, binding: DeviceBinding) -> App {
    let engine = shop.engine(binding);
    let app = Route::new().nest("/", any);
    let app = app.with(CsrfMiddleware::new(strict())).with(SessionMiddleware::from_engine(engine));
    let app = Arc::new(app);
    App::serving(shop, move |ask| {
        let app = Arc::clone(&app);
        async move { read(app.get_response(request(&ask)).await).await }
    })
}

fn request(ask: &Ask) -> Request {
    let request = Request::builder().method(ask.method.parse().unwrap()).uri(ask.path.parse().unwrap());
    ask.lines.iter().fold(request, |request, (name, value)| request.header(name, value)).finish()
}

async fn read(response: Response) -> Answer {
    let (parts, body) = response.into_parts();
    Answer {
        status: parts.status.as_u16(),
        headers: parts.headers.iter().map(|(name, value)| line(name, value.as_bytes())).collect(),
        body: body.into_string().await.unwrap(),
    }
}
