//! Who a notice is for: read from ingestion at the moment of sending, with the purpose, and not kept.
//!
//! Deliberately not here: any store of names or addresses; nobody but ingestion has one (F3).

use std::collections::HashMap;

use causeway_auth::Phi;
use causeway_proto::inquiry::v1::RevealPeopleRequest;
use causeway_proto::inquiry::v1::ingestion_client::IngestionClient;
use causeway_serve::{Channel, Code};
use uuid::Uuid;

/// Written to the audit chain of ingestion with each look.
const PURPOSE: &str = "send_notice";

/// Somebody who gets a message.
pub struct Recipient {
    /// How they are addressed: whoever typed the request.
    pub greeting_name: Phi<String>,
    /// Their e-mail address, as ingestion has it; may be empty.
    pub email: Phi<String>,
}

/// Asks ingestion.
#[derive(Clone)]
pub struct People {
    client: IngestionClient<Channel>,
}

impl People {
    /// Asks over this channel.
    pub fn new(channel: Channel) -> Self {
        Self { client: IngestionClient::new(channel) }
    }

    /// The people of some inquiries, with one call. Who is not in the answer is not known any more.
    pub async fn reveal(&self, center: &str, inquiries: &[Uuid]) -> Result<HashMap<Uuid, Recipient>, Code> {
        let request = RevealPeopleRequest {
            center: center.to_owned(),
            inquiry_ids: inquiries.iter().map(Uuid::to_string).collect(),
            purpose: PURPOSE.to_owned(),
        };
        let answer = self.client.clone().reveal_people(request).await.map_err(|status| Code::of(&status))?;
        let people = answer.into_inner().people.into_iter();
        Ok(people
            .filter_map(|person| {
                let inquiry = Uuid::parse_str(&person.inquiry_id).ok()?;
                let name = if person.caregiver_name.is_empty() { person.name } else { person.caregiver_name };
                let recipient = Recipient { greeting_name: Phi::new(name), email: Phi::new(person.email) };
                Some((inquiry, recipient))
            })
            .collect())
    }
}
