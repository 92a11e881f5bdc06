# SPDX-License-Identifier: BSD-3-Clause
"""A program on a pseudo-terminal: what is typed into it, what it shows. Every wait is bounded."""
import os
import pty
import re
import select
import signal
import sys
import time

LIMIT = 20  # seconds for any one wait


class Terminal:
    def __init__(self, argv, env=None, columns=250):
        self.seen = ""  # all of it
        self.read_to = 0  # what was waited for already
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            # libedit never frees the names of functions that it was given.
            os.environ.update({"TERM": "xterm", "ASAN_OPTIONS": "detect_leaks=0", **(env or {})})
            try:
                import fcntl
                import struct
                import termios
                fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
                os.execv(argv[0], argv)
            finally:
                os._exit(127)

    def _read(self, wait):
        if not select.select([self.fd], [], [], wait)[0]:
            return False
        try:
            data = os.read(self.fd, 65536)
        except OSError:
            data = b""
        self.seen += data.decode("utf-8", "replace").replace("\r\n", "\n")
        return bool(data)

    def wait_for(self, text):
        """Until the text is shown after what was waited for before; returns what came up to it."""
        end = time.monotonic() + LIMIT
        while True:
            plain = clean(self.seen)
            at = plain.find(text, self.read_to)
            if at >= 0:
                came = plain[self.read_to:at + len(text)]
                self.read_to = at + len(text)
                return came
            if time.monotonic() > end or (not self._read(0.5) and self.ended()):
                sys.exit(f"not shown: {text!r}; shown:\n{plain[self.read_to:]!r}")

    def type(self, text):
        """Sends all of it, taking what the program shows meanwhile: neither side may block."""
        data = text.encode()
        end = time.monotonic() + LIMIT
        while data:
            if time.monotonic() > end:
                sys.exit("the program does not take what is typed")
            if select.select([], [self.fd], [], 0.05)[1]:
                data = data[os.write(self.fd, data[:512]):]
            self._read(0)

    def ended(self):
        try:
            return os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
        except ChildProcessError:
            return True

    def close(self, keep=False):
        """Waits for the end; returns the exit status. keep: the terminal stays open."""
        end = time.monotonic() + LIMIT
        while not self.ended() and time.monotonic() < end:
            self._read(0.2)
        while self._read(0):
            pass
        if not self.ended():
            os.kill(self.pid, signal.SIGKILL)
            sys.exit(f"it does not end; shown:\n{clean(self.seen)}")
        status = os.waitpid(self.pid, 0)[1]
        if not keep:
            os.close(self.fd)
        return os.waitstatus_to_exitcode(status)


def clean(text):
    """Without the sequences of the line editor, its carriage returns and rubbed out characters."""
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b[=>]|\x07", "", text)
    return re.sub(r"[^\n]\x08|\r", "", text)
