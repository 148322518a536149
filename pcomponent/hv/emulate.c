/* SPDX-License-Identifier: GPL-2.0-only */
#include "pcomponent/hv/emulate.h"

#include <assert.h>

#define FLAG_CARRY UINT64_C(0x001)
#define FLAG_PARITY UINT64_C(0x004)
#define FLAG_ADJUST UINT64_C(0x010)
#define FLAG_ZERO UINT64_C(0x040)
#define FLAG_SIGN UINT64_C(0x080)
#define FLAG_OVERFLOW UINT64_C(0x800)
#define FLAGS_ARITHMETIC (FLAG_CARRY | FLAG_PARITY | FLAG_ADJUST | FLAG_ZERO | FLAG_SIGN | FLAG_OVERFLOW)

static uint64_t mask_of(unsigned bytes)
{
	return bytes == 8 ? UINT64_MAX : (UINT64_C(1) << (8 * bytes)) - 1;
}

uint64_t register_read(const struct vcpu_registers *registers, unsigned number, bool high, unsigned bytes)
{
	assert(number < REGISTER_COUNT && (!high || (number < 4 && bytes == 1)));
	return registers->general[number] >> (high ? 8 : 0) & mask_of(bytes);
}

void register_write(struct vcpu_registers *registers, unsigned number, bool high, unsigned bytes, uint64_t value)
{
	uint64_t mask = mask_of(bytes) << (high ? 8 : 0);

	assert(number < REGISTER_COUNT && (!high || (number < 4 && bytes == 1)));
	if (bytes == 4)
		mask = UINT64_MAX;		/* zero-extended (APM vol. 1 section 3.1.2) */
	registers->general[number] = (registers->general[number] & ~mask) |
		((value & mask_of(bytes)) << (high ? 8 : 0));
}

bool instruction_reads(const struct instruction *instruction)
{
	return instruction->operation != OPERATION_STORE;
}

bool instruction_writes(const struct instruction *instruction)
{
	switch (instruction->operation) {
	case OPERATION_STORE: case OPERATION_EXCHANGE:
		return true;
	case OPERATION_AND: case OPERATION_OR: case OPERATION_XOR: case OPERATION_ADD: case OPERATION_SUB:
		return instruction->memory_first;
	default:
		return false;
	}
}

static bool parity_even(uint64_t value)
{
	return !(__builtin_popcount((unsigned)(value & 0xff)) & 1);
}

static uint64_t flags_of_result(uint64_t result, uint64_t sign)
{
	return (result == 0 ? FLAG_ZERO : 0) | (result & sign ? FLAG_SIGN : 0) | (parity_even(result) ? FLAG_PARITY : 0);
}

/* `first` operation `second`, and the flags it leaves. */
static uint64_t arithmetic(enum operation operation, uint64_t first, uint64_t second, unsigned bytes, uint64_t *rflags)
{
	uint64_t mask = mask_of(bytes), sign = (mask >> 1) + 1, flags = 0, result = 0;

	switch (operation) {
	case OPERATION_AND: case OPERATION_TEST:
		result = first & second;
		break;
	case OPERATION_OR:
		result = first | second;
		break;
	case OPERATION_XOR:
		result = first ^ second;
		break;
	case OPERATION_ADD:
		result = (first + second) & mask;
		flags = (result < first ? FLAG_CARRY : 0) | ((first ^ result) & (second ^ result) & sign ? FLAG_OVERFLOW : 0) |
			((first ^ second ^ result) & FLAG_ADJUST);
		break;
	case OPERATION_SUB: case OPERATION_CMP:
		result = (first - second) & mask;
		flags = (first < second ? FLAG_CARRY : 0) | ((first ^ second) & (first ^ result) & sign ? FLAG_OVERFLOW : 0) |
			((first ^ second ^ result) & FLAG_ADJUST);
		break;
	default:
		assert(0 && "not arithmetic");
	}
	*rflags = (*rflags & ~FLAGS_ARITHMETIC) | flags | flags_of_result(result, sign);
	return result;
}

static uint64_t sign_extend(uint64_t value, unsigned bytes)
{
	unsigned shift = 64 - 8 * bytes;

	return (uint64_t)((int64_t)(value << shift) >> shift);
}

uint64_t instruction_execute(const struct instruction *instruction, struct vcpu_registers *registers, uint64_t memory)
{
	const struct instruction *i = instruction;
	uint64_t mask = mask_of(i->operand_bytes);
	uint64_t other = i->immediate ? i->value & mask_of(i->operand_bytes) :
		register_read(registers, i->register_number, i->register_high, i->register_bytes);
	uint64_t result;

	assert(i->memory && i->operand_bytes);
	memory &= mask;
	switch (i->operation) {
	case OPERATION_STORE:
		return other & mask;
	case OPERATION_LOAD: case OPERATION_LOAD_ZERO_EXTENDED:
		register_write(registers, i->register_number, i->register_high, i->register_bytes, memory);
		return memory;
	case OPERATION_LOAD_SIGN_EXTENDED:
		register_write(registers, i->register_number, false, i->register_bytes, sign_extend(memory, i->operand_bytes));
		return memory;
	case OPERATION_EXCHANGE:
		register_write(registers, i->register_number, i->register_high, i->register_bytes, memory);
		return other;
	default:
		break;
	}
	result = arithmetic(i->operation, i->memory_first ? memory : other, i->memory_first ? other : memory,
			    i->operand_bytes, &registers->rflags);
	if (!i->memory_first && i->operation != OPERATION_CMP)
		register_write(registers, i->register_number, i->register_high, i->register_bytes, result);
	return result;
}
