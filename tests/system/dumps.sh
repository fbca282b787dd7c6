#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The -d dumps as their readers expect them (golden.c holds their every byte): sections and their order, symbols, -dfilter.
. "$(dirname "$0")/common.sh"

# log LABEL PATTERN: the last run's log has a line like this
log() { if grep -Eq -- "$2" "$tmp/log"; then pass "$1"; else fail "$1: no line like '$2'" "$tmp/log"; fi; }
without() { if grep -Eq -- "$2" "$tmp/log"; then fail "$1: a line like '$2'" "$tmp/log"; else pass "$1"; fi; }

for accel in jit interp lockstep; do
	until_says 'Hello world!' -accel $accel -kernel "$hello/test.elf" -d in_asm,op,op_opt,out_asm -D "$tmp/log" ||
		fail "hello $accel" "$tmp/err"
	log "$accel in_asm" '^IN: c_entry$'
	log "$accel in_asm-line" '^0x00010004:  e[0-9a-f]{7}  bl +'
	log "$accel op" '^OP:$'
	log "$accel op_opt" '^OP after optimization:$'
	if [ $accel = interp ]; then
		without "$accel out_asm" '^OUT:'
		continue
	fi
	log "$accel out_asm" '^OUT: \[size=[0-9]+\]$'
	log "$accel out_asm-guest" '^  -- guest addr 0x00010000 \+ tb prologue$'
	log "$accel out_asm-slow" '^  -- tb slow paths \+ alignment$'
	# each block: IN, OP, OP after, OUT
	grep -Eo '^(IN|OP|OUT|OP after)' "$tmp/log" | uniq | paste -d' ' - - - - | sort -u >"$tmp/order"
	if [ "$(cat "$tmp/order")" = 'IN OP OP after OUT' ]; then pass "$accel order"; else fail "$accel order" "$tmp/order"; fi
done

until_says 'Hello world!' -kernel "$hello/test.elf" -d in_asm,exec,cpu,nochain -D "$tmp/log" -dfilter 0x10000+0x8
log filter-in '^IN: _reset$'
log filter-exec '^Trace 0: 0x[0-9a-f]+ \[00000000/00010000/[0-9a-f]{8}/00000000\] _reset$'
log filter-cpu '^R00=00000000 R01='
without filter-out 'c_entry'
until_says 'Hello world!' -kernel "$hello/test.bin" -d in_asm -D "$tmp/log" -dfilter 0..0xffff
log stub '^0x0000000c:  e59ff004  ldr '
without stub-only '^0x0001'

# to stderr without -D; 'all' and 'none'
until_says 'Hello world!' -kernel "$hello/test.elf" -d all
cp "$tmp/err" "$tmp/log"
log stderr '^IN: c_entry$'
until_says 'Hello world!' -kernel "$hello/test.elf" -d none -D "$tmp/log"
if [ -e "$tmp/log" ] && [ ! -s "$tmp/log" ]; then pass none; else fail none "$tmp/log"; fi
finish
