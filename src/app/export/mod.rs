//! `export`: what is recorded, in the form of other tools.

mod otlp;

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};
use reqwest::Url;
use reqwest::header::CONTENT_TYPE;

use super::command::print;
use super::error::{AppError, Exit};
use super::explain::{self, Wanted};
use super::help;
use crate::strategy::StrategyKind;
use crate::venue::tls;

/// How long a collector may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// `export`.
#[derive(Debug, Clone, Subcommand)]
pub enum ExportCommand {
    /// A decision as an OpenTelemetry trace: its stages, its order, each fill.
    #[command(after_help = help::EXPORT_OTLP)]
    Otlp(OtlpArgs),
}

/// `export otlp`.
#[derive(Debug, Clone, Args)]
pub struct OtlpArgs {
    /// A decision, an order or a fill: whatever `explain` knows.
    #[arg(long, value_name = "ID")]
    pub decision: String,
    /// Write it to this file instead of standard output.
    #[arg(long, short, value_name = "FILE", conflicts_with = "push")]
    pub output: Option<PathBuf>,
    /// Send it to a collector instead: http://127.0.0.1:4318/v1/traces
    #[arg(long, value_name = "URL")]
    pub push: Option<Url>,
}

/// Exports what was asked for.
pub fn run(command: &ExportCommand, registry: &[StrategyKind]) -> Result<Exit, AppError> {
    let ExportCommand::Otlp(args) = command;
    let wanted = Wanted::of_id(&args.decision)?;
    let recording = explain::recording_of(&wanted, None, registry)?;
    let found = explain::find(&recording, &wanted)?;
    let text = otlp::trace(&recording, &found.chain).to_string();
    match (&args.output, &args.push) {
        (Some(path), _) => fs::write(path, text + "\n").map_err(|error| {
            AppError::new(Exit::NotWritable, format!("{}: {error}", path.display()))
        })?,
        (None, Some(url)) => push(url, text)?,
        (None, None) => print(&text),
    }
    Ok(Exit::Done)
}

fn push(url: &Url, text: String) -> Result<(), AppError> {
    let failed = |reason: String| AppError::new(Exit::Connection, format!("{url}: {reason}"));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| failed(error.to_string()))?;
    let tls = tls::client_config(&[]).map_err(|error| failed(error.to_string()))?;
    let client = reqwest::Client::builder();
    let sending = async {
        let client = client.tls_backend_preconfigured(tls).timeout(PATIENCE).no_proxy().build()?;
        let request = client.post(url.clone()).header(CONTENT_TYPE, "application/json");
        request.body(text).send().await
    };
    match runtime.block_on(sending) {
        Ok(answer) if answer.status().is_success() => Ok(()),
        Ok(answer) => Err(failed(format!("the collector answers {}", answer.status()))),
        // Its own text repeats the address.
        Err(error) => Err(failed(error.without_url().to_string())),
    }
}
