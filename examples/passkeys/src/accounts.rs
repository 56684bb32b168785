//! The accounts and their passkeys. An application keeps them in its database.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use webauthn_rs::prelude::{AuthenticationResult, Passkey, Uuid};

#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Account {
    /// The authenticator's id for the user. It must not say anything about the user.
    pub(crate) id: Uuid,
    pub(crate) name: String,
    pub(crate) passkeys: Vec<Passkey>,
}

impl Account {
    pub(crate) fn new(name: String) -> Self {
        Self { id: Uuid::new_v4(), name, passkeys: Vec::new() }
    }
}

#[derive(Clone, Default)]
pub(crate) struct Accounts(Arc<Mutex<BTreeMap<String, Account>>>);

impl Accounts {
    fn with<T>(&self, action: impl FnOnce(&mut BTreeMap<String, Account>) -> T) -> T {
        action(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn find(&self, name: &str) -> Option<Account> {
        self.with(|accounts| accounts.get(name).cloned())
    }

    /// Adds a passkey. Returns `false` if someone else has taken the name since the ceremony began.
    pub(crate) fn add(&self, account: Account, passkey: Passkey) -> bool {
        self.with(|accounts| {
            let id = account.id;
            let there = accounts.entry(account.name.clone()).or_insert(account);
            if there.id == id {
                there.passkeys.push(passkey);
            }
            there.id == id
        })
    }

    /// Keeps the counter of the passkey that was used.
    pub(crate) fn used(&self, name: &str, result: &AuthenticationResult) {
        self.with(|accounts| {
            for passkey in accounts.get_mut(name).into_iter().flat_map(|account| &mut account.passkeys) {
                passkey.update_credential(result);
            }
        });
    }
}
