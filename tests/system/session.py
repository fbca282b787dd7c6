# SPDX-License-Identifier: Apache-2.0
"""The emulator as a child on pipes or on a pseudo terminal, and the little that the tests in this folder share."""
import os
import pty
import select
import signal
import subprocess
import sys
import termios
import time

LIMIT = float(os.environ.get("LIMIT", "20"))  # seconds that anything may take before it counts as a hang


class Failure(Exception):
    pass


def check(true, what):
    if not true:
        raise Failure(what)


class Session:
    """A running emulator. `tty`: stdin, stdout and stderr are a terminal; else pipes (stderr goes to stdout)."""

    def __init__(self, args, tty=True):
        self.seen = self.all = b""  # what until() has not passed yet; everything
        if tty:
            self.master, self.slave = pty.openpty()
            self.before = termios.tcgetattr(self.slave)
            self.p = subprocess.Popen(args, stdin=self.slave, stdout=self.slave, stderr=self.slave,
                                      start_new_session=True)
            self.out, self.into = self.master, self.master
        else:
            self.slave = None
            self.p = subprocess.Popen(args, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            self.out, self.into = self.p.stdout.fileno(), self.p.stdin.fileno()

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        if self.p.poll() is None:
            self.p.kill()
            self.p.wait()
        if self.slave is not None:
            os.close(self.master)
            os.close(self.slave)
        else:
            self.p.stdin.close()
            self.p.stdout.close()

    def read(self, seconds):
        """The next that comes within so many seconds; nothing at the end."""
        if not select.select([self.out], [], [], max(seconds, 0))[0]:
            return b""
        try:
            piece = os.read(self.out, 65536)
        except OSError:
            return b""
        self.seen += piece
        self.all += piece
        return piece

    def until(self, text, seconds=LIMIT):
        """Reads on until `text` came (bytes); what came before it is dropped with it and returned."""
        end = time.monotonic() + seconds
        while text not in self.seen:
            left = end - time.monotonic()
            if left <= 0 or (not self.read(left) and self.p.poll() is not None and text not in self.seen):
                raise Failure("no %r in what it printed: %r" % (text, self.seen[-2000:]))
        before, self.seen = self.seen.split(text, 1)
        return before

    def send(self, data):
        os.write(self.into, data)

    def raw(self):
        return not termios.tcgetattr(self.slave)[3] & termios.ICANON

    def end(self, status=0, seconds=LIMIT):
        """Waits for the end: exit status as given, terminal as it was."""
        deadline = time.monotonic() + seconds
        while self.p.poll() is None:
            if time.monotonic() > deadline:
                raise Failure("it does not end; last printed: %r" % self.seen[-500:])
            self.read(0.02)  # a terminal that nobody reads would hold it
        while self.read(0):  # what it printed last, or all of it when it was quick
            pass
        check(self.p.returncode == status, "exit status %d, not %d; printed %r" %
              (self.p.returncode, status, self.seen[-2000:]))
        if self.slave is not None:
            check(termios.tcgetattr(self.slave) == self.before, "the terminal is not as it was")

    def signal(self, sig):
        self.p.send_signal(sig)


def command(emulator, *args):
    return [emulator, "-M", "versatilepb", "-m", "128"] + list(args)


def run_all(tests):
    """Runs functions; prints a line for each, with its docstring when it fails. Exit status for sys.exit."""
    failed = 0
    signal.alarm(int(LIMIT) * 30)
    for name, test in tests:
        begin = time.monotonic()
        try:
            test()
            print("ok   %s (%.1f s)" % (name, time.monotonic() - begin), flush=True)
        except Failure as e:
            failed += 1
            print("FAIL %s (%s): %s" % (name, (test.__doc__ or "").strip(), e), flush=True)
    sys.exit(failed != 0)
