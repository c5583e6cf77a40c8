//! What a person who asks does, by gRPC: the form as its page sends it, and what the signed link opens.

use causeway_proto::inquiry::v1::ingestion_client::IngestionClient;
use causeway_proto::inquiry::v1::{
    AppendDocumentRequest, BeginDocumentRequest, Document, FinishDocumentRequest, Source, SubmitInquiryRequest,
    SubmitInquiryResponse,
};
use causeway_proto::intake::v1::intake_desk_client::IntakeDeskClient;
use causeway_proto::intake::v1::{GetInquiryRequest, PatientStatus};
use causeway_proto::notice::v1::notices_client::NoticesClient;
use causeway_proto::notice::v1::{ListNoticesRequest, Notice};
use causeway_proto::scheduling::v1::scheduling_client::SchedulingClient;
use causeway_proto::scheduling::v1::{
    Appointment, BookSlotRequest, BookedAppointment, ListAppointmentsRequest, OfferSlotsRequest, OfferSlotsResponse,
    RescheduleAppointmentRequest,
};
use causeway_serve::Channel;
use tonic::Status;

use crate::{Answers, Installation};

/// Sends a form as the page of the patients' face does: on nobody's behalf, and refused where an answer is at fault.
pub async fn ask_by_form(
    installation: &Installation,
    center: &str,
    form: &str,
    answers: &Answers,
    key: &str,
) -> Result<SubmitInquiryResponse, Status> {
    let request = SubmitInquiryRequest {
        center: center.to_owned(),
        form_id: form.to_owned(),
        language: "en".to_owned(),
        source: Source::WebForm.into(),
        answers: answers.clone().into_iter().collect(),
        idempotency_key: key.to_owned(),
        strict: true,
        ..Default::default()
    };
    let mut ingestion = IngestionClient::new(installation.portal("ingestion"));
    Ok(ingestion.submit_inquiry(request).await?.into_inner())
}

/// Who holds the signed link to an inquiry.
pub struct Patient {
    center: String,
    inquiry_id: String,
    desk: IntakeDeskClient<Channel>,
    scheduling: SchedulingClient<Channel>,
    ingestion: IngestionClient<Channel>,
    notices: NoticesClient<Channel>,
}

impl Patient {
    /// The holder of the link to an inquiry.
    pub fn new(installation: &Installation, center: &str, inquiry_id: &str) -> Self {
        let channel = |service| installation.patient(service, center, inquiry_id);
        Self {
            center: center.to_owned(),
            inquiry_id: inquiry_id.to_owned(),
            desk: IntakeDeskClient::new(channel("intake-desk")),
            scheduling: SchedulingClient::new(channel("scheduling-sync")),
            ingestion: IngestionClient::new(channel("ingestion")),
            notices: NoticesClient::new(channel("notification")),
        }
    }

    /// What the link shows.
    pub async fn status(&mut self) -> Result<PatientStatus, Status> {
        let request = GetInquiryRequest { center: self.center.clone(), inquiry_id: self.inquiry_id.clone() };
        Ok(self.desk.get_patient_status(request).await?.into_inner())
    }

    /// What was sent, or is to be, and what became of it; newest first.
    pub async fn notices(&mut self) -> Result<Vec<Notice>, Status> {
        let request = ListNoticesRequest { center: self.center.clone(), inquiry_id: self.inquiry_id.clone() };
        Ok(self.notices.list_notices(request).await?.into_inner().notices)
    }

    /// Sends a document for a line of the checklist.
    pub async fn send_document(&mut self, kind: &str, name: &str, content: &[u8]) -> Result<Document, Status> {
        let (center, inquiry_id) = (self.center.clone(), self.inquiry_id.clone());
        let (record_kind, name) = (kind.to_owned(), name.to_owned());
        let begin = BeginDocumentRequest {
            center: center.clone(),
            inquiry_id: inquiry_id.clone(),
            record_kind,
            name,
            length: 0,
        };
        let begun = self.ingestion.begin_document(begin).await?.into_inner();
        let part = AppendDocumentRequest {
            center: center.clone(),
            inquiry_id: inquiry_id.clone(),
            document_id: begun.document_id.clone(),
            offset: 0,
            content: content.to_vec(),
        };
        self.ingestion.append_document(part).await?;
        let finish = FinishDocumentRequest { center, inquiry_id, document_id: begun.document_id };
        Ok(self.ingestion.finish_document(finish).await?.into_inner())
    }

    /// The dates at a site that fit, or the rule that stands against booking. No site: the nearest first.
    pub async fn offers(&mut self, site: &str) -> Result<OfferSlotsResponse, Status> {
        let request = OfferSlotsRequest {
            center: self.center.clone(),
            inquiry_id: self.inquiry_id.clone(),
            site: site.to_owned(),
            ..Default::default()
        };
        Ok(self.scheduling.offer_slots(request).await?.into_inner())
    }

    /// Chooses a date.
    pub async fn book(&mut self, slot: &str) -> Result<Appointment, Status> {
        let request = BookSlotRequest {
            center: self.center.clone(),
            inquiry_id: self.inquiry_id.clone(),
            slot_id: slot.to_owned(),
            idempotency_key: format!("link-{slot}"),
        };
        Ok(self.scheduling.book_slot(request).await?.into_inner())
    }

    /// Chooses another date instead, for a reason.
    pub async fn reschedule(&mut self, appointment: &str, slot: &str, reason: &str) -> Result<Appointment, Status> {
        let request = RescheduleAppointmentRequest {
            center: self.center.clone(),
            appointment_id: appointment.to_owned(),
            slot_id: slot.to_owned(),
            reason: reason.to_owned(),
        };
        Ok(self.scheduling.reschedule_appointment(request).await?.into_inner())
    }

    /// All visits that were ever booked, newest first.
    pub async fn appointments(&mut self) -> Result<Vec<BookedAppointment>, Status> {
        let request = ListAppointmentsRequest { center: self.center.clone(), inquiry_id: self.inquiry_id.clone() };
        Ok(self.scheduling.list_appointments(request).await?.into_inner().appointments)
    }
}
