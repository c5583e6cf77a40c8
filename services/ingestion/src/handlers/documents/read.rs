//! Reads a document part by part, opened: only one part is in memory at a time.
//!
//! Deliberately not here: who may see what is read (look).

use causeway_auth::Phi;
use uuid::Uuid;

use super::{Documents, broken, internal, part_context};
use crate::error::Refusal;
use crate::store::documents::{self, Standing};

/// The parts of a document, in their order. Holds no connection and no lock, so it may take as long as its reader.
pub struct Parts<'a> {
    of: &'a Documents,
    center: String,
    document_id: Uuid,
    objects: Vec<Uuid>,
    part: usize,
}

impl Documents {
    /// Begins to read a document.
    ///
    /// # Errors
    /// Not all of its parts are known.
    pub async fn parts_of(&self, center: &str, document: &Standing) -> Result<Parts<'_>, Refusal> {
        let objects = self.objects_of(center, document).await?;
        Ok(Parts { of: self, center: center.to_owned(), document_id: document.document_id, objects, part: 0 })
    }

    /// The objects of a document, in the order of its parts.
    ///
    /// # Errors
    /// Not all of them are known.
    pub async fn objects_of(&self, center: &str, document: &Standing) -> Result<Vec<Uuid>, Refusal> {
        let document_id = document.document_id;
        let objects = self.database.read(center, move |tx| {
            Box::pin(async move { Ok::<_, Refusal>(documents::objects(tx, document_id).await?) })
        });
        let objects = objects.await?;
        if i32::try_from(objects.len()) == Ok(document.parts) { Ok(objects) } else { Err(Refusal::Conflict) }
    }

    /// One part, opened.
    ///
    /// # Errors
    /// It can't be read now, or it is not what was written.
    pub async fn part(
        &self,
        center: &str,
        (document_id, object_id): (Uuid, Uuid),
        part: usize,
    ) -> Result<Phi<Vec<u8>>, Refusal> {
        let sealed = self.vault.get(center, document_id, object_id).await.map_err(broken)?;
        let part = i32::try_from(part).map_err(|_| Refusal::Internal)?;
        self.acceptance.sealer.open(center, &part_context(document_id, part), &sealed).map_err(internal)
    }
}

impl Parts<'_> {
    /// The next part; none behind the last one.
    ///
    /// # Errors
    /// It can't be read now, or it is not what was written.
    pub async fn next(&mut self) -> Result<Option<Phi<Vec<u8>>>, Refusal> {
        let Some(object_id) = self.objects.get(self.part).copied() else { return Ok(None) };
        let opened = self.of.part(&self.center, (self.document_id, object_id), self.part).await?;
        self.part += 1;
        Ok(Some(opened))
    }
}
