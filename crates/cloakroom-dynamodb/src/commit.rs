//! One or more writes as one atomic step, with retries of conflicts.
//!
//! DynamoDB rejects a write of an item that a transaction is writing at the same moment. Such a
//! write has changed nothing, so it is repeated after a short random pause. The caller's deadline
//! limits the time: it drops the future.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher as _;
use std::time::Duration;

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{CancellationReason, ReturnValuesOnConditionCheckFailure as OnFailure};
use cloakroom_store::store::StoreError;
use futures_util::future::BoxFuture;

use crate::dynamodb_store::DynamoDbStore;
use crate::error;
use crate::item::Attributes;
use crate::write::{Change, Write};

/// The number of times that a write which met a transaction is repeated.
const TRIES: u32 = 60;

/// The upper bounds of the first and the longest pause.
const FIRST_PAUSE: Duration = Duration::from_millis(4);
const LONGEST_PAUSE: Duration = Duration::from_millis(128);

/// The outcome of a step that was carried out in full or not at all.
#[derive(Debug)]
pub(crate) enum Outcome {
    Done,
    /// The condition of a write wasn't met: its number, and the item that it found.
    Unmet(usize, Option<Attributes>),
}

/// The reason why one attempt had no outcome.
enum Failure {
    /// Another writer was in the way, or DynamoDB asks for a pause. Nothing was changed.
    Busy(StoreError),
    Failed(StoreError),
}

impl DynamoDbStore {
    /// Makes these writes in one step. A single write that isn't a deletion needs no transaction.
    ///
    /// The future is on the heap, because those of the SDK have many kilobytes.
    pub(crate) fn commit<'a>(&'a self, writes: &'a [Write]) -> BoxFuture<'a, Result<Outcome, StoreError>> {
        Box::pin(self.attempts(writes))
    }

    async fn attempts(&self, writes: &[Write]) -> Result<Outcome, StoreError> {
        let mut pause = FIRST_PAUSE;
        let mut tries = 0;
        loop {
            let attempt = match writes {
                [write @ Write { change: Change::Put(_), .. }] => self.put_one(write).await,
                [write @ Write { change: Change::Update(expression), .. }] => self.update_one(write, expression).await,
                _ => self.transact(writes).await,
            };
            match attempt {
                Ok(outcome) => return Ok(outcome),
                Err(Failure::Failed(error)) => return Err(error),
                Err(Failure::Busy(error)) if tries >= TRIES => return Err(error),
                Err(Failure::Busy(_)) => {}
            }
            tries += 1;
            wait(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    async fn put_one(&self, write: &Write) -> Result<Outcome, Failure> {
        let put = self.client.put_item().table_name(&*self.table).set_item(write.item());
        let put = put
            .set_condition_expression(write.condition.clone())
            .set_expression_attribute_names(write.names())
            .set_expression_attribute_values(write.values())
            .return_values_on_condition_check_failure(OnFailure::AllOld);
        let Err(error) = Box::pin(put.send()).await else { return Ok(Outcome::Done) };
        if let Some(PutItemError::ConditionalCheckFailedException(unmet)) = error.as_service_error() {
            return Ok(Outcome::Unmet(0, unmet.item().cloned()));
        }
        Err(self.failure(&error))
    }

    async fn update_one(&self, write: &Write, expression: &str) -> Result<Outcome, Failure> {
        let update = self.client.update_item().table_name(&*self.table).set_key(Some(write.key.clone()));
        let update = update
            .update_expression(expression)
            .set_condition_expression(write.condition.clone())
            .set_expression_attribute_names(write.names())
            .set_expression_attribute_values(write.values())
            .return_values_on_condition_check_failure(OnFailure::AllOld);
        let Err(error) = Box::pin(update.send()).await else { return Ok(Outcome::Done) };
        if let Some(UpdateItemError::ConditionalCheckFailedException(unmet)) = error.as_service_error() {
            return Ok(Outcome::Unmet(0, unmet.item().cloned()));
        }
        Err(self.failure(&error))
    }

    /// Makes a transaction. The SDK adds a token, by which DynamoDB recognizes a repeated one.
    async fn transact(&self, writes: &[Write]) -> Result<Outcome, Failure> {
        let parts: Result<Vec<_>, _> = writes.iter().map(|write| write.part(&self.table)).collect();
        let parts = parts.map_err(|error| Failure::Failed(StoreError::unavailable(error)))?;
        let transaction = self.client.transact_write_items().set_transact_items(Some(parts));
        let Err(error) = Box::pin(transaction.send()).await else {
            return Ok(Outcome::Done);
        };
        if let Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) = error.as_service_error() {
            return self.cancelled(cancelled.cancellation_reasons());
        }
        Err(self.failure(&error))
    }

    /// Interprets the reasons of a cancelled transaction, one for each write.
    fn cancelled(&self, reasons: &[CancellationReason]) -> Result<Outcome, Failure> {
        let of = |wanted: &[&str]| {
            let is_wanted = |reason: &CancellationReason| wanted.contains(&reason.code().unwrap_or_default());
            reasons.iter().enumerate().find(|(_, reason)| is_wanted(reason))
        };
        if let Some((number, unmet)) = of(&["ConditionalCheckFailed"]) {
            let item = unmet.item().filter(|item| !item.is_empty());
            return Ok(Outcome::Unmet(number, item.cloned()));
        }
        if let Some((_, busy)) = of(&["TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"]) {
            let code = busy.code().unwrap_or_default();
            return Err(Failure::Busy(StoreError::unavailable(format!("DynamoDB cancelled the transaction: {code}"))));
        }
        let reason = reasons.iter().find(|reason| reason.code().is_some_and(|code| code != "None"));
        let (code, message) = reason.map_or(("TransactionCanceledException", ""), |reason| {
            (reason.code().unwrap_or_default(), reason.message().unwrap_or_default())
        });
        Err(Failure::Failed(error::answered(&self.table, code, message)))
    }

    fn failure<E, R>(&self, error: &SdkError<E, R>) -> Failure
    where
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
        R: std::fmt::Debug + Send + Sync + 'static,
    {
        let is_busy = matches!(error.code(), Some("TransactionConflictException" | "TransactionInProgressException"));
        let error = error::failed(&self.table, error);
        if is_busy { Failure::Busy(error) } else { Failure::Failed(error) }
    }
}

/// Waits for a random part of this time.
pub(crate) async fn wait(most: Duration) {
    // Each hasher has other random keys.
    let random = RandomState::new().hash_one(0_u8) % 1_000;
    tokio::time::sleep(most.mul_f64(f64::from(u32::try_from(random).unwrap_or_default()) / 1_000.0)).await;
}
