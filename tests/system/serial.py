#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""serial.py EMULATOR PROGRAMS: every back end of -serial, several at once, and outputs that refuse what is written."""
import os
import re
import select
import signal
import socket
import subprocess
import sys
import tempfile
import termios
import time
import tty

from session import LIMIT, Failure, Session, check, command, run_all

emulator, programs = sys.argv[1], sys.argv[2]


def program(name):
    return os.path.join(programs, name + ".elf")


def start(name, *args):
    return Session(command(emulator, "-display", "none", "-kernel", program(name), *args), tty=False)


def wait_file(path, text):
    end = time.monotonic() + LIMIT
    while True:
        if os.path.exists(path):
            with open(path, "rb") as f:
                if text in f.read():
                    return
        check(time.monotonic() < end, "%r did not come into %s" % (text, path))
        time.sleep(0.02)


def stop(s, sig=signal.SIGTERM):
    s.signal(sig)
    s.end()


def receive(fd, text):
    """Reads from a descriptor or socket until `text` came."""
    got, end = b"", time.monotonic() + LIMIT
    while text not in got:
        check(time.monotonic() < end and select.select([fd], [], [], LIMIT)[0], "no %r, only %r" % (text, got))
        piece = os.read(fd if isinstance(fd, int) else fd.fileno(), 4096)
        check(piece, "the connection ended before %r; only %r" % (text, got))
        got += piece
    return got


def several():
    """Ports go to other places than those named in order, or a port not named is not silent."""
    with tempfile.TemporaryDirectory() as folder:
        a, b = os.path.join(folder, "a"), os.path.join(folder, "b")
        with start("echo", "-serial", "file:" + a, "-serial", "null", "-serial", "stdio", "-serial", "file:" + b) as s:
            s.until(b"ready 2\n")
            wait_file(a, b"ready 0\n")
            wait_file(b, b"ready 3\n")
            s.send(b"hello")
            s.until(b"HELLO")
            stop(s)
        with open(a, "rb") as f:
            check(f.read() == b"ready 0\n", "something else in port 0's file")


def too_many():
    """More ports than the board has are taken in silence."""
    with start("echo", *["-serial", "null"] * 4, "-serial", "stdio") as s:
        s.until(b"the board has 4 serial ports")
        s.end(1)


def connect(address, family=socket.AF_INET):
    end = time.monotonic() + LIMIT
    while True:
        try:
            c = socket.socket(family)
            c.connect(address)
            return c
        except OSError:
            c.close()
            check(time.monotonic() < end, "nobody listens at %s" % (address,))
            time.sleep(0.02)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def tcp_server():
    """A client cannot come, talk, go and come again."""
    port = free_port()
    with start("echo", "-serial", "tcp:127.0.0.1:%d,server=on,wait=off,nodelay=on" % port) as s:
        for word in (b"first", b"second"):
            with connect(("127.0.0.1", port)) as c:
                c.sendall(word)
                receive(c, word.upper())
        stop(s)


def tcp_server_waits():
    """Without wait=off the guest starts before its client is there, or a signal does not end the waiting."""
    port = free_port()
    with start("echo", "-serial", "tcp:127.0.0.1:%d,server" % port) as s:
        s.until(b"waiting for a connection")
        with connect(("127.0.0.1", port)) as c:
            receive(c, b"ready 0\n")
        stop(s)
    with start("echo", "-serial", "tcp:127.0.0.1:%d,server=on" % port) as s:
        s.until(b"waiting for a connection")
        stop(s)


def tcp_monitor():
    """mon: on a socket has no monitor."""
    port = free_port()
    with start("echo", "-serial", "mon:tcp:127.0.0.1:%d,server=on,wait=off" % port) as s:
        with connect(("127.0.0.1", port)) as c:
            c.sendall(b"\x01c")
            receive(c, b"(rhea) ")
            c.sendall(b"info status\r\n")
            receive(c, b"running")
            c.sendall(b"quit\r\n")
            s.end()


def tcp_client():
    """The guest does not outlive the server it talks to."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(1)
        with start("echo", "-serial", "tcp:127.0.0.1:%d" % server.getsockname()[1], "-serial", "stdio") as s:
            c, _ = server.accept()
            with c:
                receive(c, b"ready 0\n")
                c.sendall(b"word")
                receive(c, b"WORD")
            s.send(b"still here")
            s.until(b"STILL HERE")
            stop(s)


def unix_sockets():
    """unix: does not work as server or client, or leaves its socket behind."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "socket")
        with start("echo", "-serial", "unix:%s,server=on,wait=off" % path) as s:
            with connect(path, socket.AF_UNIX) as c:
                c.sendall(b"word")
                receive(c, b"WORD")
            stop(s)
        check(not os.path.exists(path), "the socket is still there")
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(path)
            server.listen(1)
            with start("echo", "-serial", "unix:" + path) as s:
                c, _ = server.accept()
                with c:
                    receive(c, b"ready 0\n")
                    stop(s)


def pseudo_terminal():
    """A terminal program cannot attach, leave and attach again."""
    with start("echo", "-serial", "pty") as s:
        s.until(b"char device redirected to ")
        path = s.until(b" (label serial0)").decode()
        for word in (b"first", b"second"):
            fd = os.open(path, os.O_RDWR | os.O_NOCTTY)
            tty.setraw(fd, termios.TCSANOW)
            time.sleep(0.3)  # it is looked at five times a second
            os.write(fd, word)
            receive(fd, word.upper())
            os.close(fd)
        stop(s)


def refused():
    """A back end that cannot be had is no one-line error with its name in it."""
    with socket.socket() as taken, socket.socket() as silent, tempfile.TemporaryDirectory() as folder:
        silent.bind(("127.0.0.1", 0))  # nobody else can have it, and it does not listen
        taken.bind(("127.0.0.1", 0))
        taken.listen(1)
        port = taken.getsockname()[1]
        for spec, reason in [
                ("tcp:127.0.0.1:%d" % silent.getsockname()[1], "refused"),
                ("tcp:127.0.0.1:%d,server=on,wait=off" % port, "in use"),
                ("tcp:127.0.0.1", "HOST:PORT"),
                ("tcp:127.0.0.1:", "port number is missing"),
                ("tcp:127.0.0.1:65536,server=on,wait=off", "above 65535"),
                ("tcp:127.0.0.1:notaport", "tcp:127.0.0.1:notaport"),
                ("tcp:127.0.0.1:%d,sever=on" % port, "unknown option 'sever=on'"),
                ("unix:" + os.path.join(folder, "nobody"), "No such file"),
                ("unix:" + folder + "/" + "x" * 200, "too long"),
                ("unix:", "missing"),
                ("file:" + folder, "directory"),
                ("file:" + os.path.join(folder, "no", "folder"), "No such file"),
                ("file:", "file name"),
                ("stdoi", "stdio"),
                ("", "names no serial back end"),
                ("mon:null", "mon:"),
        ]:
            with start("echo", "-serial", spec) as s:
                s.end(1)
                text = s.seen.decode()
                check(reason in text and text.count("\n") == 1, "%s: %r" % (spec, text))


def full_disk():
    """A full disk behind a port or the log loses the guest."""
    with start("echo", "-serial", "file:/dev/full", "-serial", "stdio", "-d", "exec,nochain", "-D", "/dev/full") as s:
        s.until(b"ready 1")
        s.send(b"word")
        s.until(b"WORD")
        stop(s)
        check(b"log is incomplete" in s.all and b"serial0" in s.all, "no word about it: %r" % s.all)


def closed_pipe():
    """The guest, or the emulator, ends because nobody reads what it prints."""
    with tempfile.TemporaryDirectory() as folder:
        other = os.path.join(folder, "other")
        read_end, write_end = os.pipe()
        p = subprocess.Popen(command(emulator, "-display", "none", "-kernel", program("echo"), "-serial", "stdio",
                                     "-serial", "file:" + other, "-d", "int", "-D", "/dev/stdout"),
                             stdin=subprocess.PIPE, stdout=write_end, stderr=subprocess.PIPE)
        os.close(write_end)
        os.close(read_end)
        wait_file(other, b"ready 1")
        p.stdin.write(b"x" * 1000)
        p.stdin.flush()
        time.sleep(0.3)
        check(p.poll() is None, "it ended with status %s" % p.returncode)
        p.terminate()
        _, err = p.communicate(timeout=LIMIT)
        check(p.returncode == 0 and b"serial0" in err, "status %d, %r" % (p.returncode, err))


def reader_asleep():
    """A reader that takes nothing holds the guest for ever, or keeps a signal from ending it."""
    with tempfile.TemporaryDirectory() as folder:
        fifo = os.path.join(folder, "fifo")
        os.mkfifo(fifo)
        held = os.open(fifo, os.O_RDWR | os.O_NONBLOCK)
        with start("flood", "-serial", "file:" + fifo, "-monitor", "none") as s:
            time.sleep(0.5)
            begin = time.monotonic()
            s.signal(signal.SIGTERM)
            s.end(seconds=8)
            check(time.monotonic() - begin < 6, "it took %.1f s to end" % (time.monotonic() - begin))
        os.close(held)


def terminal_vanishes():
    """The emulator spins or dies when its terminal is closed without a signal."""
    import pty
    master, slave = pty.openpty()
    with tempfile.TemporaryDirectory() as folder:
        other = os.path.join(folder, "other")
        p = subprocess.Popen(command(emulator, "-nographic", "-serial", "mon:stdio", "-serial", "file:" + other,
                                     "-kernel", program("echo")),
                             stdin=slave, stdout=slave, stderr=slave, start_new_session=True)
        os.close(slave)
        wait_file(other, b"ready 1")
        os.close(master)
        time.sleep(0.3)
        check(p.poll() is None, "it ended with status %s" % p.returncode)
        p.terminate()
        try:
            check(p.wait(LIMIT) == 0, "exit status %d" % p.returncode)
        except subprocess.TimeoutExpired:
            p.kill()
            raise Failure("SIGTERM did not end it") from None


run_all([(t.__name__, t) for t in (several, too_many, tcp_server, tcp_server_waits, tcp_monitor, tcp_client, unix_sockets,
                                   pseudo_terminal, refused, full_disk, closed_pipe, reader_asleep, terminal_vanishes)])
