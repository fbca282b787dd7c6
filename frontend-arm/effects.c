/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What instructions do to flags and registers, told from their bits: a twentieth of what lowering them costs. Only of those that compilers
 * write all the time; of the others nothing is said, and who wants to know lowers them.
 * Must say what the lowerings do: tests/frontend-arm/effects.c compares them for each Thumb halfword and for random ARM words. A look ahead that
 * errs only costs time (arm_takes_debt is asked when units are linked); a flag that is wrongly taken for overwritten would not be set.
 */
#include "frontend-arm/effects.h"
#include "frontend-arm/loop.h"

#define NZ (1u << FLAG_N | 1u << FLAG_Z)
#define C (1u << FLAG_C)
#define NZC (NZ | C)
#define FAR 4u /* instructions that are looked at for who overwrites flags */

static uint16_t reg(uint32_t n)
{
	return (uint16_t)(1u << n);
}

static struct arm_effect plain(unsigned sets, uint32_t writes)
{
	return (struct arm_effect){ .kind = EFFECT_PLAIN, .sets = (uint8_t)sets, .writes = (uint16_t)writes };
}

static struct arm_effect access(uint32_t writes)
{
	return (struct arm_effect){ .kind = EFFECT_ACCESS, .access = true, .writes = (uint16_t)writes };
}

static const struct arm_effect other = { .kind = EFFECT_OTHER }, leaves = { .kind = EFFECT_LEAVES }, asks = { .kind = EFFECT_ASKS }, jumps = { .kind = EFFECT_JUMPS };

/* Loads, one after the other. */
static struct arm_effect load_list(uint32_t list, uint32_t base, bool update)
{
	uint32_t last = 31u - (unsigned)__builtin_clz(list), at_once = list & ~(1u << base | 1u << 15);
	struct arm_effect e = access(at_once | ((list | (uint32_t)update << base) & 1u << base));
	e.kind = last == 15 ? EFFECT_LEAVES : EFFECT_ACCESS;
	e.before = (uint16_t)(at_once & ~(1u << last));
	return e;
}

/* A word off pc, which may be taken for a constant. */
static struct arm_effect literal(const struct arm_translate_request *req, uint32_t addr, uint32_t rd)
{
	const struct arm_literals *at = &req->literals;
	uint32_t size = at->end - at->from;
	bool constant = !(addr & 3) && size >= 4 && addr - at->from <= size - 4;
	return constant ? plain(0, reg(rd)) : access(reg(rd));
}

/* ---- Thumb --------------------------------------------------------------------------------------- */

/* By bits 9:6 of 010000xxxx...: flags set, and whether C is read and no register written. */
enum { READS = 16, NO_RESULT = 32 };
static const uint8_t t16_alu[16] = {
	NZ, NZ, NZC | READS, NZC | READS, NZC | READS, ARM_NZCV | READS, ARM_NZCV | READS, NZC | READS,
	NZ | NO_RESULT, ARM_NZCV, ARM_NZCV | NO_RESULT, ARM_NZCV | NO_RESULT, NZ, NZ, NZ, NZ,
};

static struct arm_effect alu(uint32_t insn)
{
	unsigned what = t16_alu[bits(insn, 9, 6)];
	struct arm_effect e = plain(what & ARM_NZCV, what & NO_RESULT ? 0 : reg(bits(insn, 2, 0)));
	e.reads = what & READS ? C : 0;
	return e;
}

static struct arm_effect high(uint32_t insn)
{
	uint32_t rd = bits(insn, 2, 0) | bits(insn, 7, 7) << 3, op = bits(insn, 9, 8);
	if (op == 1)
		return plain(ARM_NZCV, 0);
	if (op == 3)
		return bits(insn, 7, 7) || insn & 7 ? other : leaves;
	return rd == 15 ? other : plain(0, reg(rd));
}

static struct arm_effect misc(uint32_t insn)
{
	if (bits(insn, 11, 8) == 0)
		return plain(0, reg(13));
	if (bits(insn, 11, 9) == 2 && insn & 0x1ff) /* push */
		return access(reg(13));
	if (bits(insn, 11, 9) == 6 && insn & 0x1ff) /* pop */
		return load_list((insn & 0xff) | bits(insn, 8, 8) << 15, 13, true);
	return other;
}

struct arm_effect arm_effect_t16(const struct arm_translate_request *req, uint32_t pc, uint32_t insn)
{
	uint32_t low = reg(bits(insn, 2, 0)), high8 = reg(bits(insn, 10, 8));
	switch (bits(insn, 15, 11)) {
	case 0: return plain(bits(insn, 10, 6) ? NZC : NZ, low);
	case 1: case 2: return plain(NZC, low);
	case 3: return plain(ARM_NZCV, low);
	case 4: return plain(NZ, high8);
	case 5: return plain(ARM_NZCV, 0);
	case 6: case 7: return plain(ARM_NZCV, high8);
	case 8: return bit(insn, 10) ? high(insn) : alu(insn);
	case 9: return literal(req, ((pc + 4) & ~3u) + 4 * bits(insn, 7, 0), bits(insn, 10, 8));
	case 10: return access(bits(insn, 10, 9) == 3 ? low : 0);
	case 11: return access(low);
	case 12: case 14: case 16: return access(0);
	case 13: case 15: case 17: return access(low);
	case 18: return access(0);
	case 19: return access(high8);
	case 20: case 21: return plain(0, high8);
	case 22: case 23: return misc(insn);
	case 24: return insn & 0xff ? access(high8) : other;
	case 25: return insn & 0xff ? load_list(insn & 0xff, bits(insn, 10, 8), true) : other;
	case 26: case 27: return bits(insn, 11, 9) == 7 ? other : asks;
	case 28: return jumps;
	case 31: return leaves;
	case 30: return plain(0, reg(14));
	}
	return other;
}

/* ---- ARM ----------------------------------------------------------------------------------------- */

/* By opcode: is it logical, has it no result, does it read C? */
#define LOGICAL 0xf303u
#define TESTS 0x0f00u
#define WITH_CARRY 0x00e0u

/* `shifted`: the shifter makes a carry; `rotates`: of C. */
static struct arm_effect dp(uint32_t insn, bool shifted, bool rotates)
{
	uint32_t op = bits(insn, 24, 21), rd = bits(insn, 15, 12);
	bool test = bit(TESTS, op), logical = bit(LOGICAL, op), s = bit(insn, 20);
	if ((test && (!s || rd)) || (!test && rd == 15) || ((op == 13 || op == 15) && bits(insn, 19, 16)))
		return other;
	struct arm_effect e = plain(!s ? 0 : !logical ? ARM_NZCV : shifted ? NZC : NZ, test ? 0 : reg(rd));
	e.reads = rotates || bit(WITH_CARRY, op) ? C : 0;
	return e;
}

static struct arm_effect register_operand(uint32_t insn)
{
	bool logical = bit(LOGICAL, bits(insn, 24, 21));
	if (bit(insn, 4)) /* by a register: the old carry, if that is 0 */
		return dp(insn, true, logical && bit(insn, 20));
	return dp(insn, bits(insn, 11, 5), bits(insn, 11, 5) == 3);
}

static struct arm_effect moved(uint32_t insn, bool is_load, bool update)
{
	uint32_t rd = bits(insn, 15, 12);
	struct arm_effect e = access((is_load && rd != 15 ? reg(rd) : 0u) | (update ? reg(bits(insn, 19, 16)) : 0u));
	e.kind = is_load && rd == 15 ? EFFECT_LEAVES : EFFECT_ACCESS;
	return e;
}

static struct arm_effect single(const struct arm_translate_request *req, uint32_t pc, uint32_t insn)
{
	bool is_load = bit(insn, 20), update = !bit(insn, 24) || bit(insn, 21), by_reg = bit(insn, 25);
	uint32_t rn = bits(insn, 19, 16), rd = bits(insn, 15, 12), imm = insn & 0xfff;
	if (by_reg && (bit(insn, 4) || bits(insn, 11, 5) == 3))
		return other; /* not defined; rotates by way of C */
	if (rn != 15)
		return moved(insn, is_load, update);
	if (by_reg || update || bit(insn, 22) || !is_load || rd == 15)
		return other;
	return literal(req, pc + 8 + (bit(insn, 23) ? imm : 0u - imm), rd);
}

/* Halfwords and signed bytes; multiplies, swaps and doublewords are others. */
static struct arm_effect extra(uint32_t insn)
{
	uint32_t kind = bits(insn, 6, 5), rn = bits(insn, 19, 16), rd = bits(insn, 15, 12);
	bool is_load = bit(insn, 20);
	if (!kind || (!is_load && kind != 1) || rn == 15 || rd == 15 || (!bit(insn, 22) && bits(insn, 11, 8)))
		return other;
	return moved(insn, is_load, !bit(insn, 24) || bit(insn, 21));
}

static struct arm_effect multiple(uint32_t insn)
{
	uint32_t rn = bits(insn, 19, 16), list = insn & 0xffff;
	if (bit(insn, 22) || rn == 15 || !list)
		return other;
	return bit(insn, 20) ? load_list(list, rn, bit(insn, 21)) : access(bit(insn, 21) ? reg(rn) : 0);
}

struct arm_effect arm_effect_a32(const struct arm_translate_request *req, uint32_t pc, uint32_t insn)
{
	uint32_t cond = insn >> 28;
	if (cond != ARM_AL)
		return cond < ARM_AL && bits(insn, 27, 24) == 10 ? asks : other;
	switch (bits(insn, 27, 25)) {
	case 0:
		if (bit(insn, 4) && bit(insn, 7))
			return extra(insn);
		return (insn & 0xffffff0) == 0x12fff10 && bits(insn, 3, 0) != 15 ? leaves : register_operand(insn);
	case 1: return dp(insn, bits(insn, 11, 8), false);
	case 2: case 3: return single(req, pc, insn);
	case 4: return multiple(insn);
	case 5: return jumps;
	}
	return other;
}

static struct arm_effect effect(const struct arm_translate_request *req, uint32_t offset)
{
	uint32_t pc = (req->pc_key & ~1u) + offset;
	return req->pc_key & 1 ? arm_effect_t16(req, pc, fetch_t16(req, offset)) : arm_effect_a32(req, pc, fetch_a32(req, offset));
}

/* ---- behind an instruction ----------------------------------------------------------------------- */

unsigned arm_find_unseen(const struct arm_lower *l, bool *may_wait)
{
	const struct arm_translate_request *req = l->req;
	uint32_t size = l->thumb ? 2 : 4, offset = l->offset;
	unsigned seen = 0, unseen = 0;
	*may_wait = false;
	if (effect(req, offset - size).kind != EFFECT_PLAIN) /* may write the program counter: what is behind it is not what comes next */
		return 0;
	for (unsigned k = 0; k < FAR; k++, offset += size) {
		bool ends = k == l->room || req->code_bytes - offset < size || is_barred(req, offset);
		struct arm_effect e = ends ? jumps : effect(req, offset);
		if (!k)
			*may_wait = e.kind >= EFFECT_LEAVES && !e.access;
		if (e.kind != EFFECT_PLAIN)
			break;
		seen |= e.reads & ~unseen;
		unseen |= e.sets & ~seen;
		if ((seen | unseen) == ARM_NZCV)
			break;
	}
	return unseen;
}

/* ---- ahead --------------------------------------------------------------------------------------- */

/* An access may fault: then the flags that are still owed are shown. */
static void show(struct arm_debtor *to, uint32_t written)
{
	to->faults |= to->kills != ARM_NZCV;
	for (unsigned f = 0; f < ARM_FLAGS; f++)
		if (!(to->kills >> f & 1u))
			to->written[f] = (uint16_t)written;
}

bool arm_foresee(const struct arm_translate_request *req, struct arm_debtor *to)
{
	uint32_t size = req->pc_key & 1 ? 2 : 4, written = 0;
	*to = (struct arm_debtor){ .by_value = ARM_VALUE_WRITES };
	for (uint32_t offset = 0; offset < ARM_LOOK_AHEAD * size && req->code_bytes - offset >= size; offset += size) {
		if (offset && is_barred(req, offset))
			return true;
		struct arm_effect e = effect(req, offset);
		if (e.kind == EFFECT_OTHER)
			return false;
		if (e.kind == EFFECT_ASKS || e.reads & ~to->kills)
			return true;
		if (e.access)
			show(to, written | e.before);
		to->kills |= e.sets;
		written |= e.writes;
		if (to->kills == ARM_NZCV) {
			to->by_value = ARM_VALUE_TAKES;
			return true;
		}
		if (e.kind == EFFECT_LEAVES || e.kind == EFFECT_JUMPS) {
			to->by_value = ARM_VALUE_PASSES;
			return true;
		}
	}
	return true;
}
