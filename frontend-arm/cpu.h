/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The state of one ARM core (ARM926EJ-S: ARMv5TEJ, DDI 0100I part A and DDI 0198E) and the
 * operations on it that are not translated: mode switches, exceptions, CP15, page-table walks.
 *
 * A "pc key" is the address of an instruction with bit 0 set for Thumb: one 32-bit word names an
 * instruction and its instruction set, as BX takes it.
 *
 * Emitted code and the IR interpreter address the fields named in `arm_globals` (globals.def).
 */
#ifndef RHEA_ARM_CPU_H
#define RHEA_ARM_CPU_H

#include "base/base.h"
#include "base/log.h"
#include "softmmu/tlb.h"

enum arm_mode {
	ARM_USR = 0x10, ARM_FIQ = 0x11, ARM_IRQ = 0x12, ARM_SVC = 0x13, ARM_ABT = 0x17,
	ARM_UND = 0x1b, ARM_SYS = 0x1f,
};

/* Banks of r13, r14 and SPSR. User and System share bank 0, whose SPSR does not exist. */
enum arm_bank { BANK_USR, BANK_FIQ, BANK_IRQ, BANK_SVC, BANK_ABT, BANK_UND, ARM_BANKS };

/* CPSR bits that live in arm_cpu.cpsr; N Z C V Q and T live in fields of their own. */
#define CPSR_MODE 0x1fu
#define CPSR_T (1u << 5)
#define CPSR_F (1u << 6)
#define CPSR_I (1u << 7)
#define CPSR_A (1u << 8) /* no ARMv5 bit; kept because QEMU's arm926 shows it: set at reset and by aborts, IRQ, FIQ */
#define CPSR_J (1u << 24)
#define CPSR_Q (1u << 27)
#define CPSR_V (1u << 28)
#define CPSR_C (1u << 29)
#define CPSR_Z (1u << 30)
#define CPSR_N (1u << 31)

#define SCTLR_M (1u << 0)
#define SCTLR_A (1u << 1)
#define SCTLR_C (1u << 2)
#define SCTLR_B (1u << 7)
#define SCTLR_S (1u << 8)
#define SCTLR_R (1u << 9)
#define SCTLR_I (1u << 12)
#define SCTLR_V (1u << 13)
#define SCTLR_L4 (1u << 15)

enum arm_exception_kind {
	ARM_EXC_NONE, ARM_EXC_UNDEF, ARM_EXC_SWI, ARM_EXC_PREFETCH_ABORT, ARM_EXC_DATA_ABORT,
	ARM_EXC_IRQ, ARM_EXC_FIQ, ARM_EXC_BKPT, ARM_EXC_SEMIHOST,
};

/*
 * An exception that is pending on the instruction at the pc key in arm_cpu.pc. `kind` is the IR's
 * fault flag: helpers and the softmmu's owner callbacks set it, arm_take_exception clears it.
 * ARM_EXC_SEMIHOST is no ARM exception: the run loop hands it to the semihosting service and continues after
 * the instruction.
 */
struct arm_exception {
	uint32_t kind;   /* enum arm_exception_kind */
	uint32_t fsr;    /* aborts: fault status, domain in 7:4 (DDI 0198E 3.5) */
	uint32_t far;    /* data aborts: the modified virtual address */
};

/* Why translated code looks as it does: part of every block's key beside its address. */
enum arm_tb_flag {
	ARM_TB_PRIV = 1,   /* privileged: an odd softmmu space */
	ARM_TB_MMU = 2,    /* addresses are translated: by the MMU, or by a process id alone */
	ARM_TB_ALIGN = 4,  /* SCTLR.A: alignment faults */
	ARM_TB_BE32 = 8,   /* SCTLR.B: word-invariant big-endian */
	ARM_TB_L4 = 16,    /* SCTLR.L4: loads to pc do not interwork */
	ARM_TB_HAS_SPSR = 32, /* the mode has an SPSR (not User or System) */
	ARM_TB_DACR = 64,  /* arm_cp15.dacr_set: softmmu spaces 2 and 3 */
	ARM_TB_FLAGS = 0xffff, /* all of these; the rest is the owner's (arm_cpu.owner_flags) */
};

/* The softmmu's space of unprivileged accesses; of the privileged ones: one more. */
static inline unsigned arm_user_space(uint32_t tb_flags) { return tb_flags & ARM_TB_DACR ? 2u : 0u; }
static inline unsigned arm_space_of(uint32_t tb_flags) { return arm_user_space(tb_flags) + (tb_flags & ARM_TB_PRIV ? 1u : 0u); }

struct arm_cp15 {
	uint32_t sctlr, ttbr0, dacr, dfsr, ifsr, far, fcse_pid, context_id;
	uint32_t dcache_lockdown, icache_lockdown, tlb_lockdown;
	/* Two values of dacr that translations are kept for, each in softmmu spaces of its own: [dacr_set] is the current
	 * one. Kernels change between two at every entry and exit. */
	uint32_t dacr_of[2], dacr_set;
	uint32_t ttbr1, ttbcr; /* storage only, as QEMU's arm926 has it: the walk uses ttbr0 */
};

struct arm_cpu;

/* Memory that page tables were last read from, so that more of them can be without a call; size 0 = none. */
struct arm_tables {
	uint64_t base, size;
	const uint8_t *host;
};

/* What the core asks of the machine around it. Called on the vCPU's thread; none but `tables` may be NULL. */
struct arm_host {
	void *opaque;
	void (*tlb_flush)(void *opaque);
	void (*tlb_flush_page)(void *opaque, gva_t va);
	/* The guest asked for cache maintenance: translated code may be stale (correctness does
	 * not depend on it; stores are tracked). */
	enum mem_result (*read_phys)(void *opaque, gpa_t pa, uint32_t *word); /* page-table reads */
	const struct arm_tables *tables; /* kept by read_phys, voided when the map changes */
	/* Called by helpers when an interrupt is no longer masked or the core waits for one: no block starts before the run
	 * loop has looked. */
	void (*kick)(void *opaque);
	/* Called by helpers after which tb_flags are others: the unit goes nowhere but to a block that is looked up. */
	void (*flags_changed)(void *opaque);
	uint8_t semihosting; /* enum arm_semihosting */
};

enum arm_semihosting { ARM_SEMIHOST_OFF, ARM_SEMIHOST_PRIV, ARM_SEMIHOST_ALL };

struct arm_cpu {
	/* The globals (globals.def). The first 128 bytes are within a short offset of emitted code. */
	uint32_t r[15];        /* r0-r14 of the current mode */
	uint32_t pc;           /* pc key; exact at block boundaries and after an exit */
	uint8_t n, z, c, v, q; /* 0 or 1 */
	uint8_t halted;        /* waits for an interrupt (WFI) */
	uint8_t irq_line, fiq_line; /* levels of nIRQ and nFIQ, 1 = asserted; set by arm_set_irq */
	uint32_t owed;         /* flags that a unit has not written (owed.h); 0 outside of units */
	uint32_t owed_x, owed_y; /* operands kept for it */
	uint32_t tb_flags;     /* enum arm_tb_flag; kept by arm_update_tb_flags */
	struct arm_exception exc;
	uint32_t kept;         /* an operand that flags follow from, inside of a unit (known.c) */

	uint32_t owner_flags;  /* the owner's part of tb_flags, bits 31:16 */
	uint32_t cpsr;         /* mode, I, F, A, J; never N Z C V Q T */
	uint32_t spsr[ARM_BANKS]; /* of every bank; [bank of the current mode] is the SPSR */
	uint32_t bank_r13[ARM_BANKS], bank_r14[ARM_BANKS]; /* of the modes that are not current */
	uint32_t usr_r8[5], fiq_r8[5]; /* r8-r12: the set that is not current */
	struct arm_cp15 cp15;
	/* The virtual addresses that were walked through mappings larger than 4 KiB since the last full
	 * flush, first > last when none: invalidating one address there invalidates the whole mapping. */
	uint32_t large_first, large_last;
	const struct arm_model *model;
	struct arm_host host;
	struct log *log;       /* may be NULL */
};

/* What of it is state (base/state.h); arm_update_tb_flags follows when it was unpacked. */
struct state_desc;
extern const struct state_desc arm_cpu_state;

/* A core that -cpu names. */
struct arm_model {
	const char *name, *help;
	uint32_t midr, ctr, tcmtr, reset_sctlr;
	uint8_t arch; /* architecture version: 5 */
};
const struct arm_model *arm_model_find(const char *name); /* NULL when there is none */
const struct arm_model *arm_models(unsigned *n);

void arm_cpu_init(struct arm_cpu *cpu, const struct arm_model *model, const struct arm_host *host, struct log *log);
/* Power-on reset: SVC mode, I and F set, MMU off, pc = 0 (0xffff0000 with high vectors). */
void arm_cpu_reset(struct arm_cpu *cpu);

uint32_t arm_cpsr_read(const struct arm_cpu *cpu); /* all bits, T from pc */
/* Writes the CPSR bits in `mask`, switching banks; T goes to bit 0 of pc only when in `mask`. Values for modes
 * that do not exist are treated as QEMU does. */
void arm_cpsr_write(struct arm_cpu *cpu, uint32_t value, uint32_t mask);
/* User and System have an SPSR of their own too, storage only, as on QEMU (UNPREDICTABLE in DDI 0100I). */
uint32_t arm_spsr_read(const struct arm_cpu *cpu);
void arm_spsr_write(struct arm_cpu *cpu, uint32_t value, uint32_t mask);
enum arm_bank arm_mode_bank(uint32_t mode);
bool arm_mode_exists(uint32_t mode); /* bits 4:0 */
static inline bool arm_privileged(const struct arm_cpu *cpu) { return (cpu->cpsr & CPSR_MODE) != ARM_USR; }
/* User-bank registers (LDM/STM with ^), 0 <= n <= 14. */
uint32_t arm_user_reg_read(const struct arm_cpu *cpu, unsigned n);
void arm_user_reg_write(struct arm_cpu *cpu, unsigned n, uint32_t value);
void arm_update_tb_flags(struct arm_cpu *cpu);

/*
 * Takes the pending exception cpu->exc (not SEMIHOST), or the IRQ/FIQ given: banks, SPSR, LR with
 * the exact offset, CPSR, vector, fault registers. cpu->pc is the pc key of the instruction that
 * faulted (aborts, undef, SWI, BKPT) or that would run next (IRQ, FIQ). Logs to -d int.
 */
void arm_take_exception(struct arm_cpu *cpu);
void arm_take_interrupt(struct arm_cpu *cpu, enum arm_exception_kind irq_or_fiq);
/* ARM_EXC_IRQ or ARM_EXC_FIQ when one is asserted and not masked, else ARM_EXC_NONE. */
enum arm_exception_kind arm_pending_interrupt(const struct arm_cpu *cpu);
/* An asserted line wakes a halted core even when masked. Ends `halted`. */
void arm_set_irq(struct arm_cpu *cpu, bool fiq, bool level);

/*
 * Page walk of the ARMv5 MMU (DDI 0198E ch. 3). On a fault fills cpu->exc (kind, fsr, far) and
 * returns false. With the MMU off: identity, page_bits 32. FCSE is applied here.
 */
bool arm_mmu_walk(struct arm_cpu *cpu, gva_t va, enum mem_access access, unsigned space, struct mem_walk *out);
/* As above without any effect on the state: for debuggers. */
bool arm_mmu_probe(const struct arm_cpu *cpu, gva_t va, enum mem_access access, unsigned space, struct mem_walk *out);
/* Records what softmmu found: alignment fault or external abort. */
void arm_mem_fault(struct arm_cpu *cpu, enum mem_fault what, gva_t va, enum mem_access access, unsigned space);

/* CP15 and other coprocessor registers. Encoded as crn << 16 | crm << 8 | opc1 << 4 | opc2; coprocessors
 * other than 15 have (cp ^ 15) << 24 as well, see ARM_CP_REG. Return
 * false when the access is undefined (privilege, no such coprocessor register as QEMU's arm926 has it). */
#define ARM_CP_REG(cp, crn, opc1, crm, opc2) \
	(((uint32_t)(cp) ^ 15u) << 24 | (uint32_t)(crn) << 16 | (uint32_t)(crm) << 8 | (uint32_t)(opc1) << 4 | \
	 (uint32_t)(opc2))
bool arm_cp15_read(struct arm_cpu *cpu, uint32_t reg, uint32_t *value);
bool arm_cp15_write(struct arm_cpu *cpu, uint32_t reg, uint32_t value);
/* A debugger's write: to registers that are state, whatever the mode. */
bool arm_cp15_debug_write(struct arm_cpu *cpu, uint32_t reg, uint32_t value);
/* The same for translated code, which looks the register up once: `row` is arm_cp15_row(reg). */
unsigned arm_cp15_row(uint32_t reg);
bool arm_cp15_read_row(struct arm_cpu *cpu, uint32_t reg, unsigned row, uint32_t *value);
bool arm_cp15_write_row(struct arm_cpu *cpu, uint32_t reg, unsigned row, uint32_t value);
/* Privileged writes of it are allowed and do nothing (cache maintenance). */
bool arm_cp15_ignores(uint32_t reg);

/* Prints registers as QEMU's `info registers` does: R00=... PSR=...; `line` has no newline. */
void arm_print_regs(const struct arm_cpu *cpu, void (*print)(void *ctx, const char *line), void *ctx);

#endif
