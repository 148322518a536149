/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Cooperative threads, each pinned to a processor.
 *
 *             thread_create()          schedule()
 *                  |                  ------------>
 *                  v          READY                  RUNNING ---> ENDED (its function returned)
 *                             ^   ^    <------------    |
 *   thread_wake(), deadline_  |   |    thread_yield()   | thread_wait()
 *                             |                         v
 *                             +------- WAITING <--------+
 *
 *  T1 A thread's state and its place in the queue change only under its processor's queue_lock.
 *  T2 Only its own processor runs a thread or switches away from it; others may make it READY, no more.
 *  T3 A wake is never lost: it makes a waiting thread READY, or leaves wake_pending for its next thread_wait().
 *  T4 The timer is armed for the earliest deadline, or earlier: deadlines that are withdrawn leave it armed, and the
 *     interrupt then finds nothing and arms again. So a wait that is answered in time costs no write to the timer.
 *  T5 A processor with no thread to run idles on the stack of the thread that went to sleep last: when that is the one
 *     to be woken, the common case of a miss, no switch of stacks is needed.
 */
#include <kernel/apic.h>
#include <kernel/interrupt.h>
#include <kernel/kernel.h>
#include <kernel/memory.h>
#include <kernel/thread.h>
#include <kernel/time.h>
#include <kernel/x86.h>

static bool (*idle_poll)(void);
static uint64_t idle_poll_for_ns;

/* ------------------------------------------------------------------ queue and timer; with queue_lock held */

static void enqueue(struct cpu *cpu, struct thread *thread)
{
	thread->state = THREAD_READY;
	thread->next_in_queue = NULL;
	if (cpu->queue_last)
		cpu->queue_last->next_in_queue = thread;
	else
		__atomic_store_n(&cpu->queue_first, thread, __ATOMIC_RELEASE);
	cpu->queue_last = thread;
}

static struct thread *dequeue(struct cpu *cpu)
{
	struct thread *thread = cpu->queue_first;

	if (!thread)
		return NULL;
	__atomic_store_n(&cpu->queue_first, thread->next_in_queue, __ATOMIC_RELEASE);
	if (!cpu->queue_first)
		cpu->queue_last = NULL;
	if (thread->in_wait) {
		thread->in_wait = false;
		thread->wake_pending = false;
	}
	return thread;
}

static bool queue_is_empty(const struct cpu *cpu)
{
	return __atomic_load_n(&cpu->queue_first, __ATOMIC_ACQUIRE) == NULL;
}

/* On this processor only, interrupts off. */
static void arm_by(struct cpu *cpu, uint64_t deadline_ns)
{
	if (deadline_ns >= cpu->armed_ns)
		return;
	cpu->armed_ns = deadline_ns;
	time_arm(deadline_ns);
}

static void timer_interrupt(void *unused)
{
	struct cpu *cpu = cpu_current();
	struct thread *current = cpu->current;
	uint64_t now = now_ns(), next_ns = UINT64_MAX;

	(void)unused;
	spin_lock(&cpu->queue_lock);
	cpu->armed_ns = UINT64_MAX;
	for (struct thread *thread = cpu->threads; thread; thread = thread->next_of_cpu) {
		if (thread->state != THREAD_WAITING)
			continue;
		if (thread->deadline_ns <= now)
			enqueue(cpu, thread);
		else if (thread->deadline_ns < next_ns)
			next_ns = thread->deadline_ns;
	}
	if (current->state == THREAD_RUNNING && !current->interrupt_taken) {
		if (current->interrupt_ns <= now)
			current->interrupt_taken = true;
		else if (current->interrupt_ns < next_ns)
			next_ns = current->interrupt_ns;
	}
	spin_unlock(&cpu->queue_lock);
	arm_by(cpu, next_ns);
}

/* The interrupt itself is the message: it ends a halt or a guest's run. */
static void kick_interrupt(void *unused)
{
	(void)unused;
}

/* ------------------------------------------------------------------ idle */

/* Poll until there is a thread to run or it is time to halt. Interrupts on. */
static void poll_for_work(struct cpu *cpu)
{
	uint64_t end_ns = now_ns() + idle_poll_for_ns;

	__atomic_store_n(&cpu->polling, true, __ATOMIC_SEQ_CST);
	interrupts_enable();
	while (queue_is_empty(cpu)) {
		if (idle_poll()) {
			end_ns = now_ns() + idle_poll_for_ns;
			continue;
		}
		if (now_ns() >= end_ns)
			break;
		cpu_relax();
	}
	interrupts_disable();
	__atomic_store_n(&cpu->polling, false, __ATOMIC_SEQ_CST);
}

static struct thread *dequeue_locked(struct cpu *cpu)
{
	struct thread *thread;

	spin_lock(&cpu->queue_lock);
	thread = dequeue(cpu);
	spin_unlock(&cpu->queue_lock);
	return thread;
}

/* Interrupts off at entry and exit. STI takes effect after the next instruction, so no wake slips in before HLT. */
static struct thread *idle_until_ready(struct cpu *cpu)
{
	struct thread *thread;

	cpu->idle_since_ns = now_ns();
	cpu->idle = true;
	for (;;) {
		if (idle_poll)
			poll_for_work(cpu);
		thread = dequeue_locked(cpu);
		if (thread)
			break;
		__asm__ volatile("sti; hlt; cli" : : : "memory");
	}
	cpu->idle = false;
	cpu->idle_total_ns += now_ns() - cpu->idle_since_ns;
	return thread;
}

/* ------------------------------------------------------------------ switch */

/* Run what is next; returns when the calling thread's turn comes again. Interrupts off. */
static void schedule(struct cpu *cpu)
{
	struct thread *old = cpu->current;
	struct thread *next = dequeue_locked(cpu);

	if (!next)
		next = idle_until_ready(cpu);
	next->state = THREAD_RUNNING;
	cpu->current = next;
	if (!next->interrupt_taken)
		arm_by(cpu, next->interrupt_ns);
	if (next != old)
		thread_switch(&old->stack_pointer, next->stack_pointer);
}

void thread_begin(void)
{
	struct thread *thread = cpu_current()->current;

	interrupts_enable();
	thread->function(thread->argument);
	check_may_block("the end of a thread");
	interrupts_disable();
	thread->state = THREAD_ENDED;
	schedule(thread->cpu);
	panic("thread %s runs after its end", thread->name);
}

static void add_thread(struct cpu *cpu, struct thread *thread)
{
	unsigned count = 1;

	for (const struct thread *other = cpu->threads; other; other = other->next_of_cpu)
		count++;
	if (count > THREADS_PER_CPU_MAX)
		panic("more than %d threads on cpu=%u", THREADS_PER_CPU_MAX, cpu->index);
	thread->cpu = cpu;
	thread->interrupt_ns = UINT64_MAX;
	thread->next_of_cpu = cpu->threads;
	cpu->threads = thread;
}

void thread_init_cpu(struct cpu *cpu, struct thread *thread, const char *name)
{
	if (cpu->index == 0) {
		interrupt_register(VECTOR_TIMER, timer_interrupt, NULL);
		interrupt_register(VECTOR_KICK, kick_interrupt, NULL);
	}
	thread->name = name;
	thread->state = THREAD_RUNNING;
	add_thread(cpu, thread);
	cpu->current = thread;
}

static void notify(struct cpu *cpu)
{
	if (cpu != cpu_current() && !__atomic_load_n(&cpu->polling, __ATOMIC_SEQ_CST))
		apic_send(cpu->apic_id, VECTOR_KICK);
}

struct thread *thread_create(const char *name, unsigned cpu_index, void (*function)(void *argument), void *argument)
{
	struct thread *thread = boot_alloc(sizeof(*thread), _Alignof(struct thread));
	struct cpu *cpu = &cpus[cpu_index];
	uint64_t *stack = stack_allocate(STACK_BYTES);

	if (cpu_index >= cpu_count())
		panic("thread_create: no such processor: thread=%s cpu=%u count=%u", name, cpu_index, cpu_count());
	/* What thread_switch() pops: six registers, of which RBP = 0 ends a backtrace, and where to go. */
	stack -= 2;		/* keeps the stack aligned to 16 bytes at the call in thread_entry */
	*--stack = (uint64_t)thread_entry;
	stack -= 6;		/* the memory is zeroed already */
	thread->stack_pointer = (uint64_t)stack;
	thread->name = name;
	thread->function = function;
	thread->argument = argument;
	spin_lock(&cpu->queue_lock);
	add_thread(cpu, thread);
	enqueue(cpu, thread);
	notify(cpu);
	spin_unlock(&cpu->queue_lock);
	return thread;
}

/* ------------------------------------------------------------------ calls of threads */

struct thread *thread_this(void)
{
	struct thread *thread;

	__asm__ volatile("movq %%gs:%c1, %0" : "=r"(thread) : "i"(offsetof(struct cpu, current)));
	return thread;
}

void thread_yield(void)
{
	struct cpu *cpu;
	uint64_t flags;

	check_may_block("thread_yield");
	flags = interrupts_save();
	cpu = cpu_current();
	if (!queue_is_empty(cpu)) {
		spin_lock(&cpu->queue_lock);
		enqueue(cpu, cpu->current);
		spin_unlock(&cpu->queue_lock);
		schedule(cpu);
	}
	interrupts_restore(flags);
}

void thread_wait(uint64_t deadline_ns)
{
	struct thread *thread;
	struct cpu *cpu;
	uint64_t flags;

	check_may_block("thread_wait");
	flags = interrupts_save();
	cpu = cpu_current();
	thread = cpu->current;
	spin_lock(&cpu->queue_lock);
	if (thread->wake_pending || (deadline_ns != UINT64_MAX && deadline_ns <= now_ns())) {
		thread->wake_pending = false;
		spin_unlock(&cpu->queue_lock);
	} else {
		thread->state = THREAD_WAITING;
		thread->in_wait = true;
		thread->deadline_ns = deadline_ns;
		spin_unlock(&cpu->queue_lock);
		arm_by(cpu, deadline_ns);
		schedule(cpu);
	}
	interrupts_restore(flags);
}

void thread_wake(struct thread *thread)
{
	struct cpu *cpu = thread->cpu;

	spin_lock(&cpu->queue_lock);
	if (thread->state == THREAD_WAITING) {
		enqueue(cpu, thread);
		notify(cpu);
	} else if (thread->state != THREAD_ENDED) {
		thread->wake_pending = true;
	}
	spin_unlock(&cpu->queue_lock);
}

void thread_interrupt_at(uint64_t deadline_ns)
{
	uint64_t flags = interrupts_save();
	struct cpu *cpu = cpu_current();

	cpu->current->interrupt_ns = deadline_ns;
	cpu->current->interrupt_taken = false;
	arm_by(cpu, deadline_ns);
	interrupts_restore(flags);
}

bool thread_should_yield(void)
{
	uint64_t flags = interrupts_save();
	bool should = !queue_is_empty(cpu_current());

	interrupts_restore(flags);
	return should;
}

void thread_idle_forever(void)
{
	for (;;)
		thread_wait(UINT64_MAX);
}

/* ------------------------------------------------------------------ idle polling, accounting, kicks */

void idle_set_poll(bool (*poll)(void), uint64_t idle_poll_ns)
{
	idle_poll_for_ns = idle_poll_ns;
	__atomic_store_n(&idle_poll, poll, __ATOMIC_RELEASE);
}

uint64_t idle_ns(unsigned cpu)
{
	uint64_t total_ns = __atomic_load_n(&cpus[cpu].idle_total_ns, __ATOMIC_RELAXED);
	uint64_t since_ns = __atomic_load_n(&cpus[cpu].idle_since_ns, __ATOMIC_RELAXED);
	uint64_t now = now_ns();

	/* May be off by the length of the present idle time when it ends right now: this is for statistics. */
	return __atomic_load_n(&cpus[cpu].idle, __ATOMIC_RELAXED) && now > since_ns ? total_ns + (now - since_ns) : total_ns;
}

void cpu_kick(unsigned cpu)
{
	if (cpu >= cpu_count())
		panic("cpu_kick: no such processor: cpu=%u count=%u", cpu, cpu_count());
	apic_send(cpus[cpu].apic_id, VECTOR_KICK);
}
