/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * To the manager: what guests write to their consoles, and what becomes of VMs. For each VM at most one call of each kind is
 * under way. Console bytes leave the UART only when the manager has them; a state is told until it is acknowledged.
 */
#include <errno.h>
#include <string.h>

#include "pcomponent/process.h"

#define BATCH_NS UINT64_C(5000000)		/* console output is gathered this long */
#define RETRY_NS UINT64_C(200000000)
#define PLACE_PATIENCE_NS UINT64_C(1000000000)	/* a VM that waits longer for a place is paused */
#define CALL_TIMEOUT_NS UINT64_C(0)		/* the session sends again for ever; a new manager gets it anew */

void report_changed(uint32_t slot)
{
	__atomic_store_n(&process.vm[slot].changed, true, __ATOMIC_RELEASE);
	thread_wake(process.reporter);
}

/* ------------------------------------------------------------------ console; under the fabric lock */

static void output_done(void *context, uint64_t cookie, int status, const void *body, uint32_t len_bytes, uint64_t now)
{
	struct process_vm *vm = process_vm((uint32_t)cookie);
	uint32_t len = vm->output_under_way;

	(void)context;
	(void)body;
	(void)len_bytes;
	(void)now;
	vm->output_under_way = 0;
	/* -ENOENT: the manager knows no such VM and never will; its output goes nowhere */
	if (status == 0 || status == -ENOENT) {
		hv_console_drop(process.hv, vm->slot, len);
		vm->output_offset += len;
	}
	thread_wake(process.reporter);
}

/* False: there is output, but it could not be sent now. */
static bool send_output(struct process_vm *vm, uint64_t now)
{
	static struct {
		struct wire_vm_console head;
		uint8_t bytes[WIRE_CONSOLE_BYTES_MAX];
	} message;
	uint32_t len;

	if (vm->output_under_way)
		return true;
	len = hv_console_peek(process.hv, vm->slot, message.bytes, sizeof(message.bytes));
	if (len == 0)
		return true;
	message.head = (struct wire_vm_console){ .vm = vm->id, .offset = vm->output_offset, .len_bytes = len };
	if (rpc_call(fabric_rpc(process.fabric), process.agent.session, WIRE_VM_CONSOLE_OUTPUT, &message,
		     (uint32_t)sizeof(message.head) + len, CALL_TIMEOUT_NS, output_done, NULL, vm->slot, now) != 0)
		return false;
	vm->output_under_way = len;
	return true;
}

/* ------------------------------------------------------------------ events; under the fabric lock */

static void event_done(void *context, uint64_t cookie, int status, const void *body, uint32_t len_bytes, uint64_t now)
{
	struct process_vm *vm = process_vm((uint32_t)cookie);

	(void)context;
	(void)body;
	(void)len_bytes;
	vm->event_under_way = false;
	if (status && status != -ENOENT) {
		vm->event_retry_ns = now + RETRY_NS;
		__atomic_store_n(&vm->changed, true, __ATOMIC_RELEASE);
	}
	thread_wake(process.reporter);
}

static void send_event(struct process_vm *vm, uint64_t now)
{
	static struct wire_vm_status status;
	struct wire_vm_event event = { .vm = vm->id };

	if (vm->event_under_way || now < vm->event_retry_ns || !__atomic_exchange_n(&vm->changed, false, __ATOMIC_ACQ_REL))
		return;
	memset(&status, 0, sizeof(status));
	hv_vm_status(process.hv, vm->slot, &status);
	event.state = status.state;
	event.status = status.status;
	memcpy(event.reason, status.reason, sizeof(event.reason));
	if (rpc_call(fabric_rpc(process.fabric), process.agent.session, WIRE_VM_EVENT, &event, sizeof(event),
		     CALL_TIMEOUT_NS, event_done, NULL, vm->slot, now) == 0) {
		vm->event_under_way = true;
		log_line(LOG_INFO, "event=vm_state vm=%lu state=%u status=%d reason=\"%s\"", event.vm, event.state, event.status,
			 event.reason);
	} else {
		vm->event_retry_ns = now + RETRY_NS;
		__atomic_store_n(&vm->changed, true, __ATOMIC_RELEASE);
	}
}

/* ------------------------------------------------------------------ places of promised regions; under the fabric lock */

static void wanted_done(void *context, uint64_t cookie, int status, const void *body, uint32_t len_bytes, uint64_t now)
{
	struct process_vm *vm = process_vm((uint32_t)cookie);

	(void)context;
	(void)status;
	(void)body;
	(void)len_bytes;
	(void)now;
	/* Whatever was answered: what has no place is asked for again (G13). */
	vm->wanted_under_way = false;
	thread_wake(process.reporter);
}

/* Ask for the places that lines wait for. A VM that waits for long is paused: it would only chase its pages through the cache. */
static void send_wanted(struct process_vm *vm, uint64_t now)
{
	uint64_t waits_ns = region_vm_waits_ns(process.regions, vm->slot);
	struct wire_vm_region_wanted wanted = { .vm = vm->id };

	if (waits_ns && now - waits_ns >= PLACE_PATIENCE_NS)
		hv_vm_stop(process.hv, vm->slot, WIRE_VM_PAUSED, -ENOSPC, "waits for memory: a promised region has no place yet");
	if (vm->wanted_under_way || now < vm->wanted_retry_ns ||
	    !region_place_wanted(process.regions, vm->slot, &wanted.index, now))
		return;
	if (rpc_call(fabric_rpc(process.fabric), process.agent.session, WIRE_VM_REGION_WANTED, &wanted, sizeof(wanted),
		     CALL_TIMEOUT_NS, wanted_done, NULL, vm->slot, now) == 0) {
		vm->wanted_under_way = true;
	} else {
		region_place_not_asked(process.regions, vm->slot, wanted.index);
		vm->wanted_retry_ns = now + RETRY_NS;
	}
}

/* When send_wanted() has something to do; a call that ends wakes the reporter. */
static uint64_t wanted_deadline_ns(const struct process_vm *vm)
{
	uint64_t waits_ns = region_vm_waits_ns(process.regions, vm->slot);
	uint64_t ask_ns = region_place_deadline_ns(process.regions, vm->slot);

	if (waits_ns == 0)
		return UINT64_MAX;
	if (ask_ns < vm->wanted_retry_ns)
		ask_ns = vm->wanted_retry_ns;
	if (vm->wanted_under_way)
		ask_ns = UINT64_MAX;
	if (hv_vm_state(process.hv, vm->slot) == WIRE_VM_RUNNING && waits_ns + PLACE_PATIENCE_NS < ask_ns)
		ask_ns = waits_ns + PLACE_PATIENCE_NS;
	return ask_ns;
}

/* ------------------------------------------------------------------ thread */

/* Returns when to look again: guests that run may write at any time. */
static uint64_t look(void)
{
	uint64_t now, next_ns = UINT64_MAX;

	fabric_lock(process.fabric);
	now = now_ns();
	for (uint32_t slot = 0; slot < SLOTS; slot++) {
		struct process_vm *vm = process_vm(slot);
		bool sent;

		if (!vm->id)
			continue;
		/* a state stands in the manager's log behind what the guest wrote before it */
		sent = send_output(vm, now);
		send_wanted(vm, now);
		send_event(vm, now);
		if (!sent || vm->changed || hv_vm_state(process.hv, slot) == WIRE_VM_RUNNING)
			next_ns = now + BATCH_NS < next_ns ? now + BATCH_NS : next_ns;
		if (wanted_deadline_ns(vm) < next_ns)
			next_ns = wanted_deadline_ns(vm);
	}
	fabric_unlock(process.fabric);
	return next_ns;
}

static void reporter_loop(void *argument)
{
	(void)argument;
	for (;;)
		thread_wait(look());
}

void reporter_create(void)
{
	process.reporter = thread_create("reporter", 0, reporter_loop, NULL);
}
