//! The cart, a typed session value.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::catalogue::{self, Thing};

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
    pub(crate) fn set(&mut self, name: &str, count: u32) {
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

    pub(crate) fn lines(&self) -> Vec<Line> {
        let known = self.0.iter().filter_map(|(name, count)| Some((catalogue::find(name)?, *count)));
        known.map(|(thing, count)| Line { thing, count, price: thing.price * count }).collect()
    }
}

/// A row of the cart page.
#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) thing: &'static Thing,
    pub(crate) count: u32,
    pub(crate) price: u32,
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
