//! The provider: where sign-ins begin, and the tokens that it signs.

use std::time::Duration;

use cloakroom::ReturnPath;
use openidconnect::core::{
    CoreAuthenticationFlow, CoreClient, CoreGenderClaim, CoreJsonWebKey, CoreJweContentEncryptionAlgorithm,
    CoreJwsSigningAlgorithm, CoreProviderMetadata,
};
use openidconnect::url::Url;
use openidconnect::{
    AdditionalClaims, AuthorizationCode, ClientId, ClientSecret, CsrfToken, EndpointMaybeSet, EndpointNotSet,
    EndpointSet, HttpRequest, HttpResponse, IdToken, IdTokenClaims, IdTokenVerifier, IssuerUrl, Nonce, NonceVerifier,
    PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, TokenResponse as _,
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
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct SessionEnd {
    /// The time at which the provider's session ends, in seconds.
    pub(crate) session_expiry: Option<u64>,
}

impl AdditionalClaims for SessionEnd {}

pub(crate) struct Provider {
    client: Client,
    http: reqwest::Client,
}

impl Provider {
    /// Reads the provider's description and keys.
    pub(crate) async fn discover(issuer: String, id: String, secret: String, callback: String) -> anyhow::Result<Self> {
        // A provider that could redirect us would choose which of our servers we talk to.
        let redirects = reqwest::redirect::Policy::none();
        let http = reqwest::Client::builder().redirect(redirects).timeout(Duration::from_secs(10)).build()?;
        let issuer = IssuerUrl::new(issuer)?;
        let metadata = CoreProviderMetadata::discover_async(issuer, &|request| send(http.clone(), request)).await?;
        let client = CoreClient::from_provider_metadata(metadata, ClientId::new(id), Some(ClientSecret::new(secret)))
            .set_redirect_uri(RedirectUrl::new(callback)?);
        Ok(Self { client, http })
    }

    /// Begins a sign-in: the provider's page, and the flow to keep until the callback.
    pub(crate) fn begin(&self, next: &ReturnPath, now: u64) -> (Url, Flow) {
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let flow = CoreAuthenticationFlow::AuthorizationCode;
        let (page, state, nonce) = self
            .client
            .authorize_url(flow, CsrfToken::new_random, Nonce::new_random)
            .set_pkce_challenge(challenge)
            .url();
        let [state, nonce, verifier] = [state.secret(), nonce.secret(), verifier.secret()].map(Clone::clone);
        (page, Flow { state, nonce, verifier, next: next.to_string(), begun: now })
    }

    /// Exchanges the code for a token, and returns its claims.
    pub(crate) async fn finish(&self, code: String, flow: &Flow) -> Result<Claims<SessionEnd>, Refused> {
        let request = self.client.exchange_code(AuthorizationCode::new(code))?;
        let request = request.set_pkce_verifier(PkceCodeVerifier::new(flow.verifier.clone()));
        let answer = request.request_async(&|request| send(self.http.clone(), request)).await?;
        let token = answer.id_token().ok_or("the provider sent no ID token")?.to_string();
        verified(&token, &self.verifier(), &Nonce::new(flow.nonce.clone()))
    }

    /// Returns a verifier of signature, issuer, audience and expiry.
    pub(crate) fn verifier(&self) -> IdTokenVerifier<'_, CoreJsonWebKey> {
        self.client.id_token_verifier()
    }
}

/// Returns the claims of a token after all checks.
pub(crate) fn verified<C: AdditionalClaims>(
    token: &str,
    verifier: &IdTokenVerifier<'_, CoreJsonWebKey>,
    nonce: impl NonceVerifier,
) -> Result<Claims<C>, Refused> {
    let token: Token<C> = token.parse()?;
    Ok(token.into_claims(verifier, nonce)?)
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
