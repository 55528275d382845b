//! `halt`, `flatten`, `cancel-all`, `pause`, `resume` on the command line.

use serde::Serialize;

use super::client::Instance;
use super::done::Done;
use super::protocol::{Ask, By};
use crate::app::cli::ControlArgs;
use crate::app::command::{print, print_json};
use crate::app::error::{AppError, Exit};

/// What a command did, as one line of JSON.
#[derive(Serialize)]
struct Told<'a> {
    session: &'a str,
    exit_code: u8,
    text: &'a str,
    #[serde(flatten)]
    done: Option<&'a Done>,
}

/// Asks the run that is meant, and says what it did.
pub fn run(ask: Ask, args: &ControlArgs) -> Result<Exit, AppError> {
    let instance = Instance::choose(args.session.as_deref())?;
    let answer = instance.ask(By::CommandLine, ask)?;
    let exit = match answer.code {
        0 => Exit::Done,
        2 => Exit::Usage,
        _ => Exit::Failed,
    };
    if args.json {
        let (session, exit_code) = (instance.run_id.0.as_str(), exit.code());
        print_json(&Told { session, exit_code, text: &answer.text, done: answer.done.as_ref() })?;
    } else if answer.done.is_none() {
        return Err(AppError::new(exit, answer.text));
    } else {
        print(&format!("{}: {}", instance.run_id.prefix(), answer.text));
    }
    Ok(exit)
}
