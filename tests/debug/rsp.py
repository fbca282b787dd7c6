# SPDX-License-Identifier: Apache-2.0
"""A small client of GDB's remote protocol, for tests: it says exactly what it is told to."""
import os
import socket
import struct
import subprocess
import time


def checksum(body):
    return b"%02x" % (sum(body) & 255)


class Gone(Exception):
    """The other side closed the line."""


class Client:
    def __init__(self, path, timeout=20):
        end = time.monotonic() + timeout
        while True:
            self.line = socket.socket(socket.AF_UNIX if isinstance(path, str) else socket.AF_INET)
            try:
                self.line.connect(path)
                break
            except OSError:
                self.line.close()
                if time.monotonic() > end:
                    raise
                time.sleep(0.02)
        self.line.settimeout(timeout)
        if not isinstance(path, str):
            self.line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.rest = b""
        self.ack = True

    def close(self):
        self.line.close()

    def raw(self, data):
        self.line.sendall(data)

    def send(self, body):
        if isinstance(body, str):
            body = body.encode()
        self.raw(b"$" + body + b"#" + checksum(body))

    def byte(self):
        if not self.rest:
            self.rest = self.line.recv(65536)
            if not self.rest:
                raise Gone()
        c, self.rest = self.rest[:1], self.rest[1:]
        return c

    def receive(self):
        """The next packet's body."""
        while True:
            c = self.byte()
            if c == b"$":
                break
            if c == b"-":
                raise AssertionError("the stub did not like a packet")
        while b"#" not in self.rest or len(self.rest) < self.rest.index(b"#") + 3:
            more = self.line.recv(65536)
            if not more:
                raise Gone()
            self.rest += more
        at = self.rest.index(b"#")
        body, got, self.rest = self.rest[:at], self.rest[at + 1:at + 3], self.rest[at + 3:]
        assert got == checksum(body), "checksum %r of %r" % (got, body)
        if self.ack:
            try:
                self.raw(b"+")
            except BrokenPipeError:  # its last word
                pass
        return body

    def ask(self, body):
        self.send(body)
        return self.receive().decode("latin-1")

    def no_ack(self):
        assert self.ask("QStartNoAckMode") == "OK"
        self.ack = False

    def quiet(self, seconds=0.2):
        """True when nothing comes for so long."""
        old = self.line.gettimeout()
        self.line.settimeout(seconds)
        try:
            while not self.rest.strip(b"+"):
                more = self.line.recv(65536)
                if not more:
                    raise Gone()
                self.rest += more
            return False
        except socket.timeout:
            return True
        finally:
            self.line.settimeout(old)

    # ---- what tests ask for ----

    def use_xml(self):
        """The description's text; from now on `g` holds r0 to pc and cpsr."""
        text, at = "", 0
        while True:
            part = self.ask("qXfer:features:read:target.xml:%x,1000" % at)
            text += part[1:]
            at = len(text)
            if part[0] == "l":
                return text

    def regs(self):
        data = bytes.fromhex(self.ask("g"))
        return list(struct.unpack("<17I", data[:68]))

    def reg(self, n):
        return struct.unpack("<I", bytes.fromhex(self.ask("p%x" % n)))[0]

    def set_reg(self, n, value):
        assert self.ask("P%x=%s" % (n, struct.pack("<I", value & 0xffffffff).hex())) == "OK"

    def memory(self, addr, size):
        data = b""
        while len(data) < size:
            data += bytes.fromhex(self.ask("m%x,%x" % (addr + len(data), min(size - len(data), 0x400))))
        return data

    def word(self, addr):
        return struct.unpack("<I", self.memory(addr, 4))[0]

    def put(self, addr, data):
        assert self.ask("M%x,%x:%s" % (addr, len(data), data.hex())) == "OK"

    def step(self):
        return self.ask("s")

    def cont(self):
        return self.ask("c")

    def pc(self):
        return self.reg(15)


class Emulator:
    """An emulator with its stub on a socket in `folder`; ends with the block."""

    def __init__(self, command, folder, name="gdb", paused=True):
        self.path = os.path.join(folder, name)
        args = command + (["-S"] if paused else []) + ["-gdb", "unix:%s,server=on,wait=off" % self.path]
        self.log = open(self.path + ".out", "w+b")  # a pipe that nobody reads fills up
        self.process = subprocess.Popen(args, stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.log.close()

    def client(self, **kw):
        return Client(self.path, **kw)

    def said(self):
        self.log.seek(0)
        return self.log.read()

    def end(self, timeout=20):
        """Its exit status, which it must come to by itself."""
        return self.process.wait(timeout)
