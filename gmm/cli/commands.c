// SPDX-License-Identifier: GPL-2.0-only
/* The table of commands. */
#include "gmm/cli/cli.h"

const struct cli_command cli_commands[] = {
	{ "status", { NULL }, "status", "the rack on one screen", print_status, NULL, { { 0 } } },
	{ "node list", { NULL }, "node.list", "nodes and their load", print_node_list, NULL, { { 0 } } },
	{ "node show", { "name" }, "node.show", "everything about one node", print_node, NULL, { { 0 } } },
	{ "node counters", { "name" }, "node.counters", "all counters of a node, name=value", print_text, NULL, { { 0 } } },
	{ "node refusals", { "name" }, "node.refusals", "what a node refused, and what that means", print_text, NULL, { { 0 } } },
	{ "manager counters", { NULL }, "manager.counters", "all counters of the manager, name=value", print_text, NULL, { { 0 } } },
	{ "manager refusals", { NULL }, "manager.refusals", "what the manager refused, and what that means", print_text, NULL, { { 0 } } },
	{ "vm list", { NULL }, "vm.list", "VMs and their states", print_vm_list, NULL, { { 0 } } },
	{ "vm show", { "name" }, "vm.show", "everything about one VM", print_vm, NULL, { { 0 } } },
	{ "vm create", { "name" }, "vm.create", "place a VM's memory and set it up, not running", NULL, NULL, {
		{ "memory", "SIZE", OPTION_SIZE, "memory_bytes", true, "guest memory, as in 256M or 1G" },
		{ "cache", "SIZE", OPTION_SIZE, "cache_bytes", true, "its share of the process component's cache" },
		{ "kernel", "FILE", OPTION_FILE, "kernel", true, "Linux bzImage" },
		{ "initrd", "FILE", OPTION_FILE, "initrd", false, "initial ramdisk" },
		{ "command-line", "TEXT", OPTION_STRING, "command_line", false, "the guest kernel's command line" },
		{ "vcpus", "N", OPTION_NUMBER, "vcpus", false, "virtual processors (1)" },
		{ "on", "NODE", OPTION_STRING, "on", false, "process component (the one with most free cache)" } } },
	{ "vm start", { "name" }, "vm.start", "load the guest's kernel and run it", NULL, NULL, { { 0 } } },
	{ "vm stop", { "name" }, "vm.stop", "stop running now; the VM stays", NULL, NULL, { { 0 } } },
	{ "vm destroy", { "name" }, "vm.destroy", "forget the VM and free its memory", NULL, NULL, { { 0 } } },
	{ "vm console", { "name" }, "vm.console", "the VM's serial line (Ctrl-] detaches)", NULL, run_console, {
		{ "history", NULL, OPTION_FLAG, "history", false, "begin with what is kept of the past output" },
		{ "no-input", NULL, OPTION_FLAG, NULL, false, "only show" },
		{ "no-follow", NULL, OPTION_NOT_FLAG, "follow", false, "end when all output was shown" },
		{ "until-state", "STATE", OPTION_STRING, NULL, false, "end when the VM is in this state, as powered-off" } } },
	{ "vm type", { "name", "text" }, "vm.type", "type at a VM; \\n \\r \\t \\e \\\\ \\xHH are understood", NULL, run_type, { { 0 } } },
	{ "vm wait", { "name" }, "vm.wait", "wait until a VM is in a state", NULL, NULL, {
		{ "state", "STATE", OPTION_STRING, "state", true, "created, running, powered-off, stopped, paused, failed, lost" },
		{ "timeout", "SECONDS", OPTION_SECONDS, "timeout_s", false, "give up after this (60)" } } },
	{ "vm stats", { "name" }, "vm.stats", "a VM's counters and latencies", print_vm_stats, NULL, { { 0 } } },
	{ "bench read", { "process", "memory" }, "bench.read", "measure raw READs from one component to another", print_bench, NULL, {
		{ "count", "N", OPTION_NUMBER, "count", false, "READs to measure (1000)" },
		{ "outstanding", "N", OPTION_NUMBER, "outstanding", false, "READs under way at the same time (1)" },
		{ "size", "SIZE", OPTION_SIZE, "len_bytes", false, "bytes of each (4096)" } } },
	{ "operation list", { NULL }, "operation.list", "what was asked for, what is under way and how it ended", print_operation_list, NULL, { { 0 } } },
	{ "operation show", { "id" }, "operation.show", "everything about one operation", print_node, NULL, {
		{ "wait", "SECONDS", OPTION_SECONDS, "wait_s", false, "until it has ended, but not longer (0)" } } },
	{ "region list", { NULL }, "region.list", "where every region is", print_region_list, NULL, { { 0 } } },
	{ "key list", { NULL }, "key.list", "the rack's keys by number, and which nodes lag behind", print_keys, NULL, { { 0 } } },
	{ "key rotate", { NULL }, "key.rotate", "make a new key; it is used once every node has it", print_keys, NULL, { { 0 } } },
	{ "key forget", { "id" }, "key.forget", "no longer accept a key that was in use before", print_keys, NULL, { { 0 } } },
	{ "backup", { NULL }, "store.backup", "copy the manager's store to a new file, while it runs", NULL, NULL, {
		{ "to", "FILE", OPTION_FILE, "to", true, "on the manager's host; `gmmd --config FILE --restore BACKUP` puts it back" } } },
	{ "events", { NULL }, "events", "what happened", NULL, run_events, {
		{ "follow", NULL, OPTION_FLAG, "follow", false, "go on with what happens" } } },
	{ "help", { NULL }, NULL, "print this", NULL, run_help, { { 0 } } },
	{ NULL, { NULL }, NULL, NULL, NULL, NULL, { { 0 } } },
};
