/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ARM Versatile Platform Baseboard for ARM926EJ-S (ARM DUI 0225): what stands where and which
 * interrupt goes where, all of it in tables. QEMU's map, plus the second view of the RAM.
 */
#include "hw/versatile.h"
#include "hw/hw.h"

#define SYS_ID 0x41007004u
#define PROC_ID 0x02000000u
#define RAM_ALIAS 0x70000000u /* SDRAM again, as the board's memory controller decodes it */
#define RAM_ALIAS_MAX (UINT64_C(128) << 20)
#define FLASH_BASE 0x34000000u
#define FLASH_SIZE (UINT64_C(64) << 20)

enum controller { ON_VIC, ON_SIC };

struct wire {
	enum controller controller;
	unsigned line;
};

struct versatile {
	struct pl190 *vic;
	struct versatile_sic *sic;
};

static struct irq_line wire_end(const struct versatile *b, struct wire w)
{
	return w.controller == ON_VIC ? pl190_input(b->vic, w.line) : versatile_sic_input(b->sic, w.line);
}

static const struct {
	uint32_t base;
	struct wire wire;
} uarts[MACHINE_SERIAL_PORTS] = {
	{0x101f1000, {ON_VIC, 12}},
	{0x101f2000, {ON_VIC, 13}},
	{0x101f3000, {ON_VIC, 14}},
	{0x10009000, {ON_SIC, 6}},
};

static const struct {
	uint32_t base;
	struct wire wire;
} timers[] = {
	{0x101e2000, {ON_VIC, 4}},
	{0x101e3000, {ON_VIC, 5}},
};

/*
 * Wires of devices to come: VIC 6..9 pl061, 16 pl110, 17 pl080; SIC 1/22 and 2/23 pl181,
 * 3 and 4 pl050, 24 pl041, 25 smc91c111, 27..30 PCI.
 */
static const struct unimp_reg no_regs[] = {{UINT32_MAX, 0, 0}};
static const struct unimp_reg i2c_regs[] = {{0x00, 0x00, 0}};
static const struct unimp_reg pl041_regs[] = {{0x08, 0x08, 0x0000000b}, {0x68, 0x68, 0x00000a80}};
static const struct unimp_reg pl050_regs[] = {{0x04, 0x04, 0x40}, {0x10, 0x10, 0x02}};
/* Bank 0 of the Ethernet controller, bank select at 0xe. */
static const struct unimp_reg smc91c111_regs[] = {
	{0x0, 0x0, 0x40000000}, {0x8, 0x8, 0x00000004}, {0xc, 0xc, 0x33000000},
};
/* Slot 11 is the host bridge, slot 12 the SCSI adapter; 2 KiB a slot, 256 bytes a function. */
static const struct unimp_reg pci_config_regs[] = {
	{0x5800, 0x5800, 0x030010ee}, {0x5804, 0x5804, 0x02200000}, {0x5808, 0x5808, 0x0b400000},
	{0x580c, 0x580c, 0x00001000}, {0x582c, 0x582c, 0x11001af4}, {0x5800, 0x58fc, 0},
	{0x6000, 0x6000, 0x00121000}, {0x6008, 0x6008, 0x01000000}, {0x600c, 0x600c, 0x0000ff00},
	{0x6010, 0x6010, 0x00000001}, {0x602c, 0x602c, 0x10000000}, {0x603c, 0x603c, 0x00000100},
	{0x6000, 0x60fc, 0},
};

#define NO_ID NULL
#define ID(a, b, c, d) (const uint8_t[8]){a, b, c, d, 0x0d, 0xf0, 0x05, 0xb1}
static const struct unimp_row unimps[] = {
#define UNIMP(name, base, size, regs, fill, id, lanes) {name, base, size, regs, ARRAY_LEN(regs), fill, id, lanes},
#include "hw/versatile_unimp.def"
#undef UNIMP
};

static bool map_memory(struct hw_context *hw, struct rhea_error *err)
{
	uint64_t view = MIN(hw->ram_size, RAM_ALIAS_MAX);
	if (!as_map_ram(hw->as, GPA(0), hw->ram_size, "ram", err))
		return false;
	if (as_map_alias(hw->as, GPA(RAM_ALIAS), GPA(0), view, "ram-alias", err) != RHEA_OK)
		return false;
	return as_map_rom(hw->as, GPA(FLASH_BASE), FLASH_SIZE, "flash", err) != NULL;
}

static bool add_unimplemented(struct hw_context *hw, struct rhea_error *err)
{
	for (unsigned i = 0; i < ARRAY_LEN(unimps); i++)
		if (!unimp_add(hw, &unimps[i], err))
			return false;
	return true;
}

static bool add_devices(struct hw_context *hw, const struct versatile *b, struct rhea_error *err)
{
	for (unsigned i = 0; i < ARRAY_LEN(uarts); i++)
		if (!pl011_add(hw, uarts[i].base, hw->serial[i], wire_end(b, uarts[i].wire), err))
			return false;
	for (unsigned i = 0; i < ARRAY_LEN(timers); i++)
		if (!sp804_add(hw, timers[i].base, wire_end(b, timers[i].wire), err))
			return false;
	return pl031_add(hw, 0x101e8000, wire_end(b, (struct wire){ON_VIC, 10}), err);
}

bool versatilepb_build(struct hw_context *hw, struct rhea_error *err)
{
	struct versatile b;
	if (!map_memory(hw, err) || !sysreg_add(hw, 0x10000000, SYS_ID, PROC_ID, err))
		return false;
	b.vic = pl190_add(hw, 0x10140000, hw->cpu_irq, hw->cpu_fiq, err);
	if (!b.vic)
		return false;
	b.sic = versatile_sic_add(hw, 0x10003000, b.vic, err);
	return b.sic && add_devices(hw, &b, err) && add_unimplemented(hw, err);
}
