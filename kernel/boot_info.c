/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reads the loader's tables: Multiboot Specification 0.6.96 section 3.3, Multiboot2 2.0 section 3.6, and Xen's
 * start_info for PVH. They may lie anywhere that can be reached; everything is copied.
 */
#include <string.h>

#include <kernel/boot_info.h>
#include <kernel/kernel.h>
#include <kernel/layout.h>

#define MAP_TYPE_USABLE 1
#define MULTIBOOT2_TAGS_MAX 256

struct boot_info boot_info;

static const void *loader_data(uint64_t physical, uint64_t bytes)
{
	const uint8_t *data = boot_info.memory->at(boot_info.memory->context, physical, bytes);

	if (!data)
		panic("boot table out of reach: address=%#lx bytes=%lu", (unsigned long)physical, (unsigned long)bytes);
	return data;
}

/* A structure of the loader's, wherever it is: nobody promises that it is aligned. */
static void read_data(void *out, uint64_t physical, size_t bytes)
{
	memcpy(out, loader_data(physical, bytes), bytes);
}

/* Up to the NUL, which is within `bytes`. */
static void copy_command_line(uint64_t physical, uint64_t bytes)
{
	for (uint64_t i = 0; i < COMMAND_LINE_BYTES_MAX; i++) {
		if (i == bytes)
			panic("the command line has no end: bytes=%lu", (unsigned long)bytes);
		read_data(&boot_info.command_line[i], physical + i, 1);
		if (boot_info.command_line[i] == '\0')
			return;
	}
	panic("the command line is longer than %d bytes", COMMAND_LINE_BYTES_MAX - 1);
}

/* Neighbours become one: UEFI's map says of each piece what the firmware had it for. */
static void add_usable(uint64_t base, uint64_t bytes)
{
	struct boot_range *last = boot_info.usable_count ? &boot_info.usable[boot_info.usable_count - 1] : NULL;

	if (last && last->base + last->bytes == base && bytes <= UINT64_MAX - base) {
		last->bytes += bytes;
		return;
	}
	if (boot_info.usable_count == BOOT_RANGES_MAX)
		panic("the memory map has more than %d usable ranges", BOOT_RANGES_MAX);
	boot_info.usable[boot_info.usable_count++] = (struct boot_range){ base, bytes };
}

static void add_module(uint64_t base, uint64_t end)
{
	if (end < base)
		panic("a boot module ends before it begins: start=%#lx end=%#lx", (unsigned long)base, (unsigned long)end);
	if (boot_info.module_count == BOOT_MODULES_MAX)
		panic("more than %d boot modules", BOOT_MODULES_MAX);
	boot_info.modules[boot_info.module_count++] = (struct boot_range){ base, end - base };
}

/* ------------------------------------------------------------------ multiboot 1 */

struct multiboot1_info {
	uint32_t flags;			/* 0x00 */
	uint32_t mem_lower_kib, mem_upper_kib; /* 0x04; flag 0 */
	uint32_t boot_device;		/* 0x0c */
	uint32_t command_line;		/* 0x10; flag 2 */
	uint32_t module_count, modules;	/* 0x14; flag 3 */
	uint32_t symbols[4];		/* 0x1c */
	uint32_t map_bytes, map;	/* 0x2c; flag 6 */
};
_Static_assert(offsetof(struct multiboot1_info, map_bytes) == 0x2c, "multiboot 1, 3.3");

struct multiboot1_module {
	uint32_t start, end, text, reserved;
};

struct multiboot1_map_entry {
	uint32_t bytes;			/* of the rest of the entry */
	uint64_t base, len;
	uint32_t type;
} __attribute__((packed));

static void read_multiboot1_map(const struct multiboot1_info *info)
{
	const uint8_t *map = loader_data(info->map, info->map_bytes);
	uint64_t offset = 0;

	while (offset < info->map_bytes && info->map_bytes - offset >= sizeof(struct multiboot1_map_entry)) {
		struct multiboot1_map_entry entry;

		memcpy(&entry, map + offset, sizeof(entry));
		if (entry.bytes < sizeof(entry) - sizeof(entry.bytes) || entry.bytes > info->map_bytes)
			panic("malformed multiboot memory map: entry_bytes=%u", entry.bytes);
		if (entry.type == MAP_TYPE_USABLE)
			add_usable(entry.base, entry.len);
		offset += entry.bytes + sizeof(entry.bytes);
	}
}

static void read_multiboot1(uint32_t address)
{
	struct multiboot1_info info;

	read_data(&info, address, sizeof(info));
	boot_info.protocol = "multiboot1";
	if (info.flags & (1 << 2))
		copy_command_line(info.command_line, COMMAND_LINE_BYTES_MAX);
	for (uint32_t i = 0; info.flags & (1 << 3) && i < info.module_count; i++) {
		struct multiboot1_module module;

		read_data(&module, info.modules + (uint64_t)i * sizeof(module), sizeof(module));
		add_module(module.start, module.end);
	}
	if (info.flags & (1 << 6))
		read_multiboot1_map(&info);
	else if (info.flags & (1 << 0))
		add_usable(0x100000, (uint64_t)info.mem_upper_kib * 1024);
}

/* ------------------------------------------------------------------ multiboot 2 */

enum multiboot2_tag_type {
	TAG_END = 0, TAG_COMMAND_LINE = 1, TAG_MODULE = 3, TAG_MAP = 6, TAG_EFI64 = 12, TAG_RSDP1 = 14, TAG_RSDP2 = 15,
};

struct multiboot2_tag {
	uint32_t type, bytes;
};

struct multiboot2_map {
	uint32_t type, bytes, entry_bytes, entry_version;
};

struct map_entry64 {			/* of multiboot 2 and of PVH */
	uint64_t base, bytes;
	uint32_t type, reserved;
};

static void read_multiboot2_map(const struct multiboot2_tag *tag, uint64_t address)
{
	struct multiboot2_map map;

	if (tag->bytes < sizeof(map))
		panic("malformed multiboot2 memory map: tag_bytes=%u", tag->bytes);
	read_data(&map, address, sizeof(map));
	if (map.entry_bytes < sizeof(struct map_entry64))
		panic("malformed multiboot2 memory map: entry_bytes=%u", map.entry_bytes);
	for (uint64_t offset = sizeof(map); offset + map.entry_bytes <= tag->bytes; offset += map.entry_bytes) {
		struct map_entry64 entry;

		read_data(&entry, address + offset, sizeof(entry));
		if (entry.type == MAP_TYPE_USABLE)
			add_usable(entry.base, entry.bytes);
	}
}

/* All of the tag can be read; it may still be shorter than what it is for. */
static void read_multiboot2_tag(const struct multiboot2_tag *tag, uint64_t address)
{
	uint64_t contents = address + sizeof(*tag);
	uint32_t bytes = tag->bytes - (uint32_t)sizeof(*tag), words[2];

	switch (tag->type) {
	case TAG_COMMAND_LINE:
		copy_command_line(contents, bytes);
		break;
	case TAG_MODULE:
		if (bytes < sizeof(words))
			panic("malformed multiboot2 module: tag_bytes=%u", tag->bytes);
		read_data(words, contents, sizeof(words));
		add_module(words[0], words[1]);
		break;
	case TAG_MAP:
		read_multiboot2_map(tag, address);
		break;
	case TAG_EFI64:
		if (bytes >= sizeof(boot_info.efi_system_table))
			read_data(&boot_info.efi_system_table, contents, sizeof(boot_info.efi_system_table));
		break;
	case TAG_RSDP1:
	case TAG_RSDP2:
		boot_info.rsdp_copy_bytes = bytes < sizeof(boot_info.rsdp_copy) ? bytes : (uint32_t)sizeof(boot_info.rsdp_copy);
		read_data(boot_info.rsdp_copy, contents, boot_info.rsdp_copy_bytes);
		break;
	default:
		break;
	}
}

static void read_multiboot2(uint32_t address)
{
	uint32_t end;
	uint64_t offset = 8;

	read_data(&end, address, sizeof(end));
	boot_info.protocol = "multiboot2";
	loader_data(address, end);
	for (unsigned tags = 0; offset + sizeof(struct multiboot2_tag) <= end; tags++) {
		struct multiboot2_tag tag;

		read_data(&tag, address + offset, sizeof(tag));
		if (tags == MULTIBOOT2_TAGS_MAX || tag.bytes < sizeof(tag) || tag.bytes > end - offset)
			panic("malformed multiboot2 tag: type=%u bytes=%u offset=%u", tag.type, tag.bytes, (unsigned)offset);
		if (tag.type == TAG_END)
			break;
		read_multiboot2_tag(&tag, address + offset);
		offset += (tag.bytes + UINT64_C(7)) & ~UINT64_C(7);
	}
}

/* ------------------------------------------------------------------ PVH */

struct pvh_start_info {
	uint32_t magic, version;	/* 0x00 */
	uint32_t flags, module_count;	/* 0x08 */
	uint64_t modules;		/* 0x10 */
	uint64_t command_line;		/* 0x18 */
	uint64_t rsdp;			/* 0x20 */
	uint64_t map;			/* 0x28; from version 1 on */
	uint32_t map_count, reserved;	/* 0x30 */
};
_Static_assert(sizeof(struct pvh_start_info) == 0x38, "start_info version 1");

struct pvh_module {
	uint64_t base, bytes, command_line, reserved;
};

static void read_pvh(uint32_t address)
{
	struct pvh_start_info info;

	read_data(&info, address, sizeof(info));
	boot_info.protocol = "pvh";
	if (info.magic != PVH_MAGIC || info.version < 1)
		panic("malformed PVH start_info: magic=%#x version=%u", info.magic, info.version);
	if (info.command_line)
		copy_command_line(info.command_line, COMMAND_LINE_BYTES_MAX);
	boot_info.rsdp = info.rsdp;
	for (uint32_t i = 0; i < info.module_count; i++) {
		struct pvh_module module;

		read_data(&module, info.modules + (uint64_t)i * sizeof(module), sizeof(module));
		if (module.bytes > UINT64_MAX - module.base)
			panic("a boot module ends nowhere: start=%#lx bytes=%lu", (unsigned long)module.base, (unsigned long)module.bytes);
		add_module(module.base, module.base + module.bytes);
	}
	for (uint32_t i = 0; i < info.map_count; i++) {
		struct map_entry64 entry;

		read_data(&entry, info.map + (uint64_t)i * sizeof(entry), sizeof(entry));
		if (entry.type == MAP_TYPE_USABLE)
			add_usable(entry.base, entry.bytes);
	}
}

void boot_info_read(uint32_t magic, uint32_t info, const struct physical_memory *memory)
{
	boot_info.memory = memory;
	switch (magic) {
	case MULTIBOOT1_MAGIC:
		read_multiboot1(info);
		break;
	case MULTIBOOT2_MAGIC:
		read_multiboot2(info);
		break;
	case PVH_MAGIC:
		read_pvh(info);
		break;
	default:
		panic("started by an unknown loader: magic=%#x (multiboot 1, multiboot 2 and PVH are known)", magic);
	}
	if (boot_info.usable_count == 0)
		panic("the loader gave no memory map: protocol=%s", boot_info.protocol);
}
