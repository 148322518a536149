/* SPDX-License-Identifier: GPL-2.0-only */
/* The instruction decoder, one line a form, and what instructions do, compared with the processor's own opinion. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "pcomponent/hv/emulate.h"

#define FLAGS_ALL UINT64_C(0x8d5)
#define FLAG_ADJUST UINT64_C(0x10)

enum mode { LONG, CODE_32, CODE_16 };

struct form {
	const char *bytes;
	unsigned len;
	enum mode mode;
	enum operation operation;
	uint8_t operand_bytes, register_bytes, register_number;
	bool high, memory_first, immediate;
	uint64_t value;
};
#define BYTES(text) text, sizeof(text) - 1

static const struct form forms[] = {
	/* MOV, sizes by prefix */
	{ BYTES("\x88\x03"), LONG, OPERATION_STORE, 1, 1, REGISTER_RAX, false, true, false, 0 },
	{ BYTES("\x88\x23"), LONG, OPERATION_STORE, 1, 1, 0, true, true, false, 0 },		/* AH */
	{ BYTES("\x40\x88\x23"), LONG, OPERATION_STORE, 1, 1, REGISTER_RSP, false, true, false, 0 }, /* SPL */
	{ BYTES("\x89\x0b"), LONG, OPERATION_STORE, 4, 4, REGISTER_RCX, false, true, false, 0 },
	{ BYTES("\x66\x89\x0b"), LONG, OPERATION_STORE, 2, 2, REGISTER_RCX, false, true, false, 0 },
	{ BYTES("\x4c\x89\x0b"), LONG, OPERATION_STORE, 8, 8, REGISTER_R9, false, true, false, 0 },
	{ BYTES("\x8a\x3b"), LONG, OPERATION_LOAD, 1, 1, 3, true, false, false, 0 },		/* BH */
	{ BYTES("\x8b\x43\x10"), LONG, OPERATION_LOAD, 4, 4, REGISTER_RAX, false, false, false, 0 },
	{ BYTES("\x8b\x83\x00\x01\x00\x00"), LONG, OPERATION_LOAD, 4, 4, REGISTER_RAX, false, false, false, 0 },
	{ BYTES("\x8b\x05\x00\x01\x00\x00"), LONG, OPERATION_LOAD, 4, 4, REGISTER_RAX, false, false, false, 0 }, /* RIP */
	{ BYTES("\x8b\x04\x25\x00\x00\xe0\xfe"), LONG, OPERATION_LOAD, 4, 4, REGISTER_RAX, false, false, false, 0 }, /* SIB */
	{ BYTES("\x46\x8b\x64\x90\x08"), LONG, OPERATION_LOAD, 4, 4, REGISTER_R12, false, false, false, 0 },
	{ BYTES("\x42\x8b\x84\x93\x00\x01\x00\x00"), LONG, OPERATION_LOAD, 4, 4, REGISTER_RAX, false, false, false, 0 },
	{ BYTES("\x65\x67\x8b\x03"), LONG, OPERATION_LOAD, 4, 4, REGISTER_RAX, false, false, false, 0 },
	/* a REX that is not last does not count */
	{ BYTES("\x48\x66\x89\x0b"), LONG, OPERATION_STORE, 2, 2, REGISTER_RCX, false, true, false, 0 },
	/* immediates */
	{ BYTES("\xc6\x03\xff"), LONG, OPERATION_STORE, 1, 0, 0, false, true, true, UINT64_MAX },
	{ BYTES("\xc7\x43\x08\x78\x56\x34\x12"), LONG, OPERATION_STORE, 4, 0, 0, false, true, true, 0x12345678 },
	{ BYTES("\x66\xc7\x03\x34\x12"), LONG, OPERATION_STORE, 2, 0, 0, false, true, true, 0x1234 },
	{ BYTES("\x48\xc7\x03\x00\x00\x00\x80"), LONG, OPERATION_STORE, 8, 0, 0, false, true, true, UINT64_C(0xffffffff80000000) },
	/* absolute */
	{ BYTES("\xa0\x11\x22\x33\x44\x55\x66\x77\x88"), LONG, OPERATION_LOAD, 1, 1, 0, false, false, false, 0 },
	{ BYTES("\xa1\x11\x22\x33\x44"), CODE_32, OPERATION_LOAD, 4, 4, 0, false, false, false, 0 },
	{ BYTES("\xa3\x11\x22"), CODE_16, OPERATION_STORE, 2, 2, 0, false, true, false, 0 },
	/* extensions */
	{ BYTES("\x0f\xb6\x03"), LONG, OPERATION_LOAD_ZERO_EXTENDED, 1, 4, 0, false, false, false, 0 },
	{ BYTES("\x44\x0f\xb7\x03"), LONG, OPERATION_LOAD_ZERO_EXTENDED, 2, 4, REGISTER_R8, false, false, false, 0 },
	{ BYTES("\x48\x0f\xbe\x23"), LONG, OPERATION_LOAD_SIGN_EXTENDED, 1, 8, REGISTER_RSP, false, false, false, 0 },
	{ BYTES("\x66\x0f\xbf\x03"), LONG, OPERATION_LOAD_SIGN_EXTENDED, 2, 2, 0, false, false, false, 0 },
	{ BYTES("\x48\x63\x0b"), LONG, OPERATION_LOAD_SIGN_EXTENDED, 4, 8, REGISTER_RCX, false, false, false, 0 },
	/* arithmetic */
	{ BYTES("\x01\x0b"), LONG, OPERATION_ADD, 4, 4, REGISTER_RCX, false, true, false, 0 },
	{ BYTES("\x0b\x0b"), LONG, OPERATION_OR, 4, 4, REGISTER_RCX, false, false, false, 0 },
	{ BYTES("\x20\x0b"), LONG, OPERATION_AND, 1, 1, REGISTER_RCX, false, true, false, 0 },
	{ BYTES("\x48\x33\x0b"), LONG, OPERATION_XOR, 8, 8, REGISTER_RCX, false, false, false, 0 },
	{ BYTES("\x3b\x0b"), LONG, OPERATION_CMP, 4, 4, REGISTER_RCX, false, false, false, 0 },
	{ BYTES("\x39\x0b"), LONG, OPERATION_CMP, 4, 4, REGISTER_RCX, false, true, false, 0 },
	{ BYTES("\x83\x0b\xfe"), LONG, OPERATION_OR, 4, 0, 0, false, true, true, UINT64_C(0xfffffffffffffffe) },
	{ BYTES("\x81\x23\x00\xff\x00\x00"), LONG, OPERATION_AND, 4, 0, 0, false, true, true, 0xff00 },
	{ BYTES("\x80\x3b\x07"), LONG, OPERATION_CMP, 1, 0, 0, false, true, true, 7 },
	{ BYTES("\x85\x0b"), LONG, OPERATION_TEST, 4, 4, REGISTER_RCX, false, true, false, 0 },
	{ BYTES("\xf6\x43\x05\x20"), LONG, OPERATION_TEST, 1, 0, 0, false, true, true, 0x20 },
	{ BYTES("\xf0\x87\x0b"), LONG, OPERATION_EXCHANGE, 4, 4, REGISTER_RCX, false, true, false, 0 },
	/* 16-bit addressing */
	{ BYTES("\x8b\x06\x34\x12"), CODE_16, OPERATION_LOAD, 2, 2, 0, false, false, false, 0 },
	{ BYTES("\x66\x8b\x47\x02"), CODE_16, OPERATION_LOAD, 4, 4, 0, false, false, false, 0 },
	{ BYTES("\x67\x8b\x04\x25\x00\x00\xe0\xfe"), CODE_16, OPERATION_LOAD, 2, 2, 0, false, false, false, 0 },
};

static struct decode_mode mode_of(enum mode mode)
{
	return (struct decode_mode){ .long_mode = mode == LONG, .default_32 = mode == CODE_32 };
}

static void every_form(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		const struct form *f = &forms[i];
		uint8_t bytes[INSTRUCTION_BYTES_MAX] = { 0 };
		struct instruction got;

		memcpy(bytes, f->bytes, f->len);
		assert_int_equal(instruction_decode(bytes, sizeof(bytes), mode_of(f->mode), &got), 0);
		assert_int_equal(got.len_bytes, f->len);
		assert_int_equal(got.operation, f->operation);
		assert_true(got.memory);
		assert_int_equal(got.operand_bytes, f->operand_bytes);
		assert_int_equal(got.register_bytes, f->register_bytes);
		assert_int_equal(got.register_number, f->register_number);
		assert_int_equal(got.register_high, f->high);
		assert_int_equal(got.memory_first, f->memory_first);
		assert_int_equal(got.immediate, f->immediate);
		assert_true(got.value == f->value);
		/* cut anywhere, it asks for more and reads nothing behind the end */
		for (unsigned len = 0; len < f->len; len++)
			assert_int_equal(instruction_decode((const uint8_t *)f->bytes, len, mode_of(f->mode), &got), -ENODATA);
	}
}

static void exits_without_memory(void **state)
{
	static const struct {
		const char *bytes;
		unsigned len;
		enum operation operation;
	} plain[] = {
		{ BYTES("\x0f\xa2"), OPERATION_CPUID }, { BYTES("\x48\x0f\x32"), OPERATION_RDMSR }, { BYTES("\x0f\x30"), OPERATION_WRMSR },
		{ BYTES("\xf4"), OPERATION_HLT }, { BYTES("\x0f\x01\xd9"), OPERATION_VMMCALL }, { BYTES("\x0f\x01\xc1"), OPERATION_VMMCALL },
		{ BYTES("\x0f\x09"), OPERATION_INVALIDATE_CACHE }, { BYTES("\x0f\x08"), OPERATION_INVALIDATE_CACHE },
		{ BYTES("\x44\x0f\x20\xc0"), OPERATION_CR8_READ }, { BYTES("\xf0\x0f\x22\xc0"), OPERATION_CR8_WRITE },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++) {
		struct instruction got;

		assert_int_equal(instruction_decode((const uint8_t *)plain[i].bytes, plain[i].len, mode_of(LONG), &got), 0);
		assert_int_equal(got.operation, plain[i].operation);
		assert_int_equal(got.len_bytes, plain[i].len);
		assert_false(got.memory);
	}
}

static void what_is_refused(void **state)
{
	static const struct {
		const char *bytes;
		unsigned len;
	} refused[] = {
		{ BYTES("\x89\xc3") },				/* register to register */
		{ BYTES("\xaa") }, { BYTES("\xf3\xa4") },	/* STOS, MOVS */
		{ BYTES("\x0f\x6f\x03") },			/* MMX */
		{ BYTES("\xc5\xf8\x10\x03") },			/* AVX */
		{ BYTES("\xff\x03") },				/* INC */
		{ BYTES("\x13\x0b") },				/* ADC */
		{ BYTES("\xc7\x0b\x00\x00\x00\x00") },		/* group 11, not MOV */
		{ BYTES("\x0f\x22\xc0") },			/* MOV CR0 */
		{ BYTES("\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\xf4") },
		{ BYTES("\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66") },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		struct instruction got;
		int status = instruction_decode((const uint8_t *)refused[i].bytes, refused[i].len, mode_of(LONG), &got);

		if (i == 9)
			assert_int_equal(status, 0);		/* 15 bytes are allowed, 16 are not */
		else
			assert_int_equal(status, -EOPNOTSUPP);
	}
}

/* ------------------------------------------------------------------ execution */

static const uint64_t samples[] = {
	0, 1, 2, 0x7f, 0x80, 0xff, 0x100, 0x7fff, 0x8000, 0xffff, 0x7fffffff, 0x80000000, 0xffffffff, 0x123456789abcdef0,
	0x7fffffffffffffff, 0x8000000000000000, 0xffffffffffffffff,
};

#define NATIVE(name, size, type) \
	static void native_##name##_##size(uint64_t first, uint64_t second, uint64_t *result, uint64_t *flags) \
	{ \
		type a = (type)first, b = (type)second; \
		__asm__ volatile("leaq -128(%%rsp), %%rsp;" #name " %2, %0; pushfq; popq %1; leaq 128(%%rsp), %%rsp" \
				 : "+&r"(a), "=&r"(*flags) : "r"(b) : "cc", "memory"); \
		*result = a; \
	}
#define NATIVES(name) NATIVE(name, 1, uint8_t) NATIVE(name, 2, uint16_t) NATIVE(name, 4, uint32_t) NATIVE(name, 8, uint64_t)
NATIVES(add) NATIVES(sub) NATIVES(and) NATIVES(or) NATIVES(xor) NATIVES(cmp) NATIVES(test)

typedef void native(uint64_t first, uint64_t second, uint64_t *result, uint64_t *flags);
#define ROW(op, name) { op, { native_##name##_1, native_##name##_2, native_##name##_4, native_##name##_8 } }
static const struct {
	enum operation operation;
	native *natives[4];
} operations[] = {
	ROW(OPERATION_ADD, add), ROW(OPERATION_SUB, sub), ROW(OPERATION_AND, and), ROW(OPERATION_OR, or),
	ROW(OPERATION_XOR, xor), ROW(OPERATION_CMP, cmp), ROW(OPERATION_TEST, test),
};

static void compare(unsigned row, unsigned size, uint64_t memory, uint64_t other)
{
	struct instruction i = { .operation = operations[row].operation, .memory = true, .memory_first = true,
				 .operand_bytes = (uint8_t)(1u << size), .register_bytes = (uint8_t)(1u << size),
				 .register_number = REGISTER_RCX };
	struct vcpu_registers r = { .general[REGISTER_RCX] = other, .rflags = 0x8d7 };
	bool logical = row >= 2 && i.operation != OPERATION_CMP;
	uint64_t result = 0, flags = 0, got, mask = FLAGS_ALL & ~(logical ? FLAG_ADJUST : 0);

	operations[row].natives[size](memory, other, &result, &flags);
	got = instruction_execute(&i, &r, memory);
	if (i.operation != OPERATION_CMP && i.operation != OPERATION_TEST)
		assert_true(got == result);
	assert_true((r.rflags & mask) == (flags & mask));
	assert_true(r.general[REGISTER_RCX] == other);
}

static void arithmetic_is_the_processors(void **state)
{
	size_t count = sizeof(samples) / sizeof(samples[0]);

	(void)state;
	for (unsigned row = 0; row < sizeof(operations) / sizeof(operations[0]); row++)
		for (unsigned size = 0; size < 4; size++)
			for (size_t a = 0; a < count; a++)
				for (size_t b = 0; b < count; b++)
					compare(row, size, samples[a], samples[b]);
}

static void operands_the_other_way_round(void **state)
{
	struct instruction i = { .operation = OPERATION_SUB, .memory = true, .operand_bytes = 4, .register_bytes = 4 };
	struct vcpu_registers r = { .general[REGISTER_RAX] = UINT64_C(0xaaaaaaaa00000005) };

	(void)state;
	instruction_execute(&i, &r, 7);
	assert_true(r.general[REGISTER_RAX] == 0xfffffffe);		/* 5 - 7, and the upper half is cleared */
	assert_false(instruction_writes(&i));
	i.operation = OPERATION_CMP;
	instruction_execute(&i, &r, 7);
	assert_true(r.general[REGISTER_RAX] == 0xfffffffe);
}

static void loads_fill_registers_as_the_size_says(void **state)
{
	struct instruction i = { .operation = OPERATION_LOAD, .memory = true };
	struct vcpu_registers r = { 0 };
	static const uint64_t after[] = { 0x11111111111111ff, 0x111111111111ffff, 0xffffffff, UINT64_MAX };

	(void)state;
	for (unsigned size = 0; size < 4; size++) {
		i.operand_bytes = i.register_bytes = (uint8_t)(1u << size);
		r.general[REGISTER_RAX] = UINT64_C(0x1111111111111111);
		instruction_execute(&i, &r, UINT64_MAX);
		assert_true(r.general[REGISTER_RAX] == after[size]);
	}
	r.general[REGISTER_RAX] = UINT64_C(0x1111111111111111);
	i.operand_bytes = i.register_bytes = 1;
	i.register_high = true;
	instruction_execute(&i, &r, 0xab);
	assert_true(r.general[REGISTER_RAX] == UINT64_C(0x111111111111ab11));
	i = (struct instruction){ .operation = OPERATION_LOAD_SIGN_EXTENDED, .memory = true, .operand_bytes = 1, .register_bytes = 2 };
	instruction_execute(&i, &r, 0x80);
	assert_true(r.general[REGISTER_RAX] == UINT64_C(0x111111111111ff80));
	i.register_bytes = 8;
	instruction_execute(&i, &r, 0x80);
	assert_true(r.general[REGISTER_RAX] == UINT64_C(0xffffffffffffff80));
}

static void exchange_goes_both_ways(void **state)
{
	struct instruction i = { .operation = OPERATION_EXCHANGE, .memory = true, .memory_first = true, .operand_bytes = 4,
				 .register_bytes = 4, .register_number = REGISTER_RDX };
	struct vcpu_registers r = { .general[REGISTER_RDX] = 0x1234 };

	(void)state;
	assert_int_equal(instruction_execute(&i, &r, 0x5678), 0x1234);
	assert_int_equal(r.general[REGISTER_RDX], 0x5678);
	assert_true(instruction_reads(&i) && instruction_writes(&i));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_form), cmocka_unit_test(exits_without_memory), cmocka_unit_test(what_is_refused),
		cmocka_unit_test(arithmetic_is_the_processors), cmocka_unit_test(operands_the_other_way_round),
		cmocka_unit_test(loads_fill_registers_as_the_size_says), cmocka_unit_test(exchange_goes_both_ways),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
