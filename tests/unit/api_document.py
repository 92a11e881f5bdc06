#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Calls every operation of /api/v1/openapi.json with every role, on a real rekey-control, and holds
every answer against the document: status listed, body of that status's schema. Nobody gets past
the role that the document names."""
import http.client
import json
import os
import socket
import ssl
import subprocess
import sys
import tempfile
import time

PROGRAM = sys.argv[1]
BASE = "/api/v1"
PASSWORD = "TheAdminPassword1234"
ROLES = ["viewer", "operator", "admin"]
CONFIG = {
    "router": {
        "name": "east", "node": "node0", "peering-common-name": "east.peering",
        "port": [{"name": "net_ring0", "address": ["192.0.2.1/24"]}],
        "peer": [{"name": "west", "peering-common-name": "west.peering",
                  "path": [{"port": "net_ring0", "address": "192.0.2.2"}]}],
    }
}
# Bodies that are good, or as good as they get without a data plane and a CA.
BODIES = {
    "POST /login": {"username": "nobody", "password": "wrong password"},
    "POST /private-key": {"name": "other", "algorithm": "ECC", "ecc_curve": "SECP256R1"},
    "GET /certificate-request": {"name": "other", "common_name": "east.peering"},
    "POST /certificate-request": {"name": "other", "common_name": "east.peering"},
    "POST /user": {"name": "somebody", "role": "viewer", "password": "correct horse"},
    "PATCH /user/{name}": {"role": "viewer"},
    "POST /user/{name}/password": {"password": "correct horse"},
    "POST /configuration/candidate": {"operations": [
        {"op": "set", "path": ["router", "port", "net_ring0", "mtu"], "value": 1400}]},
    "PUT /configuration/candidate": CONFIG,
    "POST /configuration/rollback": {"number": 1},
    "PUT /log": {"level": "info"},
}
# What ends the session that the test goes on with.
LAST = ["POST /logout", "POST /token-key/rotate"]
problems = []


class Local(http.client.HTTPConnection):
    """HTTP over the Unix socket."""

    def __init__(self, path):
        super().__init__("localhost", timeout=20)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(20)
        self.sock.connect(self.path)


def call(connect, method, path, body=None, token=None):
    """Status and parsed answer; None when it is not JSON."""
    connection = connect()
    headers = {}
    data = None
    if body is not None:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        headers["Content-Type"] = "application/json"
    if token is not None:
        headers["Authorization"] = "Bearer " + token
    connection.request(method, path, body=data, headers=headers)
    answer = connection.getresponse()
    text = answer.read()
    connection.close()
    try:
        return answer.status, json.loads(text)
    except ValueError:
        return answer.status, text


def fits(value, schema, document, where):
    """What of a JSON Schema the document uses: $ref, type, properties, required, items."""
    if "$ref" in schema:
        return fits(value, document["components"]["schemas"][schema["$ref"].split("/")[-1]],
                    document, where)
    names = {dict: "object", list: "array", str: "string", bool: "boolean", int: "integer",
             float: "number", type(None): "null"}
    kinds = schema.get("type")
    if kinds is not None:
        kinds = [kinds] if isinstance(kinds, str) else kinds
        if names[type(value)] not in kinds:
            return [f"{where}: is {names[type(value)]}, not {kinds}"]
    wrong = []
    if isinstance(value, dict):
        wrong += [f"{where}: has no {name}" for name in schema.get("required", []) if name not in value]
        for name, below in schema.get("properties", {}).items():
            if name in value:
                wrong += fits(value[name], below, document, f"{where}.{name}")
    return wrong


def check(operation, role, status, body, document, what):
    """The answer is one that the document names."""
    name, spec = operation
    answer = spec["responses"].get(str(status))
    if answer is None:
        problems.append(f"{name} as {role}, {what}: {status} is not in the document: {body}")
        return
    content = answer["content"]
    if "application/json" not in content:
        if isinstance(body, (dict, list)):
            problems.append(f"{name} as {role}, {what}: JSON, and the document says {list(content)}")
        return
    for wrong in fits(body, content["application/json"]["schema"], document, "answer"):
        problems.append(f"{name} as {role}, {what}: {status} {wrong}")


def check_role(operation, role, status, what):
    """Exactly those get in who may."""
    name, spec = operation
    least = spec["x-role"]
    if least == "nobody":
        return
    if role is None:
        if status != 401:
            problems.append(f"{name} without a token, {what}: {status}")
    elif ROLES.index(role) < ROLES.index(least):
        if status != 403:
            problems.append(f"{name} as {role}, {what}: {status}, and it needs {least}")
    elif status == 401 or (status == 403 and role == "admin"):
        problems.append(f"{name} as {role}, {what}: {status}")


def try_operation(remote, document, operation, tokens):
    """Every role, with a good body, none, an empty one, a wrong one and junk."""
    name, spec = operation
    method, path = name.split(" ")
    bodies = [("without a body", None), ("with {}", {}), ("with an unknown field", {"zzz": 1}),
              ("with junk", b"{\"a\":"), ("with a list", [])]
    if name in BODIES:
        bodies.insert(0, ("with a good body", BODIES[name]))
    target = BASE + path.replace("{number}", "1").replace("{name}", "somebody")
    for role in [None] + ROLES:
        for what, body in bodies if role != "operator" else bodies[:2]:
            if name == "POST /login" and what == "with a good body" and role is not None:
                continue  # a failed login more than five times is refused
            status, answer = call(remote, method, target, body, tokens.get(role))
            check(operation, role, status, answer, document, what)
            check_role(operation, role, status, what)


def start(folder):
    """The daemon, its first word awaited; the port it listens on."""
    for name in ("config", "state", "run", "pki"):
        os.mkdir(f"{folder}/{name}", 0o700)
    with open(f"{folder}/config/rekey.json", "w", encoding="utf-8") as out:
        json.dump(CONFIG, out)
    with open(f"{folder}/password", "w", encoding="utf-8") as out:
        out.write(PASSWORD)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    daemon = subprocess.Popen(
        [PROGRAM, "--config-dir", f"{folder}/config", "--state-dir", f"{folder}/state",
         "--run-dir", f"{folder}/run", "--pki-dir", f"{folder}/pki", "--listen",
         f"127.0.0.1:{port}", "--admin-password-file", f"{folder}/password",
         "--log-level", "error"],
        # The sandbox forbids what LeakSanitizer does in the end; unit tests look for leaks.
        env=dict(os.environ, ASAN_OPTIONS="detect_leaks=0"))
    return daemon, port


def log_in(remote, user, password):
    """A token; the first key is being made meanwhile."""
    for _ in range(200):
        status, answer = call(remote, "POST", BASE + "/login",
                              {"username": user, "password": password})
        if status == 200:
            return answer["token"]
        time.sleep(0.1)
    raise SystemExit(f"no login: {answer}")


def wait_for(path):
    """The socket is there."""
    for _ in range(200):
        if os.path.exists(path):
            return
        time.sleep(0.05)
    raise SystemExit("rekey-control did not start")


def run(folder, daemon, port):
    """All of it."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE

    def remote():
        return http.client.HTTPSConnection("127.0.0.1", port, context=context, timeout=20)

    wait_for(f"{folder}/run/control.sock")
    tokens = {"admin": log_in(remote, "admin", PASSWORD)}
    for role in ("viewer", "operator"):
        status, answer = call(remote, "POST", BASE + "/user", {
            "name": role, "role": role, "password": PASSWORD}, tokens["admin"])
        assert status == 200, answer
        tokens[role] = log_in(remote, role, PASSWORD)
    status, document = call(remote, "GET", BASE + "/openapi.json")
    assert status == 200 and document["openapi"].startswith("3.1"), document
    operations = {f"{method.upper()} {path[len(BASE):]}": spec
                  for path, item in document["paths"].items() for method, spec in item.items()}
    for name, spec in operations.items():
        if name not in LAST:
            try_operation(remote, document, (name, spec), tokens)
    for name in LAST[::-1]:
        status, answer = call(remote, "POST", BASE + name.split(" ")[1], None, tokens["admin"])
        check((name, operations[name]), "admin", status, answer, document, "at last")
        if status != 200:
            problems.append(f"{name}: {status} {answer}")
    status, answer = call(lambda: Local(f"{folder}/run/control.sock"), "GET", BASE + "/session")
    assert status == 200 and answer["role"] == "admin", answer
    daemon.terminate()
    if daemon.wait(20) != 0:
        problems.append(f"rekey-control ended with {daemon.returncode}")
    print(f"{len(operations)} operations, {len(problems)} problems")


def main():
    """Exit 1 when an answer is not what the document says."""
    with tempfile.TemporaryDirectory(prefix="rekey-api-") as folder:
        daemon, port = start(folder)
        try:
            run(folder, daemon, port)
        finally:
            daemon.kill()
            daemon.wait()
    for problem in problems:
        print(problem[:400])
    sys.exit(1 if problems else 0)


main()
