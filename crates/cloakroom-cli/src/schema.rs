//! `schema`: the SQL, or the commands, that create the table.

use clap::Args;
use serde_json::json;

use crate::outcome::{Outcome, WrongUse};
use crate::output::{print, print_json};

#[derive(Args, Debug)]
#[command(after_help = "\
    For deployments in which the application may not create its table.")]
pub(crate) struct Options {
    /// sqlite, postgres, mysql or dynamodb; or the URL of such a store
    database: String,
}

pub(crate) fn run(options: &Options, json: bool) -> anyhow::Result<Outcome> {
    let name = options.database.split(':').next().unwrap_or_default();
    let schema = match name {
        #[cfg(feature = "sqlite")]
        "sqlite" => cloakroom::SqliteStore::schema(&cloakroom::TableName::default()),
        #[cfg(feature = "postgres")]
        "postgres" | "postgresql" => cloakroom::PostgresStore::schema(&cloakroom::TableName::default()),
        #[cfg(feature = "mysql")]
        "mysql" | "mariadb" => cloakroom::MysqlStore::schema(&cloakroom::TableName::default()),
        #[cfg(feature = "dynamodb")]
        "dynamodb" => {
            let commands = cloakroom::DynamoDbStore::COMMANDS;
            if json {
                print_json(&json!({ "database": name, "commands": commands }))?
            } else {
                print(commands)?
            }
            return Ok(Outcome::Done);
        }
        _ => {
            return Err(WrongUse::new(
                "there are schemas for sqlite, postgres, mysql and dynamodb; other stores need none",
            )
            .into());
        }
    };
    let statement = format!("{};\n", schema.trim_end().trim_end_matches(';'));
    if json {
        print_json(&json!({ "database": name, "sql": statement }))?
    } else {
        print(&statement)?
    }
    Ok(Outcome::Done)
}
