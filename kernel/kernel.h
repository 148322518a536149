/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the component kernels stand on. One address space, no user mode, no preemption: threads are pinned to
 * a processor and give it up only in the calls marked [blocks]. Interrupt handlers run on the processor that took
 * them, set flags and wake threads, and nothing else.
 *
 * Memory is handed out at start only: boot_alloc() panics after kernel_seal(). There is no other allocator, so
 * nothing on any path after start can allocate (docs/tour.md shows what that means for the miss path).
 */
#ifndef PLENUM_KERNEL_H
#define PLENUM_KERNEL_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <generated/autoconf.h>

/* ------------------------------------------------------------------ start */

/* Each image defines this: called on the boot processor, as its first thread, with all of the kernel up. [blocks] */
void component_main(void) __attribute__((noreturn));

/* Value of `name=value` on the command line, NULL when absent; valid for ever. */
const char *command_line_value(const char *name);
/* The same as a number (decimal, 0x hex, with K/M/G); `fallback` when absent; panics with a clear line when malformed. */
uint64_t command_line_number(const char *name, uint64_t fallback);
/* An IPv4 address "a.b.c.d" or "a.b.c.d/len" into host byte order; 0 on success, -EINVAL. `prefix_len` may be NULL. */
int parse_ipv4(const char *text, uint32_t *address, uint32_t *prefix_len);

extern const char kernel_build_id[];	/* printed at boot, sent at join */

/* ------------------------------------------------------------------ memory */

/* Take `bytes` of zeroed memory, aligned to `align` (a power of two). Panics when there is none or after the seal. */
void *boot_alloc(size_t bytes, size_t align);
/*
 * Take the largest remaining run of whole free pages, contiguous in virtual and physical address, but leave at least
 * `keep_bytes` for boot_alloc. For the cache lines and the frame store. Content is undefined. Panics after the seal.
 */
void *boot_take_pages(size_t keep_bytes, size_t *pages);
void kernel_seal(void);
bool kernel_is_sealed(void);
/* Bytes used for the image, stacks and boot_alloc so far (boot_take_pages not counted). */
size_t kernel_bytes_used(void);

/* All usable memory is mapped at one fixed offset (read, write, no execute). */
uint64_t physical_of(const void *pointer);
void *pointer_of(uint64_t physical);
/* Map device registers, uncached; at start only. */
volatile void *map_device(uint64_t physical, size_t bytes);

/* ------------------------------------------------------------------ log and panic */

enum log_level { LOG_ERROR, LOG_WARNING, LOG_INFO, LOG_DEBUG };
/* One line to the serial console, with the time in front; text is key=value. */
void log_line(enum log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));
void panic(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));
int vsnprintf(char *buffer, size_t bytes, const char *format, va_list arguments);
int snprintf(char *buffer, size_t bytes, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* ------------------------------------------------------------------ time and chance */

uint64_t now_ns(void);			/* monotonic since entry, the same on all processors */
uint64_t tsc_khz(void);
void random_bytes(void *context, void *bytes, size_t len); /* context unused; fits roce_environment */
/* Wall clock at boot (CMOS), seconds since 1970. */
uint64_t boot_time_s(void);

/* ------------------------------------------------------------------ locks */

/*
 * Spinning, interrupts off while held. The kernel counts locks held per processor; every [blocks] call panics when
 * the count is not zero, so no lock can be held across a message.
 */
struct spinlock {
	uint32_t ticket_next, ticket_serving;
	uint64_t saved_flags;
	const char *name;
};
#define SPINLOCK(name_) { 0, 0, 0, name_ }
void spin_lock(struct spinlock *lock);
void spin_unlock(struct spinlock *lock);
bool spin_held(const struct spinlock *lock);
unsigned locks_held(void);		/* by this processor */

/* ------------------------------------------------------------------ processors and threads */

unsigned cpu_count(void);
unsigned cpu_this(void);
/* Make another processor leave what it does (a guest too) and look for work. Returns at once. */
void cpu_kick(unsigned cpu);
/* Run `function` on every other processor, in interrupt context, and wait until all have. No locks held. */
void cpu_call_others(void (*function)(void *argument), void *argument);

struct thread;
/* At start only. The thread's stack has a guard page. */
struct thread *thread_create(const char *name, unsigned cpu, void (*function)(void *argument), void *argument);
struct thread *thread_this(void);
void thread_yield(void);		/* [blocks] let others on this processor run */
/* [blocks] Sleep until thread_wake() or `deadline_ns` (UINT64_MAX: no deadline). A wake that came before is not lost. */
void thread_wait(uint64_t deadline_ns);
void thread_wake(struct thread *thread); /* any processor, also from interrupt handlers */
/*
 * Take a timer interrupt on this processor at `deadline_ns` (UINT64_MAX: none) while the calling thread runs: it ends a
 * guest's run when the guest's own timer is due. Stays set until changed; only counts while this thread runs.
 */
void thread_interrupt_at(uint64_t deadline_ns);
/* Something else on this processor wants to run: long work should yield. */
bool thread_should_yield(void);

/*
 * Called by an idle processor before it halts, over and over for up to `idle_poll_ns`, as long as it returns false.
 * The network's poll goes here: a miss is then answered without an interrupt.
 */
void idle_set_poll(bool (*poll)(void), uint64_t idle_poll_ns);
uint64_t idle_ns(unsigned cpu);

/* ------------------------------------------------------------------ interrupts, PCI, network card */

void interrupts_enable(void);
void interrupts_disable(void);
/* A free vector for `handler`; at start only. */
unsigned interrupt_allocate(void (*handler)(void *argument), void *argument);

/* Received frames go to `receive`, which must be done with `frame` when it returns. */
typedef void nic_receive(void *context, uint8_t *frame, size_t len_bytes);

struct nic;
struct nic_operations {
	const char *name;
	/* Buffer for one frame to send (ETH_FRAME_BYTES_MAX long), or NULL when the ring is full (counted). */
	uint8_t *(*transmit_buffer)(struct nic *nic);
	/* Queue the buffer just got. Not sent before transmit_flush(). */
	void (*transmit)(struct nic *nic, size_t len_bytes);
	void (*transmit_flush)(struct nic *nic); /* one doorbell */
	/* Hand up to `budget` received frames to `receive`. Returns how many. Refills the ring. */
	unsigned (*poll)(struct nic *nic, nic_receive *receive, void *context, unsigned budget);
	/* Whether received frames wait. Needs no lock; a moment later it may be otherwise. */
	bool (*pending)(const struct nic *nic);
	/* Turn the receive interrupt on, until it is disarmed; returns true when frames are waiting already (then poll again). */
	bool (*interrupt_arm)(struct nic *nic);
	void (*interrupt_disarm)(struct nic *nic);
};
struct nic {
	const struct nic_operations *operations;
	uint8_t mac[6];
	uint32_t mtu_bytes;		/* of the link: IP packet bytes */
	uint64_t frames_received, frames_sent, transmit_full, receive_errors;
};
/* The first supported card (virtio-net, e1000e), set up, with its interrupt going to `interrupt` on CPU `cpu`; NULL: none. */
struct nic *nic_probe(void (*interrupt)(void *argument), void *argument, unsigned cpu);

/* ------------------------------------------------------------------ power */

void machine_reboot(void) __attribute__((noreturn));

#endif
