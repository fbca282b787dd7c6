/* SPDX-License-Identifier: Apache-2.0 */
/* The reset control, and what outlives it: RAM and the non-volatile flags. */
#include "probe.h"

#define MARK 0x400000u

int main(void)
{
	if (rd(MARK) != 0x600dcafe) {
		wr(MARK, 0x600dcafe);
		wr(SYSREG + 0x08, 0x11);
		wr(SYSREG + 0x28, 0x22);
		wr(SYSREG + 0x30, 0x33);
		wr(SYSREG + 0x38, 0x44);
		wr(SYSREG + 0x40, 0x100);
		put("still locked\n");
		wr(SYSREG + 0x20, 0xa05f);
		wr(SYSREG + 0x40, 0x100);
		for (;;)
			;
	}
	put("second boot\n");
	for (u32 off = 0x08; off <= 0x40; off += 4)
		if (off != 0x24)
			show(SYSREG + off);
	return 0;
}
