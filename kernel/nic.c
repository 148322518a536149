// SPDX-License-Identifier: GPL-2.0-only
/* The cards we have drivers for, by PCI vendor and device. */
#include <kernel/nic.h>

struct nic_driver {
	uint16_t vendor_id, device_id;
	const char *name;
	nic_driver_probe *probe;
};

static const struct nic_driver drivers[] = {
	{ 0x1af4, 0x1041, "virtio-net", virtio_net_probe },	/* virtio 1.2, 4.1.2.1: 0x1040 + device id 1 */
	{ 0x1af4, 0x1000, "virtio-net", virtio_net_probe },	/* virtio 1.2, 4.1.2.3: transitional */
	{ 0x8086, 0x10d3, "e1000e", e1000e_probe },		/* 82574 */
};

struct search {
	void (*interrupt)(void *argument);
	void *argument;
	unsigned cpu;
	struct nic *found;
};

static bool try_function(void *context, const struct pci_function *function)
{
	struct search *search = context;

	for (size_t i = 0; i < sizeof(drivers) / sizeof(drivers[0]); i++) {
		const struct nic_driver *driver = &drivers[i];

		if (function->vendor_id != driver->vendor_id || function->device_id != driver->device_id)
			continue;
		search->found = driver->probe(function, search->interrupt, search->argument, search->cpu);
		if (search->found) {
			const uint8_t *mac = search->found->mac;

			log_line(LOG_INFO, "nic=%s pci=%02x:%02x.%x mac=%02x:%02x:%02x:%02x:%02x:%02x mtu_bytes=%u",
				 driver->name, function->bus, function->device, function->function, mac[0], mac[1], mac[2],
				 mac[3], mac[4], mac[5], search->found->mtu_bytes);
			return true;
		}
	}
	return false;
}

struct nic *nic_probe(void (*interrupt)(void *argument), void *argument, unsigned cpu)
{
	struct search search = { .interrupt = interrupt, .argument = argument, .cpu = cpu };

	pci_scan(try_function, &search);
	return search.found;
}
