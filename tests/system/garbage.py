#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""garbage.py EMULATOR [SEEDS [FIRST]]: random bytes as images, interpreted, translated and in lockstep.

Failure: a guest can crash the emulator, hang it so that SIGTERM does not end it, or make its two ways of executing
differ. The seed that failed is printed; 'garbage.py EMULATOR 1 SEED' runs it again.
"""
import os
import random
import signal
import struct
import subprocess
import sys
import tempfile

RUN_SECONDS = 0.3
END_SECONDS = 10
ENV = dict(os.environ, ASAN_OPTIONS=os.environ.get("ASAN_OPTIONS", "handle_segv=0:allow_user_segv_handler=1"),
           UBSAN_OPTIONS="halt_on_error=1:print_stacktrace=1")


def any_word(rng):
    return rng.getrandbits(32)


def executed_word(rng):
    """Condition 'always', and seldom a coprocessor: runs deeper before it traps."""
    word = 0xE0000000 | rng.getrandbits(28)
    return word & ~0x04000000 if (word >> 25) & 7 >= 6 and rng.random() < 0.8 else word


def memory_word(rng):
    """Loads and stores around addresses that are made just before."""
    return rng.choice([
        lambda: 0xE3A00000 | rng.getrandbits(4) << 12 | rng.getrandbits(12),   # mov rd, #imm
        lambda: 0xE4000000 | rng.getrandbits(26),                              # ldr, str
        lambda: 0xE0000090 | rng.getrandbits(25) & ~0x90 | rng.choice([0x20, 0x40, 0x60]),  # ldrh, ldrd ...
        lambda: 0xE8000000 | rng.getrandbits(25),                              # ldm, stm
    ])()


def system_word(rng):
    """MSR, MRS, CP15: modes, MMU and vectors get into states that no program would choose."""
    return rng.choice([
        lambda: 0xE129F000 | rng.getrandbits(4) | rng.getrandbits(1) << 22,    # msr
        lambda: 0xE321F000 | rng.getrandbits(8),                               # msr cpsr_c, #imm
        lambda: 0xEE000F10 | rng.getrandbits(8) & 0xEF | rng.getrandbits(4) << 16 | rng.getrandbits(5) << 12,
        lambda: executed_word(rng),
    ])()


def image(rng):
    makers = [any_word, executed_word, memory_word, system_word]
    kinds = rng.choice([[m] for m in makers] + [makers])
    words = [rng.choice(kinds)(rng) for _ in range(rng.choice([16, 256, 4096]))]
    return struct.pack("<%dI" % len(words), *words)


def run(emulator, seed, path, accel):
    rng = random.Random(seed ^ 0x5EED)
    how = rng.choice([["-kernel", path], ["-bios", path], ["-device", "loader,file=%s,addr=0x8001,cpu-num=0" % path],
                      ["-device", "loader,file=%s,addr=0x8000,cpu-num=0" % path]])
    extra = rng.choice([[], [], ["-icount", "shift=2"], ["-one-insn-per-tb"], ["-semihosting-config", "enable=off"]])
    command = [emulator, "-M", "versatilepb", "-display", "none", "-serial", "null", "-accel", accel] + how + extra
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                          env=ENV) as p:
        try:
            _, err = p.communicate(timeout=RUN_SECONDS)
        except subprocess.TimeoutExpired:
            p.send_signal(signal.SIGTERM)
            try:
                _, err = p.communicate(timeout=END_SECONDS)
            except subprocess.TimeoutExpired:
                p.kill()
                _, err = p.communicate()
                err += b"SIGTERM did not end it\n"
    # -SIGTERM: ended before its handlers were there, on a busy host; no crash
    bad = p.returncode not in (0, -signal.SIGTERM) or b"ERROR" in err or b"runtime error" in err or b"did not end" in err
    if bad:
        print("FAIL seed %d: exit %d: %s" % (seed, p.returncode, " ".join(command[1:])))
        print("\n".join("     " + line for line in err.decode(errors="replace").splitlines()[:30]))
    return not bad


def main():
    emulator, seeds, first = sys.argv[1], int((sys.argv + ["8"])[2]), int((sys.argv + ["", "1"])[3] or 1)
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "image")
        for seed in range(first, first + seeds):
            with open(path, "wb") as f:
                f.write(image(random.Random(seed)))
            for accel in ("jit", "interp", "lockstep"):
                failed += not run(emulator, seed, path, accel)
    print("%d images, %d failures" % (seeds, failed))
    return failed != 0


if __name__ == "__main__":
    sys.exit(main())
