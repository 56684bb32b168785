use fred::prelude::{Client, ClientLike as _, Value as Argument};
use fred::types::{ClusterHash, CustomCommand, Resp3Frame as Frame};
use redis::aio::ConnectionLike;
use redis::{Arg, Cmd, ErrorKind, Pipeline, RedisError, RedisFuture, RedisResult, Value};

#[derive(Clone)]
pub(crate) struct Fred(pub(crate) Client);

impl Fred {
    async fn send(&self, command: &Cmd) -> RedisResult<Value> {
        let mut words = command.args_iter().map(|word| match word {
            Arg::Simple(bytes) => bytes.to_vec(),
            _ => b"0".to_vec(), // the cursor of a scan
        });
        let name = String::from_utf8_lossy(&words.next().unwrap_or_default()).into_owned();
        let command = CustomCommand::new(name, ClusterHash::FirstKey, false);
        let words = words.map(|word| Argument::Bytes(word.into())).collect();
        let answer = self.0.custom_raw::<Argument>(command, words).await;
        value(answer.map_err(|why| RedisError::from((ErrorKind::Io, "no answer", why.to_string())))?)
    }
}

fn value(frame: Frame) -> RedisResult<Value> {
    let values = |frames: Vec<Frame>| frames.into_iter().map(value).collect::<RedisResult<_>>();
    let line = |sign: &str, text: &[u8]| {
        let text = String::from_utf8_lossy(text).replace(['\r', '\n'], " ");
        redis::parse_redis_value(format!("{sign}{text}\r\n").as_bytes())
    };
    match frame {
        Frame::BlobString { data, .. } | Frame::VerbatimString { data, .. } => Ok(Value::BulkString(data.to_vec())),
        Frame::Number { data, .. } => Ok(Value::Int(data)),
        Frame::Array { data, .. } => Ok(Value::Array(values(data)?)),
        Frame::Null => Ok(Value::Nil),
        Frame::SimpleString { data, .. } => line("+", &data),
        Frame::SimpleError { data, .. } => line("-", data.as_bytes()),
        Frame::BlobError { data, .. } => line("-", &data),
        Frame::Map { data, .. } => {
            let pairs = data.into_iter().map(|(name, text)| Ok((value(name)?, value(text)?)));
            Ok(Value::Map(pairs.collect::<RedisResult<_>>()?))
        }
        _ => Err((ErrorKind::Client, "an answer of another kind").into()),
    }
}

impl ConnectionLike for Fred {
    fn req_packed_command<'a>(&'a mut self, command: &'a Cmd) -> RedisFuture<'a, Value> {
        Box::pin(self.send(command))
    }

    fn req_packed_commands<'a>(
        &'a mut self,
        pipeline: &'a Pipeline,
        _skip: usize,
        _count: usize,
    ) -> RedisFuture<'a, Vec<Value>> {
        Box::pin(async move {
            let mut values = Vec::new();
            for command in pipeline.cmd_iter() {
                values.push(self.send(command).await?); // a transaction would be another matter: no store has one
            }
            Ok(values)
        })
    }

    fn get_db(&self) -> i64 {
        0 // only for those who ask: no store does
    }
}
