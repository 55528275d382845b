//! `tape import`: a file of recorded messages becomes a tape. What a message says is the venue's to
//! know, where it goes is the tape's; here they meet.

use std::path::Path;

use super::command::print;
use super::error::{AppError, Exit};
use crate::tape::{self, RawMessage, Writer, WriterOptions};
use crate::venue::binance::raw::{Raw, raw};

/// Writes a tape from a file of raw messages of Binance and tells what was in it.
pub fn import(file: &Path, output: &Path) -> Result<Exit, AppError> {
    let writer = Writer::in_file(output, WriterOptions::default())?;
    let report = match tape::import_raw(file, writer, classify) {
        Ok(report) => report,
        Err(error) => {
            // An empty tape helps nobody; that it may be gone already does not matter.
            let _ = std::fs::remove_file(output);
            return Err(error.into());
        }
    };
    print(&format!(
        "{}: {} lines, {} messages, {} answers",
        output.display(),
        report.lines,
        report.messages,
        report.answers
    ));
    for (reason, lines) in &report.refused {
        print(&format!(
            "refused: {} {}, first on line {}",
            lines.count,
            reason.describe(),
            lines.first_line
        ));
    }
    Ok(Exit::Done)
}

fn classify(message: &str) -> Option<RawMessage<'_>> {
    Some(match raw(message)? {
        Raw::BookUpdate { symbol, first, last } => RawMessage::BookUpdate { symbol, first, last },
        Raw::BookSnapshot { last } => RawMessage::BookSnapshot { last },
        Raw::Other => RawMessage::Other,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lost if broken: every check that runs on recorded traffic.
    #[test]
    #[ignore = "needs TICKSCOPE_TAPES"]
    fn the_recorded_tape_imports_whole() {
        let tapes = std::env::var_os("TICKSCOPE_TAPES").unwrap();
        let source = Path::new(&tapes).join("binance_spot_btcusdt_ethusdt_first300s.raw.zst");
        let directory = tempfile::tempdir().unwrap();
        let tape = directory.path().join("tape.mcap");
        let writer = Writer::in_file(&tape, WriterOptions::default()).unwrap();
        let report = tape::import_raw(&source, writer, classify).unwrap();
        assert_eq!((report.lines, report.messages, report.answers), (66_250, 66_248, 2));
        assert!(report.refused.is_empty() && report.times_raised == 0, "{report:?}");
        let contents = tape::Contents::of(&tape).unwrap();
        let answers: Vec<_> = contents.channels.iter().map(|c| c.name.as_str()).collect();
        assert_eq!(answers, ["stream/1", "answer/depth/BTCUSDT", "answer/depth/ETHUSDT"]);
    }
}
