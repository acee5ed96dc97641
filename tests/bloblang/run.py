#!/usr/bin/env python3
"""Runs the mapping corpus through our engine and compares it with the reference's answers.

    run.py BLOBLANG_CASES [--update] [--show N] [FILE...]

Fails on a difference that known_differences.txt does not list, and on an entry of it that no longer
counts what it says. `--update` writes the counts anew, adds an entry for each other difference and
drops those that are over; look at what it added and give the reasons. `--show N` prints up to N
unlisted differences of each file.
"""

import hashlib
import json
import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

HERE = Path(__file__).resolve().parent
KNOWN = HERE / "known_differences.txt"
HEADERS = ("in", "meta", "out", "error", "parse error", "deleted", "out meta")


def read_jsonl(path):
    return [json.loads(line) for line in path.read_text().split("\n") if line]


def read_blobl(path):
    """The cases of a file to be read by people, in the form of those of a .jsonl file."""
    cases = []
    for text in re.split(r"^---\n", path.read_text(), flags=re.M):
        headers, lines = {}, text.split("\n")
        while lines:
            match = re.match(r"# (%s)(?:: ?(.*)|)$" % "|".join(HEADERS), lines[0])
            if not match:
                break
            headers.setdefault(match[1], []).append(match[2] or "")
            lines.pop(0)
        headers = {name: "\n".join(values) for name, values in headers.items()}
        mapping = "\n".join(lines)
        case = {"mapping": mapping[:-1] if mapping.endswith("\n") else mapping,
                "input": headers.get("in", "")}
        if "meta" in headers:
            case["meta"] = json.loads(headers["meta"])
        for header, result in (("out", "ok"), ("error", "error"), ("parse error", "parse_error"),
                               ("deleted", "deleted")):
            if header in headers:
                case.update(result=result, output=headers[header])
        if case.get("result") == "ok":
            meta = json.loads(headers["out meta"]) if "out meta" in headers else case.get("meta")
            if meta:
                case["out_meta"] = meta
        cases.append(case)
    return cases


def answer(case, key="output"):
    """What must agree, as one text to compare."""
    meta = case.get("out_meta") if case.get("result") == "ok" else None
    return json.dumps([case.get("result"), case.get(key, ""), meta or {}], sort_keys=True)


def agree(case, ours):
    """Bytes that aren't UTF-8 are told by output_b64, where the case has it."""
    key = "output_b64" if "output_b64" in case else "output"
    return answer(case, key) == answer(ours, key)


def identity(case):
    asked = {key: case[key] for key in sorted(case)
             if key not in ("result", "output", "output_b64", "out_meta")}
    return hashlib.sha1(json.dumps(asked, sort_keys=True).encode()).hexdigest()[:10]


def run(program, cases):
    """Our answers; a case that ends the process gets the result "crashed"."""
    answers = []
    environment = dict(os.environ, TZ="UTC", CORPUS_VAR="set")
    while len(answers) < len(cases):
        text = "".join(json.dumps({k: v for k, v in case.items() if k not in ("result", "output")},
                                  ensure_ascii=False) + "\n" for case in cases[len(answers):])
        done = subprocess.run([program], input=text.encode(), env=environment, cwd=HERE,
                              stdout=subprocess.PIPE, check=False)
        answers += [json.loads(line) for line in done.stdout.decode().split("\n")[:-1]]
        if len(answers) < len(cases):
            answers.append(dict(cases[len(answers)], result="crashed", output="", out_meta=None))
    return answers


class Entry:
    """A line `FILE COUNT SELECTOR  REASON`: the selector is a case's `#identity`, or a `/regex/` to be
    found in its mapping, or, after `<`, in its input, or, after `!`, in the reference's answer; the
    first entry that fits a difference counts it."""

    def __init__(self, line):
        match = re.match(r"(\S+) +(\d+) +(#\w+|[<!]?/(?:[^/\\]|\\.)*/) +(.*)$", line)
        if not match:
            sys.exit("%s: cannot read: %s" % (KNOWN.name, line))
        self.file, self.count, self.selector, self.reason = (match[1], int(match[2]), match[3],
                                                             match[4])
        self.found = 0
        self.regex = None
        if not self.selector.startswith("#"):
            self.regex = re.compile(self.selector.lstrip("<!")[1:-1], re.S)

    def fits(self, file, case):
        if self.file not in ("*", file):
            return False
        if self.selector.startswith("#"):
            return self.selector[1:] == identity(case)
        key = {"<": "input", "!": "output"}.get(self.selector[0], "mapping")
        return bool(self.regex.search(case.get(key, "")))

    def __str__(self):
        return "%s %d %s  %s" % (self.file, self.count, self.selector, self.reason)


def unknown_names(ours):
    """The entry for a case that fails as a function or method is not there; None when none is."""
    match = re.search(r"unrecognised (method|function) '(\w+)'", ours.get("output", ""))
    if not match:
        return None
    dot = r"\." if match[1] == "method" else r"(?<![.\w])"
    return "/%s%s\\s*\\(/" % (dot, match[2])


def main():
    arguments = sys.argv[1:]
    update = "--update" in arguments
    show = 5
    if "--show" in arguments:
        at = arguments.index("--show")
        show = int(arguments[at + 1])
        del arguments[at:at + 2]
    arguments = [argument for argument in arguments if argument != "--update"]
    program, *names = arguments
    files = [HERE / name for name in names] or sorted([*HERE.glob("*.jsonl"), *HERE.glob("*.blobl")])
    lines = KNOWN.read_text().splitlines() if KNOWN.exists() else []
    comments = [line for line in lines if line.startswith("#") or not line]
    entries = [Entry(line) for line in lines if line and not line.startswith("#")]
    failed, added, total, agreeing = False, [], 0, 0

    for path in files:
        cases = read_jsonl(path) if path.suffix == ".jsonl" else read_blobl(path)
        ours = run(program, cases)
        differing = [(case, mine) for case, mine in zip(cases, ours) if not agree(case, mine)]
        unlisted = []
        for case, mine in differing:
            entry = next((each for each in entries + added if each.fits(path.name, case)), None)
            if entry:
                entry.found += 1
                continue
            unlisted.append((case, mine))
            if update:
                missing = unknown_names(mine)
                added.append(Entry("%s 0 %s  %s" % (
                    "*" if missing else path.name, missing or "#" + identity(case),
                    "not yet in the catalogue" if missing else "unexplained: " +
                    json.dumps(case["mapping"])[:60])))
                added[-1].found = 1
        total += len(cases)
        agreeing += len(cases) - len(differing)
        failed |= bool(unlisted)
        print("%-28s %6.2f%%  %5d cases, %4d differ, %d of them unlisted" % (
            path.name, 100 * (1 - len(differing) / len(cases)), len(cases), len(differing),
            len(unlisted)))
        for case, mine in unlisted[:show]:
            print("  #%s %s\n    input %s meta %s\n    expected %s\n    ours     %s" % (
                identity(case), json.dumps(case["mapping"]), json.dumps(case.get("input"))[:200],
                json.dumps(case.get("meta")), answer(case)[:700], answer(mine)[:700]))
    print("all: %.3f%% of %d cases agree" % (100 * agreeing / total, total))

    if update:
        for entry in entries + added:
            entry.count = entry.found
        kept = [str(entry) for entry in entries + added if entry.count]
        KNOWN.write_text("\n".join(comments + kept) + "\n")
        return
    if not names:
        for entry in entries:
            if entry.found != entry.count:
                failed = True
                print("known_differences.txt: %d differ now: %s" % (entry.found, entry))
    sys.exit(failed)


if __name__ == "__main__":
    main()
