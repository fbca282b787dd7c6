/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rhea-system-arm: builds one machine from the command line, runs it, turns its end into an exit status.
 * Signals are taken by a thread of their own, which stops the machine; so no state is global and
 * the terminal is restored on every way out.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "cli/options.h"

/* The signal thread and what it shares with main. */
struct watcher {
	pthread_t thread, main_thread;
	sigset_t set;
	struct rhea *m;
	atomic_int caught, from; /* signal number, 0 = none; process that sent it, 0 = the terminal */
	atomic_bool done;
};

static void print_error(const char *msg)
{
	fprintf(stderr, CLI_NAME ": %s\n", msg);
}

/* ---- signals ---- */

static void kick(int sig)
{
	(void)sig; /* only to interrupt a system call of the main thread */
}

/* Once a signal came, main is kicked until it notices: it may wait in a system call that rhea_stop cannot end. */
static void *watch(void *arg)
{
	struct watcher *w = arg;
	const struct timespec tick = {0, 100000000};
	while (!w->done) {
		siginfo_t info;
		int sig = w->caught ? sigtimedwait(&w->set, &info, &tick) : sigwaitinfo(&w->set, &info);
		if (w->done)
			break;
		if (sig > 0 && sig != SIGUSR1 && !w->caught) {
			w->from = info.si_code <= 0 ? info.si_pid : 0;
			w->caught = sig;
			rhea_stop(w->m);
		}
		if (w->caught)
			pthread_kill(w->main_thread, SIGUSR1);
	}
	return NULL;
}

/* Before any thread exists: who gets which signal. SIGHUP stays ignored under nohup. */
static void signals_prepare(struct watcher *w)
{
	struct sigaction sa = {.sa_handler = kick}, hup;
	sigaction(SIGUSR1, &sa, NULL);
	sa.sa_handler = SIG_IGN;
	sigaction(SIGPIPE, &sa, NULL);
	sigaction(SIGXFSZ, &sa, NULL); /* a file size limit is an error of the write */
	sigemptyset(&w->set);
	sigaddset(&w->set, SIGINT);
	sigaddset(&w->set, SIGTERM);
	sigaddset(&w->set, SIGUSR1);
	if (sigaction(SIGHUP, NULL, &hup) == 0 && hup.sa_handler != SIG_IGN)
		sigaddset(&w->set, SIGHUP);
	pthread_sigmask(SIG_BLOCK, &w->set, NULL);
}

static bool watcher_start(struct watcher *w, struct rhea *m)
{
	sigset_t usr1;
	w->m = m;
	w->main_thread = pthread_self();
	if (pthread_create(&w->thread, NULL, watch, w))
		return false;
	sigemptyset(&usr1);
	sigaddset(&usr1, SIGUSR1);
	pthread_sigmask(SIG_UNBLOCK, &usr1, NULL);
	return true;
}

static void watcher_stop(struct watcher *w)
{
	w->done = true;
	pthread_kill(w->thread, SIGUSR1);
	pthread_join(w->thread, NULL);
}

static void print_signal(const struct watcher *w)
{
	char path[32], name[64] = "";
	int from = w->from;
	fprintf(stderr, CLI_NAME ": terminating on signal %d", w->caught);
	if (from) {
		snprintf(path, sizeof path, "/proc/%d/comm", from);
		FILE *f = fopen(path, "r");
		if (f && fgets(name, sizeof name, f))
			name[strcspn(name, "\n")] = '\0';
		if (f)
			fclose(f);
		fprintf(stderr, " from pid %d (%s)", from, *name ? name : "unknown");
	}
	fputc('\n', stderr);
}

/* ---- images ---- */

/* A file that cannot be read is no ELF; loading it gives the error. */
static bool file_is_elf(const char *path)
{
	char magic[4] = "";
	FILE *f = fopen(path, "rb");
	bool elf = f && fread(magic, 1, 4, f) == 4 && memcmp(magic, "\177ELF", 4) == 0;
	if (f)
		fclose(f);
	return elf;
}

/* argv of the guest: as given, or the kernel's name and the words of -append. */
static void default_args(struct cli_options *o)
{
	if (o->config.semihosting == RHEA_SEMIHOSTING_OFF || o->n_semihosting_args || !o->kernel)
		return;
	o->semihosting_args[o->n_semihosting_args++] = o->kernel;
	char *save = NULL, *words = o->append ? cli_keep(o, o->append) : NULL;
	for (char *w = words ? strtok_r(words, " ", &save) : NULL; w && o->n_semihosting_args < CLI_MAX_ARGS;
	     w = strtok_r(NULL, " ", &save))
		o->semihosting_args[o->n_semihosting_args++] = w;
	o->config.semihosting_args = o->semihosting_args;
}

static enum rhea_status loader_run(struct rhea *m, const struct cli_loader *l, struct rhea_error *err)
{
	uint8_t bytes[8];
	if (l->file) {
		bool raw = l->has_addr && (l->force_raw || !file_is_elf(l->file));
		return rhea_load_file(m, l->file, raw, l->addr, l->set_pc, err);
	}
	for (unsigned i = 0; i < l->data_len; i++)
		bytes[l->data_be ? l->data_len - 1 - i : i] = (uint8_t)(l->data >> (8 * i));
	return rhea_load_bytes(m, l->addr, bytes, l->data_len, l->set_pc, err);
}

static enum rhea_status load_images(struct rhea *m, const struct cli_options *o, struct rhea_error *err)
{
	const struct rhea_boot boot = {.initrd = o->initrd, .append = o->append, .dtb = o->dtb};
	enum rhea_status st = o->bios ? rhea_load_firmware(m, o->bios, err) : RHEA_OK;
	if (!st && o->kernel)
		st = rhea_load_kernel_with(m, o->kernel, &boot, err);
	for (unsigned i = 0; !st && i < o->n_loaders; i++)
		st = loader_run(m, &o->loaders[i], err);
	return st;
}

/* ---- set-up and run ---- */

static enum rhea_status open_reports(struct rhea *m, const struct cli_options *o, struct rhea_error *err)
{
	enum rhea_status st = o->coverage.path ? rhea_coverage(m, &o->coverage, err) : RHEA_OK;
	if (!st && o->profile.path)
		st = rhea_profile(m, &o->profile, err);
	if (!st && o->explore.path)
		st = rhea_explore(m, &o->explore, err);
	if (!st && o->trace.path)
		st = rhea_trace(m, &o->trace, err);
	for (unsigned i = 0; !st && i < o->n_symbols; i++)
		st = rhea_load_symbols(m, o->symbols[i], err);
	return st;
}

static enum rhea_status open_log(struct rhea *m, const struct cli_options *o, struct rhea_error *err)
{
	enum rhea_status st = o->log_file ? rhea_log_file(m, o->log_file, err) : RHEA_OK;
	if (!st && o->log_filter)
		st = rhea_log_filter(m, o->log_filter, err);
	if (!st && o->log_items)
		st = rhea_log_items(m, o->log_items, err);
	if (!st && o->perfmap)
		st = rhea_perfmap(m, NULL, err);
	if (!st && o->jitdump)
		st = rhea_jitdump(m, NULL, err);
	return st ? st : open_reports(m, o, err);
}

static enum rhea_status open_drives(struct rhea *m, const struct cli_options *o, struct rhea_error *err)
{
	enum rhea_status st = RHEA_OK;
	for (unsigned i = 0; !st && i < o->n_drives; i++) {
		struct rhea_drive d = o->drives[i].drive;
		d.snapshot |= o->snapshot;
		if (o->drives[i].connected)
			st = rhea_drive_open(m, &d, err);
	}
	return st;
}

static enum rhea_status open_serials(struct rhea *m, const struct cli_options *o, struct rhea_error *err)
{
	unsigned count = rhea_serial_count(m);
	for (unsigned i = 0; i < o->n_serials; i++) {
		if (i >= count && strcmp(o->serials[i], "none") != 0 && strcmp(o->serials[i], "null") != 0) {
			snprintf(err->msg, sizeof err->msg, "-serial %.200s: the board has %u serial ports", o->serials[i], count);
			return err->status = RHEA_ERR_USAGE;
		}
		enum rhea_status st = i < count ? rhea_serial_open(m, i, o->serials[i], err) : RHEA_OK;
		if (st)
			return st;
	}
	return RHEA_OK;
}

static enum rhea_status open_nics(struct rhea *m, const struct cli_options *o, struct rhea_error *err)
{
	unsigned first = 0;
	for (unsigned i = 0; i < o->n_nics; i++) {
		if ((o->default_nic && i == first && !rhea_net_count(m)) || strcmp(o->nics[i], "none") == 0)
			continue;
		enum rhea_status st = rhea_net_open(m, first++, o->nics[i], err);
		if (st)
			return st;
	}
	return RHEA_OK;
}

static void print_percent(void *opaque, unsigned percent)
{
	fprintf(stderr, CLI_NAME ": %s: %u %%\n", (const char *)opaque, percent);
}

/* Says in front which option an error belongs to. */
static enum rhea_status of_option(enum rhea_status st, const char *option, struct rhea_error *err)
{
	struct rhea_error with = *err;
	if (st) {
		snprintf(with.msg, sizeof with.msg, "-%s: %.*s", option, (int)(sizeof err->msg - strlen(option) - 4), err->msg);
		*err = with;
	}
	return st;
}

/* The state is saved when the run is over: it would be late to learn then that there is no place for it. */
static enum rhea_status check_save_place(const struct cli_options *o, struct rhea_error *err)
{
	char folder[4096];
	struct stat st;
	if (!o->snapshot_save)
		return RHEA_OK;
	const char *end = strrchr(o->snapshot_save, '/');
	snprintf(folder, sizeof folder, "%.*s.", end ? (int)(end - o->snapshot_save) + 1 : 0, o->snapshot_save);
	bool misplaced = stat(o->snapshot_save, &st) == 0 && !S_ISREG(st.st_mode);
	if (!misplaced && access(folder, W_OK | X_OK) == 0)
		return RHEA_OK;
	snprintf(err->msg, sizeof err->msg, "-snapshot-save: cannot write to '%.300s': %s", o->snapshot_save,
		 misplaced ? "not a regular file" : strerror(errno));
	return err->status = RHEA_ERR_FILE;
}

static enum rhea_status load_snapshot(struct rhea *m, const struct cli_options *o, struct rhea_error *err)
{
	const struct rhea_progress progress = {print_percent, (void *)(uintptr_t)o->loadvm};
	return o->loadvm ? of_option(rhea_snapshot_load(m, o->loadvm, &progress, err), "loadvm", err) : RHEA_OK;
}

static enum rhea_status start_log(struct rhea *m, const struct cli_options *o, struct rhea_error *err)
{
	enum rhea_status st = o->replay ? of_option(rhea_replay(m, o->replay, err), "replay", err) : RHEA_OK;
	return st || !o->record ? st : of_option(rhea_record(m, o->record, err), "record", err);
}

/* What is to be kept of the run; the exit status. */
static int save_results(struct rhea *m, const struct cli_options *o, int status)
{
	const struct rhea_progress progress = {print_percent, (void *)(uintptr_t)o->snapshot_save};
	struct rhea_error err = {0};
	if (rhea_write_reports(m, &err)) {
		print_error(err.msg);
		status = 1;
	}
	if (o->display_spec && rhea_screendump(m, NULL, &err)) {
		print_error(err.msg);
		status = 1;
	}
	if (o->snapshot_save && rhea_snapshot_save(m, o->snapshot_save, &progress, &err)) {
		print_error(err.msg);
		status = 1;
	}
	return status;
}

/* Runs to the end; the exit status. */
static int run(struct rhea *m, const struct watcher *w)
{
	struct rhea_event ev;
	for (;;) {
		rhea_run(m, 0, &ev);
		if (w->caught)
			return 0;
		switch (ev.kind) {
		case RHEA_EVENT_EXIT:
			return ev.code;
		case RHEA_EVENT_SHUTDOWN:
		case RHEA_EVENT_RESET:
			return 0;
		case RHEA_EVENT_HALTED:
			print_error("the guest waits for an interrupt that can never come; ending");
			return 0;
		case RHEA_EVENT_MISMATCH:
			print_error("interpreter and translated code differ; the report is in the log");
			return 1;
		case RHEA_EVENT_REPLAYED:
			return ev.code;
		case RHEA_EVENT_STOP:
		case RHEA_EVENT_BREAK:
		case RHEA_EVENT_BUDGET:
			break; /* nobody asked us to end */
		}
	}
}

static enum rhea_status open_monitors(struct rhea *m, const struct cli_options *o, struct rhea_error *err)
{
	enum rhea_status st = o->gdb ? of_option(rhea_gdb_open(m, o->gdb, err), "gdb", err) : RHEA_OK;
	for (unsigned i = 0; !st && i < o->n_monitors; i++)
		st = of_option(rhea_monitor_open(m, o->monitors[i].spec, o->monitors[i].qmp, err), o->monitors[i].qmp ? "qmp" : "monitor", err);
	return st;
}

static void print_notes(const char *notes)
{
	while (*notes) {
		int n = (int)strcspn(notes, "\n");
		fprintf(stderr, CLI_NAME ": %.*s\n", n, notes);
		notes += n + (notes[n] == '\n');
	}
}

static int with_machine(struct rhea *m, const struct cli_options *o, struct watcher *w)
{
	struct rhea_error err = {0};
	int status = 1;
	if (!watcher_start(w, m)) {
		print_error("the host refuses a thread");
		return 1;
	}
	if (check_save_place(o, &err) || open_log(m, o, &err) || open_drives(m, o, &err) || load_images(m, o, &err) || open_serials(m, o, &err) ||
	    (!o->replay && open_nics(m, o, &err)) || open_monitors(m, o, &err) ||
	    (o->display_spec && rhea_display_open(m, o->display_spec, &err)) || load_snapshot(m, o, &err) || start_log(m, o, &err)) {
		if (!w->caught)
			print_error(err.msg);
		else
			status = 0;
	} else {
		print_notes(o->notes);
		status = save_results(m, o, run(m, w));
	}
	watcher_stop(w);
	return status;
}

static int run_options(struct cli_options *o)
{
	struct watcher w = {0};
	struct rhea_error err = {0};
	if ((o->initrd || o->dtb) && file_is_elf(o->kernel))
		cli_note(o, "-%s: ignored, an ELF kernel is started without boot parameters\n", o->initrd ? "initrd" : "dtb");
	default_args(o);
	signals_prepare(&w);
	struct rhea *m = rhea_new(&o->config, &err);
	if (!m) {
		print_error(err.msg);
		return 1;
	}
	int status = with_machine(m, o, &w);
	rhea_free(m); /* restores the terminal: only now are messages readable */
	if (w.caught)
		print_signal(&w);
	return status;
}

int main(int argc, char **argv)
{
	struct cli_options *o = malloc(sizeof *o);
	int status = 1;
	if (!o)
		return 1;
	if (!cli_options_parse(o, argc, (const char *const *)argv)) {
		print_error(o->error);
	} else if (o->action != CLI_RUN) {
		cli_print_list(stdout, o->action);
		status = fflush(stdout) ? 1 : 0;
	} else {
		status = run_options(o);
	}
	cli_options_free(o);
	free(o);
	return status;
}
