//! The pages. A real application uses a template engine.

use axum::response::Html;
use cloakroom::ReturnPath;
use cloakroom::for_axum::FormToken;

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;")
}

fn page(body: &str) -> Html<String> {
    Html(format!("<!doctype html><meta charset=utf-8><title>Account</title>{body}\n"))
}

pub(crate) fn start(user: Option<&str>, messages: &[String], token: &FormToken) -> Html<String> {
    let messages = escaped(&messages.join(" "));
    let links = "<a href=\"/account/orders?page=2\">Orders</a> <a href=\"/account/address\">Address</a>";
    let token = token.input();
    page(&match user {
        Some(user) => format!(
            "<p>{messages}</p><p>Hello, {}.</p>{links}<form method=post action=/sign-out>{token}<button>Sign out</button></form>",
            escaped(user)
        ),
        None => format!("<p>{messages}</p><p>Nobody is signed in.</p>{links}"),
    })
}

pub(crate) fn sign_in(next: &ReturnPath, messages: &[String], token: &FormToken) -> Html<String> {
    page(&format!(
        "<p>{}</p><form method=post action=/sign-in>{}<input type=hidden name=next value=\"{}\">\
         <input name=name placeholder=ada><input name=password type=password><button>Sign in</button></form>",
        escaped(&messages.join(" ")),
        token.input(),
        escaped(next.as_str())
    ))
}

pub(crate) fn orders(user: &str) -> Html<String> {
    page(&format!("<p>The orders of {}.</p>", escaped(user)))
}

pub(crate) fn address(token: &FormToken) -> Html<String> {
    page(&format!("<form method=post>{}<input name=email><button>Change</button></form>", token.input()))
}
