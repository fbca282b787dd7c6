#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""embed.py IN OUT.c NAME: the text of IN as a constant of C."""
import sys

source, out, name = sys.argv[1:]
with open(source, 'rb') as f:
    data = f.read()
with open(out, 'w', encoding='ascii') as f:
    f.write(f'/* SPDX-License-Identifier: Apache-2.0 */\n/* Made from {source.rsplit("/", 1)[-1]}. */\n#include "debug/explorer-internal.h"\n')
    f.write(f'const char {name}[] = {{\n')
    for i in range(0, len(data), 24):
        f.write(','.join(str(b if b < 128 else b - 256) for b in data[i:i + 24]) + ',\n')
    f.write('0};\n')
