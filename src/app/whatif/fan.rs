//! A fan: several engines over one market, read and decoded once.
//!
//! ```text
//! tape ─► the first engine behind the real decoder ─► batches of inputs and of what was told
//!           (this thread)                              ├► worker: its share of the engines
//!                                                      └► worker: its share of the engines
//! ```
//!
//! Every engine takes every input in its own [`Pipeline`](crate::app::pipeline::Pipeline), as in a run
//! of its own; only the decoder's words come from elsewhere. An engine that would have asked the
//! decoder for something else, or that needs more of the past than the first one, has a decoder of its
//! own: it runs in a fan of its own.

use std::collections::BTreeMap;
use std::num::NonZero;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use indicatif::ProgressBar;

use super::runner::{Outcome, Runner};
use super::shared::{Cup, Heard, Retell, Tap};
use crate::app::backtest::{is_by_operator, progress};
use crate::app::build::{self, Plan};
use crate::app::error::{AppError, Exit};
use crate::app::history;
use crate::app::market::{Market, Opened, Source as Inputs};
use crate::app::pipeline::{Given, TapeInput};
use crate::app::setup;
use crate::app::source::{self, Replayed};
use crate::config::Loaded;
use crate::domain::{HistoryNeed, Instrument, Nanos, OrderBook, RunId, UnixNanos};
use crate::strategy::StrategyKind;
use crate::tape::Reader;
use crate::venue::Source;

/// Inputs that go from hand to hand at once: little enough to stay in a core's cache.
const BATCH: usize = 512;
/// Batches on their way to a worker.
const AHEAD: usize = 8;
/// What a follower's decoder is handed: it knows what was told of it, and looks at nothing.
const ELSEWHERE: Source = Source::Stream { connection: 0 };

/// What all engines read.
pub struct Track<'a> {
    /// The market.
    pub market: &'a Market,
    /// Which strategies there are.
    pub registry: &'a [StrategyKind],
    /// Draw no progress bar.
    pub quiet: bool,
}

/// What of the recorded run is in none of the engines.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct LeftOut {
    /// Commands of an operator and changed rules.
    pub commands: u64,
    /// The run went on with what this one left.
    pub resumed: Option<RunId>,
}

/// An engine to be run.
pub struct Variant {
    /// Its configuration.
    pub loaded: Loaded,
    /// What it is built from.
    pub plan: Plan,
}

/// What decides what a decoder says.
#[derive(PartialEq, Eq, Debug)]
struct Ear {
    instruments: Vec<Instrument>,
    /// By instrument: the most bars of each length, and trades.
    needs: Vec<(BTreeMap<Nanos, usize>, usize)>,
}

impl Ear {
    fn of(instruments: &[Instrument], needs: &[HistoryNeed]) -> Self {
        let most = |HistoryNeed { intervals, trades }: &HistoryNeed| {
            // Of several wishes for one length the decoder looks at the largest alone.
            let mut bars = BTreeMap::new();
            for (length, count) in intervals {
                let wanted: &mut usize = bars.entry(*length).or_default();
                *wanted = (*wanted).max(*count);
            }
            (bars, *trades)
        };
        Self { instruments: instruments.to_vec(), needs: needs.iter().map(most).collect() }
    }
}

/// Inputs that were taken together.
struct Batch {
    inputs: Vec<(u64, UnixNanos, Taken)>,
    heard: Arc<Heard>,
}

/// An input without its bytes.
enum Taken {
    Frame,
    Other(Box<TapeInput>),
}

/// A runner that another one's decoder speaks to.
struct Follower<'a> {
    place: usize,
    plan: &'a Plan,
    runner: Runner,
    tell: SyncSender<Arc<Heard>>,
    parted: Arc<AtomicBool>,
}

/// What became of a follower: `None` when it parted.
type Followed = (usize, Option<Outcome>);

impl Track<'_> {
    /// Runs every variant over the market; what came of each, in order.
    pub fn run(&self, variants: &[Variant]) -> Result<(Vec<Outcome>, LeftOut), AppError> {
        let mut outcomes: Vec<Option<Outcome>> = variants.iter().map(|_| None).collect();
        let mut left_out = LeftOut::default();
        for mut group in self.groups(variants)? {
            // Whoever parted from a leader leads the next one.
            while !group.is_empty() {
                let found = self.group(variants, &group, &mut left_out)?;
                for (place, outcome) in found {
                    outcomes[place] = outcome;
                }
                group.retain(|place| outcomes[*place].is_none());
            }
        }
        Ok((outcomes.into_iter().flatten().collect(), left_out))
    }

    /// Places of variants that one decoder can speak to.
    fn groups(&self, variants: &[Variant]) -> Result<Vec<Vec<usize>>, AppError> {
        let mut groups: Vec<(Ear, Vec<usize>)> = Vec::new();
        for (place, Variant { plan, .. }) in variants.iter().enumerate() {
            let needs = build::pipeline(plan, self.registry)?.engine().history_needs();
            let ear = Ear::of(&plan.engine.instruments, &needs);
            match groups.iter_mut().find(|(known, _)| *known == ear) {
                Some((_, group)) => group.push(place),
                None => groups.push((ear, vec![place])),
            }
        }
        Ok(groups.into_iter().map(|(_, group)| group).collect())
    }

    /// Runs a group: its first behind the decoder, the others behind what that says.
    fn group(
        &self,
        variants: &[Variant],
        group: &[usize],
        left_out: &mut LeftOut,
    ) -> Result<Vec<Followed>, AppError> {
        let Some((&first, others)) = group.split_first() else { return Ok(Vec::new()) };
        let Variant { loaded, plan } = &variants[first];
        let (_, opened) = self.market.open(loaded, self.registry)?;
        let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
        let mut shares: Vec<Vec<Follower<'_>>> = Vec::new();
        shares.resize_with(cores.min(others.len()), Vec::new);
        for (n, place) in others.iter().enumerate() {
            let at = n % shares.len();
            shares[at].push(self.follower(*place, &variants[*place].plan)?);
        }
        std::thread::scope(|scope| {
            let (mut workers, mut threads) = (Vec::new(), Vec::new());
            for share in shares {
                let (batches, coming) = sync_channel(AHEAD);
                workers.push(batches);
                threads.push(scope.spawn(move || follow(share, &coming)));
            }
            let mut lead = self.leader(plan, workers)?;
            let led = lead.over(opened, self.quiet, left_out);
            let Lead { mut runner, workers, .. } = lead;
            // Also after an error: whoever waits for more must know that there is none.
            drop(workers);
            let mut found = vec![(first, None)];
            for thread in threads {
                let panicked = |_| AppError::new(Exit::Failed, "a run of the sweep broke down");
                found.extend(thread.join().map_err(panicked)??);
            }
            led?;
            found[0].1 = Some(runner.end(plan)?);
            Ok(found)
        })
    }

    fn leader(&self, plan: &Plan, workers: Vec<SyncSender<Arc<Batch>>>) -> Result<Lead, AppError> {
        let cup = Cup::default();
        let pipeline = if workers.is_empty() {
            build::pipeline(plan, self.registry)?
        } else {
            let tap = |decoder| Box::new(Tap::new(decoder, cup.clone())) as _;
            build::pipeline_behind(plan, self.registry, tap)?
        };
        let runner = Runner::begin(plan, pipeline)?;
        Ok(Lead { runner, cup, inputs: Vec::with_capacity(BATCH), workers })
    }

    fn follower<'p>(&self, place: usize, plan: &'p Plan) -> Result<Follower<'p>, AppError> {
        let parted = Arc::new(AtomicBool::new(false));
        // It is told of a batch before it takes the batch's inputs, and never of two at once.
        let (tell, told) = sync_channel(1);
        let retell = Retell::new(told, Arc::clone(&parted));
        let pipeline = build::pipeline_behind(plan, self.registry, |_| Box::new(retell))?;
        let runner = Runner::begin(plan, pipeline)?;
        Ok(Follower { place, plan, runner, tell, parted })
    }
}

/// Lets followers take every batch that comes.
fn follow(
    mut followers: Vec<Follower<'_>>,
    batches: &Receiver<Arc<Batch>>,
) -> Result<Vec<Followed>, AppError> {
    // One set of books: what an engine has in it of its own is more than a core's cache holds.
    let instruments = followers.first().map_or(0, |first| first.plan.engine.instruments.len());
    let mut books = vec![OrderBook::default(); instruments];
    for batch in batches {
        if !batch.heard.is_silent() {
            for follower in &followers {
                // Its decoder took the batch before to the end, and holds the only other end. One
                // that parted takes nothing.
                let _ = follower.tell.try_send(Arc::clone(&batch.heard));
            }
        }
        for (seq, time, taken) in &batch.inputs {
            let mut active: Vec<_> = followers.iter_mut().filter(|it| !it.has_parted()).collect();
            // What is due happens before the input, under the books before it. Only whoever comes
            // first finds those: the others in the copy.
            let due = |it: &Follower<'_>| it.runner.next_due().is_some_and(|due| due <= *time);
            let before = active.iter().skip(1).any(|it| due(it)).then(|| books.clone());
            for (nth, follower) in active.iter_mut().enumerate() {
                let given = match taken {
                    Taken::Frame => Given::Frame { source: &ELSEWHERE, bytes: &[] },
                    Taken::Other(input) => Given::Other(input),
                };
                let mut then = before.clone().filter(|_| nth > 0 && due(follower));
                let books = then.as_mut().unwrap_or(&mut books);
                follower.runner.exchange_books(books);
                follower.runner.take(*seq, *time, given)?;
                follower.runner.exchange_books(books);
            }
        }
    }
    let mut found = Vec::new();
    for mut follower in followers {
        follower.runner.exchange_books(&mut books);
        let outcome = follower.runner.end(follower.plan)?;
        follower.runner.exchange_books(&mut books);
        found.push((follower.place, (!follower.has_parted()).then_some(outcome)));
    }
    Ok(found)
}

impl Follower<'_> {
    fn has_parted(&self) -> bool {
        self.parted.load(Ordering::Relaxed)
    }
}

/// The first engine, whose decoder speaks to all.
struct Lead {
    runner: Runner,
    cup: Cup,
    inputs: Vec<(u64, UnixNanos, Taken)>,
    workers: Vec<SyncSender<Arc<Batch>>>,
}

impl Lead {
    /// Takes the whole market.
    fn over(
        &mut self,
        opened: Opened,
        quiet: bool,
        left_out: &mut LeftOut,
    ) -> Result<(), AppError> {
        match opened.source {
            Inputs::Tape { path, .. } => {
                let bar = progress(setup::tape_bytes(&path)?, quiet);
                self.over_tape(&mut Reader::open(&path)?, &bar, left_out)?;
                bar.finish_and_clear();
            }
            Inputs::Files(mut past) => {
                let bar = progress(past.bytes(), quiet);
                let mut seq = 1;
                self.other(seq, past.start(), TapeInput::Listed(opened.listed))?;
                let mut rows = Vec::new();
                loop {
                    past.next_batch(&mut rows, BATCH)?;
                    if rows.is_empty() {
                        break;
                    }
                    for row in &rows {
                        seq += 1;
                        self.other(seq, row.fact.time(), history::input(row))?;
                    }
                    bar.set_position(past.bytes_read());
                }
                bar.finish_and_clear();
            }
        }
        self.hand_on();
        Ok(())
    }

    fn over_tape(
        &mut self,
        reader: &mut Reader,
        bar: &ProgressBar,
        left_out: &mut LeftOut,
    ) -> Result<(), AppError> {
        let mut inputs = source::Inputs::default();
        let (mut bytes, mut entries) = (0, 0_u64);
        let mut found = LeftOut::default();
        while let Some(entry) = reader.next()? {
            let (seq, time) = (entry.seq, entry.time);
            (bytes, entries) = (bytes + entry.bytes.len() as u64, entries + 1);
            if entries.is_multiple_of(8_192) {
                bar.set_position(bytes);
            }
            let read = inputs.read(&entry).map_err(|text| AppError::new(Exit::Different, text))?;
            match read {
                Replayed::Stream(source, bytes) => self.frame(seq, time, source, bytes)?,
                Replayed::Answer(source, bytes) => self.frame(seq, time, &source, bytes)?,
                Replayed::Other(input) => match *input {
                    TapeInput::Start { .. } => {}
                    TapeInput::Resume(inheritance) => {
                        found.resumed = Some(inheritance.from);
                    }
                    input if is_by_operator(&input) => found.commands += 1,
                    input => self.other(seq, time, input)?,
                },
                Replayed::Output(_) | Replayed::Mark(_) | Replayed::Timing(_) => {}
            }
        }
        *left_out = found;
        Ok(())
    }

    fn frame(
        &mut self,
        seq: u64,
        time: UnixNanos,
        source: &Source,
        bytes: &[u8],
    ) -> Result<(), AppError> {
        self.runner.take(seq, time, Given::Frame { source, bytes })?;
        self.taken(seq, time, Taken::Frame);
        Ok(())
    }

    fn other(&mut self, seq: u64, time: UnixNanos, input: TapeInput) -> Result<(), AppError> {
        self.runner.take(seq, time, Given::Other(&input))?;
        self.taken(seq, time, Taken::Other(Box::new(input)));
        Ok(())
    }

    fn taken(&mut self, seq: u64, time: UnixNanos, taken: Taken) {
        if self.workers.is_empty() {
            return;
        }
        self.inputs.push((seq, time, taken));
        if self.inputs.len() == BATCH {
            self.hand_on();
        }
    }

    /// Hands the inputs so far to the workers.
    fn hand_on(&mut self) {
        let inputs = std::mem::replace(&mut self.inputs, Vec::with_capacity(BATCH));
        let batch = Arc::new(Batch { inputs, heard: Arc::new(self.cup.take()) });
        for worker in &self.workers {
            // One that is gone says itself why.
            let _ = worker.send(Arc::clone(&batch));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lost if broken: a sweep over a length whose sixteen values decode the tape sixteen times.
    #[test]
    fn a_wish_within_a_larger_one_needs_no_decoder_of_its_own() {
        let ear = |intervals: &[(Nanos, usize)], trades| {
            Ear::of(&[], &[HistoryNeed { intervals: intervals.to_vec(), trades }])
        };
        let chart = (UnixNanos::SECOND, 500);
        let short = ear(&[chart, (UnixNanos::SECOND, 32)], 0);
        assert_eq!(short, ear(&[chart, (UnixNanos::SECOND, 80)], 0));
        assert_ne!(short, ear(&[chart, (UnixNanos::SECOND, 501)], 0));
        assert_ne!(short, ear(&[chart, (5 * UnixNanos::SECOND, 32)], 0));
        assert_ne!(short, ear(&[chart, (UnixNanos::SECOND, 32)], 9));
    }
}
