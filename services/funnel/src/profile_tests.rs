//! Profiles: the demo centers are faultless and unlike each other, and each kind of damage is told.

use super::*;
use crate::inquiry::Facts;
use crate::routing::decide;
use std::path::{Path, PathBuf};

fn centers() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/centers")
}

pub(crate) fn load(center: &str) -> Bundle {
    fn walk(root: &Path, folder: &Path, bundle: &mut Bundle) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(root, &path, bundle);
            } else {
                let name = path.strip_prefix(root).unwrap().to_string_lossy().replace('\\', "/");
                bundle.insert(name, std::fs::read_to_string(&path).unwrap());
            }
        }
    }
    let (root, mut bundle) = (centers().join(center), Bundle::new());
    walk(&root, &root, &mut bundle);
    bundle
}

fn told(bundle: &Bundle) -> String {
    let faults = Profile::from_bundle(bundle).err().unwrap_or_default();
    faults.iter().map(|fault| format!("{fault}\n")).collect()
}

fn damaged(file: &str, from: &str, to: &str) -> String {
    let mut bundle = load("harbor-valley");
    let text = bundle.files[file].clone();
    assert!(text.contains(from), "{file} does not hold {from}");
    bundle.insert(file, text.replacen(from, to, 1));
    told(&bundle)
}

#[test]
fn both_demo_centers_are_faultless() {
    for center in ["harbor-valley", "lakeside"] {
        assert_eq!(told(&load(center)), "", "{center}");
        assert_eq!(Profile::from_bundle(&load(center)).unwrap().center.id, center);
    }
}

#[test]
fn what_was_put_in_force_by_an_earlier_release_is_read_with_its_faults_unless_a_part_is_missing() {
    let mut bundle = load("harbor-valley");
    let (_, fault) = Profile::from_stored(&bundle.to_bytes()).unwrap();
    assert_eq!(fault, None);
    bundle.insert("notes.md", "belongs to no part");
    assert!(Profile::from_bundle(&bundle).is_err(), "nobody can put it in force now");
    let (profile, fault) = Profile::from_stored(&bundle.to_bytes()).unwrap();
    assert_eq!((profile.center.id.as_str(), profile.revision), ("harbor-valley", bundle.revision()));
    assert!(fault.unwrap().starts_with("notes.md:1: "));
    bundle.insert("teams.toml", "no table");
    assert!(Profile::from_stored(&bundle.to_bytes()).unwrap_err().starts_with("2 faults, the first: "));
    assert!(Profile::from_stored(b"no bundle").is_err());
}

#[test]
fn a_table_in_force_with_distances_that_cut_through_bands_is_served_and_can_not_be_put_in_force_anew() {
    let mut bundle = load("harbor-valley");
    let table = &bundle.files["routing.csv"];
    let head = table.lines().next().unwrap();
    let table = table.replace(head, &format!("{head},distance_km")).replace("Everything else", "Everything else,");
    let lines = table.lines().map(|line| match line.split(',').next() {
        Some("row" | "20") => line.to_owned(),
        Some("4") => format!("{line},50-200|none"),
        Some("19") => format!("{line},>200"),
        _ => format!("{line},"),
    });
    bundle.insert("routing.csv", lines.collect::<Vec<_>>().join("\n"));
    let told = told(&bundle);
    for cut in ["column distance_km: \"50-200\" cuts through", "column distance_km: \">200\" cuts through"] {
        assert!(told.contains(cut), "{told}");
    }
    let (profile, fault) = Profile::from_stored(&bundle.to_bytes()).unwrap();
    assert!(fault.unwrap().contains("cuts through a band"));
    let urgent = Facts { urgency: crate::inquiry::Urgency::Urgent, ..Facts::default() };
    assert_eq!(&*decide(&profile.routing, &urgent).name, "4", "nobody's distance is known, as before");
}

#[test]
fn every_inquiry_lands_in_a_team_with_staff_a_script_a_checklist_and_a_booking_rule() {
    for center in ["harbor-valley", "lakeside"] {
        let profile = Profile::from_bundle(&load(center)).unwrap();
        for consult in ConsultType::ALL {
            for area in CancerArea::ALL {
                let facts =
                    Facts { consult_type: *consult, cancer_area: *area, language: "en".into(), ..Facts::default() };
                let decision = decide(&profile.routing, &facts);
                let team = profile.team(&decision.team).unwrap();
                assert!(team.trial || *consult != ConsultType::ClinicalTrial);
                assert!(
                    profile.staff_of(&team.id).next().is_some()
                        && profile.scripts.pick(&decision.script, "en").is_some()
                );
                assert!(profile.booking.rule_for(*consult, *area).is_some());
                assert!(!profile.checklists.lines_for(*consult, *area).is_empty());
            }
        }
    }
}

#[test]
fn the_demo_centers_differ_in_zone_languages_sites_and_teams() {
    let (harbor, lake) =
        (Profile::from_bundle(&load("harbor-valley")).unwrap(), Profile::from_bundle(&load("lakeside")).unwrap());
    assert_ne!(harbor.center.time_zone, lake.center.time_zone);
    assert_ne!(harbor.center.languages, lake.center.languages);
    assert_ne!(harbor.center.sites.len(), lake.center.sites.len());
    assert_ne!(harbor.center.theme, lake.center.theme);
    assert_eq!(harbor.language_or_default("fr"), "en");
    for tag in ["es", "es-MX", "ES", "es_US"] {
        assert_eq!((harbor.language(tag), harbor.language_or_default(tag)), (Some("es"), "es"), "{tag}");
    }
    for tag in ["", "-", "est", "pt-BR"] {
        assert_eq!((harbor.language(tag), harbor.language_or_default(tag)), (None, "en"), "{tag}");
    }
    assert_eq!(lake.template("fr", "confirmation").unwrap().language, "fr");
}

#[test]
fn damage_is_told_with_file_line_and_remedy() {
    assert!(damaged("center.toml", "America/Los_Angeles", "Pacific").contains("time zone \"Pacific\" is unknown"));
    for origin in ["http://www.harborvalley.example", "https://www.harborvalley.example/", "*", "https://harborvalley"]
    {
        assert!(
            damaged("center.toml", "https://www.harborvalley.example", origin).contains("is no origin of a web site")
        );
    }
    assert!(damaged("center.toml", "[theme]", "[theme]\ncolour = 1").contains("unknown field"));
    assert!(damaged("teams.toml", "trial = true", "trial = false").contains("trial"));
    assert!(
        damaged("records.toml", "kind = \"pathology_report\"", "kind = \"pathology_repot\"")
            .contains("document \"pathology_report\" does not exist")
    );
    let told = damaged("booking.toml", "\"08:30:00\"", "\"04:30:00\"");
    assert!(told.contains("on monday at 04:30 lies outside the hours of") && told.contains("booking.toml:"), "{told}");
    assert!(
        damaged("templates/en/confirmation.txt", "subject: ", "subject: Cancer: ")
            .contains("others may see \"cancer\"")
    );
    assert!(damaged("templates/en/confirmation.txt", NEXT_STEP_MARK, "").contains("no next step"));
    assert!(
        damaged("templates/es/confirmation.txt", NEXT_STEP_MARK, "No espere. {# next step #}")
            .contains("pushes people")
    );
    assert!(damaged("forms/general.toml", "version = ", "version = \"x\" #").contains("forms/general.toml:"));
}

#[test]
fn an_answer_to_what_is_not_treated_waits_for_approval_unless_the_center_says_otherwise() {
    let approves = |center: &str| -> Vec<(String, bool)> {
        let profile = Profile::from_bundle(&load(center)).unwrap();
        profile.programs.out_of_scope.iter().map(|entry| (entry.id.clone(), entry.approve)).collect()
    };
    let wanted = [("bone-marrow", false), ("children-and-sarcoma", true), ("other-centers", true)];
    let wanted = wanted.map(|(id, approve)| (id.to_owned(), approve));
    assert_eq!(approves("lakeside"), wanted, "one that says nothing is approved by a person");
    assert_eq!(approves("harbor-valley")[0], ("children".to_owned(), true));
}

#[test]
fn an_entry_out_of_scope_without_a_slug_a_phone_or_its_messages_is_told_with_file_and_remedy() {
    let programs = |from: &str, to: &str| damaged("programs.toml", from, to);
    let told = programs("id = \"children\"", "id = \"Our children\"");
    assert!(told.contains("programs.toml") && told.contains("is no slug"), "{told}");
    let told = programs("phone = \"206 555 0180\"", "phone = \"ask us\"");
    assert!(told.contains("lacks its name or its phone"), "{told}");
    let mut silent = load("harbor-valley");
    silent.files.retain(|path, _| !path.contains("referred-elsewhere"));
    let told = self::told(&silent);
    assert!(told.contains("the message \"referred-elsewhere\" does not exist in \"es\""), "{told}");
    let text = silent.files["programs.toml"].clone();
    silent.insert("programs.toml", text.split("[[out_of_scope]]").next().unwrap());
    assert!(!self::told(&silent).contains("referred-elsewhere"), "who treats everything needs no such message");
}

#[test]
fn every_consult_type_has_a_form_that_explains_its_questions() {
    let mut bundle = load("harbor-valley");
    bundle.files.remove("forms/treatment-follow-up.toml");
    bundle.files.remove("forms/general.toml");
    let all = told(&bundle);
    let missing = "forms/treatment-follow-up.toml:1: no form is for the consult type \"treatment_follow_up\"";
    assert!(all.contains(missing), "{all}");
    assert!(all.contains("no form is for the consult type \"not_sure\""), "{all}");
    assert_eq!(all.lines().count(), 2, "{all}");
    let unexplained = damaged("forms/general.toml", "hint = { en = \"You can ask", "# hint = { en = \"You can ask");
    assert!(unexplained.contains("forms/general.toml:") && unexplained.contains("\"who\" has no explanation"));
    let narrow = damaged("forms/general.toml", "    { value = \"clinical_trial\" },\n", "");
    assert!(narrow.contains("does not offer \"clinical_trial\""), "{narrow}");
}

#[test]
fn an_hl7_message_leads_to_its_office_by_the_facility_that_sent_it() {
    let harbor = Profile::from_bundle(&load("harbor-valley")).unwrap();
    let office = |facility: &str| harbor.feeds.hl7(facility).map(|feed| feed.office.as_str());
    assert_eq!((office("cedarfm"), office("LAB"), office("")), (Some("cedar-family"), None, None));
    let unaddressed = "name no facility of ours or of theirs";
    assert!(damaged("feeds.toml", "receiving_facility", "# receiving_facility").contains(unaddressed));
    assert!(damaged("feeds.toml", "sending_facility", "# sending_facility").contains(unaddressed));
}

#[test]
fn an_hl7_feed_alone_says_how_it_is_replied_to() {
    let harbor = Profile::from_bundle(&load("harbor-valley")).unwrap();
    assert!(harbor.feeds.feeds.iter().all(|feed| feed.reply == Hl7Reply::Ack), "where nothing is said");
    let told = damaged("feeds.toml", "kind = \"csv\"", "kind = \"csv\"\nreply = \"rri\"");
    assert!(told.contains("sends no HL7 messages and says how they are replied to"), "{told}");
    let unknown = damaged("feeds.toml", "kind = \"hl7\"", "kind = \"hl7\"\nreply = \"both\"");
    assert!(unknown.contains("ack_then_rri"), "{unknown}");
}

#[test]
fn what_nothing_sends_is_promised_to_no_office() {
    for kind in ["webhook", "hl7"] {
        let told = damaged("feeds.toml", "status = { kind = \"fhir\"", &format!("status = {{ kind = \"{kind}\""));
        assert!(told.contains(&format!("would hear by {kind}, and nothing sends that")), "{told}");
    }
}

#[test]
fn a_feed_that_sends_by_fhir_has_a_key_of_its_own() {
    let key = "key_sha256 = \"5b301571";
    assert!(damaged("feeds.toml", key, "# key_sha256 = \"5b301571").contains("sends by FHIR and has no key"));
    let twice = "kind = \"fhir\"\noffice = \"cedar-family\"\noffice_name = \"Cedar Family Medicine\"\n\
        key_sha256 = \"5b301571d8180b495c760c93a72582d3c5a75ef3cd8214131b12ba5f1b28311a\"\n# ";
    let csv = "kind = \"csv\"\noffice = \"cedar-family\"\noffice_name = \"Cedar Family Medicine\"\n";
    assert!(damaged("feeds.toml", csv, twice).contains("occurs twice"));
    let host = "\"hooks.sound-imaging.example\"";
    let address = "\"https://hooks.sound-imaging.example/\"";
    assert!(damaged("feeds.toml", host, address).contains("is no host's name"));
    let of_files = damaged("feeds.toml", "[feed.csv]", "[feed.fhir]\n\n[feed.csv]");
    assert!(of_files.contains("\"cedar-csv\" does not send by FHIR and has rules for it"));
}

#[test]
fn a_missing_and_a_stray_file_are_both_told() {
    let mut bundle = load("harbor-valley");
    bundle.files.remove("retention.toml");
    bundle.files.remove("templates/es/confirmation.txt");
    bundle.files.remove("templates/es/confirmation.html");
    bundle.insert("notes.txt", "hello");
    let all = told(&bundle);
    assert!(
        all.contains("retention.toml:1: the file is missing")
            && all.contains("notes.txt:1: this file belongs to no part")
    );
    bundle.insert("retention.toml", load("harbor-valley").files["retention.toml"].clone());
    assert!(told(&bundle).contains("the message \"confirmation\" does not exist in \"es\""));
}

#[test]
fn a_feed_of_files_has_a_key_and_tells_what_its_columns_are() {
    let harbor = Profile::from_bundle(&load("harbor-valley")).unwrap();
    let cedar = harbor.feed("cedar-csv").and_then(|feed| feed.csv.as_ref()).expect("a mapping");
    assert_eq!(cedar.known_headers().get(&plain_header("Patient DOB")), Some(&CsvField::BirthDate));
    let digest = "4fada16eec21a5123eba2f2d4c438fb329580b26e91ccd128721e5e604b449c2";
    for (from, to, told) in [
        ("[feed.csv]", "[feed.cvs]", "unknown field `cvs`"),
        ("phone = [", "fone = [", "unknown variant `fone`"),
        (
            "\"dx_text\"",
            "\"dx_code\"",
            "feed \"cedar-csv\": header \"dx_code\" is both \"diagnosis_codes\" and \"diagnosis\"",
        ),
        (
            &format!("key_sha256 = \"{digest}\""),
            "sending_facility = \"X\"",
            "feed \"cedar-csv\" sends files and has no key",
        ),
        ("key_sha256 = \"5b30", "next_key_sha256 = \"5b30", "feed \"sound-imaging-fhir\" cannot be recognised"),
        ("kind = \"csv\"", "kind = \"fhir\"", "feed \"cedar-csv\" sends no files and has a mapping of their columns"),
        ("5b301571d8180b495c760c93a72582d3c5a75ef3cd8214131b12ba5f1b28311a", digest, "occurs twice"),
    ] {
        let told_is = damaged("feeds.toml", from, to);
        assert!(told_is.contains(told), "{from}: {told_is}");
    }
}

#[test]
fn what_an_hl7_mapping_can_not_mean_is_told_with_file_line_and_remedy() {
    for (mapping, expected) in [
        ("from = { cancer_area = [\"PV2.3\"] }", "write SEGMENT-FIELD.COMPONENT"),
        ("form = {}", "unknown field `form`"),
        (
            "from = { cancer_area = [\"ZRF-1\"] }, values = { cancer_area = { B = \"brest\" } }",
            "feed \"cedar-hl7\": \"brest\" is no cancer area",
        ),
        ("values = { urgency = { S = \"soon\" } }", "add urgency to [feed.hl7.from]"),
        ("time_zone = \"Mars/Olympus\", control_ids_recycle = true", "time zone \"Mars/Olympus\" is unknown"),
    ] {
        let with = format!("hl7 = {{ {mapping} }}\nsending_facility");
        let told = damaged("feeds.toml", "sending_facility", &with);
        assert!(told.contains(expected) && told.contains("feeds.toml:"), "{told}");
    }
    let fine = "hl7 = { from = { cancer_area = [\"ZRF-1\"] } }\nkind = \"csv\"";
    assert!(damaged("feeds.toml", "kind = \"csv\"", fine).contains("sends no HL7 messages and has a mapping of them"));
}

#[test]
fn what_a_phone_systems_queues_can_not_mean_is_told_with_file_line_and_remedy() {
    let harbor = Profile::from_bundle(&load("harbor-valley")).unwrap();
    let phones = harbor.feed("harbor-phones").and_then(|feed| feed.phone.as_ref()).expect("queues");
    let form = |queue: &str| phones.queue(queue).and_then(|queue| queue.form(&harbor)).map(|form| form.id.as_str());
    assert_eq!((form("new-patients"), form("second-opinions")), (Some("general"), Some("second-opinion")));
    assert!(phones.queue("new-queue").is_none() && phones.queue("billing").is_some_and(|queue| queue.ignore));
    assert_eq!(phones.queue("billing").map(|queue| queue.words()), Some("Billing"));
    let without = damaged("forms/general.toml", "key = \"consent_phone\"", "key = \"consent_sms\"");
    assert!(without.contains("\"new-patients\" asks by a form without phone or consent_phone"), "{without}");
    let without = damaged("forms/second-opinion.toml", "key = \"phone\"", "key = \"telephone\"");
    assert!(without.contains("\"second-opinions\" asks by a form without phone or consent_phone"), "{without}");
    for (from, to, told) in [
        (
            "form = \"second-opinion\"",
            "form = \"secnd\"",
            "the queue \"second-opinions\" asks by a form that does not exist",
        ),
        ("language = \"es\"", "language = \"de\"", "speaks a language that the center does not offer"),
        (
            "ignore = true",
            "ignore = true\nsite = \"north\"",
            "the queue \"billing\" is ignored and says what its callers want",
        ),
        ("form = \"second-opinion\"", "site = \"nowhere\"", "belongs to a site that does not exist"),
        (
            "form = \"second-opinion\"",
            "form = \"second-opinion\"\nconsult_type = \"clinical_trial\"",
            "wants another kind of help than its form is for",
        ),
        ("id = \"billing\"", "id = \"new-patients\"", "the queue \"new-patients\" stands there twice"),
        ("id = \"billing\"", "id = \"\"", "has no id that a phone system could send"),
        ("entry_minutes = 15", "entry_minutes = 0", "entry_minutes is not between a minute and a day"),
        ("entry_minutes = 15", "entry_minuts = 15", "unknown field `entry_minuts`"),
        ("kind = \"phone\"", "kind = \"fhir\"", "feed \"harbor-phones\" sends no calls and has queues of them"),
        ("kind = \"csv\"", "kind = \"phone\"", "nothing tells what the queues of feed \"cedar-csv\" are"),
        (
            "office_name = \"Phone system\"\nkey_sha256",
            "office_name = \"Phone system\"\nsending_facility = \"X\"\nnext_key_sha256",
            "feed \"harbor-phones\" sends calls and has no key",
        ),
        (
            "office_name = \"Phone system\"",
            "office_name = \"Phone system\"\nstatus = { kind = \"webhook\", address = \"https://x.example\" }",
            "would hear what became of a referral",
        ),
    ] {
        let all = damaged("feeds.toml", from, to);
        assert!(all.contains(told) && all.contains("feeds.toml:"), "{from}: {all}");
    }
}

#[test]
fn a_word_that_can_not_stand_in_a_list_of_campaigns_and_work_that_no_phone_can_do_are_told() {
    for (to, said) in [
        ("\"Rosa Vega\"", "\"Rosa Vega\" can not stand in the list campaigns"),
        ("\"other\"", "\"other\" can not stand in the list campaigns"),
        ("\"radio-morning\", \"radio-morning\"", "campaigns \"radio-morning\" occurs twice"),
    ] {
        let told = damaged("center.toml", "\"radio-morning\"", to);
        assert!(told.contains(said), "{told}");
    }
    let form = "forms/general.toml";
    let told = damaged(form, "[consent]", "[proof_of_work]\nwhen = \"always\"\nbits = 30\n\n[consent]");
    assert!(told.contains("the proof of work has 30 bits"), "{told}");
    let told = damaged(form, "[consent]", "[proof_of_work]\nwhen = \"sometimes\"\n\n[consent]");
    assert!(told.contains("sometimes"), "{told}");
    let fine = damaged(form, "[consent]", "[proof_of_work]\nwhen = \"suspicious\"\nwithout = \"take\"\n\n[consent]");
    assert_eq!(fine, "");
}

#[test]
fn somebody_with_shifts_is_on_duty_in_them_and_everybody_else_whenever_the_center_is_open() {
    let mut bundle = load("harbor-valley");
    let text = bundle.files["teams.toml"].clone();
    let shifts =
        "skills = [\"genetics\"]\ncapacity = 20\nshifts = { monday = [\"13:00-17:00\"] }\nlanguages = [\"en\"]";
    bundle.insert("teams.toml", text.replacen("languages = [\"en\"]", shifts, 1));
    let profile = Profile::from_bundle(&bundle).unwrap();
    let (part, whole) = (&profile.teams.staff[0], &profile.teams.staff[1]);
    assert_eq!((part.capacity, part.skills.as_slice()), (Some(20), ["genetics".to_owned()].as_slice()));
    // A Monday, 10:00 and 14:00 in Seattle.
    let [morning, afternoon] = ["2027-03-01T18:00:00Z", "2027-03-01T22:00:00Z"].map(|at| at.parse().unwrap());
    assert!(!profile.duty(&part.id).is_open(morning) && profile.duty(&part.id).is_open(afternoon));
    assert!(profile.duty(&whole.id).is_open(morning));
    // A day on which the center is closed is nobody's shift.
    let closed = profile.center.closed[0].date;
    assert!(profile.duty(&part.id).closed_on(closed).is_some());
}

#[test]
fn a_promise_in_a_language_that_the_center_does_not_offer_and_empty_hands_are_named() {
    let told =
        damaged("teams.toml", "escalate_to = \"priya-nair\"", "escalate_to = \"priya-nair\"\nlanguages = [\"tlh\"]");
    assert!(told.contains("language \"tlh\" does not exist"), "{told}");
    let told = damaged("teams.toml", "languages = [\"en\"]", "languages = [\"en\"]\ncapacity = 0");
    assert!(told.contains("may hold no inquiry at all"), "{told}");
    let told =
        damaged("teams.toml", "languages = [\"en\"]", "languages = [\"en\"]\nshifts = { monday = [\"17:00-08:00\"] }");
    assert!(told.contains("cannot be read"), "{told}");
}

#[test]
fn what_a_row_promises_is_staffed_at_every_open_minute_in_each_language_with_each_skill() {
    // Spanish is promised, and one of the two who speak it in that team comes in the afternoon only.
    let promise = "escalate_to = \"priya-nair\"\nlanguages = [\"en\", \"es\"]";
    let mut bundle = load("harbor-valley");
    let teams = bundle.files["teams.toml"].replacen("escalate_to = \"priya-nair\"", promise, 1);
    bundle.insert("teams.toml", teams.clone());
    assert_eq!(told(&bundle), "", "Luis Ortega is there all day");
    let luis = "teams = [\"gi-second-opinion\", \"breast\"]";
    let late = "shifts = { monday = [\"13:00-18:30\"], tuesday = [\"07:30-18:30\"], wednesday = [\"07:30-18:30\"], thursday = \
        [\"07:30-18:30\"], friday = [\"07:30-18:30\"], saturday = [\"08:00-12:00\"] }";
    bundle.insert("teams.toml", teams.replacen(luis, &format!("{luis}\n{late}"), 1));
    let all = told(&bundle);
    let expected = "nobody of team \"gi-second-opinion\" who speaks \"es\" is on duty on Mondays from 07:30 to 13:00";
    assert!(all.contains(expected) && all.contains("(for example an inquiry in \"es\" on Mondays at 07:30"), "{all}");
    assert!(all.starts_with("routing.csv:6: row \"5\": "), "{all}");
    assert!(all.lines().count() == 3, "the center's hours and those of each of its sites, once each: {all}");
    bundle.insert("teams.toml", teams.replacen(luis, &format!("teams = [\"breast\"]\n{late}"), 1));
    assert!(told(&bundle).contains("row \"5\": there is nobody of team \"gi-second-opinion\" who speaks \"es\""));
    let reviews = "roles = [\"reviewer\", \"scheduler\"]\nteams = [\"gi-second-opinion\", \"breast\"]";
    let answers = "roles = [\"coordinator\", \"scheduler\"]\nteams = [\"gi-second-opinion\", \"breast\"]";
    assert!(teams.contains(answers), "the demo center has changed");
    bundle.insert("teams.toml", teams.replacen(answers, reviews, 1));
    let all = told(&bundle);
    assert!(
        all.contains("there is nobody of team \"gi-second-opinion\" who speaks \"es\""),
        "who is given none: {all}"
    );
    // A row that names a language promises it too, and a skill belongs to the one who speaks it.
    let mut bundle = load("harbor-valley");
    let row = "\n5,gi,second_opinion,,es,,yes,,,,gi,gi-second-opinion,,high,3,records-ready,genetics,\n";
    let head = bundle.files["routing.csv"].replacen("script,note", "script,skills,note", 1);
    let rows: Vec<String> = head
        .lines()
        .enumerate()
        .map(|(line, text)| match (line, text.starts_with("5,")) {
            (0, _) => text.to_owned(),
            (_, true) => row.trim().to_owned(),
            _ => text.rsplit_once(',').map(|(cells, note)| format!("{cells},,{note}")).unwrap(),
        })
        .collect();
    bundle.insert("routing.csv", rows.join("\n") + "\n");
    assert!(told(&bundle).contains("nobody on the staff has the skill \"genetics\""), "{}", told(&bundle));
    let teams = bundle.files["teams.toml"].clone();
    let knows =
        |who: &str| teams.replacen(&format!("id = \"{who}\""), &format!("id = \"{who}\"\nskills = [\"genetics\"]"), 1);
    bundle.insert("teams.toml", knows("dana-whitfield"));
    assert!(told(&bundle).contains("who speaks \"es\" and has the skills genetics"), "{}", told(&bundle));
    bundle.insert("teams.toml", knows("luis-ortega"));
    assert_eq!(told(&bundle), "");
}

#[test]
fn a_table_with_a_fault_that_was_put_in_force_once_is_served_and_loses_nobody() {
    let mut bundle = load("harbor-valley");
    let table = bundle.files["routing.csv"].clone();
    let open =
        table.lines().filter(|line| !line.starts_with("20,")).map(|line| format!("{line}\n")).collect::<String>();
    bundle.insert("routing.csv", open);
    assert!(told(&bundle).contains("not every inquiry reaches a row"), "{}", told(&bundle));
    let (profile, fault) = Profile::from_stored(&bundle.to_bytes()).unwrap();
    assert!(fault.unwrap().contains("not every inquiry reaches a row"));
    let facts = Facts { cancer_area: CancerArea::Skin, language: "en".into(), ..Facts::default() };
    assert_eq!(&*decide(&profile.routing, &facts).name, "19", "the last row takes who falls into the gap");
    assert!(profile.propose("routing.csv", &table).is_ok());
}

#[test]
fn the_hours_of_a_team_count_where_it_has_any_else_those_of_the_site_else_those_of_the_center() {
    let mut bundle = load("harbor-valley");
    let teams = bundle.files["teams.toml"].replacen(
        "id = \"breast\"\n",
        "id = \"breast\"\nhours = { tuesday = [\"10:00-12:00\", \"13:00-15:00\"] }\n",
        1,
    );
    bundle.insert("teams.toml", teams);
    let profile = Profile::from_bundle(&bundle).unwrap();
    // Monday, 6:00 in Seattle.
    let early = "2027-03-01T14:00:00Z".parse().unwrap();
    let opens = |team: &str, site| {
        let opening = profile.team_calendar(team, site).next_opening(early);
        profile.zone().to_datetime(opening).strftime("%A %H:%M").to_string()
    };
    assert_eq!(opens("breast", Some("valley")), "Tuesday 10:00");
    assert_eq!(opens("thoracic", Some("valley")), "Monday 08:00");
    assert_eq!(opens("thoracic", None), "Monday 07:30");
    assert_eq!(opens("gone", Some("harbor")), "Monday 07:30");
}

#[test]
fn hours_of_a_team_that_can_not_be_read_or_never_open_are_told_in_its_file() {
    let told = damaged("teams.toml", "id = \"breast\"\n", "id = \"breast\"\nhours = { tuesday = [\"10-12\"] }\n");
    assert!(told.contains("teams.toml:22: hours \"10-12\" cannot be read"), "{told}");
    assert!(told.contains("teams.toml:22: these hours never open"), "{told}");
}

#[test]
fn a_team_escalates_by_its_levels_and_without_any_to_owner_and_lead_at_the_due_time() {
    let mut bundle = load("harbor-valley");
    let text = bundle.files["teams.toml"].clone();
    let levels = "escalate_to = \"omar-haddad\"\nuntouched_minutes = 45\n\
        [[team.escalation]]\nat = \"-30\"\nto = \"owner\"\n[[team.escalation]]\nat = \"+60\"\nto = \"team:general\"\n";
    bundle.insert("teams.toml", text.replacen("escalate_to = \"omar-haddad\"", levels, 1));
    let profile = Profile::from_bundle(&bundle).unwrap();
    let said = |team: &str| -> Vec<(i32, String)> {
        let levels = profile.team(team).unwrap().escalation();
        levels.iter().map(|level| (level.at.0, level.to.clone().into())).collect()
    };
    assert_eq!(said("trials"), [(-30, "owner".to_owned()), (60, "team:general".to_owned())]);
    assert_eq!(said("breast"), [(0, "owner".to_owned()), (0, "lead".to_owned())]);
    assert_eq!(profile.team("trials").unwrap().untouched_minutes, Some(45));
}

#[test]
fn a_late_review_is_told_by_the_teams_own_levels_or_else_to_the_lead_and_four_open_hours_later_to_the_managers() {
    let mut bundle = load("harbor-valley");
    let text = bundle.files["teams.toml"].clone();
    let levels = "escalate_to = \"omar-haddad\"\n[[team.review_escalation]]\nat = \"-120\"\nto = \"owner\"\n";
    bundle.insert("teams.toml", text.replacen("escalate_to = \"omar-haddad\"", levels, 1));
    let profile = Profile::from_bundle(&bundle).unwrap();
    let said = |team: &str| -> Vec<(i32, String)> {
        let levels = profile.team(team).unwrap().review_escalation();
        levels.iter().map(|level| (level.at.0, level.to.clone().into())).collect()
    };
    assert_eq!(said("trials"), [(-120, "owner".to_owned())]);
    assert_eq!(said("breast"), [(0, "lead".to_owned()), (240, "manager".to_owned())]);
    let own = "escalate_to = \"omar-haddad\"\n[[team.review_escalation]]\nat = \"0\"\nto = \"lead\"\n\
        [[team.review_escalation]]\nat = \"-5\"\nto = \"team:elves\"\n";
    let told = damaged("teams.toml", "escalate_to = \"omar-haddad\"", own);
    assert!(told.contains("the levels of review_escalation of team \"trials\""), "{told}");
    assert!(told.contains("team \"elves\" does not exist"), "{told}");
}

#[test]
fn steps_for_missing_records_that_are_no_distances_are_named() {
    let step = "{ hours = 72, channels = [\"email\", \"sms\"], template = \"records-request\" }";
    let with = |other: &str| damaged("cadences.toml", step, &step.replace("hours = 72", other));
    for (other, what) in [
        ("hours = 168", "one is not later than the one before it"),
        ("hours = 0", "one is not later than the one before it"),
        ("hours = 72, business = true", "some count open hours and some all hours"),
    ] {
        let told = with(other);
        assert!(told.starts_with("cadences.toml:") && told.contains(what), "{told}");
    }
}

#[test]
fn an_entry_that_fits_nothing_is_a_reviewers_choice_and_takes_no_inquiry_by_itself() {
    let profile = Profile::from_bundle(&load("harbor-valley")).unwrap();
    let entry = profile.out_of_scope_entry("other-centers").expect("a reviewer may choose it");
    assert_eq!((entry.fits.as_ref(), entry.places.len()), (None, 2));
    for consult in ConsultType::ALL {
        for area in CancerArea::ALL {
            let taken = profile.out_of_scope(*consult, *area).map(|entry| entry.id.as_str());
            assert_eq!(taken.unwrap_or("children"), "children", "{consult} {area}");
        }
    }
}

#[test]
fn levels_of_escalation_out_of_order_to_nobody_or_at_no_time_are_named() {
    let with = |levels: &str| {
        damaged("teams.toml", "escalate_to = \"omar-haddad\"", &format!("escalate_to = \"omar-haddad\"\n{levels}"))
    };
    let level = |at: &str, to: &str| format!("[[team.escalation]]\nat = \"{at}\"\nto = \"{to}\"\n");
    let told = with(&(level("0", "lead") + &level("-30", "owner")));
    assert!(told.contains("put the earliest first"), "{told}");
    assert!(with(&level("0", "team:nobody")).contains("team \"nobody\" does not exist"));
    assert!(with(&level("0", "somebody")).contains("nobody to escalate to"));
    assert!(with(&level("soon", "lead")).contains("no number of open minutes"));
    assert!(with("untouched_minutes = 0").contains("move on at once"));
}

#[test]
fn a_center_is_no_sister_of_itself_and_who_takes_from_a_sister_says_so_in_its_confirmation() {
    let takes = "takes_from = [\"lakeside\"]";
    let own = damaged("center.toml", takes, "takes_from = [\"harbor-valley\"]");
    assert!(own.contains("\"harbor-valley\" in takes_from is no sister center"), "{own}");
    let twice = damaged("center.toml", "hands_to = [\"lakeside\"]", "hands_to = [\"lakeside\", \"lakeside\"]");
    assert!(twice.contains("hands_to \"lakeside\" occurs twice"), "{twice}");
    let mut bundle = load("harbor-valley");
    let path = "templates/es/confirmation.txt";
    bundle.insert(path, bundle.files[path].replace("came_from", "center_name"));
    assert!(
        told(&bundle).contains("does not say that a sister center has handed the request over"),
        "{}",
        told(&bundle)
    );
    let none = bundle.files["center.toml"].replace(takes, "takes_from = []");
    bundle.insert("center.toml", none);
    assert_eq!(told(&bundle), "", "who takes from none needs no such words");
}

#[test]
fn rules_that_draw_nothing_and_items_that_nobody_can_answer_are_told_with_file_line_and_remedy() {
    let file = "audits.toml";
    for (from, to, what) in [
        ("how = \"per_person\"\namount = 2", "how = \"per_person\"\namount = 0", "sample \"each-person\" draws 0"),
        ("amount = 50", "amount = 101", "sample \"missed-visits\" draws 101 percent; set amount from 1 to 100"),
        ("look_back_days = 14", "look_back_days = 0", "sample \"not-reached\" looks back 0 days"),
        ("id = \"random\"", "id = \"each-person\"", "sample \"each-person\" occurs twice"),
        ("id = \"first-try\"", "id = \"First try\"", "item id \"First try\" is no slug"),
        ("id = \"danger-signs\"", "id = \"next-step\"", "item \"next-step\" occurs twice"),
        ("weight = 3", "weight = 0", "item \"first-try\" has the weight 0"),
        ("\"no-records-yet\"]", "\"no-record\"]", "script \"no-record\" does not exist; use one of: caregiver"),
        ("field = \"diagnosis\"", "field = \"diagnose\"", "field \"diagnose\" does not exist; use one of: diagnosis"),
        ("field = \"diagnosis\"\n", "", "item \"diagnosis-own-words\" is about a field and names none"),
        ("computed = \"note_in_time\"", "computed = \"field_filled\"", "\"note-in-time\" is computed from a field"),
        (", es = \"No se siguió el guion.\"", "", "\"script-followed\" has no words in \"es\""),
        ("outcomes = [\"no_show\"]", "outcomes = [\"vanished\"]", "attended, no_show, chose_another_center"),
        ("percent = 20", "percent = 120", "the second reader's percent or points are above 100"),
    ] {
        let told = damaged(file, from, to);
        assert!(told.contains(what) && told.starts_with("audits.toml:"), "{from} as {to}:\n{told}");
    }
    let mut bundle = load("harbor-valley");
    bundle.files.remove(file);
    assert_eq!(told(&bundle), "", "a center may audit nothing");
    bundle.insert(file, "[[sample]]\nid = \"all\"\nhow = \"share\"\namount = 100\n");
    assert!(told(&bundle).contains("audits.toml:1: inquiries are drawn and there is nothing to score them by"));
}

#[test]
fn where_a_folder_is_missing_the_remedy_names_it_and_no_empty_list() {
    for (folder, remedy) in
        [("templates/", "the profile has no template at all"), ("forms/", "the profile has no form at all")]
    {
        let mut bundle = load("lakeside");
        bundle.files.retain(|file, _| !file.starts_with(folder));
        let told = told(&bundle);
        assert!(told.contains(remedy) && !told.contains("use one of: \n"), "{told}");
    }
}

#[test]
fn a_next_step_is_checked_in_its_file_and_every_center_with_one_has_its_messages() {
    let file = "booking.toml";
    let wrong = damaged(file, "id = \"screening_call\"", "id = \"Screening call\"");
    assert!(wrong.contains("next_step id \"Screening call\" is no name for figures"), "{wrong}");
    let line = load("harbor-valley").files[file].lines().position(|line| line.contains("screening_call")).unwrap() + 1;
    assert!(wrong.starts_with(&format!("{file}:{line}: ")), "{wrong}");
    let twice = damaged(file, "id = \"records_review\"", "id = \"screening_call\"");
    assert!(twice.contains("next_step \"screening_call\" occurs twice"), "{twice}");
    let long = damaged(file, "minutes = 30\ncall = true", "minutes = 600\ncall = true");
    assert!(long.contains("takes 600 minutes") && long.contains("set minutes from 1 to 240"), "{long}");
    let never = damaged(file, "days = 4 }", "days = 0 }");
    assert!(never.contains("no words or no days"), "{never}");
    let mute = damaged(file, ", es = \"Llamada de selección\" }", " }");
    assert!(mute.contains("\"screening_call\" has no words in \"es\""), "{mute}");
    let pushes = damaged(file, "A nurse calls you\"", "A nurse calls you; hurry\"");
    assert!(pushes.contains("pushes people with \"hurry\""), "{pushes}");
    let mut bundle = load("lakeside");
    bundle.files.remove("templates/fr/next-step-agreed.txt");
    bundle.files.remove("templates/fr/next-step-agreed.html");
    assert!(told(&bundle).contains("the message \"next-step-agreed\" does not exist in \"fr\""));
}

#[test]
fn a_voice_message_says_nothing_of_health_and_how_to_call_back() {
    let file = "scripts/voicemail.en.md";
    let told_of = |to: &str| damaged(file, "Thank you.", to);
    let health = told_of("It is about your scan.");
    assert!(health.contains("others may hear \"scan\" in the voice message"), "{health}");
    assert!(health.starts_with(&format!("{file}:")), "{health}");
    let center = told_of("Harbor Valley Cancer Center.");
    assert!(center.contains("the voice message names \"Harbor Valley Cancer Center\""), "{center}");
    let name = Profile::from_bundle(&load("harbor-valley")).unwrap().programs.programs[0].name.get("en").to_owned();
    assert!(told_of(&name).contains(&format!("the voice message names \"{name}\"")));
    assert!(told_of(&name.to_uppercase()).contains(&format!("the voice message names \"{name}\"")));
    let gap = told_of("About {{ cancer_area }}.");
    assert!(gap.contains("the voice message tells {{ cancer_area }}") && gap.starts_with(&format!("{file}:")), "{gap}");
    assert_eq!(told_of("Your number is {{reference}}."), "");
    assert!(damaged(file, " {{ hours }}", " in the day").contains("leaves out when somebody answers"));
    assert!(damaged(file, "{{ phone }}", "our number").contains("leaves out a number to call back"));
}
