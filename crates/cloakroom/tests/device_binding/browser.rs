//! A browser: its cookies, and the key of its device.

use std::collections::BTreeMap;

use cloakroom_device::{Device, challenge, headers, offer};

use crate::adapters::{Answer, App};

pub(crate) const BOUND: &str = "__Host-bound";

#[derive(Clone)]
pub(crate) struct Browser {
    pub(crate) jar: BTreeMap<String, String>,
    pub(crate) device: Device,
    /// The challenge and the identifier of the binding.
    pub(crate) known: Option<(String, String)>,
    pub(crate) host: &'static str,
}

impl Browser {
    pub(crate) fn new(number: u8) -> Self {
        Self { jar: BTreeMap::new(), device: Device::new(number), known: None, host: "shop.example" }
    }

    /// The same browser at another host.
    pub(crate) fn at(self, host: &'static str) -> Self {
        Self { host, ..self }
    }

    /// Sends a request, and keeps the cookies of the response.
    pub(crate) async fn send(&mut self, app: &App, method: &str, path: &str, more: &[(&str, &str)]) -> Answer {
        let cookies: Vec<_> = self.jar.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let cookies = cookies.join("; ");
        let mut lines = vec![("host", self.host)];
        if !cookies.is_empty() {
            lines.push(("cookie", &cookies));
        }
        lines.extend_from_slice(more);
        let answer = app.send(method, path, &lines).await;
        for line in answer.all("set-cookie") {
            let (name, value) = line.split(';').next().unwrap().split_once('=').unwrap();
            if line.contains("Max-Age=0") {
                self.jar.remove(name);
            } else {
                self.jar.insert(name.to_owned(), value.to_owned());
            }
        }
        if let Some(header) = answer.one("secure-session-challenge") {
            self.known = Some(challenge(header));
        }
        answer
    }

    pub(crate) async fn get(&mut self, app: &App, path: &str) -> Answer {
        self.send(app, "GET", path, &[("sec-fetch-site", "same-origin")]).await
    }

    /// Signs in, and returns the challenge and the path of the offer.
    pub(crate) async fn sign_in(&mut self, app: &App) -> (String, String) {
        let answer = self.get(app, "/sign-in").await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let (path, challenge) = offer(answer.one("secure-session-registration").expect("an offer"));
        (challenge, path)
    }

    /// Registers the device.
    pub(crate) async fn register(&mut self, app: &App, challenge: &str, path: &str) -> Answer {
        let proof = self.device.registers(challenge);
        self.send(app, "POST", path, &headers(None, Some(&proof))).await
    }

    /// Signs in and registers the device.
    pub(crate) async fn bound(app: &App) -> Self {
        let mut browser = Self::new(1);
        let (challenge, path) = browser.sign_in(app).await;
        let answer = browser.register(app, &challenge, &path).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        browser
    }

    /// The same, and the bound cookie has been required for a while.
    pub(crate) async fn armed(app: &App) -> Self {
        let mut browser = Self::bound(app).await;
        browser.get(app, "/").await;
        app.shop.wait(std::time::Duration::from_secs(10));
        browser
    }

    /// Proves the device, with the challenge that is known.
    pub(crate) async fn refresh(&mut self, app: &App) -> Answer {
        let (challenge, id) = self.known.clone().unwrap();
        let proof = self.device.refreshes(&challenge);
        self.send(app, "POST", REFRESH, &headers(Some(&id), Some(&proof))).await
    }

    /// Asks for a refresh without a proof.
    pub(crate) async fn ask(&mut self, app: &App) -> Answer {
        let (_, id) = self.known.clone().unwrap();
        self.send(app, "POST", REFRESH, &headers(Some(&id), None)).await
    }
}

pub(crate) const REGISTER: &str = "/.well-known/dbsc/register";
pub(crate) const REFRESH: &str = "/.well-known/dbsc/refresh";
