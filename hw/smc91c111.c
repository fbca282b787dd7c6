/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SMSC LAN91C111 Ethernet controller (after its data sheet): sixteen bytes of registers in four banks, 8 KiB of packet memory
 * handed out in pages of 2 KiB, queues of page numbers. Sending takes no time. A frame for which there is no page waits in the
 * back end, so the receiver never overruns. There is no EEPROM to program; what is in it is the back end's address, and base 0
 * as Linux expects of this board. Not modelled: collisions and their counters, early receive, the EPH interrupt, power down.
 *
 * Guests choose every number here: page numbers are checked where they come in, pointers wrap within a page.
 */
#include <stdlib.h>
#include <string.h>

#include "hw/smc91c111.h"

static const struct smc_row {
	const char *name;
	uint8_t bank, off;
	uint16_t writable, reset;
} smc_rows[N_REGS] = {
#define X(name, bank, off, writable, reset) {#name, bank, off, writable, reset},
	SMC_REGS(X)
#undef X
};

/* ---- interrupts ---- */

static uint8_t int_status(const struct smc *s)
{
	unsigned v = s->latched;
	v |= s->rx.n ? INT_RCV : 0;
	v |= s->done.n ? INT_TX : 0;
	v |= s->result == NONE ? 0 : INT_ALLOC;
	return (uint8_t)v;
}

void smc_update_irq(struct smc *s)
{
	irq_set(&s->irq, (int_status(s) & s->reg[R_INTERRUPT] >> 8) != 0);
}

static void acknowledge(struct smc *s, unsigned what)
{
	s->latched &= (uint8_t)~what;
	if (!s->tx.n)
		s->latched |= INT_TX_EMPTY; /* stays until acknowledged while there is something to send */
	if (what & INT_TX)
		queue_drop(&s->done);
}

/* The PHY's own interrupt is latched when it comes up. */
static void phy_changed(struct smc *s, bool before)
{
	if (!before && mii_phy_interrupt(&s->phy))
		s->latched |= INT_MD;
	smc_update_irq(s);
}

/* ---- reset ---- */

static void reload_address(struct smc *s)
{
	static const uint8_t none[6] = {0};
	const uint8_t *mac = s->net ? s->net->mac : none;
	memcpy(s->eeprom, mac, sizeof s->eeprom);
	for (unsigned i = 0; i < 3; i++)
		s->reg[R_IA0 + i] = (uint16_t)(mac[2 * i] | mac[2 * i + 1] << 8);
}

/* A software reset keeps configuration, base and address. */
static bool survives_reset(unsigned r)
{
	return r == R_CONFIG || (r >= R_BASE && r <= R_IA4);
}

static void reset_registers(struct smc *s, bool hard)
{
	for (unsigned r = 0; r < N_REGS; r++)
		if (hard || !survives_reset(r))
			s->reg[r] = smc_rows[r].reset;
	s->bank = 0;
	s->tx_status = 0;
	smc_reset_queues(s);
	if (hard)
		reload_address(s);
}

static void smc_reset(void *dev)
{
	struct smc *s = dev;
	reset_registers(s, true);
	mii_phy_reset(&s->phy);
	smc_update_irq(s);
	net_accept_input(s->net);
}

/* The back end came, went or was given another address. An address that the guest has set outlives a pulled cable. */
static void smc_changed(void *dev)
{
	struct smc *s = dev;
	bool before = mii_phy_interrupt(&s->phy);
	if (memcmp(s->eeprom, s->net->mac, sizeof s->eeprom) != 0)
		reload_address(s);
	mii_phy_set_cable(&s->phy, s->net->link);
	phy_changed(s, before);
}

/* ---- packet memory through the data register ---- */

static uint8_t *data_byte(struct smc *s, uint32_t off)
{
	unsigned pointer = s->reg[R_POINTER], at = pointer & POINTER_BYTE;
	unsigned page = pointer & POINTER_RCV ? queue_head(&s->rx) : s->reg[R_PACKET];
	if (pointer & POINTER_INCREMENT)
		s->reg[R_POINTER] = (uint16_t)((pointer & ~(unsigned)POINTER_BYTE) | ((at + 1) & POINTER_BYTE));
	else
		at = (at + (off & 3)) & POINTER_BYTE;
	if (page < N_PAGES)
		return &s->mem[page][at];
	hw_guest_error(s->hw, "smc91c111: data access without a packet");
	return NULL;
}

static bool is_data(const struct smc *s, uint32_t off)
{
	return s->bank == 2 && off >= DATA_FIRST && off < DATA_FIRST + 4;
}

/* ---- registers ---- */

static int find_reg(const struct smc *s, uint32_t off)
{
	for (unsigned r = 0; r < N_REGS; r++)
		if (smc_rows[r].bank == s->bank && smc_rows[r].off == (off & ~1u))
			return (int)r;
	return -1;
}

static void no_reg(const struct smc *s, const char *verb, uint32_t off)
{
	hw_guest_error(s->hw, "smc91c111_%s: Bad offset 0x%x in bank %u", verb, off, s->bank);
}

static unsigned free_memory(const struct smc *s)
{
	return N_PAGES - (unsigned)__builtin_popcount(s->allocated);
}

static uint16_t read_reg(const struct smc *s, enum smc_reg r)
{
	switch (r) {
	case R_EPH_STATUS: return (uint16_t)(s->tx_status | smc_link_bit(s));
	case R_MIR: return (uint16_t)(N_PAGES | free_memory(s) << 8);
	case R_PACKET: return (uint16_t)(s->reg[r] | s->result << 8);
	case R_FIFO: return (uint16_t)(queue_head(&s->done) | queue_head(&s->rx) << 8);
	case R_INTERRUPT: return (uint16_t)(int_status(s) | s->reg[r]);
	case R_MGMT: return (uint16_t)(s->reg[r] | (mii_phy_mdio(&s->phy) ? MGMT_IN : 0));
	case R_TCR: case R_RCR: case R_COUNTER: case R_RPCR: case R_CONFIG: case R_BASE: case R_IA0: case R_IA2: case R_IA4:
	case R_GENERAL: case R_CONTROL: case R_MMU: case R_POINTER: case R_MCAST0: case R_MCAST2: case R_MCAST4: case R_MCAST6:
	case R_REVISION: case R_ERCV:
	case N_REGS: break;
	}
	return s->reg[r];
}

/* No byte but those of the data register changes by being read. */
static uint8_t read_byte(struct smc *s, uint32_t off)
{
	if (is_data(s, off)) {
		const uint8_t *at = data_byte(s, off);
		return at ? *at : 0;
	}
	unsigned v = 0x3300 | s->bank;
	if (off < BANK_SELECT) {
		int r = find_reg(s, off);
		if (r < 0)
			no_reg(s, "read", off);
		v = r < 0 ? 0 : read_reg(s, (enum smc_reg)r);
	}
	return (uint8_t)(v >> 8 * (off & 1));
}

static enum mem_result smc_read(void *dev, uint32_t off, unsigned size, uint32_t *value)
{
	struct smc *s = dev;
	*value = 0;
	for (unsigned i = 0; i < size; i++)
		*value |= (uint32_t)read_byte(s, off + i) << 8 * i;
	return MEM_OK;
}

static void write_rcr(struct smc *s, bool reset)
{
	if (reset)
		reset_registers(s, false);
	net_accept_input(s->net);
}

static void write_control(struct smc *s, unsigned v)
{
	if (!(v & CONTROL_RELOAD))
		return;
	s->reg[R_CONFIG] = smc_rows[R_CONFIG].reset;
	s->reg[R_BASE] = smc_rows[R_BASE].reset;
	reload_address(s);
}

static void write_mgmt(struct smc *s, uint16_t old)
{
	unsigned now = s->reg[R_MGMT];
	bool before = mii_phy_interrupt(&s->phy);
	if (now & ~(unsigned)old & MGMT_CLOCK)
		mii_phy_clock(&s->phy, !(now & MGMT_OUTPUT) || (now & MGMT_OUT));
	phy_changed(s, before);
}

/* `lanes` are the bits that the access has; the register holds its new writable bits already. */
static void wrote_reg(struct smc *s, enum smc_reg r, uint16_t old, unsigned value, unsigned lanes)
{
	unsigned v = value & lanes;
	switch (r) {
	case R_TCR: smc_transmit(s); net_accept_input(s->net); break;
	case R_RCR: write_rcr(s, (v & RCR_SOFT_RESET) != 0); break;
	case R_CONTROL: write_control(s, v); break;
	case R_MMU: if (lanes & 0xff) smc_mmu_command(s, (enum mmu_command)bits(value, 7, 5)); break;
	case R_INTERRUPT: acknowledge(s, v & 0xff); break;
	case R_MGMT: write_mgmt(s, old); break;
	case R_CONFIG: case R_BASE: case R_IA0: case R_IA2: case R_IA4: case R_GENERAL: case R_RPCR: case R_PACKET:
	case R_POINTER: case R_MCAST0: case R_MCAST2: case R_MCAST4: case R_MCAST6: case R_ERCV: break;
	case R_EPH_STATUS: case R_COUNTER: case R_MIR: case R_FIFO: case R_REVISION:
		hw_guest_error(s->hw, "smc91c111_write: write of read-only register %s", smc_rows[r].name);
		break;
	case N_REGS: break;
	}
	smc_update_irq(s);
}

/* One 16-bit register, or the bank number, with the byte lanes that the access touches. */
static void write_word(struct smc *s, uint32_t off, unsigned value, unsigned lanes)
{
	if (off == BANK_SELECT) {
		if (lanes & 0xff)
			s->bank = value & (N_BANKS - 1);
		return;
	}
	int r = find_reg(s, off);
	if (r < 0) {
		no_reg(s, "write", off);
		return;
	}
	uint16_t old = s->reg[r];
	unsigned mask = smc_rows[r].writable & lanes;
	s->reg[r] = (uint16_t)((old & ~mask) | (value & mask));
	wrote_reg(s, (enum smc_reg)r, old, value, lanes);
}

/* Both give how many bytes of the access they took. */
static unsigned write_data(struct smc *s, uint32_t off, unsigned value)
{
	uint8_t *at = data_byte(s, off);
	if (at)
		*at = (uint8_t)value;
	return 1;
}

static unsigned write_part(struct smc *s, uint32_t off, unsigned value, unsigned left)
{
	unsigned shift = 8 * (off & 1), n = shift || left == 1 ? 1 : 2;
	write_word(s, off & ~1u, value << shift, (n == 2 ? 0xffffu : 0xffu) << shift);
	return n;
}

static enum mem_result smc_write(void *dev, uint32_t off, unsigned size, uint32_t value)
{
	struct smc *s = dev;
	for (unsigned i = 0, n; i < size; i += n)
		n = is_data(s, off + i) ? write_data(s, off + i, value >> 8 * i) :
					  write_part(s, off + i, value >> 8 * i, size - i);
	return MEM_OK;
}

/* ---- making ---- */

static void smc_destroy(void *dev)
{
	struct smc *s = dev;
	if (s->net && s->net->dev == s) {
		s->net->room = NULL;
		s->net->receive = NULL;
		s->net->changed = NULL;
		s->net->dev = NULL;
	}
	free(s);
}

static const struct mem_ops smc_ops = {smc_read, smc_write, 1, 4};

/* ---- state ---- */

/* What the network's side is now, which may be another than when the state was saved. */
static void smc_loaded(void *dev)
{
	struct smc *s = dev;
	if (s->net)
		smc_changed(s);
}

static const struct state_field smc_fields[] = {
	STATE_NOT(struct smc, hw, STATE_WIRING),
	STATE_NOT(struct smc, net, STATE_WIRING),
	STATE_NOT(struct smc, irq, STATE_WIRING),
	STATE(struct smc, phy.control),
	STATE(struct smc, phy.advertise),
	STATE(struct smc, phy.config1),
	STATE(struct smc, phy.config2),
	STATE(struct smc, phy.mask),
	STATE(struct smc, phy.status),
	STATE(struct smc, phy.changed),
	STATE_BOOL(struct smc, phy.cable),
	STATE_BOOL(struct smc, phy.link_fell),
	STATE_MAX(struct smc, phy.pos, 32),
	STATE(struct smc, phy.ones),
	STATE(struct smc, phy.shift),
	STATE(struct smc, phy.out),
	STATE_BOOL(struct smc, phy.addressed),
	STATE_ARRAY(struct smc, eeprom, 0),
	STATE_ARRAY(struct smc, reg, 0),
	STATE_MAX(struct smc, bank, N_BANKS - 1),
	STATE_MAX(struct smc, allocated, (1u << N_PAGES) - 1),
	STATE(struct smc, result),
	STATE_BOOL(struct smc, alloc_waits),
	STATE(struct smc, latched),
	STATE(struct smc, tx_status),
	STATE_MAX(struct smc, tx.n, N_PAGES),
	STATE_ARRAY(struct smc, tx.page, N_PAGES - 1),
	STATE_MAX(struct smc, done.n, N_PAGES),
	STATE_ARRAY(struct smc, done.page, N_PAGES - 1),
	STATE_MAX(struct smc, rx.n, N_PAGES),
	STATE_ARRAY(struct smc, rx.page, N_PAGES - 1),
	{STATE_AT(struct smc, mem), .width = 1, .since = 1},
};
static const struct state_desc smc_state = {.name = "smc91c111", .size = sizeof(struct smc), .version = 1, STATE_FIELDS(smc_fields), .loaded = smc_loaded};

bool smc91c111_add(struct hw_context *hw, uint32_t base, struct netdev *net, struct irq_line irq, struct rhea_error *err)
{
	struct smc *s = hw_new_device(hw, "smc91c111", sizeof(*s), smc_reset, smc_destroy);
	hw_describe(hw, s, &smc_state);
	s->hw = hw;
	s->irq = irq;
	if (net) {
		net->room = smc_room;
		net->receive = smc_receive;
		net->changed = smc_changed;
		net->dev = s;
		s->phy.cable = net->link;
	}
	s->net = net;
	smc_reset(s);
	return as_map_mmio(hw->as, GPA(base), 16, &smc_ops, s, "smc91c111", err) == RHEA_OK;
}
