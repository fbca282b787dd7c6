# SPDX-License-Identifier: Apache-2.0
"""A bar chart as SVG: one bar a row on a logarithmic scale, a line at 1."""

import math
from html import escape

ROW, LEFT, WIDTH, TOP = 20, 150, 560, 46
GOOD, BAD, SECOND = "#2a7f9e", "#c4512d", "#9a9a9a"


def write(path, title, rows, legend):
    """rows: (label, ratio, other or None); bars show `ratio`, a tick shows `other`."""
    values = [v for _, a, b in rows for v in (a, b) if v]
    low = min(0.5, min(values)) / 1.05
    high = max(4.0, max(values)) * 1.1
    scale = WIDTH / (math.log(high) - math.log(low))

    def x(v):
        return LEFT + (math.log(v) - math.log(low)) * scale

    height = TOP + ROW * len(rows) + 44
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{LEFT + WIDTH + 70}" height="{height}" font-family="sans-serif" font-size="12">',
           '<rect width="100%" height="100%" fill="white"/>',
           f'<text x="10" y="20" font-size="15">{escape(title)}</text>',
           f'<text x="10" y="37" fill="#555">{escape(legend)}</text>']
    for v in (0.1, 0.25, 0.5, 1, 2, 4, 8, 16, 32, 64, 128):
        if low <= v <= high:
            out.append(f'<line x1="{x(v):.1f}" y1="{TOP}" x2="{x(v):.1f}" y2="{height - 36}" stroke="{"#333" if v == 1 else "#ddd"}"/>')
            out.append(f'<text x="{x(v):.1f}" y="{height - 20}" text-anchor="middle" fill="#555">{v:g}×</text>')
    for i, (label, ratio, other) in enumerate(rows):
        y = TOP + ROW * i
        out.append(f'<text x="{LEFT - 8}" y="{y + 14}" text-anchor="end">{escape(label)}</text>')
        if ratio:
            a, b = sorted((x(1), x(ratio)))
            out.append(f'<rect x="{a:.1f}" y="{y + 4}" width="{max(b - a, 1):.1f}" height="{ROW - 7}" fill="{GOOD if ratio >= 1 else BAD}"/>')
            out.append(f'<text x="{max(b, x(1)) + 5:.1f}" y="{y + 14}" fill="#333">{ratio:.2f}</text>')
        if other:
            out.append(f'<line x1="{x(other):.1f}" y1="{y + 2}" x2="{x(other):.1f}" y2="{y + ROW - 1}" stroke="{SECOND}" stroke-width="3"/>')
    out.append("</svg>")
    with open(path, "w", encoding="utf-8") as f:
        f.write("\n".join(out) + "\n")
