/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Parallel NOR flash with Intel's command set (StrataFlash data sheets; CFI: JEDEC JESD68, JEP137): one 32-bit device of
 * sectors of 256 KiB, as QEMU shows the Versatile's flash. Programming and erasing take no time.
 *
 * While the array is what reads see, the range is ROM and as fast; a command makes registers of it, and some time after
 * the last "read array" it becomes ROM again (not at once: drivers change modes with every word, and each change of the
 * map drops translated code). Programming clears bits and never sets them, as flash does; QEMU stores the value.
 * The content is the medium's, written back as it changes: the file first, so that what cannot be kept is an error that
 * the guest sees. Without a medium it is forgotten with the machine.
 */
#include <stdlib.h>
#include <string.h>

#include "hw/hw.h"

#define SECTOR_SIZE (256u << 10)
#define BUFFER_SIZE 2048u /* of "write to buffer" */
#define BUFFER_WORDS (BUFFER_SIZE / 4)
#define TO_ROM_NS 200000u

/* What reads see. */
enum view { VIEW_ARRAY, VIEW_STATUS, VIEW_ID, VIEW_QUERY };

/* What the next write is. */
enum cycle { C_COMMAND, C_PROGRAM, C_ERASE_CONFIRM, C_LOCK, C_BUFFER_COUNT, C_BUFFER_DATA, C_BUFFER_CONFIRM };

enum {
	CMD_PROGRAM_ALT = 0x10,
	CMD_ERASE = 0x20,
	CMD_PROGRAM = 0x40,
	CMD_CLEAR_STATUS = 0x50,
	CMD_LOCK = 0x60,
	CMD_STATUS = 0x70,
	CMD_ID = 0x90,
	CMD_QUERY = 0x98,
	CMD_SUSPEND = 0xb0,
	CMD_CONFIRM = 0xd0,
	CMD_BUFFER = 0xe8,
	CMD_ARRAY_ALT = 0xf0, /* AMD's reset, which probes try */
	CMD_ARRAY = 0xff,
};

enum { SR_READY = 0x80, SR_ERASE = 0x20, SR_PROGRAM = 0x10, SR_LOCKED = 0x02 };

/* The query table from word 0x10 on; what is left out is 0. */
static const uint8_t query[64] = {
	[0x10] = 'Q', 'R', 'Y',
	[0x13] = 0x01, 0x00,             /* Intel's extended command set */
	[0x15] = 0x31, 0x00,             /* its table */
	[0x1b] = 0x45, 0x55, 0x00, 0x00, /* voltages */
	[0x1f] = 0x07, 0x07, 0x0a, 0x00, /* times, typical and ... */
	[0x23] = 0x04, 0x04, 0x04, 0x00, /* ... longest */
	[0x27] = 26,                     /* 2^26 bytes */
	[0x28] = 0x02, 0x00,
	[0x2a] = 11, 0x00,               /* buffer of 2^11 bytes */
	[0x2c] = 1,                      /* one region: 256 sectors of 1024 x 256 bytes */
	[0x2d] = 0xff, 0x00, 0x00, 0x04,
	[0x31] = 'P', 'R', 'I', '1', '0',
	[0x3f] = 1,
};

struct pflash {
	struct hw_context *hw;
	struct block *medium;
	uint32_t base, size;
	uint8_t *bytes; /* the array; the address space owns it */
	bool mapped_rom, want_rom;
	struct vtimer to_rom;
	enum view view;
	enum cycle cycle;
	uint8_t sr;
	uint32_t buffer_block;      /* offset of the buffer's place in the array */
	uint32_t buffer_left;       /* words to come */
	uint8_t buffer[BUFFER_SIZE];
};

static const struct mem_ops pflash_ops;

/* ---- the map ---- */

/* Refused only when the host has no memory: then reads go on seeing what they saw. */
static void update_map(struct pflash *f)
{
	if (f->want_rom == f->mapped_rom)
		return;
	enum rhea_status st = f->want_rom ? as_map_rom_device(f->hw->as, GPA(f->base), f->size, f->bytes, &pflash_ops, f, "flash", NULL)
					  : as_map_mmio(f->hw->as, GPA(f->base), f->size, &pflash_ops, f, "flash", NULL);
	if (st == RHEA_OK)
		f->mapped_rom = f->want_rom;
}

static void map_rom(void *dev)
{
	struct pflash *f = dev;
	vtimer_cancel(&f->to_rom);
	f->want_rom = true;
	update_map(f);
}

static void map_registers(struct pflash *f)
{
	vtimer_cancel(&f->to_rom);
	f->want_rom = false;
	update_map(f);
}

static void set_view(struct pflash *f, enum view view)
{
	f->view = view;
	if (view != VIEW_ARRAY)
		map_registers(f);
	else if (!f->mapped_rom)
		vtimer_arm(&f->to_rom, vclock_now(f->hw->clock) + TO_ROM_NS);
}

/* ---- changing the array ---- */

static bool store(struct pflash *f, uint32_t off, const uint8_t *bytes, uint32_t n)
{
	if (block_present(f->medium) && !f->medium->write(f->medium, off, bytes, n))
		return false;
	as_will_write(f->hw->as, f->bytes + off, n);
	memcpy(f->bytes + off, bytes, n);
	return true;
}

static bool locked(const struct pflash *f)
{
	return block_present(f->medium) && f->medium->read_only;
}

static void program(struct pflash *f, uint32_t off, const uint8_t *bytes, uint32_t n)
{
	uint8_t result[BUFFER_SIZE];
	for (uint32_t i = 0; i < n; i++)
		result[i] = f->bytes[off + i] & bytes[i];
	if (locked(f))
		f->sr |= SR_PROGRAM | SR_LOCKED;
	else if (!store(f, off, result, n))
		f->sr |= SR_PROGRAM;
}

static void erase_sector(struct pflash *f, uint32_t off)
{
	uint8_t ones[4096];
	memset(ones, 0xff, sizeof ones);
	off -= off % SECTOR_SIZE;
	if (locked(f)) {
		f->sr |= SR_ERASE | SR_LOCKED;
		return;
	}
	for (uint32_t done = 0; done < SECTOR_SIZE; done += (uint32_t)sizeof ones) {
		if (!store(f, off + done, ones, sizeof ones)) {
			f->sr |= SR_ERASE;
			return;
		}
	}
}

/* ---- commands ---- */

static void expect(struct pflash *f, enum cycle next)
{
	f->cycle = next;
	set_view(f, VIEW_STATUS);
}

static void sequence_error(struct pflash *f, const char *what, uint32_t value)
{
	hw_guest_error(f->hw, "pflash: %s 0x%x", what, value);
	f->sr |= SR_PROGRAM | SR_ERASE;
	expect(f, C_COMMAND);
}

static void command(struct pflash *f, uint32_t value)
{
	/* Only "read array" leaves the query, as in QEMU: Linux asks for the identification from there, and prints it. */
	if (f->view == VIEW_QUERY && (value & 0xff) != CMD_ARRAY)
		return;
	switch (value & 0xff) {
	case CMD_PROGRAM:
	case CMD_PROGRAM_ALT: expect(f, C_PROGRAM); return;
	case CMD_ERASE: expect(f, C_ERASE_CONFIRM); return;
	case CMD_LOCK: expect(f, C_LOCK); return;
	case CMD_BUFFER: expect(f, C_BUFFER_COUNT); return;
	case CMD_STATUS:
	case CMD_SUSPEND: expect(f, C_COMMAND); return;
	case CMD_ID: set_view(f, VIEW_ID); return;
	case CMD_QUERY: set_view(f, VIEW_QUERY); return;
	case CMD_CONFIRM: return; /* resume: nothing is ever suspended */
	case CMD_CLEAR_STATUS: f->sr = SR_READY; break;
	case CMD_ARRAY:
	case CMD_ARRAY_ALT: break;
	default: hw_guest_error(f->hw, "pflash: unknown command 0x%x", value & 0xff);
	}
	set_view(f, VIEW_ARRAY);
}

static void program_cycle(struct pflash *f, uint32_t off, unsigned size, uint32_t value)
{
	uint8_t bytes[4];
	for (unsigned i = 0; i < size; i++)
		bytes[i] = (uint8_t)(value >> (8 * i));
	program(f, off, bytes, size);
	expect(f, C_COMMAND);
}

static void erase_cycle(struct pflash *f, uint32_t off, uint32_t value)
{
	if ((value & 0xff) != CMD_CONFIRM) {
		sequence_error(f, "erase confirmed with", value);
		return;
	}
	erase_sector(f, off);
	expect(f, C_COMMAND);
}

/* Sectors have no locks of their own: setting (1, 0x2f) and clearing them (0xd0) succeeds. */
static void lock_cycle(struct pflash *f, uint32_t value)
{
	uint8_t v = (uint8_t)value;
	if (v == 0x01 || v == 0x2f || v == CMD_CONFIRM)
		expect(f, C_COMMAND);
	else
		sequence_error(f, "unknown lock command", value);
}

static void count_cycle(struct pflash *f, uint32_t value)
{
	if (value >= BUFFER_WORDS) {
		sequence_error(f, "buffer count too large:", value);
		return;
	}
	f->buffer_left = value + 1;
	f->buffer_block = UINT32_MAX; /* the first word says where */
	memset(f->buffer, 0xff, sizeof f->buffer);
	expect(f, C_BUFFER_DATA);
}

static void buffer_cycle(struct pflash *f, uint32_t off, unsigned size, uint32_t value)
{
	uint32_t block = off - off % BUFFER_SIZE;
	if (f->buffer_block == UINT32_MAX)
		f->buffer_block = block;
	if (block != f->buffer_block) {
		sequence_error(f, "buffered write leaves its block at offset", off);
		return;
	}
	for (unsigned i = 0; i < size; i++)
		f->buffer[off % BUFFER_SIZE + i] = (uint8_t)(value >> (8 * i));
	if (--f->buffer_left == 0)
		f->cycle = C_BUFFER_CONFIRM;
}

/* Bytes of the buffer that were not given are ones, which change nothing. */
static void buffer_confirm_cycle(struct pflash *f, uint32_t value)
{
	if ((value & 0xff) != CMD_CONFIRM) {
		sequence_error(f, "buffered write confirmed with", value);
		return;
	}
	program(f, f->buffer_block, f->buffer, BUFFER_SIZE);
	expect(f, C_COMMAND);
}

static enum mem_result pflash_write(void *dev, uint32_t off, unsigned size, uint32_t value)
{
	struct pflash *f = dev;
	switch (f->cycle) {
	case C_COMMAND: command(f, value); break;
	case C_PROGRAM: program_cycle(f, off, size, value); break;
	case C_ERASE_CONFIRM: erase_cycle(f, off, value); break;
	case C_LOCK: lock_cycle(f, value); break;
	case C_BUFFER_COUNT: count_cycle(f, value); break;
	case C_BUFFER_DATA: buffer_cycle(f, off, size, value); break;
	case C_BUFFER_CONFIRM: buffer_confirm_cycle(f, value); break;
	}
	return MEM_OK;
}

/* ---- reads ---- */

static uint32_t read_array(const struct pflash *f, uint32_t off, unsigned size)
{
	uint32_t v = 0;
	memcpy(&v, f->bytes + off, size);
	return v;
}

/* Manufacturer 0x89, device 0x18 in the first word of each 256 bytes; no locks. */
static uint32_t read_id(uint32_t off)
{
	return (off & 0xff) < 4 ? 0x8918 : 0;
}

static enum mem_result pflash_read(void *dev, uint32_t off, unsigned size, uint32_t *value)
{
	const struct pflash *f = dev;
	uint32_t v = 0;
	switch (f->view) {
	case VIEW_ARRAY: v = read_array(f, off, size); break;
	case VIEW_STATUS: v = f->sr * 0x10001u; break;
	case VIEW_ID: v = read_id(off); break;
	case VIEW_QUERY: v = query[(off & 0xff) >> 2]; break;
	}
	*value = hw_trim(v, size);
	return MEM_OK;
}

static const struct mem_ops pflash_ops = {pflash_read, pflash_write, 1, 4};

/* ---- coming and going ---- */

static void pflash_reset(void *dev)
{
	struct pflash *f = dev;
	f->view = VIEW_ARRAY;
	f->cycle = C_COMMAND;
	f->sr = SR_READY;
	map_rom(f);
}

static bool pflash_inserted(void *dev, struct rhea_error *err)
{
	struct pflash *f = dev;
	if (f->medium->size != f->size) {
		error_set(err, RHEA_ERR_IMAGE, "the board's flash has %u bytes, this image has %llu%s", f->size,
			  (unsigned long long)f->medium->size,
			  f->medium->size < f->size ? ": grow it (truncate -s 64M)" : "");
		return false;
	}
	if (!f->medium->read(f->medium, 0, f->bytes, f->size)) {
		error_set(err, RHEA_ERR_FILE, "the flash image cannot be read");
		return false;
	}
	pflash_reset(f);
	return true;
}

static void pflash_destroy(void *dev)
{
	struct pflash *f = dev;
	vtimer_cancel(&f->to_rom);
	if (f->medium && f->medium->dev == f) {
		f->medium->inserted = NULL;
		f->medium->dev = NULL;
	}
	free(f);
}

/* ---- state ---- */

/* Where buffered writes go, and that there are some to come while they are awaited. */
static bool pflash_valid(const void *dev)
{
	const struct pflash *f = dev;
	bool placed = f->buffer_block < f->size && f->buffer_block % BUFFER_SIZE == 0;
	if (f->cycle == C_BUFFER_CONFIRM && !placed)
		return false;
	return (placed || f->buffer_block == UINT32_MAX || !f->buffer_block) && (f->cycle != C_BUFFER_DATA || f->buffer_left);
}

/* The map is part of the state. */
static void pflash_loaded(void *dev)
{
	update_map(dev);
}

static const struct state_field pflash_fields[] = {
	STATE_NOT(struct pflash, hw, STATE_WIRING),
	STATE_NOT(struct pflash, medium, STATE_WIRING),
	STATE_NOT(struct pflash, base, STATE_FIXED),
	STATE_NOT(struct pflash, size, STATE_FIXED),
	STATE_NOT(struct pflash, bytes, "memory, saved as such"),
	STATE_NOT(struct pflash, mapped_rom, "what the map is now; want_rom is how it should be"),
	STATE_BOOL(struct pflash, want_rom),
	STATE_TIMER(struct pflash, to_rom),
	STATE_MAX(struct pflash, view, VIEW_QUERY),
	STATE_MAX(struct pflash, cycle, C_BUFFER_CONFIRM),
	STATE(struct pflash, sr),
	STATE(struct pflash, buffer_block),
	STATE_MAX(struct pflash, buffer_left, BUFFER_WORDS),
	STATE_ARRAY(struct pflash, buffer, 0),
};
static const struct state_desc pflash_state = {.name = "pflash", .size = sizeof(struct pflash), .version = 1, STATE_FIELDS(pflash_fields), .valid = pflash_valid, .loaded = pflash_loaded};

bool pflash_add(struct hw_context *hw, uint32_t base, uint32_t size, struct block *medium, struct rhea_error *err)
{
	struct pflash *f = hw_new_device(hw, "pflash", sizeof(*f), pflash_reset, pflash_destroy);
	hw_describe(hw, f, &pflash_state);
	f->hw = hw;
	f->medium = medium;
	f->base = base;
	f->size = size;
	vtimer_init(&f->to_rom, hw->clock, map_rom, f);
	f->bytes = as_map_rom(hw->as, GPA(base), size, "flash", err);
	if (!f->bytes)
		return false;
	if (medium) {
		medium->inserted = pflash_inserted;
		medium->dev = f;
	}
	pflash_reset(f);
	return f->mapped_rom;
}
