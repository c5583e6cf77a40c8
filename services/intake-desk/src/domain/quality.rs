//! An audit of intake quality: who may read it, and what follows when a reading is finished.
//!
//! Deliberately not here: which inquiries are drawn, the checklist and the score (funnel), what the machine answers from (`worked`), and the access log, which is another thing.

use std::collections::BTreeSet;

use causeway_funnel::quality_audit::scoring::{Mark, differ, score};
use causeway_funnel::quality_audit::{Answer, SecondReader};
use uuid::Uuid;

use super::step::Refusal;

/// How far an audit is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuditState {
    /// Nobody reads it yet.
    Waiting,
    /// The first reader has it.
    First,
    /// It waits for a second reader.
    SecondWaiting,
    /// The second reader has it, without the first one's answers.
    Second,
    /// The two see both and settle it.
    Differs,
    /// It counts.
    Finished,
}

impl AuditState {
    const ALL: [(Self, &'static str); 6] = [
        (Self::Waiting, "waiting"),
        (Self::First, "first"),
        (Self::SecondWaiting, "second_waiting"),
        (Self::Second, "second"),
        (Self::Differs, "differs"),
        (Self::Finished, "finished"),
    ];

    /// The stored word.
    pub fn as_str(self) -> &'static str {
        Self::ALL.iter().find(|row| row.0 == self).map_or("", |row| row.1)
    }

    /// Reads the stored word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.iter().find(|row| row.1 == word).map(|row| row.0)
    }
}

/// Which reading of an audit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reading {
    /// The first reader's.
    First,
    /// The second reader's.
    Second,
    /// What the two agreed on.
    Settled,
}

impl Reading {
    /// The stored number.
    pub const fn number(self) -> i16 {
        match self {
            Self::First => 1,
            Self::Second => 2,
            Self::Settled => 3,
        }
    }
}

/// An audit, as far as it decides who may do what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Audit {
    /// Its id.
    pub audit_id: Uuid,
    /// Which inquiry.
    pub inquiry_id: Uuid,
    /// How far it is.
    pub state: AuditState,
    /// Who read it first; empty: nobody.
    pub first_reader: String,
    /// Who reads it second; empty: nobody.
    pub second_reader: String,
    /// Somebody else reads it as well.
    pub second_wanted: bool,
    /// The reading that counts, once it is finished.
    pub final_reading: Option<Reading>,
    /// Its score, where an item applied.
    pub score: Option<u32>,
    /// Who may not read it second: they saw the answers, or asked for a second reader of a finished one.
    pub not_blind: BTreeSet<String>,
    /// Who of the two wrote the settlement that stands; empty: nobody.
    pub settled_by: String,
    /// Counts its changes. That somebody looked is none.
    pub version: i64,
}

/// A finished reading and what it is compared with.
pub struct Finished<'a> {
    /// Its answers.
    pub marks: &'a [Mark],
    /// The first reader's, where this is the second reading.
    pub first: &'a [Mark],
    /// When the two have to settle it.
    pub rule: &'a SecondReader,
    /// Luck wants a second reader.
    pub drawn: bool,
    /// It says word for word what stands as the settlement.
    pub same: bool,
}

const OWN_WORK: &str = "you worked this inquiry; somebody else has to audit it";
const NOT_BLIND: &str =
    "you have seen what was answered, or asked for the second reader; somebody else has to read it second";

fn not_own(who: &str, workers: &BTreeSet<String>) -> Result<(), Refusal> {
    if workers.contains(who) { Err(Refusal::WrongState(OWN_WORK.into())) } else { Ok(()) }
}

impl Audit {
    /// Somebody takes it, who is none of those that worked the inquiry.
    pub fn take(&mut self, who: &str, workers: &BTreeSet<String>) -> Result<(), Refusal> {
        not_own(who, workers)?;
        match self.state {
            AuditState::Waiting => {
                (self.state, self.first_reader) = (AuditState::First, who.to_owned());
            }
            AuditState::SecondWaiting if self.first_reader == who => {
                return Err(Refusal::WrongState("you read it first; the second reader has to be somebody else".into()));
            }
            AuditState::SecondWaiting if self.not_blind.contains(who) => {
                return Err(Refusal::WrongState(NOT_BLIND.into()));
            }
            AuditState::SecondWaiting => {
                (self.state, self.second_reader) = (AuditState::Second, who.to_owned());
            }
            AuditState::First if self.first_reader == who => return Ok(()),
            AuditState::Second if self.second_reader == who => return Ok(()),
            AuditState::First | AuditState::Second => {
                return Err(Refusal::Conflict("somebody else has taken this audit; take another one"));
            }
            AuditState::Differs | AuditState::Finished => {
                return Err(Refusal::WrongState(
                    "this audit has been read; look at it, or ask for a second reader".into(),
                ));
            }
        }
        self.version += 1;
        Ok(())
    }

    /// The reading that somebody may give back. Two who differ are parted only where one of them has worked the inquiry meanwhile, or
    /// by a manager who is none of them.
    pub fn gives_back(&self, who: &str, may_reassign: bool, workers: &BTreeSet<String>) -> Result<Reading, Refusal> {
        let (reading, reader) = match self.state {
            AuditState::First => (Reading::First, self.first_reader.as_str()),
            AuditState::Second => (Reading::Second, self.second_reader.as_str()),
            AuditState::Differs if self.first_reader == who && workers.contains(who) => (Reading::First, who),
            AuditState::Differs if self.second_reader == who && workers.contains(who) => (Reading::Second, who),
            AuditState::Differs if self.reading_of(who).is_none() => (Reading::Second, self.second_reader.as_str()),
            AuditState::Differs => return Err(Refusal::WrongState("you two settle it; or ask another manager".into())),
            _ => return Err(Refusal::WrongState("nobody has taken this audit, or it has been read".into())),
        };
        if reader != who {
            not_own(who, workers)?;
            if !may_reassign {
                return Err(Refusal::Conflict("somebody else has taken this audit; ask them, or a manager"));
            }
        }
        Ok(reading)
    }

    /// It goes back into the queue; gives the reading that is dropped, with those that came after it.
    pub fn give_back(&mut self, who: &str, may_reassign: bool, workers: &BTreeSet<String>) -> Result<Reading, Refusal> {
        let reading = self.gives_back(who, may_reassign, workers)?;
        if self.state == AuditState::Differs {
            self.not_blind.extend([self.first_reader.clone(), self.second_reader.clone()]);
        }
        self.second_reader.clear();
        self.settled_by.clear();
        self.state = AuditState::SecondWaiting;
        if reading == Reading::First {
            self.first_reader.clear();
            self.state = AuditState::Waiting;
        }
        self.version += 1;
        Ok(reading)
    }

    /// The reading that somebody may write now.
    pub fn reading_of(&self, who: &str) -> Option<Reading> {
        match self.state {
            AuditState::First if self.first_reader == who => Some(Reading::First),
            AuditState::Second if self.second_reader == who => Some(Reading::Second),
            AuditState::Differs if self.first_reader == who || self.second_reader == who => Some(Reading::Settled),
            _ => None,
        }
    }

    /// Whether somebody sees what both readers answered.
    pub fn shows_both(&self, who: &str) -> bool {
        self.state == AuditState::Finished || self.reading_of(who) == Some(Reading::Settled)
    }

    /// Whether its score is kept from somebody who has not seen what was answered: it may still get a second reader.
    pub fn hides_score(&self, who: &str) -> bool {
        self.state == AuditState::Finished
            && self.second_reader.is_empty()
            && self.first_reader != who
            && !self.not_blind.contains(who)
    }

    /// Somebody is shown it as it is: who sees the answers of a finished one can not be its second reader.
    pub fn looked(&mut self, who: &str) {
        if self.hides_score(who) {
            self.not_blind.insert(who.to_owned());
        }
    }

    /// Whether the settlement that stands is the other one's, and so waits for somebody's word.
    pub fn waits_for(&self, who: &str) -> bool {
        self.reading_of(who) == Some(Reading::Settled) && !self.settled_by.is_empty() && self.settled_by != who
    }

    /// Somebody saves answers on what they saw at a version; gives the reading that it is.
    pub fn write(&mut self, who: &str, workers: &BTreeSet<String>, base_version: i64) -> Result<Reading, Refusal> {
        // They may have worked it after they took it.
        not_own(who, workers)?;
        let reading = self.reading_of(who).ok_or_else(|| {
            Refusal::WrongState("you have not taken this audit, or it has been read; take it first".into())
        })?;
        if base_version != self.version {
            return Err(Refusal::Conflict("this audit was saved from another page meanwhile; read it again"));
        }
        self.version += 1;
        Ok(reading)
    }

    /// A reading is kept to go on later. A settlement is its writer's from then on.
    pub fn keep(&mut self, who: &str, reading: Reading) {
        if reading == Reading::Settled {
            who.clone_into(&mut self.settled_by);
        }
    }

    /// A reading is finished. A settlement counts once the one of the two who did not write it says the same.
    pub fn finish(&mut self, who: &str, reading: Reading, finished: &Finished<'_>) {
        let Finished { marks, first, rule, drawn, same } = finished;
        let confirmed = *same && self.waits_for(who);
        self.keep(who, reading);
        self.second_wanted |= reading == Reading::First && *drawn;
        (self.state, self.final_reading, self.score) = match reading {
            Reading::First if self.second_wanted => (AuditState::SecondWaiting, None, None),
            Reading::Second if differ(first, marks, rule) => (AuditState::Differs, None, None),
            // They agree as far as the center asks, so the first one's answers stand.
            Reading::Second => (AuditState::Finished, Some(Reading::First), score(first)),
            Reading::Settled if !confirmed => (AuditState::Differs, None, None),
            Reading::First | Reading::Settled => (AuditState::Finished, Some(reading), score(marks)),
        };
    }

    /// Somebody else is to read it as well.
    pub fn ask_second(&mut self, who: &str, workers: &BTreeSet<String>) -> Result<(), Refusal> {
        not_own(who, workers)?;
        if !self.second_reader.is_empty() {
            return Err(Refusal::WrongState("it has a second reader already".into()));
        }
        if self.second_wanted {
            return Ok(());
        }
        self.second_wanted = true;
        if self.state == AuditState::Finished {
            (self.state, self.final_reading, self.score) = (AuditState::SecondWaiting, None, None);
            self.not_blind.insert(who.to_owned());
        }
        self.version += 1;
        Ok(())
    }

    /// Whether somebody may ask for a second reader now.
    pub fn may_ask_second(&self, who: &str, workers: &BTreeSet<String>) -> bool {
        self.second_reader.is_empty() && !self.second_wanted && !workers.contains(who)
    }

    /// Whether somebody may take it now.
    pub fn may_take(&self, who: &str, workers: &BTreeSet<String>) -> bool {
        !workers.contains(who)
            && match self.state {
                AuditState::Waiting => true,
                AuditState::SecondWaiting => self.first_reader != who && !self.not_blind.contains(who),
                _ => false,
            }
    }
}

/// An item as somebody answered it, beside what the machine says.
pub struct Given<'a> {
    /// Id of the item.
    pub item: &'a str,
    /// What it asks.
    pub label: &'a str,
    /// The answer.
    pub answer: Option<Answer>,
    /// What the machine answers.
    pub computed: Option<Answer>,
    /// The comment, trimmed.
    pub comment: &'a str,
}

/// Why answers can not be taken. An item is named by what it asks.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum ItemFault {
    /// Nothing is asked.
    #[error("the checklist of this center has no item for this inquiry; see audits.toml")]
    NoItem,
    /// An item has no answer.
    #[error("“{0}” has no answer; answer each item with yes, no or does not apply")]
    NoAnswer(String),
    /// A word that is no answer.
    #[error("“{0}” has a word for an answer that is none; use yes, no or not_applicable")]
    UnknownAnswer(String),
    /// There is a comment and no answer.
    #[error("“{0}” has a comment and no answer; answer it first")]
    CommentAlone(String),
    /// The comment is too long.
    #[error("the comment at “{0}” is longer than 2000 signs; shorten it")]
    TooLong(String),
    /// The machine says otherwise, and nobody says why.
    #[error("“{0}” is answered otherwise than what was computed and has no comment; say in its comment why")]
    NoReason(String),
}

/// Whether a reading may be finished: each item is answered, and what says otherwise than the machine says why.
pub fn may_finish(all: &[Given<'_>]) -> Result<(), ItemFault> {
    if all.is_empty() {
        return Err(ItemFault::NoItem);
    }
    if let Some(one) = all.iter().find(|one| one.answer.is_none()) {
        return Err(ItemFault::NoAnswer(one.label.to_owned()));
    }
    let overruled = |one: &&Given<'_>| one.computed.is_some() && one.computed != one.answer && one.comment.is_empty();
    match all.iter().find(overruled) {
        Some(one) => Err(ItemFault::NoReason(one.label.to_owned())),
        None => Ok(()),
    }
}
