// SPDX-License-Identifier: GPL-2.0-only
/* Serial lines of VMs: a ring of what each guest wrote, and what was typed and is not taken yet. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "gmm/daemon/daemon.h"

#define INPUT_CHUNK_BYTES 256u
#define INPUT_RETRY_NS UINT64_C(20000000)

struct vm_side *console_side(struct gmmd *gmmd, const struct gmm_vm *vm)
{
	struct vm_side *side = &gmmd->vms[vm - gmmd->core->vms];

	return side->id == vm->id ? side : NULL;
}

void console_add(struct gmmd *gmmd, const struct gmm_vm *vm)
{
	struct vm_side *side = &gmmd->vms[vm - gmmd->core->vms];

	if (side->id)
		return;
	side->id = vm->id;
	side->history = calloc(1, gmmd->config.history_bytes);
	side->input = malloc(GMMD_INPUT_BYTES_MAX);
	/* Its component takes only what lies behind all that earlier managers sent; nobody types a byte each nanosecond. */
	side->input_offset = gmmd->now_ns + gmmd->core->config.wall_offset_ns;
	if (side->history && side->input)
		return;
	log_line(LOG_ERROR, "out of memory");
	exit(1);
}

/* How many VMs have input waiting is known, for mostly none has. */
static void set_input(struct gmmd *gmmd, struct vm_side *side, uint32_t len_bytes)
{
	gmmd->inputs_waiting += len_bytes > 0;
	gmmd->inputs_waiting -= side->input_len_bytes > 0;
	side->input_len_bytes = len_bytes;
}

void console_sweep(struct gmmd *gmmd)
{
	gmmd->sides_left = false;
	for (uint32_t i = 0; i < GMM_VMS_MAX; i++) {
		struct vm_side *side = &gmmd->vms[i];
		const struct gmm_vm *vm = &gmmd->core->vms[i];

		if (side->id == 0 || (vm->phase != GMM_VM_FREE && vm->id == side->id))
			continue;
		/* An input call under way still points here; its answer comes within its time limit. */
		if (side->input_sent_bytes) {
			gmmd->sides_left = true;
			continue;
		}
		data_withdraw(gmmd, side);
		set_input(gmmd, side, 0);
		free(side->history);
		free(side->input);
		memset(side, 0, sizeof(*side));
	}
}

/* ---------------------------------------------------------------- output */

static void append(struct gmmd *gmmd, struct vm_side *side, const uint8_t *bytes, uint32_t len_bytes)
{
	uint32_t size = gmmd->config.history_bytes;

	for (uint32_t done = 0; done < len_bytes;) {
		uint32_t at = (uint32_t)(side->output_bytes % size);
		uint32_t piece = len_bytes - done < size - at ? len_bytes - done : size - at;

		memcpy(side->history + at, bytes + done, piece);
		side->output_bytes += piece;
		done += piece;
	}
}

/* What was lost before `offset` becomes a line that says so, and NULs: the places of later bytes in the stream stay right. */
static void append_gap(struct gmmd *gmmd, struct vm_side *side, uint64_t offset)
{
	static const uint8_t words[] = "\r\n[gmmd: console output was lost here]\r\n", nothing[sizeof(words)] = { 0 };
	const uint8_t *filler = words;

	if (offset - side->output_bytes > gmmd->config.history_bytes)
		side->output_bytes = offset - gmmd->config.history_bytes;
	while (side->output_bytes < offset) {
		uint64_t missing = offset - side->output_bytes;

		append(gmmd, side, filler, missing < sizeof(words) - 1 ? (uint32_t)missing : (uint32_t)sizeof(words) - 1);
		filler = nothing;
	}
}

int console_output(struct gmmd *gmmd, uint32_t node, const struct wire_vm_console *chunk, uint32_t len_bytes)
{
	const struct gmm_vm *vm = gmm_core_vm(gmmd->core, chunk->vm);
	struct vm_side *side = vm && vm->node == node ? console_side(gmmd, vm) : NULL;
	uint64_t skip;

	if (!side)
		return -ENOENT;
	if (chunk->len_bytes == 0 || chunk->len_bytes > WIRE_CONSOLE_BYTES_MAX ||
	    chunk->len_bytes > len_bytes - sizeof(*chunk) || chunk->offset > UINT64_MAX / 2)
		return -EINVAL;
	if (chunk->offset > side->output_bytes)
		append_gap(gmmd, side, chunk->offset);
	skip = side->output_bytes - chunk->offset;
	if (skip < chunk->len_bytes)
		append(gmmd, side, chunk->bytes + skip, chunk->len_bytes - (uint32_t)skip);
	return 0;
}

uint64_t console_oldest(const struct gmmd *gmmd, const struct vm_side *side)
{
	return side->output_bytes > gmmd->config.history_bytes ? side->output_bytes - gmmd->config.history_bytes : 0;
}

uint32_t console_read(const struct gmmd *gmmd, const struct vm_side *side, uint64_t *offset, uint8_t *bytes,
		      uint32_t capacity)
{
	uint64_t oldest = console_oldest(gmmd, side), available;
	uint32_t at, piece;

	if (*offset < oldest)
		*offset = oldest;
	available = side->output_bytes - *offset;
	at = (uint32_t)(*offset % gmmd->config.history_bytes);
	piece = gmmd->config.history_bytes - at;
	if (piece > available)
		piece = (uint32_t)available;
	if (piece > capacity)
		piece = capacity;
	memcpy(bytes, side->history + at, piece);
	*offset += piece;
	return piece;
}

/* ---------------------------------------------------------------- input */

int console_type(struct gmmd *gmmd, struct vm_side *side, const uint8_t *bytes, uint32_t len_bytes)
{
	if (len_bytes > GMMD_INPUT_BYTES_MAX - side->input_len_bytes)
		return -ENOBUFS;
	memcpy(side->input + side->input_len_bytes, bytes, len_bytes);
	set_input(gmmd, side, side->input_len_bytes + len_bytes);
	return 0;
}

static void input_done(void *context, uint64_t cookie, int status, const void *body, uint32_t len_bytes, uint64_t now_ns)
{
	struct gmmd *gmmd = context;
	struct vm_side *side = &gmmd->vms[cookie];
	uint32_t sent = side->input_sent_bytes;

	(void)body;
	(void)len_bytes;
	side->input_sent_bytes = 0;
	if (status == -EAGAIN || status == -ENOBUFS || status == -ENOSPC) {
		side->input_retry_ns = now_ns + INPUT_RETRY_NS;
		return;
	}
	/* Any other failure loses what was typed: the guest does not run, or nobody knows how much it took. */
	if (status)
		sent = side->input_len_bytes;
	set_input(gmmd, side, side->input_len_bytes - sent);
	memmove(side->input, side->input + sent, side->input_len_bytes);
	side->input_offset += sent;
}

static void send_input(struct gmmd *gmmd, uint32_t index)
{
	struct vm_side *side = &gmmd->vms[index];
	uint32_t len = side->input_len_bytes < INPUT_CHUNK_BYTES ? side->input_len_bytes : INPUT_CHUNK_BYTES;
	_Alignas(8) uint8_t body[sizeof(struct wire_vm_console) + INPUT_CHUNK_BYTES];
	struct wire_vm_console *chunk = (struct wire_vm_console *)body;

	*chunk = (struct wire_vm_console){ .vm = side->id, .offset = side->input_offset, .len_bytes = len };
	memcpy(chunk->bytes, side->input, len);
	if (rack_call(gmmd, gmmd->core->vms[index].node, WIRE_VM_CONSOLE_INPUT, body, (uint32_t)sizeof(*chunk) + len,
		      input_done, index) == 0)
		side->input_sent_bytes = len;
	else
		side->input_retry_ns = gmmd->now_ns + INPUT_RETRY_NS;
}

void console_turn(struct gmmd *gmmd)
{
	for (uint32_t i = 0; i < GMM_VMS_MAX && gmmd->inputs_waiting; i++) {
		struct vm_side *side = &gmmd->vms[i];

		if (side->id && side->input_len_bytes && !side->input_sent_bytes && side->input_retry_ns <= gmmd->now_ns &&
		    gmmd->core->vms[i].phase == GMM_VM_READY && gmmd->core->vms[i].id == side->id)
			send_input(gmmd, i);
	}
	/* The table is long: it is gone through when something in it has changed. */
	if (gmmd->sides_for == gmmd->core->vm_changes && !gmmd->sides_left)
		return;
	gmmd->sides_for = gmmd->core->vm_changes;
	console_sweep(gmmd);
	/* A VM that was made anew has another id. */
	for (uint32_t i = 0; i < GMM_VMS_MAX; i++)
		if (gmmd->core->vm_keys[i].id)
			console_add(gmmd, &gmmd->core->vms[i]);
}
