#!/usr/bin/python3
"""The command line: exit codes, what goes to stdout and what to stderr, the configuration corpus."""

import json
import re
import shlex
import unittest
from pathlib import Path

import harness
from harness import ROOT, SystemTest, run

CORPUS = ROOT / "tests" / "config"

FILES = {
    "good.yaml": """input:
  generate:
    mapping: root = {"n":1}
    count: 2
    interval: ""
output:
  stdout: {}
""",
    "bad.yaml": """input:
  generate:
    mapping: root = nope()
    fooo: 1
output:
  drop: {}
barr: 1
""",
    "wrongshape.yaml": "input: nope\n",
    "env.yaml": """input:
  generate:
    mapping: root = "${NOT_SET}"
    count: 1
    interval: ""
output:
  stdout: {}
""",
    "doc.md": """# Title

```yaml
input:
  generate:
    mapping: root = {}
output:
  drop: {}
```

text

```yaml
input:
  stdin: {}
  fooo: 1
```
""",
    "log.yaml": """input:
  generate:
    mapping: root = {"n":1}
    count: 1
    interval: ""
pipeline:
  processors:
    - log:
        message: "got ${! this.n }"
        fields_mapping: root.n = this.n
    - mapping: root = this.n.uppercase()
output:
  drop: {}
""",
    "vars.env": "NOT_SET=file\n# c\nOTHER=\"q\"\n",
    "m.blobl": "root.v = this.a\n",
    "bad.blobl": "root.v = this.a.nope()\nroot.w = 1\n",
    "del.blobl": "root = if this.a > 1 { deleted() } else { this }\n",
    "in.jsonl": '{"a":1}\n{"a":2}\n',
}

BAD_LINTS = ("bad.yaml(3,27) unrecognised function 'nope'",
             "bad.yaml(4,5) field fooo not recognised", "bad.yaml(7,1) field barr not recognised")


class CommandLine(SystemTest):
    def setUp(self):
        super().setUp()
        for name, text in FILES.items():
            self.write(name, text)

    def run_here(self, line, stdin="", env=None):
        return run(*shlex.split(line), stdin=stdin, cwd=self.directory, env=env)

    def check(self, line, code=0, out=None, err=None, stdin="", env=None):
        """`out` and `err` are whole texts, or tuples of parts of it; None allows anything."""
        with self.subTest(line):
            done = self.run_here(line, stdin, env)
            self.assertEqual(done.returncode, code, done.stdout + done.stderr)
            for name, expected, got in (("stdout", out, done.stdout), ("stderr", err, done.stderr)):
                if isinstance(expected, str):
                    self.assertEqual(got, expected, name)
                for part in expected if isinstance(expected, tuple) else ():
                    self.assertIn(part.lower(), got.lower(), name)

    def test_version_and_help(self):
        for flag in ("--version", "-v"):
            self.check(flag, out=("Version: ", "Date: "), err="")
        self.check("--help", out=("run", "lint", "echo", "list", "create", "blobl", "docs", "sandbox",
                                  "completion"), err="")
        for command in ("run", "lint", "echo", "list", "create", "blobl", "docs", "sandbox",
                        "completion"):
            self.check(command + " --help", out=(command,), err="")

    def test_mistakes_on_the_command_line(self):
        self.check("nosuchcommand", 1, err=("nosuchcommand",))
        self.check("--nosuchflag", 1, err=("nosuchflag",))
        self.check("run --nosuchflag", 1, err=("nosuchflag",))
        self.check("run good.yaml extra.yaml", 1)
        self.check("run none.yaml", 1, out="", err=("none.yaml", "no such file"))
        self.check("-c none.yaml", 1, out="", err=("none.yaml", "no such file"))
        self.check("run -s nonsense good.yaml", 1, out="", err=("nonsense", "foo=bar"))
        self.check("run -s barr=1 good.yaml", 1, out="", err=("barr",))
        self.check("run -s input.generate.x=1 good.yaml", 1, out="", err=("x not recognised",))
        self.check("run -s shutdown_timeout=soon good.yaml", 1, err=("soon",))
        self.check("run wrongshape.yaml", 1, out="", err=("wrongshape.yaml",))

    def test_lint(self):
        self.check("lint good.yaml", out="", err="")
        self.check("lint bad.yaml", 1, out="", err=BAD_LINTS)
        self.check("lint none.yaml", 1, out="", err=("none.yaml", "no such file"))
        self.check("lint", out="", err="")
        self.check("lint doc.md", 1, out="", err=("doc.md(16,3)", "fooo"))
        self.check("lint --verbose good.yaml bad.yaml", 1, err=BAD_LINTS,
                   out="good.yaml: OK\nbad.yaml: FAILED\n")
        self.check("lint wrongshape.yaml", 1, err=("wrongshape.yaml(1,",))
        self.check("lint './nomatch/*.yaml'", out="", err="")
        self.check("lint env.yaml", 1, out="", err=(
            "env.yaml(3,22) required environment variables were not set: [NOT_SET]",))
        self.check("lint --skip-env-var-check env.yaml", out="", err="")
        self.check("lint -e vars.env env.yaml", out="", err="")
        self.check("lint -e none.env env.yaml", 1, err=("none.env", "no such file"))
        self.check("lint --labels good.yaml", 1, err=(
            "good.yaml(2,3) label is required for generate",
            "good.yaml(7,3) label is required for stdout"))
        self.check("-c good.yaml lint", out="", err="")
        self.check("lint -r bad.yaml good.yaml", 1, err=("bad.yaml(7,1) field barr not recognised",))
        self.write("d/b.yaml", FILES["bad.yaml"])
        self.write("d/e/c.yml", FILES["bad.yaml"])
        self.check("lint './d/*.yaml'", 1, err=("d/b.yaml(3,27)",))
        self.check("lint ./d/...", 1, err=("d/b.yaml(3,27)", "d/e/c.yml(3,27)"))

    def test_run(self):
        quiet = "-s http.enabled=false "
        self.check("run %sgood.yaml" % quiet, out='{"n":1}\n{"n":1}\n', err=("level=info",))
        self.check("-c good.yaml -s http.enabled=false", out='{"n":1}\n{"n":1}\n')
        self.check("-c good.yaml %srun" % quiet, out='{"n":1}\n{"n":1}\n')
        self.check("run %sbad.yaml" % quiet, 1)
        self.check("run %senv.yaml" % quiet, 1)
        self.check("run --chilled %senv.yaml" % quiet, out="\n")
        self.check("run -e vars.env %senv.yaml" % quiet, out="file\n")
        self.check("run %senv.yaml" % quiet, out="given\n", env={"NOT_SET": "given"})
        self.check("run %s-s input.generate.count=3 good.yaml" % quiet, out='{"n":1}\n' * 3)
        self.check("run --log.level off %sgood.yaml" % quiet, out='{"n":1}\n{"n":1}\n', err="")

    def test_run_without_a_configuration(self):
        self.check("run -s http.enabled=false", stdin="one\ntwo\n", out="one\ntwo\n")
        self.check("-s input.stdin={} -s http.enabled=false -s output.stdout={}",
                   stdin="one\ntwo\n", out="one\ntwo\n")

    def test_log_lines(self):
        done = self.run_here("run -s http.enabled=false log.yaml")
        lines = (done.stdout + done.stderr).splitlines()
        self.assertTrue(any('msg="got 1"' in line and " n=1 " in line and
                            "path=root.pipeline.processors.0" in line for line in lines), lines)
        self.assertTrue(any("level=error" in line and "failed assignment (line 1)" in line and
                            "path=root.pipeline.processors.1" in line for line in lines), lines)
        done = self.run_here("run -s http.enabled=false -s logger.format=json "
                             "-s logger.static_fields.svc=x log.yaml")
        lines = [json.loads(line) for line in (done.stdout + done.stderr).splitlines()]
        self.assertTrue(all(line["svc"] == "x" for line in lines))
        (line,) = [line for line in lines if line["msg"] == "got 1"]
        self.assertEqual((line["level"], line["n"], line["path"]),
                         ("info", 1, "root.pipeline.processors.0"))

    def test_blobl(self):
        self.check("blobl 'root.v = this.a'", out='{"v":1.0}\n{"v":"\\u003c\\u0026\\u003e"}\n{"v":2}\n',
                   err=("failed to execute map: ", "message is empty"),
                   stdin='{"a":1.0}\nnot json\n{"a":"<&>"}\n\n{"a":2}')
        self.check("blobl 'root = this.a'", stdin='{"a":1}\n{"a":"x"}\n{"a":null}\n{"a":[1,2.0]}\n{}\n',
                   out="1\nx\nnull\n[1,2.0]\nnull\n", err="")
        self.check("blobl 'root = this.a.uppercase()'", stdin='{"a":1}\n{"a":"ok"}\n', out="OK\n",
                   err="failed to execute map: failed assignment (line 1): expected string value, "
                       "got number from field `this.a` (1)\n")
        self.check("blobl -f m.blobl", stdin='{"a":1}\n', out='{"v":1}\n', err="")
        self.check("blobl -f m.blobl -i in.jsonl", out='{"v":1}\n{"v":2}\n', err="")
        self.check("blobl -f none.blobl", 1, out="", err=("none.blobl", "no such file"))
        self.check("blobl -f m.blobl -i none.jsonl", 1, out="", err=("none.jsonl", "no such file"))
        self.check("blobl -f bad.blobl", 1, out="", stdin="{}\n", err=(
            "failed to parse mapping: line 1 char 23: unrecognised method 'nope'\n  |\n"
            "1 | root.v = this.a.nope()\n  |                       ^---\n"))
        self.check("blobl -f m.blobl root=1", 1, out="", stdin="{}\n")
        self.check("blobl", 1, out="", stdin="{}\n", err=("expected import, map, or assignment",))
        self.check("blobl --raw 'root = content().uppercase()'", stdin="abc\n", out="ABC\n")
        self.check("blobl --pretty 'root = this'", stdin='{"b":1,"a":[]}\n',
                   out='{\n  "a": [],\n  "b": 1\n}\n')

    def test_blobl_threads(self):
        stdin = "".join('{"a":%d}\n' % i for i in range(1000))
        done = self.run_here("blobl -t 4 'root = this.a'", stdin)
        self.assertEqual(sorted(map(int, done.stdout.split())), list(range(1000)))

    def test_list(self):
        self.check("list buffers", out=("Buffers:\n", "  - memory\n", "  - none\n"), err="")
        self.check("list inputs outputs", out=("Inputs:\n", "  - otel_log\n", "Outputs:\n",
                                               "  - http_client\n", "  - openmeter\n"))
        done = self.run_here("list --format json buffers")
        self.assertIn("memory", json.loads(done.stdout)["buffers"])
        done = self.run_here("list --format jsonschema")
        self.assertIn("definitions", json.loads(done.stdout))
        done = self.run_here("list bloblang-functions bloblang-methods")
        self.assertIn("uuid_v4", done.stdout)
        self.assertIn("uppercase", done.stdout)

    def test_create_is_sound(self):
        for expression in ("", "stdin/mapping/stdout", "otel_log/mapping/http_client",
                           "generate/mapping,log/drop", "//openmeter"):
            for small in ("", "--small "):
                with self.subTest(small + expression):
                    done = self.run_here("create %s%s" % (small, expression))
                    self.assertEqual(done.returncode, 0, done.stderr)
                    self.write("created.yaml", done.stdout)
                    echoed = self.run_here("echo created.yaml")
                    self.assertEqual(echoed.returncode, 0, echoed.stderr)
        self.check("create --small nope//drop", 1, err=("nope",))
        self.check("create --small stdin/nope", 1, err=("nope",))
        self.check("create --small a/b/c/d", 1)

    def test_echo(self):
        done = self.run_here("echo good.yaml")
        self.assertEqual(done.returncode, 0)
        self.write("echoed.yaml", done.stdout)
        self.check("echo echoed.yaml", out=done.stdout)
        self.check("lint echoed.yaml", out="", err="")
        self.check("run -s http.enabled=false echoed.yaml", out='{"n":1}\n{"n":1}\n')
        self.check("echo none.yaml", 1, out="", err=("none.yaml", "no such file"))

    def test_echo_hides_secrets(self):
        self.write("secret.yaml", """input:
  stdin: {}
output:
  http_client:
    url: http://localhost/
    basic_auth: {enabled: true, username: joe, password: s3cr3t-word}
""")
        done = self.run_here("echo secret.yaml")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("joe", done.stdout)
        self.assertNotIn("s3cr3t-word", done.stdout)

    def test_docs(self):
        for name in ("otel_log", "http_client", "drop_on", "mapping", "openmeter"):
            self.check("docs " + name, out=(name,), err="")
        self.check("docs uuid_v4", out=("uuid_v4",))
        self.check("docs nosuchthing", 1, err=("nosuchthing",))

    def test_completion(self):
        for shell in ("bash", "zsh", "fish"):
            self.check("completion " + shell, out=("tollgate",), err="")
        self.check("completion nosuchshell", 1)


if __name__ == "__main__":
    harness.main()
