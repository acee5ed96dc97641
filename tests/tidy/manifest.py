#!/usr/bin/env python3
"""Fails when components/manifest.cc lists what no file registers, or leaves out what one does."""
import pathlib
import re
import sys

folder = pathlib.Path(sys.argv[1]) / "src" / "components"
registered = set()
for path in folder.rglob("*.cc"):
    if path.name != "manifest.cc":
        registered |= set(re.findall(r"^constinit const \w+Type (\w+) =", path.read_text(), re.M))
text = (folder / "manifest.cc").read_text()
listed = re.findall(r"^\s*&(\w+),", text, re.M)
bad = [f"{name} is registered but not in manifest.cc" for name in sorted(registered - set(listed))]
bad += [f"manifest.cc lists {name}, which no file registers"
        for name in sorted(set(listed) - registered)]
bad += [f"manifest.cc lists {name} twice" for name in sorted({n for n in listed if listed.count(n) > 1})]
print("\n".join(bad))
sys.exit(bool(bad))
