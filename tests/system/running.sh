#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Options that change how a guest is run, and none of what it does: accelerators, block sizes, chaining, small code buffers,
# semihosting's exit status, resets, time of day, -device loader.
. "$(dirname "$0")/common.sh"
need_programs

# ---- ways to translate: programs/blocks.c prints the same sum in all of them

for how in "-accel jit" "-accel tcg,thread=multi" "-accel jit,warmup=off" "-M versatilepb,accel=kvm:tcg" "-accel interp" \
	"-accel jit,tb-size=1" "-accel jit,tb-size=1,warmup=off" "-one-insn-per-tb -accel jit,tb-size=1" "-singlestep" "-d nochain" \
	"-icount shift=0" "-accel lockstep,tb-size=1"; do
	# shellcheck disable=SC2086
	board -serial stdio -semihosting -kernel "$PROGRAMS/blocks.elf" $how
	if [ "$status" -eq 0 ] && [ "$(cat "$tmp/out")" = "sum 045366d8" ]; then
		pass "blocks $how"
	else
		fail "blocks $how: status $status" "$tmp/out" "$tmp/err"
	fi
done

# the little buffer is really too little: code is translated again
board -serial stdio -semihosting -kernel "$PROGRAMS/blocks.elf" -accel jit,tb-size=1 -d in_asm -D "$tmp/log"
all=$(grep -c '^IN:' "$tmp/log")
different=$(grep -A1 '^IN:' "$tmp/log" | grep '^0x' | sort -u | wc -l)
if [ "$different" -gt 10000 ] && [ "$all" -gt $((different * 2)) ]; then pass flush; else fail "flush: $all blocks, $different different"; fi

# ---- semihosting: the guest's exit status is ours

for code in 0 1 42 255; do
	board -serial stdio -semihosting -kernel "$PROGRAMS/exit.elf" -device "loader,addr=0x500000,data=$code,data-len=4"
	if [ "$status" -eq "$code" ]; then pass "exit $code"; else fail "exit $code: status $status" "$tmp/out" "$tmp/err"; fi
done
if until_says 'status 00000007' -kernel "$PROGRAMS/exit.elf" -device loader,addr=0x500000,data=7,data-len=1 && [ "$status" -eq 0 ]; then
	pass 'exit without -semihosting is none'
else
	fail "exit without -semihosting: status $status" "$tmp/serial" "$tmp/err"
fi

# ---- -device loader

# word LABEL HEX ARGS...: the word at 0x500000 as the guest finds it
word()
{
	label=$1 hex=$2
	shift 2
	board -serial stdio -semihosting "$@"
	if grep -q "^status $hex$" "$tmp/out"; then pass "loader $label"; else fail "loader $label" "$tmp/out" "$tmp/err"; fi
}
printf '\001\002\003\004' >"$tmp/raw"
k="$PROGRAMS/exit.elf"
word data 00012345 -kernel "$k" -device loader,addr=0x500000,data=0x12345,data-len=4
word data-be 12340000 -kernel "$k" -device loader,addr=0x500002,data=0x3412,data-len=2,data-be=on
word file 04030201 -kernel "$k" -device "loader,file=$tmp/raw,addr=0x500000"
word patch-of-file 0403ff01 -kernel "$k" -device loader,addr=0x500001,data=0xff,data-len=1 -device "loader,file=$tmp/raw,addr=0x500000"
word start-of-elf 04030201 -device "loader,file=$k,cpu-num=0" -device "loader,file=$tmp/raw,addr=0x500000"
word start-at-address 04030201 -device loader,addr=0x10000,cpu-num=0 -device "loader,file=$k" -device "loader,file=$tmp/raw,addr=0x500000"
word start-before-file 00000000 -device "loader,addr=0x10000,cpu-num=0" -device "loader,file=$k"
word order 00000002 -kernel "$k" -device loader,addr=0x500000,data=1,data-len=4 -device loader,addr=0x500000,data=2,data-len=4
word elf-magic-as-raw 464c457f -kernel "$k" -device "loader,file=$k,addr=0x500000,force-raw=on"

# ---- resets: memory that no image covers keeps its bytes, images and values are there again

printf 'start 00000001\nstart 00000002\nstart 00000003\nend\n' >"$tmp/want"
for accel in jit interp lockstep; do
	if until_says '^end$' -accel $accel -kernel "$PROGRAMS/reboot.elf" && cmp -s "$tmp/serial" "$tmp/want"; then
		pass "reset $accel"
	else
		fail "reset $accel" "$tmp/serial" "$tmp/err"
	fi
done
board -serial stdio -no-reboot -kernel "$PROGRAMS/reboot.elf"
if [ "$status" -eq 0 ] && [ "$(grep -c start "$tmp/out")" -eq 1 ]; then pass no-reboot; else fail "no-reboot: status $status" "$tmp/out" "$tmp/err"; fi
if until_says '^end$' -d cpu_reset -D "$tmp/log" -kernel "$PROGRAMS/reboot.elf" && [ "$(grep -c 'CPU Reset' "$tmp/log")" -ge 3 ]; then
	pass cpu_reset
else
	fail cpu_reset "$tmp/log"
fi

# ---- the time of day

# clock LABEL LOW HIGH ARGS...: what programs/rtc.c reads lies between
clock()
{
	label=$1 low=$2 high=$3
	shift 3
	until_says 'time ........' -kernel "$PROGRAMS/rtc.elf" "$@"
	seconds=$((0x$(sed -n 's/^time //p' "$tmp/serial")))
	if [ "$seconds" -ge "$low" ] && [ "$seconds" -le "$high" ]; then pass "clock $label"; else fail "clock $label: $seconds not in $low..$high" "$tmp/err"; fi
}
now=$(date +%s)
clock host "$now" $((now + LIMIT + 1))
clock utc "$now" $((now + LIMIT + 1)) -rtc base=utc
clock date 1150560081 1150560083 -rtc base=2006-06-17T16:01:21,clock=vm
clock day 1150502400 1150502402 -rtc base=2006-06-17
clock epoch 0 2 -rtc base=1970-01-01 -icount shift=0
clock late 4294944000 4294944002 -rtc base=2106-02-07
offset=$(TZ=XXX-5 date +%z)
[ "$offset" = +0500 ] || fail "date +%z with TZ=XXX-5 is $offset"
TZ=XXX-5 export TZ
clock localtime $((now + 18000)) $((now + 18000 + LIMIT + 1)) -rtc base=localtime
finish
