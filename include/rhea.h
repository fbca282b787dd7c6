/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rhea: runs unmodified 32-bit ARM system images on x86-64 Linux.
 *
 * One machine is one struct rhea. Machines share nothing: any number may exist in a process, each
 * used from one thread at a time. Unless a function says otherwise it must not be called while rhea_run runs on
 * that machine in another thread. Guest errors never become host errors: a guest that crashes keeps crashing inside
 * the machine; the functions below fail only for what the host did or was asked. After fork() guest memory and translated
 * code are shared: one of the two processes may go on with the machine.
 *
 *     struct rhea_config cfg = { .machine = "versatilepb" };
 *     struct rhea_error err;
 *     struct rhea *m = rhea_new(&cfg, &err);
 *     if (!m || rhea_load_kernel(m, "hello.bin", &err) || rhea_serial_open(m, 0, "stdio", &err))
 *         return fprintf(stderr, "%s\n", err.msg), 1;
 *     struct rhea_event ev;
 *     rhea_run(m, 0, &ev);
 *     rhea_free(m);
 */
#ifndef RHEA_H
#define RHEA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define RHEA_API __attribute__((visibility("default")))

/* Outcome of a call. 0 is success, so that calls chain with ||. */
enum rhea_status {
	RHEA_OK = 0,
	RHEA_ERR_USAGE,   /* an argument or option that makes no sense; the message names the way out */
	RHEA_ERR_FILE,    /* a file that cannot be read or written */
	RHEA_ERR_IMAGE,   /* an image that is damaged, too large or for another machine */
	RHEA_ERR_MEMORY,  /* guest memory not mapped there, or the host has none left */
	RHEA_ERR_HOST,    /* the host refused something else (sockets, terminals, executable memory) */
};

/* Filled by calls that fail; `msg` is one line without a newline. The caller owns it. */
struct rhea_error {
	enum rhea_status status;
	char msg[512];
};

struct rhea;

enum rhea_accel {
	RHEA_ACCEL_JIT,      /* translate to x86-64 (default) */
	RHEA_ACCEL_INTERP,   /* interpret the IR: slow, the oracle */
	RHEA_ACCEL_LOCKSTEP, /* both, comparing after every block; stops at the first difference */
};

enum rhea_semihosting {
	RHEA_SEMIHOSTING_OFF,
	RHEA_SEMIHOSTING_ON,        /* from privileged modes */
	RHEA_SEMIHOSTING_USERSPACE, /* from user mode too */
};

/* Who serves the guest's semihosting files, console output and SYS_SYSTEM. */
enum rhea_semihosting_target {
	RHEA_SEMIHOSTING_NATIVE, /* this process */
	RHEA_SEMIHOSTING_GDB,    /* the debugger (File-I/O); without one they fail */
	RHEA_SEMIHOSTING_AUTO,   /* the debugger while one is attached */
};

/* When the history is kept that a debugger goes back in. It costs memory (docs/debugging.md says how much) and some speed. */
enum rhea_history {
	RHEA_HISTORY_AUTO, /* from when a debugger comes until it has gone */
	RHEA_HISTORY_ON,   /* from the first rhea_run */
	RHEA_HISTORY_OFF,
};

/* Who compiles hot code once more (tier 2). The guest does not notice. */
enum rhea_tier2_thread {
	RHEA_TIER2_THREAD_AUTO, /* a thread of the machine's own, made when it is needed, where this process may use more than one CPU */
	RHEA_TIER2_THREAD_ON,
	RHEA_TIER2_THREAD_OFF,  /* the thread that runs the guest */
};

/* How to build a machine. All zero but `machine` is a sensible configuration. Strings are copied. */
struct rhea_config {
	const char *machine;       /* rhea_machine_name(); "none" has a core and no memory */
	const char *cpu;           /* NULL = the machine's own */
	uint64_t ram_size;         /* bytes; 0 = the machine's default */
	enum rhea_accel accel;
	uint64_t tb_size;          /* bytes of translated code kept; 0 = 64 MiB */
	bool one_insn_per_tb;      /* translate one guest instruction at a time */
	bool compile_at_once;      /* compile blocks when first reached; normally their first run is interpreted */
	unsigned tier;             /* 1: each block is compiled by itself; 2, as 0: blocks that stay hot once more, several together */
	bool regions_at_once;      /* tier 2 does so as soon as it can (for tests) */
	enum rhea_tier2_thread tier2_thread; /* auto: off with regions_at_once and trouble_seed; lockstep never has one */
	bool no_window;            /* never map guest memory at its own addresses: slower, but without 4 GiB of address space
				      and without the SIGSEGV handler that is in place while rhea_run runs (it hands on
				      what is not rhea's to the handler that it found; one that a callback installs must
				      do the same) */
	bool no_chain;             /* return to the run loop after every block */
	bool start_paused;         /* rhea_run waits for a debugger or the monitor's `cont` first */
	bool no_reboot;            /* a guest reset request ends rhea_run with RHEA_EVENT_RESET */
	bool icount;               /* virtual time from the instruction count: deterministic, but with icount_auto */
	unsigned icount_shift;     /* with icount: one instruction takes 2^shift ns (0 to 10) */
	bool icount_no_sleep;      /* with icount: a waiting guest's time jumps ahead without host time passing */
	bool icount_align;         /* with icount: a guest that is ahead of the host's time waits for it; not with icount_no_sleep */
	bool icount_auto;          /* with icount: the time of an instruction follows the host's speed, from icount_shift on, so that virtual
				      time keeps to the host's. No run is repeated then: no recordings, no history; not with
				      icount_no_sleep or icount_align */
	enum rhea_history history; /* with icount: the way back in time that a debugger takes (docs/debugging.md) */
	bool rtc_base_set;         /* the guest's RTC starts at rtc_base (seconds since 1970, UTC) ... */
	int64_t rtc_base;          /* ... instead of the host's time */
	bool rtc_localtime;        /* without rtc_base_set: the host's local time instead of UTC */
	bool rtc_virtual;          /* the RTC follows virtual time, not the host's clock (default with icount) */
	enum rhea_semihosting semihosting;
	enum rhea_semihosting_target semihosting_target;
	const char *const *semihosting_args; /* argv for SYS_GET_CMDLINE, NULL-terminated; NULL = none */
	uint32_t codegen_seed;     /* not 0: shuffle the backend's register choices (for tests) */
	uint32_t trouble_seed;     /* not 0: flush, drop, cut and interrupt at random where no guest may notice (for tests) */
};

/* Builds a machine in its reset state. Returns NULL and *err on failure. */
RHEA_API struct rhea *rhea_new(const struct rhea_config *cfg, struct rhea_error *err);

/* Destroys the machine and closes what it opened. NULL is allowed. */
RHEA_API void rhea_free(struct rhea *m);

/* Names and one-line descriptions; NULL past the end. */
RHEA_API const char *rhea_machine_name(unsigned i, const char **help);
RHEA_API const char *rhea_cpu_name(unsigned i, const char **help);
RHEA_API const char *rhea_log_item(unsigned i, const char **help);
RHEA_API const char *rhea_version(void);

/* ---- images ------------------------------------------------------------------------------------
 * Loaded now and again at every reset. */

/* As -kernel: an ELF at its entry. Anything else behind the board's boot stub (r0 = 0, r1 = machine id, r2 = boot
 * parameters): zImage and raw at the board's kernel address, Image at 0x8000, uImage where it says; gzip is unpacked. */
RHEA_API enum rhea_status rhea_load_kernel(struct rhea *m, const char *path, struct rhea_error *err);

/* What a kernel is started with; ELF kernels get none of it. All zero: a tag list (ATAGs) of the memory. */
struct rhea_boot {
	const char *initrd; /* file of the initial RAM disk; a uImage's header is taken off */
	const char *append; /* kernel command line */
	const char *dtb;    /* file of a device tree, completed with memory, RAM disk and command line */
};
/* rhea_load_kernel with these; all strings are read now. */
RHEA_API enum rhea_status rhea_load_kernel_with(struct rhea *m, const char *path, const struct rhea_boot *boot,
						struct rhea_error *err);
/* As -bios: raw at the board's firmware address, started from the reset vector. */
RHEA_API enum rhea_status rhea_load_firmware(struct rhea *m, const char *path, struct rhea_error *err);
/* As -device loader: raw at `addr`, or, with has_addr false, an ELF at its own addresses. With
 * set_pc the core starts at addr (raw) or the ELF's entry. */
RHEA_API enum rhea_status rhea_load_file(struct rhea *m, const char *path, bool has_addr, uint64_t addr, bool set_pc,
					 struct rhea_error *err);

/* As -device loader,data=: `size` bytes at `addr`, put there after all files, in the order of the calls (so they may
 * patch an image). With set_pc the core starts at addr; `size` may then be 0. */
RHEA_API enum rhea_status rhea_load_bytes(struct rhea *m, uint64_t addr, const void *bytes, size_t size, bool set_pc,
					  struct rhea_error *err);

/* ---- memory map (for "none", and to extend a board) ------------------------------------------- */

/* Zeroed guest RAM owned by the machine; base and size are multiples of 4096. */
RHEA_API enum rhea_status rhea_map_ram(struct rhea *m, uint64_t base, uint64_t size, struct rhea_error *err);
/* Guest RAM backed by `host`, which stays the caller's and must outlive the machine. */
RHEA_API enum rhea_status rhea_map_host(struct rhea *m, uint64_t base, uint64_t size, void *host, bool read_only,
					struct rhea_error *err);

/* Device callbacks: `off` from base, `size` 1, 2 or 4. Return false for a bus error. Called inside rhea_run; may
 * call rhea_stop, rhea_read_*, rhea_set_irq, rhea_map_*, nothing else of the machine. Registers then are as before the access; the
 * pc is that of some instruction before. */
struct rhea_mmio {
	bool (*read)(void *opaque, uint32_t off, unsigned size, uint32_t *value);
	bool (*write)(void *opaque, uint32_t off, unsigned size, uint32_t value);
};
RHEA_API enum rhea_status rhea_map_mmio(struct rhea *m, uint64_t base, uint64_t size, const struct rhea_mmio *ops,
					void *opaque, struct rhea_error *err);
/* Drives the core's IRQ (fiq = false) or FIQ line on machine "none"; boards drive it themselves. */
RHEA_API void rhea_set_irq(struct rhea *m, bool fiq, bool level);

/* ---- serial ports ------------------------------------------------------------------------------ */

/*
 * Connects serial port n (0-based) to a back end named as -serial names them: "stdio",
 * "mon:stdio", "null", "none", "pty", "file:PATH", "tcp:HOST:PORT[,server=on][,wait=off][,nodelay=on]".
 */
RHEA_API enum rhea_status rhea_serial_open(struct rhea *m, unsigned n, const char *spec, struct rhea_error *err);
/* Output of port n goes to `write`, called inside rhea_run. */
RHEA_API enum rhea_status rhea_serial_callback(struct rhea *m, unsigned n,
					       void (*write)(void *opaque, const uint8_t *buf, size_t len), void *opaque,
					       struct rhea_error *err);
/* Feeds port n that has a callback back end; bytes wait until the guest takes them. */
RHEA_API enum rhea_status rhea_serial_input(struct rhea *m, unsigned n, const uint8_t *buf, size_t len,
					    struct rhea_error *err);
/* Number of serial ports of the machine. */
RHEA_API unsigned rhea_serial_count(const struct rhea *m);

/* ---- drives ------------------------------------------------------------------------------------ */

enum rhea_drive_kind {
	RHEA_DRIVE_SD,     /* SD card: up to 2 GiB standard capacity, above that high capacity (SDHC) */
	RHEA_DRIVE_PFLASH, /* the board's parallel flash; the image has exactly its size */
};

/* A raw disk image and its place. What is zero: first slot, written by the guest, format looked at. */
struct rhea_drive {
	enum rhea_drive_kind kind;
	unsigned index;     /* slot, 0-based */
	const char *path;   /* regular file or block device */
	bool read_only;     /* the guest finds the medium write-protected */
	bool snapshot;      /* writes go to a temporary file ($TMPDIR, or /var/tmp) that ends with the machine */
	bool format_raw;    /* do not refuse an image that starts like another format's */
	bool write_through; /* each write is on the host's disk before the guest goes on */
};

/*
 * Puts the drive into the machine, before its first rhea_run (a guest that runs may not notice). The file is locked
 * against other writers, as QEMU does, until rhea_free. RHEA_ERR_USAGE: no such slot, or it is taken; RHEA_ERR_FILE,
 * RHEA_ERR_IMAGE: the file cannot be used so. While the guest runs, what the host refuses (a full disk) becomes the
 * device's error.
 */
RHEA_API enum rhea_status rhea_drive_open(struct rhea *m, const struct rhea_drive *drive, struct rhea_error *err);

/* ---- network ----------------------------------------------------------------------------------- */

/* Number of network cards of the machine. */
RHEA_API unsigned rhea_net_count(const struct rhea *m);
/*
 * Plugs network card n (0-based) into a network named as -nic names them, instead of the one it was in:
 * "user[,hostfwd=[tcp|udp]:[ADDR]:PORT-[ADDR]:PORT]...[,restrict=on][,net=A/N]...": a network of its own inside this
 *   process, with a router to what the process can reach (unless restrict=on), DHCP and DNS. It needs libslirp; "user" without
 *   options loads it when the guest's card first listens or sends, and says on stderr when it is missing;
 * "socket,listen=HOST:PORT", "socket,connect=HOST:PORT", "socket,udp=HOST:PORT,localaddr=HOST:PORT": another emulator;
 * "none": unplugged, as after rhea_new. Each takes mac=ADDRESS (default 52:54:00:12:34:56) and dump=FILE (pcap).
 * RHEA_ERR_USAGE for a spec that makes no sense, RHEA_ERR_HOST when the host refuses a port or has no libslirp; the card is unplugged then.
 */
RHEA_API enum rhea_status rhea_net_open(struct rhea *m, unsigned n, const char *spec, struct rhea_error *err);

/* ---- screen, keyboard, mouse ------------------------------------------------------------------- */

/* As -display: "none" (as after rhea_new), or "png:FILE", which rhea_screendump then writes when it is given no
 * path. The file is made now, empty if it is new, to see that it can be. */
RHEA_API enum rhea_status rhea_display_open(struct rhea *m, const char *spec, struct rhea_error *err);
/* Saves what the screen shows now, as PPM when `path` ends in ".ppm", otherwise as PNG. A screen that is off is black. */
RHEA_API enum rhea_status rhea_screendump(struct rhea *m, const char *path, struct rhea_error *err);

/*
 * Presses keys together, after those that are still held, and lets them go after hold_ms (at most a minute) of virtual
 * time. `keys` as the monitor's sendkey has them: names or set 1 numbers joined by "-", as "ctrl-alt-f1", "0x1e".
 * RHEA_ERR_USAGE: no such key, no keyboard; RHEA_ERR_HOST: the guest takes none and too many wait.
 */
RHEA_API enum rhea_status rhea_send_key(struct rhea *m, const char *keys, unsigned hold_ms, struct rhea_error *err);
/* Moves the mouse right and down, its wheel towards the user; `buttons` are pressed from now on: 1 left, 2 middle,
 * 4 right, 8 and 16 side. */
RHEA_API enum rhea_status rhea_send_mouse(struct rhea *m, int dx, int dy, int dz, unsigned buttons,
					  struct rhea_error *err);

/* ---- running ----------------------------------------------------------------------------------- */

enum rhea_event_kind {
	RHEA_EVENT_BUDGET,   /* max_insns were executed */
	RHEA_EVENT_STOP,     /* rhea_stop */
	RHEA_EVENT_EXIT,     /* the guest ended the program (semihosting, or `quit`): code */
	RHEA_EVENT_SHUTDOWN, /* the guest switched the board off */
	RHEA_EVENT_RESET,    /* no_reboot: the guest asked for a reset */
	RHEA_EVENT_MISMATCH, /* RHEA_ACCEL_LOCKSTEP found a difference; the report went to the log */
	RHEA_EVENT_BREAK,    /* rhea_add_stop: before the instruction, or before the one that accesses: stop, addr */
	RHEA_EVENT_REPLAYED, /* rhea_replay: the recording has come to its end, or (code 1, and a line in the log) to a difference */
	RHEA_EVENT_HALTED,   /* the core waits and nothing in the machine can ever wake it (no back end that
				could bring input, no timer) */
};

/* Where rhea_run is to end: before an instruction, or before an access of the core to any of some bytes. */
enum rhea_stop_kind { RHEA_STOP_EXEC, RHEA_STOP_WRITE, RHEA_STOP_READ, RHEA_STOP_ACCESS /* either */ };

struct rhea_event {
	enum rhea_event_kind kind;
	int code;       /* RHEA_EVENT_EXIT: exit status */
	uint64_t insns; /* guest instructions executed by this call */
	enum rhea_stop_kind stop; /* RHEA_EVENT_BREAK: what was met ... */
	uint32_t addr;            /* ... at which address: of the instruction, or of the bytes accessed */
};

/*
 * Runs until an event, or for exactly max_insns guest instructions when max_insns is not 0. May
 * be called again after every event. Blocks; sleeps while the guest waits for an interrupt.
 */
RHEA_API void rhea_run(struct rhea *m, uint64_t max_insns, struct rhea_event *ev);

/* Makes rhea_run return RHEA_EVENT_STOP soon. From any thread or signal handler. */
RHEA_API void rhea_stop(struct rhea *m);

/*
 * Breakpoints and watchpoints, any number of any size, by virtual address. They are exact and cost nothing where they are
 * not met. The next rhea_run goes on past the one that ended the last. `size` does not matter for RHEA_STOP_EXEC. Adding
 * one twice is adding it once. RHEA_ERR_USAGE: nothing there to remove, or a size of 0 or across the end of memory.
 */
RHEA_API enum rhea_status rhea_add_stop(struct rhea *m, enum rhea_stop_kind kind, uint32_t addr, uint32_t size,
					struct rhea_error *err);
RHEA_API enum rhea_status rhea_remove_stop(struct rhea *m, enum rhea_stop_kind kind, uint32_t addr, uint32_t size,
					   struct rhea_error *err);

/*
 * Lets a debugger in, as -gdb: "tcp:[HOST]:PORT" (without HOST: from this host only), "unix:PATH", "stdio", "pty"; "" is
 * tcp::1234, "none" closes it. It is served inside rhea_run, which does not return while the debugger holds the
 * machine; the debugger's own breakpoints are no events. Its client acts with the rights of this process.
 */
RHEA_API enum rhea_status rhea_gdb_open(struct rhea *m, const char *spec, struct rhea_error *err);

/* Resets the machine: devices, core, images. Memory that no image covers keeps its bytes. */
RHEA_API void rhea_reset(struct rhea *m);

/* Guest instructions executed since rhea_new. */
RHEA_API uint64_t rhea_insn_count(const struct rhea *m);
/* Virtual time in ns since rhea_new. */
RHEA_API uint64_t rhea_virtual_ns(const struct rhea *m);

/* ---- state ------------------------------------------------------------------------------------- */

/* 0-14 = r0-r14 of the current mode, 15 = address of the next instruction (bit 0 clear). */
enum rhea_reg { RHEA_REG_SP = 13, RHEA_REG_LR = 14, RHEA_REG_PC = 15, RHEA_REG_CPSR = 16, RHEA_REG_SPSR = 17 };

RHEA_API enum rhea_status rhea_read_reg(const struct rhea *m, unsigned reg, uint32_t *value);
/* Writing RHEA_REG_CPSR switches mode, banks and instruction set. */
RHEA_API enum rhea_status rhea_write_reg(struct rhea *m, unsigned reg, uint32_t value);

/* Guest physical or virtual (as the current mode sees it) memory. RHEA_ERR_MEMORY when a byte is not RAM
 * or ROM; nothing is accessed on devices. Writes drop translated code as guest stores do. */
RHEA_API enum rhea_status rhea_read_phys(struct rhea *m, uint64_t addr, void *buf, size_t size);
RHEA_API enum rhea_status rhea_write_phys(struct rhea *m, uint64_t addr, const void *buf, size_t size);
RHEA_API enum rhea_status rhea_read_virt(struct rhea *m, uint32_t addr, void *buf, size_t size);
RHEA_API enum rhea_status rhea_write_virt(struct rhea *m, uint32_t addr, const void *buf, size_t size);

/* ---- snapshots in memory -------------------------------------------------------------------------
 * The whole machine between two rhea_run: core, memory, devices, drives (what the guest wrote to them since; also in their
 * files), virtual time and the instruction count. Not: the host's ends of serial ports and networks, what files opened by
 * semihosting hold (their positions are restored; files opened since are closed), memory that a client changes itself behind
 * rhea_map_host. Any number may be kept; each can be restored any number of times, in any order.
 *
 * Taking one and going back to it cost what was written since (about 0.2 us for each 4 KiB page, and some us), but going to
 * another one than the last that was taken or restored: then also what differs between the two. Each keeps a copy of
 * the pages that have changed since. While there is any, memory is accessed as with no_window. */

struct rhea_snapshot;

/* NULL and *err: the host is out of memory, or rhea_run is running. */
RHEA_API struct rhea_snapshot *rhea_snapshot_take(struct rhea *m, struct rhea_error *err);
/* RHEA_ERR_USAGE: rhea_run is running, nothing is changed. RHEA_ERR_FILE: a drive's file could not be read or written; all
 * else is restored. */
RHEA_API enum rhea_status rhea_snapshot_restore(struct rhea *m, struct rhea_snapshot *s, struct rhea_error *err);
/* Forgets one; those that are left are forgotten by rhea_free. NULL is allowed. */
RHEA_API void rhea_snapshot_free(struct rhea *m, struct rhea_snapshot *s);

/* ---- snapshots in files --------------------------------------------------------------------------
 * The same in a file (docs/snapshot-format.md), for another process and another day. A machine that loads one must be
 * made as the one that saved it: board, core, memory, sizes of drives, semihosting. Images are needed for resets only. Drives must
 * be read-only or have `snapshot`, as images are no part of the file, only what was written over them. Files that
 * semihosting had open are closed in the loading process. */

/* Told now and then, once something takes longer than two seconds. */
struct rhea_progress {
	void (*show)(void *opaque, unsigned percent);
	void *opaque;
};
/* Between two rhea_run. `progress` may be NULL. A file of that name is replaced when the new one is complete. */
RHEA_API enum rhea_status rhea_snapshot_save(struct rhea *m, const char *path, const struct rhea_progress *progress,
					     struct rhea_error *err);
/* Between two rhea_run. RHEA_ERR_IMAGE: damaged, of a later version, of another machine: nothing is changed, *err says why.
 * RHEA_ERR_FILE: cannot be read; or, afterwards, a drive's temporary file could not be written. Snapshots in memory stay. */
RHEA_API enum rhea_status rhea_snapshot_load(struct rhea *m, const char *path, const struct rhea_progress *progress,
					     struct rhea_error *err);

/* ---- recording and replay ------------------------------------------------------------------------
 * With icount, a run is a function of the machine's state at its start and of what comes from outside: serial input, frames, keys,
 * resets by a user, rhea_set_irq, what semihosting calls give, waits that input cut short. rhea_record writes both to a file,
 * until rhea_free; rhea_replay makes the same run of it again, in any process, and compares as it goes. What a client
 * writes to registers and memory is not recorded. Drives: as for rhea_snapshot_save. */

/* Between two rhea_run, on a machine that has its images and drives. RHEA_ERR_USAGE: no icount, or recorded already. */
RHEA_API enum rhea_status rhea_record(struct rhea *m, const char *path, struct rhea_error *err);
/* Between two rhea_run, on a machine made as the recorded one (images, drives; no network is needed). From then on nothing else comes in;
 * rhea_run ends with what ended the recorded run, or RHEA_EVENT_REPLAYED. Errors as of rhea_snapshot_load. */
RHEA_API enum rhea_status rhea_replay(struct rhea *m, const char *path, struct rhea_error *err);

/* ---- seeing inside ----------------------------------------------------------------------------- */

/* Replaces the set of log items: "in_asm,op,int", "none", "all" (-d). */
RHEA_API enum rhea_status rhea_log_items(struct rhea *m, const char *items, struct rhea_error *err);
/* Sends the log to a file (-D) instead of stderr. */
RHEA_API enum rhea_status rhea_log_file(struct rhea *m, const char *path, struct rhea_error *err);
/* Restricts in_asm, op, op_opt, out_asm, exec, cpu and tb_stats to guest addresses (-dfilter). */
RHEA_API enum rhea_status rhea_log_filter(struct rhea *m, const char *ranges, struct rhea_error *err);

/* Writes the guest's names of translated code to `path`, for Linux perf; NULL is /tmp/perf-PID.map, where perf looks for
 * them. Between two rhea_run, once. The file stays. RHEA_ERR_FILE also when another machine writes to it. */
RHEA_API enum rhea_status rhea_perfmap(struct rhea *m, const char *path, struct rhea_error *err);
/* Writes all translated code with the guest's names and source lines to `path`, for `perf inject --jit`; NULL is jit-PID.dump in the
 * working directory. Between two rhea_run, once; before the images are loaded, for their source lines. */
RHEA_API enum rhea_status rhea_jitdump(struct rhea *m, const char *path, struct rhea_error *err);

/*
 * What a run came to, in files. Each is opened when it is asked for (between two rhea_run, once; before the images are loaded,
 * for their source lines) and written by rhea_write_reports, at the latest by rhea_free. Strings are copied.
 * RHEA_ERR_FILE: the file cannot be written.
 */
enum rhea_coverage_format {
	RHEA_COVERAGE_LCOV,  /* lines and functions of the source, for genhtml; needs images with DWARF */
	RHEA_COVERAGE_DRCOV, /* blocks of the images, for disassemblers */
};
struct rhea_coverage {
	const char *path;
	enum rhea_coverage_format format;
	bool merge; /* add to what the file holds already (it may be new) */
};
/* Which instructions ran how often, exactly; for lcov also which way conditional branches went, unless something (the log item tb_stats) had
 * blocks counted before. */
RHEA_API enum rhea_status rhea_coverage(struct rhea *m, const struct rhea_coverage *c, struct rhea_error *err);

/* Where the time goes: call stacks in the form that flame graphs are drawn from, sampled by instruction count. */
struct rhea_profile {
	const char *path;
	uint64_t period; /* guest instructions from sample to sample, from 1024; 0 = 100,003 */
};
RHEA_API enum rhea_status rhea_profile(struct rhea *m, const struct rhea_profile *p, struct rhea_error *err);

/* One HTML page about the run: its hottest blocks as guest code, IR and host code side by side, functions, memory, time. */
struct rhea_explore {
	const char *path;
	unsigned top; /* blocks shown, at most 5000; 0 = 100 */
};
RHEA_API enum rhea_status rhea_explore(struct rhea *m, const struct rhea_explore *e, struct rhea_error *err);

/* What happens, event by event (docs/trace-format.md). Slows the guest down; with RHEA_TRACE_MEM for the rest of its life. */
enum { RHEA_TRACE_BLOCKS = 1, RHEA_TRACE_MEM = 2, RHEA_TRACE_DEVICES = 4 };
struct rhea_trace {
	const char *path;
	unsigned what; /* RHEA_TRACE_..., any of them; 0 = blocks */
	uint64_t last; /* keep the last so many events in memory, and write them at the end; 0 = write all, as they come */
};
/* RHEA_ERR_USAGE: memory or devices with RHEA_ACCEL_LOCKSTEP, which does all accesses twice. */
RHEA_API enum rhea_status rhea_trace(struct rhea *m, const struct rhea_trace *t, struct rhea_error *err);

/* Takes symbols and lines from an ELF file that is not loaded: the one that a raw image was made from. */
RHEA_API enum rhea_status rhea_load_symbols(struct rhea *m, const char *path, struct rhea_error *err);

/* Writes the files that were asked for, with what ran until now. The first error ends it. */
RHEA_API enum rhea_status rhea_write_reports(struct rhea *m, struct rhea_error *err);

/*
 * A monitor for people or scripts on a back end named as -serial names them, beside the console's; `qmp`: QEMU's machine
 * protocol (JSON). Served inside rhea_run. Any number; closed by rhea_free.
 */
RHEA_API enum rhea_status rhea_monitor_open(struct rhea *m, const char *spec, bool qmp, struct rhea_error *err);

/* Executes one monitor command line ("info registers", "xp /4xw 0x10000", "help"); the answer is handed
 * to `print` in pieces. */
RHEA_API void rhea_monitor(struct rhea *m, const char *line, void (*print)(void *opaque, const char *text), void *opaque);

#ifdef __cplusplus
}
#endif

#endif
