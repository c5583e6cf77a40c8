//! The binary: everything it does stands in the library, so that tests can do it too.

/// A fifth of the services' CPU went into the system's allocator; this one takes less of it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    causeway::cli::main()
}
