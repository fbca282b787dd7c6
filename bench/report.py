# SPDX-License-Identifier: Apache-2.0
"""What the measurements say, as Markdown: the table, means, rates, memory, the slowest.

A result is {program: {engine: {"cpu": seconds, "wall": seconds, "runs": [...]}}}; engine icount is rhea with -icount.
"""

import math
import statistics

SLOWEST = 10
COLUMNS = (("qemu/rhea", "qemu", "rhea"), ("rhea/native", "rhea", "native"), ("qemu/native", "qemu", "native"), ("icount/rhea", "icount", "rhea"))


def ratio(result, name, slow, fast):
    """How many times `fast` is faster than `slow`; None when one is missing."""
    r = result.get(name, {})
    if slow not in r or fast not in r or not r[fast]["cpu"]:
        return None
    if slow == "icount" and len(r[slow]["runs"]) == len(r[fast]["runs"]):
        # small differences: each pair ran in the same round
        return statistics.median(a / b for a, b in zip(r[slow]["runs"], r[fast]["runs"]))
    return r[slow]["cpu"] / r[fast]["cpu"]


def mean(values):
    """Geometric."""
    values = [v for v in values if v]
    return math.exp(sum(map(math.log, values)) / len(values)) if values else None


def cell(v, form="{:.2f}"):
    return form.format(v) if v is not None else "-"


def line(cells):
    return "| " + " | ".join(cells) + " |"


def variants(rows):
    """{title: names} of the lines of means below the table: groups, then ways of building, then all."""
    rows = [r for r in rows if r.group != "start"]
    sets = {f"*{g}*": [r.name for r in rows if r.group == g] for g in dict.fromkeys(r.group for r in rows)}
    sets["*ARM code*"] = [r.name for r in rows if r.isa == "arm" and not r.mmu]
    sets["*Thumb code*"] = [r.name for r in rows if r.isa == "thumb" and not r.mmu]
    sets["*with MMU*"] = [r.name for r in rows if r.mmu]
    sets["*-Os*"] = [r.name for r in rows if r.opt == "Os"]
    sets["**geometric mean**"] = [r.name for r in rows]
    return {title: names for title, names in sets.items() if names}


def main_table(rows, result, before):
    engines = [e for e in ("rhea", "qemu", "native") if any(e in r for r in result.values())]

    def then(name):
        old = before.get(name, {}).get("rhea", {}).get("cpu")
        now = result.get(name, {}).get("rhea", {}).get("cpu")
        return old / now if old and now else None

    columns = [(title, lambda n, s=slow, f=fast: ratio(result, n, s, f)) for title, slow, fast in COLUMNS]
    if before:
        columns.append(("before/now", then))
    lines = [line(["program", "group"] + [f"{e} s" for e in engines] + [t for t, _ in columns]), "|" + "---|" * 2 + "---:|" * (len(engines) + len(columns))]
    for row in rows:
        times = [cell(result.get(row.name, {}).get(e, {}).get("cpu"), "{:.3f}") for e in engines]
        lines.append(line([row.name, row.group] + times + [cell(c(row.name)) for _, c in columns]))
    for title, names in variants(rows).items():
        bold = "**" if title.startswith("**") else ""
        lines.append(line([title, str(len(names))] + [""] * len(engines) + [bold + cell(mean([c(n) for n in names])) + bold for _, c in columns]))
    return lines


def rates(rows, result):
    """Events a second, start-up of the same engine subtracted."""
    engines = [e for e in ("rhea", "qemu") if any(e in r for r in result.values())]
    lines = []
    for row in rows:
        if not row.events or row.name not in result:
            continue
        each, what = row.events
        million = {}
        for e in engines:
            if e in result[row.name]:
                empty = result.get("start", {}).get(e, {}).get("cpu", 0)
                million[e] = row.n * each / max(result[row.name][e]["cpu"] - empty, 1e-4) / 1e6
        both = "rhea" in million and million.get("qemu")
        lines.append(line([row.name, what] + [cell(million.get(e), "{:.3f}") for e in engines] + [cell(million["rhea"] / million["qemu"] if both else None)]))
    if not lines:
        return []
    return ["", "## Rates: millions a second", "", line(["program", "event"] + engines + ["rhea/qemu"]), "|---|---|" + "---:|" * (len(engines) + 1)] + lines


def slowest(rows, result):
    lines = []
    for title, slow, fast, worst in (("against QEMU (qemu/rhea)", "qemu", "rhea", min), ("against native code (rhea/native)", "rhea", "native", max)):
        found = [(ratio(result, r.name, slow, fast), r.name) for r in rows if r.group != "start"]
        found = sorted((f for f in found if f[0]), reverse=worst is max)[:SLOWEST]
        if found:
            lines += ["", f"Slowest {title}: " + ", ".join(f"{name} {v:.2f}" for v, name in found) + "."]
    return lines


def memory_table(memory):
    """memory: {engine: {"peak": KiB, "anon": KiB, "file": KiB, "shmem": KiB, "idle": share of a CPU}}"""
    if not memory:
        return []
    lines = ["", "## An idle small image: resident memory, and CPU time while it waits for a timer of 100 Hz", "",
             "| engine | peak MiB | anonymous | files | shared | idle CPU |", "|---|---:|---:|---:|---:|---:|"]
    for e, m in memory.items():
        lines.append(line([e] + [f"{m[k] / 1024:.1f}" for k in ("peak", "anon", "file", "shmem")] + [f"{100 * m['idle']:.1f} %"]))
    return lines


def report(rows, result, before, memory, title):
    """Everything."""
    lines = [f"# {title}", ""] + main_table(rows, result, before) + slowest(rows, result) + rates(rows, result)
    start = result.get("start", {})
    if start:
        lines += ["", "Start to exit of an empty image, wall time: " + ", ".join(f"{e} {1000 * v['wall']:.1f} ms" for e, v in start.items()) + "."]
    return "\n".join(lines + memory_table(memory)) + "\n"


def requirements(rows, result, args):
    """Complaints about what --require-* ask."""
    names = [r.name for r in rows if r.group != "start"]
    bad = []
    for name in names + ["start"]:
        q = ratio(result, name, "qemu", "rhea")
        if q is not None and q < args.require_each:
            bad.append(f"{name}: {q:.2f} times qemu's speed, {args.require_each} asked")
    g = mean([ratio(result, n, "qemu", "rhea") for n in names])
    if args.require_mean and (g is None or g < args.require_mean):
        bad.append(f"geometric mean {cell(g)}, {args.require_mean} asked")
    for option, slow, fast in (("native", "rhea", "native"), ("icount", "icount", "rhea")):
        limit = getattr(args, f"require_{option}")
        g = mean([ratio(result, n, slow, fast) for n in names])
        if limit and (g is None or g > limit):
            bad.append(f"{slow}/{fast}: geometric mean {cell(g, '{:.3f}')}, at most {limit} asked")
    return bad
