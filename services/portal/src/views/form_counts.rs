//! Where forms lose people, from what ingestion has counted.
//!
//! What few people did is folded together as in the rest of the funnel. Deliberately not here: counting.

use causeway_funnel::profile::Profile;
use causeway_proto::inquiry::v1::{FieldFaults, FormCount, GetFormCountsResponse};

use super::funnel::{count, fold};
use crate::pages::{FieldRow, FormRow, FormsPart};
use crate::words::LANGUAGES;

/// Most lines of the table of fields.
const MOST_FIELDS: usize = 15;
const OTHER: &str = "Other";

/// The part of the page.
pub fn part(profile: &Profile, told: &GetFormCountsResponse) -> FormsPart {
    let mut forms: Vec<FormRow> = told.forms.iter().map(|one| form(profile, one)).collect();
    forms.sort_by(|one, other| other.begun.cmp(&one.begun).then_with(|| one.name.cmp(&other.name)));
    fold(
        &mut forms,
        |row| row.begun,
        |small| {
            let none = FormRow { name: OTHER.to_owned(), ..FormRow::default() };
            small.into_iter().fold(none, |sum, row| FormRow {
                shown: sum.shown + row.shown,
                begun: sum.begun + row.begun,
                sent: sum.sent + row.sent,
                left: sum.left + row.left,
                ..sum
            })
        },
    );
    let mut fields: Vec<FieldRow> = told.fields.iter().map(|one| field(profile, one)).collect();
    fields.sort_by(|one, other| other.showings.cmp(&one.showings).then_with(|| one.name.cmp(&other.name)));
    fold(
        &mut fields,
        |row| row.showings,
        |small| FieldRow {
            name: OTHER.to_owned(),
            fault: "–".to_owned(),
            showings: small.iter().map(|row| row.showings).sum(),
            ..FieldRow::default()
        },
    );
    fields.truncate(MOST_FIELDS);
    FormsPart { forms, fields }
}

fn form(profile: &Profile, one: &FormCount) -> FormRow {
    FormRow {
        name: place(profile, &one.form_id, &one.language),
        shown: count(one.shown),
        begun: count(one.begun),
        sent: count(one.sent),
        left: count(one.left),
    }
}

fn field(profile: &Profile, one: &FieldFaults) -> FieldRow {
    let form = profile.form(&one.form_id);
    let asked = form.and_then(|form| form.fields().find(|(_, field)| field.key == one.field));
    let label = asked.map(|(question, field)| if field.label.is_empty() { &question.label } else { &field.label });
    FieldRow {
        name: label.map_or_else(|| one.field.replace('_', " "), |label| label.get("en").to_owned()),
        form: place(profile, &one.form_id, &one.language),
        fault: one.code.replace('_', " "),
        showings: count(one.showings),
    }
}

/// A form with the language of its page.
fn place(profile: &Profile, form: &str, language: &str) -> String {
    let title = profile.form(form).map_or(form, |form| form.title.get("en"));
    let language = LANGUAGES.into_iter().find(|words| words.code == language).map_or(language, |words| words.own_name);
    format!("{title} ({language})")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::handlers::tests::harbor_valley;

    #[test]
    fn forms_and_fields_have_the_words_of_people_and_few_are_folded_together() {
        let count = |form: &str, language: &str, begun| FormCount {
            form_id: form.into(),
            language: language.into(),
            shown: 100,
            begun,
            sent: 2,
            left: 1,
        };
        let fault = |field: &str, showings| FieldFaults {
            form_id: "general".into(),
            language: "es".into(),
            field: field.into(),
            code: "phone_length".into(),
            showings,
        };
        let told = GetFormCountsResponse {
            forms: vec![count("general", "es", 40), count("general", "en", 4), count("second-opinion", "en", 8)],
            fields: vec![fault("phone", 20), fault("name", 9), fault("other", 3)],
        };
        let part = part(&harbor_valley(), &told);
        let forms: Vec<_> = part.forms.iter().map(|row| (row.name.as_str(), row.shown, row.begun, row.left)).collect();
        let title = harbor_valley().form("general").expect("form").title.get("en").to_owned();
        assert_eq!(forms, [(format!("{title} (Español)").as_str(), 100, 40, 1), ("Other", 200, 12, 2)]);
        let fields: Vec<_> = part.fields.iter().map(|row| (row.fault.as_str(), row.showings)).collect();
        assert_eq!(fields, [("phone length", 20), ("–", 12)]);
        assert!(part.fields[0].name.contains("hone"), "{}", part.fields[0].name);
    }
}
