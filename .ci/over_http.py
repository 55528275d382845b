"""Asks a run over HTTP as a program would, and holds every answer against the description.

    over_http.py http://127.0.0.1:9746    pages through 10,000 decisions while more arrive
    over_http.py picture PAGE.png         whether a screenshot shows something

Prints a line for each thing that must hold, PASS or FAIL.
"""

import json
import sys
import urllib.error
import urllib.request

WANTED = 10_000
failed = False


def same(what, found, expected):
    global failed
    if found == expected:
        print(f"PASS {what}: {str(found)[:200]}")
    else:
        failed = True
        print(f"FAIL {what}: {str(found)[:500]}, expected {str(expected)[:500]}")


def get(base, path):
    try:
        with urllib.request.urlopen(base + path, timeout=20) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as refusal:
        return refusal.code, json.load(refusal)


def number(decision):
    return int(decision.rsplit("-", 1)[1])


def page_through(base):
    """Decisions of one strategy are counted without a gap: what is missing shows."""
    newest = get(base, "/decisions?limit=1")[1]["decisions"][0]["id"]
    ids, cursor, pages = [], "", 0
    while len(ids) < WANTED:
        page = get(base, f"/decisions?strategy=busy&limit=97{cursor}")[1]
        ids += [decision["id"] for decision in page["decisions"]]
        pages += 1
        if page["next"] is None:
            break
        cursor = f"&cursor={page['next']}"
    later = get(base, "/decisions?limit=1")[1]["decisions"][0]["id"]
    same(f"decisions in {pages} pages", len(ids) >= WANTED, True)
    same("decisions met twice", len(ids) - len(set(ids)), 0)
    numbers = [number(decision) for decision in ids]
    expected = list(range(numbers[0], numbers[0] - len(numbers), -1))
    same("decisions missed", len(set(expected) - set(numbers)), 0)
    same("newest first", numbers == expected, True)
    same("the first page began at the newest", numbers[0] >= number(newest), True)
    same("more arrived meanwhile", number(later) > numbers[0], True)


def walk(base):
    """Every described route, its answer against its schema."""
    from jsonschema import Draft202012Validator
    from openapi_spec_validator import validate

    described = get(base, "/openapi.json")[1]
    validate(described)
    print("PASS the description is OpenAPI", described["openapi"])
    fill = get(base, "/fills?limit=1")[1]["fills"][0]
    blocked = get(base, "/decisions?outcome=no_signal&limit=1")[1]["decisions"][0]["id"]
    names = {"{id}": [fill["decision"], fill["order"], fill["id"], blocked], "{name}": ["busy"]}
    asked = 0
    for path, methods in described["paths"].items():
        for status, answer in methods["get"]["responses"].items():
            content = answer["content"].get("application/json")
            if content is None:
                continue
            schema = {**content["schema"], "components": described["components"]}
            validator = Draft202012Validator(schema)
            hole = next((hole for hole in names if hole in path), None)
            fillers = names[hole] if hole and status == "200" else ["busy-0-0"]
            for filler in fillers:
                target = path.replace(hole, filler) if hole else path
                target += "?nonsense=1" if status == "400" else ""
                code, body = get(base, target)
                wrong = [error.message for error in validator.iter_errors(body)]
                if str(code) != status or wrong:
                    same(f"GET {target}", (code, wrong), (int(status), []))
                asked += 1
    decision = {"$ref": "#/components/schemas/Decision", "components": described["components"]}
    validator = Draft202012Validator(decision)
    rows = get(base, "/decisions?limit=200")[1]["decisions"]
    rows += get(base, "/decisions?outcome=signal&limit=100")[1]["decisions"]
    wrong = 0
    for row in rows:
        wrong += not validator.is_valid(get(base, f"/decisions/{row['id']}")[1])
    same(f"of {asked} answers and {len(rows)} decisions, unlike their description", wrong, 0)


def picture(path):
    from PIL import Image

    colours = Image.open(path).convert("RGB").getcolors(1 << 24)
    most = max(count for count, _ in colours)
    share = 1 - most / sum(count for count, _ in colours)
    same(f"a screenshot with {len(colours)} colours shows something", share > 0.01, True)


if sys.argv[1] == "picture":
    picture(sys.argv[2])
else:
    page_through(sys.argv[1])
    walk(sys.argv[1])
sys.exit(failed)
