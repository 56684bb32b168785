//! The provider: where sign-ins begin, and the tokens that it signs.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use cloakroom::ReturnPath;
use openidconnect::core::{
    CoreAuthenticationFlow, CoreClient, CoreGenderClaim, CoreJsonWebKey, CoreJsonWebKeySet,
    CoreJweContentEncryptionAlgorithm, CoreJwsSigningAlgorithm, CoreProviderMetadata,
};
use openidconnect::url::Url;
use openidconnect::{
    AdditionalClaims, AuthorizationCode, ClaimsVerificationError, ClientId, ClientSecret, CsrfToken, EndpointMaybeSet,
    EndpointNotSet, EndpointSet, HttpRequest, HttpResponse, IdToken, IdTokenClaims, IssuerUrl, JsonWebKey as _,
    JsonWebKeyId, JsonWebKeyUse as _, JsonWebTokenType, Nonce, NonceVerifier, PkceCodeChallenge, PkceCodeVerifier,
    RedirectUrl, SignatureVerificationError, TokenResponse as _,
};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::flows::Flow;
use crate::refused::Refused;

type Client =
    CoreClient<EndpointSet, EndpointNotSet, EndpointNotSet, EndpointNotSet, EndpointMaybeSet, EndpointMaybeSet>;

type Token<C> = IdToken<C, CoreGenderClaim, CoreJweContentEncryptionAlgorithm, CoreJwsSigningAlgorithm>;

/// The claims of a verified token, with those of `C`.
pub(crate) type Claims<C> = IdTokenClaims<C, CoreGenderClaim>;

/// The claims about the provider's session, in which the user signed in.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct SessionEnd {
    /// The time at which it ends, in seconds: OpenID Connect Enterprise Extensions (a draft).
    pub(crate) session_expiry: Option<u64>,
    /// Its name, by which a back-channel logout ends ours.
    pub(crate) sid: Option<String>,
}

impl AdditionalClaims for SessionEnd {}

/// The time between two readings of the provider's keys, in seconds.
const PAUSE: u64 = 60;

/// The provider's address, and the registration of this application there.
pub(crate) struct Settings {
    pub(crate) issuer: String,
    pub(crate) id: String,
    pub(crate) secret: String,
    pub(crate) callback: String,
}

pub(crate) struct Provider {
    settings: Settings,
    http: reqwest::Client,
    known: Mutex<Known>,
}

struct Known {
    client: Arc<Client>,
    keys: Arc<CoreJsonWebKeySet>,
    /// The time at which the keys were last read again.
    renewed: u64,
}

impl Provider {
    /// Reads the provider's description and keys.
    pub(crate) async fn discover(settings: Settings) -> anyhow::Result<Self> {
        // A provider that could redirect us would choose which of our servers we talk to.
        let redirects = reqwest::redirect::Policy::none();
        let http = reqwest::Client::builder().redirect(redirects).timeout(Duration::from_secs(10)).build()?;
        let (client, keys) = client(&settings, &http).await?;
        let known = Mutex::new(Known { client: Arc::new(client), keys: Arc::new(keys), renewed: 0 });
        Ok(Self { settings, http, known })
    }

    /// Begins a sign-in: the provider's page, and the flow to keep until the callback.
    pub(crate) fn begin(&self, next: &ReturnPath, now: u64) -> (Url, Flow) {
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let flow = CoreAuthenticationFlow::AuthorizationCode;
        let client = self.client();
        let request = client.authorize_url(flow, CsrfToken::new_random, Nonce::new_random);
        let (page, state, nonce) = request.set_pkce_challenge(challenge).url();
        let [state, nonce, verifier] = [state.secret(), nonce.secret(), verifier.secret()].map(Clone::clone);
        (page, Flow { state, nonce, verifier, next: next.to_string(), begun: now })
    }

    /// Exchanges the code for a token, and returns its claims.
    pub(crate) async fn finish(&self, code: String, flow: &Flow, now: u64) -> Result<Claims<SessionEnd>, Refused> {
        let client = self.client();
        let request = client.exchange_code(AuthorizationCode::new(code))?;
        let request = request.set_pkce_verifier(PkceCodeVerifier::new(flow.verifier.clone()));
        let answer = request.request_async(&|request| send(self.http.clone(), request)).await?;
        let token = answer.id_token().ok_or("the provider sent no ID token")?.to_string();
        self.verified(&token, &["JWT"], &Nonce::new(flow.nonce.clone()), now).await
    }

    /// Returns the claims of a token of one of these types, after a check of signature, issuer,
    /// audience, expiry and nonce.
    pub(crate) async fn verified<C: AdditionalClaims + Clone>(
        &self,
        token: &str,
        types: &[&str],
        nonce: impl NonceVerifier + Copy,
        now: u64,
    ) -> Result<Claims<C>, Refused> {
        use ClaimsVerificationError::SignatureVerification;
        let token: Token<C> = token.parse()?;
        let check = |client: &Client| {
            let types = types.iter().filter_map(|name| JsonWebTokenType::new((*name).to_owned()).normalize().ok());
            let verifier = client.id_token_verifier().set_allowed_jose_types(types);
            token.clone().into_claims(&verifier, nonce)
        };
        let claims = check(&self.client());
        // The provider may have changed its keys.
        if let Err(SignatureVerification(SignatureVerificationError::NoMatchingKey)) = claims {
            self.renew(now).await?;
            return Ok(check(&self.client())?);
        }
        Ok(claims?)
    }

    /// Returns the claims of a token of one of these types, after a check of its signature.
    ///
    /// For logout tokens: they may have no subject, which an ID token of `openidconnect` requires.
    /// The caller checks the claims.
    pub(crate) async fn signed<C: DeserializeOwned>(
        &self,
        token: &str,
        types: &[&str],
        now: u64,
    ) -> Result<C, Refused> {
        let parts = token.rsplit_once('.').and_then(|(signed, signature)| {
            let (header, claims) = signed.split_once('.')?;
            Some((signed, header, claims, signature))
        });
        let (signed, header, claims, signature) = parts.ok_or("the token doesn't have three parts")?;
        let decoded =
            |part| BASE64_URL_SAFE_NO_PAD.decode(part).map_err(|_| Refused::from("the token isn't base64url"));
        let (header, signature): (Header, _) = (serde_json::from_slice(&decoded(header)?)?, decoded(signature)?);
        if header.crit.is_some() || header.typ.as_ref().is_some_and(|name| !types.contains(&name.as_str())) {
            return Err("the token is of another type".into());
        }
        let check = || {
            let keys = Arc::clone(&self.known.lock().unwrap_or_else(PoisonError::into_inner).keys);
            let key = header.key(&keys).ok_or(SignatureVerificationError::NoMatchingKey)?;
            key.verify_signature(&header.alg, signed.as_bytes(), &signature)
        };
        let mut checked = check();
        if let Err(SignatureVerificationError::NoMatchingKey) = checked {
            self.renew(now).await?;
            checked = check();
        }
        checked.map_err(ClaimsVerificationError::SignatureVerification)?;
        Ok(serde_json::from_slice(&decoded(claims)?)?)
    }

    /// Returns the issuer of all tokens, and our name in their audience.
    pub(crate) fn names(&self) -> (&str, &str) {
        (&self.settings.issuer, &self.settings.id)
    }

    fn client(&self) -> Arc<Client> {
        Arc::clone(&self.known.lock().unwrap_or_else(PoisonError::into_inner).client)
    }

    /// Reads the provider's description and keys again, but not for each token with an invented
    /// key.
    async fn renew(&self, now: u64) -> Result<(), Refused> {
        {
            let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            if now.saturating_sub(known.renewed) < PAUSE {
                return Ok(());
            }
            known.renewed = now;
        }
        let read = client(&self.settings, &self.http).await;
        let (client, keys) = read.map_err(|error| Refused::Because(format!("{error:#}")))?;
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        (known.client, known.keys) = (Arc::new(client), Arc::new(keys));
        Ok(())
    }
}

/// The header of a signed token.
#[derive(Deserialize)]
struct Header {
    alg: CoreJwsSigningAlgorithm,
    kid: Option<JsonWebKeyId>,
    typ: Option<String>,
    /// Extensions that a reader must understand. We know none.
    crit: Option<Value>,
}

impl Header {
    /// Returns the key that it names. Only a provider with a single key may leave the name out.
    fn key<'a>(&self, keys: &'a CoreJsonWebKeySet) -> Option<&'a CoreJsonWebKey> {
        let key = match (&self.kid, keys.keys().as_slice()) {
            (Some(kid), keys) => keys.iter().find(|key| key.key_id() == Some(kid))?,
            (None, [only]) => only,
            (None, _) => return None,
        };
        key.key_use().is_none_or(|it| it.allows_signature()).then_some(key)
    }
}

async fn client(settings: &Settings, http: &reqwest::Client) -> anyhow::Result<(Client, CoreJsonWebKeySet)> {
    let issuer = IssuerUrl::new(settings.issuer.clone())?;
    let metadata = CoreProviderMetadata::discover_async(issuer, &|request| send(http.clone(), request)).await?;
    let (id, secret) = (ClientId::new(settings.id.clone()), ClientSecret::new(settings.secret.clone()));
    let keys = metadata.jwks().clone();
    let client = CoreClient::from_provider_metadata(metadata, id, Some(secret));
    Ok((client.set_redirect_uri(RedirectUrl::new(settings.callback.clone())?), keys))
}

/// Sends a request to the provider. The crate's own client would be a second version of reqwest.
async fn send(http: reqwest::Client, request: HttpRequest) -> Result<HttpResponse, reqwest::Error> {
    let response = http.execute(request.try_into()?).await?;
    let (status, headers) = (response.status(), response.headers().clone());
    let mut answer = HttpResponse::new(response.bytes().await?.to_vec());
    *answer.status_mut() = status;
    *answer.headers_mut() = headers;
    Ok(answer)
}
