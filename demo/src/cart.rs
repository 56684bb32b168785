//! The cart: a typed session value, and the page that changes it.

use std::collections::BTreeMap;

use askama::Template;
use axum::Router;
use axum::response::Redirect;
use axum::routing::{get, post};
use cloakroom::axum::CheckedForm;
use cloakroom::{Error, Message, Session, SessionKey};
use serde::{Deserialize, Serialize};

use crate::app::House;
use crate::catalogue::{self, Thing};
use crate::page::{Frame, Page};

/// The key of the cart. Storing a value of another type under it doesn't compile.
pub(crate) const CART: SessionKey<Cart> = SessionKey::new("cart");

/// Maximum number of one item.
const MOST: u32 = 9;

/// Item counts by name. In JSON: `{"top-hat":1}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Cart(BTreeMap<String, u32>);

impl Cart {
    /// Adds one item. Returns `false` if the cart already has the maximum.
    pub(crate) fn add(&mut self, thing: &Thing) -> bool {
        let count = self.0.entry(thing.name.to_owned()).or_default();
        let room = *count < MOST;
        *count += u32::from(room);
        room
    }

    /// Sets the number of an item; zero removes it. An item that isn't in the cart is ignored.
    fn set(&mut self, name: &str, count: u32) {
        if count == 0 {
            self.0.remove(name);
        } else if let Some(known) = self.0.get_mut(name) {
            *known = count.min(MOST);
        }
    }

    /// Returns the total number of items.
    pub(crate) fn pieces(&self) -> u32 {
        self.0.values().sum()
    }

    fn lines(&self) -> Vec<Line> {
        let known = self.0.iter().filter_map(|(name, count)| Some((catalogue::find(name)?, *count)));
        known.map(|(thing, count)| Line { thing, count, price: thing.price * count }).collect()
    }
}

/// A row of the cart page.
#[derive(Debug)]
struct Line {
    thing: &'static Thing,
    count: u32,
    price: u32,
}

pub(crate) fn routes() -> Router<House> {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::THINGS;

    fn cart(lines: &[(&str, u32)]) -> Cart {
        Cart(lines.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect())
    }

    #[test]
    fn a_cart_holds_up_to_nine_of_a_kind() {
        let (hat, mut cart) = (&THINGS[0], Cart::default());
        assert!((0..MOST).all(|_| cart.add(hat)));
        assert!(!cart.add(hat));
        assert_eq!(cart.pieces(), MOST);
    }

    #[test]
    fn amounts_are_set() {
        for (row, name, count, expected) in [
            ("fewer", "top-hat", 1, cart(&[("top-hat", 1)])),
            ("too many", "top-hat", 400, cart(&[("top-hat", MOST)])),
            ("none", "top-hat", 0, cart(&[])),
            ("of what isn't there", "umbrella", 3, cart(&[("top-hat", 2)])),
        ] {
            let mut start = cart(&[("top-hat", 2)]);
            start.set(name, count);
            assert_eq!(start, expected, "{row}");
        }
    }

    #[test]
    fn removed_items_cost_nothing() {
        let lines = cart(&[("top-hat", 2), ("gone", 5)]).lines();
        assert_eq!(lines.iter().map(|line| line.price).collect::<Vec<_>>(), [96]);
    }
}
