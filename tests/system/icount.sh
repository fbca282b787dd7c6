#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# -icount's sleep=, align= and shift=auto: whether the host's time goes by with the guest's. The first two change nothing that the guest sees.
# Failure: waits that are to be skipped are waited for or the other way round, or a recording of them does not come out again.
. "$(dirname "$0")/common.sh"
need_programs

# lasts LABEL MICROSECONDS ARGS...: ends by itself, output in $tmp/out; wall time in $ms
lasts()
{
	label=$1 us=$2
	shift 2
	began=$(date +%s%N)
	board -serial stdio -semihosting -kernel "$PROGRAMS/sleep.elf" -device "loader,addr=0x500000,data=$us,data-len=4" "$@"
	ms=$((($(date +%s%N) - began) / 1000000))
	[ "$status" -eq 0 ] && [ "$(wc -l <"$tmp/out")" -eq 3 ] || fail "$label: status $status" "$tmp/out" "$tmp/err"
}
# is LABEL FILE: what came last is the same
is() { if cmp -s "$tmp/out" "$2"; then pass "$1"; else fail "$1" "$tmp/out" "$2"; fi; }
at_least() { if [ "$ms" -ge "$2" ]; then pass "$1"; else fail "$1: $ms ms, expected $2"; fi; }

# three times 1000 s: within the limit of 20 s only if nobody waits for them
lasts long 1000000000 -icount shift=3,sleep=off
pass 'long waits are skipped'
cp "$tmp/out" "$tmp/long"
lasts again 1000000000 -icount shift=3,sleep=off
is 'two runs are the same' "$tmp/long"
lasts interpreted 1000000000 -icount shift=3,sleep=off -accel interp
is 'interpreted as well' "$tmp/long"
lasts history 1000000000 -icount shift=3,sleep=off,history=on
is 'with a history as well' "$tmp/long"
lasts recorded 1000000000 -icount shift=3,sleep=off -record "$tmp/record"
is 'recorded as well' "$tmp/long"
lasts replayed 1000000000 -icount shift=3,sleep=off -replay "$tmp/record"
is 'replayed as well' "$tmp/long"
lasts replayed-on 1000000000 -icount shift=3 -replay "$tmp/record"
is 'a replay does not wait' "$tmp/long"

# three times 400 ms
lasts off 400000 -icount shift=3,sleep=off
cp "$tmp/out" "$tmp/short"
lasts on 400000 -icount shift=3
is 'sleep=on: the guest sees the same' "$tmp/short"
at_least 'sleep=on waits' 1150

# a busy guest, 1.024 us an instruction, for as long
busy='-device loader,addr=0x500004,data=1,data-len=4'
# shellcheck disable=SC2086
{
	lasts busy 400000 -icount shift=10 $busy
	cp "$tmp/out" "$tmp/busy"
	lasts aligned 400000 -icount shift=10,align=on $busy
}
is 'align=on: the guest sees the same' "$tmp/busy"
at_least 'align=on keeps to the host' 1150
# shellcheck disable=SC2086
lasts auto 400000 -icount auto $busy
at_least 'auto keeps to the host' 1150
# 500 million instructions of less than a nanosecond: mov r0, #0x10000000; 1: subs r0, #1; bne 1b; exit
printf '\001\002\240\343\001\000\120\342\375\377\377\032\030\000\240\343\000\020\237\345\126\064\022\357\046\000\002\000' >"$tmp/count.bin"
board -serial null -semihosting -icount auto -kernel "$tmp/count.bin"
if [ "$status" -eq 0 ]; then pass 'auto waits for the host and goes on'; else fail "auto counts: status $status" "$tmp/err"; fi
error_line 'auto is not recorded' 'recording needs -icount shift=N: with shift=auto' -M versatilepb -display none -icount auto -record "$tmp/auto" -kernel "$PROGRAMS/sleep.elf"
finish
