// SPDX-License-Identifier: GPL-2.0-only
/* What the health checks mean, and what helps. docs/health/CODE.md says more; a test compares the two. */
#include "gmm/core/health.h"

#define KIND(name, how, ...) [GMM_HEALTH_##name] = { .code = #name, .severity = GMM_HEALTH_##how, __VA_ARGS__ }

const struct gmm_health_kind gmm_health_kinds[GMM_HEALTH_COUNT] = {
	KIND(MNODE_DOWN, WARN, .title = "memory components are down",
	     .meaning = "A memory component did not renew its lease, or has not joined two minutes after the manager "
			"began to expect it. Guests with pages there run on until they need one of them, and stand "
			"still from then on.",
	     .remedies = { "gmm node show NODE", "gmm region list", "gmm events" }),
	KIND(PNODE_DOWN, WARN, .title = "process components are down",
	     .meaning = "A process component did not renew its lease, or has not joined two minutes after the manager "
			"began to expect it. Its guests may still run, but cannot be reached; when the grace time is "
			"over they are given up.",
	     .remedies = { "gmm node show NODE", "gmm vm list", "gmm events" }),
	KIND(MNODE_NEARFULL, WARN, .title = "memory components are nearly full",
	     .meaning = "At least 85 % of the component's memory is promised to regions. Guests are not affected, for "
			"their memory was reserved when they were created; new VMs may soon be refused.",
	     .remedies = { "gmm node list", "gmm region list", "gmm vm destroy VM" }),
	KIND(MNODE_FULL, WARN, .title = "memory components are full",
	     .meaning = "At least 95 % of the component's memory is promised to regions. Guests are not affected; no "
			"more than a few further regions can be placed there.",
	     .remedies = { "gmm node list", "gmm region list", "gmm vm destroy VM" }),
	KIND(RACK_NEARFULL, WARN, .title = "the rack's memory is nearly full",
	     .meaning = "At least 85 % of the memory of all components that are up is promised to regions. Guests are "
			"not affected; new VMs will be refused soon.",
	     .remedies = { "gmm status", "gmm vm list", "gmm vm destroy VM" }),
	KIND(RACK_OVERCOMMITTED, WARN, .title = "more memory is promised than there is",
	     .meaning = "VMs that were created with overcommit could together need more memory than all components that are "
			"up have left. Guests are not affected as long as they do not need it all at the same time; one "
			"that finds no room waits.",
	     .remedies = { "gmm status", "gmm vm list", "gmm vm destroy VM" }),
	KIND(VM_STALLED, ERR, .title = "VMs stand still",
	     .meaning = "The VM is paused, for it needs a page from a memory component that does not answer. It runs "
			"on by itself when the component answers again with the pages it had.",
	     .remedies = { "gmm vm show VM", "gmm node list", "gmm events" }),
	KIND(VM_MEMORY_WAITS, ERR, .title = "VMs wait for memory that was promised",
	     .meaning = "The VM was created with overcommit and needs another region, and no memory component has room for it. "
			"It stands still, and goes on by itself as soon as there is room. Nothing of it is lost.",
	     .remedies = { "gmm vm list", "gmm vm destroy VM", "gmm node list", "gmm node uncordon NODE" }),
	KIND(VM_MEMORY_LOST, ERR, .title = "VMs have lost memory",
	     .meaning = "A memory component started again, and what it held of this VM is gone. The VM stands still "
			"for good at the first page that it needs from there.",
	     .remedies = { "gmm vm show VM", "gmm vm stop VM", "gmm vm destroy VM" }),
	KIND(VM_LOST, ERR, .title = "VMs are lost",
	     .meaning = "The VM's process component was down for longer than the grace time, or started again. The "
			"guest's state is gone, its regions are given back.",
	     .remedies = { "gmm vm show VM", "gmm vm destroy VM" }),
	KIND(VM_FAILED, ERR, .title = "VMs failed",
	     .meaning = "The guest could not be loaded, or came into a state that its process component cannot go on "
			"from. It does not run.",
	     .remedies = { "gmm vm show VM", "gmm vm console VM --history --no-follow", "gmm vm start VM" }),
	KIND(VM_CRASH_LOOP, ERR, .title = "VMs end again and again",
	     .meaning = "The guest ended more often than its restart policy allows, so it is not started again.",
	     .remedies = { "gmm vm show VM", "gmm vm console VM --history --no-follow", "gmm vm start VM", "gmm vm stop VM" }),
	KIND(PLACEMENT_VIOLATION, WARN, .title = "VMs are on more memory components than they should be",
	     .meaning = "The VM's memory is on more components than its spread allows, as after one of them was drained and no other "
			"could take its place. The guest is not affected, but the loss of any of them is its loss.",
	     .remedies = { "gmm vm show VM", "gmm balance plan", "gmm balance apply", "gmm vm set VM --spread N" }),
	KIND(NODE_FLAPPING, WARN, .title = "nodes go down and up again and again",
	     .meaning = "The node went down three times within ten minutes. Guests that need it stop and go on each "
			"time.",
	     .remedies = { "gmm events", "gmm node show NODE", "gmm node counters NODE" }),
	KIND(VERSION_SKEW, WARN, .title = "nodes run another build than the manager",
	     .meaning = "The node's build id is not the manager's. They work together as long as the protocol's "
			"version is the same; the state is meant for an upgrade that is under way, not for good.",
	     .remedies = { "gmm node list -o json", "gmm --version" }),
	KIND(NODE_IMAGE_MISMATCH, WARN, .title = "nodes run an image that does not fit",
	     .meaning = "The node asked to join with the image of the other role, or one built with another page or "
			"region size, and was refused. It takes no part in the rack.",
	     .remedies = { "gmm events", "gmm node show NODE" }),
	KIND(BOOT_FAILED, WARN, .title = "nodes began to boot and did not join",
	     .meaning = "The node fetched its boot script more than two minutes ago and has not joined since.",
	     .remedies = { "gmm node show NODE", "gmm events" }),
	KIND(BOOT_LOOP, WARN, .title = "nodes boot in circles",
	     .meaning = "The node fetched its boot script at least five times and never joined in between.",
	     .remedies = { "gmm node show NODE", "gmm manager refusals", "gmm events" }),
	KIND(NODE_ID_CONFLICT, WARN, .title = "two machines claim the same name, MAC or UUID",
	     .meaning = "A machine asked to join under the name of a node with another address or MAC, or asked for a "
			"boot script with the MAC or UUID of another one. It was refused; the node itself is not affected.",
	     .remedies = { "gmm events", "gmm node show NODE", "gmm node pending" }),
	KIND(NODE_PENDING, WARN, .title = "machines wait to be admitted",
	     .meaning = "A machine whose MAC is no node's asked for a boot script. It waits, and takes no part in the rack "
			"until somebody or a rule admits it.",
	     .remedies = { "gmm node pending", "gmm node match", "gmm node admit NAME --mac MAC --role ROLE", "gmm node reject MAC" }),
	KIND(NODE_UNENROLLED, WARN, .title = "machines that are not configured ask to join",
	     .meaning = "A machine with the rack's key asked to join under a name that the configuration does not "
			"have, and was refused.",
	     .remedies = { "gmm events", "gmm node list" }),
	KIND(STRANGERS, WARN, .title = "somebody without the rack's key asks to connect",
	     .meaning = "Connect requests without the rack's key came in the last ten minutes and were dropped. A "
			"node that boots with an old key looks the same.",
	     .remedies = { "gmm manager counters", "gmm key list" }),
	KIND(NODE_FOREIGN, WARN, .title = "nodes hold what this manager does not know",
	     .meaning = "The node says that it holds regions or VMs that are not in the manager's tables, as after a "
			"manager lost them. Those guests go on; their memory stays reserved until the node starts "
			"again.",
	     .remedies = { "gmm node show NODE", "gmm region list" }),
	KIND(RECLAIM_STALLED, WARN, .title = "nodes do not let go of what was destroyed",
	     .meaning = "The node was told to destroy regions or VMs and refused, or has not given one back for a "
			"minute. Their memory cannot be used again until it does; the node is asked again when it "
			"next joins.",
	     .remedies = { "gmm region list", "gmm events", "gmm node counters NODE" }),
	KIND(IMBALANCED, WARN, .title = "memory is spread unevenly",
	     .meaning = "One memory component is reserved to at least 70 %, another one to at least 40 points less, "
			"so the first one's network port carries most of the misses. New regions go to the emptier "
			"one by themselves, old ones stay.",
	     .remedies = { "gmm node list", "gmm region list", "gmm vm destroy VM",
			   "gmm vm create VM --memory SIZE --cache SIZE --kernel FILE" }),
	KIND(EVENTS_LOST, WARN, .title = "events were lost",
	     .meaning = "So many events came at once that older ones were gone before the log or a follower had them. "
			"Guests are not affected.",
	     .remedies = { "gmm events", "gmm events --follow" }),
	KIND(STORE_READONLY, ERR, .title = "the manager's store cannot be written",
	     .meaning = "The file system of the manager's store is read-only or the manager may not write there. "
			"Guests go on; no command that changes something is taken.",
	     .remedies = { "gmm status", "gmm events" }),
	KIND(STORE_DISK_LOW, WARN, .title = "the file system of the manager's store is nearly full",
	     .meaning = "Less than 5 % or 64 MiB are left where the manager keeps its tables. When nothing is left, "
			"nothing can be changed.",
	     .remedies = { "gmm status", "gmm events" }),
	KIND(STORE_FAILED, ERR, .title = "the manager's store failed",
	     .meaning = "The last write to the manager's store failed, so what was decided may not survive the "
			"manager. Guests go on.",
	     .remedies = { "gmm status", "gmm events" }),
};
