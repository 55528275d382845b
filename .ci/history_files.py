#!/usr/bin/env python3
"""Files as Binance publishes them, of a seeded random walk.

    history_files.py minutes DAYS OUT.csv   klines of 1m, milliseconds before 2025, microseconds since
    history_files.py day OUT                trades, aggTrades and klines of one day, as CSV and zip,
                                            with and without a header, of two instruments
"""
import os
import random
import sys
import zipfile

MINUTE = 60_000_000
HEADERS = {
    "trades": "id,price,qty,quote_qty,time,is_buyer_maker,is_best_match",
    "aggTrades": "agg_trade_id,price,quantity,first_trade_id,last_trade_id,transact_time,"
    "is_buyer_maker,is_best_match",
    "1m": "open_time,open,high,low,close,volume,close_time,quote_volume,count,"
    "taker_buy_volume,taker_buy_quote_volume,ignore",
}


def text(number, digits):
    """A number of so many digits after the point, written with eight, as Binance does."""
    whole, rest = divmod(number * 10 ** (8 - digits), 10**8)
    return f"{whole}.{rest:08d}"


def minutes(days, path):
    """Klines from a walk of cents: a year of them in seconds."""
    rng = random.Random(7)
    start = 1_704_067_200_000_000  # 2024-01-01: milliseconds all through, 366 days
    price = 4_200_000
    with open(path, "w") as out:
        for n in range(days * 1_440):
            at = start + n * MINUTE
            steps = [rng.randrange(-1_500, 1_501) for _ in range(3)]
            path_ = [price, price + steps[0], price + steps[0] + steps[1], price + sum(steps)]
            price = max(100_000, path_[-1])
            path_ = [max(100_000, p) for p in path_]
            volume = rng.randrange(100, 900_000)  # of 0.00001
            value = sum(path_) * volume // 4  # of 0.0000001
            taken = volume // 3
            out.write(
                f"{at // 1000},{text(path_[0], 2)},{text(max(path_), 2)},{text(min(path_), 2)},"
                f"{text(price, 2)},{text(volume, 5)},{(at + MINUTE) // 1000 - 1},{text(value, 7)},"
                f"{rng.randrange(1, 4_000)},{text(taken, 5)},{text(value // 3, 7)},0\n"
            )


def trades(seed, price, start):
    """A day of trades: id, price in cents, quantity of 0.00001, microseconds, buyer is maker."""
    rng = random.Random(seed)
    at, trade, maker = start, 1_000_000 * seed, False
    while True:
        # Every third trade goes on with what the one before began.
        if rng.random() < 0.67:
            at += rng.randrange(1_000, 9_000_000)
            price = max(1_000, price + rng.randrange(-400, 401))
            maker = rng.random() < 0.5
        if at >= start + 1_440 * MINUTE:
            return
        trade += 1
        yield trade, price, rng.randrange(1, 200_000), at, maker


def klines(rows):
    bars = {}
    for _, price, quantity, at, maker in rows:
        bar = bars.setdefault(at // MINUTE, [price, price, price, price, 0, 0, 0, 0, 0])
        bar[1], bar[2], bar[3] = max(bar[1], price), min(bar[2], price), price
        bar[4] += quantity
        bar[5] += quantity * price
        bar[6] += 1
        if not maker:
            bar[7] += quantity
            bar[8] += quantity * price
    for minute, (o, h, l, c, volume, value, count, taken, taken_value) in sorted(bars.items()):
        at = minute * MINUTE
        yield (
            f"{at},{text(o, 2)},{text(h, 2)},{text(l, 2)},{text(c, 2)},{text(volume, 5)},"
            f"{at + MINUTE - 1},{text(value, 7)},{count},{text(taken, 5)},{text(taken_value, 7)},0"
        )


def aggregates(rows):
    """Neighbours at one price from one side are one aggregate."""
    held, number = None, 0
    for trade, price, quantity, at, maker in [*rows, (0, 0, 0, 0, None)]:
        if held and (price, maker) == held[:2]:
            held[2] += quantity
            held[4] = trade
            continue
        if held:
            number += 1
            price_, maker_, quantity_, first, last, at_ = held
            yield f"{number},{text(price_, 2)},{text(quantity_, 5)},{first},{last},{at_},{maker_},True"
        held = [price, maker, quantity, trade, trade, at]


def day(folder):
    start = 1_735_689_600_000_000  # 2025-01-01: microseconds
    for symbol, seed, price in ("BTCUSDT", 1, 9_350_000), ("ETHUSDT", 2, 334_000):
        rows = list(trades(seed, price, start))
        plain = [
            f"{n},{text(p, 2)},{text(q, 5)},{text(p * q, 7)},{at},{maker},True"
            for n, p, q, at, maker in rows
        ]
        files = {"trades": plain, "aggTrades": list(aggregates(rows)), "1m": list(klines(rows))}
        for name, lines in files.items():
            stem = f"{symbol}-{name}-2025-01-01"
            body = "".join(f"{line}\n" for line in lines)
            with open(os.path.join(folder, f"{stem}.csv"), "w") as out:
                out.write(body)
            with zipfile.ZipFile(os.path.join(folder, f"{stem}.zip"), "w", zipfile.ZIP_DEFLATED) as out:
                out.writestr(f"{stem}.csv", body)
            os.makedirs(os.path.join(folder, "headed"), exist_ok=True)
            with open(os.path.join(folder, "headed", f"{stem}.csv"), "w") as out:
                out.write(f"{HEADERS[name]}\n{body}")


if __name__ == "__main__":
    if sys.argv[1] == "minutes":
        minutes(int(sys.argv[2]), sys.argv[3])
    else:
        day(sys.argv[2])
