//! `lookahead`: the check that nothing depends on what came later. A tape is run whole, then again up
//! to each of some cuts; whatever was recorded up to a cut must be the same, byte for byte.
//!
//! The contract gives a strategy no way to read ahead. This finds what goes round it: state shared
//! between runs, a file that holds the whole, a decoder that looks at the next frame.

use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::backtest::is_by_operator;
use super::build::{self, Plan};
use super::cli::LookaheadArgs;
use super::command;
use super::error::{AppError, Exit};
use super::market::{self, Market};
use super::outputs::{EntrySink, Outputs, TapeStopped, Written};
use super::pipeline::{Given, Pipeline, TapeInput};
use super::replay::difference::{Difference, Field, Naming};
use super::setup;
use super::source::{Inputs, Replayed};
use crate::domain::{RunId, UnixNanos};
use crate::strategy::StrategyKind;
use crate::tape::{self, Channel, Entry, Reader};

/// What a check found.
#[derive(Clone, Debug, Serialize)]
pub struct Verdict {
    /// The session, or the file.
    pub tape: String,
    /// Inputs of the whole tape.
    pub inputs: u64,
    /// At how many points it was cut.
    pub cuts: usize,
    /// At how many of them all was equal.
    pub equal: usize,
    /// Records compared, over all cuts.
    pub compared: u64,
    /// The first difference, at the first cut that has one.
    pub difference: Option<Peek>,
}

/// A record that knew what came later.
#[derive(Clone, Debug, Serialize)]
pub struct Peek {
    /// The last input of the tape that was cut.
    pub cut_after: u64,
    /// The input whose record differs.
    pub input: u64,
    /// What kind of record: `evaluation`, `order`.
    pub kind: String,
    /// The decision or order, after its strategy's name.
    pub subject: Option<String>,
    /// The first field that differs, for a value with its name.
    pub field: String,
    /// On the whole tape.
    pub whole: String,
    /// On the tape that was cut.
    pub cut: String,
}

impl Verdict {
    /// The sentence that says it.
    pub fn line(&self) -> String {
        let Self { tape, cuts, equal, .. } = self;
        match &self.difference {
            None => format!(
                "equal at {equal} of {cuts} cuts: {tape}, {} inputs, {} records compared",
                self.inputs, self.compared
            ),
            Some(Peek { cut_after, input, kind, subject, field, whole, cut }) => format!(
                "equal at {equal} of {cuts} cuts: {tape} DIFFERS at input {input}, {kind}{}\n  \
                 {field}: {whole} on the whole tape, {cut} on the tape cut after input {cut_after}",
                subject.as_ref().map(|subject| format!(" of {subject}")).unwrap_or_default(),
            ),
        }
    }
}

/// What is checked.
#[derive(Clone, Debug)]
pub struct Request {
    /// A tape, a session, or `last`.
    pub tape: String,
    /// The configuration file.
    pub config: Option<PathBuf>,
    /// `--set` assignments.
    pub set: Vec<String>,
    /// At how many points the tape is cut.
    pub cuts: u64,
}

/// The command.
pub fn run(args: &LookaheadArgs, registry: &[StrategyKind]) -> Result<Exit, AppError> {
    let (config, set) = (args.config.config.clone(), args.config.set.clone());
    let request = Request { tape: args.tape.clone(), config, set, cuts: args.cuts };
    let verdict = check(&request, registry)?;
    if args.json {
        command::print_json(&verdict)?;
    } else {
        command::print(&verdict.line());
    }
    Ok(if verdict.difference.is_some() { Exit::Different } else { Exit::Done })
}

/// Runs the tape whole and up to each cut, and compares.
pub fn check(request: &Request, registry: &[StrategyKind]) -> Result<Verdict, AppError> {
    let found = market::with_market(&request.tape)?;
    let (config, set) = (request.config.clone(), &request.set);
    let own_config = config.is_some() || !set.is_empty();
    let loaded = setup::load_for_tape(&found.path, config, set, registry)?;
    let market = Market::Tape { path: found.path.clone(), own_config };
    // Every evaluation is compared, whichever the configuration would write.
    let plan = Plan { written: Written::All, ..market.open(&loaded, registry)?.0 };
    let tape = Tape { path: &found.path, own_config, config: loaded.canonical() };

    let mut whole = Whole::new()?;
    let ran = tape.run(&plan, registry, u64::MAX, &mut whole);
    let (inputs, _) = whole.end(ran)?;
    let cuts = cuts(inputs, request.cuts);
    let run = found.session.clone().unwrap_or_default();
    let mut verdict = Verdict {
        tape: found.session.map_or_else(|| found.path.display().to_string(), |id| id.to_string()),
        inputs,
        cuts: cuts.len(),
        equal: 0,
        compared: 0,
        difference: None,
    };
    for cut in cuts {
        let mut against = Against::new(&whole, &run, &plan)?;
        let ran = tape.run(&plan, registry, cut, &mut against);
        let cut_after = against.end(ran)?;
        verdict.compared += against.compared;
        verdict.equal += usize::from(against.difference.is_none());
        if let (None, Some(found)) = (&verdict.difference, against.difference) {
            verdict.difference = Some(peek(cut_after, found));
        }
    }
    Ok(verdict)
}

/// After how many inputs a tape of so many is cut: evenly spread, never at its end.
fn cuts(inputs: u64, wanted: u64) -> Vec<u64> {
    let at = |n: u64| u128::from(inputs) * u128::from(n) / u128::from(wanted + 1);
    let mut cuts: Vec<u64> = (1..=wanted).filter_map(|n| u64::try_from(at(n)).ok()).collect();
    cuts.retain(|cut| *cut > 0);
    cuts.dedup();
    cuts
}

fn peek(cut_after: u64, found: Difference) -> Peek {
    let Difference { seq, kind, subject, field, recorded, replayed } = found;
    let (field, whole, cut) = match field {
        Field::Value { path, recorded, replayed } => (path, recorded, replayed),
        Field::Encoding { at_byte } => (format!("byte {at_byte}"), recorded, replayed),
        Field::Missing => ("record".to_owned(), recorded, replayed),
    };
    Peek { cut_after, input: seq, kind, subject, field, whole, cut }
}

/// What every run reads.
struct Tape<'a> {
    path: &'a Path,
    /// What an operator did in the recorded run is left out.
    own_config: bool,
    config: &'a str,
}

impl Tape<'_> {
    /// Runs at most so many inputs after the start; how many there were, and the last one's number.
    fn run(
        &self,
        plan: &Plan,
        registry: &[StrategyKind],
        most: u64,
        sink: &mut dyn EntrySink,
    ) -> Result<(u64, u64), AppError> {
        let pipeline = build::pipeline(plan, registry)?;
        let mut bench =
            Bench { pipeline, outputs: Outputs::new(plan.written), sink, taken: 0, seq: 0 };
        let start = TapeInput::Start { state: plan.start.clone(), config: self.config.to_owned() };
        bench.take(0, UnixNanos::default(), Given::Other(&start))?;
        bench.taken = 0;
        let mut reader = Reader::open(self.path)?;
        let mut inputs = Inputs::default();
        while bench.taken < most
            && let Some(entry) = reader.next()?
        {
            let (seq, time) = (entry.seq, entry.time);
            let read = inputs.read(&entry).map_err(|text| AppError::new(Exit::Different, text))?;
            match read {
                Replayed::Stream(source, bytes) => {
                    bench.take(seq, time, Given::Frame { source, bytes })?;
                }
                Replayed::Answer(source, bytes) => {
                    bench.take(seq, time, Given::Frame { source: &source, bytes })?;
                }
                Replayed::Other(input)
                    if matches!(*input, TapeInput::Start { .. } | TapeInput::Resume(_)) => {}
                Replayed::Other(input) if self.own_config && is_by_operator(&input) => {}
                Replayed::Other(input) => bench.take(seq, time, Given::Other(&input))?,
                Replayed::Output(_) | Replayed::Mark(_) | Replayed::Timing(_) => {}
            }
        }
        Ok((bench.taken, bench.seq))
    }
}

/// A run, one input at a time; each input's records are an entry of their own.
struct Bench<'s> {
    pipeline: Pipeline,
    outputs: Outputs,
    sink: &'s mut dyn EntrySink,
    taken: u64,
    seq: u64,
}

impl Bench<'_> {
    fn take(&mut self, seq: u64, time: UnixNanos, given: Given<'_>) -> Result<(), AppError> {
        (self.taken, self.seq) = (self.taken + 1, seq);
        self.outputs.begin(seq, time);
        self.pipeline.take(seq, time, given, &mut self.outputs);
        let ended = self.outputs.end(self.sink).and_then(|()| self.outputs.flush(self.sink));
        ended.map_err(|_| AppError::new(Exit::NotWritable, "the records could not be written"))
    }
}

/// What the run over the whole tape recorded, in a file that nobody else sees: each input's records
/// behind its number and their length.
struct Whole {
    file: BufWriter<File>,
    error: Option<std::io::Error>,
}

impl Whole {
    fn new() -> Result<Self, AppError> {
        let name = format!("tickscope-lookahead-{}-{}", std::process::id(), setup::now().0);
        let path = std::env::temp_dir().join(name);
        let file = File::options().read(true).write(true).create_new(true).open(&path);
        let file = file.map_err(|error| fault(&error))?;
        // Without a name it is gone with this process, however that ends; with one it only stays.
        let _ = std::fs::remove_file(&path);
        Ok(Self { file: BufWriter::new(file), error: None })
    }

    fn end<T>(&mut self, ran: Result<T, AppError>) -> Result<T, AppError> {
        let flushed = self.file.flush();
        match self.error.take().or(flushed.err()) {
            Some(error) => Err(fault(&error)),
            None => ran,
        }
    }
}

impl EntrySink for Whole {
    fn entry(&mut self, entry: &Entry<'_>) -> Result<(), TapeStopped> {
        if entry.channel != Channel::Output {
            return Ok(());
        }
        let Ok(length) = u32::try_from(entry.bytes.len()) else { return Err(TapeStopped) };
        let file = &mut self.file;
        let written = file
            .write_all(&entry.seq.to_le_bytes())
            .and_then(|()| file.write_all(&length.to_le_bytes()))
            .and_then(|()| file.write_all(entry.bytes));
        written.map_err(|error| {
            self.error = Some(error);
            TapeStopped
        })
    }
}

fn fault(error: &std::io::Error) -> AppError {
    let folder = std::env::temp_dir();
    let text = format!("cannot keep records in {} (TMPDIR): {error}", folder.display());
    AppError::new(Exit::NotWritable, text)
}

/// The records of the whole tape, against which those of a cut one are held.
struct Against<'w> {
    whole: BufReader<&'w File>,
    naming: Naming,
    compared: u64,
    difference: Option<Difference>,
    error: Option<std::io::Error>,
}

impl<'w> Against<'w> {
    fn new(whole: &'w Whole, run: &RunId, plan: &Plan) -> Result<Self, AppError> {
        let mut whole = BufReader::new(whole.file.get_ref());
        whole.seek(SeekFrom::Start(0)).map_err(|error| fault(&error))?;
        let strategies = plan.engine.strategies.iter().map(|s| s.name.clone()).collect();
        let naming = Naming::new(run.clone(), strategies);
        Ok(Self { whole, naming, compared: 0, difference: None, error: None })
    }

    /// The next input with records on the whole tape.
    fn next(&mut self) -> std::io::Result<Option<(u64, Vec<u8>)>> {
        let mut seq = [0; 8];
        if self.whole.fill_buf()?.is_empty() {
            return Ok(None);
        }
        self.whole.read_exact(&mut seq)?;
        let mut length = [0; 4];
        self.whole.read_exact(&mut length)?;
        let mut block = vec![0; u32::from_le_bytes(length) as usize];
        self.whole.read_exact(&mut block)?;
        Ok(Some((u64::from_le_bytes(seq), block)))
    }

    /// After a run: what the whole tape recorded up to the cut is all there. The number of the last
    /// input before the cut.
    fn end(&mut self, ran: Result<(u64, u64), AppError>) -> Result<u64, AppError> {
        if let Some(error) = self.error.take() {
            return Err(fault(&error));
        }
        let (_, cut_after) = ran?;
        if self.difference.is_none()
            && let Some((seq, block)) = self.next().map_err(|error| fault(&error))?
            && seq <= cut_after
        {
            self.parts(seq, &block, &[]);
        }
        Ok(cut_after)
    }

    /// Finds the first record that differs between two blocks that do.
    fn parts(&mut self, seq: u64, whole: &[u8], cut: &[u8]) {
        let (mut whole, mut cut) = (tape::records(whole), tape::records(cut));
        loop {
            let pair = (whole.next().and_then(Result::ok), cut.next().and_then(Result::ok));
            if let (None, None) = pair {
                return;
            }
            if pair.0 != pair.1 {
                self.difference = Some(Difference::between(&self.naming, seq, pair.0, pair.1));
                return;
            }
        }
    }
}

impl EntrySink for Against<'_> {
    fn entry(&mut self, entry: &Entry<'_>) -> Result<(), TapeStopped> {
        // The first difference says it all; what follows follows from it.
        if entry.channel != Channel::Output || self.difference.is_some() {
            return Ok(());
        }
        let (seq, block) = match self.next() {
            Ok(found) => found.unwrap_or((u64::MAX, Vec::new())),
            Err(error) => {
                self.error = Some(error);
                return Err(TapeStopped);
            }
        };
        for record in tape::records(entry.bytes).flatten() {
            self.naming.learn(record);
            self.compared += 1;
        }
        if seq == entry.seq && block == entry.bytes {
            return Ok(());
        }
        // The earlier of two inputs has records that the other run has not.
        match seq.cmp(&entry.seq) {
            std::cmp::Ordering::Less => self.parts(seq, &block, &[]),
            std::cmp::Ordering::Equal => self.parts(seq, &block, entry.bytes),
            std::cmp::Ordering::Greater => self.parts(entry.seq, &[], entry.bytes),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lost if broken: a check that looks at one place twenty times, or at none.
    #[test]
    fn cuts_are_spread_and_never_at_the_end() {
        assert_eq!(cuts(21, 20), (1..=20).collect::<Vec<_>>());
        assert_eq!(cuts(100, 3), [25, 50, 75]);
        assert_eq!(cuts(3, 20), [1, 2]);
        assert!(cuts(0, 20).is_empty() && cuts(1, 20).is_empty());
        let cuts = cuts(u64::MAX, 10_000);
        assert!(cuts.len() == 10_000 && cuts.is_sorted());
    }
}
