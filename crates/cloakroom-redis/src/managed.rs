//! One server's connection, which is made anew when it breaks, and when the server turns out to take no writes.
//!
//! The client's manager does the first alone: a server that became a replica keeps its connections, and so does whoever reached it by a name
//! that leads to another master now.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::{Client, Cmd, Pipeline, RedisResult, Value};

use crate::address::{Address, CONNECT};
use crate::error::takes_no_writes;

/// Attempts at one reconnection, until which callers wait; the next caller begins the next reconnection.
const RETRIES: usize = 3;
const RETRY_DELAY: Duration = Duration::from_millis(50);
const RETRY_DELAY_MAX: Duration = Duration::from_millis(200);

pub(crate) struct Managed {
    pub(crate) address: Address,
    current: Mutex<Current>,
}

/// A manager, and how many there were before it.
#[derive(Clone)]
struct Current {
    number: u64,
    manager: ConnectionManager,
}

impl Managed {
    pub(crate) async fn connect(address: Address) -> RedisResult<Self> {
        let client = Client::open(address.information.clone())?;
        let manager = ConnectionManager::new_with_config(client, config(&address)).await?;
        Ok(Self { address, current: Mutex::new(Current { number: 0, manager }) })
    }

    pub(crate) async fn command(&self, command: &Cmd) -> RedisResult<Value> {
        let Current { number, mut manager } = self.current();
        let answer = command.query_async(&mut manager).await;
        self.noted(number, answer)
    }

    pub(crate) async fn pipeline(&self, pipeline: &Pipeline) -> RedisResult<Vec<Value>> {
        let Current { number, mut manager } = self.current();
        let answer = pipeline.query_async(&mut manager).await;
        self.noted(number, answer)
    }

    fn current(&self) -> Current {
        self.current.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn noted<T>(&self, number: u64, answer: RedisResult<T>) -> RedisResult<T> {
        if answer.as_ref().is_err_and(takes_no_writes) {
            self.replace(number)?;
        }
        answer
    }

    /// The next call connects anew. Only if nobody else has seen to that meanwhile.
    fn replace(&self, number: u64) -> RedisResult<()> {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        if current.number == number {
            let client = Client::open(self.address.information.clone())?;
            let manager = ConnectionManager::new_lazy_with_config(client, config(&self.address))?;
            *current = Current { number: number + 1, manager };
        }
        Ok(())
    }
}

fn config(address: &Address) -> ConnectionManagerConfig {
    ConnectionManagerConfig::new()
        .set_response_timeout(Some(address.timeout))
        .set_connection_timeout(Some(CONNECT))
        .set_number_of_retries(RETRIES)
        .set_min_delay(RETRY_DELAY)
        .set_max_delay(RETRY_DELAY_MAX)
}
