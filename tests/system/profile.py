#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""-profile: shares, call stacks and their number for programs/hot.c; the same with -icount in every run.

A failure means that samples favour some code, that callers are lost or invented, or that a run is not what it was.
Usage: profile.py RHEA ELF...: with DWARF.
"""
import os
import re
import subprocess
import sys
import tempfile

from checks import check, finish

rhea, elfs = sys.argv[1], sys.argv[2:]


def run(elf, *options, status=0):
    p = subprocess.run([rhea, '-M', 'versatilepb', '-display', 'none', '-semihosting', '-kernel', elf, *options],
                       stdin=subprocess.DEVNULL, capture_output=True, timeout=60)
    check(' '.join(options), p.returncode == status, f'status {p.returncode}, {p.stderr.decode()}')
    return p.stderr.decode()


def read(path):
    with open(path, encoding='utf-8') as f:
        return {s: int(n) for s, n in (line.rsplit(' ', 1) for line in f.read().splitlines())}


def by(stacks, function):
    return sum(n for s, n in stacks.items() if function in s.split(';'))


def stacks_are_right(tmp, elf, way):
    path, name = os.path.join(tmp, 'p.folded'), f'{os.path.basename(elf)} {" ".join(way)}'
    text = run(elf, '-profile', f'{path},period=5003', '-d', 'tb-stats', *way)
    stacks, insns = read(path), int(re.search(r'instructions run +(\d+)', text).group(1))
    total = sum(stacks.values())
    check(f'{name}: one sample a period', abs(total - insns / 5003) <= 2, (total, insns))
    share = by(stacks, 'heavy') / by(stacks, 'light')
    check(f'{name}: shares', 2.85 < share < 3.15, share)
    whole = sum(n for s, n in stacks.items() if s.startswith('_start;main'))
    check(f'{name}: from _start on', whole == total, stacks)
    spin = [s for s in stacks if s.endswith('spin')]
    check(f'{name}: callers of spin', all(re.fullmatch('_start;main;work;(heavy|light);spin', s) for s in spin) and len(spin) == 2, spin)
    return stacks


with tempfile.TemporaryDirectory() as folder:
    for image in elfs:
        for options in ([], ['-accel', 'interp'], ['-accel', 'jit,window=off']):
            stacks_are_right(folder, image, options)
        same = [stacks_are_right(folder, image, ['-icount', 'shift=3']) for _ in range(2)]
        check('the same with -icount', same[0] == same[1], same)
        interp = stacks_are_right(folder, image, ['-icount', 'shift=3', '-accel', 'interp'])
        check('the same interpreted', interp == same[0], (interp, same[0]))
    # without DWARF: by lr where that is certain; without symbols: addresses
    bare, path = os.path.join(folder, 'bare.elf'), os.path.join(folder, 'bare.folded')
    subprocess.run(['arm-none-eabi-strip', '-g', '-o', bare, elfs[0]], check=True)
    run(bare, '-profile', path)
    found = read(path)
    check('without DWARF', 'heavy;spin' in ''.join(found), found)
    subprocess.run(['arm-none-eabi-strip', '-o', bare, elfs[0]], check=True)
    run(bare, '-profile', path)
    found = read(path)
    check('without symbols', found and all(re.fullmatch('0x[0-9a-f]{8}', s.split(';')[-1]) for s in found), found)
    raw = os.path.join(folder, 'raw.bin')
    subprocess.run(['arm-none-eabi-objcopy', '-O', 'binary', elfs[0], raw], check=True)
    run(raw, '-symbols', elfs[0], '-profile', path)
    check('-symbols', '_start;main;work;heavy;spin' in read(path), read(path))
    check('period', 'at least 1024' in run(elfs[0], '-profile', f'{path},period=7', status=1))
    check('no directory', 'cannot write a profile to' in run(elfs[0], '-profile', f'{folder}/none/p', status=1))
finish()
