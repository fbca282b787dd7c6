#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""gdb_reverse.py EMULATOR PROGRAM.elf...: sessions of gdb-multiarch that go back in time, as a user types them. A failure shows what was
typed, what was to come and what came."""
import os
import random
import re
import sys
import tempfile

from gdb_client import Gdb, board, need
from rsp import Emulator

emulator, programs = sys.argv[1], sys.argv[2:]

need(programs)


def count(g):
    return int(re.search(r"now at instruction (\d+)", g.say("monitor info history")).group(1))


def state(g):
    """All registers, and what the program writes."""
    return g.say("info all-registers") + g.say("output counter") + g.say("output table") + g.say("output bytes") + \
        g.say("x/64wx 0x5ff00") + g.say("x/16wx 0x7ffc0")


def breakpoints_and_watchpoints(g, e):
    """reverse-continue stops at breakpoints, and where watched bytes were changed, with both values."""
    g.say("target remote " + e.path)
    g.say("break add", "Breakpoint 1")
    g.say("watch counter", "atchpoint 2")
    for n in range(3):
        g.say("continue", r"Breakpoint 1, add \(.*b.*=%d\)" % n)
        g.say("continue", r"Old value = %d.*New value = %d" % (n, n + 1))
    for n in (2, 1, 0):
        g.say("reverse-continue", r"atchpoint 2: counter.*Old value = %d.*New value = %d" % (n + 1, n))
        assert g.value("counter") == n
        g.say("reverse-continue", r"Breakpoint 1, add \(.*b.*=%d\)" % n)
    g.say("continue", r"Old value = 0.*New value = 1")
    g.say("delete")
    g.say("rwatch pair.first", "atchpoint 3")
    g.say("awatch pair.second", "atchpoint 4")
    g.say("break spin", "Breakpoint 5")
    g.say("continue", r"atchpoint 4: pair.second.*Old value = 2.*New value = 136")
    g.say("continue", "Breakpoint 5, spin")
    g.say("reverse-continue", r"atchpoint 4: pair.second.*Old value = 136.*New value = 2")
    g.say("reverse-continue", "No more reverse-execution history.*_start")
    g.say("delete")
    g.say("break add if b == 7")
    g.say("break spin")
    g.say("continue", r"add \(a=.*21, b=.*7\)")
    g.say("continue", "spin")
    g.say("reverse-continue", r"add \(a=.*21, b=.*7\)")
    g.say("reverse-continue", "No more reverse-execution history")


def next_and_finish(g, e):
    """reverse-next goes back over calls, reverse-step into them, reverse-finish to where the call was made."""
    g.say("target remote " + e.path)
    g.say("break call_svc")
    g.say("continue", "call_svc")
    g.say("delete")
    g.say("reverse-finish", r"main \(\)")
    g.say("reverse-next", "main|other_state|pair.second")
    g.say("break add if b == 9")
    g.say("reverse-continue", r"add \(.*b.*=9\)")
    g.say("delete")
    assert g.value("b") == 9
    g.say("reverse-finish", r"work \(n=.*10\)")
    g.say("reverse-next", "for|table|total = add")
    g.say("reverse-next", "table|total = add|for")
    g.say("bt", r"#0 .*work \(n=.*10\).*#1 .*main")
    assert g.value("counter") in (8, 9)
    g.say("tbreak work")
    g.say("reverse-continue", "work")
    assert g.value("counter") == 0
    g.say("up", r"main \(\)")
    g.say("down")
    g.say("finish", r"Value returned is .* = 45")
    g.say("reverse-step", "work|return total|main")
    g.say("reverse-step", ".")
    g.say("reverse-step", ".")


def exceptions(g, e):
    """reverse-stepi through an SVC and the other instruction set, back and forth through the same states."""
    g.say("target remote " + e.path)
    g.say("break other_state")
    g.say("continue", "other_state")
    at = [(count(g), g.value("$pc"), g.value("$cpsr"))]
    for _ in range(60):
        g.say("stepi")
        at.append((count(g), g.value("$pc"), g.value("$cpsr")))
    assert any(pc == 8 for _, pc, _ in at), "the SVC is among them"
    assert len({cpsr & 0x20 for _, _, cpsr in at}) == 2, "both instruction sets are"
    for want in at[-2::-1]:
        g.say("reverse-stepi")
        got = (count(g), g.value("$pc"), g.value("$cpsr"))
        assert got == want, "%r instead of %r" % (got, want)
    for want in at[1:]:
        g.say("stepi")
        got = (count(g), g.value("$pc"), g.value("$cpsr"))
        assert got == want, "%r instead of %r" % (got, want)


def there_and_back(g, e):
    """From the end to the beginning and back to the end: nothing differs. So it is after N steps back and N forward."""
    g.say("target remote " + e.path)
    g.say("break spin")
    g.say("continue", "spin")
    end, last = state(g), count(g)
    g.say("delete")
    g.say("reverse-continue", "No more reverse-execution history")
    assert count(g) == 0
    g.say("reverse-stepi", "No more reverse-execution history")
    g.say("break spin")
    g.say("continue", "spin")
    assert count(g) == last, "%d instead of %d" % (count(g), last)
    assert state(g) == end, "at the end: " + "".join(b for a, b in zip(end.splitlines(True), state(g).splitlines(True)) if a != b)
    g.say("delete")
    for _ in range(5):
        n = random.randrange(1, last // 2)  # a Thumb BL is one step of two instructions
        g.say("reverse-stepi %d" % n)
        g.say("stepi %d" % n)
        assert count(g) == last, "%d instead of %d after %d" % (count(g), last, n)
        assert state(g) == end, "after %d steps" % n


def another_future(g, e):
    """What is changed in the past makes another future, and the debugger is told. Looking at devices changes nothing."""
    g.say("target remote " + e.path)
    g.say("break call_svc")
    g.say("continue", "call_svc")
    last = count(g)
    assert g.value("pair.second") == 136
    g.say("tbreak other_state")
    g.say("reverse-continue", r"other_state \(x=.*45\)")
    g.say("x/4wx 0x101e2000", "0x101e2000:")
    g.say("x/wx 0x101f1000", "0x101f1000:")
    assert int(re.search(r"to (\d+)", g.say("monitor info history")).group(1)) == last
    g.say("set var $r0 = $r0", "")
    assert int(re.search(r"to (\d+)", g.say("monitor info history")).group(1)) == last
    g.say("set var $r0 = 100")
    now = count(g)
    g.say("monitor info history", r"to %d:.*now at instruction %d\s" % (now, now))
    g.say("continue", r"history ends at instruction %d now: the debugger has changed the past.*call_svc" % now)
    assert g.value("pair.second") == 301
    g.say("break other_state")
    g.say("reverse-continue", r"other_state \(x=.*100\)")
    g.say("continue", "call_svc")
    assert g.value("pair.second") == 301
    g.say("reverse-continue", "other_state")
    g.say("delete")
    g.say("print add(20, 22)", "= 42")  # GDB calls it: registers and stack are written
    g.say("break call_svc")
    g.say("continue", "call_svc")
    g.say("reverse-continue", "No more reverse-execution history")
    g.say("continue", "call_svc")
    assert g.value("pair.second") == 301


def resets_and_snapshots(g, e):
    """system_reset, savevm and loadvm in the past."""
    g.say("target remote " + e.path)
    vm = os.path.join(os.path.dirname(e.path), "vm")
    g.say("break call_svc")
    g.say("continue", "call_svc")
    g.say("break add if b == 5")
    g.say("reverse-continue", r"add \(a=10, b=.*5\)")
    g.say("monitor savevm " + vm)
    there = count(g)
    g.say("reverse-stepi")
    now = count(g)
    assert now < there
    g.say("monitor system_reset")
    g.say("continue", r"history ends at instruction %d now: the machine is reset.*add" % now)
    g.say("reverse-stepi")
    g.say("stepi")
    g.say("delete")
    g.say("break call_svc")
    g.say("continue", "call_svc")
    g.say("monitor loadvm " + vm)
    assert count(g) == there and g.value("counter") == 5
    g.say("monitor info history", "instructions %d to %d" % (there, there))
    g.say("maintenance flush register-cache")
    g.say("continue", "call_svc")
    g.say("reverse-continue", "No more reverse-execution history")
    assert count(g) == there and g.value("counter") == 5


def without_icount(g, e):
    """Without -icount there is no way back, and the monitor says what is missing."""
    g.say("target remote " + e.path)
    g.say("stepi")
    g.say("reverse-stepi", "does not support this command")
    g.say("monitor info history", "without -icount")
    g.say("monitor history on", "a history needs -icount")
    assert e.process.poll() is None


SESSIONS = (breakpoints_and_watchpoints, next_and_finish, exceptions, there_and_back, another_future, resets_and_snapshots, without_icount)


def main():
    bad = 0
    seed = int(os.environ.get("RHEA_SEED", random.randrange(1 << 32)))
    print("RHEA_SEED=%d" % seed)
    random.seed(seed)
    for program in programs:
        for session in SESSIONS:
            label = "%s, %s" % (session.__name__, os.path.basename(program))
            icount = () if session is without_icount else ("-icount", "shift=3")
            with tempfile.TemporaryDirectory() as folder, Emulator(board(emulator, program, *icount), folder) as e, Gdb(program) as g:
                try:
                    session(g, e)
                    print("ok   " + label)
                except (AssertionError, AttributeError, IndexError, ValueError) as error:
                    bad += 1
                    print("FAIL %s: %s\n%s" % (label, session.__doc__, error))
    sys.exit(bad != 0)


main()
