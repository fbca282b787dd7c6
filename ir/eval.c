/* SPDX-License-Identifier: Apache-2.0 */
/* ir_eval: operands cut to their widths, eval.h's meaning, the result cut to its own. */
#include "ir/eval.h"

uint64_t ir_eval(enum ir_op op, enum ir_type type, uint16_t aux, uint64_t a, uint64_t b, uint64_t c)
{
	const struct ir_op_info *info = &ir_ops[op];
	uint64_t v[3] = { a, b, c };
	for (unsigned k = 0; k < info->n_args; k++)
		if (info->args[k] == 'w' || (info->args[k] == 'T' && type != IR_I64))
			v[k] = (uint32_t)v[k];
	uint64_t x = ir_eval_raw(op, ir_width_of((uint8_t)type), aux, v[0], v[1], v[2]);
	return info->result == 'w' || (info->result == 'T' && type != IR_I64) ? (uint32_t)x : x;
}
