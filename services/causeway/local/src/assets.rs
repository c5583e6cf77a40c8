//! The font and htmx of the pages, from the npm registry: the same files as in the image (`tests/browser/assets.mjs`).
//!
//! The pages work without them, so a network that is away is not waited for. Deliberately not here: how the portal serves
//! them.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use super::fetch::{in_cache, npm_package, say};

/// A file for the pages, from a package.
struct Package {
    name: &'static str,
    version: &'static str,
    /// SHA-256 of the archive.
    sum: &'static str,
    /// Where the file lies in the package, and what the portal calls it.
    file: (&'static str, &'static str),
    /// What its licence is called beside it.
    licence: &'static str,
}

const FONT: Package = Package {
    name: "@fontsource-variable/atkinson-hyperlegible-next",
    version: "5.3.0",
    sum: "75d5156505841b7dd4251398f0a5ff9e44120c87c2e388e9a108879b4def23a6",
    file: ("files/atkinson-hyperlegible-next-latin-wght-normal.woff2", "font.woff2"),
    licence: "font.LICENSE",
};
const HTMX: Package = Package {
    name: "htmx.org",
    version: "4.0.1",
    sum: "5fba65616ca148a86d377e9771bcada7f35faee3558651feb929eea425e13b3c",
    file: ("dist/htmx.min.js", "htmx.js"),
    licence: "htmx.LICENSE",
};

/// One try, and no longer than this for an answer.
const IMPATIENT: [&str; 2] = ["--fetch-retries=0", "--fetch-timeout=15000"];

/// The folder with both and their licences, fetched unless it is in the cache; blocks while it fetches.
pub fn folder(cache: &Path) -> Result<PathBuf> {
    let folder = cache.join(format!("assets-{}-{}", FONT.version, HTMX.version));
    let finished = folder.join(HTMX.file.1);
    if !finished.exists() {
        in_cache(cache, &finished, gather)?;
    }
    Ok(folder)
}

fn gather(work: &Path) -> Result<PathBuf> {
    say("fetching the font and htmx of the pages from the npm registry");
    let folder = work.join("finished");
    fs::create_dir(&folder).context("cannot make a directory in the cache")?;
    for Package { name, version, sum, file: (from, to), licence } in [FONT, HTMX] {
        // A place of its own for each: every archive unpacks to the same name.
        let place = work.join(to);
        fs::create_dir(&place).context("cannot make a directory in the cache")?;
        let package = npm_package(&place, &format!("{name}@{version}"), sum, &IMPATIENT)?;
        for (from, to) in [(from, to), ("LICENSE", licence)] {
            fs::copy(package.join(from), folder.join(to)).with_context(|| format!("{name} has no {from}"))?;
        }
    }
    Ok(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_image_and_a_development_installation_have_the_same_font_and_htmx() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../tests/browser");
        let text = |name: &str| fs::read_to_string(root.join(name)).expect("a file of the image");
        for Package { name, version, file: (from, to), licence, .. } in [FONT, HTMX] {
            assert!(text("package.json").contains(&format!("\"{name}\": \"{version}\"")), "{name}");
            let copied = text("assets.mjs");
            let end = from.rsplit('/').next().expect("a name");
            assert!(copied.contains(end) && copied.contains(&format!("'{to}'")), "{name}");
            assert!(copied.contains(&format!("'{licence}'")), "{name}");
        }
    }
}
