#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""-coverage against counts made by hand (programs/covered.c), in every way to execute; merging; drcov; genhtml.

A failure means that a count is wrong, or that lcov's tools or readers of drcov would not understand the file.
Usage: coverage.py RHEA ELF SOURCE [ELF...]: images of the same source.
"""
import os
import re
import shutil
import struct
import subprocess
import sys
import tempfile

from checks import check, finish

rhea, source, elfs = sys.argv[1], sys.argv[2], sys.argv[3:]


def run(elf, *options, status=0):
    p = subprocess.run([rhea, '-M', 'versatilepb', '-display', 'none', '-semihosting', '-kernel', elf, *options],
                       stdin=subprocess.DEVNULL, capture_output=True, timeout=60)
    if p.returncode != status:
        check(' '.join(options), False, f'status {p.returncode}, {p.stderr.decode()}')
    return p.stderr.decode()


def by_hand(thumb=False):
    with open(source, encoding='ascii') as f:
        found = ((n, re.search(r'= (\d+)\b[^*]*\*/$', line)) for n, line in enumerate(f, 1))
        lines = {n: int(m.group(1)) for n, m in found if m}
    with open(source, encoding='ascii') as f: # one of these is there, by the instruction set
        return lines | {n: 1 for n, line in enumerate(f, 1) if 'REG(0x10) = 0xe25ef00' + ('6' if thumb else '4') in line}


def branches_by_hand(thumb=False):
    """{line: pairs in order of size}"""
    with open(source, encoding='ascii') as f:
        found = ((n, re.search(r'= \d+.*[;:] branches ([0-9+ ]+) \*/$', line)) for n, line in enumerate(f, 1))
        return {n: sorted(tuple(sorted(map(int, pair.split('+')))) for pair in m.group(1).split()) for n, m in found if m and (thumb or 'Thumb' not in m.group(0))}


def read_branches(path):
    """{line: pairs in order of size} of `source`, and the totals checked."""
    found, ours, total = {}, False, [0, 0]
    with open(path, encoding='ascii') as f:
        for record in f.read().splitlines():
            key, _, rest = record.partition(':')
            if key == 'SF':
                ours, total = os.path.realpath(rest) == os.path.realpath(source), [0, 0]
            elif key == 'BRDA':
                line, block, way, count = rest.split(',')
                total = [total[0] + 1, total[1] + (count not in '-0')]
                if ours:
                    found.setdefault((int(line), int(block)), {})[int(way)] = 0 if count == '-' else int(count)
            elif key in ('BRF', 'BRH'):
                check(f'{key} {rest}', int(rest) == total[key == 'BRH'], total)
    check('ways', all(set(b) == {0, 1} for b in found.values()), found)
    lines = {}
    for (line, _), b in found.items():
        lines.setdefault(line, []).append(tuple(sorted(b.values())))
    return {line: sorted(pairs) for line, pairs in lines.items()}


def read_info(path):
    """{file: ({line: count}, {function: count})}, and the totals checked."""
    files, lines, functions = {}, {}, {}
    with open(path, encoding='ascii') as f:
        for record in f.read().splitlines():
            key, _, rest = record.partition(':')
            if key == 'SF':
                lines, functions = files.setdefault(os.path.realpath(rest), ({}, {}))
            elif key == 'DA':
                n, count = rest.split(',')
                lines[int(n)] = int(count)
            elif key == 'FNDA':
                count, name = rest.split(',')
                functions[name] = int(count)
            elif key in ('LF', 'LH', 'FNF', 'FNH'):
                table = (lines if key[0] == 'L' else functions).values()
                want = len(table) if key[-1] == 'F' else sum(c != 0 for c in table)
                check(f'{key} {rest}', int(rest) == want, want)
    return files


def read_drcov(path):
    """{module path: (base, {(start, size)})}"""
    with open(path, 'rb') as f:
        data = f.read()
    head, _, blocks = data.partition(b' bbs\n')
    head = head.decode().splitlines()
    assert head[0] == 'DRCOV VERSION: 2' and head[2].startswith('Module Table: version 2, count ')
    n = int(head[2].split()[-1])
    modules = []
    for i, row in enumerate(head[4:4 + n]):
        number, base, end, entry, name = [c.strip() for c in row.split(',')]
        assert int(number) == i and int(entry, 16) == 0
        modules.append((name, int(base, 16), int(end, 16), set()))
    count = int(head[4 + n].split()[-1])
    assert len(blocks) == 8 * count
    for start, size, module in struct.iter_unpack('<IHH', blocks):
        assert modules[module][1] + start + size <= modules[module][2]
        modules[module][3].add((start, size))
    return {m[0]: (m[1], m[3]) for m in modules}


def functions_of(counts):
    return {'main': 1, 'check_alignment': 1, 'classify': 20, 'abort_and_go_on': 5, 'collatz': 3, 'never': 0} == counts


def lines_are_counted(tmp, elf, way):
    info = os.path.join(tmp, 'c.info')
    run(elf, '-coverage', info, *way)
    files = read_info(info)
    got, functions = files.get(os.path.realpath(source), ({}, {}))
    want = by_hand('thumb' in elf)
    name = f'{os.path.basename(elf)} {" ".join(way)}'
    check(f'{name} lines', got == want,
          {n: (got.get(n), want.get(n)) for n in sorted(got.keys() | want.keys()) if got.get(n) != want.get(n)})
    branches = read_branches(info)
    check(f'{name} branches', branches == branches_by_hand('thumb' in elf), branches)
    check(f'{name} functions', functions_of(functions), functions)
    return got


def runs_are_merged(tmp, elf):
    info = os.path.join(tmp, 'merged.info')
    for times in (1, 2, 3):
        run(elf, '-coverage', f'{info},merge=on')
        got = read_info(info)[os.path.realpath(source)][0]
        branches = {n: [(times * a, times * b) for a, b in pairs] for n, pairs in branches_by_hand().items()}
        check(f'merged branches {times}', read_branches(info) == branches, read_branches(info))
        check(f'merged {times}', got == {n: times * c for n, c in by_hand().items()}, got)
    run(elf, '-coverage', info)
    check('not merged', read_info(info)[os.path.realpath(source)][0] == by_hand())


def blocks_are_listed(tmp, elf):
    path = os.path.join(tmp, 'c.drcov')
    run(elf, '-coverage', f'{path},format=drcov')
    once = read_drcov(path)
    base, blocks = once[elf]
    symbols = dict((line.split()[2], int(line.split()[0], 16)) for line in
                   subprocess.check_output(['arm-none-eabi-nm', elf], text=True).splitlines())
    ran = {base + start + i for start, size in blocks for i in range(size)}
    check('drcov has main', symbols['main'] in ran)
    check('drcov has not never', symbols['never'] not in ran)
    run(elf, '-coverage', f'{path},format=drcov,merge=on')
    check('drcov merged', read_drcov(path) == once)


def errors_come_first(tmp, elf):
    bad = os.path.join(tmp, 'bad')
    with open(bad, 'w', encoding='ascii') as f:
        f.write('DA:1,2\nhello\n')
    check('not lcov', 'it is no lcov file' in run(elf, '-coverage', f'{bad},merge=on', status=1))
    check('not drcov', 'it is no drcov file' in run(elf, '-coverage', f'{bad},format=drcov,merge=on', status=1))
    with open(bad, encoding='ascii') as f:
        check('the file is as it was', f.read() == 'DA:1,2\nhello\n')
    check('no directory', 'cannot write coverage to' in run(elf, '-coverage', f'{tmp}/none/c.info', status=1))
    check('full disk', 'cannot write coverage to' in run(elf, '-coverage', '/dev/full', status=1))
    bare, info = os.path.join(tmp, 'bare.elf'), os.path.join(tmp, 'keep.info')
    subprocess.run(['arm-none-eabi-strip', '-g', '-o', bare, elf], check=True)
    run(elf, '-coverage', info)
    with open(info, encoding='ascii') as f:
        before = f.read()
    check('without DWARF', 'needs an image with DWARF' in run(bare, '-coverage', f'{info},merge=on', status=1))
    with open(info, encoding='ascii') as f:
        check('without DWARF nothing is lost', f.read() == before)
    run(bare, '-coverage', f'{tmp}/bare.drcov,format=drcov')
    run(bare, '-symbols', elf, '-coverage', info)
    check('-symbols', read_info(info)[os.path.realpath(source)][0] == by_hand())
    check('all reports are written', 'No space' in run(elf, '-coverage', '/dev/full', '-explore', f'{tmp}/e.html', status=1) and os.path.getsize(f'{tmp}/e.html') > 9999)
    check('its reason', 'No space' in run(elf, '-explore', '/dev/full', status=1))
    check('format', 'expected lcov or drcov' in run(elf, '-coverage', f'{bad},format=xml', status=1))


def genhtml_shows_it(tmp, elf):
    if not shutil.which('genhtml'):
        print('note: no genhtml (package lcov) on this host')
        return
    info, out = os.path.join(tmp, 'c.info'), os.path.join(tmp, 'html')
    run(elf, '-coverage', info)
    p = subprocess.run(['genhtml', '--quiet', '--branch-coverage', '-o', out, info], capture_output=True, text=True, timeout=60)
    check('genhtml', p.returncode == 0, p.stderr)
    pages = [os.path.join(d, f) for d, _, fs in os.walk(out) for f in fs if f == 'covered.c.gcov.html']
    text = open(pages[0], encoding='utf-8').read() if pages else ''
    shown = {int(n): int(c) for n, c in
             re.findall(r'<span class="lineNum">\s*(\d+)\s*</span>[^:]*:<span class="line(?:No)?Cov">\s*(\d+)\s*:', text)}
    check('genhtml shows the counts', shown == by_hand(), shown)
    ways = sorted(int(n) for n in re.findall(r'title="Branch \d+ was taken (\d+) times?"', text)) + \
        [0] * len(re.findall(r'title="Branch \d+ was not taken"', text))
    check('genhtml shows the branches', sorted(ways) == sorted(n for pairs in branches_by_hand().values() for pair in pairs for n in pair), ways)


with tempfile.TemporaryDirectory() as folder:
    for image in elfs:
        for options in ([], ['-accel', 'jit,warmup=off'], ['-accel', 'interp'], ['-accel', 'lockstep'],
                        ['-accel', 'jit,regions-at-once=on'], ['-accel', 'lockstep,regions-at-once=on'],
                        ['-icount', 'shift=3'], ['-icount', 'shift=3', '-accel', 'jit,regions-at-once=on'], ['-one-insn-per-tb'], ['-accel', 'jit,window=off']):
            lines_are_counted(folder, image, options)
    runs_are_merged(folder, elfs[0])
    blocks_are_listed(folder, elfs[0])
    errors_come_first(folder, elfs[0])
    genhtml_shows_it(folder, elfs[0])
finish()
