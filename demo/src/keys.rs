//! The typed keys of the session.

use cloakroom::SessionKey;

use crate::cart::Cart;

/// The key of the cart. Storing a value of another type under it doesn't compile.
pub(crate) const CART: SessionKey<Cart> = SessionKey::new("cart");

/// The key of the user's name.
pub(crate) const VISITOR: SessionKey<String> = SessionKey::new("visitor");
