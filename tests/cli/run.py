#!/usr/bin/env python3
"""Runs the command lines of cases.jsonl and compares exit codes and outputs; see README.md."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
CASES = HERE / "cases.jsonl"


def run(program, case, folder):
    environment = {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "HOME": folder, "TZ": "UTC"}
    done = subprocess.run([program, *case["args"]], input=case.get("in", ""), cwd=folder, text=True,
                          capture_output=True, timeout=60, env=environment, check=False)
    return {"code": done.returncode, "out": done.stdout, "err": done.stderr}


def main():
    program = os.path.abspath(sys.argv[1])
    cases = [json.loads(line) for line in CASES.read_text().splitlines()]
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(HERE / "files", folder, dirs_exist_ok=True)
        os.makedirs(folder + "/d/e")
        shutil.copy(HERE / "files" / "bad.yaml", folder + "/d/b.yaml")
        for case in cases:
            got = run(program, case, folder)
            wrong = [key for key in got if got[key] != case.get(key, 0 if key == "code" else "")]
            failed += bool(wrong)
            for key in wrong:
                print("%s\n  %s should be %r\n  but is %r" % (case["args"], key, case.get(key),
                                                             got[key]))
            if wrong:
                case.update((key, got[key]) for key in wrong)
    print("%d command lines, %d differ" % (len(cases), failed))
    if "--update" in sys.argv:
        CASES.write_text("".join(json.dumps(case) + "\n" for case in cases))
    sys.exit(bool(failed))


if __name__ == "__main__":
    main()
