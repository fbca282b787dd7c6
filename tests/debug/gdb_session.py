#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""gdb_session.py EMULATOR PROGRAM.elf...: sessions of gdb-multiarch, as a user types them. A failure shows what was typed, what was
to come and what came."""
import os
import re
import sys
import tempfile
import time

from gdb_client import Gdb, board, need
from rsp import Emulator

emulator, programs = sys.argv[1], sys.argv[2:]

need(programs)


def line_of(text):
    """The number of the first source line with the text."""
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "program.c")) as f:
        return next(n for n, line in enumerate(f, 1) if text in line)


def breakpoints_and_steps(g, e):
    """Breakpoints, conditions, step, next, finish, until, return."""
    g.say("target remote " + e.path, "_start")
    g.say("break main", "Breakpoint 1")
    g.say("continue", r"Breakpoint 1, main \(\)")
    g.say("tbreak add", "Temporary breakpoint 2")
    g.say("continue", r"Temporary breakpoint 2, add \(a=.*0, b=.*0\)")
    g.say("bt", r"#0  add .*#1  .*work \(n=.*10\).*#2  .*main \(\)")
    g.say("info args", "a = 0.*b = 0")
    g.say("next", "counter|return sum")
    g.say("finish", r"Run till exit.*work.*Value returned is .* = 0")
    g.say("break add if b == 7", "Breakpoint 3")
    g.say("continue", r"Breakpoint 3, add \(a=.*21, b=.*7\)")
    assert g.value("counter") == 7
    g.say("delete 3")
    g.say("hbreak other_state", "Hardware assisted breakpoint 4")
    g.say("continue", r"Breakpoint 4, other_state \(x=.*45\)")
    thumb = bool(g.value("$cpsr >> 5 & 1"))
    g.say("stepi")
    assert bool(g.value("$cpsr >> 5 & 1")) == thumb
    g.say("finish", r"Value returned is .* = 136")
    assert bool(g.value("$cpsr >> 5 & 1")) != thumb
    g.say("next", "pair.second = result|call_svc")
    g.say("until", ".")
    g.say("info breakpoints", r"already hit 1 time")


def watchpoints(g, e):
    """watch, rwatch, awatch, of any size, with the values before and after."""
    g.say("target remote " + e.path)
    g.say("watch counter", "[Hh]ardware watchpoint 1")
    for old in range(3):
        g.say("continue", r"watchpoint 1: counter.*Old value = %d.*New value = %d.*add " % (old, old + 1))
    g.say("delete 1")
    g.say("watch table[5]", "atchpoint 2")
    g.say("continue", r"Old value = 0.*New value = 15.*work")
    assert g.value("counter") == 6
    g.say("delete 2")
    g.say("rwatch pair.first", "atchpoint 3")
    g.say("awatch pair.second", "atchpoint 4")
    g.say("continue", r"atchpoint 4: pair.second.*Old value = 2.*New value = 136")
    g.say("delete")
    g.say("watch -l bytes[3]", "atchpoint 5")
    g.say("continue", r"Old value = 0.*New value = 1.*spin")
    g.say("continue", r"Old value = 1.*New value = 2.*spin")
    g.say("delete")
    g.say("set var table[60] = 0")
    g.say("watch table", "atchpoint 6")
    g.say("set var go_on = 0")
    g.say("break work", "Breakpoint 7")
    g.say("continue", r"Breakpoint 7, work")
    g.say("finish", r"atchpoint 6|Value returned")
    g.say("info watchpoints", "table")


def data(g, e):
    """Registers and memory, read and written; x, display, print, find, compare-sections."""
    g.say("target remote " + e.path)
    g.say("compare-sections", r"\.text.*matched")
    g.say("break work", "Breakpoint 1")
    g.say("continue", "Breakpoint 1")
    g.say("x/3i $pc", "=> 0x")
    g.say("x/4xb main", "<main>:.*0x")
    g.say("set var counter = 0x12345678")
    g.say("x/4xb &counter", "0x78\\s+0x56\\s+0x34\\s+0x12")
    g.say("set var $r7 = 0xdeadbeef")
    g.say("info registers r7", "0xdeadbeef")
    g.say("print/x $cpsr & 0x1f", "= 0x1f")
    g.say("print/x $midr", "= 0x41069265")
    g.say("set var $sp_irq = 0x1234")
    g.say("print/x $sp_irq", "= 0x1234")
    g.say("info registers banked", "spsr_und")
    g.say("info registers cp15", "sctlr.*dacr")
    g.say("set var $dacr = 3")
    g.say("print $dacr", "= 3")
    g.say("set var n = 3")
    g.say("finish", r"Value returned is .* = 3")
    g.say("print pair", "first = 1, second = 2")
    g.say("print table[2]@3", r"\{3, 0, 0\}")
    g.say("set var pair = {7, 8}")
    g.say("print pair", "first = 7, second = 8")
    g.say("x/wx 0x101e2004", "0x101e2004:\\s+0x")  # a device's register
    g.say("x/wx 0x90000000", "Cannot access memory")
    g.say("info mem", "rw|ro")
    g.say("info threads", "arm926")


def stepping_through_exceptions(g, e):
    """stepi into an SVC's vector and back out of the handler, and across the instruction sets."""
    g.say("target remote " + e.path)
    g.say("break call_svc")
    g.say("continue", "call_svc")
    for _ in range(20):
        if re.search(r"=> 0x[0-9a-f]+ <call_svc.*\tsvc", g.say("x/i $pc")):
            break
        g.say("stepi")
    pc = g.value("$pc")
    size = 2 if g.value("$cpsr >> 5 & 1") else 4
    g.say("stepi")
    assert g.value("$pc") == 8 and g.value("$cpsr & 0x1f") == 0x13 and g.value("$lr") == pc + size
    g.say("stepi", "on_svc")
    for _ in range(20):
        if g.value("$pc") == pc + size:
            break
        g.say("stepi")
    assert g.value("$pc") == pc + size and g.value("$cpsr & 0x1f") == 0x1f and g.value("seen_svc") == 1
    g.say("break *8")
    g.say("delete 1")
    g.say("set var go_on = 0")
    g.say("continue", "0x00000008")


def interrupting(g, e):
    """Ctrl-C, detaching, coming back, and a guest that runs meanwhile."""
    g.say("target remote " + e.path)
    g.say("break spin")
    g.say("continue", "Breakpoint 1, spin")
    g.type("continue")
    g.until(b"Continuing.")
    time.sleep(0.2)
    g.interrupt()
    g.until(b"SIGINT")
    g.until()
    first = g.value("bytes[3]")
    g.say("delete")
    g.say("detach", "detached")
    time.sleep(0.1)
    for _ in range(3):
        g.say("target remote " + e.path, "spin")
        g.say("detach", "detached")
    g.say("target remote " + e.path, "spin")
    g.say("set var go_on = 0")
    g.say("tbreak main")
    g.say("continue", "main")
    assert g.value("seen_svc") >= 1, first
    g.say("monitor info registers", "R15=")
    g.say("monitor info status", "paused")
    g.say("monitor nonsense", "unknown command")
    g.say("disconnect", "Ending remote debugging")
    assert e.process.poll() is None


def killing(g, e):
    """`kill` with target remote ends the emulator."""
    g.say("target remote " + e.path)
    g.say("break work")
    g.say("continue", "work")
    g.say("kill", "killed")
    assert e.end() == 0


def running_again(g, e):
    """extended-remote: run, kill, run again, detach; the emulator stays."""
    g.say("target extended-remote " + e.path)
    g.say("break work", "Breakpoint 1")
    g.say("set remote exec-file guest")
    for _ in range(3):
        g.say("run", "Breakpoint 1, work")
        assert g.value("counter") == 0
        g.say("finish", "= 45")
    g.say("kill", "killed")
    g.say("info threads", "No threads")
    g.say("run", "Breakpoint 1, work")
    g.say("kill", "killed")
    g.say("disconnect", "Ending")
    g.say("target remote " + e.path, ".")
    g.say("tbreak main")
    g.say("monitor system_reset")
    g.say("continue", "main")


def files(g, e):
    """remote put, get and delete."""
    g.say("target remote " + e.path)
    folder = os.path.dirname(e.path)
    data_in = os.urandom(100000)
    names = [os.path.join(folder, n) for n in ("in", "there", "out")]
    with open(names[0], "wb") as f:
        f.write(data_in)
    g.say("remote put %s %s" % (names[0], names[1]), "Success")
    g.say("remote get %s %s" % (names[1], names[2]), "Success")
    with open(names[2], "rb") as f:
        assert f.read() == data_in
    g.say("remote delete " + names[1], "Success")
    g.say("remote delete " + names[1], "No such file")
    g.say("remote get /nonexistent %s" % names[2], "No such file")


def semihosting(folder):
    """A newlib program whose files and output are the debugger's."""
    program = os.path.join(os.environ.get("GUEST", ""), "rdimon.O2.arm.elf")
    config = "enable=on,target=gdb,arg=rdimon,arg=one,arg=two"
    with Emulator(board(emulator, program, "-semihosting-config", config), folder) as e, Gdb(program) as g:
        g.say("target remote " + e.path)
        g.say("continue", r"argument 1: one.*sum of squares 328350, last line 99 squared is 9801.*remove 0.*exited with code 052")
        assert e.end() == 42 and e.said() == b""


SESSIONS = (breakpoints_and_steps, watchpoints, data, stepping_through_exceptions, interrupting, killing, running_again, files)


def main():
    bad = 0
    for program in programs:
        for session in SESSIONS:
            label = "%s, %s" % (session.__name__, os.path.basename(program))
            with tempfile.TemporaryDirectory() as folder, Emulator(board(emulator, program), folder) as e, Gdb(program) as g:
                try:
                    session(g, e)
                    print("ok   " + label)
                except AssertionError as error:
                    bad += 1
                    print("FAIL %s: %s\n%s" % (label, session.__doc__, error))
    with tempfile.TemporaryDirectory() as folder:
        try:
            if os.environ.get("GUEST"):
                semihosting(folder)
                print("ok   semihosting")
        except AssertionError as error:
            bad += 1
            print("FAIL semihosting: %s\n%s" % (semihosting.__doc__, error))
    sys.exit(bad != 0)


main()
