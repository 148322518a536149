// SPDX-License-Identifier: GPL-2.0-only
/*
 * ACPI tables of a board (ACPI 6.4 chapter 5): hardware-reduced, so no SCI, no PM timer and no fixed buttons; power-off goes
 * through the sleep control register, reset through the reset register, and the power button is a device of its own that an event
 * device speaks for (5.6.9). The DSDT is assembled here byte by byte (chapter 20).
 */
#include <assert.h>
#include <string.h>

#include "pcomponent/dev/dev.h"

#define HEADER_BYTES 36u
#define RSDP_BYTES 36u
#define FADT_BYTES 276u
#define TABLE_ALIGN 16u

#define FADT_FLAG_WBINVD (1u << 0)
/* 5.2.9, PWR_BUTTON and SLP_BUTTON: no button of the fixed hardware. If there is a power button, it is a device of the DSDT (4.8.2.2.1). */
#define FADT_FLAG_NO_FIXED_POWER_BUTTON (1u << 4)
#define FADT_FLAG_NO_FIXED_SLEEP_BUTTON (1u << 5)
#define FADT_FLAG_RESET_REGISTER (1u << 10)
#define FADT_FLAG_HARDWARE_REDUCED (1u << 20)
/* IAPC_BOOT_ARCH (5.2.9.3): COM1 is a legacy device; no VGA, no MSI limit set, and bit 1 clear: no 8042. */
#define BOOT_ARCH_LEGACY_DEVICES (1u << 0)
#define BOOT_ARCH_NO_VGA (1u << 2)
#define BOOT_ARCH_NO_CMOS_RTC (1u << 5)

#define SPACE_PORT 1u
#define ACCESS_BYTE 1u

#define MADT_LAPIC 0u
#define MADT_IOAPIC 1u

/* ------------------------------------------------------------------ bytes */

struct writer {
	uint8_t *bytes;
	uint32_t len, end;
};

static void put(struct writer *out, uint64_t value, uint32_t size)
{
	assert(size <= 8 && out->end - out->len >= size);
	for (uint32_t i = 0; i < size; i++)
		out->bytes[out->len++] = (uint8_t)(value >> i * 8);
}

static void put_bytes(struct writer *out, const void *bytes, uint32_t len)
{
	assert(out->end - out->len >= len);
	memcpy(out->bytes + out->len, bytes, len);
	out->len += len;
}

static void put_zeros(struct writer *out, uint32_t len)
{
	for (uint32_t i = 0; i < len; i++)
		put(out, 0, 1);
}

static void align(struct writer *out)
{
	put_zeros(out, -out->len & (TABLE_ALIGN - 1));
}

static uint8_t checksum(const uint8_t *bytes, uint32_t len)
{
	uint8_t sum = 0;

	for (uint32_t i = 0; i < len; i++)
		sum += bytes[i];
	return (uint8_t)-sum;
}

/* ------------------------------------------------------------------ tables */

/* Header (5.2.6); length and checksum come with table_end(). Returns where the table stands. */
static uint32_t table_begin(struct writer *out, const char *signature, uint8_t revision)
{
	uint32_t start;

	align(out);
	start = out->len;
	put_bytes(out, signature, 4);
	put(out, 0, 4);
	put(out, revision, 1);
	put(out, 0, 1);
	put_bytes(out, "PLENUM", 6);
	put_bytes(out, "PLENUMVM", 8);
	put(out, 1, 4);
	put_bytes(out, "PLNM", 4);
	put(out, 1, 4);
	assert(out->len - start == HEADER_BYTES);
	return start;
}

static void table_end(struct writer *out, uint32_t start)
{
	uint32_t len = out->len - start;
	struct writer length = { out->bytes, start + 4, start + 8 };

	put(&length, len, 4);
	out->bytes[start + 9] = checksum(out->bytes + start, len);
}

static void put_port_register(struct writer *out, uint16_t port)
{
	put(out, SPACE_PORT, 1);
	put(out, 8, 1); /* bits */
	put(out, 0, 1);
	put(out, ACCESS_BYTE, 1);
	put(out, port, 8);
}

/* FADT (5.2.9). All fields of the fixed hardware stay zero, as 4.1 asks of a hardware-reduced platform. */
static uint32_t build_fadt(struct writer *out, uint64_t dsdt, uint32_t devices)
{
	uint32_t start = table_begin(out, "FACP", 6);
	uint16_t boot_arch = (uint16_t)(BOOT_ARCH_NO_VGA | (devices & DEVICE_SERIAL ? BOOT_ARCH_LEGACY_DEVICES : 0) |
					(devices & DEVICE_RTC ? 0 : BOOT_ARCH_NO_CMOS_RTC));

	put(out, 0, 4);				/* 36: FACS: none */
	put(out, dsdt, 4);			/* 40 */
	put_zeros(out, 109 - 44);
	put(out, boot_arch, 2);			/* 109 */
	put(out, 0, 1);
	put(out, FADT_FLAG_WBINVD | FADT_FLAG_NO_FIXED_POWER_BUTTON | FADT_FLAG_NO_FIXED_SLEEP_BUTTON | FADT_FLAG_RESET_REGISTER |
	    FADT_FLAG_HARDWARE_REDUCED, 4);	/* 112 */
	put_port_register(out, ACPI_RESET_PORT); /* 116 */
	put(out, ACPI_RESET_VALUE, 1);		/* 128 */
	put(out, 0, 2);				/* 129: ARM boot flags */
	put(out, 4, 1);				/* 131: minor version: 6.4 */
	put(out, 0, 8);				/* 132: FACS */
	put(out, dsdt, 8);			/* 140 */
	put_zeros(out, 244 - 148);
	put_port_register(out, ACPI_SLEEP_CONTROL_PORT); /* 244 */
	put_port_register(out, ACPI_SLEEP_CONTROL_PORT + 1); /* 256 */
	put_bytes(out, "PLENUM\0\0", 8);	/* 268: hypervisor vendor */
	assert(out->len - start == FADT_BYTES);
	table_end(out, start);
	return start;
}

/* MADT (5.2.12). No PC-AT 8259, and no interrupt overrides: COM1's IRQ 4 is GSI 4, edge-triggered, active high, as on ISA. */
static uint32_t build_madt(struct writer *out, uint32_t vcpus)
{
	uint32_t start = table_begin(out, "APIC", 5);

	put(out, LAPIC_MMIO_BASE, 4);
	put(out, 0, 4);
	for (uint32_t i = 0; i < vcpus; i++) {
		put(out, MADT_LAPIC, 1);
		put(out, 8, 1);
		put(out, i, 1);			/* processor UID */
		put(out, i, 1);			/* APIC ID */
		put(out, 1, 4);			/* enabled */
	}
	put(out, MADT_IOAPIC, 1);
	put(out, 12, 1);
	put(out, vcpus & 0xf, 1);		/* as in ioapic_init() */
	put(out, 0, 1);
	put(out, IOAPIC_BASE, 4);
	put(out, 0, 4);				/* first GSI */
	table_end(out, start);
	return start;
}

/* ------------------------------------------------------------------ AML */

#define AML_ZERO 0x00u
#define AML_BYTE 0x0au
#define AML_DWORD 0x0cu
#define AML_NAME 0x08u
#define AML_SCOPE 0x10u
#define AML_STRING 0x0du
#define AML_BUFFER 0x11u
#define AML_PACKAGE 0x12u
#define AML_METHOD 0x14u
#define AML_ROOT 0x5cu
#define AML_TWO_NAMES 0x2eu
#define AML_NOTIFY 0x86u
#define AML_EXTENDED 0x5bu
#define AML_DEVICE 0x82u
#define PACKAGE_LENGTH_BYTES 2u
#define NOTIFY_BUTTON_PRESSED 0x80u
#define EISA_PNP0C0C 0x0c0cd041u		/* power button */
#define EISA_PNP0B00 0x000bd041u		/* AT real-time clock */
#define EISA_PNP0501 0x0105d041u		/* 16550A-compatible COM port (compressed ID, 19.3.4) */

/* An object with a PkgLength (20.2.4), always in the two-byte form: good for 4095 bytes, and aml_end() can fill it in later. */
static uint32_t aml_begin(struct writer *out)
{
	put(out, 0, PACKAGE_LENGTH_BYTES);
	return out->len - PACKAGE_LENGTH_BYTES;
}

static void aml_end(struct writer *out, uint32_t start)
{
	uint32_t len = out->len - start;

	assert(len < 4096);
	out->bytes[start] = (uint8_t)(1u << 6 | (len & 0xf));
	out->bytes[start + 1] = (uint8_t)(len >> 4);
}

static void aml_name(struct writer *out, const char *name)
{
	put(out, AML_NAME, 1);
	put_bytes(out, name, 4);
}

/* Name (_S5, Package { SLP_TYP, 0, 0, 0 }), 7.4.2.6. */
static void build_s5(struct writer *out)
{
	uint32_t package;

	aml_name(out, "_S5_");
	put(out, AML_PACKAGE, 1);
	package = aml_begin(out);
	put(out, 4, 1);
	put(out, AML_BYTE, 1);
	put(out, ACPI_SLEEP_TYPE_S5, 1);
	for (uint32_t i = 0; i < 3; i++)
		put(out, AML_ZERO, 1);
	aml_end(out, package);
}

/* Name (_CRS, Buffer { resources }) */
static void aml_resources(struct writer *out, const uint8_t *resources, uint32_t len)
{
	uint32_t buffer;

	aml_name(out, "_CRS");
	put(out, AML_BUFFER, 1);
	buffer = aml_begin(out);
	put(out, AML_BYTE, 1);
	put(out, len, 1);
	put_bytes(out, resources, len);
	aml_end(out, buffer);
}

/* Device (NAME) { Name (_HID, EISAID) Name (_UID, 0) Name (_STA, 0x0f) Name (_CRS, Buffer { resources }) }. */
static void build_device(struct writer *out, const char *name, uint32_t hardware_id, const uint8_t *resources, uint32_t len)
{
	uint32_t device;

	put(out, AML_EXTENDED, 1);
	put(out, AML_DEVICE, 1);
	device = aml_begin(out);
	put_bytes(out, name, 4);
	aml_name(out, "_HID");
	put(out, AML_DWORD, 1);
	put(out, hardware_id, 4);
	aml_name(out, "_UID");
	put(out, AML_ZERO, 1);
	aml_name(out, "_STA");
	put(out, AML_BYTE, 1);
	put(out, 0x0f, 1);
	aml_resources(out, resources, len);
	aml_end(out, device);
}

/* Resources (6.4.2): IO (Decode16, 0x3f8, 0x3f8, 1, 8), IRQ (Edge, ActiveHigh, Exclusive) { 4 }, end tag. */
static const uint8_t com1_resources[] = {
	0x47, 0x01, 0xf8, 0x03, 0xf8, 0x03, 0x01, 0x08,
	0x23, 0x10, 0x00, 0x01,
	0x79, 0x00,
};

/*
 * IO (Decode16, 0x70, 0x70, 1, 2), end tag. No IRQ: the clock has no alarm, and with IRQ 8 Linux would refuse it for want
 * of a PIC.
 */
static const uint8_t rtc_resources[] = {
	0x47, 0x01, 0x70, 0x00, 0x70, 0x00, 0x01, 0x02,
	0x79, 0x00,
};

/* Interrupt (ResourceConsumer, Edge, ActiveHigh, Exclusive) { ACPI_BUTTON_GSI } (6.4.3.6), end tag. */
static const uint8_t button_resources[] = {
	0x89, 0x06, 0x00, 0x03, 0x01, ACPI_BUTTON_GSI, 0x00, 0x00, 0x00,
	0x79, 0x00,
};

/* Memory32Fixed (ReadWrite, RNG_MMIO_BASE, RNG_MMIO_BYTES) (6.4.3.4), Interrupt (Level, ActiveHigh, Exclusive) { RNG_GSI }, end tag. */
static const uint8_t rng_resources[] = {
	0x86, 0x09, 0x00, 0x01, 0x00, 0x00, 0xb0, 0xfe, 0x00, 0x02, 0x00, 0x00,
	0x89, 0x06, 0x00, 0x01, 0x01, RNG_GSI, 0x00, 0x00, 0x00,
	0x79, 0x00,
};
_Static_assert(RNG_MMIO_BASE == 0xfeb00000 && RNG_MMIO_BYTES == 0x200, "as in its resources");

/* Name (_HID, "...") Name (_UID, 0) Name (_CRS, Buffer { resources }): of a device whose identity is no EISA one. */
static void build_identity(struct writer *out, const char *hardware_id, const uint8_t *resources, uint32_t len)
{
	aml_name(out, "_HID");
	put(out, AML_STRING, 1);
	put_bytes(out, hardware_id, (uint32_t)strlen(hardware_id) + 1);
	aml_name(out, "_UID");
	put(out, AML_ZERO, 1);
	aml_resources(out, resources, len);
}

/* Device (RNG_) { Name (_HID, "LNRO0005") ... }: a virtio device over MMIO, to Linux and QEMU. */
static void build_rng(struct writer *out)
{
	uint32_t device;

	put(out, AML_EXTENDED, 1);
	put(out, AML_DEVICE, 1);
	device = aml_begin(out);
	put_bytes(out, "RNG_", 4);
	build_identity(out, "LNRO0005", rng_resources, sizeof(rng_resources));
	aml_end(out, device);
}

/*
 * Device (PWRB) { Name (_HID, EISAID) Name (_UID, 0) Name (_STA, 0x0f) Name (_CRS, Buffer { end tag }) }
 * Device (GED_) { Name (_HID, "ACPI0013") Name (_UID, 0) Name (_CRS, ...) Method (_E09) { Notify (\_SB.PWRB, 0x80) } }
 */
static void build_button(struct writer *out)
{
	static const uint8_t none[] = { 0x79, 0x00 };
	uint32_t device, inner;

	build_device(out, "PWRB", EISA_PNP0C0C, none, sizeof(none));
	put(out, AML_EXTENDED, 1);
	put(out, AML_DEVICE, 1);
	device = aml_begin(out);
	put_bytes(out, "GED_", 4);
	build_identity(out, "ACPI0013", button_resources, sizeof(button_resources));
	put(out, AML_METHOD, 1);
	inner = aml_begin(out);
	put_bytes(out, "_E09", 4);
	put(out, 0, 1);				/* no arguments, not serialized */
	put(out, AML_NOTIFY, 1);
	put(out, AML_ROOT, 1);
	put(out, AML_TWO_NAMES, 1);
	put_bytes(out, "_SB_PWRB", 8);
	put(out, AML_BYTE, 1);
	put(out, NOTIFY_BUTTON_PRESSED, 1);
	aml_end(out, inner);
	aml_end(out, device);
}

static uint32_t build_dsdt(struct writer *out, uint32_t devices)
{
	uint32_t start = table_begin(out, "DSDT", 2), scope;

	build_s5(out);
	put(out, AML_SCOPE, 1);
	scope = aml_begin(out);
	put_bytes(out, "\\_SB_", 5);
	if (devices & DEVICE_SERIAL)
		build_device(out, "COM1", EISA_PNP0501, com1_resources, sizeof(com1_resources));
	if (devices & DEVICE_RTC)
		build_device(out, "RTC_", EISA_PNP0B00, rtc_resources, sizeof(rtc_resources));
	if (devices & DEVICE_BUTTON)
		build_button(out);
	if (devices & DEVICE_RNG)
		build_rng(out);
	aml_end(out, scope);
	table_end(out, start);
	return start;
}

/* ------------------------------------------------------------------ all of them */

static void build_rsdp(struct writer *out, uint64_t xsdt)
{
	put_bytes(out, "RSD PTR ", 8);
	put(out, 0, 1);
	put_bytes(out, "PLENUM", 6);
	put(out, 2, 1);
	put(out, 0, 4);				/* no RSDT */
	put(out, RSDP_BYTES, 4);
	put(out, xsdt, 8);
	put(out, 0, 4);
	assert(out->len == RSDP_BYTES);
	out->bytes[8] = checksum(out->bytes, 20);
	out->bytes[32] = checksum(out->bytes, RSDP_BYTES);
}

uint32_t acpi_build(uint8_t *bytes, uint64_t address, uint32_t vcpus, uint32_t devices)
{
	struct writer out = { bytes, RSDP_BYTES, ACPI_TABLES_BYTES_MAX };
	struct writer rsdp = { bytes, 0, RSDP_BYTES };
	uint32_t dsdt, fadt, madt, xsdt;

	assert(vcpus >= 1 && vcpus <= VCPUS_PER_VM_MAX);
	/* The FADT holds the DSDT's address in 32 bits too, and tables are aligned by their offset. */
	assert(address <= UINT32_MAX - ACPI_TABLES_BYTES_MAX && address % TABLE_ALIGN == 0);
	dsdt = build_dsdt(&out, devices);
	fadt = build_fadt(&out, address + dsdt, devices);
	madt = build_madt(&out, vcpus);
	xsdt = table_begin(&out, "XSDT", 1);
	put(&out, address + fadt, 8);
	put(&out, address + madt, 8);
	table_end(&out, xsdt);
	build_rsdp(&rsdp, address + xsdt);
	return out.len;
}
