/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzzes the snapshot loader: bytes that may be a file, without the checksums, which a fuzzer would never get past. What is
 * accepted is loaded and run. Start it with files of `savevm` as corpus: with -M versatilepb -m 1 they are small. A failure is a crash, a
 * hang, or a refusal that changed the machine.
 */
#include <stdlib.h>
#include <string.h>

#include "api/snapshot.h"

static struct rhea *m;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	struct rhea_config cfg = {.machine = "versatilepb", .ram_size = 1 << 20, .icount = true, .icount_no_sleep = true, .no_window = true,
				  .accel = RHEA_ACCEL_INTERP, .rtc_base_set = true};
	struct rhea_error err;
	(void)argc, (void)argv;
	m = rhea_new(&cfg, &err);
	return m ? 0 : 1;
}

static uint8_t *packed_state(void)
{
	const struct machine_parts *p = machine_parts(m);
	uint8_t *out = malloc(p->packed), *at = out;
	machine_before_state(m);
	for (unsigned i = 0; i < p->n; i++)
		at = state_pack(p->part[i].desc, p->part[i].object, at);
	return out;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rhea_error err;
	struct rhea_event ev;
	uint8_t *bytes = malloc(size + 1), *before = packed_state(), *after;
	if (!bytes)
		return 0;
	memcpy(bytes, data, size);
	struct snapshot_file *f = machine_check_snapshot_bytes(m, "input", bytes, size, NULL, &err);
	after = packed_state();
	if (memcmp(before, after, m->snapshots.parts.packed) != 0)
		abort();
	if (f && machine_apply_snapshot(m, f, NULL, &err) == RHEA_OK)
		rhea_run(m, 3000, &ev);
	machine_drop_snapshot(f);
	free(before);
	free(after);
	return 0;
}
