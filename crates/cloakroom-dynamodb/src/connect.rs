//! A client from a URL.

use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region};
use aws_smithy_http_client::Builder;
use aws_smithy_http_client::tls::Provider;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use cloakroom_store::store::StoreError;

use crate::dynamodb_store::DynamoDbStore;

/// The time for one attempt: two of them are made before `StoredSessions` gives up.
const TIMEOUT: Duration = Duration::from_millis(900);

/// The parts of a URL.
#[derive(Debug, PartialEq, Eq)]
struct Address {
    table: String,
    region: Option<String>,
    endpoint: Option<String>,
    prefix: String,
    timeout: Duration,
}

impl DynamoDbStore {
    /// Makes a client for the table of a URL: `dynamodb://TABLE?region=eu-west-1`.
    ///
    /// Calls no table yet. The credentials and the region are those of the environment: variables
    /// such as `AWS_ACCESS_KEY_ID` and `AWS_REGION` (which AWS Lambda sets), the files in `~/.aws`,
    /// web identity tokens, and the roles of containers and machines. Single sign-on and credential
    /// processes aren't included; pass a client with them to [`DynamoDbStore::new`].
    ///
    /// | option | meaning |
    /// |---|---|
    /// | `region=eu-west-1` | the region, instead of that of the environment |
    /// | `endpoint=http://localhost:8000` | the address of an emulator or of a proxy, instead of that of the region |
    /// | `prefix=shop:` | see [`DynamoDbStore::prefix`] |
    /// | `timeout=900` | the timeout of one attempt in milliseconds; there are at most three |
    ///
    /// # Errors
    /// If the URL is invalid.
    ///
    /// # Security
    /// A URL never contains credentials, and one that does is refused. Connections are encrypted
    /// unless the endpoint begins with `http://`.
    ///
    /// # Examples
    /// ```no_run
    /// use cloakroom_dynamodb::DynamoDbStore;
    ///
    /// # async fn start() -> Result<(), cloakroom_store::store::StoreError> {
    /// let store = DynamoDbStore::connect("dynamodb://sessions?region=eu-west-1").await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn connect(url: &str) -> Result<Self, StoreError> {
        let address = Address::parse(url)?;
        let timeouts =
            TimeoutConfig::builder().connect_timeout(address.timeout).operation_attempt_timeout(address.timeout);
        let http = Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https();
        let mut config = aws_config::defaults(BehaviorVersion::latest())
            .http_client(http)
            .retry_config(RetryConfig::standard().with_initial_backoff(Duration::from_millis(50)))
            .timeout_config(timeouts.build());
        if let Some(region) = address.region {
            config = config.region(Region::new(region));
        }
        if let Some(endpoint) = address.endpoint {
            config = config.endpoint_url(endpoint);
        }
        let client = aws_sdk_dynamodb::Client::new(&config.load().await);
        Ok(Self::new(client, address.table).prefix(address.prefix))
    }
}

impl Address {
    fn parse(url: &str) -> Result<Self, StoreError> {
        let wrong = |why: &str| StoreError::unavailable(format!("invalid DynamoDB URL: {why}"));
        let rest = url.strip_prefix("dynamodb://").ok_or_else(|| wrong("it must begin with dynamodb://"))?;
        let (table, query) = rest.split_once('?').unwrap_or((rest, ""));
        let table = table.strip_suffix('/').unwrap_or(table);
        if table.contains('@') {
            return Err(wrong("credentials don't belong into it; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"));
        }
        let is_name = |letter: u8| letter.is_ascii_alphanumeric() || b"_-.".contains(&letter);
        if !(3..=255).contains(&table.len()) || !table.bytes().all(is_name) {
            return Err(wrong("a table has a name of 3 to 255 letters, digits, '_', '-' and '.'"));
        }
        let mut address =
            Self { table: table.to_owned(), region: None, endpoint: None, prefix: String::new(), timeout: TIMEOUT };
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            let value = value.into_owned();
            match &*name {
                "region" if !value.is_empty() => address.region = Some(value),
                "endpoint" if value.starts_with("http://") || value.starts_with("https://") => {
                    address.endpoint = Some(value);
                }
                "prefix" => address.prefix = value,
                "timeout" => {
                    let millis = value.parse().ok().filter(|millis| *millis > 0);
                    address.timeout =
                        Duration::from_millis(millis.ok_or_else(|| wrong("the timeout is a number of milliseconds"))?);
                }
                "region" => return Err(wrong("the region is empty")),
                "endpoint" => return Err(wrong("the endpoint must begin with http:// or https://")),
                other => return Err(wrong(&format!("unknown option {other:?}"))),
            }
        }
        Ok(address)
    }
}

#[cfg(test)]
mod tests {
    use super::{Address, TIMEOUT};
    use std::time::Duration;

    #[test]
    fn urls_have_a_table_and_options() {
        let plain = Address::parse("dynamodb://sessions").unwrap();
        let expected = Address {
            table: "sessions".to_owned(),
            region: None,
            endpoint: None,
            prefix: String::new(),
            timeout: TIMEOUT,
        };
        assert_eq!(plain, expected);
        let whole =
            "dynamodb://my.table-1_x/?region=eu-west-1&endpoint=http%3A%2F%2Flocalhost:8000&prefix=shop:&timeout=50";
        let expected = Address {
            table: "my.table-1_x".to_owned(),
            region: Some("eu-west-1".to_owned()),
            endpoint: Some("http://localhost:8000".to_owned()),
            prefix: "shop:".to_owned(),
            timeout: Duration::from_millis(50),
        };
        assert_eq!(Address::parse(whole).unwrap(), expected);
    }

    #[test]
    fn wrong_urls_are_refused_without_showing_a_secret() {
        for (url, expected) in [
            ("redis://sessions", "must begin with dynamodb://"),
            ("dynamodb://", "3 to 255"),
            ("dynamodb://a b c", "3 to 255"),
            ("dynamodb://AKID:hunter2@sessions", "credentials don't belong"),
            ("dynamodb://sessions?region=", "region is empty"),
            ("dynamodb://sessions?endpoint=localhost:8000", "endpoint must begin"),
            ("dynamodb://sessions?timeout=0", "milliseconds"),
            ("dynamodb://sessions?ttl=1", "unknown option \"ttl\""),
        ] {
            let error = Address::parse(url).unwrap_err().to_string();
            assert!(error.contains(expected), "{url}: {error}");
            assert!(!error.contains("hunter2"), "{error}");
        }
    }
}
