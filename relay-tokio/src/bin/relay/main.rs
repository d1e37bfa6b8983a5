//! The `relay` program: a gateway, a connector, and a demonstration of both.

mod cli;
mod connector;
mod demo;
mod duration;
mod exit;
mod logging;
mod output;
mod raw_json;
mod run;
mod secret_file;
mod settings;
mod shutdown;
mod text_file;
mod token;

use std::process::ExitCode;

use cli::Command;
use exit::Failure;
use tracing::info;

fn main() -> ExitCode {
    match cli::parse().and_then(perform) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

fn perform(command: Command) -> Result<(), Failure> {
    match command {
        Command::Token(token) => token::perform(&token),
        Command::Run(arguments) => {
            let resolved = settings::resolve(&arguments)?;
            logging::start(resolved.log_format);
            match resolved.settings {
                Some(settings) => block_on(run::run(settings)),
                None => {
                    info!("the relay is switched off by platforms.relay.enabled: nothing to do");
                    Ok(())
                }
            }
        }
        Command::Connector(arguments) => {
            let settings = connector::settings(&arguments)?;
            logging::start(arguments.log_format);
            block_on(connector::run(settings))
        }
        Command::Demo(arguments) => {
            logging::start(cli::LogFormat::Text);
            block_on(demo::run(arguments))
        }
    }
}

/// One thread does all the work: each command waits far more than it computes.
fn block_on(work: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Failure::configuration(format!("cannot start: {error}")))?;
    let outcome = runtime.block_on(work);
    // What still runs, such as an answer that nobody waits for, is not waited for.
    runtime.shutdown_background();
    outcome
}
