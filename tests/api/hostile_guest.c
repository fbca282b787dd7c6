/* SPDX-License-Identifier: Apache-2.0 */
/* The hostile guest of hostile.h. Its program reads a table of (what, address, value) and does it. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/api/hostile.h"

#define PROGRAM 0x00200000u
#define TABLE 0x00210000u
#define MIB (UINT64_C(1) << 20)

/* ---- bytes ---- */

static uint32_t take(struct hostile *h, unsigned n)
{
	uint32_t v = 0;
	for (; n && h->left; n--, h->left--)
		v = v << 8 | *h->bytes++;
	return v;
}

/* Numbers that devices care about come more often than others. */
static uint32_t take_value(struct hostile *h)
{
	uint32_t how = take(h, 1);
	switch (how & 7) {
	case 0: return take(h, 4);
	case 1: return take(h, 1);
	case 2: return 1u << (how >> 3);
	case 3: return ~(1u << (how >> 3));
	case 4: return take(h, 2);
	case 5: return 0;
	case 6: return UINT32_MAX;
	}
	return take(h, 2) << 16 | take(h, 2);
}

static const uint32_t devices[] = {
	0x10000000, 0x10001000, 0x10002000, 0x10003000, 0x10004000, 0x10005000, 0x10006000, 0x10007000, 0x10009000,
	0x1000b000, 0x10010000, 0x10020000, 0x10100000, 0x10110000, 0x10120000, 0x10130000, 0x10140000, 0x101e0000,
	0x101e1000, 0x101e2000, 0x101e3000, 0x101e4000, 0x101e5000, 0x101e6000, 0x101e7000, 0x101e8000, 0x101f0000,
	0x101f1000, 0x101f2000, 0x101f3000, 0x101f4000, 0x34000000, 0x37fff000, 0x41000000, 0x42000000, 0x70000000,
	0x80000000, 0xfffff000,
};

static uint32_t take_device(struct hostile *h)
{
	uint32_t base = devices[take(h, 1) % ARRAY_LEN(devices)], off = take(h, 2);
	return base + (off & 0x8000 ? off & 0xfff : off & 0x7c);
}

/* An address for DMA and the display: memory, a device, anything. */
static uint32_t take_address(struct hostile *h)
{
	uint32_t how = take(h, 1);
	if (how & 1)
		return (how & 2 ? 0x70000000u : 0) + (take(h, 2) & 0xfffc);
	return how & 6 ? take_device(h) : take(h, 4);
}

/* ---- the guest's program ---- */

enum { STRB, STRH, STR, LDRB, LDRH, LDR, LDRSB, LDRSH, STM, LDM, STRD, LDRD, SWP, SWPB, CALL, N_ACCESSES };

static const uint32_t access_code[N_ACCESSES] = {
	[STRB] = 0xe5c23000, [STRH] = 0xe1c230b0, [STR] = 0xe5823000, [LDRB] = 0xe5d23000, [LDRH] = 0xe1d230b0,
	[LDR] = 0xe5923000, [LDRSB] = 0xe1d230d0, [LDRSH] = 0xe1d230f0, [STM] = 0xe8820078, [LDM] = 0xe8920078,
	[STRD] = 0xe1c240f0, [LDRD] = 0xe1c240d0, [SWP] = 0xe1024093, [SWPB] = 0xe1424093, [CALL] = 0xe1a0f002,
};

static uint32_t handler(unsigned what)
{
	return PROGRAM + 0x10 + 8 * what;
}

static uint32_t branch(uint32_t from, uint32_t to)
{
	return 0xea000000u | ((to - from - 8) >> 2 & 0xffffff);
}

/* Every exception goes on with the table. */
static void put_program(struct rhea *m)
{
	uint32_t code[4 + 2 * (N_ACCESSES + 1)] = {0xe8b0000e /* ldmia r0!, {r1-r3} */, 0xe1a0f001 /* mov pc, r1 */};
	uint32_t vectors[8];
	for (unsigned i = 0; i < N_ACCESSES; i++) {
		code[4 + 2 * i] = access_code[i];
		code[5 + 2 * i] = branch(handler(i) + 4, PROGRAM);
	}
	code[4 + 2 * N_ACCESSES] = 0xeafffffe;
	for (unsigned i = 0; i < ARRAY_LEN(vectors); i++)
		vectors[i] = branch(4 * i, PROGRAM);
	rhea_write_phys(m, 0, vectors, sizeof vectors);
	rhea_write_phys(m, PROGRAM, code, sizeof code);
}

/* Lets the guest do what is in the table, and time pass. */
static void go(struct hostile *h, uint64_t more)
{
	struct rhea_event ev;
	uint32_t *end = h->table[h->n];
	end[0] = handler(N_ACCESSES);
	end[1] = end[2] = 0;
	put_program(h->m);
	rhea_write_phys(h->m, TABLE, h->table, (h->n + 1) * sizeof h->table[0]);
	rhea_write_reg(h->m, 0, TABLE);
	rhea_write_reg(h->m, RHEA_REG_PC, PROGRAM);
	rhea_run(h->m, 8 * h->n + 16 + more, &ev);
	h->n = 0;
}

static void touch(struct hostile *h, unsigned what, uint32_t addr, uint32_t value)
{
	if (h->n == HOSTILE_TABLE)
		go(h, 0);
	uint32_t *row = h->table[h->n++];
	row[0] = handler(what % N_ACCESSES);
	row[1] = addr;
	row[2] = value;
}

/* ---- what it does ---- */

static void any_access(struct hostile *h)
{
	unsigned what = take(h, 1);
	uint32_t addr = take_device(h);
	touch(h, what & 0x80 ? what & 0xf : what & 1 ? STR : LDR, addr, take_value(h));
}

/* Many of the same, as FIFOs are used. */
static void repeated_access(struct hostile *h)
{
	unsigned n = take(h, 1), what = take(h, 1);
	uint32_t addr = take_device(h), value = take_value(h);
	for (unsigned i = 0; i < n; i++)
		touch(h, what & 1 ? STR : LDR, addr, value);
}

static uint32_t card_base(struct hostile *h)
{
	return take(h, 1) & 1 ? 0x1000b000 : 0x10005000;
}

static void card_command(struct hostile *h, uint32_t base, unsigned index, uint32_t arg)
{
	touch(h, STR, base + 0x08, arg);
	touch(h, STR, base + 0x0c, 0x440 | index);
}

static void card_identify(struct hostile *h)
{
	static const uint32_t rows[][2] = {{0, 0}, {8, 0x1aa}, {55, 0}, {41, 0x40ff8000}, {2, 0}, {3, 0}, {7, 0x45670000}};
	uint32_t base = card_base(h);
	for (unsigned i = 0; i < ARRAY_LEN(rows); i++)
		card_command(h, base, rows[i][0], rows[i][1]);
}

static void card_transfer(struct hostile *h)
{
	static const uint8_t indexes[] = {17, 18, 24, 25, 27, 6, 51, 13, 16, 32, 33, 38, 12, 55, 22, 42};
	uint32_t base = card_base(h), how = take(h, 1), n = take(h, 1), arg = take_value(h);
	unsigned index = indexes[how & 15];
	bool write = index == 24 || index == 25 || index == 27;
	if (how & 0x10)
		card_command(h, base, 55, 0x45670000);
	touch(h, STR, base + 0x24, take(h, 2));
	touch(h, STR, base + 0x28, how & 0x20 ? take(h, 2) : 512);
	card_command(h, base, index, how & 0x40 ? arg : arg % (64u << 20));
	touch(h, STR, base + 0x2c, (write ? 1 : 3) | (how & 0x80 ? take(h, 1) << 2 & 0xf4 : 0x90));
	for (unsigned i = 0; i < n; i++)
		touch(h, write ? STR : LDR, base + 0x80, i * 0x01010101u);
}

static void dma(struct hostile *h)
{
	uint32_t how = take(h, 1), ch = 0x10130100 + (how & 7) * 0x20, item = take(h, 2) & 0xffffc;
	for (unsigned i = 0; how & 8 && i < 4; i++) /* a list item: perhaps its own next */
		touch(h, STR, item + 4 * i, i == 2 ? item : i == 3 ? take_value(h) & ~(36u << 18) : take_address(h));
	touch(h, STR, ch, take_address(h));
	touch(h, STR, ch + 4, take_address(h));
	touch(h, STR, ch + 8, how & 8 ? item : how & 16 ? take_address(h) : 0);
	touch(h, STR, ch + 0xc, take_value(h) & (how & 32 ? UINT32_MAX : ~(36u << 18)));
	touch(h, STR, ch + 0x10, (take_value(h) & (how & 64 ? 0x3ffff : 0xc000)) | 1);
	touch(h, STR, 0x10130030, 1);
	touch(h, STR, 0x10130020 + (how >> 3 & 0xc), take(h, 2));
}

static void flash(struct hostile *h)
{
	uint32_t how = take(h, 1), at = 0x34000000 + (how & 1 ? take(h, 4) % (64u << 20) : take(h, 2));
	static const uint8_t commands[16] = {0x40, 0xe8, 0x20, 0x60, 0x90, 0x98, 0xff, 0xf0, 0x70, 0x50, 0xd0, 0xb0, 0x10, 0x40, 0xe8, 0x20};
	unsigned what = STRB + (how >> 1 & 3) % 3, command = commands[how >> 4], n = 1;
	touch(h, STR, at, command);
	if (command == 0xe8) {
		n = take(h, 2);
		touch(h, STR, at, n);
		n = MIN(n + 1, 520u);
	}
	for (unsigned i = 0; i < n; i++)
		touch(h, what, at + (how & 8 ? 4 * i : 0), command == 0x20 || command == 0x60 ? 0xd0 : take_value(h));
	touch(h, STR, at, 0xd0);
	touch(h, what + 3, at, 0);
}

static void put_bank(struct hostile *h, unsigned bank, unsigned off, unsigned what, uint32_t value)
{
	touch(h, STRH, 0x1001000e, bank);
	touch(h, what, 0x10010000 + off, value);
}

/* A frame to send: allocate, fill, enqueue. The receiver is on, in some way. */
static void card_sends(struct hostile *h)
{
	uint32_t how = take(h, 1), count = how & 1 ? take(h, 2) : 6 + 64;
	put_bank(h, 0, 4, STRH, 0x100 | (how & 2) | (how & 4 ? 0x200 : 0));
	put_bank(h, 0, 0, STRH, (how & 8 ? 0x2000 : 0) | 0x81);
	put_bank(h, 1, 12, STRH, how & 16 ? 0x0a10 : 0x1210);
	put_bank(h, 2, 0, STRH, 0x20);
	put_bank(h, 2, 2, STRB, how & 0x20 ? take(h, 1) : how >> 6);
	put_bank(h, 2, 6, STRH, 0x4000);
	touch(h, STR, 0x10010008, count << 16);
	for (unsigned i = 0; i < 16; i++)
		touch(h, STR, 0x10010008, i < 2 ? UINT32_MAX : take_value(h));
	put_bank(h, 2, 0, STRH, 0xc0);
	put_bank(h, 2, 0, STRH, take(h, 1) & 0xe0);
}

/* A transfer on the I2C bus: start, the clock's address, bytes, perhaps read. */
static void i2c(struct hostile *h)
{
	uint32_t how = take(h, 1), n = how >> 4;
	touch(h, STR, 0x10002000, 3);
	touch(h, STR, 0x10002004, 2);
	touch(h, STR, 0x10002004, 1);
	for (unsigned i = 0; i <= n; i++) {
		uint32_t byte = i ? take(h, 1) : 0xd0 | (how & 1);
		for (unsigned bit = 0; bit < 9; bit++) {
			bool one = bit < 8 ? byte >> (7 - bit) & 1 : !(how & 1);
			touch(h, STR, one ? 0x10002000 : 0x10002004, 2);
			touch(h, STR, 0x10002000, 1);
			touch(h, LDR, 0x10002000, 0);
			touch(h, STR, 0x10002004, 1);
		}
	}
}

/* A frame to the PHY's management port. */
static void mii(struct hostile *h)
{
	uint32_t how = take(h, 1), frame = (how & 1 ? 0x60020000 : 0x50020000) | (how >> 1 & 31) << 18 | take(h, 2);
	touch(h, STRH, 0x1001000e, 3);
	for (unsigned i = 0; i < 64; i++) {
		uint32_t v = 8 | (i < 32 ? 1 : frame >> (63 - i) & 1);
		touch(h, STRH, 0x10010008, v);
		touch(h, STRH, 0x10010008, v | 4);
	}
	touch(h, LDRH, 0x10010008, 0);
}

/* A command to keyboard or mouse. */
static void ps2(struct hostile *h)
{
	uint32_t how = take(h, 1), base = how & 1 ? 0x10007008 : 0x10006008;
	touch(h, STR, base, how & 2 ? 0xe6 + (how >> 2) % 26 : take(h, 1));
	touch(h, STR, base, how & 0x80 ? take(h, 1) : 0xf4);
	for (unsigned i = 0; i < (how >> 4 & 7); i++)
		touch(h, LDR, base, 0);
}

static void display(struct hostile *h)
{
	unsigned width, height;
	touch(h, STR, 0x10120000, take(h, 4));
	touch(h, STR, 0x10120004, take(h, 4));
	touch(h, STR, 0x10120010, take_address(h));
	touch(h, STR, 0x10120018, (take(h, 2) & 0xf7fe) | 0x801);
	touch(h, STR, 0x1012001c, take(h, 1));
	touch(h, STR, 0x10000050, take(h, 1));
	if (take(h, 1) & 7) /* pictures take their time */
		return;
	go(h, 0);
	free(h->m->hw.screen.draw(h->m->hw.screen.dev, &width, &height));
}

/* ---- what happens to it ---- */

static void frame_arrives(struct hostile *h)
{
	uint8_t frame[2200], drop[2200];
	unsigned how = take(h, 1), n = how & 1 ? take(h, 2) % sizeof frame : 64;
	memset(frame, how & 2 ? 0xff : 0x01, sizeof frame);
	for (unsigned i = 6; i < 32; i++)
		frame[i] = (uint8_t)take(h, 1);
	go(h, 0);
	for (unsigned i = 0; h->wire >= 0 && i < 1 + (how >> 4); i++)
		if (send(h->wire, frame, n, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
			break;
	while (h->wire >= 0 && recv(h->wire, drop, sizeof drop, MSG_DONTWAIT) > 0)
		;
}

static void media_change_mood(struct hostile *h)
{
	unsigned how = take(h, 1);
	go(h, 0);
	for (unsigned i = 0; i < MACHINE_SD_SLOTS; i++) {
		h->card[i].fail_read = how & 1;
		h->card[i].fail_write = how & 2;
	}
	h->flash.fail_write = how & 4;
}

static void user_acts(struct hostile *h)
{
	static const char *const keys[] = {"a", "ctrl-alt-f1", "pause", "print", "alt-print", "ctrl-pause", "0x39"};
	unsigned how = take(h, 1);
	uint8_t bytes[4] = {(uint8_t)how, 'x', 'y', 0};
	go(h, 0);
	rhea_send_key(h->m, keys[how % ARRAY_LEN(keys)], how, NULL);
	rhea_send_mouse(h->m, (int)take(h, 4), (int)take(h, 2), (int8_t)take(h, 1), take(h, 1), NULL);
	rhea_serial_input(h->m, 0, bytes, how & 3, NULL);
}

static void time_passes(struct hostile *h)
{
	uint32_t n = take(h, 2);
	go(h, n & 0xc000 ? n & 0x3ff : n);
}

static void interrupts_change(struct hostile *h)
{
	go(h, 0);
	rhea_write_reg(h->m, RHEA_REG_CPSR, 0x13 | (take(h, 1) & 0xc0));
}

static void reset(struct hostile *h)
{
	go(h, 0);
	if (take(h, 1) & 1)
		rhea_reset(h->m);
}

static void (*const deeds[])(struct hostile *h) = {
	any_access, any_access, any_access, any_access, any_access, any_access, any_access, repeated_access, card_identify,
	card_transfer, card_transfer, card_transfer, dma, dma, dma, flash, flash, card_sends, card_sends, display, i2c, mii, ps2,
	frame_arrives, frame_arrives, media_change_mood, user_acts, time_passes, time_passes, interrupts_change, reset,
};

/* ---- machines ---- */

static void swallow(void *opaque, const uint8_t *buf, size_t len)
{
	(void)opaque, (void)buf, (void)len;
}

static void plug_network(struct hostile *h, bool user)
{
	int ends[2];
	char spec[64] = "user,restrict=on";
	h->wire = -1;
	if (!user && socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, ends) == 0) {
		h->wire = ends[0];
		snprintf(spec, sizeof spec, "socket,fd=%d", ends[1]);
	}
	enum rhea_status st = rhea_net_open(h->m, 0, spec, NULL);
	assert(!st);
	(void)st;
}

void hostile_open(struct hostile *h, unsigned kind)
{
	struct rhea_error err = {0};
	struct rhea_config cfg = {.machine = "versatilepb", .ram_size = 16 * MIB, .icount = true, .icount_shift = 10,
				  .icount_no_sleep = true, .tb_size = 4 * MIB,
				  .accel = kind & 4 ? RHEA_ACCEL_INTERP : RHEA_ACCEL_JIT, .rtc_base_set = true};
	memset(h, 0, sizeof *h);
	h->m = rhea_new(&cfg, &err);
	assert(h->m);
	for (unsigned i = 0; i < MACHINE_SD_SLOTS; i++) {
		h->m->sd[i].read_only = kind >> 1 & 1;
		medium_insert(&h->m->sd[i], &h->card[i], kind & 1 ? 4096 * MIB : 64 * MIB, &err);
	}
	h->m->pflash.read_only = kind >> 1 & 1;
	medium_insert(&h->m->pflash, &h->flash, 64 * MIB, &err);
	rhea_serial_callback(h->m, 0, swallow, NULL, &err);
	plug_network(h, kind >> 3 & 1);
}

void hostile_run(struct hostile *h, const uint8_t *bytes, size_t n)
{
	h->bytes = bytes;
	h->left = n;
	while (h->left)
		deeds[take(h, 1) % ARRAY_LEN(deeds)](h);
	go(h, 1000);
}

void hostile_close(struct hostile *h)
{
	for (unsigned i = 0; i < MACHINE_SD_SLOTS; i++)
		medium_remove(&h->m->sd[i], &h->card[i]);
	medium_remove(&h->m->pflash, &h->flash);
	if (h->wire >= 0)
		close(h->wire);
	rhea_free(h->m);
}
