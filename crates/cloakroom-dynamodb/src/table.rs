//! Creating the table, and the report on it.

use std::error::Error as _;
use std::time::Duration;

use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::create_table::CreateTableError;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, KeySchemaElement, KeyType, PointInTimeRecoveryStatus, ScalarAttributeType,
    TableDescription, TableStatus, TimeToLiveSpecification, TimeToLiveStatus,
};
use cloakroom_session::factory::StoreKey;
use cloakroom_store::store::{Checkup, Severity, StoreError, Topic};

use crate::dynamodb_store::DynamoDbStore;
use crate::error::failed;

/// The attribute by which DynamoDB deletes expired items.
const TIME_TO_LIVE: &str = "expires";

/// The key of the table: names and roles.
const KEY: [(&str, KeyType); 2] = [("pk", KeyType::Hash), ("sk", KeyType::Range)];

/// The number of checks whether a new table is ready, and the pause between two of them. DynamoDB
/// takes some ten seconds.
const QUESTIONS: usize = 240;
const PAUSE: Duration = Duration::from_millis(500);

impl DynamoDbStore {
    /// The command of the AWS command line that creates such a table, `sessions`, and enables its
    /// time to live.
    ///
    /// # Examples
    /// ```
    /// assert!(cloakroom_dynamodb::DynamoDbStore::COMMANDS.contains("AttributeName=expires"));
    /// ```
    pub const COMMANDS: &str = include_str!("create-table.sh");

    /// Checks that the table exists, with one read.
    ///
    /// # Errors
    /// [`StoreError::is_missing`] if it doesn't, and any other error of a read.
    ///
    /// # Examples
    /// ```no_run
    /// # async fn start(store: cloakroom_dynamodb::DynamoDbStore) -> Result<(), cloakroom_store::store::StoreError> {
    /// match store.look_for_table().await {
    ///     Err(missing) if missing.is_missing() => store.create_table().await?,
    ///     answer => answer?,
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn look_for_table(&self) -> Result<(), StoreError> {
        self.item(&StoreKey::from_bytes([0; 32])).await.map(drop)
    }

    /// Creates the table, unless it exists, with on-demand billing and its time to live.
    ///
    /// Waits until it is ready. May be called at every start, and needs the permissions
    /// `dynamodb:CreateTable`, `DescribeTable`, `DescribeTimeToLive` and `UpdateTimeToLive`. It
    /// changes no existing table, except that it enables the time to live.
    ///
    /// # Errors
    /// If DynamoDB refuses a step, or if a table of this name has another key.
    ///
    /// # Examples
    /// ```no_run
    /// # async fn start(client: aws_sdk_dynamodb::Client) -> Result<(), cloakroom_store::store::StoreError> {
    /// let store = cloakroom_dynamodb::DynamoDbStore::new(client, "sessions");
    /// store.create_table().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn create_table(&self) -> Result<(), StoreError> {
        let built = |error| StoreError::unavailable(Box::<dyn std::error::Error + Send + Sync>::from(error));
        let mut create = self.client.create_table().table_name(&*self.table).billing_mode(BillingMode::PayPerRequest);
        for (name, role) in KEY {
            let kind = AttributeDefinition::builder().attribute_name(name).attribute_type(ScalarAttributeType::S);
            let key = KeySchemaElement::builder().attribute_name(name).key_type(role);
            create = create.attribute_definitions(kind.build().map_err(built)?).key_schema(key.build().map_err(built)?);
        }
        match Box::pin(create.send()).await {
            Err(error) if is_there_already(&error) => {}
            answer => _ = answer.map_err(|error| failed(&self.table, &error))?,
        }
        let table = self.ready().await?;
        if let Some(wrong) = wrong_key(&table) {
            return Err(StoreError::unavailable(format!("the table {:?} {wrong}", self.table)));
        }
        if self.time_to_live().await?.is_none() {
            let enabled = TimeToLiveSpecification::builder().enabled(true).attribute_name(TIME_TO_LIVE);
            let update = self.client.update_time_to_live().table_name(&*self.table);
            let update = update.time_to_live_specification(enabled.build().map_err(built)?);
            Box::pin(update.send()).await.map_err(|error| failed(&self.table, &error))?;
        }
        Ok(())
    }

    async fn ready(&self) -> Result<TableDescription, StoreError> {
        for _ in 0..QUESTIONS {
            let table = self.described().await?;
            if table.table_status() != Some(&TableStatus::Creating) {
                return Ok(table);
            }
            tokio::time::sleep(PAUSE).await;
        }
        Err(StoreError::unavailable(format!("DynamoDB is still creating the table {:?}", self.table)))
    }

    async fn described(&self) -> Result<TableDescription, StoreError> {
        let describe = self.client.describe_table().table_name(&*self.table);
        let answer = Box::pin(describe.send()).await.map_err(|error| failed(&self.table, &error))?;
        answer.table.ok_or_else(|| StoreError::unavailable("DynamoDB described no table"))
    }

    /// Returns the attribute of the time to live, if it is enabled.
    async fn time_to_live(&self) -> Result<Option<String>, StoreError> {
        let describe = self.client.describe_time_to_live().table_name(&*self.table);
        let answer = Box::pin(describe.send()).await.map_err(|error| failed(&self.table, &error))?;
        let told = answer.time_to_live_description.filter(|told| {
            matches!(told.time_to_live_status(), Some(TimeToLiveStatus::Enabled | TimeToLiveStatus::Enabling))
        });
        Ok(told.map(|told| told.attribute_name.unwrap_or_default()))
    }

    pub(crate) async fn checked(&self) -> Result<Checkup, StoreError> {
        let mut report = Checkup::new(format!("Amazon DynamoDB, table {:?}", self.table));
        let table = match self.described().await {
            Ok(table) => table,
            Err(error) if error.is_missing() => {
                return Ok(report.found(Topic::Writes, Severity::Problem, error.to_string()));
            }
            Err(error) => return Ok(report.found(Topic::Rights, Severity::Unknown, error.to_string())),
        };
        report = match wrong_key(&table) {
            Some(wrong) => report.found(Topic::Writes, Severity::Problem, format!("the table {wrong}")),
            None => report.found(Topic::Writes, Severity::Good, "the table has the right key"),
        };
        report = match table.table_status() {
            Some(TableStatus::Active | TableStatus::Updating) => report,
            other => {
                let status = other.map_or("unknown", TableStatus::as_str);
                report.found(Topic::Writes, Severity::Problem, format!("the status of the table is {status}"))
            }
        };
        let is_on_demand = table.billing_mode_summary().and_then(|billing| billing.billing_mode());
        report = match is_on_demand {
            Some(BillingMode::PayPerRequest) => {
                report.found(Topic::Writes, Severity::Good, "the table is billed on demand")
            }
            _ => report.found(
                Topic::Writes,
                Severity::Note,
                "the table has provisioned capacity, and rejects requests beyond it",
            ),
        };
        report = match self.time_to_live().await {
            Ok(Some(name)) if name == TIME_TO_LIVE => {
                report.found(Topic::Storage, Severity::Good, "DynamoDB deletes expired sessions")
            }
            Ok(Some(other)) => report.found(
                Topic::Storage,
                Severity::Problem,
                format!(
                    "the time to live uses the attribute {other:?} instead of {TIME_TO_LIVE:?}: expired sessions stay"
                ),
            ),
            Ok(None) => report.found(
                Topic::Storage,
                Severity::Problem,
                format!(
                    "the time to live is off: enable it with the attribute {TIME_TO_LIVE:?}, or expired sessions stay"
                ),
            ),
            Err(error) => report.found(Topic::Storage, Severity::Unknown, unreported("the time to live", &error)),
        };
        Ok(match self.recovery().await {
            Ok(true) => report.found(Topic::Durability, Severity::Good, "point-in-time recovery is on"),
            Ok(false) => report.found(
                Topic::Durability,
                Severity::Note,
                "point-in-time recovery is off: a deleted table is lost",
            ),
            Err(error) => {
                report.found(Topic::Durability, Severity::Unknown, unreported("point-in-time recovery", &error))
            }
        })
    }

    async fn recovery(&self) -> Result<bool, StoreError> {
        let describe = self.client.describe_continuous_backups().table_name(&*self.table);
        let answer = Box::pin(describe.send()).await.map_err(|error| failed(&self.table, &error))?;
        let status = answer
            .continuous_backups_description()
            .and_then(|backups| backups.point_in_time_recovery_description())
            .and_then(|recovery| recovery.point_in_time_recovery_status());
        Ok(status == Some(&PointInTimeRecoveryStatus::Enabled))
    }
}

fn is_there_already<R>(error: &SdkError<CreateTableError, R>) -> bool {
    error.as_service_error().is_some_and(CreateTableError::is_resource_in_use_exception)
}

/// Returns the rule that the key of a table breaks.
fn wrong_key(table: &TableDescription) -> Option<String> {
    let is_text = |name: &str| {
        let mut kinds = table.attribute_definitions().iter().filter(|kind| kind.attribute_name() == name);
        kinds.any(|kind| kind.attribute_type() == &ScalarAttributeType::S)
    };
    let key: Vec<(&str, KeyType)> =
        table.key_schema().iter().map(|key| (key.attribute_name(), key.key_type().clone())).collect();
    let is_right = key == KEY && KEY.iter().all(|(name, _)| is_text(name));
    (!is_right).then(|| "must have the partition key \"pk\" and the sort key \"sk\", both strings".to_owned())
}
/// Names the reason why DynamoDB doesn't report something. The store itself works.
fn unreported(what: &str, error: &StoreError) -> String {
    let reason = error.source().map_or_else(|| error.to_string(), ToString::to_string);
    format!("{what} isn't reported: {reason}")
}
