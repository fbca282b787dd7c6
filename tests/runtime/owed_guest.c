/* SPDX-License-Identifier: Apache-2.0 */
/* What random programs that test flags stand on (owed_guest.h). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/runtime/agree.h"
#include "tests/runtime/owed_guest.h"

#define IRQ_HANDLER 0x200u
#define ABORT_HANDLER 0x280u

void owed_log_registers(struct guest *g)
{
	guest_put(g, a_dp(ADD, 0, SP, 0, 1 | 5 << 7 | 3 << 5)); /* r0 + (r1 ror 5) ^ ... */
	for (uint32_t r = 2; r < 6; r++)
		guest_put(g, a_dp(EOR, 0, SP, SP, r | 5 * r << 7 | 3 << 5));
	guest_put(g, a_str(SP, IO, IO_LOG));
}

void owed_put_handlers(struct guest *g)
{
	guest_vector(g, 0x18, IRQ_HANDLER);
	guest_org(g, IRQ_HANDLER);
	guest_put(g, a_str(LR, IO, IO_LOG));
	guest_put(g, 0xe14fd000u); /* mrs sp, spsr */
	guest_put(g, a_str(SP, IO, IO_LOG));
	guest_put(g, a_str(SP, IO, IO_ACK));
	guest_put(g, a_eor(0, 0, 0xa5));
	guest_put(g, a_movr(PTR, BAD));
	guest_put(g, a_dp(ADD, 0, 12, 12, 12 | 2 << 7)); /* the next one comes after 5 to 68 instructions */
	guest_put(g, a_add(12, 12, 1));
	guest_put(g, a_dp(AND, 0, SP, 12, I_BIT | 63));
	guest_put(g, a_add(SP, SP, 15));
	guest_put(g, a_str(SP, IO, IO_TIMER));
	guest_put(g, A32_IRQ_RETURN);
	guest_vector(g, 0x10, ABORT_HANDLER);
	guest_org(g, ABORT_HANDLER);
	guest_put(g, a_str(LR, IO, IO_LOG));
	owed_log_registers(g);
	guest_put(g, a_movr(PTR, GOOD));
	guest_put(g, a_dp(EOR, 0, 2, 2, 12));
	guest_put(g, a_dp(EOR, 0, 3, 3, 12 | 25 << 7));
	guest_put(g, 0xe14fd000u);
	guest_put(g, a_str(SP, IO, IO_LOG));
	guest_put(g, 0xe31d0020u); /* tst sp, #T: go on behind the instruction */
	guest_put(g, a_if(NE, a_sub(LR, LR, 2)));
	guest_put(g, A32_IRQ_RETURN);
}

void owed_put_registers(struct guest *g, uint32_t *rng, uint32_t seed)
{
	guest_org(g, 0x1000);
	guest_set_pc(g, 0x1000);
	for (unsigned n = 0; n < 6; n++)
		guest_li(g, n, agree_below(rng, 3) ? agree_below(rng, 8) - 4 : 0x7ffffffeu + agree_below(rng, 4));
	guest_li(g, DAT, OWED_DATA);
	guest_li(g, PTR, OWED_DATA + 64);
	guest_li(g, GOOD, OWED_DATA + 64);
	guest_li(g, BAD, GUEST_IO + IO_BAD);
	guest_put(g, a_mov(IO, GUEST_IO));
	guest_li(g, 12, seed);
	guest_put(g, a_mov(LR, 100));
	guest_put(g, a_str(LR, IO, IO_TIMER));
}

void owed_put_start(struct guest *g, uint32_t *rng, uint32_t seed, bool thumb)
{
	owed_put_registers(g, rng, seed);
	guest_li(g, 10, OWED_CODE | thumb);
	guest_put(g, a_msr_c(0x53));
	guest_put(g, a_bx(10));
}
