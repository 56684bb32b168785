//! The page that shows and changes the cart.

use askama::Template;
use axum::Router;
use axum::response::Redirect;
use axum::routing::{get, post};
use cloakroom::for_axum::CheckedForm;
use cloakroom::{Error, Message, Session};
use serde::Deserialize;

use crate::cart::Line;
use crate::catalogue;
use crate::keys::CART;
use crate::page::{Frame, Page};
use crate::state::AppState;

pub(crate) fn routes() -> Router<AppState> {
    Router::new()
        .route("/cart", get(show))
        .route("/cart/set", post(set))
        .route("/cart/remove", post(remove))
        .route("/cart/empty", post(empty))
}

#[derive(Debug, Template)]
#[template(path = "cart.html")]
struct CartPage {
    frame: Frame,
    lines: Vec<Line>,
    total: u32,
}

async fn show(session: Session, frame: Frame) -> Result<Page<CartPage>, Error> {
    let lines = session.get(CART)?.unwrap_or_default().lines();
    let total = lines.iter().map(|line| line.price).sum();
    Ok(Page(CartPage { frame, lines, total }))
}

#[derive(Debug, Deserialize)]
struct Amount {
    item: String,
    count: u32,
}

async fn set(session: Session, CheckedForm(amount): CheckedForm<Amount>) -> Result<Redirect, Error> {
    session.update(CART, move |cart| cart.set(&amount.item, amount.count))?;
    session.flash(Message::success("Your cart is up to date."));
    Ok(Redirect::to("/cart"))
}

#[derive(Debug, Deserialize)]
struct Choice {
    item: String,
}

async fn remove(session: Session, CheckedForm(choice): CheckedForm<Choice>) -> Result<Redirect, Error> {
    let title = catalogue::find(&choice.item).map_or("It", |thing| thing.title);
    session.flash(Message::info(format!("Back on its hook: {title}.")));
    session.update(CART, move |cart| cart.set(&choice.item, 0))?;
    Ok(Redirect::to("/cart"))
}

/// The form contains only the token, which the layer has checked.
async fn empty(session: Session) -> Result<Redirect, Error> {
    if session.remove("cart") {
        session.flash(Message::warning("Your cart is empty now."));
    }
    Ok(Redirect::to("/cart"))
}
