/* SPDX-License-Identifier: GPL-2.0-only */
/* The requester's time: round trips, the probe for a lost tail, and what is done when nothing helps but a timeout. */
#include "net/roce/requester.h"

static uint64_t retransmit_timeout_ns(const struct requester *r)
{
	uint64_t timeout_ns = RETRANSMIT_FIRST_NS;

	if (r->round_trip_ns)
		timeout_ns = r->round_trip_ns + UINT64_C(4) * r->round_trip_variance_ns;
	if (timeout_ns < RETRANSMIT_FLOOR_NS)
		timeout_ns = RETRANSMIT_FLOOR_NS;
	for (uint32_t i = 0; i < r->backoff && timeout_ns < RETRANSMIT_CEILING_NS; i++)
		timeout_ns *= 2;
	return timeout_ns < RETRANSMIT_CEILING_NS ? timeout_ns : RETRANSMIT_CEILING_NS;
}

static uint64_t probe_timeout_ns(const struct requester *r)
{
	uint64_t timeout_ns = r->round_trip_ns + UINT64_C(4) * r->round_trip_variance_ns;

	if (timeout_ns < UINT64_C(2) * r->round_trip_ns)
		timeout_ns = UINT64_C(2) * r->round_trip_ns;
	if (timeout_ns < PROBE_FLOOR_NS)
		timeout_ns = r->round_trip_ns ? PROBE_FLOOR_NS : PROBE_FIRST_NS;
	return timeout_ns << (r->probe_backoff + r->probes);
}

/* An answer that came before comes again: was the probe needless? */
void roce_requester_duplicate(struct roce_device *device, struct requester *r, uint64_t sequence)
{
	device->counters.duplicates++;
	if (sequence != r->probe_sequence)
		return;
	r->probe_sequence = 0;
	r->probe_backoff += r->probe_backoff < PROBE_BACKOFF_MAX;
	device->counters.probes_needless++;
}

void roce_requester_arm(struct roce_device *device, struct queue_pair *qp, uint64_t now_ns)
{
	struct requester *r = &qp->requester;
	uint64_t timeout_ns = retransmit_timeout_ns(r), give_up_ns = r->progress_ns + GIVE_UP_NS, deadline_ns;

	r->probe_armed = r->probes < PROBES_MAX && probe_timeout_ns(r) < timeout_ns;
	if (r->probe_armed)
		timeout_ns = probe_timeout_ns(r);
	deadline_ns = now_ns + timeout_ns;
	if (deadline_ns > give_up_ns)
		deadline_ns = give_up_ns > now_ns ? give_up_ns : now_ns;
	roce_timer_set(device, &qp->timer, deadline_ns);
}

/* Jacobson and Karels, 1988; no sample survives a retransmission (Karn). */
void roce_requester_sampled(struct requester *r, uint64_t now_ns)
{
	uint64_t sample_ns, error_ns;

	if (!r->sample_sent_ns || r->unacknowledged <= r->sample_sequence)
		return;
	sample_ns = now_ns > r->sample_sent_ns ? now_ns - r->sample_sent_ns : 1;
	if (sample_ns > GIVE_UP_NS)		/* longer ones change nothing */
		sample_ns = GIVE_UP_NS;
	r->sample_sent_ns = 0;
	r->probe_backoff -= r->probe_backoff > 0;
	if (!r->round_trip_ns) {
		r->round_trip_ns = (uint32_t)sample_ns;
		r->round_trip_variance_ns = (uint32_t)sample_ns / 2;
		return;
	}
	error_ns = sample_ns > r->round_trip_ns ? sample_ns - r->round_trip_ns : r->round_trip_ns - sample_ns;
	r->round_trip_variance_ns = (uint32_t)((UINT64_C(3) * r->round_trip_variance_ns + error_ns) / 4);
	r->round_trip_ns = (uint32_t)((UINT64_C(7) * r->round_trip_ns + sample_ns) / 8);
}

/* The oldest hole is still open, but the peer is heard: the repair may be on its way among its answers. */
void roce_requester_put_probe_off(struct roce_device *device, struct queue_pair *qp, uint64_t now_ns)
{
	if (qp->requester.probe_armed && qp->requester.unacknowledged < qp->requester.sent_end)
		roce_requester_arm(device, qp, now_ns);
}

void roce_requester_timer(struct roce_device *device, struct queue_pair *qp, uint64_t now_ns)
{
	struct requester *r = &qp->requester;

	assert(qp->state == QP_READY);
	if (r->waiting_not_ready) {
		if (now_ns - r->not_ready_since_ns >= RNR_GIVE_UP_NS && r->not_ready_since_ns) {
			device->counters.retry_exhausted++;
			roce_qp_fail(device, qp, 0, -ETIMEDOUT, now_ns);
			return;
		}
		r->waiting_not_ready = false;
		if (r->unacknowledged < r->sent_end)
			roce_requester_arm(device, qp, now_ns);
		return;
	}
	if (r->unacknowledged == r->sent_end)
		return;
	if (r->probe_armed) {
		r->probes++;
		r->probe_due = true;
		roce_requester_arm(device, qp, now_ns);
		return;
	}
	device->counters.timeouts++;
	if (now_ns - r->progress_ns >= GIVE_UP_NS) {
		device->counters.retry_exhausted++;
		roce_qp_fail(device, qp, 0, -ETIMEDOUT, now_ns);
		return;
	}
	r->backoff += r->backoff < UINT8_MAX;
	r->window = 1;
	r->probes = PROBES_MAX;			/* what they could bring, going back brings too */
	r->probe_due = false;
	roce_requester_forget_held(r);
	r->repair_next = r->repair_end = r->repaired_end = 0;
	roce_requester_go_back(r, r->unacknowledged);
	roce_requester_arm(device, qp, now_ns);
}
