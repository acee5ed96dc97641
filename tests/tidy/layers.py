#!/usr/bin/env python3
"""Fails when a file includes a folder that src/LAYERS places after its own, when two siblings of
components/ include each other, or when the mapping machine includes the compiler or the syntax."""
import pathlib
import re
import sys

root = pathlib.Path(sys.argv[1])
lines = (root / "LAYERS").read_text().splitlines()
order = [line.split("#")[0].strip() for line in lines]
rank = {name: place for place, name in enumerate(filter(None, order))}
# (who, must not include): rules inside a room.
closed = [("bloblang/vm/", ("bloblang/compiler/", "bloblang/syntax/")),
          ("bloblang/program/", ("bloblang/compiler/", "bloblang/syntax/", "bloblang/vm/"))]
kinds = {"inputs", "processors", "outputs", "buffers", "caches", "rate_limits", "scanners",
         "metrics", "tracers"}
# The only headers of a room that others may include.
fronts = {"bloblang": {"bloblang/bloblang.h", "bloblang/functions/catalogue.h"}}

bad = 0


def complain(path, number, text):
    global bad
    bad += 1
    print(f"{path}:{number}: {text}")


for folder in sorted(p.name for p in root.iterdir() if p.is_dir()):
    if folder not in rank:
        complain(root / "LAYERS", 1, f"{folder} has no line")

for path in sorted(root.rglob("*")):
    if path.suffix not in {".h", ".cc"}:
        continue
    here = path.relative_to(root)
    room = here.parts[0]
    if len(here.parts) == 1:
        continue  # main.cc
    for number, line in enumerate(path.read_text().splitlines(), 1):
        match = re.match(r'#include "([^"]+)"', line)
        if not match or "/" not in match[1]:
            continue
        target = match[1]
        other = target.split("/")[0]
        if other not in rank:
            complain(path, number, f"{target} is in no room of LAYERS")
        elif rank[other] > rank[room]:
            complain(path, number, f"{room} must not include {other}")
        if other != room and other in fronts and target not in fronts[other]:
            complain(path, number, f"{target} is private to {other}")
        for who, forbidden in closed:
            if str(here).startswith(who) and target.startswith(forbidden):
                complain(path, number, f"{who} must not include {target}")
        parts = target.split("/")
        if (room == other == "components" and len(parts) == 3 and parts[1] in kinds
                and len(here.parts) == 3 and not here.stem.endswith("_test") and parts[2].removesuffix(".h") != here.stem
                and parts[1] != here.parts[1]):
            complain(path, number, f"components must not include each other: {target}")
sys.exit(bad > 0)
