#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What the command line answers to people who type. Failure: help or a list is missing, an error is no single line that
# names the way out, or the exit status is wrong.
. "$(dirname "$0")/common.sh"

lists help 'Usage: rhea-system-arm' --help
lists help-h 'Ctrl-A X quits' -h
lists version '^rhea-system-arm version [0-9]+\.[0-9]+\.[0-9]+$' -version
lists version-double '^rhea-system-arm version ' --version
lists machines 'versatilepb +ARM Versatile/PB' -M help
lists machines-question 'versatilepb' -machine '?'
lists cpus 'arm926' -cpu help
lists cpus-of-a-board 'arm926' -M versatilepb -cpu help
lists log-items '^ +out_asm ' -d help
lists accels 'lockstep' -accel help
lists devices 'loader' -device help
for option in M machine cpu m kernel bios device d D dfilter serial nographic display semihosting icount rtc no-reboot accel \
	one-insn-per-tb singlestep version help; do
	lists "help names -$option" "^ +-$option( |$)" --help
done

v="-M versatilepb"
# shellcheck disable=SC2086
{
error_line nothing 'nothing to run.*--help'
error_line near-option "did you mean -kernel\?" $v -kernal x
error_line near-double "did you mean -nographic\?" --nograhpic
error_line far-option 'frobnicate.*--help' $v -frobnicate
error_line no-argument '^rhea-system-arm: -kernel: needs an argument: FILE$' $v -kernel
error_line no-machine '-M versatilepb' -kernel x
error_line near-machine "did you mean 'versatilepb'" -M versatilpb -kernel "$hello/test.bin"
error_line near-cpu "did you mean 'arm926'" $v -cpu arm962 -kernel "$hello/test.bin"
error_line near-log "did you mean 'in_asm'" $v -d in_asn -kernel "$hello/test.bin"
error_line bad-accel "unknown accelerator 'fast' \(jit, interp, lockstep\)" $v -accel fast
error_line no-kvm 'kvm' $v -accel kvm
error_line memory-word '-m abc' $v -m abc
error_line memory-negative '-m -1' $v -m -1
error_line memory-huge '-m 99999999999999999999' $v -m 99999999999999999999
error_line memory-too-much 'at most 256 MiB' $v -m 1G -nographic
error_line memory-odd '4 KiB' $v -m 65537b -nographic
error_line tb-size-small 'tb-size|number of MiB' $v -accel jit,tb-size=-1
error_line tb-size-big 'tb-size' $v -accel jit,tb-size=99999
error_line icount 'shift=11.*0 to 10' $v -icount 11
error_line icount-word 'shift' $v -icount shift=fast
error_line rtc-date '2006-06-17' $v -rtc base=2023-02-30
error_line rtc-key 'base, clock' $v -rtc bas=utc
error_line smp 'one core' $v -smp 2
error_line filter 'START..END' $v -dfilter 12 -nographic
error_line filter-back 'bad address range' $v -dfilter 0x20..0x10 -nographic
error_line log-folder "'/nonexistent/log'" $v -D /nonexistent/log -nographic
error_line log-directory 'directory' $v -D / -nographic
error_line loader-nothing 'loads nothing' $v -device loader,addr=0x10000
error_line loader-no-place 'needed \(addr=' $v -device loader,file="$hello/test.bin"
error_line loader-length '1 to 8' $v -device loader,addr=0,data=1,data-len=9
error_line loader-fit 'does not fit in data-len=1' $v -device loader,addr=0,data=256,data-len=1
error_line loader-hole '0x4 bytes at 0x90000000' $v -device loader,addr=0x90000000,data=1,data-len=4 -nographic
error_line loader-wrap 'do not fit' $v -device loader,addr=0xffffffffffffffff,data=1,data-len=4 -nographic
error_line other-device 'loader' $v -device virtio-net
error_line later 'not implemented yet' $v -usb
error_line no-snapshot 'x: No such file' $v -loadvm x
error_line disk 'kernel' $v disk.img
error_line two-stdio 'uses standard input' $v -serial stdio -serial stdio
error_line semihosting-key 'enable, target, userspace, arg' $v -semihosting-config chardevs=x
}

# scripts pass these; none may stand in the way
board -monitor none -net none -vga none -audiodev none,id=a -parallel none -nodefaults -no-user-config -name x -smp 1 \
	-cpu arm926 -semihosting -serial null -kernel /nonexistent
if [ "$status" -eq 1 ] && grep -q '^rhea-system-arm: /nonexistent: No such file' "$tmp/err"; then
	pass harmless-options
else
	fail "harmless-options: status $status" "$tmp/err"
fi

# standard output closed, full or a pipe without a reader: an error, not a crash
run --help
"$RHEA" --help >/dev/full 2>"$tmp/err"
[ $? -eq 1 ] && pass help-full || fail help-full "$tmp/err"
"$RHEA" --help >&- 2>"$tmp/err"
[ $? -le 1 ] && pass help-closed || fail help-closed "$tmp/err"
finish
