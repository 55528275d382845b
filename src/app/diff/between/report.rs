//! What the comparison of two runs found, for a person and for programs.

use std::fmt;

use serde::Serialize;

use super::chained::Chained;
use super::config::Setting;
use super::decisions::{Decisions, Made, Unlike};
use super::heard::Counts;
use super::input::InputTold;
use super::loose::Loose;
use super::rule::RuleTold;
use super::side::{End, Side};
use super::step::{First, Parted, Steps, Tail, Whose};
use crate::app::decision::Document;
use crate::app::replay::difference::Field;
use crate::app::setup;
use crate::app::words::grouped;

/// Columns from which two chains stand side by side.
const BESIDE: u16 = 160;
/// Things of a kind that are told one by one.
const SHOWN: usize = 5;

/// What was found.
#[derive(Serialize)]
pub struct Report {
    /// Both did the same, as far as they were compared.
    pub equal: bool,
    /// What is held against each other: the records of each `input`; the decisions on the same trade
    /// or bar, `moment`; or the decisions of the same `number`.
    pub compared_by: &'static str,
    /// The two runs.
    pub a: Run,
    /// The other one.
    pub b: Run,
    /// Records, or decisions, that say the same.
    pub compared: u64,
    /// The inputs of both.
    pub inputs: Inputs,
    /// Settings that are not the same.
    pub settings: Vec<Setting>,
    /// The first difference.
    pub first: Option<Difference>,
    /// The first rule in which a decision differs.
    pub rule: Option<RuleTold>,
    /// The first decision that differs, on A and on B.
    pub decision: Option<Decision>,
    /// Decisions that want an order.
    pub decisions: Decisions,
    /// What a backtest did after the end of the other side's market.
    pub tail: Option<Tail>,
    /// Why the comparison ends before the inputs do.
    pub stopped: Option<String>,
    /// A tape is damaged.
    #[serde(skip)]
    pub damaged: bool,
    #[serde(skip)]
    chains: [Option<Chained>; 2],
    #[serde(skip)]
    width: u16,
}

/// One of the runs.
#[derive(Serialize)]
pub struct Run {
    /// The session, or the tape's file.
    pub session: String,
    /// It is a recorded run under these changes.
    pub under: Option<String>,
    /// It was made by another program than this one.
    pub other_binary: bool,
    /// Marks of its tape that this program's records equal; none of a run under a change.
    pub marks: Option<u64>,
    /// The input up to which this program did something else than what was recorded.
    pub not_proven_at: Option<u64>,
    /// What it did.
    #[serde(flatten)]
    pub counts: Counts,
    /// What it made, fees included, in the reporting asset.
    pub pnl: String,
}

/// The inputs of both.
#[derive(Serialize)]
pub struct Inputs {
    /// Those that have the same number.
    pub shared: u64,
    /// Only A has them.
    pub only_a: u64,
    /// Only B has them.
    pub only_b: u64,
    /// They have the same number and say something else.
    pub other: u64,
    /// They say the same at another time.
    pub later: u64,
    /// The first of those that are not the same.
    pub first: Vec<UnlikeInput>,
}

/// An input that is not the same on both sides.
#[derive(Serialize)]
pub struct UnlikeInput {
    /// Who has it.
    pub whose: Whose,
    /// Which.
    #[serde(flatten)]
    pub input: InputTold,
}

/// The first difference.
#[derive(Serialize)]
pub struct Difference {
    /// In one sentence.
    pub sentence: String,
    /// The input that the record belongs to.
    pub input: InputTold,
    /// The kind of record: `evaluation`, `order`.
    pub kind: String,
    /// The decision or order that it is about, on A.
    pub subject_a: Option<String>,
    /// And on B.
    pub subject_b: Option<String>,
    /// The first field that differs; none where one side lacks the record.
    pub field: Option<String>,
    /// Its value on A.
    pub a: Option<String>,
    /// And on B.
    pub b: Option<String>,
    /// What caused it, in one sentence.
    pub cause: String,
    /// The record of A, shortened.
    pub record_a: String,
    /// The record of B, shortened.
    pub record_b: String,
}

/// A decision on both sides.
#[derive(Serialize)]
pub struct Decision {
    /// The input that caused it.
    pub input: InputTold,
    /// On A.
    pub a: Option<Document>,
    /// On B.
    pub b: Option<Document>,
}

impl Report {
    /// Of a walk that has ended.
    pub fn of(steps: Steps, settings: Vec<Setting>, under: Option<String>, width: u16) -> Self {
        let Steps {
            sides,
            inputs,
            tail,
            stopped,
            compared,
            first,
            parted,
            rule,
            decisions,
            loose,
            ..
        } = steps;
        let damaged = sides.iter().any(|side| matches!(side.end(), Some(End::Damaged(_))));
        let [a, b] = sides;
        let (a, b) = (Run::of(&a, None), Run::of(&b, under));
        let told = inputs.told.into_iter();
        let inputs = Inputs {
            shared: inputs.shared,
            only_a: inputs.only[0],
            only_b: inputs.only[1],
            other: inputs.other,
            later: inputs.later,
            first: told.map(|(whose, input)| UnlikeInput { whose, input }).collect(),
        };
        let first = first.map(|first| {
            let cause = match loose {
                None => cause(&first, &inputs, &settings),
                Some(_) => "the inputs of both, which are not the same".to_owned(),
            };
            Difference::of(first, cause)
        });
        let (input, chains) = match parted {
            Some(Parted { chains, input }) => (Some(input), chains),
            None => (None, [None, None]),
        };
        let document = |at: usize| chains[at].as_ref().map(Chained::document);
        let decision = input.map(|input| Decision { input, a: document(0), b: document(1) });
        Self {
            equal: first.is_none(),
            compared_by: match loose {
                None => "input",
                Some(Loose::Moment) => "moment",
                Some(Loose::Number) => "number",
            },
            a,
            b,
            compared,
            inputs,
            settings,
            first,
            rule,
            decision,
            decisions,
            tail,
            stopped,
            damaged,
            chains,
            width,
        }
    }
}

impl Run {
    fn of(side: &Side, under: Option<String>) -> Self {
        let recording = &side.recording;
        let proof = side.proof();
        let made_by = recording.manifest.as_ref().map(|manifest| &manifest.binary_hash);
        Self {
            session: recording.name.clone(),
            under,
            other_binary: made_by.is_some_and(|hash| *hash != setup::binary_hash()),
            marks: proof.map(|proof| proof.marks),
            not_proven_at: proof.and_then(|proof| proof.parted).map(|(recorded, _)| recorded.seq),
            counts: side.heard.counts(),
            pnl: side.pnl().round_dp(8).to_string(),
        }
    }

    fn name(&self) -> String {
        match &self.under {
            Some(under) => format!("{} under {under}", self.session),
            None => self.session.clone(),
        }
    }

    /// How far this program's answer is what was recorded.
    fn proof(&self) -> Option<String> {
        let by = if self.other_binary {
            "decided by another program, and again by this one"
        } else {
            "decided again by this program"
        };
        let marks = self.marks?;
        Some(match self.not_proven_at {
            Some(seq) => format!(
                "{by}: NOT what was recorded, the hash marks part before input {}",
                grouped(&seq.to_string())
            ),
            None if marks == 0 => format!("{by}; the tape has no hash mark to prove it"),
            None => format!("{by}: {marks} hash marks of the tape agree"),
        })
    }
}

/// What caused the first difference: the inputs, else the configuration.
fn cause(first: &First, inputs: &Inputs, settings: &[Setting]) -> String {
    if let Some(UnlikeInput { whose, input }) = inputs.first.first()
        && first.unlike > 0
    {
        let number = input.number();
        let one = match whose {
            Whose::OnlyA => format!("{number} is only in A: {input}"),
            Whose::OnlyB => format!("{number} is only in B: {input}"),
            Whose::Both => format!("{number} is not the same in both: in A {input}"),
        };
        return match first.unlike {
            1 => one,
            more => format!("{one}, and {} inputs more up to there", more - 1),
        };
    }
    let same = "the same inputs up to there";
    match settings {
        [] => format!("{same} and the same configuration"),
        [setting] => format!("{same}; the configuration differs: {setting}"),
        [setting, more @ ..] => format!(
            "{same}; the configuration differs: {setting}, and {} settings more",
            more.len()
        ),
    }
}

impl Difference {
    fn of(first: First, cause: String) -> Self {
        let First { difference, subjects: [subject_a, subject_b], input, .. } = first;
        let about = match (&subject_a, &subject_b) {
            (Some(a), Some(b)) => format!(" of {a} in A, {b} in B"),
            (Some(one), None) | (None, Some(one)) => format!(" of {one}"),
            (None, None) => String::new(),
        };
        let (field, a, b, differs) = match difference.field {
            Field::Value { path, recorded, replayed } => {
                let (a, b) = (grouped_number(&recorded), grouped_number(&replayed));
                let differs = format!(": {path} {a} against {b}");
                (Some(path), Some(recorded), Some(replayed), differs)
            }
            Field::Encoding { at_byte } => {
                let differs = format!(": every field reads the same, byte {at_byte} differs");
                (None, None, None, differs)
            }
            Field::Missing => {
                let whose = if difference.recorded == "nothing" { "B" } else { "A" };
                (None, None, None, format!(" only in {whose}"))
            }
        };
        let sentence = format!("{}, {}{about}{differs}", input.number(), difference.kind);
        Self {
            sentence,
            input,
            kind: difference.kind,
            subject_a,
            subject_b,
            field,
            a,
            b,
            cause,
            record_a: difference.recorded,
            record_b: difference.replayed,
        }
    }
}

/// A number with its thousands apart; anything else as it is.
fn grouped_number(text: &str) -> String {
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    let is_number = unsigned.starts_with(|c: char| c.is_ascii_digit())
        && unsigned.chars().all(|c| c.is_ascii_digit() || c == '.');
    match (is_number, text.starts_with('-')) {
        (false, _) => text.to_owned(),
        (true, false) => grouped(text),
        (true, true) => format!("-{}", grouped(unsigned)),
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (a, b) = (self.a.name(), self.b.name());
        let shared = grouped(&self.inputs.shared.to_string());
        let compared = grouped(&self.compared.to_string());
        let what = match self.compared_by {
            "input" => "records before it",
            _ => "decisions",
        };
        match &self.first {
            None if self.compared_by == "input" => {
                writeln!(f, "equal: {a} and {b}, {shared} inputs, {compared} records")?;
            }
            None => writeln!(f, "equal: {a} and {b}, {compared} decisions")?,
            Some(first) => {
                writeln!(f, "DIFFERENT at {}", first.sentence)?;
                writeln!(f, "caused by: {}", first.cause)?;
                if let Some(rule) = &self.rule {
                    writeln!(
                        f,
                        "first rule: {rule}, at {} and {}",
                        rule.decisions[0], rule.decisions[1]
                    )?;
                }
                writeln!(f, "A is {a}, B is {b}; {compared} {what} are the same")?;
                for setting in self.settings.iter().take(SHOWN) {
                    writeln!(f, "  {setting}")?;
                }
                self.chains(f)?;
                self.decisions(f)?;
                self.totals(f)?;
            }
        }
        self.notes(f)
    }
}

impl Report {
    /// Both chains, side by side where there is room.
    fn chains(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(decision) = &self.decision else { return Ok(()) };
        let beside = self.width >= BESIDE;
        let width = if beside { self.width / 2 - 2 } else { self.width };
        let text = |at: usize| match &self.chains[at] {
            Some(chain) => chain.text(width),
            None => format!("nothing was asked at {}\n", decision.input.number()),
        };
        let (a, b) = (text(0), text(1));
        if !beside {
            return write!(f, "\nA: {a}\nB: {b}");
        }
        let (a, b): (Vec<&str>, Vec<&str>) = (a.lines().collect(), b.lines().collect());
        writeln!(f)?;
        for at in 0..a.len().max(b.len()) {
            let left = a.get(at).copied().unwrap_or_default();
            let right = b.get(at).copied().unwrap_or_default();
            let used = unicode_width::UnicodeWidthStr::width(left);
            let room = " ".repeat(usize::from(width).saturating_sub(used));
            writeln!(f, "{}", format!("{left}{room} │ {right}").trim_end())?;
        }
        Ok(())
    }

    fn decisions(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Decisions { only_a, only_b, changed, changed_to_none, changed_from_none, same, first } =
            &self.decisions;
        writeln!(
            f,
            "\ndecisions that want an order: {only_a} only in A, {only_b} only in B, {changed} \
             changed ({changed_to_none} that B does not want, {changed_from_none} that A does not \
             want), {same} the same after it"
        )?;
        for unlike in first.iter().take(SHOWN) {
            writeln!(f, "  {unlike}")?;
        }
        let more = self.decisions.unlike().saturating_sub(SHOWN as u64);
        if more > 0 {
            writeln!(f, "  and {more} more")?;
        }
        Ok(())
    }

    fn totals(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (a, b) = (&self.a, &self.b);
        writeln!(f, "\n{:<12} {:>20} {:>20}", "", "A", "B")?;
        for (name, a, b) in [
            ("evaluations", a.counts.evaluations, b.counts.evaluations),
            ("signals", a.counts.signals, b.counts.signals),
            ("refusals", a.counts.refusals, b.counts.refusals),
            ("orders", a.counts.orders, b.counts.orders),
            ("fills", a.counts.fills, b.counts.fills),
        ] {
            let (a, b) = (grouped(&a.to_string()), grouped(&b.to_string()));
            writeln!(f, "{name:<12} {a:>20} {b:>20}")?;
        }
        writeln!(f, "{:<12} {:>20} {:>20}", "PnL", a.pnl, b.pnl)
    }

    fn notes(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.compared_by {
            "moment" => writeln!(
                f,
                "the two did not have the same inputs: decisions on the same trade or bar were held \
                 against each other, not what was received when"
            )?,
            "number" => writeln!(
                f,
                "the two had neither the same inputs nor a trade or bar in common: the n-th decision \
                 of a strategy was held against the other's n-th"
            )?,
            _ => {}
        }
        if self.equal {
            for UnlikeInput { whose, input } in self.inputs.first.iter().take(SHOWN) {
                let whose = match whose {
                    Whose::OnlyA => "only in A",
                    Whose::OnlyB => "only in B",
                    Whose::Both => "not the same in both",
                };
                writeln!(f, "{} is {whose} and changed nothing: {input}", input.number())?;
            }
            for setting in self.settings.iter().take(SHOWN) {
                writeln!(f, "the configuration differs and changed nothing: {setting}")?;
            }
        }
        if let Some(Tail { is_b, inputs, records }) = self.tail {
            let whose = if is_b { "B" } else { "A" };
            writeln!(
                f,
                "{whose} is a backtest and brought orders on their way to their end after it: \
                 {inputs} moments, {records} records, not compared"
            )?;
        }
        if let Some(stopped) = &self.stopped {
            writeln!(f, "compared up to there: {stopped}")?;
        }
        for (name, run) in [("A", &self.a), ("B", &self.b)] {
            if let Some(proof) = run.proof() {
                writeln!(f, "{name} {proof}")?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for Unlike {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { strategy, instrument, time, a, b, .. } = self;
        let made = |made: &Option<Made>| match made {
            Some(Made { id, outcome }) => format!("{id} {outcome}"),
            None => "not asked".to_owned(),
        };
        write!(f, "{time} {strategy} {instrument}: {} against {}", made(a), made(b))
    }
}
