#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""console.py EMULATOR PROGRAMS: the console of -nographic on a terminal: keys, monitor, signals, the terminal afterwards."""
import os
import re
import signal
import sys
import tempfile
import time

from session import Session, check, command, run_all

emulator, programs = sys.argv[1], sys.argv[2]


def program(name):
    return os.path.join(programs, name + ".elf")


def nographic(name, *args):
    return Session(command(emulator, "-nographic", "-kernel", program(name), *args))


def quit_key():
    """Ctrl-A X does not end the program, or leaves the terminal raw."""
    with nographic("echo") as s:
        s.until(b"ready 0")
        check(s.raw(), "the terminal is not raw while the guest runs")
        s.send(b"\x01x")
        s.until(b"Terminated")
        s.end()


def help_key():
    """Ctrl-A H does not say which keys there are."""
    with nographic("echo") as s:
        s.until(b"ready 0")
        s.send(b"\x01h")
        text = s.until(b"Ctrl-A Ctrl-A")
        check(b"Ctrl-A X" in text and b"Ctrl-A C" in text, "help without X or C: %r" % text)
        s.send(b"\x01X")
        s.end()


def keys_reach_the_guest():
    """What is typed does not arrive in the guest as it was typed, Ctrl-C and Ctrl-A included."""
    with nographic("echo") as s:
        s.until(b"ready 0")
        s.send(b"abc\x03\x1a\x11\x13\r\x01\x01z")
        s.until(b"ABC\x03\x1a\x11\x13\r\x01Z")
        s.send(b"\x01x")
        s.end()


def monitor():
    """A monitor command does not do what it says."""
    with nographic("echo") as s:
        s.until(b"ready 0")
        s.send(b"\x01c")
        s.until(b"(rhea) ")
        for line, answer in [
                (b"help", b"system_reset"),
                (b"info registers", b"R15="),
                (b"info status", b"running"),
                (b"stop", b"(rhea) "),
                (b"info status", b"paused"),
                (b"xp /2xw 0x10000", b"0000000000010000: 0x"),
                (b"x /2i 0x10004", b"bl"),
                (b"print $pc", b"\n"),
                (b"nonsense", b"unknown command: 'nonsense'"),
                (b"xp /4xw", b"\n"),
                (b"xp /999999999999q 0xffffffffffffffff", b"\n"),
                (b"x /4xg 0xfffffffc", b"\n"),
                (b"info mtree", b"flash"),
                (b"cont", b"(rhea) "),
                (b"info status", b"running"),
                (b"system_reset", b"ready 0"),
        ]:
            s.send(line + b"\r")
            s.until(line)
            s.until(answer)
        s.send(b"\x01c")
        s.send(b"guest")
        s.until(b"GUEST")
        s.send(b"\x01c")
        s.until(b"(rhea) ")
        s.send(b"quit\r")
        s.end()


def stop_holds_the_guest():
    """The guest runs on after `stop`, or not after `cont`."""
    with nographic("flood") as s:
        s.until(b"line 00000100")
        s.send(b"\x01c")
        s.until(b"(rhea) ")
        s.send(b"stop\r")
        while s.read(0.3):
            pass
        check(not s.read(0.3), "output after stop")
        s.send(b"info status\r")
        s.until(b"paused")
        s.send(b"cont\r")
        s.until(b"line ")
        s.until(b"line ")
        s.send(b"stop\r")
        while s.read(0.3):
            pass
        s.send(b"system_reset\r")
        while s.read(0.3):
            pass
        check(not s.read(0.3), "output after a reset while stopped")
        s.send(b"cont\r")
        s.until(b"line 00000000")
        s.send(b"stop\r")
        while s.read(0.3):
            pass
        s.send(b"\x01x")
        s.end()


def log_command():
    """`log` in the monitor does not take effect while the guest runs."""
    with tempfile.TemporaryDirectory() as folder:
        log = os.path.join(folder, "log")
        with nographic("echo", "-D", log) as s:
            s.until(b"ready 0")
            s.send(b"\x01c")
            s.until(b"(rhea) ")
            check(os.path.getsize(log) == 0, "a log without -d")
            s.send(b"log exec,cpu,nochain\r")
            s.until(b"(rhea) ")
            end = time.monotonic() + 10
            while os.path.getsize(log) < 100000:
                check(time.monotonic() < end, "nothing in the log after 'log exec,cpu,nochain'")
                time.sleep(0.05)
            s.send(b"log none\r")
            s.until(b"(rhea) ")
            time.sleep(0.1)
            size = os.path.getsize(log)
            time.sleep(0.2)
            check(os.path.getsize(log) == size, "the log grows after 'log none'")
            s.send(b"log in_asm\r")
            s.until(b"(rhea) ")
            s.send(b"system_reset\r")
            s.until(b"ready 0")
            s.send(b"log nonsens\r")
            s.until(b"unknown log item 'nonsens'")
            s.send(b"quit\r")
            s.end()
        with open(log) as f:
            text = f.read()
        check(text.count("Trace 0:") > 100 and text.count("R00=") > 100, "no trace lines or registers")
        pcs = set(re.findall(r"Trace 0: 0x[0-9a-f]+ \[[^/]*/([0-9a-f]+)/", text))
        check(len(pcs) > 3, "blocks are hidden by chaining: only %s" % pcs)


def signals():
    """A signal does not end the program in order, with the terminal as it was."""
    for sig in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        for keys in (b"", b"\x01c", b"\x01cstop\r"):
            with nographic("echo") as s:
                s.until(b"ready 0")
                s.send(keys)
                if keys:
                    s.until(b"(rhea) ")
                s.signal(sig)
                s.until(b"terminating on signal %d" % sig)
                s.end()


def interrupt_key():
    """With plain stdio, Ctrl-C does not interrupt the emulator (mon:stdio hands it to the guest)."""
    with Session(command(emulator, "-display", "none", "-serial", "stdio", "-kernel", program("echo"))) as s:
        s.until(b"ready 0")
        s.signal(signal.SIGINT)
        s.until(b"terminating on signal 2")
        s.end()


def typed_ahead():
    """Keys typed before the guest looks are lost, or so many of them lock the console up."""
    with nographic("wild-svc") as s:
        time.sleep(0.2)
        for _ in range(100):
            s.send(b"x" * 1000)
        s.send(b"\x01x")
        s.end()


def wild(name, accel):
    def test():
        """A guest gone wild cannot be ended from the keyboard."""
        with nographic("wild-" + name, "-accel", accel) as s:
            time.sleep(0.15)
            s.send(b"\x01x")
            s.until(b"Terminated")
            s.end()
    return test


tests = [(t.__name__, t) for t in (quit_key, help_key, keys_reach_the_guest, monitor, stop_holds_the_guest, log_command,
                                   signals, interrupt_key, typed_ahead)]
for wild_name in ("nowhere", "odd_nowhere", "undefined", "svc", "prefetch_abort", "data_abort", "selfstore", "storm", "wait"):
    for wild_accel in ("jit", "interp"):
        tests.append(("ctrl-a-x-%s-%s" % (wild_name, wild_accel), wild(wild_name, wild_accel)))
run_all(tests)
