/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ir_eval() against plain C written a second time, on corner cases and random operands. A failure
 * means that constant folding and the interpreter compute something the op table does not promise.
 */
#include "tests/ir/util.h"

typedef uint64_t (*reference)(uint64_t a, uint64_t b, uint64_t c);

#define BITS32 32
#define BITS64 64
/* One function an op and width: u and s are the operands' unsigned and signed C types. */
#define REF(name, bits, expr) \
	static uint64_t name##_##bits(uint64_t a_, uint64_t b_, uint64_t c_) \
	{ \
		uint##bits##_t a = (uint##bits##_t)a_, b = (uint##bits##_t)b_; \
		uint32_t c = (uint32_t)c_; \
		(void)a, (void)b, (void)c; \
		return (uint##bits##_t)(expr); \
	}
#define BOTH(name, expr) REF(name, 32, expr) REF(name, 64, expr)

typedef __int128 wide;
typedef unsigned __int128 uwide;

BOTH(copy, a)
BOTH(add, a + b)
BOTH(sub, a - b)
BOTH(mul, a * b)
BOTH(and, a & b)
BOTH(or, a | b)
BOTH(xor, a ^ b)
BOTH(andn, a & ~b)
BOTH(not, ~a)
BOTH(neg, ~a + 1)
REF(shl, 32, a << (b % 32))
REF(shl, 64, a << (b % 64))
REF(shr, 32, a >> (b % 32))
REF(shr, 64, a >> (b % 64))
REF(sar, 32, (int32_t)a >> (b % 32))
REF(sar, 64, (int64_t)a >> (b % 64))
REF(ror, 32, (uint32_t)(((uint64_t)a << 32 | a) >> (b % 32)))
REF(ror, 64, (uint64_t)(((uwide)a << 64 | a) >> (b % 64)))
REF(bswap, 32, a << 24 | (a & 0xff00) << 8 | (a >> 8 & 0xff00) | a >> 24)
REF(bswap, 64, (uint64_t)bswap_32(a, 0, 0) << 32 | bswap_32(a >> 32, 0, 0))
BOTH(adc, a + b + c)
BOTH(sbc, a - b - (1 - c))
REF(add_c, 32, ((uint64_t)a + b + c) >> 32)
REF(add_c, 64, ((uwide)a + b + c) >> 64)
REF(sub_c, 32, (uint64_t)a >= (uint64_t)b + (1 - c))
REF(sub_c, 64, (uwide)a >= (uwide)b + (1 - c))
REF(add_v, 32, (int64_t)(int32_t)a + (int32_t)b + c != (int32_t)(a + b + c))
REF(add_v, 64, (wide)(int64_t)a + (int64_t)b + c != (int64_t)(a + b + c))
REF(sub_v, 32, (int64_t)(int32_t)a - (int32_t)b - (1 - (int64_t)c) != (int32_t)(a - b - (1 - c)))
REF(sub_v, 64, (wide)(int64_t)a - (int64_t)b - (1 - (int64_t)c) != (int64_t)(a - b - (1 - c)))
static uint64_t out_left(uint64_t a, unsigned n, uint64_t c)
{
	return n == 0 ? c : n > 32 ? 0 : a >> (32 - n) & 1;
}

static uint64_t out_right(uint64_t a, unsigned n, uint64_t c, uint64_t beyond)
{
	return n == 0 ? c : n > 32 ? beyond : a >> (n - 1) & 1;
}
REF(shl_c, 32, out_left((uint32_t)a, (uint8_t)b, c))
REF(shr_c, 32, out_right((uint32_t)a, (uint8_t)b, c, 0))
REF(sar_c, 32, out_right((uint32_t)a, (uint8_t)b, c, a >> 31 & 1))
REF(mulh_u, 32, (uint64_t)(((uwide)(uint32_t)a * (uint32_t)b) >> 32))
REF(mulh_s, 32, (uint64_t)(((wide)(int32_t)a * (int32_t)b) >> 32))
REF(sext8, 32, (a % 0x100u ^ 0x80u) - 0x80u)
REF(sext16, 32, (a % 0x10000u ^ 0x8000u) - 0x8000u)
REF(zext8, 32, a % 0x100u)
REF(zext16, 32, a % 0x10000u)
REF(sext32, 64, a % 0x100000000u | (a & 0x80000000u ? UINT64_C(0xffffffff) << 32 : 0))
REF(zext32, 64, a % 0x100000000u)
REF(trunc, 64, a % 0x100000000u)
REF(high, 64, a / 0x100000000u)
REF(join, 64, b % 0x100000000u * 0x100000000u + a % 0x100000000u)

static uint64_t clz_in(uint64_t a, unsigned bits)
{
	unsigned n = 0;
	while (n < bits && !(a >> (bits - 1 - n) & 1))
		n++;
	return n;
}
REF(clz, 32, clz_in(a, 32))
REF(clz, 64, clz_in(a, 64))

/* select takes its condition first; b and c have the type. */
static uint64_t select_32(uint64_t a, uint64_t b, uint64_t c)
{
	return (uint32_t)a ? (uint32_t)b : (uint32_t)c;
}

static uint64_t select_64(uint64_t a, uint64_t b, uint64_t c)
{
	return (uint32_t)a ? b : c;
}

#define ROW2(name) [IR_##name] = { { name##_32, name##_64 } }
static const struct {
	reference ref[2]; /* i32, i64; NULL = the op has no such form */
} refs[IR_OP_COUNT] = {
	ROW2(copy), ROW2(add), ROW2(sub), ROW2(mul), ROW2(and), ROW2(or), ROW2(xor), ROW2(andn), ROW2(shl), ROW2(shr),
	ROW2(sar), ROW2(ror), ROW2(not), ROW2(neg), ROW2(clz), ROW2(bswap), ROW2(select), ROW2(adc), ROW2(sbc),
	ROW2(add_c), ROW2(add_v), ROW2(sub_c), ROW2(sub_v),
	[IR_shl_c] = { { shl_c_32, NULL } }, [IR_shr_c] = { { shr_c_32, NULL } }, [IR_sar_c] = { { sar_c_32, NULL } },
	[IR_mulh_u] = { { mulh_u_32, NULL } }, [IR_mulh_s] = { { mulh_s_32, NULL } },
	[IR_sext8] = { { sext8_32, NULL } }, [IR_sext16] = { { sext16_32, NULL } },
	[IR_zext8] = { { zext8_32, NULL } }, [IR_zext16] = { { zext16_32, NULL } },
	[IR_sext32] = { { sext32_64, NULL } }, [IR_zext32] = { { zext32_64, NULL } },
	[IR_trunc] = { { trunc_64, NULL } }, [IR_high] = { { high_64, NULL } }, [IR_join] = { { join_64, NULL } },
};

static bool has_carry_in(enum ir_op op)
{
	return ir_ops[op].n_args == 3 && ir_ops[op].args[2] == 'w';
}

static void check(enum ir_op op, enum ir_type type, struct random_source *rnd, uint64_t seed)
{
	reference ref = refs[op].ref[type == IR_I64];
	uint64_t a = random_interesting(rnd), b = random_interesting(rnd), c = random_interesting(rnd);
	if (has_carry_in(op))
		c &= 1;
	if (random_below(rnd, 8) == 0)
		b = a;
	uint64_t got = ir_eval(op, type, 0, a, b, c), want = ref(a, b, c);
	if (got != want) {
		print_error("RHEA_SEED=%#llx: %s type %u of %#llx, %#llx, %#llx: %#llx, expected %#llx\n",
			    (unsigned long long)seed, ir_ops[op].name, type, (unsigned long long)a,
			    (unsigned long long)b, (unsigned long long)c, (unsigned long long)got,
			    (unsigned long long)want);
		fail();
	}
}

/* Every pure op with operands has a reference (cmp has its own test) and agrees with it. */
static void every_op_agrees_with_plain_c(void **state)
{
	(void)state;
	uint64_t seed = random_seed_from_env(1);
	struct random_source rnd = { seed };
	for (unsigned op = 0; op < IR_OP_COUNT; op++) {
		if (!(ir_ops[op].flags & IR_PURE) || ir_ops[op].n_args == 0 || op == IR_cmp)
			continue;
		if (!refs[op].ref[0])
			fail_msg("no reference for %s", ir_ops[op].name);
		for (unsigned n = 0; n < 20000; n++) {
			check((enum ir_op)op, IR_I32, &rnd, seed);
			if (refs[op].ref[1])
				check((enum ir_op)op, IR_I64, &rnd, seed);
		}
	}
}

/* The ten conditions follow from signed and unsigned order, at both widths. */
static void compare_follows_the_order_of_numbers(void **state)
{
	(void)state;
	uint64_t seed = random_seed_from_env(2);
	struct random_source rnd = { seed };
	for (unsigned n = 0; n < 40000; n++) {
		uint64_t a = random_interesting(&rnd), b = random_below(&rnd, 4) ? random_interesting(&rnd) : a;
		bool wide_type = n & 1;
		if (!wide_type)
			a = (uint32_t)a, b = (uint32_t)b;
		int64_t sa = wide_type ? (int64_t)a : (int32_t)a, sb = wide_type ? (int64_t)b : (int32_t)b;
		const bool want[] = {
			[IR_EQ] = a == b, [IR_NE] = a != b, [IR_LTU] = a < b, [IR_GEU] = a >= b, [IR_LEU] = a <= b,
			[IR_GTU] = a > b, [IR_LTS] = sa < sb, [IR_GES] = sa >= sb, [IR_LES] = sa <= sb,
			[IR_GTS] = sa > sb,
		};
		enum ir_type t = wide_type ? IR_I64 : IR_I32;
		for (unsigned cc = 0; cc < ARRAY_LEN(want); cc++) {
			enum ir_cc negated = ir_cc_negate((enum ir_cc)cc), swapped = ir_cc_swap((enum ir_cc)cc);
			assert_int_equal(ir_eval(IR_cmp, t, (uint16_t)cc, a, b, 0), want[cc]);
			assert_int_equal(ir_eval(IR_cmp, t, (uint16_t)negated, a, b, 0), !want[cc]);
			assert_int_equal(ir_eval(IR_cmp, t, (uint16_t)swapped, b, a, 0), want[cc]);
		}
	}
}

/* Corner cases written out by hand, so that reference and code cannot be wrong together. */
static void corner_cases_have_known_results(void **state)
{
	(void)state;
	static const struct {
		enum ir_op op;
		enum ir_type type;
		uint64_t a, b, c, want;
	} cases[] = {
		{ IR_clz, IR_I32, 0, 0, 0, 32 },
		{ IR_clz, IR_I64, 0, 0, 0, 64 },
		{ IR_shl, IR_I32, 1, 32, 0, 1 },
		{ IR_shl, IR_I32, 1, 33, 0, 2 },
		{ IR_shl, IR_I64, 1, 63, 0, UINT64_C(1) << 63 },
		{ IR_sar, IR_I32, 0x80000000, 31, 0, 0xffffffff },
		{ IR_ror, IR_I32, 0x80000001, 4, 0, 0x18000000 },
		{ IR_ror, IR_I32, 0x12345678, 0, 0, 0x12345678 },
		{ IR_neg, IR_I32, 0x80000000, 0, 0, 0x80000000 },
		{ IR_sext8, IR_I32, 0x180, 0, 0, 0xffffff80 },
		{ IR_sext32, IR_VOID, 0x80000000, 0, 0, UINT64_C(0xffffffff80000000) },
		{ IR_join, IR_VOID, 1, 2, 0, UINT64_C(0x200000001) },
		{ IR_bswap, IR_I32, 0x11223344, 0, 0, 0x44332211 },
		{ IR_add_c, IR_I32, 0xffffffff, 0xffffffff, 1, 1 },
		{ IR_add_c, IR_I64, UINT64_MAX, 0, 1, 1 },
		{ IR_add_c, IR_I32, 0xffffffff, 0, 0, 0 },
		{ IR_add_v, IR_I32, 0x7fffffff, 0, 1, 1 },
		{ IR_sub_c, IR_I32, 0, 0, 1, 1 },
		{ IR_sub_c, IR_I32, 0, 0, 0, 0 },
		{ IR_sub_c, IR_I32, 0, 0xffffffff, 0, 0 },
		{ IR_sub_v, IR_I32, 0x80000000, 1, 1, 1 },
		{ IR_sub_v, IR_I32, 0x80000000, 0, 0, 1 },
		{ IR_sub_v, IR_I64, 0, UINT64_C(1) << 63, 1, 1 },
		{ IR_select, IR_I64, 2, 5, 6, 5 },
	};
	for (unsigned i = 0; i < ARRAY_LEN(cases); i++)
		assert_int_equal(ir_eval(cases[i].op, cases[i].type, 0, cases[i].a, cases[i].b, cases[i].c),
				 cases[i].want);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_op_agrees_with_plain_c),
		cmocka_unit_test(compare_follows_the_order_of_numbers),
		cmocka_unit_test(corner_cases_have_known_results),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
