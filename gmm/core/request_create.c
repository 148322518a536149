// SPDX-License-Identifier: GPL-2.0-only
/* The operator asks for a VM: all checks first, then the reservations, then the operation exists. */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "gmm/core/internal.h"

static bool name_is_good(const char *name)
{
	size_t len = strnlen(name, VM_NAME_BYTES);

	if (len == 0 || len >= VM_NAME_BYTES || name[0] == '-')
		return false;
	for (size_t i = 0; i < len; i++)
		if (!((name[i] >= 'a' && name[i] <= 'z') || (name[i] >= 'A' && name[i] <= 'Z') ||
		      (name[i] >= '0' && name[i] <= '9') || name[i] == '-' || name[i] == '_' || name[i] == '.'))
			return false;
	return true;
}

static uint64_t smaller(uint64_t first, uint64_t second)
{
	return first < second ? first : second;
}

static int refuse_limit(struct gmm_core *core, const char *before, uint64_t limit, const char *behind)
{
	struct text text = gmm_refuse(core);

	text_string(&text, before);
	text_number(&text, limit);
	text_string(&text, behind);
	return -EINVAL;
}

int gmm_check_cache(struct gmm_core *core, uint64_t cache_bytes)
{
	struct text text = gmm_refuse(core);

	if (cache_bytes % PAGE_BYTES || cache_bytes / PAGE_BYTES > UINT32_MAX)
		return refuse_limit(core, "the cache share must be a multiple of ", PAGE_BYTES, " bytes");
	if (cache_bytes / PAGE_BYTES >= VM_CACHE_LINES_MIN)
		return 0;
	text_string(&text, "the cache share is too small: at least ");
	text_pages(&text, VM_CACHE_LINES_MIN);
	return -EINVAL;
}

int gmm_check_spread(struct gmm_core *core, uint32_t spread)
{
	if (spread <= GMM_SPREAD_MAX)
		return 0;
	return refuse_limit(core, "a VM's spread is 1 to ", GMM_SPREAD_MAX, " memory components, or 0 for no limit");
}

/* Neither of both numbers: the defaults. */
static bool restart_is_good(const struct gmm_vm_spec *spec)
{
	if (spec->restart_max == 0 && spec->restart_window_s == 0)
		return spec->restart < GMM_RESTARTS;
	return gmm_restart_is_valid(spec->restart, spec->restart_max, spec->restart_window_s);
}

static int check_spec(struct gmm_core *core, const struct gmm_vm_spec *spec)
{
	struct text text = gmm_refuse(core);

	if (!name_is_good(spec->name))
		return refuse_limit(core, "a VM's name is 1 to ", VM_NAME_BYTES - 1, " of a-z A-Z 0-9 . _ - and does not start with -");
	if (strnlen(spec->kernel, GMM_FILE_BYTES) == GMM_FILE_BYTES || strnlen(spec->initrd, GMM_FILE_BYTES) == GMM_FILE_BYTES)
		return refuse_limit(core, "the path of the kernel or initrd is longer than ", GMM_FILE_BYTES - 1, " characters");
	if (strnlen(spec->command_line, VM_COMMAND_LINE_BYTES) == VM_COMMAND_LINE_BYTES)
		return gmm_refuse_words(core, -EINVAL, "the guest's command line is too long", "", "");
	if (spec->memory_bytes == 0 || spec->memory_bytes % PAGE_BYTES)
		return refuse_limit(core, "memory must be a multiple of ", PAGE_BYTES, " bytes and not 0");
	if (spec->memory_bytes < GMM_VM_MEMORY_BYTES_MIN) {
		text_string(&text, "memory of ");
		text_number(&text, spec->memory_bytes);
		text_string(&text, " bytes is too small for a guest: at least ");
		text_pages(&text, GMM_VM_MEMORY_BYTES_MIN / PAGE_BYTES);
		return -EINVAL;
	}
	if (spec->memory_bytes > VM_MEMORY_BYTES_MAX || spec->memory_bytes > REGIONS_PER_VM_MAX * REGION_BYTES) {
		text_string(&text, "memory is more than a VM may have: ");
		text_pages(&text, smaller(VM_MEMORY_BYTES_MAX, REGIONS_PER_VM_MAX * REGION_BYTES) / PAGE_BYTES);
		return -EINVAL;
	}
	if (gmm_check_cache(core, spec->cache_bytes) || gmm_check_spread(core, spec->spread))
		return -EINVAL;
	if (spec->vcpus == 0 || spec->vcpus > VCPUS_PER_VM_MAX)
		return refuse_limit(core, "a VM has 1 to ", VCPUS_PER_VM_MAX, " vCPUs");
	if (!restart_is_good(spec))
		return gmm_refuse_restart(core, "; give both numbers or none");
	if (spec->overcommit > GMM_OVERCOMMIT_ALL)
		return gmm_refuse_words(core, -EINVAL, "overcommit is none, vcpus, memory or all", "", "");
	if (spec->devices & ~DEVICES_ALL)
		return gmm_refuse_words(core, -EINVAL, "it has devices that this manager does not know", "", "");
	if (gmm_core_vm_named(core, spec->name))
		return gmm_refuse_words(core, -EEXIST, "there is a VM named ", spec->name, " already");
	return 0;
}

static struct gmm_node *choose_process(struct gmm_core *core, const struct gmm_vm_spec *spec)
{
	struct gmm_node *node = spec->on_node ? gmm_core_node(core, spec->on_node) : gmm_place_vm(core, spec);
	struct text text = gmm_refuse(core);

	if (!spec->on_node) {
		if (!node)
			gmm_place_no_process(core, &text, spec);
		return node;
	}
	if (!node || node->role != WIRE_ROLE_PROCESS)
		gmm_refuse_words(core, 0, node ? node->name : "the node", " is not a process component", "");
	else if (!gmm_node_eligible(node))
		gmm_refuse_words(core, 0, node->name, " is ", gmm_place_obstacle(node));
	else if (!gmm_place_lacks(core, node, spec, &text))
		return node;
	return NULL;
}

static uint32_t regions_of(const struct gmm_vm_spec *spec)
{
	return (uint32_t)((spec->memory_bytes / PAGE_BYTES + REGION_PAGES - 1) / REGION_PAGES);
}

static int check_table(struct gmm_core *core, const struct gmm_vm_spec *spec)
{
	assert(regions_of(spec) <= REGIONS_PER_VM_MAX);
	if (regions_of(spec) <= GMM_REGIONS_MAX - core->regions_used)
		return 0;
	return gmm_refuse_words(core, -ENOSPC, "the manager's table of regions is full", "", "");
}

static int choose_regions(struct gmm_core *core, const struct gmm_vm_spec *spec, uint32_t nodes[REGIONS_PER_VM_MAX])
{
	int status = check_table(core, spec);

	return status ? status : gmm_place_regions(core, spec, nodes);
}

static int check_promise(struct gmm_core *core, const struct gmm_vm_spec *spec)
{
	struct text text = gmm_refuse(core);

	if (!gmm_promise_allowed(core, spec->memory_bytes / PAGE_BYTES, &text))
		return -ENOSPC;
	return check_table(core, spec);
}

/* A VM's regions, in the order of their index: each on its node of `nodes`; NULL: only promised. */
static void make_regions(struct gmm_core *core, struct gmm_vm *vm, const uint32_t *nodes, uint32_t operation)
{
	uint64_t pages_left = vm->spec.memory_bytes / PAGE_BYTES;
	uint32_t *link = &vm->region_first;

	for (uint32_t index = 0; pages_left; index++) {
		uint32_t pages = pages_left < REGION_PAGES ? (uint32_t)pages_left : REGION_PAGES;

		*link = nodes ? gmm_region_allocate(core, vm->id, index, pages, nodes[index], vm->node) :
				gmm_region_promise(core, vm->id, index, pages, vm->node);
		core->regions[*link].operation = operation;
		link = &core->regions[*link].next;
		vm->region_count++;
		pages_left -= pages;
	}
}

/* As place_all(), for a VM whose memory is only promised. */
static int promise_all(struct gmm_core *core, struct gmm_vm *vm, uint32_t operation)
{
	int status = check_promise(core, &vm->spec);

	if (!status)
		make_regions(core, vm, NULL, operation);
	return status;
}

/* Reserve all regions of a VM, or none. */
static int place_all(struct gmm_core *core, struct gmm_vm *vm, uint32_t operation)
{
	uint32_t nodes[REGIONS_PER_VM_MAX];
	int status = choose_regions(core, &vm->spec, nodes);

	if (status)
		return status;
	make_regions(core, vm, nodes, operation);
	return 0;
}

static struct gmm_vm *vm_slot(struct gmm_core *core)
{
	for (uint32_t i = 0; i < GMM_VMS_MAX; i++)
		if (core->vm_keys[i].id == 0)
			return &core->vms[i];
	return NULL;
}

/* Reserve what a VM needs, with an id of its own. If it cannot be, only `id`, `node` and `operation` are other ones than before. */
static int begin(struct gmm_core *core, struct gmm_vm *vm, struct gmm_node *node, struct gmm_operation *operation, uint64_t now_ns)
{
	int status;

	vm->id = core->vm_id_next++;
	vm->node = node->id;
	vm->region_first = GMM_NONE;
	vm->region_count = 0;
	vm->operation = gmm_operation_index(core, operation);
	gmm_dirty_vm(core, vm);
	status = (vm->spec.overcommit & GMM_OVERCOMMIT_MEMORY ? promise_all : place_all)(core, vm, vm->operation);
	if (status) {
		operation->kind = GMM_OPERATION_NONE;
		return status;
	}
	vm->cache_lines = (uint32_t)(vm->spec.cache_bytes / PAGE_BYTES);
	vm->changed_ns = now_ns;
	gmm_vm_enter(core, vm, GMM_VM_CREATING);
	node->vms++;
	node->lines_given += vm->cache_lines;
	node->vcpus_given += vm->spec.vcpus;
	node->bandwidth_given_mbps += vm->spec.bandwidth_mbps;
	operation->vm = gmm_vm_index(core, vm);
	operation->parts = vm->region_count;
	operation->pending = vm->region_count - gmm_vm_regions_promised(core, vm);
	if (operation->pending == 0)
		operation->step = GMM_STEP_VM;
	return 0;
}

int gmm_core_vm_create(struct gmm_core *core, const struct gmm_vm_spec *spec, uint64_t *id, uint64_t now_ns)
{
	struct gmm_operation *operation;
	struct gmm_node *node;
	struct gmm_vm *vm;
	int status = check_spec(core, spec);

	if (status)
		return status;
	node = choose_process(core, spec);
	if (!node)
		return spec->on_node ? -EBUSY : -ENOSPC;
	vm = vm_slot(core);
	if (!vm)
		return gmm_refuse_words(core, -ENOSPC, "the manager's table of VMs is full", "", "");
	operation = gmm_operation_start(core, GMM_OPERATION_VM_CREATE, GMM_STEP_REGIONS, spec->name, now_ns);
	if (!operation)
		return -EAGAIN;
	memset(vm, 0, sizeof(*vm));
	vm->spec = *spec;
	if (!spec->restart_max) {
		vm->spec.restart_max = GMM_RESTART_MAX_DEFAULT;
		vm->spec.restart_window_s = GMM_RESTART_WINDOW_S_DEFAULT;
	}
	vm->created_ns = now_ns;
	vm->move = vm->resize = GMM_NONE;
	*id = operation->id;
	return begin(core, vm, node, operation, now_ns);
}

int gmm_vm_create_again(struct gmm_core *core, struct gmm_vm *vm, uint64_t now_ns)
{
	struct gmm_node *node = choose_process(core, &vm->spec);
	struct gmm_operation *operation;
	uint64_t id = vm->id;
	uint32_t lost_node = vm->node;
	int status;

	assert(vm->phase == GMM_VM_GONE && vm->operation == GMM_NONE && vm->region_first == GMM_NONE && vm->resize == GMM_NONE);
	if (!node)
		return -ENOSPC;
	operation = gmm_operation_start(core, GMM_OPERATION_VM_CREATE, GMM_STEP_REGIONS, vm->spec.name, now_ns);
	if (!operation)
		return -EAGAIN;
	status = begin(core, vm, node, operation, now_ns);
	if (status) {
		vm->id = id;
		vm->node = lost_node;
		vm->operation = GMM_NONE;
		return status;
	}
	/* Answers about the lost one are about another id. */
	vm->polling = false;
	vm->counters_ns = 0;
	memset(&vm->counters, 0, sizeof(vm->counters));
	return 0;
}

/* Where place_all() would put the regions; what it would draw is left to it. */
static int plan_regions(struct gmm_core *core, const struct gmm_vm_spec *spec, struct gmm_vm_plan *plan)
{
	uint64_t chance = core->chance;
	uint32_t placed_last = core->placed_last, nodes[REGIONS_PER_VM_MAX];
	int status;

	if (spec->overcommit & GMM_OVERCOMMIT_MEMORY) {
		plan->promised = regions_of(spec);
		return check_promise(core, spec);
	}
	status = choose_regions(core, spec, nodes);
	core->chance = chance;
	core->placed_last = placed_last;
	for (uint32_t i = 0; !status && i < regions_of(spec); i++)
		plan->regions[nodes[i] - GMM_NODE_FIRST]++;
	return status;
}

int gmm_core_vm_create_plan(struct gmm_core *core, const struct gmm_vm_spec *spec, struct gmm_vm_plan *plan)
{
	int status = check_spec(core, spec);
	struct gmm_node *node;

	memset(plan, 0, sizeof(*plan));
	if (status)
		return status;
	node = choose_process(core, spec);
	if (!node)
		return spec->on_node ? -EBUSY : -ENOSPC;
	if (!vm_slot(core))
		return gmm_refuse_words(core, -ENOSPC, "the manager's table of VMs is full", "", "");
	if (!gmm_operation_room(core))
		return -EAGAIN;
	plan->node = node->id;
	return plan_regions(core, spec, plan);
}
