"""A backtest's numbers again, by other means: round trips and equity with numpy and pandas from the
ticks and the fills, Sharpe, Sortino and drawdown with empyrical-reloaded.

    results.py ticks OUT.csv MEAN_GAP_S      a market of 100,000 trades, always the same
    results.py check TICKS TRADES EQUITY RESULT.json

`check` prints a line for each number, PASS or FAIL, and knows how the run was made: capital of
10,000, one strategy that is turned at each cross, fees of 5 basis points, fills at the last price.
"""

import json
import sys

import empyrical
import numpy as np
import pandas as pd

CAPITAL, FEE, TOLERANCE = 10_000.0, 0.0005, 1e-9
NS = 1_000_000_000


def make(path, gap):
    rng = np.random.default_rng(11)
    n = 100_000
    ts = 1_700_000_000 * NS + np.cumsum(rng.exponential(gap * NS, n).astype(np.int64) + 1)
    drift = np.repeat(rng.normal(0, 12, n // 500 + 1), 500)[:n]
    price = 5_000_000 + np.cumsum((drift + rng.normal(0, 150, n)).round().astype(np.int64))
    side = np.where(rng.random(n) < 0.5, 1, -1)
    with open(path, "w") as file:
        file.write("ts_ns,id,price,qty,side\n")
        for i in range(n):
            file.write(f"{ts[i]},{i + 1},{price[i] // 100}.{price[i] % 100:02d},0.5,{side[i]}\n")


failed = False


def same(what, ours, theirs):
    global failed
    ours, theirs = float("nan") if ours is None else float(ours), float(theirs)
    near = abs(ours - theirs) <= TOLERANCE * max(abs(ours), abs(theirs))
    failed |= not near
    print(f"{'PASS' if near else 'FAIL'} {what}: {ours!r}, recomputed {theirs!r}")


def read_trades(path, ticks):
    """Round trips, and the position that is still open: the last exit turned it."""
    trades = pd.read_csv(path)
    trades["sign"] = np.where(trades.side == "buy", 1.0, -1.0)
    at = dict(zip(ticks.ts_ns, ticks.price))
    for end in ("entry", "exit"):
        prices = trades[f"{end}_time_ns"].map(at)
        same(f"{end} prices that are the ticks'", (prices == trades[f"{end}_price"]).sum(), len(trades))
    last = trades.iloc[-1]
    still = (-last.sign, last.exit_time_ns, last.exit_price, last.quantity)
    return trades, still


def equity_at(times, ticks, trades, still):
    """Capital, what the trades that ended made, and the open one at the last price, before each time."""
    mark = ticks.price.to_numpy()[np.searchsorted(ticks.ts_ns, times, "left") - 1]
    made = trades.sign * (trades.exit_price - trades.entry_price) * trades.quantity
    fees = FEE * (trades.exit_price + trades.entry_price) * trades.quantity
    closed = np.concatenate([[0.0], np.cumsum(made - fees)])
    done = np.searchsorted(trades.exit_time_ns, times, "left")
    sign, since, price, quantity = (
        np.append(trades[column], value)
        for column, value in zip(("sign", "entry_time_ns", "entry_price", "quantity"), still)
    )
    held = since[done] < times
    at_mark = sign[done] * (mark - price[done]) * quantity[done] - FEE * price[done] * quantity[done]
    return CAPITAL + closed[done] + np.where(held, at_mark, 0.0)


def check(ticks_path, trades_path, equity_path, result_path):
    ticks = pd.read_csv(ticks_path)
    report = json.loads(open(result_path).read().splitlines()[-1])["report"]
    total = report["total"]
    trades, still = read_trades(trades_path, ticks)
    gross = trades.sign * (trades.exit_price - trades.entry_price) * trades.quantity
    fees = FEE * (trades.entry_price + trades.exit_price) * trades.quantity
    net = gross - fees
    open_fee = FEE * still[2] * still[3]
    same("fills", total["fills"], len(trades) + 1)
    same("trades", total["trades"], len(trades))
    same("gross", total["gross"], gross.sum())
    same("net", total["net"], net.sum())
    same("fees", total["fees"], fees.sum() + open_fee)
    same("fees of gross profit", total["fees_of_gross_profit"], (fees.sum() + open_fee) / gross[gross > 0].sum())
    same("win rate", total["win_rate"], (net > 0).mean())
    same("profit factor", total["profit_factor"], net[net > 0].sum() / -net[net < 0].sum())
    same("average win", total["average_win"], net[net > 0].mean())
    same("average loss", total["average_loss"], net[net < 0].mean())
    same("largest loss", total["largest_loss"], net.min())
    same("average holding", total["holding_s"], (trades.exit_time_ns - trades.entry_time_ns).mean() / NS)
    same("turnover", total["turnover"], (fees.sum() + open_fee) / FEE)
    length = ticks.ts_ns.iloc[-1] - ticks.ts_ns.iloc[0]
    held = (trades.exit_time_ns - trades.entry_time_ns).sum() + ticks.ts_ns.iloc[-1] - still[1]
    same("exposure", total["exposure"], held / length)
    grown = ticks.price.iloc[-1] / ticks.price.iloc[0] - 1
    same("buy and hold", total["buy_and_hold"]["pnl"], CAPITAL * grown)

    # Equity: the samples by the ticks and the trades, then what a library says of them.
    curve = pd.read_csv(equity_path)
    times = curve.time_ns.to_numpy().copy()
    times[-1] += 1  # the end, the last tick included
    ours, theirs = curve.total.to_numpy()[1:], equity_at(times[1:], ticks, trades, still)
    worst = int(np.argmax(np.abs(ours - theirs)))
    same(f"equity, the worst of {len(ours)} samples", ours[worst], theirs[worst])
    equity = pd.Series(np.append(CAPITAL, theirs), index=pd.to_datetime(times))
    peak = equity.cummax()
    same("maximum drawdown", total["max_drawdown"], (peak - equity).max())
    same("of its peak", total["max_drawdown_ratio"], -empyrical.max_drawdown(equity.pct_change().dropna()))
    low = (peak - equity).idxmax()
    # It falls from the last valuation at its peak.
    top = equity[:low][equity[:low] == peak[low]].index[-1]
    back = equity[low:][equity[low:] >= peak[low]]
    end = curve.time_ns.iloc[-1] if back.empty else back.index[0].value
    same("drawdown lasted", total["drawdown_s"], (end - top.value) / NS)

    period = report["period_s"]
    on_period = [CAPITAL] + [e for t, e in zip(times[1:-1], theirs) if t % (period * NS) == 0]
    returns = pd.Series(on_period).pct_change().dropna()
    annual = 365 * 86_400 / period
    same("periods", report["periods"], len(returns))
    same("Sharpe", total["sharpe"], empyrical.sharpe_ratio(returns, annualization=annual))
    same("Sortino", total["sortino"], empyrical.sortino_ratio(returns, annualization=annual))
    sys.exit(failed)


if __name__ == "__main__":
    command, *words = sys.argv[1:]
    make(words[0], float(words[1])) if command == "ticks" else check(*words)
