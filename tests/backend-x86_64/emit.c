/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every function of the encoder, over all registers and the addressing forms that encode
 * differently, decoded by Zydis: text, length and flags must be what was asked for. A failure means
 * that emitted code is not the instruction that the backend believes it emits.
 */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <Zydis/Zydis.h>
#include <cmocka.h>

#include "backend-x86_64/emit.h"
#include "base/base.h"

static const char *const reg64[] = {"rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi", "r8", "r9", "r10", "r11",
				    "r12", "r13", "r14", "r15"};
static const char *const reg32[] = {"eax", "ecx", "edx", "ebx", "esp", "ebp", "esi", "edi", "r8d", "r9d", "r10d",
				    "r11d", "r12d", "r13d", "r14d", "r15d"};
static const char *const reg16[] = {"ax", "cx", "dx", "bx", "sp", "bp", "si", "di", "r8w", "r9w", "r10w", "r11w", "r12w",
				    "r13w", "r14w", "r15w"};
static const char *const reg8[] = {"al", "cl", "dl", "bl", "spl", "bpl", "sil", "dil", "r8b", "r9b", "r10b", "r11b",
				   "r12b", "r13b", "r14b", "r15b"};
static const char *const cc_name[] = {"o", "no", "b", "nb", "z", "nz", "be", "nbe", "s", "ns", "p", "np", "l", "nl",
				      "le", "nle"};

struct bench {
	uint8_t buf[64];
	struct emit e;
	unsigned checked;
};

static void start(struct bench *b)
{
	memset(b->buf, 0xcc, sizeof b->buf);
	emit_init(&b->e, b->buf, b->buf + sizeof b->buf);
}

/* The bytes since start() are one instruction whose text is `want`; spaces do not count. */
static void __attribute__((format(printf, 2, 3))) expect(struct bench *b, const char *want_format, ...)
{
	ZydisDecoder decoder;
	ZydisFormatter formatter;
	ZydisDecodedInstruction insn;
	ZydisDecodedOperand ops[ZYDIS_MAX_OPERAND_COUNT];
	char want[128], got[128];
	va_list args;
	va_start(args, want_format);
	vsnprintf(want, sizeof want, want_format, args);
	va_end(args);
	ZydisDecoderInit(&decoder, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
	ZydisFormatterInit(&formatter, ZYDIS_FORMATTER_STYLE_INTEL);
	ZydisFormatterSetProperty(&formatter, ZYDIS_FORMATTER_PROP_HEX_UPPERCASE, ZYAN_FALSE);
	ZydisFormatterSetProperty(&formatter, ZYDIS_FORMATTER_PROP_IMM_SIGNEDNESS, ZYDIS_SIGNEDNESS_UNSIGNED);
	ZydisFormatterSetProperty(&formatter, ZYDIS_FORMATTER_PROP_IMM_PADDING, ZYDIS_PADDING_DISABLED);
	ZydisFormatterSetProperty(&formatter, ZYDIS_FORMATTER_PROP_DISP_PADDING, ZYDIS_PADDING_DISABLED);
	if (!ZYAN_SUCCESS(ZydisDecoderDecodeFull(&decoder, b->buf, sizeof b->buf, &insn, ops)))
		fail_msg("no instruction, wanted: %s", want);
	ZydisFormatterFormatInstruction(&formatter, &insn, ops, insn.operand_count_visible, got, sizeof got, 0, NULL);
	if (strcmp(want, got) != 0 || insn.length != b->e.cur - b->buf)
		fail_msg("wanted %s (%d bytes), got %s (%d bytes)", want, (int)(b->e.cur - b->buf), got, insn.length);
	b->checked++;
	start(b);
}

static const char *const *regs(bool w)
{
	return w ? reg64 : reg32;
}

/* An addressing form, and its text in Zydis' way. */
struct form {
	struct x64_mem m;
	char text[64];
};

static void name_form(struct form *f)
{
	char *p = f->text;
	p += sprintf(p, "[");
	if (f->m.base >= 0)
		p += sprintf(p, "%s", reg64[f->m.base]);
	if (f->m.index >= 0)
		p += sprintf(p, "%s%s*%u", f->m.base >= 0 ? "+" : "", reg64[f->m.index], 1u << f->m.scale);
	if (f->m.disp < 0)
		p += sprintf(p, "-0x%" PRIx32, -(uint32_t)f->m.disp);
	else if (f->m.disp > 0)
		p += sprintf(p, "+0x%" PRIx32, (uint32_t)f->m.disp);
	sprintf(p, "]");
}

#define N_FORMS (16 * 16 * 4 + 16 * 3)

static unsigned all_forms(struct form *f)
{
	static const int32_t disp[] = {0, 8, -0x80, 0x80, 0x12345678};
	unsigned n = 0;
	for (int base = 0; base < 16; base++)
		for (int index = -1; index < 16; index++) {
			if (index == RSP)
				continue;
			unsigned k = (unsigned)(base * 7 + index + 1);
			f[n].m = (struct x64_mem){(int8_t)base, (int8_t)index, index < 0 ? 0 : (uint8_t)(k & 3u),
						  disp[k % ARRAY_LEN(disp)]};
			name_form(&f[n++]);
		}
	for (int index = 0; index < 16; index++) {
		if (index == RSP)
			continue;
		f[n].m = (struct x64_mem){-1, (int8_t)index, 3, 0};
		name_form(&f[n++]);
	}
	return n;
}

/* Two registers. */
static void registers_encode(void **state)
{
	struct bench b = {.checked = 0};
	(void)state;
	start(&b);
	for (int d = 0; d < 16; d++)
		for (int s = 0; s < 16; s++)
			for (int w = 0; w < 2; w++) {
				static const char *const alu[] = {"add", "or", "adc", "sbb", "and", "sub", "xor", "cmp"};
				const char *D = regs(w)[d], *S = regs(w)[s];
				emit_mov_rr(&b.e, w, d, s), expect(&b, "mov %s, %s", D, S);
				for (unsigned k = 0; k < 8; k++)
					emit_alu_rr(&b.e, w, (enum x64_alu)k, d, s), expect(&b, "%s %s, %s", alu[k], D, S);
				emit_test_rr(&b.e, w, d, s), expect(&b, "test %s, %s", D, S);
				emit_imul_rr(&b.e, w, d, s), expect(&b, "imul %s, %s", D, S);
				emit_imul_rri(&b.e, w, d, s, 5), expect(&b, "imul %s, %s, 0x5", D, S);
				emit_imul_rri(&b.e, w, d, s, 0x12345), expect(&b, "imul %s, %s, 0x12345", D, S);
				emit_bsr(&b.e, w, d, s), expect(&b, "bsr %s, %s", D, S);
				emit_lzcnt(&b.e, w, d, s), expect(&b, "lzcnt %s, %s", D, S);
				emit_bt_rr(&b.e, w, d, s), expect(&b, "bt %s, %s", D, S);
				emit_bt_ri(&b.e, w, d, (unsigned)(s + 15)), expect(&b, "bt %s, 0x%x", D, (unsigned)(s + 15));
				if (!w) {
					emit_shld(&b.e, d, s, 5), expect(&b, "shld %s, %s, 0x5", D, S);
					emit_shrd(&b.e, d, s, 9), expect(&b, "shrd %s, %s, 0x9", D, S);
				}
				emit_rorx(&b.e, w, d, s, 13), expect(&b, "rorx %s, %s, 0xd", D, S);
				for (unsigned k = 0; k < 16; k++) {
					emit_cmov_rr(&b.e, w, (enum x64_cc)k, d, s);
					expect(&b, "cmov%s %s, %s", cc_name[k], D, S);
				}
				for (int c = 0; c < 16; c++) {
					emit_shiftx(&b.e, w, SH_SHL, d, s, c), expect(&b, "shlx %s, %s, %s", D, S, regs(w)[c]);
					emit_shiftx(&b.e, w, SH_SHR, d, s, c), expect(&b, "shrx %s, %s, %s", D, S, regs(w)[c]);
					emit_shiftx(&b.e, w, SH_SAR, d, s, c), expect(&b, "sarx %s, %s, %s", D, S, regs(w)[c]);
					emit_mulx(&b.e, d, s, c), expect(&b, "mulx %s, %s, %s", reg32[d], reg32[s], reg32[c]);
					emit_andn(&b.e, w, d, s, c), expect(&b, "andn %s, %s, %s", D, S, regs(w)[c]);
				}
			}
	for (int d = 0; d < 16; d++)
		for (int s = 0; s < 16; s++) {
			emit_ext_rr(&b.e, EXT_Z8, d, s), expect(&b, "movzx %s, %s", reg32[d], reg8[s]);
			emit_ext_rr(&b.e, EXT_S8, d, s), expect(&b, "movsx %s, %s", reg32[d], reg8[s]);
			emit_ext_rr(&b.e, EXT_Z16, d, s), expect(&b, "movzx %s, %s", reg32[d], reg16[s]);
			emit_ext_rr(&b.e, EXT_S16, d, s), expect(&b, "movsx %s, %s", reg32[d], reg16[s]);
			emit_ext_rr(&b.e, EXT_S8Q, d, s), expect(&b, "movsx %s, %s", reg64[d], reg8[s]);
			emit_ext_rr(&b.e, EXT_S16Q, d, s), expect(&b, "movsx %s, %s", reg64[d], reg16[s]);
			emit_ext_rr(&b.e, EXT_S32Q, d, s), expect(&b, "movsxd %s, %s", reg64[d], reg32[s]);
		}
	assert_true(b.checked > 20000 && !b.e.full);
}

/* One register, with and without an immediate. */
static void single_registers_encode(void **state)
{
	static const int32_t imms[] = {0, 1, 0x7f, -1, -0x80, 0x80, 0x12345678, INT32_MIN};
	static const char *const alu[] = {"add", "or", "adc", "sbb", "and", "sub", "xor", "cmp"};
	static const char *const sh[] = {"rol", "ror", "?", "?", "shl", "shr", "?", "sar"};
	struct bench b = {.checked = 0};
	(void)state;
	start(&b);
	for (int r = 0; r < 16; r++)
		for (int w = 0; w < 2; w++) {
			const char *R = regs(w)[r];
			emit_not(&b.e, w, r), expect(&b, "not %s", R);
			emit_mul_r(&b.e, w, r), expect(&b, "%smul %s", w ? "i" : "", reg32[r]);
			emit_neg(&b.e, w, r), expect(&b, "neg %s", R);
			emit_bswap(&b.e, w, r), expect(&b, "bswap %s", R);
			for (unsigned k = 0; k < 8; k++) {
				if (k == 2 || k == 3 || k == 6)
					continue;
				emit_shift_ri(&b.e, w, (enum x64_shift)k, r, 1), expect(&b, "%s %s, 0x1", sh[k], R);
				emit_shift_ri(&b.e, w, (enum x64_shift)k, r, 31), expect(&b, "%s %s, 0x1f", sh[k], R);
				emit_shift_cl(&b.e, w, (enum x64_shift)k, r), expect(&b, "%s %s, cl", sh[k], R);
			}
			for (unsigned i = 0; i < ARRAY_LEN(imms); i++) {
				uint64_t shown = w ? (uint64_t)(int64_t)imms[i] : (uint32_t)imms[i];
				for (unsigned k = 0; k < 8; k++) {
					emit_alu_ri(&b.e, w, (enum x64_alu)k, r, imms[i]);
					expect(&b, "%s %s, 0x%" PRIx64, alu[k], R, shown);
				}
				emit_test_ri(&b.e, w, r, imms[i]), expect(&b, "test %s, 0x%" PRIx64, R, shown);
			}
		}
	emit_cmp_eax_i32(&b.e, 5);
	assert_memory_equal(b.buf, "\x3d\5\0\0", 5); /* the immediate is whole also when it is small */
	expect(&b, "cmp eax, 0x5");
	for (int r = 0; r < 16; r++) {
		emit_mov_ri(&b.e, r, 0), expect(&b, "mov %s, 0x0", reg32[r]);
		emit_mov_ri(&b.e, r, 0xffffffff), expect(&b, "mov %s, 0xffffffff", reg32[r]);
		emit_mov_ri(&b.e, r, UINT64_MAX), expect(&b, "mov %s, 0xffffffffffffffff", reg64[r]);
		emit_mov_ri(&b.e, r, UINT64_C(0x123456789a)), expect(&b, "mov %s, 0x123456789a", reg64[r]);
		emit_test8_ri(&b.e, r, 3), expect(&b, "test %s, 0x3", reg8[r]);
		emit_rol16_8(&b.e, r), expect(&b, "rol %s, 0x8", reg16[r]);
		emit_push(&b.e, r), expect(&b, "push %s", reg64[r]);
		emit_pop(&b.e, r), expect(&b, "pop %s", reg64[r]);
		emit_jmp_r(&b.e, r), expect(&b, "jmp %s", reg64[r]);
		uint8_t *rel32 = emit_lea_rip(&b.e, r);
		emit_link(rel32, b.e.cur + 0x10), expect(&b, "lea %s, [0x0000000000000017]", reg64[r]);
		emit_call_r(&b.e, r), expect(&b, "call %s", reg64[r]);
		for (unsigned k = 0; k < 16; k++)
			emit_setcc_r(&b.e, (enum x64_cc)k, r), expect(&b, "set%s %s", cc_name[k], reg8[r]);
	}
	assert_false(b.e.full);
}

static const char *ptr(unsigned size)
{
	return size == 1 ? "byte ptr " : size == 2 ? "word ptr " : size == 4 ? "dword ptr " : "qword ptr ";
}

/* Every base, index and displacement form. Zydis leaves the size out where a register tells. */
static void memory_forms_encode(void **state)
{
	static const char *const alu[] = {"add", "or", "adc", "sbb", "and", "sub", "xor", "cmp"};
	static struct form form[N_FORMS];
	unsigned n = all_forms(form);
	struct bench b = {.checked = 0};
	(void)state;
	start(&b);
	for (unsigned f = 0; f < n; f++) {
		struct x64_mem m = form[f].m;
		const char *M = form[f].text;
		int r = (int)(f * 5 % 16);
		for (int w = 0; w < 2; w++) {
			const char *R = regs(w)[r];
			unsigned size = w ? 8 : 4;
			emit_mov_rm(&b.e, w, r, m), expect(&b, "mov %s, %s", R, M);
			emit_store(&b.e, size, m, r), expect(&b, "mov %s, %s", M, R);
			emit_store_imm(&b.e, size, m, 0x1234567), expect(&b, "mov %s%s, 0x1234567", ptr(size), M);
			emit_lea(&b.e, w, r, m), expect(&b, "lea %s, %s", R, M);
			emit_imul_rm(&b.e, w, r, m), expect(&b, "imul %s, %s", R, M);
			emit_mul_m(&b.e, w, m), expect(&b, "%smul %s", w ? "i" : "", M);
			emit_cmov_rm(&b.e, w, CC_L, r, m), expect(&b, "cmovl %s, %s", R, M);
			enum x64_alu op = (enum x64_alu)(f % 8);
			emit_alu_rm(&b.e, w, op, r, m), expect(&b, "%s %s, %s", alu[op], R, M);
			emit_alu_mr(&b.e, w, op, m, r), expect(&b, "%s %s, %s", alu[op], M, R);
			emit_alu_mi(&b.e, w, op, m, 5), expect(&b, "%s %s%s, 0x5", alu[op], ptr(size), M);
			emit_alu_mi(&b.e, w, op, m, 0x54321), expect(&b, "%s %s%s, 0x54321", alu[op], ptr(size), M);
		}
		emit_store(&b.e, 1, m, r), expect(&b, "mov %s, %s", M, reg8[r]);
		emit_store(&b.e, 2, m, r), expect(&b, "mov %s, %s", M, reg16[r]);
		emit_store_imm(&b.e, 1, m, 0x12), expect(&b, "mov %s%s, 0x12", ptr(1), M);
		emit_store_imm(&b.e, 2, m, 0x1234), expect(&b, "mov %s%s, 0x1234", ptr(2), M);
		emit_alu8_mi(&b.e, ALU_CMP, m, 1), expect(&b, "cmp %s%s, 0x1", ptr(1), M);
		emit_ext_rm(&b.e, EXT_Z8, r, m), expect(&b, "movzx %s, %s%s", reg32[r], ptr(1), M);
		emit_ext_rm(&b.e, EXT_S8, r, m), expect(&b, "movsx %s, %s%s", reg32[r], ptr(1), M);
		emit_ext_rm(&b.e, EXT_Z16, r, m), expect(&b, "movzx %s, %s%s", reg32[r], ptr(2), M);
		emit_ext_rm(&b.e, EXT_S16, r, m), expect(&b, "movsx %s, %s%s", reg32[r], ptr(2), M);
		emit_ext_rm(&b.e, EXT_S8Q, r, m), expect(&b, "movsx %s, %s%s", reg64[r], ptr(1), M);
		emit_ext_rm(&b.e, EXT_S16Q, r, m), expect(&b, "movsx %s, %s%s", reg64[r], ptr(2), M);
		emit_ext_rm(&b.e, EXT_S32Q, r, m), expect(&b, "movsxd %s, %s%s", reg64[r], ptr(4), M);
		emit_setcc_m(&b.e, (enum x64_cc)(f % 16), m), expect(&b, "set%s %s", cc_name[f % 16], M);
		emit_jmp_m(&b.e, m), expect(&b, "jmp %s", M);
		emit_call_m(&b.e, m), expect(&b, "call %s", M);
	}
	assert_false(b.e.full);
}

static void jumps_and_the_rest_encode(void **state)
{
	struct bench b = {.checked = 0};
	(void)state;
	start(&b);
	emit_cmc(&b.e), expect(&b, "cmc");
	emit_stc(&b.e), expect(&b, "stc");
	emit_clc(&b.e), expect(&b, "clc");
	emit_ret(&b.e), expect(&b, "ret");
	emit_link(emit_jmp(&b.e), b.buf + 0x30), expect(&b, "jmp 0x0000000000000030");
	emit_link(emit_call(&b.e), b.buf + 0x20), expect(&b, "call 0x0000000000000020");
	for (unsigned k = 0; k < 16; k++) {
		emit_link(emit_jcc(&b.e, (enum x64_cc)k), b.buf + 0x10);
		expect(&b, "j%s 0x0000000000000010", cc_name[k]);
	}
	emit_nop(&b.e, 1), expect(&b, "nop");
	for (unsigned k = 2; k <= 9; k++) {
		ZydisDecoder decoder;
		ZydisDecodedInstruction insn;
		ZydisDecoderInit(&decoder, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
		emit_nop(&b.e, k);
		assert_true(ZYAN_SUCCESS(ZydisDecoderDecodeInstruction(&decoder, NULL, b.buf, sizeof b.buf, &insn)));
		assert_true(insn.mnemonic == ZYDIS_MNEMONIC_NOP || k == 2); /* 66 90 is an xchg to some */
		assert_int_equal(insn.length, k);
		start(&b);
	}
}

/* A failure means that a full buffer is overrun, or that its fullness is forgotten. */
static void a_full_buffer_is_sticky(void **state)
{
	uint8_t buf[64];
	struct emit e;
	(void)state;
	memset(buf, 0xaa, sizeof buf);
	emit_init(&e, buf, buf + 32);
	for (unsigned i = 0; i < 1000; i++)
		emit_mov_ri(&e, R15, UINT64_C(0x123456789abcdef0));
	assert_true(e.full);
	for (unsigned i = 32; i < sizeof buf; i++)
		assert_int_equal(buf[i], 0xaa);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(registers_encode),
		cmocka_unit_test(single_registers_encode),
		cmocka_unit_test(memory_forms_encode),
		cmocka_unit_test(jumps_and_the_rest_encode),
		cmocka_unit_test(a_full_buffer_is_sticky),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
