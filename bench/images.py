# SPDX-License-Identifier: Apache-2.0
"""The programs of table.txt: what its columns mean, and how an image or a native program comes from one row.

What was built is kept: a file is built again when its sources or its command line have changed.
"""

import hashlib
import os
import subprocess
from collections import namedtuple
from pathlib import Path

import coldgen

HERE = Path(__file__).resolve().parent
PROGRAMS = HERE / "programs"
LIB = HERE.parent / "tests" / "guest" / "lib"
CROSS = os.environ.get("CROSS", "arm-none-eabi-")
CC = os.environ.get("CC", "gcc")
REPEAT = 10  # native programs do their work so often; times are divided by it

# native: yes (measured), check (only the check value is the same: the work is another library's or the host's hardware's), no
# events: (how many there are for each of n, what they are), or None
Row = namedtuple("Row", "name source group isa opt mmu n native check events")


def table(path):
    """Rows of table.txt."""
    rows = []
    for line in path.read_text().splitlines():
        words = line.split("#")[0].split()
        if words:
            name, source, group, isa, opt, mmu, n, native, check, events = words
            each, _, what = events.partition("*")
            rows.append(Row(name, source, group, isa, opt, int(mmu), int(n), native, check, (float(each), what) if what else None))
    return rows


def scaled(row, divisor):
    """The row at a smaller size: its check value is then unknown."""
    if divisor == 1 or row.n < divisor * 2:
        return row
    return row._replace(n=row.n // divisor, check="-")


def stamp(argv, sources):
    """Changes when the result may change."""
    digest = hashlib.sha256(" ".join(map(str, argv)).encode())
    for s in sources:
        digest.update(Path(s).read_bytes())
    return digest.hexdigest()


def make(target, argv, sources):
    """Runs argv unless target is what it would make."""
    mark = target.with_name(target.name + ".stamp")
    now = stamp(argv, sources)
    if not (target.exists() and mark.exists() and mark.read_text() == now):
        mark.unlink(missing_ok=True)
        subprocess.run(argv, check=True)
        mark.write_text(now)
    return target


def headers():
    return sorted(PROGRAMS.glob("*.h")) + [LIB / "guest.h", LIB / "guest.ld"]


def build_bare(row, out):
    """The bare-metal ELF of one row."""
    elf = out / f"{row.name}.elf"
    flags = ["-mcpu=arm926ej-s", "-mfloat-abi=soft", f"-m{row.isa}", "-masm-syntax-unified", f"-{row.opt}", f"-DN={row.n}u", f"-DMMU={row.mmu}",
             f"-I{LIB}", f"-I{PROGRAMS}", "-std=gnu11", "-Wall", "-Wextra", "-ffunction-sections", "-fdata-sections"]
    sources = [LIB / "start.S", LIB / "sys.c", LIB / "mmu.c", PROGRAMS / "kernel.S", PROGRAMS / "main.c", PROGRAMS / f"{row.source}.c"]
    if row.source == "cold":
        generated = out / f"{row.name}.S"
        coldgen.write(generated, row.isa, row.n)
        sources.append(generated)
    return make(elf, [CROSS + "gcc", *flags, "-nostartfiles", "-T", LIB / "guest.ld", "-Wl,--gc-sections", "-Wl,-z,max-page-size=4096",
                      "-Wl,--no-warn-rwx-segments", *sources, "-o", elf, "-lm", "-lc", "-lgcc"], sources + headers())


def build_native(row, out, repeat=REPEAT):
    """The same source for the machine we are on; rows that differ only in how the ARM code is made share it."""
    exe = out / f"{row.source}-{row.n}-{repeat}.native"
    sources = [PROGRAMS / "main.c", PROGRAMS / f"{row.source}.c"]
    return make(exe, [CC, "-O2", f"-DN={row.n}u", "-DMMU=0", f"-DREPEAT={repeat}", "-std=gnu11", *sources, "-o", exe], sources + headers())
