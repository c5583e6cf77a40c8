//! The three journeys that must always work (DOMAIN), as people walk them: through the pages, in a browser, over days of
//! opening hours. The calendar is the built-in one, and what people hear comes by mail.

use std::path::PathBuf;
use std::process::Stdio;
use std::sync::atomic::{AtomicUsize, Ordering};

use causeway::commands::center;
use causeway_funnel::profile::Profile;
use causeway_funnel::time_words;
use causeway_proto::intake::v1::{Inquiry, Stage, WorkRow};
use causeway_tests::{Days, Desk, Installation, Office, eventually, funnel, people, reached, some_thursday};
use jiff::civil::time;
use jiff::{SignedDuration, Timestamp, ToSpan as _};
use serde_json::{Value, json};
use tokio::process::Command;

use super::{folder, link_in, tools};

const CENTER: &str = "harbor-valley";
/// Days in a minute; between one look and the next pass some hours, and no more.
const SPEED: f64 = 10_000.0;

/// A story over days, as people with browsers walk it.
struct Journey {
    name: &'static str,
    node: PathBuf,
    chromium: PathBuf,
    days: Days,
    walks: AtomicUsize,
}

/// A person in a browser: how wide it is, whether it runs scripts, and who signs in to the staff face, if anybody.
#[derive(Clone, Copy)]
struct Walker<'a> {
    width: u32,
    script: bool,
    staff: &'a str,
}

const ON_A_PHONE: Walker<'static> = Walker { width: 390, script: false, staff: "" };

const fn staff(name: &str) -> Walker<'_> {
    Walker { width: 1280, script: true, staff: name }
}

impl Journey {
    async fn begin(name: &'static str, at: Timestamp) -> Self {
        let (node, chromium) = tools().await;
        Self { name, node, chromium, days: Days::begin(at).await, walks: AtomicUsize::default() }
    }

    fn here(&self) -> &Installation {
        self.days.here()
    }

    fn now(&self) -> Timestamp {
        self.days.now()
    }

    /// Days pass until something holds; then the clock runs as usual again.
    async fn days_pass_until(&mut self, what: &str, holds: impl AsyncFn(&Days) -> bool) {
        self.days.go_on(self.now(), SPEED).await;
        eventually(what, 240, async || holds(&self.days).await).await;
        self.days.go_on(self.now(), 1.0).await;
    }

    fn patient(&self, path: &str) -> String {
        format!("{}{path}", self.here().address("patient"))
    }

    /// Walks, and gives the address at which it ended.
    async fn walk(&self, who: Walker<'_>, mut steps: Vec<Value>) -> String {
        if !who.staff.is_empty() {
            let sign_in = format!("{}/sign-in", self.here().address("staff"));
            let label = format!("Sign in as {}", who.staff);
            steps.splice(0..0, [json!({ "go": sign_in }), json!({ "press": label }), json!({ "at": "/worklist" })]);
        }
        let number = self.walks.fetch_add(1, Ordering::Relaxed);
        let pictures = folder().join("../../target/pictures");
        std::fs::create_dir_all(&pictures).expect("a folder");
        let picture = pictures.join(format!("{}-{number:02}.png", self.name));
        let way =
            json!({ "width": who.width, "height": 900, "script": who.script, "picture": picture, "steps": steps });
        let file = self.days.folder().join(format!("way-{number}.json"));
        std::fs::write(&file, way.to_string()).expect("written");
        let walked = Command::new(&self.node)
            .arg(folder().join("steps.mjs"))
            .arg(format!("@{}", file.display()))
            .env("CHROMIUM", &self.chromium)
            .stderr(Stdio::inherit())
            .output()
            .await
            .expect("node runs");
        let told = String::from_utf8_lossy(&walked.stdout).into_owned();
        assert!(walked.status.success(), "walk {number} of {}: {told}", self.name);
        let told: Value = serde_json::from_str(&told).expect("JSON");
        told["url"].as_str().expect("an address").to_owned()
    }

    fn desk(&self) -> Desk {
        let channel = |service| self.here().staff(service, CENTER, "priya-nair");
        Desk::new(CENTER, channel("intake-desk"), channel("scheduling-sync"))
    }

    async fn worklist(&self) -> Vec<WorkRow> {
        self.desk().worklist().await
    }

    async fn inquiry(&self, id: &str) -> Inquiry {
        self.desk().inquiry(id).await.expect("the inquiry")
    }

    async fn stage_becomes(&self, id: &str, stage: Stage) {
        eventually(stage.as_str_name(), 60, async || self.inquiry(id).await.stage() == stage).await;
    }
}

fn profile() -> Profile {
    let bundle = center::read(&folder().join("../../deploy/centers").join(CENTER)).expect("its files");
    Profile::from_bundle(&bundle).expect("a sound profile")
}

/// A form as a person fills it who takes the time: what is typed, and what is chosen.
fn filled(form: String, typed: &[(&str, &str)], chosen: &[(&str, &str)]) -> Vec<Value> {
    let mut steps = vec![json!({ "go": form })];
    steps.extend(chosen.iter().map(|(name, value)| json!({ "answer": [name, value] })));
    steps.extend(typed.iter().map(|(name, text)| json!({ "fill": [format!("[name={name}]"), text] })));
    steps.extend([
        json!({ "wait": 3500 }),
        json!({ "press": "Send" }),
        json!({ "at": "/done" }),
        json!({ "see": "HV-" }),
    ]);
    steps
}

/// The intake note of a call, field by field, and the button below it.
fn noted(inquiry: &Inquiry) -> Vec<Value> {
    let missing = inquiry.note.iter().filter(|field| field.missing);
    let mut steps: Vec<Value> = missing
        .map(|field| {
            let field_id = format!("#note-{}", field.key);
            match field.options.first() {
                Some(option) => json!({ "choose": [field_id, option] }),
                None => json!({ "fill": [field_id, "as told on the phone"] }),
            }
        })
        .collect();
    steps.push(json!({ "press": "Save note" }));
    steps
}

fn reached_by_phone() -> [Value; 3] {
    [
        json!({ "answer": ["outcome", "reached"] }),
        json!({ "answer": ["channel", "phone"] }),
        json!({ "press": "Save attempt" }),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_opinion_without_records_comes_from_a_form_at_night_to_a_visit_that_was_moved_and_kept() {
    let profile = profile();
    let (calendar, zone) = (profile.calendar(None), profile.calendar(None).zone().clone());
    let evening = some_thursday(calendar, time(19, 40, 0, 0));
    let opening = calendar.next_opening(evening);
    let mut journey = Journey::begin("second-opinion", evening).await;

    // 19:40: the form, the confirmation on the page and by mail.
    let form = journey.patient("/harbor-valley/forms/second-opinion");
    let steps = filled(
        form.clone(),
        &[("name", "Testpatient Evening"), ("email", "evening@example.org"), ("phone", "206 555 0187")],
        &[("who", "patient"), ("cancer_area", "gi"), ("consent_email", "yes"), ("consent_phone", "yes")],
    );
    journey.walk(ON_A_PHONE, steps).await;
    let confirmation = journey.days.mail("evening", "we have your request").await;
    let opens = time_words::words(opening, &zone, "en");
    assert!(confirmation.contains("We are closed right now") && confirmation.contains(&opens), "{confirmation}");
    let row = journey.worklist().await.remove(0);
    let id = row.inquiry_id.clone();
    let due = Timestamp::from_microsecond(row.due_at).expect("a time");
    assert!(confirmation.contains(&time_words::words(due, &zone, "en")), "by when she is called: {confirmation}");
    for line in journey.inquiry(&id).await.records.iter().filter(|line| line.needed_for_booking) {
        assert!(confirmation.contains(&line.label), "{}: {confirmation}", line.label);
    }
    let own = journey.patient(&link_in(&confirmation));
    let own_path = own.trim_start_matches(journey.here().address("patient")).to_owned();

    // In the morning somebody else has asked as well, and she is first.
    journey.days.go_on(opening + SignedDuration::from_mins(20), 1.0).await;
    let other = people::planted("morning");
    let form = journey.patient("/harbor-valley/forms/second-opinion");
    let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().expect("a client");
    assert_eq!(client.post(form).form(&other).send().await.expect("an answer").status(), 303);
    eventually("both are on the worklist", 60, async || journey.worklist().await.len() == 2).await;
    let rows = journey.worklist().await;
    assert_eq!((rows[0].inquiry_id.as_str(), rows[0].team.as_str()), (id.as_str(), "gi-second-opinion"));
    let shown = journey.inquiry(&id).await;
    // Whose turn it is gets it with the next one.
    let coordinator = profile.staff(&shown.owner).map_or("Luis Ortega", |staff| staff.name.as_str());
    let mut call = vec![
        json!({ "press": "Next one, please" }),
        json!({ "see": "Testpatient Evening" }),
        json!({ "see": format!("No records yet, version {}", shown.script_version) }),
        json!({ "see": "You do not need any papers for this call." }),
    ];
    call.extend(reached_by_phone());
    call.extend(noted(&shown));
    call.extend([
        json!({ "see": "Records review first. A reviewer reads the pathology report and the imaging before any date is offered." }),
        json!({ "press": "Ask the patient", "in": "Biopsy report" }),
        json!({ "press": "Ask the patient", "in": "Pictures from CT" }),
    ]);
    journey.walk(staff(coordinator), call).await;
    let refused = journey.desk().offers(&id).await.expect("an answer");
    assert_eq!((refused.refused_by.as_str(), refused.slots.len()), ("review_first", 0), "{refused:?}");

    // She sends what she was asked for by the link in the mail.
    let asked = journey.days.mail("evening", "papers for").await;
    let link = journey.patient(&link_in(&asked));
    let papers = vec![
        json!({ "go": link }),
        json!({ "see": "A doctor reads your records first." }),
        json!({ "choose": ["#record", "pathology_report"] }),
        json!({ "files": ["#file", ["biopsy.pdf"]] }),
        json!({ "press": "Send" }),
        json!({ "see": "We have your file." }),
        json!({ "choose": ["#record", "imaging"] }),
        json!({ "files": ["#file", ["images.pdf"]] }),
        json!({ "press": "Send" }),
        json!({ "see": "We have your file." }),
    ];
    journey.walk(ON_A_PHONE, papers).await;
    journey.stage_becomes(&id, Stage::RecordsReady).await;

    // The reviewer accepts, and dates are there.
    let inquiry_page = format!("{}/inquiries/{id}", journey.here().address("staff"));
    let review = vec![
        json!({ "go": format!("{}/worklist", journey.here().address("staff")) }),
        json!({ "see": "Review the records" }),
        json!({ "go": inquiry_page }),
        json!({ "press": "Accept records" }),
        json!({ "see": "Records reviewed and accepted." }),
    ];
    journey.walk(staff("Mei Tanaka"), review).await;
    let pick = vec![
        json!({ "go": format!("{}{own_path}", journey.here().address("patient")) }),
        json!({ "see": "Valley East" }),
        json!({ "press": "Choose this time", "in": "Valley East" }),
        json!({ "see": "Your visit" }),
        json!({ "see": "Valley East" }),
    ];
    journey.walk(ON_A_PHONE, pick).await;
    journey.stage_becomes(&id, Stage::Scheduled).await;
    journey.days.mail("evening", "your visit is set").await;
    let first = visit(&journey, &id).await;
    assert!(journey.now().duration_until(first) > SignedDuration::from_hours(48), "{first} is days ahead");

    // A reminder goes out before the visit; she can not come, and moves it by the link.
    let before = async |days: &Days| !days.mails_about("evening", "your visit on").await.is_empty();
    journey.days_pass_until("a reminder", before).await;
    assert!(journey.now() < first, "it is still ahead");
    let moved = vec![
        json!({ "go": format!("{}{own_path}", journey.here().address("patient")) }),
        json!({ "open": "Ask for another time" }),
        json!({ "choose": ["#reschedule-reason", "other"] }),
        json!({ "press": "Ask for another time" }),
        json!({ "press": "Choose this time" }),
        json!({ "see": "Your visit" }),
    ];
    journey.walk(ON_A_PHONE, moved).await;
    eventually("the desk knows the other time", 60, async || visit(&journey, &id).await != first).await;
    let second = visit(&journey, &id).await;

    // She comes, and is counted at every stage.
    journey.days_pass_until("the visit begins", async |days| days.now() > second).await;
    let came = vec![
        json!({ "go": format!("{}/inquiries/{id}", journey.here().address("staff")) }),
        json!({ "press": "Came" }),
        json!({ "see": "Attended" }),
    ];
    journey.walk(staff("Luis Ortega"), came).await;
    eventually("she is counted", 60, async || {
        let counted = funnel(journey.here(), CENTER).await;
        [Stage::Received, Stage::Routed, Stage::Contacted, Stage::IntakeComplete, Stage::RecordsReady, Stage::Scheduled]
            .iter()
            .all(|stage| reached(&counted, *stage) >= 1)
            && reached(&counted, Stage::Attended) == 1
    })
    .await;
    let page = vec![
        json!({ "go": format!("{}/funnel", journey.here().address("staff")) }),
        json!({ "see": "Attended" }),
        json!({ "see": "Records ready" }),
    ];
    journey.walk(staff("Priya Nair"), page).await;
    let stale = journey.days.mails_about("evening", "your visit on").await;
    let first_words = time_words::words(first, &zone, "en");
    let about_first = stale.iter().filter(|text| text.contains(&first_words)).count();
    assert!(about_first <= 2, "nothing reminds of the first time after it was moved: {stale:?}");
    journey.days.end().await;
}

/// When the visit is to begin.
async fn visit(journey: &Journey, id: &str) -> Timestamp {
    Timestamp::from_microsecond(journey.inquiry(id).await.due_at).expect("a time")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caregivers_question_about_a_trial_ends_in_a_screening_call_on_a_date_that_counts() {
    let profile = profile();
    let (calendar, zone) = (profile.calendar(None), profile.calendar(None).zone().clone());
    let morning = some_thursday(calendar, time(10, 0, 0, 0));
    let mut journey = Journey::begin("trial-question", morning).await;

    let form = journey.patient("/harbor-valley/forms/clinical-trial");
    let typed = [("name", "Testcaregiver Trial"), ("email", "trial@example.org"), ("phone", "206 555 0187")];
    let chosen =
        [("who", "caregiver"), ("cancer_area", "not_sure"), ("consent_email", "yes"), ("consent_phone", "yes")];
    let confirmation = {
        journey.walk(ON_A_PHONE, filled(form, &typed, &chosen)).await;
        journey.days.mail("trial", "we have your request").await
    };
    eventually("it is on the worklist", 60, async || journey.worklist().await.len() == 1).await;
    let row = journey.worklist().await.remove(0);
    let id = row.inquiry_id.clone();
    assert_eq!(row.team, "trials", "whatever the cancer area");

    // A structured call: what kind, what was done, how far they can travel; then a date for the screening call.
    let shown = journey.inquiry(&id).await;
    let keys: Vec<&str> = shown.note.iter().filter(|field| field.missing).map(|field| field.key.as_str()).collect();
    assert!(["diagnosis", "treatment_history", "travel_reach"].iter().all(|key| keys.contains(key)), "{keys:?}");
    let call_at = zone.to_datetime(morning).date().checked_add(1.day()).expect("Friday").at(10, 30, 0, 0);
    let coordinator = profile.staff(&shown.owner).map_or("Elena Vargas", |staff| staff.name.as_str());
    let inquiry_page = format!("{}/inquiries/{id}", journey.here().address("staff"));
    let mut call = vec![
        json!({ "go": inquiry_page }),
        json!({ "press": "Claim" }),
        json!({ "see": "Question about a trial" }),
        json!({ "see": "Set a date for the screening call. That date is the confirmed next step." }),
        json!({ "see": "Somebody else asks for the person" }),
    ];
    if !shown.owner.is_empty() && !shown.chosen {
        call.remove(1);
    }
    call.extend(reached_by_phone());
    call.extend(noted(&shown));
    call.extend([
        json!({ "choose": ["#step-kind", "screening_call"] }),
        json!({ "fill": ["#step-day", call_at.date().to_string()] }),
        json!({ "fill": ["#step-time", "10:30"] }),
        json!({ "press": "Agree" }),
        json!({ "see": "Screening call, Fri" }),
    ]);
    journey.walk(staff(coordinator), call).await;
    journey.stage_becomes(&id, Stage::Scheduled).await;
    let told = journey.days.mail("trial", "the next step is set").await;
    let at = zone.to_timestamp(call_at).expect("an instant");
    assert!(told.contains(&time_words::words(at, &zone, "en")), "when they are called: {told}");
    for step in ["We read your records", "A nurse calls you", "We tell you which studies may fit"] {
        assert!(told.contains(step), "the expected steps: {told}");
    }
    eventually("it counts as booked", 60, async || {
        let counted = funnel(journey.here(), CENTER).await;
        reached(&counted, Stage::Scheduled) == 1
            && counted.conversions.iter().any(|one| one.next_step == "screening_call" && one.count == 1)
    })
    .await;
    let own = vec![
        json!({ "go": journey.patient(&link_in(&confirmation)) }),
        json!({ "see": "a call with our research nurse" }),
    ];
    journey.walk(ON_A_PHONE, own).await;

    // The call takes place, and is no loss before a visit.
    journey.days_pass_until("the time of the call", async |days| days.now() > at).await;
    let done = vec![
        json!({ "go": format!("{}/inquiries/{id}", journey.here().address("staff")) }),
        json!({ "choose": ["#step-how", "done"] }),
        json!({ "press": "Save", "in": "What became of it" }),
        json!({ "see": "Screening call" }),
        json!({ "go": format!("{}/funnel", journey.here().address("staff")) }),
        // Of so few the kind is not told.
        json!({ "see": "Booked, by what" }),
    ];
    journey.walk(staff("Omar Haddad"), done).await;
    eventually("the call counts as done", 60, async || {
        let counted = funnel(journey.here(), CENTER).await;
        counted.conversions.iter().any(|one| one.next_step == "screening_call" && one.done == 1)
    })
    .await;
    journey.days.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_referral_without_its_papers_is_asked_after_booked_and_seen_and_its_office_hears_where_it_stands() {
    let morning = some_thursday(profile().calendar(None), time(9, 0, 0, 0));
    let mut journey = Journey::begin("referral", morning).await;
    let office = Office { number: "TRIAGE-1" };
    let referral = office.referral("I12", "J-1");
    let first = office.tell(journey.here(), &referral, 2).await;
    assert_eq!(office.tell(journey.here(), &referral, 2).await, first, "the same message twice gets the same answer");
    eventually("it is on the worklist", 60, async || journey.worklist().await.len() == 1).await;
    let row = journey.worklist().await.remove(0);
    let id = row.inquiry_id.clone();
    assert_eq!((row.team.as_str(), row.records_have), ("thoracic", 0));
    assert_eq!(office.standing(journey.here(), "J-2").await, "P", "it is here, and nobody has decided");

    // The coordinator reads what is missing, calls, and asks for it; booking waits.
    let shown = journey.inquiry(&id).await;
    let inquiry_page = format!("{}/inquiries/{id}", journey.here().address("staff"));
    let mut call = vec![
        json!({ "go": inquiry_page }),
        json!({ "press": "Claim" }),
        json!({ "see": "Referral that needs triage" }),
        json!({ "see": "We still need:" }),
    ];
    call.extend(reached_by_phone());
    call.extend(noted(&shown));
    call.extend([
        json!({ "see": "Book when imaging and the physician notes are here." }),
        json!({ "press": "Ask the patient", "in": "Pictures from CT" }),
        json!({ "press": "Ask the patient", "in": "Notes from your doctor" }),
        json!({ "see": "Gather the missing records" }),
    ]);
    journey.walk(staff("Rosa Delgado"), call).await;
    assert_eq!(journey.desk().offers(&id).await.expect("an answer").refused_by, "records_first");
    assert_eq!(office.standing(journey.here(), "J-3").await, "A", "the center works on it");

    // Its system sends them, and the visit is booked.
    office.tell(journey.here(), &office.report("J-R1", "18748-4"), 1).await;
    office.tell(journey.here(), &office.report("J-R2", "11506-3"), 1).await;
    journey.stage_becomes(&id, Stage::RecordsReady).await;
    let book = vec![
        json!({ "go": format!("{}/inquiries/{id}", journey.here().address("staff")) }),
        json!({ "press": "Book" }),
        json!({ "see": "Booked" }),
    ];
    journey.walk(staff("Rosa Delgado"), book).await;
    journey.stage_becomes(&id, Stage::Scheduled).await;
    let at = visit(&journey, &id).await;

    journey.days_pass_until("the visit begins", async |days| days.now() > at).await;
    let came = vec![
        json!({ "go": format!("{}/inquiries/{id}", journey.here().address("staff")) }),
        json!({ "press": "Came" }),
        json!({ "see": "Attended" }),
    ];
    journey.walk(staff("Rosa Delgado"), came).await;
    eventually("it is counted", 60, async || reached(&funnel(journey.here(), CENTER).await, Stage::Attended) == 1)
        .await;
    assert_eq!(office.standing(journey.here(), "J-4").await, "A", "seen");
    assert_eq!(office.tell(journey.here(), &referral, 2).await, first, "and again much later");
    assert_eq!(reached(&funnel(journey.here(), CENTER).await, Stage::Received), 1, "there is one inquiry");
    journey.days.end().await;
}
