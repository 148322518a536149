// SPDX-License-Identifier: GPL-2.0-only
/* The HTTP API's routes. docs/openapi.yaml describes the same ones; tests/unit/test_route.c compares. */
#include "gmm/daemon/route.h"

#define NO_QUERIES { { 0 } }

const struct route routes[] = {
	{ "GET", "/v1/status", "status", ROLE_READ_ONLY, "The rack in numbers", ROUTE_COMMAND, NO_QUERIES },
	{ "GET", "/v1/nodes", "node.list", ROLE_READ_ONLY, "Nodes and their load", ROUTE_COMMAND, NO_QUERIES },
	{ "GET", "/v1/nodes/{name}", "node.show", ROLE_READ_ONLY, "Everything about one node", ROUTE_COMMAND, NO_QUERIES },
	{ "POST", "/v1/nodes/{name}/cordon", "node.cordon", ROLE_OPERATOR, "Give it nothing new", ROUTE_COMMAND, NO_QUERIES },
	{ "POST", "/v1/nodes/{name}/uncordon", "node.uncordon", ROLE_OPERATOR, "Let it take regions or VMs again", ROUTE_COMMAND, NO_QUERIES },
	{ "POST", "/v1/nodes/{name}/drain", "node.drain", ROLE_OPERATOR, "Move all regions away from it", ROUTE_COMMAND, NO_QUERIES },
	{ "POST", "/v1/nodes/{name}/maintenance", "node.maintenance", ROLE_OPERATOR, "It is empty and may be switched off", ROUTE_COMMAND, NO_QUERIES },
	{ "POST", "/v1/nodes/{name}/restore", "node.restore", ROLE_OPERATOR, "Take it out of maintenance", ROUTE_COMMAND, NO_QUERIES },
	{ "POST", "/v1/nodes/{name}/retire", "node.retire", ROLE_OPERATOR, "It leaves the rack for good", ROUTE_COMMAND, NO_QUERIES },
	{ "GET", "/v1/nodes/{name}/counters", "node.counters", ROLE_READ_ONLY, "All counters of a node", ROUTE_COMMAND, NO_QUERIES },
	{ "GET", "/v1/vms", "vm.list", ROLE_READ_ONLY, "VMs and their states", ROUTE_COMMAND, NO_QUERIES },
	{ "POST", "/v1/vms", "vm.create", ROLE_OPERATOR, "Place a VM's memory and set it up, not running", ROUTE_COMMAND, NO_QUERIES },
	{ "GET", "/v1/vms/{name}", "vm.show", ROLE_READ_ONLY, "Everything about one VM", ROUTE_COMMAND, NO_QUERIES },
	{ "DELETE", "/v1/vms/{name}", "vm.destroy", ROLE_OPERATOR, "Forget the VM and free its memory", ROUTE_COMMAND, NO_QUERIES },
	{ "POST", "/v1/vms/{name}/start", "vm.start", ROLE_OPERATOR, "Load the guest's kernel and run it", ROUTE_COMMAND, NO_QUERIES },
	{ "POST", "/v1/vms/{name}/stop", "vm.stop", ROLE_OPERATOR, "Stop running now; the VM stays", ROUTE_COMMAND, NO_QUERIES },
	{ "POST", "/v1/vms/{name}/resize", "vm.resize", ROLE_OPERATOR, "Change its cache share under the running guest", ROUTE_COMMAND, NO_QUERIES },
	{ "GET", "/v1/vms/{name}/stats", "vm.stats", ROLE_READ_ONLY, "A VM's counters and latencies", ROUTE_COMMAND, NO_QUERIES },
	{ "GET", "/v1/vms/{name}/console", "vm.output", ROLE_READ_ONLY, "What a VM wrote to its serial line, at once or as a stream", ROUTE_CONSOLE,
		{ { "offset", "offset", QUERY_NUMBER } } },
	{ "POST", "/v1/vms/{name}/console", "vm.type", ROLE_OPERATOR, "Type at a VM", ROUTE_COMMAND, NO_QUERIES },
	{ "GET", "/v1/regions", "region.list", ROLE_READ_ONLY, "Where every region is", ROUTE_COMMAND, NO_QUERIES },
	{ "POST", "/v1/vms/{vm}/regions/{index}/move", "region.move", ROLE_OPERATOR, "Move a region under the running guest", ROUTE_COMMAND,
		NO_QUERIES },
	{ "GET", "/v1/balance/plan", "balance.plan", ROLE_READ_ONLY, "The moves that would even memory out", ROUTE_COMMAND, NO_QUERIES },
	{ "POST", "/v1/balance/apply", "balance.apply", ROLE_OPERATOR, "Move regions until memory is used evenly", ROUTE_COMMAND, NO_QUERIES },
	{ "GET", "/v1/health", "health", ROLE_READ_ONLY, "What is wrong with the rack", ROUTE_COMMAND, NO_QUERIES },
	{ "GET", "/v1/keys", "key.list", ROLE_READ_ONLY, "The rack's keys by number", ROUTE_COMMAND, NO_QUERIES },
	{ "GET", "/v1/operations", "operation.list", ROLE_READ_ONLY, "What is under way and how it ended", ROUTE_COMMAND, NO_QUERIES },
	{ "GET", "/v1/operations/{id}", "operation.show", ROLE_READ_ONLY, "One operation", ROUTE_COMMAND,
		{ { "wait", "wait_s", QUERY_SECONDS } } },
	{ "GET", "/v1/events", "events", ROLE_READ_ONLY, "What happened, as a list or as a stream", ROUTE_EVENTS,
		{ { "after", "after", QUERY_NUMBER }, { "limit", "limit", QUERY_NUMBER } } },
	{ "GET", "/metrics", "metrics", ROLE_READ_ONLY, "Numbers for Prometheus", ROUTE_METRICS, NO_QUERIES },
	{ NULL, NULL, NULL, ROLE_NONE, NULL, ROUTE_COMMAND, NO_QUERIES },
};
