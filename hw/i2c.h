/* SPDX-License-Identifier: Apache-2.0 */
/* A device on an I2C bus, as the master's protocol engine calls it: byte by byte, never for other addresses. */
#ifndef RHEA_I2C_H
#define RHEA_I2C_H

#include "hw/hw.h"

struct i2c_slave {
	uint8_t address; /* seven bits */
	void *dev;
	void (*start)(void *dev, bool read);
	bool (*write)(void *dev, uint8_t byte); /* false: not acknowledged */
	uint8_t (*read)(void *dev);
};

/* The Versatile's bit-banged bus with one device on it, which is copied. */
bool sbcon_i2c_add(struct hw_context *hw, uint32_t base, const struct i2c_slave *slave, struct rhea_error *err);

/* A DS1338 clock at address 0x68. */
struct i2c_slave ds1338_add(struct hw_context *hw);

#endif
