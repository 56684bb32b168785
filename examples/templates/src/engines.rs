//! The same page in four engines. Each escapes the messages, which contain a visitor's text.

use std::error::Error;

use askama::Template;
use cloakroom::Message;
use cloakroom::for_axum::FormToken;
use maud::{DOCTYPE, PreEscaped, html};
use serde::Serialize;

/// The data of the page. minijinja and tera serialize it.
#[derive(Serialize, Template)]
#[template(path = "page.html")]
pub(crate) struct Page {
    pub(crate) messages: Vec<Message>,
    pub(crate) token: FormToken,
}

const JINJA: &str = include_str!("../templates/page.jinja");

type Rendered = Result<String, Box<dyn Error>>;

impl Page {
    pub(crate) fn with_askama(&self) -> Rendered {
        Ok(self.render()?)
    }

    pub(crate) fn with_maud(&self) -> String {
        let page = html! {
            (DOCTYPE) title { "Notes" }
            @for message in &self.messages { p class=(message.level.as_str()) { (message) } }
            form method="post" action="/note" {
                (PreEscaped(self.token.input())) input name="text"; button { "Note" }
            }
        };
        page.into_string()
    }

    pub(crate) fn with_minijinja(&self) -> Rendered {
        let mut engine = minijinja::Environment::new();
        // The name decides on escaping.
        engine.add_template("page.html", JINJA)?;
        Ok(engine.get_template("page.html")?.render(self)?)
    }

    pub(crate) fn with_tera(&self) -> Rendered {
        let context = tera::Context::from_serialize(self)?;
        Ok(tera::Tera::one_off(JINJA, &context, true)?)
    }
}
