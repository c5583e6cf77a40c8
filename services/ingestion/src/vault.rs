//! Where the sealed parts of documents lie: a folder of this machine, or a bucket that speaks S3.
//!
//! Each part is one object with a name of its own, written once and never changed, so a part is there as a whole or not at all
//! and two writers never meet. It is sealed before it gets here; a name tells center, document and object, and nothing of a
//! person. Deliberately not here: sealing, and which objects are whose (store, handlers).

use std::path::Path as Folder;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use bytes::Bytes;
use futures::stream::BoxStream;
use futures::{StreamExt as _, TryStreamExt as _};
use jiff::Timestamp;
use object_store::aws::AmazonS3Builder;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt as _, RetryConfig};
use uuid::Uuid;

use crate::config::Bucket;

/// How long a bucket that does not answer is tried again, so that a call ends before its deadline.
const PATIENCE: Duration = Duration::from_secs(6);

/// The store. Cheap to clone.
#[derive(Clone)]
pub struct Vault {
    store: Arc<dyn ObjectStore>,
}

/// An object that lies in the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lying {
    /// The document whose part it is.
    pub document_id: Uuid,
    /// Its own name.
    pub object_id: Uuid,
    /// When it was written.
    pub since: Timestamp,
}

/// The store did not do what it was asked.
#[derive(Debug, thiserror::Error)]
#[error("use the store of documents: {0}")]
pub struct Broken(#[from] object_store::Error);

impl Vault {
    /// A folder, made where it is missing.
    ///
    /// # Errors
    /// It can't be made or used.
    pub fn folder(folder: &Folder) -> anyhow::Result<Self> {
        std::fs::create_dir_all(folder).with_context(|| format!("make the folder {}", folder.display()))?;
        // What is answered to be there must survive the machine's fall.
        let store = LocalFileSystem::new_with_prefix(folder)
            .with_context(|| format!("use the folder {}", folder.display()))?
            .with_fsync(true);
        Ok(Self { store: Arc::new(store) })
    }

    /// A bucket.
    ///
    /// # Errors
    /// The settings don't name one.
    pub fn bucket(settings: &Bucket) -> anyhow::Result<Self> {
        let retry = RetryConfig { retry_timeout: PATIENCE, max_retries: 3, ..RetryConfig::default() };
        let mut builder = AmazonS3Builder::new()
            .with_bucket_name(&settings.name)
            .with_region(&settings.region)
            .with_allow_http(settings.endpoint.starts_with("http://"))
            .with_retry(retry);
        if !settings.endpoint.is_empty() {
            builder = builder.with_endpoint(&settings.endpoint);
        }
        if !settings.access_key_id.is_empty() {
            let secret = settings.secret_access_key.expose();
            builder = builder.with_access_key_id(&settings.access_key_id).with_secret_access_key(secret);
        }
        let store = builder.build().context("use the bucket of [ingestion.documents.bucket]")?;
        Ok(Self { store: Arc::new(store) })
    }

    /// Writes an object; it is durable when this answers.
    ///
    /// # Errors
    /// It may or may not lie there; without a row it is swept.
    pub async fn put(&self, center: &str, document_id: Uuid, object_id: Uuid, sealed: Vec<u8>) -> Result<(), Broken> {
        self.store.put(&place(center, document_id, object_id), sealed.into()).await?;
        Ok(())
    }

    /// Reads an object.
    ///
    /// # Errors
    /// It is not there, or can't be read now.
    pub async fn get(&self, center: &str, document_id: Uuid, object_id: Uuid) -> Result<Bytes, Broken> {
        Ok(self.store.get(&place(center, document_id, object_id)).await?.bytes().await?)
    }

    /// Takes an object away; one that is gone already is fine.
    ///
    /// # Errors
    /// It may still lie there.
    pub async fn remove(&self, center: &str, document_id: Uuid, object_id: Uuid) -> Result<(), Broken> {
        match self.store.delete(&place(center, document_id, object_id)).await {
            Err(object_store::Error::NotFound { .. }) | Ok(()) => Ok(()),
            Err(cause) => Err(cause.into()),
        }
    }

    /// All objects of a center, one after the other, in any order.
    pub fn lying(&self, center: &str) -> BoxStream<'static, Result<Lying, Broken>> {
        let listed = self.store.list(Some(&Path::from(center)));
        listed.try_filter_map(|object| std::future::ready(Ok(read(&object)))).map_err(Broken::from).boxed()
    }
}

/// What is none of ours is left alone.
fn read(object: &ObjectMeta) -> Option<Lying> {
    let parts: Vec<_> = object.location.parts().collect();
    let id = |at: usize| parts.get(at).and_then(|part| Uuid::parse_str(part.as_ref()).ok());
    let since = Timestamp::from_second(object.last_modified.timestamp()).ok()?;
    Some(Lying { document_id: id(1)?, object_id: id(2)?, since })
}

fn place(center: &str, document_id: Uuid, object_id: Uuid) -> Path {
    Path::from_iter([center.to_owned(), document_id.to_string(), object_id.to_string()])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_was_put_is_read_listed_and_taken_away_and_no_center_sees_the_objects_of_another() {
        let folder = tempfile::tempdir().expect("a folder");
        let vault = Vault::folder(&folder.path().join("documents")).expect("a vault");
        let (document, object) = (Uuid::from_u128(1), Uuid::from_u128(2));
        vault.put("north", document, object, b"sealed".to_vec()).await.expect("put");
        assert_eq!(vault.get("north", document, object).await.expect("got"), b"sealed".as_slice());
        assert!(vault.get("south", document, object).await.is_err());
        let lying = async |center: &str| vault.lying(center).try_collect::<Vec<_>>().await.expect("listed");
        let north = lying("north").await;
        assert_eq!((north.len(), north[0].document_id, north[0].object_id), (1, document, object));
        assert!(lying("nort").await.is_empty(), "a name that begins alike is another");
        assert!(lying("south").await.is_empty());
        vault.remove("north", document, object).await.expect("removed");
        vault.remove("north", document, object).await.expect("once more is fine");
        assert!(lying("north").await.is_empty());
    }
}
