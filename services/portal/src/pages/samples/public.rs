//! Samples of the patient face.

use causeway_funnel::document::DocumentFault;

use super::{PATIENT, Rendered, assets, public_frame, rendered};
use crate::{
    pages::{
        AgreedStep, ChannelLine, Choice, ConsentBox, DateParts, DonePage, FileLine, Flash, FormSection, FreeText,
        FrontPage, HiddenField, HomePage, InquiryFormPage, OfferedTime, Offers, OwnPage, Paper, PlainPage,
        PlainSection, Question, QuestionKind, RecordLine, RecordState, SelectOption, Stone, StoneState, StopPage,
        StoppedPage, Tone, TroublePage, Upload, Visit,
    },
    words::Words,
};

pub fn pages(words: &'static Words) -> Vec<Rendered> {
    let name = |page: &str| format!("{page}-{}", words.code);
    let frame = || public_frame(words);
    let ended = Some(("/p/t0ken/new-link".to_owned(), "42".to_owned()));
    let action = "/harbor-valley/forms/new".to_owned();
    let answers = vec![HiddenField { name: "name".to_owned(), value: PATIENT.to_owned() }];
    let stopped =
        StoppedPage { frame: frame(), base: "/p/t0ken".to_owned(), at: "Thursday, March 4, at 2:14 pm".to_owned() };
    vec![
        rendered(&name("form"), true, &InquiryFormPage::sample(words)),
        rendered(&name("form-error"), true, &InquiryFormPage::sample_with_errors(words)),
        rendered(&name("form-unsaved"), true, &InquiryFormPage { unsaved: true, ..InquiryFormPage::sample(words) }),
        rendered(&name("done"), true, &DonePage::sample(words)),
        rendered(&name("own"), true, &OwnPage::sample(words)),
        rendered(&name("own-offers"), true, &OwnPage::sample_with_offers(words)),
        rendered(&name("own-closed"), true, &OwnPage::sample_without_anything(words)),
        rendered(&name("stop"), true, &StopPage { frame: frame(), base: "/p/t0ken".to_owned() }),
        rendered(&name("stopped"), true, &stopped),
        rendered(&name("ended"), true, &TroublePage::ended(frame(), ended)),
        rendered(&name("ended-call"), true, &TroublePage::ended(frame(), None)),
        rendered(&name("missing"), true, &TroublePage::missing(frame())),
        rendered(&name("busy"), true, &TroublePage::busy(frame(), action.clone(), answers.clone())),
        rendered(&name("away"), true, &TroublePage::away(frame())),
        rendered(&name("home"), true, &HomePage { frame: frame(), forms: vec![link()] }),
        rendered(&name("front"), true, &front(words)),
        rendered(&name("unsaved"), true, &TroublePage::unsaved(frame(), action, answers)),
        rendered(&name("privacy"), true, &PlainPage::privacy(frame(), Vec::new())),
        rendered(&name("language-help"), true, &PlainPage::language_help(frame(), vec![notice()])),
    ]
}

fn link() -> (String, String) {
    ("Ask for care".to_owned(), "/harbor-valley/forms/general".to_owned())
}

fn front(words: &'static Words) -> FrontPage {
    FrontPage {
        assets: assets().public(""),
        words,
        heading: words.front.centers.to_owned(),
        text: Some(words.front.check_address.to_owned()),
        centers: vec![link()],
    }
}

fn notice() -> PlainSection {
    PlainSection {
        heading: "Italiano".to_owned(),
        paragraphs: vec!["Un interprete è gratuito.".to_owned()],
        language: Some("it".to_owned()),
    }
}

pub fn choice(value: &str, label: &str) -> Choice {
    Choice { value: value.to_owned(), label: label.to_owned(), ..Choice::default() }
}

pub fn question(key: &str, kind: QuestionKind, label: &str) -> Question {
    Question { key: key.to_owned(), kind, label: label.to_owned(), ..Question::default() }
}

pub fn needed(question: Question) -> Question {
    Question { required: true, ..question }
}

pub fn options(values: &[(&str, &str)]) -> Vec<Choice> {
    values.iter().map(|(value, label)| choice(value, label)).collect()
}

fn unsure() -> Choice {
    Choice { apart: true, ..choice("not-sure", "I am not sure") }
}

fn hinted(question: Question, hint: &str) -> Question {
    Question { hint: Some(hint.to_owned()), ..question }
}

pub fn sections() -> Vec<FormSection> {
    let section = |heading: &str, questions| FormSection { heading: heading.to_owned(), questions };
    vec![
        section("About you", about()),
        section("How we should reach you", reach()),
        section("What is going on", going_on()),
    ]
}

fn about() -> Vec<Question> {
    let patient = question("patient", QuestionKind::Text, "Name of the person who needs care");
    let who = Question {
        options: vec![
            choice("me", "I do"),
            Choice { follow_ups: vec![patient], ..choice("other", "Someone I help") },
            Choice { hint: Some("You go to a short page".to_owned()), ..choice("office", "I work for a clinic") },
        ],
        ..needed(question("who", QuestionKind::OneOf, "Who needs care?"))
    };
    let name = needed(question("name", QuestionKind::Name, "Your name"));
    vec![who, hinted(name, "What you like to be called is fine")]
}

fn reach() -> Vec<Question> {
    let how = Question {
        options: options(&[("call", "Phone call"), ("text", "Text message"), ("email", "Email")]),
        ..needed(question("how", QuestionKind::AnyOf, "How should we contact you?"))
    };
    let language = Question {
        options: options(&[("en", "English"), ("es", "Español"), ("zh", "中文")]),
        ..question("language", QuestionKind::Select, "What language should we speak with you?")
    };
    let phone = hinted(
        needed(question("phone", QuestionKind::Phone, "Phone number")),
        "Your phone company may charge for texts",
    );
    let email = hinted(question("email", QuestionKind::Email, "Email address"), "We keep health details out of email");
    vec![how, phone, email, hinted(language, "An interpreter is free.")]
}

fn going_on() -> Vec<Question> {
    let need = Question {
        options: [
            options(&[("new", "A doctor told me I have cancer"), ("second", "I want a second opinion")]),
            vec![unsure()],
        ]
        .concat(),
        free_text: Some(FreeText {
            key: "need-own".to_owned(),
            label: "In your own words".to_owned(),
            value: String::new(),
        }),
        ..needed(question("need", QuestionKind::OneOf, "Which is closest to your situation?"))
    };
    let area = Question {
        options: [
            options(&[
                ("gu", "Bladder or kidney"),
                ("heme", "Blood or lymph nodes"),
                ("neuro", "Brain or spine"),
                ("breast", "Breast"),
                ("gi", "Colon or rectum"),
                ("liver", "Liver or pancreas"),
                ("lung", "Lung"),
                ("gyn", "Ovary, uterus or cervix"),
            ]),
            vec![unsure()],
        ]
        .concat(),
        ..question("area", QuestionKind::OneOf, "What part of the body?")
    };
    let first =
        hinted(question("first", QuestionKind::LongText, "What should we know first?"), "A few words are enough.");
    vec![hinted(need, "A close answer is fine. We will talk it through with you."), area, first]
}

impl InquiryFormPage {
    pub(super) fn sample(words: &'static Words) -> Self {
        let consent = ConsentBox {
            key: "consent-contact".to_owned(),
            label: Words::fill(words.form.consent_box, "Harbor Valley Cancer Center"),
            hint: Some(words.form.consent_hint.to_owned()),
            ticked: false,
            error: None,
        };
        InquiryFormPage {
            frame: public_frame(words),
            heading: "Ask us for a visit or a second opinion".to_owned(),
            intro: None,
            action: "/harbor-valley/forms/new".to_owned(),
            contact_by: Some("Thursday, March 4, at 12 noon".to_owned()),
            urgent: Some("Call 911. If we treat you and you feel unwell, call our nurse line at 555-0199.".to_owned()),
            sections: sections(),
            more: vec![
                hinted(question("born", QuestionKind::BirthDate, "Patient’s date of birth"), "For example, 4 27 1961"),
                hinted(
                    question("zip", QuestionKind::PostalCode, "ZIP code"),
                    "So we can offer the office nearest to you",
                ),
                Question {
                    options: [
                        options(&[("path", "Report from a biopsy"), ("scan", "Scans or scan reports")]),
                        vec![unsure()],
                    ]
                    .concat(),
                    ..question("papers", QuestionKind::AnyOf, "Do you have any of these papers?")
                },
            ],
            consent_lead: None,
            consents: vec![consent],
            idempotency_key: "0192".to_owned(),
            hidden: vec![HiddenField { name: "landing_page".to_owned(), value: "/second-opinion".to_owned() }],
            begin: "/harbor-valley/forms/new/begin".to_owned(),
            proof: Some(String::new()),
            unsaved: false,
        }
    }

    pub(super) fn sample_with_errors(words: &'static Words) -> Self {
        let mut page = Self::sample(words);
        page.sections[0].questions[0].error = Some("Choose who needs care".to_owned());
        page.sections[0].questions[0].options[1].chosen = true;
        page.sections[0].questions[1].value = PATIENT.to_owned();
        page.sections[1].questions[0].options[0].chosen = true;
        page.sections[1].questions[1].value = "555 01".to_owned();
        page.sections[1].questions[1].error = Some("Enter a phone number with area code, like 206 555 0142".to_owned());
        page.more[0].date = DateParts { month: "4".to_owned(), day: "27".to_owned(), year: "61".to_owned() };
        page.more[0].error = Some("Year must have 4 numbers, like 1961".to_owned());
        page.consents[0].error = Some("Tick the box if we may contact you".to_owned());
        page
    }
}

impl DonePage {
    pub(super) fn sample(words: &'static Words) -> Self {
        let paper = |name: &str, place: &str| Paper { name: name.to_owned(), where_to_find: place.to_owned() };
        DonePage {
            frame: public_frame(words),
            reference: "HV-7K4M-2Q".to_owned(),
            by: Some("Thursday, March 4, at 12 noon".to_owned()),
            standing: None,
            stones: Vec::new(),
            by_phone: true,
            after_hours: true,
            sent: Some("We sent a text to the number ending in 42 with a link to this request.".to_owned()),
            received: "Wednesday, March 3, at 2:14 pm".to_owned(),
            call_from: "555-0140".to_owned(),
            papers: vec![
                paper("Biopsy report", "The clinic that took the sample has it. It may be called a pathology report."),
                paper("Scans (CT, MRI, PET)", "Ask the imaging office for the pictures and the written report."),
            ],
            upload_url: Some("/p/t0ken#records".to_owned()),
            fax: Some("555-0155".to_owned()),
            own_url: Some("/p/t0ken".to_owned()),
        }
    }
}

impl OwnPage {
    pub(super) fn sample(words: &'static Words) -> Self {
        let stone =
            |state, heading: &str, note: &str| Stone { state, heading: heading.to_owned(), note: note.to_owned() };
        let record = |key: &str, name: &str, note: &str, state| RecordLine {
            key: key.to_owned(),
            name: name.to_owned(),
            note: note.to_owned(),
            state,
        };
        let file = |name: &str, note: &str, state: &'static str, tone| FileLine {
            name: name.to_owned(),
            note: note.to_owned(),
            state,
            tone,
        };
        let reason = |value: &str, label: &str| SelectOption {
            value: value.to_owned(),
            label: label.to_owned(),
            selected: false,
        };
        OwnPage {
            frame: public_frame(words),
            base: "/p/t0ken".to_owned(),
            reference: "HV-7K4M-2Q".to_owned(),
            link_until: "Friday, April 2".to_owned(),
            flash: Some(Flash { text: "We have your file. Thank you.".to_owned(), tone: Tone::Ok }),
            stones: vec![
                stone(StoneState::Done, "Your request came in", "March 3"),
                stone(StoneState::Now, "We are gathering records", "3 of 4 are here."),
                stone(StoneState::Ahead, "Your visit", "March 11"),
            ],
            visit: Some(Visit {
                weekday: "Thu".to_owned(),
                day: "11".to_owned(),
                month: "March".to_owned(),
                time: "9:40 am to 10:40 am".to_owned(),
                with_whom: Some("Dr. Ana Rivera".to_owned()),
                place: "Harbor Valley, 2nd floor, 410 Mill Street".to_owned(),
                notes: vec!["Parking is free. Come 15 minutes early.".to_owned()],
                confirmed: false,
                may_confirm: true,
                may_change: true,
            }),
            step: None,
            offers: None,
            records: vec![
                record("pathology", "Biopsy report", "Came March 4", RecordState::Here),
                record("imaging", "Scans", "We asked Lakeside Imaging on March 4.", RecordState::AskedFor),
                record("notes", "Doctor notes", "The last visit is enough.", RecordState::Needed),
                record("genomic", "Gene test", "Not for this visit", RecordState::NotNeeded),
            ],
            upload: Some(Upload {
                papers: vec![reason("pathology", "Biopsy report"), reason("other", words.own.other_paper)],
                accept: "application/pdf,image/*",
                megabytes: "20".to_owned(),
            }),
            files: vec![
                file("Biopsy report", "March 4", words.files.here, Tone::Ok),
                file(words.own.other_paper, "March 4", words.files.checking, Tone::Brand),
                file("Scans", DocumentFault::Infected.label(words.code), words.files.stopped, Tone::Warn),
            ],
            channels: vec![ChannelLine { label: "Phone".to_owned(), value: "Number ending in 42".to_owned() }],
            channel_stops: vec![reason("sms", words.change.stop_texts), reason("email", words.change.stop_email)],
            fax: Some("555-0155".to_owned()),
            reasons: vec![reason("time", "The time does not fit"), reason("ride", "I have no ride")],
        }
    }

    pub(super) fn sample_with_offers(words: &'static Words) -> Self {
        let time = |id: &str, when: &str, place: &str| OfferedTime {
            id: id.to_owned(),
            when: when.to_owned(),
            place: place.to_owned(),
        };
        let offers = Offers {
            kept_until: Some("Friday, March 5, at 6 pm".to_owned()),
            reason: Some("no_ride".to_owned()),
            times: vec![
                time("a", "Thursday, March 11, at 9:40 am", "Mill Street, 60 minutes"),
                time("b", "Monday, March 15, at 1:20 pm", "Northgate, 60 minutes"),
            ],
        };
        OwnPage { offers: Some(offers), visit: None, flash: None, upload: None, ..Self::sample(words) }
    }

    pub(super) fn sample_without_anything(words: &'static Words) -> Self {
        let step = AgreedStep {
            what: "a call with our research nurse".to_owned(),
            when: "Thursday, March 11, at 10 am".to_owned(),
            call_from: Some("555-0141".to_owned()),
            steps: vec![("A nurse calls you".to_owned(), "about 3 days".to_owned())],
        };
        OwnPage {
            visit: None,
            step: Some(step),
            flash: None,
            records: Vec::new(),
            upload: None,
            files: Vec::new(),
            channels: Vec::new(),
            channel_stops: Vec::new(),
            ..Self::sample(words)
        }
    }
}
