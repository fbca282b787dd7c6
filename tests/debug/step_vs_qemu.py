#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""step_vs_qemu.py EMULATOR RANDOM-VS-QEMU RUNNER STEPS SEED: steps through random instructions of both instruction sets, in all
modes, with faults, exceptions and interworking, on qemu-system-arm's stub and on ours. A failure names the first
instruction after which a register, or memory at the end of a sequence, is not the same."""
import os
import shutil
import struct
import subprocess
import sys
import tempfile

from rsp import Emulator

emulator, generator, runner, steps, seed = sys.argv[1:6]
steps, seed = int(steps), int(seed)
SEQUENCES = 500  # in one image
RUNNER, DATA, DATA_BYTES = 0x10000, 0x30000, 0x2000
ENTER = (0xe8dd9fff).to_bytes(4, "little")  # ldm sp, {r0-r12, pc}^
MOST = 80  # instructions of one sequence

if not shutil.which("qemu-system-arm") or not os.path.exists(runner):
    print("skipped: qemu-system-arm or arm-none-eabi-gcc is not installed (./dev setup)")
    sys.exit(77)


def board(program, *args):
    return [program, "-M", "versatilepb", "-m", "128", "-display", "none", "-monitor", "none", "-serial", "null", *args]


def name(i):
    return "cpsr" if i == 16 else "r%d" % i


def compare(what, a, b, before):
    """Registers of both; `before` are those before the step."""
    bad = ["%s: qemu %08x rhea %08x" % (name(i), x, y) for i, (x, y) in enumerate(zip(a, b)) if x != y]
    if bad:
        print("%s, instruction at %08x (cpsr %08x): %s" % (what, before[15], before[16], "; ".join(bad)))
        sys.exit(1)


def both(a, b):
    """A step of each; their registers."""
    for c in a, b:
        c.send("s")
    for c in a, b:
        assert c.receive()[:3] == b"T05"
    for c in a, b:
        c.send("g")
    return [list(struct.unpack("<17I", bytes.fromhex(c.receive()[:136].decode()))) for c in (a, b)]


def run_image(folder, seed, steps):
    """At most `steps` or so through one image; how many it were, and sequences."""
    image = os.path.join(folder, "image.bin")
    subprocess.run([generator, "--runner", runner, "--seed", str(seed), "--count", str(SEQUENCES), "--batch", str(SEQUENCES),
                    "--qemu", "true", "--rhea", "true", "--max-reports", "0", "--keep", image],
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    with open(image, "rb") as f:
        enter = RUNNER + f.read(0x1000).index(ENTER)
    qemu = board("qemu-system-arm", "-audiodev", "none,id=none", "-kernel", image, "-semihosting-config", "enable=on,target=native")
    ours = board(emulator, "-kernel", image, "-semihosting")
    done = sequences = 0
    with Emulator(qemu, folder, "qemu") as q, Emulator(ours, folder, "rhea") as r:
        a, b = q.client(), r.client()
        for c in a, b:
            if c is b:
                c.no_ack()
            c.use_xml()
            assert c.ask("Z0,%x,4" % enter) == "OK"
        while done < steps:
            for c in a, b:
                c.send("c")
            try:
                theirs = a.receive()
            except OSError:  # the image has ended: QEMU says so, and hangs up before it has heard that we know
                theirs = b"W"
            ours_now = b.receive()
            assert theirs[:1] == ours_now[:1], (theirs, ours_now)
            if theirs[:1] == b"W":
                break
            sequences += 1
            for c in a, b:
                assert c.ask("z0,%x,4" % enter) == "OK"
            before = a.regs()
            compare("sequence %d" % sequences, before, b.regs(), before)
            for k in range(MOST):
                regs = both(a, b)
                if before[16] & 0x20 and before[15] & 0x3ff == 0x3fe and regs[0][15] == before[15] + 2 != regs[1][15]:
                    a.step()  # QEMU steps over the halves of a BL across its pages one by one
                    regs[0] = a.regs()
                done += 1
                compare("sequence %d, step %d" % (sequences, k), regs[0], regs[1], before)
                before = regs[0]
                if k > 0 and RUNNER <= before[15] < RUNNER + 0x1000:
                    break
            for c in a, b:
                assert c.ask("Qqemu.PhyMemMode:1") == "OK"
            if a.memory(DATA, DATA_BYTES) != b.memory(DATA, DATA_BYTES):
                print("sequence %d: memory differs" % sequences)
                sys.exit(1)
            for c in a, b:
                assert c.ask("Qqemu.PhyMemMode:0") == "OK"
                assert c.ask("Z0,%x,4" % enter) == "OK"
    return done, sequences


def main():
    done = sequences = images = 0
    while done < steps:
        with tempfile.TemporaryDirectory() as folder:
            more = run_image(folder, seed + 1000 * images, steps - done)
        if not more[0]:
            sys.exit("image %d: no step could be made" % images)
        done, sequences, images = done + more[0], sequences + more[1], images + 1
    print("%d steps in %d sequences of %d images are alike" % (done, sequences, images))


main()
