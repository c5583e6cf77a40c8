//! How do database and bus agree?
//!
//! Every write is one transaction through [`Database::with_tx`], which also holds the events that it causes (outbox) and
//! the event that caused it (inbox). A relay publishes the outbox, consumers hand batches to a [`Handler`] and answer the
//! bus only after the commit, a reconciler compares what was published with what the listeners have seen, timers fire on
//! the database's time, and what nobody can handle is parked for an operator.
//!
//! To listen to a new event: write a [`Handler`], give it to [`Mailbox::start`] in a [`Subscription`], return one
//! [`Outcome`] for each message. Deliberately absent: any word of the domain, network calls inside a transaction (F2).

mod consumer;
mod database;
mod inbox;
mod migrate;
mod outbox;
mod parked;
mod readiness;
mod reconciler;
mod relay;
mod revisions;
mod single;
mod start;
mod time;
mod timers;
mod tx;
mod whole;

pub use consumer::{Handler, HandlerError, Outcome, Received};
pub use database::{Database, DatabaseSettings};
pub use migrate::{MigrateError, migrate};
pub use outbox::Draft;
pub use parked::{ParkedMessage, list_parked, request_replay};
pub use readiness::readiness;
pub use reconciler::{Compared, reconcile_all};
pub use revisions::{Reading, Revisions};
pub use single::{FIRST_PARAMETER, Single};
pub use start::{Mailbox, MailboxSettings, Pace, StartError, Subscription, open, open_bus};
pub use time::Ts;
pub use timers::{DueTimer, Timer, TimerHandler};
pub use tx::{Tx, TxError};

/// A boxed future, as the handlers return it.
pub type BoxFuture<'a, T> = futures::future::BoxFuture<'a, T>;
