#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# run.sh EMULATOR [IMAGE] [ARGS...]: boots the hello image and ends the emulator once its line has come: the program itself
# stays in `b .` forever. Prints what the guest printed. Exit status: 0 when the line came within LIMIT seconds (10).
set -u
here=$(cd "$(dirname "$0")" && pwd)
emulator=${1:?usage: run.sh EMULATOR [IMAGE] [ARGS...]}
image=${2:-$here/test.bin}
shift; [ $# -eq 0 ] || shift
out=$(mktemp) err=$(mktemp)
QEMU_AUDIO_DRV=none "$emulator" -M versatilepb -m 128 -kernel "$image" -nographic "$@" </dev/null >"$out" 2>"$err" &
pid=$!
trap 'kill "$pid" 2>/dev/null; rm -f "$out" "$err"' EXIT
trap 'exit 1' INT TERM
tries=$((${LIMIT:-10} * 20))
until grep -q '^Hello world!$' "$out"; do
	tries=$((tries - 1))
	if [ "$tries" -le 0 ] || ! kill -0 "$pid" 2>/dev/null; then
		cat "$out"
		cat "$err" >&2
		echo "run.sh: '$emulator' did not print the line of $image" >&2
		exit 1
	fi
	sleep 0.05
done
kill "$pid" 2>/dev/null
wait "$pid" 2>/dev/null
cat "$out"
