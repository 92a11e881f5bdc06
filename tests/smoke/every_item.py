#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""every_item.py PROGRAM RUN-DIR: each item of the schema that the daemon publishes is set in the
candidate by the shell, from a script, and stands there."""
import http.client
import json
import socket
import subprocess
import sys

SAMPLES = {"name": "x", "device": "x", "text": "http://x.example/", "file-name": "x", "user-name": "x", "address": "192.0.2.77",
           "prefix-list": "192.0.2.77/24", "address-list": "192.0.2.78", "endpoint-list": "127.0.0.1:9443 [::1]:9443",
           "text-block": '"-----BEGIN X-----\\nAA==\\n-----END X-----\\n"'}


class Local(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=20)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(self.path)


def get(run_dir, path):
    connection = Local(run_dir + "/control.sock")
    connection.request("GET", "/api/v1" + path)
    answer = connection.getresponse()
    if answer.status != 200:
        sys.exit(f"{path}: {answer.status}: {answer.read()}")
    return json.loads(answer.read())


def sample(item):
    kind = item["kind"]
    if kind == "boolean":
        return "false" if item.get("default") else "true"
    if kind == "enum":
        return item["values"][-1]
    if kind == "choice-list":
        return " ".join(item["values"])
    if kind in ("integer", "duration"):
        return str(max(item.get("min", 1), 1))
    return SAMPLES[kind]


def lines(items, key=None):
    """(words, whether it is a leaf's) in the order in which a person would type them"""
    for item in items:
        field = item["field"]
        if field == key:
            continue
        if item["kind"] == "object":
            yield field, False
            yield from lines(item["items"])
            yield "exit", False
        elif item["kind"] == "list":
            yield f"{field} {'x' if 'key' in item else 0}", False
            yield from lines(item["items"], item.get("key"))
            yield "exit", False
        else:
            yield f"{field} {sample(item)}", True


def leaves(value):
    if isinstance(value, dict):
        return sum(leaves(v) for v in value.values())
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return sum(leaves(v) for v in value)
    return 1


def main(program, run_dir):
    script, cnt = "", 0
    for top in get(run_dir, "/configuration/schema")["items"]:
        subprocess.run([program, "--run-dir", run_dir, "delete", "config", top["field"]],
                       capture_output=True, check=False)
        if "items" not in top:
            script += f"configure {top['field']} {sample(top)}\n"
            cnt += 1
            continue
        script += f"configure {top['field']}\n"
        for words, is_leaf in lines(top["items"]):
            script += words + "\n"
            cnt += is_leaf
        script += "exit\n"
    run = subprocess.run([program, "--run-dir", run_dir], input=script, capture_output=True, text=True,
                         timeout=60)
    if run.returncode != 0:
        sys.exit(run.stderr)
    there = leaves(get(run_dir, "/configuration/candidate")["configuration"])
    if cnt < 40 or there < cnt:
        sys.exit(f"{cnt} items were set, {there} stand in the candidate")
    print(f"{cnt} items set")


if __name__ == "__main__":
    main(*sys.argv[1:])
