/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The connection manager and its application, which connects, accepts, refuses, hangs up and polls when the input says so,
 * among peers who say anything: messages of every kind, with numbers that were heard before or with none that exist. One of
 * the listeners is guarded, and the other may be missing.
 *
 * What must hold: C1 to C4 of net/roce/cm.c as the application sees them; a device that is closed to strangers says nothing
 * to one whom the guard did not let in; no flood; in the end all connections are free again.
 *
 * Input: a record of settings, then one for each turn().
 */
#include <assert.h>

#include "tests/fuzz/forge.h"
#include "tests/fuzz/records.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define OUR_ADDRESS 0x0a000001u
#define PEERS 3u			/* addresses after ours */
#define STRANGER (OUR_ADDRESS + PEERS)	/* the last of them: the guard always drops what it asks */
#define PORT_OPEN 20557
#define PORT_GUARDED 20558
#define CONNECTIONS 4u
#define KNOWN 16u			/* connections that the application remembers */
#define OUTPUT_MAX 64u			/* packets at one time: stateless answers, and a few for each connection */

enum known_state { FORGOTTEN, REQUESTED, OPENING, UP, ENDED };

struct known {
	enum known_state state;
	uint32_t number, qpn;
};

struct fuzz {
	struct roce_device *device;
	uint64_t now_ns, random;
	int queue;
	unsigned handshakes;		/* as many connections can be made at once */
	bool open, lazy;		/* the open listener is there; events wait for a turn of their own */
	struct known known[KNOWN];
	uint32_t next;
	/* What we said last, so that answers to it can be made. */
	uint64_t transaction;
	uint32_t number, starting_psn;
};

static struct fuzz fuzz;
static _Alignas(64) uint8_t device_memory[1u << 19];

static enum roce_guard_verdict check_guard(void *context, const struct roce_guard_request *request, struct roce_guard_reply *reply,
					   uint64_t now_ns)
{
	(void)context;
	(void)now_ns;
	if (request->address == STRANGER)
		return ROCE_GUARD_DROP;
	reply->private_len_bytes = request->private_len_bytes < sizeof(reply->private_data) ? request->private_len_bytes : 0;
	memcpy(reply->private_data, request->private_data, reply->private_len_bytes);
	return request->private_data[0] % 3 == 0 ? ROCE_GUARD_ACCEPT :
	       request->private_data[0] % 3 == 1 ? ROCE_GUARD_CHALLENGE : ROCE_GUARD_DROP;
}

/* ---------------------------------------------------------------- the application */

static struct known *known_find(struct fuzz *f, uint32_t number)
{
	for (unsigned i = 0; i < KNOWN; i++)
		if (f->known[i].state != FORGOTTEN && f->known[i].number == number)
			return &f->known[i];
	return NULL;
}

static void known_add(struct fuzz *f, uint32_t number, uint32_t qpn, enum known_state state)
{
	struct known *known = known_find(f, number);

	assert(!known || known->state == ENDED);	/* a number is not used again while its connection lives */
	if (!known)
		known = &f->known[f->next++ % KNOWN];
	if (known->number != number)
		roce_disconnect(f->device, known->number, f->now_ns);	/* there is no place to remember it */
	*known = (struct known){ state, number, qpn };
}

/* C2. */
static void event_seen(struct fuzz *f, const struct roce_event *event)
{
	struct known *known = known_find(f, event->connection);

	if (event->type == ROCE_EVENT_COMPLETION)
		return;
	if (event->type == ROCE_EVENT_CONNECT_REQUEST) {
		assert(event->remote_address != STRANGER || event->service_port == PORT_OPEN);
		known_add(f, event->connection, 0, REQUESTED);
		return;
	}
	assert(known && known->state == (event->type == ROCE_EVENT_DISCONNECTED && known->state == UP ? UP : OPENING));
	known->state = event->type == ROCE_EVENT_ESTABLISHED ? UP : ENDED;
}

static void poll(struct fuzz *f)
{
	struct roce_event event;

	while (roce_queue_poll(f->device, f->queue, &event))
		event_seen(f, &event);
}

static void application_connects(struct fuzz *f, struct input *input)
{
	uint8_t private_data[56] = { 0 };
	struct roce_connect connect = { .queue = f->queue, .remote_port = PORT_OPEN, .private_data = private_data };
	uint32_t number;

	connect.remote_address = OUR_ADDRESS + 1 + take(input) % (PEERS - 1);
	connect.private_len_bytes = take(input) % (sizeof(private_data) + 1);
	connect.timeout_ns = (1 + take(input)) * UINT64_C(100000000);
	connect.locked = take(input) & 1;
	if (roce_connect(f->device, &connect, &number, f->now_ns) == 0)
		known_add(f, number, roce_connection_qpn(f->device, number), OPENING);
}

static void application_accepts(struct fuzz *f, struct known *known, struct input *input)
{
	static uint8_t answer[ROCE_REP_PRIVATE_BYTES_MAX];
	uint8_t how = take(input);
	int status = 0;

	if (known->state != REQUESTED)
		return;
	if (known->qpn == 0)
		status = roce_accept_begin(f->device, known->number, 1, &known->qpn);
	if (status == 0 && (how & 1) == 0)
		status = roce_accept_finish(f->device, known->number, answer, take(input) % (sizeof(answer) + 1), f->now_ns);
	if (status != 0) {
		roce_disconnect(f->device, known->number, f->now_ns);
		known->state = ENDED;
	} else if ((how & 1) == 0) {
		known->state = OPENING;
	}
}

static void application_ends(struct fuzz *f, struct known *known, struct input *input)
{
	static const uint8_t reason[ROCE_REJ_PRIVATE_BYTES_MAX];

	if (known->state == REQUESTED && take(input) & 1)
		roce_reject(f->device, known->number, reason, take(input) % (sizeof(reason) + 1), f->now_ns);
	else
		roce_disconnect(f->device, known->number, f->now_ns);
	if (known->state != FORGOTTEN)
		known->state = ENDED;
}

/* ---------------------------------------------------------------- packets */

static void drain(struct fuzz *f)
{
	uint8_t bytes[ROCE_DATAGRAM_BYTES_MAX];
	struct roce_datagram datagram = { .bytes = bytes };
	struct cm_message message;
	struct roce_packet packet;

	for (unsigned i = 0; roce_output(f->device, &datagram, f->now_ns); i++) {
		assert(i < OUTPUT_MAX);
		assert(roce_packet_decode(bytes, datagram.len_bytes, &packet) == PACKET_OK);
		if (packet.destination_qpn != 1)
			continue;
		assert(f->open || datagram.destination_address != STRANGER);
		assert(cm_message_decode(packet.payload, packet.payload_len_bytes, &message));
		f->transaction = message.transaction;
		f->number = message.local_number;
		if (message.attribute == CM_REQ || message.attribute == CM_REP)
			f->starting_psn = message.starting_psn;
	}
}

static struct forge from(struct fuzz *f, struct input *input)
{
	return (struct forge){ f->device, OUR_ADDRESS + 1 + take(input) % PEERS, OUR_ADDRESS, f->now_ns };
}

/* Fields are few values each that can be right, and sometimes others. */
static void message_fill(struct fuzz *f, struct cm_message *message, const struct known *known, uint32_t address,
			 struct input *input)
{
	static const uint16_t attributes[] = { CM_REQ, CM_MRA, CM_REJ, CM_REP, CM_RTU, CM_DREQ, CM_DREP, CM_SIDR_REQ, CM_SIDR_REP };
	uint8_t how, port;

	message->attribute = attributes[take(input) % (sizeof(attributes) / sizeof(*attributes))];
	how = take(input);
	message->local_number = 0x1000u + (how & 3);
	message->qpn = 0x100u + (how >> 2 & 3);
	message->remote_number = how & 16 ? f->number : message->attribute == CM_REJ && how & 32 ? 0 : known->number;
	message->transaction = how & 64 ? 5 : f->transaction + (how >> 7);
	if (message->attribute == CM_DREQ)
		message->qpn = known->qpn;
	port = take(input);
	message->service_id = CM_SERVICE_ID_TCP | (port & 1 ? PORT_GUARDED : port & 2 ? PORT_OPEN + 7 : PORT_OPEN);
	message->path_mtu = port & 4 ? port >> 5 : 3;
	message->features = port >> 3 & 1;
	message->transport = (port & 0x18) == 0x18;
	message->reason = take(input);
	message->info_len_bytes = message->reason == CM_REJECT_MTU;
	message->info[0] = port >> 5;
	message->message_concerned = port & 3;
	message->mra_timeout = port & 31;
	message->gid_local = address ^ (message->reason == 255);
	message->gid_remote = OUR_ADDRESS;
	message->starting_psn = (uint32_t)take(input) << 16;
	message->responder_resources = message->initiator_depth = 1 + (port >> 4);
}

static void peer_says(struct fuzz *f, struct known *known, struct input *input)
{
	uint8_t private_data[56] = { 0 };
	const struct forge forge = from(f, input);
	struct cm_message message = { .private_data = private_data };

	message_fill(f, &message, known, forge.source, input);
	private_data[0] = take(input);
	if (message.attribute == CM_REQ || message.attribute == CM_REP || message.attribute == CM_REJ)
		message.private_len_bytes = take(input) % (sizeof(private_data) + 1);
	forge_message(&forge, &message);
}

/* Data: it stands in for an RTU, and a WRITE to nowhere ends the queue pair with a NAK. */
static void peer_sends(struct fuzz *f, const struct known *known, struct input *input)
{
	const struct forge forge = from(f, input);
	struct roce_packet packet = { .opcode = OPCODE_SEND_ONLY, .pkey = ROCE_PKEY_DEFAULT, .destination_qpn = known->qpn, .rkey = 77,
				      .dma_len_bytes = 4, .payload = (const uint8_t *)"data", .payload_len_bytes = 4 };

	if (take(input) & 1)
		packet.opcode = OPCODE_WRITE_ONLY;
	packet.psn = (f->starting_psn + (take(input) & 7)) & 0xffffff;
	forge_packet(&forge, &packet);
}

/* ---------------------------------------------------------------- turns */

static void turn(struct fuzz *f, struct input *input)
{
	uint8_t operation = take(input) % 10;
	struct known *known = &f->known[take(input) % KNOWN];

	switch (operation) {
	case 0:
		application_connects(f, input);
		break;
	case 1:
		application_accepts(f, known, input);
		break;
	case 2:
		application_ends(f, known, input);
		break;
	case 3:
		f->now_ns += take(input) * (take(input) & 1 ? UINT64_C(50000000) : UINT64_C(1000000));
		break;
	case 4:
		roce_authorize(f->device, known->qpn);
		break;
	case 5:
		peer_sends(f, known, input);
		break;
	case 6:
		poll(f);
		break;
	default:
		peer_says(f, known, input);
		break;
	}
	roce_tick(f->device, f->now_ns);
	if (!f->lazy)
		poll(f);
	drain(f);
}

static void start(struct fuzz *f, struct input *input)
{
	struct roce_config config = {
		.address = OUR_ADDRESS, .path_mtu_bytes = 1024, .guid = 1,
		.limits = { .queue_pairs_max = CONNECTIONS, .memory_regions_max = 1, .queues_max = 1, .connections_max = CONNECTIONS,
			    .listeners_max = 2, .queue_events_max = 64, .send_depth_max = 2, .receive_depth_max = 2 },
		.environment = { .random = forge_random, .context = &f->random },
	};
	const struct roce_guard guard = { check_guard, f };
	uint8_t settings = take(input);

	memset(f, 0, sizeof(*f));
	f->now_ns = 1000000000;
	f->random = settings >> 4;
	f->open = settings & 1;
	f->lazy = settings & 2;
	f->handshakes = config.limits.handshakes_max = settings & 4 ? 1 : CONNECTIONS;
	assert(roce_device_bytes(&config) <= sizeof(device_memory));
	f->device = roce_device_create(device_memory, &config, f->now_ns);
	f->queue = roce_queue_create(f->device);
	assert(roce_listen_guarded(f->device, PORT_GUARDED, f->queue, 1, &guard) == 0);
	assert(!f->open || roce_listen(f->device, PORT_OPEN, f->queue, 0) == 0);
}

/* C3: nothing is left over. */
static void finish(struct fuzz *f)
{
	const struct roce_connect connect = { .remote_address = OUR_ADDRESS + 1, .remote_port = PORT_OPEN, .queue = f->queue,
					      .timeout_ns = 1 };
	uint32_t number;

	poll(f);
	for (unsigned i = 0; i < KNOWN; i++)
		roce_disconnect(f->device, f->known[i].number, f->now_ns);
	for (unsigned i = 0; roce_deadline_ns(f->device) != UINT64_MAX; i++) {
		assert(i < 200);
		if (roce_deadline_ns(f->device) > f->now_ns)
			f->now_ns = roce_deadline_ns(f->device);
		roce_tick(f->device, f->now_ns);
		drain(f);
	}
	for (unsigned i = 0; i < f->handshakes; i++)
		assert(roce_connect(f->device, &connect, &number, f->now_ns) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input = { data, size }, record = { 0 };

	take_record(&input, &record);
	start(&fuzz, &record);
	for (unsigned i = 0; i < RECORDS_MAX && take_record(&input, &record); i++)
		turn(&fuzz, &record);
	finish(&fuzz);
	return 0;
}
