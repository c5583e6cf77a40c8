//! Compiles the contract without an installed `protoc`, and keeps the descriptors for gRPC reflection.
use std::path::PathBuf;

use prost::Message as _;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let root = PathBuf::from(std::env::var("CARGO_MANIFEST_DIR")?);
    let mut files = Vec::new();
    for context in ["inquiry", "routing", "intake", "scheduling", "notice", "metrics"] {
        for file in ["events.proto", "api.proto", "audits.proto"] {
            let path = root.join("causeway").join(context).join("v1").join(file);
            if path.exists() {
                println!("cargo:rerun-if-changed={}", path.display());
                files.push(path);
            }
        }
    }
    let descriptors = protox::Compiler::new([&root])?
        .include_source_info(true)
        .include_imports(true)
        .open_files(files)?
        .file_descriptor_set();
    let out = PathBuf::from(std::env::var("OUT_DIR")?);
    std::fs::write(out.join("descriptors.bin"), descriptors.encode_to_vec())?;
    // A service of tests answers what it is asked and no more. The real ones deny clippy::missing_trait_methods, so that none of
    // theirs is forgotten.
    tonic_prost_build::configure().generate_default_stubs(true).compile_fds(descriptors)?;
    Ok(())
}
