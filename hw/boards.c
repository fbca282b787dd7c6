/* SPDX-License-Identifier: Apache-2.0 */
/* The boards that -M names. */
#include <string.h>

#include "hw/board.h"
#include "hw/versatile.h"

#define MIB (UINT64_C(1) << 20)

static bool none_build(struct hw_context *hw, struct rhea_error *err)
{
	(void)hw;
	(void)err;
	return true;
}

static const struct board boards[] = {
	{
		.name = "versatilepb",
		.help = "ARM Versatile/PB (ARM926EJ-S)",
		.default_cpu = "arm926",
		.default_ram = 128 * MIB,
		.max_ram = 256 * MIB,
		.machine_id = 0x183,
		.kernel_addr = 0x10000,
		.firmware_addr = 0,
		.unassigned = MEM_OK,
		.serial_ports = 4,
		.nics = 1,
		.build = versatilepb_build,
	},
	{
		.name = "versatileab",
		.help = "ARM Versatile/AB (ARM926EJ-S)",
		.default_cpu = "arm926",
		.default_ram = 128 * MIB,
		.max_ram = 256 * MIB,
		.machine_id = 0x25e,
		.kernel_addr = 0x10000,
		.firmware_addr = 0,
		.unassigned = MEM_OK,
		.serial_ports = 4,
		.nics = 1,
		.build = versatilepb_build,
	},
	{
		.name = "none",
		.help = "empty machine",
		.default_cpu = "arm926",
		.firmware_addr = UINT64_MAX,
		.unassigned = MEM_ERROR,
		.build = none_build,
	},
};

const struct board *board_find(const char *name)
{
	for (unsigned i = 0; i < ARRAY_LEN(boards); i++)
		if (!strcmp(boards[i].name, name))
			return &boards[i];
	return NULL;
}

const struct board *boards_all(unsigned *n)
{
	*n = ARRAY_LEN(boards);
	return boards;
}
