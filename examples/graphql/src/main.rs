//! Sessions in the resolvers of async-graphql: `cargo run -p cloakroom-example-graphql`, then
//!
//! ```text
//! curl -b jar -c jar http://127.0.0.1:3000/graphql -H 'Sec-Fetch-Site: same-origin' \
//!   --json '{"query": "mutation { signIn(name: \"ada\") add(item: \"milk\") }"}'
//! ```

use async_graphql::{Context, EmptySubscription, Object, Result, Schema};
use async_graphql_axum::{GraphQLRequest, GraphQLResponse};
use axum::Router;
use axum::extract::State;
use axum::routing::post;
use cloakroom::{CsrfLayer, CsrfRules, MemoryStore, Session, SessionKey, SessionLayer, StoredSessions};
use tokio::net::TcpListener;

const CART: SessionKey<Vec<String>> = SessionKey::new("cart");

type AppSchema = Schema<Query, Mutation, EmptySubscription>;

struct Query;

#[Object]
impl Query {
    /// The user who has signed in.
    async fn me(&self, context: &Context<'_>) -> Result<Option<String>> {
        Ok(context.data::<Session>()?.owner())
    }

    /// The items in the visitor's cart.
    async fn cart(&self, context: &Context<'_>) -> Result<Vec<String>> {
        Ok(context.data::<Session>()?.get(CART)?.unwrap_or_default())
    }

    /// The user's orders, which only the user may see.
    async fn orders(&self, context: &Context<'_>) -> Result<Vec<String>> {
        let owner = context.data::<Session>()?.require_owner()?;
        Ok(vec![format!("the first order of {owner}")])
    }
}

struct Mutation;

#[Object]
impl Mutation {
    async fn sign_in(&self, context: &Context<'_>, name: String) -> Result<bool> {
        context.data::<Session>()?.sign_in(name);
        Ok(true)
    }

    /// Adds an item. Resolvers and requests may run concurrently: `update` loses no item.
    async fn add(&self, context: &Context<'_>, item: String) -> Result<usize> {
        let session = context.data::<Session>()?;
        session.update(CART, move |cart: &mut Vec<String>| cart.push(item.clone()))?;
        Ok(session.get(CART)?.map_or(0, |cart| cart.len()))
    }
}

/// Runs the resolvers with the session of the request, which is committed for the response.
async fn graphql(State(schema): State<AppSchema>, session: Session, request: GraphQLRequest) -> GraphQLResponse {
    schema.execute(request.into_inner().data(session)).await.into()
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let schema = Schema::new(Query, Mutation, EmptySubscription);
    let app = Router::new()
        .route("/graphql", post(graphql))
        .layer(CsrfLayer::new(CsrfRules::default()))
        .layer(SessionLayer::new(StoredSessions::new(MemoryStore::new()).build()?))
        .with_state(schema);

    let port = std::env::args().nth(1).map_or(Ok(3000), |port| port.parse())?;
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    println!("listening on http://{}", listener.local_addr()?);
    axum::serve(listener, app).await?;
    Ok(())
}
