# SPDX-License-Identifier: Apache-2.0
"""gdb-multiarch, as a user types: what is typed, what is to come, and what came when it is something else."""
import os
import re
import select
import shutil
import signal
import subprocess
import sys
import time

PROMPT = b"(gdb) "
GDB = shutil.which("gdb-multiarch")


def need(programs):
    """Leaves, as skipped, where there is no GDB or no program to debug."""
    if not GDB or not all(os.path.exists(p) for p in programs):
        print("skipped: gdb-multiarch or arm-none-eabi-gcc is not installed (./dev setup)")
        sys.exit(77)


def board(emulator, program, *args):
    return [emulator, "-M", "versatilepb", "-m", "128", "-display", "none", "-serial", "null", "-kernel", program, *args]


class Gdb:
    def __init__(self, program):
        self.p = subprocess.Popen([GDB, "-q", "-nx", "-iex", "set debuginfod enabled off", *([program] if program else [])], stdin=subprocess.PIPE,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True)
        self.text = b""
        self.until()
        for setting in ("confirm off", "pagination off", "width 0", "height 0", "style enabled off"):
            self.say("set " + setting)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.p.kill()
        self.p.communicate()

    def until(self, what=PROMPT, limit=30):
        end = time.monotonic() + limit
        while what not in self.text:
            ready = select.select([self.p.stdout], [], [], max(0, end - time.monotonic()))[0]
            more = os.read(self.p.stdout.fileno(), 65536) if ready else b""
            if not more:
                raise AssertionError("gdb says %r and no %r" % (self.text, what))
            self.text += more
        at = self.text.index(what) + len(what)
        got, self.text = self.text[:at], self.text[at:]
        return got.decode(errors="replace")

    def type(self, line):
        self.p.stdin.write(line.encode() + b"\n")
        self.p.stdin.flush()

    def say(self, line, want=None):
        self.type(line)
        got = self.until()
        assert want is None or re.search(want, got, re.S), "(gdb) %s\n%s\n-- instead of: %s" % (line, got, want)
        return got

    def value(self, expression):
        return int(self.say("p/d " + expression).split("=")[1].split()[0])

    def interrupt(self):
        os.kill(self.p.pid, signal.SIGINT)
