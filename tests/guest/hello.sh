#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The hello image, as checked in and as rebuilt here, raw and ELF, prints its line and nothing else. Failure: the first thing
# a user tries does not work, or the checked-in files are not what their source builds.
set -u
here=$(cd "$(dirname "$0")" && pwd)
hello=$here/../../examples/hello
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
printf 'Hello world!\n' >"$tmp/expected"
bad=0 runs=0

check()
{
	runs=$((runs + 1))
	if sh "$hello/run.sh" "$@" >"$tmp/out" 2>"$tmp/err" && cmp -s "$tmp/expected" "$tmp/out"; then
		echo "ok   $*"
	else
		echo "FAIL $*"
		sed 's/^/     /' "$tmp/out" "$tmp/err"
		bad=$((bad + 1))
	fi
}

images="$hello/test.bin $hello/test.elf"
if command -v "${CROSS:-arm-none-eabi-}gcc" >/dev/null 2>&1; then
	"$hello/build.sh" "$tmp" || exit 1
	images="$images $tmp/test.bin $tmp/test.elf"
	# another compiler may choose other instructions: worth a word, not a failure
	cmp -s "$tmp/test.bin" "$hello/test.bin" || echo "note: test.bin rebuilt here differs from the one checked in"
fi
for image in $images; do
	if [ "${RHEA:-none}" != none ]; then
		check "$RHEA" "$image"
		check "$RHEA" "$image" -accel interp
		check "$RHEA" "$image" -accel lockstep
	fi
	if command -v qemu-system-arm >/dev/null 2>&1; then
		check qemu-system-arm "$image"
	fi
done
[ "$runs" -gt 0 ] || { echo "skipped: no emulator to run the image with"; exit 77; }
[ "$bad" -eq 0 ]
