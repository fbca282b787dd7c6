/* SPDX-License-Identifier: Apache-2.0 */
/* The monitor between its three users: the console, rhea_monitor, and the machine it commands. */
#include "api/input_log.h"
#include "api/machine.h"
#include "api/rewind.h"
#include "api/snapshot.h"

static void monitor_request(void *opaque, enum monitor_request what)
{
	struct rhea *m = opaque;
	switch (what) {
	case MONITOR_QUIT:
		m->quit_requested = true;
		break;
	case MONITOR_RESET:
		machine_cut_history(m, "the machine is reset");
		m->reset_requested |= input_log_user(m, EVENT_RESET, NULL, 0);
		break;
	case MONITOR_STOP:
		machine_pause(m, GDB_STOP_INTERRUPT);
		break;
	case MONITOR_CONT:
		m->step = GDB_RUN_ON;
		m->reverse = REVERSE_NONE;
		rewind_cancel(m);
		m->paused = false;
		gdb_resumed(m->gdb);
		break;
	}
	vcpu_request_exit(m->vcpu);
}

static bool send_key(void *opaque, const char *keys, unsigned hold_ms, struct rhea_error *err)
{
	return rhea_send_key(opaque, keys, hold_ms, err) == RHEA_OK;
}

static bool move_mouse(void *opaque, int dx, int dy, int dz, struct rhea_error *err)
{
	struct rhea *m = opaque;
	return rhea_send_mouse(m, dx, dy, dz, m->mouse_buttons, err) == RHEA_OK;
}

static bool press_buttons(void *opaque, unsigned buttons, struct rhea_error *err)
{
	return rhea_send_mouse(opaque, 0, 0, 0, buttons, err) == RHEA_OK;
}

static bool screendump(void *opaque, const char *path, const char *format, struct rhea_error *err)
{
	enum picture_format f = !format ? PICTURE_BY_NAME : *format == 'p' && format[1] == 'n' ? PICTURE_PNG : PICTURE_PPM;
	return machine_screendump(opaque, path, f, err) == RHEA_OK;
}

static bool gdbserver(void *opaque, const char *device, struct rhea_error *err)
{
	return rhea_gdb_open(opaque, device, err) == RHEA_OK;
}

static bool save(void *opaque, const char *path, const struct rhea_progress *progress, struct rhea_error *err)
{
	return machine_save_snapshot(opaque, path, progress, err) == RHEA_OK;
}

/* Checked now, applied when the run loop has come to its end: it has time and instruction count in its hands. */
static bool load(void *opaque, const char *path, const struct rhea_progress *progress, struct rhea_error *err)
{
	struct rhea *m = opaque;
	if (!m->running)
		return rhea_snapshot_load(m, path, progress, err) == RHEA_OK;
	struct snapshot_file *f = machine_check_snapshot(m, path, progress, err);
	if (!f)
		return false;
	machine_drop_snapshot(m->to_load);
	m->to_load = f;
	vcpu_request_exit(m->vcpu);
	return true;
}

#define INFO_JIT_BLOCKS 20u

static void info_jit(void *opaque, void (*line)(void *ctx, const char *line), void *ctx)
{
	struct rhea *m = opaque;
	machine_report_jit(m, INFO_JIT_BLOCKS, line, ctx);
}

struct monitor_target machine_monitor_target(struct rhea *m)
{
	const struct machine_parts *p = machine_parts(m);
	unsigned n_devices = p ? hw_state_parts(&m->hw, NULL, 0) : 0;
	return (struct monitor_target){
		.irq = m->hw.irq,
		.n_irq = m->hw.n_irq,
		.devices = p ? p->part + p->n - n_devices : NULL,
		.n_devices = n_devices,
		.opaque = m,
		.cpu = m->vcpu->cpu,
		.mmu = m->vcpu->mmu,
		.as = m->as,
		.log = &m->log,
		.paused = m->paused,
		.version = rhea_version(),
		.request = monitor_request,
		.gdbserver = gdbserver,
		.info_jit = info_jit,
		.info_history = machine_info_history,
		.history = machine_set_history,
		.send_key = send_key,
		.move_mouse = move_mouse,
		.press_buttons = press_buttons,
		.screendump = screendump,
		.save = save,
		.load = load,
	};
}

static void print_on_console(void *opaque, const char *text)
{
	struct rhea *m = opaque;
	chardev_set_monitor_print(m->chardevs, text);
}

void machine_monitor_line(void *opaque, const char *line)
{
	struct rhea *m = opaque;
	struct monitor_target t = machine_monitor_target(m);
	monitor_command(&t, line, print_on_console, m);
	machine_watch(m); /* `log` may have changed what is to be seen */
}

const char *machine_monitor_complete(void *opaque, const char *line, unsigned i)
{
	(void)opaque;
	return monitor_complete(line, i);
}

void rhea_monitor(struct rhea *m, const char *line, void (*print)(void *opaque, const char *text), void *opaque)
{
	struct monitor_target t = machine_monitor_target(m);
	monitor_command(&t, line, print, opaque);
	machine_watch(m);
}
