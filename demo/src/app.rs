//! The router and its layers. A request passes the layers from the bottom up.

use std::sync::Arc;

use axum::Router;
use axum::middleware::map_response;
use cloakroom::{Clock, ConfigError, CsrfLayer, CsrfRules, TokenPolicy};

use crate::rail::Rail;
use crate::{assets, cart, devices, forgery, inspector, shop, sign_in, sorry};

/// The state of the application.
#[derive(Clone, Debug)]
pub(crate) struct House {
    /// The session backend, which the inspector and the list of devices use too.
    pub(crate) rail: Rail,
    pub(crate) clock: Arc<dyn Clock>,
}

/// Checks both the origin and the token of every form, so that the forgery page can show both.
/// The demo has no TLS.
fn rules() -> Result<CsrfRules, ConfigError> {
    CsrfRules::builder().token_policy(TokenPolicy::Always).danger_own_scheme_http().build()
}

pub(crate) fn app(house: House) -> Result<Router, ConfigError> {
    let sessions = house.rail.layer(Arc::clone(&house.clock)).on_error(sorry::not_committed);
    let csrf = CsrfLayer::new(rules()?).on_refusal(|refusal, _| sorry::refused(refusal));

    let pages = Router::new()
        .merge(shop::routes())
        .merge(cart::routes())
        .merge(sign_in::routes())
        .merge(devices::routes())
        .merge(inspector::routes())
        .merge(forgery::routes())
        .layer(csrf)
        .layer(sessions);

    // Routes that don't need the session are outside the layer.
    Ok(pages
        .merge(assets::routes())
        .fallback(sorry::not_found)
        .layer(map_response(sorry::in_our_words))
        .layer(map_response(assets::guarded))
        .with_state(house))
}

#[cfg(test)]
mod tests;
