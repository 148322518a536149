/* SPDX-License-Identifier: GPL-2.0-only */
/* What a decoded instruction does to registers and to its memory operand; pure. */
#ifndef PLENUM_PCOMPONENT_HV_EMULATE_H
#define PLENUM_PCOMPONENT_HV_EMULATE_H

#include "pcomponent/hv/backend.h"
#include "pcomponent/hv/decode.h"

/* Does it read its memory operand; does it write it? */
bool instruction_reads(const struct instruction *instruction);
bool instruction_writes(const struct instruction *instruction);
/* Execute on a memory operand `memory`: changes registers and flags (not RIP), returns what goes to memory. */
uint64_t instruction_execute(const struct instruction *instruction, struct vcpu_registers *registers, uint64_t memory);

/* Read and write a general register as an operand of `bytes` bytes; a write of 4 bytes clears the upper half. */
uint64_t register_read(const struct vcpu_registers *registers, unsigned number, bool high, unsigned bytes);
void register_write(struct vcpu_registers *registers, unsigned number, bool high, unsigned bytes, uint64_t value);

#endif
