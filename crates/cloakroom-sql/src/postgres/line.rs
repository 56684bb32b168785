//! The connection on which a store listens.

use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;

use cloakroom_store::store::StoreError;
use tokio::task::JoinHandle;
use tokio_postgres::tls::{MakeTlsConnect, TlsConnect};
use tokio_postgres::{AsyncMessage, Client, Config, Error, NoTls, Socket};

use super::connect::configured;
use crate::url::{Tls, without};

/// Receives the payload of each notification, in their order.
pub(super) type Hears = Box<dyn Fn(&str) + Send>;

type Dialled = Pin<Box<dyn Future<Output = Result<Open, Error>> + Send>>;

/// Opens connections that listen, separate from any pool.
#[derive(Clone)]
pub(super) struct Line(Arc<dyn Fn(Hears) -> Dialled + Send + Sync>);

/// An open connection. Dropping it closes the connection.
pub(super) struct Open {
    pub(super) client: Client,
    /// Ends when the connection is lost.
    pub(super) task: JoinHandle<()>,
}

impl Drop for Open {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Line {
    /// Creates the line to the server of a URL, which isn't opened yet.
    pub(super) fn to(url: &str) -> Result<Self, StoreError> {
        let (config, tls, _) = configured(url)?;
        Ok(match tls {
            Tls::Plain => Self::with(config, NoTls),
            #[cfg(feature = "tls")]
            Tls::Verified(roots) => Self::with(config, crate::tls::connector(roots.as_deref())?),
            #[cfg(not(feature = "tls"))]
            Tls::Verified(_) => return Err(super::connect::unencrypted()),
        })
    }

    fn with<T>(config: Config, tls: T) -> Self
    where
        T: MakeTlsConnect<Socket> + Clone + Send + Sync + 'static,
        T::Stream: Send + Sync,
        T::TlsConnect: Send + Sync,
        <T::TlsConnect as TlsConnect<Socket>>::Future: Send,
    {
        Self(Arc::new(move |hears| {
            let (config, tls) = (config.clone(), tls.clone());
            Box::pin(async move {
                let (client, mut connection) = config.connect(tls).await?;
                let task = tokio::spawn(async move {
                    while let Some(Ok(message)) = poll_fn(|cx| connection.poll_message(cx)).await {
                        if let AsyncMessage::Notification(told) = message {
                            hears(told.payload());
                        }
                    }
                });
                Ok(Open { client, task })
            })
        }))
    }

    pub(super) async fn open(&self, hears: Hears) -> Result<Open, Error> {
        (self.0)(hears).await
    }
}

impl fmt::Debug for Line {
    // A configuration contains a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Line")
    }
}

/// Replaces the hosts of a URL by one host, with an optional port.
pub(super) fn elsewhere(url: &str, host: &str) -> Result<String, StoreError> {
    let wrong = |why: &'static str| StoreError::unavailable(why);
    let named = host.rsplit(']').next().and_then(|rest| rest.split_once(':'));
    if host.is_empty()
        || host.contains(['/', '?', '@', ','])
        || named.is_some_and(|(_, port)| port.parse::<u16>().is_err())
    {
        return Err(wrong("`listen` in the URL must be a host with an optional port, as in `listen=db.internal:5432`"));
    }
    let (url, _) = without::<3>(url, ["host", "hostaddr", "port"]);
    let Some((scheme, rest)) = url.split_once("://") else {
        return Err(wrong("`listen` needs a connection string that is a URL"));
    };
    let (login, rest) = rest.split_once('@').map_or((None, rest), |(login, rest)| (Some(login), rest));
    let path = rest.find(['/', '?']).and_then(|at| rest.get(at..)).unwrap_or_default();
    let login = login.map(|login| format!("{login}@")).unwrap_or_default();
    Ok(format!("{scheme}://{login}{host}{path}"))
}

#[cfg(test)]
mod tests {
    use super::elsewhere;

    #[test]
    fn the_hosts_of_a_url_are_replaced() {
        for (url, host, expected) in [
            ("postgres://u:p@pool:6432/d?a=1", "db", "postgres://u:p@db/d?a=1"),
            ("postgres://pool,other/d", "db:5433", "postgres://db:5433/d"),
            ("postgres://u@/d?host=%2Frun&port=6432&b=2", "[::1]:5432", "postgres://u@[::1]:5432/d?b=2"),
            ("postgres://u@pool?dbname=d", "[::1]", "postgres://u@[::1]?dbname=d"),
        ] {
            assert_eq!(elsewhere(url, host).unwrap(), expected, "{url}");
        }
        for host in ["", "a,b", "u:p@db", "db/x", "db:port", "db?x"] {
            let error = elsewhere("postgres://u:hunter2@pool/d", host).unwrap_err().to_string();
            assert!(error.contains("`listen`") && !error.contains("hunter2"), "{host}: {error}");
        }
        assert!(elsewhere("host=pool dbname=d", "db").is_err());
    }
}
