/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The Versatile board's system registers (ARM DUI 0225, section 4.2): identification, LEDs, flags,
 * the lock that guards the reset control, and two counters made from virtual time. Which registers
 * exist and what they read is QEMU's, but for the card lines: oscillators and flash registers read 0 and
 * take writes without effect. Offsets are matched exactly, so narrow accesses see only a register's low end.
 */
#include <stdlib.h>

#include "hw/hw.h"

#define LOCK_VALUE 0xa05fu

#define SYSREG_REGS(X)                 \
	X(ID, 0x00, 0x00, REG_R)           \
	X(SW, 0x04, 0x04, REG_R)           \
	X(LED, 0x08, 0x08, REG_RW)         \
	X(OSC, 0x0c, 0x1c, REG_RW)         \
	X(LOCK, 0x20, 0x20, REG_RW)        \
	X(100HZ, 0x24, 0x24, REG_R)        \
	X(CFGDATA1, 0x28, 0x28, REG_RW)    \
	X(CFGDATA2, 0x2c, 0x2c, REG_RW)    \
	X(FLAGS, 0x30, 0x30, REG_RW)       \
	X(FLAGSCLR, 0x34, 0x34, REG_W)     \
	X(NVFLAGS, 0x38, 0x38, REG_RW)     \
	X(NVFLAGSCLR, 0x3c, 0x3c, REG_W)   \
	X(RESETCTL, 0x40, 0x40, REG_RW)    \
	X(PCICTL, 0x44, 0x44, REG_RW)      \
	X(MCI, 0x48, 0x48, REG_R)          \
	X(FLASH, 0x4c, 0x4c, REG_RW)       \
	X(CLCD, 0x50, 0x50, REG_RW)        \
	X(CLCDSER, 0x54, 0x54, REG_RW)     \
	X(BOOTCS, 0x58, 0x58, REG_R)       \
	X(24MHZ, 0x5c, 0x5c, REG_R)        \
	X(MISC, 0x60, 0x60, REG_R)         \
	X(DMAPSR, 0x64, 0x6c, REG_RW)      \
	X(IOSEL, 0x70, 0x70, REG_RW)       \
	X(PLDCTL, 0x74, 0x74, REG_RW)      \
	X(BUSID, 0x80, 0x80, REG_RW)       \
	X(PROCID0, 0x84, 0x84, REG_RW)     \
	X(PROCID1, 0x88, 0x88, REG_RW)     \
	X(OSCRESET, 0x8c, 0x9c, REG_RW)    \
	X(TEST_OSC, 0xc0, 0xd0, REG_R)

enum sysreg_reg {
#define X(name, off, last, access) R_##name,
	SYSREG_REGS(X)
#undef X
	N_REGS
};

static const struct reg_row sysreg_rows[] = {
#define X(name, off, last, access) {access, #name},
	SYSREG_REGS(X)
#undef X
};
static const uint8_t sysreg_index[] = {
#define X(name, off, last, access) [(off) / 4 ... (last) / 4] = R_##name + 1,
	SYSREG_REGS(X)
#undef X
};

static const struct reg_block sysreg_block = {"arm_sysctl", REG_ROWS(sysreg), NULL};

enum { CLCD_FIXED = 0x3f00, CLCD_RESET = 0x1f00 }; /* power bits and panel identification */
enum { RESETCTL_RESET = 0x100 };

struct sysreg {
	struct hw_context *hw;
	struct irq_line clcd_mux[2];
	uint32_t sys_id, proc_id;
	uint32_t led, lock, cfgdata[2], flags, nvflags, resetctl, clcd;
};

/* `now` x hz / 10^9 without overflow; hz divides into 10^9 or is a multiple of 10^6. */
static uint32_t ticks(const struct sysreg *s, uint64_t hz)
{
	uint64_t now = vclock_now(s->hw->clock), second = UINT64_C(1000000000);
	return (uint32_t)(now / second * hz + now % second * hz / second);
}

/* Bits 0 and 1: a card in slot 0, 1 (QEMU shows none, and Linux then looks for none); 2 and 3: write-protected. */
static uint32_t card_lines(const struct sysreg *s)
{
	uint32_t v = 0;
	for (unsigned i = 0; i < MACHINE_SD_SLOTS; i++)
		if (block_present(s->hw->sd[i]))
			v |= (s->hw->sd[i]->read_only ? 5u : 1u) << i;
	return v;
}

static uint32_t read_reg(const struct sysreg *s, enum sysreg_reg reg)
{
	switch (reg) {
	case R_ID: return s->sys_id;
	case R_LED: return s->led;
	case R_LOCK: return s->lock;
	case R_100HZ: return ticks(s, 100);
	case R_CFGDATA1: return s->cfgdata[0];
	case R_CFGDATA2: return s->cfgdata[1];
	case R_FLAGS: return s->flags;
	case R_NVFLAGS: return s->nvflags;
	case R_RESETCTL: return s->resetctl;
	case R_PCICTL: return 1;
	case R_MCI: return card_lines(s);
	case R_CLCD: return s->clcd;
	case R_24MHZ: return ticks(s, 24000000);
	case R_PROCID0: return s->proc_id;
	case R_PROCID1: return 0xff000000;
	case R_SW:
	case R_OSC:
	case R_FLAGSCLR:
	case R_NVFLAGSCLR:
	case R_FLASH:
	case R_CLCDSER:
	case R_BOOTCS:
	case R_MISC:
	case R_DMAPSR:
	case R_IOSEL:
	case R_PLDCTL:
	case R_BUSID:
	case R_OSCRESET:
	case R_TEST_OSC:
	case N_REGS: break;
	}
	return 0;
}

/* The row of a word-aligned `off`; -1 after a complaint. */
static int find(struct sysreg *s, uint32_t off, enum reg_access access)
{
	if (off & 3) {
		hw_guest_error(s->hw, "%s_%s: Bad register offset 0x%x", sysreg_block.name,
			       access == REG_R ? "read" : "write", off);
		return -1;
	}
	return hw_reg_find(s->hw, &sysreg_block, off, access);
}

static enum mem_result sysreg_read(void *dev, uint32_t off, unsigned size, uint32_t *value)
{
	struct sysreg *s = dev;
	int reg = find(s, off, REG_R);
	*value = reg < 0 ? 0 : hw_trim(read_reg(s, (enum sysreg_reg)reg), size);
	return MEM_OK;
}

static void write_resetctl(struct sysreg *s, uint32_t value)
{
	if (s->lock != LOCK_VALUE)
		return;
	s->resetctl = value;
	if ((value & RESETCTL_RESET) && s->hw->request)
		s->hw->request(s->hw->opaque, MACHINE_REQUEST_RESET);
}

static void set_clcd(struct sysreg *s, uint32_t value)
{
	s->clcd = value;
	irq_set(&s->clcd_mux[0], bit(value, 0));
	irq_set(&s->clcd_mux[1], bit(value, 1));
}

static void write_reg(struct sysreg *s, enum sysreg_reg reg, uint32_t value)
{
	switch (reg) {
	case R_LED: s->led = value; break;
	case R_LOCK: s->lock = value == LOCK_VALUE ? value : value & 0x7fff; break;
	case R_CFGDATA1: s->cfgdata[0] = value; break;
	case R_CFGDATA2: s->cfgdata[1] = value; break;
	case R_FLAGS: s->flags |= value; break;
	case R_FLAGSCLR: s->flags &= ~value; break;
	case R_NVFLAGS: s->nvflags |= value; break;
	case R_NVFLAGSCLR: s->nvflags &= ~value; break;
	case R_RESETCTL: write_resetctl(s, value); break;
	case R_CLCD: set_clcd(s, (s->clcd & CLCD_FIXED) | (value & ~(uint32_t)CLCD_FIXED)); break;
	case R_ID:
	case R_SW:
	case R_OSC:
	case R_100HZ:
	case R_PCICTL:
	case R_MCI:
	case R_FLASH:
	case R_CLCDSER:
	case R_BOOTCS:
	case R_24MHZ:
	case R_MISC:
	case R_DMAPSR:
	case R_IOSEL:
	case R_PLDCTL:
	case R_BUSID:
	case R_PROCID0:
	case R_PROCID1:
	case R_OSCRESET:
	case R_TEST_OSC:
	case N_REGS: break;
	}
}

static enum mem_result sysreg_write(void *dev, uint32_t off, unsigned size, uint32_t value)
{
	struct sysreg *s = dev;
	int reg = find(s, off, REG_W);
	if (reg >= 0)
		write_reg(s, (enum sysreg_reg)reg, hw_trim(value, size));
	return MEM_OK;
}

static void sysreg_reset(void *dev)
{
	struct sysreg *s = dev;
	s->led = s->lock = s->cfgdata[0] = s->cfgdata[1] = s->flags = s->resetctl = 0; /* not nvflags */
	set_clcd(s, CLCD_RESET);
}

static const struct mem_ops sysreg_ops = {sysreg_read, sysreg_write, 1, 4};

/* ---- state ---- */

static const struct state_field sysreg_fields[] = {
	STATE_NOT(struct sysreg, hw, STATE_WIRING),
	STATE_NOT(struct sysreg, clcd_mux, STATE_WIRING),
	STATE_NOT(struct sysreg, sys_id, STATE_FIXED),
	STATE_NOT(struct sysreg, proc_id, STATE_FIXED),
	STATE(struct sysreg, led),
	STATE(struct sysreg, lock),
	STATE_ARRAY(struct sysreg, cfgdata, 0),
	STATE(struct sysreg, flags),
	STATE(struct sysreg, nvflags),
	STATE(struct sysreg, resetctl),
	STATE(struct sysreg, clcd),
};
static const struct state_desc sysreg_state = {.name = "arm-sysctl", .size = sizeof(struct sysreg), .version = 1, STATE_FIELDS(sysreg_fields)};

bool sysreg_add(struct hw_context *hw, uint32_t base, uint32_t sys_id, uint32_t proc_id,
		const struct irq_line clcd_mux[2], struct rhea_error *err)
{
	struct sysreg *s = hw_new_device(hw, "arm-sysctl", sizeof(*s), sysreg_reset, free);
	hw_describe(hw, s, &sysreg_state);
	s->hw = hw;
	s->sys_id = sys_id;
	s->proc_id = proc_id;
	s->clcd_mux[0] = clcd_mux[0];
	s->clcd_mux[1] = clcd_mux[1];
	sysreg_reset(s);
	return as_map_mmio(hw->as, GPA(base), PAGE_SIZE, &sysreg_ops, s, "arm-sysctl", err) == RHEA_OK;
}
