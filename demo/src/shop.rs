//! The catalogue, and adding an item to the cart.

use askama::Template;
use axum::Router;
use axum::response::Redirect;
use axum::routing::{get, post};
use cloakroom::for_axum::CheckedForm;
use cloakroom::{Error, Message, Session};
use serde::Deserialize;

use crate::catalogue::{self, THINGS, Thing};
use crate::keys::CART;
use crate::page::{Frame, Page};
use crate::state::AppState;

pub(crate) fn routes() -> Router<AppState> {
    Router::new().route("/", get(shop)).route("/cart/add", post(add))
}

#[derive(Debug, Template)]
#[template(path = "shop.html")]
struct Shop {
    frame: Frame,
    things: &'static [Thing],
}

async fn shop(frame: Frame) -> Page<Shop> {
    Page(Shop { frame, things: THINGS })
}

#[derive(Debug, Deserialize)]
struct Wish {
    item: String,
}

async fn add(session: Session, CheckedForm(wish): CheckedForm<Wish>) -> Result<Redirect, Error> {
    let Some(thing) = catalogue::find(&wish.item) else {
        session.flash(Message::error("Nothing hangs under that name."));
        return Ok(Redirect::to("/"));
    };
    let added = session.update(CART, |cart| cart.add(thing))?;
    session.flash(if added {
        Message::success(format!("Added to your cart: {}.", thing.title))
    } else {
        Message::warning(format!("Nine of a kind is all we hand out: {}.", thing.title))
    });
    Ok(Redirect::to("/"))
}
