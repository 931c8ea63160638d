"""docs/openapi.json: which operation a call is, and whether an answer is as the document says."""

import json
import re

import harness

DOCUMENT = json.loads((harness.ROOT / "docs/openapi.json").read_text())


def operation(method, path):
    """The operation of a call; None: there is none."""
    path = path.split("?")[0]
    for pattern in sorted(DOCUMENT["paths"], key=lambda pattern: pattern.count("{")):
        if re.fullmatch(re.sub(r"\\{\w+\\}", "[^/]+", re.escape(pattern)), path):
            return DOCUMENT["paths"][pattern].get(method.lower())
    return None


TYPES = {"string": str, "integer": int, "number": (int, float), "boolean": bool, "array": list, "object": dict}


def misfits(value, schema, where="answer"):
    """What of |value| is not as |schema| says."""
    if "$ref" in schema:
        schema = DOCUMENT["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]
    kind = schema["type"]
    if not isinstance(value, TYPES[kind]) or (isinstance(value, bool) and kind != "boolean"):
        return [f"{where} is {value!r}, not {kind}"]
    if value not in schema.get("enum", [value]):
        return [f"{where} is {value!r}, none of {schema['enum']}"]
    found = []
    if kind == "array":
        for i, item in enumerate(value):
            found += misfits(item, schema["items"], f"{where}[{i}]")
    if kind == "object":
        known, rest = schema.get("properties", {}), schema.get("additionalProperties", True)
        found += [f"{where} has no {name}" for name in schema.get("required", []) if name not in value]
        for name, item in value.items():
            if name in known:
                found += misfits(item, known[name], f"{where}.{name}")
            elif rest is False:
                found.append(f"{where}.{name} is not in the document")
            elif isinstance(rest, dict):
                found += misfits(item, rest, f"{where}.{name}")
    return found


def check(case, method, path, status, text):
    """Fails |case| unless the call is in the document, and its answer as that says."""
    found = operation(method, path)
    case.assertIsNotNone(found, f"docs/openapi.json has no {method} {path}")
    response = found["responses"].get(str(status), found["responses"]["default"])
    case.assertEqual(misfits(json.loads(text), response["content"]["application/json"]["schema"]), [])
