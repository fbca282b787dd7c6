/* SPDX-License-Identifier: Apache-2.0 */
/* The ARMv5TE instructions that C does not reach, with their Q flag; failure: the row named. Always ARM code. */
#include "guest.h"

#define ARM __attribute__((target("arm"), noinline))

#define DSP2(name, insn) \
	static ARM uint32_t name(uint32_t a, uint32_t b, uint32_t acc, uint32_t *psr) \
	{ \
		uint32_t r = acc, s; \
		(void)acc; \
		__asm__ volatile("msr cpsr_f, #0\n\t" insn "\n\tmrs %1, cpsr\n\tmsr cpsr_f, #0" \
				 : "=&r"(r), "=&r"(s) : "r"(a), "r"(b), "r"(acc) : "cc"); \
		*psr = s & 0xf8000000u; \
		return r; \
	}
DSP2(f_qadd, "qadd %0, %2, %3")
DSP2(f_qsub, "qsub %0, %2, %3")
DSP2(f_qdadd, "qdadd %0, %2, %3")
DSP2(f_qdsub, "qdsub %0, %2, %3")
DSP2(f_smlabb, "smlabb %0, %2, %3, %4")
DSP2(f_smlabt, "smlabt %0, %2, %3, %4")
DSP2(f_smlatb, "smlatb %0, %2, %3, %4")
DSP2(f_smlatt, "smlatt %0, %2, %3, %4")
DSP2(f_smlawb, "smlawb %0, %2, %3, %4")
DSP2(f_smlawt, "smlawt %0, %2, %3, %4")
DSP2(f_smulbb, "smulbb %0, %2, %3")
DSP2(f_smulbt, "smulbt %0, %2, %3")
DSP2(f_smultb, "smultb %0, %2, %3")
DSP2(f_smultt, "smultt %0, %2, %3")
DSP2(f_smulwb, "smulwb %0, %2, %3")
DSP2(f_smulwt, "smulwt %0, %2, %3")
DSP2(f_clz, "clz %0, %2")
DSP2(f_mul, "muls %0, %2, %3")
DSP2(f_mla, "mlas %0, %2, %3, %4")
DSP2(f_adc, "adds %0, %2, %2\n\tadcs %0, %2, %3")
DSP2(f_sbc, "subs %0, %3, %2\n\tsbcs %0, %2, %3")
DSP2(f_rsc, "subs %0, %3, %2\n\trscs %0, %2, %3")
DSP2(f_rrx, "adds %0, %2, %2\n\tmovs %0, %3, rrx")
DSP2(f_lsl, "movs %0, %2, lsl %3")
DSP2(f_lsr, "movs %0, %2, lsr %3")
DSP2(f_asr, "movs %0, %2, asr %3")
DSP2(f_ror, "movs %0, %2, ror %3")
DSP2(f_teq, "teq %2, %3, lsr #7\n\tmov %0, #0")
DSP2(f_cmn, "cmn %2, %3\n\tmov %0, #0")
DSP2(f_swp, "mov %0, #0\n\tstr %2, [sp, #-8]!\n\tswp %0, %3, [sp]\n\tldr %1, [sp], #8\n\tadd %0, %0, %1")
DSP2(f_swpb, "mov %0, #0\n\tstr %2, [sp, #-8]!\n\tswpb %0, %3, [sp]\n\tldr %1, [sp], #8\n\tadd %0, %0, %1")

#define LONG(name, insn) \
	static ARM uint32_t name(uint32_t a, uint32_t b, uint32_t acc, uint32_t *psr) \
	{ \
		uint32_t lo = acc, hi = ~acc, s; \
		__asm__ volatile("msr cpsr_f, #0\n\t" insn "\n\tmrs %2, cpsr\n\tmsr cpsr_f, #0" \
				 : "+&r"(lo), "+&r"(hi), "=&r"(s) : "r"(a), "r"(b) : "cc"); \
		*psr = s & 0xf8000000u; \
		return lo * 31 + hi; \
	}
LONG(f_umull, "umulls %0, %1, %3, %4")
LONG(f_smull, "smulls %0, %1, %3, %4")
LONG(f_umlal, "umlals %0, %1, %3, %4")
LONG(f_smlal, "smlals %0, %1, %3, %4")
LONG(f_smlalbb, "smlalbb %0, %1, %3, %4")
LONG(f_smlalbt, "smlalbt %0, %1, %3, %4")
LONG(f_smlaltb, "smlaltb %0, %1, %3, %4")
LONG(f_smlaltt, "smlaltt %0, %1, %3, %4")

static const struct { const char *name; uint32_t (*fn)(uint32_t, uint32_t, uint32_t, uint32_t *); } rows[] = {
#define ROW(n) { #n, f_##n },
	ROW(qadd) ROW(qsub) ROW(qdadd) ROW(qdsub) ROW(smlabb) ROW(smlabt) ROW(smlatb) ROW(smlatt) ROW(smlawb) ROW(smlawt)
	ROW(smulbb) ROW(smulbt) ROW(smultb) ROW(smultt) ROW(smulwb) ROW(smulwt) ROW(clz) ROW(mul) ROW(mla) ROW(adc) ROW(sbc)
	ROW(rsc) ROW(rrx) ROW(lsl) ROW(lsr) ROW(asr) ROW(ror) ROW(teq) ROW(cmn) ROW(swp) ROW(swpb) ROW(umull) ROW(smull)
	ROW(umlal) ROW(smlal) ROW(smlalbb) ROW(smlalbt) ROW(smlaltb) ROW(smlaltt)
};

int main(void)
{
	static const uint32_t edge[] = { 0, 1, 0xffffffff, 0x7fffffff, 0x80000000, 0x80008000, 0x7fff8000, 0x40000000, 31, 32, 33, 256, 0xc0000001, 0x12345678 };
	struct guest_rng g = { 77 };

	for (unsigned k = 0; k < ARRAY_LEN(rows); k++) {
		uint32_t h = 0, flags = 0;

		for (unsigned i = 0; i < ARRAY_LEN(edge); i++)
			for (unsigned j = 0; j < ARRAY_LEN(edge); j++) {
				uint32_t acc = j & 1 ? guest_random(&g) : edge[(i + j) % ARRAY_LEN(edge)], psr, r = rows[k].fn(edge[i], edge[j], acc, &psr);
				h = (h ^ r) * 16777619u;
				flags = (flags ^ psr >> 27) * 16777619u;
			}
		printf("%-8s %08lx flags %08lx\n", rows[k].name, (unsigned long)h, (unsigned long)flags);
	}
	return 0;
}
