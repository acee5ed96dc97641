#!/usr/bin/env python3
"""House rules that a machine can check: no file over 600 lines without a reason in its first lines
("Long because …"), no leftover markers, no absolute paths of a machine, and the map of the tree in
README.md names what is on the disk."""
import pathlib
import re
import subprocess
import sys

root = pathlib.Path(sys.argv[1])
listed = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard"], cwd=root,
                        capture_output=True, text=True, check=True).stdout.split("\n")
bad = []
for name in filter(None, listed):
    path = root / name
    if not path.is_file() or path.suffix not in {".h", ".cc", ".py", ".cmake", ".js", ".md", ""}:
        continue
    try:
        lines = path.read_text().splitlines()
    except UnicodeDecodeError:
        continue
    if path.suffix in {".h", ".cc"} and len(lines) > 600:
        if not any("Long because" in line for line in lines[:20]):
            bad.append(f"{name}: {len(lines)} lines")
    for number, line in enumerate(lines, 1):
        if name.startswith("src/") and re.search(r"\b(TODO|FIXME|XXX|HACK)\b", line):
            bad.append(f"{name}:{number}: leftover marker")
        if re.search(r"(^|[^a-z.])/(work|home/[a-z]+)/", line) and not name.startswith("tests/tidy"):
            bad.append(f"{name}:{number}: a path of one machine")

readme = (root / "README.md").read_text()
for folder in re.findall(r"^(?:├──|│   ├──|└──|│   └──) ([\w.]+)/", readme, re.M):
    if not any((root / base / folder).is_dir() for base in ("", "src")):
        bad.append(f"README.md: the map names {folder}/, which is not there")
for folder in sorted(p.name for p in (root / "src").iterdir() if p.is_dir()):
    if f"{folder}/" not in readme:
        bad.append(f"README.md: the map leaves out src/{folder}/")
print("\n".join(bad))
sys.exit(bool(bad))
