/* SPDX-License-Identifier: GPL-2.0-only */
/* Any bytes as an instruction in any mode: what is decoded stays within its bytes and can be executed. */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "pcomponent/hv/emulate.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct instruction *i, size_t size, uint64_t memory)
{
	struct vcpu_registers registers, before;
	uint64_t out;

	assert(i->len_bytes > 0 && i->len_bytes <= size && i->len_bytes <= INSTRUCTION_BYTES_MAX);
	if (!i->memory)
		return;
	assert(i->operand_bytes == 1 || i->operand_bytes == 2 || i->operand_bytes == 4 || i->operand_bytes == 8);
	assert(i->immediate || i->register_number < REGISTER_COUNT);
	assert(instruction_reads(i) || instruction_writes(i));
	memset(&registers, 0x5a, sizeof(registers));
	before = registers;
	out = instruction_execute(i, &registers, memory);
	assert(i->operand_bytes == 8 || out >> (8 * i->operand_bytes) == 0);
	/* one register at most changes, and never these */
	unsigned changed = 0;

	for (unsigned n = 0; n < REGISTER_COUNT; n++)
		changed += registers.general[n] != before.general[n];
	assert(changed <= 1);
	assert(registers.rip == before.rip && registers.cr3 == before.cr3);
	assert(((registers.rflags ^ before.rflags) & ~UINT64_C(0x8d5)) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct instruction instruction, shorter;
	struct decode_mode mode;
	uint64_t memory = 0;
	int status;

	if (size < 2)
		return 0;
	mode.long_mode = data[0] & 1;
	mode.default_32 = !mode.long_mode && data[0] & 2;
	memset(&memory, data[0], sizeof(memory));
	data++;
	size--;
	status = instruction_decode(data, (uint32_t)size, mode, &instruction);
	assert(status == 0 || status == -ENODATA || status == -EOPNOTSUPP);
	if (status)
		return 0;
	check(&instruction, size, memory);
	/* nothing behind its end matters, and nothing less is enough */
	assert(instruction_decode(data, instruction.len_bytes, mode, &shorter) == 0);
	assert(shorter.len_bytes == instruction.len_bytes && shorter.operation == instruction.operation);
	assert(instruction_decode(data, instruction.len_bytes - 1u, mode, &shorter) == -ENODATA);
	return 0;
}
