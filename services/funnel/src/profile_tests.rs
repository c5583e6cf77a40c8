//! Profiles: the demo centers are faultless and unlike each other, and each kind of damage is told.

use super::*;
use crate::inquiry::Facts;
use crate::routing::decide;
use std::path::{Path, PathBuf};

fn centers() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/centers")
}

fn load(center: &str) -> Bundle {
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
