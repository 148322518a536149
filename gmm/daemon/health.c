// SPDX-License-Identifier: GPL-2.0-only
/* The rack's health: what the core cannot see for itself, and the operator's commands about it. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>

#include <generated/build_id.h>

#include "gmm/daemon/client.h"
#include "gmm/daemon/token_file.h"
#include "gmm/suggest.h"

#define LOOK_NS UINT64_C(1000000000)
#define MUTE_S_MAX 31536000.0		/* a year */

_Static_assert(TOKEN_NAME_BYTES <= GMM_WHO_BYTES && TOKEN_NAME_BYTES <= GMM_HEALTH_WHO_BYTES, "whoever asks can be noted");
_Static_assert(sizeof(BUILD_ID) <= BUILD_ID_BYTES, "comparable with what nodes say at their join");

/* ---------------------------------------------------------------- looking */

static void look_at_store(struct gmmd *gmmd)
{
	struct gmm_health_facts *facts = &gmmd->facts;
	struct statvfs info;

	facts->store_readonly = gmmd->store_status == -EROFS || gmmd->store_status == -EACCES;
	facts->store_status = facts->store_readonly ? 0 : gmmd->store_status;
	facts->store_path = gmmd->config.store;
	facts->store_total_bytes = 0;
	if (statvfs(gmmd->config.store, &info))
		return;
	facts->store_total_bytes = (uint64_t)info.f_blocks * info.f_frsize;
	facts->store_free_bytes = (uint64_t)info.f_bavail * info.f_frsize;
}

void health_look(struct gmmd *gmmd)
{
	struct gmm_health_facts *facts = &gmmd->facts;

	memcpy(facts->build_id, BUILD_ID, sizeof(BUILD_ID));
	facts->strangers = rack_strangers(gmmd);
	facts->stranger_address = secure_stranger(gmmd->secure);
	look_at_store(gmmd);
	gmm_core_health_update(gmmd->core, facts, gmmd->now_ns);
	gmmd->health_ns = gmmd->now_ns + LOOK_NS;
}

void health_turn(struct gmmd *gmmd)
{
	if (gmmd->now_ns >= gmmd->health_ns)
		health_look(gmmd);
}

void health_events_given(struct gmmd *gmmd, uint64_t last, uint64_t sequence)
{
	if (sequence > last + 1)
		gmmd->facts.events_lost += sequence - last - 1;
}

/* ---------------------------------------------------------------- as JSON */

static const char *severity_name(enum gmm_health_code code)
{
	return gmm_health_kinds[code].severity == GMM_HEALTH_ERR ? "ERR" : "WARN";
}

static json_t *remedies_of(enum gmm_health_code code)
{
	json_t *array = json_array();

	for (unsigned i = 0; gmm_health_kinds[code].remedies[i]; i++)
		json_array_append_new(array, json_string(gmm_health_kinds[code].remedies[i]));
	return array;
}

static json_t *page_of(enum gmm_health_code code)
{
	return json_sprintf("docs/health/%s.md", gmm_health_kinds[code].code);
}

static json_t *check_object(const struct gmmd *gmmd, enum gmm_health_code code)
{
	const struct gmm_health_check *check = &gmmd->core->health.checks[code];
	json_t *details = json_array();

	for (uint32_t i = 0; i < check->finding.details; i++)
		json_array_append_new(details, json_text(check->finding.detail[i]));
	return json_pack("{s:s,s:s,s:o,s:I,s:o,s:I,s:o,s:o,s:b,s:b,s:o,s:o,s:o,s:o,s:o}", "code", gmm_health_kinds[code].code,
			 "severity", severity_name(code), "summary", json_text(check->finding.summary),
			 "count", (json_int_t)check->finding.count, "details", details,
			 "more", (json_int_t)(check->finding.details ? check->finding.count - check->finding.details : 0),
			 "since", json_wall_time(gmmd, check->since_ns), "since_s_ago", json_seconds_ago(gmmd, check->since_ns),
			 "muted", check->muted, "sticky", check->sticky, "muted_by", check->muted ? json_text(check->muted_by) : json_null(),
			 "muted_at", check->muted ? json_wall_time(gmmd, check->muted_ns) : json_null(),
			 "muted_until", check->muted_until_ns ? json_wall_time(gmmd, check->muted_until_ns) : json_null(),
			 "remedies", remedies_of(code), "page", page_of(code));
}

json_t *json_health(const struct gmmd *gmmd)
{
	json_t *checks = json_array(), *muted = json_array();

	for (unsigned code = 0; code < GMM_HEALTH_COUNT; code++) {
		const struct gmm_health_check *check = &gmmd->core->health.checks[code];

		if (check->finding.count)
			json_array_append_new(checks, check_object(gmmd, code));
		if (check->muted)
			json_array_append_new(muted, json_string(gmm_health_kinds[code].code));
	}
	return json_pack("{s:s,s:o,s:o}", "status", gmm_health_severity_name(gmm_core_health_status(gmmd->core)),
			 "checks", checks, "muted", muted);
}

/* ---------------------------------------------------------------- the operator's commands */

static void run_health(struct gmmd *gmmd, struct client *client, json_t *arguments)
{
	if (!client_unpack(client, arguments, "{}"))
		return;
	health_look(gmmd);
	client_result(client, json_health(gmmd));
}

/* A check as the operator wrote it, capitals or not. False: there is none, and the client was told. */
static bool known(struct client *client, const char *name, enum gmm_health_code *code)
{
	const char *names[GMM_HEALTH_COUNT], *meant;
	char capitals[GMM_HEALTH_CODE_BYTES] = "";

	for (size_t i = 0; name[i] && i + 1 < sizeof(capitals); i++)
		capitals[i] = (char)toupper((unsigned char)name[i]);
	*code = strlen(name) < sizeof(capitals) ? gmm_health_code_named(capitals) : GMM_HEALTH_COUNT;
	if (*code != GMM_HEALTH_COUNT)
		return true;
	for (unsigned i = 0; i < GMM_HEALTH_COUNT; i++)
		names[i] = gmm_health_kinds[i].code;
	meant = suggest(capitals, names, GMM_HEALTH_COUNT);
	client_error(client, -ENOENT, meant ? "there is no health check %s; did you mean %s?" :
		     "there is no health check %s; docs/health has a page for each", name, meant);
	return false;
}

/* Mutes work also when the store does not, for that may be what is to be muted: they are kept when it does again. */
static void muted_turn(struct gmmd *gmmd, struct client *client)
{
	if (gmm_core_dirty_count(gmmd->core) == 0 || gmmd->store_status)
		client_result(client, json_health(gmmd));
}

static void answer_mute(struct gmmd *gmmd, struct client *client, const char *command, json_t *arguments, int status)
{
	char error[CONFIG_ERROR_BYTES];

	if (status) {
		client_error(client, status, "%s", gmmd->core->refusal);
		return;
	}
	client_log(gmmd, client, command, arguments, error);
	client->turn = muted_turn;
}

static void run_mute(struct gmmd *gmmd, struct client *client, json_t *arguments)
{
	enum gmm_health_code code;
	double for_s = 0;
	const char *name;
	int sticky = 0, status;

	if (!client_unpack(client, arguments, "{s:s,s?F,s?b}", "code", &name, "for_s", &for_s, "sticky", &sticky))
		return;
	if (!(for_s >= 0 && for_s <= MUTE_S_MAX)) {
		client_error(client, -EINVAL, "a check can be muted for 0 to %.0f seconds; 0 is without an end", MUTE_S_MAX);
		return;
	}
	if (!known(client, name, &code))
		return;
	health_look(gmmd);
	status = gmm_core_health_mute(gmmd->core, gmm_health_kinds[code].code, (uint64_t)(for_s * 1e9), sticky, client->who, gmmd->now_ns);
	answer_mute(gmmd, client, "health.mute", arguments, status);
}

static void run_unmute(struct gmmd *gmmd, struct client *client, json_t *arguments)
{
	enum gmm_health_code code;
	const char *name;

	if (client_unpack(client, arguments, "{s:s}", "code", &name) && known(client, name, &code))
		answer_mute(gmmd, client, "health.unmute", arguments,
			    gmm_core_health_unmute(gmmd->core, gmm_health_kinds[code].code, gmmd->now_ns));
}

static void run_explain(struct gmmd *gmmd, struct client *client, json_t *arguments)
{
	enum gmm_health_code code;
	const char *name;

	(void)gmmd;
	if (!client_unpack(client, arguments, "{s:s}", "code", &name))
		return;
	if (known(client, name, &code))
		client_result(client, json_pack("{s:s,s:s,s:s,s:s,s:o,s:o}", "code", gmm_health_kinds[code].code,
						"severity", severity_name(code), "title", gmm_health_kinds[code].title,
						"meaning", gmm_health_kinds[code].meaning, "remedies", remedies_of(code),
						"page", page_of(code)));
}

/* What changes mutes logs itself, and is done also when that fails. */
const struct client_command_entry health_commands[] = {
	{ "health", run_health, false },
	{ "health.mute", run_mute, false },
	{ "health.unmute", run_unmute, false },
	{ "health.explain", run_explain, false },
	{ NULL, NULL, false },
};
