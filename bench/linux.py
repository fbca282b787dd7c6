#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Linux on rhea and on QEMU: boot until /init runs, then a fixed userland script at the prompt.

Both emulators run the same images with the same arguments, taking turns; the table shows medians of wall and CPU time
(the process's, user and system). `work` is the script: md5sum, gzip, awk, sort, a shell loop, forks. `boot+work` is
their sum, what the goal is about; the waits of /init in between are not in it.
"""
import argparse
import json
import os
import shutil
import statistics
import sys
import time
from pathlib import Path

sys.dont_write_bytecode = True
HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "tests" / "linux"))
from guest import Failure, Guest, arguments, images  # noqa: E402

# name, command line with @ for the size, size
WORK = (
    ("md5sum", "dd if=/dev/zero bs=64k count=@ 2>/dev/null | md5sum", 160),
    ("sha256", "seq 1 @ | sha256sum", 60000),
    ("gzip", "seq 1 @ | gzip -c | gunzip -c | wc -c", 60000),
    ("awk", "awk 'BEGIN{for(i=1;i<=@;i++) s+=1/(i*i); printf \"%.9f\\n\", s}'", 40000),
    ("sort", "seq 1 @ | sort -rn | tail -1", 30000),
    ("loop", "i=0; while [ $i -lt @ ]; do i=$((i+1)); done; echo $i", 20000),
    ("forks", "n=0; while [ $n -lt @ ]; do /bin/true; n=$((n+1)); done; echo $n", 300),
    ("pipes", "n=0; while [ $n -lt @ ]; do echo a | sed s/a/b/ | grep -q b; n=$((n+1)); done; echo $n", 60),
)


def one_run(argv, divide):
    """{part: (wall, CPU)}, {part: answer} of one boot."""
    times, answers = {}, {}
    with Guest(argv, 900) as g:
        start = time.monotonic()
        g.expect("BOOT-OK", 600)
        times["boot"] = (time.monotonic() - start, g.cpu_seconds())
        g.enter_shell(600)
        g.command("sleep 1")
        for name, line, size in WORK:
            wall, cpu = time.monotonic(), g.cpu_seconds()
            answers[name] = g.command(line.replace("@", str(size // divide)), 600)
            times[name] = (time.monotonic() - wall, g.cpu_seconds() - cpu)
        time.sleep(1)
        wall, cpu = time.monotonic(), g.cpu_seconds()
        time.sleep(3)
        times["idle"] = (time.monotonic() - wall, g.cpu_seconds() - cpu)
    work = [times[n] for n, _, _ in WORK]
    times["work"] = tuple(sum(t[i] for t in work) for i in (0, 1))
    times["boot+work"] = tuple(times["boot"][i] + times["work"][i] for i in (0, 1))
    return times, answers


def measure(engines, runs, divide):
    all_times, seen = {name: [] for name in engines}, {}
    for r in range(runs):
        for name, argv in engines.items():
            if sys.stderr.isatty():
                sys.stderr.write(f"\r\033[Krun {r + 1}/{runs}: {name}")
            times, answers = one_run(argv, divide)
            all_times[name].append(times)
            for part, text in answers.items():
                if seen.setdefault(part, text) != text:
                    raise Failure(f"{part} on {name}: {text!r}, but {seen[part]!r} before")
    if sys.stderr.isatty():
        sys.stderr.write("\r\033[K")
    return {name: {part: tuple(statistics.median(t[part][i] for t in rows) for i in (0, 1)) for part in rows[0]} for name, rows in all_times.items()}


def report(result, runs):
    """Markdown; ratio below 1: rhea takes less."""
    both = "rhea" in result and "qemu" in result
    lines = [f"# rhea bench --linux, {time.strftime('%Y-%m-%d %H:%M')}, medians of {runs} interleaved runs", "",
             "| part | " + " | ".join(f"{n} wall s | {n} CPU s" for n in result) + (" | wall ratio | CPU ratio |" if both else " |"),
             "|---|" + "---:|" * (2 * len(result) + (2 if both else 0))]
    for part in ("boot", *(n for n, _, _ in WORK), "work", "boot+work"):
        cells = [f"{v:.3f}" for r in result.values() for v in r[part]]
        if both:
            cells += [f"{result['rhea'][part][i] / max(result['qemu'][part][i], 0.01):.2f}" for i in (0, 1)]
        lines.append(f"| {part} | " + " | ".join(cells) + " |")
    lines += ["", "Idle at the prompt: " + ", ".join(f"{n} {100 * r['idle'][1] / r['idle'][0]:.1f} % of a core" for n, r in result.items()) + "."]
    return "\n".join(lines) + "\n"


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--rhea", default="build/cli/rhea-system-arm", help="the emulator to measure")
    p.add_argument("--qemu", default="qemu-system-arm")
    p.add_argument("--engines", default="rhea,qemu", help="which take part (default: both)")
    p.add_argument("--images", default="", help="folder with zImage, versatile-pb.dtb and initrd.gz (default: $RHEA_IMAGES, $RHEA_CACHE, linux/ in the build directory)")
    p.add_argument("--runs", type=int, default=5, help="runs of each (default 5)")
    p.add_argument("--quick", action="store_true", help="a fourth of the work, 3 runs")
    p.add_argument("--out", default="", help="also write this Markdown file, and the numbers beside it as .json")
    p.add_argument("--require", type=float, default=0, help="fail when boot+work takes more than this times QEMU's wall or CPU time (goal: 0.6)")
    a = p.parse_args()
    if a.images:
        os.environ["RHEA_IMAGES"] = a.images
    folder = images(str(Path(a.rhea).resolve().parent.parent / "linux"))
    exes = {"rhea": str(Path(a.rhea).resolve()), "qemu": shutil.which(a.qemu)}
    engines = {}
    for name in a.engines.split(","):
        if not exes.get(name) or not Path(exes[name]).exists():
            sys.exit(f"bench: {name} is not there")
        engines[name] = [exes[name], *arguments(folder, "shell")]
    if a.quick:
        a.runs = min(a.runs, 3)
    try:
        result = measure(engines, a.runs, 4 if a.quick else 1)
    except Failure as e:
        sys.exit(f"bench: {e}")
    text = report(result, a.runs)
    print(text)
    if a.out:
        Path(a.out).write_text(text, encoding="utf-8")
        Path(a.out).with_suffix(".json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    if a.require and len(result) == 2:
        worst = max(result["rhea"]["boot+work"][i] / result["qemu"]["boot+work"][i] for i in (0, 1))
        if worst > a.require:
            sys.exit(f"bench: boot+work takes {worst:.2f} times QEMU's time, {a.require} asked")
    return 0


if __name__ == "__main__":
    sys.exit(main())
