/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ARM Versatile Platform Baseboard for ARM926EJ-S (ARM DUI 0225): what stands where and which
 * interrupt goes where, all of it in tables. QEMU's map, plus the second view of the RAM.
 */
#include <stdlib.h>

#include "hw/versatile.h"
#include "hw/hw.h"
#include "hw/i2c.h"

#define SYS_ID 0x41007004u
#define PROC_ID 0x02000000u
#define RAM_ALIAS 0x70000000u /* SDRAM again, as the board's memory controller decodes it */
#define RAM_ALIAS_MAX (UINT64_C(128) << 20)
#define FLASH_BASE 0x34000000u
#define FLASH_SIZE (64u << 20)

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

/* All devices that have a base, an interrupt and nothing else. */
static const struct {
	bool (*add)(struct hw_context *hw, uint32_t base, struct irq_line irq, struct rhea_error *err);
	uint32_t base;
	struct wire wire;
} simple[] = {
	{sp805_add, 0x101e1000, {ON_VIC, 0}},
	{sp804_add, 0x101e2000, {ON_VIC, 4}},
	{sp804_add, 0x101e3000, {ON_VIC, 5}},
	{pl061_add, 0x101e4000, {ON_VIC, 6}},
	{pl061_add, 0x101e5000, {ON_VIC, 7}},
	{pl061_add, 0x101e6000, {ON_VIC, 8}},
	{pl061_add, 0x101e7000, {ON_VIC, 9}},
	{pl031_add, 0x101e8000, {ON_VIC, 10}},
	{pl041_add, 0x10004000, {ON_SIC, 24}},
};

/* Wires of devices to come: SIC 27..30 PCI. */
static const struct unimp_reg no_regs[] = {{UINT32_MAX, 0, 0}};
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

/*
 * The card interfaces' four lines on the three of the SIC: 22 is the first one's A, 2 the second one's B. The first
 * one's B is 1 and the second one's A is 23 in the manual and in QEMU; in Linux's device tree it is the other way round.
 * So both lines carry both: each side finds its interrupt, and now and then looks in vain.
 */
struct mci_lines {
	struct irq_line crossed[2];
	bool level[2];
};

static void set_crossed(void *opaque, unsigned n, bool level)
{
	struct mci_lines *l = opaque;
	l->level[n] = level;
	for (unsigned i = 0; i < ARRAY_LEN(l->crossed); i++)
		irq_set(&l->crossed[i], l->level[0] || l->level[1]);
}

static const struct state_field mci_fields[] = {
	STATE_NOT(struct mci_lines, crossed, STATE_WIRING),
	STATE_ARRAY(struct mci_lines, level, 1),
};
static const struct state_desc mci_state = {.name = "mci-lines", .size = sizeof(struct mci_lines), .version = 1, STATE_FIELDS(mci_fields)};

static bool add_cards(struct hw_context *hw, const struct versatile *b, struct rhea_error *err)
{
	struct mci_lines *l = hw_new_device(hw, "mci-lines", sizeof(*l), NULL, free);
	hw_describe(hw, l, &mci_state);
	l->crossed[0] = versatile_sic_input(b->sic, 1);
	l->crossed[1] = versatile_sic_input(b->sic, 23);
	return pl181_add(hw, 0x10005000, hw->sd[0], versatile_sic_input(b->sic, 22), (struct irq_line){set_crossed, l, 0}, err) &&
	       pl181_add(hw, 0x1000b000, hw->sd[1], (struct irq_line){set_crossed, l, 1}, versatile_sic_input(b->sic, 2), err);
}

static bool map_memory(struct hw_context *hw, struct rhea_error *err)
{
	uint64_t view = MIN(hw->ram_size, RAM_ALIAS_MAX);
	if (!as_map_ram(hw->as, GPA(0), hw->ram_size, "ram", err))
		return false;
	if (as_map_alias(hw->as, GPA(RAM_ALIAS), GPA(0), view, "ram-alias", err) != RHEA_OK)
		return false;
	return pflash_add(hw, FLASH_BASE, FLASH_SIZE, hw->pflash, err);
}

static bool add_unimplemented(struct hw_context *hw, struct rhea_error *err)
{
	for (unsigned i = 0; i < ARRAY_LEN(unimps); i++)
		if (!unimp_add(hw, &unimps[i], err))
			return false;
	return true;
}

static bool add_input(struct hw_context *hw, const struct versatile *b, struct rhea_error *err)
{
	return pl050_add(hw, 0x10006000, false, wire_end(b, (struct wire){ON_SIC, 3}), err) &&
	       pl050_add(hw, 0x10007000, true, wire_end(b, (struct wire){ON_SIC, 4}), err);
}

static bool add_i2c(struct hw_context *hw, struct rhea_error *err)
{
	struct i2c_slave clock = ds1338_add(hw);
	return sbcon_i2c_add(hw, 0x10002000, &clock, err);
}

/* The LCD controller, and the system registers that choose its pixel format. No peripheral of the
 * board that is modelled asks for DMA. */
static bool add_lcd_dma_sysreg(struct hw_context *hw, const struct versatile *b, struct rhea_error *err)
{
	struct pl110 *lcd = pl110_add(hw, 0x10120000, wire_end(b, (struct wire){ON_VIC, 16}), err);
	if (!lcd || !pl080_add(hw, 0x10130000, wire_end(b, (struct wire){ON_VIC, 17}), err))
		return false;
	struct irq_line mux[2] = {pl110_mux(lcd, 0), pl110_mux(lcd, 1)};
	return sysreg_add(hw, 0x10000000, SYS_ID, PROC_ID, mux, err);
}

static bool add_devices(struct hw_context *hw, const struct versatile *b, struct rhea_error *err)
{
	for (unsigned i = 0; i < ARRAY_LEN(uarts); i++)
		if (!pl011_add(hw, uarts[i].base, hw->serial[i], wire_end(b, uarts[i].wire), err))
			return false;
	for (unsigned i = 0; i < ARRAY_LEN(simple); i++)
		if (!simple[i].add(hw, simple[i].base, wire_end(b, simple[i].wire), err))
			return false;
	if (!smc91c111_add(hw, 0x10010000, hw->net[0], wire_end(b, (struct wire){ON_SIC, 25}), err))
		return false;
	return add_input(hw, b, err) && add_i2c(hw, err) && add_cards(hw, b, err);
}

/* Who is at the controllers' inputs (DUI 0224, 4.10), for reports. */
static const char *const vic_inputs[IRQ_INPUTS] = {
	[0] = "watchdog", [1] = "software", [2] = "comms-rx", [3] = "comms-tx", [4] = "timer01", [5] = "timer23", [6] = "gpio0",
	[7] = "gpio1", [8] = "gpio2", [9] = "gpio3", [10] = "rtc", [11] = "ssp", [12] = "uart0", [13] = "uart1", [14] = "uart2",
	[15] = "sci0", [16] = "lcd", [17] = "dma", [18] = "power", [19] = "mbx", [31] = "vpb-sic",
};
static const char *const sic_inputs[IRQ_INPUTS] = {
	[0] = "software", [1] = "mmci0b", [2] = "mmci1b", [3] = "keyboard", [4] = "mouse", [5] = "sci1", [6] = "uart3",
	[7] = "char-lcd", [8] = "touch", [9] = "keypad", [21] = "disk-on-chip", [22] = "mmci0a", [23] = "mmci1a", [24] = "aaci",
	[25] = "ethernet", [26] = "usb", [27] = "pci0", [28] = "pci1", [29] = "pci2", [30] = "pci3",
};

bool versatilepb_build(struct hw_context *hw, struct rhea_error *err)
{
	struct versatile b;
	if (!map_memory(hw, err))
		return false;
	b.vic = pl190_add(hw, 0x10140000, hw->cpu_irq, hw->cpu_fiq, err);
	if (!b.vic)
		return false;
	b.sic = versatile_sic_add(hw, 0x10003000, b.vic, err);
	hw->irq[0].inputs = vic_inputs;
	hw->irq[1].inputs = sic_inputs;
	return b.sic && add_lcd_dma_sysreg(hw, &b, err) && add_devices(hw, &b, err) && add_unimplemented(hw, err);
}
