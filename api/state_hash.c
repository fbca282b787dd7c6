/* SPDX-License-Identifier: Apache-2.0 */
/* The state of a machine as a number: two runs that should be the same are compared by it. */
#include <stdlib.h>
#include <string.h>

#include "api/input_log.h"
#include "api/snapshot.h"

static uint64_t mix(uint64_t h, const uint8_t *p, size_t n)
{
	for (; n >= 8; p += 8, n -= 8) {
		uint64_t word;
		memcpy(&word, p, 8);
		h = (h ^ word) * UINT64_C(0x9e3779b97f4a7c15);
		h ^= h >> 29;
	}
	for (; n; p++, n--)
		h = (h ^ *p) * UINT64_C(0x100000001b3);
	return h;
}

/* Pages of zeros count for nothing: they may or may not be there. */
static uint64_t hash_memory(const struct rhea *m)
{
	static const uint8_t zeros[PAGE_SIZE];
	struct as_block block[64];
	unsigned n = MIN(as_blocks(m->as, block, ARRAY_LEN(block)), ARRAY_LEN(block));
	uint64_t sum = 0;
	for (unsigned i = 0; i < n; i++)
		for (uint64_t from = 0, stop; as_block_data(&block[i], &from, &stop); from = stop)
			for (uint64_t at = from; at < stop; at += PAGE_SIZE)
				if (memcmp(block[i].host + at, zeros, PAGE_SIZE) != 0)
					sum += mix((uint64_t)i << 56 | at, block[i].host + at, PAGE_SIZE);
	return sum;
}

/* Without semihosting's table of files, which a replay does not have. */
uint64_t machine_state_hash(struct rhea *m, bool memory)
{
	const struct machine_parts *p = machine_parts(m);
	uint64_t h = memory ? hash_memory(m) : 0;
	uint8_t *packed = p ? malloc(p->packed) : NULL;
	if (!packed)
		return 0;
	vcpu_state_before(m->vcpu);
	for (unsigned i = 0; i < p->n; i++)
		if (strcmp(p->part[i].name, "semihosting") && strcmp(p->part[i].name, "machine")) {
			uint8_t *to = state_pack(p->part[i].desc, p->part[i].object, packed);
			h = mix(h, packed, (size_t)(to - packed));
		}
	free(packed);
	return h;
}
