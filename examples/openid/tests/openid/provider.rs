//! A small OpenID Connect provider in the process of the test.

use std::collections::HashMap;
use std::net::TcpListener;
use std::sync::atomic::{AtomicU8, Ordering::SeqCst};
use std::sync::{Arc, Mutex};

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::{get, post};
use axum::{Form, Json, Router};
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD, Engine as _};
use cloakroom::{Clock as _, SystemClock};
use openidconnect::core::{CoreEdDsaPrivateSigningKey, CoreJwsSigningAlgorithm};
use openidconnect::url::Url;
use openidconnect::{JsonWebKeyId, PkceCodeChallenge, PkceCodeVerifier, PrivateSigningKey as _};
use serde_json::{Value, json};

pub(crate) const CLIENT: &str = "the-application";
pub(crate) const SECRET: &str = "the-secret-of-the-application";

/// The beginning of an Ed25519 key in PKCS #8, which the 32 bytes of the key follow.
const PKCS8: &[u8] = &[0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];

/// A running provider. Its thread ends with the test.
pub(crate) struct Provider(Arc<Inner>);

struct Inner {
    url: String,
    /// The claims and the challenge of each code that hasn't been exchanged.
    codes: Mutex<HashMap<String, (Value, String)>>,
    /// The seed of the key.
    seed: AtomicU8,
}

impl Provider {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let inner = Arc::new(Inner { url, codes: Mutex::default(), seed: OURS.into() });
        let routes = Router::new()
            .route("/.well-known/openid-configuration", get(configuration))
            .route("/keys", get(keys))
            .route("/token", post(token))
            .with_state(Arc::clone(&inner));
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                axum::serve(tokio::net::TcpListener::from_std(listener).unwrap(), routes).await.unwrap();
            });
        });
        Self(inner)
    }

    /// Replaces the key.
    pub(crate) fn rotate(&self) {
        self.0.seed.fetch_add(1, SeqCst);
    }

    pub(crate) fn url(&self) -> &str {
        &self.0.url
    }

    /// Signs a user in on the page to which the application redirects, and returns the address to
    /// which that page redirects: the callback's path and query.
    pub(crate) fn authorize(&self, page: &str, user: &Value) -> String {
        let page = Url::parse(page).unwrap();
        assert!(page.as_str().starts_with(&format!("{}/authorize?", self.0.url)), "{page}");
        let sent: HashMap<_, _> = page.query_pairs().into_owned().collect();
        let fixed = [("client_id", CLIENT), ("response_type", "code"), ("scope", "openid")];
        for (name, value) in fixed.into_iter().chain([("code_challenge_method", "S256")]) {
            assert_eq!(sent[name], value, "{name} in {page}");
        }
        let mut claims = self.claims();
        claims["nonce"] = json!(sent["nonce"]);
        claims.as_object_mut().unwrap().extend(user.as_object().unwrap().clone());
        let mut codes = self.0.codes.lock().unwrap();
        let code = format!("code{}", codes.len());
        codes.insert(code.clone(), (claims, sent["code_challenge"].clone()));
        let mut callback = Url::parse(&sent["redirect_uri"]).unwrap();
        callback.query_pairs_mut().append_pair("code", &code).append_pair("state", &sent["state"]);
        format!("{}?{}", callback.path(), callback.query().unwrap())
    }

    /// Returns the claims that all tokens have.
    pub(crate) fn claims(&self) -> Value {
        let now = SystemClock.now().unix_secs();
        json!({ "iss": self.0.url, "aud": CLIENT, "iat": now, "exp": now + 120 })
    }
}

async fn configuration(State(provider): State<Arc<Inner>>) -> Json<Value> {
    let url = &provider.url;
    Json(json!({
        "issuer": url,
        "authorization_endpoint": format!("{url}/authorize"),
        "token_endpoint": format!("{url}/token"),
        "jwks_uri": format!("{url}/keys"),
        "response_types_supported": ["code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["EdDSA"],
    }))
}

async fn keys(State(provider): State<Arc<Inner>>) -> Json<Value> {
    Json(json!({ "keys": [key(provider.seed.load(SeqCst)).as_verification_key()] }))
}

async fn token(
    State(provider): State<Arc<Inner>>,
    headers: HeaderMap,
    Form(form): Form<HashMap<String, String>>,
) -> (StatusCode, Json<Value>) {
    let client = BASE64_STANDARD.encode(format!("{CLIENT}:{SECRET}"));
    assert_eq!(headers["authorization"], format!("Basic {client}"));
    assert_eq!(form["grant_type"], "authorization_code");
    // Keep the names of used codes unique: mark them instead of removing them.
    let found = provider.codes.lock().unwrap().get_mut(&form["code"]).map(std::mem::take);
    let proof = PkceCodeChallenge::from_code_verifier_sha256(&PkceCodeVerifier::new(form["code_verifier"].clone()));
    match found {
        Some((claims, challenge)) if challenge == proof.as_str() => {
            let seed = provider.seed.load(SeqCst);
            let token = signed(seed, &json!({ "alg": "EdDSA", "kid": kid(seed) }), &claims);
            let answer = json!({ "access_token": "a", "token_type": "Bearer", "expires_in": 60, "id_token": token });
            (StatusCode::OK, Json(answer))
        }
        _ => (StatusCode::BAD_REQUEST, Json(json!({ "error": "invalid_grant" }))),
    }
}

/// The seed of the provider's first key.
pub(crate) const OURS: u8 = 1;

/// Returns the name of a key.
pub(crate) fn kid(seed: u8) -> String {
    format!("key {seed}")
}

fn key(seed: u8) -> CoreEdDsaPrivateSigningKey {
    let text = BASE64_STANDARD.encode([PKCS8, &[seed; 32]].concat());
    let pem = format!("-----BEGIN PRIVATE KEY-----\n{text}\n-----END PRIVATE KEY-----\n");
    CoreEdDsaPrivateSigningKey::from_ed25519_pem(&pem, Some(JsonWebKeyId::new(kid(seed)))).unwrap()
}

/// Signs a token with the key of this seed.
pub(crate) fn signed(seed: u8, header: &Value, claims: &Value) -> String {
    let encoded = |value: &Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
    let input = format!("{}.{}", encoded(header), encoded(claims));
    let signature = key(seed).sign(&CoreJwsSigningAlgorithm::EdDsa, input.as_bytes()).unwrap();
    format!("{input}.{}", BASE64_URL_SAFE_NO_PAD.encode(signature))
}
