"""Milliseconds from a program's start, and from its first data, to its first decision, by its log.

usage: restart_ms.py LOGS START_NS LIMIT_MS
"""

import json
import pathlib
import sys
from datetime import datetime, timezone

logs, began, limit = pathlib.Path(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
lines = [
    json.loads(line)
    for lane in ("diagnostics", "decisions")
    for path in sorted(logs.glob(f"{lane}.*.jsonl"))
    for line in path.read_text().splitlines()
]


def at(event):
    stamp = min(line["ts"] for line in lines if line["event"] == event)
    seconds = datetime.fromisoformat(stamp[:19]).replace(tzinfo=timezone.utc).timestamp()
    return int(seconds) * 10**9 + int(stamp[20:29])


resumed, data, decided = at("account.resumed"), at("feed.subscribed"), at("decision.evaluated")
print(
    f"from the program's start: account resumed after {(resumed - began) / 1e6:.0f} ms, "
    f"first data {(data - began) / 1e6:.0f} ms, first decision {(decided - began) / 1e6:.0f} ms"
)
sys.exit((decided - data + resumed - began) / 1e6 > limit)
