/* SPDX-License-Identifier: Apache-2.0 */
/* Building, resetting and destroying a machine. */
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "api/input_log.h"
#include "api/machine.h"
#include "api/rewind.h"
#include "base/nearest.h"

#define DEFAULT_CODE_SIZE ((uint64_t)64 << 20)
#define MIN_CODE_SIZE ((uint64_t)1 << 20)
#define MAX_CODE_SIZE ((uint64_t)1 << 30)

/* ---- what the rooms ask of the machine ---- */

static void map_changed(void *opaque, gpa_t base, uint64_t size)
{
	struct rhea *m = opaque;
	if (m->vcpu)
		vcpu_map_changed(m->vcpu, base, size);
}

static void memory_written(void *opaque, const uint8_t *host, uint64_t size)
{
	struct rhea *m = opaque;
	vcpu_memory_written(m->vcpu, host, size);
}

/* In the words of QEMU's log, as far as they fit. */
static void access_refused(void *opaque, gpa_t pa, uint64_t size, bool write)
{
	struct rhea *m = opaque;
	if (!log_on(&m->log, LOG_guest_errors))
		return;
	const struct mem_range *r = as_find(m->as, pa);
	log_printf(&m->log, "Invalid %s at addr 0x%llX, size %llu, region '%s', reason: %s\n", write ? "write" : "read",
		   (unsigned long long)pa.v, (unsigned long long)size, r ? r->name : "(null)",
		   r ? "read-only memory" : "nothing is mapped there");
}

static void host_poll(void *opaque, uint64_t timeout_ns)
{
	struct rhea *m = opaque;
	poll_set_wait(m->polls, timeout_ns);
}

static bool host_can_input(void *opaque)
{
	const struct rhea *m = opaque;
	return m->vcpu->replays || poll_set_can_input(m->polls);
}

static void host_wake(void *opaque)
{
	struct rhea *m = opaque;
	poll_set_wake(m->polls);
}

static void console_quit(void *opaque)
{
	struct rhea *m = opaque;
	m->quit_requested = true;
	vcpu_request_exit(m->vcpu);
}

static unsigned console_port(void *opaque, const struct chardev *c)
{
	const struct rhea *m = opaque;
	for (unsigned i = 0; i < MACHINE_SERIAL_PORTS; i++)
		if (c == &m->serial[i])
			return i;
	return CHARDEV_NO_PORT;
}

static void cpu_line(void *opaque, unsigned fiq, bool level)
{
	struct rhea *m = opaque;
	vcpu_set_irq(m->vcpu, fiq != 0, level);
}

static void device_request(void *opaque, enum machine_request what)
{
	struct rhea *m = opaque;
	switch (what) {
	case MACHINE_REQUEST_RESET:
		m->reset_requested = m->guest_reset = true;
		break;
	case MACHINE_REQUEST_SHUTDOWN:
		m->shutdown_requested = true;
		break;
	}
	vcpu_request_exit(m->vcpu);
}

static int64_t rtc_elapsed(struct rhea *m)
{
	bool virtual = m->cfg.rtc_virtual || m->cfg.icount;
	uint64_t ns = virtual ? vclock_now(&m->vcpu->clock) : host_monotonic_ns();
	return (int64_t)(ns / UINT64_C(1000000000));
}

static int64_t rtc_now(void *opaque)
{
	struct rhea *m = opaque;
	return m->rtc_offset + rtc_elapsed(m);
}

static void init_rtc(struct rhea *m)
{
	int64_t start = m->cfg.rtc_base;
	if (!m->cfg.rtc_base_set) {
		time_t now = time(NULL);
		struct tm tm;
		start = now;
		if (m->cfg.rtc_localtime && localtime_r(&now, &tm))
			start += tm.tm_gmtoff;
	}
	m->rtc_offset = start - rtc_elapsed(m);
}

/* ---- checking the configuration ---- */

/* The known name that `word` was perhaps meant to be. */
static const char *nearest_name(const char *word, const char *(*name)(unsigned i, const char **help))
{
	const char *names[64];
	unsigned n = 0;
	while (n < ARRAY_LEN(names) && (names[n] = name(n, NULL)))
		n++;
	return nearest(word, names, n);
}

static const struct arm_model *check_config(struct rhea *m, struct rhea_error *err)
{
	const struct rhea_config *c = &m->cfg;
	m->board = c->machine ? board_find(c->machine) : NULL;
	if (!m->board) {
		error_set(err, RHEA_ERR_USAGE, "-machine: unsupported machine type '%s'; did you mean '%s'? (-machine help lists them)",
			  c->machine ? c->machine : "", nearest_name(c->machine ? c->machine : "", rhea_machine_name));
		return NULL;
	}
	const char *cpu = c->cpu ? c->cpu : m->board->default_cpu;
	const struct arm_model *model = arm_model_find(cpu);
	if (!model) {
		error_set(err, RHEA_ERR_USAGE, "-cpu: unknown CPU model '%s'; did you mean '%s'? (-cpu help lists them)", cpu,
			  nearest_name(cpu, rhea_cpu_name));
		return NULL;
	}
	m->ram_size = c->ram_size && m->board->max_ram ? c->ram_size : m->board->default_ram;
	if (m->ram_size > m->board->max_ram) {
		error_set(err, RHEA_ERR_USAGE, "-m: machine %s takes at most %llu MiB of memory", m->board->name,
			  (unsigned long long)(m->board->max_ram >> 20));
		return NULL;
	}
	if (m->ram_size % PAGE_SIZE) {
		error_set(err, RHEA_ERR_USAGE, "-m: memory is a multiple of 4 KiB");
		return NULL;
	}
	if (c->tb_size && (c->tb_size < MIN_CODE_SIZE || c->tb_size > MAX_CODE_SIZE)) {
		error_set(err, RHEA_ERR_USAGE, "tb-size: between 1 and 1024 MiB");
		return NULL;
	}
	if (c->tier > 2) {
		error_set(err, RHEA_ERR_USAGE, "tier %u: there are 1 and 2", c->tier);
		return false;
	}
	if (c->icount && c->icount_align && c->icount_no_sleep) {
		error_set(err, RHEA_ERR_USAGE, "-icount: align=on and sleep=off exclude each other");
		return false;
	}
	if (c->icount && c->icount_auto && (c->icount_align || c->icount_no_sleep || c->history == RHEA_HISTORY_ON)) {
		error_set(err, RHEA_ERR_USAGE, "-icount: shift=auto excludes align=on, sleep=off and history=on");
		return NULL;
	}
	if (c->icount && c->icount_shift > VCLOCK_MAX_SHIFT) {
		error_set(err, RHEA_ERR_USAGE, "-icount: shift is between 0 and %u", VCLOCK_MAX_SHIFT);
		return NULL;
	}
	return model;
}

static enum vcpu_accel accel_of(enum rhea_accel a)
{
	switch (a) {
	case RHEA_ACCEL_INTERP:
		return VCPU_INTERP;
	case RHEA_ACCEL_LOCKSTEP:
		return VCPU_LOCKSTEP;
	case RHEA_ACCEL_JIT:
		break;
	}
	return VCPU_JIT;
}

static uint8_t semihosting_of(enum rhea_semihosting s)
{
	switch (s) {
	case RHEA_SEMIHOSTING_ON:
		return ARM_SEMIHOST_PRIV;
	case RHEA_SEMIHOSTING_USERSPACE:
		return ARM_SEMIHOST_ALL;
	case RHEA_SEMIHOSTING_OFF:
		break;
	}
	return ARM_SEMIHOST_OFF;
}

static bool tier2_thread(const struct rhea_config *c)
{
	cpu_set_t cpus;
	switch (c->tier2_thread) {
	case RHEA_TIER2_THREAD_ON:
		return true;
	case RHEA_TIER2_THREAD_OFF:
		return false;
	case RHEA_TIER2_THREAD_AUTO:
		break;
	}
	return !c->regions_at_once && !c->trouble_seed && sched_getaffinity(0, sizeof cpus, &cpus) == 0 && CPU_COUNT(&cpus) > 1;
}

#define REGION_SAMPLES 8 /* of 40,000 instructions each: what the compilation takes */

static bool build_vcpu(struct rhea *m, const struct arm_model *model, struct rhea_error *err)
{
	const struct rhea_config *c = &m->cfg;
	struct vcpu_config cfg = {
		.accel = accel_of(c->accel),
		.code_size = c->tb_size ? c->tb_size : DEFAULT_CODE_SIZE,
		.one_insn_per_tb = c->one_insn_per_tb,
		.warmup = !c->compile_at_once,
		.window = !c->no_window,
		.tier = c->tier ? c->tier : 2,
		.tier2_samples = c->regions_at_once ? 1 : REGION_SAMPLES,
		.tier2_eager = c->regions_at_once,
		.tier2_thread = tier2_thread(c),
		.no_chain = c->no_chain,
		.icount = c->icount,
		.icount_no_sleep = c->icount_no_sleep,
		.icount_align = c->icount_align,
		.icount_auto = c->icount_auto,
		.icount_shift = c->icount_shift,
		.codegen_seed = c->codegen_seed,
		.trouble_seed = c->trouble_seed,
		.semihosting = semihosting_of(c->semihosting),
		.model = model,
	};
	struct vcpu_host host = {
		.opaque = m,
		.poll = host_poll,
		.can_input = host_can_input,
		.wake = host_wake,
		.semihost = machine_semihost,
		.input = machine_input,
		.warp = machine_warp,
		.held = machine_held,
	};
	m->vcpu = vcpu_new(&cfg, m->as, &host, &m->log, err);
	return m->vcpu != NULL;
}

static bool build_board(struct rhea *m, struct rhea_error *err)
{
	m->hw = (struct hw_context){
		.as = m->as,
		.clock = &m->vcpu->clock,
		.log = &m->log,
		.ram_size = m->ram_size,
		.cpu_irq = {.set = cpu_line, .opaque = m, .n = 0},
		.cpu_fiq = {.set = cpu_line, .opaque = m, .n = 1},
		.request = device_request,
		.opaque = m,
		.rtc_now = rtc_now,
	};
	for (unsigned i = 0; i < MACHINE_SERIAL_PORTS; i++)
		m->hw.serial[i] = &m->serial[i];
	for (unsigned i = 0; i < MACHINE_SD_SLOTS; i++)
		m->hw.sd[i] = &m->sd[i];
	m->hw.pflash = &m->pflash;
	machine_init_nets(m);
	return m->board->build(&m->hw, err);
}

static bool build(struct rhea *m, struct rhea_error *err)
{
	const struct arm_model *model = check_config(m, err);
	if (!model)
		return false;
	struct chardev_set_owner owner = {
		.opaque = m,
		.monitor_line = machine_monitor_line,
		.monitor_complete = machine_monitor_complete,
		.quit = console_quit,
		.port = console_port,
	};
	m->as = as_new(m->board->unassigned, map_changed, m);
	m->polls = poll_set_new();
	m->chardevs = m->polls ? chardev_set_new(m->polls, &owner) : NULL;
	m->symbols = symbols_new();
	m->dump = dump_new(&m->log, m->symbols);
	if (!m->as || !m->chardevs || !m->symbols || !m->dump) {
		error_set(err, RHEA_ERR_HOST, "out of host memory");
		return false;
	}
	if (!build_vcpu(m, model, err))
		return false;
	as_on_write(m->as, memory_written, m);
	as_on_refused(m->as, access_refused, m);
	init_rtc(m);
	m->paused = m->cfg.start_paused;
	m->history = m->cfg.history;
	m->why_paused = GDB_STOP_TRAP;
	if (!machine_init_semihosting(m, err) || !build_board(m, err))
		return false;
	machine_reset(m);
	return true;
}

struct rhea *rhea_new(const struct rhea_config *cfg, struct rhea_error *err)
{
	struct rhea *m = calloc(1, sizeof *m);
	if (!m) {
		error_set(err, RHEA_ERR_HOST, "out of host memory");
		return NULL;
	}
	m->cfg = *cfg;
	if (!build(m, err)) {
		rhea_free(m);
		return NULL;
	}
	m->cfg.machine = m->cfg.cpu = NULL; /* the caller's strings are not ours to keep */
	m->cfg.semihosting_args = NULL;
	return m;
}

void rhea_free(struct rhea *m)
{
	if (!m)
		return;
	machine_close_gdb(m);
	machine_close_monitors(m);
	machine_end_recording(m);
	rewind_stop(m);
	input_log_stop(m);
	machine_drop_snapshot(m->to_load);
	machine_free_snapshots(m);
	hw_free_devices(&m->hw);
	machine_close_drives(m);
	machine_close_nets(m);
	chardev_set_free(m->chardevs);
	poll_set_free(m->polls);
	machine_free_semihosting(m);
	machine_log_stats(m); /* the terminal is as it was: this may go to it */
	machine_free_seeing(m);
	vcpu_free(m->vcpu);
	if (m->as)
		as_free(m->as);
	machine_free_images(m);
	machine_free_mmio(m);
	perfmap_close(m->perfmap);
	blocks_free(m->blocks);
	dump_free(m->dump);
	symbols_free(m->symbols);
	log_close(&m->log);
	free(m->screen_file);
	free(m);
}

void rhea_reset(struct rhea *m)
{
	machine_cut_history(m, "the machine is reset");
	if (input_log_user(m, EVENT_RESET, NULL, 0))
		machine_reset(m);
}

void machine_reset(struct rhea *m)
{
	if (log_on(&m->log, LOG_cpu_reset))
		machine_log_regs(m);
	machine_event(m, QMP_RESET, m->guest_reset);
	m->reset_requested = m->guest_reset = false;
	hw_reset_devices(&m->hw);
	vcpu_reset(m->vcpu);
	machine_place_images(m);
	machine_reset_semihosting(m);
}

/* ---- lists ---- */

const char *rhea_machine_name(unsigned i, const char **help)
{
	unsigned n;
	const struct board *b = boards_all(&n);
	if (i >= n)
		return NULL;
	if (help)
		*help = b[i].help;
	return b[i].name;
}

const char *rhea_cpu_name(unsigned i, const char **help)
{
	unsigned n;
	const struct arm_model *models = arm_models(&n);
	if (i >= n)
		return NULL;
	if (help)
		*help = models[i].help;
	return models[i].name;
}

const char *rhea_log_item(unsigned i, const char **help)
{
	static const struct {
		const char *name, *help;
	} items[] = {
#define LOG_ITEM(name, bit, help) {#name, help},
#include "base/log.def"
#undef LOG_ITEM
	};
	if (i >= ARRAY_LEN(items))
		return NULL;
	if (help)
		*help = items[i].help;
	return items[i].name;
}

const char *rhea_version(void)
{
	return RHEA_VERSION;
}
