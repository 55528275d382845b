//! Control: how another process speaks to a run over a Unix domain socket in its session directory.
//!
//! ```text
//! tickscope halt ──► {"tickscope":1,"pid":7,"by":"command line","ask":"halt"}    one line
//!                ◄── {"tickscope":1,"code":0,"text":"trading is halted …",…}     one line
//! tickscope attach ► {…,"ask":{"attach":{"views":1,"fps":30,"read_only":false}}}
//!                ◄── the same kind of answer, then frames: length, then a patch of the last view
//! ```
//! Commands are lines of JSON, so that a run can be stopped by whatever version of the program is
//! at hand. Views change with the program; another version of them is refused with a sentence.
//!
//! One thread accepts, one more serves each connection. They ask the core over its bounded queue
//! and wait for an answer a bounded time; the core never waits for them. A viewer's thread takes
//! the newest published view whenever it is ready for one: whoever is slow sees fewer views, and a
//! frozen viewer holds up nobody but its own thread.

pub mod client;
pub mod command_line;
pub mod done;
pub mod patch;
pub mod protocol;
pub mod server;
pub mod socket;
mod viewer;

/// What the address is called in `runtime.toml`.
pub const CONTROL: &str = "control";
