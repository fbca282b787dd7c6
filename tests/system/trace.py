#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""-trace: the same events in every way to execute, what a device was told, rings, files cut short, and the reader.

A failure means that an event is lost, invented or out of order, or that the file is not what docs/trace-format.md says.
Usage: trace.py RHEA TOOLS HOT.elf COVERED.elf [GUEST.elf...]
"""
import os
import re
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
rhea, tools, hot, covered, guests = sys.argv[1], sys.argv[2], sys.argv[3], sys.argv[4], [g for g in sys.argv[5:] if os.path.exists(g)]
sys.path.insert(0, tools)
import importlib.util

from checks import check, finish
spec = importlib.util.spec_from_file_location('reader', os.path.join(tools, 'trace.py'))
reader = importlib.util.module_from_spec(spec)
spec.loader.exec_module(reader)


def run(elf, *options, status=0):
    p = subprocess.run([rhea, '-M', 'versatilepb', '-m', '128', '-display', 'none', '-semihosting', '-icount', 'shift=3', '-kernel', elf, *options],
                       stdin=subprocess.DEVNULL, capture_output=True, timeout=100)
    check(f"{os.path.basename(elf)} {' '.join(options)}", p.returncode == status, f'status {p.returncode}, {p.stderr.decode()}')
    return p.stderr.decode()


def events(path):
    trace = reader.Trace(path)
    found = list(trace.events())
    check('the file is complete', trace.complete)
    return found


def traced(tmp, elf, what, *options):
    path = os.path.join(tmp, 't.trc')
    run(elf, '-trace', f'{path},what={what}', *options)
    return events(path)


def shape(found):
    """Without times: those of accesses inside a block are the block's."""
    return [e[2:] for e in found]


def ways_agree(tmp, elf):
    first = None
    for way in ([], ['-accel', 'interp'], ['-accel', 'jit,window=off,warmup=off']):
        found = shape(traced(tmp, elf, 'mem', *way))
        first = first or found
        same = found == first
        at = next((i for i, (a, b) in enumerate(zip(found, first)) if a != b), None)
        check(f'{os.path.basename(elf)} {" ".join(way)}: {len(found)} accesses', found and same, (len(first), at, found[at:at + 3] if at else 0, first[at:at + 3] if at else 0))
    return first


def blocks_are_all(tmp):
    log = run(covered, '-trace', f'{tmp}/b.trc', '-one-insn-per-tb', '-d', 'tb-stats')
    insns = int(re.search(r'instructions run +(\d+)', log).group(1))
    found = events(f'{tmp}/b.trc')
    check('a block each instruction', abs(len(found) - insns) <= 1, (len(found), insns)) # the one that ends the program
    check('named', sum(e.name == 'classify' for e in found) == 20)
    check('instructions are counted', all(a.insns <= b.insns for a, b in zip(found, found[1:])))


def devices_are_told(tmp):
    serial = os.path.join(tmp, 'serial')
    found = traced(tmp, hot, 'devices', '-serial', f'file:{serial}')
    text = bytes(e.value for e in found if e.store and e.addr == 0x101f1000)
    with open(serial, 'rb') as f:
        check('what the UART was told', text == f.read() and text.startswith(b'done '), text)
    check('nothing but devices', all(e.device for e in found))
    check('times rise', all(a.ns <= b.ns for a, b in zip(found, found[1:])) and found[0].ns > 0)


def rings_end_the_same(tmp):
    whole = shape(traced(tmp, covered, 'blocks+mem+devices'))
    for n in (1, 100, 300, 100000):
        run(covered, '-trace', f'{tmp}/r.trc,what=blocks+mem+devices,last={n}')
        ring = shape(events(f'{tmp}/r.trc'))
        check(f'the last {n}', ring == whole[-n:], (len(ring), len(whole)))
    big = shape(traced(tmp, hot, 'mem'))
    run(hot, '-trace', f'{tmp}/r.trc,what=mem,last=100k')
    check('the last 102400', shape(events(f'{tmp}/r.trc')) == big[-102400:])


def reader_reads(tmp):
    path = os.path.join(tmp, 'whole.trc')
    run(covered, '-trace', f'{path},what=blocks+mem+devices')
    tool = [sys.executable, os.path.join(tools, 'trace.py')]
    out = subprocess.run([*tool, '--what', 'mem', '--addr', '0x10', path], capture_output=True, text=True, timeout=60).stdout
    check('filters', re.fullmatch(r'store  000[0-9a-f]{5}  <- e25ef004  memory 00000010\n', out), out)
    out = subprocess.run([*tool, '--count', path], capture_output=True, text=True, timeout=60).stdout
    check('counts', re.search(r'^ +20 000[0-9a-f]{5} classify$', out, re.M), out)
    with open(path, 'rb') as f:
        data = f.read()
    with open(path, 'wb') as f:
        f.write(data[:-3])
    p = subprocess.run([*tool, path], capture_output=True, text=True, timeout=60)
    check('a cut file', p.returncode == 1 and 'cut off' in p.stderr, p.stderr)
    for size in (0, 8, 11, 12, 100):
        with open(path, 'wb') as f:
            f.write(data[:size])
        p = subprocess.run([*tool, path], capture_output=True, text=True, timeout=60)
        check(f'a file of {size} bytes', p.returncode == 1 and re.fullmatch(r'trace.py: .*whole.trc: (ends within its head: .*|not a trace of rhea)\n', p.stderr),
              p.stderr)


def errors_come_first(tmp):
    check('lockstep', 'every access is done twice' in run(hot, '-trace', f'{tmp}/x,what=mem', '-accel', 'lockstep', status=1))
    check('what', 'expected blocks, mem and devices' in run(hot, '-trace', f'{tmp}/x,what=dogs', status=1))
    check('no directory', 'cannot write a trace to' in run(hot, '-trace', f'{tmp}/none/x', status=1))
    check('full disk', 'cannot write a trace to' in run(hot, '-trace', '/dev/full', status=1))


with tempfile.TemporaryDirectory() as folder:
    accesses = ways_agree(folder, covered)
    check('the aborted loads are not there', not any(a.addr == 0x50001 for a in map(lambda e: reader.Access(0, 0, *e), accesses)))
    for guest in guests:
        ways_agree(folder, guest)
    blocks_are_all(folder)
    devices_are_told(folder)
    rings_end_the_same(folder)
    reader_reads(folder)
    errors_come_first(folder)
finish()
