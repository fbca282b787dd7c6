/* SPDX-License-Identifier: Apache-2.0 */
/* What snapshots in memory (snapshot.c) and in files (snapshot_*.c) share: the parts of a machine that are state. */
#ifndef RHEA_API_SNAPSHOT_H
#define RHEA_API_SNAPSHOT_H

#include "api/machine.h"
#include "base/state.h"
#include "softmmu/versions.h"

/* The machine's parts, found at the first call; NULL: the host is out of memory. */
const struct machine_parts *machine_parts(struct rhea *m);
/* Before parts are packed or unpacked. */
void machine_before_state(struct rhea *m);
/* After they were unpacked. `mmu_was_on`: of before. */
void machine_after_state(struct rhea *m, bool mmu_was_on);
struct rhea_snapshot *machine_take_snapshot(struct rhea *m, struct rhea_error *err);
/* Without `semihosting` its files stay as they are: a replay does not ask it. False: a drive could not be restored. */
bool machine_restore_snapshot(struct rhea *m, struct rhea_snapshot *s, bool semihosting);
bool machine_mmu_on(const struct rhea *m);

#endif
