# SPDX-License-Identifier: Apache-2.0
"""Console transcripts without what may differ between two runs: times, addresses, speeds; and comparing two of them."""
import re
from pathlib import Path

RULES = [(re.compile(a), b) for a, b in (
    (r"^\[ *\d+\.\d+\] ", ""),
    (r"\x1b\[[0-9;]*[A-Za-z]", ""),
    (r"\b0x[0-9a-f]+\b|\b[0-9a-f]{8}\b", "HEX"),
    (r"(BogoMIPS)\s*: [\d.]+", r"\1 N"),
    (r"[\d.]+ BogoMIPS \(lpj=\w+\)", "N BogoMIPS"),
    (r"^UPTIME [\d. ]+", "UPTIME N"),
    (r"\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d UTC \(\d+\)", "DATE"),  # the RTC's driver
    (r"^(\s*\d+:|Err:)\s+\d+ ", r"\1 N "),                      # /proc/interrupts
    (r"\(\d+ bytes random\)|crng init done.*", "RANDOM"),
    (r"in \d+ usecs|\d+ms\b|[\d.]+ MB/s", "TIME"),
    (r"seq=0 ttl=64 time=[\d.]+ ms|min/avg/max = [\d./]+ ms", "PING"),
    (r"\b\d+K? kernel code.*reserved\b", "MEMORY"),
    (r"([0-9a-f]{2}:){5}[0-9a-f]{2}", "MAC"),
)]


def normal(text):
    """Sorted: two kernel threads print in either order."""
    lines = []
    for line in text.replace("\r", "").split("\n"):
        for rule, by in RULES:
            line = rule.sub(by, line)
        line = line.rstrip()
        if line:
            lines.append(line)
    return sorted(lines)


def allowed(path):
    """Regular expressions of lines that only one side may print; each stands below the reason."""
    rows = Path(path).read_text(encoding="utf-8").splitlines()
    return [re.compile(r) for r in rows if r and not r.startswith("#")]


def differences(ours, theirs, path):
    """Lines only one side has, with - (QEMU's) or + (ours) before them."""
    skip = allowed(path)
    a, b = normal(ours), normal(theirs)
    out = []
    for sign, mine, other in (("+", a, b), ("-", b, a)):
        rest = list(other)
        for line in mine:
            if line in rest:
                rest.remove(line)
            elif not any(s.search(line) for s in skip):
                out.append(sign + " " + line)
    return out
