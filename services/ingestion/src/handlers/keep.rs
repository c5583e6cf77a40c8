//! Keeps a partner's message of which no inquiry is made, whichever door it came through: what waits for a person, what was
//! refused, what only asks.
//!
//! Deliberately not here: messages that become inquiries, which are committed together with them (writer), and what their
//! senders are told (hear, fhir).

use causeway_funnel::inquiry::Source;
use causeway_mailbox::{Database, Tx};
use causeway_proto::convert::source_from_wire;
use causeway_proto::inquiry::v1::Facts;
use prost::Message as _;
use uuid::Uuid;

use crate::error::Refusal;
use crate::store;
use crate::store::messages::{self, Answered, NewMessage, REFUSED, Standing};
use crate::writer::Heard;
use crate::writer::heard::{CONTROL_ID_REUSED, PARKED};

/// What is to become of a message.
#[derive(Debug, Clone, Copy)]
pub struct Fate {
    /// `accepted`, `parked` or `refused`.
    pub state: &'static str,
    /// A stable word for why it is not accepted.
    pub reason: &'static str,
    /// The inquiry that it is about.
    pub inquiry_id: Option<Uuid>,
    /// The key of the referral that it overtook, and why it waits once that has come.
    pub early: Option<([u8; 16], &'static str)>,
}

/// What became of it.
pub enum Kept {
    /// It is kept as was meant.
    New,
    /// The same message stands already.
    Before(Standing),
    /// Its control id belongs to another message of its sender. It is parked.
    ControlIdReused,
}

/// Keeps a message; the answer comes after the commit.
pub async fn message(database: &Database, center: &str, heard: Heard, fate: Fate) -> Result<Kept, Refusal> {
    database.with_tx(center, move |tx| Box::pin(async move { within(tx, &heard, fate).await })).await
}

/// Keeps a question together with its answer, and gives what it was answered with when it first came.
pub async fn question(
    database: &Database,
    center: &str,
    (heard, fate): (Heard, Fate),
    answer: Answered,
) -> Result<(Kept, Answered), Refusal> {
    database
        .with_tx(center, move |tx| {
            Box::pin(async move {
                let kept = within(tx, &heard, fate).await?;
                let answered = match &kept {
                    Kept::Before(same) => messages::answered(tx, same.message_id).await?,
                    Kept::New | Kept::ControlIdReused => {
                        messages::answer(tx, heard.message_id, &answer).await?;
                        answer
                    }
                };
                Ok::<_, Refusal>((kept, answered))
            })
        })
        .await
}

/// The same within a transaction that does more about it.
pub async fn within(tx: &mut Tx, heard: &Heard, fate: Fate) -> Result<Kept, Refusal> {
    let (now, id, content) = (tx.now(), heard.message_id, heard.hashes.1);
    let row = NewMessage {
        message_id: id,
        feed: &heard.feed,
        kind: &heard.kind,
        control_key: &heard.hashes.0,
        content_hash: &content,
        state: fate.state,
        reason: fate.reason,
        inquiry_id: fate.inquiry_id,
        sealed: &heard.sealed,
        carries: heard.carries,
        number: heard.number.as_ref(),
    };
    messages::lock(tx, &[&heard.hashes.0]).await?;
    let is_new = messages::insert(tx, now, &[row]).await?.contains(&id);
    let standing = messages::standing(tx, &[heard.hashes.0.as_slice()]).await?;
    // What stands decides, also where the same message would be refused today.
    let stood = standing.iter().find(|one| one.stands_for(&content) && one.message_id != id);
    if !is_new || stood.is_some() {
        let same = stood.or_else(|| standing.iter().find(|one| one.content_hash == content)).cloned();
        let same = same.ok_or(Refusal::Unavailable)?;
        if is_new {
            // What a person released stands beside no refusal of the very same.
            messages::take_back(tx, &[id]).await?;
        }
        messages::came_again(tx, &[same.message_id]).await?;
        return Ok(Kept::Before(same));
    }
    let clashes = standing.iter().any(|one| heard.is_kept_out_by(one));
    if !clashes || fate.state == REFUSED {
        if let Some((key, wish)) = fate.early {
            messages::note_early(tx, &[(id, key, wish)]).await?;
            let further: Vec<&[u8]> = heard.further.iter().map(|one| one.key.as_slice()).collect();
            if !further.is_empty() {
                messages::note_further(tx, id, &further).await?;
            }
        }
        return Ok(Kept::New);
    }
    messages::correct(tx, &[(id, PARKED, CONTROL_ID_REUSED, None)]).await?;
    Ok(Kept::ControlIdReused)
}

/// The inquiry under the first of some keys that leads to one, else the one under our number that the same office has sent, by whichever of its feeds; with its number.
/// `numbered`: that number and the office. Of another one an office does not even learn that it exists.
pub async fn known(
    database: &Database,
    center: &str,
    keys: Vec<[u8; 16]>,
    numbered: Option<(String, String)>,
) -> Result<Option<(Uuid, String)>, Refusal> {
    database
        .read(center, move |tx| {
            Box::pin(async move {
                if !keys.is_empty()
                    && let Some(found) = store::by_keys(tx, &keys).await?
                {
                    return Ok(Some(found));
                }
                let Some((number, office)) = numbered else { return Ok::<_, Refusal>(None) };
                let found = store::by_reference(tx, &number).await?;
                let is_theirs = |facts: &[u8]| Facts::decode(facts).is_ok_and(|facts| is_sent_by(&facts, &office));
                Ok(found.filter(|(_, _, facts)| is_theirs(facts)).map(|(inquiry, number, _)| (inquiry, number)))
            })
        })
        .await
}

/// Whether an office has sent an inquiry. Who called it or filled in a form and was referred by it has told us so themselves.
fn is_sent_by(facts: &Facts, office: &str) -> bool {
    let is_sent = matches!(source_from_wire(facts.source()), Source::Hl7 | Source::Fhir | Source::Csv);
    is_sent && facts.referring_office == office
}
