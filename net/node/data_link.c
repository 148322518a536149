/* SPDX-License-Identifier: GPL-2.0-only */
#include "net/node/data_link.h"

#include <assert.h>
#include <string.h>

#include <plenum/status.h>

static void closed(struct data_link *link, int refusal)
{
	roce_unprotect(link->config.device, link->qpn, &link->packets.protection);
	link->state = DATA_LINK_CLOSED;
	link->connection = 0;
	link->qpn = 0;
	link->refusal = refusal;
	link->deadline_ns = UINT64_MAX;
	secure_abandon(&link->handshake);
	secure_erase(&link->keys, sizeof(link->keys));
}

void data_link_close(struct data_link *link, uint64_t now_ns)
{
	if (link->state == DATA_LINK_CLOSED)
		return;
	roce_disconnect(link->config.device, link->connection, now_ns);
	closed(link, 0);
}

static void give_up(struct data_link *link, int refusal, uint64_t now_ns)
{
	data_link_close(link, now_ns);
	link->refusal = refusal;
}

static int ask(struct data_link *link, const uint8_t *challenge, uint64_t now_ns)
{
	const struct secure_route route = { .address = link->address, .port = WIRE_PORT_DATA, .node = link->config.node,
					    .unanswered = link->unanswered,
					    .features = link->config.packet_macs ? SECURE_FEATURE_PACKET_MAC : 0 };
	uint8_t request[SECURE_REQUEST_BYTES];
	const struct roce_connect connect = {
		.remote_address = link->address, .remote_port = WIRE_PORT_DATA, .queue = link->config.queue,
		.cookie = link->config.cookie, .peer = link->peer_node, .private_data = request,
		.private_len_bytes = sizeof(request), .timeout_ns = DATA_LINK_CONNECT_NS, .locked = true,
	};
	int status = secure_request(link->config.secure, &link->handshake, &route, challenge, request);

	if (status == 0)
		status = roce_connect(link->config.device, &connect, &link->connection, now_ns);
	if (status == 0) {
		link->state = DATA_LINK_CONNECTING;
		link->challenged = challenge != NULL;
	} else {
		closed(link, 0);
	}
	return status;
}

int data_link_open(struct data_link *link, const struct data_link_config *config, uint32_t peer_node, uint32_t address,
		   uint64_t now_ns)
{
	uint8_t unanswered = link->unanswered;

	assert(link->state == DATA_LINK_CLOSED && config->node > 0);
	memset(link, 0, sizeof(*link));
	link->unanswered = unanswered;
	link->config = *config;
	link->peer_node = peer_node;
	link->address = address;
	link->deadline_ns = UINT64_MAX;
	return ask(link, NULL, now_ns);
}

static void refused(struct data_link *link, const struct roce_event *event, uint64_t now_ns)
{
	uint8_t challenge[SECURE_CHALLENGE_BYTES];
	struct wire_data_refusal refusal = { 0 };

	if (!link->challenged && secure_challenge(event->private_data, event->len_bytes, challenge)) {
		ask(link, challenge, now_ns);
		return;
	}
	if (event->len_bytes >= sizeof(refusal))
		memcpy(&refusal, event->private_data, sizeof(refusal));
	link->unanswered += refusal.magic != WIRE_DATA_MAGIC;	/* RDMA devices cannot be silent to strangers */
	closed(link, refusal.magic == WIRE_DATA_MAGIC && refusal.status < 0 ? refusal.status : -ECONNREFUSED);
}

/* L3. */
static int protect(struct data_link *link)
{
	if (!link->config.packet_macs)
		return 0;
	if (!(link->keys.features & SECURE_FEATURE_PACKET_MAC))
		return -EOPNOTSUPP;
	secure_packets_init(&link->packets, &link->keys);
	return roce_protect(link->config.device, link->qpn, &link->packets.protection);
}

/* The connection stands: is it with a holder of the key? Then say who we are. */
static void established(struct data_link *link, const struct roce_event *event, uint64_t now_ns)
{
	struct roce_device *device = link->config.device;
	struct secure_mac mac;
	int status;

	if (secure_finish(link->config.secure, &link->handshake, event->private_data, event->len_bytes, &link->keys)) {
		link->unanswered++;
		give_up(link, -EBADMSG, now_ns);
		return;
	}
	link->unanswered = 0;
	link->qpn = roce_connection_qpn(device, link->connection);
	status = protect(link);
	if (status) {
		give_up(link, status, now_ns);
		return;
	}
	link->out.hello = (struct wire_data_hello){ .magic = WIRE_DATA_MAGIC, .node = link->config.node,
						    .incarnation = link->config.incarnation };
	secure_mac_init(&mac, link->keys.send, DATA_LINK_LABEL);
	secure_mac_tag(&mac, DATA_LINK_COUNTER, &link->out.hello, sizeof(link->out.hello), link->out.tag);
	secure_erase(&mac, sizeof(mac));
	if (roce_post_receive(device, link->qpn, link->config.cookie, &link->in, sizeof(link->in)) ||
	    roce_post_send(device, link->qpn, link->config.cookie, &link->out, sizeof(link->out), now_ns)) {
		give_up(link, -ENOBUFS, now_ns);
		return;
	}
	link->state = DATA_LINK_GREETING;
	link->deadline_ns = now_ns + DATA_LINK_CONNECT_NS;
}

static void welcomed(struct data_link *link, const struct roce_event *event, uint64_t now_ns)
{
	struct secure_mac mac;
	bool good = event->len_bytes == sizeof(link->in);

	secure_mac_init(&mac, link->keys.receive, DATA_LINK_LABEL);
	good = good && secure_mac_verify(&mac, DATA_LINK_COUNTER, &link->in.welcome, sizeof(link->in.welcome),
					 link->in.tag);
	secure_erase(&mac, sizeof(mac));
	if (!good || link->in.welcome.magic != WIRE_DATA_MAGIC) {
		give_up(link, -EBADMSG, now_ns);
	} else if (link->in.welcome.status != 0) {
		give_up(link, link->in.welcome.status < 0 ? link->in.welcome.status : -EPROTO, now_ns);
	} else {
		roce_authorize(link->config.device, link->qpn);
		link->state = DATA_LINK_UP;
		link->deadline_ns = UINT64_MAX;
	}
}

void data_link_event(struct data_link *link, const struct roce_event *event, uint64_t now_ns)
{
	if (link->state == DATA_LINK_CLOSED || event->connection != link->connection)	/* L4 */
		return;
	switch (event->type) {
	case ROCE_EVENT_REJECTED:
		refused(link, event, now_ns);
		break;
	case ROCE_EVENT_ESTABLISHED:
		if (link->state == DATA_LINK_CONNECTING)
			established(link, event, now_ns);
		break;
	case ROCE_EVENT_COMPLETION:
		/* Of a failed queue pair the DISCONNECTED event tells. */
		if (event->opcode == ROCE_RECEIVE && event->status == 0 && link->state == DATA_LINK_GREETING)
			welcomed(link, event, now_ns);
		break;
	case ROCE_EVENT_UNREACHABLE:
		link->unanswered++;
		closed(link, 0);
		break;
	case ROCE_EVENT_DISCONNECTED:
		closed(link, 0);
		break;
	default:
		assert(!"an event that only listeners get");
	}
}

void data_link_tick(struct data_link *link, uint64_t now_ns)
{
	if (link->state == DATA_LINK_GREETING && now_ns >= link->deadline_ns)
		give_up(link, -ETIMEDOUT, now_ns);
}
