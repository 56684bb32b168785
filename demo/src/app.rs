//! The router and its layers. A request passes the layers from the bottom up.

use std::sync::Arc;

use axum::Router;
use axum::middleware::map_response;
use cloakroom::{ConfigError, CsrfLayer, CsrfRules, TokenPolicy};

use crate::state::{AppState, Scheme};
use crate::{assets, cart_page, devices, forgery, inspector, shop, sign_in, sorry};

/// Checks both the origin and the token of every form, so that the forgery page can show both.
fn rules(scheme: Scheme) -> Result<CsrfRules, ConfigError> {
    let rules = CsrfRules::builder().token_policy(TokenPolicy::Always);
    match scheme {
        Scheme::Https => rules.build(),
        Scheme::Http => rules.danger_own_scheme_http().build(),
    }
}

pub(crate) fn app(state: AppState) -> Result<Router, ConfigError> {
    let sessions = state.backend.layer(Arc::clone(&state.clock)).on_error(sorry::not_committed);
    let csrf = CsrfLayer::new(rules(state.scheme)?).on_refusal(|refusal, _| sorry::refused(refusal));

    let pages = Router::new()
        .merge(shop::routes())
        .merge(cart_page::routes())
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
        .with_state(state))
}

#[cfg(test)]
mod tests;
