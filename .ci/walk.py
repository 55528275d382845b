"""Types the commands of a page of docs, in order, and compares what they say with what the page shows.

    walk.py BIN PAGE.md

A ```sh block is typed as it stands; a ```text block after it is what it says, where `…` is anything. Lines
that the page leaves out are not missed; those that it has come in this order.
"""

import re
import subprocess
import sys


def is_in(shown, lines):
    """Whether one of the lines that are left is the one shown; those up to it are used up."""
    pieces = [re.escape(piece) for piece in " ".join(shown.split()).split("…")]
    pattern = re.compile(".*".join(pieces))
    return any(pattern.fullmatch(" ".join(line.split())) for line in lines)


def main(binary, page):
    with open(page, encoding="utf-8") as text:
        blocks = re.findall(r"```(sh|text)\n(.*?)```", text.read(), re.S)
    said = None
    walked = 0
    for kind, body in blocks:
        if kind == "sh":
            said = ""
            for command in body.strip().splitlines():
                typed = command.replace("tickscope", f"'{binary}'")
                done = subprocess.run(typed, shell=True, capture_output=True, text=True, check=False)
                if done.returncode:
                    raise SystemExit(f"FAIL {page}: {command!r} ended with {done.returncode}: {done.stderr}")
                said += done.stdout
                walked += 1
        elif said is not None:
            lines = iter(said.splitlines())
            for shown in body.splitlines():
                if shown.strip(" …") and not is_in(shown, lines):
                    raise SystemExit(f"FAIL {page} shows {shown!r}, but the command said:\n{said}")
            said = None
    print(f"PASS {page}: {walked} commands typed, and they say what it shows")


if __name__ == "__main__":
    main(*sys.argv[1:])
