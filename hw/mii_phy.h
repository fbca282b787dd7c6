/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The 10/100 PHY inside the LAN91C111 (a LAN83C183) behind its two management wires: MII management frames
 * bit by bit (IEEE 802.3 clause 22), address 0. The other end of the cable always offers everything and negotiation takes
 * no time. Private to hw/.
 */
#ifndef RHEA_MII_PHY_H
#define RHEA_MII_PHY_H

#include "base/base.h"

struct mii_phy {
	uint16_t control, advertise, config1, config2, mask;
	uint16_t status;  /* of register 18, without INT: what holds now */
	uint16_t changed; /* bits of it that changed since it was read */
	bool cable;       /* plugged in */
	bool link_fell;   /* since the status register was read */
	/* the serial port: bits of the frame so far (0 = waiting for one), ones before it */
	unsigned pos, ones;
	uint32_t shift;
	uint16_t out;
	bool addressed;
};

void mii_phy_reset(struct mii_phy *p); /* the cable stays as it is */
void mii_phy_set_cable(struct mii_phy *p, bool plugged);
bool mii_phy_link(const struct mii_phy *p);
bool mii_phy_loopback(const struct mii_phy *p);
bool mii_phy_interrupt(const struct mii_phy *p);

/* A rising edge of MDC with MDIO as the controller drives it (true when it does not: pulled up). */
void mii_phy_clock(struct mii_phy *p, bool mdio);
/* MDIO as the PHY drives it; false when it does not. */
bool mii_phy_mdio(const struct mii_phy *p);

#endif
