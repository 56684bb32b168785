//! A request of a browser to the application.

use crate::{Answer, Ask, Contender, Jar};

/// Makes a request with the cookies of the jar, and stores those of the response.
pub async fn ask<C: Contender>(app: &C::App, jar: &mut Jar, path: &str, token: Option<&str>) -> Answer {
    let cookie = jar.header();
    let answer = C::read(C::call(app, &Ask { path, cookie: cookie.as_deref(), token }).await).await;
    jar.obey(answer.cookies.iter().map(String::as_str));
    answer
}
