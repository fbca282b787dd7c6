# SPDX-License-Identifier: Apache-2.0
"""Writes the assembly of the cold benchmarks: distinct functions of about 20 instructions, each called once."""

import random

# Per instruction set: r0 carries the value, r1 points at 1 KiB of scratch memory, r2, r3 and r12 (ARM) are free.
ARM = [
    lambda r: f"add r0, r0, #{r.randrange(256)}",
    lambda r: f"eor r0, r0, r0, ror #{r.randrange(1, 31)}",
    lambda r: f"rsb r2, r0, r0, lsl #{r.randrange(1, 9)}",
    lambda r: f"mov r3, #{r.randrange(256)}\n\tmla r0, r3, r0, r2",
    lambda r: f"ldr r2, [r1, #{4 * r.randrange(256)}]\n\tadd r0, r0, r2",
    lambda r: f"str r0, [r1, #{4 * r.randrange(256)}]",
    lambda r: f"ldrb r3, [r1, #{r.randrange(1024)}]\n\torr r2, r2, r3",
    lambda r: f"strh r0, [r1, #{2 * r.randrange(128)}]",
    lambda r: f"cmp r0, #{r.randrange(256)}\n\taddhi r0, r0, r2\n\tsubls r0, r0, #{r.randrange(99)}",
    lambda r: f"tst r0, #{1 << r.randrange(8)}\n\tbeq 1f\n\tadd r0, r0, #{r.randrange(256)}\n1:\teor r0, r0, #{r.randrange(256)}",
    lambda r: f"adds r2, r0, r2\n\tadc r0, r0, #{r.randrange(16)}",
    lambda r: f"bic r12, r0, #{r.randrange(256)}\n\tadd r0, r12, r0, lsr #{r.randrange(1, 31)}",
]
THUMB = [
    lambda r: f"adds r0, #{r.randrange(256)}",
    lambda r: f"lsls r2, r0, #{r.randrange(1, 31)}\n\teors r0, r2",
    lambda r: f"movs r3, #{r.randrange(256)}\n\tmuls r3, r0\n\tadds r0, r0, r3",
    lambda r: f"ldr r2, [r1, #{4 * r.randrange(31)}]\n\tadds r0, r0, r2",
    lambda r: f"str r0, [r1, #{4 * r.randrange(31)}]",
    lambda r: f"ldrb r3, [r1, #{r.randrange(31)}]\n\torrs r2, r3",
    lambda r: f"strh r0, [r1, #{2 * r.randrange(31)}]",
    lambda r: f"cmp r0, #{r.randrange(256)}\n\tbls 1f\n\tadds r0, r0, r2\n1:\tsubs r0, #{r.randrange(99)}",
    lambda r: f"lsrs r3, r0, #{r.randrange(1, 31)}\n\tadcs r0, r3",
    lambda r: f"mvns r2, r0\n\tadds r0, r0, r2",
    lambda r: f"rors r0, r3\n\tadds r0, #{r.randrange(256)}",
]


def write(path, isa, count, seed=1):
    """Writes `count` functions and cold_all(seed, scratch), which calls them in order; one seed gives one file."""
    rng = random.Random(seed)
    forms = ARM if isa == "arm" else THUMB
    with open(path, "w", encoding="ascii") as f:
        f.write(f"\t.syntax unified\n\t.cpu arm926ej-s\n\t.text\n\t.{isa}\n")
        f.write("\t.global cold_all\n\t.type cold_all, %function\n" + ("\t.thumb_func\n" if isa == "thumb" else ""))
        f.write("cold_all:\n\tpush {r4, lr}\n\tmovs r2, #1\n\tmovs r3, #2\n")
        for i in range(count):
            f.write(f"\tbl f{i}\n")
        f.write("\tpop {r4, pc}\n")
        for i in range(count):
            f.write(f"\t.type f{i}, %function\n" + ("\t.thumb_func\n" if isa == "thumb" else "") + f"f{i}:\n")
            size = 0
            while size < 19:
                text = rng.choice(forms)(rng)
                size += text.count("\n") + 1
                f.write(f"\t{text}\n")
            f.write("\tbx lr\n")
