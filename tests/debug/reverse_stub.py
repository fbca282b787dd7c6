#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""reverse_stub.py EMULATOR PROGRAM.elf: back in time packet by packet, with clients that interrupt, leave or vanish in the middle, with
input, and on a recording. A failure means that a debugger is misled, or that the guest does not find back to the present."""
import os
import random
import re
import socket
import subprocess
import sys
import tempfile
import time
import traceback

from rsp import Client, Emulator

emulator, program = sys.argv[1], sys.argv[2]
guest = os.environ.get("GUEST", "")
PC, CPSR = 15, 16

if not os.path.exists(program):
    print("skipped: arm-none-eabi-gcc is not installed (./dev setup)")
    sys.exit(77)


def symbol(name, path=program):
    text = subprocess.run(["arm-none-eabi-nm", path], stdout=subprocess.PIPE, check=True).stdout.decode()
    return next(int(line.split()[0], 16) for line in text.splitlines() if line.split()[2] == name) & ~1


class Machine(Emulator):
    def __init__(self, folder, *args, kernel=program, icount=("-icount", "shift=3"), paused=True):
        super().__init__([emulator, "-M", "versatilepb", "-m", "32", "-display", "none", "-monitor", "none", "-kernel", kernel, *icount, *args],
                         folder, paused=paused)


def attach(e):
    c = e.client(timeout=60)
    features = c.ask("qSupported:multiprocess+")
    assert "ReverseStep+;ReverseContinue+" in features, features
    c.use_xml()
    return c


def monitor(c, line):
    c.send("qRcmd," + line.encode().hex())
    text = ""
    while True:
        part = c.receive().decode()
        if part[0] != "O" or part == "OK":
            return text
        text += bytes.fromhex(part[1:]).decode()


def history(c):
    """First, last and present instruction count; is it the past?"""
    text = monitor(c, "info history")
    assert "now at" in text, text
    span, now = re.search(r"instructions (\d+) to (\d+)", text), re.search(r"now at instruction (\d+)(, which)?", text)
    return int(span.group(1)), int(span.group(2)), int(now.group(1)), bool(now.group(2))


def run_for(c, seconds):
    """Lets it run and stops it."""
    c.send("c")
    time.sleep(seconds)
    c.raw(b"\x03")
    got = c.receive()
    assert got.startswith(b"T02"), got


def breakpoint_at(c, addr, on=True):
    assert c.ask("%s0,%x,4" % ("Z" if on else "z", addr)) == "OK"


def waits(c):
    return b"waits" in bytes.fromhex(c.ask("qThreadExtraInfo,1"))


def refusals(folder):
    """Without -icount, or with history=off, bs says what is missing; nonsense is no step."""
    for icount, word in (((), "-icount"), (("-icount", "shift=3,history=off"), "history")):
        with Machine(folder, icount=icount) as e:
            c = e.client()
            assert "Reverse" not in c.ask("qSupported")
            for packet in ("bs", "bc"):
                got = c.ask(packet)
                assert got.startswith("E.") and word in got, got
            assert c.ask("bx") == "" and c.ask("bs1") == "" and c.ask("s").startswith("T05")
            c.close()
    with Machine(folder) as e:
        c = attach(e)
        assert "replaylog:begin" in c.ask("bs") and "replaylog:begin" in c.ask("bc")
        assert c.ask("s").startswith("T05") and "replaylog" not in c.ask("bs") and "replaylog:begin" in c.ask("bs")
        c.close()


def quick_steps(folder):
    """After seconds of running, steps back take no time, and lead forward again."""
    with Machine(folder) as e:
        c = attach(e)
        run_for(c, 2)
        last = history(c)[1]
        here, slowest, first = c.regs(), 0, None
        for _ in range(50):
            start = time.monotonic()
            assert c.ask("bs").startswith("T05")
            took = time.monotonic() - start
            slowest, first = max(slowest, took), first or took
        assert history(c)[2] == last - 50
        for _ in range(50):
            assert c.ask("s").startswith("T05")
        assert c.regs() == here and history(c)[2] == last
        assert slowest < 1, "a step back took %.3f s" % slowest
        print("     %d million instructions; first step back %.1f ms, slowest of the others %.1f ms" % (last / 1e6, first * 1e3, slowest * 1e3))
        # Far back: what is near there is quick as well.
        breakpoint_at(c, symbol("call_svc"))
        start = time.monotonic()
        assert c.ask("bc").startswith("T05")
        took = time.monotonic() - start
        assert c.pc() == symbol("call_svc") and history(c)[2] < 1000
        print("     back over all of it to a breakpoint %.2f s" % took)
        breakpoint_at(c, symbol("call_svc"), False)
        for _ in range(20):
            assert c.ask("bs").startswith("T05")
        c.close()


def interrupted(folder):
    """Ctrl-C on a long way back: one is where one was."""
    with Machine(folder) as e:
        c = attach(e)
        run_for(c, 2)
        before, here = history(c), c.regs()
        c.send("bc")
        time.sleep(0.1)
        c.raw(b"\x03")
        got = c.receive()
        assert got.startswith(b"T02") or b"replaylog:begin" in got, got
        if got.startswith(b"T02"):
            assert c.regs() == here and history(c)[2] == before[2]
        c.close()


def vanishing(folder):
    """A client that vanishes on the way, or in the past, leaves a guest that runs on to the present and beyond."""
    spins = symbol("spins")
    with Machine(folder) as e:
        c = attach(e)
        run_for(c, 1)
        for how in ("bc", "bs", "D", "in the past"):
            last, reached = history(c)[1], c.word(spins)
            if how == "D":
                assert c.ask("bs").startswith("T05") and c.ask("D") == "OK"
            elif how == "in the past":
                for _ in range(3):
                    assert c.ask("bs").startswith("T05")
            else:
                c.send(how)
                time.sleep(0.05)
            c.close()
            c = attach(e)
            end = time.monotonic() + 30
            while time.monotonic() < end:
                run_for(c, 0.05)
                if c.word(spins) > reached:
                    break
            assert c.word(spins) > reached, "after %s" % how
            assert e.process.poll() is None
        c.close()


def shouted_at(folder):
    """Bytes of all kinds on a long way back change nothing but what they say."""
    rng = random.Random(7)
    with Machine(folder) as e:
        c = attach(e)
        run_for(c, 0.5)
        for _ in range(20):
            c.send("bc" if rng.randrange(2) else "bs")
            for _ in range(rng.randrange(4)):
                c.raw(rng.choice((b"$bs#d5", b"$g#67", b"$c#63", b"+", b"-", b"$?#3f", b"\x03", b"$M8000,4:00112233#ff", b"junk$")))
            c.close()
            c = attach(e)
            if rng.randrange(2):
                run_for(c, 0.05)
        run_for(c, 0.2)
        assert e.process.poll() is None
        c.close()


def with_input(folder):
    """Interrupts and serial input, at random moments: N steps back and N forward lead to the same registers and memory; nothing is said
    twice, nothing is lost."""
    rng = random.Random(int(os.environ.get("RHEA_SEED", "1")))
    kernel = os.path.join(guest, "uart.O2.thumb.elf")
    if not os.path.exists(kernel):
        return
    path = os.path.join(folder, "serial")
    with Machine(folder, "-serial", "unix:%s,server=on,wait=off" % path, "-semihosting", kernel=kernel) as e:
        c = attach(e)
        line = socket.socket(socket.AF_UNIX)
        line.connect(path)
        steps = 0
        for word in (b"one ", b"two ", b"three ", b"four "):
            run_for(c, 0.1)
            line.sendall(word)
            run_for(c, 0.1)
            for _ in range(rng.randrange(30)):
                if waits(c):
                    break
                c.step()
            # into the interrupt's handler, where there is work
            breakpoint_at(c, 0x18)
            assert c.ask("bc").startswith("T05") and c.pc() == 0x18
            breakpoint_at(c, 0x18, False)
            for _ in range(20):
                n = rng.randrange(1, 40)
                moves = rng.choice(("s", "bs"))
                for _ in range(n if moves == "bs" else 5):
                    if moves == "bs" or history(c)[3]:
                        c.ask(moves)
                place = history(c)[2], c.regs(), c.memory(c.reg(13), 64)
                for _ in range(n):
                    c.ask("bs")
                for _ in range(n):
                    c.ask("s")
                assert (history(c)[2], c.regs(), c.memory(c.reg(13), 64)) == place, "after %d steps back and forth" % n
                steps += 2 * n
        line.sendall(b"five.")
        c.send("c")
        got = c.receive()
        assert got == b"W03", got
        said = b""
        while True:
            part = line.recv(4096)
            if not part:
                break
            said += part
        assert said.count(b"ONE TWO THREE FOUR FIVE.") == 1 and said.count(b"reset: fr") == 1 and said.count(b"received") == 1, said
        assert e.end() == 3
        c.close()
        print("     %d steps back and forth" % steps)


def a_recording(folder):
    """A file that is replayed has an end, where the debugger stops; it can go back from there, and changes nothing."""
    kernel = os.path.join(guest, "timer.O2.arm.elf")
    if not os.path.exists(kernel):
        return
    file = os.path.join(folder, "recording")
    base = [emulator, "-M", "versatilepb", "-m", "32", "-display", "none", "-monitor", "none", "-serial", "null", "-kernel", kernel, "-semihosting",
            "-icount", "shift=3"]
    subprocess.run(base + ["-record", file], stdin=subprocess.DEVNULL, timeout=60)
    with Machine(folder, "-serial", "null", "-semihosting", "-replay", file, kernel=kernel) as e:
        c = attach(e)
        breakpoint_at(c, symbol("main", kernel))
        assert c.cont().startswith("T05") and c.pc() == symbol("main", kernel)
        there = history(c)[2]
        breakpoint_at(c, symbol("main", kernel), False)
        breakpoint_at(c, 0x18)
        for _ in range(5):
            assert c.cont().startswith("T05") and c.pc() == 0x18
        assert c.ask("P0=78563412").startswith("E")  # another future is not what was recorded
        breakpoint_at(c, 0x18, False)
        breakpoint_at(c, symbol("main", kernel))
        assert "cannot be changed" in bytes.fromhex(c.ask("bc")[1:]).decode()  # says the console, and goes
        assert c.receive().startswith(b"T05")
        assert history(c)[2] == there
        assert "replaylog:begin" in c.ask("bc")
        breakpoint_at(c, symbol("main", kernel), False)
        got = c.cont()
        assert got.startswith("W") or "replaylog:end" in got, got
        c.close()


def a_cut_recording(folder):
    """One that ends in the middle of the run: replaylog:end, again and again; back; and out."""
    file = os.path.join(folder, "recording")
    with Machine(folder, "-serial", "null", "-record", file) as e:
        c = attach(e)
        run_for(c, 0.2)
        for _ in range(10):  # stepping and going back while it is recorded
            c.step()
        breakpoint_at(c, symbol("call_svc"))
        assert c.ask("bc").startswith("T05") and c.pc() == symbol("call_svc")
        breakpoint_at(c, symbol("call_svc"), False)
        assert c.ask("P0=78563412").startswith("E")
        c.send("c")  # and the console has a word about that
        time.sleep(0.2)
        c.raw(b"\x03")
        assert c.receive().startswith(b"O") and c.receive().startswith(b"T02")
        assert c.ask("bs").startswith("T05")
        c.send("k")
        e.end()
    with Machine(folder, "-serial", "null", "-replay", file) as e:
        c = attach(e)
        for _ in range(3):
            assert "replaylog:end" in c.cont()
        here = history(c)[2], c.regs()
        assert "replaylog:end" in c.step()
        assert (history(c)[2], c.regs()) == here
        for _ in range(10):
            assert "replaylog" not in c.ask("bs")
        for _ in range(10):
            c.step()
        assert (history(c)[2], c.regs()) == here
        assert c.ask("D") == "OK"
        assert e.end() == 0, e.said()
        c.close()


TESTS = (refusals, quick_steps, interrupted, vanishing, shouted_at, with_input, a_recording, a_cut_recording)


def main():
    bad = 0
    chosen = sys.argv[3:]
    for test in TESTS:
        if chosen and test.__name__ not in chosen:
            continue
        with tempfile.TemporaryDirectory() as folder:
            try:
                test(folder)
                print("ok   " + test.__name__)
            except (AssertionError, OSError):
                bad += 1
                print("FAIL %s: %s" % (test.__name__, test.__doc__))
                traceback.print_exc(file=sys.stdout)
                for name in os.listdir(folder):
                    if name.endswith(".out"):
                        with open(os.path.join(folder, name), errors="replace") as said:
                            print(said.read()[-1000:])
    sys.exit(bad != 0)


main()
