"""The account as the fold of its fills, in decimals, against what the program says of it.

usage: fold.py LEDGER STATEMENT.json
"""

import json
import sqlite3
import sys
from decimal import Decimal, getcontext

getcontext().prec = 60
ledger, statement = sys.argv[1:]
said = json.loads(open(statement).read().splitlines()[-1])
standing = said["standing"]
cash = {"USDT": Decimal(10000)}
held, fees, count = {}, {}, {}
rows = sqlite3.connect(ledger).execute(
    "SELECT strategy, instrument, side, price, quantity, fee, fee_asset FROM fills ORDER BY trade"
)
for strategy, instrument, side, price, quantity, fee, asset in rows:
    price, quantity, fee = Decimal(price), Decimal(quantity), Decimal(fee)
    base = instrument.removesuffix("USDT")
    sign = 1 if side == "buy" else -1
    for name, amount in ((base, sign * quantity), ("USDT", -sign * price * quantity), (asset, -fee)):
        cash[name] = cash.get(name, Decimal(0)) + amount
    key = (strategy, instrument)
    held[key] = held.get(key, Decimal(0)) + sign * quantity - (fee if asset == base else 0)
    fees[key] = fees.get(key, Decimal(0)) + (fee * price if asset == base else fee)
    count[key] = count.get(key, 0) + 1

wrong = []


def same(what, ours, theirs):
    if ours != Decimal(theirs):
        wrong.append(f"{what}: {ours} by the fills, {theirs} by the account")


for asset, amount in standing["balances"]:
    same(f"balance of {asset}", cash.get(asset, Decimal(0)), amount)
for position in standing["positions"]:
    key = (position["strategy"], position["instrument"])
    same(f"{key} quantity", held.get(key, Decimal(0)), position["position"]["quantity"])
    same(f"{key} fees", fees.get(key, Decimal(0)), position["position"]["fees"])
    same(f"{key} fills", Decimal(count.get(key, 0)), position["position"]["fills"])
for day in said["days"]:
    key = (day["strategy"], day["instrument"])
    same(f"{key} fees of the day", fees.get(key, Decimal(0)), day["fees"])
worth = standing["worth"]
if Decimal(worth["peak"]) < max(Decimal(worth["day_start"]), Decimal(worth["equity"])):
    wrong.append(f"a peak below the day's start or the equity: {worth}")
if worth["day_start"] != "10000":
    wrong.append(f"the day began with {worth['day_start']}, not with what the account opened with")
print("\n".join(wrong) or f"{sum(count.values())} fills fold to the account, digit for digit")
sys.exit(bool(wrong))
