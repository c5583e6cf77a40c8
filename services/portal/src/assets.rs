//! Style sheets, scripts and the font, served under names that carry a hash of their content.
//!
//! A name changes when the bytes change, so a browser may keep each file for a year. Our own sheets and scripts are
//! part of the program; the font and htmx come from a folder that may be missing: pages then use the system's fonts
//! and full page loads. Deliberately not here: a center's colours (see [`crate::theme`]) and HTTP.

use std::{collections::BTreeMap, io, path::Path};

use aws_lc_rs::digest::{SHA256, digest};
use bytes::Bytes;

const TOKENS: &[u8] = include_bytes!("../styles/tokens.css");
const BASE: &[u8] = include_bytes!("../styles/base.css");
const PUBLIC: &[u8] = include_bytes!("../styles/public.css");
const CONSOLE: &[u8] = include_bytes!("../styles/console.css");
const ICON: &[u8] = include_bytes!("../styles/icon.svg");
const PUBLIC_SCRIPT: &[u8] = include_bytes!("../scripts/public.js");
const FORM_SCRIPT: &[u8] = include_bytes!("../scripts/form.js");
const WORKER: &[u8] = include_bytes!("../scripts/proof.js");
const UPLOAD_SCRIPT: &[u8] = include_bytes!("../scripts/upload.js");
const CONSOLE_SCRIPT: &[u8] = include_bytes!("../scripts/console.js");

/// The font's file name in the folder.
pub const FONT_FILE: &str = "font.woff2";
/// The file name of htmx in the folder.
pub const HTMX_FILE: &str = "htmx.js";

/// The answer header for every file of [`Assets`].
pub const CACHE_CONTROL: &str = "public, max-age=31536000, immutable";

/// One file as it is served.
#[derive(Clone, Debug)]
pub struct Asset {
    /// The `Content-Type` of the answer.
    pub content_type: &'static str,
    /// The body of the answer.
    pub bytes: Bytes,
}

/// The addresses that a page links to.
#[derive(Clone, Debug, Default)]
pub struct PageAssets {
    /// The style sheet.
    pub css: String,
    /// The center's colours.
    pub theme: String,
    /// Our own script.
    pub script: String,
    /// The script of an inquiry form.
    pub form_script: String,
    /// The worker that an inquiry form's script starts where the form asks for work.
    pub worker: String,
    /// The script that sends files part by part, on the page where they are sent.
    pub upload: String,
    /// The icon.
    pub icon: String,
    /// The font, to be fetched early; none when the folder has no font.
    pub font: Option<String>,
    /// htmx, on staff pages; none when the folder has no htmx.
    pub htmx: Option<String>,
}

/// All files, by the name they are served under.
#[derive(Debug)]
pub struct Assets {
    files: BTreeMap<String, Asset>,
    public: PageAssets,
    console: PageAssets,
}

impl Assets {
    /// Our own files, and those of `folder` that are there.
    pub fn load(folder: Option<&Path>) -> io::Result<Assets> {
        let mut files = Files::default();
        let font = optional(folder, FONT_FILE)?.map(|bytes| files.add("font", "woff2", "font/woff2", bytes));
        let htmx = optional(folder, HTMX_FILE)?.map(|bytes| files.add("htmx", "js", SCRIPT, bytes));
        let icon = files.add("icon", "svg", "image/svg+xml", ICON.to_vec());
        let face = font.as_deref().map(font_face).unwrap_or_default();
        let public = PageAssets {
            css: files.add("public", "css", STYLE, sheet(&face, PUBLIC)),
            script: files.add("public", "js", SCRIPT, PUBLIC_SCRIPT.to_vec()),
            form_script: files.add("form", "js", SCRIPT, FORM_SCRIPT.to_vec()),
            worker: files.add("proof", "js", SCRIPT, WORKER.to_vec()),
            upload: files.add("upload", "js", SCRIPT, UPLOAD_SCRIPT.to_vec()),
            theme: String::new(),
            icon,
            font,
            htmx: None,
        };
        let console = PageAssets {
            css: files.add("console", "css", STYLE, sheet(&face, CONSOLE)),
            script: files.add("console", "js", SCRIPT, CONSOLE_SCRIPT.to_vec()),
            htmx,
            ..public.clone()
        };
        Ok(Assets { files: files.0, public, console })
    }

    /// The file behind `/a/{name}`.
    pub fn get(&self, name: &str) -> Option<&Asset> {
        self.files.get(name)
    }

    /// The names of all files.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.files.keys().map(String::as_str)
    }

    /// What a public page of a center links to.
    pub fn public(&self, center: &str) -> PageAssets {
        PageAssets { theme: theme_address(center), ..self.public.clone() }
    }

    /// What a staff page of a center links to.
    pub fn console(&self, center: &str) -> PageAssets {
        PageAssets { theme: theme_address(center), ..self.console.clone() }
    }
}

const STYLE: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";

#[derive(Default)]
struct Files(BTreeMap<String, Asset>);

impl Files {
    /// Keeps the bytes under a hashed name and gives the address.
    fn add(&mut self, stem: &str, ending: &str, content_type: &'static str, bytes: Vec<u8>) -> String {
        let hash = hex::encode(&digest(&SHA256, &bytes).as_ref()[..8]);
        let name = format!("{stem}.{hash}.{ending}");
        let address = format!("/a/{name}");
        self.0.insert(name, Asset { content_type, bytes: Bytes::from(bytes) });
        address
    }
}

fn theme_address(center: &str) -> String {
    format!("/a/theme/{center}.css")
}

fn sheet(face: &str, part: &[u8]) -> Vec<u8> {
    [face.as_bytes(), TOKENS, BASE, part].concat()
}

fn font_face(address: &str) -> String {
    format!(
        "@font-face{{font-family:\"Atkinson Hyperlegible Next\";src:url(\"{address}\") format(\"woff2\");\
         font-weight:200 800;font-style:normal;font-display:swap}}\n"
    )
}

fn optional(folder: Option<&Path>, name: &str) -> io::Result<Option<Vec<u8>>> {
    let Some(folder) = folder else { return Ok(None) };
    match std::fs::read(folder.join(name)) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(fault) if fault.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(fault) => Err(fault),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_have_their_sheet_and_script_without_any_folder() {
        let assets = Assets::load(None).expect("our own files need no folder");
        let page = assets.public("harbor");
        assert_eq!(page.theme, "/a/theme/harbor.css");
        assert_eq!(page.font, None);
        for address in [&page.css, &page.script, &page.upload, &page.icon] {
            let name = address.strip_prefix("/a/").expect("assets live under /a/");
            assert!(assets.get(name).is_some(), "{address} is not served");
        }
    }

    #[test]
    fn a_missing_folder_is_the_same_as_none() {
        let assets = Assets::load(Some(Path::new("/nowhere/at/all"))).expect("a missing folder is allowed");
        assert_eq!(assets.console("harbor").htmx, None);
    }

    #[test]
    fn the_font_and_htmx_come_from_the_folder_when_they_are_there() {
        let folder = std::env::temp_dir().join(format!("causeway-assets-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("the temporary folder can be made");
        std::fs::write(folder.join(FONT_FILE), b"font").expect("a file can be written");
        std::fs::write(folder.join(HTMX_FILE), b"htmx").expect("a file can be written");
        let assets = Assets::load(Some(&folder)).expect("the folder can be read");
        std::fs::remove_dir_all(&folder).expect("the temporary folder can be removed");
        let font = assets.public("harbor").font.expect("the font is served");
        let css = assets.public("harbor").css;
        let sheet = &assets.get(&css[3..]).expect("the sheet is served").bytes;
        assert!(String::from_utf8_lossy(sheet).contains(&font));
        assert!(assets.console("harbor").htmx.is_some());
        assert!(assets.public("harbor").htmx.is_none(), "public pages never load htmx");
    }

    #[test]
    fn a_public_page_runs_less_than_one_kilobyte_of_our_script() {
        assert!(PUBLIC_SCRIPT.len() < 1024, "{} bytes", PUBLIC_SCRIPT.len());
        assert!(UPLOAD_SCRIPT.len() < 4096, "{} bytes on the one page where files are sent", UPLOAD_SCRIPT.len());
    }

    #[test]
    fn a_form_and_its_worker_run_less_than_two_kilobytes_each() {
        for script in [FORM_SCRIPT, WORKER] {
            assert!(script.len() < 2048, "{} bytes", script.len());
        }
    }
}
