#!/usr/bin/env python3
"""What a venue would publish of recorded messages: BTCUSDT's trades and candles of a minute, as they
came and with one thing altered.

    published.py MESSAGES.raw FOLDER      prints the minute that is altered, HH:MM
"""
import json
import os
import sys
from decimal import Decimal

MINUTE = 60_000


def trades(path):
    with open(path) as lines:
        for line in lines:
            if '"btcusdt@trade"' in line:
                data = json.loads(line.split(" ", 1)[1])["data"]
                yield data["t"], data["p"], data["q"], data["T"], data["m"]


def klines(rows):
    minutes = {}
    for _, price, quantity, at, maker in rows:
        minutes.setdefault(at // MINUTE, []).append((Decimal(price), Decimal(quantity), maker))
    for minute, within in sorted(minutes.items()):
        prices = [price for price, _, _ in within]
        volume = sum(quantity for _, quantity, _ in within)
        value = sum(price * quantity for price, quantity, _ in within)
        at = minute * MINUTE
        cells = [at, prices[0], max(prices), min(prices), prices[-1], volume, at + MINUTE - 1, value]
        yield [str(cell) for cell in [*cells, len(within), 0, 0, 0]]


def write(folder, name, rows):
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, name), "w") as out:
        out.writelines(",".join(map(str, row)) + "\n" for row in rows)


def row(trade):
    number, price, quantity, at, maker = trade
    return number, price, quantity, Decimal(price) * Decimal(quantity), at, maker, True


received = list(trades(sys.argv[1]))
folder = sys.argv[2]
names = "BTCUSDT-trades-2024-08-09.csv", "BTCUSDT-1m-2024-08-09.csv"
candles = list(klines(received))
write(folder, names[0], map(row, received))
write(folder, names[1], candles)

# The last trade of a minute in the middle: the close of its bar.
place = len(received) // 2
while received[place][3] // MINUTE == received[place + 1][3] // MINUTE:
    place += 1
minute = received[place][3] // MINUTE
altered = list(received)
altered[place] = (received[place][0], "61000.50000000", *received[place][2:])
lacking = received[:place] + received[place + 1 :]
write(os.path.join(folder, "altered"), names[0], map(row, altered))
write(os.path.join(folder, "lacking"), names[0], map(row, lacking))
for candle in candles:
    if int(candle[0]) // MINUTE == minute:
        candle[4] = candle[3] if candle[4] == candle[2] else candle[2]
write(os.path.join(folder, "altered"), names[1], candles)
print(f"{minute // 60 % 24:02}:{minute % 60:02}")
