/* SPDX-License-Identifier: Apache-2.0 */
/* struct rhea: one machine, put together from the rooms. Private to api/. */
#ifndef RHEA_MACHINE_H
#define RHEA_MACHINE_H

#include <stdio.h>

#include "debug/coverage.h"
#include "debug/explorer.h"
#include "debug/gdb.h"
#include "debug/monitor.h"
#include "debug/qmp.h"
#include "debug/report_file.h"
#include "debug/samples.h"
#include "debug/symbols.h"
#include "debug/tb_stats.h"
#include "debug/trace.h"
#include "debug/watch.h"
#include "host/block.h"
#include "host/chardev.h"
#include "host/image.h"
#include "host/picture.h"
#include "host/net.h"
#include "host/semihosting.h"
#include "hw/board.h"
#include "runtime/vcpu.h"

/* Bytes to put into guest memory at every reset. */
struct image_blob {
	struct image_blob *next;
	gpa_t addr;
	size_t size;     /* bytes[] */
	size_t mem_size; /* >= size; the rest is zeroed */
	const char *name; /* for messages; behind the bytes */
	uint8_t bytes[];
};

/* Who watches the run for a file of his own; what nobody asked for is NULL. */
struct seeing {
	struct coverage *coverage;
	struct report_file profile, explorer;
	struct captures *captures;
	struct trace *trace;
	unsigned explorer_top;
	struct samples *samples;
	uint64_t sample_period;
	struct debuginfo *debuginfo; /* of images loaded since somebody wants it */
	bool written;                /* the files are what the run came to so far */
};

/* What of the machine itself is state. */
struct machine_state {
	int64_t rtc_offset;
	bool rtc_virtual;
};

/* All that is state but memory and drives. */
struct machine_parts {
	struct state_part *part; /* NULL: not looked for yet */
	unsigned n;
	uint32_t packed; /* bytes */
};

/* snapshot.c */
struct snapshots {
	struct machine_parts parts;
	struct versions *versions; /* NULL: there is no snapshot in memory */
	struct rhea_snapshot *list;
};

/* What a debugger wants of the past, as soon as no slice runs. */
enum reverse_request { REVERSE_NONE, REVERSE_STEP, REVERSE_CONTINUE };

enum start_kind { START_RESET, START_PC, START_BOOT_STUB };

struct input_log;
struct rewind;
struct snapshot_file;

struct rhea {
	struct rhea_config cfg;
	const struct board *board;
	uint64_t ram_size;
	struct log log;
	struct address_space *as;
	struct vcpu *vcpu;
	struct hw_context hw;
	struct chardev serial[MACHINE_SERIAL_PORTS];
	struct netdev net[MACHINE_NICS];
	struct net *net_ends[MACHINE_NICS];
	struct poll_set *polls;
	struct block sd[MACHINE_SD_SLOTS], pflash;
	struct chardev_set *chardevs;
	struct semihosting *semihosting;
	char **semihosting_args; /* NULL-terminated, owned */
	struct symbols *symbols;
	struct dump *dump;
	struct blocks *blocks;     /* NULL until somebody asks for counts */
	struct perfmap *perfmap;   /* NULL unless asked for */
	struct jitdump *jitdump;   /* likewise */
	struct seeing see;
	struct watch watch;        /* those that watch now */
	struct image_blob *blobs;   /* files: they do not overlap */
	struct image_blob *patches; /* values over them, in order */
	enum start_kind start;
	uint32_t start_pc;

	bool reset_requested, shutdown_requested, quit_requested, exit_requested;
	bool running; /* inside rhea_run */
	struct snapshot_file *to_load; /* by the monitor, as soon as no slice runs; NULL: none */
	bool paused; /* by the monitor's `stop` or the debugger */
	bool pause_told; /* who wanted to know that it stands, knows */
	enum gdb_stop why_paused;
	enum gdb_run step; /* how to run on: steps are the debugger's */
	struct gdb *gdb;   /* NULL = none */
	struct chardev gdb_line;
	bool gdb_busy;     /* it executes a monitor command */
	struct machine_monitor *monitors;
	bool guest_reset; /* what reset_requested comes from */
	int exit_code;
	int64_t rtc_offset; /* seconds from the clock it follows to the guest's time of day */
	struct machine_state state; /* while it is packed or unpacked */
	struct snapshots snapshots;
	struct input_log *input_log; /* NULL: nobody records or replays */
	FILE *record;                /* -record; NULL: none */
	struct rewind *rewind;       /* NULL: there is no way back */
	enum reverse_request reverse;
	enum rhea_history history;   /* as wanted now */
	bool keeps_history;          /* rewind is the debugger's */
	struct {                     /* before a debugger's look at a device, in the past */
		struct rhea_snapshot *snapshot; /* NULL: there is none under way */
		bool hold_once;
		uint32_t entries, n_io;
	} peek;
	struct mmio_client *mmio_clients;
	char *screen_file;      /* -display png:; owned, may be NULL */
	unsigned mouse_buttons; /* as last sent */
};

/* rhea_reset, whoever wants it. */
void machine_reset(struct rhea *m);

/* images.c */
#define MACHINE_MAX_FILE_SIZE (UINT64_C(1) << 30) /* more than any machine's memory, debug information included */
void machine_free_images(struct rhea *m);
/* Keeps `size` bytes, and zeros up to mem_size, for `addr`; errors name `path` and what it overlaps. */
enum rhea_status machine_add_blob(struct rhea *m, const char *path, uint64_t addr, const void *bytes, size_t size,
				  size_t mem_size, struct rhea_error *err);
/* The segments of an ELF image; *entry gets its pc key. */
enum rhea_status machine_add_elf(struct rhea *m, const char *path, const struct image_file *file, uint32_t *entry,
				 struct rhea_error *err);
/* Drops what was added after m->blobs was `until`. */
void machine_drop_blobs(struct rhea *m, const struct image_blob *until);
/* Where every reset starts from now on; resets. */
void machine_set_start(struct rhea *m, enum start_kind kind, uint32_t pc);
/* Writes all images to memory and points the core at its start. */
void machine_place_images(struct rhea *m);

/* drives.c */
void machine_close_drives(struct rhea *m);

/* snapshot.c */
void machine_free_snapshots(struct rhea *m);
/* replay_file.c: the end of rhea_record. */
void machine_end_recording(struct rhea *m);

/* input_log.c; `input`, `warp` and `held` of struct vcpu_host. */
struct input_log;
void machine_input(void *opaque);
uint64_t machine_warp(void *opaque, uint64_t ns, uint64_t deadline);
void machine_held(void *opaque);
/* What a semihosting call did, for the log; and the call that the log has instead, false when nothing is replayed. */
void machine_semihost_wrote(struct rhea *m, uint32_t addr, const void *bytes, uint32_t n);
void machine_semihost_said(struct rhea *m, uint32_t stream, const void *bytes, uint32_t n);
void machine_semihost_done(struct rhea *m, uint32_t result);
bool machine_semihost_replayed(struct rhea *m, uint32_t *result);

/* snapshot_save.c, snapshot_load.c: rhea_snapshot_save and the two halves of rhea_snapshot_load, for the monitor. Saving is fine
 * between two slices. A checked file can be applied as long as drives and memory map are what they were. */
struct snapshot_file;
enum rhea_status machine_save_snapshot(struct rhea *m, const char *path, const struct rhea_progress *progress,
				       struct rhea_error *err);
struct snapshot_file *machine_check_snapshot(struct rhea *m, const char *path, const struct rhea_progress *progress,
					     struct rhea_error *err);
/* Of bytes from malloc, which it takes over. */
struct snapshot_file *machine_check_snapshot_bytes(struct rhea *m, const char *path, uint8_t *bytes, size_t size,
						   const struct rhea_progress *progress, struct rhea_error *err);
enum rhea_status machine_apply_snapshot(struct rhea *m, const struct snapshot_file *f, const struct rhea_progress *progress,
					struct rhea_error *err);
void machine_drop_snapshot(struct snapshot_file *f); /* NULL is allowed */
/* What cannot be done while memory is watched. */
enum rhea_status machine_refuse_with_snapshots(const struct rhea *m, const char *what, struct rhea_error *err);

/* network.c */
void machine_init_nets(struct rhea *m);
void machine_close_nets(struct rhea *m);

/* memory.c */
void machine_free_mmio(struct rhea *m);

/* run.c: does what was requested of the machine; true when that ends rhea_run with *ev. */
bool machine_handle_requests(struct rhea *m, struct rhea_event *ev);
/* run.c: makes the vCPU show what the log's items ask for; between two blocks. */
void machine_watch(struct rhea *m);
/* Totals and, with -d tb_stats, the hottest `top` blocks. */
void machine_report_jit(const struct rhea *m, unsigned top, report_line *line, void *ctx);

/* seeing.c */
/* Symbols and, when somebody wants them, lines of an ELF file. */
void machine_add_symbols(struct rhea *m, const struct image_file *file);
bool machine_wants_counts(const struct rhea *m);
/* Writes the files if that was not done since the last run, and closes them. */
void machine_free_seeing(struct rhea *m);

/* state.c */
void machine_log_regs(struct rhea *m);
/* The end of -d tb_stats. */
void machine_log_stats(struct rhea *m);

/* gdb.c */
#define CLIENT_STOP_OWNER 2u /* beside GDB_STOP_OWNERS */
void machine_close_gdb(struct rhea *m);
/* The machine stands from the next block on, and says so. */
void machine_pause(struct rhea *m, enum gdb_stop why);
/* The run came to vcpu->stops.last_hit; true when that ends rhea_run with *ev. */
bool machine_met_stop(struct rhea *m, struct rhea_event *ev);

/* reverse.c: the debugger's way back. Between two slices: */
void machine_keep_history(struct rhea *m); /* begins and ends the history as who is there wants it */
void machine_go_back(struct rhea *m);      /* does m->reverse */
/* The machine replays no more, and m->input_log->ended: true when that ends rhea_run. */
bool machine_replay_ended(struct rhea *m);
/* What was to come after now, in the past, will not: somebody does something else. No-op when it is not the past, or must stay. */
void machine_cut_history(struct rhea *m, const char *why);
/* For struct gdb_target, and doing again what was recorded. */
const char *machine_no_history(void *opaque);
bool machine_poke(void *opaque, const struct gdb_poke *p, const void *bytes);
void machine_poked(void *opaque, const struct gdb_poke *p);
bool machine_do_poke(struct rhea *m, const void *event, size_t size);
/* The monitor's `history` and `info history`. */
bool machine_set_history(void *opaque, enum rhea_history when, struct rhea_error *err);
void machine_info_history(void *opaque, void (*line)(void *ctx, const char *line), void *ctx);

/* monitors.c */
void machine_close_monitors(struct rhea *m);
void machine_event(struct rhea *m, enum qmp_event what, bool guest);

/* screen.c: `path` NULL is screen_file */
enum rhea_status machine_screendump(struct rhea *m, const char *path, enum picture_format format, struct rhea_error *err);

/* monitor and console glue, console.c */
void machine_monitor_line(void *opaque, const char *line);
const char *machine_monitor_complete(void *opaque, const char *line, unsigned i);
struct monitor_target machine_monitor_target(struct rhea *m);

/* semihost.c */
bool machine_init_semihosting(struct rhea *m, struct rhea_error *err);
void machine_free_semihosting(struct rhea *m);
void machine_reset_semihosting(struct rhea *m);
void machine_semihost(void *opaque);
bool machine_semihost_write(struct rhea *m, uint32_t addr, const void *buf, uint32_t n);
void machine_semihost_exit(struct rhea *m, int code);

#endif
