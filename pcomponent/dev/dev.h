/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The virtual devices, one file each, as pure state machines. A device never waits, never names a backend, and touches guest memory
 * through callbacks only (the entropy device; no other does). Time comes in as `now_ns`; effects go out through return values and the two
 * callbacks below.
 *
 * Wiring: uart -> ioapic pin 4 -> lapic, power button -> pin 9, entropy device -> pin 16; ioapic and the vCPUs' own LAPICs hand
 * vectors to struct lapic; the shim asks lapic_pending() before each entry. A vCPU other than the caller's that must look is reported by `kick`.
 */
#ifndef PLENUM_PCOMPONENT_DEV_H
#define PLENUM_PCOMPONENT_DEV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <plenum/device.h>
#include <plenum/limits.h>

/* ------------------------------------------------------------------ local APICs (Intel SDM vol. 3 ch. 11; AMD APM vol. 2 ch. 16) */

#define LAPIC_MSR_FIRST 0x800u			/* x2APIC registers */
#define LAPIC_MSR_LAST 0x8ffu
#define LAPIC_MMIO_BASE UINT64_C(0xfee00000)
#define LAPIC_TIMER_HZ UINT64_C(1000000000)	/* told to the guest in CPUID 0x40000010 */

struct lapic {
	uint32_t id;
	uint64_t apic_base;			/* MSR 0x1b */
	uint32_t tpr, ldr, dfr, svr, esr, esr_latched;
	uint64_t icr;
	uint32_t lvt_timer, lvt_thermal, lvt_performance, lvt_lint0, lvt_lint1, lvt_error;
	uint32_t timer_initial, timer_divide;
	uint64_t timer_start_ns;		/* when the count began; 0: stopped */
	uint64_t timer_deadline_ns;		/* next expiry; UINT64_MAX: none */
	uint64_t tsc_deadline;			/* MSR 0x6e0, guest TSC; 0: disarmed */
	uint32_t irr[8], isr[8], tmr[8];
	bool nmi_pending;
	bool init_pending;			/* INIT received: wait for SIPI; the shim clears it */
	bool sipi_pending;			/* to be ignored unless the vCPU waits for it; INIT and the shim clear it */
	uint8_t sipi_vector;
};

/* The LAPICs of one VM and what they tell the shim. */
struct lapic_bus {
	struct lapic lapic[VCPUS_PER_VM_MAX];
	uint32_t count;
	uint64_t tsc_khz;			/* of the guest's TSC, for TSC-deadline */
	void (*kick)(void *context, uint32_t vcpu); /* something changed for this vCPU */
	void (*eoi)(void *context, uint8_t vector); /* a level-triggered vector was ended: tell the IOAPIC */
	void *context;
};

void lapic_bus_init(struct lapic_bus *bus, uint32_t vcpus);
/* Power-on state; with `x2apic` as if firmware had switched to it. vCPU 0 is the bootstrap processor. */
void lapic_reset(struct lapic_bus *bus, uint32_t vcpu, bool x2apic);
/*
 * x2APIC registers by MSR, APIC_BASE (0x1b) and TSC_DEADLINE (0x6e0). 0, or -EFAULT: the guest gets #GP.
 * `guest_tsc` is the guest's TSC at now_ns.
 */
int lapic_msr_read(struct lapic_bus *bus, uint32_t vcpu, uint32_t msr, uint64_t *value, uint64_t now_ns);
int lapic_msr_write(struct lapic_bus *bus, uint32_t vcpu, uint32_t msr, uint64_t value, uint64_t guest_tsc, uint64_t now_ns);
/* xAPIC registers by 32-bit access at `offset` of the page; what is not there reads 0 and ignores writes. */
uint32_t lapic_mmio_read(struct lapic_bus *bus, uint32_t vcpu, uint32_t offset, uint64_t now_ns);
void lapic_mmio_write(struct lapic_bus *bus, uint32_t vcpu, uint32_t offset, uint32_t value, uint64_t now_ns);
/* Deliver by destination and mode as in an MSI or IOAPIC entry. Kicks whoever got something. */
void lapic_deliver(struct lapic_bus *bus, uint32_t destination, bool logical, uint8_t mode, uint8_t vector, bool level);
/* Highest vector that may interrupt now (above TPR and ISR), or -1. */
int lapic_pending(const struct lapic *lapic);
/* The shim injected `vector`: IRR -> ISR. */
void lapic_accept(struct lapic *lapic, uint8_t vector);
/* Task priority as CR8 shows it. */
uint8_t lapic_cr8(const struct lapic *lapic);
void lapic_set_cr8(struct lapic *lapic, uint8_t value);
uint64_t lapic_deadline_ns(const struct lapic *lapic);
/* Fire the timer if it is due. */
void lapic_tick(struct lapic_bus *bus, uint32_t vcpu, uint64_t now_ns);

/* ------------------------------------------------------------------ IOAPIC (82093AA) */

#define IOAPIC_BASE UINT64_C(0xfec00000)
#define IOAPIC_PINS 24u

struct ioapic {
	struct lapic_bus *lapics;
	uint32_t id, select;
	uint64_t entry[IOAPIC_PINS];
	uint32_t level;				/* pins that are high */
};
void ioapic_init(struct ioapic *ioapic, struct lapic_bus *lapics);
uint32_t ioapic_read(struct ioapic *ioapic, uint32_t offset);
void ioapic_write(struct ioapic *ioapic, uint32_t offset, uint32_t value);
void ioapic_set_pin(struct ioapic *ioapic, uint32_t pin, bool high);
void ioapic_eoi(struct ioapic *ioapic, uint8_t vector);

/* ------------------------------------------------------------------ UART (16550A) at 0x3f8, pin 4 */

#define UART_OUTPUT_BYTES 65536u		/* guest output not yet taken; when full, THRE stays low: no byte is lost */
#define UART_INPUT_BYTES 1024u

struct uart {
	struct ioapic *ioapic;
	uint8_t ier, lcr, mcr, scr, dll, dlm, fcr;
	bool thr_interrupt;			/* THRE event not yet read from IIR */
	bool interrupt_high;
	uint32_t output_head, output_tail;	/* free-running */
	uint32_t input_head, input_tail;
	uint8_t output[UART_OUTPUT_BYTES];
	uint8_t input[UART_INPUT_BYTES];
};
void uart_init(struct uart *uart, struct ioapic *ioapic);
/* Registers to their power-on state; what is in the buffers stays. */
void uart_reset(struct uart *uart);
uint8_t uart_read(struct uart *uart, uint32_t offset);
void uart_write(struct uart *uart, uint32_t offset, uint8_t value);
/* Bytes typed at the console; returns how many fitted. */
uint32_t uart_type(struct uart *uart, const uint8_t *bytes, uint32_t len);
/* Copy up to `len` bytes the guest wrote, without removing them; uart_drop() removes them once they are delivered. */
uint32_t uart_peek(const struct uart *uart, uint8_t *bytes, uint32_t len);
void uart_drop(struct uart *uart, uint32_t len);

/* ------------------------------------------------------------------ entropy device (virtio 1.2 sections 4.2 and 5.4), pin 16 */

#define RNG_MMIO_BASE UINT64_C(0xfeb00000)
#define RNG_MMIO_BYTES 0x200u
#define RNG_NOTIFY 0x50u			/* register: the guest has made buffers available */
#define RNG_GSI 16u				/* level */
#define RNG_QUEUE_SIZE_MAX 8u
#define RNG_BYTES_MAX 64u			/* of a buffer that are used */

/* The queue as the guest has set it up, hostile throughout. */
struct rng_queue {
	uint64_t descriptors, available, used;	/* guest-physical */
	uint32_t size;
	bool ready;
	uint16_t next;				/* of the available ring's entries, and so of the used ring's */
};
struct rng {
	struct ioapic *ioapic;
	uint32_t status, interrupt_status;
	uint32_t device_features_select, driver_features_select, queue_select;
	uint64_t driver_features;
	struct rng_queue queue;
	bool busy;				/* between rng_begin() and rng_end(): no register may change */
};
/* The queue while it is served. */
struct rng_work {
	struct rng_queue queue;
	bool served, silent;
};
/* Guest memory as gmem_read() and gmem_write() are: 0, -EAGAIN (the page is on its way: later), -EFAULT. And random bytes. */
struct rng_environment {
	int (*read)(void *context, uint64_t address, void *bytes, uint32_t len);
	int (*write)(void *context, uint64_t address, const void *bytes, uint32_t len);
	void (*random)(void *context, void *bytes, uint32_t len);
	void *context;
};
void rng_init(struct rng *rng, struct ioapic *ioapic);
void rng_reset(struct rng *rng);
/* Registers, at a multiple of 4 below RNG_MMIO_BYTES. Not written while `busy`. */
uint32_t rng_read(const struct rng *rng, uint32_t offset);
void rng_write(struct rng *rng, uint32_t offset, uint32_t value);
/*
 * What a write to RNG_NOTIFY asks for. Under the VM's lock rng_begin(): true: there is a queue to be served, and it is the caller's
 * (`busy` was clear). Without it rng_serve(), which serves one buffer: 1; 0: no other one is there; -EAGAIN; -EFAULT: the queue makes no
 * sense. RNG_QUEUE_SIZE_MAX buffers at most are there at a time. Then under the lock rng_end() with the last outcome.
 */
bool rng_begin(struct rng *rng, struct rng_work *work);
int rng_serve(struct rng_work *work, const struct rng_environment *environment);
void rng_end(struct rng *rng, const struct rng_work *work, int status);

/* ------------------------------------------------------------------ port space */

enum board_event { BOARD_NONE, BOARD_POWER_OFF, BOARD_RESET };

/*
 * The board: every device of a VM and the decoding of ports and device memory. What is not there behaves as on
 * hardware: reads give all ones, writes vanish. That holds for devices that the VM was made without, too.
 */
struct board {
	uint32_t devices;			/* bits of enum device */
	struct lapic_bus lapics;
	struct ioapic ioapic;
	struct uart uart;
	struct rng rng;
	uint8_t cmos_index, cmos_status_b;
	uint32_t pci_address;			/* 0xcf8 */
	uint8_t port61, port92;
	uint64_t boot_time_s;			/* wall clock at now_ns 0, for the RTC */
	enum board_event event;			/* asked for by the guest; the shim takes and clears it */
	uint64_t port_unknown, mmio_unknown;	/* counters */
};
void board_init(struct board *board, uint32_t vcpus, uint32_t devices, uint64_t tsc_khz, uint64_t boot_time_s);
/* `devices`: all of them. */
bool board_has(const struct board *board, uint32_t devices);
/*
 * Machine reset: all devices to their power-on state, the LAPICs in x2APIC mode as a direct boot finds them; console buffers,
 * counters and the callbacks of `lapics` stay.
 */
/* Whoever has a driver for it hears of it; nothing else happens. Without a button nothing at all does. */
void board_press_power(struct board *board);
void board_reset(struct board *board);
/* size 1, 2 or 4 bytes. */
uint32_t board_port_read(struct board *board, uint32_t vcpu, uint16_t port, uint32_t size, uint64_t now_ns);
void board_port_write(struct board *board, uint32_t vcpu, uint16_t port, uint32_t size, uint32_t value, uint64_t now_ns);
/* A register of the entropy device, if the board has one. */
bool board_is_rng(const struct board *board, uint64_t address, uint32_t size);
/* size 1, 2, 4 or 8. */
uint64_t board_mmio_read(struct board *board, uint32_t vcpu, uint64_t address, uint32_t size, uint64_t now_ns);
void board_mmio_write(struct board *board, uint32_t vcpu, uint64_t address, uint32_t size, uint64_t value, uint64_t now_ns);

/* ------------------------------------------------------------------ KVM's paravirtual clock */

/* struct pvclock_vcpu_time_info, 32 bytes (Documentation/virt/kvm/x86/msr.rst); filled for a stable TSC. */
struct pvclock_info {
	uint32_t version, pad0;
	uint64_t tsc_timestamp, system_time;
	uint32_t tsc_to_system_mul;
	int8_t tsc_shift;
	uint8_t flags, pad[2];
};
_Static_assert(sizeof(struct pvclock_info) == 32, "pvclock ABI");
struct pvclock_wall { uint32_t version, sec, nsec; };
/* System time is nanoseconds since the guest started. `info->version` of the fill before stays in `info`: it counts up. */
void pvclock_fill(struct pvclock_info *info, uint64_t guest_tsc, uint64_t system_time_ns, uint64_t tsc_khz);
/* Wall clock when the guest's system time was zero: `start_ns` after `boot_time_s`. */
void pvclock_wall_fill(struct pvclock_wall *wall, uint64_t boot_time_s, uint64_t start_ns);

/* ------------------------------------------------------------------ ACPI */

#define ACPI_SLEEP_CONTROL_PORT 0x600u		/* hardware-reduced sleep control; status at +1 */
#define ACPI_SLEEP_TYPE_S5 5u
#define ACPI_RESET_PORT 0x604u
#define ACPI_RESET_VALUE 0x01u
#define ACPI_BUTTON_GSI 9u			/* edge: the power button was pressed */
#define ACPI_TABLES_BYTES_MAX 4096u
/*
 * Build RSDP, XSDT, FADT (hardware-reduced), MADT and DSDT for guest-physical `address` into `bytes`
 * (ACPI_TABLES_BYTES_MAX), for a board with these devices (bits of enum device). The RSDP stands first. Returns the length used.
 */
uint32_t acpi_build(uint8_t *bytes, uint64_t address, uint32_t vcpus, uint32_t devices);

#endif
