/* SPDX-License-Identifier: Apache-2.0 */
/* A register machine with 56 instructions in one big switch; its programs: a sieve, Fibonacci by recursion, a hash over memory,
 * and 512 instructions of everything. */
#include "bench.h"

enum op {
	MOVI, MOV, ADD, SUB, RSB, AND, OR, XOR, NOT, NEG, SHL, SHR, SAR, ROT, MUL, MLA, ADDI, ANDI, XORI, SHLI, SHRI, MIN, MAX, UMIN, UMAX, ABS,
	SXB, SXH, ZXB, ZXH, SWAP, COUNT, SELECT, CLEAR, BLEND, SQUARE, HASH, AVERAGE, EQ, LT, LTU, NOP,
	LD, LDB, LDH, ST, STB, STH, JMP, BEQ, BNE, BLT, BGE, CALL, RET, HALT, OPS
};

#define I(op, a, b, c) ((uint32_t)(op) | (uint32_t)(a) << 8 | (uint32_t)(b) << 16 | ((uint32_t)(c) & 255) << 24)

static uint8_t mem[4096];
static uint32_t mix_code[512], steps;

/* r0 counts primes below r1 (2048); r5 is 0 */
static const uint32_t sieve[] = {
	I(MOVI, 0, 0, 0), I(MOVI, 5, 0, 0), I(MOVI, 1, 8, 0), I(MOVI, 2, 0, 0),
	I(STB, 5, 2, 0), I(ADDI, 2, 2, 1), I(BLT, 2, 1, -3), I(MOVI, 2, 0, 2),
	I(LDB, 3, 2, 0), I(BNE, 3, 5, 8), I(ADDI, 0, 0, 1), I(MOVI, 6, 0, 1), I(ADD, 4, 2, 2), I(BGE, 4, 1, 4),
	I(STB, 6, 4, 0), I(ADD, 4, 4, 2), I(BLT, 4, 1, -3), I(NOP, 0, 0, 0), I(ADDI, 2, 2, 1), I(BLT, 2, 1, -12), I(HALT, 0, 0, 0),
};

/* r0 = fib(r1), stack at r7 */
static const uint32_t fib[] = {
	I(MOVI, 7, 15, 0), I(MOVI, 2, 0, 2), I(CALL, 0, 0, 2), I(HALT, 0, 0, 0),
	I(BGE, 1, 2, 2), I(MOV, 0, 1, 0), I(RET, 0, 0, 0),
	I(ST, 1, 7, 0), I(ADDI, 7, 7, -8), I(ADDI, 1, 1, -1), I(CALL, 0, 0, -6), I(ADDI, 7, 7, 8), I(LD, 1, 7, 0),
	I(ST, 0, 7, 4), I(ADDI, 7, 7, -8), I(ADDI, 1, 1, -2), I(CALL, 0, 0, -12), I(ADDI, 7, 7, 8), I(LD, 3, 7, 4), I(ADD, 0, 0, 3), I(RET, 0, 0, 0),
};

/* r0 = hash of the words below r1 */
static const uint32_t hash[] = {
	I(MOVI, 0, 0, 1), I(MOVI, 1, 8, 0), I(MOVI, 2, 0, 0), I(MOVI, 4, 0, 31),
	I(LD, 3, 2, 0), I(MLA, 0, 4, 3), I(HASH, 5, 0, 3), I(XOR, 0, 0, 5), I(ADDI, 2, 2, 4), I(BLT, 2, 1, -6), I(HALT, 0, 0, 0),
};

static NOINLINE uint32_t run(const uint32_t *code, uint32_t r1)
{
	uint32_t r[8] = { 1, r1, 3, 4, 5, 6, 7, 8 }, calls[64], depth = 0;
	const uint32_t *pc = code;

	for (;; steps++) {
		uint32_t w = *pc++, x, y;
		uint32_t *a = &r[w >> 8 & 7];
		int32_t c = (int32_t)w >> 24;

		x = r[w >> 16 & 7];
		y = r[w >> 24 & 7];
		switch ((enum op)(w & 63)) {
		case MOVI: *a = (w >> 16 & 255) << 8 | w >> 24; break;
		case MOV: *a = x; break;
		case ADD: *a = x + y; break;
		case SUB: *a = x - y; break;
		case RSB: *a = y - x; break;
		case AND: *a = x & y; break;
		case OR: *a = x | y; break;
		case XOR: *a = x ^ y; break;
		case NOT: *a = ~x; break;
		case NEG: *a = 0 - x; break;
		case SHL: *a = x << (y & 31); break;
		case SHR: *a = x >> (y & 31); break;
		case SAR: *a = (uint32_t)((int32_t)x >> (y & 31)); break;
		case ROT: *a = x << (y & 31) | x >> (-y & 31); break;
		case MUL: *a = x * y; break;
		case MLA: *a = *a * x + y; break;
		case ADDI: *a = x + (uint32_t)c; break;
		case ANDI: *a = x & (uint32_t)c; break;
		case XORI: *a = x ^ (uint32_t)c; break;
		case SHLI: *a = x << (c & 31); break;
		case SHRI: *a = x >> (c & 31); break;
		case MIN: *a = (int32_t)x < (int32_t)y ? x : y; break;
		case MAX: *a = (int32_t)x > (int32_t)y ? x : y; break;
		case UMIN: *a = x < y ? x : y; break;
		case UMAX: *a = x > y ? x : y; break;
		case ABS: *a = (int32_t)x < 0 ? 0 - x : x; break;
		case SXB: *a = (uint32_t)(int8_t)x; break;
		case SXH: *a = (uint32_t)(int16_t)x; break;
		case ZXB: *a = (uint8_t)x; break;
		case ZXH: *a = (uint16_t)x; break;
		case SWAP: *a = x >> 24 | (x >> 8 & 0xff00) | (x << 8 & 0xff0000) | x << 24; break;
		case COUNT: x -= x >> 1 & 0x55555555; x = (x & 0x33333333) + (x >> 2 & 0x33333333); *a = ((x + (x >> 4)) & 0x0f0f0f0f) * 0x01010101 >> 24; break;
		case SELECT: *a = *a & 1 ? x : y; break;
		case CLEAR: *a = x & ~y; break;
		case BLEND: *a = (x & 0xffff0000) | (y & 0xffff); break;
		case SQUARE: *a = x * x + y; break;
		case HASH: *a = (x ^ y) * 16777619; break;
		case AVERAGE: *a = (x & y) + ((x ^ y) >> 1); break;
		case EQ: *a = x == y; break;
		case LT: *a = (int32_t)x < (int32_t)y; break;
		case LTU: *a = x < y; break;
		case NOP: break;
		case LD: memcpy(a, mem + ((x + (uint32_t)c) & 0xffc), 4); break;
		case LDB: *a = mem[(x + (uint32_t)c) & 0xfff]; break;
		case LDH: *a = (uint32_t)mem[(x + (uint32_t)c) & 0xffe] | (uint32_t)mem[((x + (uint32_t)c) & 0xffe) + 1] << 8; break;
		case ST: memcpy(mem + ((x + (uint32_t)c) & 0xffc), a, 4); break;
		case STB: mem[(x + (uint32_t)c) & 0xfff] = (uint8_t)*a; break;
		case STH: mem[(x + (uint32_t)c) & 0xffe] = (uint8_t)*a; mem[((x + (uint32_t)c) & 0xffe) + 1] = (uint8_t)(*a >> 8); break;
		case JMP: pc += c; break;
		case BEQ: pc += *a == x ? c : 0; break;
		case BNE: pc += *a != x ? c : 0; break;
		case BLT: pc += (int32_t)*a < (int32_t)x ? c : 0; break;
		case BGE: pc += (int32_t)*a >= (int32_t)x ? c : 0; break;
		case CALL: calls[depth++ & 63] = (uint32_t)(pc - code); pc += c - 1; break;
		case RET: pc = code + calls[--depth & 63]; break;
		case HALT: return r[0] ^ r[7];
		case OPS: return 0;
		}
	}
}

uint32_t bench(uint32_t n)
{
	uint32_t h = 0, s = 41;

	steps = 0;
	for (unsigned i = 0; i < 512; i++) {
		uint32_t v = next_random(&s);
		mix_code[i] = i == 511 ? I(HALT, 0, 0, 0) : I(v % JMP, v >> 8 & 7, v >> 11 & 7, v >> 24);
	}
	for (uint32_t i = 0; i < n; i++) {
		h = h * 31 + run(sieve, 0);
		h = h * 31 + run(fib, 11);
		for (int j = 0; j < 40; j++)
			h = h * 31 + run(mix_code, h);
		h = h * 31 + run(hash, 0);
	}
	return h ^ steps;
}
