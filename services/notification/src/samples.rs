//! Samples for unit tests: the demo centers' profiles and an inquiry about nobody.

use std::path::Path;

use causeway_funnel::inquiry::{CancerArea, ConsultType};
use causeway_funnel::profile::{Bundle, Profile};
use jiff::Timestamp;
use uuid::Uuid;

use crate::domain::notice::About;

pub fn at(text: &str) -> Timestamp {
    text.parse().expect("an instant")
}

/// A demo center's files.
pub fn bundle(center: &str) -> Bundle {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/centers").join(center);
    let (mut bundle, mut folders) = (Bundle::new(), vec![root.clone()]);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("the folder is there") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(&root).expect("below the root").to_string_lossy().into_owned();
                bundle.insert(name, std::fs::read_to_string(&path).expect("a text file"));
            }
        }
    }
    bundle
}

pub fn profile(center: &str) -> Profile {
    Profile::from_bundle(&bundle(center)).expect("a demo center is faultless")
}

pub fn about(language: &str) -> About {
    About {
        inquiry_id: Uuid::from_u128(7),
        reference: "HV-7K4M-2QX".into(),
        language: language.into(),
        email_allowed: true,
        consented_at: at("2027-03-04T18:00:00Z"),
        consult_type: ConsultType::SecondOpinion,
        cancer_area: CancerArea::Gi,
    }
}
