//! Readings and their answers; every free word is sealed.

use std::collections::BTreeMap;

use causeway_auth::{Phi, Sealer};
use causeway_funnel::quality_audit::scoring::{Mark, score};
use causeway_funnel::quality_audit::{About, Answer};
use causeway_mailbox::{Ts, Tx};
use uuid::Uuid;

use super::unreadable;
use crate::domain::Reading;
use crate::error::DeskError;

/// One item as it was answered.
pub struct Answered {
    /// Its id.
    pub item: String,
    /// What it is about.
    pub about: About,
    /// The note's field; empty: none.
    pub field: String,
    /// How much it counts.
    pub weight: u32,
    /// The answer.
    pub answer: Answer,
    /// What the machine answered.
    pub computed: Option<Answer>,
    /// Free words.
    pub comment: Option<Phi<String>>,
}

/// A reading.
#[derive(Default)]
pub struct Known {
    /// Whether it is finished.
    pub finished: bool,
    /// Free words on the whole.
    pub comment: Option<Phi<String>>,
    /// Its answers by item.
    pub answers: Vec<Answered>,
}

impl Known {
    /// What is scored.
    pub fn marks(&self) -> Vec<Mark> {
        marks(&self.answers)
    }

    /// Whether it says word for word the same, items in whatever order.
    pub fn says(&self, other: &Self) -> bool {
        fn words(comment: Option<&Phi<String>>) -> &str {
            comment.map_or("", |words| words.expose().as_str())
        }
        let told = |one: &Answered| (one.answer, words(one.comment.as_ref()).to_owned());
        let all = |known: &Self| -> BTreeMap<String, (Answer, String)> {
            known.answers.iter().map(|one| (one.item.clone(), told(one))).collect()
        };
        words(self.comment.as_ref()) == words(other.comment.as_ref()) && all(self) == all(other)
    }

    /// Whether it holds free words.
    pub fn has_words(&self) -> bool {
        self.comment.is_some() || self.answers.iter().any(|one| one.comment.is_some())
    }
}

/// What is scored of answers.
pub fn marks(answers: &[Answered]) -> Vec<Mark> {
    let mark = |one: &Answered| Mark { item: one.item.clone(), weight: one.weight, answer: one.answer };
    answers.iter().map(mark).collect()
}

fn context(audit_id: Uuid, reading: i16, item: &str) -> String {
    format!("quality_answers.sealed:{audit_id}:{reading}:{item}")
}

/// Saves a reading in the place of what it was before.
pub async fn save(
    tx: &mut Tx,
    sealer: &Sealer,
    (audit_id, reading, reader): (Uuid, Reading, &str),
    known: &Known,
) -> Result<(), DeskError> {
    let (center, now, number) = (tx.center().to_owned(), tx.now(), reading.number());
    let seal = |item: &str, words: &Option<Phi<String>>| {
        words.as_ref().map(|words| sealer.seal_text(&center, &context(audit_id, number, item), words)).transpose()
    };
    let total = score(&known.marks()).and_then(|score| i32::try_from(score).ok());
    sqlx::query(
        "INSERT INTO quality_readings (center_id, audit_id, reading, reader, score, saved_at, finished_at, sealed) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (audit_id, reading) DO UPDATE SET reader = excluded.reader, \
         score = excluded.score, saved_at = excluded.saved_at, finished_at = excluded.finished_at, sealed = excluded.sealed",
    )
    .bind(&center)
    .bind(audit_id)
    .bind(number)
    .bind(reader)
    .bind(total)
    .bind(Ts(now))
    .bind(known.finished.then_some(Ts(now)))
    .bind(seal("", &known.comment)?)
    .execute(tx.conn())
    .await?;
    sqlx::query("DELETE FROM quality_answers WHERE audit_id = $1 AND reading = $2")
        .bind(audit_id)
        .bind(number)
        .execute(tx.conn())
        .await?;
    let sealed: Vec<Option<Vec<u8>>> =
        known.answers.iter().map(|one| seal(&one.item, &one.comment)).collect::<Result<_, _>>()?;
    sqlx::query(
        "INSERT INTO quality_answers (center_id, audit_id, reading, item, about, field, weight, answer, computed, sealed) \
         SELECT $1, $2, $3, * FROM unnest($4::text[], $5::text[], $6::text[], $7::integer[], $8::text[], $9::text[], $10::bytea[])",
    )
    .bind(&center)
    .bind(audit_id)
    .bind(number)
    .bind(known.answers.iter().map(|one| one.item.as_str()).collect::<Vec<_>>())
    .bind(known.answers.iter().map(|one| one.about.as_str()).collect::<Vec<_>>())
    .bind(known.answers.iter().map(|one| one.field.as_str()).collect::<Vec<_>>())
    .bind(known.answers.iter().map(|one| i32::try_from(one.weight).unwrap_or(i32::MAX)).collect::<Vec<_>>())
    .bind(known.answers.iter().map(|one| one.answer.as_str()).collect::<Vec<_>>())
    .bind(known.answers.iter().map(|one| one.computed.map_or("", Answer::as_str)).collect::<Vec<_>>())
    .bind(sealed)
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Drops a reading that was given back, and those that came after it.
pub async fn drop_reading(tx: &mut Tx, audit_id: Uuid, reading: Reading) -> Result<(), sqlx::Error> {
    sqlx::query("DELETE FROM quality_readings WHERE audit_id = $1 AND reading >= $2")
        .bind(audit_id)
        .bind(reading.number())
        .execute(tx.conn())
        .await?;
    Ok(())
}

type Row = (String, String, String, i32, String, String, Option<Vec<u8>>);

/// Opens a reading, if there is one.
pub async fn open(tx: &mut Tx, sealer: &Sealer, audit_id: Uuid, reading: Reading) -> Result<Option<Known>, DeskError> {
    let number = reading.number();
    let found: Option<(bool, Option<Vec<u8>>)> = sqlx::query_as(
        "SELECT finished_at IS NOT NULL, sealed FROM quality_readings WHERE audit_id = $1 AND reading = $2",
    )
    .bind(audit_id)
    .bind(number)
    .fetch_optional(tx.conn())
    .await?;
    let Some((finished, sealed)) = found else { return Ok(None) };
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT item, about, field, weight, answer, computed, sealed FROM quality_answers WHERE audit_id = $1 AND reading = $2 ORDER BY item",
    )
    .bind(audit_id)
    .bind(number)
    .fetch_all(tx.conn())
    .await?;
    let center = tx.center().to_owned();
    let open = |item: &str, sealed: Option<Vec<u8>>| {
        sealed.map(|sealed| sealer.open_text(&center, &context(audit_id, number, item), &sealed)).transpose()
    };
    let mut answers = Vec::with_capacity(rows.len());
    for (item, about, field, weight, answer, computed, sealed) in rows {
        let parsed = |word: &str| word.parse::<Answer>().map_err(|_| unreadable("answer", word));
        answers.push(Answered {
            comment: open(&item, sealed)?,
            about: about.parse().map_err(|_| unreadable("about", &about))?,
            answer: parsed(&answer)?,
            computed: if computed.is_empty() { None } else { Some(parsed(&computed)?) },
            weight: u32::try_from(weight).unwrap_or_default(),
            item,
            field,
        });
    }
    Ok(Some(Known { finished, comment: open("", sealed)?, answers }))
}
