/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The run loop of a vCPU. Before every entry: look at the VM's state, the LAPIC, the page waited for. Rules that keep a
 * kick from being missed:
 *
 *  1. Who changes something sets vcpu->kicked first and then kicks; the loop clears it before it looks.
 *  2. Between the last look at `kicked` and the entry, host interrupts are held: a kick ends the run at once.
 *  3. The same for the timer that the caller has set and for other threads' wishes: their interrupt may come while the
 *     shim works, and no second one will. So both are looked at with interrupts held, too, and end vcpu_run().
 *  4. Generations (translations may be stale): the entry publishes guest_cpu, then reads npt.generation; who
 *     removes entries raises the generation, then reads guest_cpu. One of the two sees the other:
 *
 *	entry read the old generation	-> shootdown sees guest_cpu: kicks, waits; the next entry flushes
 *	entry read the new generation	-> it flushes by itself
 *	vCPU moved to another processor	-> flush (no translation of an earlier stay may survive)
 */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "lib/histogram.h"
#include "pcomponent/hv/internal.h"

void vcpu_prepare(struct vcpu *vcpu)
{
	vcpu->blocked = false;
	vcpu->halted = false;
	vcpu->wait_for_sipi = false;
	vcpu->last_cpu = HV_NO_CPU;
	vcpu->npt_generation_seen = 0;
	vcpu->miss_tsc = 0;
	vcpu->null_exit = false;
	vcpu->waiter.status = 0;
	msr_reset(vcpu);
}

void vcpu_clear(struct vcpu *vcpu)
{
	assert(!vcpu->waiter.queued);
	vcpu_prepare(vcpu);
	vcpu->armed_ns = UINT64_MAX;
	vcpu->run_tsc = 0;
	vcpu->exits_mmio = 0;
	vcpu->interrupts_injected = 0;
	memset(vcpu->exits, 0, sizeof(vcpu->exits));
	memset(&vcpu->miss, 0, sizeof(vcpu->miss));
	memset(&vcpu->exit, 0, sizeof(vcpu->exit));
}

static const char *page_failure(int status)
{
	switch (status) {
	case -EACCES:
		return "memory component refused the page: region lost";
	case -EHOSTUNREACH:
	case -ETIMEDOUT:
		return "memory component unreachable";
	default:
		return "memory component answered with an error";
	}
}

/* The page waited for could not be had: the VM pauses, the operator is told, and nothing is lost. True: it is so. */
static bool page_failed(struct vcpu *vcpu)
{
	int status;

	if (__atomic_load_n(&vcpu->waiter.queued, __ATOMIC_ACQUIRE))
		return false;
	status = vcpu->waiter.status;
	if (status >= 0)
		return false;
	vcpu->waiter.status = 0;
	vcpu->blocked = false;
	hv_vm_stop(vcpu->vm->hv, vcpu->vm->slot, WIRE_VM_PAUSED, status, page_failure(status));
	return true;
}

/* INIT and start-up interrupts (SDM vol. 3 section 8.4.4). Under the VM's lock. */
static void take_start_up(struct vcpu *vcpu, struct lapic *lapic)
{
	struct vm *vm = vcpu->vm;

	/* a SIPI that came after the INIT stays; the LAPIC's reset took earlier ones */
	if (lapic->init_pending) {
		lapic->init_pending = false;
		vcpu->wait_for_sipi = true;
		vcpu->halted = false;
		vcpu->blocked = false;
	}
	if (vcpu->wait_for_sipi && lapic->sipi_pending) {
		vcpu->wait_for_sipi = false;
		backend_vcpu_start_ap(vcpu->backend, lapic->sipi_vector, vm->npt.root_physical, vm->tsc_offset);
	}
	lapic->sipi_pending = false;
}

/*
 * Put the next event into the entry. An interrupt that cannot go in now gets a window. Under the VM's lock. True: an
 * event goes in, so that a halted or blocked vCPU has something to do.
 */
static bool inject(struct vcpu *vcpu, struct lapic *lapic)
{
	struct backend_vcpu *backend = vcpu->backend;
	struct vcpu_registers registers;
	bool injected = false;
	int vector;

	if (lapic->nmi_pending && !backend_event_pending(backend)) {
		backend_get_registers(backend, &registers);
		if (!registers.interrupt_shadow) {
			lapic->nmi_pending = false;
			backend_inject_nmi(backend);
			injected = true;
		}
	}
	vector = lapic_pending(lapic);
	if (vector >= 0 && backend_can_interrupt(backend)) {
		backend_inject_interrupt(backend, (uint8_t)vector);
		lapic_accept(lapic, (uint8_t)vector);
		vcpu->interrupts_injected++;
		injected = true;
		vector = lapic_pending(lapic);
	}
	backend_want_window(backend, vector >= 0);
	return injected;
}

/* What must be true before the guest can run; VCPU_RUN: enter. */
static enum vcpu_next look(struct vcpu *vcpu, uint64_t *deadline_ns)
{
	struct vm *vm = vcpu->vm;
	struct lapic *lapic = &vm->board.lapics.lapic[vcpu->number];
	enum vcpu_next next = VCPU_RUN;
	bool waiting;

	*deadline_ns = UINT64_MAX;
	__atomic_store_n(&vcpu->kicked, 0, __ATOMIC_SEQ_CST);
	if (vm_state(vm) != WIRE_VM_RUNNING || page_failed(vcpu))
		return VCPU_STOPPED;
	waiting = __atomic_load_n(&vcpu->waiter.queued, __ATOMIC_ACQUIRE);
	if (!waiting)
		vcpu->blocked = false;

	vm_lock(vm, vcpu->number);
	lapic_tick(&vm->board.lapics, vcpu->number, hv_now_ns(vm->hv));
	take_start_up(vcpu, lapic);
	if (vcpu->wait_for_sipi) {
		next = VCPU_HALT;
	} else {
		if (inject(vcpu, lapic)) {
			vcpu->halted = false;
			vcpu->blocked = false;
		}
		*deadline_ns = lapic_deadline_ns(lapic);
		if (vcpu->blocked)
			next = VCPU_WAIT_PAGE;
		else if (vcpu->halted)
			next = VCPU_HALT;
	}
	vm_unlock(vm);
	return next;
}

/* The guest goes on: what was being measured ends here. */
static void measure_entry(struct vcpu *vcpu, uint64_t tsc)
{
	const struct hv *hv = vcpu->vm->hv;

	if (vcpu->null_exit)
		histogram_add(&vcpu->exit, hv_tsc_to_ns(hv, tsc - vcpu->exit_tsc));
	vcpu->null_exit = false;
	if (vcpu->miss_tsc && !__atomic_load_n(&vcpu->waiter.queued, __ATOMIC_ACQUIRE)) {
		histogram_add(&vcpu->miss, hv_tsc_to_ns(hv, tsc - vcpu->miss_tsc));
		vcpu->miss_tsc = 0;
	}
}

enum entry { ENTERED, LOOK_AGAIN, GIVE_WAY };

/* With the host's interrupts held: may the guest be entered? */
static enum entry check_entry(const struct vcpu *vcpu, uint64_t now_ns)
{
	const struct hv_environment *environment = &vcpu->vm->hv->config.environment;

	if (__atomic_load_n(&vcpu->kicked, __ATOMIC_SEQ_CST))
		return LOOK_AGAIN;
	if (now_ns >= vcpu->armed_ns || environment->yield_wanted(environment->context))
		return GIVE_WAY;
	return ENTERED;
}

/* One round trip, unless something came in between. */
static enum entry enter(struct vcpu *vcpu, struct backend_exit *exit)
{
	struct vm *vm = vcpu->vm;
	uint32_t cpu = backend_this_cpu();
	uint64_t generation, tsc;
	enum entry entry;
	bool flush;

	backend_hold();
	entry = check_entry(vcpu, hv_now_ns(vm->hv));
	if (entry != ENTERED) {
		backend_release();
		return entry;
	}
	__atomic_store_n(&vcpu->guest_cpu, cpu, __ATOMIC_SEQ_CST);
	generation = __atomic_load_n(&vm->npt.generation, __ATOMIC_SEQ_CST);
	flush = generation != vcpu->npt_generation_seen || vcpu->last_cpu != cpu;
	assert(generation >= vcpu->npt_generation_seen);
	vcpu->npt_generation_seen = generation;
	vcpu->last_cpu = cpu;

	tsc = hv_tsc(vm->hv);
	measure_entry(vcpu, tsc);
	backend_run(vcpu->backend, flush, exit);
	__atomic_store_n(&vcpu->guest_cpu, HV_NO_CPU, __ATOMIC_RELEASE);
	vcpu->exit_tsc = hv_tsc(vm->hv);
	vcpu->run_tsc += vcpu->exit_tsc - tsc;
	assert(exit->reason < EXIT_REASON_COUNT);
	vcpu->exits[exit->reason]++;
	return ENTERED;
}

static enum vcpu_next run(struct vcpu *vcpu, uint64_t *deadline_ns)
{
	struct backend_exit exit;

	for (unsigned n = 0; n < HV_EXITS_PER_RUN_MAX; n++) {
		enum vcpu_next next = look(vcpu, deadline_ns);
		enum entry entry;

		/* the caller's timer is set later than the guest needs: it must know first */
		if (next != VCPU_RUN || *deadline_ns < vcpu->armed_ns)
			return next;
		entry = enter(vcpu, &exit);
		if (entry == GIVE_WAY)
			return VCPU_RUN;
		if (entry == LOOK_AGAIN)
			continue;
		if (exit_handle(vcpu, &exit) == HANDLED_WAIT)
			vcpu->blocked = true;
		if (exit.reason == EXIT_INTERRUPT)
			return VCPU_RUN;
	}
	return VCPU_RUN;
}

enum vcpu_next vcpu_run(struct hv *hv, uint32_t slot, uint32_t number, uint64_t *deadline_ns)
{
	struct vcpu *vcpu = &vm_slot(hv, slot)->vcpu[number];
	enum vcpu_next next;

	assert(number < VCPUS_PER_VM_MAX);
	__atomic_store_n(&vcpu->active, 1, __ATOMIC_SEQ_CST);
	next = run(vcpu, deadline_ns);
	vcpu->armed_ns = *deadline_ns;
	__atomic_store_n(&vcpu->active, 0, __ATOMIC_RELEASE);
	return next;
}

uint64_t hv_shootdown_begin(struct hv *hv, const struct cache_victim *victims, uint32_t count)
{
	uint64_t cpus = 0;
	uint64_t seen[(VMS_PER_NODE_MAX + 63) / 64] = { 0 };

	for (uint32_t i = 0; i < count; i++) {
		uint32_t slot = victims[i].vm;
		struct vm *vm = vm_slot(hv, slot);

		if (seen[slot / 64] >> (slot % 64) & 1)
			continue;
		seen[slot / 64] |= UINT64_C(1) << (slot % 64);
		__atomic_fetch_add(&vm->npt.generation, 1, __ATOMIC_SEQ_CST);
		for (uint32_t n = 0; n < vm->vcpus; n++) {
			uint32_t cpu = __atomic_load_n(&vm->vcpu[n].guest_cpu, __ATOMIC_SEQ_CST);

			if (cpu != HV_NO_CPU)
				cpus |= UINT64_C(1) << cpu;
		}
	}
	return cpus;
}
