#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# build.sh OUT PROGRAM.c|.cpp|.S OPT ISA: builds one test program (OPT: O0, O2, Os; ISA: arm, thumb) into the ELF file OUT.
set -eu
out=$1 src=$2 opt=$3 isa=$4
here=$(cd "$(dirname "$0")" && pwd)
cross=${CROSS:-arm-none-eabi-}
set -- -mcpu=arm926ej-s -mfloat-abi=soft "-m$isa" -masm-syntax-unified "-$opt" -ffunction-sections -fdata-sections -fno-common -I"$here/lib"
case $src in
*.cpp)
	tmp=$out.o
	"${cross}g++" "$@" -std=gnu++17 -fno-exceptions -fno-rtti -fno-threadsafe-statics -Wall -Wextra -c "$src" -o "$tmp"
	src=$tmp ;;
esac
# A program that brings its own start-up says so in a "guest-flags:" comment.
flags=$(sed -n 's|.*guest-flags: \(.*\) \*/.*|\1|p' "$src")
: "${flags:=-nostartfiles -T $here/lib/guest.ld -Wl,--gc-sections $here/lib/start.S $here/lib/sys.c $here/lib/mmu.c}"
# shellcheck disable=SC2086
"${cross}gcc" "$@" -std=gnu11 -Wall -Wextra -Wl,-z,max-page-size=4096 -Wl,--no-warn-rwx-segments "$src" $flags -o "$out" -lm -lc -lgcc
[ -z "${tmp:-}" ] || rm -f "$tmp"
