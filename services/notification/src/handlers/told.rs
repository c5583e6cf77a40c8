//! What the others hear of a notice.

use causeway_envelope::TraceContext;
use causeway_mailbox::Draft;
use causeway_proto::convert::micros;
use causeway_proto::events::{Fact, fact};
use causeway_proto::inquiry::v1::Channel;
use causeway_proto::notice::v1::{ContactStopped, NoticeFailed, NoticeOutcome, NoticeSent, NoticeUncertain};
use jiff::Timestamp;
use uuid::Uuid;

use crate::store::claims::Told;
use crate::store::notices::NewNotice;
use crate::store::stops::Stop;

/// How a notice ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending<'a> {
    /// The mail server took it.
    Sent,
    /// A person has to reach the patient by another way, for this reason.
    Failed(&'a str),
    /// Nobody knows whether it went out, for this reason.
    Uncertain(&'a str),
}

/// The event for a notice that was on its way.
pub fn draft(center: &str, told: &Told, ending: Ending<'_>, at: Timestamp) -> Draft {
    let outcome = outcome(center, (told.notice_id, told.inquiry_id, told.kind.word()), told.by_email, at);
    made(told.notice_id, told.version, outcome, ending, told.trace.clone())
}

/// The event for a notice that could not be intended at all.
pub(super) fn draft_new(center: &str, row: &NewNotice, ending: Ending<'_>, at: Timestamp) -> Draft {
    let ids = (row.notice_id, row.intended.about.inquiry_id, row.intended.kind.word());
    made(row.notice_id, 1, outcome(center, ids, false, at), ending, row.trace.clone())
}

/// The event for a person's wish to hear no more.
pub(super) fn stopped(center: &str, wish: &Stop, at: Timestamp) -> Draft {
    let event = ContactStopped {
        inquiry_id: wish.inquiry_id.to_string(),
        center: center.to_owned(),
        channel: wish.channel.to_owned(),
        at: micros(at),
    };
    let Fact { subject, kind, payload } = fact(center, &event);
    let trace = TraceContext::current_or(&TraceContext::default());
    // Wishes are few, and each is told by itself: their time orders them.
    Draft { event_id: None, subject, kind, aggregate_id: wish.inquiry_id, version: micros(at), payload, trace }
}

fn outcome(center: &str, (notice, inquiry, kind): (Uuid, Uuid, &str), by_email: bool, at: Timestamp) -> NoticeOutcome {
    let channel = if by_email { Channel::Email } else { Channel::Unspecified };
    NoticeOutcome {
        notice_id: notice.to_string(),
        inquiry_id: inquiry.to_string(),
        center: center.to_owned(),
        kind: kind.to_owned(),
        channel: channel.into(),
        at: micros(at),
        reason: String::new(),
    }
}

fn made(notice_id: Uuid, version: i64, outcome: NoticeOutcome, ending: Ending<'_>, trace: TraceContext) -> Draft {
    let center = outcome.center.clone();
    let because = |reason: &str| Some(NoticeOutcome { reason: reason.to_owned(), ..outcome.clone() });
    let Fact { subject, kind, payload } = match ending {
        Ending::Sent => fact(&center, &NoticeSent { outcome: because("") }),
        Ending::Failed(reason) => fact(&center, &NoticeFailed { outcome: because(reason) }),
        Ending::Uncertain(reason) => fact(&center, &NoticeUncertain { outcome: because(reason) }),
    };
    Draft { event_id: None, subject, kind, aggregate_id: notice_id, version, payload, trace }
}
