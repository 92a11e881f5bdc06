# SPDX-License-Identifier: BSD-3-Clause
"""A rekey-control on temporary folders, and calls to it: for the tests of the whole API."""
import http.client
import json
import os
import socket
import subprocess
import time

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
FOLDERS = ("config", "state", "run", "pki")
HELD = []  # bound to the daemons' ports, so that nobody else is given one of them before its daemon has it


class Local(http.client.HTTPConnection):
    """HTTP over the Unix socket."""

    def __init__(self, path):
        super().__init__("localhost", timeout=60)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(60)
        self.sock.connect(self.path)


def send(connection, method, path, body=None, token=None):
    """Status and parsed answer, or its bytes when it is not JSON; the connection stands."""
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
    try:
        return answer.status, json.loads(text)
    except ValueError:
        return answer.status, text


def call(connect, method, path, body=None, token=None):
    """The same on a connection of its own."""
    connection = connect()
    answer = send(connection, method, path, body, token)
    connection.close()
    return answer


def start(program, folder, config, extra=None):
    """The daemon, and the port it listens on; extra is added to its environment."""
    for name in FOLDERS:
        os.mkdir(f"{folder}/{name}", 0o700)
    with open(f"{folder}/config/rekey.json", "w", encoding="utf-8") as out:
        json.dump(config, out)
    with open(f"{folder}/password", "w", encoding="utf-8") as out:
        out.write(PASSWORD)
    probe = socket.socket()
    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the daemon: both may be bound to it
    probe.bind(("127.0.0.1", 0))
    HELD.append(probe)
    port = probe.getsockname()[1]
    daemon = subprocess.Popen(
        [program, "--config-dir", f"{folder}/config", "--state-dir", f"{folder}/state",
         "--run-dir", f"{folder}/run", "--pki-dir", f"{folder}/pki", "--listen",
         f"127.0.0.1:{port}", "--admin-password-file", f"{folder}/password",
         "--log-level", "error"],
        # The sandbox forbids what LeakSanitizer does in the end; unit tests look for leaks. A library that
        # goes before all others, as the one that sets a clock, is no mistake.
        env=dict(os.environ, ASAN_OPTIONS="detect_leaks=0:verify_asan_link_order=0", **(extra or {})))
    return daemon, port


def log_in(connect, user, password):
    """A token; the first key is being made meanwhile."""
    for _ in range(200):
        status, answer = call(connect, "POST", BASE + "/login",
                              {"username": user, "password": password})
        if status == 200:
            return answer["token"]
        time.sleep(0.1)
    raise SystemExit(f"no login: {answer}")


def log_in_all(connect):
    """A token of each role."""
    tokens = {"admin": log_in(connect, "admin", PASSWORD)}
    for role in ("viewer", "operator"):
        status, answer = call(connect, "POST", BASE + "/user", {
            "name": role, "role": role, "password": PASSWORD}, tokens["admin"])
        assert status == 200, answer
        tokens[role] = log_in(connect, role, PASSWORD)
    return tokens


def get_document(connect):
    """The API's description, and its operations by name ("GET /peer")."""
    status, document = call(connect, "GET", BASE + "/openapi.json")
    assert status == 200 and document["openapi"].startswith("3.1"), document
    return document, {f"{method.upper()} {path[len(BASE):]}": spec
                      for path, item in document["paths"].items() for method, spec in item.items()}


def wait_for(path):
    """The socket is there."""
    for _ in range(200):
        if os.path.exists(path):
            return
        time.sleep(0.05)
    raise SystemExit("rekey-control did not start")


def wait_for_data_plane(path):
    """It is connected."""
    for _ in range(200):
        if call(lambda: Local(path), "GET", BASE + "/health")[1]["data_plane"] == "connected":
            return
        time.sleep(0.05)
    raise SystemExit("the data plane's double did not connect")


def openssl(*args):
    """Runs it."""
    subprocess.run(["openssl", *args], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


class CA:
    """A root that certifies whoever asks, and west already."""

    def __init__(self, folder):
        self.folder = folder
        self.pem = f"{folder}/root.pem"
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout",
                f"{folder}/root.key", "-out", self.pem, "-days", "30", "-subj", "/CN=Root", "-addext",
                "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign,cRLSign")
        openssl("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout",
                f"{folder}/west.key", "-out", f"{folder}/west.csr", "-subj", "/CN=west.peering")
        with open(f"{folder}/west.csr", encoding="utf-8") as request:
            self.sign(request.read(), "west")
        self.west = f"{folder}/west.der"
        openssl("x509", "-in", f"{folder}/west.pem", "-outform", "DER", "-out", self.west)

    def sign(self, request, name):
        """The certificate's text."""
        with open(f"{self.folder}/{name}.csr", "w", encoding="utf-8") as out:
            out.write(request)
        with open(f"{self.folder}/extensions", "w", encoding="utf-8") as out:
            out.write("basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\n"
                      "authorityKeyIdentifier=keyid\nsubjectKeyIdentifier=hash\n")
        openssl("x509", "-req", "-in", f"{self.folder}/{name}.csr", "-CA", self.pem, "-CAkey",
                f"{self.folder}/root.key", "-CAcreateserial", "-days", "20", "-extfile",
                f"{self.folder}/extensions", "-out", f"{self.folder}/{name}.pem")
        with open(f"{self.folder}/{name}.pem", encoding="utf-8") as certificate:
            return certificate.read()


def text_of(path):
    """A file's."""
    with open(path, encoding="utf-8") as file:
        return file.read()
