#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# build-kernel.sh [--selftest] [DIR]
#
# Makes zImage, versatile-pb.dtb and initrd.gz in DIR (default $RHEA_CACHE, else build/linux) from Debian 12's
# linux-source-6.1, gcc-arm-linux-gnueabi and armel busybox-static. Does nothing when they are there and made by this
# recipe. Needs no root: packages are downloaded with apt-get and unpacked in DIR. With --selftest also
# zImage-selftest, which has the kernel's own tests built in. JOBS: make -j (default: all processors).
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

selftest=
if [ "${1:-}" = --selftest ]; then
	selftest=1
	shift
fi
out=${1:-${RHEA_CACHE:-$here/../../build/linux}}
jobs=${JOBS:-$(nproc)}
cross=arm-linux-gnueabi-
mkdir -p "$out"
out=$(cd "$out" && pwd)

say() { printf '== %s\n' "$*"; }
die() { printf 'build-kernel.sh: %s\n' "$*" >&2; exit 1; }

# recipe FILE...: what a result depends on
recipe() { cat "$here/build-kernel.sh" "$@" | sha256sum | cut -d' ' -f1; }
# made RESULT STAMP: the result is there and the recipe has not changed
made() { [ -s "$out/$1" ] && [ "$(cat "$out/.$1.recipe" 2>/dev/null)" = "$2" ]; }
# keep FILE RESULT STAMP: puts it in place in one step
keep() { cp "$1" "$out/.$2.new" && mv "$out/.$2.new" "$out/$2" && echo "$3" >"$out/.$2.recipe"; }

check_tools()
{
	local missing='' t
	for t in "make:make" "gcc:gcc" "${cross}gcc:gcc-arm-linux-gnueabi" "flex:flex" "bison:bison" "bc:bc" "xz:xz-utils" "perl:perl" "apt-get:apt" "dpkg-deb:dpkg"; do
		command -v "${t%%:*}" >/dev/null || missing+=" ${t#*:}"
	done
	[ -z "$missing" ] || die "these Debian packages are needed:$missing"
}

# try COMMAND...: a mirror may fail once
try()
{
	"$@" || { sleep 2; "$@"; } || { sleep 5; "$@"; }
}

unpack_source()
{
	local tree=$out/parts/linux tarball=/usr/src/linux-source-6.1.tar.xz
	[ ! -f "$tree/.unpacked" ] || return 0
	rm -rf "$tree"
	mkdir -p "$tree" "$out/parts/deb"
	if [ ! -f "$tarball" ]; then
		say "downloading linux-source-6.1"
		(cd "$out/parts/deb" && rm -f linux-source-*.deb && try apt-get -qq -o APT::Sandbox::User=root download linux-source-6.1)
		dpkg-deb --fsys-tarfile "$out"/parts/deb/linux-source-*.deb | tar -C "$out/parts/deb" -xf - ./usr/src
		tarball=$(find "$out/parts/deb/usr/src" -name 'linux-source-6.1.tar.xz')
	fi
	say "unpacking $(basename "$tarball")"
	tar -C "$tree" --strip-components=1 -xf "$tarball"
	rm -rf "$out/parts/deb"
	touch "$tree/.unpacked"
}

# configured OBJ FRAGMENT...: every line of the fragments must survive kconfig
configured()
{
	local obj=$1 line bad=0
	shift
	while read -r line; do
		case $line in
		CONFIG_*=*) grep -qx "$line" "$obj/.config" || { echo "missing after olddefconfig: $line" >&2; bad=1; } ;;
		'# CONFIG_'*' is not set') ! grep -q "^$(echo "$line" | cut -d' ' -f2)=" "$obj/.config" || { echo "still set: $line" >&2; bad=1; } ;;
		esac
	done < <(cat "$@")
	return "$bad"
}

# kernel OBJ FRAGMENT...: configures and builds in OBJ
kernel()
{
	local obj=$1 make=(make -C "$out/parts/linux" ARCH=arm CROSS_COMPILE="$cross" O="$1" KBUILD_BUILD_USER=rhea KBUILD_BUILD_HOST=rhea
		KBUILD_BUILD_TIMESTAMP='2024-01-01' KCFLAGS=-w)
	shift
	unpack_source
	mkdir -p "$obj"
	say "configuring in $obj"
	"${make[@]}" -s versatile_defconfig
	(cd "$obj" && "$out/parts/linux/scripts/kconfig/merge_config.sh" -m -O "$obj" "$obj/.config" "$@" >/dev/null)
	"${make[@]}" -s olddefconfig </dev/null
	configured "$obj" "$@" || die "the configuration did not take"
	say "building with $jobs jobs; this takes a while"
	nice -n 19 "${make[@]}" -s -j"$jobs" zImage dtbs
}

# The armel package, by an apt of its own: the system's list of architectures stays as it is.
fetch_busybox()
{
	local apt=$out/parts/apt
	[ ! -x "$out/parts/files/busybox" ] || return 0
	say "downloading busybox-static for armel"
	rm -rf "$apt"
	mkdir -p "$apt/state/lists/partial" "$apt/cache/archives/partial" "$out/parts/files"
	local options=(-qq -o APT::Sandbox::User=root -o APT::Architecture=armel -o APT::Architectures=armel -o Dir::State="$apt/state"
		-o Dir::State::lists="$apt/state/lists" -o Dir::State::status=/dev/null -o Dir::Cache="$apt/cache" -o Debug::NoLocking=1
		-o Acquire::Languages=none)
	try apt-get "${options[@]}" update
	(cd "$apt" && try apt-get "${options[@]}" download busybox-static)
	dpkg-deb --fsys-tarfile "$apt"/busybox-static_*.deb | tar -C "$apt" -xf - ./bin/busybox
	mv "$apt/bin/busybox" "$out/parts/files/busybox"
	rm -rf "$apt"
}

initrd()
{
	fetch_busybox
	cp "$here/init" "$out/parts/files/init"
	sed "s|@FILES@|$out/parts/files|" "$here/initrd.list" >"$out/parts/initrd.list"
	[ -x "$out/parts/gen_init_cpio" ] || { unpack_source; gcc -O2 -w -o "$out/parts/gen_init_cpio" "$out/parts/linux/usr/gen_init_cpio.c"; }
	"$out/parts/gen_init_cpio" -t 0 "$out/parts/initrd.list" | gzip -9n >"$out/parts/initrd.gz"
}

stamp=$(recipe "$here/kernel.config")
if ! made zImage "$stamp" || ! made versatile-pb.dtb "$stamp"; then
	check_tools
	kernel "$out/parts/obj" "$here/kernel.config"
	keep "$out/parts/obj/arch/arm/boot/zImage" zImage "$stamp"
	keep "$out/parts/obj/arch/arm/boot/dts/versatile-pb.dtb" versatile-pb.dtb "$stamp"
fi
stamp=$(recipe "$here/init" "$here/initrd.list")
if ! made initrd.gz "$stamp"; then
	initrd
	keep "$out/parts/initrd.gz" initrd.gz "$stamp"
fi
stamp=$(recipe "$here/kernel.config" "$here/selftest.config")
if [ -n "$selftest" ] && ! made zImage-selftest "$stamp"; then
	check_tools
	kernel "$out/parts/obj-selftest" "$here/kernel.config" "$here/selftest.config"
	keep "$out/parts/obj-selftest/arch/arm/boot/zImage" zImage-selftest "$stamp"
fi
say "ready: $out"
