/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Only as much of ACPI as it takes to find the processors: RSDP (ACPI 6.5, 5.2.5), RSDT or XSDT (5.2.7, 5.2.8), MADT
 * (5.2.12). Firmware writes these tables, so sums and lengths are checked; a bad table is as good as none.
 */
#include <string.h>

#include <kernel/acpi.h>
#include <kernel/apic.h>
#include <kernel/boot_info.h>
#include <kernel/layout.h>

#define RSDP_BYTES 20
#define RSDP2_BYTES 36
#define BIOS_START 0xe0000
#define BIOS_END 0x100000
#define EBDA_SEGMENT 0x40e
#define EBDA_SEARCH_BYTES 1024
#define TABLE_BYTES_MAX 0x100000
#define MADT_LOCAL_APIC 0
#define MADT_LOCAL_X2APIC 9
#define MADT_ENABLED 1
#define MADT_ENTRIES_OFFSET 44

struct acpi_processors acpi_processors;

struct rsdp {
	char signature[8];		/* 0x00 */
	uint8_t checksum;
	char oem[6];
	uint8_t revision;		/* 0x0f */
	uint32_t rsdt;			/* 0x10 */
	uint32_t bytes;			/* 0x14; from revision 2 on, as is the rest */
	uint64_t xsdt;			/* 0x18 */
	uint8_t checksum2, reserved[3];
} __attribute__((packed));
_Static_assert(sizeof(struct rsdp) == RSDP2_BYTES, "ACPI 6.5, table 5.3");

struct table {
	char signature[4];
	uint32_t bytes;
	uint8_t revision, checksum;
	char rest[26];
} __attribute__((packed));
_Static_assert(sizeof(struct table) == 36, "ACPI 6.5, table 5.4");

static const void *at(uint64_t physical)
{
	return (const void *)(DIRECT_BASE + physical);
}

static bool sum_is_zero(const void *bytes, size_t len)
{
	const uint8_t *byte = bytes;
	uint8_t sum = 0;

	while (len--)
		sum = (uint8_t)(sum + *byte++);
	return sum == 0;
}

static bool rsdp_is_valid(const struct rsdp *rsdp)
{
	return !memcmp(rsdp->signature, "RSD PTR ", 8) && sum_is_zero(rsdp, RSDP_BYTES);
}

static const struct rsdp *rsdp_search(uint64_t start, uint64_t bytes)
{
	for (uint64_t address = start; address < start + bytes; address += 16)
		if (rsdp_is_valid(at(address)))
			return at(address);
	return NULL;
}

static const struct rsdp *rsdp_find(void)
{
	const struct rsdp *rsdp = NULL;
	uint16_t segment;

	if (boot_info.rsdp_copy_bytes >= RSDP_BYTES)
		rsdp = (const struct rsdp *)boot_info.rsdp_copy;
	else if (boot_info.rsdp && boot_info.rsdp < UINT32_MAX - RSDP2_BYTES)
		rsdp = at(boot_info.rsdp);
	if (rsdp && rsdp_is_valid(rsdp))
		return rsdp;
	memcpy(&segment, at(EBDA_SEGMENT), sizeof(segment));
	rsdp = segment ? rsdp_search((uint64_t)segment << 4, EBDA_SEARCH_BYTES) : NULL;
	return rsdp ? rsdp : rsdp_search(BIOS_START, BIOS_END - BIOS_START);
}

/* A table within the reach of the boot page tables whose sum is right, or NULL. */
static const struct table *table_at(uint64_t physical)
{
	const struct table *table;

	if (physical == 0 || physical > UINT32_MAX - TABLE_BYTES_MAX)
		return NULL;
	table = at(physical);
	if (table->bytes < sizeof(*table) || table->bytes > TABLE_BYTES_MAX || !sum_is_zero(table, table->bytes))
		return NULL;
	return table;
}

static const struct table *table_find(const struct rsdp *rsdp, const char *signature)
{
	bool wide = rsdp->revision >= 2 && rsdp->xsdt;
	const struct table *root = table_at(wide ? rsdp->xsdt : rsdp->rsdt);
	size_t entry_bytes = wide ? 8 : 4;

	if (!root)
		return NULL;
	for (size_t offset = sizeof(*root); offset + entry_bytes <= root->bytes; offset += entry_bytes) {
		const struct table *table;
		uint64_t address = 0;

		memcpy(&address, (const uint8_t *)root + offset, entry_bytes);
		table = table_at(address);
		if (table && !memcmp(table->signature, signature, 4))
			return table;
	}
	return NULL;
}

static void add_processor(uint32_t id, uint32_t flags)
{
	if (!(flags & MADT_ENABLED))
		return;
	if (acpi_processors.count < CONFIG_CPUS_MAX)
		acpi_processors.apic_ids[acpi_processors.count++] = id;
	else
		acpi_processors.ignored++;
}

void acpi_read(void)
{
	const struct rsdp *rsdp = rsdp_find();
	const struct table *madt = rsdp ? table_find(rsdp, "APIC") : NULL;
	size_t offset = MADT_ENTRIES_OFFSET;

	while (madt && offset + 8 <= madt->bytes) {
		const uint8_t *entry = (const uint8_t *)madt + offset;
		uint32_t id, flags;

		if (entry[1] < 2 || entry[1] > madt->bytes - offset)
			break;
		if (entry[0] == MADT_LOCAL_APIC && entry[1] >= 8) {
			memcpy(&flags, entry + 4, sizeof(flags));
			add_processor(entry[3], flags);
		} else if (entry[0] == MADT_LOCAL_X2APIC && entry[1] >= 16) {
			memcpy(&id, entry + 4, sizeof(id));
			memcpy(&flags, entry + 8, sizeof(flags));
			add_processor(id, flags);
		}
		offset += entry[1];
	}
}
