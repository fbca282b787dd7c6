#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Builds test.elf and test.bin into the folder given (default: beside this script) with Debian's gcc-arm-none-eabi.
set -eu
src=$(cd "$(dirname "$0")" && pwd)
out=${1:-$src}
cross=${CROSS:-arm-none-eabi-}
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp"
"${cross}as" -mcpu=arm926ej-s -o startup.o "$src/startup.s"
"${cross}gcc" -c -mcpu=arm926ej-s -O1 -ffreestanding -Wall -Wextra -o test.o "$src/test.c"
"${cross}ld" -T "$src/test.ld" -o test.elf startup.o test.o
"${cross}objcopy" -O binary test.elf test.bin
"${cross}strip" --strip-debug test.elf
mkdir -p "$out"
install -m 644 test.elf test.bin "$out"
