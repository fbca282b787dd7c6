/* SPDX-License-Identifier: Apache-2.0 */
/* The monitor's command line: one command in, text out. Stateless; to be called between two guest blocks. */
#ifndef RHEA_MONITOR_H
#define RHEA_MONITOR_H

#include "base/log.h"
#include "base/state.h"
#include "frontend-arm/cpu.h"
#include "runtime/device.h"

enum monitor_request { MONITOR_QUIT, MONITOR_RESET, MONITOR_STOP, MONITOR_CONT };

struct monitor_target {
	void *opaque;
	struct arm_cpu *cpu;
	struct softmmu *mmu;
	struct address_space *as;
	struct log *log;
	bool paused; /* for `info status` */
	const char *version;
	void (*request)(void *opaque, enum monitor_request what);
	bool (*gdbserver)(void *opaque, const char *device, struct rhea_error *err);
	/* `info irq` and `info qtree`; NULL and 0: nothing to show. */
	const struct irq_controller *irq;
	unsigned n_irq;
	const struct state_part *devices; /* oldest first */
	unsigned n_devices;
	/* `info jit`, line by line. */
	void (*info_jit)(void *opaque, void (*line)(void *ctx, const char *line), void *ctx);
	/* `info history`, and `history`; false with *err. */
	void (*info_history)(void *opaque, void (*line)(void *ctx, const char *line), void *ctx);
	bool (*history)(void *opaque, enum rhea_history when, struct rhea_error *err);
	/* A user at the board; each false with *err. `path` NULL: the machine's own; `format` NULL, "png" or "ppm". */
	bool (*send_key)(void *opaque, const char *keys, unsigned hold_ms, struct rhea_error *err);
	bool (*move_mouse)(void *opaque, int dx, int dy, int dz, struct rhea_error *err);
	bool (*press_buttons)(void *opaque, unsigned buttons, struct rhea_error *err);
	/* A snapshot's file; `progress` (may print) is told percents when it takes long. */
	bool (*save)(void *opaque, const char *path, const struct rhea_progress *progress, struct rhea_error *err);
	bool (*load)(void *opaque, const char *path, const struct rhea_progress *progress, struct rhea_error *err);
	bool (*screendump)(void *opaque, const char *path, const char *format, struct rhea_error *err);
};

/* Executes `line` (no newline needed) and hands the answer, which ends in a newline unless it is empty, to
 * `print` in pieces. */
void monitor_command(const struct monitor_target *t, const char *line, void (*print)(void *opaque, const char *text),
		     void *opaque);

/* The i-th name that the last word of `line` may be the beginning of; NULL when there are no more. Names that do not fit
 * the word are among them. */
const char *monitor_complete(const char *line, unsigned i);

#endif
