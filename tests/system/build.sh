#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# build.sh OUT.elf SOURCE.c|.S [NAME]: builds one of programs/ for the ARM926, without a library; NAME is defined.
set -eu
out=$1 src=$2 name=${3:-}
here=$(cd "$(dirname "$0")" && pwd)/programs
start=$here/start.S
case $src in *.S) start= ;; esac
# shellcheck disable=SC2086
"${CROSS:-arm-none-eabi-}gcc" -mcpu=arm926ej-s -marm -std=gnu11 -Os -Wall -Wextra -ffreestanding -nostdlib ${name:+-D$name} \
	-I"$here" -T "$here/system.ld" -Wl,--no-warn-rwx-segments,-z,max-page-size=4096 $start "$src" -o "$out" -lgcc
