/* SPDX-License-Identifier: Apache-2.0 */
/* libFuzzer target: any text as monitor commands, one a line. Each gets an answer in bounded time and space, ending in a
 * newline unless it is empty. Build with -Dfuzz=true and clang; run ./fuzz-monitor CORPUS. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "debug/monitor.h"
#include "softmmu/tlb.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

#define ANSWER_MAX ((size_t)64 << 20)

/* Lives as long as the process; a fuzz target is called back without an argument. */
static struct fixture {
	struct arm_cpu cpu;
	struct log log;
	struct monitor_target t;
	size_t answer;
	char last;
} f;

static bool on_walk(void *opaque, gva_t va, enum mem_access access, unsigned space, struct mem_walk *out)
{
	(void)opaque, (void)access, (void)space;
	*out = (struct mem_walk){.pa = GPA(va.v), .page_bits = 12};
	return (va.v & 0x3000) != 0x3000; /* a page in four is not mapped */
}

static enum mem_result reg_read(void *dev, uint32_t off, unsigned size, uint32_t *value)
{
	(void)dev, (void)size;
	*value = off;
	return off & 0x100 ? MEM_ERROR : MEM_OK;
}

static void on_request(void *opaque, enum monitor_request what)
{
	(void)opaque, (void)what;
}

static bool on_history(void *opaque, enum rhea_history when, struct rhea_error *err)
{
	(void)opaque, (void)when;
	return !error_set(err, RHEA_ERR_USAGE, "no history");
}

static void on_info_jit(void *opaque, void (*line)(void *ctx, const char *line), void *ctx)
{
	(void)opaque;
	line(ctx, "nothing");
}

static bool on_gdbserver(void *opaque, const char *device, struct rhea_error *err)
{
	(void)opaque, (void)device;
	return error_set(err, RHEA_ERR_HOST, "no") == RHEA_OK;
}

static bool on_key(void *opaque, const char *keys, unsigned hold_ms, struct rhea_error *err)
{
	(void)opaque;
	return error_set(err, RHEA_ERR_USAGE, "%.40s %u", keys, hold_ms) == RHEA_OK;
}

static bool on_mouse(void *opaque, int dx, int dy, int dz, struct rhea_error *err)
{
	(void)opaque;
	return dx + dy + dz > 0 || error_set(err, RHEA_ERR_USAGE, "no") == RHEA_OK;
}

static bool on_buttons(void *opaque, unsigned buttons, struct rhea_error *err)
{
	(void)opaque;
	return buttons || error_set(err, RHEA_ERR_USAGE, "no") == RHEA_OK;
}

static bool on_screendump(void *opaque, const char *path, const char *format, struct rhea_error *err)
{
	(void)opaque, (void)format;
	return !path || error_set(err, RHEA_ERR_FILE, "%.40s", path) == RHEA_OK;
}

static bool on_snapshot(void *opaque, const char *path, const struct rhea_progress *progress, struct rhea_error *err)
{
	(void)opaque;
	progress->show(progress->opaque, 50);
	return strlen(path) & 1 || error_set(err, RHEA_ERR_FILE, "%.40s", path) == RHEA_OK;
}

static void on_look(const void *dev, struct irq_view *v)
{
	static const uint64_t rises[IRQ_INPUTS] = {[4] = UINT64_MAX};
	(void)dev;
	*v = (struct irq_view){UINT32_MAX, 0x55555555, 0x55555555, 1, rises};
}

struct device {
	uint32_t word, array[40];
	uint8_t bytes[4096];
};

static void add_devices(void)
{
	static const char *const inputs[IRQ_INPUTS] = {"first"};
	static const struct irq_controller irq = {"controller", inputs, NULL, on_look};
	static const struct state_field fields[] = {STATE(struct device, word), STATE_ARRAY(struct device, array, 0), STATE(struct device, bytes)};
	static const struct state_desc desc = {.name = "device", .size = sizeof(struct device), .version = 1, STATE_FIELDS(fields)};
	static struct device device;
	static const struct state_part part = {"device", 0, &device, &desc};
	f.t.irq = &irq;
	f.t.devices = &part;
	f.t.n_irq = f.t.n_devices = 1;
}

static void print(void *opaque, const char *text)
{
	struct fixture *fix = opaque;
	size_t n = strlen(text);
	fix->answer += n;
	if (n)
		fix->last = text[n - 1];
	if (fix->answer > ANSWER_MAX)
		abort(); /* nobody reads so much */
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	static const struct mem_ops ops = {.read = reg_read};
	static const struct arm_model *model;
	struct softmmu_owner owner = {.opaque = &f, .walk = on_walk, .probe = on_walk};
	(void)argc, (void)argv;
	struct address_space *as = as_new(MEM_ERROR, NULL, NULL);
	struct tlb_tables *tables = mmap(NULL, sizeof *tables, PROT_READ | PROT_WRITE,
					 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (!as || tables == MAP_FAILED || !as_map_ram(as, GPA(0), 0x100000, "ram", NULL) ||
	    as_map_mmio(as, GPA(0x10000000), 0x1000, &ops, &f, "device", NULL))
		return 1;
	model = arm_model_find("arm926");
	f.cpu.model = model;
	f.cpu.pc = 0x10005;
	f.cpu.cpsr = 0x1d3;
	f.t = (struct monitor_target){.opaque = &f, .cpu = &f.cpu, .mmu = softmmu_new(as, tables, &owner, NULL), .as = as,
				      .log = &f.log, .version = "fuzz", .request = on_request, .gdbserver = on_gdbserver,
				      .send_key = on_key, .move_mouse = on_mouse, .press_buttons = on_buttons,
				      .screendump = on_screendump, .info_jit = on_info_jit, .info_history = on_info_jit, .history = on_history,
				      .save = on_snapshot, .load = on_snapshot};
	add_devices();
	return f.t.mmu ? 0 : 1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);
	if (!text)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	for (char *line = text, *end; line <= text + size; line = end + 1) {
		end = line + strcspn(line, "\n");
		*end = '\0';
		f.answer = 0;
		f.last = '\n';
		monitor_command(&f.t, line, print, &f);
		if (f.last != '\n')
			abort();
	}
	free(text);
	return 0;
}
