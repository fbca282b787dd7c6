#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Compares rhea with qemu-system-arm and native code on the programs of table.txt (README.md says how and why).

CPU time (user and system) of whole processes, runs interleaved, medians. Exit status 1 when a program fails, prints a
wrong value, or --require is not met.
"""

import argparse
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import chart
import images
from report import ratio, report, requirements

HERE = Path(__file__).resolve().parent
LIMIT = 120  # seconds for one run
IDLE = 2  # seconds for which an idle guest is watched
ICOUNT = ["-icount", "shift=5"]  # what the engine icount adds to rhea's arguments: 32 ns an instruction


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
        if name in ("rhea", "icount"):
            exe = Path(args.rhea).resolve()
            if not exe.exists():
                sys.exit(f"bench: no {args.rhea}: build it first (./dev build), or leave it out with --engines qemu,native")
            found[name] = [exe, *args.rhea_args.split(), *(ICOUNT if name == "icount" else []), *common]
        elif name == "qemu":
            exe = shutil.which(args.qemu)
            if not exe:
                sys.exit(f"bench: no {args.qemu}: ./dev setup installs it, or leave it out with --engines rhea,native")
            found[name] = [exe, *common]
        elif name == "native":
            found[name] = []
        else:
            sys.exit(f"bench: no engine '{name}': there are rhea, icount, qemu, native")
    return found


def build(rows, which, out):
    """Jobs [(engine, argv, rows whose time it is)], in the order of the table; built side by side."""
    emulators = {name: prefix for name, prefix in which.items() if name != "native"}
    natives = {}
    for row in rows:
        if "native" in which and row.native != "no":
            natives.setdefault((row.source, row.n, row.native), []).append(row)
    progress(f"building {len(rows)} images and {len(natives)} native programs")
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        elves = {row.name: pool.submit(images.build_bare, row, out) for row in rows} if emulators else {}
        exes = {key: pool.submit(images.build_native, same[0], out, images.REPEAT if same[0].native == "yes" else 1) for key, same in natives.items()}
    jobs = []
    for row in rows:
        for name, prefix in emulators.items():
            if name != "icount" or row.isa == "arm":
                jobs.append((name, [*prefix, elves[row.name].result()], [row]))
        same = natives.pop((row.source, row.n, row.native), None)
        if same:
            jobs.append(("native", [exes[row.source, row.n, row.native].result()], same))
    return jobs


def measure(rows, which, args, out):
    """{program: {engine: {"cpu": s, "wall": s, "runs": [...]}}}, the list of complaints, the check values."""
    cpu, wall, bad = {}, {}, []
    jobs = build(rows, which, out)
    checks = {row.name: row.check for row in rows}
    for r in range(args.runs):
        for i, (engine, argv, same) in enumerate(jobs):
            first = same[0]
            if any(b.startswith(f"{first.name} on {engine}:") for b in bad) or (r and engine == "native" and first.native == "check"):
                continue
            progress(f"run {r + 1}/{args.runs}, {i + 1}/{len(jobs)}: {first.name} on {engine}")
            c, w, text, status = run(argv, out)
            check = text.split("check ")[1][:8] if "check " in text else None
            for row in same:
                if checks[row.name] == "-" and check:
                    checks[row.name] = check
                if status or check != checks[row.name]:
                    bad.append(f"{row.name} on {engine}: exit {status}, check {check} instead of {checks[row.name]}: {text.strip()[-300:]}")
                elif engine != "native" or row.native == "yes":
                    share = images.REPEAT if engine == "native" else 1
                    cpu.setdefault((row.name, engine), []).append(c / share)
                    wall.setdefault((row.name, engine), []).append(w / share)
    progress("")
    result = {}
    for (name, engine), runs in cpu.items():
        result.setdefault(name, {})[engine] = {"cpu": statistics.median(runs), "wall": statistics.median(wall[name, engine]), "runs": runs}
    return result, bad, checks


def process_memory(pid):
    """KiB of a living process; the peak is this image's own, not its parent's."""
    fields = dict(l.split(":", 1) for l in Path(f"/proc/{pid}/status").read_text().splitlines())
    return {key: int(fields[name].split()[0]) for key, name in (("peak", "VmHWM"), ("anon", "RssAnon"), ("file", "RssFile"), ("shmem", "RssShmem"))}


def watch_idle(prefix, elf):
    """Memory of a guest that started and now waits, and what share of a CPU it takes; None when it did not come so far."""
    p = subprocess.Popen([str(a) for a in (*prefix, elf)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    timer = threading.Timer(LIMIT, p.kill)
    timer.start()

    def used():
        words = Path(f"/proc/{p.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")

    try:
        if b"check" not in p.stdout.readline():
            return None
        time.sleep(0.2)
        before = used()
        time.sleep(IDLE)
        return dict(process_memory(p.pid), idle=(used() - before) / IDLE)
    except (OSError, KeyError):
        return None
    finally:
        timer.cancel()
        p.kill()
        p.wait()


def idle_memory(which, out):
    """{engine: what watch_idle says} and complaints."""
    row = images.Row("idle", "idle", "start", "arm", "O2", 0, 1, "no", "00000001", None)
    found = {name: watch_idle(prefix, images.build_bare(row, out)) for name, prefix in which.items() if name in ("rhea", "qemu")}
    return {n: m for n, m in found.items() if m}, [f"idle on {n}: it did not start" for n, m in found.items() if not m]


def progress(text):
    """One line that overwrites itself; silent when nobody watches."""
    if sys.stderr.isatty():
        sys.stderr.write("\r\033[K" + text)
        sys.stderr.flush()


def versions(args, which):
    """What was compared, on what."""
    model = next((l.split(":")[1].strip() for l in open("/proc/cpuinfo", encoding="utf-8") if l.startswith("model name")), platform.machine())
    info = {"cpu": model, "date": time.strftime("%Y-%m-%d %H:%M"), "runs": args.runs}
    for name in which:
        if name == "icount":
            info[name] = "rhea with " + " ".join(ICOUNT)
            continue
        exe, flag = {"rhea": (args.rhea, "-version"), "qemu": (args.qemu, "--version"), "native": (images.CC, "--version")}[name]
        try:
            info[name] = subprocess.run([exe, flag], capture_output=True, text=True, check=False, timeout=10).stdout.splitlines()[0]
        except (OSError, IndexError, subprocess.TimeoutExpired):
            info[name] = str(exe)
    return info


def parse():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--rhea", default="build/cli/rhea-system-arm", help="the emulator to measure")
    p.add_argument("--rhea-args", default="", help="more arguments for it, in one string")
    p.add_argument("--qemu", default="qemu-system-arm")
    p.add_argument("--engines", help="which take part (default: rhea,icount,qemu,native; --quick: without icount)")
    p.add_argument("--runs", type=int, default=5, help="runs of each (default 5)")
    p.add_argument("--only", default="", help="names, parts of names or groups, separated by commas")
    p.add_argument("--quick", action="store_true", help="an eighth of the size, 2 runs, ARM and Thumb without repeats under MMU or -Os: ratios are rough")
    p.add_argument("--save", metavar="NAME", help="also write bench/results/NAME.md, .json and .svg")
    p.add_argument("--against", metavar="FILE.json", help="add a column: rhea's time in an earlier result over now")
    p.add_argument("--require-each", type=float, default=0, help="fail when a program is slower than this many times qemu's speed")
    p.add_argument("--require-mean", type=float, default=0, help="fail when the geometric mean is lower")
    p.add_argument("--require-native", type=float, default=0, help="fail when rhea takes more than this many times native code's time, by geometric mean")
    p.add_argument("--require-icount", type=float, default=0, help="fail when -icount takes more than this many times the time without, by geometric mean")
    p.add_argument("--list", action="store_true", help="list the programs")
    p.add_argument("--checks", action="store_true", help="print the check values found (for table.txt)")
    p.add_argument("--out", default="", help="where images and results go (default: bench-out beside the emulator's build directory)")
    args = p.parse_args()
    args.engines = args.engines or ("rhea,qemu,native" if args.quick else "rhea,icount,qemu,native")
    return args


def select(args):
    """The rows that were asked for, at their size."""
    rows = images.table(HERE / "table.txt")
    wanted = [w for w in args.only.split(",") if w]
    rows = [r for r in rows if not wanted or any(w in r.name or w == r.group for w in wanted)]
    if not rows:
        sys.exit(f"bench: nothing matches --only {args.only}; --list shows the names")
    if args.quick:
        args.runs = min(args.runs, 2)
        sources = {(r.source, r.isa) for r in rows if not r.mmu and r.opt == "O2"}
        rows = [images.scaled(r, 8) for r in rows if (not r.mmu and r.opt == "O2") or (r.source, r.isa) not in sources]
    return rows


def out_dir(args, which):
    if args.out:
        out = Path(args.out)
    elif "rhea" in which:
        out = Path(args.rhea).resolve().parent.parent / "bench-out"
    else:
        out = Path(tempfile.gettempdir()) / f"rhea-bench-{os.getuid()}"
    out = out.resolve()
    out.mkdir(parents=True, exist_ok=True)
    return out


def save(targets, text, data, bars, title):
    for t in targets:
        t.parent.mkdir(parents=True, exist_ok=True)
        t.with_suffix(".md").write_text(text)
        t.with_suffix(".json").write_text(json.dumps(data, indent=1) + "\n")
        if any(b[1] or b[2] for b in bars):
            chart.write(t.with_suffix(".svg"), title, bars, "how many times faster than qemu-system-arm: bars rhea, ticks native code")
        print(f"wrote {t}.md, .json, .svg")


def main():
    args = parse()
    rows = select(args)
    if args.list:
        for r in rows:
            print(f"{r.name:14} {r.group:9} {r.isa:6} {r.opt:3} {['no mmu', 'sections', 'pages'][r.mmu]}")
        return 0
    which = engines(args)
    out = out_dir(args, which)
    before = json.loads(Path(args.against).read_text())["result"] if args.against else {}

    try:
        result, bad, checks = measure(rows, which, args, out)
    except subprocess.CalledProcessError as e:  # the compiler has said why
        sys.exit(f"bench: a program could not be built: {e.cmd[0]} ended with {e.returncode}")
    memory = {}
    if any(r.group == "start" for r in rows):
        memory, complaints = idle_memory(which, out)
        bad += complaints
    info = versions(args, which)
    title = "rhea bench, " + info["date"] + (" (quick)" if args.quick else "")
    text = report(rows, result, before, memory, title) + "\n" + "\n".join(f"* {k}: {v}" for k, v in info.items()) + "\n"
    print(text)
    if args.checks:
        for name, value in checks.items():
            print(f"{name} {value}")
    bars = [(r.name, ratio(result, r.name, "qemu", "rhea"), ratio(result, r.name, "qemu", "native")) for r in rows]
    save([out / "last"] + ([HERE / "results" / args.save] if args.save else []), text, {"info": info, "result": result, "memory": memory}, bars, title)
    bad += requirements(rows, result, args)
    for b in bad:
        print(f"bench: {b}", file=sys.stderr)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
