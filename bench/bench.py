#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Compares rhea with qemu-system-arm and native code on the programs of table.txt (README.md says how and why).

CPU time (user and system) of whole processes, runs interleaved, medians. Exit status 1 when a program fails, prints a
wrong value, or --require is not met.
"""

import argparse
import json
import math
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import namedtuple
from pathlib import Path

import chart
import coldgen

HERE = Path(__file__).resolve().parent
LIB = HERE.parent / "tests" / "guest" / "lib"
CROSS = os.environ.get("CROSS", "arm-none-eabi-")
LIMIT = 120  # seconds for one run
REPEAT = 10  # native programs do their work so often; times are divided by it
Row = namedtuple("Row", "name source group isa mmu n native check")


def table(path):
    """Rows of table.txt."""
    rows = []
    for line in path.read_text().splitlines():
        words = line.split("#")[0].split()
        if words:
            name, source, group, isa, mmu, n, native, check = words
            rows.append(Row(name, source, group, isa, int(mmu), int(n), native == "yes", check))
    return rows


def scaled(row, divisor):
    """The row at a smaller size: its check value is then unknown."""
    if divisor == 1 or row.n < divisor * 2:
        return row
    return row._replace(n=row.n // divisor, check="-")


def build_bare(row, out):
    """The bare-metal ELF of one row."""
    elf = out / f"{row.name}.elf"
    flags = ["-mcpu=arm926ej-s", "-mfloat-abi=soft", f"-m{row.isa}", "-masm-syntax-unified", "-O2", f"-DN={row.n}u", f"-DMMU={row.mmu}",
             f"-I{LIB}", f"-I{HERE / 'programs'}", "-std=gnu11", "-Wall", "-Wextra", "-ffunction-sections", "-fdata-sections"]
    sources = [LIB / "start.S", LIB / "sys.c", LIB / "mmu.c", HERE / "programs" / "main.c", HERE / "programs" / f"{row.source}.c"]
    if row.source == "cold":
        generated = out / f"{row.name}.S"
        coldgen.write(generated, row.isa, row.n)
        sources.append(generated)
    subprocess.run([CROSS + "gcc", *flags, "-nostartfiles", "-T", LIB / "guest.ld", "-Wl,--gc-sections", "-Wl,-z,max-page-size=4096",
                    "-Wl,--no-warn-rwx-segments", *sources, "-o", elf, "-lm", "-lc", "-lgcc"], check=True)
    return elf


def build_native(row, out):
    """The same source for the machine we are on."""
    exe = out / f"{row.name}.native"
    subprocess.run([os.environ.get("CC", "gcc"), "-O2", f"-DN={row.n}u", "-DMMU=0", f"-DREPEAT={REPEAT}", "-std=gnu11", HERE / "programs" / "main.c",
                    HERE / "programs" / f"{row.source}.c", "-o", exe], check=True)
    return exe


def run(argv, cwd):
    """One run: (CPU seconds, wall seconds, output, exit status)."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        start = time.monotonic()
        env = dict(os.environ, QEMU_AUDIO_DRV="none")
        p = subprocess.Popen([str(a) for a in argv], stdin=subprocess.DEVNULL, stdout=out, stderr=err, cwd=cwd, env=env)
        timer = threading.Timer(LIMIT, p.kill)
        timer.start()
        _, status, usage = os.wait4(p.pid, 0)  # this child's own times
        timer.cancel()
        p.returncode = os.waitstatus_to_exitcode(status)
        wall = time.monotonic() - start
        out.seek(0)
        err.seek(0)
        text = out.read().decode("utf-8", "replace")
        if p.returncode:
            text += err.read().decode("utf-8", "replace")[-2000:]
        return usage.ru_utime + usage.ru_stime, wall, text, p.returncode


def engines(args):
    """Name -> argv prefix of each engine that takes part, in the order they run."""
    common = ["-M", "versatilepb", "-m", "128", "-nographic", "-semihosting", "-kernel"]
    found = {}
    for name in args.engines.split(","):
        if name == "rhea":
            exe = Path(args.rhea).resolve()
            if not exe.exists():
                sys.exit(f"bench: no {args.rhea}: build it first (./dev build), or leave it out with --engines qemu,native")
            found[name] = [exe, *args.rhea_args.split(), *common]
        elif name == "qemu":
            exe = shutil.which(args.qemu)
            if not exe:
                sys.exit(f"bench: no {args.qemu}: ./dev setup installs it, or leave it out with --engines rhea,native")
            found[name] = [exe, *common]
        elif name == "native":
            found[name] = []
        else:
            sys.exit(f"bench: no engine '{name}': there are rhea, qemu, native")
    return found


def measure(rows, which, args, out):
    """{program: {engine: {"cpu": s, "wall": s, "runs": [...]}}}, and the list of complaints."""
    cpu, wall, bad, jobs = {}, {}, [], []
    for i, row in enumerate(rows):
        progress(f"building {i + 1}/{len(rows)} {row.name}")
        elf = build_bare(row, out)
        for name, prefix in which.items():
            if name != "native":
                jobs.append((row, name, [*prefix, elf]))
            elif row.native:
                jobs.append((row, name, [build_native(row, out)]))
    checks = {row.name: row.check for row in rows}
    for r in range(args.runs):
        for i, (row, name, argv) in enumerate(jobs):
            if any(b.startswith(f"{row.name} on {name}:") for b in bad):
                continue
            progress(f"run {r + 1}/{args.runs}, {i + 1}/{len(jobs)}: {row.name} on {name}")
            c, w, text, status = run(argv, out)
            check = text.split("check ")[1][:8] if "check " in text else None
            if checks[row.name] == "-" and check:
                checks[row.name] = check
            if status or check != checks[row.name]:
                bad.append(f"{row.name} on {name}: exit {status}, check {check} instead of {checks[row.name]}: {text.strip()[-300:]}")
                continue
            share = REPEAT if name == "native" else 1
            cpu.setdefault((row.name, name), []).append(c / share)
            wall.setdefault((row.name, name), []).append(w / share)
    progress("")
    result = {}
    for (name, engine), runs in cpu.items():
        result.setdefault(name, {})[engine] = {"cpu": statistics.median(runs), "wall": statistics.median(wall[name, engine]), "runs": runs}
    return result, bad, checks


def progress(text):
    """One line that overwrites itself; silent when nobody watches."""
    if sys.stderr.isatty():
        sys.stderr.write("\r\033[K" + text)
        sys.stderr.flush()


def ratio(result, name, slow, fast):
    """How many times `fast` is faster than `slow`; None when one is missing."""
    r = result.get(name, {})
    if slow not in r or fast not in r or not r[fast]["cpu"]:
        return None
    return r[slow]["cpu"] / r[fast]["cpu"]


def mean(values):
    """Geometric."""
    values = [v for v in values if v]
    return math.exp(sum(map(math.log, values)) / len(values)) if values else None


def cell(v, form="{:.2f}"):
    return form.format(v) if v is not None else "-"


def report(rows, result, before, title):
    """The table, as Markdown."""
    names = [e for e in ("rhea", "qemu", "native") if any(e in r for r in result.values())]
    head = ["program", "group"] + [f"{e} s" for e in names] + ["qemu/rhea", "rhea/native", "qemu/native"] + (["before/now"] if before else [])
    lines = [f"# {title}", "", "| " + " | ".join(head) + " |", "|" + "---|" * 2 + "---:|" * (len(head) - 2)]

    def then(name):
        old = before.get(name, {}).get("rhea", {}).get("cpu")
        now = result.get(name, {}).get("rhea", {}).get("cpu")
        return old / now if old and now else None

    columns = [lambda n: ratio(result, n, "qemu", "rhea"), lambda n: ratio(result, n, "rhea", "native"), lambda n: ratio(result, n, "qemu", "native")]
    if before:
        columns.append(then)
    for row in rows:
        times = [cell(result.get(row.name, {}).get(e, {}).get("cpu"), "{:.3f}") for e in names]
        lines.append("| " + " | ".join([row.name, row.group] + times + [cell(c(row.name)) for c in columns]) + " |")
    for group in dict.fromkeys(row.group for row in rows):
        members = [row.name for row in rows if row.group == group]
        lines.append("| " + " | ".join([f"*{group}*", f"{len(members)}"] + [""] * len(names) + [cell(mean([c(n) for n in members])) for c in columns]) + " |")
    everything = [row.name for row in rows if row.group != "start"]
    lines.append("| " + " | ".join(["**geometric mean**", f"{len(everything)}"] + [""] * len(names) + [f"**{cell(mean([c(n) for n in everything]))}**" for c in columns]) + " |")
    start = result.get("start", {})
    if start:
        lines += ["", "Start to exit of an empty image, wall time: " + ", ".join(f"{e} {1000 * v['wall']:.1f} ms" for e, v in start.items()) + "."]
    return "\n".join(lines) + "\n"


def versions(args, which):
    """What was compared, on what."""
    model = next((l.split(":")[1].strip() for l in open("/proc/cpuinfo", encoding="utf-8") if l.startswith("model name")), platform.machine())
    info = {"cpu": model, "date": time.strftime("%Y-%m-%d %H:%M"), "runs": args.runs}
    for name in which:
        exe, flag = {"rhea": (args.rhea, "-version"), "qemu": (args.qemu, "--version"), "native": (os.environ.get("CC", "gcc"), "--version")}[name]
        try:
            info[name] = subprocess.run([exe, flag], capture_output=True, text=True, check=False, timeout=10).stdout.splitlines()[0]
        except (OSError, IndexError, subprocess.TimeoutExpired):
            info[name] = str(exe)
    return info


def requirements(rows, result, args):
    """Complaints about what --require asks."""
    bad = []
    for r in rows:
        q = ratio(result, r.name, "qemu", "rhea")
        if q is not None and q < args.require_each:
            bad.append(f"{r.name}: {q:.2f} times qemu's speed, {args.require_each} asked")
    g = mean([ratio(result, r.name, "qemu", "rhea") for r in rows if r.group != "start"])
    if args.require_mean and (g is None or g < args.require_mean):
        bad.append(f"geometric mean {cell(g)}, {args.require_mean} asked")
    return bad


def parse():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--rhea", default="build/cli/rhea-system-arm", help="the emulator to measure")
    p.add_argument("--rhea-args", default="", help="more arguments for it, in one string")
    p.add_argument("--qemu", default="qemu-system-arm")
    p.add_argument("--engines", default="rhea,qemu,native", help="which take part (default: all three)")
    p.add_argument("--runs", type=int, default=5, help="runs of each (default 5)")
    p.add_argument("--only", default="", help="names, parts of names or groups, separated by commas")
    p.add_argument("--quick", action="store_true", help="an eighth of the size, 3 runs: minutes become seconds, ratios rough")
    p.add_argument("--save", metavar="NAME", help="also write bench/results/NAME.md, .json and .svg")
    p.add_argument("--against", metavar="FILE.json", help="add a column: rhea's time in an earlier result over now")
    p.add_argument("--require-each", type=float, default=0, help="fail when a program is slower than this many times qemu's speed")
    p.add_argument("--require-mean", type=float, default=0, help="fail when the geometric mean is lower")
    p.add_argument("--list", action="store_true", help="list the programs")
    p.add_argument("--checks", action="store_true", help="print the check values found (for table.txt)")
    p.add_argument("--out", default="", help="where images and results go (default: bench-out beside the emulator's build directory)")
    return p.parse_args()


def main():
    args = parse()
    rows = table(HERE / "table.txt")
    wanted = [w for w in args.only.split(",") if w]
    rows = [r for r in rows if not wanted or any(w in r.name or w == r.group for w in wanted)]
    if not rows:
        sys.exit(f"bench: nothing matches --only {args.only}; --list shows the names")
    if args.list:
        for r in rows:
            print(f"{r.name:14} {r.group:9} {r.isa:6} {['no mmu', 'sections', 'pages'][r.mmu]}")
        return 0
    if args.quick:
        args.runs = min(args.runs, 3)
        rows = [scaled(r, 8) for r in rows]
    which = engines(args)
    if args.out:
        out = Path(args.out)
    elif "rhea" in which:
        out = Path(args.rhea).resolve().parent.parent / "bench-out"
    else:
        out = Path(tempfile.gettempdir()) / f"rhea-bench-{os.getuid()}"
    out = out.resolve()
    out.mkdir(parents=True, exist_ok=True)
    before = json.loads(Path(args.against).read_text())["result"] if args.against else {}

    result, bad, checks = measure(rows, which, args, out)
    info = versions(args, which)
    title = "rhea bench, " + info["date"] + (" (quick)" if args.quick else "")
    text = report(rows, result, before, title) + "\n" + "\n".join(f"* {k}: {v}" for k, v in info.items()) + "\n"
    print(text)
    if args.checks:
        for name, value in checks.items():
            print(f"{name} {value}")
    bars = [(r.name, ratio(result, r.name, "qemu", "rhea"), ratio(result, r.name, "qemu", "native")) for r in rows]
    targets = [out / "last"] + ([HERE / "results" / args.save] if args.save else [])
    for t in targets:
        t.parent.mkdir(parents=True, exist_ok=True)
        t.with_suffix(".md").write_text(text)
        t.with_suffix(".json").write_text(json.dumps({"info": info, "result": result}, indent=1) + "\n")
        if any(b[1] or b[2] for b in bars):
            chart.write(t.with_suffix(".svg"), title, bars, "how many times faster than qemu-system-arm: bars rhea, ticks native code")
        print(f"wrote {t}.md, .json, .svg")
    bad += requirements(rows, result, args)
    for b in bad:
        print(f"bench: {b}", file=sys.stderr)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
