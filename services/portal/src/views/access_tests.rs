//! The audit trail from what two logs tell, page by page.

use causeway_proto::convert::access_page;

use super::*;
use crate::handlers::tests::{harbor_valley, staff_frame};

/// A line of a log: when, who, what on what kind of thing, how it went.
type Line = (i64, (&'static str, &'static str), (&'static str, &'static str), &'static str);

/// A log whose lines have the numbers 1, 2 and so on, as a service tells it.
fn told(log: &[Line], page_token: &str) -> ListAccessResponse {
    let before = causeway_proto::convert::access_before(page_token).expect("a token");
    let mut numbered: Vec<(i64, &Line)> = (1..).zip(log).filter(|(number, _)| *number < before).collect();
    numbered.reverse();
    let numbered = numbered.into_iter().take(SHOWN + 1);
    let lines = numbered.map(|(number, (at, (kind, id), (action, object), outcome))| {
        let words = [*kind, *id, *action, *object, "inquiry_page", *outcome].map(str::to_owned);
        (number, Timestamp::from_microsecond(*at).expect("a time"), words)
    });
    access_page(before, lines.collect(), SHOWN)
}

#[test]
fn both_logs_stand_in_one_order_with_names_and_what_was_refused() {
    let profile = harbor_valley();
    let now: Timestamp = "2027-03-04T18:00:00Z".parse().expect("a time");
    let at = |minutes: i64| now.as_microsecond() - minutes * 60_000_000;
    let ingestion = [
        (at(9), ("staff", "nobody-known"), ("read document", "document"), "refused"),
        (at(1), ("staff", "dana-whitfield"), ("read person", "inquiry"), "done"),
    ];
    let desk = [(at(5), ("patient", "7"), ("read note", "inquiry"), "done")];
    let desk = || ListAccessResponse { reference: "HV-1".to_owned(), ..told(&desk, "") };
    let shown = |ingestion| {
        let told = Told { ingestion, desk: desk() };
        page((&profile, now), ("i1", &Pages::default()), told, staff_frame(&profile))
    };
    let page = shown(Some(told(&ingestion, "")));
    let who: Vec<&str> = page.rows.iter().map(|row| row.who.as_str()).collect();
    assert_eq!(who, ["Dana Whitfield", "The patient, by their link", "nobody-known"]);
    assert_eq!((page.rows[0].what.as_str(), page.rows[0].purpose.as_str()), ("Read person", "inquiry page"));
    assert_eq!(page.rows[2].what, "Read document: document");
    assert!(page.rows[0].outcome.is_none() && page.rows[2].outcome.is_some());
    assert_eq!(
        (page.caption.as_str(), page.missing, page.reference.as_str()),
        ("3 lines, the newest first.", None, "HV-1")
    );
    assert_eq!((page.older_url, page.newest_url), (None, None));
    let half = shown(None);
    assert!(half.missing.is_some() && half.rows.len() == 1, "what is not there is said");
}

/// Reads a whole trail by its links, each look written into both logs; the times of each page, and what was said of it.
fn read(mut ingestion: Vec<Line>, mut desk: Vec<Line>) -> Vec<(Vec<i64>, String)> {
    let (profile, now) = (harbor_valley(), Timestamp::from_second(1_900_000_000).expect("a time"));
    let (mut read, mut pages) = (Vec::new(), Pages::default());
    loop {
        let told = Told { ingestion: Some(told(&ingestion, &pages.ingestion)), desk: told(&desk, &pages.desk) };
        let of_page = merged(told.ingestion.clone().expect("told"), told.desk.clone()).0;
        let page = page((&profile, now), ("i1", &pages), told, staff_frame(&profile));
        assert_eq!(page.rows.len(), of_page.len());
        assert_eq!(page.newest_url.is_some(), !read.is_empty());
        read.push((of_page.into_iter().map(|line| line.at).collect(), page.caption));
        assert!(read.len() < 20, "it ends");
        // Later than all that stands there.
        let look = (1_000_000, ("staff", "priya-nair"), ("read audit log", "inquiry"), "done");
        ingestion.push(look);
        desk.push(look);
        let Some(url) = page.older_url else { return read };
        let query = url.strip_prefix("/inquiries/i1/access?").expect("the same page");
        let sent = |name: &str| {
            let part = query.split('&').find_map(|part| part.strip_prefix(name)?.strip_prefix('='));
            part.unwrap_or_default().to_owned()
        };
        pages = Pages::sent(sent);
    }
}

#[test]
fn nothing_is_skipped_and_nothing_stands_twice_across_pages_however_the_lines_lie_in_the_two_logs() {
    let line = |at| (at, ("staff", "dana-whitfield"), ("read note", "inquiry"), "done");
    let lines = |times: &mut dyn Iterator<Item = i64>| times.map(line).collect::<Vec<_>>();
    let mixed = |step: i64| (lines(&mut (0..500).map(|at| at * step)), lines(&mut (0..200).map(|at| at * 5 + 1)));
    for (name, (ingestion, desk)) in [
        ("one log is the older one", (lines(&mut (0..450)), lines(&mut (1000..1201)))),
        ("nothing in one log", (Vec::new(), lines(&mut (0..401)))),
        ("nothing in the other", (lines(&mut (0..401)), Vec::new())),
        ("exactly one page", (lines(&mut (0..100)), lines(&mut (100..200)))),
        ("many at one time", (lines(&mut (0..300).map(|_| 7)), lines(&mut (0..300).map(|_| 7)))),
        ("among one another", mixed(2)),
        ("nothing at all", (Vec::new(), Vec::new())),
    ] {
        let mut all: Vec<i64> = ingestion.iter().chain(&desk).map(|line| line.0).collect();
        all.sort_by_key(|at| std::cmp::Reverse(*at));
        let pages = read(ingestion, desk);
        let seen: Vec<i64> = pages.iter().flat_map(|page| page.0.clone()).collect();
        assert_eq!(seen, all, "{name}");
        assert_eq!(pages.len(), all.len().div_ceil(SHOWN).max(1), "{name}: full pages");
    }
    let captions: Vec<String> = read(mixed(1).0, mixed(1).1).into_iter().map(|page| page.1).collect();
    assert_eq!(
        captions,
        [
            "The newest 200 lines.",
            "200 older lines, the newest first.",
            "200 older lines, the newest first.",
            "The oldest 100 lines, the newest first."
        ]
    );
}
