//! A new migration must be taken into the binary although no source file changed.
fn main() {
    println!("cargo:rerun-if-changed=migrations");
}
