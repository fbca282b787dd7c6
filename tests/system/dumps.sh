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

# -d tb-stats: at the end, hottest first, exact; 12 characters are printed by a block of four instructions
for accel in jit interp lockstep; do
	until_says 'Hello world!' -accel $accel -icount shift=3 -kernel "$hello/test.elf" -d tb-stats -D "$tmp/log" ||
		fail "tb-stats hello $accel" "$tmp/err"
	log "$accel tb-stats totals" '^TB translations     [1-9]'
	log "$accel tb-stats" '^ *[0-9.]+% +[0-9.]+% +12 +4 +[0-9]+ +[0-9]+ +[01]  0x000100[0-9a-f]{2} A print_uart0\+0x'
	if awk '/^instructions run/ { all = $3 } /^TB statistics:/ { seen = 1; bad = $8 != all || $12 != all } END { exit !seen || bad }' "$tmp/log"; then
		pass "$accel tb-stats exact"
	else
		fail "$accel tb-stats exact" "$tmp/log"
	fi
done

# -perfmap: perf's lines, of addresses that were this process's; a name that somebody else has is an error
map() { echo "/tmp/perf-$pid.map"; }
until_says 'Hello world!' -kernel "$hello/test.elf" -perfmap || fail 'perfmap hello' "$tmp/err"
cp "$(map)" "$tmp/log" && rm -f "$(map)"
log perfmap '^[0-9a-f]+ [0-9a-f]+ print_uart0\+0x[0-9a-f]+$'
log perfmap-thunks '^[0-9a-f]+ [0-9a-f]+ rhea-thunks$'
without perfmap-only ' .* .* '
sh -c 'ln -s "$1" "/tmp/perf-$$.map" && exec "$2" -M versatilepb -display none -kernel "$3" -perfmap' \
	sh "$tmp/victim" "$RHEA" "$hello/test.elf" >"$tmp/out" 2>"$tmp/log" &
pid=$!
if wait $pid; then fail 'perfmap link: no error' "$tmp/log"; else pass 'perfmap link'; fi
log perfmap-error "^rhea-system-arm: cannot write perf map '/tmp/perf-$pid.map': "
if [ -e "$tmp/victim" ]; then fail 'perfmap followed a link'; fi
rm -f "$(map)"

# to stderr without -D; 'all' and 'none'
until_says 'Hello world!' -kernel "$hello/test.elf" -d all
cp "$tmp/err" "$tmp/log"
log stderr '^IN: c_entry$'
until_says 'Hello world!' -kernel "$hello/test.elf" -d none -D "$tmp/log"
if [ -e "$tmp/log" ] && [ ! -s "$tmp/log" ]; then pass none; else fail none "$tmp/log"; fi
finish
