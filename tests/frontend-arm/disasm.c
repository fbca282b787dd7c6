/* SPDX-License-Identifier: Apache-2.0 */
/* See disasm.h. Spelling follows the unified syntax as Capstone prints it. */
#include "disasm.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct text {
	char *at, *end;
	const struct arm_insn_row *row;
	uint32_t insn, pc;
};

static PRINTF_LIKE(2, 3) void put(struct text *t, const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	int n = vsnprintf(t->at, (size_t)(t->end - t->at), fmt, args);
	va_end(args);
	t->at += MIN((ptrdiff_t)n, t->end - t->at - 1);
}

/* The bits of the pattern's letter. */
static uint32_t f(const struct text *t, char letter)
{
	unsigned width = t->row->isa == ARM_A32 ? 32 : 16;
	uint32_t v = 0;
	for (unsigned i = 0; i < width; i++)
		if (t->row->pattern[i] == letter)
			v = v << 1 | (t->insn >> (width - 1 - i) & 1);
	return v;
}

static const char *const regs[16] = {
	"r0", "r1", "r2", "r3", "r4", "r5", "r6", "r7", "r8", "sb", "sl", "fp", "ip", "sp", "lr", "pc",
};
static const char *const shifts[4] = { "lsl", "lsr", "asr", "ror" };

static void reg_letter(struct text *t, char letter) { put(t, "%s", regs[f(t, letter) & 15]); }
static void p_d(struct text *t) { reg_letter(t, 'd'); }
static void p_d2(struct text *t) { put(t, "%s", regs[(f(t, 'd') + 1) & 15]); }
static void p_n(struct text *t) { reg_letter(t, 'n'); }
static void p_m(struct text *t) { reg_letter(t, 'm'); }
static void p_s(struct text *t) { reg_letter(t, 's'); }
static void p_a(struct text *t) { reg_letter(t, 'a'); }
static void p_S(struct text *t) { put(t, "%s", f(t, 'S') ? "s" : ""); }
static void p_x(struct text *t) { put(t, "%s", f(t, 'x') ? "t" : "b"); }
static void p_y(struct text *t) { put(t, "%s", f(t, 'y') ? "t" : "b"); }
/* The rotation that assemblers choose for a value is the smallest; others are spelled out. */
static void p_imm(struct text *t)
{
	uint32_t imm = f(t, 'i'), rot = f(t, 'r'), value = ror32(imm, 2 * rot), best = 0;
	while (ror32(value, 32 - 2 * best) > 255)
		best++;
	if (best == rot)
		put(t, "#%u", value);
	else
		put(t, "#%u, #%u", imm, 2 * rot);
}

static void p_type(struct text *t) { put(t, "%s", shifts[f(t, 't')]); }

static void p_c(struct text *t)
{
	static const char *const conds[16] = {
		"eq", "ne", "hs", "lo", "mi", "pl", "vs", "vc", "hi", "ls", "ge", "lt", "gt", "le", "", "",
	};
	put(t, "%s", conds[f(t, 'c')]);
}

static bool is_rrx(const struct text *t) { return f(t, 't') == 3 && f(t, 'h') == 0; }

static uint32_t amount(const struct text *t)
{
	uint32_t h = f(t, 'h');
	return h || !f(t, 't') ? h : 32;
}

static void p_shift(struct text *t)
{
	if (is_rrx(t))
		put(t, ", rrx");
	else if (amount(t))
		put(t, ", %s #%u", shifts[f(t, 't')], amount(t));
}

static void p_movop(struct text *t)
{
	put(t, "%s", is_rrx(t) ? "rrx" : amount(t) ? shifts[f(t, 't')] : "mov");
}

static void p_movn(struct text *t)
{
	if (amount(t) && !is_rrx(t))
		put(t, ", #%u", amount(t));
}

static void p_am(struct text *t)
{
	bool literal = strchr(t->row->pattern, 'p') == NULL, reg = strchr(t->row->pattern, 'm') != NULL;
	bool pre = literal ? (t->insn >> 24 & 1) : f(t, 'p'), w = f(t, 'w');
	put(t, "[%s%s", regs[f(t, 'n')], pre ? "" : "]");
	if (reg) {
		put(t, ", %s%s", f(t, 'u') ? "" : "-", regs[f(t, 'm')]);
		p_shift(t);
	} else if (f(t, 'i') || w || !pre) {
		put(t, ", #%s%u", f(t, 'u') ? "" : "-", f(t, 'i'));
	}
	put(t, "%s%s", pre ? "]" : "", pre && w ? "!" : "");
}

static void p_amode(struct text *t)
{
	static const char *const modes[4] = { "da", "", "db", "ib" };
	put(t, "%s", modes[f(t, 'p') * 2 + f(t, 'u')]);
}

static void reglist(struct text *t, uint32_t list)
{
	const char *sep = "";
	put(t, "{");
	for (unsigned n = 0; n < 16; n++)
		if (list >> n & 1) {
			put(t, "%s%s", sep, regs[n]);
			sep = ", ";
		}
	put(t, "}");
}

static void p_w(struct text *t) { put(t, "%s", f(t, 'w') ? "!" : ""); }
static void p_list(struct text *t) { reglist(t, f(t, 'l')); }
static void p_listpc(struct text *t) { reglist(t, f(t, 'l') | 1u << 15); }
static void p_pushlist(struct text *t) { reglist(t, (f(t, 'l') & 0xff) | f(t, 'l') >> 8 << 14); }
static void p_poplist(struct text *t) { reglist(t, (f(t, 'l') & 0xff) | f(t, 'l') >> 8 << 15); }
static void p_wload(struct text *t) { put(t, "%s", f(t, 'l') >> f(t, 'n') & 1 ? "" : "!"); }

static void p_psr(struct text *t) { put(t, "%s", f(t, 'R') ? "spsr" : "apsr"); }

static void p_psrf(struct text *t)
{
	uint32_t mask = f(t, 'f');
	if (!f(t, 'R') && mask == 8) {
		put(t, "apsr_nzcvq");
		return;
	}
	put(t, "%s%s", f(t, 'R') ? "spsr" : "cpsr", mask ? "_" : "");
	for (unsigned i = 4; i-- > 0;)
		if (mask >> i & 1)
			put(t, "%c", "cxsf"[i]);
}

static void p_target(struct text *t)
{
	put(t, "#%u", t->pc + 8 + ((uint32_t)sext(f(t, 'i'), 24) << 2) + 2 * f(t, 'H'));
}
static void p_target8(struct text *t) { put(t, "#%u", t->pc + 4 + ((uint32_t)sext(f(t, 'i'), 8) << 1)); }
static void p_target11(struct text *t) { put(t, "#%u", t->pc + 4 + ((uint32_t)sext(f(t, 'i'), 11) << 1)); }

static void p_k(struct text *t) { put(t, "%u", f(t, 'k')); }
static void p_o(struct text *t) { put(t, "%u", f(t, 'o')); }
static void p_q(struct text *t) { put(t, "%u", f(t, 'q')); }
static void p_crn(struct text *t) { put(t, "c%u", f(t, 'n')); }
static void p_crm(struct text *t) { put(t, "c%u", f(t, 'm')); }
static void p_mrcd(struct text *t) { put(t, "%s", f(t, 'd') == 15 ? "apsr_nzcv" : regs[f(t, 'd')]); }

static void offset(struct text *t, uint32_t scale)
{
	if (f(t, 'i'))
		put(t, ", #%u", f(t, 'i') * scale);
}
static void p_i(struct text *t) { put(t, "%u", f(t, 'i')); }
static void p_i4(struct text *t) { put(t, "%u", f(t, 'i') * 4); }
static void p_off1(struct text *t) { offset(t, 1); }
static void p_off2(struct text *t) { offset(t, 2); }
static void p_off4(struct text *t) { offset(t, 4); }
static void p_sh32(struct text *t) { put(t, "%u", f(t, 'i') ? f(t, 'i') : 32); }
static void p_tmov(struct text *t) { put(t, "%s", f(t, 'i') ? "lsls" : "movs"); }
static void p_tmovn(struct text *t) { offset(t, 1); }

static const struct {
	const char *name;
	void (*print)(struct text *t);
} placeholders[] = {
	{ "c", p_c }, { "S", p_S }, { "d", p_d }, { "d2", p_d2 }, { "n", p_n }, { "m", p_m }, { "s", p_s }, { "a", p_a },
	{ "x", p_x }, { "y", p_y }, { "imm", p_imm }, { "shift", p_shift }, { "type", p_type }, { "movop", p_movop },
	{ "movn", p_movn }, { "am", p_am }, { "amode", p_amode }, { "w", p_w }, { "list", p_list }, { "listpc", p_listpc },
	{ "pushlist", p_pushlist }, { "poplist", p_poplist }, { "wload", p_wload }, { "psr", p_psr }, { "psrf", p_psrf },
	{ "target", p_target }, { "target8", p_target8 }, { "target11", p_target11 }, { "k", p_k }, { "o", p_o },
	{ "q", p_q }, { "crn", p_crn }, { "crm", p_crm }, { "mrcd", p_mrcd }, { "i", p_i }, { "i4", p_i4 },
	{ "off1", p_off1 }, { "off2", p_off2 }, { "off4", p_off4 }, { "sh32", p_sh32 }, { "tmov", p_tmov },
	{ "tmovn", p_tmovn },
};

static bool placeholder(struct text *t, const char *name, size_t len)
{
	for (size_t i = 0; i < ARRAY_LEN(placeholders); i++)
		if (strlen(placeholders[i].name) == len && !memcmp(placeholders[i].name, name, len)) {
			placeholders[i].print(t);
			return true;
		}
	return false;
}

bool disasm(const struct arm_insn_row *row, uint32_t insn, uint32_t pc, char *out, size_t size)
{
	struct text t = { out, out + size, row, insn, pc };
	for (const char *p = row->text; *p; p++) {
		const char *close = *p == '{' ? strchr(p, '}') : NULL;
		if (!close) {
			put(&t, "%c", *p);
			continue;
		}
		if (!placeholder(&t, p + 1, (size_t)(close - p - 1)))
			return false;
		p = close;
	}
	return true;
}
