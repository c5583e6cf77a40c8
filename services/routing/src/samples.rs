//! A real center's profile for the unit tests.

use std::path::Path;

use causeway_funnel::profile::{Bundle, Profile};
use jiff::Timestamp;

pub(crate) fn at(text: &str) -> Timestamp {
    text.parse().expect("an instant")
}

pub(crate) fn harbor_valley() -> Profile {
    Profile::from_bundle(&files()).expect("the center has no fault")
}

/// The same with other files, which may promise more than their people can keep.
pub(crate) fn harbor_valley_with(change: impl FnOnce(&mut Bundle)) -> Profile {
    let mut bundle = files();
    change(&mut bundle);
    Profile::from_stored(&bundle.to_bytes()).expect("a profile can be made of it").0
}

fn files() -> Bundle {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/centers/harbor-valley");
    let mut bundle = Bundle::new();
    gather(&root, &root, &mut bundle);
    bundle
}

fn gather(root: &Path, folder: &Path, bundle: &mut Bundle) {
    for entry in std::fs::read_dir(folder).expect("the folder is there") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            gather(root, &path, bundle);
        } else {
            let name = path.strip_prefix(root).expect("below the root").to_string_lossy().replace('\\', "/");
            bundle.insert(name, std::fs::read_to_string(&path).expect("a text file"));
        }
    }
}
