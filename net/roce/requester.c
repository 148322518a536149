/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The requester: sends the posted work of one queue pair, in order, and completes it.
 *
 *	  unacknowledged        acknowledged       next                    sent_end
 *	------+--------------------+----------------+------------------------+----------> sequence numbers
 *	      | executed; READ     | sent, no       | sent before, to be     | never sent
 *	      | data is missing    | answer yet     | sent again             |
 *
 * - SEND and WRITE packets are answered by `acknowledged` passing them, READs and atomics by their own data landing, in
 *   any order (`received`). `unacknowledged` moves over what is answered, and a request that it has passed is complete.
 * - What is missing before something that was seen is repaired alone: a hole in READ data is requested again; so is, with
 *   selective repeat, what a peer reports not to have (`held`: what it has). Packets that have arrived beyond a hole are not
 *   under way any more, so others go in their place: loss costs no standstill.
 * - Without a report, a NAK for a sequence error goes back to the packet that the peer misses; packets that were answered
 *   are skipped.
 * - A congestion mark (ours on an answer, or the peer's echo) halves the window, once for what was under way; then it
 *   grows by one packet a round trip.
 * - When the last packets or their answers are lost, nothing later tells. So the last unanswered packet is sent again after
 *   two round trips (`probe`): its answer completes the work, or shows what is missing. It is no sign of congestion.
 * - A timeout goes back to `unacknowledged` with a window of one packet; each answer widens it again. So a scheduling
 *   stall that looked like a loss costs one repeated packet, not a window of them.
 */
#include "net/roce/held.h"
#include "net/roce/requester.h"

#define SYNDROME_CLASS 0x60u
#define SYNDROME_ACK 0x00u
#define SYNDROME_RNR 0x20u
#define SYNDROME_NAK 0x60u
#define SYNDROME_VALUE 0x1fu

/* RNR timer codes in units of 10 us (docs/rocev2.md section 1.9). */
static const uint16_t rnr_timer_10us[32] = {
	65535, 1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192,
	256, 384, 512, 768, 1024, 1536, 2048, 3072, 4096, 6144, 8192, 12288, 16384, 24576, 32768, 49152,
};

/* Packets that may go before anything is known of the path. */
static uint32_t window_first(const struct queue_pair *qp)
{
	return qp->mtu_bytes < WINDOW_BYTES_FIRST ? WINDOW_BYTES_FIRST / qp->mtu_bytes : 1;
}

void roce_requester_start(struct queue_pair *qp, uint32_t psn, uint32_t reads_max)
{
	struct requester *r = &qp->requester;
	uint32_t window = WINDOW_BYTES_MAX / qp->mtu_bytes;

	r->unacknowledged = r->next = r->sent_end = r->assigned_end = r->acknowledged = sequence_start(psn);
	r->window_max = window < WINDOW_PACKETS_MAX ? window : WINDOW_PACKETS_MAX;
	r->window = window_first(qp);
	r->window_threshold = r->window_max;
	r->reads_max = reads_max;
}

void roce_requester_begin(struct queue_pair *qp, uint64_t now_ns)
{
	struct requester *r = &qp->requester;

	if (qp->state == QP_READY && now_ns - r->progress_ns > WINDOW_IDLE_NS && r->window > window_first(qp))
		r->window = window_first(qp);
	r->progress_ns = now_ns;
}

/* ---------------------------------------------------------------- progress */

static void count_completion(struct roce_device *device, uint8_t opcode)
{
	if (opcode == ROCE_READ)
		device->counters.reads_completed++;
	else if (opcode == ROCE_WRITE)
		device->counters.writes_completed++;
	else if (opcode != ROCE_SEND)
		device->counters.atomics_completed++;
	else
		device->counters.sends_completed++;
}

void roce_requester_append(struct requester *r, struct work_request *place, const struct work_request *work)
{
	*place = *work;
	place->next = NULL;
	if (r->count++ == 0)
		r->first = place;
	else
		r->last->next = place;
	r->last = place;
	if (!r->at)
		r->at = place;
}

struct ended_work roce_requester_end_first(struct requester *r)
{
	struct work_request *work = r->first;

	assert(r->count > 0);
	if (r->cursor > 0)
		r->cursor--;
	else
		r->at = work->next;
	r->first = work->next;
	r->count--;
	return (struct ended_work){ work, work->cookie, work->len_bytes, work->opcode };
}

static void complete_first(struct roce_device *device, struct queue_pair *qp)
{
	struct requester *r = &qp->requester;
	struct ended_work ended;

	assert(r->started > 0 && r->unacknowledged == request_end(r->first));
	ended = roce_requester_end_first(r);
	count_completion(device, ended.opcode);
	r->started--;
	roce_qp_complete(qp, &ended, 0);
}

/* Move over one answered READ packet or atomic. A chunk is answered when its last packet is. */
static void pass_read_packet(struct requester *r, const struct work_request *work)
{
	received_set(r, r->unacknowledged, false);
	r->unacknowledged++;
	if ((r->unacknowledged - work->first) % READ_CHUNK_PACKETS == 0 || r->unacknowledged == request_end(work)) {
		assert(r->reads > 0);
		r->reads--;
	}
}

/*
 * By what was answered up to the threshold; above it by one packet for each window that was. Not by answers to what was sent
 * before the last reduction, which had a larger window; and not when less than half of the window was in use (`flying`
 * packets): a window that was never tried says nothing about the path.
 */
static void grow_window(struct requester *r, uint32_t packets, uint32_t flying)
{
	uint32_t fast = r->window < r->window_threshold ? r->window_threshold - r->window : 0;

	if (flying < r->window / 2 || r->unacknowledged <= r->congestion_end)
		return;
	if (fast > packets)
		fast = packets;
	r->window += fast;
	r->window_credit += packets - fast;
	if (r->window_credit >= r->window) {
		r->window_credit = 0;
		r->window++;
	}
	if (r->window > r->window_max)
		r->window = r->window_max;
}

void roce_requester_congested(struct roce_device *device, struct queue_pair *qp)
{
	struct requester *r = &qp->requester;

	if (qp->state != QP_READY || r->unacknowledged <= r->congestion_end)
		return;
	r->window = r->window > 1 ? r->window / 2 : 1;
	r->window_threshold = r->window;
	r->window_credit = 0;
	r->congestion_end = r->sent_end;
	device->counters.congestion_reductions++;
}

/* Move `unacknowledged` over everything that is answered, completing requests. */
static void advance(struct roce_device *device, struct queue_pair *qp, uint64_t now_ns)
{
	struct requester *r = &qp->requester;
	uint64_t before = r->unacknowledged;

	while (r->unacknowledged < r->sent_end) {
		const struct work_request *work = r->first;

		if (answered_by_data(work)) {
			if (!received_test(r, r->unacknowledged))
				break;
			pass_read_packet(r, work);
		} else {
			uint64_t end = request_end(work);

			if (r->acknowledged <= r->unacknowledged)
				break;
			r->unacknowledged = r->acknowledged < end ? r->acknowledged : end;
		}
		if (r->unacknowledged == request_end(work))
			complete_first(device, qp);
	}
	if (r->unacknowledged == before)
		return;
	if (r->next < r->unacknowledged) {
		r->next = r->unacknowledged;
		cursor_set(r, r->started > 0 && r->next < r->assigned_end ? request_index(r, r->next) : r->started);
	}
	grow_window(r, (uint32_t)(r->unacknowledged - before), (uint32_t)(r->sent_end - before));
	r->progress_ns = now_ns;
	r->not_ready_since_ns = 0;
	r->backoff = 0;
	r->probes = 0;
	r->probe_due = false;
	roce_requester_sampled(r, now_ns);
	if (r->waiting_not_ready)
		return;
	if (r->unacknowledged == r->sent_end)
		roce_timer_cancel(&qp->timer);
	else
		roce_requester_arm(device, qp, now_ns);
}

void roce_requester_shrink(struct requester *r)
{
	r->window /= 2;
	if (r->window < WINDOW_PACKETS_MIN)
		r->window = WINDOW_PACKETS_MIN;
}

/* ---------------------------------------------------------------- answers in */

static void fail_at(struct roce_device *device, struct queue_pair *qp, uint64_t sequence, int status, uint64_t now_ns)
{
	struct requester *r = &qp->requester;

	roce_qp_fail(device, qp, r->started > 0 ? request_index(r, sequence) : 0, status, now_ns);
}

static void fatal_nak(struct roce_device *device, struct queue_pair *qp, uint64_t sequence, uint8_t code, uint64_t now_ns)
{
	int status = code == 2 ? -EACCES : code == 3 ? -EIO : -EPROTO;

	fail_at(device, qp, sequence > qp->requester.unacknowledged ? sequence : qp->requester.unacknowledged, status, now_ns);
}

static void receiver_not_ready(struct roce_device *device, struct queue_pair *qp, uint64_t sequence, uint8_t code,
			       uint64_t now_ns)
{
	struct requester *r = &qp->requester;

	device->counters.rnr_naks_received++;
	roce_requester_go_back(r, sequence);
	roce_requester_forget_held(r);		/* it may have to be sent again, too */
	r->repair_next = r->repair_end = 0;
	r->waiting_not_ready = true;
	r->probes = 0;
	r->probe_due = r->probe_armed = false;
	r->progress_ns = now_ns;		/* the peer lives */
	if (!r->not_ready_since_ns)
		r->not_ready_since_ns = now_ns;
	roce_timer_set(device, &qp->timer, now_ns + rnr_timer_10us[code] * UINT64_C(10000));
}

static void negative(struct roce_device *device, struct queue_pair *qp, uint64_t sequence, const struct roce_packet *packet,
		     uint64_t now_ns)
{
	struct requester *r = &qp->requester;
	uint8_t code = packet->syndrome & SYNDROME_VALUE;
	uint64_t last;

	if ((packet->syndrome & SYNDROME_CLASS) == SYNDROME_RNR) {
		receiver_not_ready(device, qp, sequence, code, now_ns);
		return;
	}
	device->counters.naks_received++;
	if (code != 0) {
		fatal_nak(device, qp, sequence, code, now_ns);
		return;
	}
	roce_requester_repair(r, sequence - 1);
	if (sequence < r->acknowledged)
		return;			/* it came late: the peer has the packet by now */
	if (roce_requester_note_report(device, qp, sequence, packet, &last)) {
		roce_requester_put_probe_off(device, qp, now_ns);
		roce_requester_repair(r, last);
	} else if (sequence < r->next) {
		roce_requester_shrink(r);
		roce_requester_go_back(r, sequence);
	}
}

static void acknowledgement(struct roce_device *device, struct queue_pair *qp, const struct roce_packet *packet,
			    uint64_t now_ns)
{
	struct requester *r = &qp->requester;
	uint64_t sequence = sequence_near(r->unacknowledged, packet->psn);
	bool positive = (packet->syndrome & SYNDROME_CLASS) == SYNDROME_ACK;
	uint64_t executed_end = positive ? sequence + 1 : sequence;

	if (sequence >= r->sent_end || (packet->syndrome & SYNDROME_CLASS) == 0x40) {
		device->counters.drop_answer++;
		return;
	}
	if (packet->payload_len_bytes > 0 && (!qp->selective || packet->payload_len_bytes != HELD_REPORT_BYTES ||
					      packet->syndrome != SYNDROME_NAK)) {
		device->counters.reports_refused++;
		return;
	}
	if (sequence < r->unacknowledged) {
		roce_requester_duplicate(device, r, sequence);
		return;
	}
	roce_requester_acknowledge(r, executed_end);
	advance(device, qp, now_ns);
	if (positive)
		roce_requester_repair(r, sequence);
	else
		negative(device, qp, sequence, packet, now_ns);
}

/* The request that data for `sequence` belongs to; NULL when none waits for it. */
static const struct work_request *data_awaited(struct roce_device *device, struct requester *r, uint64_t sequence)
{
	if (sequence >= r->sent_end) {
		device->counters.drop_answer++;
		return NULL;
	}
	if (sequence < r->unacknowledged || received_test(r, sequence)) {
		roce_requester_duplicate(device, r, sequence);
		return NULL;
	}
	return request_of(r, sequence);
}

static void data_landed(struct roce_device *device, struct queue_pair *qp, uint64_t sequence, uint64_t now_ns)
{
	struct requester *r = &qp->requester;

	received_set(r, sequence, true);
	roce_requester_acknowledge(r, sequence + 1);
	advance(device, qp, now_ns);
	if (sequence > r->unacknowledged)
		roce_requester_put_probe_off(device, qp, now_ns);
	roce_requester_repair(r, sequence);
}

static void atomic_response(struct roce_device *device, struct queue_pair *qp, const struct roce_packet *packet,
			    uint64_t now_ns)
{
	uint64_t sequence = sequence_near(qp->requester.unacknowledged, packet->psn);
	const struct work_request *work = data_awaited(device, &qp->requester, sequence);

	if (!work)
		return;
	if (!answered_by_data(work) || work->opcode == ROCE_READ || (packet->syndrome & SYNDROME_CLASS) != SYNDROME_ACK) {
		device->counters.drop_answer++;
		return;
	}
	memcpy(work->local, &packet->original, sizeof(packet->original));
	data_landed(device, qp, sequence, now_ns);
}

/*
 * Is a response what `work` wants for this sequence number, and at which offset? Only the sequence number says that: a
 * repeated part of a READ may come as MIDDLE or LAST.
 */
static bool belongs(const struct queue_pair *qp, const struct work_request *work, uint64_t sequence,
		    const struct roce_packet *packet, uint64_t *offset)
{
	uint32_t wanted;

	*offset = (sequence - work->first) * qp->mtu_bytes;
	wanted = *offset + qp->mtu_bytes <= work->len_bytes ? qp->mtu_bytes : work->len_bytes - (uint32_t)*offset;
	return work->opcode == ROCE_READ && packet->payload_len_bytes == wanted;
}

uint8_t *roce_requester_place(const struct queue_pair *qp, const struct roce_packet *packet)
{
	const struct requester *r = &qp->requester;
	uint64_t sequence = sequence_near(r->unacknowledged, packet->psn), offset;
	const struct work_request *work;

	assert(packet->payload_len_bytes > 0);
	if (qp->state != QP_READY || sequence < r->unacknowledged || sequence >= r->sent_end || received_test(r, sequence))
		return NULL;
	work = request_of(r, sequence);
	return belongs(qp, work, sequence, packet, &offset) ? work->local + offset : NULL;
}

static void read_response(struct roce_device *device, struct queue_pair *qp, const struct roce_packet *packet,
			  uint64_t now_ns)
{
	struct requester *r = &qp->requester;
	uint64_t sequence = sequence_near(r->unacknowledged, packet->psn), offset;
	const struct work_request *work = data_awaited(device, r, sequence);

	if (!work)
		return;
	if (!belongs(qp, work, sequence, packet, &offset)) {
		device->counters.drop_answer++;
		return;
	}
	if (packet->payload_len_bytes > 0 && packet->payload != work->local + offset)
		memcpy(work->local + offset, packet->payload, packet->payload_len_bytes);
	roce_budget_return(device, qp, packet->payload_len_bytes);
	data_landed(device, qp, sequence, now_ns);
}

void roce_requester_input(struct roce_device *device, struct queue_pair *qp, const struct roce_packet *packet,
			  uint64_t now_ns)
{
	if (qp->state != QP_READY) {
		device->counters.drop_not_connected++;
		return;
	}
	if (packet->opcode == OPCODE_ACKNOWLEDGE)
		acknowledgement(device, qp, packet, now_ns);
	else if (packet->opcode == OPCODE_ATOMIC_ACKNOWLEDGE)
		atomic_response(device, qp, packet, now_ns);
	else
		read_response(device, qp, packet, now_ns);
}
