/* SPDX-License-Identifier: Apache-2.0 */
/* Registers, interrupt lines, serial ports and the log, as include/rhea.h offers them. */
#include "api/input_log.h"
#include "api/machine.h"

enum rhea_status rhea_read_reg(const struct rhea *m, unsigned reg, uint32_t *value)
{
	struct arm_cpu now;
	const struct arm_cpu *cpu = m->vcpu->cpu;
	if (m->running) { /* a device's callback */
		vcpu_see_core(m->vcpu, &now);
		cpu = &now;
	}
	if (reg < ARRAY_LEN(cpu->r))
		*value = cpu->r[reg];
	else if (reg == RHEA_REG_PC)
		*value = cpu->pc & ~1u;
	else if (reg == RHEA_REG_CPSR)
		*value = arm_cpsr_read(cpu);
	else if (reg == RHEA_REG_SPSR)
		*value = arm_spsr_read(cpu);
	else
		return RHEA_ERR_USAGE;
	return RHEA_OK;
}

enum rhea_status rhea_write_reg(struct rhea *m, unsigned reg, uint32_t value)
{
	struct arm_cpu *cpu = m->vcpu->cpu;
	if (reg < ARRAY_LEN(cpu->r))
		cpu->r[reg] = value;
	else if (reg == RHEA_REG_PC)
		cpu->pc = cpu->pc & 1u ? value | 1u : value & ~3u;
	else if (reg == RHEA_REG_CPSR)
		arm_cpsr_write(cpu, value, ~0u);
	else if (reg == RHEA_REG_SPSR)
		arm_spsr_write(cpu, value, ~0u);
	else
		return RHEA_ERR_USAGE;
	return RHEA_OK;
}

void rhea_set_irq(struct rhea *m, bool fiq, bool level)
{
	const uint8_t line[2] = {fiq, level};
	if (m->vcpu->in_block /* a client's device, which does it again */ || input_log_user(m, EVENT_IRQ, line, sizeof line))
		vcpu_set_irq(m->vcpu, fiq, level);
}

/* ---- serial ports ---- */

unsigned rhea_serial_count(const struct rhea *m)
{
	return m->board->serial_ports;
}

static enum rhea_status check_port(const struct rhea *m, unsigned n, struct rhea_error *err)
{
	if (n < rhea_serial_count(m))
		return RHEA_OK;
	return error_set(err, RHEA_ERR_USAGE, "-serial: machine %s has %u serial ports, there is no port %u",
			 m->board->name, rhea_serial_count(m), n);
}

enum rhea_status rhea_serial_open(struct rhea *m, unsigned n, const char *spec, struct rhea_error *err)
{
	enum rhea_status s = check_port(m, n, err);
	return s ? s : chardev_set_open(m->chardevs, &m->serial[n], spec, err);
}

enum rhea_status rhea_serial_callback(struct rhea *m, unsigned n,
				      void (*write)(void *opaque, const uint8_t *buf, size_t len), void *opaque,
				      struct rhea_error *err)
{
	enum rhea_status s = check_port(m, n, err);
	if (!s && !chardev_set_callback(m->chardevs, &m->serial[n], write, opaque))
		s = error_set(err, RHEA_ERR_HOST, "serial port %u: out of host memory", n);
	return s;
}

enum rhea_status rhea_serial_input(struct rhea *m, unsigned n, const uint8_t *buf, size_t len, struct rhea_error *err)
{
	enum rhea_status s = check_port(m, n, err);
	if (!s && !chardev_set_input(m->chardevs, &m->serial[n], buf, len))
		s = error_set(err, RHEA_ERR_USAGE, "serial port %u has no callback back end to take input", n);
	return s;
}

/* ---- the log ---- */

enum rhea_status rhea_log_items(struct rhea *m, const char *items, struct rhea_error *err)
{
	return log_parse_items(items, &m->log.mask, err);
}

enum rhea_status rhea_log_file(struct rhea *m, const char *path, struct rhea_error *err)
{
	return log_open(&m->log, path, err);
}

enum rhea_status rhea_log_filter(struct rhea *m, const char *ranges, struct rhea_error *err)
{
	return log_parse_filter(&m->log, ranges, err);
}

static void log_line(void *opaque, const char *line)
{
	log_printf(opaque, "%s\n", line);
}

#define LOG_STATS_BLOCKS 50u

void machine_log_stats(struct rhea *m)
{
	if (!m->blocks || !log_on(&m->log, LOG_tb_stats))
		return;
	machine_report_jit(m, LOG_STATS_BLOCKS, log_line, &m->log);
	log_flush(&m->log);
}

enum rhea_status rhea_perfmap(struct rhea *m, const char *path, struct rhea_error *err)
{
	if (m->perfmap)
		return error_set(err, RHEA_ERR_USAGE, "the perf map is being written already");
	return perfmap_open(&m->perfmap, path, &m->vcpu->code, &m->log, m->symbols, err);
}

void machine_log_regs(struct rhea *m)
{
	log_printf(&m->log, "CPU Reset (CPU 0)\n");
	arm_print_regs(m->vcpu->cpu, log_line, &m->log);
}
