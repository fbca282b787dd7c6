#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Images that cannot be run. Failure: not one line that names the file and the reason, exit status 1, or a guest that starts.
. "$(dirname "$0")/common.sh"

# poke FILE OFFSET BYTES (as \ooo of printf): test.elf with some bytes of its headers replaced
poke()
{
	cp "$hello/test.elf" "$tmp/$1"
	# shellcheck disable=SC2059
	printf "$3" | dd of="$tmp/$1" bs=1 seek="$2" conv=notrunc status=none
}

# refuses FILE REASON
refuses()
{
	error_line "$1" "^rhea-system-arm: $tmp/$1: .*$2" -M versatilepb -nographic -kernel "$tmp/$1"
	error_line "$1 as a loader's" "^rhea-system-arm: $tmp/$1: .*$2" -M versatilepb -nographic -device "loader,file=$tmp/$1"
}

: >"$tmp/empty"
refuses empty 'empty'
refuses missing 'No such file'
mkdir "$tmp/folder" && refuses folder 'is a directory'
mkfifo "$tmp/fifo" && refuses fifo 'not a regular file'
ln -s loop "$tmp/loop" && refuses loop 'symbolic links'
if [ "$(id -u)" -ne 0 ]; then
	cp "$hello/test.elf" "$tmp/secret" && chmod 0 "$tmp/secret" && refuses secret 'Permission denied'
fi
error_line device '/dev/zero: not a regular file' -M versatilepb -nographic -kernel /dev/zero
truncate -s 200M "$tmp/large"
error_line large "large: 0xc800000 bytes at 0x00010000 do not fit .*128 MiB" -M versatilepb -nographic -kernel "$tmp/large"
error_line large-bios 'do not fit' -M versatilepb -nographic -bios "$tmp/large"
error_line large-loader 'do not fit' -M versatilepb -nographic -device "loader,file=$tmp/large,addr=0x100"
error_line small-memory 'do not fit .*64 KiB' -M versatilepb -m 64K -nographic -kernel "$hello/test.bin"
truncate -s 5G "$tmp/huge"
error_line huge 'huge: too large' -M versatilepb -nographic -kernel "$tmp/huge"
error_line far 'do not fit' -M versatilepb -nographic -device "loader,file=$hello/test.bin,addr=0xffffffffffffffff"
error_line no-name 'empty' -M versatilepb -nographic -kernel ''
error_line overlap 'overlap' -M versatilepb -nographic -kernel "$hello/test.bin" -device "loader,file=$hello/test.bin,addr=0x10010"
error_line no-flash 'no firmware memory' -M none -bios "$hello/test.bin" -nographic

for n in 4 16 40 51; do
	head -c $n "$hello/test.elf" >"$tmp/cut$n" && refuses cut$n 'truncated'
done
head -c 70 "$hello/test.elf" >"$tmp/cut70" && refuses cut70 'truncated: the program headers'
head -c 200 "$hello/test.elf" >"$tmp/cut200" && refuses cut200 'truncated: segment 0'

# the ELF header: class, byte order, type, machine, entry, program headers (System V gABI, "ELF Header")
poke class64 4 '\002' && refuses class64 'not 32-bit'
poke big-endian 5 '\002' && refuses big-endian 'ELF for machine'
poke object 16 '\001' && refuses object 'object file'
poke shared 16 '\003' && refuses shared 'shared object'
poke core 16 '\004' && refuses core 'core dump'
poke x86-64 18 '\076\000' && refuses x86-64 'ELF for x86-64'
poke aarch64 18 '\267\000' && refuses aarch64 'ELF for 64-bit ARM'
poke riscv 18 '\363\000' && refuses riscv 'ELF for RISC-V'
poke unknown 18 '\377\377' && refuses unknown 'machine type 65535'
poke entry 24 '\000\000\000\220' && refuses entry 'entry point 0x90000000'
poke table-far 28 '\360\377\377\377' && refuses table-far 'program headers lie beyond'
poke table-odd 28 '\001\020\000\000' && refuses table-odd '.'
poke table-size 42 '\001\000' && refuses table-size 'program headers of a wrong size'
poke no-table 44 '\000\000' && refuses no-table 'nothing to load'
poke many 44 '\377\377' && refuses many 'program headers'
# its first program header: where and how much
ph=$(od -An -tu4 -j28 -N4 "$hello/test.elf" | tr -d ' ')
poke no-load "$ph" '\000' && refuses no-load 'nothing to load'
poke offset $((ph + 4)) '\360\377\377\377' && refuses offset 'truncated: segment 0'
poke nowhere $((ph + 12)) '\000\000\000\200' && refuses nowhere 'at 0x80000000 do not fit'
poke top $((ph + 12)) '\360\377\377\377' && refuses top 'does not fit in 4 GiB'
poke device-memory $((ph + 12)) '\000\020\037\020' && refuses device-memory 'at 0x101f1000 do not fit'
poke filesz $((ph + 16)) '\360\377\377\377' && refuses filesz 'more bytes in the file'
poke memsz $((ph + 20)) '\377\377\377\377' && refuses memsz 'does not fit in 4 GiB'
poke memsz-ram $((ph + 20)) '\000\000\000\020' && refuses memsz-ram 'do not fit'
finish
