#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes insns.txt: assembles the cases below with GNU as, runs them on qemu-system-arm (-M versatilepb, arm926)
through qemu-insns.S and records what happened. Not run by the tests: only to add cases.

    tests/frontend-arm/insns.py > tests/frontend-arm/insns.txt

Cases where QEMU is not the authority (unaligned accesses without SCTLR.A, ...) stand in insns-manual.txt.
"""
import os, random, re, struct, subprocess, sys, tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
CODE, DATA = 0x30000, 0x20000
DEFAULT = [0x01010101 * i for i in range(15)]
cases = []  # (thumb, assembly, inputs)


def case(thumb, asm, **inputs):
    cases.append((thumb, asm, inputs))


def a(asm, **inputs):
    case(False, asm, **inputs)


def t(asm, **inputs):
    case(True, asm, **inputs)


def psr(flags='', mode=0x1f, q=False):
    v = mode | (1 << 27 if q else 0)
    for i, f in enumerate('NZCV'):
        if f in flags:
            v |= 1 << (31 - i)
    return v


INTERESTING = [0, 1, 2, 0x7fffffff, 0x80000000, 0xffffffff, 0xfffffffe, 0x12345678, 0x8000, 0xffff8000, 0x55555555, 31, 32, 33, 255, 256]
rnd = random.Random(5)


def val():
    return rnd.choice(INTERESTING) if rnd.random() < 0.6 else rnd.getrandbits(32)


def flags():
    return psr(''.join(f for f in 'NZCV' if rnd.random() < 0.5))


def dp_cases():
    for op in 'and eor sub rsb add adc sbc rsc orr bic'.split():
        for s in ('', 's'):
            for _ in range(3):
                a(f'{op}{s} r2, r1, r3', r1=val(), r3=val(), psr=flags())
            a(f'{op}{s} r2, r1, #{rnd.choice([0, 1, 255, 0x3fc, 0xff000000, 0x80000000])}', r1=val(), psr=flags())
            for sh in ('lsl #1', 'lsr #32', 'asr #32', 'ror #7', 'rrx', 'lsr #5', 'lsl #31'):
                a(f'{op}{s} r2, r1, r3, {sh}', r1=val(), r3=val(), psr=flags())
            for sh in ('lsl', 'lsr', 'asr', 'ror'):
                for n in (0, 1, 32, 33, 255):
                    if rnd.random() < 0.4 or op == 'orr':
                        a(f'{op}{s} r2, r1, r3, {sh} r4', r1=val(), r3=val(), r4=n | 0x1200, psr=flags())
            if not s:
                a(f'{op} r2, pc, #8')
                a(f'{op} r0, r1, r2, lsl r3', r1=val(), r2=val(), r3=64)
    for op in 'mov mvn'.split():
        for s in ('', 's'):
            for i in (0, 1, 255, 0xff000000, 0xf000000f):
                a(f'{op}{s} r2, #{i}', psr=flags())
            for sh in ('', ', lsl #1', ', lsr #32', ', lsr #1', ', asr #32', ', asr #31', ', ror #31', ', rrx'):
                a(f'{op}{s} r2, r3{sh}', r3=val(), psr=flags())
            for sh in ('lsl', 'lsr', 'asr', 'ror'):
                for n in (0, 1, 31, 32, 33, 64, 128, 255, 256):
                    a(f'{op}{s} r2, r3, {sh} r4', r3=val() | 0x80000001, r4=n, psr=flags())
    for op in 'tst teq cmp cmn'.split():
        for _ in range(6):
            a(f'{op} r1, r3', r1=val(), r3=val(), psr=flags())
        for i in (0, 1, 0xff000000):
            a(f'{op} r1, #{i}', r1=val(), psr=flags())
        a(f'{op} r1, r3, lsr r4', r1=val(), r3=val(), r4=32, psr=flags())
        a(f'{op} r1, r3, asr #3', r1=val(), r3=val(), psr=flags())
    a('adds r1, r1, r1', r1=0x80000000)
    a('mov pc, r1', r1=CODE + 0x13)
    a('add pc, pc, #4')
    a('add pc, pc, r1, lsl #2', r1=2)
    a('mov pc, lr', r14=CODE + 0x10)
    a('movs pc, lr', r14=CODE + 0x10, psr=0xd2)
    a('subs pc, lr, #4', r14=CODE + 0x14, psr=0xd2)
    a('subs pc, lr, #4', r14=CODE + 0x14, psr=0x10)
    a('movs pc, lr', r14=CODE + 0x11, psr=0xd2)
    a('ands pc, r1, r2, lsl r3', r1=CODE + 0x10, r2=CODE + 0x10, r3=0, psr=0xd7)


CONDS = 'eq ne cs cc mi pl vs vc hi ls ge lt gt le'.split()


def cond_cases():
    for c in CONDS:
        for f in ('', 'N', 'Z', 'C', 'V', 'NV', 'ZC', 'NC', 'NZV'):
            a(f'mov{c} r2, #1', psr=psr(f))
        a(f'b{c} .+16', psr=flags())
        a(f'b{c} .+16', psr=flags())
        t(f'b{c} .+16', psr=flags() | 0x20)
        t(f'b{c} .+16', psr=flags() | 0x20)
        for op in ('cmp r1, r2', 'cmn r1, r2', 'tst r1, r2', 'subs r3, r1, r2', 'adds r3, r1, r2', 'rsbs r3, r1, r2',
                   'adcs r3, r1, r2', 'sbcs r3, r1, r2', 'movs r3, r1, lsr #1', 'muls r3, r1, r2', 'cmp r1, #0'):
            for _ in range(2):
                a(f'{op}\n mov{c} r4, #1', r1=val(), r2=val(), psr=flags())
            a(f'{op}\n str{c} r4, [r0]\n add{c} r5, r5, #1\n mvn{c} r6, r6', r0=DATA, r1=val(), r2=val(), psr=flags())
            t(f'cmp r1, r2\n b{c} .+8\n movs r3, #1\n cmn r1, r2\n b{c} .+4\n movs r4, #1', r1=val(), r2=val())
    a('cmp r1, r2\n cmpne r3, r2\n moveq r4, #1', r1=1, r2=2, r3=2)
    a('cmp r1, r2\n addne r3, r3, #1\n addnes r3, r3, r1\n movne r5, #7\n bne .+8', r1=1, r2=2, r3=0xfffffffe)
    a('cmp r1, r2\n ldrne r3, [r0]\n ldreq r4, [r0]\n bxne lr', r0=DATA, r1=1, r2=2, r14=CODE + 0x18)
    a('cmp r1, r2\n ldreq r3, [r0]\n ldreq r4, [r0]\n bxeq lr\n mov r5, #1', r0=DATA, r1=1, r2=2, r14=CODE + 0x18)
    a('cmp r1, r2\n swine 1\n mov r5, #1', r1=1, r2=1)
    a('cmp r1, r2\n swieq 1\n mov r5, #1', r1=1, r2=1)
    a('cmp r1, r2\n .inst 0x07f000f0\n mov r5, #1', r1=1, r2=2)


def mul_cases():
    for s in ('', 's'):
        for _ in range(3):
            a(f'mul{s} r2, r3, r4', r3=val(), r4=val(), psr=flags())
            a(f'mla{s} r2, r3, r4, r5', r3=val(), r4=val(), r5=val(), psr=flags())
            for op in 'umull umlal smull smlal'.split():
                a(f'{op}{s} r2, r3, r4, r5', r2=val(), r3=val(), r4=val(), r5=val(), psr=flags())
        a(f'umull{s} r2, r3, r4, r5', r4=0, r5=7)
    for x in 'bt':
        for y in 'bt':
            for _ in range(2):
                a(f'smla{x}{y} r2, r3, r4, r5', r3=val(), r4=val(), r5=val())
                a(f'smul{x}{y} r2, r3, r4', r3=val(), r4=val())
                a(f'smlal{x}{y} r2, r3, r4, r5', r2=val(), r3=val(), r4=val(), r5=val())
        a(f'smlabb r2, r3, r4, r5', r3=0x8000, r4=0x8000, r5=0x7fffffff)
        for _ in range(3):
            a(f'smlaw{x} r2, r3, r4, r5', r3=val(), r4=val(), r5=val())
            a(f'smulw{x} r2, r3, r4', r3=val(), r4=val())
    for op in 'qadd qsub qdadd qdsub'.split():
        for _ in range(4):
            a(f'{op} r2, r3, r4', r3=val(), r4=val(), psr=psr('', q=rnd.random() < 0.3))
        for x, y in ((0x7fffffff, 1), (0x80000000, 0xffffffff), (0x7fffffff, 0x80000000), (1, 0x40000000), (0xffffffff, 0xc0000000)):
            a(f'{op} r2, r3, r4', r3=x, r4=y)
    for v in (0, 1, 0x80000000, 0x00010000, 0x12345):
        a('clz r2, r3', r3=v)


def mem_cases():
    for op in 'ldr str ldrb strb ldrh strh ldrsb ldrsh ldrd strd'.split():
        if op[:3] == 'str' or True:
            for form in ('[r0]', '[r0, #8]', '[r0, #-8]', '[r0, #8]!', '[r0, #-8]!', '[r0], #8', '[r0], #-8', '[r0, r1]', '[r0, -r1]',
                         '[r0, r1]!', '[r0], r1', '[r0], -r1'):
                a(f'{op} r2, {form}', r0=DATA + 0x40, r1=16, r2=0x89abcdef, r3=0x76543210)
            if op in ('ldr', 'str', 'ldrb', 'strb'):
                for form in ('[r0, r1, lsl #2]', '[r0, -r1, lsr #1]!', '[r0], r1, asr #1', '[r0, r4, asr #32]', '[r0, r1, ror #2]', '[r0, r4, rrx]'):
                    a(f'{op} r2, {form}', r0=DATA + 0x40, r1=16, r2=0x89abcdef, r4=8, psr=psr())
                for form in ('[r0]', '[r0], #4', '[r0], #-4', '[r0], r1'):
                    a(f'{op}t r2, {form}', r0=DATA + 0x40, r1=16, r2=0x89abcdef)
                a(f'{op} r2, [r0]', r0=0x40000000)
                a(f'{op} r2, [r0, #4]!', r0=0x40000000)
    a('ldrd r2, [r0], #8', r0=0x3ffffffc)
    a('strd r2, [r0, #8]!', r0=0x3ffffff4, r2=0, r3=0)
    a('swp r2, r3, [r0]', r0=0x40000000)
    t('pop {r1, r2, pc}', r13=0x3ffffff8)
    t('push {r1, r2, lr}', r13=0x40000008)
    a('ldr r2, [pc, #-4]')
    a('ldr r0, [r0, #4]!', r0=DATA)
    a('ldr r0, [r0], #4', r0=DATA)
    a('ldrd r0, [r0], #8', r0=DATA)
    a('str r0, [r0, #4]!', r0=DATA)
    a('str pc, [r0]', r0=DATA)
    for v in (0x10, 0x11, 0x12):
        a('ldr pc, [r0]', r0=DATA, mem={DATA: CODE + v})
        a('ldmia r0, {r1, pc}', r0=DATA, mem={DATA + 4: CODE + v})
        a('bx r1', r1=CODE + v)
        t('pop {r1, pc}', r13=DATA, mem={DATA + 4: CODE + v})
    a('ldr pc, [sp], #4', r13=DATA, mem={DATA: CODE + 0x14})
    a('ldrd r3, [r0]', r0=DATA) if False else a('.inst 0xe1c030d0', r0=DATA)
    a('.inst 0xe1c030f0', r0=DATA)
    a('.inst 0xe06120d2', r1=DATA)
    a('.inst 0xe0f120b2', r1=DATA + 0x10)
    a('.inst 0xe0e120b2', r1=DATA + 0x10, r2=0x1234)
    a('swp r2, r3, [r0]', r0=DATA, r3=0x12345678)
    a('swpb r2, r3, [r0]', r0=DATA + 1, r3=0x12345678)
    a('swp r2, r2, [r0]', r0=DATA, r2=0x12345678)
    a('pld [r0, #4]')
    a('pld [r0, r1, lsl #2]')
    # with SCTLR.A
    for op, off in (('ldr', 1), ('ldr', 2), ('ldrh', 1), ('ldrsh', 1), ('str', 2), ('strh', 1), ('ldmia', 1), ('ldmia', 0), ('ldr', 4), ('ldrb', 1),
                    ('ldrd', 8), ('strd', 8), ('ldrh', 2), ('stmia', 2)):
        operand = 'r0, {r2, r3}' if op[2] == 'm' else 'r2, [r0]'
        a(f'{op} {operand}', r0=DATA + off, align=1)
    for op in ('ldm', 'stm'):
        for mode in ('ia', 'ib', 'da', 'db'):
            for w in ('', '!'):
                a(f'{op}{mode} r0{w}, {{r1, r3, r7, r12}}', r0=DATA + 0x40)
                a(f'{op}{mode} r2{w}, {{r2}}' if not w else f'{op}{mode} sp{w}, {{r2-r5, lr}}', r2=DATA + 0x40, r13=DATA + 0x40)
        a('.inst 0xe8b00003' if op == 'ldm' else '.inst 0xe8a00003', r0=DATA)
        a('.inst 0xe8b10003' if op == 'ldm' else '.inst 0xe8a10003', r1=DATA)
        a('.inst 0xe8b00000' if op == 'ldm' else '.inst 0xe8a00000', r0=DATA)
        for asm in (f'{op}ia r0!, {{r1, r2, r3}}', f'{op}ib r0!, {{r0, r1, r2, r3}}', f'{op}ia r0, {{r0, r1, r2, r3}}'):
            a(asm, r0=0x3ffffff8)
        a(f'{op}db r2!, {{r1, r2, r3}}', r2=0x40000004)
        a(f'{op}ia r0!, {{r1, r2, r3}}', r0=0x40000000)
        a(f'{op}ia r0, {{r1, r2}}^', r0=DATA)
        a(f'{op}ia r0, {{r1, r2}}^', r0=DATA, psr=0x10)
    for mode in (0xd2, 0xd3, 0xd7):
        a('stmia r0, {r8-r14}^', r0=DATA, psr=mode)
        a('ldmia r0, {r13, r14}^\n stmia r0, {r13, r14}', r0=DATA, psr=mode)
    a('.inst 0xe8f06000', r0=DATA, psr=0xd2)
    a('.inst 0xe8e06000', r0=DATA, psr=0xd2)
    a('ldmia r0, {r1, pc}^', r0=DATA, psr=0xd2, mem={DATA + 4: CODE + 0x10})
    a('ldmia r0!, {r1, pc}^', r0=DATA, psr=0xd3, mem={DATA + 4: CODE + 0x10})
    a('ldmia r0!, {r1, pc}^', r0=DATA, psr=0x10, mem={DATA + 4: CODE + 0x10})


def branch_cases():
    a('b .+16')
    a('b .-16')
    a('bl .+16')
    a('bl .-64')
    a('blx .+16')
    a('bx lr', r14=CODE + 0x10)
    a('bx lr', r14=CODE + 0x11)
    a('bx pc')
    a('blx lr', r14=CODE + 0x10)
    a('blx r3', r3=CODE + 0x11)
    a('.inst 0xe12fff21', r1=CODE + 0x11)
    a('swi 1')
    a('bkpt 1')
    for c in ('c', 'x', 's', 'f', 'fsxc', 'cf'):
        a(f'msr cpsr_{c}, r1', r1=0xf80001df | 0x20)
        a(f'msr cpsr_{c}, r1', r1=0xf8000013, psr=0x10)
    a('msr cpsr_f, #0xf0000000')
    a('msr cpsr_f, #0x50000000\n movmi r1, #1\n movpl r2, #2')
    a('msr cpsr_c, #0xd3', psr=0x10)
    a('mrs r2, cpsr', psr=0xf800001f)
    a('mrs r2, cpsr', psr=0x10)
    a('mrs r2, spsr', psr=0xd2)
    a('mrs r2, spsr', psr=0x10)
    a('msr spsr_fsxc, r1\n mrs r2, spsr', r1=0xf00000df, psr=0xd2)
    a('msr spsr_f, #0xf0000000\n mrs r2, spsr', psr=0xd2)
    a('msr spsr_c, r1', psr=0x10)
    a('msr cpsr_c, #0xd5')
    a('.inst 0xe320f000')
    a('mrc p15, 0, r2, c0, c0, 0')
    a('mrc p15, 0, r2, c0, c0, 0', psr=0x10)
    a('mrc p15, 0, r15, c7, c10, 3')
    a('mrc p15, 0, r15, c1, c0, 0', psr=psr('NZCV'))
    a('mcr p15, 0, r2, c13, c0, 1\n mrc p15, 0, r3, c13, c0, 1', r2=0x42)
    a('mcr p15, 0, pc, c13, c0, 1\n mrc p15, 0, r3, c13, c0, 1')
    a('mcr p15, 0, r2, c7, c5, 0')
    a('mcr p15, 0, r2, c7, c5, 0', psr=0x10)
    for w in (0xee010e10, 0xee000010, 0xec900000, 0xed900000, 0xec400000, 0xfe110f10, 0xfe010f10, 0xec510f10, 0xee000f00, 0xed900f00,
              0xe6bf2072, 0xe0421392, 0xe1902f9f, 0xe1812f90, 0xf1010200, 0xf8900a00, 0xf84d0500, 0xe7f000f0, 0xe6121f13, 0xe3012234,
              0xe1a12003, 0xe1101003, 0xe0021093, 0xe10f2001, 0xe128f100, 0xe1200011, 0xe16f2013, 0xe1012152, 0xe1002192,
              0xf5d00000, 0xf4d0f000, 0xf5f0f000, 0xe1090392, 0xf57ff01f):
        a(f'.inst 0x{w:08x}', r0=DATA, r1=DATA)


def thumb_cases():
    for op in 'ands eors adcs sbcs orrs bics'.split():
        for _ in range(3):
            t(f'{op} r1, r2', r1=val(), r2=val(), psr=flags() | 0x20)
    for op in 'tst cmp cmn mvns'.split():
        for _ in range(3):
            t(f'{op} r1, r2', r1=val(), r2=val(), psr=flags() | 0x20)
    for op in 'lsls lsrs asrs rors'.split():
        for n in (0, 1, 31, 32, 33, 255):
            t(f'{op} r1, r2', r1=val() | 1, r2=n, psr=flags() | 0x20)
        if op != 'rors':
            for n in (1, 31) + ((32,) if op != 'lsls' else ()):
                t(f'{op} r1, r2, #{n}', r2=val(), psr=flags() | 0x20)
    t('movs r1, r2', psr=flags() | 0x20)
    for _ in range(3):
        t('rsbs r1, r2, #0', r2=val(), psr=flags() | 0x20)
        t('muls r1, r2, r1', r1=val(), r2=val(), psr=flags() | 0x20)
        t('adds r1, r2, r3', r2=val(), r3=val())
        t('subs r1, r2, r3', r2=val(), r3=val())
        t('adds r1, r2, #5', r2=val())
        t('subs r1, r2, #5', r2=val())
        t('adds r1, #200', r1=val())
        t('subs r1, #200', r1=val())
        t('cmp r1, #200', r1=val())
        t('cmp r9, r2', r9=val(), r2=val())
    t('movs r1, #0')
    t('movs r1, #200')
    t('add r9, r2')
    t('add r1, r9')
    t('mov r9, r2')
    t('mov r1, sp')
    t('mov r1, pc')
    t('mov pc, r1', r1=CODE + 0x10)
    t('mov pc, lr', r14=CODE + 0x11)
    t('add pc, r1', r1=9)
    t('add r1, pc')
    t('bx r1', r1=CODE + 0x10)
    t('bx r1', r1=CODE + 0x11)
    t('bx pc')
    t('nop\n bx pc')
    t('blx r1', r1=CODE + 0x10)
    t('blx lr', r14=CODE + 0x11)
    for op in 'ldr str ldrb strb ldrh strh'.split():
        t(f'{op} r1, [r0, #4]', r0=DATA, r1=0x89abcdef)
        t(f'{op} r1, [r0, r2]', r0=DATA, r1=0x89abcdef, r2=8)
        t(f'{op} r1, [r0, r2]', r0=0x40000000, r1=0x89abcdef, r2=8)
    t('ldrsb r1, [r0, r2]', r0=DATA, r2=8)
    t('ldrsh r1, [r0, r2]', r0=DATA, r2=8)
    t('ldr r1, [sp, #8]', r13=DATA)
    t('str r1, [sp, #8]', r13=DATA)
    t('ldr r1, [pc, #0]\n nop')
    t('nop\n ldr r1, [pc, #0]')
    t('nop\n add r1, pc, #4')
    t('add r1, sp, #8')
    t('add sp, #8')
    t('sub sp, #8')
    t('push {r0-r3, lr}', r13=DATA + 0x40)
    t('push {r5}', r13=DATA + 0x40)
    t('pop {r0-r3}', r13=DATA + 0x40)
    t('stmia r0!, {r1, r2, r7}', r0=DATA)
    t('ldmia r0!, {r1, r2, r7}', r0=DATA)
    t('ldmia r0!, {r1, r2, r7}', r0=0x40000000)
    for w in ('0xc803', '0xc003', '0xc103', '0xb400', '0xbc00', '0xc800', '0xc000', '0xde00', '0xb200', '0xba00', '0xb660', '0xb650', '0x4719', '0x4799'):
        t(f'.inst.n {w}', r0=DATA, r1=DATA + 0x10, r3=CODE + 0x11)
    t('b .+16')
    t('b .-16')
    t('bl .+16')
    t('bl .-16')
    t('blx .+16')
    t('nop\n blx .+16')
    t('bl .+0x100')
    t('.inst.n 0xf802', r14=CODE + 0x10)
    t('.inst.n 0xe802', r14=CODE + 0x10)
    t('swi 1')
    t('bkpt 1')
    t('ldr r1, [r0]', r0=DATA + 1, align=1)
    t('strh r1, [r0]', r0=DATA + 1, align=1)


def run(cmd, **kw):
    return subprocess.run(cmd, check=True, stdout=subprocess.PIPE, **kw).stdout


def assemble_all(tmp):
    """Assembles every case at CODE; returns (words padded to 32 bytes, length, text) of each."""
    src = ['.syntax unified', '.arch armv5tej']
    for i, (thumb, asm, _) in enumerate(cases):
        src += ['.balign 1024', '.thumb' if thumb else '.arm', f'c{i}: ' + asm, f'e{i}:']
        src += ['.inst.n 0xdefe' if thumb else '.inst 0xe7ffdefe']
    open(f'{tmp}/c.s', 'w').write('\n'.join(src).replace('swine', 'svcne').replace('swieq', 'svceq').replace('swi ', 'svc ')
                                  .replace('addnes', 'addsne').replace('\\n', '\n') + '\n')
    run(['arm-none-eabi-as', '-o', f'{tmp}/c.o', f'{tmp}/c.s'])
    run(['arm-none-eabi-ld', '-Ttext', hex(CODE), '-e', '0', '-o', f'{tmp}/c.elf', f'{tmp}/c.o'])
    run(['arm-none-eabi-objcopy', '-O', 'binary', f'{tmp}/c.elf', f'{tmp}/c.bin'])
    image = open(f'{tmp}/c.bin', 'rb').read()
    syms = {}
    for line in run(['arm-none-eabi-nm', f'{tmp}/c.elf']).decode().split('\n'):
        f = line.split()
        if len(f) == 3:
            syms[f[2]] = int(f[0], 16) & ~1
    out = []
    for i in range(len(cases)):
        at, end = syms[f'c{i}'] - CODE, syms[f'e{i}'] - CODE
        out.append(image[at:end])
    return out


def qemu(tmp, records):
    run(['arm-none-eabi-as', '-mcpu=arm926ej-s', '-o', f'{tmp}/r.o', f'{HERE}/qemu-insns.S'])
    run(['arm-none-eabi-ld', '-Ttext=0x10000', '-o', f'{tmp}/r.elf', f'{tmp}/r.o'])
    run(['arm-none-eabi-objcopy', '-O', 'binary', f'{tmp}/r.elf', f'{tmp}/r.bin'])
    base = open(f'{tmp}/r.bin', 'rb').read()
    results, step = [], 60
    for at in range(0, len(records), step):
        part = records[at:at + step]
        open(f'{tmp}/i.bin', 'wb').write(base + struct.pack('<I', len(part)) + b''.join(part))
        p = subprocess.run(['qemu-system-arm', '-M', 'versatilepb', '-audiodev', 'none,id=a', '-nographic', '-monitor', 'none', '-serial',
                            'stdio', '-semihosting', '-kernel', f'{tmp}/i.bin'], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                           stderr=subprocess.DEVNULL, timeout=20)
        lines = [[int(x, 16) for x in l.split()] for l in p.stdout.decode().split('\n') if re.fullmatch(r'[0-9a-f ]{100,}', l)]
        assert len(lines) == len(part), (at, len(lines), cases[at + len(lines)])
        results += lines
    return results


def pattern(addr):
    return (0x80 + 7 * (addr - DATA)) & 0xff


def main():
    dp_cases(), cond_cases(), mul_cases(), mem_cases(), branch_cases(), thumb_cases()
    with tempfile.TemporaryDirectory() as tmp:
        codes, records = assemble_all(tmp), []
        for (thumb, asm, inputs), code in zip(cases, codes):
            regs = list(DEFAULT)
            for k, v in inputs.items():
                if re.fullmatch(r'r\d+', k):
                    regs[int(k[1:])] = v & 0xffffffff
            mem = [w for kv in inputs.get('mem', {}).items() for w in kv]
            p = inputs.get('psr', 0x1f) | (0x20 if thumb else 0)
            fill = b'\xfe\xde' if thumb and len(code) % 4 else b''
            words = (code + fill).ljust(32, b'\0')
            records.append(struct.pack('<16I', *regs, p) + words + struct.pack('<8I', 2 if inputs.get('align') else 0, 0, *(mem + [0] * 6)[:6]))
        results = qemu(tmp, records)
    print('# SPDX-License-Identifier: Apache-2.0\n# Written by insns.py from runs on qemu-system-arm; the format is explained in lines.h.')
    for (thumb, asm, inputs), code, r, rec in zip(cases, codes, results, records):
        ins = struct.unpack('<16I', rec[:64])
        size = 2 if thumb else 4
        code_text = ' '.join(code[i:i + size][::-1].hex() for i in range(0, len(code), size))
        text = ' / '.join(re.sub(r'\s+', ' ', s).strip() for s in asm.split('\n') if s.strip())
        given = ' '.join(f'r{k}={ins[k]:x}' for k in range(15) if ins[k] != DEFAULT[k])
        if ins[15] != (0x3f if thumb else 0x1f):
            given += f' psr={ins[15]:x}'
        given += ' align=1' if inputs.get('align') else ''
        given += ''.join(f' m{k:x}={v:x}' for k, v in inputs.get('mem', {}).items())
        exc, t_after = r[17], r[15] >> 5 & 1
        pc = (r[16] - {1: 2 if t_after else 4, 2: 2 if t_after else 4, 3: 4, 4: 8}[exc]) & 0xffffffff
        ended = exc == 1 and not (CODE <= pc < CODE + len(code))
        got = [f'r{k}={r[k]:x}' for k in range(15) if r[k] != ins[k]]
        if r[15] != ins[15]:
            got.append(f'psr={r[15]:x}')
        if pc != CODE + len(code):
            got.append(f'pc={pc:x}')
        if not ended:
            got.append('exc=' + ['', 'und', 'swi', 'pab', 'dab'][exc])
        before = {x: pattern(x) for x in range(DATA, DATA + 0x200)}
        after = dict(before)
        after.update(zip(r[18::2], r[19::2]))
        for k, v in inputs.get('mem', {}).items():
            for b in range(4):
                before[k + b] = v >> 8 * b & 0xff
        for w in range(DATA, DATA + 0x200, 4):
            if any(before[w + b] != after[w + b] for b in range(4)):
                got.append(f'm{w:x}={sum(after[w + b] << 8 * b for b in range(4)):x}')
        print(f"{'T' if thumb else 'A'} {code_text} ; {text} ; {given.strip()} => {' '.join(got)}")


main()
