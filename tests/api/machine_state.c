/* SPDX-License-Identifier: Apache-2.0 */
/* See machine_state.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "softmmu/address_space.h"
#include "tests/api/machine_state.h"

static void keep_output(void *opaque, const uint8_t *buf, size_t len)
{
	struct test_machine *t = opaque;
	for (size_t i = 0; i < len && t->n_out < OUTPUT_MAX; i++)
		t->out[t->n_out++] = (char)buf[i];
}

static void die(const char *what, const struct rhea_error *err)
{
	fprintf(stderr, "%s: %s\n", what, err->msg);
	abort();
}

bool test_machine_init(struct test_machine *t, const char *image, const struct rhea_config *cfg)
{
	const char *dir = getenv("RHEA_GUEST_DIR");
	struct rhea_config c = *cfg;
	struct rhea_error err;
	char path[4096];
	snprintf(path, sizeof path, "%s/%s.elf", dir ? dir : ".", image);
	if (access(path, R_OK))
		return false;
	c.machine = "versatilepb";
	c.ram_size = 16u << 20;
	c.icount = c.icount_no_sleep = true;
	c.icount_shift = c.icount_shift ? c.icount_shift : 3;
	c.rtc_base_set = true;
	c.rtc_base = 1000000000;
	t->n_out = 0;
	t->m = rhea_new(&c, &err);
	if (!t->m || rhea_load_kernel(t->m, path, &err) || rhea_serial_callback(t->m, 0, keep_output, t, &err))
		die(path, &err);
	return true;
}

void test_machine_free(struct test_machine *t)
{
	rhea_free(t->m);
}

bool test_machine_run(struct test_machine *t, uint64_t insns)
{
	struct rhea_event ev;
	uint64_t now = rhea_insn_count(t->m);
	if (insns <= now)
		return insns == now;
	rhea_run(t->m, insns - now, &ev);
	return ev.kind == RHEA_EVENT_BUDGET && rhea_insn_count(t->m) == insns;
}

/* 0 for a page of zeros, which may as well not be there. */
static uint64_t hash_page(const uint8_t *p, uint64_t where)
{
	uint64_t h = where, any = 0;
	for (unsigned i = 0; i < PAGE_SIZE; i += 8) {
		uint64_t word;
		memcpy(&word, p + i, 8);
		any |= word;
		h = (h ^ word) * UINT64_C(0x9e3779b97f4a7c15);
		h ^= h >> 29;
	}
	return any ? h : 0;
}

struct whole_state whole_state(struct rhea *m)
{
	struct whole_state s = {.insns = rhea_insn_count(m)};
	const struct machine_parts *p = machine_parts(m);
	uint8_t *out = s.packed = malloc(p->packed);
	machine_before_state(m);
	for (unsigned i = 0; i < p->n; i++)
		out = state_pack(p->part[i].desc, p->part[i].object, out);
	struct as_block block[8];
	unsigned n = as_blocks(m->as, block, ARRAY_LEN(block));
	for (unsigned i = 0; i < n; i++)
		for (uint64_t from = 0, end; as_block_data(&block[i], &from, &end); from = end)
			for (uint64_t at = from; at < end; at += PAGE_SIZE)
				s.memory += hash_page(block[i].host + at, (uint64_t)i << 56 | at);
	return s;
}

void whole_state_free(struct whole_state *s)
{
	free(s->packed);
}

const char *whole_state_difference(struct rhea *m, const struct whole_state *a, const struct whole_state *b)
{
	static char text[128];
	const struct machine_parts *p = machine_parts(m);
	const uint8_t *x = a->packed, *y = b->packed;
	for (unsigned i = 0; i < p->n; i++) {
		const char *field = state_difference(p->part[i].desc, x, y);
		snprintf(text, sizeof text, "%s %u: %s", p->part[i].name, p->part[i].instance, field ? field : "");
		if (field)
			return text;
		x += state_packed_size(p->part[i].desc);
		y += state_packed_size(p->part[i].desc);
	}
	return a->memory != b->memory ? "memory" : NULL;
}

uint64_t next_random(uint64_t *x)
{
	*x ^= *x << 13, *x ^= *x >> 7, *x ^= *x << 17;
	return *x;
}

uint64_t test_seed(void)
{
	const char *given = getenv("RHEA_SEED");
	uint64_t s = given ? (uint64_t)strtoull(given, NULL, 0) : (uint64_t)time(NULL) << 8 ^ (unsigned)getpid();
	printf("RHEA_SEED=%llu\n", (unsigned long long)s);
	return s ? s : 1;
}
