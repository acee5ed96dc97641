#!/usr/bin/env python3
"""Holds the documents against the program.

    documents.py TOLLGATE ROOT fresh     docs/reference is what `docs --all` writes
    documents.py TOLLGATE ROOT examples  every configuration in README.md, docs/ and examples/ lints
"""

import re
import subprocess
import sys
import tempfile
from pathlib import Path

BY_HAND = {"differences.md"}  # in docs/reference, beside what is written by the program


def stale(program, root):
    reference = root / "docs" / "reference"
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([program, "docs", "--all", folder], check=True, stdout=subprocess.DEVNULL)
        made = {path.relative_to(folder): path.read_bytes()
                for path in Path(folder).rglob("*") if path.is_file()}
    there = {path.relative_to(reference): path.read_bytes()
             for path in reference.rglob("*") if path.is_file() and path.name not in BY_HAND}
    for name in sorted(made.keys() | there.keys()):
        if made.get(name) != there.get(name):
            yield "docs/reference/%s is %s; run `tollgate docs --all docs/reference`" % (
                name, "missing" if name not in there else "stale" if name in made else "left over")


def is_configuration(text):
    """Not so: other programs' YAML, such as a forwarder's, and sketches with parts left out (…)."""
    return "…" not in text and any(line.startswith(("input:", "output:", "pipeline:", "cache_resources:"))
               for line in text.splitlines())


def configurations(path):
    """The texts to lint of a file: itself, or the `yaml` blocks of Markdown at their own lines."""
    text = path.read_text()
    if path.suffix == ".yaml":
        return [text]
    blocks = re.finditer(r"^```ya?ml\n(.*?)^```", text, re.M | re.S)
    return ["\n" * text.count("\n", 0, block.start(1)) + block[1] for block in blocks]


def unsound(program, root):
    paths = [root / "README.md", *(root / "docs").rglob("*.md")]
    for suffix in ("md", "yaml"):
        paths += (root / "examples").rglob("*." + suffix)
    for path in sorted(paths):
        for text in filter(is_configuration, configurations(path)):
            with tempfile.NamedTemporaryFile("w", suffix=".yaml", dir=path.parent) as file:
                file.write(text)
                file.flush()
                done = subprocess.run([program, "lint", "--skip-env-var-check", Path(file.name).name],
                                      cwd=path.parent, stderr=subprocess.PIPE, text=True, check=False)
            for line in done.stderr.splitlines() if done.returncode else ():
                yield "%s%s" % (path.relative_to(root), line.removeprefix(Path(file.name).name))


def main():
    program, root, what = sys.argv[1], Path(sys.argv[2]), sys.argv[3]
    wrong = list((stale if what == "fresh" else unsound)(program, root))
    print("\n".join(wrong))
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
