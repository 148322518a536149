// SPDX-License-Identifier: GPL-2.0-only
/*
 * The entropy device's queue is in guest memory, any page of which may be on another machine. It is served by the vCPU that has rung its
 * bell, in that exit: a page that is not here makes the vCPU wait as every miss does, and the store to the bell happens again when
 * the page has come. Nothing else waits, nothing is left to be done later.
 */
#include <errno.h>

#include "pcomponent/hv/internal.h"

static int read_memory(void *context, uint64_t address, void *bytes, uint32_t len)
{
	return gmem_read(context, address, bytes, len);
}

static int write_memory(void *context, uint64_t address, const void *bytes, uint32_t len)
{
	return gmem_write(context, address, bytes, len);
}

static void fill(void *context, void *bytes, uint32_t len)
{
	const struct hv_environment *environment = &((struct vcpu *)context)->vm->hv->config.environment;

	environment->random(environment->context, bytes, len);
}

int entropy_serve(struct vcpu *vcpu)
{
	const struct rng_environment environment = { read_memory, write_memory, fill, vcpu };
	struct vm *vm = vcpu->vm;
	struct rng_work work;
	int status = 1;
	bool mine;

	vm_lock(vm, vcpu->number);
	if (vm->board.rng.busy) {
		vm_unlock(vm);
		return -EBUSY;
	}
	mine = rng_begin(&vm->board.rng, &work);
	vm_unlock(vm);
	if (!mine)
		return 0;
	for (uint32_t i = 0; i < RNG_QUEUE_SIZE_MAX && status == 1; i++)
		status = rng_serve(&work, &environment);
	vm_lock(vm, vcpu->number);
	rng_end(&vm->board.rng, &work, status);
	vm_unlock(vm);
	return status == -EAGAIN ? status : 0;
}
