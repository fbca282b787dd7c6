/* SPDX-License-Identifier: Apache-2.0 */
/* The LAN91C111's PHY: see mii_phy.h. Register meanings from the LAN91C111 data sheet, chapter "PHY MII registers". */
#include "hw/mii_phy.h"

#define PHY_ID_1 0x0016u
#define PHY_ID_2 0xf840u
#define PARTNER_ABILITY 0x41e1u /* acknowledge, 100 and 10 Mbit/s, both duplexes, 802.3 */

enum { PHY_CONTROL = 0, PHY_STATUS = 1, PHY_ID1 = 2, PHY_ID2 = 3, PHY_ADVERTISE = 4, PHY_PARTNER = 5,
       PHY_CONFIG1 = 16, PHY_CONFIG2 = 17, PHY_STATUS_OUT = 18, PHY_MASK = 19, PHY_RESERVED = 20 };
enum { CONTROL_RESET = 0x8000, CONTROL_LOOP = 0x4000, CONTROL_100 = 0x2000, CONTROL_ANEG = 0x1000,
       CONTROL_POWER_DOWN = 0x0800, CONTROL_ANEG_RESTART = 0x0200, CONTROL_DUPLEX = 0x0100 };
enum { STATUS_CAPABLE = 0x7809, STATUS_ANEG_DONE = 0x0020, STATUS_LINK = 0x0004 };
enum { OUT_INT = 0x8000, OUT_LINK_FAIL = 0x4000, OUT_100 = 0x0080, OUT_DUPLEX = 0x0040 };
enum { ABLE_100_FULL = 0x0100, ABLE_100_HALF = 0x0080, ABLE_10_FULL = 0x0040 };

bool mii_phy_link(const struct mii_phy *p)
{
	return p->cable && !(p->control & CONTROL_POWER_DOWN);
}

bool mii_phy_loopback(const struct mii_phy *p)
{
	return (p->control & CONTROL_LOOP) != 0;
}

bool mii_phy_interrupt(const struct mii_phy *p)
{
	return (p->changed & ~p->mask) != 0;
}

/* What register 18 shows of the mode in force: negotiated or set by hand. */
static uint16_t mode_bits(const struct mii_phy *p)
{
	unsigned common = p->advertise & PARTNER_ABILITY, v = 0;
	if (!(p->control & CONTROL_ANEG))
		return (uint16_t)((p->control & CONTROL_100 ? OUT_100 : 0) | (p->control & CONTROL_DUPLEX ? OUT_DUPLEX : 0));
	if (common & (ABLE_100_FULL | ABLE_100_HALF))
		v = OUT_100 | (common & ABLE_100_FULL ? OUT_DUPLEX : 0);
	else if (common & ABLE_10_FULL)
		v = OUT_DUPLEX;
	return (uint16_t)v;
}

static void update(struct mii_phy *p)
{
	bool link = mii_phy_link(p);
	uint16_t now = link ? mode_bits(p) : OUT_LINK_FAIL;
	if (!link)
		p->link_fell = true;
	p->changed |= now ^ p->status;
	p->status = now;
}

void mii_phy_reset(struct mii_phy *p)
{
	p->control = CONTROL_100 | CONTROL_ANEG;
	p->advertise = 0x01e1;
	p->config1 = 0x0022;
	p->config2 = 0;
	p->mask = 0xffc0;
	p->pos = p->ones = 0;
	update(p);
	p->changed = 0;
	p->link_fell = !p->cable;
}

void mii_phy_set_cable(struct mii_phy *p, bool plugged)
{
	p->cable = plugged;
	update(p);
}

/* ---- registers ---- */

static uint16_t read_status(struct mii_phy *p)
{
	bool link = mii_phy_link(p), shown = link && !p->link_fell;
	p->link_fell = !link;
	unsigned v = STATUS_CAPABLE | (shown ? STATUS_LINK : 0);
	if (link && (p->control & CONTROL_ANEG))
		v |= STATUS_ANEG_DONE;
	return (uint16_t)v;
}

static uint16_t read_status_out(struct mii_phy *p)
{
	unsigned v = p->status | (mii_phy_interrupt(p) ? OUT_INT : 0);
	p->changed = 0;
	return (uint16_t)v;
}

static uint16_t phy_read(struct mii_phy *p, unsigned reg)
{
	switch (reg) {
	case PHY_CONTROL: return p->control;
	case PHY_STATUS: return read_status(p);
	case PHY_ID1: return PHY_ID_1;
	case PHY_ID2: return PHY_ID_2;
	case PHY_ADVERTISE: return p->advertise;
	case PHY_PARTNER: return mii_phy_link(p) ? PARTNER_ABILITY : 0;
	case PHY_CONFIG1: return p->config1;
	case PHY_CONFIG2: return p->config2;
	case PHY_STATUS_OUT: return read_status_out(p);
	case PHY_MASK: return p->mask;
	case PHY_RESERVED: return 0x00a0;
	}
	return 0;
}

static void write_control(struct mii_phy *p, uint16_t v)
{
	if (v & CONTROL_RESET) {
		mii_phy_reset(p);
		return;
	}
	p->control = v & (uint16_t)~CONTROL_ANEG_RESTART;
	update(p);
}

static void phy_write(struct mii_phy *p, unsigned reg, uint16_t v)
{
	switch (reg) {
	case PHY_CONTROL: write_control(p, v); break;
	case PHY_ADVERTISE: p->advertise = v; update(p); break;
	case PHY_CONFIG1: p->config1 = v; break;
	case PHY_CONFIG2: p->config2 = v; break;
	case PHY_MASK: p->mask = v; break;
	}
}

/* ---- the serial port: 32 ones, 01, operation, address, register (14 bits), turn-around (2), data (16) ---- */

#define HEADER_BITS 14u
#define FRAME_BITS 32u
#define DATA_BITS 16u

static bool reading(const struct mii_phy *p)
{
	return p->addressed && bits(p->shift, 11, 10) == 2;
}

static void header_done(struct mii_phy *p)
{
	p->addressed = bits(p->shift, 13, 12) == 1 && bits(p->shift, 9, 5) == 0;
	if (reading(p))
		p->out = phy_read(p, bits(p->shift, 4, 0));
}

static void frame_done(struct mii_phy *p, uint32_t header)
{
	if (p->addressed && bits(header, 11, 10) == 1)
		phy_write(p, bits(header, 4, 0), p->out);
	p->pos = p->ones = 0;
	p->addressed = false;
}

void mii_phy_clock(struct mii_phy *p, bool mdio)
{
	if (p->pos == 0) {
		bool start = !mdio && p->ones >= 32;
		p->ones = mdio ? MIN(p->ones + 1, 32u) : 0;
		p->pos = start;
		p->shift = 0;
		return;
	}
	if (p->pos < HEADER_BITS) {
		p->shift = p->shift << 1 | mdio;
		if (++p->pos == HEADER_BITS)
			header_done(p);
		return;
	}
	if (!reading(p) && p->pos >= FRAME_BITS - DATA_BITS)
		p->out = (uint16_t)(p->out << 1 | mdio);
	if (++p->pos == FRAME_BITS)
		frame_done(p, p->shift);
}

/* After the first edge behind the header the line is low, then follow the data, highest bit first. */
bool mii_phy_mdio(const struct mii_phy *p)
{
	if (p->pos < FRAME_BITS - DATA_BITS || !reading(p))
		return false;
	return p->out >> (FRAME_BITS - 1 - p->pos) & 1;
}
