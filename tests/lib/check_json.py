# SPDX-License-Identifier: GPL-2.0-or-later
"""Checks JSON documents, all in one go, and speaks TAP (without numbers).

	check_json.py DIRECTORY	for each file in it: JSON in UTF-8, no key twice, right by the schema
				that it names in schema/
	check_json.py DIRECTORY LIST	then, for each line "FILE<tab>EXPRESSION<tab>NAME" of the list: the
				Python expression over the document `d` is true
"""

import json
import pathlib
import sys

import jsonschema


def unique(pairs):
    keys = [key for key, _ in pairs]
    if len(keys) != len(set(keys)):
        raise ValueError(f"a key twice: {keys}")
    return dict(pairs)


def load(path):
    return json.loads(path.read_bytes().decode("utf-8"), object_pairs_hook=unique)


def say(ok, name, why=""):
    print(("ok" if ok else "not ok") + " - " + name)
    for line in str(why).splitlines() if not ok else []:
        print("# " + line)


def strict(schema):
    """Programs must pass over members that they do not know. Here each must be described."""
    if isinstance(schema, list):
        return [strict(s) for s in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {"additionalProperties": False} if isinstance(schema.get("properties"), dict) else {}
    return {**closed, **{key: strict(value) for key, value in schema.items()}}


def validators():
    schemas = {p: load(p) for p in sorted(pathlib.Path("schema").glob("*.schema.json"))}
    store = {}
    for schema in schemas.values():
        jsonschema.Draft202012Validator.check_schema(schema)
        store[schema["$id"]] = strict(schema)
    found = {}
    for path, schema in schemas.items():
        if "properties" in schema:  # else it is what the documents share
            resolver = jsonschema.RefResolver.from_schema(store[schema["$id"]], store=store)
            found[path.name.removesuffix(".schema.json")] = jsonschema.Draft202012Validator(
                store[schema["$id"]], resolver=resolver
            )
    return found


def check(path, known):
    try:
        document = load(path)
        known[document["schema"]].validate(document)
        say(True, f"{path.name}: {document['schema']}")
        return document
    except Exception as e:  # pylint: disable=broad-except
        say(False, path.name, str(e)[:600])
        return {}


def main():
    known = validators()
    documents = {p.name: check(p, known) for p in sorted(pathlib.Path(sys.argv[1]).iterdir())}
    used = {d.get("schema") for d in documents.values()}
    say(used >= set(known), "every schema was used", f"{set(known) - used}")
    for line in pathlib.Path(sys.argv[2]).read_text(encoding="utf-8").splitlines():
        name, expression, title = line.split("\t")
        try:
            value = eval(expression, {"d": documents[name]})  # pylint: disable=eval-used
            say(bool(value), title, f"{expression}: {value}")
        except Exception as e:  # pylint: disable=broad-except
            say(False, title, f"{expression}: {e!r}")


main()
