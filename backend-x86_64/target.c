/* SPDX-License-Identifier: Apache-2.0 */
/* What does not change between units: features of the host, and which globals live in registers. */
#include <cpuid.h>
#include <string.h>

#include "backend-x86_64/gen.h"

/* ANDN comes with BMI1, the flagless shifts with BMI2: used together or not at all. */
static void detect_host(struct x64_target *t)
{
	unsigned a, b, c, d;
	if (__get_cpuid_count(7, 0, &a, &b, &c, &d))
		t->has_bmi2 = (b & bit_BMI) && (b & bit_BMI2);
	if (__get_cpuid(0x80000001, &a, &b, &c, &d))
		t->has_lzcnt = c & bit_LZCNT;
}

/* xorshift32; the seed is not 0. */
static uint32_t next_random(uint32_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 17;
	*state ^= *state << 5;
	return *state;
}

static void shuffle(uint8_t *item, unsigned n, uint32_t *state)
{
	for (unsigned k = n; k > 1; k--) {
		unsigned other = next_random(state) % k;
		uint8_t x = item[k - 1];
		item[k - 1] = item[other];
		item[other] = x;
	}
}

/* Globals that may have a home, hottest first (insertion sort: it is done once). */
static unsigned candidates(const struct ir_guest *guest, uint8_t *out)
{
	unsigned n = 0;
	for (unsigned k = 0; k < guest->n_globals; k++) {
		const struct ir_global *x = &guest->globals[k];
		if (x->type != IR_I32 || x->mem_bytes != 4 || !x->heat || k == guest->pc_global)
			continue;
		unsigned at = n++;
		for (; at > 0 && guest->globals[out[at - 1]].heat < x->heat; at--)
			out[at] = out[at - 1];
		out[at] = (uint8_t)k;
	}
	return n;
}

/* Values live in rax, rcx and rdx always, and in what there is no use for as a home. */
static void plan_scratch(struct x64_target *t)
{
	static const uint8_t plain[13] = {RAX, RDX, RCX, RSI, RDI, R8, R9, R10, R11, RBX, R14, R15, R12};
	t->scratch = 0xffff & ~((1u << RSP) | (1u << RBP) | (1u << X64_BUDGET_REG));
	for (unsigned n = 0; n < t->guest->n_globals; n++)
		if (t->home[n] >= 0)
			t->scratch &= (uint16_t)~(1u << t->home[n]);
	unsigned turn = t->shuffle_seed % 13; /* tests: other registers come first */
	for (unsigned k = 0; k < 13; k++) {
		uint8_t r = plain[(k + turn) % 13];
		if (t->scratch >> r & 1)
			t->order[t->n_order++] = r;
	}
}

void x64_target_init(struct x64_target *t, const struct ir_guest *guest, const struct x64_layout *layout,
		     uint32_t shuffle_seed, unsigned n_homes)
{
	/* The hottest go where an instruction needs no REX prefix; r12 as a base costs a byte. */
	uint8_t reg[X64_MAX_HOMES] = {RBX, RSI, RDI, R8, R9, R10, R11, R14, R15, R12};
	uint8_t global[IR_MAX_GLOBALS];
	assert(guest->n_globals <= IR_MAX_GLOBALS && n_homes <= X64_MAX_HOMES);
	assert(layout->jump_cache_bits > 3 && sizeof(struct x64_jump_entry) == 16);
	*t = (struct x64_target){.guest = guest, .layout = *layout, .shuffle_seed = shuffle_seed};
	detect_host(t);
	unsigned n = candidates(guest, global);
	if (shuffle_seed) {
		uint32_t state = shuffle_seed;
		shuffle(reg, X64_MAX_HOMES, &state);
		shuffle(global, n, &state);
	}
	memset(t->home, -1, sizeof t->home);
	t->n_homes = (uint8_t)(n_homes < n ? n_homes : n);
	for (unsigned k = 0; k < t->n_homes; k++)
		t->home[global[k]] = (int8_t)reg[k];
	plan_scratch(t);
}
