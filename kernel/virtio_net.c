// SPDX-License-Identifier: GPL-2.0-only
/*
 * virtio network card over PCI, modern interface only. Sections are those of "Virtual I/O Device (VIRTIO) Version 1.2".
 *
 * One receive and one transmit queue (5.1.2), split rings (2.7), each descriptor for ever tied to its own buffer. A frame
 * is one descriptor: the 12-byte header (5.1.6) and the frame right behind it. No offloads, so that header is all zeros.
 * The receive interrupt is entry 0 of MSI-X; the transmit queue has none: its descriptors are taken back when needed.
 */
#include <assert.h>
#include <string.h>

#include <kernel/nic.h>
#include <kernel/x86.h>

/* 4.1.4: where the configuration structures are, each a vendor capability. */
#define CAPABILITY_TYPE 3
#define CAPABILITY_BAR 4
#define CAPABILITY_OFFSET 8
#define CAPABILITY_LENGTH 12
#define CAPABILITY_NOTIFY_MULTIPLIER 16
enum configuration { COMMON = 1, NOTIFY = 2, DEVICE = 4, CONFIGURATIONS };

/* 4.1.4.3 */
struct common_config {
	uint32_t device_feature_select;		/* 0x00 */
	uint32_t device_feature;		/* 0x04 */
	uint32_t driver_feature_select;		/* 0x08 */
	uint32_t driver_feature;		/* 0x0c */
	uint16_t config_msix_vector;		/* 0x10 */
	uint16_t num_queues;			/* 0x12 */
	uint8_t device_status;			/* 0x14 */
	uint8_t config_generation;		/* 0x15 */
	uint16_t queue_select;			/* 0x16 */
	uint16_t queue_size;			/* 0x18 */
	uint16_t queue_msix_vector;		/* 0x1a */
	uint16_t queue_enable;			/* 0x1c */
	uint16_t queue_notify_off;		/* 0x1e */
	uint32_t queue_desc[2];			/* 0x20; 4.1.3.1: 64-bit fields are written as two halves */
	uint32_t queue_driver[2];		/* 0x28 */
	uint32_t queue_device[2];		/* 0x30 */
};
_Static_assert(sizeof(struct common_config) == 0x38, "virtio 1.2, 4.1.4.3");

/* 5.1.4 */
struct device_config {
	uint8_t mac[6];				/* 0x00 */
	uint16_t status;			/* 0x06 */
	uint16_t max_virtqueue_pairs;		/* 0x08 */
	uint16_t mtu;				/* 0x0a */
};
_Static_assert(sizeof(struct device_config) == 0x0c, "virtio 1.2, 5.1.4");

#define NO_VECTOR 0xffff			/* 4.1.5.1.2 */
#define RESET_TIMEOUT_NS UINT64_C(1000000000)

/* 2.1 */
#define STATUS_ACKNOWLEDGE 1u
#define STATUS_DRIVER 2u
#define STATUS_DRIVER_OK 4u
#define STATUS_FEATURES_OK 8u
#define STATUS_FAILED 128u

/* 5.1.3 and 6 */
#define FEATURE_MTU (UINT64_C(1) << 3)
#define FEATURE_MAC (UINT64_C(1) << 5)
#define FEATURE_EVENT_IDX (UINT64_C(1) << 29)
#define FEATURE_VERSION_1 (UINT64_C(1) << 32)
#define FEATURE_ACCESS_PLATFORM (UINT64_C(1) << 33)	/* no IOMMU is on: bus addresses are physical addresses */
#define FEATURE_ORDER_PLATFORM (UINT64_C(1) << 36)	/* x86 orders as a real device needs; the doorbell is uncached */
#define FEATURES_NEEDED (FEATURE_VERSION_1 | FEATURE_MAC)
#define FEATURES_WANTED (FEATURES_NEEDED | FEATURE_EVENT_IDX | FEATURE_ACCESS_PLATFORM | FEATURE_ORDER_PLATFORM)

#define HEADER_BYTES 12u			/* 5.1.6: struct virtio_net_hdr with num_buffers, as VERSION_1 has it */
#define FRAME_BYTES_MIN 14u			/* an Ethernet header */
_Static_assert(HEADER_BYTES <= NIC_PREFIX_BYTES_MAX, "room before the frame");

enum { QUEUE_RECEIVE, QUEUE_TRANSMIT, QUEUES };	/* 5.1.2 */
#define QUEUE_SIZE_MAX 256u

/* 2.7.5 */
struct descriptor {
	uint64_t address;
	uint32_t len_bytes;
	uint16_t flags;
	uint16_t next;
};
#define DESCRIPTOR_DEVICE_WRITES 2u
_Static_assert(sizeof(struct descriptor) == 16, "virtio 1.2, 2.7.5");

/* 2.7.6; used_event follows the last ring entry in use, so queues smaller than the array are fine. */
struct available_ring {
	uint16_t flags;
	uint16_t index;
	uint16_t ring[QUEUE_SIZE_MAX + 1];
};
#define AVAILABLE_NO_INTERRUPT 1u

/* 2.7.8; avail_event follows the last ring entry in use. */
struct used_element {
	uint32_t id;
	uint32_t len_bytes;
};
struct used_ring {
	uint16_t flags;
	uint16_t index;
	struct used_element ring[QUEUE_SIZE_MAX + 1];
};
#define USED_NO_NOTIFY 1u

struct queue {
	struct descriptor *descriptors;
	struct available_ring *available;
	struct used_ring *used;
	uint8_t *buffers;			/* size * NIC_BUFFER_BYTES; buffer i belongs to descriptor i */
	volatile uint16_t *doorbell;
	uint16_t number;
	uint16_t size;				/* a power of two */
	uint16_t used_taken;			/* used ring entries below this have been taken */
	uint16_t available_put;			/* written to the available ring, */
	uint16_t available_shown;		/* and shown to the device */
	uint16_t free_count;			/* transmit: descriptors in free[], the last one is next */
	uint16_t free[QUEUE_SIZE_MAX];
};

struct virtio_net {
	struct nic nic;				/* first: what the outside sees */
	bool fences_are_left_out;		/* see order_before_look() */
	volatile struct common_config *common;
	volatile struct device_config *device;
	uint64_t features;
	struct queue queues[QUEUES];
};

static struct virtio_net *of_nic(struct nic *nic)
{
	return (struct virtio_net *)nic;
}

/* ------------------------------------------------------------------ rings */

static uint8_t *buffer_of(const struct queue *queue, unsigned id)
{
	return queue->buffers + (size_t)id * NIC_BUFFER_BYTES;
}

/* 2.7.10: the driver writes it: interrupt me when the used index passes this. */
static uint16_t *used_event(const struct queue *queue)
{
	return &queue->available->ring[queue->size];
}

/* 2.7.10: the device writes it: notify me when the available index passes this. */
static const uint16_t *available_event(const struct queue *queue)
{
	return (const uint16_t *)(const void *)&queue->used->ring[queue->size];
}

static bool used_waits(const struct queue *queue)
{
	return __atomic_load_n(&queue->used->index, __ATOMIC_ACQUIRE) != queue->used_taken;
}

/* 2.7.14: the device must have returned a descriptor that it was given. */
static uint16_t used_take(struct queue *queue, uint32_t *len_bytes)
{
	const struct used_element *element = &queue->used->ring[queue->used_taken % queue->size];
	uint32_t id = element->id;

	*len_bytes = element->len_bytes;
	if (id >= queue->size)
		panic("virtio-net: the device returned a descriptor that does not exist: queue=%u id=%u", queue->number, id);
	queue->used_taken++;
	return (uint16_t)id;
}

/* 2.7.13.1, steps 1 to 3 */
static void available_put(struct queue *queue, uint16_t id)
{
	queue->available->ring[queue->available_put % queue->size] = id;
	queue->available_put++;
}

/*
 * 2.7.13.4.1, 2.7.7.1: what was written for the device must be out before its word is read, or both sides miss each other: then
 * no notification or interrupt comes, and with event indices never again one for that queue. QEMU's emulator (before version
 * 9) leaves fences out of a machine with one processor, though its devices run on threads of their own; our write stays in the real
 * processor's store buffer. INVLPG it cannot leave out: it takes a lock of the emulated TLB, and a locked instruction empties
 * the buffer. (By itself INVLPG is a serializing instruction: Intel SDM volume 3, section 9.3.)
 */
static void order_before_look(const struct virtio_net *card)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (card->fences_are_left_out)
		invalidate_page(0);		/* never mapped */
}

/* 2.7.13, steps 4 to 6: show the device what was put, and ring the doorbell if it asked for that. */
static void available_show(struct virtio_net *card, struct queue *queue)
{
	uint16_t before = queue->available_shown, now = queue->available_put;
	bool wanted;

	if (before == now)
		return;
	__atomic_store_n(&queue->available->index, now, __ATOMIC_RELEASE);
	queue->available_shown = now;
	order_before_look(card);
	if (card->features & FEATURE_EVENT_IDX)
		wanted = (uint16_t)(now - __atomic_load_n(available_event(queue), __ATOMIC_RELAXED) - 1) <
			 (uint16_t)(now - before);
	else
		wanted = !(__atomic_load_n(&queue->used->flags, __ATOMIC_RELAXED) & USED_NO_NOTIFY);
	if (wanted)
		*queue->doorbell = queue->number;	/* 4.1.5.2 */
}

/* ------------------------------------------------------------------ operations */

static void reclaim(struct queue *queue)
{
	uint32_t len_bytes;

	while (used_waits(queue)) {
		assert(queue->free_count < queue->size);
		queue->free[queue->free_count++] = used_take(queue, &len_bytes);
	}
}

static uint8_t *virtio_transmit_buffer(struct nic *nic)
{
	struct queue *queue = &of_nic(nic)->queues[QUEUE_TRANSMIT];

	/* The device's ring is its cache line: it is looked at only when half of ours are out. */
	if (queue->free_count < queue->size / 2)
		reclaim(queue);
	if (queue->free_count == 0) {
		nic->transmit_full++;
		return NULL;
	}
	return buffer_of(queue, queue->free[queue->free_count - 1]) + HEADER_BYTES;
}

static void virtio_transmit(struct nic *nic, size_t len_bytes)
{
	struct queue *queue = &of_nic(nic)->queues[QUEUE_TRANSMIT];
	uint16_t id;

	assert(queue->free_count > 0 && len_bytes >= FRAME_BYTES_MIN && len_bytes <= ETH_FRAME_BYTES_MAX);
	id = queue->free[--queue->free_count];
	queue->descriptors[id].len_bytes = (uint32_t)(HEADER_BYTES + len_bytes);
	available_put(queue, id);
	nic->frames_sent++;
}

static void virtio_transmit_flush(struct nic *nic)
{
	struct virtio_net *card = of_nic(nic);

	available_show(card, &card->queues[QUEUE_TRANSMIT]);
}

static unsigned virtio_poll(struct nic *nic, nic_receive *receive, void *context, unsigned budget)
{
	struct virtio_net *card = of_nic(nic);
	struct queue *queue = &card->queues[QUEUE_RECEIVE];
	unsigned count = 0;
	uint32_t len_bytes;

	for (; count < budget && used_waits(queue); count++) {
		uint16_t id = used_take(queue, &len_bytes);

		if (len_bytes < HEADER_BYTES + FRAME_BYTES_MIN || len_bytes > NIC_BUFFER_BYTES) {
			nic->receive_errors++;
		} else {
			nic->frames_received++;
			receive(context, buffer_of(queue, id) + HEADER_BYTES, len_bytes - HEADER_BYTES);
		}
		available_put(queue, id);
	}
	available_show(card, queue);
	return count;
}

static bool virtio_pending(const struct nic *nic)
{
	return used_waits(&((const struct virtio_net *)nic)->queues[QUEUE_RECEIVE]);
}

static bool virtio_interrupt_arm(struct nic *nic)
{
	struct virtio_net *card = of_nic(nic);
	struct queue *queue = &card->queues[QUEUE_RECEIVE];

	if (card->features & FEATURE_EVENT_IDX)
		__atomic_store_n(used_event(queue), queue->used_taken, __ATOMIC_RELAXED);
	else
		__atomic_store_n(&queue->available->flags, 0, __ATOMIC_RELAXED);
	/* A frame that the device returned just before it could see this makes no interrupt. */
	order_before_look(card);
	return used_waits(queue);
}

static void virtio_interrupt_disarm(struct nic *nic)
{
	struct virtio_net *card = of_nic(nic);
	struct queue *queue = &card->queues[QUEUE_RECEIVE];

	if (card->features & FEATURE_EVENT_IDX)		/* a point that was passed already */
		__atomic_store_n(used_event(queue), (uint16_t)(queue->used_taken - 1), __ATOMIC_RELAXED);
	else
		__atomic_store_n(&queue->available->flags, AVAILABLE_NO_INTERRUPT, __ATOMIC_RELAXED);
}

static const struct nic_operations operations = {
	.name = "virtio-net",
	.transmit_buffer = virtio_transmit_buffer,
	.transmit = virtio_transmit,
	.transmit_flush = virtio_transmit_flush,
	.poll = virtio_poll,
	.pending = virtio_pending,
	.interrupt_arm = virtio_interrupt_arm,
	.interrupt_disarm = virtio_interrupt_disarm,
};

/* ------------------------------------------------------------------ set-up */

/* 4.1.4.1: the first capability of each type is the one to use; bytes [offset, offset + bytes) of that structure. */
static volatile void *map_configuration(const struct pci_function *function, enum configuration type, uint32_t offset,
					uint32_t bytes)
{
	unsigned at = 0;

	while ((at = pci_capability(function, PCI_CAPABILITY_VENDOR, at)) != 0) {
		uint32_t start, length;

		if (pci_read8(function, at + CAPABILITY_TYPE) != type)
			continue;
		start = pci_read32(function, at + CAPABILITY_OFFSET);
		length = pci_read32(function, at + CAPABILITY_LENGTH);
		if (bytes > length || offset > length - bytes || start > UINT32_MAX - length)
			return NULL;
		return pci_map_bar(function, pci_read8(function, at + CAPABILITY_BAR), start + offset, bytes);
	}
	return NULL;
}

/* 4.1.4.4: where a queue is notified. */
static volatile uint16_t *map_doorbell(const struct pci_function *function, uint16_t queue_notify_off)
{
	unsigned at = 0;

	while ((at = pci_capability(function, PCI_CAPABILITY_VENDOR, at)) != 0) {
		uint64_t offset;

		if (pci_read8(function, at + CAPABILITY_TYPE) != NOTIFY)
			continue;
		offset = (uint64_t)queue_notify_off * pci_read32(function, at + CAPABILITY_NOTIFY_MULTIPLIER);
		return offset > UINT32_MAX ? NULL : map_configuration(function, NOTIFY, (uint32_t)offset, sizeof(uint16_t));
	}
	return NULL;
}

/* 2.4.1: a reset is done when the status reads 0. */
static bool reset(struct virtio_net *card)
{
	uint64_t deadline_ns = now_ns() + RESET_TIMEOUT_NS;

	card->common->device_status = 0;
	while (card->common->device_status != 0) {
		if (now_ns() > deadline_ns)
			return false;
		cpu_relax();
	}
	return true;
}

/* 3.1.1, steps 4 to 6 */
static bool negotiate(struct virtio_net *card)
{
	uint64_t offered;

	card->common->device_feature_select = 0;
	offered = card->common->device_feature;
	card->common->device_feature_select = 1;
	offered |= (uint64_t)card->common->device_feature << 32;
	if ((offered & FEATURES_NEEDED) != FEATURES_NEEDED)
		return false;
	card->features = offered & FEATURES_WANTED;
	/*
	 * Step 4 lets us read the configuration to decide. A driver that accepts the MTU feature must have room for frames
	 * that long (5.1.4.2); ours are shorter than a jumbo link's, so the link's MTU is noted but not accepted.
	 */
	card->nic.mtu_bytes = offered & FEATURE_MTU ? card->device->mtu : NIC_MTU_DEFAULT;
	if ((offered & FEATURE_MTU) && HEADER_BYTES + FRAME_BYTES_MIN + card->nic.mtu_bytes <= NIC_BUFFER_BYTES)
		card->features |= FEATURE_MTU;
	card->common->driver_feature_select = 0;
	card->common->driver_feature = (uint32_t)card->features;
	card->common->driver_feature_select = 1;
	card->common->driver_feature = (uint32_t)(card->features >> 32);
	card->common->device_status = STATUS_ACKNOWLEDGE | STATUS_DRIVER | STATUS_FEATURES_OK;
	return card->common->device_status & STATUS_FEATURES_OK;
}

static void write_address(volatile uint32_t *field, const void *memory)
{
	uint64_t address = physical_of(memory);

	field[0] = (uint32_t)address;
	field[1] = (uint32_t)(address >> 32);
}

/* 4.1.5.1.3 */
static bool queue_set_up(struct virtio_net *card, const struct pci_function *function, uint16_t number, uint16_t vector)
{
	volatile struct common_config *common = card->common;
	struct queue *queue = &card->queues[number];

	common->queue_select = number;
	queue->number = number;
	queue->size = common->queue_size;
	if (queue->size == 0 || (queue->size & (queue->size - 1)))	/* 2.7: a power of two */
		return false;
	if (queue->size > QUEUE_SIZE_MAX)
		queue->size = QUEUE_SIZE_MAX;
	queue->doorbell = map_doorbell(function, common->queue_notify_off);
	if (!queue->doorbell)
		return false;
	common->queue_size = queue->size;
	common->queue_msix_vector = vector;
	if (common->queue_msix_vector != vector)		/* 4.1.5.1.2.2: the device had no room for it */
		return false;
	queue->descriptors = boot_alloc(queue->size * sizeof(struct descriptor), 16);	/* 2.7: alignments */
	queue->available = boot_alloc(sizeof(struct available_ring), 64);
	queue->used = boot_alloc(sizeof(struct used_ring), 64);
	queue->buffers = boot_alloc((size_t)queue->size * NIC_BUFFER_BYTES, 4096);
	for (unsigned id = 0; id < queue->size; id++)
		queue->descriptors[id].address = physical_of(buffer_of(queue, id));
	write_address(common->queue_desc, queue->descriptors);
	write_address(common->queue_driver, queue->available);
	write_address(common->queue_device, queue->used);
	common->queue_enable = 1;
	return true;
}

static void fill_queues(struct virtio_net *card)
{
	struct queue *receive = &card->queues[QUEUE_RECEIVE], *transmit = &card->queues[QUEUE_TRANSMIT];

	for (unsigned id = 0; id < receive->size; id++) {
		receive->descriptors[id].len_bytes = NIC_BUFFER_BYTES;
		receive->descriptors[id].flags = DESCRIPTOR_DEVICE_WRITES;
		available_put(receive, (uint16_t)id);
	}
	for (unsigned id = 0; id < transmit->size; id++)
		transmit->free[transmit->free_count++] = (uint16_t)id;
	transmit->available->flags = AVAILABLE_NO_INTERRUPT;
}

static const char *set_up(struct virtio_net *card, const struct pci_function *function, unsigned vector, unsigned cpu)
{
	card->common = map_configuration(function, COMMON, 0, sizeof(*card->common));
	card->device = map_configuration(function, DEVICE, 0, sizeof(*card->device));
	if (!card->common || !card->device)
		return "no modern interface";
	if (!reset(card))
		return "reset timed out";
	card->fences_are_left_out = cpu_is_emulated();
	card->common->device_status = STATUS_ACKNOWLEDGE;
	card->common->device_status = STATUS_ACKNOWLEDGE | STATUS_DRIVER;
	if (!negotiate(card))
		return "a needed feature is missing";
	if (!pci_msix_enable(function, vector, cpu))
		return "no MSI-X";
	card->common->config_msix_vector = NO_VECTOR;
	if (!queue_set_up(card, function, QUEUE_RECEIVE, 0) || !queue_set_up(card, function, QUEUE_TRANSMIT, NO_VECTOR))
		return "a queue cannot be set up";
	return NULL;
}

struct nic *virtio_net_probe(const struct pci_function *function, void (*interrupt)(void *argument), void *argument,
			     unsigned cpu)
{
	struct virtio_net *card = boot_alloc(sizeof(*card), 64);
	const char *failure;

	pci_enable(function);
	failure = set_up(card, function, interrupt_allocate(interrupt, argument), cpu);
	if (failure) {
		if (card->common)
			card->common->device_status = STATUS_FAILED;
		log_line(LOG_WARNING, "nic=virtio-net pci=%02x:%02x.%x unusable=\"%s\"", function->bus, function->device,
			 function->function, failure);
		return NULL;
	}
	for (unsigned i = 0; i < sizeof(card->nic.mac); i++)
		card->nic.mac[i] = card->device->mac[i];
	card->nic.operations = &operations;
	fill_queues(card);
	virtio_interrupt_disarm(&card->nic);
	card->common->device_status = STATUS_ACKNOWLEDGE | STATUS_DRIVER | STATUS_FEATURES_OK | STATUS_DRIVER_OK;
	available_show(card, &card->queues[QUEUE_RECEIVE]);
	return &card->nic;
}
