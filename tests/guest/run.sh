#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# run.sh [-q] [-u] [-a "jit interp lockstep jit,window=off..."] PROGRAM.elf...
#
# Runs test images on rhea, once per accelerator, and on qemu-system-arm when it is there; output and exit status of
# each run must equal expected/NAME.txt, where NAME is the file's name up to its first dot.
#   -q  quick: all images with the JIT, *.O0.thumb.elf and *.Os.arm.elf without the memory window, with regions forced and under
#       trouble (runtime/trouble.h); interpreter and lockstep only for *.O2.arm.elf and *.Os.thumb.elf, QEMU only for *.O2.arm.elf
#   -u  writes expected/NAME.txt from QEMU instead of comparing with it
# Environment: RHEA (the emulator; none = leave out), QEMU (default qemu-system-arm; none = leave out), LIMIT (seconds for
# one run). expected/NAME.args holds further emulator arguments, expected/NAME.in what the guest reads from its console.
# Exit status: 0 all equal, 1 a difference, 77 nothing to run the images with.
set -u

here=$(cd "$(dirname "$0")" && pwd)
accels="jit interp lockstep" more="jit,window=off jit,warmup=off,regions-at-once=on jit,regions-at-once=on,trouble=1" quick= update=
all="lockstep,regions-at-once=on,trouble=2 jit,window=off,trouble=3"
while getopts qua: o; do
	case $o in
	q) quick=1 ;;
	u) update=1 ;;
	a) accels=$OPTARG more= all= ;;
	*) exit 2 ;;
	esac
done
shift $((OPTIND - 1))
[ $# -gt 0 ] || { echo "run.sh: no images given" >&2; exit 2; }

rhea=${RHEA:-none} qemu=${QEMU:-qemu-system-arm} limit=${LIMIT:-60}
[ "$rhea" = none ] || [ -x "$rhea" ] || { echo "run.sh: RHEA=$rhea is not there" >&2; exit 1; }
command -v "$qemu" >/dev/null 2>&1 || qemu=none
if [ "$rhea" = none ] && [ "$qemu" = none ]; then
	echo "skipped: neither rhea-system-arm (RHEA=...) nor qemu-system-arm is here"
	exit 77
fi
if [ -n "$update" ] && [ "$qemu" = none ]; then
	echo "run.sh: -u needs qemu-system-arm" >&2
	exit 2
fi

tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
trap 'exit 1' INT TERM
runs=0 bad=0

# What the guest reads: held back until it has printed something, for a receiver that is not set up yet loses bytes.
feed()
{
	tries=200
	while [ ! -s "$out" ] && [ "$tries" -gt 0 ]; do
		tries=$((tries - 1))
		sleep 0.05
	done
	cat "$input"
}

run()
{
	# shellcheck disable=SC2086
	(cd "$tmp/cwd" && QEMU_AUDIO_DRV=none exec timeout -k 5 "$limit" "$@" -M versatilepb -m 128 -nographic -semihosting $args -kernel "$elf")
}

# execute OUT EMULATOR ARGS...: in a directory of its own, output and exit status into OUT
execute()
{
	out=$1
	shift
	mkdir "$tmp/cwd"
	: >"$out"
	if [ -n "$input" ]; then
		{ feed | run "$@"; } >"$out" 2>"$tmp/stderr"
	else
		run "$@" </dev/null >"$out" 2>"$tmp/stderr"
	fi
	echo "[exit $?]" >>"$out"
	rm -rf "$tmp/cwd"
}

# compare LABEL FILE
compare()
{
	runs=$((runs + 1))
	if cmp -s "$expected" "$2"; then
		echo "ok   $base $1"
		return
	fi
	bad=$((bad + 1))
	echo "FAIL $base $1"
	diff "$expected" "$2" | sed -n '1,40s/^/     /p'
	sed -n '1,10s/^/     stderr: /p' "$tmp/stderr"
}

for elf; do
	case $elf in /*) ;; *) elf=$PWD/$elf ;; esac
	base=$(basename "$elf" .elf)
	name=${base%%.*}
	expected=$here/expected/$name.txt
	args= input=
	[ ! -f "$here/expected/$name.args" ] || args=$(cat "$here/expected/$name.args")
	[ ! -f "$here/expected/$name.in" ] || input=$here/expected/$name.in

	wanted="$accels $more $all" with_qemu=$qemu
	if [ -n "$quick" ]; then
		case $base in
		*.O2.arm) wanted=$accels ;;
		*.Os.thumb) wanted=$accels with_qemu=none ;;
		*.O0.thumb | *.Os.arm) wanted=${more:-jit} with_qemu=none ;;
		*) wanted=jit with_qemu=none ;;
		esac
	fi
	if [ -n "$update" ]; then
		execute "$tmp/out" "$qemu"
		cp "$tmp/out" "$expected"
		echo "wrote $expected"
		continue
	fi
	if [ "$with_qemu" != none ]; then
		execute "$tmp/out" "$qemu"
		compare qemu "$tmp/out"
	fi
	[ "$rhea" != none ] || continue
	for accel in $wanted; do
		execute "$tmp/out" "$rhea" -accel "$accel"
		compare "$accel" "$tmp/out"
	done
done
[ "$rhea" != none ] || echo "note: rhea-system-arm was not run (RHEA is not set to it)"
echo "$runs runs, $bad different"
[ "$bad" -eq 0 ]
