# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# Sourced by the scripts of this folder: RHEA is the emulator, PROGRAMS the folder with programs/ built. A script says what
# fails and ends with `finish`.
set -u
: "${RHEA:?the emulator}" "${LIMIT:=20}"
here=$(cd "$(dirname "$0")" && pwd)
hello=$here/../../examples/hello
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
trap 'exit 1' INT TERM
bad=0 runs=0

# pass LABEL / fail LABEL [FILE...]
pass() { runs=$((runs + 1)); echo "ok   $1"; }
fail()
{
	runs=$((runs + 1)) bad=$((bad + 1))
	echo "FAIL $1"
	shift
	for file; do sed -n '1,12s/^/     /p' "$file"; done
}

finish()
{
	echo "$runs checks, $bad failed"
	[ "$bad" -eq 0 ]
	exit
}

# run ARGS...: to its end; output in $tmp/out and $tmp/err, exit status in $status (124: it did not end).
run()
{
	timeout -k 2 "$LIMIT" "$RHEA" "$@" </dev/null >"$tmp/out" 2>"$tmp/err"
	status=$?
}

# board ARGS...: the same on a versatilepb without a display
board() { run -M versatilepb -m 128 -display none "$@"; }

# until_says TEXT ARGS...: a versatilepb that does not end by itself, ended once TEXT came on its serial port 0 (which goes
# to $tmp/serial); false when it did not come
until_says()
{
	text=$1
	shift
	rm -f "$tmp/serial"
	"$RHEA" -M versatilepb -m 128 -display none -serial "file:$tmp/serial" "$@" </dev/null >"$tmp/out" 2>"$tmp/err" &
	pid=$!
	tries=$((LIMIT * 50))
	until grep -qs -- "$text" "$tmp/serial"; do
		tries=$((tries - 1))
		if [ "$tries" -le 0 ] || ! kill -0 "$pid" 2>/dev/null; then break; fi
		sleep 0.02
	done
	kill "$pid" 2>/dev/null
	wait "$pid"
	status=$?
	grep -qs -- "$text" "$tmp/serial"
}

# error_line LABEL PATTERN ARGS...: exit status 1 and exactly one line on stderr, which has the pattern; nothing on stdout
error_line()
{
	label=$1 pattern=$2
	shift 2
	run "$@"
	if [ "$status" -eq 1 ] && [ "$(wc -l <"$tmp/err")" -eq 1 ] && grep -Eq -- "$pattern" "$tmp/err" && [ ! -s "$tmp/out" ]; then
		pass "$label"
	else
		fail "$label: status $status, expected 1 and a line with '$pattern'" "$tmp/err" "$tmp/out"
	fi
}

# lists LABEL PATTERN ARGS...: exit status 0, the pattern on stdout, nothing on stderr
lists()
{
	label=$1 pattern=$2
	shift 2
	run "$@"
	if [ "$status" -eq 0 ] && grep -Eq -- "$pattern" "$tmp/out" && [ ! -s "$tmp/err" ]; then
		pass "$label"
	else
		fail "$label: status $status, expected 0 and '$pattern'" "$tmp/err" "$tmp/out"
	fi
}

need_programs()
{
	[ -n "${PROGRAMS:-}" ] && [ -f "$PROGRAMS/exit.elf" ] || { echo "skipped: arm-none-eabi-gcc is not installed (./dev setup)"; exit 77; }
}
