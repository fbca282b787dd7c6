/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The Versatile board's serial bus control (ARM DUI 0225, section 4.14): two wires that software sets, clears
 * and reads; the I2C protocol (NXP UM10204) is followed here bit by bit. A slave moves its data
 * while the clock is low and the master's data is taken when it rises; the clock is never stretched.
 */
#include <stdlib.h>

#include "hw/i2c.h"

#define SBCON_REGS(X)      \
	X(SET, 0x00, REG_RW)   \
	X(CLEAR, 0x04, REG_W)

enum sbcon_reg {
#define X(name, off, access) R_##name,
	SBCON_REGS(X)
#undef X
	N_REGS
};

static const struct reg_row sbcon_rows[] = {
#define X(name, off, access) {access, #name},
	SBCON_REGS(X)
#undef X
};
static const uint8_t sbcon_index[] = {
#define X(name, off, access) [(off) / 4] = R_##name + 1,
	SBCON_REGS(X)
#undef X
};

static const struct reg_block sbcon_block = {"arm_sbcon_i2c", REG_ROWS(sbcon), NULL};

enum { WIRE_SCL = 1, WIRE_SDA = 2 };

enum bus_state {
	BUS_IDLE,      /* until the next start: no transfer, or one for somebody else */
	BUS_ADDRESS,   /* the master sends the address */
	BUS_WRITE,     /* ... a byte */
	BUS_SLAVE_ACK, /* the slave acknowledges it */
	BUS_READ,      /* the slave sends a byte */
	BUS_MASTER_ACK,
};

struct sbcon {
	struct hw_context *hw;
	struct i2c_slave slave;
	uint8_t out;    /* what software drives; a 0 wins on the wire */
	bool sda;       /* what the slave drives */
	enum bus_state state, after_ack;
	uint8_t shift;
	unsigned bits;
	bool acked;     /* by the master */
};

static void receive(struct sbcon *s, enum bus_state what)
{
	s->state = what;
	s->bits = 0;
	s->shift = 0;
	s->sda = true;
}

static void send(struct sbcon *s)
{
	s->state = BUS_READ;
	s->shift = s->slave.read(s->slave.dev);
	s->bits = 0;
	s->sda = s->shift >> 7;
}

static void idle(struct sbcon *s)
{
	s->state = BUS_IDLE;
	s->sda = true;
}

/* A whole byte came: acknowledge by pulling the line, or drop out of the transfer. */
static void byte_received(struct sbcon *s)
{
	bool ok;
	if (s->state == BUS_ADDRESS) {
		ok = s->shift >> 1 == s->slave.address;
		s->after_ack = s->shift & 1 ? BUS_READ : BUS_WRITE;
		if (ok)
			s->slave.start(s->slave.dev, s->shift & 1);
	} else {
		ok = s->slave.write(s->slave.dev, s->shift);
		s->after_ack = BUS_WRITE;
	}
	if (!ok) {
		idle(s);
		return;
	}
	s->state = BUS_SLAVE_ACK;
	s->sda = false;
}

static void clock_rises(struct sbcon *s)
{
	bool data = (s->out & WIRE_SDA) != 0;
	switch (s->state) {
	case BUS_ADDRESS:
	case BUS_WRITE:
		s->shift = (uint8_t)(s->shift << 1 | data);
		s->bits++;
		break;
	case BUS_MASTER_ACK: s->acked = !data; break;
	case BUS_IDLE:
	case BUS_SLAVE_ACK:
	case BUS_READ: break;
	}
}

static void clock_falls(struct sbcon *s)
{
	switch (s->state) {
	case BUS_ADDRESS:
	case BUS_WRITE:
		if (s->bits == 8)
			byte_received(s);
		break;
	case BUS_SLAVE_ACK:
		if (s->after_ack == BUS_READ)
			send(s);
		else
			receive(s, BUS_WRITE);
		break;
	case BUS_READ:
		if (++s->bits < 8) {
			s->sda = s->shift >> (7 - s->bits) & 1;
		} else {
			s->sda = true;
			s->acked = false;
			s->state = BUS_MASTER_ACK;
		}
		break;
	case BUS_MASTER_ACK:
		if (s->acked)
			send(s);
		else
			idle(s);
		break;
	case BUS_IDLE: break;
	}
}

static void set_clock(struct sbcon *s, bool level)
{
	if (((s->out & WIRE_SCL) != 0) == level)
		return;
	s->out ^= WIRE_SCL;
	if (level)
		clock_rises(s);
	else
		clock_falls(s);
}

/* Data that moves while the clock is high is a start or stop condition. */
static void set_data(struct sbcon *s, bool level)
{
	if (((s->out & WIRE_SDA) != 0) == level)
		return;
	s->out ^= WIRE_SDA;
	if (!(s->out & WIRE_SCL))
		return;
	if (level)
		idle(s);
	else
		receive(s, BUS_ADDRESS);
}

static enum mem_result sbcon_read(void *dev, uint32_t off, unsigned size, uint32_t *value)
{
	struct sbcon *s = dev;
	uint32_t v = 0xffffffff; /* also of what is not there */
	if (hw_reg_find(s->hw, &sbcon_block, off, REG_R) == R_SET)
		v = s->sda ? s->out : s->out & ~(uint32_t)WIRE_SDA;
	*value = hw_trim(v, size);
	return MEM_OK;
}

static enum mem_result sbcon_write(void *dev, uint32_t off, unsigned size, uint32_t value)
{
	struct sbcon *s = dev;
	int reg = hw_reg_find(s->hw, &sbcon_block, off, REG_W);
	(void)size;
	if (reg < 0)
		return MEM_OK;
	if (value & WIRE_SCL)
		set_clock(s, reg == R_SET);
	if (value & WIRE_SDA)
		set_data(s, reg == R_SET);
	return MEM_OK;
}

static void sbcon_reset(void *dev)
{
	struct sbcon *s = dev;
	s->out = 0;
	idle(s);
}

static const struct mem_ops sbcon_ops = {sbcon_read, sbcon_write, 1, 4};

/* ---- state ---- */

static const struct state_field sbcon_fields[] = {
	STATE_NOT(struct sbcon, hw, STATE_WIRING),
	STATE_NOT(struct sbcon, slave, STATE_WIRING),
	STATE(struct sbcon, out),
	STATE_BOOL(struct sbcon, sda),
	STATE_MAX(struct sbcon, state, BUS_MASTER_ACK),
	STATE_MAX(struct sbcon, after_ack, BUS_MASTER_ACK),
	STATE(struct sbcon, shift),
	STATE_MAX(struct sbcon, bits, 8),
	STATE_BOOL(struct sbcon, acked),
};
static const struct state_desc sbcon_state = {.name = "sbcon-i2c", .size = sizeof(struct sbcon), .version = 1, STATE_FIELDS(sbcon_fields)};

bool sbcon_i2c_add(struct hw_context *hw, uint32_t base, const struct i2c_slave *slave, struct rhea_error *err)
{
	struct sbcon *s = hw_new_device(hw, "sbcon-i2c", sizeof(*s), sbcon_reset, free);
	hw_describe(hw, s, &sbcon_state);
	s->hw = hw;
	s->slave = *slave;
	sbcon_reset(s);
	return as_map_mmio(hw->as, GPA(base), PAGE_SIZE, &sbcon_ops, s, "arm_sbcon_i2c", err) == RHEA_OK;
}
