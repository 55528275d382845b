"""Types the commands of a page of docs, in order, and compares what they say with what the page shows.

    walk.py BIN PAGE.md

A ```sh block is typed as it stands; a ```text block after it is what it says. Ids and times differ from
run to run and are not compared; lines that the page leaves out are not missed, those that it has come in
this order.
"""

import re
import subprocess
import sys

VARYING = [
    (re.compile(r"\d{4}-\d\d-\d\dT[0-9:.]+Z"), "TIME"),
    (re.compile(r"\b\d\d:\d\d:\d\d(\.\d+)?Z?\b"), "TIME"),
    (re.compile(r"\d{8}-\d{6}-[a-z0-9]{4}"), "SESSION"),
    (re.compile(r"\b[a-z][a-z0-9]{3}-(\d+)-(o?)\d+\b"), r"ID-\1-\2N"),
    (re.compile(r"@[\d,]+"), "@N"),
    (re.compile(r"record [\d,]+"), "record N"),
    (re.compile(r"\s+"), " "),
]


def plain(line):
    for pattern, word in VARYING:
        line = pattern.sub(word, line)
    return line.strip()


def main(binary, page):
    with open(page, encoding="utf-8") as text:
        blocks = re.findall(r"```(sh|text)\n(.*?)```", text.read(), re.S)
    said = None
    walked = 0
    for kind, body in blocks:
        if kind == "sh":
            said = ""
            for command in body.strip().splitlines():
                typed = command.replace("tickscope", f"'{binary}'", 1)
                done = subprocess.run(typed, shell=True, capture_output=True, text=True, check=False)
                if done.returncode:
                    raise SystemExit(f"FAIL {page}: {command!r} ended with {done.returncode}: {done.stderr}")
                said += done.stdout
                walked += 1
        elif said is not None:
            lines = iter([plain(line) for line in said.splitlines()])
            for shown in body.splitlines():
                if plain(shown) and plain(shown) not in lines:
                    raise SystemExit(f"FAIL {page} shows {plain(shown)!r}, but the command said:\n{said}")
            said = None
    print(f"PASS {page}: {walked} commands typed, and they say what it shows")


if __name__ == "__main__":
    main(*sys.argv[1:])
