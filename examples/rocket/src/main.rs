//! Sessions in Rocket: `cargo run -p cloakroom-example-rocket`, then <http://127.0.0.1:3000>.

use cloakroom::for_rocket::{CsrfFairing, SessionFairing};
use cloakroom::{Error, Session};
use cloakroom_example_visit as visit;
use rocket::fairing::AdHoc;
use rocket::form::Form;
use rocket::http::Status;
use rocket::response::Redirect;
use rocket::response::content::RawHtml;
use rocket::{Config, FromForm, get, post, routes};

#[get("/")]
async fn page(session: Session) -> Result<RawHtml<String>, Error> {
    visit::page(&session).map(RawHtml)
}

#[derive(FromForm)]
struct SignIn {
    name: String,
}

/// The route is protected, so the form has already been checked.
#[post("/sign-in", data = "<form>")]
async fn sign_in(session: Session, form: Form<SignIn>) -> Result<Redirect, Error> {
    visit::sign_in(&session, &form.name)?;
    Ok(Redirect::to("/"))
}

#[post("/sign-out")]
async fn sign_out(session: Session) -> Redirect {
    visit::sign_out(&session);
    Redirect::to("/")
}

#[get("/about")]
async fn about() -> &'static str {
    visit::ABOUT
}

#[get("/broken")]
async fn broken(session: Session) -> Result<Status, Error> {
    visit::before_failing(&session);
    Ok(Status::InternalServerError)
}

#[rocket::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let port = std::env::args().nth(1).map_or(Ok(3000), |port| port.parse::<u16>())?;
    let csrf = CsrfFairing::new(visit::rules()?);
    rocket::custom(Config::figment().merge(("port", port)))
        .attach(SessionFairing::new(visit::sessions()?))
        .mount("/", csrf.protect(routes![page, sign_in, sign_out, about, broken]))
        .attach(csrf)
        .attach(AdHoc::on_liftoff("address", |rocket| {
            Box::pin(async move { println!("listening on http://127.0.0.1:{}", rocket.config().port) })
        }))
        .launch()
        .await?;
    Ok(())
}
