//! notification: clear, kind, consented messages to people.
//!
//! Listens to: mended inquiries, routes decided, response times changed, records requested, referrals elsewhere, dated next steps,
//! appointments, closed inquiries. Publishes: notices sent, failed,
//! uncertain; contact stopped. Owns: who wants no messages, notices, and what became of each. Never: decides a stage, or keeps a name or an
//! address; both are read from ingestion at the moment of sending, with the purpose.
//!
//! A fact becomes a row (`handlers`), a loop sends rows (`sender`), the row says what is known of the outcome: a crash
//! between sending and recording leaves it unknown, which staff hear of, and never sends twice.

pub mod adapters;
mod config;
pub mod domain;
mod error;
mod handlers;
mod metrics;
#[cfg(test)]
mod samples;
mod sender;
mod store;

use std::sync::Arc;

use anyhow::Context as _;
use causeway_auth::{Identity, Sealer, SignedLinks, Verifier};
use causeway_bus::StreamSpec;
use causeway_mailbox::{Database, Mailbox, MailboxSettings, Revisions, Subscription};
use causeway_proto::notice::v1::notices_server::NoticesServer;
use causeway_proto::subjects;
use causeway_runtime::{Check, Deps, PortSpec, Running, Service, Stop};
use causeway_serve::Channel;
use sqlx::migrate::Migrator;
use tokio::sync::Semaphore;

pub use config::{Config, Smtp, Tls};

use adapters::book::Book;
use adapters::people::People;
use adapters::post::Post;
use handlers::{Calls, Handling};
use metrics::Metrics;
use sender::Sender;

/// The service.
pub struct Notification;

impl Service for Notification {
    const NAME: &'static str = "notification";
    const PORTS: &'static [PortSpec] = &[PortSpec { name: "grpc", default: 50054 }];
    type Config = Config;

    fn migrator() -> Option<&'static Migrator> {
        static MIGRATOR: Migrator = sqlx::migrate!();
        Some(&MIGRATOR)
    }

    async fn start(deps: Deps, config: Config, stop: Stop) -> anyhow::Result<Running> {
        config.check(deps.mode)?;
        let mut running = Running::default();
        let (database, bus) = causeway_mailbox::open(&deps, &config.database, streams()).await?;
        let follow = Revisions::start(
            Some(&database),
            bus.clone(),
            subjects::CENTERS_BUCKET,
            Book::read,
            stop.soft.clone(),
            &running.tasks,
        );
        let books = follow.await?;
        let metrics = Metrics::register(&deps.metrics)?;
        let handling = Arc::new(Handling { books: books.clone(), metrics: metrics.clone() });
        let settings = MailboxSettings {
            subscriptions: subscriptions(&handling),
            timers: Some(handling),
            listeners: subjects::listeners,
            pace: config.pace.clone(),
        };
        Mailbox::start(database.clone(), bus.clone(), settings, &stop, &running.tasks, &deps.metrics).await?;
        if config.sender_enabled {
            let sender = sender(&deps, config, (database.clone(), books, metrics.clone()), &stop)?;
            stop.spawn(&running.tasks, "sender", sender.run());
        }
        serve(&deps, Calls { database: database.clone(), metrics }, &stop, &running)?;
        running.readiness.push(Check::new("bus", move || bus.ready()));
        running.readiness.push(causeway_mailbox::readiness(database, &stop, &running.tasks));
        Ok(running)
    }
}

fn streams() -> Vec<StreamSpec> {
    let (ages, sizes) = ((subjects::RETENTION, subjects::DEDUPE_WINDOW), (subjects::MAX_BYTES, subjects::MAX_MESSAGE));
    StreamSpec::all(subjects::streams(), ages, sizes)
}

fn subscriptions(handling: &Arc<Handling>) -> Vec<Subscription> {
    let all = subjects::subscriptions(Notification::NAME).into_iter();
    all.map(|(stream, subjects)| Subscription { stream, subjects, handler: handling.clone() }).collect()
}

fn sender(
    deps: &Deps,
    config: Config,
    (database, books, metrics): (Database, Arc<Revisions<Book>>, Metrics),
    stop: &Stop,
) -> anyhow::Result<Sender> {
    let identity = Identity::load(&deps.keys_dir, deps.service, deps.mode)?;
    let ingestion = Channel::connect(&deps.peers.url("ingestion")?, identity, "ingestion")?;
    let base_url = match &config.public_base_url {
        Some(url) => url.trim_end_matches('/').to_owned(),
        None => deps.peers.http("portal", "patient").context("links in messages need notification.public_base_url")?,
    };
    Ok(Sender {
        database,
        books,
        people: People::new(ingestion),
        post: Post::new(config.smtp.clone(), config.sender_concurrency.into()),
        places: Semaphore::new(config.sender_concurrency.into()),
        links: SignedLinks::open_keyring(&deps.keys_dir, deps.mode)?,
        sealer: Sealer::open_keyring(&deps.keys_dir, deps.mode)?,
        base_url,
        config,
        metrics,
        stop: stop.clone(),
    })
}

fn serve(deps: &Deps, calls: Calls, stop: &Stop, running: &Running) -> anyhow::Result<()> {
    let verifier = Verifier::new(&deps.keys_dir, deps.mode);
    let server =
        causeway_serve::grpc(deps.listeners.take("grpc")?, Notification::NAME, verifier, &deps.metrics, stop.clone());
    let server = server.descriptors(causeway_proto::DESCRIPTORS).add(NoticesServer::new(calls));
    stop.supervise(&running.tasks, "grpc", server.run());
    Ok(())
}
