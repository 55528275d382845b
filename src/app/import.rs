//! `tape import`: recorded messages, or history in files, as a tape. What a message says is the
//! venue's to know, where it goes is the tape's; here they meet.

use std::fs::File;
use std::io::{IsTerminal, Read};
use std::path::{Path, PathBuf};

use super::backtest::progress;
use super::cli::Format;
use super::command::print;
use super::error::{AppError, Exit};
use super::history::{self, Summary};
use super::pipeline::TapeInput;
use crate::domain::UnixNanos;
use crate::history::{Dataset, History, Options};
use crate::tape::{self, Channel, Entry, RawMessage, Writer, WriterOptions};
use crate::venue::binance::raw::{Raw, raw};

/// Rows read at a time.
const BATCH: usize = 4_096;

/// Imports files of one format.
pub fn run(
    format: Format,
    files: &[PathBuf],
    instrument: Option<&String>,
    output: &Path,
) -> Result<Exit, AppError> {
    let is_raw = match (format, files) {
        (Format::Raw, _) => true,
        (Format::Auto, [file, ..]) => is_raw(file),
        _ => false,
    };
    match (is_raw, files) {
        (true, [file]) => {
            let writer = Writer::in_file(output, WriterOptions::default())?;
            or_none(messages(file, writer, output), output)
        }
        (true, _) => Err(AppError::new(
            Exit::Usage,
            "recorded messages are imported from one file: their order is that of their lines",
        )),
        (false, _) => {
            // Looked into first: what is not as it should be costs no tape that is there already.
            let past = open(format, files, instrument)?;
            let writer = Writer::in_file(output, WriterOptions::default())?;
            or_none(of_history(past, writer, output), output)
        }
    }
}

/// Half a tape helps nobody: of an import that failed nothing stays.
fn or_none(done: Result<Exit, AppError>, output: &Path) -> Result<Exit, AppError> {
    if done.is_err() {
        // That it may be gone already does not matter.
        let _ = std::fs::remove_file(output);
    }
    done
}

/// True for what begins as recorded messages do: a time and a space, or packed with zstd.
fn is_raw(file: &Path) -> bool {
    const ZSTD_MAGIC: [u8; 4] = [0x28, 0xB5, 0x2F, 0xFD];
    let mut head = Vec::new();
    let read = File::open(file).and_then(|file| file.take(64).read_to_end(&mut head));
    let digits = head.iter().take_while(|byte| byte.is_ascii_digit()).count();
    read.is_ok() && (head.starts_with(&ZSTD_MAGIC) || digits > 0 && head.get(digits) == Some(&b' '))
}

/// Opens files of history that hold what the format says.
fn open(
    format: Format,
    files: &[PathBuf],
    instrument: Option<&String>,
) -> Result<History, AppError> {
    let datasets = match format {
        Format::Auto | Format::Raw => Vec::new(),
        Format::Ticks => vec![Dataset::Ticks],
        Format::Trades => vec![Dataset::Trades],
        Format::AggTrades => vec![Dataset::AggTrades],
        Format::Klines => vec![Dataset::Klines],
    };
    let otherwise = datasets.first().map(|wanted| format!(", not {wanted}")).unwrap_or_default();
    let instrument = instrument.cloned();
    let options = Options { instrument, datasets, otherwise, ..Options::default() };
    Ok(History::open(files, &options)?)
}

fn of_history(mut past: History, mut writer: Writer, output: &Path) -> Result<Exit, AppError> {
    let listed = history::listed(past.streams());
    let mut gaps = history::gaps(&listed);
    let (mut bytes, mut rows) = (Vec::new(), 0);
    let mut seq = 1;
    put(&mut writer, &mut bytes, (seq, past.start()), &TapeInput::Listed(listed))?;
    let bar = progress(past.bytes(), !std::io::stderr().is_terminal());
    let mut batch = Vec::with_capacity(BATCH);
    loop {
        past.next_batch(&mut batch, BATCH)?;
        if batch.is_empty() {
            break;
        }
        for row in &batch {
            seq += 1;
            rows += 1;
            gaps.note(row.stream, &row.fact);
            put(&mut writer, &mut bytes, (seq, row.fact.time()), &history::input(row))?;
        }
        bar.set_position(past.bytes_read());
    }
    bar.finish_and_clear();
    writer.finish()?;
    print(&Summary::new(past.files(), gaps, Vec::new()).to_string());
    print(&format!("{}: {rows} rows of {} instruments", output.display(), past.streams().len()));
    Ok(Exit::Done)
}

/// Writes an input.
fn put(
    writer: &mut Writer,
    bytes: &mut Vec<u8>,
    (seq, time): (u64, UnixNanos),
    input: &TapeInput,
) -> Result<(), AppError> {
    bytes.clear();
    *bytes = postcard::to_extend(input, std::mem::take(bytes))
        .map_err(|error| AppError::new(Exit::Failed, error.to_string()))?;
    writer.write(&Entry { channel: Channel::Input, seq, time, bytes })?;
    Ok(())
}

/// A text of recorded messages.
fn messages(file: &Path, writer: Writer, output: &Path) -> Result<Exit, AppError> {
    let report = tape::import_raw(file, writer, classify)?;
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
