#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Guests that have gone wild (programs/wild.S) and what -d int,guest_errors,unimp says about them. Failure: the emulator dies
# or cannot be ended, or the log does not show what a guest's programmer needs to see.
. "$(dirname "$0")/common.sh"
need_programs
# wild.sh [ACCEL]...: on these accelerators; on all when none is given.
accels=${*:-jit interp lockstep}

# run_wild SECONDS NAME ACCEL: its log's beginning in $tmp/head. The log goes to a pipe that is closed after some lines: it
# may be endless. (--foreground: without it timeout sends SIGCONT, too, which can hold up a leak checker at the end.)
run_wild()
{
	mkfifo "$tmp/log"
	head -c 200000 <"$tmp/log" >"$tmp/head" &
	reader=$!
	# Held open here as well, so that the reader's wait ends also when the emulator is ended before it opens its log.
	exec 3>"$tmp/log"
	timeout --foreground -s TERM -k 5 "$1" "$RHEA" -M versatilepb -m 128 -display none -serial null -accel "$3" \
		-kernel "$PROGRAMS/wild-$2.elf" -d int,guest_errors,unimp -D "$tmp/log" </dev/null >"$tmp/out" 2>"$tmp/err" 3>&-
	status=$?
	exec 3>&-
	wait $reader
	rm -f "$tmp/log"
}

# complaint PATTERN...: what is wrong with the run, nothing when all is well. timeout(1) says 124 when the program ended by
# its signal, 137 when it had to be killed.
complaint()
{
	for pattern; do
		grep -Eq -- "$pattern" "$tmp/head" || { echo "nothing like '$pattern'"; return; }
	done
	if [ "$status" -ne 124 ] || ! grep -q 'terminating on signal 15' "$tmp/err"; then echo "status $status"; fi
}

# shows NAME ACCEL PATTERN...: the patterns are in the log's beginning; SIGTERM ends the run in order. A host that is busy
# may need longer to get that far.
shows()
{
	name=$1 accel=$2
	shift 2
	for seconds in 0.25 10; do
		run_wild "$seconds" "$name" "$accel"
		wrong=$(complaint "$@")
		[ -n "$wrong" ] || break
	done
	if [ -z "$wrong" ]; then pass "$name $accel"; else fail "$name $accel: $wrong" "$tmp/head" "$tmp/err"; fi
}

hole="Invalid read at addr 0x2000000"
for accel in $accels; do
	shows nowhere $accel "${hole}0, size 4" "${hole}4, size 4"
	shows odd_nowhere $accel 'Invalid read at addr 0xFFFFFFFE, size 2'
	shows device $accel 'pl011_read: Bad offset 0x8'
	shows undefined $accel '\[Undefined Instruction\]' 'from ARM und mode, PC 0x4$' 'to und mode, PC 0x4, LR 0x8'
	shows svc $accel '\[SVC\]' 'to svc mode, PC 0x8, LR 0xc'
	shows thumb_undefined $accel 'from Thumb svc mode' 'from ARM und mode, PC 0x4$'
	shows prefetch_abort $accel '\[Prefetch Abort\]' 'with IFSR 0x5' 'from ARM abt mode, PC 0xc$' 'to abt mode, PC 0xc, LR 0x10'
	shows table_nowhere $accel "${hole}0, size 4" '\[Prefetch Abort\]' 'with IFSR 0xc'
	shows data_abort $accel '\[Data Abort\]' 'with DFSR 0x5 FAR 0x80000000' 'from ARM abt mode, PC 0x10$'
	shows rom $accel 'pflash: unknown command 0x55'
	shows holes $accel "${hole}0, size 4, region '\(null\)'" "${hole}2, size 2" "${hole}3, size 1" \
		'Invalid write at addr 0x20000008, size 4' 'Invalid write at addr 0x20000014, size 4'
	shows storm $accel 'pci-vpb-regs: unimplemented device read' 'pci-vpb-regs: unimplemented device write'
	shows selfstore $accel
	shows modes $accel 'Illegal mode switch attempt from svc'
	shows stack $accel 'Invalid write at addr 0xFFFFFFFC, size 4' 'Invalid write at addr 0xFFFFFFD0, size 4'
done

# An access to nothing happens once, also where everything is executed twice.
for accel in $accels; do
	board -serial null -semihosting -accel "$accel" -kernel "$PROGRAMS/wild-once.elf" -d guest_errors -D "$tmp/log"
	if [ "$status" -eq 0 ] && [ "$(wc -l <"$tmp/log")" -eq 3 ]; then pass "once $accel"; else fail "once $accel: status $status" "$tmp/log" "$tmp/err"; fi
done

# Waiting for what can never come ends by itself, and says so; with something that could come, it does not.
for accel in $accels; do
	board -serial null -accel $accel -kernel "$PROGRAMS/wild-wait.elf"
	if [ "$status" -eq 0 ] && grep -q 'can never come' "$tmp/err"; then pass "wait $accel"; else fail "wait $accel" "$tmp/err"; fi
done
finish
