/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Expressions of the monitor, 64-bit: numbers, 'c', $register, unary + - ~, parentheses, and in falling
 * precedence: * / %, & | ^, + -. (The bit operators bind tighter than + and -, as users of QEMU's monitor know
 * them.)
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "debug/monitor_parts.h"

/* Parentheses and signs nest at most this deep: the line may come from anywhere. */
#define EXPR_MAX_DEPTH 100

struct expr {
	const struct arm_cpu *cpu;
	const char *p;
	unsigned depth;
	const char *error; /* NULL, or the first thing wrong */
	char *msg;         /* 64 bytes for it */
};

static int64_t parse_sum(struct expr *e);

static void skip_spaces(struct expr *e)
{
	while (isspace((unsigned char)*e->p))
		e->p++;
}

static int64_t fail(struct expr *e, const char *error)
{
	if (!e->error)
		e->error = error;
	return 0;
}

/* Accepts character `c`, after spaces. */
static bool accept(struct expr *e, char c)
{
	skip_spaces(e);
	if (*e->p != c)
		return false;
	e->p++;
	skip_spaces(e);
	return true;
}

static int64_t parse_number(struct expr *e)
{
	char *end;
	errno = 0;
	uint64_t v = strtoull(e->p, &end, 0);
	if (errno)
		return fail(e, "number too large");
	e->p = end;
	return (int64_t)v;
}

static int64_t parse_char(struct expr *e)
{
	char c = e->p[1];
	if (!c || e->p[2] != '\'')
		return fail(e, "missing terminating \' character");
	e->p += 3;
	return c;
}

static int64_t parse_register(struct expr *e)
{
	static const struct {
		const char *name;
		uint8_t reg;
	} names[] = { { "sp", 13 }, { "lr", 14 }, { "pc", 15 }, { "cpsr", 16 }, { "sb", 9 }, { "sl", 10 }, { "fp", 11 },
		      { "ip", 12 } };
	size_t len = 1;
	while (isalnum((unsigned char)e->p[len]))
		len++;
	char name[8] = "", *end;
	if (len - 1 < sizeof name)
		memcpy(name, e->p + 1, len - 1);
	unsigned long reg = *name == 'r' && isdigit((unsigned char)name[1]) ? strtoul(name + 1, &end, 10) : 99;
	if (reg != 99 && *end)
		reg = 99;
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (!strcmp(name, names[i].name))
			reg = names[i].reg;
	if (reg > 16 || (reg == 16 && *name != 'c'))
		return fail(e, "unknown register");
	e->p += len;
	return reg < 15 ? e->cpu->r[reg] : reg == 15 ? e->cpu->pc & ~1u : arm_cpsr_read(e->cpu);
}

static int64_t parse_primary(struct expr *e)
{
	if (isdigit((unsigned char)*e->p))
		return parse_number(e);
	if (*e->p == '\'')
		return parse_char(e);
	if (*e->p == '$')
		return parse_register(e);
	if (!*e->p)
		return fail(e, "unexpected end of expression");
	snprintf(e->msg, 64, "invalid char '%c' in expression", *e->p);
	return fail(e, e->msg);
}

static int64_t parse_unary(struct expr *e)
{
	int64_t v;
	skip_spaces(e);
	if (e->depth >= EXPR_MAX_DEPTH)
		return fail(e, "expression too deep");
	e->depth++;
	if (accept(e, '+'))
		v = parse_unary(e);
	else if (accept(e, '-'))
		v = (int64_t)(0 - (uint64_t)parse_unary(e));
	else if (accept(e, '~'))
		v = ~parse_unary(e);
	else if (accept(e, '(')) {
		v = parse_sum(e);
		if (!accept(e, ')'))
			fail(e, "')' expected");
	} else {
		v = parse_primary(e);
	}
	e->depth--;
	return v;
}

static int64_t divide(struct expr *e, int64_t a, int64_t b, bool remainder)
{
	if (b == 0)
		return fail(e, "division by zero");
	if (b == -1) /* INT64_MIN / -1 traps on the host */
		return remainder ? 0 : (int64_t)(0 - (uint64_t)a);
	return remainder ? a % b : a / b;
}

static int64_t parse_product(struct expr *e)
{
	int64_t v = parse_unary(e);
	while (!e->error) {
		if (accept(e, '*'))
			v = (int64_t)((uint64_t)v * (uint64_t)parse_unary(e));
		else if (accept(e, '/'))
			v = divide(e, v, parse_unary(e), false);
		else if (accept(e, '%'))
			v = divide(e, v, parse_unary(e), true);
		else
			break;
	}
	return v;
}

static int64_t parse_bits(struct expr *e)
{
	int64_t v = parse_product(e);
	while (!e->error) {
		if (accept(e, '&'))
			v &= parse_product(e);
		else if (accept(e, '|'))
			v |= parse_product(e);
		else if (accept(e, '^'))
			v ^= parse_product(e);
		else
			break;
	}
	return v;
}

static int64_t parse_sum(struct expr *e)
{
	int64_t v = parse_bits(e);
	while (!e->error) {
		if (accept(e, '+'))
			v = (int64_t)((uint64_t)v + (uint64_t)parse_bits(e));
		else if (accept(e, '-'))
			v = (int64_t)((uint64_t)v - (uint64_t)parse_bits(e));
		else
			break;
	}
	return v;
}

const char *monitor_expression(const struct arm_cpu *cpu, const char **p, int64_t *value, char msg[64])
{
	struct expr e = { .cpu = cpu, .p = *p, .msg = msg };
	*value = parse_sum(&e);
	skip_spaces(&e);
	*p = e.p;
	return e.error;
}
