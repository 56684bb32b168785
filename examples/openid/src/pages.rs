//! The pages. A real application uses a template engine.

use axum::response::Html;
use cloakroom::ReturnPath;
use cloakroom::for_axum::FormToken;

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;")
}

fn page(body: &str) -> Html<String> {
    Html(format!("<!doctype html><meta charset=utf-8><title>OpenID Connect</title>{body}\n"))
}

pub(crate) fn start(user: Option<&str>, token: &FormToken) -> Html<String> {
    page(&match user {
        Some(user) => format!(
            "<p>Hello, {}.</p><form method=post action=/sign-out>{}<button>Sign out</button></form>",
            escaped(user),
            token.input()
        ),
        None => "<p>Nobody is signed in.</p><a href=/sign-in>Sign in</a>".to_owned(),
    })
}

pub(crate) fn sign_in(next: &ReturnPath, token: &FormToken) -> Html<String> {
    page(&format!(
        "<form method=post action=/sign-in>{}<input type=hidden name=next value=\"{}\"><button>Sign in at the provider</button></form>",
        token.input(),
        escaped(next.as_str())
    ))
}
