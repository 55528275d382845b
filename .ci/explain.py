"""Every order has a chain without a hole; `explain --at` says what a whole replay decides at that time.

    explain.py orders BIN SESSION ORDER...    each by its client order id
    explain.py times BIN SESSION EVERY.jsonl MANY
"""

import json
import random
import subprocess
import sys


def explain(binary, *words):
    said = subprocess.run([binary, "explain", "--json", *words], capture_output=True, text=True, check=False)
    if said.returncode:
        raise SystemExit(f"explain {' '.join(words)}: {said.returncode} {said.stderr}")
    return json.loads(said.stdout)


def leaves(tree):
    if not tree["children"]:
        yield tree
    for child in tree["children"]:
        yield from leaves(child)


def holes(order, chain):
    """What a chain lacks."""
    if chain["trigger"]["kind"] not in ("trade", "quote", "bar", "due", "operator"):
        yield "trigger"
    if not chain["cause"]["seq"] > 0:
        yield "cause"
    if not chain["values"]:
        yield "values"
    if not any(rule["tree"]["result"] == "true" for rule in chain["rules"]):
        yield "a rule that holds"
    for rule in chain["rules"]:
        for leaf in leaves(rule["tree"]):
            if leaf["left"] is None or leaf["right"] is None:
                yield f"operands of {leaf['text']}"
    if chain["outcome"] != "signal" or not chain["signal"] or not chain["signal"]["sizing"]:
        yield "signal with its sizing"
    if len(chain["checks"]) != 20 or not all(check["passed"] for check in chain["checks"]):
        yield "twenty passed checks"
    sent = chain["order"]
    if not sent or sent["id"] != order or not sent["created"]:
        yield "the order"
        return
    if sent["state"] in ("filled", "FILLED") and not (sent["acknowledged"] and sent["venue_order_id"]):
        yield "the venue's word"
    if sent["fills"]:
        if not chain["position"] or chain["realised"] is None:
            yield "the position and what it realised"
        if not all(fill["fee"] and fill["price"] and fill["trade_id"] for fill in sent["fills"]):
            yield "fees of fills"


def orders(binary, session, ids):
    lacking = 0
    for order in ids:
        found = list(holes(order, explain(binary, order)))
        if found:
            lacking += 1
            print(f"FAIL chain of {order} lacks {', '.join(found)}")
    verdict = "FAIL" if lacking or not ids else "PASS"
    print(f"{verdict} {len(ids) - lacking} of {len(ids)} orders of {session} have a chain without a hole")


def times(binary, session, every, many):
    slots = {}
    with open(every, encoding="utf-8") as lines:
        for line in lines:
            decision = json.loads(line)
            slots.setdefault((decision["strategy"], decision["instrument"]), []).append(decision)
    moments = sorted(decision["time"] for decisions in slots.values() for decision in decisions)
    chance = random.Random(7)
    tried = different = 0
    for _ in range(many):
        time = chance.choice(moments)
        for (strategy, instrument), decisions in slots.items():
            before = [decision for decision in decisions if decision["time"] <= time]
            if not before:
                continue
            tried += 1
            said = explain(
                binary, "--session", session, "--at", time, "--strategy", strategy, "--instrument", instrument
            )
            keys = ("id", "time", "cause", "trigger", "outcome", "blocked_by", "values", "rules")
            if any(said[key] != before[-1][key] for key in keys):
                different += 1
                print(f"FAIL explain --at {time} {strategy} {instrument}: {said['id']}, replayed {before[-1]['id']}")
    verdict = "FAIL" if different or tried < many else "PASS"
    print(f"{verdict} explain --at equals the whole replay at {tried - different} of {tried} times")


if __name__ == "__main__":
    what, binary, session, *rest = sys.argv[1:]
    if what == "orders":
        orders(binary, session, rest)
    else:
        times(binary, session, rest[0], int(rest[1]))
