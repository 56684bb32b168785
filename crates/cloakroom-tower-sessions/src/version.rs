//! The types of one version of tower-sessions.

/// Implements the traits of this crate for one version, and defines its layer and its service.
///
/// It makes no decisions: it converts the types of a version, and calls the other files.
macro_rules! tower_sessions {
    ($core:ident, $version:literal, $import:literal, $module:literal) => {
        use std::future::Future;
        use std::pin::Pin;
        use std::sync::Arc;
        use std::task::{Context, Poll};

        use http::{Request, Response};
        use tower_layer::Layer;
        use tower_service::Service;
        use $core::session::{Id, Record};
        use $core::session_store::{Error, Result as StoreResult};
        use $core::{Session, SessionStore};

        use crate::expiry::{Expires, Expiry};
        use crate::failure::Failure;
        use crate::foreign::ForeignSession;
        use crate::public_id::FirstId;
        use crate::request::RequestSession;
        use crate::service::{Warned, begin};

        #[doc = concat!("Gives each request a `Session` of tower-sessions ", $version, ".")]
        ///
        /// The store of that session is the request's Cloakroom session.
        ///
        /// Add it inside Cloakroom's `SessionLayer`, and around everything that uses the session of
        /// tower-sessions. It replaces `SessionManagerLayer`. The [crate documentation](crate)
        /// explains the effect of each call.
        ///
        /// 1. A request that doesn't touch the session costs no store call. With cookie sessions
        ///    the layer opens the cookie of each request, because its id is in it.
        /// 2. When the handler has returned, the layer saves a modified session, and `SessionLayer`
        ///    commits it. If the session can't be saved, the response is replaced, with the status
        ///    503 if the store failed.
        /// 3. If the handler returns an error of the service, nothing is saved.
        ///
        /// # Examples
        /// ```
        /// use axum::{Router, routing::get};
        /// use cloakroom::{MemoryStore, SessionLayer, StoredSessions};
        #[doc = concat!("use cloakroom_tower_sessions::", $module, "::TowerSessionsLayer;")]
        #[doc = $import]
        /// use tower_sessions::{Session, session::Error};
        ///
        /// async fn count(session: Session) -> Result<String, String> {
        ///     let text = |error: Error| error.to_string();
        ///     let count = session.get("count").await.map_err(text)?.unwrap_or(0) + 1;
        ///     session.insert("count", count).await.map_err(text)?;
        ///     Ok(count.to_string())
        /// }
        ///
        /// let app: Router = Router::new()
        ///     .route("/", get(count))
        ///     .layer(TowerSessionsLayer::new())
        ///     .layer(SessionLayer::new(StoredSessions::new(MemoryStore::new()).build()?));
        /// # Ok::<(), Box<dyn std::error::Error>>(())
        /// ```
        #[derive(Clone, Debug, Default)]
        #[must_use]
        pub struct TowerSessionsLayer {
            warned: Arc<Warned>,
        }

        impl TowerSessionsLayer {
            /// Creates the layer. It has no options: those of Cloakroom's `SessionLayer` apply.
            pub fn new() -> Self {
                Self::default()
            }
        }

        impl<S> Layer<S> for TowerSessionsLayer {
            type Service = TowerSessionsService<S>;

            fn layer(&self, inner: S) -> TowerSessionsService<S> {
                TowerSessionsService { inner, warned: Arc::clone(&self.warned) }
            }
        }

        /// The service created by [`TowerSessionsLayer`].
        #[derive(Clone, Debug)]
        pub struct TowerSessionsService<S> {
            inner: S,
            warned: Arc<Warned>,
        }

        impl<S, Q, B> Service<Request<Q>> for TowerSessionsService<S>
        where
            S: Service<Request<Q>, Response = Response<B>>,
            S::Future: Send + 'static,
            B: Default + Send + 'static,
        {
            type Response = Response<B>;
            type Error = S::Error;
            type Future = Pin<Box<dyn Future<Output = Result<Response<B>, S::Error>> + Send>>;

            fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
                self.inner.poll_ready(cx)
            }

            fn call(&mut self, mut request: Request<Q>) -> Self::Future {
                let both = begin::<Session, Q>(&mut request, &self.warned);
                let response = self.inner.call(request);
                Box::pin(async move {
                    let response = response.await?;
                    Ok(both.finish(response).await)
                })
            }
        }

        #[async_trait::async_trait]
        impl SessionStore for RequestSession {
            async fn create(&self, record: &mut Record) -> StoreResult<()> {
                let known = Self::create(self, record.id.0, &record.data).await.map_err(error)?;
                record.id = known.map_or(record.id, Id);
                Ok(())
            }

            async fn save(&self, record: &Record) -> StoreResult<()> {
                Self::save(self, &record.data).await.map_err(error)
            }

            async fn load(&self, id: &Id) -> StoreResult<Option<Record>> {
                let loaded = Self::load(self).await.map_err(error)?;
                // The id that was asked for: a deletion is compared with it.
                Ok(loaded.map(|it| Record { id: *id, data: it.entries, expiry_date: it.expiry_date }))
            }

            async fn delete(&self, id: &Id) -> StoreResult<()> {
                Self::delete(self, id.0).await.map_err(error)
            }
        }

        fn error(failure: Failure) -> Error {
            match failure {
                Failure::Encode(text) => Error::Encode(text),
                Failure::Decode(text) => Error::Decode(text),
                Failure::Backend(text) => Error::Backend(text),
            }
        }

        impl Expires for Session {
            fn expires(&self) -> Option<Expiry> {
                self.expiry().map(|expiry| match expiry {
                    $core::Expiry::OnSessionEnd => Expiry::OnSessionEnd,
                    $core::Expiry::OnInactivity(span) => Expiry::OnInactivity(span),
                    $core::Expiry::AtDateTime(time) => Expiry::AtDateTime(time),
                })
            }
        }

        impl ForeignSession for Session {
            fn new(id: FirstId, request: Arc<RequestSession>) -> Self {
                let id = match id {
                    FirstId::None => None,
                    FirstId::Known(id) => Some(Id(id)),
                    FirstId::Random => Some(Id::default()),
                };
                Self::new(id, request, None)
            }

            fn has_id(&self) -> bool {
                self.id().is_some()
            }

            fn is_modified(&self) -> bool {
                Self::is_modified(self)
            }

            async fn is_empty(&self) -> bool {
                Self::is_empty(self).await
            }

            async fn save(&self) -> Result<(), String> {
                Self::save(self).await.map_err(|error| error.to_string())
            }
        }
    };
}

pub(crate) use tower_sessions;
