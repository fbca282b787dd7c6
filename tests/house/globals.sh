#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# No mutable file-scope data anywhere in the library: two machines must not share a byte.
# A failure names the symbol. Usage: globals.sh ARCHIVE...
# Symbol types: d D data, b B bss, C common. Relocated constant tables are in .data.rel.ro, which
# nm also calls d, so their sections are looked at.
# The exception: a signal handler belongs to the process, so runtime/trap.c keeps what was there before it.
bad=0 seen=0
for lib; do
	[ -e "$lib" ] || { echo "$lib is missing"; exit 1; }
	seen=$((seen + $(nm "$lib" 2>/dev/null | wc -l)))
	mutable=$(objdump -t "$lib" 2>/dev/null |
		awk '/file format/ { file = $1 }
		     { for (i = 2; i <= NF; i++) if ($i ~ /^(\.data|\.bss|\.tdata|\.tbss|\*COM\*)/ &&
			$i !~ /^\.data\.rel\.ro/ && $NF != $i && $(NF - 1) != "0000000000000000" && $NF !~ /^(__asan|__odr_asan|\.LASAN)/) print file ": " $NF }' |
		grep -v '/trap\.c\.o:* *trap_')
	if [ -n "$mutable" ]; then
		echo "$mutable"
		bad=1
	fi
done
[ "$seen" -gt 100 ] || { echo "only $seen symbols seen: wrong archives?"; exit 1; }
exit $bad
