/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Secrets in messages, sealed under the keys of the connection that carries them. Their counters are a connection's own,
 * and those of its two directions belong to different keys.
 */
#include "net/rpc/internal.h"

static struct rpc_session *connected(struct rpc_endpoint *endpoint, uint32_t handle)
{
	struct rpc_session *session = rpc_session_of_handle(endpoint, handle);

	return session != NULL && session->state == SESSION_UP ? session : NULL;
}

int rpc_secret_seal(struct rpc_endpoint *endpoint, uint32_t handle, void *secret, uint32_t len_bytes, uint64_t *counter,
		    uint8_t tag[SECURE_TAG_BYTES])
{
	struct rpc_session *session = connected(endpoint, handle);

	if (session == NULL)
		return -ENOTCONN;
	*counter = session->secrets_sealed++;
	secure_seal(session->key_send, *counter, secret, len_bytes, tag);
	return 0;
}

bool rpc_secret_open(struct rpc_endpoint *endpoint, uint32_t handle, uint64_t counter, void *secret, uint32_t len_bytes,
		     const uint8_t tag[SECURE_TAG_BYTES])
{
	struct rpc_session *session = connected(endpoint, handle);

	return session != NULL && secure_open(session->key_receive, counter, secret, len_bytes, tag);
}
