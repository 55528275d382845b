//! The operator's commands as the core hears them: one input each, and a word about what it did
//! for whoever gave it and for the log.

use super::core::Core;
use super::teller::Tidings;
use crate::app::control::done::{Before, Done};
use crate::app::control::protocol::By;
use crate::app::outputs::{TapeStopped, copied_records};
use crate::app::pipeline::TapeInput;
use crate::engine::Command;

/// Takes what became of a command, and the ticket with which it is on the disk. It is called on the
/// core's thread and must not wait.
pub type Reply = Box<dyn FnOnce(Done, u64) + Send>;

/// A command, and who gave it.
pub struct Asked {
    /// What is asked of the engine.
    pub command: Command,
    /// From where.
    pub by: By,
    /// The process that asked; 0 for this one.
    pub pid: u32,
    /// Who wants to know what became of it.
    pub reply: Reply,
}

/// A command as it is told.
#[derive(Debug)]
pub struct Told {
    /// What it did.
    pub done: Done,
    /// From where it was given.
    pub by: By,
    /// The process that gave it; 0 for this one.
    pub pid: u32,
}

impl Core {
    /// Carries out a command at once: nothing that waits comes before it.
    pub(super) fn obey(&mut self, asked: Asked) -> Result<(), TapeStopped> {
        let Asked { command, by, pid, reply } = asked;
        let before = Before::of(self.pipeline.engine());
        let told = self.outputs.copied();
        let input = TapeInput::Command(command.clone());
        self.other(&input)?;
        // What was answered to a person holds after a kill as well.
        self.outputs.flush(&mut self.tape)?;
        let ticket = self.tape.request_sync();
        let records = copied_records(self.outputs.copies_since(told));
        let done = Done::of(&command, &before, self.pipeline.engine(), records);
        // The log tells what the engine did before it tells who wanted it, and screens show it at once.
        self.publish();
        let now = self.clock.now();
        self.teller.tell(Tidings::Operator(Box::new(Told { done: done.clone(), by, pid }), now));
        reply(done, ticket);
        Ok(())
    }
}
