//! `account`: what an account has, as its ledger and the end of its last tape say.

use serde::Serialize;

use super::chain::{self, Chain};
use super::recover;
use super::rows::day_of;
use super::{OwnedAccount, ledger_of};
use crate::app::cli::AccountArgs;
use crate::app::command::{print, print_json};
use crate::app::error::{AppError, Exit};
use crate::config;
use crate::domain::{Num, RunId, UnixNanos};
use crate::engine::{Held, Standing, TradingState};
use crate::ledger::{Checkpoint, DayRow, Ledger, SessionRow};
use crate::strategy::StrategyKind;

/// What an account has.
#[derive(Debug, Serialize)]
pub struct Statement {
    /// Its name.
    pub account: String,
    /// Runs on it since it began.
    pub runs: usize,
    /// The last one.
    pub run: RunId,
    /// The last input in the statement.
    pub input: u64,
    /// When that came.
    pub time: UnixNanos,
    /// What it has.
    pub standing: Standing,
    /// Its days.
    pub days: Vec<Day>,
    /// The comparison of its runs with one that was never interrupted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chain: Option<Chain>,
}

/// A strategy's day in an instrument, in quote asset.
#[derive(Debug, Serialize)]
pub struct Day {
    #[serde(rename = "day")]
    date: String,
    strategy: String,
    instrument: String,
    fills: u64,
    realised: Num,
    fees: Num,
    turnover: Num,
}

impl From<DayRow> for Day {
    fn from(row: DayRow) -> Self {
        let DayRow { day, strategy, instrument, fills, realised, fees, turnover } = row;
        Self { date: day, strategy, instrument, fills, realised, fees, turnover }
    }
}

/// Prints the statement of an account.
pub fn run(args: &AccountArgs, registry: &[StrategyKind]) -> Result<Exit, AppError> {
    let name = &args.name;
    if !config::is_name(name) {
        let text = format!("an account's name is letters, digits, `-` or `_`, not {name:?}");
        return Err(AppError::new(Exit::Usage, text));
    }
    let path = ledger_of(name)?;
    if !path.exists() {
        let text = format!(
            "there is no account {name}: `tickscope run --set account.name={name}` begins one"
        );
        return Err(AppError::new(Exit::Failed, text));
    }
    // What the last run recorded after its last commit is read first, unless that run still runs.
    let owned = OwnedAccount::lock(name)?;
    let runs_now = owned.is_none();
    let ledger = match &owned {
        Some(_) => recover::bring_up(Ledger::open(&path)?, registry)?,
        None => Ledger::open(&path)?,
    };
    // A run may begin meanwhile: what is read below is what there is now.
    drop(owned);
    let Some(last) = ledger.last()? else {
        let text = format!("account {name} has not begun: no run has recorded anything yet");
        return Err(AppError::new(Exit::Failed, text));
    };
    let sessions = ledger.sessions()?;
    let days = ledger.days()?;
    let chain =
        args.verify.then(|| chain::verify(&sessions, &last, &days, registry)).transpose()?;
    let differs = chain.as_ref().is_some_and(|chain| chain.difference.is_some());
    let statement = statement(name, &ledger, &sessions, last, (days, chain))?;
    if args.json {
        print_json(&statement)?;
    } else {
        print(&text(&statement, sessions.first(), runs_now));
    }
    Ok(if differs { Exit::Different } else { Exit::Done })
}

fn statement(
    name: &str,
    ledger: &Ledger,
    sessions: &[SessionRow],
    last: Checkpoint,
    (days, chain): (Vec<DayRow>, Option<Chain>),
) -> Result<Statement, AppError> {
    let standing = serde_json::from_str(&last.standing).map_err(|error| {
        let path = ledger.path().display();
        AppError::new(Exit::Failed, format!("the standing in {path} cannot be read: {error}"))
    })?;
    Ok(Statement {
        account: name.to_owned(),
        runs: sessions.len(),
        run: last.run,
        input: last.seq,
        time: last.time,
        standing,
        days: days.into_iter().map(Day::from).collect(),
        chain,
    })
}

fn text(statement: &Statement, first: Option<&SessionRow>, runs_now: bool) -> String {
    let Standing { balances, positions, worth, trading, .. } = &statement.standing;
    let since = first.map_or_else(String::new, |first| day_of(first.started));
    let state = if runs_now { "which runs now" } else { "the last one" };
    let mut lines = vec![format!(
        "account    {}: {} since {since}; {}, {state}, up to input {} at {} UTC",
        statement.account,
        if statement.runs == 1 { "1 run".to_owned() } else { format!("{} runs", statement.runs) },
        statement.run.prefix(),
        statement.input,
        statement.time,
    )];
    let held: Vec<String> =
        balances.iter().map(|(asset, amount)| format!("{amount} {asset}")).collect();
    lines.push(format!("holds      {}", held.join(", ")));
    let number = |value: Option<Num>| value.map_or_else(|| "unknown".to_owned(), |n| n.to_string());
    lines.push(format!(
        "worth      {}; the day began with {}, the highest was {}",
        number(worth.equity),
        number(worth.day_start),
        number(worth.peak),
    ));
    lines.push(format!("trading    {}", trading_text(*trading)));
    lines.extend(positions.iter().map(position_text));
    for day in &statement.days {
        let Day { date, strategy, instrument, fills, realised, fees, turnover } = day;
        lines.push(format!(
            "{date} {strategy} {instrument}: {fills} fills, realised {realised}, fees {fees}, \
             turnover {turnover}"
        ));
    }
    lines.extend(statement.chain.as_ref().map(|chain| format!("verified   {}", chain.line())));
    lines.join("\n")
}

fn trading_text(state: TradingState) -> String {
    match state {
        TradingState::Active => "active".to_owned(),
        TradingState::ReduceOnly(reason) => format!("reduce-only ({reason:?})"),
        TradingState::Halted(reason) => format!("halted ({reason:?})"),
        TradingState::Flattening => "flattening".to_owned(),
    }
}

fn position_text(held: &Held) -> String {
    let Held { strategy, instrument, position, armed, .. } = held;
    let realised = position.realised().unwrap_or_default();
    let levels = armed.map(|armed| armed.levels).unwrap_or_default();
    let named = [
        ("stop", levels.stop),
        ("trailing stop", levels.trailing_stop),
        ("take profit", levels.take_profit),
    ];
    let exits: String = named
        .into_iter()
        .filter_map(|(name, level)| level.map(|level| format!(", {name} {level}")))
        .collect();
    format!(
        "position   {strategy} {instrument}: {}, realised {realised}, fees {}, {} fills{exits}",
        position.quantity, position.fees, position.fills,
    )
}
