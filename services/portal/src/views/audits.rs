//! Audits of intake quality in words: rows, the page of one, results and hints for training.
//!
//! A share of few is no percentage: it says "3 of 4". Deliberately not here: what is drawn, scored and added up (intake desk).

use causeway_funnel::profile::Profile;
use causeway_funnel::quality_audit::{About, Answer, Ending};
use causeway_funnel::records::LineState;
use causeway_proto::intake::v1::{
    AuditAnswer, AuditItem, AuditRow, ItemAgreement, OwnQualityResults, QualityAudit, QualityGroup, QualityMiss,
    QualityResults, SaveAuditRequest,
};
use jiff::Timestamp;
use jiff::civil::Date;

use super::form::Sent;
use super::script::script;
use super::times;
use super::worklist::owner;
use crate::pages::{
    AuditItemLine, AuditLine, AuditPage, AuditResultsPage, BothSaid, MissLine, Moment, NavLink, OwnAuditCard,
    OwnAuditsPage, ResultGroup, ResultRow, SelectOption, StaffFrame, Tone,
};
use crate::words::EN;

/// Fewer than this are told one by one and not as a percentage.
const FEW: i32 = 10;
/// Most hints of one team, script or person.
const MOST_HINTS: usize = 3;

/// How far back results go: weeks, and the words for them.
pub const SPANS: [(i64, &str); 3] = [(4, "4 weeks"), (13, "13 weeks"), (52, "52 weeks")];

/// Who looks at audits, and when.
pub struct Looking<'a> {
    /// The center's profile.
    pub profile: &'a Profile,
    /// The domain's time.
    pub now: Timestamp,
}

/// "30 % (6 of 20)", or "3 of 4" where few are no percentage.
pub fn share(some: i32, all: i32) -> String {
    if all < FEW {
        return format!("{some} of {all}");
    }
    let percent = (i64::from(some) * 200 + i64::from(all)) / (2 * i64::from(all));
    format!("{percent} % ({some} of {all})")
}

impl Looking<'_> {
    fn name(&self, id: &str) -> String {
        owner(self.profile, id).unwrap_or_default()
    }

    fn team(&self, id: &str) -> String {
        self.profile.team(id).map_or(id, |team| team.name.get("en")).to_owned()
    }

    fn at(&self, micros: i64) -> String {
        times::zoned(micros, self.profile.zone()).map(|at| times::recent(&at, self.now, &EN)).unwrap_or_default()
    }

    /// One audit in a row.
    pub fn line(&self, row: &AuditRow) -> AuditLine {
        let (state, tone) = match row.state.as_str() {
            "waiting" => ("Waits for a reader", Tone::Warn),
            "first" => ("Being read", Tone::Brand),
            "second_waiting" => ("Waits for a second reader", Tone::Warn),
            "second" => ("Being read again", Tone::Brand),
            "differs" => ("The readers differ", Tone::Bad),
            _ => ("Finished", Tone::Ok),
        };
        let readers = [&row.first_reader, &row.second_reader].map(|reader| self.name(reader));
        let readers: Vec<String> = readers.into_iter().filter(|name| !name.is_empty()).collect();
        let week = row.week.parse::<Date>().map(|day| EN.dates.day(day)).unwrap_or_default();
        let drawn = if row.rule.is_empty() {
            format!("Chosen by hand in the week of {week}")
        } else {
            format!("Drawn by the rule {} in the week of {week}", row.rule)
        };
        let outcome = row.outcome.parse::<Ending>().map_or("Still open", |ending| ending.label("en"));
        AuditLine {
            url: format!("/audits/{}", row.audit_id),
            reference: row.reference.clone(),
            person: self.name(&row.person),
            team: self.team(&row.team),
            drawn,
            script: script_name(&row.script_id, &row.script_version).unwrap_or_else(|| "None".to_owned()),
            outcome: outcome.to_owned(),
            state,
            tone,
            readers: if readers.is_empty() { String::new() } else { format!("Read by {}", readers.join(" and ")) },
            score: match (row.has_score, row.score_hidden) {
                (true, _) => format!("{} of 100", row.score),
                (_, true) => "Open it to see the score. You can’t be its second reader then.".to_owned(),
                _ => String::new(),
            },
        }
    }

    /// The page of one. What was typed and not saved stands in the place of what is saved.
    pub fn page(&self, frame: StaffFrame, audit: QualityAudit, typed: Option<&Sent>) -> AuditPage {
        let row = audit.row.clone().unwrap_or_default();
        let inquiry = audit.inquiry.unwrap_or_default();
        let said = |which: &str, reader: &str, score: Option<i32>, comment: &str| BothSaid {
            heading: match score {
                Some(score) => format!("{which}, {}: {score} of 100", self.name(reader)),
                None => format!("{which}, {}: no item applied", self.name(reader)),
            },
            comment: comment.to_owned(),
        };
        let both = audit.items.iter().any(|item| !item.second_answer.is_empty()).then(|| {
            (
                said(
                    "First reader",
                    &row.first_reader,
                    audit.has_first_score.then_some(audit.first_score),
                    &audit.first_comment,
                ),
                said(
                    "Second reader",
                    &row.second_reader,
                    audit.has_second_score.then_some(audit.second_score),
                    &audit.second_comment,
                ),
            )
        });
        let note = match (row.state.as_str(), audit.reading, audit.own_work) {
            ("finished", ..) => String::new(),
            (_, _, true) => "You worked this inquiry, so somebody else audits it.".to_owned(),
            (_, 3, _) if audit.settled_by.is_empty() => {
                "You two see both readings now. Talk it over, then answer each item once for both. It counts once the \
                 other one finishes it as it is."
                    .to_owned()
            }
            (_, 3, _) => format!(
                "What stands below was written by {}. It counts once the other one of you finishes it as it is.",
                self.name(&audit.settled_by)
            ),
            (_, 2, _) => {
                "You read it second. What the first reader answered is shown once you have finished.".to_owned()
            }
            _ => String::new(),
        };
        let script_note = match (row.script_id.is_empty(), audit.script_text.is_empty(), audit.script_changed) {
            (true, ..) => "No script stood beside the tries.",
            (_, true, _) => "The center no longer has this script, so its text can’t be shown.",
            (_, _, true) => "The script has changed since then; this is its text of today.",
            _ => "",
        };
        let saved_by = match self.name(&audit.settled_by) {
            none if none.is_empty() => "Saved".to_owned(),
            name => format!("Saved by {name}"),
        };
        let moments = inquiry.timeline.iter().map(|entry| Moment {
            at: self.at(entry.at),
            text: entry.text.clone(),
            note: Some(self.name(&entry.actor)).filter(|name| !name.is_empty()),
        });
        let fields = inquiry.note.iter().map(|field| {
            let state = match (field.missing, field.required, inquiry.note_version) {
                (true, ..) | (_, true, 0) => "Missing",
                (_, false, _) => "Optional",
                _ => "Filled",
            };
            (field.label.clone(), state)
        });
        let records = inquiry.records.iter().map(|line| {
            let state = line.state.parse::<LineState>().map_or(line.state.as_str(), |state| state.label("en"));
            let state =
                if line.needed_for_booking { format!("{state}; booking waits for it") } else { state.to_owned() };
            (line.label.clone(), state)
        });
        let comment = typed.map_or(audit.comment.as_str(), |typed| typed.get("comment"));
        AuditPage {
            line: self.line(&row),
            note,
            version: row.version,
            items: audit.items.iter().map(|one| item(one, typed, &saved_by)).collect(),
            comment: comment.to_owned(),
            is_open: audit.reading > 0,
            both,
            may_take: audit.may_take,
            may_give_back: audit.may_give_back,
            may_ask_second: audit.may_ask_second,
            inquiry_url: format!("/inquiries/{}", row.inquiry_id),
            script: script(&row.script_id, &row.script_version, &audit.script_text, ""),
            script_note,
            timeline: moments.collect(),
            fields: fields.collect(),
            records: records.collect(),
            frame,
        }
    }

    /// What the form asks the desk to save, for the items that it showed.
    pub fn asked(&self, audit_id: &str, sent: &Sent) -> SaveAuditRequest {
        let answer = |item: &causeway_funnel::quality_audit::Item| {
            let (answer, comment) =
                (sent.get(&format!("answer-{}", item.id)), sent.get(&format!("comment-{}", item.id)));
            (!answer.is_empty() || !comment.is_empty()).then(|| AuditAnswer {
                item: item.id.clone(),
                answer: answer.to_owned(),
                comment: comment.to_owned(),
            })
        };
        SaveAuditRequest {
            center: self.profile.center.id.clone(),
            audit_id: audit_id.to_owned(),
            base_version: sent.get("version").parse().unwrap_or_default(),
            answers: self.profile.audits.items.iter().filter_map(answer).collect(),
            comment: sent.get("comment").to_owned(),
            finish: sent.get("finish") == "yes",
        }
    }

    /// What all audits show.
    pub fn results(&self, frame: StaffFrame, weeks: i64, told: &QualityResults) -> AuditResultsPage {
        let all = told.all.clone().unwrap_or_default();
        let group = |id, heading, column, groups: &[QualityGroup], name: &dyn Fn(&QualityGroup) -> String| {
            ResultGroup { id, heading, column, rows: groups.iter().map(|one| result_row(one, name(one))).collect() }
        };
        let week = |one: &QualityGroup| one.key.parse::<Date>().map_or(one.key.clone(), |day| EN.dates.day(day));
        AuditResultsPage {
            frame,
            spans: spans("/audits/results", weeks),
            total: total(&all),
            items: all.misses.iter().map(miss_line).collect(),
            abouts: told.abouts.iter().map(miss_line).collect(),
            groups: vec![
                group("teams", "Teams", "Team", &told.teams, &|one| self.team(&one.key)),
                group("scripts", "Scripts", "Script", &told.scripts, &|one| {
                    script_name(&one.script_id, &one.script_version).unwrap_or_else(|| "Without a script".to_owned())
                }),
                group("people", "People", "Person", &told.people, &|one| self.name(&one.key)),
                group("weeks", "Weeks", "Week of", &told.weeks, &week),
            ],
            agreements: told.agreements.iter().map(agreement).collect(),
        }
    }

    /// What they show of the person's own work.
    pub fn own(&self, frame: StaffFrame, weeks: i64, told: &OwnQualityResults) -> OwnAuditsPage {
        let all = told.all.clone().unwrap_or_default();
        let by_script =
            told.scripts.iter().flat_map(|one| hints(one, script_name(&one.script_id, &one.script_version)));
        let card = |one: &causeway_proto::intake::v1::OwnAudit| {
            let row = one.row.clone().unwrap_or_default();
            let told = one.items.iter().filter(|item| item.answer == Answer::No.as_str() || !item.comment.is_empty());
            let line = self.line(&row);
            OwnAuditCard {
                id: format!("audit-{}", row.audit_id),
                reference: row.reference,
                inquiry_url: format!("/inquiries/{}", row.inquiry_id),
                when: format!("Finished {}. Script: {}", self.at(row.finished_at), line.script),
                score: if line.score.is_empty() { "No item applied.".to_owned() } else { format!("{}.", line.score) },
                lines: told
                    .map(|item| (item.label.clone(), answer_words(&item.answer), item.comment.clone()))
                    .collect(),
                comment: one.comment.clone(),
                nothing: if row.has_score { "Nothing was missed." } else { "" },
            }
        };
        OwnAuditsPage {
            frame,
            spans: spans("/audits/mine", weeks),
            total: total(&all),
            hints: by_script.collect(),
            nothing: match all.scored {
                0 => "There is nothing to say yet.",
                _ => "Nothing was missed in this time.",
            },
            audits: told.audits.iter().map(card).collect(),
        }
    }
}

/// "no records yet, version 4"; none where there was no script.
fn script_name(id: &str, version: &str) -> Option<String> {
    (!id.is_empty()).then(|| format!("{id}, version {version}"))
}

fn spans(url: &str, weeks: i64) -> Vec<NavLink> {
    let link = |(of, label): &(i64, &str)| NavLink {
        label: (*label).to_owned(),
        url: format!("{url}?weeks={of}"),
        count: None,
        current: *of == weeks,
    };
    SPANS.iter().map(link).collect()
}

fn total(all: &QualityGroup) -> String {
    match (all.audits, all.scored) {
        (0, _) => "No audit was finished in this time.".to_owned(),
        (1, 0) => "1 audit; no item of it applied.".to_owned(),
        (1, _) => format!("1 audit, {:.0} of 100.", all.mean_score),
        (many, 0) => format!("{many} audits; no item of them applied."),
        (many, _) => format!("{many} audits, {:.0} of 100 on average.", all.mean_score),
    }
}

fn result_row(group: &QualityGroup, name: String) -> ResultRow {
    let of_script = script_name(&group.script_id, &group.script_version);
    ResultRow {
        name,
        audits: group.audits,
        score: if group.scored > 0 { format!("{:.0} of 100", group.mean_score) } else { "–".to_owned() },
        hints: hints(group, of_script),
    }
}

/// What is missed most, as sentences: "5 of 8: The next step was not documented. Script no-records-yet, version 4."
pub fn hints(group: &QualityGroup, script: Option<String>) -> Vec<String> {
    let script = script.map(|script| format!(" Script {script}.")).unwrap_or_default();
    let missed = group.misses.iter().filter(|miss| miss.missed > 0).take(MOST_HINTS);
    missed.map(|miss| format!("{}: {}{script}", share(miss.missed, miss.applied), miss.words)).collect()
}

fn miss_line(miss: &QualityMiss) -> MissLine {
    let about = miss.about.parse::<About>().map_or("", |about| about.label("en"));
    MissLine { words: miss.words.clone(), about: about.to_owned(), share: share(miss.missed, miss.applied) }
}

fn agreement(one: &ItemAgreement) -> (String, String, String) {
    // Of few pairs it says nothing.
    let is_told = one.has_kappa && one.pairs >= FEW;
    let kappa = if is_told { format!("{:.2}", one.kappa) } else { "–".to_owned() };
    (one.label.clone(), share(one.same, one.pairs), kappa)
}

fn answer_words(word: &str) -> String {
    word.parse::<Answer>().map_or("", |answer| answer.label("en")).to_owned()
}

fn item(item: &AuditItem, typed: Option<&Sent>, saved_by: &str) -> AuditItemLine {
    let answer = typed.map_or(item.answer.as_str(), |typed| typed.get(&format!("answer-{}", item.id)));
    let comment = typed.map_or(item.comment.as_str(), |typed| typed.get(&format!("comment-{}", item.id)));
    // A new page begins with what was computed; the reader may say otherwise. Two who differ choose themselves.
    let chosen = if answer.is_empty() && typed.is_none() && item.second_answer.is_empty() {
        item.computed.as_str()
    } else {
        answer
    };
    let option = |answer: &Answer| SelectOption {
        value: answer.as_str().to_owned(),
        label: answer.label("en").to_owned(),
        selected: answer.as_str() == chosen,
    };
    let about = item.about.parse::<About>().map_or("", |about| about.label("en"));
    let said = |who: &str, answer: &str, comment: &str| {
        let comment = if comment.is_empty() { String::new() } else { format!(" {comment}") };
        format!("{who}: {}.{comment}", answer_words(answer))
    };
    let mut both = if item.second_answer.is_empty() {
        Vec::new()
    } else {
        vec![
            said("First reader", &item.first_answer, &item.first_comment),
            said("Second reader", &item.second_answer, &item.second_comment),
        ]
    };
    let differs = !both.is_empty() && item.first_answer != item.second_answer;
    if !item.answer.is_empty() && (item.answer != answer || item.comment != comment) {
        both.push(said(saved_by, &item.answer, &item.comment));
    }
    let computed = match answer_words(&item.computed) {
        none if none.is_empty() => none,
        words => {
            format!("From what was written down: {}. To say otherwise, say why in the comment.", words.to_lowercase())
        }
    };
    AuditItemLine {
        id: item.id.clone(),
        label: item.label.clone(),
        why: item.why.clone(),
        about: format!("{about}, counts {}", item.weight),
        computed,
        options: Answer::ALL.iter().map(option).collect(),
        answer: answer_words(&item.answer),
        comment: comment.to_owned(),
        differs,
        both,
    }
}

#[cfg(test)]
#[path = "audits_tests.rs"]
mod tests;
