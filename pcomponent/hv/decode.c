/* SPDX-License-Identifier: GPL-2.0-only */
#include "pcomponent/hv/decode.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#define REX_W 8u
#define REX_R 4u
#define REX_B 1u

struct decoder {
	const uint8_t *bytes;
	uint32_t len, at;
	struct decode_mode mode;
	uint8_t rex;			/* 0: none */
	bool operand_16;		/* prefix 66 */
	bool address_other;		/* prefix 67 */
	bool lock;
	uint8_t mod, reg, rm;		/* of ModRM, without REX */
	struct instruction *out;
};

static int next_byte(struct decoder *d, uint8_t *byte)
{
	if (d->at >= INSTRUCTION_BYTES_MAX)
		return -EOPNOTSUPP;
	if (d->at >= d->len)
		return -ENODATA;
	*byte = d->bytes[d->at++];
	return 0;
}

static int skip(struct decoder *d, uint32_t count)
{
	uint8_t byte;
	int status = 0;

	while (count-- > 0 && !status)
		status = next_byte(d, &byte);
	return status;
}

static int little_endian(struct decoder *d, uint32_t count, uint64_t *value)
{
	*value = 0;
	for (uint32_t i = 0; i < count; i++) {
		uint8_t byte;
		int status = next_byte(d, &byte);

		if (status)
			return status;
		*value |= (uint64_t)byte << (8 * i);
	}
	return 0;
}

/* Operand size of everything that is not a byte form (APM vol. 3 section 1.2.2). */
static uint8_t operand_bytes(const struct decoder *d)
{
	if (d->rex & REX_W)
		return 8;
	if (d->mode.long_mode || d->mode.default_32)
		return d->operand_16 ? 2 : 4;
	return d->operand_16 ? 4 : 2;
}

static uint8_t address_bytes(const struct decoder *d)
{
	if (d->mode.long_mode)
		return d->address_other ? 4 : 8;
	return d->mode.default_32 != d->address_other ? 4 : 2;
}

/* Prefixes in any order, REX last; returns the first byte of the opcode. */
static int prefixes(struct decoder *d, uint8_t *opcode)
{
	for (;;) {
		int status = next_byte(d, opcode);

		if (status)
			return status;
		switch (*opcode) {
		case 0x66:
			d->operand_16 = true;
			break;
		case 0x67:
			d->address_other = true;
			break;
		case 0xf0:
			d->lock = true;
			break;
		case 0x26: case 0x2e: case 0x36: case 0x3e: case 0x64: case 0x65: case 0xf2: case 0xf3:
			break;
		default:
			if (!d->mode.long_mode || (*opcode & 0xf0) != 0x40)
				return 0;
			d->rex = *opcode;	/* counts only right before the opcode */
			continue;
		}
		d->rex = 0;
	}
}

static int modrm(struct decoder *d)
{
	uint8_t byte, sib;
	int status = next_byte(d, &byte);

	if (status)
		return status;
	d->mod = byte >> 6;
	d->reg = (byte >> 3) & 7;
	d->rm = byte & 7;
	if (d->mod == 3)
		return 0;
	if (address_bytes(d) == 2)
		return skip(d, d->mod == 1 ? 1 : d->mod == 2 || d->rm == 6 ? 2 : 0);
	if (d->rm == 4) {
		status = next_byte(d, &sib);
		if (status)
			return status;
		if (d->mod == 0 && (sib & 7) == 5)
			return skip(d, 4);
	} else if (d->mod == 0 && d->rm == 5) {
		return skip(d, 4);		/* RIP-relative, or absolute outside long mode */
	}
	return skip(d, d->mod == 1 ? 1 : d->mod == 2 ? 4 : 0);
}

static void set_register(struct decoder *d, uint8_t bytes)
{
	struct instruction *out = d->out;

	out->register_bytes = bytes;
	out->register_number = (uint8_t)(d->reg | (d->rex & REX_R ? 8 : 0));
	if (bytes == 1 && !d->rex && d->reg >= 4) {
		out->register_high = true;
		out->register_number = d->reg - 4;
	}
}

static int finish(struct decoder *d, enum operation operation)
{
	d->out->operation = operation;
	d->out->len_bytes = (uint8_t)d->at;
	return 0;
}

/* ModRM form with a memory operand of `bytes` and a register. */
static int memory_form(struct decoder *d, enum operation operation, uint8_t bytes, bool memory_first)
{
	int status = modrm(d);

	if (status)
		return status;
	if (d->mod == 3)
		return -EOPNOTSUPP;		/* touches no memory: nothing that could have faulted */
	d->out->memory = true;
	d->out->memory_first = memory_first;
	d->out->operand_bytes = bytes;
	if (!d->out->register_bytes)
		set_register(d, bytes);
	return finish(d, operation);
}

/* ModRM form with an immediate of at most 4 bytes, sign-extended. */
static int immediate_form(struct decoder *d, uint8_t bytes, uint8_t immediate_bytes, const int operations[8])
{
	uint64_t value;
	int status = modrm(d);

	if (status)
		return status;
	if (d->mod == 3 || operations[d->reg] < 0)
		return -EOPNOTSUPP;
	status = little_endian(d, immediate_bytes, &value);
	if (status)
		return status;
	d->out->value = (uint64_t)((int64_t)(value << (64 - 8 * immediate_bytes)) >> (64 - 8 * immediate_bytes));
	d->out->immediate = true;
	d->out->memory = true;
	d->out->operand_bytes = bytes;
	d->out->memory_first = true;
	return finish(d, (enum operation)operations[d->reg]);
}

/* A0 to A3: MOV between the accumulator and an absolute address. */
static int accumulator_form(struct decoder *d, enum operation operation, uint8_t bytes)
{
	int status = skip(d, address_bytes(d));

	if (status)
		return status;
	d->out->memory = true;
	d->out->memory_first = operation == OPERATION_STORE;
	d->out->operand_bytes = bytes;
	d->out->register_bytes = bytes;
	return finish(d, operation);
}

static int extended_form(struct decoder *d, enum operation operation, uint8_t memory_bytes)
{
	uint8_t bytes = operand_bytes(d);

	d->out->register_bytes = bytes;
	int status = memory_form(d, operation, memory_bytes, false);

	if (!status)
		set_register(d, bytes);
	return status;
}

/* 0F 20 and 0F 22: CR8 by REX.R, or as AMD's LOCK MOV CR0 (APM vol. 3, MOV CRn). */
static int control_register_form(struct decoder *d, enum operation operation)
{
	uint8_t byte;
	int status = next_byte(d, &byte);
	unsigned number;

	if (status)
		return status;
	number = ((byte >> 3) & 7u) | (d->rex & REX_R ? 8u : 0) | (d->lock ? 8u : 0);
	if (number != 8)
		return -EOPNOTSUPP;
	d->out->register_number = (uint8_t)((byte & 7) | (d->rex & REX_B ? 8 : 0));
	d->out->register_bytes = d->mode.long_mode ? 8 : 4;
	return finish(d, operation);
}

static int two_byte(struct decoder *d)
{
	uint8_t opcode;
	int status = next_byte(d, &opcode);

	if (status)
		return status;
	switch (opcode) {
	case 0x01:
		status = next_byte(d, &opcode);
		if (status)
			return status;
		return opcode == 0xd9 || opcode == 0xc1 ? finish(d, OPERATION_VMMCALL) : -EOPNOTSUPP;
	case 0x08: case 0x09:
		return finish(d, OPERATION_INVALIDATE_CACHE);
	case 0x20:
		return control_register_form(d, OPERATION_CR8_READ);
	case 0x22:
		return control_register_form(d, OPERATION_CR8_WRITE);
	case 0x30:
		return finish(d, OPERATION_WRMSR);
	case 0x32:
		return finish(d, OPERATION_RDMSR);
	case 0xa2:
		return finish(d, OPERATION_CPUID);
	case 0xb6:
		return extended_form(d, OPERATION_LOAD_ZERO_EXTENDED, 1);
	case 0xb7:
		return extended_form(d, OPERATION_LOAD_ZERO_EXTENDED, 2);
	case 0xbe:
		return extended_form(d, OPERATION_LOAD_SIGN_EXTENDED, 1);
	case 0xbf:
		return extended_form(d, OPERATION_LOAD_SIGN_EXTENDED, 2);
	default:
		return -EOPNOTSUPP;
	}
}

/* 00 to 3F: the arithmetic block, operation in bits 5:3, form in bits 2:0 (0 Eb,Gb  1 Ev,Gv  2 Gb,Eb  3 Gv,Ev). */
static int arithmetic(struct decoder *d, uint8_t opcode)
{
	static const int operations[8] = { OPERATION_ADD, OPERATION_OR, -1, -1, OPERATION_AND, OPERATION_SUB, OPERATION_XOR,
					   OPERATION_CMP };
	int operation = operations[opcode >> 3];
	uint8_t form = opcode & 7;

	if (operation < 0 || form > 3)
		return -EOPNOTSUPP;
	return memory_form(d, (enum operation)operation, form & 1 ? operand_bytes(d) : 1, form < 2);
}

static const int group_1[8] = { OPERATION_ADD, OPERATION_OR, -1, -1, OPERATION_AND, OPERATION_SUB, OPERATION_XOR, OPERATION_CMP };
static const int group_3[8] = { OPERATION_TEST, OPERATION_TEST, -1, -1, -1, -1, -1, -1 };
static const int group_11[8] = { OPERATION_STORE, -1, -1, -1, -1, -1, -1, -1 };

static int one_byte(struct decoder *d, uint8_t opcode)
{
	uint8_t bytes = operand_bytes(d);
	uint8_t immediate_bytes = bytes == 8 ? 4 : bytes;

	if (opcode < 0x40)
		return arithmetic(d, opcode);
	switch (opcode) {
	case 0x63:
		return d->mode.long_mode ? extended_form(d, OPERATION_LOAD_SIGN_EXTENDED, 4) : -EOPNOTSUPP;
	case 0x80:
		return immediate_form(d, 1, 1, group_1);
	case 0x81:
		return immediate_form(d, bytes, immediate_bytes, group_1);
	case 0x83:
		return immediate_form(d, bytes, 1, group_1);
	case 0x84:
		return memory_form(d, OPERATION_TEST, 1, true);
	case 0x85:
		return memory_form(d, OPERATION_TEST, bytes, true);
	case 0x86:
		return memory_form(d, OPERATION_EXCHANGE, 1, true);
	case 0x87:
		return memory_form(d, OPERATION_EXCHANGE, bytes, true);
	case 0x88:
		return memory_form(d, OPERATION_STORE, 1, true);
	case 0x89:
		return memory_form(d, OPERATION_STORE, bytes, true);
	case 0x8a:
		return memory_form(d, OPERATION_LOAD, 1, false);
	case 0x8b:
		return memory_form(d, OPERATION_LOAD, bytes, false);
	case 0xa0:
		return accumulator_form(d, OPERATION_LOAD, 1);
	case 0xa1:
		return accumulator_form(d, OPERATION_LOAD, bytes);
	case 0xa2:
		return accumulator_form(d, OPERATION_STORE, 1);
	case 0xa3:
		return accumulator_form(d, OPERATION_STORE, bytes);
	case 0xc6:
		return immediate_form(d, 1, 1, group_11);
	case 0xc7:
		return immediate_form(d, bytes, immediate_bytes, group_11);
	case 0xf4:
		return finish(d, OPERATION_HLT);
	case 0xf6:
		return immediate_form(d, 1, 1, group_3);
	case 0xf7:
		return immediate_form(d, bytes, immediate_bytes, group_3);
	default:
		return -EOPNOTSUPP;
	}
}

int instruction_decode(const uint8_t *bytes, uint32_t len, struct decode_mode mode, struct instruction *instruction)
{
	struct decoder d = { .bytes = bytes, .len = len, .mode = mode, .out = instruction };
	uint8_t opcode;
	int status;

	memset(instruction, 0, sizeof(*instruction));
	status = prefixes(&d, &opcode);
	if (!status)
		status = opcode == 0x0f ? two_byte(&d) : one_byte(&d, opcode);
	assert(status || (instruction->len_bytes > 0 && instruction->len_bytes <= INSTRUCTION_BYTES_MAX));
	return status;
}
