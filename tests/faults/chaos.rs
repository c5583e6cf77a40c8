//! Thousands of inquiries while every service in turn is killed, the servers are restarted, and the whole store of the
//! bus is deleted: nothing is lost, nobody is told twice.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use causeway::commands::ledger;
use causeway_tests::{Fleet, planted};

/// How many inquiries; the long run takes the number of the promise.
fn inquiries() -> usize {
    std::env::var("CAUSEWAY_CHAOS_INQUIRIES").ok().and_then(|text| text.parse().ok()).unwrap_or(1500)
}

/// Posts one inquiry until it is accepted, always with the same key, as an honest client does.
async fn submit(client: &reqwest::Client, base: &str, number: usize) {
    let center = if number.is_multiple_of(2) { "harbor-valley" } else { "lakeside" };
    let body = serde_json::json!({
        "form": "second-opinion",
        "language": "en",
        "answers": planted(&format!("chaos{number}")),
        "idempotency_key": format!("chaos-{number}"),
    });
    let url = format!("{base}/v1/centers/{center}/inquiries");
    loop {
        let sent = client.post(&url).json(&body).timeout(Duration::from_secs(5)).send().await;
        match sent {
            Ok(answer) if answer.status().is_success() => return,
            Ok(answer) if answer.status().is_client_error() && answer.status().as_u16() != 429 => {
                panic!("refused: {} {}", answer.status(), answer.text().await.unwrap_or_default());
            }
            _ => tokio::time::sleep(Duration::from_millis(200)).await,
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_inquiry_is_lost_and_nobody_is_told_twice_while_everything_is_killed_in_turn() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut fleet = Fleet::start(folder.path(), "").await;
    let (total, accepted, finished) = (inquiries(), Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
    let base = fleet.url("ingestion", "http");
    let posting = {
        let (accepted, finished) = (accepted.clone(), finished.clone());
        tokio::spawn(async move {
            let client = reqwest::Client::new();
            let next = Arc::new(AtomicUsize::new(0));
            let workers = (0..8).map(|_| {
                let (client, base, next, accepted) = (client.clone(), base.clone(), next.clone(), accepted.clone());
                tokio::spawn(async move {
                    loop {
                        let number = next.fetch_add(1, Ordering::Relaxed);
                        if number >= total {
                            return;
                        }
                        submit(&client, &base, number).await;
                        accepted.fetch_add(1, Ordering::Relaxed);
                        // Spread over the time in which things break.
                        tokio::time::sleep(Duration::from_millis(40)).await;
                    }
                })
            });
            for worker in workers.collect::<Vec<_>>() {
                worker.await.expect("no panic");
            }
            finished.store(true, Ordering::SeqCst);
        })
    };
    let (kills, restarts) = break_everything(&mut fleet, &finished, &accepted, total).await;
    posting.await.expect("all were accepted");
    for service in fleet.services() {
        fleet.ready(service).await;
    }
    let ledger = settled(&mut fleet).await;
    let text = serde_json::to_string(&ledger).expect("JSON");
    println!(
        "chaos: {total} inquiries, {kills} kills of services, {restarts} of servers, store of the bus deleted once"
    );
    println!("chaos: {text}");
    assert_eq!(accepted.load(Ordering::SeqCst), total);
    let twice = told_twice(&fleet, total);
    println!("chaos: {} people got a mail, {} got more than one", twice.0, twice.1);
    assert!(ledger.balanced(), "{text}");
    assert_eq!(twice.1, 0, "somebody was told twice");
    assert_eq!(ledger.accepted(), total as u64, "{text}");
    assert_eq!(confirmed(&ledger), total as u64, "a confirmation is lost, or still on its way: {text}");
    assert_eq!(ledger.confirmations.second, 0, "{text}");
    fleet.stop().await;
}

/// Kills each service in turn every two seconds; in between NATS and PostgreSQL, and once the store of the bus.
async fn break_everything(
    fleet: &mut Fleet,
    finished: &AtomicBool,
    accepted: &AtomicUsize,
    total: usize,
) -> (usize, usize) {
    let services = fleet.services();
    let (mut kills, mut restarts, mut store_deleted) = (0, 0, false);
    while !finished.load(Ordering::SeqCst) || kills < services.len() || restarts < 2 || !store_deleted {
        let service = services[kills % services.len()];
        fleet.kill(service).await;
        tokio::time::sleep(Duration::from_millis(300)).await;
        fleet.launch(service);
        kills += 1;
        if kills % 5 == 2 {
            fleet.bench.nats_mut().kill().await.expect("NATS killed");
            let half = accepted.load(Ordering::SeqCst) * 2 >= total;
            if !store_deleted && (half || finished.load(Ordering::SeqCst)) {
                fleet.bench.nats_mut().delete_store().expect("the store is deleted");
                store_deleted = true;
            }
            fleet.bench.nats_mut().restart().await.expect("NATS starts");
            restarts += 1;
        }
        if kills % 5 == 4 {
            fleet.bench.postgres_mut().kill().await.expect("PostgreSQL killed");
            fleet.bench.postgres_mut().restart().await.expect("PostgreSQL starts");
            restarts += 1;
        }
        tokio::time::sleep(Duration::from_millis(1700)).await;
        fleet.revive();
    }
    (kills, restarts)
}

/// How many people the mail receiver has a mail for, and how many got more than one: each gave an address of their own.
fn told_twice(fleet: &Fleet, total: usize) -> (usize, usize) {
    let mut mails: HashMap<String, usize> = HashMap::new();
    for message in fleet.bench.mail().messages(None) {
        *mails.entry(message.to.clone()).or_default() += 1;
    }
    assert!(mails.len() <= total, "mail went to nobody who asked");
    (mails.len(), mails.values().filter(|count| **count > 1).count())
}

/// Confirmations of which it is known what became of them: a row of an inquiry that was never made is missing here.
fn confirmed(ledger: &ledger::Ledger) -> u64 {
    let done = ["sent", "failed", "unknown", "suppressed"];
    done.iter().filter_map(|state| ledger.confirmations.by_state.get(*state)).sum()
}

/// Waits until everything has come to rest.
async fn settled(fleet: &mut Fleet) -> ledger::Ledger {
    let until = tokio::time::Instant::now() + Duration::from_secs(240);
    loop {
        fleet.revive();
        let taken = ledger::take(&fleet.config(), Duration::from_secs(300)).await;
        if let Ok(taken) = &taken
            && taken.at_rest()
            && confirmed(taken) >= taken.accepted()
        {
            return taken.clone();
        }
        if tokio::time::Instant::now() > until {
            return taken.expect("a ledger");
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}
