/* SPDX-License-Identifier: Apache-2.0 */
/* A register machine run by a switch and by computed gotos; failure: jump tables (ldr pc, add pc, Thumb's switch helpers). */
#include "guest.h"

enum op { LI, MOV, ADD, ADDI, SUB, MUL, MOD, XOR, SHR, JZ, JGT, JMP, LOAD, STORE, CALL, RET, PRINT, HALT };

struct insn { uint8_t op, a, b; int32_t c; };

static const struct insn code[] = {
	/*  0: primes below 60 */
	{ LI, 0, 0, 2 }, { LI, 1, 0, 2 }, { MUL, 2, 1, 1 }, { JGT, 2, 0, 9 }, { MOD, 2, 0, 1 }, { JZ, 2, 0, 10 },
	{ ADDI, 1, 1, 1 }, { JMP, 0, 0, 2 }, { HALT, 0, 0, 0 }, { PRINT, 0, 0, 0 }, { ADDI, 0, 0, 1 }, { LI, 2, 0, 60 }, { JGT, 2, 0, 1 },
	/* 13: gcd(1071, 462) by the subroutine at 40 */
	{ LI, 0, 0, 1071 }, { LI, 1, 0, 462 }, { CALL, 0, 0, 40 }, { PRINT, 0, 0, 0 },
	/* 17: fill 64 words by a shift register, sum them */
	{ LI, 0, 0, 0 }, { LI, 1, 0, 44257 }, { LI, 3, 0, 64 }, { SHR, 2, 1, 3 }, { XOR, 1, 1, 2 }, { LI, 2, 0, 1103 }, { MUL, 1, 1, 2 },
	{ ADDI, 1, 1, 12345 }, { STORE, 1, 0, 0 }, { ADDI, 0, 0, 1 }, { JGT, 3, 0, 20 }, { LI, 4, 0, 0 }, { ADDI, 0, 0, -1 }, { LOAD, 1, 0, 0 },
	{ ADD, 4, 4, 1 }, { JZ, 0, 0, 34 }, { JMP, 0, 0, 29 }, { PRINT, 4, 0, 0 },
	/* 35: 12! */
	{ LI, 0, 0, 12 }, { CALL, 0, 0, 45 }, { PRINT, 5, 0, 0 }, { HALT, 0, 0, 0 }, { HALT, 0, 0, 0 },
	/* 40: gcd */
	{ MOD, 2, 0, 1 }, { MOV, 0, 1, 0 }, { MOV, 1, 2, 0 }, { JZ, 1, 0, 49 },
	/* 44: the loop of gcd; 45: factorial of r0 in r5 */
	{ JGT, 1, 15, 40 }, { LI, 5, 0, 1 }, { MUL, 5, 5, 0 }, { ADDI, 0, 0, -1 }, { JGT, 0, 15, 46 }, { RET, 0, 0, 0 },
};

struct machine { int32_t r[16], mem[64]; uint32_t pc, stack[16], sp; uint32_t steps, printed; };

static void print(struct machine *m, int32_t v, bool quiet)
{
	m->printed = m->printed * 31 + (uint32_t)v;
	if (!quiet)
		printf("%ld ", (long)v);
}

static void run_switch(struct machine *m, bool quiet)
{
	for (;;) {
		const struct insn *i = &code[m->pc++];
		int32_t *a = &m->r[i->a], b = m->r[i->b], c = m->r[i->c & 15];

		m->steps++;
		switch ((enum op)i->op) {
		case LI: *a = i->c; break;
		case MOV: *a = b; break;
		case ADD: *a = b + c; break;
		case ADDI: *a = b + i->c; break;
		case SUB: *a = b - c; break;
		case MUL: *a = (int32_t)((uint32_t)b * (uint32_t)c); break;
		case MOD: *a = b % c; break;
		case XOR: *a = b ^ c; break;
		case SHR: *a = (int32_t)((uint32_t)b >> i->c); break;
		case JZ: if (!*a) m->pc = (uint32_t)i->c; break;
		case JGT: if (*a > b) m->pc = (uint32_t)i->c; break;
		case JMP: m->pc = (uint32_t)i->c; break;
		case LOAD: *a = m->mem[b & 63]; break;
		case STORE: m->mem[b & 63] = *a; break;
		case CALL: m->stack[m->sp++ & 15] = m->pc; m->pc = (uint32_t)i->c; break;
		case RET: m->pc = m->stack[--m->sp & 15]; break;
		case PRINT: print(m, *a, quiet); break;
		case HALT: return;
		}
	}
}

static void run_goto(struct machine *m, bool quiet)
{
	static const void *const label[] = { &&li, &&mov, &&add, &&addi, &&sub, &&mul, &&mod, &&xor, &&shr, &&jz, &&jgt, &&jmp,
		&&load, &&store, &&call, &&ret, &&print, &&halt };
	const struct insn *i;
	int32_t *r = m->r;

#define NEXT do { i = &code[m->pc++]; m->steps++; goto *label[i->op]; } while (0)
	NEXT;
li:	r[i->a] = i->c; NEXT;
mov:	r[i->a] = r[i->b]; NEXT;
add:	r[i->a] = r[i->b] + r[i->c]; NEXT;
addi:	r[i->a] = r[i->b] + i->c; NEXT;
sub:	r[i->a] = r[i->b] - r[i->c]; NEXT;
mul:	r[i->a] = (int32_t)((uint32_t)r[i->b] * (uint32_t)r[i->c]); NEXT;
mod:	r[i->a] = r[i->b] % r[i->c]; NEXT;
xor:	r[i->a] = r[i->b] ^ r[i->c]; NEXT;
shr:	r[i->a] = (int32_t)((uint32_t)r[i->b] >> i->c); NEXT;
jz:	if (!r[i->a]) m->pc = (uint32_t)i->c;
	NEXT;
jgt:	if (r[i->a] > r[i->b]) m->pc = (uint32_t)i->c;
	NEXT;
jmp:	m->pc = (uint32_t)i->c; NEXT;
load:	r[i->a] = m->mem[r[i->b] & 63]; NEXT;
store:	m->mem[r[i->b] & 63] = r[i->a]; NEXT;
call:	m->stack[m->sp++ & 15] = m->pc; m->pc = (uint32_t)i->c; NEXT;
ret:	m->pc = m->stack[--m->sp & 15]; NEXT;
print:	print(m, r[i->a], quiet); NEXT;
halt:	return;
}

int main(void)
{
	uint32_t first = 0;

	for (int n = 0; n < 6; n++) {
		struct machine m = { .pc = 0 };

		(n & 1 ? run_goto : run_switch)(&m, n > 1);
		if (n == 0)
			first = m.printed;
		printf("\nrun %d: %lu steps, %s\n", n, (unsigned long)m.steps, m.printed == first ? "same" : "DIFFERENT");
	}
	return 0;
}
