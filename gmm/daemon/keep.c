// SPDX-License-Identifier: GPL-2.0-only
/* When the core's decisions are kept: before anything that rests on them leaves (M7, docs/store.md). */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "gmm/daemon/daemon.h"

#define STORE_RETRY_NS UINT64_C(1000000000)

_Static_assert(CONFIG_ERROR_BYTES >= STORE_ERROR_BYTES, "the store's errors fit");

/* The directory's own directory must be there: a wrong path is more likely than a missing tree. */
static void make_directory(const char *file)
{
	char directory[PATH_MAX];
	const char *end = strrchr(file, '/');

	if (!end || end == file)
		return;
	snprintf(directory, sizeof(directory), "%.*s", (int)(end - file), file);
	mkdir(directory, 0700);
}

int keep_open(struct gmmd *gmmd, char error[CONFIG_ERROR_BYTES])
{
	uint64_t start_ns = udp_port_now_ns();
	const struct store_migration *migration;
	int status;

	make_directory(gmmd->config.store);
	gmmd->store = store_open(gmmd->config.store, &status, error);
	if (!gmmd->store)
		return -1;
	migration = store_migrated(gmmd->store);
	if (migration)
		log_line(LOG_INFO, "store migrated: from_version=%d to_version=%d copy_of_before=%s added=\"%s\"", migration->from,
			 migration->to, migration->copy, migration->changes);
	if (store_load(gmmd->store, gmmd->core, gmmd->now_ns, error))
		return -1;
	/* Earlier managers have logged theirs. */
	gmmd->events_logged = gmmd->core->event_sequence;
	for (uint32_t i = 0; i < GMM_VMS_MAX; i++)
		if (gmmd->core->vms[i].phase != GMM_VM_FREE)
			console_add(gmmd, &gmmd->core->vms[i]);
	log_line(LOG_INFO, "store: file=%s nodes=%u regions=%u took_ms=%llu", gmmd->config.store, gmmd->core->node_count,
		 gmmd->core->regions_used, (unsigned long long)((udp_port_now_ns() - start_ns) / 1000000));
	return 0;
}

static void note_status(struct gmmd *gmmd, int status, const char *error)
{
	if (status && !gmmd->store_status)
		log_line(LOG_ERROR, "%s: commands are refused, nodes and VMs go on; tried again each second", error);
	if (!status && gmmd->store_status)
		log_line(LOG_INFO, "the store can be written again");
	gmmd->store_status = status;
	gmmd->store_retry_ns = gmmd->now_ns + STORE_RETRY_NS;
}

bool keep_turn(struct gmmd *gmmd)
{
	char error[STORE_ERROR_BYTES];

	if (gmm_core_dirty_count(gmmd->core) == 0)
		return true;
	if (gmmd->store_status && gmmd->now_ns < gmmd->store_retry_ns)
		return false;
	note_status(gmmd, store_keep(gmmd->store, gmmd->core, error), error);
	return gmmd->store_status == 0;
}

int keep_command(struct gmmd *gmmd, const char *who, const char *what, char error[CONFIG_ERROR_BYTES])
{
	int status = store_command(gmmd->store, gmmd->now_ns + gmmd->core->config.wall_offset_ns, who, what, error);

	/* A success, too, is told after a failure: there may be no changed row that would tell it. */
	if (status || gmmd->store_status)
		note_status(gmmd, status, error);
	return status;
}

void keep_offer(struct gmmd *gmmd)
{
	char error[CONFIG_ERROR_BYTES];
	struct wire_blob blobs[2];
	struct vm_side *side;
	struct gmm_vm *vm;

	/* One that was made anew a moment ago has no side yet. */
	if (gmm_core_offer_wanted(gmmd->core, &vm) && (side = console_side(gmmd, vm))) {
		int status = data_offer(gmmd, side, vm, blobs, error);

		gmm_core_offered(gmmd->core, vm, &blobs[0], &blobs[1], status, error, gmmd->now_ns);
	}
}

uint64_t keep_deadline_ns(const struct gmmd *gmmd)
{
	struct gmm_vm *vm;

	if (gmm_core_offer_wanted(gmmd->core, &vm))
		return gmmd->now_ns;
	return gmmd->store_status ? gmmd->store_retry_ns : UINT64_MAX;
}
