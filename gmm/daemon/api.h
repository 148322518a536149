/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The HTTP API inside the daemon. Commands are those of the control socket (client.h); routes are in route_table.c.
 *
 *	api.c		doors (TCP and the Unix socket), connections, the life of a request
 *	api_check.c	who asks for what, and may they
 *	api_answer.c	commands run for requests, and what goes back
 *	api_stream.c	streams of server-sent events
 *	api_events.c	events as a stream
 *	api_console.c	a VM's serial line as a stream
 *	api_metrics.c	numbers for Prometheus
 *	api_web.c	the web console's files
 *
 * A request: begun (head is here, checked) -> body -> started -> answered at once, or suspended until its command answers. libmicrohttpd owns
 * the connection, and calls api_request_over() when the request is done with, whatever happened.
 */
#ifndef PLENUM_GMM_API_H
#define PLENUM_GMM_API_H

#include <microhttpd.h>

#include "gmm/daemon/client.h"
#include "gmm/daemon/route.h"
#include "gmm/daemon/token_file.h"

#define API_BODY_BYTES_MAX 65536u
#define API_DISCARD_BYTES_MAX (1u << 20)	/* of a body that is too large, for the sake of the answer; then the connection is cut */
#define API_CONNECTIONS_MAX 4096u	/* of each door */
#define API_WAITING_MAX 256u		/* requests whose commands have not answered yet */
#define API_STREAMS_MAX 2048u
#define API_SEND_BYTES 16384u		/* of a connection's socket buffer: answers wait here, not in the kernel */
#define API_SEND_BYTES_MAX (1u << 20)	/* once it has had a whole answer that is larger */
#define API_CONNECTION_TIMEOUT_S 10u
#define API_KEEPALIVE_NS UINT64_C(15000000000)
#define API_TOKENS_NS UINT64_C(1000000000)
#define API_BEHIND_MAX 256u		/* events that happened while a listener took none: it is too slow */
#define API_CONSOLE_BEHIND_BYTES 65536u	/* written to a serial line while a viewer took none */
#define API_HEAD_BYTES 192u
#define API_EVENT_BYTES 2048u		/* of one event as text */
#define API_REFUSED_LOG_NS UINT64_C(10000000000)

struct api;

/* A place to come in by. */
struct api_door {
	struct api *api;
	struct MHD_Daemon *daemon;	/* NULL: not open */
	bool trusted;			/* whoever gets here is the operator: the Unix socket */
};

struct api_request {
	struct client client;		/* first: its command knows it by this */
	struct api_request *next, *previous;
	struct api_door *door;
	struct MHD_Connection *connection;
	char *uri;			/* until it is checked */
	bool begun, started, answered, suspended;
	bool waiting;			/* counts against API_WAITING_MAX */
	enum role role;
	char who[TOKEN_NAME_BYTES];
	struct token token;		/* that it came with; unless its door is trusted */
	const struct route *route;	/* NULL: refused before it was known, or for a file */
	const struct web_file *file;	/* of the web console; NULL: not for one */
	struct route_target *target;	/* until it is started */
	char *body;
	size_t body_len_bytes, discarded_bytes;
	char key[GMM_KEY_BYTES];	/* Idempotency-Key; empty: none */
	uint8_t digest[GMM_DIGEST_BYTES];
	unsigned http;			/* status code of the answer */
	char allow[64];			/* header Allow; empty: none */
	uint64_t operation;		/* header Location; 0: none */
	json_t *items;			/* so far */
	json_t *answer;			/* result or error */
	struct api_stream *stream;	/* NULL: not one */
};

struct api_stream;

/* What a stream is of. */
struct api_stream_kind {
	const char *what;		/* for the log */
	/* The piece after those that were taken: 1; 0: there is none now; -ESHUTDOWN: that was all; another errno: it is lost. */
	int (*next)(struct api_stream *stream, const char **text, size_t *len_bytes);
	void (*taken)(struct api_stream *stream);	/* that piece */
	void (*takes)(struct api_stream *stream);	/* something: it is not behind */
	bool (*idle)(const struct api_stream *stream);	/* next() would give nothing */
	bool (*behind)(const struct api_stream *stream);	/* too much happened since it last took something */
	void (*gone)(struct api_stream *stream);	/* NULL: nothing is to be done */
};

struct api_stream {
	const struct api_stream_kind *kind;
	struct api_request *request;
	uint32_t offset;		/* what is given of the next piece */
	uint32_t head_len_bytes, head_offset;
	char head[API_HEAD_BYTES];	/* goes before the next piece: a comment, or that something was lost */
	bool cut;
};

struct api {
	struct gmmd *gmmd;
	struct api_door doors[2];
	struct token_set tokens;
	struct api_request *requests;	/* all of them */
	uint32_t waiting_count, stream_count;
	uint32_t viewer_count;		/* of the streams, those of serial lines */
	bool started;			/* a command was, and has not had its turn yet */
	uint64_t sequence;		/* of the last event that is kept, and so may be told (M7) */
	uint64_t keepalive_ns;		/* next */
	uint64_t tokens_ns;		/* when to look again whether some have expired */
	uint64_t refused_log_ns;	/* not before */
	uint64_t refused_count;		/* since the last log line about them */
	uint64_t answers[6];		/* by the first digit of their status code */
	uint64_t streams_cut;
	struct {			/* the text of one event, made once for all listeners */
		uint64_t sequence;	/* 0: of none */
		size_t len_bytes;
		char text[API_EVENT_BYTES];
	} event;
};

/* api_check.c: decide about a request whose head is here: route and target, or an answer that refuses it. */
void api_check(struct api_request *request, const char *method);

/* api_answer.c */
extern const struct client_kind api_client_kind;
__attribute__((format(printf, 3, 4))) void api_refuse(struct api_request *request, unsigned http, const char *format, ...);
/* Its body is complete: run it. Afterwards it is answered, or waits. */
void api_start(struct api_request *request);
/*
 * A response of all of `text` (from malloc(), taken), for api_send(); NULL: out of memory. The socket is given room for it: else loopback, whose
 * segments are as long as a socket's buffer, waits 40 ms for an acknowledgement after each.
 */
struct MHD_Response *api_whole(struct api_request *request, char *text, size_t len_bytes);
enum MHD_Result api_queue(struct api_request *request);
/* Give a response the headers that all have, and send it. */
enum MHD_Result api_send(struct api_request *request, unsigned http, const char *type, struct MHD_Response *response);

/* What every answer says: take the type as it is given, in nobody's frame, tell nobody where from. */
void api_add_guards(struct MHD_Response *response);

/* api_web.c: whether it is for the web console; then it has its file, or an answer that refuses it. */
bool api_web_check(struct api_request *request, const char *method);
enum MHD_Result api_queue_file(struct api_request *request);

/* api_stream.c */
bool api_wants_stream(const struct api_request *request);
/* The header Last-Event-ID as a number; *value stays without one. False: it is `what` it must be, and the request is refused. */
bool api_last_event_id(struct api_request *request, const char *what, uint64_t *value);
/* Make the request a stream, of `bytes` that begin with struct api_stream. NULL: refused. */
struct api_stream *api_stream_new(struct api_request *request, const struct api_stream_kind *kind, size_t bytes, const char *head);
void api_stream_head(struct api_stream *stream, const char *text);
enum MHD_Result api_queue_stream(struct api_request *request);
void api_stream_free(struct api_request *request);
/* Let those go on for whom there is something, and cut off those that do not take it. */
void api_streams_turn(struct api *api);
/* Cut off those whose tokens were removed or have expired. */
void api_streams_revoke(struct api *api);

/* api_events.c */
void api_listen(struct api_request *request, json_t *arguments);

/* api_console.c */
void api_view_console(struct api_request *request, json_t *arguments);

/* api_metrics.c */
enum MHD_Result api_queue_metrics(struct api_request *request);

/* api.c */
void api_resume(struct api_request *request);

#endif
