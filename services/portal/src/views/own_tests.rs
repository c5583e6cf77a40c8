//! The patient's page from what the services answer.

use super::*;
use crate::handlers::tests::{harbor_valley, public_frame};
use crate::words::EN;

const MARCH_4_NOON: i64 = 1_804_190_400_000_000;
const HOUR: i64 = 3_600_000_000;

fn now() -> Timestamp {
    Timestamp::from_microsecond(MARCH_4_NOON).expect("time")
}

fn known<'a>(profile: &'a Profile, status: Option<&'a PatientStatus>, facts: Option<&'a Facts>) -> Known<'a> {
    Known {
        profile,
        words: &EN,
        now: now(),
        status,
        facts,
        appointments: &[],
        offers: None,
        documents: &[],
        stopped: &[],
        handed_to: "",
    }
}

fn status(stage: Stage) -> PatientStatus {
    PatientStatus {
        reference: "HV-7K4M-2QX".into(),
        stage: stage.into(),
        contact_by: MARCH_4_NOON,
        records: vec![
            Line {
                kind: "pathology_report".into(),
                state: "received".into(),
                received_at: MARCH_4_NOON,
                ..Line::default()
            },
            Line { kind: "imaging".into(), state: "needed".into(), from: "hospital".into(), ..Line::default() },
            Line { kind: "genomic_report".into(), state: "waived".into(), ..Line::default() },
        ],
        open: true,
        ..PatientStatus::default()
    }
}

fn appointment(starts_at: i64) -> BookedAppointment {
    let appointment = Appointment {
        appointment_id: "a".into(),
        site: "valley".into(),
        starts_at,
        ends_at: starts_at + HOUR,
        time_zone: "America/Los_Angeles".into(),
        ..Appointment::default()
    };
    BookedAppointment { appointment: Some(appointment), state: "booked".into() }
}

fn offers() -> OfferSlotsResponse {
    let slot = Slot {
        slot_id: "harbor.1.oncologist.new_visit".into(),
        site: "harbor".into(),
        starts_at: MARCH_4_NOON,
        ends_at: MARCH_4_NOON + HOUR,
        time_zone: "America/Los_Angeles".into(),
        ..Slot::default()
    };
    OfferSlotsResponse { slots: vec![slot], ..OfferSlotsResponse::default() }
}

#[test]
fn before_the_desk_knows_the_inquiry_its_facts_are_enough() {
    let profile = harbor_valley();
    let facts = Facts { reference: "HV-1".into(), received_at: MARCH_4_NOON, ..Facts::default() };
    let night = Timestamp::from_microsecond(MARCH_4_NOON - 9 * HOUR).expect("time");
    let known = Known { now: night, ..known(&profile, None, Some(&facts)) };
    let page = known.done(public_frame(&profile), "/p/x", MARCH_4_NOON, true);
    assert_eq!((page.reference.as_str(), page.after_hours), ("HV-1", true));
    assert!(page.by.expect("a time").contains("March"));
    assert_eq!(page.upload_url.as_deref(), Some("/p/x#records-h"));
}

#[test]
fn the_confirmation_promises_a_call_until_there_was_one_and_then_says_how_far_it_is() {
    let profile = harbor_valley();
    let appointments = [appointment(MARCH_4_NOON + 48 * HOUR)];
    let done = |stage, contact_by| {
        let status = PatientStatus { contact_by, after_hours: true, ..status(stage) };
        let booked = if stage == Stage::Scheduled { appointments.as_slice() } else { &[] };
        let known = Known { appointments: booked, ..known(&profile, Some(&status), None) };
        known.done(public_frame(&profile), "/p/x", 0, false)
    };
    let waits = done(Stage::Routed, MARCH_4_NOON + HOUR);
    assert!(waits.by.is_some() && waits.standing.is_none() && waits.stones.is_empty());
    assert!(!waits.after_hours, "the center has opened since");
    let late = done(Stage::Routed, MARCH_4_NOON - HOUR);
    assert!(late.by.is_none() && late.standing.is_none(), "a time that has passed is not promised");
    let reached = done(Stage::Contacted, 0);
    assert_eq!(reached.standing.as_deref(), Some("We have been in touch."));
    assert_eq!(reached.stones.len(), 4);
    assert!(done(Stage::Contacted, MARCH_4_NOON + HOUR).by.is_some(), "a call that was asked for is promised");
    let visit = done(Stage::Scheduled, 0);
    assert!(visit.standing.expect("said").starts_with("Your visit is booked for "));
    let shown = askama::Template::render(&done(Stage::Scheduled, 0)).expect("a page");
    assert!(shown.contains("Your visit is booked for ") && !shown.contains("contact you when we are open"));
}

#[test]
fn a_request_of_the_evening_or_of_the_night_on_which_clocks_change_is_promised_the_morning_by_the_wall() {
    let profile = harbor_valley();
    // 19:40 on a Friday, and half past two on the nights of spring (by the old time) and autumn; four open hours each.
    for (received_at, said) in [
        ("2027-03-13T03:40:00Z", "Saturday, March 13, at 12 noon"),
        ("2027-03-14T10:30:00Z", "Monday, March 15, at 11:30 am"),
        ("2027-11-07T10:30:00Z", "Monday, November 8, at 11:30 am"),
    ] {
        let received_at: Timestamp = received_at.parse().expect("an instant");
        let due = profile.team_calendar("breast", None).add_business(received_at, 240);
        let status = PatientStatus {
            contact_by: due.as_microsecond(),
            after_hours: true,
            received_at: received_at.as_microsecond(),
            ..status(Stage::Routed)
        };
        let known = Known { now: received_at, ..known(&profile, Some(&status), None) };
        let page = known.done(public_frame(&profile), "/p/x", 0, false);
        assert_eq!((page.by.as_deref(), page.after_hours), (Some(said), true));
        let shown = askama::Template::render(&page).expect("a page");
        assert!(shown.contains(said), "{shown}");
    }
}

#[test]
fn the_desks_promise_wins_over_the_forms() {
    let profile = harbor_valley();
    let status = status(Stage::Routed);
    let page = known(&profile, Some(&status), None).done(public_frame(&profile), "/p/x", MARCH_4_NOON + 5 * HOUR, true);
    let expected = times::moment(MARCH_4_NOON, profile.zone(), &EN);
    assert_eq!((page.by, page.after_hours), (expected, false));
    let asked: Vec<_> = page.papers.iter().map(|paper| paper.name.as_str()).collect();
    assert!(
        matches!(asked[..], [only] if only.starts_with("Pictures")),
        "what is here or not needed is not asked for: {asked:?}"
    );
}

#[test]
fn the_path_shows_where_things_are() {
    let profile = harbor_valley();
    let status = status(Stage::Contacted);
    let page = known(&profile, Some(&status), None).own(public_frame(&profile), ("/p/x", now()), None, (None, 20));
    let states: Vec<_> = page.stones.iter().map(|stone| stone.state).collect();
    assert_eq!(states, [StoneState::Done, StoneState::Done, StoneState::Now, StoneState::Ahead]);
    assert_eq!(page.stones[2].note, "1 of 2 are here.");
    assert_eq!(page.records[1].state, RecordState::Needed);
}

#[test]
fn files_can_be_sent_until_the_inquiry_ends_and_each_one_shows_whether_it_can_be_used() {
    let profile = harbor_valley();
    let status = status(Stage::Contacted);
    let document = |kind: &str, state: &str| Document {
        record_kind: kind.into(),
        state: state.into(),
        name: "testpatient-biopsy.pdf".into(),
        received_at: MARCH_4_NOON,
        ..Document::default()
    };
    let documents = [document("pathology_report", "ready"), document("", "checking"), document("", "infected")];
    let shown = Known { documents: &documents, ..known(&profile, Some(&status), None) };
    let page = shown.own(public_frame(&profile), ("/p/x", now()), None, (None, 20));
    let papers: Vec<_> = page.upload.expect("open").papers.into_iter().map(|paper| paper.value).collect();
    assert_eq!(papers, ["", "pathology_report", "imaging", OTHER_PAPER], "what is not needed is not offered");
    let states: Vec<_> = page.files.iter().map(|file| (file.state, file.tone)).collect();
    assert_eq!(states, [("We have it", Tone::Ok), ("Safety check", Tone::Brand), ("Send another copy", Tone::Warn)]);
    assert!(page.files[0].name.starts_with("Biopsy report") && page.files[2].note.contains("call us"));
    let closed = PatientStatus { open: false, ..status };
    let ended = known(&profile, Some(&closed), None).own(public_frame(&profile), ("/p/x", now()), None, (None, 20));
    assert!(ended.upload.is_none());
    let unreached = PatientStatus { opened_by_papers: true, stage: Stage::Closed.into(), ..closed };
    let known = known(&profile, Some(&unreached), None);
    let waits = known.own(public_frame(&profile), ("/p/x", now()), None, (None, 20));
    assert!(waits.upload.is_some() && known.stones().last().expect("closed").note == EN.path.closed_for_now);
}

#[test]
fn times_are_offered_until_one_is_booked_and_again_to_move_it() {
    let profile = harbor_valley();
    let (status, offers) = (status(Stage::RecordsReady), offers());
    let appointments = [appointment(MARCH_4_NOON + 48 * HOUR)];
    let free = Known { offers: Some(&offers), ..known(&profile, Some(&status), None) };
    let own = |known: &Known<'_>, moving| known.own(public_frame(&profile), ("/p/x", now()), None, (moving, 20));
    assert_eq!(own(&free, None).offers.expect("offered").times[0].id, "0~harbor.1.oncologist.new_visit");
    let taken = Known { appointments: &appointments, ..free };
    let page = own(&taken, None);
    assert!(page.offers.is_none());
    let visit = page.visit.expect("booked");
    assert!(visit.may_change && visit.place.starts_with("Valley East"));
    assert_eq!(own(&taken, Some("no_ride")).offers.expect("offered").reason.as_deref(), Some("no_ride"));
}

#[test]
fn a_visit_that_began_can_not_be_changed_here() {
    let profile = harbor_valley();
    let (status, appointments) = (status(Stage::Scheduled), [appointment(MARCH_4_NOON - HOUR)]);
    let known = Known { appointments: &appointments, ..known(&profile, Some(&status), None) };
    assert!(!known.own(public_frame(&profile), ("/p/x", now()), None, (None, 20)).visit.expect("booked").may_change);
}

#[test]
fn an_offer_reads_back_and_rubbish_does_not() {
    assert_eq!(read_offer(&offer_value(2, "harbor.1.x.y")), Some(("2", "harbor.1.x.y")));
    for rubbish in ["", "harbor", "x~harbor", "1~"] {
        assert_eq!(read_offer(rubbish), None, "{rubbish}");
    }
}

#[test]
fn who_was_handed_to_a_sister_center_reads_who_has_them_and_not_that_it_is_closed() {
    let profile = harbor_valley();
    let mut status = PatientStatus { open: false, ..status(Stage::Closed) };
    let said = |status: &PatientStatus, handed_to| {
        let known = Known { handed_to, ..known(&profile, Some(status), None) };
        known.stones().last().map(|stone| stone.note.clone()).unwrap_or_default()
    };
    assert_eq!(said(&status, ""), EN.path.closed);
    let told = said(&status, "Lakeside Cancer Institute");
    assert_eq!(told, "We are passing your request on to Lakeside Cancer Institute. They contact you.");
    status.handed_reference = "LK-7K4M-2QX".into();
    let told = said(&status, "Lakeside Cancer Institute");
    assert_eq!(told, "Your request is now with Lakeside Cancer Institute (LK-7K4M-2QX). They contact you.");
}

#[test]
fn an_agreed_step_is_told_with_its_time_and_what_to_expect_until_a_visit_is_booked() {
    let profile = harbor_valley();
    let mut status = status(Stage::Scheduled);
    let at = MARCH_4_NOON + 22 * HOUR;
    status.next_step = Some(causeway_proto::intake::v1::NextStep {
        kind: "screening_call".into(),
        label: "as the desk says".into(),
        at,
        call: true,
        ..Default::default()
    });
    let known = known(&profile, Some(&status), None);
    let page = |known: &Known<'_>| {
        let until = Timestamp::from_microsecond(at).expect("a time");
        known.own(public_frame(&profile), ("/p/x", until), None, (None, 20))
    };
    let own = page(&known);
    let step = own.step.expect("agreed");
    assert_eq!(
        (step.what.as_str(), step.when.as_str()),
        ("a call with our research nurse", "Friday, March 5, at 10 am")
    );
    assert_eq!(step.call_from.as_deref(), Some("206 555 0141"));
    assert_eq!(step.steps[1], ("A nurse calls you".to_owned(), "about 3 days".to_owned()));
    let last = own.stones.last().expect("the path");
    assert_eq!((last.heading.as_str(), last.note.as_str()), ("Your next step", "Friday, March 5, at 10 am"));
    let late = Timestamp::from_microsecond(at + HOUR / 2).expect("a time");
    assert!(page(&Known { now: late, ..known }).step.is_none(), "what is past is promised no more");
    let booked = [appointment(at)];
    let visited = page(&Known { appointments: &booked, ..known });
    assert!(visited.step.is_none() && visited.visit.is_some());
}

#[test]
fn a_paper_that_we_asked_somebody_else_for_is_asked_for_and_promised_only_until_its_day_is_over() {
    let profile = harbor_valley();
    let mut status = status(Stage::Contacted);
    let ends = MARCH_4_NOON + 36 * HOUR;
    let line = &mut status.records[1];
    (line.state, line.asked_of) = ("requested".into(), "hospital".into());
    (line.asked_at, line.promised_at) = (MARCH_4_NOON, ends);
    let shown = |after: i64, words: &'static Words| {
        let now = Timestamp::from_microsecond(after).expect("time");
        let known = Known { now, words, ..known(&profile, Some(&status), None) };
        let frame = PublicFrame { words, ..public_frame(&profile) };
        let page = known.own(frame, ("/p/x", now), None, (None, 1));
        (page.records[1].state, page.records[1].note.clone(), askama::Template::render(&page).expect("a page"))
    };
    let (state, note, page) = shown(ends - 1, &EN);
    assert_eq!(state, RecordState::AskedFor);
    assert!(note.ends_with("March 4. It should come by Friday, March 5."), "{note}");
    assert!(page.contains("Asked for") && !page.contains("On the way"));
    let (_, note, _) = shown(ends, &EN);
    assert!(note.ends_with("March 4."), "{note}");
    for (words, said) in [(Words::of("es"), "Pedido"), (Words::of("fr"), "Demandé")] {
        assert!(shown(ends, words).2.contains(said), "{said}");
    }
}

#[test]
fn what_the_person_asked_us_to_stop_is_told_so_and_is_offered_no_more() {
    let profile = harbor_valley();
    let consent = causeway_proto::inquiry::v1::Consent { email: true, sms: true, phone: true, ..Default::default() };
    let facts = Facts { consent: Some(consent), preferred_channel: Channel::Sms.into(), ..Facts::default() };
    let shown = |stopped: &[&str]| {
        let stopped: Vec<String> = stopped.iter().map(|one| (*one).to_owned()).collect();
        let known = Known { stopped: &stopped, ..known(&profile, None, Some(&facts)) };
        let lines: Vec<String> = known.channels().into_iter().map(|line| line.value).collect();
        (lines, known.channel_stops().into_iter().map(|one| one.value).collect::<Vec<_>>())
    };
    let (first, also, over) = (EN.change.first, EN.change.also, EN.change.stopped);
    let (lines, offered) = shown(&[]);
    assert_eq!(
        (lines, offered),
        (vec![also.into(), first.into(), also.into()], vec!["sms".into(), "email".to_owned()])
    );
    let (lines, offered) = shown(&["sms"]);
    assert_eq!((lines, offered), (vec![also.into(), over.into(), also.into()], vec!["email".to_owned()]));
    let (lines, offered) = shown(&["all"]);
    assert_eq!((lines, offered), (vec![over.to_owned(); 3], Vec::new()));
}
