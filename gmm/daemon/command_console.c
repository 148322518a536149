// SPDX-License-Identifier: GPL-2.0-only
/* vm.console, vm.output and vm.type: a VM's serial line. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "gmm/base64.h"
#include "gmm/daemon/client.h"

#define PIECE_BYTES 8192u
#define INPUT_PIECE_BYTES_MAX 4096u
#define OUT_BYTES_HIGH (1u << 20)	/* a reader this far behind gets the rest when it has caught up */

static void send_output(struct gmmd *gmmd, struct client *client, const struct vm_side *side)
{
	uint8_t bytes[PIECE_BYTES];
	char text[BASE64_CHARS(PIECE_BYTES) + 1];
	uint32_t len;

	while (client->out_len_bytes < OUT_BYTES_HIGH &&
	       (len = console_read(gmmd, side, &client->offset, bytes, sizeof(bytes)))) {
		base64_encode(bytes, len, text);
		client_item(client, json_pack("{s:s}", "output", text));
	}
}

static void console_turn_client(struct gmmd *gmmd, struct client *client)
{
	const struct gmm_vm *vm = gmm_core_vm(gmmd->core, client->vm);
	const struct vm_side *side = vm ? console_side(gmmd, vm) : NULL;
	const char *state;

	if (!side) {
		client_error(client, -ENOENT, "the VM was destroyed");
		return;
	}
	send_output(gmmd, client, side);
	state = gmm_vm_state_name(vm, gmm_core_node(gmmd->core, vm->node));
	if (strcmp(state, client->wanted)) {
		strncpy(client->wanted, state, sizeof(client->wanted) - 1);
		client_item(client, json_pack("{s:s,s:o}", "state", state, "reason", json_text(vm->reason)));
	}
	if (!client->follow && client->offset == side->output_bytes)
		client_result(client, json_null());
}

/* Decode and queue; answers with an error when it cannot. */
static bool type_text(struct gmmd *gmmd, struct client *client, struct gmm_vm *vm, const char *text)
{
	struct vm_side *side = console_side(gmmd, vm);
	uint8_t bytes[INPUT_PIECE_BYTES_MAX];
	long len = text ? base64_decode(text, bytes, sizeof(bytes)) : -1;

	if (len < 0)
		client_error(client, -EINVAL, "data must be base64 of at most %u bytes", INPUT_PIECE_BYTES_MAX);
	else if (vm->phase != GMM_VM_READY || vm->state != WIRE_VM_RUNNING || !side)
		client_error(client, -EBUSY, "%s is %s: nobody reads what is typed", vm->spec.name,
			     gmm_vm_state_name(vm, gmm_core_node(gmmd->core, vm->node)));
	else if (console_type(gmmd, side, bytes, (uint32_t)len))
		client_error(client, -ENOBUFS, "the guest does not take its input: %u bytes wait", side->input_len_bytes);
	else
		return true;
	return false;
}

static void console_input(struct gmmd *gmmd, struct client *client, json_t *line)
{
	struct gmm_vm *vm = gmm_core_vm(gmmd->core, client->vm);

	/* Typing at a guest that does not run yet is not worth losing the console for. */
	if (vm && vm->phase == GMM_VM_READY && vm->state == WIRE_VM_RUNNING)
		type_text(gmmd, client, vm, json_string_value(json_object_get(line, "input")));
}

static struct gmm_vm *find(struct gmmd *gmmd, struct client *client, const char *name)
{
	struct gmm_vm *vm = gmm_core_vm_named(gmmd->core, name);

	if (!vm)
		client_error(client, -ENOENT, "there is no VM named %s", name);
	else if (!(vm->spec.devices & DEVICE_SERIAL))
		client_error(client, -EINVAL, CONSOLE_NONE, name);
	else
		return vm;
	return NULL;
}

/* What is kept of its line; NULL: the client has its error. */
static const struct vm_side *find_side(struct gmmd *gmmd, struct client *client, const char *name, struct gmm_vm **vm)
{
	const struct vm_side *side;

	*vm = find(gmmd, client, name);
	if (!*vm)
		return NULL;
	side = console_side(gmmd, *vm);
	if (!side)
		client_error(client, -EAGAIN, "the VM is being set up, try again");
	return side;
}

void run_vm_console(struct gmmd *gmmd, struct client *client, json_t *arguments)
{
	int history = 0, follow = 1;
	const struct vm_side *side;
	const char *name;
	struct gmm_vm *vm;

	if (!client_unpack(client, arguments, "{s:s,s?b,s?b}", "name", &name, "history", &history, "follow", &follow))
		return;
	side = find_side(gmmd, client, name, &vm);
	if (!side)
		return;
	client->vm = vm->id;
	client->offset = history ? console_oldest(gmmd, side) : side->output_bytes;
	client->follow = follow;
	memset(client->wanted, 0, sizeof(client->wanted));
	client->turn = console_turn_client;
	client->input = console_input;
}

/* All that is kept from an offset on, the oldest byte if none is given. */
void run_vm_output(struct gmmd *gmmd, struct client *client, json_t *arguments)
{
	json_int_t from = 0;
	const struct vm_side *side;
	const char *name;
	struct gmm_vm *vm;
	uint64_t offset, next;
	uint8_t *bytes;
	char *text;
	size_t len = 0;
	uint32_t piece;

	if (!client_unpack(client, arguments, "{s:s,s?I}", "name", &name, "offset", &from))
		return;
	side = find_side(gmmd, client, name, &vm);
	if (!side)
		return;
	if (from < 0 || (uint64_t)from > side->output_bytes) {
		client_error(client, -EINVAL, "the offset must be 0 to %llu, where the line ends", (unsigned long long)side->output_bytes);
		return;
	}
	offset = (uint64_t)from > console_oldest(gmmd, side) ? (uint64_t)from : console_oldest(gmmd, side);
	bytes = malloc(gmmd->config.history_bytes);
	text = malloc(BASE64_CHARS((size_t)gmmd->config.history_bytes) + 1);
	for (next = offset; bytes && text &&
	     (piece = console_read(gmmd, side, &next, bytes + len, gmmd->config.history_bytes - (uint32_t)len)); )
		len += piece;
	if (bytes && text) {
		base64_encode(bytes, len, text);
		client_result(client, json_pack("{s:s,s:s,s:I,s:I,s:s}", "name", vm->spec.name, "state",
						gmm_vm_state_name(vm, gmm_core_node(gmmd->core, vm->node)), "offset", (json_int_t)offset,
						"next", (json_int_t)next, "data", text));
	} else {
		client_error(client, -ENOMEM, "out of memory");
	}
	free(bytes);
	free(text);
}

void run_vm_type(struct gmmd *gmmd, struct client *client, json_t *arguments)
{
	const char *name, *text;
	struct gmm_vm *vm;

	if (!client_unpack(client, arguments, "{s:s,s:s}", "name", &name, "data", &text))
		return;
	vm = find(gmmd, client, name);
	if (vm && type_text(gmmd, client, vm, text))
		client_result(client, json_null());
}
