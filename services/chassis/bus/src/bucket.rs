//! A key-value bucket whose changes are watched: what is in force, by name.
//!
//! The bucket is a notice board, not the record: whoever reads it keeps what it has used, so that losing the bucket
//! changes nothing until somebody pins up something new.

use async_nats::jetstream::kv::{self, Operation, Store};
use bytes::Bytes;
use futures::{StreamExt as _, TryStreamExt as _};

use crate::{Bus, BusError};

/// A bucket of named values.
#[derive(Clone)]
pub struct Bucket {
    store: Store,
    name: String,
}

/// One change of a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Name of the value.
    pub key: String,
    /// The value; `None`: taken down.
    pub value: Option<Bytes>,
}

impl Bus {
    /// Opens a bucket and creates it where it is missing.
    pub async fn bucket(&self, name: &str) -> Result<Bucket, BusError> {
        let what = || format!("open bucket {name}");
        let store = match self.jetstream.get_key_value(name).await {
            Ok(store) => store,
            Err(_) => self
                .jetstream
                .create_key_value(kv::Config { bucket: name.to_owned(), history: 16, ..Default::default() })
                .await
                .map_err(|cause| BusError::server(what(), cause))?,
        };
        Ok(Bucket { store, name: name.to_owned() })
    }
}

impl Bucket {
    /// Pins up a value.
    pub async fn put(&self, key: &str, value: Bytes) -> Result<(), BusError> {
        let put = self.store.put(key, value).await;
        put.map(|_| ()).map_err(|cause| BusError::server(format!("write {key} to bucket {}", self.name), cause))
    }

    /// Pins up a value unless there is one.
    pub async fn put_if_absent(&self, key: &str, value: Bytes) -> Result<bool, BusError> {
        match self.store.create(key, value).await {
            Ok(_) => Ok(true),
            Err(cause) if cause.kind() == kv::CreateErrorKind::AlreadyExists => Ok(false),
            Err(cause) => Err(BusError::server(format!("write {key} to bucket {}", self.name), cause)),
        }
    }

    /// Reads a value.
    pub async fn get(&self, key: &str) -> Result<Option<Bytes>, BusError> {
        let got = self.store.get(key).await;
        got.map_err(|cause| BusError::server(format!("read {key} from bucket {}", self.name), cause))
    }

    /// Names of all values there are.
    pub async fn names(&self) -> Result<Vec<String>, BusError> {
        let failed = |cause: String| BusError::server(format!("list bucket {}", self.name), cause);
        let keys = self.store.keys().await.map_err(|cause| failed(cause.to_string()))?;
        keys.try_collect().await.map_err(|cause: kv::WatcherError| failed(cause.to_string()))
    }

    /// All values there are, then each change as it comes. The stream ends when the bucket is lost.
    pub async fn watch(&self) -> Result<impl futures::Stream<Item = Result<Change, BusError>> + use<>, BusError> {
        let name = self.name.clone();
        let watch = self
            .store
            .watch_with_history(">")
            .await
            .map_err(|cause| BusError::server(format!("watch bucket {name}"), cause))?;
        Ok(watch.map(move |entry| {
            let entry = entry.map_err(|cause| BusError::server(format!("watch bucket {name}"), cause))?;
            let value = (entry.operation == Operation::Put).then_some(entry.value);
            Ok(Change { key: entry.key, value })
        }))
    }
}
