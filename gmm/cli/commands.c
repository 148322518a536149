// SPDX-License-Identifier: GPL-2.0-only
/* The tables of commands, of the options that all of them take, and of exit statuses. */
#include <plenum/device.h>

#include "gmm/cli/cli.h"

/* What a row leaves out is zero. */
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

#define VM_FIELDS "name,id,state,reason,status,node,memory_bytes,cache_bytes,cache_wanted_bytes,vcpus,regions,created_s_ago,changed_s_ago"
#define DEVICE_WORD(id, bit, name, usual, what) " " name
#define DEVICE_USUAL_0(name) ""
#define DEVICE_USUAL_1(name) " " name
#define DEVICE_USUAL(id, bit, name, usual, what) DEVICE_USUAL_##usual(name)
#define MACHINE_FIELDS "mac,life,life_s_ago,first_s_ago,seen_s_ago,asked,ip,conflict,uuid,manufacturer,product,serial,asset,processor," \
		       "firmware,card,processors,memory_bytes,svm,vmx"
#define HEALTH_FIELDS "code,severity,summary,count,since,muted,sticky,muted_until"

const struct cli_command cli_commands[] = {
	{ "status", { NULL }, "status", "the rack on one screen", print_status,
		.fields = "manager,health.status,health.muted,nodes_total.up,nodes_total.configured,memory_pages.capacity,"
			  "memory_pages.reserved,memory_pages.written,memory_pages.stored,cache_lines.capacity,cache_lines.given,"
			  "vms.total,vms.running,regions,placement,rebuild_reserve",
		.examples = { "gmm status", "gmm status --watch" } },
	{ "health", { NULL }, "health", "should somebody act? what is wrong, by codes", print_health, NULL, {
		{ "exit-code", NULL, OPTION_FLAG, NULL, false, "exit with 0, 1 or 2: OK, WARN or ERR" } },
		.rows = "checks", .fields = HEALTH_FIELDS, .exit_of = exit_of_health,
		.examples = { "gmm health", "gmm health --exit-code >/dev/null || mail -s 'look at the rack' root </dev/null" } },
	{ "health detail", { NULL }, "health", "the same, with each node and VM concerned and what helps",
		print_health_detail, NULL, {
		{ "exit-code", NULL, OPTION_FLAG, NULL, false, "exit with 0, 1 or 2: OK, WARN or ERR" } },
		.rows = "checks", .fields = HEALTH_FIELDS, .exit_of = exit_of_health, .examples = { "gmm health detail" } },
	{ "health mute", { "code" }, "health.mute", "do not count a check until it gets worse", NULL, NULL, {
		{ "for", "TIME", OPTION_SECONDS, "for_s", false, "at most so long, as in 30m, 4h or 2d" },
		{ "sticky", NULL, OPTION_FLAG, "sticky", false, "also when it gets worse, or comes again" } },
		.changes = true, .examples = { "gmm health mute MNODE_DOWN --for 2h", "gmm health mute VERSION_SKEW --sticky" } },
	{ "health unmute", { "code" }, "health.unmute", "count a check again", NULL, .changes = true,
		.examples = { "gmm health unmute MNODE_DOWN" } },
	{ "explain", { "code" }, "health.explain", "what a code of 'gmm health' means, and what helps", print_explanation,
		.examples = { "gmm explain VM_STALLED" } },
	{ "node list", { NULL }, "node.list", "nodes and their load", print_node_list,
		.fields = "name,id,role,state,admin,life,life_s_ago,origin,domain,ip,mac,build,joined_s_ago,renewed_s_ago,cpus,vcpus_given,entry_to_join_us,kernel_bytes,table_bytes,"
			  "uptime_us,pages_capacity,pages_reserved,pages_foreign,pages_stored,pages_zero,pages_written,reads,writes,"
			  "regions,vms,packets_received,packets_sent,packets_refused,retransmits,busy_ns",
		.examples = { "gmm node list", "gmm node list -o csv >nodes.csv", "gmm node list --watch=5" } },
	{ "node show", { "name" }, "node.show", "everything about one node", print_node,
		.examples = { "gmm node show m1", "gmm node show 'm[1-4,7]' -o json" } },
	{ "node cordon", { "name" }, "node.cordon", "give a node nothing new; what it has stays", NULL, .changes = true, .dry_run = true,
		.examples = { "gmm node cordon m1" } },
	{ "node uncordon", { "name" }, "node.uncordon", "let a cordoned node take regions or VMs again", NULL, .changes = true, .dry_run = true,
		.examples = { "gmm node uncordon m1" } },
	{ "node maintenance", { "name" }, "node.maintenance", "set a cordoned, empty node aside: it may be switched off", NULL,
		.changes = true, .dry_run = true, .examples = { "gmm node maintenance m1", "gmm node maintenance m1 --dry-run" } },
	{ "node restore", { "name" }, "node.restore", "take a node out of maintenance", NULL, .changes = true, .dry_run = true,
		.examples = { "gmm node restore m1" } },
	{ "node retire", { "name" }, "node.retire", "take an empty node out of the rack for good", NULL, .changes = true, .dry_run = true,
		.examples = { "gmm node retire m1" } },
	{ "node pending", { NULL }, "node.pending", "machines that asked for a boot script and are no nodes, and what they are", print_machine_list,
		.fields = MACHINE_FIELDS, .examples = { "gmm node pending", "gmm node pending -o json" } },
	{ "node match", { NULL }, "node.match", "what the rules would make of these machines; nothing is done", print_match_list,
		.fields = "mac,life,product,rule,auto,name,role,ip,domain,reason", .examples = { "gmm node match" } },
	{ "node admit", { "name" }, "node.admit", "make a machine a node of this name; it lasts", print_admitted, NULL, {
		{ "mac", "MAC", OPTION_STRING, "mac", true, "of the card that it boots from" },
		{ "role", "ROLE", OPTION_STRING, "role", true, "process or memory" },
		{ "ip", "ADDRESS", OPTION_STRING, "ip", false, "its address (the next free one)" },
		{ "domain", "NAME", OPTION_STRING, "domain", false, "what fails together with it (it fails alone)" } },
		.changes = true, .dry_run = true,
		.examples = { "gmm node admit m7 --mac 52:54:00:77:00:07 --role memory --dry-run",
			      "gmm node admit m7 --mac 52:54:00:77:00:07 --role memory --ip 10.77.0.27 --domain pdu-a" } },
	{ "node reject", { "mac" }, "node.reject", "forget a machine that is no node; it is seen again when it asks again", NULL, .changes = true,
		.examples = { "gmm node reject 52:54:00:77:00:07" } },
	{ "node forget", { "name" }, "node.forget", "a retired node is no more: its name, MAC and address are free", NULL, .changes = true, .dry_run = true,
		.examples = { "gmm node forget m7" } },
	{ "node counters", { "name" }, "node.counters", "all counters of a node, name=value", print_text,
		.examples = { "gmm node counters m1", "gmm node counters 'm[1-4]' -o csv" } },
	{ "node refusals", { "name" }, "node.refusals", "what a node refused, and what that means", print_text,
		.examples = { "gmm node refusals m1" } },
	{ "manager counters", { NULL }, "manager.counters", "all counters of the manager, name=value", print_text,
		.examples = { "gmm manager counters" } },
	{ "manager refusals", { NULL }, "manager.refusals", "what the manager refused, and what that means", print_text,
		.examples = { "gmm manager refusals" } },
	{ "vm list", { NULL }, "vm.list", "VMs and their states", print_vm_list, .fields = VM_FIELDS,
		.examples = { "gmm vm list", "gmm vm list --watch" } },
	{ "vm show", { "name" }, "vm.show", "everything about one VM", print_vm, .examples = { "gmm vm show web" } },
	{ "vm create", { "name" }, "vm.create", "place a VM's memory and set it up, not running", NULL, NULL, {
		{ "memory", "SIZE", OPTION_SIZE, "memory_bytes", true, "guest memory, as in 256M or 1G" },
		{ "cache", "SIZE", OPTION_SIZE, "cache_bytes", true, "its share of the process component's cache" },
		{ "kernel", "FILE", OPTION_FILE, "kernel", true, "Linux bzImage" },
		{ "initrd", "FILE", OPTION_FILE, "initrd", false, "initial ramdisk" },
		{ "command-line", "TEXT", OPTION_STRING, "command_line", false, "the guest kernel's command line" },
		{ "vcpus", "N", OPTION_NUMBER, "vcpus", false, "virtual processors (1)" },
		{ "on", "NODE", OPTION_STRING, "on", false, "process component (the one with most free cache)" },
		{ "bandwidth", "RATE", OPTION_RATE, "bandwidth_mbps", false, "bits a second of its component's link, reserved, as in 5G or 400M" },
		{ "overcommit", "WHAT", OPTION_STRING, "overcommit", false,
		  "vcpus: they may share processors with other VMs'; memory: reserved when the guest needs it; all; none (none)" },
		{ "spread", "N", OPTION_NUMBER, "spread", false, "its memory is on at most so many memory components; 0: no limit" },
		{ "restart", "POLICY", OPTION_STRING, "restart", false, "no, on-failure or always: start the guest again when it ended (no)" },
		{ "restart-max", "N", OPTION_NUMBER, "restart_max", false, "at most so many restarts (5) in the window" },
		{ "restart-window", "TIME", OPTION_SECONDS, "restart_window_s", false, "the window (10m)" },
		{ "devices", "LIST", OPTION_LIST, "devices", false, "the guest's devices, with commas: none or some of" DEVICES(DEVICE_WORD) " ("
		  "if not given:" DEVICES(DEVICE_USUAL) ")" },
		{ "from", "FILE", OPTION_FILE, NULL, false, "[vm] and lines of OPTION = VALUE; options given here go before those" } },
		.changes = true, .dry_run = true,
		.examples = { "gmm vm create web --memory 1G --cache 256M --kernel vmlinuz --initrd initrd.img",
			      "gmm vm create web --memory 1G --cache 256M --kernel vmlinuz --on p2 --dry-run",
			      "gmm vm create web --memory 1G --cache 256M --kernel vmlinuz --devices serial,kvmclock",
			      "gmm vm create web --from web.vm" } },
	{ "vm start", { "name" }, "vm.start", "load the guest's kernel and run it", NULL, .changes = true, .dry_run = true,
		.examples = { "gmm vm start web" } },
	{ "vm stop", { "name" }, "vm.stop", "press the guest's power button, and end it if that does not help; the VM stays", NULL, NULL, {
		{ "grace", "TIME", OPTION_SECONDS, "grace_s", false, "end it after so long (30s)" } },
		.changes = true, .dry_run = true,
		.examples = { "gmm vm stop web", "gmm vm stop web --grace 5m" } },
	{ "vm kill", { "name" }, "vm.kill", "end the guest now; the VM stays", NULL, .changes = true, .dry_run = true,
		.examples = { "gmm vm kill web" } },
	{ "vm destroy", { "name" }, "vm.destroy", "forget the VM and free its memory", NULL, .changes = true, .dry_run = true,
		.destroys = "the guest ends and its memory is gone for good",
		.examples = { "gmm vm destroy web", "gmm vm destroy web --yes" } },
	{ "vm resize", { "name" }, "vm.resize", "change a VM's cache share, while its guest runs or not", NULL, NULL, {
		{ "cache", "SIZE", OPTION_SIZE, "cache_bytes", true, "its share of the process component's cache from now on" } },
		.changes = true, .dry_run = true,
		.examples = { "gmm vm resize web --cache 512M", "gmm vm resize web --cache 64M --dry-run" } },
	{ "vm set", { "name" }, "vm.set", "change a VM's restart policy, bandwidth or spread, at once and in any state", NULL, NULL, {
		{ "restart", "POLICY", OPTION_STRING, "restart", false, "no, on-failure or always; its restarts are counted anew" },
		{ "restart-max", "N", OPTION_NUMBER, "restart_max", false, "at most so many restarts in the window" },
		{ "restart-window", "TIME", OPTION_SECONDS, "restart_window_s", false, "the window" },
		{ "bandwidth", "RATE", OPTION_RATE, "bandwidth_mbps", false, "reserved of its component's link, as in 5G or 400M; 0: none" },
		{ "spread", "N", OPTION_NUMBER, "spread", false, "memory components at most; 0: no limit. gmm balance apply moves what is on more" } },
		.changes = true, .dry_run = true,
		.examples = { "gmm vm set web --restart always --restart-max 3", "gmm vm set web --bandwidth 5G --dry-run" } },
	{ "vm console", { "name" }, "vm.console", "the VM's serial line (Ctrl-] detaches)", NULL, run_console, {
		{ "history", NULL, OPTION_FLAG, "history", false, "begin with what is kept of the past output" },
		{ "no-input", NULL, OPTION_FLAG, NULL, false, "only show" },
		{ "no-follow", NULL, OPTION_NOT_FLAG, "follow", false, "end when all output was shown" },
		{ "until-state", "STATE", OPTION_STRING, NULL, false, "end when the VM is in this state, as powered-off" } },
		.examples = { "gmm vm console web", "gmm vm console web --history --no-follow" } },
	{ "vm type", { "name", "text" }, "vm.type", "type at a VM; \\n \\r \\t \\e \\\\ \\xHH are understood", NULL, run_type,
		.examples = { "gmm vm type web 'reboot\\n'" } },
	{ "vm wait", { "name" }, "vm.wait", "wait until a VM is in a state", NULL, NULL, {
		{ "state", "STATE", OPTION_STRING, "state", true, "created, running, powered-off, stopped, paused, failed, lost" },
		{ "timeout", "SECONDS", OPTION_SECONDS, "timeout_s", false, "give up after this (60)" } }, .fields = VM_FIELDS,
		.examples = { "gmm vm wait web --state powered-off --timeout 10m" } },
	{ "vm stats", { "name" }, "vm.stats", "a VM's counters and latencies", print_vm_stats,
		.examples = { "gmm vm stats web", "gmm vm stats web --watch" } },
	{ "bench read", { "process", "memory" }, "bench.read", "measure raw READs from one component to another",
		print_bench, NULL, {
		{ "count", "N", OPTION_NUMBER, "count", false, "READs to measure (1000)" },
		{ "outstanding", "N", OPTION_NUMBER, "outstanding", false, "READs under way at the same time (1)" },
		{ "size", "SIZE", OPTION_SIZE, "len_bytes", false, "bytes of each (4096)" } },
		.examples = { "gmm bench read p1 m1 --count 10000", "gmm bench read 'p[1-2]' 'm[1-4]' -o csv" } },
	{ "node drain", { "name" }, "node.drain", "move all regions away from a memory component, and place none there", print_moved,
		NULL, { { "cancel", NULL, OPTION_FLAG, "cancel", false, "give the drain up: the component takes regions again" } },
		.changes = true, .dry_run = true, .progress = print_drain_progress,
		.examples = { "gmm node drain m1", "gmm node drain m1 --dry-run", "gmm node drain m1 --cancel" } },
	{ "region move", { "vm", "index" }, "region.move", "move a VM's region to another memory component, under the running guest",
		print_moved, NULL, { { "to", "NODE", OPTION_STRING, "to", true, "memory component" } },
		.changes = true, .dry_run = true, .examples = { "gmm region move web 0 --to m2" } },
	{ "operation list", { NULL }, "operation.list", "what was asked for, what is under way and how it ended", print_operation_list,
		.fields = "id,kind,object,status,progress,started_at,ended_at", .examples = { "gmm operation list", "gmm operation list --watch" } },
	{ "operation show", { "id" }, "operation.show", "everything about one operation", print_node, NULL, {
		{ "wait", "SECONDS", OPTION_SECONDS, "wait_s", false, "until it has ended, but not longer (0)" } },
		.examples = { "gmm operation show 12 --wait 60" } },
	{ "balance plan", { NULL }, "balance.plan", "the moves of regions that would even memory out; none is made", print_balance,
		.rows = "moves", .fields = "batch,vm,vm_id,index,from,to,pages", .exit_of = exit_of_plan,
		.examples = { "gmm balance plan" } },
	{ "balance apply", { NULL }, "balance.apply", "move regions until memory is used evenly, under the running guests", print_moved, NULL, {
		{ "cancel", NULL, OPTION_FLAG, "cancel", false, "stop; what was moved stays where it is" } },
		.changes = true, .dry_run = true, .examples = { "gmm balance apply", "gmm balance apply --cancel" } },
	{ "region list", { NULL }, "region.list", "where every region is", print_region_list,
		.fields = "vm,vm_id,index,node,owner,pages,epoch,state", .examples = { "gmm region list" } },
	{ "key list", { NULL }, "key.list", "the rack's keys by number, and which nodes lag behind", print_keys,
		.rows = "keys", .fields = "id,state", .examples = { "gmm key list" } },
	{ "key rotate", { NULL }, "key.rotate", "make a new key; it is used once every node has it", print_keys,
		.rows = "keys", .fields = "id,state", .changes = true, .examples = { "gmm key rotate" } },
	{ "key forget", { "id" }, "key.forget", "no longer accept a key that was in use before", print_keys,
		.rows = "keys", .fields = "id,state", .changes = true,
		.destroys = "machines that start with this key cannot join any more", .examples = { "gmm key forget 1" } },
	{ "backup", { NULL }, "store.backup", "copy the manager's store to a new file, while it runs", NULL, NULL, {
		{ "to", "FILE", OPTION_FILE, "to", true,
		  "on the manager's host; `gmmd --config FILE --restore BACKUP` puts it back" } },
		.examples = { "gmm backup --to /var/backups/plenum.db" } },
	{ "events", { NULL }, "events", "what happened", NULL, run_events, {
		{ "follow", NULL, OPTION_FLAG, "follow", false, "go on with what happens" } },
		.fields = "sequence,time,kind,object,text", .examples = { "gmm events", "gmm events --follow -o jsonl" } },
	{ "console", { NULL }, NULL, "the rack on a full screen (? there explains it)", NULL, run_full_screen, {
		{ "readonly", NULL, OPTION_FLAG, NULL, false, "change nothing, type at no guest" },
		{ "interval", "SECONDS", OPTION_SECONDS, NULL, false, "between two looks at the rack (2)" } },
		.examples = { "gmm console", "gmm console --readonly --interval 5" } },
	{ "help", { NULL }, NULL, "print this, or all about one command", NULL, run_help, .any_words = true,
		.examples = { "gmm help vm create", "gmm help health" } },
	{ "completion", { "shell" }, NULL, "print a script that completes these commands; SHELL is bash", NULL, run_completion,
		.examples = { "source <(gmm completion bash)" } },
	{ "manual", { NULL }, NULL, "print a man page as roff: gmm, or gmm-GROUP; without a name, list them", NULL, run_manual,
		.any_words = true, .examples = { "gmm manual gmm-vm | man -l -" } },
	{ NULL },
};

const struct cli_option cli_common_options[] = {
	{ "socket", "PATH", OPTION_STRING, NULL, false, "gmmd's socket (PLENUM_SOCKET, else " SOCKET_DEFAULT ")" },
	{ "output", "FORMAT", OPTION_STRING, NULL, false, "or -o FORMAT: table, json, jsonl (an object a line) or csv" },
	{ "watch", "SECONDS", OPTION_MAYBE_SECONDS, NULL, false, "of what only shows something: again and again (2)" },
	{ "timeout", "TIME", OPTION_SECONDS, NULL, false, "do not wait for gmmd any longer; what was begun goes on" },
	{ "dry-run", NULL, OPTION_FLAG, NULL, false, "of what changes VMs, nodes or where regions are: say what would be done" },
	{ "yes", NULL, OPTION_FLAG, NULL, false, "do not ask before something is destroyed" },
	{ "no-color", NULL, OPTION_FLAG, NULL, false, "print no colours (NO_COLOR and TERM=dumb do the same)" },
	{ "version", NULL, OPTION_FLAG, NULL, false, "print which build this is" },
	{ "help", NULL, OPTION_FLAG, NULL, false, "or -h: print what a command takes" },
	{ NULL },
};

const char *const cli_exits[EXIT_PARTIAL + 1] = {
	[EXIT_OK] = "done", [EXIT_FAILED] = "failure", [EXIT_USAGE] = "usage, or an argument that gmmd refuses",
	[EXIT_NOT_FOUND] = "not found", [EXIT_NOT_PERMITTED] = "not permitted",
	[EXIT_CONFLICT] = "conflict: busy, exists already, no room, down",
	[EXIT_TIMED_OUT] = "timeout; what was begun goes on", [EXIT_UNREACHABLE] = "gmmd unreachable",
	[EXIT_PARTIAL] = "done for some of several nodes",
};
