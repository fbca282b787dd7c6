#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Who may include whom (docs/architecture.md). A failure names the file and the include that
# reaches through a wall. Usage: includes.sh SOURCE_ROOT
cd "$1" || exit 2
bad=0 seen=0

# room: what its files may include of ours, as an extended regular expression
rule() {
	room=$1 allowed=$2
	for f in "$room"/*.[ch] "$room"/*.def; do
		[ -e "$f" ] || continue
		for inc in $(sed -n 's/^[ \t]*#[ \t]*include[ \t]*"\([^"]*\)".*/\1/p' "$f"); do
			seen=$((seen + 1))
			if ! printf '%s\n' "$inc" | grep -Eqx "$allowed"; then
				echo "$f: may not include \"$inc\""
				bad=1
			fi
		done
	done
}

base='rhea\.h|base/.*'
rule base "$base"
rule ir "$base|ir/.*"
rule softmmu "$base|softmmu/.*"
rule frontend-arm "$base|ir/.*|softmmu/.*|frontend-arm/.*"
rule backend-x86_64 "$base|ir/.*|softmmu/tlb\.h|backend-x86_64/.*"
rule runtime "$base|ir/.*|softmmu/.*|frontend-arm/.*|backend-x86_64/.*|runtime/.*"
rule hw "$base|softmmu/memory\.h|runtime/device\.h|hw/.*"
rule host "$base|runtime/device\.h|host/.*"
rule debug "$base|ir/.*|softmmu/.*|frontend-arm/.*|backend-x86_64/x64\.h|runtime/.*|debug/.*"
rule api "$base|ir/.*|softmmu/.*|frontend-arm/.*|backend-x86_64/x64\.h|runtime/.*|hw/.*|host/.*|debug/.*|api/.*"
rule cli "rhea\.h|cli/.*"

# No ARM in the neutral rooms, no x86 in the ARM room: words that would give a leak away.
leak() {
	room=$1 words=$2
	if grep -nEiw "$words" "$room"/*.[ch] "$room"/*.def 2>/dev/null; then
		echo "$room: knows what it must not know"
		bad=1
	fi
}
leak ir 'arm926|cpsr|thumb|x86|rax|rbp'
leak backend-x86_64 'arm926|cpsr|thumb|cp15'
leak frontend-arm 'x86|rax|rbp'

[ "$seen" -gt 50 ] || { echo "only $seen includes seen: wrong source root?"; exit 1; }
exit $bad
