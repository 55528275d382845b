#!/usr/bin/env python3
"""Writes reference.csv: 320 bars of 15 minutes and what independent libraries compute from them.

    pip install numpy pandas TA-Lib talipp
    python3 generate.py > reference.csv

Conventions, where libraries differ:
- EMA: seeded with the first close, alpha = 2 / (n + 1); shown from the n-th bar on.
- RSI, ATR: Wilder's smoothing seeded with the mean of the first n; the first true range of ATR is
  high - low (talipp), while TA-Lib starts with the second bar.
- Bollinger: population standard deviation.
- VWAP: typical price (high + low + close) / 3, starting anew every UTC day.
"""
import sys
from importlib.metadata import version

import numpy as np
import pandas as pd
import talib
import talipp.indicators as talipp
from talipp.ohlcv import OHLCV

ROWS = 320
STEP = pd.Timedelta(minutes=15)


def bars() -> pd.DataFrame:
    """A seeded random walk with cent prices, a flat stretch and a gap."""
    rng = np.random.default_rng(7)
    open_time = pd.date_range("2024-03-01T10:00:00Z", periods=ROWS, freq=STEP)
    moves = rng.integers(-9_000, 9_001, ROWS)
    moves[100:130] = 0
    moves[200] = 250_000
    close = 6_400_000 + np.cumsum(moves)
    open_ = np.concatenate([[6_400_000], close[:-1]])
    high = np.maximum(open_, close) + rng.integers(0, 3_000, ROWS)
    low = np.minimum(open_, close) - rng.integers(0, 3_000, ROWS)
    volume = rng.integers(1, 500_000, ROWS) / 1000.0
    return pd.DataFrame(
        {"open_time": open_time, "high": high / 100, "low": low / 100, "close": close / 100, "volume": volume}
    )


def session_vwap(frame: pd.DataFrame) -> list[float]:
    """talipp's VWAP, a new one for every UTC day."""
    values = []
    for _, day in frame.groupby(frame.open_time.dt.floor("D")):
        rows = [OHLCV(r.close, r.high, r.low, r.close, r.volume) for r in day.itertuples()]
        values += list(talipp.VWAP(rows))
    return values


def indicators(frame: pd.DataFrame) -> dict[str, object]:
    high, low, close = (frame[name].to_numpy() for name in ("high", "low", "close"))
    ema = frame.close.ewm(span=12, adjust=False).mean()
    upper, middle, lower = talib.BBANDS(close, timeperiod=20, nbdevup=2.0, nbdevdn=2.0)
    rows = [OHLCV(c, h, l, c) for h, l, c in zip(high, low, close)]
    return {
        "ema_12": ema.where(frame.index >= 11),
        "sma_20": talib.SMA(close, timeperiod=20),
        "rsi_14": talib.RSI(close, timeperiod=14),
        "atr_14": [np.nan if v is None else v for v in talipp.ATR(14, rows)],
        "bollinger_lower_20_2": lower,
        "bollinger_middle_20_2": middle,
        "bollinger_upper_20_2": upper,
        "donchian_high_20": talib.MAX(high, timeperiod=20),
        "donchian_low_20": talib.MIN(low, timeperiod=20),
        "vwap_utc_day": session_vwap(frame),
    }


def main() -> None:
    used = {"ema": "pandas", "sma rsi bollinger donchian": "TA-Lib", "atr vwap": "talipp"}
    print("# Made by generate.py; open_time in ns; an empty field is a missing value.")
    for what, library in used.items():
        print(f"# {what}: {library} {version(library)}")
    frame = bars()
    output = frame.assign(**indicators(frame))
    # As integer nanoseconds, whatever resolution pandas keeps inside.
    output["open_time"] = output.open_time.astype("datetime64[ns, UTC]").astype("int64")
    output.to_csv(sys.stdout, index=False, lineterminator="\n")


if __name__ == "__main__":
    main()
