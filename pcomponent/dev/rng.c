// SPDX-License-Identifier: GPL-2.0-only
/*
 * Entropy device: virtio 1.2, over MMIO (sections 4.2, 5.4; split virtqueues 2.7). All that the guest writes is hostile.
 *
 *  V1 Registers change under the VM's lock and never while the queue is served (`busy`): the queue that is served is the one that
 *     rng_begin() copied.
 *  V2 A buffer is served by three writes, the last of which (the used ring's index) makes it the guest's. Until then nothing has
 *     changed, so a page that must be fetched first costs no more than serving the buffer again.
 *  V3 One call serves one buffer: its first descriptor, RNG_BYTES_MAX bytes, one page. Chains are never followed, so loops of them do
 *     not exist. "The device MAY use less than the entire buffer length" (5.4.6.1).
 *  V4 A queue that makes no sense ends the device until the guest resets it (DEVICE_NEEDS_RESET, 2.1.2).
 */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include <plenum/page.h>

#include "pcomponent/dev/dev.h"

#define FEATURE_VERSION_1 (UINT64_C(1) << 32)

#define STATUS_DRIVER_OK 0x04u
#define STATUS_FEATURES_OK 0x08u
#define STATUS_NEEDS_RESET 0x40u
#define STATUS_OF_DRIVER 0x8fu			/* acknowledge, driver, driver ok, features ok, failed */

#define INTERRUPT_USED 1u
#define INTERRUPT_CONFIGURATION 2u

#define DESCRIPTOR_WRITE 2u
#define DESCRIPTOR_INDIRECT 4u
#define AVAILABLE_NO_INTERRUPT 1u

/* Section 4.2.2. */
enum {
	MAGIC = 0x000, VERSION = 0x004, DEVICE_ID = 0x008, VENDOR_ID = 0x00c, DEVICE_FEATURES = 0x010, DEVICE_FEATURES_SELECT = 0x014,
	DRIVER_FEATURES = 0x020, DRIVER_FEATURES_SELECT = 0x024, QUEUE_SELECT = 0x030, QUEUE_SIZE_MAX = 0x034, QUEUE_SIZE = 0x038,
	QUEUE_READY = 0x044, INTERRUPT_STATUS = 0x060, INTERRUPT_ACKNOWLEDGE = 0x064, STATUS = 0x070, DESCRIPTORS_LOW = 0x080,
	DESCRIPTORS_HIGH = 0x084, AVAILABLE_LOW = 0x090, AVAILABLE_HIGH = 0x094, USED_LOW = 0x0a0, USED_HIGH = 0x0a4,
	SHARED_MEMORY_FIRST = 0x0b0, SHARED_MEMORY_LAST = 0x0bc, CONFIGURATION_GENERATION = 0x0fc,
};

#define MAGIC_VALUE 0x74726976u			/* "virt" */
#define VERSION_VALUE 2u
#define ID_ENTROPY 4u
#define VENDOR_VALUE 0x4d4e4c50u		/* "PLNM" */

/* ------------------------------------------------------------------ registers */

static void update_interrupt(struct rng *rng)
{
	ioapic_set_pin(rng->ioapic, RNG_GSI, rng->interrupt_status != 0);
}

void rng_reset(struct rng *rng)
{
	struct ioapic *ioapic = rng->ioapic;

	assert(!rng->busy);
	memset(rng, 0, sizeof(*rng));
	rng->ioapic = ioapic;
	update_interrupt(rng);
}

void rng_init(struct rng *rng, struct ioapic *ioapic)
{
	memset(rng, 0, sizeof(*rng));
	rng->ioapic = ioapic;
}

static uint32_t device_features(const struct rng *rng)
{
	return rng->device_features_select < 2 ? (uint32_t)(FEATURE_VERSION_1 >> rng->device_features_select * 32) : 0;
}

uint32_t rng_read(const struct rng *rng, uint32_t offset)
{
	assert(offset < RNG_MMIO_BYTES && offset % 4 == 0);
	switch (offset) {
	case MAGIC: return MAGIC_VALUE;
	case VERSION: return VERSION_VALUE;
	case DEVICE_ID: return ID_ENTROPY;
	case VENDOR_ID: return VENDOR_VALUE;
	case DEVICE_FEATURES: return device_features(rng);
	case QUEUE_SIZE_MAX: return rng->queue_select == 0 ? RNG_QUEUE_SIZE_MAX : 0;
	case QUEUE_READY: return rng->queue_select == 0 && rng->queue.ready;
	case INTERRUPT_STATUS: return rng->interrupt_status;
	case STATUS: return rng->status;
	/* No shared memory: its length and base are all ones (4.2.2). No configuration: its generation never changes. */
	case SHARED_MEMORY_FIRST ... SHARED_MEMORY_LAST: return UINT32_MAX;
	default: return 0;
	}
}

static void write_status(struct rng *rng, uint32_t value)
{
	if (value == 0) {
		rng_reset(rng);
		return;
	}
	/* 3.1.1, step 6: who cannot agree on the features finds FEATURES_OK not set. */
	if (rng->driver_features != FEATURE_VERSION_1)
		value &= ~STATUS_FEATURES_OK;
	rng->status = (value & STATUS_OF_DRIVER) | (rng->status & STATUS_NEEDS_RESET);
}

static void set_low(uint64_t *address, uint32_t value)
{
	*address = (*address & ~(uint64_t)UINT32_MAX) | value;
}

static void set_high(uint64_t *address, uint32_t value)
{
	*address = (*address & UINT32_MAX) | (uint64_t)value << 32;
}

/* Of the queue that is selected; while it is ready only that can be taken back. */
static void write_queue(struct rng *rng, uint32_t offset, uint32_t value)
{
	struct rng_queue *queue = &rng->queue;

	if (rng->queue_select != 0)
		return;
	if (offset == QUEUE_READY) {
		if (!queue->ready && value & 1)
			queue->next = 0;
		queue->ready = value & 1;
		return;
	}
	if (queue->ready)
		return;
	switch (offset) {
	case QUEUE_SIZE: queue->size = value; break;
	case DESCRIPTORS_LOW: set_low(&queue->descriptors, value); break;
	case DESCRIPTORS_HIGH: set_high(&queue->descriptors, value); break;
	case AVAILABLE_LOW: set_low(&queue->available, value); break;
	case AVAILABLE_HIGH: set_high(&queue->available, value); break;
	case USED_LOW: set_low(&queue->used, value); break;
	case USED_HIGH: set_high(&queue->used, value); break;
	default: break;
	}
}

static void write_driver_features(struct rng *rng, uint32_t value)
{
	if (rng->status & STATUS_FEATURES_OK)
		return;
	if (rng->driver_features_select == 0)
		set_low(&rng->driver_features, value);
	else if (rng->driver_features_select == 1)
		set_high(&rng->driver_features, value);
}

void rng_write(struct rng *rng, uint32_t offset, uint32_t value)
{
	assert(offset < RNG_MMIO_BYTES && offset % 4 == 0 && !rng->busy);
	switch (offset) {
	case DEVICE_FEATURES_SELECT: rng->device_features_select = value; break;
	case DRIVER_FEATURES_SELECT: rng->driver_features_select = value; break;
	case DRIVER_FEATURES: write_driver_features(rng, value); break;
	case QUEUE_SELECT: rng->queue_select = value; break;
	case INTERRUPT_ACKNOWLEDGE:
		rng->interrupt_status &= ~value;
		update_interrupt(rng);
		break;
	case STATUS: write_status(rng, value); break;
	default: write_queue(rng, offset, value); break;
	}
}

/* ------------------------------------------------------------------ queue */

/* A ring of this many bytes lies within the address space, aligned as 2.7 asks for. */
static bool place_good(uint64_t address, uint64_t align, uint64_t bytes)
{
	return address % align == 0 && address <= UINT64_MAX - bytes;
}

static bool queue_good(const struct rng_queue *queue)
{
	return queue->size && queue->size <= RNG_QUEUE_SIZE_MAX && !(queue->size & (queue->size - 1)) &&
	       place_good(queue->descriptors, 16, 16 * (uint64_t)queue->size) &&
	       place_good(queue->available, 2, 6 + 2 * (uint64_t)queue->size) && place_good(queue->used, 4, 6 + 8 * (uint64_t)queue->size);
}

static void fail(struct rng *rng)
{
	rng->status |= STATUS_NEEDS_RESET;
	rng->interrupt_status |= INTERRUPT_CONFIGURATION;
	update_interrupt(rng);
}

bool rng_begin(struct rng *rng, struct rng_work *work)
{
	assert(!rng->busy);
	if (!(rng->status & STATUS_DRIVER_OK) || rng->status & STATUS_NEEDS_RESET || !rng->queue.ready)
		return false;
	if (!queue_good(&rng->queue)) {
		fail(rng);
		return false;
	}
	*work = (struct rng_work){ .queue = rng->queue };
	rng->busy = true;
	return true;
}

/* The head of the next available chain; as rng_serve(). */
static int next_available(struct rng_work *work, const struct rng_environment *environment, uint16_t *number)
{
	const struct rng_queue *queue = &work->queue;
	struct { uint16_t flags, index; } head;
	uint16_t waiting;
	int status = environment->read(environment->context, queue->available, &head, sizeof(head));

	if (status)
		return status;
	waiting = (uint16_t)(head.index - queue->next);
	if (waiting == 0)
		return 0;
	if (waiting > queue->size)
		return -EFAULT;
	work->silent = head.flags & AVAILABLE_NO_INTERRUPT;
	status = environment->read(environment->context, queue->available + sizeof(head) + queue->next % queue->size * sizeof(*number),
				   number, sizeof(*number));
	if (status)
		return status;
	return *number < queue->size ? 1 : -EFAULT;
}

int rng_serve(struct rng_work *work, const struct rng_environment *environment)
{
	struct { uint64_t address; uint32_t len_bytes; uint16_t flags, next; } descriptor;
	struct rng_queue *queue = &work->queue;
	struct { uint32_t number, len_bytes; } element;
	uint8_t bytes[RNG_BYTES_MAX];
	uint32_t len, room;
	uint16_t number, index;
	int status = next_available(work, environment, &number);

	if (status != 1)
		return status;
	status = environment->read(environment->context, queue->descriptors + number * sizeof(descriptor), &descriptor, sizeof(descriptor));
	if (status)
		return status;
	if (!(descriptor.flags & DESCRIPTOR_WRITE) || descriptor.flags & DESCRIPTOR_INDIRECT || descriptor.len_bytes == 0)
		return -EFAULT;
	room = PAGE_BYTES - (uint32_t)(descriptor.address & PAGE_MASK);
	len = descriptor.len_bytes < room ? descriptor.len_bytes : room;
	if (len > sizeof(bytes))
		len = sizeof(bytes);
	environment->random(environment->context, bytes, len);
	status = environment->write(environment->context, descriptor.address, bytes, len);
	if (status)
		return status;
	element.number = number;
	element.len_bytes = len;
	status = environment->write(environment->context, queue->used + 4 + queue->next % queue->size * sizeof(element), &element,
				    sizeof(element));
	if (status)
		return status;
	index = (uint16_t)(queue->next + 1);
	status = environment->write(environment->context, queue->used + 2, &index, sizeof(index));
	if (status)
		return status;
	queue->next = index;
	work->served = true;
	return 1;
}

void rng_end(struct rng *rng, const struct rng_work *work, int status)
{
	assert(rng->busy);
	rng->busy = false;
	rng->queue.next = work->queue.next;
	if (status == -EFAULT)
		fail(rng);
	if (!work->served || work->silent)
		return;
	rng->interrupt_status |= INTERRUPT_USED;
	update_interrupt(rng);
}
