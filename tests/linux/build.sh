#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The kernel and userland come out of Debian's packages by the recipe beside this file. Failure: the recipe is broken.
# Skipped where its tools are missing, and where RHEA_IMAGES says that other images are to be used.
here=$(cd "$(dirname "$0")" && pwd)
if [ -n "${RHEA_IMAGES:-}" ]; then
	echo "skipped: RHEA_IMAGES names images to use"
	exit 77
fi
for tool in arm-linux-gnueabi-gcc make flex bison bc perl xz apt-get dpkg-deb; do
	if ! command -v "$tool" >/dev/null; then
		echo "skipped: no $tool (./dev setup linux installs what a kernel needs)"
		exit 77
	fi
done
exec "$here/build-kernel.sh" --selftest "${RHEA_CACHE:-$1}"
