use axum::{Form, Router, extract::Query, http::StatusCode, response::{IntoResponse, Redirect, Response}};
use axum::routing::{get, post};
use axum_login::{AuthManagerLayerBuilder, AuthUser, AuthnBackend, UserId, login_required};
use axum_login::tower_sessions::SessionManagerLayer;
use sqlx::SqlitePool;
use tower_sessions_sqlx_store::SqliteStore;

use crate::passwords::is_right;

#[derive(Clone, Debug, sqlx::FromRow)]
struct User { id: i64, name: String, password_hash: String }

impl AuthUser for User {
    type Id = i64;

    fn id(&self) -> i64 { self.id }

    fn session_auth_hash(&self) -> &[u8] { self.password_hash.as_bytes() }
}

#[derive(Clone, serde::Deserialize)]
struct Credentials { name: String, password: String }

#[derive(Clone, Debug)]
struct Backend { pool: SqlitePool }

impl AuthnBackend for Backend {
    type User = User;
    type Credentials = Credentials;
    type Error = sqlx::Error;

    async fn authenticate(&self, form: Credentials) -> Result<Option<User>, sqlx::Error> {
        let user: Option<User> =
            sqlx::query_as("select * from users where name = ?").bind(form.name).fetch_optional(&self.pool).await?;
        Ok(user.filter(|user| is_right(&form.password, &user.password_hash)))
    }

    async fn get_user(&self, id: &UserId<Self>) -> Result<Option<User>, sqlx::Error> {
        sqlx::query_as("select * from users where id = ?").bind(id).fetch_optional(&self.pool).await
    }
}

type AuthSession = axum_login::AuthSession<Backend>;

#[derive(serde::Deserialize)]
struct Next { next: Option<String> }

async fn sign_in(mut auth: AuthSession, Query(to): Query<Next>, Form(form): Form<Credentials>) -> Response {
    match auth.authenticate(form).await {
        Ok(Some(user)) => match auth.login(&user).await {
            Ok(()) => Redirect::to(to.next.as_deref().unwrap_or("/")).into_response(),
            Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        },
        Ok(None) => Redirect::to("/sign-in").into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

async fn account(auth: AuthSession) -> String {
    auth.user.map(|user| user.name).unwrap_or_default()
}

async fn sign_out(mut auth: AuthSession) -> Result<Redirect, StatusCode> {
    auth.logout().await.map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
    Ok(Redirect::to("/sign-in"))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let pool = SqlitePool::connect("sqlite://app.db?mode=rwc").await?;
    let store = SqliteStore::new(pool.clone());
    store.migrate().await?;
    let auth = AuthManagerLayerBuilder::new(Backend { pool }, SessionManagerLayer::new(store)).build();

    let app = Router::new()
        .route("/account", get(account))
        .route_layer(login_required!(Backend, login_url = "/sign-in"))
        .route("/sign-in", post(sign_in))
        .route("/sign-out", post(sign_out))
        .layer(auth);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:3000").await?;
    axum::serve(listener, app).await?;
    Ok(())
}
