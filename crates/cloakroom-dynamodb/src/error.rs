//! Errors of the SDK, without the session data that they may quote.

use aws_sdk_dynamodb::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};
use cloakroom_store::store::StoreError;

/// The size limit of an item in DynamoDB, in bytes.
pub(crate) const MOST_BYTES: usize = 400 * 1024;

/// The longest owner, in bytes: a partition key has at most 2,048.
pub(crate) const LONGEST_OWNER: usize = 1_800;

/// Converts an error of the SDK. It names the table, and an error code of DynamoDB.
pub(crate) fn failed<E, R>(table: &str, error: &SdkError<E, R>) -> StoreError
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    R: std::fmt::Debug + Send + Sync + 'static,
{
    match error {
        SdkError::TimeoutError(_) => StoreError::timed_out(),
        SdkError::ServiceError(_) => {
            answered(table, error.code().unwrap_or("an unknown error"), error.message().unwrap_or_default())
        }
        // Without an answer there is no session data in the error. It has no credentials either.
        SdkError::ConstructionFailure(_) | SdkError::DispatchFailure(_) | SdkError::ResponseError(_) | _ => {
            StoreError::unavailable(format!("DynamoDB gave no answer: {}", DisplayErrorContext(error)))
        }
    }
}

/// Converts an error that DynamoDB answered.
pub(crate) fn answered(table: &str, code: &str, message: &str) -> StoreError {
    if code == "ResourceNotFoundException" {
        return StoreError::missing(format!(
            "DynamoDB has no table {table:?}: create it with `DynamoDbStore::create_table` or with the command of `cloakroom schema dynamodb`"
        ));
    }
    if message.contains("exceeded the maximum allowed size") {
        return too_large();
    }
    StoreError::unavailable(match code {
        // These messages name the table or the identity, and the missing permission.
        "AccessDeniedException" | "UnrecognizedClientException" | "ExpiredTokenException" => {
            format!("DynamoDB answered {code}: {message}")
        }
        // Others may quote a key, which has the owner in it.
        _ => format!("DynamoDB answered {code} for the table {table:?}"),
    })
}

pub(crate) fn too_large() -> StoreError {
    StoreError::unavailable(format!(
        "the session is too large: an item of DynamoDB has at most {MOST_BYTES} bytes (400 KB)"
    ))
}

pub(crate) fn owner_too_long(bytes: usize) -> StoreError {
    StoreError::unavailable(format!("an owner in DynamoDB has at most {LONGEST_OWNER} bytes, and this one has {bytes}"))
}

#[cfg(test)]
mod tests {
    use super::answered;

    #[test]
    fn errors_name_the_cause_and_no_session_data() {
        for (code, message, expected) in [
            ("ResourceNotFoundException", "Requested resource not found", "no table \"sessions\""),
            ("ValidationException", "Item size has exceeded the maximum allowed size", "409600 bytes"),
            ("ValidationException", "The value s#ann is invalid", "ValidationException"),
            ("AccessDeniedException", "no dynamodb:GetItem on the table", "no dynamodb:GetItem"),
        ] {
            let error = answered("sessions", code, message).to_string();
            assert!(error.contains(expected), "{error}");
            assert!(!error.contains("ann"), "{error}");
        }
        assert!(answered("sessions", "ResourceNotFoundException", "").is_missing());
    }
}
