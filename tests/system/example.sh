#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# example.sh PROGRAM IMAGE: examples/embed prints what its README says. Failure: the documented first program does not work.
want='Hello world!
1000000 instructions, 8.000 ms of the guest'"'"'s time, pc = 0x00010008'
got=$("$1" "$2") || { echo "exit status $?: $got"; exit 1; }
[ "$got" = "$want" ] || { printf 'expected:\n%s\nprinted:\n%s\n' "$want" "$got"; exit 1; }
"$1" /nonexistent 2>/dev/null && { echo "no error for an image that is missing"; exit 1; }
exit 0
