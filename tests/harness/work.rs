//! What a coordinator does, by gRPC.

use causeway_proto::inquiry::v1::Channel as Reach;
use causeway_proto::intake::v1::intake_desk_client::IntakeDeskClient;
use causeway_proto::intake::v1::{
    AgreeNextStepRequest, ClaimNextRequest, EndNextStepRequest, GetInquiryRequest, HandOverInquiryRequest, Inquiry,
    InquiryCommand, ListWorkRequest, LogAttemptRequest, RequestRecordsRequest, ReviewRecordsRequest, SaveNoteRequest,
    UpdateRecordRequest, WorkRow,
};
use causeway_proto::scheduling::v1::scheduling_client::SchedulingClient;
use causeway_proto::scheduling::v1::{
    Appointment, BookSlotRequest, OfferSlotsRequest, OfferSlotsResponse, RecordAttendanceRequest, Slot,
};
use causeway_serve::Channel;
use tonic::Status;

/// The desk of one center as one member of staff sees it.
pub struct Desk {
    center: String,
    desk: IntakeDeskClient<Channel>,
    scheduling: SchedulingClient<Channel>,
}

impl Desk {
    /// A desk on two channels.
    pub fn new(center: &str, desk: Channel, scheduling: Channel) -> Self {
        Self {
            center: center.to_owned(),
            desk: IntakeDeskClient::new(desk),
            scheduling: SchedulingClient::new(scheduling),
        }
    }

    /// All open rows, due first.
    pub async fn worklist(&mut self) -> Vec<WorkRow> {
        let request = ListWorkRequest { center: self.center.clone(), page_size: 200, ..Default::default() };
        self.desk.list_work(request).await.map(|answer| answer.into_inner().rows).unwrap_or_default()
    }

    /// One inquiry.
    pub async fn inquiry(&mut self, id: &str) -> Result<Inquiry, Status> {
        let request = GetInquiryRequest { center: self.center.clone(), inquiry_id: id.to_owned() };
        Ok(self.desk.get_inquiry(request).await?.into_inner())
    }

    /// Takes an inquiry.
    pub async fn claim(&mut self, id: &str) -> Result<Inquiry, Status> {
        let request = InquiryCommand { center: self.center.clone(), inquiry_id: id.to_owned(), ..Default::default() };
        Ok(self.desk.claim_inquiry(request).await?.into_inner())
    }

    /// Takes the inquiry that is due first.
    pub async fn claim_next(&mut self, key: &str) -> Result<Inquiry, Status> {
        let (center, idempotency_key) = (self.center.clone(), key.to_owned());
        let request = ClaimNextRequest { center, idempotency_key, ..Default::default() };
        Ok(self.desk.claim_next(request).await?.into_inner())
    }

    /// Sends an inquiry to another team.
    pub async fn send_to_team(&mut self, id: &str, team: &str, reason: &str) -> Result<Inquiry, Status> {
        let request = HandOverInquiryRequest {
            center: self.center.clone(),
            inquiry_id: id.to_owned(),
            to_team: team.to_owned(),
            reason: "It belongs there.".to_owned(),
            reason_kind: reason.to_owned(),
            ..Default::default()
        };
        Ok(self.desk.hand_over_inquiry(request).await?.into_inner())
    }

    /// Logs a try.
    pub async fn attempt(&mut self, id: &str, outcome: &str) -> Result<Inquiry, Status> {
        let request = LogAttemptRequest {
            center: self.center.clone(),
            inquiry_id: id.to_owned(),
            channel: Reach::Phone.into(),
            outcome: outcome.to_owned(),
            ..Default::default()
        };
        Ok(self.desk.log_attempt(request).await?.into_inner())
    }

    /// Fills every required field of the note that is still empty.
    pub async fn fill_note(&mut self, id: &str) -> Result<Inquiry, Status> {
        let present = self.inquiry(id).await?;
        let missing = present.note.iter().filter(|field| field.missing);
        let fields = missing.map(|field| {
            let value = field.options.first().cloned().unwrap_or_else(|| "as told on the phone".to_owned());
            (field.key.clone(), value)
        });
        let request = SaveNoteRequest {
            center: self.center.clone(),
            inquiry_id: id.to_owned(),
            fields: fields.collect(),
            base_note_version: present.note_version,
        };
        Ok(self.desk.save_note(request).await?.into_inner())
    }

    /// Asks somebody for documents; none named: for all that are still needed.
    pub async fn ask_for(&mut self, id: &str, kinds: &[&str], of: &str) -> Result<Inquiry, Status> {
        let request = RequestRecordsRequest {
            center: self.center.clone(),
            inquiry_id: id.to_owned(),
            kinds: kinds.iter().map(|kind| (*kind).to_owned()).collect(),
            of: of.to_owned(),
            ..Default::default()
        };
        Ok(self.desk.request_records(request).await?.into_inner())
    }

    /// Asks for all documents, takes them in, and has the reviewer accept them.
    pub async fn complete_records(&mut self, id: &str) -> Result<Inquiry, Status> {
        let present = self.ask_for(id, &[], "patient").await?;
        for line in &present.records {
            for state in ["received", "reviewed"] {
                let request = UpdateRecordRequest {
                    center: self.center.clone(),
                    inquiry_id: id.to_owned(),
                    kind: line.kind.clone(),
                    state: state.to_owned(),
                    ..Default::default()
                };
                self.desk.update_record(request).await?;
            }
        }
        self.accept_records(id).await
    }

    /// Says as the reviewer that the records will do.
    pub async fn accept_records(&mut self, id: &str) -> Result<Inquiry, Status> {
        let request = ReviewRecordsRequest {
            center: self.center.clone(),
            inquiry_id: id.to_owned(),
            decision: "accept".to_owned(),
            ..Default::default()
        };
        Ok(self.desk.review_records(request).await?.into_inner())
    }

    /// Agrees on a dated next step of a kind.
    pub async fn agree_next_step(&mut self, id: &str, kind: &str, at: i64) -> Result<Inquiry, Status> {
        let request = AgreeNextStepRequest {
            center: self.center.clone(),
            inquiry_id: id.to_owned(),
            kind: kind.to_owned(),
            at,
            ..Default::default()
        };
        Ok(self.desk.agree_next_step(request).await?.into_inner())
    }

    /// Says what became of it.
    pub async fn end_next_step(&mut self, id: &str, how: &str) -> Result<Inquiry, Status> {
        let request = EndNextStepRequest {
            center: self.center.clone(),
            inquiry_id: id.to_owned(),
            how: how.to_owned(),
            ..Default::default()
        };
        Ok(self.desk.end_next_step(request).await?.into_inner())
    }

    /// The dates that fit, or the rule that stands against booking.
    pub async fn offers(&mut self, id: &str) -> Result<OfferSlotsResponse, Status> {
        let request =
            OfferSlotsRequest { center: self.center.clone(), inquiry_id: id.to_owned(), ..Default::default() };
        Ok(self.scheduling.offer_slots(request).await?.into_inner())
    }

    /// The first date that fits and is not before an instant, once booking is allowed.
    pub async fn offered(&mut self, id: &str, from: i64) -> Result<Slot, Status> {
        let request =
            OfferSlotsRequest { center: self.center.clone(), inquiry_id: id.to_owned(), from, ..Default::default() };
        // What may be booked travels from the desk to scheduling as an event.
        for _ in 0..100 {
            if let Some(slot) =
                self.scheduling.offer_slots(request.clone()).await?.into_inner().slots.into_iter().next()
            {
                return Ok(slot);
            }
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
        Err(Status::deadline_exceeded("no date was offered within ten seconds"))
    }

    /// Says that the person came to the visit.
    pub async fn attended(&mut self, appointment_id: &str) -> Result<Appointment, Status> {
        let (center, appointment_id) = (self.center.clone(), appointment_id.to_owned());
        let request = RecordAttendanceRequest { center, appointment_id, attended: true };
        Ok(self.scheduling.record_attendance(request).await?.into_inner())
    }

    /// Books a slot.
    pub async fn book(&mut self, id: &str, slot: &str) -> Result<Appointment, Status> {
        let request = BookSlotRequest {
            center: self.center.clone(),
            inquiry_id: id.to_owned(),
            slot_id: slot.to_owned(),
            idempotency_key: format!("book-{id}-{slot}"),
        };
        Ok(self.scheduling.book_slot(request).await?.into_inner())
    }
}

/// Works an inquiry from the queue to a booked appointment, the first that fits.
pub async fn book_through(desk: &mut Desk, id: &str) -> Result<Appointment, Status> {
    book_through_from(desk, id, 0).await
}

/// The same with the first appointment that is not before an instant, microseconds.
pub async fn book_through_from(desk: &mut Desk, id: &str, from: i64) -> Result<Appointment, Status> {
    desk.claim(id).await?;
    desk.attempt(id, "reached").await?;
    desk.fill_note(id).await?;
    desk.complete_records(id).await?;
    let slot = desk.offered(id, from).await?;
    desk.book(id, &slot.slot_id).await
}
