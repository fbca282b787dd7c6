#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Shows what -trace wrote (docs/trace-format.md), one event a line, or counts it. As a module: Trace(path).events()."""
import argparse
import collections
import json
import signal
import struct
import sys
import zlib

Block = collections.namedtuple('Block', 'insns ns pc thumb bytes name')
Access = collections.namedtuple('Access', 'insns ns pc store size device addr value')


class Trace:
    """A file's head, and its events in order. A file that ends early is read as far as it goes; `complete` tells."""

    def __init__(self, path):
        with open(path, 'rb') as f:
            self.data = f.read()
        if self.data[:8] != b'rheatrc1':
            raise ValueError(f'{path}: not a trace of rhea')
        size = struct.unpack_from('<I', self.data.ljust(12, b'\0'), 8)[0]
        if len(self.data) < 12 + size or not size:
            raise ValueError(f'{path}: ends within its head: nothing can be read')
        self.head = json.loads(self.data[12:12 + size])
        self.start = 12 + size
        self.complete = True

    def chunks(self):
        """(number of its first event, number of its events, bytes) of each."""
        at = self.start
        while at < len(self.data):
            if at + 20 > len(self.data):
                self.complete = False
                return
            raw, packed, events, first = struct.unpack_from('<IIIQ', self.data, at)
            body = self.data[at + 20:at + 20 + packed]
            at += 20 + packed
            if len(body) < packed:
                self.complete = False
                return
            bytes_ = zlib.decompress(body)
            if len(bytes_) != raw:
                raise ValueError('damaged chunk')
            yield first, events, bytes_

    def events(self):
        """Of a ring, exactly the last ones."""
        chunks = list(self.chunks()) if self.head['last'] else self.chunks()
        skip = max(0, sum(c[1] for c in chunks) - self.head['last']) if self.head['last'] else 0
        for _, events, data in chunks:
            if skip >= events:
                skip -= events
                continue
            for event in decode(data):
                if skip:
                    skip -= 1
                else:
                    yield event

    def region(self, addr):
        """'pl011+0x18'"""
        for r in self.head['memory']:
            if r['base'] <= addr < r['base'] + r['size']:
                return f"{r['name']}+{addr - r['base']:#x}"
        return 'nothing'


def decode(data):
    """The events of one chunk."""
    at = insns = ns = pc = addr = block = 0
    known = [None]

    def number():
        nonlocal at
        value = shift = 0
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 0x7f) << shift
            shift += 7
            if byte < 0x80:
                return value

    def step(last):
        n = number()
        return (last + (n >> 1 ^ -(n & 1))) & 0xffffffff

    while at < len(data):
        kind = data[at]
        at += 1
        if kind == 0x01:
            insns += number()
            ns += number()
        elif kind == 0x02:
            pc = step(pc)
            thumb = data[at]
            at += 1
            size, offset, n = number(), number(), number()
            name = data[at:at + n].decode('utf-8', 'replace')
            at += n
            known.append((pc, thumb, size, name + (f'+{offset:#x}' if name and offset else '')))
        elif kind == 0x10:
            block = step(block)
            yield Block(insns, ns, *known[block])
        elif kind & 0xf0 == 0x20:
            pc = step(pc)
            addr = step(addr)
            yield Access(insns, ns, pc, kind & 1, 1 << (kind >> 1 & 3), kind >> 3 & 1, addr, number())
        else:
            raise ValueError(f'damaged chunk: record {kind:#x}')


def text(trace, e):
    if isinstance(e, Block):
        return f"block  {e.pc:08x}  {'thumb' if e.thumb else 'arm':5} {e.bytes:4} bytes  {e.name}".rstrip()
    where = f'{trace.region(e.addr)} ' if e.device else ''
    return (f"{'store' if e.store else 'load '}  {e.pc:08x}  {'<-' if e.store else '->'} {e.value:0{2 * e.size}x}  "
            f"{'device' if e.device else 'memory'} {e.addr:08x} {where}".rstrip() + (f'  at {e.ns} ns' if e.device else ''))


def span(text_):
    first, _, last = text_.partition('..')
    return int(first, 0), int(last or first, 0)


def summary(trace, events):
    blocks, devices, kinds = collections.Counter(), collections.Counter(), collections.Counter()
    for e in events:
        if isinstance(e, Block):
            kinds['blocks'] += 1
            blocks[(e.pc, e.name)] += 1
        else:
            kinds[('device ' if e.device else 'memory ') + ('stores' if e.store else 'loads')] += 1
            if e.device:
                devices[(trace.region(e.addr), 'write' if e.store else 'read')] += 1
    for name, n in sorted(kinds.items()):
        print(f'{n:12} {name}')
    for title, counter, show in (('most run blocks', blocks, lambda k: f'{k[0]:08x} {k[1]}'), ('device registers', devices, ' '.join)):
        if counter:
            print(f'\n{title}:')
        for key, n in counter.most_common(20):
            print(f'{n:12} {show(key)}')


def main():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument('file')
    p.add_argument('--what', default='blocks+mem+devices', help='blocks, mem (memory that is no device), devices; joined by +')
    p.add_argument('--pc', type=span, metavar='A..B', help='only what happened at these guest addresses')
    p.add_argument('--addr', type=span, metavar='A..B', help='only accesses to these addresses (of devices: physical)')
    p.add_argument('--last', type=int, metavar='N', help='the last N of them')
    p.add_argument('--count', action='store_true', help='count instead of listing')
    args = p.parse_args()
    what = set(args.what.split('+'))
    try:
        trace = Trace(args.file)
    except (OSError, ValueError) as e:
        sys.exit(f'trace.py: {e}')

    def wanted(e):
        kind = 'blocks' if isinstance(e, Block) else 'devices' if e.device else 'mem'
        if kind not in what or (args.pc and not args.pc[0] <= e.pc <= args.pc[1]):
            return False
        return not args.addr or (kind != 'blocks' and args.addr[0] <= e.addr <= args.addr[1])

    events = filter(wanted, trace.events())
    if args.last:
        events = collections.deque(events, maxlen=args.last)
    if args.count:
        summary(trace, events)
    else:
        for e in events:
            print(text(trace, e))
    if not trace.complete:
        sys.exit('trace.py: the file ends in the middle: the run was cut off')


if __name__ == '__main__':
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    main()
