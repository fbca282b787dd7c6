/* SPDX-License-Identifier: Apache-2.0 */
/* Memory and values as the monitor shows them: x, xp and print. */
#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "debug/disas.h"
#include "debug/monitor_parts.h"

/* One command shows at most this many items. */
#define DUMP_MAX (1u << 20)

const char *monitor_parse_format(const char **p, struct monitor_format *f, char msg[64])
{
	*f = (struct monitor_format){ .count = 1, .kind = 'x', .size = 0 };
	if (**p != '/')
		return NULL;
	const char *s = *p + 1;
	if (isdigit((unsigned char)*s))
		for (f->count = 0; isdigit((unsigned char)*s); s++)
			f->count = MIN(f->count * 10 + (uint32_t)(*s - '0'), DUMP_MAX);
	for (; *s && !isspace((unsigned char)*s); s++) {
		const char *size = strchr("bhwg", *s);
		if (size) {
			f->size = 1u << (size - "bhwg");
		} else if (strchr("xduoci", *s)) {
			f->kind = *s;
		} else {
			snprintf(msg, 64, "invalid char in format: '%c'", *s);
			return msg;
		}
	}
	*p = s;
	return NULL;
}

/* ---- reading ---- */

struct source {
	const struct monitor *m;
	bool physical;
};

static bool read_bytes(const struct source *s, uint64_t addr, uint8_t *buf, uint32_t n)
{
	const struct monitor_target *t = s->m->t;
	if (s->physical)
		return as_read(t->as, GPA(addr), buf, n) == MEM_OK;
	return softmmu_debug(t->mmu, GVA((uint32_t)addr), arm_privileged(t->cpu), buf, n, false) == n;
}

static uint64_t address_of(const struct source *s, uint64_t addr)
{
	return s->physical ? addr : (uint32_t)addr;
}

/* ---- showing ---- */

static void show_char(const struct monitor *m, uint8_t c)
{
	static const char plain[] = "nrt\\'", special[] = "\n\r\t\\'";
	const char *at = c ? strchr(special, c) : NULL;
	if (at)
		monitor_printf(m, "'\\%c'", plain[at - special]);
	else if (c >= 0x20 && c < 0x7f)
		monitor_printf(m, "'%c'", c);
	else
		monitor_printf(m, "'\\x%02x'", c);
}

/* Columns are as wide as the widest value of the size. */
static void show_item(const struct monitor *m, char kind, unsigned size, const uint8_t *bytes)
{
	static const uint8_t octal[] = { 3, 6, 0, 11, 0, 0, 0, 22 }, decimal[] = { 3, 5, 0, 10, 0, 0, 0, 20 };
	uint64_t v = 0;
	memcpy(&v, bytes, size);
	unsigned unused = 64 - 8 * size;
	int width = kind == 'o' ? octal[size - 1] : decimal[size - 1];
	monitor_printf(m, " ");
	switch (kind) {
	case 'x':
		monitor_printf(m, "0x%0*" PRIx64, (int)(2 * size), v);
		break;
	case 'o':
		monitor_printf(m, "%#*" PRIo64, width, v);
		break;
	case 'u':
		monitor_printf(m, "%*" PRIu64, width, v);
		break;
	case 'd':
		monitor_printf(m, "%*" PRId64, width, (int64_t)(v << unused) >> unused);
		break;
	case 'c':
		show_char(m, bytes[0]);
		break;
	}
}

static void dump_data(const struct source *s, const struct monitor_format *f, uint64_t addr)
{
	unsigned size = f->kind == 'c' ? 1 : f->size, per_line = size == 1 ? 8 : 16;
	uint64_t left = (uint64_t)f->count * f->size;
	while (left) {
		uint8_t buf[16];
		uint32_t n = (uint32_t)MIN(left, per_line);
		monitor_printf(s->m, "%0*" PRIx64 ":", s->physical ? 16 : 8, address_of(s, addr));
		if (!read_bytes(s, addr, buf, n)) {
			monitor_printf(s->m, " Cannot access memory\n");
			return;
		}
		for (uint32_t at = 0; at < n; at += size)
			show_item(s->m, f->kind, size, buf + at);
		monitor_printf(s->m, "\n");
		addr += n;
		left -= n;
	}
}

static void dump_code(const struct source *s, uint32_t count, uint64_t addr)
{
	bool thumb = s->m->t->cpu->pc & 1;
	struct disas *d = disas_new();
	while (d && count--) {
		uint8_t code[4];
		char line[DISAS_LINE];
		uint32_t n = read_bytes(s, addr, code, 4) ? 4 : thumb && read_bytes(s, addr, code, 2) ? 2 : 0;
		if (!n) {
			monitor_printf(s->m, "0x%08" PRIx64 ": unable to read memory\n", address_of(s, addr));
			break;
		}
		addr += disas_arm(d, thumb, (uint32_t)addr, code, n, line);
		monitor_printf(s->m, "%s\n", line);
	}
	disas_free(d);
}

void monitor_dump(const struct monitor *m, const struct monitor_format *f, uint64_t addr, bool physical)
{
	struct source s = { m, physical };
	struct monitor_format sized = *f;
	if (!sized.size)
		sized.size = f->kind == 'c' ? 1 : 4;
	if (f->kind == 'i')
		dump_code(&s, f->count, addr);
	else
		dump_data(&s, &sized, addr);
}

void monitor_print_value(const struct monitor *m, char kind, int64_t value)
{
	switch (kind) {
	case 'x':
		monitor_printf(m, "%#" PRIx64, (uint64_t)value);
		break;
	case 'o':
		monitor_printf(m, "%#" PRIo64, (uint64_t)value);
		break;
	case 'u':
		monitor_printf(m, "%" PRIu64, (uint64_t)value);
		break;
	case 'c':
		show_char(m, (uint8_t)value);
		break;
	case 'd': case 'i':
		monitor_printf(m, "%" PRId64, value);
		break;
	}
	monitor_printf(m, "\n");
}
