#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Calls every operation of /api/v1/openapi.json with every role, on a real rekey-control with a data
plane that is a stand-in, and holds every answer against the document: status listed, body of that
status's schema, nothing in it that the document does not name. Every operation succeeds at least
once. Nobody gets past the role that the document names."""
import http.client
import json
import ssl
import subprocess
import sys
import tempfile
import time

from api_daemon import (BASE, CA, CONFIG, ROLES, Local, call, get_document, log_in_all, start, text_of, wait_for,
                        wait_for_data_plane)

PROGRAM, DATA_PLANE = sys.argv[1:3]
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
succeeded = set()  # operations
CA_URL = "https://127.0.0.1:1/ca"  # nobody is there: what is asked of it waits for the next try


def fits(value, schema, document, where):
    """What of a JSON Schema the document uses: $ref, anyOf, type, enum, properties, required, items,
    additionalProperties."""
    if "$ref" in schema:
        return fits(value, document["components"]["schemas"][schema["$ref"].split("/")[-1]],
                    document, where)
    if "anyOf" in schema:
        each = [fits(value, one, document, where) for one in schema["anyOf"]]
        return [] if [] in each else each[0]
    names = {dict: "object", list: "array", str: "string", bool: "boolean", int: "integer",
             float: "number", type(None): "null"}
    kinds = schema.get("type")
    if kinds is not None:
        kinds = [kinds] if isinstance(kinds, str) else kinds
        if names[type(value)] not in kinds:
            return [f"{where}: is {names[type(value)]}, not {kinds}"]
    wrong = []
    if "enum" in schema and value is not None and value not in schema["enum"]:
        wrong.append(f"{where}: {value} is not one of {schema['enum']}")
    if isinstance(value, dict) and "additionalProperties" in schema and "properties" not in schema:
        for name, below in value.items():
            wrong += fits(below, schema["additionalProperties"], document, f"{where}.{name}")
    if isinstance(value, dict):
        wrong += [f"{where}: has no {name}" for name in schema.get("required", []) if name not in value]
        known = schema.get("properties", {})
        for name, below in known.items():
            if name in value:
                wrong += fits(value[name], below, document, f"{where}.{name}")
        wrong += [f"{where}: {name} is not in the document" for name in value if known and name not in known]
    if isinstance(value, list) and "items" in schema:
        for i, element in enumerate(value):
            wrong += fits(element, schema["items"], document, f"{where}[{i}]")
    return wrong


def unspoken(schema, where):
    """Where the document says that there is a list or an object, and not of what."""
    kinds = schema.get("type", [])
    kinds = [kinds] if isinstance(kinds, str) else kinds
    found = []
    if "array" in kinds and "items" not in schema:
        found.append(f"{where}: a list of what?")
    if "object" in kinds and not {"properties", "additionalProperties"} & set(schema):
        found.append(f"{where}: an object of what?")
    for name, below in schema.get("properties", {}).items():
        found += unspoken(below, f"{where}.{name}")
    return found


def check(operation, role, status, body, document, what):
    """The answer is one that the document names."""
    name, spec = operation
    if status < 300:
        succeeded.add(name)
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


class Story:
    """What an administrator does from the first day on; every call of it succeeds."""

    def __init__(self, remote, operations, document, token):
        self.remote, self.operations, self.document, self.token = remote, operations, document, token

    def call(self, name, body=None, param="", query="", wanted=200):
        """The answer, held against the document."""
        method, path = name.split(" ")
        target = BASE + path.replace("{name}", param).replace("{number}", param) + query
        status, answer = call(self.remote, method, target, body, self.token)
        check((name, self.operations[name]), "admin", status, answer, self.document, "in the story")
        if status != wanted:
            problems.append(f"{name} in the story: {status} {answer}")
        return answer if status == wanted else {}

    def certificates(self, ca):
        """From nothing to a certificate in force, and its renewal."""
        key = {"name": "custom_ssr_peering", "algorithm": "ECC", "ecc_curve": "SECP256R1"}
        request = {"name": "custom_ssr_peering", "common_name": "east.peering"}
        self.call("POST /trusted-ca-certificate", {"name": "root", "content": text_of(ca.pem)})
        self.call("GET /trusted-ca-certificate")
        self.call("POST /private-key", key)
        if not self.call("GET /certificate-request", {**request, "common_name": "another"}).get("warnings"):
            problems.append("no warning of a common name that is not this router's")
        self.call("GET /certificate-request", request)
        csr = self.call("POST /certificate-request", request).get("csr", "")
        certificate = {"name": key["name"], "certificate": ca.sign(csr, "east")}
        self.call("POST /certificate", certificate)
        certificate["certificate"] = ca.sign(csr, "east")
        self.call("PUT /certificate", certificate)
        self.call("POST /certificate/reload")
        self.call("GET /certificate")
        self.call("GET /certificate/{name}", param=key["name"])
        self.call("POST /certificate-revocation/refresh")
        self.call("GET /certificate-revocation")

    def enrolment(self):
        """Begun, tried in vain, looked at, forgotten."""
        name = "enrolled"
        self.call("POST /enrolment", {"name": name, "action": "enrol", "ca_profile": CA_URL}, wanted=202)
        until = time.monotonic() + 30
        while not self.call("GET /enrolment/{name}", param=name).get("error") and time.monotonic() < until:
            time.sleep(0.1)
        found = self.call("GET /enrolment")
        one = [(e["name"], e["state"], e["failures"] > 0) for e in found.get("enrolments", [])]
        if one != [(name, "failed", True)]:
            problems.append(f"not the enrolment that failed: {found}")
        if [p["url"] for p in found.get("ca_profiles", [])] != [CA_URL]:
            problems.append(f"not the CA that is configured: {found}")
        gone = self.call("DELETE /enrolment/{name}", param=name)
        if gone != {"name": name, "deleted": "enrolment"}:
            problems.append(f"not forgotten: {gone}")
        self.call("DELETE /private-key/{name}", param=name)

    def peers(self):
        """What the data plane says."""
        found = self.call("GET /peer").get("peers", [])
        if [peer["status"] for peer in found] != ["up"]:
            problems.append(f"the data plane's peer is not up: {found}")
        one = self.call("GET /peer/{name}/security", param="west")
        if one.get("exported") != "5a" * 16 or one.get("suite") != "aes-256-gcm-sha256":
            problems.append(f"not what the data plane said: {one}")
        both = self.call("GET /peer/{name}/certificate", param="west")
        if not both.get("local_certificate") or not both.get("peer_certificate"):
            problems.append(f"a certificate of a peering is missing: {both}")
        if self.call("GET /security/key-status").get("peers_keyed") != 1:
            problems.append("no peer is keyed")
        self.call("POST /security/rotate", {"peer": "west"})
        if self.call("GET /stats").get("dataplane") != {"rx_packets": 1000}:
            problems.append("the data plane's counters are others")
        self.call("GET /publication")

    def configuration(self):
        """Edited, committed, confirmed, rolled back."""
        before = self.call("GET /configuration/running")["number"]
        edit = {"operations": [{"op": "set", "path": ["router", "port", "net_ring0", "mtu"], "value": 1400}]}
        self.call("POST /configuration/candidate", edit)
        self.call("GET /configuration/candidate")
        self.call("GET /configuration/diff")
        self.call("POST /configuration/validate")
        self.call("POST /configuration/commit", {"comment": "smaller", "confirm_timeout_sec": 600})
        self.call("GET /configuration/history")
        self.call("POST /configuration/confirm")
        self.call("POST /configuration/rollback", {"number": before})
        self.call("GET /configuration/history/{number}", param="2")
        self.call("GET /configuration/running")
        self.call("GET /configuration/schema")
        self.call("PUT /configuration/candidate", CONFIG)
        self.call("DELETE /configuration/candidate")

    def users(self):
        """Come and go."""
        self.call("POST /user", {"name": "night", "role": "viewer", "password": "correct horse", "full_name": "N."})
        self.call("GET /user")
        self.call("GET /user/{name}", param="night")
        self.call("PATCH /user/{name}", {"role": "operator", "is_enabled": False}, "night")
        self.call("POST /user/{name}/password", {"password": "battery staple"}, "night")
        self.call("DELETE /user/{name}/tokens", param="night")
        self.call("DELETE /user/{name}", param="night")

    def rest(self):
        """All else, and the end of what was made."""
        for name in ("GET /alarm", "GET /event", "GET /event/verify", "GET /metrics", "GET /log", "GET /session"):
            self.call(name)
        self.call("PUT /log", {"level": "error"})
        self.call("POST /private-key", {"name": "spare", "algorithm": "RSA", "rsa_key_size": "2048"})
        self.call("POST /certificate-request", {"name": "spare", "common_name": "east.peering"})
        self.call("DELETE /certificate-request/{name}", param="spare")
        self.call("DELETE /private-key/{name}", param="spare")
        self.call("DELETE /certificate/{name}", param="custom_ssr_peering")
        self.call("DELETE /trusted-ca-certificate/{name}", param="root")


def tell_story(remote, operations, document, token, ca, data_plane):
    """All of it; data_plane() starts one."""
    story = Story(remote, operations, document, token)
    story.certificates(ca)
    story.enrolment()
    data_plane()
    story.peers()
    story.configuration()
    story.users()
    story.rest()


def run(folder, daemon, port, ca, data_plane):
    """All of it."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE

    def remote():
        return http.client.HTTPSConnection("127.0.0.1", port, context=context, timeout=20)

    wait_for(f"{folder}/run/control.sock")
    tokens = log_in_all(remote)
    succeeded.add("POST /login")
    document, operations = get_document(remote)
    for name, schema in document["components"]["schemas"].items():
        problems.extend(unspoken(schema, name))
    tell_story(remote, operations, document, tokens["admin"], ca, data_plane)
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
    problems.extend(f"{name} has never succeeded" for name in set(operations) - succeeded)
    print(f"{len(operations)} operations, {len(problems)} problems")


def main():
    """Exit 1 when an answer is not what the document says."""
    with tempfile.TemporaryDirectory(prefix="rekey-api-") as folder:
        ca = CA(folder)
        config = json.loads(json.dumps(CONFIG))
        config["authority"] = {"security-key-management": {"ca-profile": [{"url": CA_URL}]}}
        daemon, port = start(PROGRAM, folder, config)
        processes = [daemon]

        def data_plane():
            processes.append(subprocess.Popen([DATA_PLANE, f"{folder}/run/publish.sock", "west", ca.west]))
            wait_for_data_plane(f"{folder}/run/control.sock")

        try:
            run(folder, daemon, port, ca, data_plane)
        finally:
            for process in processes:
                process.kill()
                process.wait()
    for problem in problems:
        print(problem[:400])
    sys.exit(1 if problems else 0)


main()
