//! The binary: everything it does stands in the library, so that tests can do it too.

fn main() -> std::process::ExitCode {
    causeway::cli::main()
}
