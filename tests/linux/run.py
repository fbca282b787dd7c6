#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Boots Linux and works in it. run.py NAME [--cache DIR] [--boot PROGRAM]; without a NAME, the list.

Environment: RHEA (the emulator), QEMU (default qemu-system-arm; none = leave out), RHEA_IMAGES (folder with zImage,
versatile-pb.dtb, initrd.gz), RHEA_CACHE (where build-kernel.sh puts such a folder). Exit status 77: skipped, with the reason.
"""
import argparse
import difflib
import functools
import gzip
import hashlib
import http.server
import os
import re
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
import zlib
from pathlib import Path

sys.dont_write_bytecode = True
import normal
import userland
from guest import HERE, Failure, Guest, arguments, check, images, skip

RHEA = os.environ.get("RHEA", "build/cli/rhea-system-arm")


def rhea(folder, append="", *more, **how):
    return Guest([Path(RHEA).resolve(), *arguments(folder, append, **how), *more])


# ---- boots ---------------------------------------------------------------------------------------------------------

def boot(a):
    """The images boot, print what they print on QEMU, and their reset ends the emulator under -no-reboot."""
    with rhea(a.images, "", "-no-reboot") as g:
        g.expect("BOOT-OK")
        g.expect("ALL-DONE\n")
        check(g.exit_status() == 0, "-no-reboot: the status is not 0")
        g.check_clean()
        ours = g.text
    qemu = os.environ.get("QEMU", "qemu-system-arm")
    if not shutil.which(qemu):
        print("note: no QEMU, the transcript was not compared")
        return
    with Guest([qemu, *arguments(a.images), "-no-reboot"]) as g:
        g.expect("ALL-DONE\n")
        g.exit_status()
        different = normal.differences(ours, g.text, HERE / "differences.txt")
    check(not different, "the console differs from QEMU's (+ only ours, - only QEMU's):\n  " + "\n  ".join(different))


def interp(a):
    """The interpreter boots to the shell, too."""
    with rhea(a.images, "shell", "-accel", "interp") as g:
        g.end += 3600
        g.expect("BOOT-OK", 3600)
        g.expect("ALL-DONE\n", 3600)
        g.expect("[#$] ", 600)
        g.check_clean()


def program(a, accel, insns):
    if not a.boot:
        skip("no program given with --boot")
    with tempfile.TemporaryDirectory() as d:
        p = subprocess.run([Path(a.boot).resolve(), accel, str(insns), *(a.images / f for f in ("zImage", "versatile-pb.dtb", "initrd.gz"))],
                           cwd=d, capture_output=True, check=False)
        log = (Path(d) / "boot.log").read_text(errors="replace")[-3000:] if (Path(d) / "boot.log").exists() else ""
    check(p.returncode == 0, p.stderr.decode() + log)
    return p.stdout


def lockstep(a):
    """Interpreter and translated code agree after every block of the first 50 million instructions."""
    program(a, "lockstep", 50000000)


def lockstep_regions(a):
    """So they do with regions wherever they can be made, and with trouble."""
    program(a, "lockstep-regions", 100000000)


def disturbed(a):
    """Under trouble (runtime/trouble.h) and with regions wherever they can be made a boot prints the same, instruction for instruction."""
    one = program(a, "jit", 200000000)
    check(b"Linux version" in one, "no kernel was seen to start")
    for way in ("regions", "trouble", "regions-trouble"):
        check(one == program(a, way, 200000000), f"the boot with {way} differs")


def same(a):
    """Two boots that count instructions as time are the same; so is the interpreter's."""
    one = program(a, "jit", 200000000)
    check(b"Linux version" in one, "no kernel was seen to start")
    check(one == program(a, "jit", 200000000), "two runs under -icount differ")
    check(one == program(a, "interp", 200000000), "the interpreter's run under -icount differs")


def snapshots(a):
    """What is saved at a random point of a boot, in memory and in a file, goes on as if nothing had been."""
    if not a.snapshots:
        skip("no program given with --snapshots")
    p = subprocess.run([Path(a.snapshots).resolve(), *(a.images / f for f in ("zImage", "versatile-pb.dtb", "initrd.gz"))],
                       capture_output=True, check=False)
    print(p.stdout.decode(errors="replace"))
    check(p.returncode == 0, p.stderr.decode(errors="replace"))


def replay(a):
    """A session of somebody who types, with a network and host time between the keys, comes out of its recording again."""
    with tempfile.TemporaryDirectory() as d:
        with rhea(a.images, "shell", "-no-reboot", "-icount", "shift=2", "-record", f"{d}/r") as g:
            g.enter_shell()
            g.command("for i in 1 2 3; do ls -l /proc/$$; date; sleep 0.3; done; cat /proc/interrupts; cat /proc/uptime")
            g.command("ifconfig eth0 10.0.2.15 up; route add default gw 10.0.2.2; ping -c 2 10.0.2.2; ifconfig; true", status=None)
            g.type("\x01x")
            check(g.exit_status() == 0, "recording: the status is not 0")
            first = g.text.replace("rhea: Terminated\n", "")
        size = Path(f"{d}/r").stat().st_size
        with rhea(a.images, "shell", "-no-reboot", "-icount", "shift=2", "-replay", f"{d}/r") as g:
            if g.exit_status(150):
                g.fail("replay: the status is not 0")
            check(g.text == first, "the replay prints something else:\n" + "\n".join(list(difflib.unified_diff(
                first.splitlines(), g.text.splitlines(), "recorded", "replayed", lineterm=""))[:40]))
        print(f"ok, {size} bytes of recording for {len(first)} of output")


# ---- other formats -------------------------------------------------------------------------------------------------

def uimage(data, load, kind, packed):
    """U-Boot's legacy header before the data."""
    def header(crc):
        return struct.pack(">7I4B32s", 0x27051956, crc, 0, len(data), load, load, zlib.crc32(data), 5, 2, kind, packed, b"test")
    return header(zlib.crc32(header(0))) + data


def unpacked(zimage):
    """The kernel inside a zImage that was packed with gzip; None for another packer."""
    at = zimage.find(b"\x1f\x8b\x08")
    try:
        return zlib.decompressobj(31).decompress(zimage[at:]) if at >= 0 else None
    except zlib.error:
        return None


def formats(a):
    """uImage, gzip in and around it, U-Boot's RAM disk, an unpacked Image: all get as far as an unpacked RAM disk."""
    zimage, initrd = ((a.images / f).read_bytes() for f in ("zImage", "initrd.gz"))
    kinds = [("uImage", uimage(zimage, 0x8000, 2, 0)), ("uImage.gz", uimage(gzip.compress(zimage, 1), 0x20000, 2, 1)),
             ("zImage.gz", gzip.compress(zimage, 1)), ("Image", unpacked(zimage))]
    with tempfile.TemporaryDirectory() as d:
        (Path(d) / "uInitrd").write_bytes(uimage(initrd, 0, 3, 0))
        for name, data in kinds:
            if data is None:
                print("note: this zImage is not packed with gzip: Image is left out")
                continue
            (Path(d) / name).write_bytes(data)
            with rhea(a.images, "check=me", kernel=Path(d) / name, initrd=Path(d) / "uInitrd") as g:
                g.expect("Kernel command line: console=ttyAMA0 check=me", 60)
                g.expect(r"Freeing initrd memory: \d+K", 60)
                print(f"ok {name}")


# ---- the shell -----------------------------------------------------------------------------------------------------

def in_shell(a, parts, *more):
    """Runs functions of userland.py in one guest."""
    with rhea(a.images, "shell", *more) as g, tempfile.TemporaryDirectory() as d:
        g.end += 3000
        g.enter_shell()
        for part, argument in parts:
            part(g, Path(d) if part is userland.storms else argument)
            print(f"ok {part.__name__}", flush=True)
        g.command("dmesg")
        g.check_clean()


def shell(a):
    """Userland works; an idle guest costs nothing; a second is a second."""
    u = userland
    in_shell(a, [(u.cpu, 0), (u.sums, 0), (u.archives, 0), (u.scripts, 0), (u.signals, 0), (u.forks, 200), (u.storms, 0), (u.clock, 0), (u.idle, 0)])


def forks(a):
    """10,000 forks, and every storm again."""
    in_shell(a, [(userland.forks, 10000), (userland.storms, 0), (userland.sums, 0)])


def interactive(a):
    """Editing on the terminal: the line is echoed, Ctrl-C ends a program, Ctrl-D the shell."""
    with rhea(a.images, "shell", "-no-reboot") as g:
        g.expect("ALL-DONE\n")
        g.expect("[#$] ")
        g.type("echo a$((40+2))z\n")
        g.expect("a42z\n")
        g.expect("[#$] ")
        # What is typed while the shell's editor still holds the terminal is text for the program: let the program speak first.
        g.type("sh -c 'echo be\"\"gun; exec sleep 1000'\n")
        g.expect("begun\n")
        g.type("\x03")
        g.expect("[#$] ", 60)
        g.type("echo again\n")
        g.expect("\nagain\n", 60)
        g.type("\x01x")  # the emulator's own key
        check(g.exit_status() == 0, "Ctrl-A X: the status is not 0")


# ---- ends ----------------------------------------------------------------------------------------------------------

def reset(a):
    """reboot starts the kernel again, any number of times; under -no-reboot it is the end."""
    with rhea(a.images, "shell") as g:
        for _ in range(2):
            g.expect("Linux version")
            g.enter_shell()
            g.type("reboot -f\n")
        g.expect("BOOT-OK")
        g.check_clean()


def poweroff(a):
    """A program in the guest ends the emulator with its own status, by semihosting from user mode."""
    with tempfile.TemporaryDirectory() as d, rhea(a.images, "shell", "-semihosting-config", "enable=on,userspace=on") as g:
        exe = userland.build_program("poweroff", Path(d))
        if not exe:
            skip("no ARM compiler")
        g.enter_shell()
        name = userland.upload(g, exe)
        g.type(f"exec {name}\n")
        check(g.exit_status() == 42, f"status {g.p.returncode}, not 42")


# ---- disk and network ----------------------------------------------------------------------------------------------

def card(folder, name, mib):
    image = Path(folder) / name
    image.write_bytes(b"")
    os.truncate(image, mib << 20)
    return image


def sd(image, index, *more):
    return ["-drive", ",".join([f"file={image}", "if=sd", "format=raw", f"index={index}", *more])]


def disk(a):
    """File systems on SD cards hold what was written, over a reboot and a killed emulator; the host sees it too."""
    with tempfile.TemporaryDirectory() as d:
        image, fat = card(d, "disk.img", 64), card(d, "fat.img", 32)
        mkfs = shutil.which("mkfs.vfat", path=os.environ["PATH"] + ":/usr/sbin:/sbin")
        made_fat = mkfs and subprocess.run([mkfs, fat], capture_output=True, check=False).returncode == 0
        mount = "mkdir -p /mnt /fat; mount -t ext4 /dev/mmcblk0 /mnt || mount -t ext2 /dev/mmcblk0 /mnt"
        with rhea(a.images, "shell", *sd(image, 0), *sd(fat, 1)) as g:
            g.enter_shell()
            g.command("test -b /dev/mmcblk0 && test -b /dev/mmcblk1")
            check(int(g.command("cat /sys/block/mmcblk0/size")) == (64 << 20) // 512, "the card has another size")
            g.command(f"mke2fs /dev/mmcblk0 || mkfs.ext2 /dev/mmcblk0; {mount}", 300)
            has_fat = made_fat and g.command("mount -t vfat /dev/mmcblk1 /fat && umount /fat && echo good", status=None).endswith("good")
            if has_fat:
                g.command("mount -t vfat /dev/mmcblk1 /fat && seq 1 50000 >/fat/numbers && umount /fat", 300)
            else:
                print("note: no mkfs.vfat here, or this kernel lacks FAT or its code page: FAT is left out")
            g.command("seq 1 200000 >/mnt/numbers; cp /bin/busybox /mnt; mkdir /mnt/d; for i in $(seq 1 100); do echo $i >/mnt/d/$i; done; sync", 300)
            g.command("umount /mnt")
            g.type("reboot -f\n")
            g.enter_shell()
            g.command(mount)
            want = hashlib.md5(userland.numbers(200000)).hexdigest()
            check(g.command("md5sum </mnt/numbers", 300).split()[0] == want, "what was written is not what is read")
            g.command("cmp /bin/busybox /mnt/busybox; test $(cat /mnt/d/* | wc -l) = 100", 300)
            if has_fat:
                want = hashlib.md5(userland.numbers(50000)).hexdigest()
                check(g.command("mount -t vfat /dev/mmcblk1 /fat && md5sum </fat/numbers", 300).split()[0] == want, "FAT: not what was written")
            g.command("echo last-words-of-the-guest >/mnt/d/last; umount /mnt", 300)
            g.check_clean()
        # the end of `with` has killed the emulator
        data = image.read_bytes()
        check(data[0x438:0x43a] == b"\x53\xef", "no ext2 superblock in the image file")
        check(b"last-words-of-the-guest" in data, "what the guest had written out is not in the image file")
        if shutil.which("e2fsck"):
            p = subprocess.run(["e2fsck", "-fn", image], capture_output=True, check=False)
            check(p.returncode == 0, "e2fsck: " + p.stdout.decode())


def damaged(a):
    """Damaged images: what the kernel says of them, and an emulator that still listens."""
    zimage, dtb, initrd = ((a.images / f).read_bytes() for f in ("zImage", "versatile-pb.dtb", "initrd.gz"))

    def wound(data, at, n):
        return data[:at] + bytes(b ^ 0x5a for b in data[at:at + n]) + data[at + n:]

    mounts = r"Kernel panic - not syncing: (VFS|No working init)"
    with tempfile.TemporaryDirectory() as d:
        for name, words, kernel, tree, disk_ in (
                ("zImage", None, wound(zimage, len(zimage) // 2, 4000), dtb, initrd),
                ("zImage's end", None, wound(zimage, len(zimage) - 60000, 30000), dtb, initrd),
                ("zImage's start", None, wound(zimage, 0x400, 4000), dtb, initrd),
                ("initrd", mounts, zimage, dtb, wound(initrd, 1000, 4000)),
                ("short initrd", mounts, zimage, dtb, initrd[:5000]),
                ("device tree", None, zimage, dtb.replace(b"arm,versatile-pb", b"orm,versatile-pb"), initrd),
                ("devices of the tree", None, zimage, dtb.replace(b"arm,pl", b"arm,qm").replace(b"arm,sp804", b"arm,sp805"), initrd)):
            folder = Path(d)
            for f, data in (("zImage", kernel), ("versatile-pb.dtb", tree), ("initrd.gz", disk_)):
                (folder / f).write_bytes(data)
            with rhea(folder, "") as g:
                if words:
                    g.expect(words)
                else:
                    for _ in range(3):
                        g.read(1)
                g.type("\x01x")
                check(g.exit_status() == 0, f"{name}: status {g.p.returncode}")
            print(f"ok {name}", flush=True)


def trouble(a):
    """Read-only, cut and full disks are errors in the guest, which lives on; images change only where they may."""
    with tempfile.TemporaryDirectory() as d:
        fixed, cut = card(d, "fixed.img", 8), card(d, "cut.img", 16)
        fixed.write_bytes(b"fixed!!!" * (1 << 20))
        with rhea(a.images, "shell", *sd(fixed, 0, "readonly=on"), *sd(cut, 1)) as g:
            g.enter_shell()
            check(g.command("cat /sys/block/mmcblk0/ro") == "1", "a read-only image is a card that can be written")
            g.command("head -c 16 /dev/mmcblk0 | grep -q 'fixed!!!fixed!!!'")
            g.command("! dd if=/dev/zero of=/dev/mmcblk0 bs=4k count=1 conv=fsync")
            g.command("dd if=/dev/mmcblk1 of=/dev/null bs=64k count=16")
            os.truncate(cut, 4 << 20)
            g.command("! dd if=/dev/mmcblk1 of=/dev/null bs=64k skip=200 count=8", 300)
            g.command("dd if=/dev/mmcblk1 of=/dev/null bs=64k skip=32 count=8; echo alive", 300)
        check(fixed.read_bytes() == b"fixed!!!" * (1 << 20), "a read-only image has changed")
        full = card(d, "full.img", 128)
        limited = ["bash", "-c", 'ulimit -f 73728; exec "$@"', "-"]  # KiB: what lies beyond finds no room
        argv = [*limited, Path(RHEA).resolve(), *arguments(a.images, "shell"), *sd(fixed, 0, "snapshot=on"), *sd(full, 1)]
        with Guest(argv) as g:
            g.enter_shell()
            g.command("seq 1 100000 | head -c 524288 >/dev/mmcblk0; sync; echo 3 >/proc/sys/vm/drop_caches")
            want = hashlib.md5(userland.numbers(100000)[:524288]).hexdigest()
            check(g.command("head -c 524288 /dev/mmcblk0 | md5sum").split()[0] == want, "snapshot=on forgets what was written")
            g.command("seq 1 100000 | dd of=/dev/mmcblk1 bs=64k count=8 conv=fsync")
            g.command("! dd if=/dev/zero of=/dev/mmcblk1 bs=64k seek=1200 count=4 conv=fsync", 300)
            want = hashlib.md5(full.read_bytes()[:65536]).hexdigest()
            check(g.command("echo 3 >/proc/sys/vm/drop_caches; head -c 65536 /dev/mmcblk1 | md5sum", 300).split()[0] == want, "a full host spoils what lies before")
            g.err.seek(0)
            check(b"the guest sees a disk error" in g.err.read(), "nothing on stderr about the full disk")
        check(fixed.read_bytes() == b"fixed!!!" * (1 << 20), "snapshot=on has changed the image")


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


def from_port(port):
    """What the guest's server says; its nc may not listen yet when its shell has said so."""
    for _ in range(60):
        with socket.create_connection(("127.0.0.1", port), 60) as c:
            c.shutdown(socket.SHUT_WR)
            data = b""
            try:
                while more := c.recv(1000):
                    data += more
            except ConnectionResetError:
                pass
            if data:
                return data
        time.sleep(0.5)
    return b""


def net(a):
    """A server on the host's loopback is reached by wget through user networking, a server in the guest by hostfwd; a
    peer that vanishes is an error and no more."""
    with tempfile.TemporaryDirectory() as d:
        data = os.urandom(3000000)
        (Path(d) / "file").write_bytes(data)
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=d))
        threading.Thread(target=server.serve_forever, daemon=True).start()
        vanishing = socket.create_server(("127.0.0.1", 0))
        vanishing_port = vanishing.getsockname()[1]

        def half_an_answer():
            peer, _ = vanishing.accept()
            peer.recv(100)
            peer.sendall(b"HTTP/1.0 200 OK\r\nContent-Length: 1000000\r\n\r\n" + bytes(100000))
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            peer.close()

        threading.Thread(target=half_an_answer, daemon=True).start()
        with socket.create_server(("127.0.0.1", 0)) as probe:
            port = probe.getsockname()[1]
        with rhea(a.images, "shell", "-nic", f"user,hostfwd=tcp:127.0.0.1:{port}-:2222") as g:
            g.enter_shell()
            g.command("ifconfig eth0 10.0.2.15 netmask 255.255.255.0 up; route add default gw 10.0.2.2; ping -c 2 -W 5 10.0.2.2", 60)
            out = g.command(f"wget -q -O - http://10.0.2.2:{server.server_port}/file | md5sum", 120)
            check(out.split()[0] == hashlib.md5(data).hexdigest(), f"what wget got is not what was served: {out}")
            g.command(f"! wget -q -O /dev/null http://10.0.2.2:{vanishing_port}/", 120)
            vanishing.close()
            g.command(f"! wget -q -O /dev/null http://10.0.2.2:{vanishing_port}/", 120)  # nobody listens any more
            g.type("echo listen''ing; echo from-the-guest | nc -l -p 2222; echo served\n")
            g.expect("listening\n")
            check(from_port(port) == b"from-the-guest\n", "hostfwd does not reach the guest")
            g.expect("served\n")
            out = g.command(f"wget -q -O - http://10.0.2.2:{server.server_port}/file | md5sum", 120)
            check(out.split()[0] == hashlib.md5(data).hexdigest(), "after a peer has vanished the network does not work")
            g.check_clean()
        server.shutdown()


# ---- the kernel's own tests ----------------------------------------------------------------------------------------

# What each test says when all is well.
SELFTESTS = (
    r"test_hexdump: all \d+ tests passed", r"IDA: (\d+) of \1 tests passed", r"min_heap_test: test passed", r"test_printf: all \d+ tests",
    r"test_scanf: all \d+ tests", r"test_bitmap: all \d+ tests", r"test_uuid: all \d+ tests", r"XArray: (\d+) of \1 tests passed",
    r"test_memcat_p: test passed", r"test_meminit: all \d+ tests", r"crc32: self tests passed", r"crc32c: self tests passed",
    r"atomic64_test: passed", r"glob: \d+ self-tests passed, 0 failed", r"\] ok \d+ list-kunit-test", r"\] ok \d+ memcpy",
    r"rcu-torture: Reader Pipe:  \d+")
SELFTEST_BAD = re.compile(r"alg: .*fail|!!!|\bnot ok \d|test failed|self-test failed|\b[1-9]\d* failed|failures: [1-9]|failed [1-9]\d* out of|"
                          r"fail:[1-9]|Oops|BUG:|Internal error|Kernel panic|unhandled|detected stall|WARNING: (?!.*lib/idr\.c:)")  # the IDA test warns on purpose


def debugger(a):
    """GDB in a running Linux: breakpoints and watchpoints in kernel and programs, steps through system calls, all of it back in time; then the
    shell works on as if nothing had been."""
    sys.path.insert(0, str(HERE.parent / "debug"))
    from gdb_client import GDB, Gdb
    if not GDB:
        skip("gdb-multiarch is not installed (./dev setup)")
    svc = 0xffff0008
    with tempfile.TemporaryDirectory() as folder:
        line = os.path.join(folder, "gdb")
        with rhea(a.images, "shell", "-icount", "shift=3", "-S", "-gdb", f"unix:{line},server=on,wait=off") as g, Gdb(None) as d:
            try:
                debug_session(g, d, line, svc)
            except AssertionError as e:
                raise Failure(str(e)) from e


def debug_session(g, d, line, svc):
    end = time.monotonic() + 20
    while not os.path.exists(line) and time.monotonic() < end:
        time.sleep(0.02)
    mode = lambda: d.value("$cpsr & 0x1f")
    pc = lambda: d.value("$pc") & 0xffffffff
    here = lambda: d.say("info registers") + d.say("x/32wx $sp")
    d.say("set architecture armv5te")
    d.say("target remote " + line)
    # A system call, from the program and back to it.
    d.say(f"break *{svc:#x}")
    d.say("continue", f"{svc:#010x} in")
    caller = d.value("$lr") - 4
    check(mode() == 0x13, "the vector of SVC is not in its mode")
    d.say("delete")
    d.say("reverse-stepi")
    check(pc() == caller and mode() == 0x10, "a step back from the vector is not the SVC of the program")
    d.say("x/i $pc", r"\tsvc\t")
    d.say("stepi")
    check(pc() == svc, "a step forward is not the vector")
    places = []
    for _ in range(60):
        places.append(here())
        d.say("stepi")
    for place in reversed(places):
        d.say("reverse-stepi")
        check(here() == place, "a step back is not where it was")
    # The kernel's stack of this process, which every call writes to.
    d.say("stepi 5")
    d.say("watch *(unsigned *)($sp - 16)", "atchpoint")
    there = re.search(r"Old value = (\d+).*New value = (\d+)", d.say("continue"), re.S)
    again = re.search(r"Old value = (\d+).*New value = (\d+)", d.say("continue"), re.S)
    check(there and again, "the watchpoint is met by nothing")
    back = re.search(r"Old value = (\d+).*New value = (\d+)", d.say("reverse-continue"), re.S)
    check(back and back.groups() == again.groups()[::-1], "the watchpoint is not met backwards")
    d.say("delete")
    # The shell, with input, and back from there.
    d.type("continue")
    g.enter_shell()
    check(g.command("echo $((6 * 7))") == "42", "the shell cannot multiply")
    d.interrupt()
    d.until(b"SIGINT")
    d.until()
    last = int(re.search(r"now at instruction (\d+)", d.say("monitor info history")).group(1))
    said = len(g.text)
    d.say(f"break *{svc:#x}")
    for _ in range(5):
        d.say("reverse-continue", f"{svc:#010x} in")
    d.say("delete")
    for _ in range(20):
        d.say("reverse-stepi")
    started = time.monotonic()
    d.say("reverse-stepi")
    took = time.monotonic() - started
    check(took < 1, f"a step back took {took:.2f} s")
    check(int(re.search(r"now at instruction (\d+)", d.say("monitor info history")).group(1)) < last, "the past is not the past")
    d.say("detach", "detached")
    check(g.command("echo still-here; cat /proc/loadavg >/dev/null") == "still-here", "the shell is gone")
    check(g.text.count("\n42\n") == 1 and len(g.text) > said, "what was printed is printed again")
    g.check_clean()


def selftest(a):
    """Crypto test manager, lib/test_*, KUnit and a minute of rcutorture: no failures."""
    kernel = a.images / "zImage-selftest"
    if not kernel.exists():
        skip("no zImage-selftest: tests/linux/build-kernel.sh --selftest builds it")
    # No expedited grace periods: without inter-processor interrupts this kernel queues the work that ends one of them twice, and
    # then walks a list that goes round in a circle (rcu_read_unlock_special). test_meminit is about init_on_alloc.
    # Grace periods wait for the tests of the lists, which read for long.
    append = ("shell rcutorture.stat_interval=15 torture.disable_onoff_at_boot rcupdate.rcu_normal=1 rcupdate.rcu_cpu_stall_timeout=300 "
              "init_on_alloc=1 log_buf_len=4M")
    with rhea(a.images, append, kernel=kernel) as g:
        g.end += 3000
        g.enter_shell(1500)
        g.command("sleep 60", 600)
        crypto = g.command("cat /proc/crypto", 300)
        log = g.text + g.command("dmesg", 600)
    bad = [line for line in log.splitlines() if SELFTEST_BAD.search(line)]
    check(not bad, "a self-test failed:\n  " + "\n  ".join(bad[:20]))
    for words in SELFTESTS:
        check(re.search(words, log), f"no /{words}/ in the log: the test did not run to its end")
    results = re.findall(r"^selftest *: (\w+)", crypto, re.M)
    check(len(results) > 30 and set(results) == {"passed"}, f"crypto: {len(results)} algorithms, {sorted(set(results))}")
    print(f"{len(results)} algorithms, {len(set(re.findall(r'] ok [0-9]+ ([^ ]+)', log)))} KUnit suites")


TESTS = (boot, shell, formats, interactive, reset, poweroff, disk, damaged, trouble, net, lockstep, lockstep_regions, disturbed, debugger, same, snapshots, replay,
         interp, forks, selftest)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("name", nargs="?", choices=[t.__name__ for t in TESTS])
    p.add_argument("--cache", default="", help="folder that build-kernel.sh fills by default")
    p.add_argument("--boot", default="", help="the program built from boot.c")
    p.add_argument("--snapshots", default="", help="the program built from snapshots.c")
    a = p.parse_args()
    if not a.name:
        for t in TESTS:
            print(f"{t.__name__:12} {t.__doc__}")
        return 0
    a.images = images(a.cache)
    if not Path(RHEA).exists():
        print(f"run.py: no emulator {RHEA} (RHEA=...)")
        return 1
    try:
        next(t for t in TESTS if t.__name__ == a.name)(a)
    except Failure as e:
        print(f"FAILED {a.name}: {e}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
