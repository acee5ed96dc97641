#!/usr/bin/env python3
"""Compares the fields of our components with those of the reference.

    fields.py TOLLGATE

fields.jsonl has, for each component of both, its fields as [name, type, facts]: the default, options
and flags. A component of it that we do not have is passed over. Differences that are meant are the
lines of known_fields.txt.
"""

import json
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
SHAPES = {"scalar": "", "array": "[]", "map": "{}", "2darray": "[][]"}
FLAGS = {"is_optional": "optional", "is_advanced": "advanced", "is_deprecated": "deprecated",
         "is_secret": "secret", "interpolated": "interpolated", "bloblang": "bloblang"}


def flatten(field, prefix, into):
    """Adds `field` and its children to `into`, by their whole names."""
    shape = SHAPES[field["kind"]]
    name = prefix + field["name"]
    facts = {"flags": sorted(FLAGS[key] for key in FLAGS if field.get(key)),
             "options": sorted(field.get("options", []))}
    if "default" in field:
        facts["default"] = field["default"]
    into[name] = (field["type"] + shape, facts)
    for child in field.get("children", []):
        flatten(child, name + shape + ".", into)


def ours_of(component):
    config, fields = component["config"], {}
    if config["name"] == "" and "children" in config:
        for child in config["children"]:
            flatten(child, "", fields)
    elif config["name"] != "" or config["type"] != "object":
        flatten(config, "", fields)
    return fields


def expected_of(line):
    fields = {}
    for name, kind, *rest in line["fields"]:
        if name == "" and kind in ("object", "unknown"):
            continue  # a body without fields
        facts = rest[0] if rest else {}
        fields[name] = (kind, dict(facts, flags=sorted(facts.get("flags", [])),
                                   options=sorted(facts.get("options", []))))
    return fields


def differences(where, ours, expected):
    for name, (kind, facts) in expected.items():
        if name not in ours:
            yield "%s %s: missing" % (where, name)
            continue
        our_kind, our_facts = ours[name]
        if our_kind != kind:
            yield "%s %s: type %s, not %s" % (where, name, our_kind, kind)
        # Objects with known children count as optional nowhere: they are their children's defaults.
        has_children = any(other.startswith((name + ".", name + "[")) for other in expected)
        ignored = {"optional"} if has_children or kind == "processor[]" else set()
        for key in ("default", "options", "flags"):
            mine, theirs = our_facts.get(key), facts.get(key)
            if key == "flags":
                mine, theirs = sorted(set(mine) - ignored), sorted(set(theirs) - ignored)
            if json.dumps(mine, sort_keys=True) != json.dumps(theirs, sort_keys=True):
                yield "%s %s: %s %s, not %s" % (where, name, key, json.dumps(mine),
                                                json.dumps(theirs))
    for name in ours:
        if name not in expected:
            yield "%s %s: ours alone" % (where, name)


def main():
    done = subprocess.run([sys.argv[1], "list", "--format", "json-full-scrubbed"], check=True,
                          stdout=subprocess.PIPE)
    catalogue = json.loads(done.stdout)
    found = []
    compared = 0
    for text in (HERE / "fields.jsonl").read_text().splitlines():
        line = json.loads(text)
        if line["kind"] == "service":
            ours = {}
            for field in catalogue["config"]:
                if field["name"] != "tests":
                    flatten(field, "", ours)
            found += differences("service", ours, expected_of(line))
            continue
        component = next((each for each in catalogue[line["kind"]] if each["name"] == line["name"]),
                         None)
        if component is None:
            continue
        compared += 1
        where = "%s/%s" % (line["kind"], line["name"])
        if component["status"] != line.get("status", "stable"):
            found.append("%s: status %s" % (where, component["status"]))
        found += differences(where, ours_of(component), expected_of(line))
    known = {text for text in (HERE / "known_fields.txt").read_text().splitlines()
             if text and not text.startswith("#")}
    new, over = sorted(set(found) - known), sorted(known - set(found))
    print("%d components compared, %d known differences" % (compared, len(known)))
    print("\n".join(new + ["differs no more: " + text for text in over]))
    sys.exit(bool(new or over))


if __name__ == "__main__":
    main()
