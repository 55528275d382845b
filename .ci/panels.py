"""Asks a Prometheus every query of every panel: is there data, and does it vary?

    panels.py PROMETHEUS DASHBOARDS   a line for each dashboard; ends with 1 if a panel is at fault

What does not vary while all is well says so in dashboards/source.
"""

import json
import math
import pathlib
import re
import sys
import time
import tomllib
import urllib.error
import urllib.parse
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent.parent
SHOWN_SECONDS = 45
VALUES = {
    "$__rate_interval": "5s",
    "$__range": f"{SHOWN_SECONDS}s",
    "$mode": "demo",
    **{f"${name}": ".+" for name in ["job", "instance", "account", "venue", "instrument", "strategy"]},
}


def ask(prometheus, path, **parameters):
    url = f"{prometheus}/api/v1/{path}?{urllib.parse.urlencode(parameters)}"
    try:
        with urllib.request.urlopen(url, timeout=20) as answer:
            return json.load(answer)["data"]
    except urllib.error.HTTPError as error:
        sys.exit(f"FAIL {parameters}: {json.load(error).get('error')}")
    except urllib.error.URLError as error:
        sys.exit(f"FAIL {url}: {error}")


def filled(expression):
    for name in sorted(VALUES, key=len, reverse=True):
        expression = expression.replace(name, VALUES[name])
    return expression


def metrics(expression):
    """What is selected: a word before a brace, never one that is a label's value."""
    return re.findall(r"[a-zA-Z_:]+(?=\{)", re.sub(r'"[^"]*"', '""', expression))


def fault(prometheus, target, known, zero, constant):
    """What is wrong with a query, or None."""
    missing = [name for name in metrics(target["expr"]) if name not in known and name != "ALERTS"]
    if missing:
        return f"no such metric: {', '.join(missing)}"
    now = time.time()
    found = ask(prometheus, "query_range", query=filled(target["expr"]),
                start=now - SHOWN_SECONDS, end=now, step=1)["result"]
    series = [[value for _, value in one["values"] if not math.isnan(float(value))] for one in found]
    if zero:
        return None
    if not any(series):
        return "no data"
    if not constant and all(len(set(values)) < 2 for values in series):
        return f"always {series[0][:1]}"
    return None


def check(prometheus, name, folder, known):
    dashboard = json.loads((folder / f"{name}.json").read_text())
    source = tomllib.loads((HERE / f"dashboards/source/{name}.toml").read_text())
    sources = {panel["id"]: panel for panel in source["panel"]}
    faults, queries = [], 0
    for panel in dashboard["panels"]:
        of = sources[panel["id"]]
        for target, asked in zip(panel.get("targets", []), of.get("queries", [])):
            queries += 1
            found = fault(prometheus, target, known,
                          "zero" in of or asked.get("zero"),
                          "constant" in of or asked.get("constant"))
            if found:
                faults.append(f"{panel['title']}: {found}: {target['expr']}")
    summary = f"{name}: {len(dashboard['panels'])} panels, {queries} queries"
    print("FAIL" if faults else "PASS", summary)
    for line in faults:
        print("    ", line)
    return not faults


def main(prometheus, folder):
    known = set(ask(prometheus, "label/__name__/values"))
    shared = tomllib.loads((HERE / "dashboards/source/shared.toml").read_text())
    marks = [mark["name"] for mark in shared["annotation"]]
    names = sorted(path.stem for path in pathlib.Path(folder).glob("*.json"))
    results = [check(prometheus, name, pathlib.Path(folder), known) for name in names]
    overview = json.loads((pathlib.Path(folder) / "overview.json").read_text())
    fills = overview["annotations"]["list"][marks.index("Fills")]["target"]["expr"]
    ask(prometheus, "query", query=filled(overview["annotations"]["list"][marks.index("Alerts")]["target"]["expr"]))
    at = [float(one["value"][1]) / 1000 for one in ask(prometheus, "query", query=filled(fills))["result"]]
    recent = [moment for moment in at if 0 <= time.time() - moment < 300]
    print("PASS" if recent else "FAIL", f"fills as annotations: {len(recent)} at their own moment")
    return 0 if all(results) and recent else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
