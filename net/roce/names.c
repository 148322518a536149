/* SPDX-License-Identifier: GPL-2.0-only */
/* Names for people: why a peer refused us, and why we refused a packet. */
#include <string.h>

#include "net/roce/roce.h"

#define REJECT_REASON_MAX 35u

const char *roce_reject_reason_name(uint16_t reason)
{
	static const char *const names[REJECT_REASON_MAX + 1] = {
		[1] = "no queue pair", [2] = "no end-to-end context", [3] = "no resources", [4] = "timeout",
		[5] = "unsupported request", [6] = "invalid communication id", [7] = "invalid communication instance",
		[8] = "nothing listens there", [9] = "invalid transport type", [10] = "stale connection",
		[11] = "no such reliable datagram channel", [12] = "invalid GID", [13] = "invalid LID",
		[14] = "invalid service level", [15] = "invalid traffic class", [16] = "invalid hop limit",
		[17] = "invalid packet rate", [18] = "invalid alternate GID", [19] = "invalid alternate LID",
		[20] = "invalid alternate service level", [21] = "invalid alternate traffic class",
		[22] = "invalid alternate hop limit", [23] = "invalid alternate packet rate",
		[24] = "port and connection manager redirected", [25] = "port redirected", [26] = "path MTU too large",
		[27] = "insufficient responder resources", [28] = "refused by the application", [29] = "invalid RNR retry count",
		[30] = "communication id in use", [31] = "unsupported class version", [32] = "invalid flow label",
		[33] = "invalid alternate flow label", [35] = "vendor option not supported",
	};

	return reason <= REJECT_REASON_MAX && names[reason] ? names[reason] : "unknown reason";
}

uint64_t roce_refused(const struct roce_counters *counters)
{
	uint64_t sum = 0;

#define ADD(name, meaning) sum += counters->name;
	ROCE_REFUSALS(ADD)
#undef ADD
	return sum;
}

const char *roce_refusal_meaning(const char *counter)
{
	static const struct {
		const char *name, *meaning;
	} refusals[] = {
#define ENTRY(name, meaning) { #name, meaning },
		ROCE_REFUSALS(ENTRY)
#undef ENTRY
	};

	for (size_t i = 0; i < sizeof(refusals) / sizeof(*refusals); i++)
		if (strcmp(refusals[i].name, counter) == 0)
			return refusals[i].meaning;
	return NULL;
}
