#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# -icount: two runs of one image are the same, to the register, at every block, timer interrupts included; and so are the
# interpreter's and the translator's. Failure: something of the host's time or layout reaches the guest. GUEST: tests/guest's images.
. "$(dirname "$0")/common.sh"
[ -f "${GUEST:-}/sched.O2.arm.elf" ] || { echo "skipped: arm-none-eabi-gcc with newlib is not installed (./dev setup)"; exit 77; }

# trace IMAGE ITEMS ARGS...: the log's lines and checksum, without the host's addresses
trace()
{
	image=$1 items=$2
	shift 2
	mkfifo "$tmp/log"
	sed 's/^Trace 0: 0x[0-9a-f]*/Trace/' <"$tmp/log" | cksum >"$tmp/sum" &
	board -serial "file:$tmp/serial" -semihosting -kernel "$GUEST/$image.elf" -d "$items" -D "$tmp/log" "$@"
	wait $!
	rm -f "$tmp/log"
	# the checksum alone could be that of nothing
	[ "$status" -eq 0 ] && [ "$(cut -d ' ' -f 2 "$tmp/sum")" -gt 10000 ] && { cat "$tmp/sum"; cksum <"$tmp/serial"; }
}

# same LABEL IMAGE ITEMS FIRST-ARGS SECOND-ARGS
same()
{
	# shellcheck disable=SC2086
	trace "$2" "$3" $4 >"$tmp/one"
	# shellcheck disable=SC2086
	trace "$2" "$3" $5 >"$tmp/two"
	if [ -s "$tmp/one" ] && cmp -s "$tmp/one" "$tmp/two"; then pass "$1"; else fail "$1: '$4' and '$5'" "$tmp/one" "$tmp/two" "$tmp/err"; fi
}

i="-icount shift=4"
same timer-twice timer.O2.arm exec,cpu,nochain "$i" "$i"
same timer-chained timer.O2.thumb exec,cpu "$i" "$i"
same timer-shifts timer.Os.arm exec,cpu,int "-icount shift=0" "-icount shift=0"
same timer-interpreted timer.Os.thumb exec,cpu,nochain "$i -accel jit" "$i -accel interp"
same timer-no-window timer.O0.arm exec,cpu,nochain "$i" "$i -accel jit,window=off"
same timer-little-buffer timer.O2.arm exec,cpu,nochain "$i" "$i -accel jit,tb-size=1,warmup=off"
same scheduler sched.O2.arm exec,cpu "$i" "$i"
same scheduler-interpreted sched.O2.arm exec,nochain "$i -accel interp" "$i -accel jit"
same scheduler-no-window sched.O2.thumb exec,cpu "$i" "$i -accel jit,window=off"
same scheduler-one-by-one sched.Os.thumb int "$i" "$i -one-insn-per-tb"
finish
