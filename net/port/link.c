/* SPDX-License-Identifier: GPL-2.0-only */
/* Links by address, see link.h: getifaddrs(3) and netdevice(7). */
#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/port/link.h"
#include "net/roce/roce.h"

#define ETHERNET_MTU_BYTES 1500u
#define IP_AND_UDP_BYTES 28u
#define PATH_MTU_BYTES_MIN 256u

_Static_assert(LINK_NAME_BYTES == IFNAMSIZ, "a link's name");

static bool find_name(uint32_t address, char name[IFNAMSIZ])
{
	struct ifaddrs *all, *entry;
	bool found = false;

	if (getifaddrs(&all) != 0)
		return false;
	for (entry = all; entry != NULL && !found; entry = entry->ifa_next) {
		const struct sockaddr_in *in = (const struct sockaddr_in *)entry->ifa_addr;

		found = in != NULL && in->sin_family == AF_INET && ntohl(in->sin_addr.s_addr) == address;
		if (found)
			snprintf(name, IFNAMSIZ, "%s", entry->ifa_name);
	}
	freeifaddrs(all);
	return found;
}

static bool ask(const char *name, struct link *link)
{
	struct ifreq request = { 0 };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool known = false;

	if (fd < 0)
		return false;
	memcpy(request.ifr_name, name, IFNAMSIZ);
	if (ioctl(fd, SIOCGIFMTU, &request) == 0 && request.ifr_mtu > 0) {
		link->mtu_bytes = (uint32_t)request.ifr_mtu;
		known = true;
	}
	if (ioctl(fd, SIOCGIFHWADDR, &request) == 0 && request.ifr_hwaddr.sa_family == ARPHRD_ETHER)
		memcpy(link->mac, request.ifr_hwaddr.sa_data, LINK_MAC_BYTES);
	close(fd);
	return known;
}

bool link_of_address(uint32_t address, struct link *link)
{
	bool known;

	*link = (struct link){ .mtu_bytes = ETHERNET_MTU_BYTES, .path_mtu_bytes = ROCE_PAYLOAD_BYTES_MAX };
	known = find_name(address, link->name) && ask(link->name, link);
	while (link->path_mtu_bytes > PATH_MTU_BYTES_MIN &&
	       link->path_mtu_bytes + ROCE_OVERHEAD_BYTES_MAX + IP_AND_UDP_BYTES > link->mtu_bytes)
		link->path_mtu_bytes /= 2;
	return known;
}
