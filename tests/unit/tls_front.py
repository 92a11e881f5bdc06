#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""TLS in front of a server that has none: tls_front.py FOLDER PORT. Prints its own port."""
import socket
import ssl
import sys
import threading


def pump(source, sink):
    try:
        while data := source.recv(65536):
            sink.sendall(data)
    except OSError:
        pass
    try:
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        pass


def serve(context, client, port):
    try:
        with context.wrap_socket(client, server_side=True) as tls, \
                socket.create_connection(("127.0.0.1", port)) as plain:
            back = threading.Thread(target=pump, args=(plain, tls), daemon=True)
            back.start()
            pump(tls, plain)
            back.join(10)
    except OSError:
        pass


def main():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(sys.argv[1] + "/tls.pem", sys.argv[1] + "/tls.key")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        print(listener.getsockname()[1], flush=True)
        while True:
            client, _ = listener.accept()
            threading.Thread(target=serve, args=(context, client, int(sys.argv[2])),
                             daemon=True).start()


if __name__ == "__main__":
    main()
