// SPDX-License-Identifier: GPL-2.0-only
/* The kinds' names, for whoever reads a configuration without opening a port. */
#include <string.h>

#include "net/port/host_port.h"

bool host_port_parse(const char *text, enum host_port_kind *kind)
{
	static const char *const names[] = { [HOST_PORT_AUTO] = "auto", [HOST_PORT_UDP] = "udp", [HOST_PORT_VERBS] = "verbs" };

	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(text, names[i]) == 0) {
			*kind = (enum host_port_kind)i;
			return true;
		}
	return false;
}
