/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Vector registers: another's values survive our use, a library that was compiled with them computes what the standards
 * say, on every processor, and finds its frame guard.
 */
#include <string.h>

#include <bearssl.h>

#include <kernel/cpu.h>
#include <kernel/vector.h>

#include <kernel/selftest/selftest.h>

#define FXSAVE_BYTES 512
#define FXSAVE_MXCSR 24
#define FXSAVE_XMM 160
#define XMM_BYTES 256

/* ------------------------------------------------------------------ another's values */

static uint8_t others[CONFIG_CPUS_MAX][FXSAVE_BYTES] __attribute__((aligned(16)));
static unsigned saves[CONFIG_CPUS_MAX];

static void save_other(void)
{
	__asm__ volatile("fxsave64 %0" : "=m"(others[cpu_this()]));
	saves[cpu_this()]++;
}

/* As a hypervisor does before it enters a guest: another's values in, and a note whom to tell. */
static void load_other(const uint8_t *area)
{
	__asm__ volatile("fxrstor64 %0" : : "m"(*(const uint8_t(*)[FXSAVE_BYTES])area));
	vector_set_owner(save_other);
}

static void spoil_vectors(void)
{
	__asm__ volatile("pcmpeqd %%xmm0, %%xmm0\n\tmovdqa %%xmm0, %%xmm7\n\tmovdqa %%xmm0, %%xmm15" : : : "memory");
}

static uint32_t control_word(void)
{
	uint32_t mxcsr;

	__asm__ volatile("stmxcsr %0" : "=m"(mxcsr));
	return mxcsr;
}

static void check_another(void)
{
	static const uint32_t mxcsr_of_other = 0x1f00, mxcsr_of_kernel = 0x1f80;
	uint8_t area[FXSAVE_BYTES] __attribute__((aligned(16)));
	unsigned cpu = cpu_this(), before = saves[cpu];

	memset(area, 0, sizeof(area));
	memcpy(area + FXSAVE_MXCSR, &mxcsr_of_other, sizeof(mxcsr_of_other));
	random_bytes(NULL, area + FXSAVE_XMM, XMM_BYTES);
	load_other(area);
	vector_begin();
	check(saves[cpu] == before + 1);
	check(control_word() == mxcsr_of_kernel);
	spoil_vectors();
	vector_end();
	check(!memcmp(others[cpu] + FXSAVE_XMM, area + FXSAVE_XMM, XMM_BYTES));
	check(!memcmp(others[cpu] + FXSAVE_MXCSR, &mxcsr_of_other, sizeof(mxcsr_of_other)));
	/* Nobody's now; nor would be one's who has gone. */
	vector_begin();
	vector_end();
	load_other(area);
	vector_set_owner(NULL);
	vector_begin();
	vector_end();
	check(saves[cpu] == before + 1);
}

static void check_another_thread(void *unused)
{
	(void)unused;
	check_another();
	on_others_finish();
}

static void test_another(void)
{
	on_others("another", check_another_thread, check_another);
}

/* ------------------------------------------------------------------ the frame guard */

static uint64_t guards[CONFIG_CPUS_MAX];

static void read_guard(void)
{
	__asm__ volatile("movq %%fs:0x28, %0" : "=r"(guards[cpu_this()]));
}

static void read_guard_thread(void *unused)
{
	(void)unused;
	read_guard();
	on_others_finish();
}

static void test_frame_guard(void)
{
	on_others("guard", read_guard_thread, read_guard);
	for (unsigned cpu = 0; cpu < cpu_count(); cpu++) {
		check(guards[cpu] != 0 && (guards[cpu] & 0xff) == 0);
		check(cpu == 0 || guards[cpu] != guards[0]);
		check(guards[cpu] == cpus[cpu].frame_guard.value);
	}
}

/* ------------------------------------------------------------------ known answers */

static void unhex(uint8_t *bytes, const char *text)
{
	for (; *text; text += 2, bytes++) {
		*bytes = 0;
		for (unsigned i = 0; i < 2; i++)
			*bytes = (uint8_t)(*bytes << 4 | (text[i] <= '9' ? text[i] - '0' : text[i] - 'a' + 10));
	}
}

static bool is_hex(const uint8_t *bytes, const char *text)
{
	uint8_t expected[128];

	unhex(expected, text);
	return !memcmp(bytes, expected, strlen(text) / 2);
}

/* RFC 7748, section 5.2 */
static void check_x25519(void)
{
	uint8_t point[32], scalar[32];

	unhex(scalar, "a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4");
	unhex(point, "e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c");
	check(br_ec_get_default()->mul(point, sizeof(point), scalar, sizeof(scalar), BR_EC_curve25519));
	check(is_hex(point, "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552"));
}

/* RFC 8439, section 2.8.2 */
static void check_chacha20_poly1305(br_chacha20_run chacha20)
{
	uint8_t text[] = "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, "
			 "sunscreen would be it.";
	uint8_t key[32], nonce[12], associated[12], tag[16];

	unhex(key, "808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f");
	unhex(nonce, "070000004041424344454647");
	unhex(associated, "50515253c0c1c2c3c4c5c6c7");
	br_poly1305_ctmul_run(key, nonce, text, sizeof(text) - 1, associated, sizeof(associated), tag, chacha20, 1);
	check(is_hex(tag, "1ae10b594f09e26a7e902ecbd0600691"));
	check(is_hex(text, "d31a8d34648e60db7b86afbc53ef7ec2a4aded51296e08fea9e2b5a736ee62d6"
			   "3dbea45e8ca9671282fafb69da92728b1a71de0a9e060b2905d6a5b67ecd3b36"
			   "92ddbd7f2d778b8c9803aee328091b58fab324e4fad675945585808b4831d7bc"
			   "3ff4def08e4b7a9de576d26586cec64b6116"));
}

/* RFC 4231, test case 1 */
static void check_hmac_sha256(void)
{
	br_hmac_key_context key;
	br_hmac_context hmac;
	uint8_t bytes[32];

	memset(bytes, 0x0b, 20);
	br_hmac_key_init(&key, &br_sha256_vtable, bytes, 20);
	br_hmac_init(&hmac, &key, 0);
	br_hmac_update(&hmac, "Hi There", 8);
	check(br_hmac_out(&hmac, bytes) == sizeof(bytes));
	check(is_hex(bytes, "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"));
}

/* McGrew and Viega, "The Galois/Counter Mode of Operation", test case 4 */
static void check_aes_gcm(const br_block_ctr_class *aes, br_ghash ghash)
{
	uint8_t key[16], nonce[12], associated[20], text[60], tag[16];
	br_aes_gen_ctr_keys keys;
	br_gcm_context gcm;

	unhex(key, "feffe9928665731c6d6a8f9467308308");
	unhex(nonce, "cafebabefacedbaddecaf888");
	unhex(associated, "feedfacedeadbeeffeedfacedeadbeefabaddad2");
	unhex(text, "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
		    "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39");
	aes->init(&keys.vtable, key, sizeof(key));
	br_gcm_init(&gcm, &keys.vtable, ghash);
	br_gcm_reset(&gcm, nonce, sizeof(nonce));
	br_gcm_aad_inject(&gcm, associated, sizeof(associated));
	br_gcm_flip(&gcm);
	br_gcm_run(&gcm, 1, text, sizeof(text));
	br_gcm_get_tag(&gcm, tag);
	check(is_hex(text, "42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e"
			   "21d514b25466931c7d8f6a5aac84aa051ba30b396a0aac973d58e091"));
	check(is_hex(tag, "5bc94fbc3221a5db94fae95ae7121a47"));
}

/* The hardware's way, where this processor has it, and the portable one. */
static void check_library(void)
{
	const br_block_ctr_class *aes;
	br_chacha20_run chacha20;
	br_ghash ghash;

	vector_begin();
	aes = br_aes_x86ni_ctr_get_vtable();
	chacha20 = br_chacha20_sse2_get();
	ghash = br_ghash_pclmul_get();
	check_x25519();
	check_hmac_sha256();
	check_chacha20_poly1305(br_chacha20_ct_run);
	check_aes_gcm(&br_aes_ct64_ctr_vtable, br_ghash_ctmul64);
	check(chacha20 != NULL);		/* every x86-64 has it */
	check_chacha20_poly1305(chacha20);
	if (aes && ghash)
		check_aes_gcm(aes, ghash);
	vector_end();
}

static void check_library_thread(void *unused)
{
	(void)unused;
	check_library();
	on_others_finish();
}

static void test_library(void)
{
	on_others("library", check_library_thread, check_library);
}

const struct selftest vector_tests[] = {
	{ "vectors_of_another", test_another, 1 },
	{ "frame_guard", test_frame_guard, 1 },
	{ "library", test_library, 1 },
};
const unsigned vector_test_count = sizeof(vector_tests) / sizeof(vector_tests[0]);
