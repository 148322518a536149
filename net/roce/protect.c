/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * MACs on packets: behind the pad, before the ICRC, stands a trailer of a counter (8 bytes, big-endian) and a tag.
 *
 *	BTH ... payload, pad | counter | tag | ICRC
 *
 *  T1  A counter is used for one packet: a repetition is sealed anew, because its bits may differ from the first time
 *      (acknowledgement request, message sequence number, READ data that was written to meanwhile).
 *  T2  The tag covers everything from the BTH to the counter. Addresses and ports need not be covered: the keys are the
 *      connection's own.
 *  T3  A counter is taken once, and only if it is within PROTECTION_WINDOW of the newest: what is older is a replay, or
 *      so late that the transport has repeated it already.
 *  T4  What fails is dropped without an answer, before anything of the packet is looked at.
 */
#include "net/roce/internal.h"

#include "net/roce/bytes.h"
#include "net/roce/responder.h"

#define COUNTER_BYTES 8u
_Static_assert(ROCE_TRAILER_BYTES == COUNTER_BYTES + ROCE_TAG_BYTES, "trailer");
_Static_assert(PROTECTION_WINDOW == 64 * (sizeof(((struct roce_protection *)0)->window) / sizeof(uint64_t)), "a bit a counter");

int roce_protect(struct roce_device *device, uint32_t qpn, struct roce_protection *protection)
{
	struct queue_pair *qp = roce_qp_find(device, qpn);

	if (!qp)
		return -ENOENT;
	qp->protection = protection;
	return 0;
}

void roce_unprotect(struct roce_device *device, uint32_t qpn, const struct roce_protection *protection)
{
	struct queue_pair *qp = roce_qp_find(device, qpn);

	if (!qp || !qp->protection || qp->protection != protection)
		return;
	assert(qp->state == QP_ERROR);
	qp->protection = NULL;
	responses_drop(device, &qp->responder);
	qp->responder.fatal_syndrome = 0;	/* the NAK that each repetition would get */
}

void roce_protection_seal(struct roce_protection *protection, struct roce_datagram *datagram)
{
	uint8_t *trailer = datagram->bytes + datagram->len_bytes - ROCE_ICRC_BYTES;
	uint64_t counter = protection->sent++;

	put_be64(trailer, counter);
	protection->tag(protection->context, counter, datagram->bytes, datagram->len_bytes - ROCE_ICRC_BYTES + COUNTER_BYTES,
			trailer + COUNTER_BYTES);
	datagram->len_bytes += ROCE_TRAILER_BYTES;
	assert(datagram->len_bytes <= ROCE_DATAGRAM_BYTES_MAX);
}

static uint64_t window_bit(uint64_t counter)
{
	return UINT64_C(1) << counter % 64;
}

/* T3, first half: may this counter still come? */
static bool counter_fresh(const struct roce_protection *protection, uint64_t counter)
{
	if (counter >= protection->expected)
		return true;
	return protection->expected - counter <= PROTECTION_WINDOW &&
	       !(protection->window[counter % PROTECTION_WINDOW / 64] & window_bit(counter));
}

/* T3, second half. */
static void counter_take(struct roce_protection *protection, uint64_t counter)
{
	if (counter >= protection->expected && counter - protection->expected >= PROTECTION_WINDOW)
		memset(protection->window, 0, sizeof(protection->window));
	else
		for (uint64_t passed = protection->expected; passed < counter; passed++)
			protection->window[passed % PROTECTION_WINDOW / 64] &= ~window_bit(passed);
	protection->window[counter % PROTECTION_WINDOW / 64] |= window_bit(counter);
	if (counter >= protection->expected)
		protection->expected = counter + 1;
}

bool roce_protection_open(struct roce_device *device, struct roce_protection *protection,
			  const struct roce_datagram *datagram)
{
	const uint8_t *trailer;
	uint64_t counter;

	if (datagram->len_bytes < ROCE_BTH_BYTES + ROCE_TRAILER_BYTES + ROCE_ICRC_BYTES) {
		device->counters.drop_mac++;
		return false;
	}
	trailer = datagram->bytes + datagram->len_bytes - ROCE_ICRC_BYTES - ROCE_TRAILER_BYTES;
	counter = get_be64(trailer);
	if (!counter_fresh(protection, counter)) {
		device->counters.drop_replay++;
		return false;
	}
	if (counter == UINT64_MAX || !protection->verify(protection->context, counter, datagram->bytes,
							 (size_t)(trailer - datagram->bytes) + COUNTER_BYTES,
							 trailer + COUNTER_BYTES)) {
		device->counters.drop_mac++;
		return false;
	}
	counter_take(protection, counter);
	return true;
}
