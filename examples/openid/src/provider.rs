//! The provider: where sign-ins begin, and the tokens that it signs.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use cloakroom::ReturnPath;
use openidconnect::core::{
    CoreAuthenticationFlow, CoreClient, CoreGenderClaim, CoreJweContentEncryptionAlgorithm, CoreJwsSigningAlgorithm,
    CoreProviderMetadata,
};
use openidconnect::url::Url;
use openidconnect::{
    AdditionalClaims, AuthorizationCode, ClaimsVerificationError, ClientId, ClientSecret, CsrfToken, EndpointMaybeSet,
    EndpointNotSet, EndpointSet, HttpRequest, HttpResponse, IdToken, IdTokenClaims, IssuerUrl, JsonWebTokenType, Nonce,
    NonceVerifier, PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, SignatureVerificationError, TokenResponse as _,
};
use serde::{Deserialize, Serialize};

use crate::flows::Flow;
use crate::refused::Refused;

type Client =
    CoreClient<EndpointSet, EndpointNotSet, EndpointNotSet, EndpointNotSet, EndpointMaybeSet, EndpointMaybeSet>;

type Token<C> = IdToken<C, CoreGenderClaim, CoreJweContentEncryptionAlgorithm, CoreJwsSigningAlgorithm>;

/// The claims of a verified token, with those of `C`.
pub(crate) type Claims<C> = IdTokenClaims<C, CoreGenderClaim>;

/// The claim of OpenID Connect Enterprise Extensions (a draft) that limits our session.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct SessionEnd {
    /// The time at which the provider's session ends, in seconds.
    pub(crate) session_expiry: Option<u64>,
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
    /// The time at which the keys were last read again.
    renewed: u64,
}

impl Provider {
    /// Reads the provider's description and keys.
    pub(crate) async fn discover(settings: Settings) -> anyhow::Result<Self> {
        // A provider that could redirect us would choose which of our servers we talk to.
        let redirects = reqwest::redirect::Policy::none();
        let http = reqwest::Client::builder().redirect(redirects).timeout(Duration::from_secs(10)).build()?;
        let client = Arc::new(client(&settings, &http).await?);
        Ok(Self { settings, http, known: Mutex::new(Known { client, renewed: 0 }) })
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
        let client =
            client(&self.settings, &self.http).await.map_err(|error| Refused::Because(format!("{error:#}")))?;
        self.known.lock().unwrap_or_else(PoisonError::into_inner).client = Arc::new(client);
        Ok(())
    }
}

async fn client(settings: &Settings, http: &reqwest::Client) -> anyhow::Result<Client> {
    let issuer = IssuerUrl::new(settings.issuer.clone())?;
    let metadata = CoreProviderMetadata::discover_async(issuer, &|request| send(http.clone(), request)).await?;
    let (id, secret) = (ClientId::new(settings.id.clone()), ClientSecret::new(settings.secret.clone()));
    let client = CoreClient::from_provider_metadata(metadata, id, Some(secret));
    Ok(client.set_redirect_uri(RedirectUrl::new(settings.callback.clone())?))
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
