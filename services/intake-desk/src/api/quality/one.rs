//! One audit: looked at, taken, given back, answered, settled.
//!
//! The page of an inquiry is shown without free words, without the answers of its note and without the person: what an audit needs
//! is what was done and when.

use std::collections::{BTreeMap, BTreeSet};

use causeway_auth::audit::append;
use causeway_auth::{Action, Actor, Phi, policy};
use causeway_funnel::profile::Profile;
use causeway_funnel::quality_audit::computed::{Worked, answer};
use causeway_funnel::quality_audit::sampling::{wants_second, week_of};
use causeway_funnel::quality_audit::scoring::score;
use causeway_funnel::quality_audit::{Answer, Item};
use causeway_funnel::script::fill;
use causeway_mailbox::Tx;
use causeway_proto::intake::v1 as wire;
use jiff::civil::Date;
use uuid::Uuid;

use super::super::call::Call;
use super::super::{Desk, page};
use super::queue;
use crate::domain::{Audit, AuditState, Finished, Given, ItemFault, Reading, Refusal, may_finish};
use crate::error::DeskError;
use crate::handlers::draw_key;
use crate::store::inquiry::find;
use crate::store::quality::answers::{self, Answered, Known};
use crate::store::quality::audits::{AuditRow, load_for_update, open_of, save, workers};
use crate::store::quality::draws;

/// Longest comment.
const MOST_SIGNS: usize = 2_000;

/// What is done with an audit.
pub(super) enum Do {
    Look,
    Take,
    GiveBack,
    AskSecond,
    Save(wire::SaveAuditRequest),
}

impl Do {
    const fn purpose(&self) -> &'static str {
        match self {
            Self::Look => "audit_page",
            Self::Take => "take_audit",
            Self::GiveBack => "give_back_audit",
            Self::AskSecond => "ask_second_reader",
            Self::Save(_) => "save_audit",
        }
    }
}

/// Puts an inquiry into the queue, and answers with its audit.
pub(super) async fn choose(
    desk: &Desk,
    (center, actor): (String, Actor),
    inquiry_id: Uuid,
) -> Result<wire::QualityAudit, DeskError> {
    let own = desk.clone();
    let work = desk.parts.database.with_tx(&center, move |tx| {
        Box::pin(async move {
            let current = own.profile(tx.center())?;
            if find(tx, inquiry_id).await?.is_none() {
                return Err(DeskError::NotFound);
            }
            let worked = draws::worked(tx, inquiry_id).await?;
            let worked = worked.ok_or(DeskError::UnknownName(
                "nobody has tried to reach the person of this inquiry yet, so there is no work to audit",
            ))?;
            if open_of(tx, inquiry_id).await?.is_none() {
                let week = week_of(tx.now(), current.1.zone());
                draws::insert(tx, ("", week), std::slice::from_ref(&worked)).await?;
            }
            let audit_id = open_of(tx, inquiry_id).await?.ok_or(DeskError::NotFound)?;
            Ok(own.audited(tx, actor, audit_id, Do::Look).await?.0)
        })
    });
    work.await
}

/// Does something with an audit, and answers with it as it is then.
pub(super) async fn done(
    desk: &Desk,
    (center, actor): (String, Actor),
    audit_id: Uuid,
    what: Do,
) -> Result<wire::QualityAudit, DeskError> {
    let own = desk.clone();
    let work = desk
        .parts
        .database
        .with_tx(&center, move |tx| Box::pin(async move { own.audited(tx, actor, audit_id, what).await }));
    let (shown, counts) = work.await?;
    // Only what is kept is counted, and each audit once.
    if let Some((team, score)) = counts {
        desk.parts.metrics.audited(&center, &team, score);
    }
    Ok(shown)
}

/// Team and score of an audit that is finished for the first time.
type Counts = Option<(String, Option<u32>)>;

/// An audit with what is needed to decide about it.
struct Loaded<'a> {
    profile: &'a Profile,
    row: AuditRow,
    audit: Audit,
    workers: BTreeSet<String>,
    inquiry: wire::Inquiry,
    worked: Worked,
    items: Vec<&'a Item>,
    /// The language in which the person was talked to.
    language: &'a str,
}

impl Desk {
    async fn audited(
        &self,
        tx: &mut Tx,
        actor: Actor,
        audit_id: Uuid,
        what: Do,
    ) -> Result<(wire::QualityAudit, Counts), DeskError> {
        let current = self.profile(tx.center())?;
        let profile = &current.1;
        let row = load_for_update(tx, audit_id).await?.ok_or(DeskError::NotFound)?;
        let (audit, workers) = (row.audit()?, workers(tx, row.inquiry_id).await?);
        let known = find(tx, row.inquiry_id).await?.ok_or(DeskError::NotFound)?;
        let call = Call { center: tx.center().to_owned(), inquiry_id: row.inquiry_id, actor };
        let (inquiry, worked) = page::for_audit(self, tx, &call, (&known, profile)).await?;
        let facts = &known.inquiry.facts;
        let items = profile.audits.items_for(facts.consult_type, facts.cancer_area, &row.script).collect();
        let language = profile.language_or_default(&facts.language);
        let mut loaded = Loaded { profile, row, audit, workers, inquiry, worked, items, language };
        let purpose = what.purpose();
        let counts = self.change(tx, &call, &mut loaded, what).await?;
        let shown = self.shown(tx, &call, loaded).await?;
        append(tx, call.entry(tx, Action::ScoreInquiry.word(), purpose)).await?;
        Ok((shown, counts))
    }

    async fn change(&self, tx: &mut Tx, call: &Call, loaded: &mut Loaded<'_>, what: Do) -> Result<Counts, DeskError> {
        let (who, audit) = (call.actor.id.as_str(), &mut loaded.audit);
        let before = audit.clone();
        match what {
            Do::Look => {}
            Do::Take => audit.take(who, &loaded.workers)?,
            Do::GiveBack => {
                let may_reassign = policy::may(&call.actor, Action::Reassign, &call.center).is_ok();
                let reading = audit.give_back(who, may_reassign, &loaded.workers)?;
                answers::drop_reading(tx, audit.audit_id, reading).await?;
            }
            Do::AskSecond => {
                let others = open_of(tx, audit.inquiry_id).await?.is_some_and(|open| open != audit.audit_id);
                if audit.state == AuditState::Finished && others {
                    let text = "another audit of this inquiry is open; finish that one, or ask for its second reader";
                    return Err(Refusal::WrongState(text.into()).into());
                }
                audit.ask_second(who, &loaded.workers)?;
            }
            Do::Save(asked) => self.write(tx, who, loaded, asked).await?,
        }
        loaded.audit.looked(who);
        let (audit, counted) = (&loaded.audit, loaded.row.counted);
        if *audit != before {
            save(tx, audit).await?;
            loaded.row = load_for_update(tx, audit.audit_id).await?.ok_or(DeskError::NotFound)?;
        }
        let counts = audit.state == AuditState::Finished && !counted;
        Ok(counts.then(|| (loaded.row.team.clone(), audit.score)))
    }

    /// Whether the same words were finished already, by somebody who sends them again.
    async fn is_done(&self, tx: &mut Tx, who: &str, audit: &Audit, sent: &Known) -> Result<bool, DeskError> {
        let of = [
            (audit.settled_by == who, Reading::Settled),
            (audit.first_reader == who, Reading::First),
            (audit.second_reader == who, Reading::Second),
        ];
        for (_, reading) in of.into_iter().filter(|(is_theirs, _)| *is_theirs) {
            let known = answers::open(tx, &self.parts.sealer, audit.audit_id, reading).await?;
            if known.is_some_and(|known| (known.finished || reading == Reading::Settled) && known.says(sent)) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    async fn write(
        &self,
        tx: &mut Tx,
        who: &str,
        loaded: &mut Loaded<'_>,
        asked: wire::SaveAuditRequest,
    ) -> Result<(), DeskError> {
        let comment = worded(&asked.comment)
            .ok_or(DeskError::Field("the comment on the whole is longer than 2000 signs; shorten it"))?;
        let given = read_answers(loaded, &asked.answers)?;
        if asked.finish {
            may_finish(&given)?;
        }
        let item_of = |id: &str| loaded.items.iter().find(|item| item.id == id);
        let answered = given.iter().filter_map(|one| {
            let item = item_of(one.item)?;
            Some(Answered {
                item: item.id.clone(),
                about: item.about,
                field: item.field.clone().unwrap_or_default(),
                weight: item.weight,
                answer: one.answer?,
                computed: one.computed,
                comment: (!one.comment.is_empty()).then(|| Phi::new(one.comment.to_owned())),
            })
        });
        let mut known = Known { finished: asked.finish, comment, answers: answered.collect() };
        let is_late = asked.finish && asked.base_version < loaded.audit.version;
        if is_late && self.is_done(tx, who, &loaded.audit, &known).await? {
            return Ok(());
        }
        let reading = loaded.audit.write(who, &loaded.workers, asked.base_version)?;
        let same = if asked.finish && loaded.audit.waits_for(who) {
            let stands = answers::open(tx, &self.parts.sealer, loaded.audit.audit_id, Reading::Settled).await?;
            stands.is_some_and(|stands| stands.says(&known))
        } else {
            false
        };
        // What one of the two wrote is a word to the other until they say the same.
        known.finished &= reading != Reading::Settled || same;
        answers::save(tx, &self.parts.sealer, (loaded.audit.audit_id, reading, who), &known).await?;
        if asked.finish {
            let first = match reading {
                Reading::Second => answers::open(tx, &self.parts.sealer, loaded.audit.audit_id, Reading::First).await?,
                _ => None,
            };
            let rule = &loaded.profile.audits.second_reader;
            let key = draw_key(&self.parts.sealer, tx.center())?;
            let week = loaded.row.week.parse::<Date>().map_err(|cause| sqlx::Error::Decode(cause.into()))?;
            let finished = Finished {
                marks: &known.marks(),
                first: &first.map(|first| first.marks()).unwrap_or_default(),
                rule,
                drawn: wants_second(rule.percent, &key, (tx.center(), week), loaded.audit.audit_id),
                same,
            };
            loaded.audit.finish(who, reading, &finished);
        } else {
            loaded.audit.keep(who, reading);
        }
        Ok(())
    }

    async fn shown(&self, tx: &mut Tx, call: &Call, loaded: Loaded<'_>) -> Result<wire::QualityAudit, DeskError> {
        let Loaded { profile, row, audit, workers, inquiry, worked, items, language } = loaded;
        let who = call.actor.id.as_str();
        let (mine, both) = (audit.reading_of(who), audit.shows_both(who));
        let (mut first, mut second, mut own) = (None, None, None);
        let sealer = &self.parts.sealer;
        if both {
            first = answers::open(tx, sealer, audit.audit_id, Reading::First).await?;
            second = answers::open(tx, sealer, audit.audit_id, Reading::Second).await?;
        }
        if let Some(reading) = mine.or(audit.final_reading) {
            own = answers::open(tx, sealer, audit.audit_id, reading).await?;
        }
        let scored = |known: &Option<Known>| {
            known.as_ref().and_then(|known| score(&known.marks())).and_then(|score| i32::try_from(score).ok())
        };
        let said =
            |known: &Option<Known>| known.as_ref().and_then(|known| words(known.comment.as_ref())).unwrap_or_default();
        let script = profile.scripts.pick(&row.script, language);
        let settles = mine == Some(Reading::Settled) && own.is_none();
        let mut lines = lines(profile, &items, &worked, [&own, &first, &second]);
        if settles {
            // Where the two agree there is nothing to settle, and what was said of it stays said.
            lines.iter_mut().filter(|line| line.first_answer == line.second_answer).for_each(|line| {
                line.answer.clone_from(&line.first_answer);
                let comments = [&line.first_comment, &line.second_comment];
                let comment = comments.into_iter().find(|comment| !comment.is_empty()).cloned();
                line.comment = comment.unwrap_or_default();
            });
        }
        Ok(wire::QualityAudit {
            row: Some(queue::row(&row)?),
            items: lines,
            comment: said(&own),
            first_comment: said(&first),
            second_comment: said(&second),
            first_score: scored(&first).unwrap_or_default(),
            second_score: scored(&second).unwrap_or_default(),
            has_first_score: scored(&first).is_some(),
            has_second_score: scored(&second).is_some(),
            settled_by: if mine == Some(Reading::Settled) { audit.settled_by.clone() } else { String::new() },
            inquiry: Some(inquiry),
            script_text: script.map(|script| fill(script, &BTreeMap::new())).unwrap_or_default(),
            script_changed: script.is_some_and(|script| script.version.to_string() != row.script_version),
            reading: mine.map_or(0, |reading| i32::from(reading.number())),
            may_take: audit.may_take(who, &workers),
            may_give_back: audit
                .gives_back(who, policy::may(&call.actor, Action::Reassign, &call.center).is_ok(), &workers)
                .is_ok(),
            may_ask_second: audit.may_ask_second(who, &workers),
            own_work: workers.contains(who),
        })
    }
}

fn words(comment: Option<&Phi<String>>) -> Option<String> {
    comment.map(|words| words.expose().clone())
}

/// A comment as it is kept, nothing where it says nothing; none where it is too long.
fn worded(text: &str) -> Option<Option<Phi<String>>> {
    let text = text.trim();
    (text.chars().count() <= MOST_SIGNS).then(|| (!text.is_empty()).then(|| Phi::new(text.to_owned())))
}

/// Each item of the checklist with what was answered.
fn read_answers<'a>(loaded: &'a Loaded<'_>, sent: &'a [wire::AuditAnswer]) -> Result<Vec<Given<'a>>, DeskError> {
    if sent.iter().any(|one| !loaded.items.iter().any(|item| item.id == one.item)) {
        return Err(DeskError::UnknownName(
            "an answer names an item that the checklist does not have for this inquiry; read the audit again",
        ));
    }
    let language = loaded.profile.default_language();
    let read = |item: &&'a Item| {
        let label = item.label.get(language);
        let one = sent.iter().rfind(|one| one.item == item.id);
        let (answered, comment) = one.map_or(("", ""), |one| (one.answer.as_str(), one.comment.trim()));
        let answered: Option<Answer> = match answered {
            "" => None,
            word => Some(word.parse().map_err(|_| ItemFault::UnknownAnswer(label.to_owned()))?),
        };
        if worded(comment).is_none() {
            return Err(ItemFault::TooLong(label.to_owned()).into());
        }
        if answered.is_none() && !comment.is_empty() {
            return Err(ItemFault::CommentAlone(label.to_owned()).into());
        }
        Ok(Given { item: &item.id, label, answer: answered, computed: answer(item, &loaded.worked), comment })
    };
    loaded.items.iter().map(read).collect()
}

/// The items with their answers: those of the checklist in force, and of a finished audit those that it was scored by.
fn lines(
    profile: &Profile,
    items: &[&Item],
    worked: &Worked,
    [own, first, second]: [&Option<Known>; 3],
) -> Vec<wire::AuditItem> {
    let language = profile.default_language();
    let of = |known: &'_ Option<Known>, id: &str| {
        let one = known.as_ref().and_then(|known| known.answers.iter().find(|one| one.item == id));
        one.map(|one| (one.answer.as_str().to_owned(), words(one.comment.as_ref()).unwrap_or_default()))
            .unwrap_or_default()
    };
    let line = |id: &str, item: Option<&Item>, kept: Option<&Answered>| {
        let ((answer_given, comment), (first_answer, first_comment), (second_answer, second_comment)) =
            (of(own, id), of(first, id), of(second, id));
        let finished = kept.filter(|_| own.as_ref().is_some_and(|own| own.finished));
        let computed = finished.map_or_else(|| item.and_then(|item| answer(item, worked)), |kept| kept.computed);
        wire::AuditItem {
            id: id.to_owned(),
            about: kept
                .map_or_else(|| item.map_or("", |item| item.about.as_str()), |kept| kept.about.as_str())
                .to_owned(),
            label: item.map_or(id, |item| item.label.get(language)).to_owned(),
            why: item.map_or("", |item| item.why.get(language)).to_owned(),
            weight: i32::try_from(kept.map_or_else(|| item.map_or(0, |item| item.weight), |kept| kept.weight))
                .unwrap_or(i32::MAX),
            field: item.and_then(|item| item.field.clone()).unwrap_or_default(),
            computed: computed.map_or("", Answer::as_str).to_owned(),
            answer: answer_given,
            comment,
            first_answer,
            first_comment,
            second_answer,
            second_comment,
        }
    };
    let kept = |id: &str| own.as_ref().and_then(|own| own.answers.iter().find(|one| one.item == id));
    let is_over = own.as_ref().is_some_and(|own| own.finished);
    let in_force = items.iter().filter(|item| !is_over || kept(&item.id).is_some());
    let mut lines: Vec<_> = in_force.map(|item| line(&item.id, Some(item), kept(&item.id))).collect();
    // What has left the profile since then.
    let gone =
        own.iter().flat_map(|own| &own.answers).filter(|one| is_over && !items.iter().any(|item| item.id == one.item));
    lines.extend(gone.map(|one| line(&one.item, profile.audits.item(&one.item), Some(one))));
    lines
}

/// The items and comment of a finished audit, for whose work it was.
pub(super) fn own_lines(profile: &Profile, known: Known) -> (Vec<wire::AuditItem>, String) {
    let comment = words(known.comment.as_ref()).unwrap_or_default();
    let items: Vec<&Item> = profile.audits.items.iter().collect();
    (lines(profile, &items, &Worked::default(), [&Some(known), &None, &None]), comment)
}
