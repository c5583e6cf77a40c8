//! Ingestion's part of the conversation: it knows people and counts who asks for them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use causeway_auth::Verifier;
use causeway_proto::inquiry::v1::ingestion_server::{Ingestion, IngestionServer};
use causeway_proto::inquiry::v1::{Person, RevealPeopleRequest, RevealPeopleResponse};
use causeway_runtime::{Mode, Stop};
use tokio::net::TcpListener;
use tonic::{Request, Response, Status};
use uuid::Uuid;

/// What the tests see and set.
#[derive(Default)]
pub struct Known {
    /// Addresses that differ from `<id>@home.example`.
    pub emails: HashMap<Uuid, String>,
    /// How many inquiries each call asked for, with its purpose.
    pub asked: Vec<(String, usize)>,
}

#[derive(Clone, Default)]
pub struct People {
    pub known: Arc<Mutex<Known>>,
}

impl People {
    /// Serves until the stop; gives its url.
    pub async fn serve(&self, keys: &std::path::Path, stop: Stop) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let verifier = Verifier::new(keys, Mode::Development);
        let server = causeway_serve::grpc(listener, "ingestion", verifier, &prometheus::Registry::new(), stop);
        tokio::spawn(server.add(IngestionServer::new(self.clone())).run());
        url
    }

    pub fn set_email(&self, inquiry: Uuid, email: &str) {
        self.known.lock().expect("lock").emails.insert(inquiry, email.to_owned());
    }

    fn person(&self, id: &str) -> Person {
        let known = self.known.lock().expect("lock");
        let email = Uuid::parse_str(id).ok().and_then(|id| known.emails.get(&id).cloned());
        let email = email.unwrap_or_else(|| format!("{id}@home.example"));
        Person { inquiry_id: id.to_owned(), name: "Rosa Vega".into(), email, ..Person::default() }
    }
}

#[tonic::async_trait]
impl Ingestion for People {
    async fn reveal_people(
        &self,
        request: Request<RevealPeopleRequest>,
    ) -> Result<Response<RevealPeopleResponse>, Status> {
        assert_eq!(causeway_serve::caller(&request)?.service, "notification");
        let asked = request.into_inner();
        self.known.lock().expect("lock").asked.push((asked.purpose, asked.inquiry_ids.len()));
        let people = asked.inquiry_ids.iter().map(|id| self.person(id)).collect();
        Ok(Response::new(RevealPeopleResponse { people }))
    }
}
