/* SPDX-License-Identifier: Apache-2.0 */
/* Host code through Zydis, Intel syntax. */
#include <stdio.h>
#include <string.h>

#include "base/library.h"
#include "debug/disas-internal.h"

static const char *const names[] = {
#define FUNCTION(name) #name,
#include "debug/zydis.def"
#undef FUNCTION
};

static bool load(const char *name, uint64_t version, const char *package, const char *const *functions, unsigned n, void *table)
{
	char file[32];
	snprintf(file, sizeof file, "%s.so.%u.%u", name, (unsigned)(version >> 48), (unsigned)(version >> 32 & 0xffff));
	const struct library library = {file, package, functions, n};
	return library_load(&library, table, NULL);
}

static bool has_library(struct disas *d)
{
	static const char *const append = "ZyanStringAppendFormat";
	if (!d->tried_x64)
		d->no_x64 = !load("libZydis", ZYDIS_VERSION, "libzydis4.0", names, ARRAY_LEN(names), &d->z) ||
			    !load("libZycore", ZYCORE_VERSION, "libzycore1.4", &append, 1, &d->z.ZyanStringAppendFormat);
	d->tried_x64 = true;
	return !d->no_x64;
}

/* What the formatter's hooks learn about the instruction, and the functions that they stand before. */
struct formatting {
	const struct zydis *z;
	const struct disas_x64_block *block;
	ZydisFormatterFunc address, immediate;
	bool mask_address, mask_immediate; /* it depends on where the host put things */
};

static ZyanStatus append_masked(const struct zydis *z, ZydisFormatterBuffer *buffer, ZydisTokenType type)
{
	ZyanString *s;
	if (!ZYAN_SUCCESS(z->ZydisFormatterBufferAppend(buffer, type)) ||
	    !ZYAN_SUCCESS(z->ZydisFormatterBufferGetString(buffer, &s)))
		return ZYAN_STATUS_FAILED;
	return z->ZyanStringAppendFormat(s, "<host>");
}

static ZyanStatus print_address(const ZydisFormatter *formatter, ZydisFormatterBuffer *buffer,
				ZydisFormatterContext *context)
{
	struct formatting *f = context->user_data;
	ZyanU64 target;
	if (!f->block->relative ||
	    !ZYAN_SUCCESS(f->z->ZydisCalcAbsoluteAddress(context->instruction, context->operand, context->runtime_address,
						   &target)) ||
	    target <= f->block->size)
		return f->address(formatter, buffer, context);
	f->mask_address = true;
	return append_masked(f->z, buffer, ZYDIS_TOKEN_ADDRESS_ABS);
}

static ZyanStatus print_immediate(const ZydisFormatter *formatter, ZydisFormatterBuffer *buffer,
				  ZydisFormatterContext *context)
{
	struct formatting *f = context->user_data;
	if (!f->block->relative || context->instruction->raw.imm[0].size != 64)
		return f->immediate(formatter, buffer, context);
	f->mask_immediate = true;
	return append_masked(f->z, buffer, ZYDIS_TOKEN_IMMEDIATE);
}

static void formatter_init(ZydisFormatter *formatter, struct formatting *f)
{
	const struct zydis *z = f->z;
	const void *hook;
	z->ZydisFormatterInit(formatter, ZYDIS_FORMATTER_STYLE_INTEL);
	z->ZydisFormatterSetProperty(formatter, ZYDIS_FORMATTER_PROP_HEX_UPPERCASE, ZYAN_FALSE);
	z->ZydisFormatterSetProperty(formatter, ZYDIS_FORMATTER_PROP_ADDR_PADDING_ABSOLUTE, (ZyanUPointer)ZYDIS_PADDING_DISABLED);
	z->ZydisFormatterSetProperty(formatter, ZYDIS_FORMATTER_PROP_DISP_PADDING, (ZyanUPointer)ZYDIS_PADDING_DISABLED);
	z->ZydisFormatterSetProperty(formatter, ZYDIS_FORMATTER_PROP_IMM_PADDING, (ZyanUPointer)ZYDIS_PADDING_DISABLED);
	hook = (const void *)print_address;
	z->ZydisFormatterSetHook(formatter, ZYDIS_FORMATTER_FUNC_PRINT_ADDRESS_ABS, &hook);
	f->address = (ZydisFormatterFunc)hook;
	hook = (const void *)print_immediate;
	z->ZydisFormatterSetHook(formatter, ZYDIS_FORMATTER_FUNC_PRINT_IMM, &hook);
	f->immediate = (ZydisFormatterFunc)hook;
}

static bool masked(const ZydisDecodedInstruction *insn, const struct formatting *f, unsigned i)
{
	unsigned disp = insn->raw.disp.offset, imm = insn->raw.imm[0].offset;
	if (f->mask_immediate && i >= imm && i < imm + insn->raw.imm[0].size / 8u)
		return true;
	if (!f->mask_address)
		return false;
	if (insn->raw.imm[0].is_relative)
		return i >= imm && i < imm + insn->raw.imm[0].size / 8u;
	return i >= disp && i < disp + insn->raw.disp.size / 8u;
}

/* Up to eight bytes of the instruction, from `first` on. */
static void print_bytes(const uint8_t *bytes, const ZydisDecodedInstruction *insn, const struct formatting *f,
			unsigned first, char out[32])
{
	size_t at = 0;
	out[0] = 0;
	for (unsigned i = first; i < insn->length && i < first + 8; i++)
		at += (size_t)(masked(insn, f, i) ? snprintf(out + at, 32 - at, ".. ")
						  : snprintf(out + at, 32 - at, "%02x ", bytes[i]));
}

/* Mnemonic and operands in columns of their own. */
static void split(const char *text, char *out, size_t size)
{
	const char *space = strchr(text, ' ');
	if (space)
		snprintf(out, size, "%-8.*s %s", (int)(space - text), text, space + 1);
	else
		snprintf(out, size, "%s", text);
}

unsigned disas_x64(struct disas *d, const struct disas_x64_block *b, uint32_t at, char text[2 * DISAS_LINE])
{
	const struct zydis *z = &d->z;
	struct formatting f = { .z = z, .block = b };
	ZydisDecoder decoder;
	ZydisFormatter formatter;
	ZydisDecodedInstruction insn;
	ZydisDecodedOperand operands[ZYDIS_MAX_OPERAND_COUNT];
	char plain[128] = "", columns[160], bytes[32];
	uint64_t address = at + (b->relative ? 0 : b->address);
	int width = b->relative ? 4 : 12;
	if (!has_library(d)) {
		snprintf(text, 2 * DISAS_LINE, "0x%0*llx:  %02x                       .byte    0x%02x ; no libZydis and libZycore (Debian's packages libzydis4.0, libzycore1.4)\n", width,
			 (unsigned long long)address, b->bytes[at], b->bytes[at]);
		return 1;
	}
	z->ZydisDecoderInit(&decoder, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
	formatter_init(&formatter, &f);
	if (!ZYAN_SUCCESS(z->ZydisDecoderDecodeFull(&decoder, b->bytes + at, b->size - at, &insn, operands))) {
		snprintf(text, 2 * DISAS_LINE, "0x%0*llx:  %02x                       .byte    0x%02x\n", width,
			 (unsigned long long)address, b->bytes[at], b->bytes[at]);
		return 1;
	}
	z->ZydisFormatterFormatInstruction(&formatter, &insn, operands, insn.operand_count_visible, plain, sizeof plain,
					address, &f);
	split(plain, columns, sizeof columns);
	print_bytes(b->bytes + at, &insn, &f, 0, bytes);
	int n = snprintf(text, DISAS_LINE, "0x%0*llx:  %-24s %s\n", width, (unsigned long long)address, bytes, columns);
	if (insn.length > 8) {
		print_bytes(b->bytes + at, &insn, &f, 8, bytes);
		bytes[strlen(bytes) - 1] = 0;
		snprintf(text + n, DISAS_LINE, "0x%0*llx:  %s\n", width, (unsigned long long)address + 8, bytes);
	}
	return insn.length;
}

unsigned disas_x64_length(struct disas *d, const uint8_t *bytes, uint32_t n)
{
	ZydisDecoder decoder;
	ZydisDecodedInstruction insn;
	const struct zydis *z = &d->z;
	if (!has_library(d))
		return 0;
	z->ZydisDecoderInit(&decoder, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
	return ZYAN_SUCCESS(z->ZydisDecoderDecodeInstruction(&decoder, NULL, bytes, n, &insn)) ? insn.length : 1;
}
