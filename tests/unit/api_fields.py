#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Spoils every field of every body that /api/v1/openapi.json describes, one at a time: another type,
below and above its range, none of its values, no UTF-8, a NUL, half a surrogate, given twice, left
out, beside an unknown one; every path parameter, every query, every role; and every item of the
configuration's schema. Each time: 4xx, a code, the field, a sentence; and not a byte of what the
daemon keeps has changed. What the document calls the least and the most is taken."""
import hashlib
import json
import os
import sys
import tempfile

from api_daemon import BASE, CONFIG, FOLDERS, PASSWORD, ROLES, Local, get_document, log_in_all, send, start, wait_for

PROGRAM = sys.argv[1]
CA_URL = "https://127.0.0.1:1/ca"  # nobody is there
# Bodies that would be taken but for what is spoilt.
GOOD = {
    "POST /login": {"username": "viewer", "password": PASSWORD, "application": "GUI"},
    "POST /private-key": {"name": "fresh", "algorithm": "ECC", "ecc_curve": "SECP256R1"},
    "GET /certificate-request": {"name": "other", "common_name": "east.peering"},
    "POST /certificate-request": {"name": "other", "common_name": "east.peering"},
    "POST /certificate": {"name": "other", "certificate": "none"},
    "PUT /certificate": {"name": "other", "certificate": "none"},
    "POST /certificate/reload": {},
    "POST /enrolment": {"name": "other", "action": "enrol", "ca_profile": CA_URL},
    "POST /trusted-ca-certificate": {"name": "root", "content": "none", "validation-mode": "warn"},
    "POST /certificate-revocation/refresh": {},
    "PUT /log": {"module": "crl", "level": "info"},
    "POST /security/rotate": {"peer": "west"},
    "POST /configuration/candidate": {"operations": [
        {"op": "set", "path": ["router", "port", "net_ring0", "mtu"], "value": 1400}]},
    "POST /configuration/commit": {"comment": "x"},
    "POST /configuration/rollback": {"number": 1, "comment": "x"},
    "POST /user": {"name": "fresh", "role": "viewer", "password": PASSWORD},
    "PATCH /user/{name}": {"full_name": "V."},
    "POST /user/{name}/password": {"password": PASSWORD, "current_password": PASSWORD},
}
# Fields that go with others only.
COMPANIONS = {"rsa_key_size": {"algorithm": "RSA", "ecc_curve": None}}
OF_EACH_TYPE = [None, True, 5, 1.5, "x", [], {}]
TYPE_NAMES = {dict: "object", list: "array", str: "string", bool: "boolean", int: "integer",
              float: "number", type(None): "null"}
# Texts inside quotes that are none.
ENCODINGS = {"no UTF-8": b"\xff", "a cut character": b"\xc3", "an overlong one": b"\xc0\xaf",
             "a surrogate in UTF-8": b"\xed\xa0\x80", "above Unicode": b"\xf4\x90\x80\x80",
             "a NUL": b"a\x00b", "an escaped NUL": b"a\\u0000b", "half a surrogate": b"\\ud800",
             "the other half": b"\\udc00", "halves in the wrong order": b"\\udc00\\ud800",
             "a control character": b"a\x01b", "a bad escape": b"\\x41"}
PARAMETERS = ["..", "%2e%2e", "a%2Fb", "a%00b", "%ff", "%", "%zz", "a" * 64, "a" * 65, "a" * 5000, "no-such", "%20", "*"]
problems = []
counts = {"refused": 0, "taken": 0}


class Api:
    """The daemon, over one connection to its local socket, and what it keeps."""

    def __init__(self, folder):
        self.folder = folder
        self.connection = Local(f"{folder}/run/control.sock")

    def send(self, method, path, body=None, token=None):
        """Status and answer."""
        try:
            return send(self.connection, method, path, body, token)
        except (ConnectionError, OSError):
            self.connection.close()  # cut after a refusal that says so
            return send(self.connection, method, path, body, token)

    def kept(self):
        """A digest of every file but the records of what was refused, and of what is in memory."""
        digest = hashlib.sha256()
        for name in FOLDERS:
            for path, folders, files in os.walk(f"{self.folder}/{name}"):
                folders.sort()
                for file in sorted(files):
                    if file.startswith(("audit", "alarms", ".")) or file.endswith(".sock"):
                        continue
                    digest.update(f"{path}/{file}".encode())
                    with open(f"{path}/{file}", "rb") as content:
                        digest.update(content.read())
        for path in ("/configuration/candidate", "/user", "/log", "/certificate", "/enrolment", "/configuration/history"):
            digest.update(json.dumps(self.send("GET", BASE + path)).encode())
        return digest.hexdigest()


def refused(api, name, param, body, what, field=None, token=None, statuses=(400,)):
    """The call is refused as it should be, one of the names in field told, and nothing has changed."""
    method, path = name.split(" ")
    target = BASE + path.replace("{name}", param).replace("{number}", param)
    before = api.before
    status, answer = api.send(method, target, body, token)
    after = api.kept()
    if after != before:
        problems.append(f"{name}, {what}: something has changed ({status})")
        api.before = after
    counts["refused"] += 1
    if status not in statuses:
        problems.append(f"{name}, {what}: {status} {answer}")
        return
    error = answer.get("error", {}) if isinstance(answer, dict) else {}
    if not error.get("code") or len(error.get("message", "").split()) < 3:
        problems.append(f"{name}, {what}: no code and sentence: {answer}")
    detail = error.get("detail") or {}
    named = [detail.get("field")] + [error["path"].split(".")[-1] for error in detail.get("errors", [])]
    if field is not None and not set(field) & set(named) and "operation" not in detail:
        problems.append(f"{name}, {what}: the field {field} is not named: {answer}")


def with_field(body, path, value):
    """A copy with the field at path set; the companions of its name come along."""
    copy = json.loads(json.dumps(body))
    at = copy
    for step in path[:-1]:
        at = at[step]
    for name, companion in COMPANIONS.get(path[-1], {}).items():
        if companion is None:
            at.pop(name, None)
        else:
            at[name] = companion
    at[path[-1]] = value
    return copy


def out_of_range(spec):
    """Values of the right type that the document excludes."""
    if "enum" in spec:
        yield from ("", "no-such-value", spec["enum"][0] + " ", "x" * 5000)
    if spec.get("minLength", 0) > 0:
        yield from ("", "x" * (spec["minLength"] - 1))
    if "maxLength" in spec:
        yield "x" * (spec["maxLength"] + 1)
    if "minimum" in spec:
        yield from (spec["minimum"] - 1, -5, -2**63)
        if "string" in spec["type"]:
            yield from (str(spec["minimum"] - 1), "", "-1", " 1", "1x", "0x10", "1e3", "9" * 40)
    if "maximum" in spec:
        yield from (spec["maximum"] + 1, 2**63 - 1)
    if spec.get("minItems", 0) > 0:
        yield []
    if "maxItems" in spec:
        yield [{}] * (spec["maxItems"] + 1)


def wrong_types(spec):
    """A value of each type that it has not."""
    kinds = spec.get("type")
    if kinds is None:
        return
    kinds = [kinds] if isinstance(kinds, str) else kinds
    assert "null" not in kinds, "the document lets a request's field be null"
    for value in OF_EACH_TYPE:
        if TYPE_NAMES[type(value)] not in kinds:
            yield value


def spoil_field(api, name, param, body, path, spec):
    """Every wrong value of one field."""
    field = path
    for value in wrong_types(spec):
        refused(api, name, param, with_field(body, path, value), f"{path} = {value!r}", field, statuses=(400, 422))
    for value in out_of_range(spec):
        refused(api, name, param, with_field(body, path, value), f"{path} = {str(value)[:30]!r}",
                field, statuses=(400, 413, 422))
    if "string" not in (spec.get("type") or []):
        return
    whole = json.dumps(with_field(body, path, "@@@")).encode()
    for what, text in ENCODINGS.items():
        refused(api, name, param, whole.replace(b"@@@", text), f"{path}: {what}")


def spoil_object(api, document, name, param, whole, path, schema):
    """The fields of an object of the body, and those that it should have and not have."""
    at = whole
    for step in path:
        at = at[step]
    for field, spec in schema["properties"].items():
        spoil_field(api, name, param, whole, path + [field], spec)
        if "$ref" in spec.get("items", {}):
            items = document["components"]["schemas"][spec["items"]["$ref"].split("/")[-1]]
            base = whole if field in at else with_field(whole, path + [field], [{"type": "dns", "value": "x"}])
            for value in (None, 5, "x", [], {}):
                refused(api, name, param, with_field(base, path + [field], [value]), f"{field}[0] = {value!r}",
                        statuses=(400, 422))
            spoil_object(api, document, name, param, base, path + [field, 0], items)
    for field in schema["required"]:
        shorter = json.loads(json.dumps(whole))
        inner = shorter
        for step in path:
            inner = inner[step]
        inner.pop(field)
        refused(api, name, param, shorter, f"without {field}", [field], statuses=(400, 422))
    refused(api, name, param, with_field(whole, path + ["zzz"], 1), "with an unknown field", ["zzz"], statuses=(400, 422))
    refused(api, name, param, with_field(whole, path + ["x" * 2000], 1), "with a long unknown field",
            statuses=(400, 422))


def spoil_body(api, name, param):
    """What is wrong with a body as a whole."""
    text = json.dumps(GOOD[name]).encode()
    for field in GOOD[name]:
        twice = text[:-1] + b', ' + json.dumps({field: GOOD[name][field]}).encode()[1:]
        refused(api, name, param, twice, f"{field} twice")
    for junk in (b"", b"[]", b"null", b'"x"', b"5", text + b"x", text + text, text[:-1], b"\xef\xbb\xbf" + text,
                 text.decode().encode("utf-16"), b"{" * 40, b'{"a":' * 40 + b"1" + b"}" * 40, b"{'name':1}",
                 text[:-1] + b",}"):
        if junk == b"" and not api.operations[name]["requestBody"]["required"]:
            continue
        refused(api, name, param, junk, f"body {junk[:20]!r}")


def spoil_operation(api, document, name, tokens):
    """All of one operation's body; nobody but who may gets to it."""
    schema = api.operations[name]["requestBody"]["content"]["application/json"]["schema"]
    schema = document["components"]["schemas"][schema["$ref"].split("/")[-1]]
    param = "viewer"
    if name not in GOOD:
        problems.append(f"{name}: this test has no body for it")
        return
    spoil_object(api, document, name, param, GOOD[name], [], schema)
    spoil_body(api, name, param)
    least = api.operations[name]["x-role"]
    for role in ROLES:
        if least != "nobody" and ROLES.index(role) < ROLES.index(least):
            refused(api, name, param, GOOD[name], f"as {role}", token=tokens[role], statuses=(403,))
    if least != "nobody":
        refused(api, name, param, GOOD[name], "with a wrong token", token="a.b.c", statuses=(401,))


def spoil_parameters(api, name):
    """What stands in the path."""
    for param in PARAMETERS:
        body = GOOD.get(name)
        refused(api, name, param, body, f"parameter {param[:70]}", statuses=(400, 404, 405))


def spoil_query(api, name):
    """A question that this call does not know."""
    method, path = name.split(" ")
    for query in ("?zzz=1", "?" + "x" * 600, "?%00"):
        refused(api, f"{method} {path}{query}", "west" if "/peer/" in path else "viewer", GOOD.get(name),
                f"query {query[:10]}", statuses=(400,))


def bad_values(item):
    """Values that an item of the configuration's schema excludes."""
    kind = item["kind"]
    yield from ({"a": 1}, [{"a": 1}], 1.5, [1.5])
    if kind in ("integer", "duration"):
        yield from (True, "x", "", [])
        if item.get("min", 0) > 0 and not (item.get("may_be_never") and item["min"] == 1):
            yield item["min"] - 1
        if "max" in item:
            yield from (item["max"] + 1, 2**63 - 1)
        yield -1
    elif kind == "boolean":
        yield from (1, 0, "true", [], "")
    elif kind == "enum":
        yield from (1, True, "no-such-value", "", item["values"][0].upper() + "x")
    elif kind not in ("object", "list"):
        yield from (5, True, "", "x" * 70000 if kind != "text-block" else 1)
        yield ["x" * 70000]


def items_of(items, path):
    """Every item, with a path that leads to it."""
    for item in items:
        here = path + [item["field"]]
        yield here, item
        if item["kind"] == "list":
            yield from items_of(item["items"], here + ["x" if "key" in item else "0"])
        elif item["kind"] == "object":
            yield from items_of(item["items"], here)


def spoil_configuration(api):
    """Each item, by an edit of the candidate."""
    status, schema = api.send("GET", BASE + "/configuration/schema")
    assert status == 200
    cnt = 0
    for path, item in items_of(schema["items"], []):
        cnt += 1
        for value in bad_values(item):
            if item["kind"] == "list" and isinstance(value, list) and value and isinstance(value[0], str):
                continue
            refused(api, "POST /configuration/candidate", "", {"operations": [{"op": "set", "path": path, "value": value}]},
                    f"{'.'.join(path)} = {str(value)[:30]}", ["operations"], statuses=(400, 404, 422))
    return cnt


def take_limits(api, document, name):
    """The least and the most that the document names are in the handler's range, too."""
    schema = api.operations[name]["requestBody"]["content"]["application/json"]["schema"]
    schema = document["components"]["schemas"][schema["$ref"].split("/")[-1]]
    for field, spec in schema["properties"].items():
        for key in ("minimum", "maximum", "minLength", "maxLength"):
            if key not in spec:
                continue
            value = "x" * spec[key] if "Length" in key else spec[key]
            method, path = name.split(" ")
            status, answer = api.send(method, BASE + path.replace("{name}", "no-such-user"),
                                      with_field(GOOD[name], [field], value))
            error = answer.get("error", {}) if isinstance(answer, dict) else {}
            counts["taken"] += 1
            if status == 413 or (status == 400 and f"to {spec.get('maximum', spec.get('maxLength'))}" in error.get("message", "")):
                problems.append(f"{name}: {field} = {str(value)[:20]} should be in range: {status} {answer}")


def run(folder):
    """All of it."""
    wait_for(f"{folder}/run/control.sock")
    api = Api(folder)
    tokens = log_in_all(lambda: Local(f"{folder}/run/control.sock"))
    document, api.operations = get_document(lambda: Local(f"{folder}/run/control.sock"))
    status, answer = api.send("POST", BASE + "/private-key", {"name": "other", "algorithm": "ECC", "ecc_curve": "SECP256R1"})
    assert status == 200, answer
    api.send("POST", BASE + "/configuration/candidate", {"operations": [
        {"op": "set", "path": ["router", "port", "net_ring0", "mtu"], "value": 1300}]})
    api.before = api.kept()
    for name, spec in api.operations.items():
        if "requestBody" in spec and name != "PUT /configuration/candidate":
            spoil_operation(api, document, name, tokens)
        if "{" in name:
            spoil_parameters(api, name)
        spoil_query(api, name)
    items = spoil_configuration(api)
    for name, spec in api.operations.items():
        if "requestBody" in spec and name != "PUT /configuration/candidate":
            take_limits(api, document, name)
    print(f"{len(api.operations)} operations, {items} items, {counts['refused']} calls refused, "
          f"{counts['taken']} limits tried, {len(problems)} problems")


def main():
    """Exit 1 when something wrong was taken, or refused badly."""
    config = json.loads(json.dumps(CONFIG))
    config["authority"] = {"security-key-management": {"ca-profile": [{"url": CA_URL}]}}
    # Each record of a refusal is synced: in memory that takes no time.
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="rekey-api-", dir=memory) as folder:
        daemon, _ = start(PROGRAM, folder, config)
        try:
            run(folder)
        finally:
            daemon.terminate()
            if daemon.wait(20) != 0:
                problems.append(f"rekey-control ended with {daemon.returncode}")
    for problem in problems:
        print(problem[:400])
    sys.exit(1 if problems else 0)


main()
