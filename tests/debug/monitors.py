#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""monitors.py EMULATOR PROGRAM.elf: -monitor and -qmp on sockets, as people and scripts use them. A failure means that a
script written for QEMU does not get on with rhea, or that nonsense on such a socket hurts the guest."""
import json
import os
import re
import random
import socket
import subprocess
import sys
import tempfile
import time
import traceback

emulator, program = sys.argv[1], sys.argv[2]

if not os.path.exists(program):
    print("skipped: arm-none-eabi-gcc is not installed (./dev setup)")
    sys.exit(77)


class Line:
    def __init__(self, path):
        end = time.monotonic() + 20
        while True:
            self.s = socket.socket(socket.AF_UNIX)
            try:
                self.s.connect(path)
                break
            except OSError:
                self.s.close()
                if time.monotonic() > end:
                    raise
                time.sleep(0.02)
        self.s.settimeout(20)
        self.text = b""

    def send(self, data):
        self.s.sendall(data)

    def until(self, what):
        while what not in self.text:
            more = self.s.recv(65536)
            assert more, "closed after %r" % self.text
            self.text += more
        at = self.text.index(what) + len(what)
        got, self.text = self.text[:at], self.text[at:]
        return got.decode()

    def close(self):
        self.s.close()


class Qmp(Line):
    """Events that come in between are kept."""

    def __init__(self, path, negotiate=True):
        super().__init__(path)
        self.events = []
        self.greeting = self.next()
        if negotiate:
            assert self.ask("qmp_capabilities") == {"return": {}}

    def next(self):
        return json.loads(self.until(b"\r\n"))

    def raw(self, data):
        self.send(data)
        while True:
            answer = self.next()
            if "event" not in answer:
                return answer
            self.events.append(answer)

    def ask(self, name, id=None, **args):
        request = {"execute": name}
        if args:
            request["arguments"] = {k.replace("_", "-"): v for k, v in args.items()}
        if id is not None:
            request["id"] = id
        return self.raw(json.dumps(request).encode())

    def event(self, name):
        while True:
            for e in self.events:
                if e["event"] == name:
                    self.events.remove(e)
                    assert e["timestamp"]["seconds"] > 1000000000
                    return e
            self.events.append(self.next())


class Machine:
    def __init__(self, folder, *args):
        self.path = {n: os.path.join(folder, n) for n in ("qmp", "monitor", "gdb")}
        command = [emulator, "-M", "versatilepb", "-m", "128", "-display", "none", "-serial", "null", "-kernel", program]
        for option in "qmp", "monitor":
            command += ["-" + option, "unix:%s,server=on,wait=off" % self.path[option]]
        self.p = subprocess.Popen(command + list(args), stdin=subprocess.DEVNULL)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.p.kill()
        self.p.wait()


def qmp_session(folder):
    """The handshake, the commands, their events, and the end."""
    with Machine(folder) as m:
        q = Qmp(m.path["qmp"], negotiate=False)
        assert set(q.greeting["QMP"]) == {"version", "capabilities"} and "qemu" in q.greeting["QMP"]["version"]
        assert q.ask("stop")["error"]["class"] == "CommandNotFound"
        assert q.ask("qmp_capabilities", id=7) == {"return": {}, "id": 7}
        assert q.ask("qmp_capabilities")["error"]["class"] == "CommandNotFound"
        assert q.ask("query-status")["return"] == {"status": "running", "singlestep": False, "running": True}
        assert q.ask("stop") == {"return": {}}
        q.event("STOP")
        assert q.ask("query-status")["return"]["status"] == "paused"
        assert q.ask("cont") == {"return": {}}
        q.event("RESUME")
        assert q.ask("system_reset") == {"return": {}}
        assert q.event("RESET")["data"] == {"guest": False, "reason": "host-qmp-system-reset"}
        assert q.ask("system_powerdown") == {"return": {}} and q.event("POWERDOWN")
        names = [c["name"] for c in q.ask("query-commands")["return"]]
        assert "human-monitor-command" in names and "quit" in names
        assert "major" in q.ask("query-version")["return"]["qemu"]
        assert q.ask("query-kvm")["return"] == {"enabled": False, "present": False}
        text = q.ask("human-monitor-command", command_line="info registers")["return"]
        assert "R15=" in text and "\r\n" in text
        assert "error" in q.ask("human-monitor-command") and "error" in q.ask("screendump")
        shot = os.path.join(folder, "shot.ppm")
        assert q.ask("screendump", filename=shot) == {"return": {}} and os.path.getsize(shot) > 1000
        assert q.ask("quit") == {"return": {}}
        assert q.event("SHUTDOWN")["data"] == {"guest": False, "reason": "host-qmp-quit"}
        assert m.p.wait(20) == 0


def qmp_nonsense(folder):
    """Broken, huge, deep and strange JSON gets an error each and does no harm; clients may vanish at any point."""
    rng = random.Random(3)
    with Machine(folder) as m:
        q = Qmp(m.path["qmp"])
        for bad in (b"{}", b"{\"execute\": 1}", b"{\"execute\": \"stop\", \"arguments\": 3}", b"{\"execute\": \"nothing\"}", b"{]",
                    b"{\"execute\": \"query-status\", \"extra\": 1}", b"{\"execute\": \"a\", \"execute\": \"b\"}", b"{\"a\n",
                    b"{\"x\":" + b"[" * 20000 + b"]" * 20000 + b"}", b"{\"x\":\"" + b"y" * 100000 + b"\"}", b"{\"\\ud800\": \"\xff\"}"):
            assert "error" in q.raw(bad), bad
        status = b"{\"execute\":\n\"query-status\"}"
        for bad in (b"}", b"]]] }", b"nonsense, of more than one word", b"{\"a\": [}", b"{\"a\": {\"b\": 1]", b"{\"a\": \"b\n"):
            assert "JSON parse error" in q.raw(bad)["error"]["desc"], bad  # once
            assert q.raw(b"\n" + status)["return"]["status"] == "running", bad
        assert "error" in q.raw(b"  nonsense " + status + b"]]]")
        assert q.next()["return"]["status"] == "running"
        assert "error" in q.next()
        assert q.raw(b"{\"execute\": \"query-status\", \"id\": [1, {\"a\": null}]}")["id"] == [1, {"a": None}]
        q.close()
        for _ in range(40):
            q = Qmp(m.path["qmp"], negotiate=rng.random() < 0.5)
            q.send(bytes(rng.choice(b"{}[]\":,\\ \nexecut123") for _ in range(rng.randrange(400))))
            q.close()
        q = Qmp(m.path["qmp"])
        assert q.ask("query-status")["return"]["status"] == "running"
        assert m.p.poll() is None


def monitor_session(folder):
    """Commands, history and completion on a socket; `gdbserver` opens the stub."""
    with Machine(folder) as m:
        line = Line(m.path["monitor"])
        line.until(b"(rhea) ")

        def say(text):
            line.send(text)
            return line.until(b"(rhea) ")

        assert "R15=" in say(b"info registers\n")
        assert "running" in say(b"info status\r\n")
        assert "running" in say(b"\x1b[A\r")
        assert "paused" in (say(b"stop\n") and say(b"info st\t\n"))
        assert "registers" in say(b"inf\treg\t\n")
        irq = say(b"info irq\n")
        assert "nIRQ idle" in irq and "pl190: raw 00000000, enabled 00000000" in irq and "vpb-sic: raw" in irq, irq
        assert re.search(r"dev: pl190, id \"0\"\r\n    mmio 0000000010140000/\S+\r\n    level = 0x0\r\n", say(b"info qtree\n"))
        line.send(b"info \t")
        assert "mtree" in line.until(b"registers")
        line.send(b"\x15")
        say(b"\n")
        assert "unknown command" in say(b"x" * 5000 + b"\n")
        assert "Waiting" in say(b"gdbserver unix:%s\n" % m.path["gdb"].encode())
        g = Line(m.path["gdb"])
        g.send(b"$qC#b4")
        g.until(b"$QC1#c5")
        g.close()
        assert "Disabled" in say(b"gdbserver none\n")
        say(b"cont\n")
        line.send(b"quit\n")
        assert m.p.wait(20) == 0


def views(folder):
    """Each `info` view answers."""
    with Machine(folder) as m:
        line = Line(m.path["monitor"])
        line.until(b"(rhea) ")
        line.send(b"help info\n")
        names = [x.split()[1] for x in line.until(b"(rhea) ").split("\r\n") if x.startswith("info ")]
        assert len(names) >= 8, names
        for name in names:
            line.send(b"info %s\n" % name.encode())
            answer = line.until(b"(rhea) ")
            assert len(answer.split("\r\n")) > 2 and "unknown" not in answer, answer


def main():
    bad = 0
    for test in (qmp_session, qmp_nonsense, monitor_session, views):
        with tempfile.TemporaryDirectory() as folder:
            try:
                test(folder)
                print("ok   " + test.__name__)
            except (AssertionError, OSError, ValueError) as _:
                bad += 1
                print("FAIL %s: %s" % (test.__name__, test.__doc__))
                traceback.print_exc(file=sys.stdout)
    sys.exit(bad != 0)


main()
