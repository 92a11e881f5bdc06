#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""An EST server (RFC 7030, 8951) for tests, with openssl as its CA.

  est_server.py FOLDER

FOLDER holds ca.pem, ca.key (the issuing CA), chain.pem (it and all above), tls.pem, tls.key (the
server's own). Prints its port. The label in the URL chooses how it behaves: see ANSWERS.
"""
import base64
import datetime
import http.server
import os
import re
import ssl
import subprocess
import sys
import tempfile

EXTENSIONS = """
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
authorityKeyIdentifier = keyid
subjectKeyIdentifier = hash
"""
PASSWORD = "Basic " + base64.b64encode(b"router:correct horse").decode()
HERE = None
WAITS = {"wait": 2, "wait-once": 1}  # how often the CA asks for patience
waits = {}


def openssl(*args, data=None):
    done = subprocess.run(["openssl", *args], input=data, capture_output=True, check=False)
    if done.returncode != 0:
        raise ValueError(done.stderr.decode(errors="replace"))
    return done.stdout


def path(name):
    return os.path.join(HERE, name)


def certs_only(*files):
    args = [a for f in files for a in ("-certfile", f)]
    return openssl("crl2pkcs7", "-nocrl", "-outform", "DER", *args)


def subject(kind, data, form):
    return openssl(kind, "-noout", "-subject", "-nameopt", "RFC2253", "-inform", form, data=data)


def issue(csr, ca="ca", days="90"):
    """The certificate for a request as a certs-only message."""
    with tempfile.TemporaryDirectory() as folder:
        ext, out = os.path.join(folder, "ext"), os.path.join(folder, "out.pem")
        with open(ext, "w", encoding="ascii") as f:
            f.write(EXTENSIONS)
        openssl("x509", "-req", "-inform", "DER", "-CA", path(ca + ".pem"), "-CAkey",
                path(ca + ".key"), "-set_serial", "0x" + os.urandom(8).hex().replace("8", "7", 1),
                "-days", days, "-sha256", "-copy_extensions", "copy", "-extfile", ext, "-out", out,
                data=csr)
        return certs_only(out, path("ca.pem"))


def issue_old(csr):
    """One whose lifetime is nearly over when it comes."""
    with tempfile.TemporaryDirectory() as folder:
        def at(name, text=None):
            name = os.path.join(folder, name)
            if text is not None:
                with open(name, "w", encoding="ascii") as f:
                    f.write(text)
            return name

        day = datetime.timedelta(days=1)
        start, end = (datetime.datetime.now(datetime.timezone.utc) + n * day for n in (-80, 20))
        with open(at("csr"), "wb") as f:
            f.write(openssl("req", "-inform", "DER", data=csr))
        config = at("config", "[ca]\ndefault_ca=lab\n[lab]\ndatabase=%s\nnew_certs_dir=%s\n"
                    "rand_serial=yes\ndefault_md=sha256\npolicy=any\ncopy_extensions=copy\n"
                    "[any]\ncommonName=supplied\n" % (at("index", ""), folder))
        openssl("ca", "-batch", "-notext", "-config", config, "-cert", path("ca.pem"), "-keyfile",
                path("ca.key"), "-extfile", at("ext", EXTENSIONS), "-in", at("csr"), "-out",
                at("out.pem"), "-startdate", start.strftime("%Y%m%d%H%M%SZ"), "-enddate",
                end.strftime("%Y%m%d%H%M%SZ"))
        return certs_only(at("out.pem"), path("ca.pem"))


def another_key(csr):
    """A good certificate in the same name, but for a key of the server's making."""
    with tempfile.TemporaryDirectory() as folder:
        key = os.path.join(folder, "key")
        openssl("ecparam", "-genkey", "-name", "prime256v1", "-noout", "-out", key)
        return issue(openssl("req", "-new", "-key", key, "-subj", "/CN=east.peering", "-outform",
                             "DER"))


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def setup(self):
        self.request = TLS.wrap_socket(self.request, server_side=True)
        self.request.settimeout(10)
        super().setup()

    def log_message(self, *args):
        pass

    def say(self, status, body=b"", kind="text/plain", **headers):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def say_certificates(self, der, is_wrapped=False):
        # strongSwan 5.9 reads base64 without line breaks only.
        text = base64.encodebytes(der) if is_wrapped else base64.b64encode(der)
        self.say(200, text, "application/pkcs7-mime; smime-type=certs-only",
                 Content_Transfer_Encoding="base64")

    def operation(self):
        # strongSwan puts its label in front of the well-known path, RFC 7030 behind it.
        match = re.fullmatch(r"(?:/([a-z-]+))?/\.well-known/est(?:/([a-z-]+))?/([a-z]+)", self.path)
        if match is None:
            self.say(404, b"no such thing")
            return None, None
        return match[1] or match[2] or "plain", match[3]

    def read_body(self):
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            body = b""
            while (size := int(self.rfile.readline().split(b";")[0], 16)) > 0:
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return body
        return self.rfile.read(int(self.headers.get("Content-Length", "0")))

    def do_GET(self):
        label, operation = self.operation()
        if label is None:
            return
        if operation != "cacerts":
            self.say(404, b"no such operation")
        else:
            self.say_certificates(certs_only(path("chain.pem")), label == "wrapped")

    def do_POST(self):
        body = self.read_body()
        label, operation = self.operation()
        if label is None:
            return
        if operation not in ("simpleenroll", "simplereenroll") or \
                self.headers.get("Content-Type") != "application/pkcs10":
            self.say(400, b"no enrolment")
            return
        try:
            csr = base64.b64decode(body, validate=False)
            openssl("req", "-verify", "-noout", "-inform", "DER", data=csr)
            self.enrol(label, operation, csr)
        except ValueError as error:
            self.say(400, str(error).encode()[:200])

    def is_known(self, label, operation, csr):
        mine = self.request.getpeercert(binary_form=True)
        if label == "password":
            return self.headers.get("Authorization") == PASSWORD
        if label == "certificate":
            return mine is not None
        if operation == "simplereenroll":
            return mine is not None and subject("x509", mine, "DER") == subject("req", csr, "DER")
        return True

    def enrol(self, label, operation, csr):
        if not self.is_known(label, operation, csr):
            self.say(401, b"who are you", WWW_Authenticate='Basic realm="est"')
            return
        if label in WAITS:
            waits[csr] = waits.get(csr, 0) + 1
            if waits[csr] <= WAITS[label]:
                self.say(202, Retry_After="1")
                return
        ANSWERS.get(label, lambda h, c: h.say_certificates(issue(c)))(self, csr)


ANSWERS = {
    "wrapped": lambda h, csr: h.say_certificates(issue(csr), True),
    "another": lambda h, csr: h.say_certificates(another_key(csr)),
    "foreign": lambda h, csr: h.say_certificates(issue(csr, "foreign")),
    "short": lambda h, csr: h.say_certificates(issue(csr, days="1")),
    "old": lambda h, csr: h.say_certificates(issue_old(csr)),
    "empty": lambda h, csr: h.say(200, b"", "application/pkcs7-mime"),
    "html": lambda h, csr: h.say(200, b"<html>log in</html>", "text/html"),
    "damaged": lambda h, csr: h.say(200, b"MIIB!!!!", "application/pkcs7-mime"),
    "cut": lambda h, csr: h.say_certificates(issue(csr)[:-20]),
    "trailing": lambda h, csr: h.say_certificates(issue(csr) + b"\0"),
    "huge": lambda h, csr: h.say(200, b"A" * 1000000, "application/pkcs7-mime"),
    "refuse": lambda h, csr: h.say(400, b"no such router\x1b[31m"),
    "latin": lambda h, csr: h.say(400, b"K\xf6ln"),
    "elsewhere": lambda h, csr: h.say(302, Location="/.well-known/est/simpleenroll"),
    "broken": lambda h, csr: h.say(503, b"later"),
}


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        pass  # a client that goes away is no news


def main():
    global HERE, TLS
    HERE = sys.argv[1]
    TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    TLS.load_cert_chain(path("tls.pem"), path("tls.key"))
    TLS.load_verify_locations(path("chain.pem"))
    TLS.verify_mode = ssl.CERT_OPTIONAL
    server = Server(("127.0.0.1", 0), Handler)
    print(server.server_address[1], flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
