//! The command line.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use crate::commands::{
    audit, bench, calls, center, dev, doctor, feeds, files, held, ledger, messages, migrate, parked, people, reconcile,
    route, run, settings, simulate, token,
};

/// Carries a cancer-care inquiry from first contact to a kept appointment.
#[derive(Debug, Parser)]
#[command(name = "causeway", version, about, long_about = None, arg_required_else_help = true)]
pub struct Cli {
    /// What is common to all commands.
    #[command(flatten)]
    pub common: Common,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Options that every command knows.
#[derive(Debug, Clone, Args)]
pub struct Common {
    /// Configuration file (TOML). Default: `causeway.toml`, else the one that `causeway dev` keeps in its data folder.
    #[arg(long, global = true, env = "CAUSEWAY_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Sets one configuration value, as `section.field=value`; may be given many times.
    #[arg(long = "set", global = true, value_name = "SECTION.FIELD=VALUE")]
    pub set: Vec<String>,
    /// Prints one JSON document (or one line for each event) instead of text. Why a command failed stays a line on stderr.
    #[arg(long, global = true)]
    pub json: bool,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Starts everything on this machine: private servers, all services, the demo centers.
    Dev(dev::Dev),
    /// Runs services for a real deployment.
    Run(run::Run),
    /// Brings the databases up to date.
    Migrate(migrate::Migrate),
    /// Checks and applies center profiles.
    Center(center::Center),
    /// Proves routing tables, explains routes, and tries proposed tables on past inquiries.
    Route(route::Route),
    /// Proves that no inquiry is lost: accepted = open + scheduled + attended + closed + parked + in transit + held.
    Ledger(ledger::TakeLedger),
    /// Lists, shows and replays messages that nobody could handle.
    Parked(parked::Parked),
    /// Lists and releases inquiries that wait for a person because a machine seems to have sent them.
    Held(held::Held),
    /// Lists messages of partner systems that wait for a person, and takes them off the list.
    Messages(messages::Messages),
    /// Lists and shows files of partner systems, takes the good rows of one, and takes parked ones off the list.
    Files(files::PartnerFiles),
    /// Lists calls of the phone systems that wait for a person.
    Calls(calls::Calls),
    /// Tells which partners' feeds send as usual, and makes keys for them.
    Feeds(feeds::Feeds),
    /// Has the index read again by which it is found who may be the same person.
    People(people::People),
    /// Proves that nobody changed, removed or cut off what was written down.
    Audit(audit::Audit),
    /// Compares all that was published with all that was seen, and publishes again what is missing.
    Reconcile(reconcile::Reconcile),
    /// Tells what this machine has, and what an installation lacks.
    Doctor(doctor::Doctor),
    /// Prints every setting of every service with its variable, default, unit and meaning.
    Settings(settings::Settings),
    /// Plays life-like synthetic inquiries and the staff who work them.
    Simulate(simulate::Simulate),
    /// Measures throughput, latency and CPU for each inquiry beside the database's own floor.
    Bench(bench::Bench),
    /// Prints a token for gRPC calls as a staff member or operator; development only.
    Token(token::Token),
}

/// What a shell tells of a process that a closed pipe has ended.
const READER_GONE: i32 = 128 + 13;

/// Whoever reads what a command prints may stop early, as `head` does: the command ends there without a word.
fn end_quietly_with_the_reader() {
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        // The words of the standard library's print macros, which tell a failed write by no other means.
        let words = panic.payload_as_str().unwrap_or_default();
        if words.starts_with("failed printing to std") && words.contains("Broken pipe") {
            std::process::exit(READER_GONE);
        }
        usual(panic);
    }));
}

/// Parses the command line, runs the command, and tells by the exit code how it went: 0 done, 1 failed or not in order,
/// 2 wrong use, 3 cut off, 141 nobody reads any more what it prints.
pub fn main() -> ExitCode {
    end_quietly_with_the_reader();
    let cli = Cli::parse();
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    if let Command::Run(run::Run { threads: Some(threads), .. }) = &cli.command {
        runtime.worker_threads(threads.get());
    }
    let runtime = match runtime.enable_all().build() {
        Ok(runtime) => runtime,
        Err(cause) => {
            eprintln!("causeway: start the runtime: {cause}");
            return ExitCode::FAILURE;
        }
    };
    let outcome = runtime.block_on(execute(cli));
    runtime.shutdown_timeout(std::time::Duration::from_secs(3));
    outcome.unwrap_or_else(|cause| {
        eprintln!("causeway: {cause:#}");
        ExitCode::FAILURE
    })
}

async fn execute(cli: Cli) -> anyhow::Result<ExitCode> {
    let common = cli.common;
    match cli.command {
        Command::Dev(command) => command.execute(&common).await,
        Command::Run(command) => command.execute(&common).await,
        Command::Migrate(command) => command.execute(&common).await,
        Command::Center(command) => command.execute(&common).await,
        Command::Route(command) => command.execute(&common).await,
        Command::Ledger(command) => command.execute(&common).await,
        Command::Parked(command) => command.execute(&common).await,
        Command::Messages(command) => command.execute(&common).await,
        Command::Calls(command) => command.execute(&common).await,
        Command::Feeds(command) => command.execute(&common).await,
        Command::Files(command) => command.execute(&common).await,
        Command::People(command) => command.execute(&common).await,
        Command::Audit(command) => command.execute(&common).await,
        Command::Held(command) => command.execute(&common).await,
        Command::Reconcile(command) => command.execute(&common).await,
        Command::Doctor(command) => command.execute(&common).await,
        Command::Settings(command) => command.execute(&common).await,
        Command::Simulate(command) => command.execute(&common).await,
        Command::Bench(command) => command.execute(&common).await,
        Command::Token(command) => command.execute(&common).await,
    }
}
