//! The router and its layers. A request passes the layers from the bottom up.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::middleware::map_response;
use cloakroom::{ConfigError, CsrfLayer, CsrfRules, DeviceBinding, TokenPolicy};

use crate::state::{AppState, Scheme};
use crate::{assets, cart_page, devices, forgery, inspector, shop, sign_in, sorry, stolen};

/// Checks both the origin and the token of every form, so that the forgery page can show both.
fn rules(scheme: Scheme) -> Result<CsrfRules, ConfigError> {
    let rules = CsrfRules::builder().token_policy(TokenPolicy::Always);
    match scheme {
        Scheme::Https => rules.build(),
        Scheme::Http => rules.danger_own_scheme_http().build(),
    }
}

pub(crate) fn app(state: AppState) -> Result<Router, ConfigError> {
    // The shortest life, so that you don’t wait long to see a stolen cookie expire.
    let binding = || DeviceBinding::enforce().bound_life(Duration::from_secs(3 * 60));
    let sessions = state.backend.layer(Arc::clone(&state.clock), state.binds().then(binding))?;
    let sessions = sessions.on_error(sorry::not_committed);
    let csrf = CsrfLayer::new(rules(state.scheme)?).on_refusal(|refusal, _| sorry::refused(refusal));

    let pages = Router::new()
        .merge(shop::routes())
        .merge(cart_page::routes())
        .merge(sign_in::routes())
        .merge(devices::routes())
        .merge(inspector::routes())
        .merge(forgery::routes())
        .merge(stolen::routes(sessions.clone()))
        .layer(csrf)
        // Inside the layer, which answers the requests of browsers that register their device.
        .fallback(sorry::not_found)
        .layer(sessions);

    // Routes that don't need the session are outside the layer.
    Ok(pages
        .merge(assets::routes())
        .layer(map_response(sorry::in_our_words))
        .layer(map_response(assets::guarded))
        .with_state(state))
}

#[cfg(test)]
mod tests;
