/* SPDX-License-Identifier: GPL-2.0-only */
/* The requester's way out: a probe, then repairs of READ data, then what stands at the cursor, as the window allows. */
#include "net/roce/requester.h"

/* Give the request at the cursor its sequence numbers. */
static void start_request(struct queue_pair *qp)
{
	struct requester *r = &qp->requester;
	struct work_request *work = r->at;

	assert(r->cursor == r->started && r->next == r->assigned_end);
	work->first = r->assigned_end;
	work->packets = work->len_bytes ? (work->len_bytes + qp->mtu_bytes - 1) / qp->mtu_bytes : 1;
	r->assigned_end += work->packets;
	r->started++;
}

/* Step `next` over what needs no repetition. False: nothing is left to send. */
static bool skip_answered(struct requester *r)
{
	while (r->cursor < r->started) {
		const struct work_request *work = r->at;

		if (r->next == request_end(work)) {
			cursor_step(r);
		} else if (r->next >= r->sent_end) {
			break;
		} else if (held_test(r, r->next)) {
			r->next++;
		} else if (answered_by_data(work)) {
			if (!received_test(r, r->next))
				break;
			r->next++;
		} else {
			if (r->acknowledged <= r->next)
				break;
			r->next = r->acknowledged < request_end(work) ? r->acknowledged : request_end(work);
		}
	}
	return r->cursor < r->count;
}

/* May the packet at `next` go now? */
static bool window_open(const struct requester *r)
{
	const struct work_request *work;
	uint64_t span = r->next - r->unacknowledged;

	if (span > 0 && (span >= UNANSWERED_MAX || r->next - r->acknowledged >= 2 * r->window_max || under_way(r) >= r->window))
		return false;
	if (r->next < r->sent_end)
		return true;
	work = r->at;
	if (r->waits_for_budget && work->opcode == ROCE_READ)
		return false;
	if (span == 0)
		return true;
	return !answered_by_data(work) || r->reads < r->reads_max;
}

/* Payload of the packets [sequence, end) of a request. */
static uint64_t payload_bytes(const struct queue_pair *qp, const struct work_request *work, uint64_t sequence, uint64_t end)
{
	uint64_t offset = (sequence - work->first) * qp->mtu_bytes, len_bytes = (end - sequence) * qp->mtu_bytes;

	return offset + len_bytes > work->len_bytes ? work->len_bytes - offset : len_bytes;
}

static uint64_t chunk_end(const struct work_request *work, uint64_t sequence)
{
	uint64_t end = sequence - (sequence - work->first) % READ_CHUNK_PACKETS + READ_CHUNK_PACKETS;

	return end < request_end(work) ? end : request_end(work);
}

/*
 * Where to begin when `sequence` of a READ is to be asked for again. Stock responders may forget what lies below the part that
 * they repeated last: rdma_rxe does, and then says nothing. So nothing that the chunk still misses is left below.
 */
static uint64_t repeat_from(const struct queue_pair *qp, const struct work_request *work, uint64_t sequence)
{
	const struct requester *r = &qp->requester;
	uint64_t first = sequence - (sequence - work->first) % READ_CHUNK_PACKETS;

	if (qp->selective)
		return sequence;
	if (first < r->unacknowledged)
		first = r->unacknowledged;
	while (first < sequence && received_test(r, first))
		first++;
	return first;
}

/* Request the READ data from `sequence` on: until `limit`, the chunk's end, or data that is there or asked for already. */
static uint64_t send_read(struct roce_device *device, struct queue_pair *qp, const struct work_request *work,
			  uint64_t sequence, uint64_t limit, struct roce_datagram *datagram)
{
	struct requester *r = &qp->requester;
	uint64_t end = sequence + 1;
	struct roce_packet packet;

	if (limit > chunk_end(work, sequence))
		limit = chunk_end(work, sequence);
	if (sequence < r->sent_end)
		sequence = repeat_from(qp, work, sequence);
	while (end < limit && (end >= r->sent_end || (!received_test(r, end) && !held_test(r, end))))
		end++;
	roce_qp_packet(qp, OPCODE_READ_REQUEST, sequence, &packet);
	packet.ack_byte = ACK_REQUEST;
	packet.address = work->remote_address + (sequence - work->first) * qp->mtu_bytes;
	packet.rkey = work->rkey;
	packet.dma_len_bytes = (uint32_t)payload_bytes(qp, work, sequence, end);
	roce_qp_encode(device, qp, &packet, datagram);
	return end;
}

static void send_atomic(struct roce_device *device, struct queue_pair *qp, const struct work_request *work,
			struct roce_datagram *datagram)
{
	struct roce_packet packet;

	roce_qp_packet(qp, work->opcode == ROCE_COMPARE_SWAP ? OPCODE_COMPARE_SWAP : OPCODE_FETCH_ADD, work->first, &packet);
	packet.ack_byte = ACK_REQUEST;
	packet.address = work->remote_address;
	packet.rkey = work->rkey;
	packet.swap_or_add = work->operand;
	packet.compare = work->compare;
	roce_qp_encode(device, qp, &packet, datagram);
}

/* Ask for the data from `sequence` on. Returns where the request ends, at most `limit`. */
static uint64_t send_data_request(struct roce_device *device, struct queue_pair *qp, const struct work_request *work,
				  uint64_t sequence, uint64_t limit, struct roce_datagram *datagram)
{
	assert(answered_by_data(work));
	if (work->opcode == ROCE_READ)
		return send_read(device, qp, work, sequence, limit, datagram);
	send_atomic(device, qp, work, datagram);
	return sequence + 1;
}

static uint8_t write_or_send_opcode(const struct work_request *work, bool first, bool last)
{
	static const uint8_t opcodes[2][4] = {	/* by first, last */
		{ OPCODE_SEND_MIDDLE, OPCODE_SEND_LAST, OPCODE_SEND_FIRST, OPCODE_SEND_ONLY },
		{ OPCODE_WRITE_MIDDLE, OPCODE_WRITE_LAST, OPCODE_WRITE_FIRST, OPCODE_WRITE_ONLY },
	};
	static const uint8_t immediate[2][2] = {	/* by write, first */
		{ OPCODE_SEND_LAST_IMMEDIATE, OPCODE_SEND_ONLY_IMMEDIATE },
		{ OPCODE_WRITE_LAST_IMMEDIATE, OPCODE_WRITE_ONLY_IMMEDIATE },
	};

	if (last && work->extra == WORK_IMMEDIATE)
		return immediate[work->opcode == ROCE_WRITE][first];
	if (last && work->extra == WORK_INVALIDATE)
		return first ? OPCODE_SEND_ONLY_INVALIDATE : OPCODE_SEND_LAST_INVALIDATE;
	return opcodes[work->opcode == ROCE_WRITE][2 * first + last];
}

/* Is nothing sent behind this packet until something is answered? */
static bool closes_window(const struct requester *r, uint64_t sequence)
{
	return sequence + 1 - r->unacknowledged >= UNANSWERED_MAX || sequence + 1 - r->acknowledged >= 2 * r->window_max ||
	       under_way(r) + 1 >= r->window;
}

static void send_data(struct roce_device *device, struct queue_pair *qp, const struct work_request *work,
		      uint64_t sequence, struct roce_datagram *datagram)
{
	struct requester *r = &qp->requester;
	uint64_t offset = (sequence - work->first) * qp->mtu_bytes;
	bool last = sequence + 1 == request_end(work);
	struct roce_packet packet;

	roce_qp_packet(qp, write_or_send_opcode(work, sequence == work->first, last), sequence, &packet);
	packet.address = work->remote_address;
	packet.rkey = work->rkey;
	packet.dma_len_bytes = work->len_bytes;
	packet.immediate = packet.invalidate_rkey = (uint32_t)work->operand;	/* the opcode decides which goes out */
	packet.payload = work->len_bytes ? work->local + offset : NULL;
	packet.payload_len_bytes = last ? work->len_bytes - (uint32_t)offset : qp->mtu_bytes;
	/* Also when the window closes behind this packet: else nothing would open it. A probe always asks. */
	if (last || ++r->packets_without_ack_request >= ACK_REQUEST_PACKETS ||
	    closes_window(r, sequence) || sequence < r->next) {
		packet.ack_byte = ACK_REQUEST;
		r->packets_without_ack_request = 0;
	}
	roce_qp_encode(device, qp, &packet, datagram);
}

/*
 * A packet was lost, or its answer. Some of each window may be: a lone loss says little about congestion. More halve the
 * window, once.
 */
static void count_loss(struct requester *r)
{
	if (r->unacknowledged >= r->losses_end) {
		r->losses_end = r->sent_end;
		r->losses = 0;
	}
	if (r->losses++ == 1 + r->window / LOSS_TOLERATED_SHARE)
		roce_requester_shrink(r);
}

/* Send what is missing from `sequence` on. Returns where that ends. */
static uint64_t repair_one(struct roce_device *device, struct queue_pair *qp, const struct work_request *work,
			   uint64_t sequence, struct roce_datagram *datagram)
{
	const struct requester *r = &qp->requester;

	if (!answered_by_data(work)) {
		send_data(device, qp, work, sequence, datagram);
		return sequence + 1;
	}
	/* Where the request itself is missing, it is sent again as it was, however far the holes are known. */
	return send_data_request(device, qp, work, sequence, sequence < r->acknowledged ? r->repair_end : r->sent_end, datagram);
}

static int send_repair(struct roce_device *device, struct queue_pair *qp, struct roce_datagram *datagram)
{
	struct requester *r = &qp->requester;

	if (r->repair_next < r->unacknowledged)
		r->repair_next = r->unacknowledged;
	for (; r->repair_next < r->repair_end; r->repair_next++) {
		const struct work_request *work = request_of(r, r->repair_next);

		if (held_test(r, r->repair_next) || answered(r, work, r->repair_next))
			continue;
		r->repair_next = repair_one(device, qp, work, r->repair_next, datagram);
		if (r->repaired_end < r->repair_next)
			r->repaired_end = r->repair_next;
		count_loss(r);
		device->counters.retransmits++;
		return 1;
	}
	return 0;
}

/* Send the last packet again that was sent and is unanswered; of a READ, all that is missing at its end. */
static int send_probe(struct roce_device *device, struct queue_pair *qp, struct roce_datagram *datagram)
{
	struct requester *r = &qp->requester;
	const struct work_request *work = NULL;
	uint64_t sequence = r->next, last, chunk;
	bool found = false;

	r->probe_due = false;
	while (!found && sequence > r->unacknowledged) {
		work = request_of(r, --sequence);
		found = !held_test(r, sequence) && !answered(r, work, sequence);
	}
	if (!found)
		return 0;
	last = sequence;
	if (answered_by_data(work)) {
		chunk = sequence - (sequence - work->first) % READ_CHUNK_PACKETS;
		while (sequence > chunk && sequence > r->unacknowledged && !received_test(r, sequence - 1) &&
		       !held_test(r, sequence - 1))
			sequence--;
		send_data_request(device, qp, work, sequence, r->sent_end, datagram);
	} else {
		send_data(device, qp, work, sequence, datagram);
	}
	/* Holes that were asked for before: the answer to this shows which repairs were lost. */
	r->repaired_end = 0;
	r->sample_sent_ns = 0;
	r->probe_sequence = last;
	device->counters.probes_sent++;
	device->counters.retransmits++;
	return 1;
}

static void sample_begin(struct requester *r, uint64_t sequence, uint64_t now_ns)
{
	if (r->sample_sent_ns)
		return;
	r->sample_sequence = sequence;
	r->sample_sent_ns = now_ns;
}

static void sent(struct roce_device *device, struct queue_pair *qp, uint64_t from, uint64_t to, uint64_t now_ns)
{
	struct requester *r = &qp->requester;
	bool idle = r->unacknowledged == r->sent_end;

	if (from < r->sent_end)
		device->counters.retransmits++;
	else
		sample_begin(r, from, now_ns);
	r->next = to;
	if (to > r->sent_end)
		r->sent_end = to;
	assert(r->sent_end - r->unacknowledged <= SEQUENCE_SPAN_MAX && r->next <= r->sent_end);
	if (idle)
		r->progress_ns = now_ns;
	if (qp->timer.deadline_ns == NEVER)
		roce_requester_arm(device, qp, now_ns);
}

int roce_requester_output(struct roce_device *device, struct queue_pair *qp, struct roce_datagram *datagram,
			  uint64_t now_ns)
{
	struct requester *r = &qp->requester;
	uint64_t from, to;
	struct work_request *work;

	if (r->waiting_not_ready)
		return 0;
	if (r->probe_due && send_probe(device, qp, datagram))
		return 1;
	if (r->repair_next < r->repair_end && send_repair(device, qp, datagram))
		return 1;
	if (!skip_answered(r) || !window_open(r))
		return 0;
	if (r->cursor == r->started)
		start_request(qp);
	work = r->at;
	from = r->next;
	if (work->opcode == ROCE_READ && from >= r->sent_end &&
	    !roce_budget_allows(device, qp, payload_bytes(qp, work, from, chunk_end(work, from))))
		return 0;
	if (answered_by_data(work)) {
		/* A chunk that was begun before may have been requested in part only by a repair: never beyond sent_end. */
		to = send_data_request(device, qp, work, from, from < r->sent_end ? r->sent_end : UINT64_MAX, datagram);
		if (from >= r->sent_end)
			r->reads++;
		if (from >= r->sent_end && work->opcode == ROCE_READ)
			roce_budget_take(device, qp, payload_bytes(qp, work, from, to));
	} else {
		to = from + 1;
		send_data(device, qp, work, from, datagram);
	}
	sent(device, qp, from, to, now_ns);
	if (r->next == request_end(work))
		cursor_step(r);
	return 1;
}
