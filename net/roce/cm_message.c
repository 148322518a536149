/* SPDX-License-Identifier: GPL-2.0-only */
#include "net/roce/cm_message.h"

#include <assert.h>
#include <string.h>

#include "net/roce/bytes.h"

#define MAD_HEADER_BYTES 24u
#define CLASS_COMMUNICATION 0x07
#define METHOD_SEND 0x03
#define GID_BYTES 16u
#define REQ_PRIVATE_OFFSET 140u
#define RESPONSE_TIMEOUT_CODE 20u		/* 4.3 s, as librdmacm says */
#define PACKET_RATE 0x17u

/* Where private data starts in the 232 bytes after the MAD header, and how long it is. */
static void private_place(uint16_t attribute, uint32_t *offset, uint32_t *len_bytes)
{
	switch (attribute) {
	case CM_REQ:
		*offset = REQ_PRIVATE_OFFSET + CM_IP_HEADER_BYTES;
		*len_bytes = ROCE_REQ_PRIVATE_BYTES_MAX;
		break;
	case CM_REP:
		*offset = 36;
		*len_bytes = ROCE_REP_PRIVATE_BYTES_MAX;
		break;
	case CM_REJ:
		*offset = 84;
		*len_bytes = ROCE_REJ_PRIVATE_BYTES_MAX;
		break;
	case CM_DREQ:
		*offset = 12;
		*len_bytes = 220;
		break;
	case CM_MRA:
		*offset = 10;
		*len_bytes = 222;
		break;
	case CM_SIDR_REQ:
	case CM_SIDR_REP:			/* nothing of them is looked at */
		*offset = *len_bytes = 0;
		break;
	default:				/* RTU, DREP */
		*offset = 8;
		*len_bytes = ROCE_PRIVATE_BYTES_MAX;
		break;
	}
}

/* An IPv4 address as a GID is ::ffff:a.b.c.d. */
static uint32_t gid_get(const uint8_t *gid)
{
	static const uint8_t prefix[12] = { [10] = 0xff, [11] = 0xff };

	return memcmp(gid, prefix, sizeof(prefix)) == 0 ? get_be32(gid + 12) : 0;
}

static void gid_put(uint8_t *gid, uint32_t address)
{
	gid[10] = gid[11] = 0xff;
	put_be32(gid + 12, address);
}

static uint8_t features_get(const uint8_t *context)
{
	uint32_t number = get_be24(context);

	return number >> 8 == CM_FEATURES_MAGIC ? number & CM_FEATURES : 0;
}

static void features_put(uint8_t *context, uint8_t features)
{
	put_be24(context, features ? CM_FEATURES_MAGIC << 8 | features : 0);
}

/* ---------------------------------------------------------------- decode */

static void decode_req(const uint8_t *data, struct cm_message *message)
{
	const uint8_t *ip = data + REQ_PRIVATE_OFFSET;

	message->service_id = get_be64(data + 8);
	message->guid = get_be64(data + 16);
	message->qpn = get_be24(data + 32);
	message->responder_resources = data[35];
	message->features = features_get(data + 36);
	message->initiator_depth = data[39];
	message->transport = data[43] >> 1 & 3;
	message->starting_psn = get_be24(data + 44);
	message->retries = data[47] & 7;
	message->pkey = get_be16(data + 48);
	message->path_mtu = data[50] >> 4;
	message->extended = (data[50] & 8) || (data[51] & 7);
	message->rnr_retries = data[50] & 7;
	message->gid_local = gid_get(data + 56);
	message->gid_remote = gid_get(data + 72);
	message->ack_timeout = data[95] >> 3;
	message->ip_source_port = get_be16(ip + 2);
	message->ip_header_valid = ip[0] == 0 && ip[1] >> 4 == 4 && get_be32(ip + 16) == message->gid_local &&
				   get_be32(ip + 32) == message->gid_remote;
}

static void decode_rep(const uint8_t *data, struct cm_message *message)
{
	message->qpn = get_be24(data + 12);
	message->features = features_get(data + 16);
	message->starting_psn = get_be24(data + 20);
	message->responder_resources = data[24];
	message->initiator_depth = data[25];
	message->rnr_retries = data[27] >> 5;
	message->guid = get_be64(data + 28);
}

static void decode_rej(const uint8_t *data, struct cm_message *message)
{
	message->message_concerned = data[8] >> 6;
	message->info_len_bytes = data[9] >> 1;
	message->reason = get_be16(data + 10);
	if (message->info_len_bytes <= CM_INFO_BYTES_MAX)
		memcpy(message->info, data + 12, sizeof(message->info));
}

bool cm_message_decode(const uint8_t *mad, uint32_t len_bytes, struct cm_message *message)
{
	const uint8_t *data = mad + MAD_HEADER_BYTES;
	uint32_t offset;

	/* Base version, class, class version, method. */
	if (len_bytes != MAD_BYTES || mad[0] != 1 || mad[1] != CLASS_COMMUNICATION || mad[2] != 2 || mad[3] != METHOD_SEND)
		return false;
	memset(message, 0, sizeof(*message));
	message->transaction = get_be64(mad + 8);
	message->attribute = get_be16(mad + 16);
	message->local_number = get_be32(data);
	if (message->attribute != CM_REQ && message->attribute != CM_SIDR_REQ && message->attribute != CM_SIDR_REP)
		message->remote_number = get_be32(data + 4);
	switch (message->attribute) {
	case CM_REQ:
		decode_req(data, message);
		break;
	case CM_REP:
		decode_rep(data, message);
		break;
	case CM_REJ:
		decode_rej(data, message);
		break;
	case CM_DREQ:
		message->qpn = get_be24(data + 8);
		break;
	case CM_MRA:
		message->message_concerned = data[8] >> 6;
		message->mra_timeout = data[9] >> 3;
		break;
	case CM_RTU:
	case CM_DREP:
	case CM_SIDR_REQ:
	case CM_SIDR_REP:
		break;
	default:
		return false;
	}
	private_place(message->attribute, &offset, &message->private_len_bytes);
	message->private_data = data + offset;
	return true;
}

/* ---------------------------------------------------------------- encode */

static void encode_req(const struct cm_message *message, uint8_t *data)
{
	uint8_t *ip = data + REQ_PRIVATE_OFFSET;

	put_be64(data + 8, message->service_id);
	put_be64(data + 16, message->guid);
	put_be24(data + 32, message->qpn);
	data[35] = message->responder_resources;
	features_put(data + 36, message->features);
	data[39] = message->initiator_depth;
	data[43] = (uint8_t)(RESPONSE_TIMEOUT_CODE << 3 | message->transport << 1);
	put_be24(data + 44, message->starting_psn);
	data[47] = (uint8_t)(RESPONSE_TIMEOUT_CODE << 3 | message->retries);
	put_be16(data + 48, 0xffff);		/* partition key */
	data[50] = (uint8_t)(message->path_mtu << 4 | message->rnr_retries);
	data[51] = 15 << 4;			/* CM retries */
	put_be16(data + 52, 0xffff);		/* local identifiers mean nothing on Ethernet */
	put_be16(data + 54, 0xffff);
	gid_put(data + 56, message->gid_local);
	gid_put(data + 72, message->gid_remote);
	data[91] = PACKET_RATE;
	data[93] = 64;				/* hop limit */
	data[95] = (uint8_t)(message->ack_timeout << 3);
	ip[1] = 4 << 4;
	put_be16(ip + 2, message->ip_source_port);
	put_be32(ip + 16, message->gid_local);
	put_be32(ip + 32, message->gid_remote);
}

static void encode_rep(const struct cm_message *message, uint8_t *data)
{
	put_be24(data + 12, message->qpn);
	features_put(data + 16, message->features);
	put_be24(data + 20, message->starting_psn);
	data[24] = message->responder_resources;
	data[25] = message->initiator_depth;
	data[27] = (uint8_t)(message->rnr_retries << 5);
	put_be64(data + 28, message->guid);
}

static void encode_rej(const struct cm_message *message, uint8_t *data)
{
	assert(message->info_len_bytes <= sizeof(message->info));
	data[8] = (uint8_t)(message->message_concerned << 6);
	data[9] = (uint8_t)(message->info_len_bytes << 1);
	put_be16(data + 10, message->reason);
	memcpy(data + 12, message->info, message->info_len_bytes);
}

static void encode_mra(const struct cm_message *message, uint8_t *data)
{
	data[8] = (uint8_t)(message->message_concerned << 6);
	data[9] = (uint8_t)(message->mra_timeout << 3);
}

void cm_message_encode(const struct cm_message *message, uint8_t *mad)
{
	uint8_t *data = mad + MAD_HEADER_BYTES;
	uint32_t offset, len_bytes_max;

	memset(mad, 0, MAD_BYTES);
	mad[0] = 1;
	mad[1] = CLASS_COMMUNICATION;
	mad[2] = 2;
	mad[3] = METHOD_SEND;
	put_be64(mad + 8, message->transaction);
	put_be16(mad + 16, message->attribute);
	put_be32(data, message->local_number);
	if (message->attribute != CM_REQ && message->attribute != CM_SIDR_REP)
		put_be32(data + 4, message->remote_number);
	if (message->attribute == CM_REQ)
		encode_req(message, data);
	else if (message->attribute == CM_REP)
		encode_rep(message, data);
	else if (message->attribute == CM_REJ)
		encode_rej(message, data);
	else if (message->attribute == CM_DREQ)
		put_be24(data + 8, message->qpn);
	else if (message->attribute == CM_MRA)
		encode_mra(message, data);
	else if (message->attribute == CM_SIDR_REP)
		data[4] = message->status;
	private_place(message->attribute, &offset, &len_bytes_max);
	assert(message->private_len_bytes <= len_bytes_max);
	if (message->private_len_bytes > 0)
		memcpy(data + offset, message->private_data, message->private_len_bytes);
}
