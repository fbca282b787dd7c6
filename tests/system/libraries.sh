#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A host without the libraries that are loaded when they are wanted (decision 025): who does not want them does not notice, who does is
# told which one and where it is. Empty files stand in front of the real ones, so that the dynamic linker gives up.
. "$(dirname "$0")/common.sh"

mkdir "$tmp/none"
for lib in libslirp.so.0 libpng16.so.16 libdw.so.1; do : >"$tmp/none/$lib"; done
for lib in capstone Zydis; do
	for file in /usr/lib/*/lib$lib.so.[0-9]* /usr/lib/lib$lib.so.[0-9]* /usr/local/lib/lib$lib.so.[0-9]*; do
		if [ -e "$file" ]; then : >"$tmp/none/${file##*/}"; fi
	done
done
LD_LIBRARY_PATH=$tmp/none
export LD_LIBRARY_PATH

# quiet LABEL ARGS...: ends with 0 and says nothing on stderr
quiet()
{
	label=$1
	shift
	board -semihosting "$@"
	if [ "$status" -eq 0 ] && [ ! -s "$tmp/err" ]; then pass "$label"; else fail "$label: status $status" "$tmp/err"; fi
}

# tells LABEL FILE PATTERN: a line of the file
tells() { if grep -Eq -- "$3" "$2"; then pass "$1"; else fail "$1: no line like '$3'" "$2"; fi; }

card=$PROGRAMS/card.elf
hello_args="-M versatilepb -display none -kernel $card"
# shellcheck disable=SC2086
error_line network 'nic user,restrict=on: libslirp\.so\.0 .*package libslirp0 ' $hello_args -nic user,restrict=on
# shellcheck disable=SC2086
error_line picture 'libpng16\.so\.16 .*package libpng16-16 ' $hello_args -display "png:$tmp/screen.png"
quiet no-network -kernel "$PROGRAMS/exit.elf"
quiet no-card -kernel "$card" -nic none
board -semihosting -kernel "$card"
tells network-late "$tmp/err" '^rhea: network user: .*libslirp\.so\.0 .*package libslirp0 '
if [ "$status" -eq 0 ] && [ "$(wc -l <"$tmp/err")" -eq 1 ]; then pass network-late-once; else fail "network-late-once: $status" "$tmp/err"; fi
board -semihosting -kernel "$card" -d in_asm,out_asm -D "$tmp/log"
tells guest-code "$tmp/log" '^0x[0-9a-f]{8}:  [0-9a-f]{8}  \.word .*; no libcapstone.*package libcapstone4'
tells host-code "$tmp/log" '\.byte .*; no libZydis .*libzydis4\.0'
board -semihosting -kernel "$card" -d tb-stats -D "$tmp/log"
tells counts "$tmp/log" '^TB statistics: '
board -semihosting -kernel "$card" -nic none -coverage "$tmp/cov.info"
tells lines "$tmp/err" "libdw\\.so\\.1 is not on this host .*package libdw1"
finish
