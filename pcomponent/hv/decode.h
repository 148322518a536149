/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Instruction decoder: bytes in, struct out, no state (AMD APM vol. 3 chapter 1 and appendix A). It knows the instructions
 * that exit to the shim and the ones that compilers use on device registers. Where a memory operand is, is
 * not computed: the nested fault has told the guest-physical address.
 */
#ifndef PLENUM_PCOMPONENT_HV_DECODE_H
#define PLENUM_PCOMPONENT_HV_DECODE_H

#include <stdbool.h>
#include <stdint.h>

#define INSTRUCTION_BYTES_MAX 15u

enum operation {
	OPERATION_LOAD,			/* register <- memory */
	OPERATION_STORE,		/* memory <- register or immediate */
	OPERATION_LOAD_ZERO_EXTENDED,	/* MOVZX */
	OPERATION_LOAD_SIGN_EXTENDED,	/* MOVSX, MOVSXD */
	OPERATION_AND, OPERATION_OR, OPERATION_XOR, OPERATION_ADD, OPERATION_SUB,
	OPERATION_TEST, OPERATION_CMP,
	OPERATION_EXCHANGE,
	OPERATION_CPUID, OPERATION_RDMSR, OPERATION_WRMSR, OPERATION_HLT, OPERATION_VMMCALL,
	OPERATION_INVALIDATE_CACHE,	/* INVD, WBINVD */
	OPERATION_CR8_READ, OPERATION_CR8_WRITE,
};

struct instruction {
	enum operation operation;
	uint8_t len_bytes;
	uint8_t operand_bytes;		/* of the memory operand: 1, 2, 4 or 8 */
	uint8_t register_bytes;		/* of the register operand; differs for MOVZX and MOVSX */
	uint8_t register_number;	/* REGISTER_*; AH to BH as 0 to 3 with register_high */
	bool register_high;
	bool memory;			/* has a memory operand */
	bool memory_first;		/* the memory operand is the first one: what the result goes to, if there is one */
	bool immediate;			/* the other operand is `value` */
	uint64_t value;			/* sign-extended to operand size */
};

struct decode_mode {
	bool long_mode;			/* 64-bit code segment */
	bool default_32;		/* else CS.D */
};

/* 0; -ENODATA: goes on after `len` bytes; -EOPNOTSUPP: not one we know, or longer than 15 bytes. */
int instruction_decode(const uint8_t *bytes, uint32_t len, struct decode_mode mode, struct instruction *instruction);

#endif
