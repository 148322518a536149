/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * plenum-icrc: check the invariant CRC of every RoCEv2 packet in captures. tshark shows it and does not verify it.
 * Exit status: 0 all right, 1 a packet is wrong, 2 something could not be checked.
 */
#include <arpa/inet.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "net/roce/packet.h"
#include "tools/capture.h"

#define SHOWN_MAX 10u		/* wrong packets described, per file */

enum exit_status { ALL_RIGHT, WRONG, NOT_CHECKED };

struct tally {
	uint64_t frames, right, wrong, malformed, cut, other;
	unsigned shown;
};

static void show(struct tally *tally, const struct roce_datagram *datagram, const char *what)
{
	const struct in_addr from = { htonl(datagram->source_address) }, to = { htonl(datagram->destination_address) };
	char from_text[INET_ADDRSTRLEN], to_text[INET_ADDRSTRLEN];

	if (tally->shown++ >= SHOWN_MAX)
		return;
	inet_ntop(AF_INET, &from, from_text, sizeof(from_text));
	inet_ntop(AF_INET, &to, to_text, sizeof(to_text));
	printf("  frame %" PRIu64 ", %s to %s, %zu bytes from the BTH: %s\n", tally->frames, from_text, to_text, datagram->len_bytes, what);
}

static void check_packet(struct tally *tally, const struct roce_datagram *datagram)
{
	struct roce_packet packet;

	/* The ICRC is looked for where lengths say that it is: those have to be right first. */
	if (roce_packet_decode(datagram->bytes, datagram->len_bytes, &packet) != PACKET_OK) {
		tally->malformed++;
		show(tally, datagram, "not a RoCEv2 packet");
	} else if (!roce_icrc_verify(datagram, &crc_table, NULL)) {
		tally->wrong++;
		show(tally, datagram, "wrong ICRC");
	} else {
		tally->right++;
	}
}

/* Everything up to the end of the file. False: it ends where it must not. */
static bool check_frames(struct capture *capture, struct tally *tally)
{
	struct roce_datagram datagram;

	for (;;) {
		enum capture_result result = capture_next(capture, &datagram);

		if (result == CAPTURE_END)
			return true;
		if (result == CAPTURE_BROKEN)
			return false;
		tally->frames++;
		switch (result) {
		case CAPTURE_ROCE:
			check_packet(tally, &datagram);
			break;
		case CAPTURE_CUT:
			tally->cut++;
			break;
		case CAPTURE_MALFORMED:
			tally->malformed++;
			break;
		default:
			tally->other++;
			break;
		}
	}
}

static enum exit_status check_file(const char *path)
{
	static struct capture capture;
	struct tally tally = { 0 };
	char error[256];
	bool whole;

	if (capture_open(&capture, path, error, sizeof(error)) != 0) {
		fprintf(stderr, "plenum-icrc: %s\n", error);
		return NOT_CHECKED;
	}
	printf("%s:\n", path);
	whole = check_frames(&capture, &tally);
	capture_close(&capture);
	printf("  %" PRIu64 " right, %" PRIu64 " wrong, %" PRIu64 " malformed, %" PRIu64 " cut, %" PRIu64 " other frames\n",
	       tally.right, tally.wrong, tally.malformed, tally.cut, tally.other);
	if (!whole)
		fprintf(stderr, "plenum-icrc: %s: damaged after frame %" PRIu64 "\n", path, tally.frames);
	if (tally.cut > 0)
		fprintf(stderr, "plenum-icrc: %s: made without the whole packets; a rack needs 'capture = full'\n", path);
	if (tally.wrong > 0 || tally.malformed > 0)
		return WRONG;
	return !whole || tally.cut > 0 || tally.right == 0 ? NOT_CHECKED : ALL_RIGHT;
}

int main(int count, char **words)
{
	enum exit_status worst = ALL_RIGHT;

	if (count < 2 || words[1][0] == '-') {
		fputs("usage: plenum-icrc CAPTURE...\n"
		      "Verifies the ICRC of every RoCEv2 packet in pcap files. Exit status: 0 all right, 1 a packet is wrong,\n"
		      "2 something could not be checked (no RoCEv2 at all, packets cut short, a damaged file).\n",
		      count == 2 && strcmp(words[1], "--help") == 0 ? stdout : stderr);
		return count == 2 && strcmp(words[1], "--help") == 0 ? ALL_RIGHT : NOT_CHECKED;
	}
	for (int i = 1; i < count; i++) {
		enum exit_status status = check_file(words[i]);

		/* One wrong packet says more than another file that could not be checked. */
		if (worst != WRONG && status != ALL_RIGHT)
			worst = status;
	}
	return worst;
}
