#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""-jitdump: the file by its format's description, names and lines of programs/hot.c, and what perf itself makes of it.

A failure means that perf would not read the file, or would give code the wrong name or line. Without perf, or where it may not record,
only the format is checked. Usage: jitdump.py RHEA ELF: with DWARF.
"""
import os
import re
import shutil
import struct
import subprocess
import sys
import tempfile

from checks import check, finish

rhea, elf = map(os.path.abspath, sys.argv[1:3])


def command(*options):
    return [rhea, '-M', 'versatilepb', '-display', 'none', '-semihosting', '-kernel', elf, *options]


def run(folder, *options, status=0):
    p = subprocess.Popen(command('-jitdump', *options), cwd=folder, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)
    text = p.communicate(timeout=60)[1].decode()
    check(f'-jitdump {" ".join(options)}', p.returncode == status, (p.returncode, text))
    return p.pid, text


def text_at(data, at):
    end = data.index(b'\0', at)
    return data[at:end].decode('ascii'), end + 1


def read(path, pid):
    """[(name, address, bytes, lines: [(address, line, file)])]"""
    with open(path, 'rb') as f:
        data = f.read()
    magic, version, size, machine, _, who, began, flags = struct.unpack_from('=IIIIIIQQ', data)
    check('head', (magic, version, size, machine, who, flags) == (0x4a695444, 1, 40, 62, pid, 0) and began)
    at, lines, found, last, ended = size, [], [], began, False
    while at < len(data):
        kind, size, when = struct.unpack_from('=IIQ', data, at)
        assert size >= 16 and at + size <= len(data) and when >= last and not ended
        last, p = when, at + 16
        if kind == 0:
            who, _, vma, address, n, index = struct.unpack_from('=IIQQQQ', data, p)
            name, p = text_at(data, p + 40)
            assert who == pid and vma == address and index == len(found) and p + n == at + size
            assert all(address <= a < address + n for a, _, _ in lines), (name, lines)
            found.append((name, address, data[p:p + n], lines))
            lines = []
        elif kind == 2:
            address, n = struct.unpack_from('=QQ', data, p)
            p += 16
            for _ in range(n):
                a, number, _ = struct.unpack_from('=QII', data, p)
                name, p = text_at(data, p + 16)
                lines.append((a, number, name))
            assert p == at + size and lines[0][0] >= address
        else:
            assert kind == 3 and size == 16
            ended = True
        at += size
    check('closed', ended)
    return found


def format_is_right(folder):
    for way in ([], ['-accel', 'jit,tier=1'], ['-accel', 'lockstep']):
        pid, _ = run(folder, *way)
        code = read(f'{folder}/jit-{pid}.dump', pid)
        check('thunks', code[0][0] == 'rhea-thunks' and len(code[0][2]) > 100)
        spin = [c for c in code if re.fullmatch(r'spin(\+0x[0-9a-f]+)?', c[0])]
        check('spin', spin and all(c[2] for c in spin), [c[0] for c in code])
        with open(next(l[2] for c in spin for l in c[3]), encoding='ascii') as f:
            source = f.read().splitlines()
        check('lines', any('table[(x ^ i) & 255]' in source[l[1] - 1] for c in spin for l in c[3]) and {os.path.basename(l[2]) for c in spin for l in c[3]} == {'hot.c'},
              spin)


def errors_are_named(folder):
    os.mkdir(f'{folder}/ro', 0o555)
    if os.geteuid() != 0: # root writes everywhere
        check('no right', 'cannot write jitdump' in run(f'{folder}/ro', status=1)[1])
    p = subprocess.run(['sh', '-c', 'ln -s victim "jit-$$.dump"; exec "$@"', 'sh', *command('-jitdump')], cwd=folder, stdin=subprocess.DEVNULL,
                       capture_output=True, timeout=60)
    check('a link is not followed', p.returncode == 1 and b'cannot write jitdump' in p.stderr and not os.path.exists(f'{folder}/victim'), p.stderr)
    p = subprocess.run(['sh', '-c', 'ulimit -f 1; trap "" XFSZ; exec "$@"', 'sh', *command('-jitdump')], cwd=folder, stdin=subprocess.DEVNULL,
                       capture_output=True, timeout=60)
    check('a full disk leaves the guest alone', p.returncode == 0 and b'the jitdump is incomplete' in p.stderr, (p.returncode, p.stderr))


def perf_reads_it(folder):
    record = ['perf', 'record', '-q', '-k', 'mono', '-e', 'cpu-clock', '-o', 'a.data']
    if not shutil.which('perf') or subprocess.run([*record, 'true'], cwd=folder, capture_output=True, timeout=60).returncode:
        print('note: no perf on this host, or it may not record')
        return
    subprocess.run([*record, *command('-jitdump')], cwd=folder, stdin=subprocess.DEVNULL, check=True, timeout=60)
    subprocess.run(['perf', 'inject', '--jit', '-i', 'a.data', '-o', 'b.data'], cwd=folder, check=True, capture_output=True, timeout=60)
    report = subprocess.run(['perf', 'report', '-q', '--stdio', '-i', 'b.data', '-F', 'overhead,dso,sym'], cwd=folder, check=True, capture_output=True, text=True, timeout=60).stdout
    top = max(((float(m[1]), m[2]) for m in re.finditer(r'([0-9.]+)% +jitted-\S+ +\[\.\] (\S+)', report)), default=(0, ''))
    check('perf names the hottest code', top[1].startswith('spin'), report)


with tempfile.TemporaryDirectory() as tmp:
    format_is_right(tmp)
    errors_are_named(tmp)
    perf_reads_it(tmp)
finish()
