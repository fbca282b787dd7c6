/* SPDX-License-Identifier: Apache-2.0 */
/* Semihosting between the core's registers and memory and the host's files (host/semihosting.h). */
#include <stdlib.h>
#include <string.h>

#include "api/machine.h"

static unsigned current_space(const struct rhea *m)
{
	return arm_privileged(m->vcpu->cpu) ? 1 : 0;
}

static bool guest_read(void *opaque, uint32_t addr, void *buf, uint32_t n)
{
	struct rhea *m = opaque;
	return softmmu_debug(m->vcpu->mmu, GVA(addr), current_space(m), buf, n, false) == n;
}

bool machine_semihost_write(struct rhea *m, uint32_t addr, const void *buf, uint32_t n)
{
	return softmmu_debug(m->vcpu->mmu, GVA(addr), current_space(m), (void *)(uintptr_t)buf, n, true) == n;
}

static bool guest_write(void *opaque, uint32_t addr, const void *buf, uint32_t n)
{
	struct rhea *m = opaque;
	bool ok = machine_semihost_write(m, addr, buf, n);
	if (ok)
		machine_semihost_wrote(m, addr, buf, n);
	return ok;
}

static void console_write(void *opaque, enum semihosting_stream to, const uint8_t *buf, size_t n)
{
	machine_semihost_said(opaque, to, buf, (uint32_t)n);
	semihosting_to_host(to, buf, n);
}

static uint64_t now_ns(void *opaque)
{
	struct rhea *m = opaque;
	return vclock_now(&m->vcpu->clock);
}

static int64_t time_s(void *opaque)
{
	struct rhea *m = opaque;
	return m->hw.rtc_now(m);
}

void machine_semihost_exit(struct rhea *m, int code)
{
	m->exit_requested = true;
	m->exit_code = code;
	vcpu_request_exit(m->vcpu);
}

static void guest_exit(void *opaque, int code)
{
	machine_semihost_exit(opaque, code);
}

/* The caller's argument strings, kept for SYS_GET_CMDLINE. */
static bool copy_args(struct rhea *m)
{
	const char *const *args = m->cfg.semihosting_args;
	size_t n = 0;
	while (args && args[n])
		n++;
	m->semihosting_args = calloc(n + 1, sizeof *m->semihosting_args);
	for (size_t i = 0; m->semihosting_args && i < n; i++) {
		m->semihosting_args[i] = strdup(args[i]);
		if (!m->semihosting_args[i])
			return false;
	}
	return m->semihosting_args != NULL;
}

static int64_t ask_debugger(void *opaque, const char *request, int *error)
{
	struct rhea *m = opaque;
	return gdb_syscall(m->gdb, request, error);
}

static bool debugger_wanted(void *opaque)
{
	const struct rhea *m = opaque;
	switch (m->cfg.semihosting_target) {
	case RHEA_SEMIHOSTING_NATIVE:
		return false;
	case RHEA_SEMIHOSTING_GDB:
		return true;
	case RHEA_SEMIHOSTING_AUTO:
		break;
	}
	return gdb_attached(m->gdb);
}

bool machine_init_semihosting(struct rhea *m, struct rhea_error *err)
{
	if (copy_args(m)) {
		struct semihosting_target t = {
			.opaque = m,
			.read = guest_read,
			.write = guest_write,
			.now_ns = now_ns,
			.time_s = time_s,
			.exit = guest_exit,
			.remote = ask_debugger,
			.remote_wanted = debugger_wanted,
			.console_write = console_write,
			.args = (const char *const *)m->semihosting_args,
			.log = &m->log,
		};
		m->semihosting = semihosting_new(&t);
	}
	if (!m->semihosting)
		error_set(err, RHEA_ERR_HOST, "semihosting: out of host memory");
	return m->semihosting != NULL;
}

void machine_free_semihosting(struct rhea *m)
{
	semihosting_free(m->semihosting);
	for (char **a = m->semihosting_args; a && *a; a++)
		free(*a);
	free(m->semihosting_args);
}

/* SYS_HEAPINFO: the largest part of RAM that no image covers. */
static void set_heap(struct rhea *m)
{
	uint64_t best_base = 0, best_end = 0, at = 0;
	while (at < m->ram_size) {
		uint64_t next = m->ram_size, after = m->ram_size;
		for (const struct image_blob *b = m->blobs; b; b = b->next) {
			uint64_t end = b->addr.v + b->mem_size;
			if (end > at && b->addr.v < next) {
				next = MAX(b->addr.v, at);
				after = end;
			}
		}
		if (next - at > best_end - best_base) {
			best_base = at;
			best_end = next;
		}
		at = after;
	}
	semihosting_set_heap(m->semihosting, (uint32_t)best_base, (uint32_t)best_end);
}

void machine_reset_semihosting(struct rhea *m)
{
	if (!m->vcpu->replays) /* it has no part in replays */
		semihosting_reset(m->semihosting);
	set_heap(m);
}

void machine_semihost(void *opaque)
{
	struct rhea *m = opaque;
	struct arm_cpu *cpu = m->vcpu->cpu;
	uint32_t result;
	if (!machine_semihost_replayed(m, &result)) {
		result = semihosting_call(m->semihosting, cpu->r[0], cpu->r[1]);
		machine_semihost_done(m, result);
	}
	cpu->r[0] = result;
}
