//! The invariants of the near cache, with a feed, a clock and a store that the tests control.
//!
//! | invariant | tests |
//! |---|---|
//! | a hit needs a proof that is no older than the bound | `hits`, `feeds` |
//! | the result of a load is kept only if nothing was invalidated since the load began | `orders`, `hits` |
//! | a connection of the feed begins with no copies, and loads from before add none | `orders`, `hits` |
//! | writes of this process invalidate before they are sent and when they return | `orders`, `writes` |
//! | tombstones and absent sessions are never kept | `hits` |
//! | versions never go back | `orders`, `hits` |
//! | a deadline is checked at each hit | `hits` |
//! | ending sessions invalidates at once | `writes` |

mod feeds;
mod hits;
mod orders;
mod world;
mod writes;
