use deadpool_redis::Pool;
use redis::aio::ConnectionLike;
use redis::{Cmd, ErrorKind, Pipeline, RedisError, RedisFuture, Value};

#[derive(Clone)]
pub(crate) struct Pooled(pub(crate) Pool);

fn none_free(why: impl std::fmt::Display) -> RedisError {
    (ErrorKind::Io, "no connection from the pool", why.to_string()).into()
}

impl ConnectionLike for Pooled {
    fn req_packed_command<'a>(&'a mut self, command: &'a Cmd) -> RedisFuture<'a, Value> {
        Box::pin(async move { self.0.get().await.map_err(none_free)?.req_packed_command(command).await })
    }

    fn req_packed_commands<'a>(
        &'a mut self,
        pipeline: &'a Pipeline,
        skip: usize,
        count: usize,
    ) -> RedisFuture<'a, Vec<Value>> {
        Box::pin(async move { self.0.get().await.map_err(none_free)?.req_packed_commands(pipeline, skip, count).await })
    }

    fn get_db(&self) -> i64 {
        0 // only for those who ask: no store does
    }
}
