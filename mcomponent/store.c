/* SPDX-License-Identifier: GPL-2.0-only */
/* The frame store: pages that have content get a frame, all others cost their entry only. */
#include <assert.h>
#include <string.h>

#include "lib/zero.h"
#include "mcomponent/mcomponent.h"

static uint64_t entry_kind(uint64_t entry)
{
	return entry & ENTRY_KIND_MASK;
}

static uint8_t *entry_frame(const struct store *store, uint64_t entry)
{
	uint64_t frame = entry >> ENTRY_FRAME_SHIFT;

	assert(entry_kind(entry) == ENTRY_STORED && frame < store->frames_total);
	return store->frames + (frame << PAGE_SHIFT);
}

void store_init(struct store *store, void *frames, uint32_t *free_frames, uint32_t frames_total)
{
	assert(frames_total > 0 && frames_total <= MCOMPONENT_PAGES_MAX);
	memset(store, 0, sizeof(*store));
	store->frames = frames;
	store->free_frames = free_frames;
	store->frames_total = frames_total;
	store->free_count = frames_total;
	/* The lowest frame is taken first: the memory of a little-used node stays untouched, and its host's too. */
	for (uint32_t i = 0; i < frames_total; i++)
		free_frames[i] = frames_total - 1 - i;
}

static uint64_t frame_take(struct store *store)
{
	uint32_t frame;

	assert(store->free_count > 0);		/* M1 */
	frame = store->free_frames[--store->free_count];
	assert(frame < store->frames_total);
	return (uint64_t)frame << ENTRY_FRAME_SHIFT | ENTRY_STORED;
}

static void frame_release(struct store *store, uint64_t entry)
{
	assert(entry_kind(entry) == ENTRY_STORED && store->free_count < store->frames_total);	/* M2 */
	store->free_frames[store->free_count++] = (uint32_t)(entry >> ENTRY_FRAME_SHIFT);
}

void store_read(struct store *store, const uint64_t *entry, uint32_t offset, void *bytes, uint32_t len_bytes)
{
	assert(offset < PAGE_BYTES && len_bytes > 0 && len_bytes <= PAGE_BYTES - offset);
	store->reads++;
	if (entry_kind(*entry) == ENTRY_STORED)
		memcpy(bytes, entry_frame(store, *entry) + offset, len_bytes);
	else
		memset(bytes, 0, len_bytes);
}

/* The first bytes that are not zero arrive for a page without a frame. */
static void store_first(struct store *store, uint64_t *entry, uint32_t offset, const void *bytes, uint32_t len_bytes)
{
	uint64_t stored = frame_take(store);
	uint8_t *frame = entry_frame(store, stored);

	/* M4: what the frame held before must not be seen. */
	memset(frame, 0, offset);
	memcpy(frame + offset, bytes, len_bytes);
	memset(frame + offset + len_bytes, 0, PAGE_BYTES - offset - len_bytes);
	if (entry_kind(*entry) == ENTRY_ZERO)
		store->pages_zero--;
	*entry = stored;
}

void store_write(struct store *store, uint64_t *entry, uint32_t offset, const void *bytes, uint32_t len_bytes)
{
	bool zero = bytes_are_zero(bytes, len_bytes);

	assert(offset < PAGE_BYTES && len_bytes > 0 && len_bytes <= PAGE_BYTES - offset);
	store->writes++;
	if (entry_kind(*entry) == ENTRY_NEVER) {
		store->pages_written++;
		store->pages_zero++;
		*entry = ENTRY_ZERO;
	}
	if (entry_kind(*entry) == ENTRY_ZERO) {
		if (!zero)
			store_first(store, entry, offset, bytes, len_bytes);
		return;
	}
	if (!zero || len_bytes < PAGE_BYTES)
		memcpy(entry_frame(store, *entry) + offset, bytes, len_bytes);
	/* Only zeros can have made the page all zero (M3). */
	if (zero && (len_bytes == PAGE_BYTES || bytes_are_zero(entry_frame(store, *entry), PAGE_BYTES))) {
		frame_release(store, *entry);
		store->frames_released++;
		store->pages_zero++;
		*entry = ENTRY_ZERO;
	}
}

void store_forget(struct store *store, uint64_t *entry)
{
	if (entry_kind(*entry) == ENTRY_NEVER)
		return;
	if (entry_kind(*entry) == ENTRY_STORED)
		frame_release(store, *entry);
	else
		store->pages_zero--;
	store->pages_written--;
	*entry = ENTRY_NEVER;
}
