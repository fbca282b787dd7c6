#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Every source file carries its licence line. Usage: licence.sh SOURCE_ROOT
cd "$1" || exit 2
files=$(find . -path './build*' -prune -o -path ./.git -prune -o -type f \( -name '*.[chS]' -o -name '*.s' -o -name '*.def' \
	-o -name '*.sh' -o -name '*.py' -o -name 'meson.build' -o -name '*.ld' -o -name '*.cc' \) -print)
missing=$(for f in $files; do head -n 3 "$f" | grep -q 'SPDX-License-Identifier: Apache-2.0' || echo "$f"; done)
[ "$(echo "$files" | wc -l)" -gt 50 ] || { echo "few files seen: wrong source root?"; exit 1; }
[ -z "$missing" ] || { echo "without a licence line:"; echo "$missing"; exit 1; }
