//! Requests to cancel a statement.
//!
//! Each request has a separate connection, and the server's only answer is to close it. The driver
//! closes first, without waiting for that. PgBouncer before 1.19 may then crash
//! (`disconnect_client(): bad client state`), with everything connected to it. So this module
//! waits.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream, lookup_host};
use tokio::time::timeout;
use tokio_postgres::config::Host;
use tokio_postgres::{CancelToken, Config, NoTls};

/// The time limit for connecting, and then for the server to close the connection.
const CLOSED: Duration = Duration::from_secs(1);

/// The default port.
const PORT: u16 = 5432;

/// The route by which cancel requests reach the server.
#[derive(Clone)]
pub(super) enum Canceller {
    /// To the hosts of the URL, unencrypted.
    Plain(Vec<(Host, u16)>),
    #[cfg(feature = "tls")]
    Tls(tokio_postgres_rustls::MakeRustlsConnect),
    /// Through the driver, which doesn't wait and doesn't encrypt. For the application's own pool
    /// only the driver knows the server.
    Driver,
}

impl Canceller {
    pub(super) fn plain(config: &Config) -> Self {
        let ports = config.get_ports();
        let port = |index: usize| ports.get(index).or_else(|| ports.first()).copied().unwrap_or(PORT);
        // An address takes precedence over the host name that it belongs to.
        let addresses = config.get_hostaddrs();
        let hosts: Vec<_> = if addresses.is_empty() {
            config.get_hosts().to_vec()
        } else {
            addresses.iter().map(|address| Host::Tcp(address.to_string())).collect()
        };
        Self::Plain(hosts.into_iter().enumerate().map(|(index, host)| (host, port(index))).collect())
    }

    /// Returns all routes that may lead to the server: a name may have several addresses, and a URL
    /// several hosts. Other servers don't know the statement's number and ignore the request.
    pub(super) async fn ways(&self) -> Vec<Way> {
        let hosts = match self {
            Self::Plain(hosts) => hosts,
            #[cfg(feature = "tls")]
            Self::Tls(tls) => return vec![Way::Tls(tls.clone())],
            Self::Driver => return vec![Way::Driver],
        };
        let mut ways = Vec::new();
        for (host, port) in hosts {
            match host {
                Host::Tcp(name) => {
                    // A name that no longer resolves yields no route.
                    let found = lookup_host((name.as_str(), *port)).await.into_iter().flatten();
                    ways.extend(found.map(Way::Tcp));
                }
                Host::Unix(folder) => ways.push(Way::Unix(folder.join(format!(".s.PGSQL.{port}")))),
            }
        }
        ways
    }
}

/// One route to a server.
pub(super) enum Way {
    Tcp(SocketAddr),
    Unix(PathBuf),
    #[cfg(feature = "tls")]
    Tls(tokio_postgres_rustls::MakeRustlsConnect),
    Driver,
}

impl Way {
    /// Sends one request. If it doesn't arrive, the server's limits end the statement.
    pub(super) async fn cancel(self, statement: &CancelToken) {
        let sent = async {
            match self {
                Self::Tcp(address) => plain(statement, TcpStream::connect(address).await).await,
                Self::Unix(path) => plain(statement, UnixStream::connect(path).await).await,
                #[cfg(feature = "tls")]
                Self::Tls(tls) => statement.cancel_query(tls::Waiting(tls)).await,
                Self::Driver => statement.cancel_query(NoTls).await,
            }
        };
        let _ = timeout(CLOSED, sent).await;
    }
}

async fn plain<S>(statement: &CancelToken, connected: io::Result<S>) -> Result<(), tokio_postgres::Error>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    match connected {
        Ok(stream) => statement.cancel_query_raw(UntilClosed(stream), NoTls).await,
        Err(_) => Ok(()),
    }
}

/// A stream that the other side closes: shutting it down waits for that.
struct UntilClosed<S>(S);

impl<S: AsyncRead + Unpin> AsyncRead for UntilClosed<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, into)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for UntilClosed<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            let mut bytes = [0; 64];
            let mut into = ReadBuf::new(&mut bytes);
            ready!(Pin::new(&mut self.0).poll_read(cx, &mut into))?;
            // End of stream. Any data would not be an answer to a cancel request.
            if into.filled().is_empty() {
                return Poll::Ready(Ok(()));
            }
        }
    }
}

#[cfg(feature = "tls")]
mod tls {
    use futures_util::TryFutureExt as _;
    use futures_util::future::MapOk;
    use tokio_postgres::tls::{ChannelBinding, MakeTlsConnect, TlsConnect, TlsStream};

    use super::UntilClosed;

    /// Encrypts like the wrapped connector, and waits for the other side to close at the end.
    pub(super) struct Waiting<T>(pub(super) T);

    impl<S, T: MakeTlsConnect<S>> MakeTlsConnect<S> for Waiting<T> {
        type Stream = UntilClosed<T::Stream>;
        type TlsConnect = Waiting<T::TlsConnect>;
        type Error = T::Error;

        fn make_tls_connect(&mut self, host: &str) -> Result<Self::TlsConnect, T::Error> {
            self.0.make_tls_connect(host).map(Waiting)
        }
    }

    impl<S, T: TlsConnect<S>> TlsConnect<S> for Waiting<T> {
        type Stream = UntilClosed<T::Stream>;
        type Error = T::Error;
        type Future = MapOk<T::Future, fn(T::Stream) -> Self::Stream>;

        fn connect(self, stream: S) -> Self::Future {
            self.0.connect(stream).map_ok(UntilClosed)
        }
    }

    impl<S: TlsStream + Unpin> TlsStream for UntilClosed<S> {
        fn channel_binding(&self) -> ChannelBinding {
            self.0.channel_binding()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Canceller, Config, Way};

    #[tokio::test]
    async fn every_address_of_the_url_is_a_route() {
        let table: [(&str, &[&str]); 4] = [
            ("postgres://127.0.0.1/d", &["127.0.0.1:5432"]),
            ("postgres://127.0.0.1:7000,127.0.0.2:7001/d", &["127.0.0.1:7000", "127.0.0.2:7001"]),
            ("host=a,b hostaddr=127.0.0.3,127.0.0.4 port=7000", &["127.0.0.3:7000", "127.0.0.4:7000"]),
            ("host=/run/pg port=7000", &["/run/pg/.s.PGSQL.7000"]),
        ];
        for (url, expected) in table {
            let config: Config = url.parse().unwrap();
            let ways = Canceller::plain(&config).ways().await;
            let told = ways.iter().map(|way| match way {
                Way::Tcp(address) => address.to_string(),
                Way::Unix(path) => path.display().to_string(),
                #[cfg(feature = "tls")]
                Way::Tls(_) => panic!("{url}: not a plain way"),
                Way::Driver => panic!("{url}: not a plain way"),
            });
            assert_eq!(told.collect::<Vec<_>>(), expected, "{url}");
        }
    }
}
