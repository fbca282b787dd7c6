#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# usage: run.sh EMULATOR PROGRAM.elf EXPECTED [OPTION...]: runs a probe and compares what it prints
# on UART0. RHEA_UPDATE=1 rewrites EXPECTED instead.
emulator=$1 program=$2 expected=$3
shift 3
out=$(mktemp) || exit 1
trap 'rm -f "$out" "$out.cr"' EXIT
timeout 60 "$emulator" -M versatilepb -m 128 -display none -serial "file:$out" -monitor none -semihosting \
	-kernel "$program" "$@" </dev/null >"$out.cr" 2>&1 || { cat "$out.cr" "$out"; echo "$program failed"; exit 1; }
if [ -n "$RHEA_UPDATE" ]; then cp "$out" "$expected"; exit; fi
diff -u "$expected" "$out"
