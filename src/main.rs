//! The `tickscope` program: the library's command line with the strategies that it brings.

use std::process::ExitCode;

fn main() -> ExitCode {
    tickscope::run(tickscope::strategy::built_in())
}
