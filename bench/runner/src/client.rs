//! A browser with one connection.

use std::time::Duration;

use bench_harness::{Answer, Jar};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty};
use hyper::Request;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::{COOKIE, HOST, SET_COOKIE};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::fallible::Fallible;

/// A response that takes longer counts as failed.
const PATIENCE: Duration = Duration::from_secs(30);

pub struct Client {
    sender: SendRequest<Empty<Bytes>>,
    pub jar: Jar,
}

impl Client {
    /// Connects without cookies. Needs a single-threaded runtime with a local set.
    pub async fn connect(port: u16) -> Fallible<Self> {
        let stream = TcpStream::connect(("127.0.0.1", port)).await?;
        stream.set_nodelay(true)?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await?;
        // This task ends when the sender is dropped.
        tokio::task::spawn_local(connection);
        Ok(Self { sender, jar: Jar::default() })
    }

    /// Connects with a copy of these cookies.
    pub async fn with(port: u16, jar: &Jar) -> Fallible<Self> {
        Ok(Self { jar: jar.clone(), ..Self::connect(port).await? })
    }

    /// Requests a page and stores the cookies of the response.
    pub async fn get(&mut self, path: &str) -> Fallible<Answer> {
        let mut request = Request::get(path).header(HOST, "localhost");
        if let Some(cookie) = self.jar.header() {
            request = request.header(COOKIE, cookie);
        }
        let answer = timeout(PATIENCE, self.send(request.body(Empty::new())?))
            .await
            .map_err(|_| format!("{path}: no answer"))??;
        self.jar.obey(answer.cookies.iter().map(String::as_str));
        Ok(answer)
    }

    /// Requests a page and expects success.
    pub async fn expect_ok(&mut self, path: &str) -> Fallible<()> {
        let answer = self.get(path).await?;
        if answer.status == 200 {
            Ok(())
        } else {
            Err(format!("{path} is {} with {:?}", answer.status, answer.body).into())
        }
    }

    /// Requests a page and expects success and this body.
    pub async fn expect(&mut self, path: &str, body: &str) -> Fallible<()> {
        let answer = self.get(path).await?;
        if answer.status == 200 && answer.body == body {
            return Ok(());
        }
        Err(format!("{path} is {} with {:?}, not {body:?}", answer.status, answer.body).into())
    }

    async fn send(&mut self, request: Request<Empty<Bytes>>) -> Fallible<Answer> {
        self.sender.ready().await?;
        let response = self.sender.send_request(request).await?;
        let status = response.status().as_u16();
        let lines = response.headers().get_all(SET_COOKIE).iter();
        let cookies = lines.map(|line| line.to_str().map(str::to_owned)).collect::<Result<_, _>>()?;
        let body = response.into_body().collect().await?.to_bytes();
        Ok(Answer { status, cookies, body: String::from_utf8(body.into())? })
    }
}
