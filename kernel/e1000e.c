// SPDX-License-Identifier: GPL-2.0-only
/*
 * Intel 82574 gigabit Ethernet (QEMU's e1000e). Registers and descriptors are those of "Intel 82574 GbE Controller Family
 * Datasheet", revision 3.4: chapter 10.2 describes each register under the name used here.
 *
 * One receive and one transmit ring of legacy descriptors (7.1.4 and 7.2.10), each descriptor for ever tied to its own
 * buffer. The receive interrupt is MSI-X vector 0; nothing else interrupts.
 */
#include <assert.h>

#include <kernel/nic.h>
#include <kernel/x86.h>

#define REGISTERS_BAR 0u
#define REGISTERS_BYTES 0x20000u

enum e1000e_register {
	CTRL = 0x00000, CTRL_EXT = 0x00018,
	ICR = 0x000c0, ITR = 0x000c4, IMS = 0x000d0, IMC = 0x000d8, EIAC = 0x000dc, IAM = 0x000e0, IVAR = 0x000e4, EITR0 = 0x000e8,
	RCTL = 0x00100, RDBAL = 0x02800, RDBAH = 0x02804, RDLEN = 0x02808, RDH = 0x02810, RDT = 0x02818, RDTR = 0x02820,
	RADV = 0x0282c, RAL0 = 0x05400, RAH0 = 0x05404, MTA = 0x05200,
	TCTL = 0x00400, TIPG = 0x00410, TDBAL = 0x03800, TDBAH = 0x03804, TDLEN = 0x03808, TDH = 0x03810, TDT = 0x03818,
	TXDCTL = 0x03828,
};
#define MTA_REGISTERS 128u

#define CTRL_AUTO_SPEED (1u << 5)
#define CTRL_SET_LINK_UP (1u << 6)
#define CTRL_RESET (1u << 26)
#define CTRL_EXT_PBA_SUPPORT (1u << 31)		/* MSI-X pending bits clear themselves */
#define CTRL_EXT_MASK_ON_ACKNOWLEDGE (1u << 27)	/* IAME: only what IAM names is masked, at reads of ICR; see below */
#define CAUSE_RECEIVE_QUEUE_0 (1u << 20)
#define IVAR_RECEIVE_QUEUE_0 (8u | 0u)		/* valid, MSI-X vector 0 */
#define RCTL_ENABLE (1u << 1)
#define RCTL_LONG_PACKETS (1u << 5)
#define RCTL_BROADCAST (1u << 15)
#define RCTL_BUFFERS_8192 (2u << 16 | 1u << 25)	/* BSIZE 10b with BSEX */
#define RCTL_STRIP_CRC (1u << 26)
#define TCTL_ENABLE (1u << 1)
#define TCTL_PAD_SHORT (1u << 3)
#define TCTL_COLLISIONS (15u << 4 | 63u << 12)	/* the recommended values for full duplex */
#define TIPG_COPPER (8u | 8u << 10 | 6u << 20)	/* the recommended values */
#define TXDCTL_GRANULARITY (1u << 24)		/* thresholds count descriptors */
#define TXDCTL_COUNT_DESCRIPTORS (1u << 22)	/* must be 1 */
#define RAH_VALID (UINT32_C(1) << 31)

#define RESET_TIMEOUT_NS UINT64_C(1000000000)
#define RESET_SETTLE_NS UINT64_C(1000000)	/* registers must not be touched for 1 us after CTRL.RST */
#define RING_SIZE 256u				/* RDLEN and TDLEN: a multiple of 8 descriptors */
#define RECEIVE_BUFFER_BYTES 8192u
#define MTU_MAX 9000u				/* 9018-byte frames */
#define FRAME_BYTES_MIN 14u

/* 7.1.4 */
struct receive_descriptor {
	uint64_t address;
	uint16_t len_bytes;
	uint16_t checksum;
	uint8_t status;
	uint8_t errors;
	uint16_t special;
};
#define RECEIVE_DONE 1u
#define RECEIVE_END_OF_PACKET 2u
#define RECEIVE_ERRORS 0x97u			/* CRC or alignment, symbol, sequence, carrier extension, data error */

/* 7.2.10 */
struct transmit_descriptor {
	uint64_t address;
	uint16_t len_bytes;
	uint8_t checksum_offset;
	uint8_t command;
	uint8_t status;
	uint8_t checksum_start;
	uint16_t special;
};
#define TRANSMIT_END_OF_PACKET 1u
#define TRANSMIT_INSERT_CRC 2u
#define TRANSMIT_REPORT_STATUS 8u
#define TRANSMIT_DONE 1u
_Static_assert(sizeof(struct receive_descriptor) == 16 && sizeof(struct transmit_descriptor) == 16, "descriptors");

struct e1000e {
	struct nic nic;				/* first: what the outside sees */
	volatile uint8_t *registers;
	volatile struct receive_descriptor *receive_ring;
	volatile struct transmit_descriptor *transmit_ring;
	uint8_t *receive_buffers, *transmit_buffers;
	uint32_t receive_next;			/* the descriptor the card fills next */
	uint32_t transmit_next;			/* the one we fill next */
	uint32_t transmit_shown;		/* as TDT has it */
	uint32_t transmit_oldest;		/* under way: oldest to next - 1; one always stays free */
};

static struct e1000e *of_nic(struct nic *nic)
{
	return (struct e1000e *)nic;
}

static uint32_t read_register(const struct e1000e *card, unsigned reg)
{
	return *(volatile uint32_t *)(card->registers + reg);
}

static void write_register(struct e1000e *card, unsigned reg, uint32_t value)
{
	*(volatile uint32_t *)(card->registers + reg) = value;
}

static uint32_t after(uint32_t index)
{
	return (index + 1) % RING_SIZE;
}

/* ------------------------------------------------------------------ operations */

static uint8_t *e1000e_transmit_buffer(struct nic *nic)
{
	struct e1000e *card = of_nic(nic);

	while (card->transmit_oldest != card->transmit_next && (card->transmit_ring[card->transmit_oldest].status & TRANSMIT_DONE))
		card->transmit_oldest = after(card->transmit_oldest);
	if (after(card->transmit_next) == card->transmit_oldest) {	/* TDH == TDT would mean empty */
		nic->transmit_full++;
		return NULL;
	}
	return card->transmit_buffers + (size_t)card->transmit_next * NIC_BUFFER_BYTES;
}

static void e1000e_transmit(struct nic *nic, size_t len_bytes)
{
	struct e1000e *card = of_nic(nic);
	volatile struct transmit_descriptor *descriptor = &card->transmit_ring[card->transmit_next];

	assert(after(card->transmit_next) != card->transmit_oldest);
	assert(len_bytes >= FRAME_BYTES_MIN && len_bytes <= ETH_FRAME_BYTES_MAX);
	descriptor->len_bytes = (uint16_t)len_bytes;
	descriptor->status = 0;
	descriptor->command = TRANSMIT_END_OF_PACKET | TRANSMIT_INSERT_CRC | TRANSMIT_REPORT_STATUS;
	card->transmit_next = after(card->transmit_next);
	nic->frames_sent++;
}

static void e1000e_transmit_flush(struct nic *nic)
{
	struct e1000e *card = of_nic(nic);

	if (card->transmit_shown == card->transmit_next)
		return;
	card->transmit_shown = card->transmit_next;
	__atomic_thread_fence(__ATOMIC_RELEASE);
	write_register(card, TDT, card->transmit_next);
}

static bool e1000e_pending(const struct nic *nic)
{
	const struct e1000e *card = (const struct e1000e *)nic;
	uint32_t next = __atomic_load_n(&card->receive_next, __ATOMIC_RELAXED);

	return card->receive_ring[next].status & RECEIVE_DONE;
}

static unsigned e1000e_poll(struct nic *nic, nic_receive *receive, void *context, unsigned budget)
{
	struct e1000e *card = of_nic(nic);
	unsigned count = 0;
	uint32_t last = 0;

	for (; count < budget && e1000e_pending(nic); count++) {
		volatile struct receive_descriptor *descriptor = &card->receive_ring[card->receive_next];
		uint8_t *frame = card->receive_buffers + (size_t)card->receive_next * RECEIVE_BUFFER_BYTES;
		uint16_t len_bytes;

		__atomic_thread_fence(__ATOMIC_ACQUIRE);
		len_bytes = descriptor->len_bytes;
		/* A frame longer than a buffer goes on in the next one; its last part is judged like any frame from a stranger. */
		if (!(descriptor->status & RECEIVE_END_OF_PACKET) || (descriptor->errors & RECEIVE_ERRORS) ||
		    len_bytes < FRAME_BYTES_MIN || len_bytes > RECEIVE_BUFFER_BYTES) {
			nic->receive_errors++;
		} else {
			nic->frames_received++;
			receive(context, frame, len_bytes);
		}
		descriptor->status = 0;
		last = card->receive_next;
		__atomic_store_n(&card->receive_next, after(last), __ATOMIC_RELAXED);
	}
	if (count) {				/* 7.1.8: give the descriptors back; the tail is one short of the head */
		__atomic_thread_fence(__ATOMIC_RELEASE);
		write_register(card, RDT, last);
	}
	return count;
}

static bool e1000e_interrupt_arm(struct nic *nic)
{
	write_register(of_nic(nic), IMS, CAUSE_RECEIVE_QUEUE_0);
	return e1000e_pending(nic);
}

static void e1000e_interrupt_disarm(struct nic *nic)
{
	write_register(of_nic(nic), IMC, CAUSE_RECEIVE_QUEUE_0);
}

static const struct nic_operations operations = {
	.name = "e1000e",
	.transmit_buffer = e1000e_transmit_buffer,
	.transmit = e1000e_transmit,
	.transmit_flush = e1000e_transmit_flush,
	.poll = e1000e_poll,
	.pending = e1000e_pending,
	.interrupt_arm = e1000e_interrupt_arm,
	.interrupt_disarm = e1000e_interrupt_disarm,
};

/* ------------------------------------------------------------------ set-up */

static void wait_ns(uint64_t duration_ns)
{
	uint64_t end_ns = now_ns() + duration_ns;

	while (now_ns() < end_ns)
		cpu_relax();
}

/* CTRL.RST clears itself. Interrupts are masked before, and again after: the reset may have let one through. */
static bool reset(struct e1000e *card)
{
	uint64_t deadline_ns = now_ns() + RESET_TIMEOUT_NS;

	write_register(card, IMC, UINT32_MAX);
	write_register(card, RCTL, 0);
	write_register(card, TCTL, 0);
	write_register(card, CTRL, read_register(card, CTRL) | CTRL_RESET);
	do {
		wait_ns(RESET_SETTLE_NS);
		if (now_ns() > deadline_ns)
			return false;
	} while (read_register(card, CTRL) & CTRL_RESET);
	write_register(card, IMC, UINT32_MAX);
	read_register(card, ICR);
	return true;
}

static void read_mac(struct e1000e *card)
{
	uint32_t low = read_register(card, RAL0), high = read_register(card, RAH0);	/* from the NVM, by the reset */

	for (unsigned i = 0; i < 4; i++)
		card->nic.mac[i] = (uint8_t)(low >> 8 * i);
	card->nic.mac[4] = (uint8_t)high;
	card->nic.mac[5] = (uint8_t)(high >> 8);
	write_register(card, RAL0, low);
	write_register(card, RAH0, high | RAH_VALID);
	for (unsigned i = 0; i < MTA_REGISTERS; i++)
		write_register(card, MTA + i * 4, 0);
}

static void set_up_receive(struct e1000e *card)
{
	uint64_t address;

	card->receive_ring = boot_alloc(RING_SIZE * sizeof(*card->receive_ring), 128);
	card->receive_buffers = boot_alloc((size_t)RING_SIZE * RECEIVE_BUFFER_BYTES, 4096);
	for (unsigned i = 0; i < RING_SIZE; i++)
		card->receive_ring[i].address = physical_of(card->receive_buffers + (size_t)i * RECEIVE_BUFFER_BYTES);
	address = physical_of((const void *)card->receive_ring);
	write_register(card, RDBAL, (uint32_t)address);
	write_register(card, RDBAH, (uint32_t)(address >> 32));
	write_register(card, RDLEN, RING_SIZE * sizeof(*card->receive_ring));
	write_register(card, RDTR, 0);		/* no moderation here: arming and disarming does that */
	write_register(card, RADV, 0);
	write_register(card, RDH, 0);
	write_register(card, RCTL, RCTL_ENABLE | RCTL_LONG_PACKETS | RCTL_BROADCAST | RCTL_BUFFERS_8192 | RCTL_STRIP_CRC);
	write_register(card, RDT, RING_SIZE - 1);
}

static void set_up_transmit(struct e1000e *card)
{
	uint64_t address;

	card->transmit_ring = boot_alloc(RING_SIZE * sizeof(*card->transmit_ring), 128);
	card->transmit_buffers = boot_alloc((size_t)RING_SIZE * NIC_BUFFER_BYTES, 4096);
	for (unsigned i = 0; i < RING_SIZE; i++)
		card->transmit_ring[i].address = physical_of(card->transmit_buffers + (size_t)i * NIC_BUFFER_BYTES);
	address = physical_of((const void *)card->transmit_ring);
	write_register(card, TDBAL, (uint32_t)address);
	write_register(card, TDBAH, (uint32_t)(address >> 32));
	write_register(card, TDLEN, RING_SIZE * sizeof(*card->transmit_ring));
	write_register(card, TDH, 0);
	write_register(card, TDT, 0);
	write_register(card, TXDCTL, TXDCTL_GRANULARITY | TXDCTL_COUNT_DESCRIPTORS);
	write_register(card, TIPG, TIPG_COPPER);
	write_register(card, TCTL, TCTL_ENABLE | TCTL_PAD_SHORT | TCTL_COLLISIONS);
}

/*
 * The cause of receive queue 0 goes to vector 0, clears itself when the message is sent, and is not throttled. It stays
 * enabled until it is disarmed, as with every card here: without IAME, QEMU's card also disables it. IAM is 0.
 */
static void set_up_interrupt(struct e1000e *card)
{
	write_register(card, CTRL_EXT, read_register(card, CTRL_EXT) | CTRL_EXT_PBA_SUPPORT | CTRL_EXT_MASK_ON_ACKNOWLEDGE);
	write_register(card, IAM, 0);
	write_register(card, IVAR, IVAR_RECEIVE_QUEUE_0);
	write_register(card, EIAC, CAUSE_RECEIVE_QUEUE_0);
	write_register(card, ITR, 0);
	write_register(card, EITR0, 0);
}

struct nic *e1000e_probe(const struct pci_function *function, void (*interrupt)(void *argument), void *argument, unsigned cpu)
{
	struct e1000e *card = boot_alloc(sizeof(*card), 64);
	const char *failure = NULL;

	pci_enable(function);
	card->registers = pci_map_bar(function, REGISTERS_BAR, 0, REGISTERS_BYTES);
	if (!card->registers)
		failure = "no registers";
	else if (!reset(card))
		failure = "reset timed out";
	else if (!pci_msix_enable(function, interrupt_allocate(interrupt, argument), cpu))
		failure = "no MSI-X";
	if (failure) {
		log_line(LOG_WARNING, "nic=e1000e pci=%02x:%02x.%x unusable=\"%s\"", function->bus, function->device,
			 function->function, failure);
		return NULL;
	}
	card->nic.operations = &operations;
	/* The card cannot tell what the link carries; the operator can (mtu= on the command line). */
	card->nic.mtu_bytes = (uint32_t)command_line_number("mtu", NIC_MTU_DEFAULT);
	if (card->nic.mtu_bytes < NIC_MTU_MIN || card->nic.mtu_bytes > MTU_MAX)
		panic("mtu=%u is not within %u to %u", card->nic.mtu_bytes, NIC_MTU_MIN, MTU_MAX);
	read_mac(card);
	set_up_interrupt(card);
	set_up_transmit(card);
	set_up_receive(card);
	write_register(card, CTRL, read_register(card, CTRL) | CTRL_SET_LINK_UP | CTRL_AUTO_SPEED);
	return &card->nic;
}
