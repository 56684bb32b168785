//! Accounts and passwords.

use std::error::Error;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use argon2::Argon2;
use argon2::password_hash::rand_core::{OsRng, RngCore};
use argon2::password_hash::{PasswordHash, PasswordHasher, PasswordVerifier, SaltString};
use rusqlite::{Connection, OptionalExtension};

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

/// An account. Its id never changes; its name may.
#[derive(Clone, Debug, PartialEq)]
pub struct User {
    pub id: i64,
    pub name: String,
}

#[derive(Clone)]
pub struct Users {
    database: Arc<Mutex<Connection>>,
    /// The hash of a random password, for unknown names. Checking one takes as long for them as for
    /// a known one.
    nobody: Arc<str>,
}

impl Users {
    pub fn open(path: &Path) -> Result<Self> {
        let database = Connection::open(path)?;
        database.execute(
            "create table if not exists users
             (id integer primary key, name text not null unique, password text not null)",
            (),
        )?;
        Ok(Self {
            database: Arc::new(Mutex::new(database)),
            nobody: hash(&random_password())?.into(),
        })
    }

    /// Adds an account with a random password if there is none. Returns the password.
    pub fn add_first(&self, name: &str) -> Result<Option<String>> {
        let count: i64 = self
            .database()
            .query_row("select count(*) from users", (), |row| row.get(0))?;
        if count > 0 {
            return Ok(None);
        }
        let password = random_password();
        self.add(name, &password)?;
        Ok(Some(password))
    }

    pub fn add(&self, name: &str, password: &str) -> Result<User> {
        let password = hash(password)?;
        let database = self.database();
        database.execute(
            "insert into users (name, password) values (?1, ?2)",
            (name, password),
        )?;
        Ok(User {
            id: database.last_insert_rowid(),
            name: name.to_owned(),
        })
    }

    pub fn by_id(&self, id: i64) -> Result<Option<User>> {
        let database = self.database();
        let found = database.query_row("select name from users where id = ?1", (id,), |row| {
            row.get(0)
        });
        Ok(found.optional()?.map(|name| User { id, name }))
    }

    /// Returns the user if name and password are right.
    pub async fn check(&self, name: String, password: String) -> Result<Option<User>> {
        let users = self.clone();
        // Checking a password is slow on purpose, so no other request waits for it.
        tokio::task::spawn_blocking(move || users.check_now(name, &password)).await?
    }

    fn check_now(&self, name: String, password: &str) -> Result<Option<User>> {
        let found: Option<(i64, String)> = self
            .database()
            .query_row(
                "select id, password from users where name = ?1",
                (&name,),
                |row| Ok((row.get(0)?, row.get(1)?)),
            )
            .optional()?;
        let expected = found.as_ref().map_or(&*self.nobody, |(_, hash)| hash);
        let is_right = Argon2::default()
            .verify_password(password.as_bytes(), &PasswordHash::new(expected)?)
            .is_ok();
        Ok(found.filter(|_| is_right).map(|(id, _)| User { id, name }))
    }

    fn database(&self) -> MutexGuard<'_, Connection> {
        self.database.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn hash(password: &str) -> Result<String> {
    let salt = SaltString::generate(&mut OsRng);
    Ok(Argon2::default()
        .hash_password(password.as_bytes(), &salt)?
        .to_string())
}

fn random_password() -> String {
    let mut bytes = [0; 10];
    OsRng.fill_bytes(&mut bytes);
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
