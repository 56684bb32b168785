//! Flash messages as an event of htmx.

use axum::extract::Request;
use axum::http::{HeaderValue, StatusCode, header::LOCATION};
use axum::middleware::Next;
use axum::response::Response;
use cloakroom::{Message, Session};

/// Sends the messages of a fragment in the header `HX-Trigger`. Messages before a redirect stay
/// for the page that it leads to.
pub(crate) async fn send_messages(session: Session, request: Request, next: Next) -> Response {
    let is_htmx = request.headers().contains_key("hx-request");
    let mut response = next.run(request).await;
    let leads_on = response.headers().contains_key("hx-redirect") || response.headers().contains_key(LOCATION);
    if !is_htmx || leads_on || response.status() != StatusCode::OK {
        return response;
    }
    if let Some(value) = header(&session.pop_flash::<Message>()) {
        response.headers_mut().insert("hx-trigger", value);
    }
    response
}

/// Returns the event, or `None` if there are no messages. A header is printable ASCII, so other
/// characters are escaped as JSON.
fn header(messages: &[Message]) -> Option<HeaderValue> {
    let event = |message: &Message| serde_json::json!({ "level": message.level.as_str(), "text": message.text });
    let events: Vec<_> = messages.iter().map(event).collect();
    let json = serde_json::json!({ "messages": events }).to_string();
    let escape = |letter: char| {
        let mut units = [0; 2];
        letter.encode_utf16(&mut units).iter().map(|unit| format!("\\u{unit:04x}")).collect::<String>()
    };
    let ascii: String =
        json.chars().map(|it| if matches!(it, ' '..='~') { it.to_string() } else { escape(it) }).collect();
    HeaderValue::from_str(&ascii).ok().filter(|_| !messages.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_text_fits_into_the_header() {
        for text in ["Counted.", "Größe: 5 €", "\u{1f9e5} and \"quotes\"", "two\r\nlines", "\u{7f}"] {
            let value = header(&[Message::info(text)]).unwrap();
            let back: serde_json::Value = serde_json::from_slice(value.as_bytes()).unwrap();
            assert_eq!(back["messages"][0]["text"], text);
        }
        assert_eq!(header(&[]), None);
    }
}
