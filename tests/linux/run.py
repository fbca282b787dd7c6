#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Boots Linux and works in it. run.py NAME [--cache DIR] [--boot PROGRAM]; without a NAME, the list.

Environment: RHEA (the emulator), QEMU (default qemu-system-arm; none = leave out), RHEA_IMAGES (folder with zImage,
versatile-pb.dtb, initrd.gz), RHEA_CACHE (where build-kernel.sh puts such a folder). Exit status 77: skipped, with the reason.
"""
import argparse
import functools
import gzip
import hashlib
import http.server
import os
import shutil
import struct
import subprocess
import sys
import tempfile
import threading
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


def same(a):
    """Two boots that count instructions as time are the same; so is the interpreter's."""
    one = program(a, "jit", 200000000)
    check(b"Linux version" in one, "no kernel was seen to start")
    check(one == program(a, "jit", 200000000), "two runs under -icount differ")
    check(one == program(a, "interp", 200000000), "the interpreter's run under -icount differs")


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

def option_there(*words):
    p = subprocess.run([Path(RHEA).resolve(), "-M", "versatilepb", "-display", "none", "-kernel", "/nonexistent", *words], capture_output=True,
                       stdin=subprocess.DEVNULL, check=False, timeout=20)
    return b"not implemented" not in p.stderr


def disk(a):
    """A file system on the SD card holds what was written, over a reboot; the host sees it too."""
    if not option_there("-drive", "file=/nonexistent,if=sd,format=raw"):
        skip("-drive is not implemented yet")
    with tempfile.TemporaryDirectory() as d:
        image = Path(d) / "disk.img"
        image.write_bytes(b"")
        os.truncate(image, 64 << 20)
        with rhea(a.images, "shell", "-drive", f"file={image},if=sd,format=raw") as g:
            g.enter_shell()
            g.command("test -b /dev/mmcblk0")
            check(int(g.command("cat /sys/block/mmcblk0/size")) == (64 << 20) // 512, "the card has another size")
            g.command("mke2fs /dev/mmcblk0 || mkfs.ext2 /dev/mmcblk0; mkdir -p /mnt; mount -t ext4 /dev/mmcblk0 /mnt || mount -t ext2 /dev/mmcblk0 /mnt")
            g.command("seq 1 200000 >/mnt/numbers; cp /bin/busybox /mnt; mkdir /mnt/d; for i in $(seq 1 100); do echo $i >/mnt/d/$i; done; sync", 300)
            g.command("umount /mnt")
            g.type("reboot -f\n")
            g.enter_shell()
            g.command("mkdir -p /mnt; mount -t ext4 /dev/mmcblk0 /mnt || mount -t ext2 /dev/mmcblk0 /mnt")
            want = hashlib.md5(userland.numbers(200000)).hexdigest()
            check(g.command("md5sum </mnt/numbers", 300).split()[0] == want, "what was written is not what is read")
            g.command("cmp /bin/busybox /mnt/busybox; test $(cat /mnt/d/* | wc -l) = 100; umount /mnt", 300)
            g.check_clean()
        check(image.read_bytes()[0x438:0x43a] == b"\x53\xef", "no ext2 superblock in the image file")


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


def net(a):
    """A server on the host's loopback is reached by wget through user networking."""
    if not option_there("-nic", "user"):
        skip("-nic user is not implemented yet")
    with tempfile.TemporaryDirectory() as d:
        data = os.urandom(3000000)
        (Path(d) / "file").write_bytes(data)
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=d))
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with rhea(a.images, "shell", "-nic", "user") as g:
            g.enter_shell()
            g.command("ifconfig eth0 10.0.2.15 netmask 255.255.255.0 up; route add default gw 10.0.2.2; ping -c 2 -W 5 10.0.2.2", 60)
            out = g.command(f"wget -q -O - http://10.0.2.2:{server.server_port}/file | md5sum", 120)
            check(out.split()[0] == hashlib.md5(data).hexdigest(), f"what wget got is not what was served: {out}")
            g.check_clean()
        server.shutdown()


# ---- the kernel's own tests ----------------------------------------------------------------------------------------

def selftest(a):
    """Crypto test manager, lib/test_* and a minute of rcutorture: no failures."""
    kernel = a.images / "zImage-selftest"
    if not kernel.exists():
        skip("no zImage-selftest: tests/linux/build-kernel.sh --selftest builds it")
    with rhea(a.images, "shell rcutorture.stat_interval=15 rcutorture.shutdown_secs=0 torture.disable_onoff_at_boot", kernel=kernel) as g:
        g.end += 2400
        g.enter_shell(1500)
        g.command("sleep 60", 200)
        log = g.command("dmesg", 60)
        for line in log.splitlines():
            low = line.lower()
            check(not ("alg:" in low and "fail" in low) and "!!!" not in line and "not ok " not in low and "test failed" not in low, f"a self-test failed: {line}")
        check("rcu_torture_test" in log or "rcu-torture" in log, "rcutorture did not run")
        check("test_" in log or "All tests passed" in log or "all tests passed" in log.lower(), "no lib/test_* ran")


TESTS = (boot, shell, formats, interactive, reset, poweroff, disk, net, lockstep, same, interp, forks, selftest)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("name", nargs="?", choices=[t.__name__ for t in TESTS])
    p.add_argument("--cache", default="", help="folder that build-kernel.sh fills by default")
    p.add_argument("--boot", default="", help="the program built from boot.c")
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
