#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""stub.py EMULATOR PROGRAM.elf: the stub's protocol packet by packet, with clients that lie, send nonsense, or vanish. A
failure means that a debugger is misled, or that somebody on the line can stop or hurt the guest."""
import os
import random
import socket
import struct
import subprocess
import sys
import tempfile
import time

from rsp import Client, Emulator, Gone, checksum

emulator, program = sys.argv[1], sys.argv[2]

if not os.path.exists(program):
    print("skipped: arm-none-eabi-gcc is not installed (./dev setup)")
    sys.exit(77)


def symbol(name):
    text = subprocess.run(["arm-none-eabi-nm", program], stdout=subprocess.PIPE, check=True).stdout.decode()
    return next(int(line.split()[0], 16) for line in text.splitlines() if line.split()[2] == name) & ~1


def board(*args):
    return [emulator, "-M", "versatilepb", "-m", "128", "-display", "none", "-kernel", program, *args]


class Machine(Emulator):
    """Runs from the start unless told otherwise; the spin loop counts in `spins`."""

    def __init__(self, folder, *args, paused=False):
        super().__init__(board("-serial", "null", *args), folder, paused=paused)

    def alive(self):
        assert self.process.poll() is None, "the emulator ended: %r" % self.said()


def runs(c):
    """Does the guest run now? (The client is attached; it looks without stopping.)"""
    a = c.word(symbol("spins"))
    for _ in range(50):
        time.sleep(0.002)
        if c.word(symbol("spins")) != a:
            return True
    return False


def runs_after(e):
    """Did the guest run on between two clients? It is left running."""
    c = e.client()
    first = c.word(symbol("spins"))
    assert c.ask("D") == "OK"
    time.sleep(0.05)
    second = c.word(symbol("spins"))
    c.close()
    return first != second


def first_words(folder):
    """What a client asks first."""
    with Machine(folder, paused=True) as e:
        c = e.client()
        said = c.ask("qSupported:multiprocess+;swbreak+")
        assert "PacketSize=" in said and "QStartNoAckMode+" in said and "qXfer:memory-map:read+" in said
        assert c.ask("vMustReplyEmpty") == "" and c.ask("Znonsense") == "E16" and c.ask("qNoSuchQuery") == ""
        assert c.ask("Hg0") == "OK" and c.ask("Hc-1") == "OK" and c.ask("H") == "E16"
        assert c.ask("?").startswith("T05") and c.ask("qC") == "QC1" and c.ask("qAttached") == "1"
        assert c.ask("qfThreadInfo") == "m1" and c.ask("qsThreadInfo") == "l" and c.ask("T1") == "OK"
        assert c.ask("vCont?").startswith("vCont;c;C;s;S")
        assert len(c.ask("g")) == 2 * 168  # without a description: GDB's old layout
        xml = c.use_xml()
        assert "org.gnu.gdb.arm.core" in xml and "spsr_abt" in xml and "sctlr" in xml
        assert len(c.ask("g")) == 2 * 68
        c.no_ack()
        assert c.pc() == symbol("_start")
        e.alive()


def registers(folder):
    """Each register that is shown can be read, and keeps what is written; pc and modes included."""
    with Machine(folder, paused=True) as e:
        c = e.client()
        xml = c.use_xml()
        numbers = [int(x.split('"')[0]) for x in xml.split('regnum="')[1:]]
        for n in numbers:
            assert len(c.ask("p%x" % n)) == 8
        assert c.ask("p%x" % (max(numbers) + 1)) == "E0e"
        for n in range(15):
            c.set_reg(n, 0x1000 + n)
        c.set_reg(25, 0xd1)  # FIQ mode: r8 to r14 and the SPSR are others
        assert c.regs()[:15] == [0x1000 + n for n in range(8)] + [0] * 7
        c.set_reg(25, 0xd3)
        assert c.regs()[:15] == [0x1000 + n for n in range(15)]
        name = {x.split('"')[0]: int(x.split('regnum="')[1].split('"')[0]) for x in xml.split('<reg name="')[1:]}
        c.set_reg(name["sp_fiq"], 0x77)
        c.set_reg(name["spsr_fiq"], 0x10)
        assert c.reg(name["sp_svc"]) == 0x100d and c.reg(name["sp_fiq"]) == 0x77
        c.set_reg(name["dacr"], 0x55)
        assert c.reg(name["dacr"]) == 0x55
        assert c.ask("P%x=00000000" % name["midr"]) == "E0e"
        values = [0x2000 + n for n in range(15)] + [0x9000, 0x600000f3]
        assert c.ask("G" + struct.pack("<17I", *values).hex()) == "OK"
        assert c.regs() == values
        assert c.ask("G00") == "E16" and c.ask("P0=1") == "E0e" and c.ask("Pzz") == "E16"
        e.alive()


def memory(folder):
    """Memory of each kind, binary, at the edges, and where there is none."""
    with Machine(folder, paused=True) as e:
        c = e.client()
        data = bytes(range(256)) * 8
        c.put(0x4000, data)
        assert c.memory(0x4000, 2048) == data
        escaped = b"".join(b"}" + bytes([x ^ 0x20]) if x in b"#$}*" else bytes([x]) for x in data)
        assert c.ask(b"X5000,800:" + escaped) == "OK"
        assert c.memory(0x5000, 2048) == data
        answer = c.ask("x5000,100").encode("latin-1")
        out, i = bytearray(), 1
        while i < len(answer):
            if answer[i:i + 1] == b"}":
                out.append(answer[i + 1] ^ 0x20)
                i += 1
            else:
                out.append(answer[i])
            i += 1
        assert answer[:1] == b"b" and bytes(out) == data[:256]
        assert c.ask("X6000,0:") == "OK" and c.ask("m6000,0") == ""
        assert c.ask("m90000000,4") == "E0e" and c.ask("M90000000,1:00") == "E0e"
        assert c.ask("m7fffff0,40") != "E0e"
        assert c.ask("m4000,99999999") and c.ask("m4000") == "E16" and c.ask("M4000,2:00") == "E16"
        assert c.ask("M4000,1:zz") == "E16" and c.ask("mfffffffff,4") == "E16"
        assert c.ask("m101f1018,4") == "90000000", "the UART's flag register"
        assert "<memory type=\"ram\"" in c.ask("qXfer:memory-map:read::0,1000")
        assert c.ask("qXfer:memory-map:read::99999,10") == "l" and c.ask("qXfer:features:read:x.xml:0,10") == "E00"
        crc = 0xffffffff
        for x in data:
            crc ^= x << 24
            for _ in range(8):
                crc = (crc << 1 ^ (0x04c11db7 if crc >> 31 else 0)) & 0xffffffff
        assert c.ask("qCRC:4000,800") == "C%x" % crc
        assert c.ask("qqemu.PhyMemMode") == "0" and c.ask("Qqemu.PhyMemMode:1") == "OK"
        assert c.memory(0x4000, 16) == data[:16]
        e.alive()


def stops(folder):
    """The packets of breakpoints, watchpoints, steps, ranges and interrupts, and their stop replies."""
    with Machine(folder, paused=True) as e:
        c = e.client()
        add, counter, spin = symbol("add"), symbol("counter"), symbol("spin")
        assert c.ask("Z0,%x,4" % add) == "OK" and c.ask("Z0,%x,4" % add) == "OK"
        answer = c.cont()
        assert "break:" not in answer  # this client did not say that it knows
        assert answer.startswith("T05thread:1;") and "0f:%s;" % struct.pack("<I", add).hex() in answer
        assert c.cont().startswith("T05") and c.pc() == add
        assert c.ask("z0,%x,4" % add) == "OK" and c.ask("z0,%x,4" % add) == "OK"
        features = c.ask("qSupported:swbreak+;hwbreak+")
        assert "swbreak+" in features and "hwbreak+" in features
        for kind, word in (("0", "swbreak:;"), ("1", "hwbreak:;")):
            assert c.ask("Z%s,%x,4" % (kind, add)) == "OK"
            assert word in c.cont() and c.pc() == add
            assert c.ask("z%s,%x,4" % (kind, add)) == "OK"
        assert c.ask("QNonStop:1") == ""  # GDB says then that there is none
        before = c.word(counter)
        assert c.ask("Z2,%x,4" % counter) == "OK"
        assert "watch:%x;" % counter in c.ask("vCont;c") and c.word(counter) == before
        assert c.ask("vCont;s:1").startswith("T05") and c.word(counter) == before + 1
        assert c.ask("z2,%x,4" % counter) == "OK"
        assert c.ask("Z3,%x,1" % (symbol("go_on") + 2)) == "OK"
        assert "rwatch:%x;" % (symbol("go_on") + 2) in c.cont()
        assert c.ask("z3,%x,1" % (symbol("go_on") + 2)) == "OK"
        assert c.ask("Z4,0,0") == "E16" and c.ask("Z5,0,4") == "E16" and c.ask("Z2,ffffffff,2") == "E16"
        pc = c.pc()
        assert spin <= pc < spin + 0x60
        c.send("vCont;r%x,%x:1" % (spin, spin + 0x60))
        assert c.quiet(0.1)
        c.raw(b"\x03")
        assert c.receive().startswith(b"T02")
        assert c.ask("vCont;r%x,%x" % (pc, pc + 1)).startswith("T05") and c.pc() != pc
        assert c.ask("vCont;x") == "E16" and c.ask("vCont;r5") == "E16" and c.ask("czz") == "E16"
        assert c.ask("qqemu.sstepbits") == "ENABLE=1,NOIRQ=2,NOTIMER=4" and c.ask("Qqemu.sstep=0x5") == "OK"
        assert c.ask("qqemu.sstep") == "0x5" and c.ask("Qqemu.sstep=9") == "E16"
        c.send("c")
        assert runs(c) and c.ask("s") == "E01" and c.ask("?") == "E01" and runs(c)
        c.raw(b"\x03")
        assert c.receive().startswith(b"T02") and not runs(c)
        c.raw(b"\x03" * 100)
        assert c.quiet() and not runs(c)
        c.set_reg(15, symbol("_start"))
        assert c.ask("Z1,%x,4" % symbol("work")) == "OK"
        assert c.ask("c%x" % symbol("_start")).startswith("T05") and c.pc() == symbol("work")
        e.alive()


def reset_and_kill(folder):
    """R, vRun, vKill with the extended protocol; k without."""
    with Machine(folder, paused=True) as e:
        c = e.client()
        assert c.ask("!") == "OK"
        c.step()
        c.send("R00")
        assert c.pc() == symbol("_start")
        assert c.ask("vKill;1") == "OK" and c.ask("?") == "W00" and c.ask("qfThreadInfo") == "l"
        assert c.ask("c") == "E16" and c.ask("s") == "E16"
        assert c.ask("vRun;;").startswith("T05") and c.pc() == symbol("_start")
        assert c.ask("vAttach;1").startswith("T05")
        c.close()
        c = e.client()
        c.send("k")
        assert e.end() == 0


def clients_come_and_go(folder):
    """Vanishing in the midst of anything leaves the guest running, without breakpoints."""
    with Machine(folder) as e:
        spin = symbol("spin")
        for way in range(8):
            c = e.client()
            if way > 0:
                assert c.ask("?").startswith("T")
            if way > 1:
                assert c.ask("Z0,%x,4" % (spin + 8)) == "OK" and c.ask("Z2,%x,4" % symbol("bytes")) == "OK"
            if way > 2:
                c.send("c")
            if way > 3:
                c.raw(b"$m0,4")
            if way > 4:
                c.raw(b"000000#xx$$$#")
            if way > 5:
                c.raw(b"$g#67" * 2000)
            if way > 6:
                c.raw(b"\x03$M8000,4:")
            c.close()
            assert runs_after(e), "the guest stands after client %d" % way
        e.alive()


def waits_for_its_debugger(folder):
    """With -S, a client that only looks does not let the guest go."""
    with Machine(folder, paused=True) as e:
        for _ in range(3):
            c = e.client()
            assert c.pc() == symbol("_start")
            c.close()
        c = e.client()
        assert c.ask("Z0,%x,4" % symbol("main")) == "OK" and c.cont().startswith("T05")
        c.close()
        assert runs_after(e)


def noise(folder):
    """Nonsense, whole packets of it included, neither ends the emulator nor stops the guest for good."""
    rng = random.Random(1)
    with Machine(folder) as e:
        c = e.client()
        c.raw(b"GET / HTTP/1.1\r\nHost: guest\r\n\r\n")
        c.raw(bytes(rng.randrange(256) for _ in range(5000)).replace(b"$", b"").replace(b"\x03", b""))
        c.close()
        assert runs_after(e)
        for k in range(30):
            c = e.client()
            try:
                for _ in range(60):
                    head = rng.choice(["q", "v", "m", "M", "X", "Z2", "z0", "P", "p", "G", "H", "vCont;", "vFile:", "qXfer:", "T",
                                       "vFile:pread:", "vFile:open:", "Q", "F", "C", "qRcmd,", "x", "qCRC:", "A", "b", "_", "vRun;"])
                    tail = "".join(rng.choice("0123456789abcdef,:;=-.p$}*#!") for _ in range(rng.randrange(40)))
                    body = (head + tail).replace("$", "").replace("#", "").encode()
                    c.raw(b"$" + body + b"#" + (checksum(body) if rng.random() < 0.9 else b"00"))
            except OSError:
                pass
            c.close()
            e.alive()
        c = e.client()
        body = b"m" + b"0" * 200000
        c.raw(b"$" + body + b"#" + checksum(body))
        assert c.byte() == b"-"
        c.raw(b"$qC#b4")
        assert c.receive() == b"QC1"
        c.raw(b"-")
        assert c.receive() == b"QC1", "a packet is not sent again"
        c.close()
        assert runs_after(e)


def two_at_once(folder):
    """A second client waits until the first one goes."""
    with Machine(folder) as e:
        a = e.client()
        assert a.ask("qC") == "QC1"
        b = Client(e.path)
        b.send("qC")
        assert b.quiet(0.1)
        a.close()
        assert b.receive() == b"QC1"


def monitor(folder):
    """qRcmd answers; stop and cont there are seen by the client."""
    with Machine(folder, paused=True) as e:
        c = e.client()

        def command(line):
            c.send("qRcmd," + line.encode().hex())
            text = b""
            while True:
                part = c.receive()
                if not part.startswith(b"O") or part == b"OK":
                    assert part == b"OK", part
                    return text.decode()
                text += bytes.fromhex(part[1:].decode())

        assert "paused" in command("info status") and "R15=00008000" in command("info registers")
        assert "system_reset" in command("help") and "unknown command" in command("junk")
        assert command("cont") == "" and "running" in command("info status")
        command("stop")
        assert c.receive().startswith(b"T02")
        assert c.ask("qRcmd,zz") == "E16"


def system_calls(folder):
    """Semihosting by the debugger: requests as the protocol has them, answers in the guest's registers, and nobody there."""
    with Machine(folder, "-semihosting-config", "enable=on,target=gdb", paused=True) as e:
        c = e.client()
        c.put(0x20000, struct.pack("<I", 0xef123456) * 64)
        c.put(0x21000, b"name\0hello\0")

        def call(op, *args):
            c.put(0x22000, struct.pack("<%dI" % len(args), *args))
            c.set_reg(0, op)
            c.set_reg(1, 0x22000)
            c.set_reg(15, 0x20000)
            c.send("s")
            return c.receive().decode()

        def answer(text):
            c.send(text)
            stop = c.receive().decode()
            if stop.startswith("F"):
                return stop
            assert stop.startswith("T05") and c.pc() == 0x20004, stop
            return c.reg(0)

        assert call(1, 0x21000, 4, 4) == "Fopen,21000/5,601,1a4"
        handle = answer("F5")
        assert call(5, handle, 0x21005, 5) == "Fwrite,5,21005,5" and answer("F5") == 0
        assert call(5, handle, 0x21005, 5) == "Fwrite,5,21005,5" and answer("F-1,1c") == 5
        assert call(6, handle, 0x23000, 9) == "Fread,5,23000,9"
        c.put(0x23000, b"abc")  # the client may use memory meanwhile
        assert answer("F3") == 6 and c.memory(0x23000, 3) == b"abc"
        assert call(10, handle, 77) == "Flseek,5,4d,0" and answer("F4d") == 0
        assert call(12, handle) == "Flseek,5,0,1" and answer("F7") == "Flseek,5,0,2"
        assert answer("F99") == "Flseek,5,7,0" and answer("F7") == 0x99
        assert call(9, handle) == "Fisatty,5" and answer("F0") == 0
        assert call(2, handle) == "Fclose,5" and answer("F0") == 0
        assert call(14, 0x21000, 4) == "Funlink,21000/5" and answer("F-1,2") == 0xffffffff
        assert call(19).startswith("T05") and c.reg(0) == 2  # ENOENT
        assert call(18, 0x21005, 5) == "Fsystem,21005/6" and answer("F0") == 0
        c.set_reg(0, 4), c.set_reg(1, 0x21005), c.set_reg(15, 0x20000)
        c.send("s")
        assert c.receive() == b"Fwrite,2,21005,5" and answer("F5") == 0
        assert call(1, 0x21000, 4, 4).startswith("Fopen,")
        c.send("F-1,4,C")  # the user pressed Ctrl-C
        assert c.receive().startswith(b"T02")
        assert call(1, 0x21000, 4, 4).startswith("Fopen,")
        c.close()  # in the midst of a call
        c = e.client()
        assert c.ask("?").startswith("T")
        e.alive()


def devices_in_the_middle(folder):
    """A watchpoint that stops a multiple load behind a device access does not make it access the device again."""
    uart, code = 0x101f2000, 0x20000
    for way in ((), ("-icount", "shift=3"), ("-accel", "interp"), ("-accel", "jit,tier=1")):
        for watch_stays in (True, False):
            path = os.path.join(folder, "line")
            with Machine(folder, "-serial", "unix:%s,server=on,wait=off" % path, *way, paused=True) as e:
                c = e.client()
                c.use_xml()
                c.put(uart + 0x2c, b"\x70\0\0\0")  # FIFOs
                c.put(uart + 0x30, b"\x01\x03\0\0")
                line = socket.socket(socket.AF_UNIX)
                line.connect(path)
                line.sendall(b"abcd")
                for _ in range(500):
                    if not c.word(uart + 0x18) & 0x10:
                        break
                    time.sleep(0.01)
                c.put(code, struct.pack("<IIII", 0xe1a00000, 0xe8900006, 0xe1a00000, 0xeafffffe))  # nop; ldm r0, {r1, r2}; nop; b .
                c.set_reg(0, uart), c.set_reg(15, code)
                assert c.ask("Z3,%x,4" % (uart + 4)) == "OK"
                assert "rwatch:%x;" % (uart + 4) in c.cont() and c.pc() == code + 4
                if watch_stays:
                    assert c.ask("Z0,%x,4" % (code + 8)) == "OK" and c.cont().startswith("T05")
                else:
                    assert c.ask("z3,%x,4" % (uart + 4)) == "OK" and c.step().startswith("T05")
                got = c.pc(), c.reg(1) & 0xff, c.word(uart) & 0xff
                assert got == (code + 8, ord("a"), ord("b")), "%r %r: %r" % (way, watch_stays, got)
                e.alive()
                line.close()
                c.close()
            os.path.exists(path) and os.unlink(path)


def transports(folder):
    """tcp on this host only, another machine at the same port refused in one line, stdio."""
    with subprocess.Popen(board("-serial", "null", "-S", "-gdb", "tcp::0"), stdin=subprocess.DEVNULL) as p:
        time.sleep(0.3)
        ports = [line.split()[1] for line in open("/proc/%d/net/tcp" % p.pid) if line.split()[3] == "0A"]
        assert p.poll() is None and any(x.startswith("0100007F:") for x in ports), ports
        p.kill()
    bad = subprocess.run(board("-serial", "null", "-gdb", "nowhere:1"), stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, timeout=20)
    assert bad.returncode == 1 and bad.stderr.count(b"\n") == 1, bad
    with subprocess.Popen(board("-serial", "null", "-S", "-gdb", "stdio"), stdin=subprocess.PIPE, stdout=subprocess.PIPE) as p:
        p.stdin.write(b"$qC#b4+$k#6b")
        p.stdin.flush()
        assert p.wait(20) == 0 and p.stdout.read().startswith(b"+$QC1#c5+")


TESTS = (first_words, registers, memory, stops, reset_and_kill, clients_come_and_go, waits_for_its_debugger, noise, two_at_once,
         monitor, system_calls, devices_in_the_middle, transports)


def main():
    bad = 0
    for test in TESTS:
        with tempfile.TemporaryDirectory() as folder:
            try:
                test(folder)
                print("ok   " + test.__name__)
            except (AssertionError, Gone, OSError) as error:
                bad += 1
                print("FAIL %s: %s" % (test.__name__, test.__doc__))
                import traceback
                traceback.print_exc(file=sys.stdout)
    sys.exit(bad != 0)


main()
