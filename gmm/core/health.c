// SPDX-License-Identifier: GPL-2.0-only
/* What becomes of a finding: raised, changed, cleared, muted; each change is an event (diagram in health.h). */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "gmm/core/health_checks.h"
#include "gmm/core/internal.h"

_Static_assert(GMM_HEALTH_TEXT_BYTES == GMM_TEXT_BYTES, "a summary is one line for the operator");

const char *gmm_health_severity_name(enum gmm_health_severity severity)
{
	static const char *const names[] = { "HEALTH_OK", "HEALTH_WARN", "HEALTH_ERR" };

	assert(severity <= GMM_HEALTH_ERR);
	return names[severity];
}

enum gmm_health_code gmm_health_code_named(const char *name)
{
	for (unsigned code = 0; code < GMM_HEALTH_COUNT; code++)
		if (strcmp(gmm_health_kinds[code].code, name) == 0)
			return code;
	return GMM_HEALTH_COUNT;
}

static void tell(struct gmm_core *core, enum gmm_health_code code, const char *what, const char *more, uint64_t now_ns)
{
	char line[GMM_TEXT_BYTES];
	struct text text = text_over(line, sizeof(line));

	text_string(&text, what);
	text_string(&text, more);
	gmm_core_event(core, GMM_EVENT_HEALTH, gmm_health_kinds[code].code, line, now_ns);
}

static void unmute(struct gmm_core *core, enum gmm_health_code code, const char *why, uint64_t now_ns)
{
	core->health.checks[code].muted = core->health.checks[code].sticky = false;
	core->health.checks[code].muted_until_ns = 0;
	gmm_dirty_health(core, code);
	tell(core, code, "not muted any more: ", why, now_ns);
}

static void settle_mute(struct gmm_core *core, enum gmm_health_code code, uint64_t now_ns)
{
	struct gmm_health_check *check = &core->health.checks[code];
	uint32_t count = check->finding.count;

	if (!check->muted)
		return;
	if (check->muted_until_ns && now_ns >= check->muted_until_ns) {
		unmute(core, code, "its time is over", now_ns);
	} else if (!check->sticky && count > check->muted_count) {
		unmute(core, code, "there is more of it", now_ns);
	} else if (!check->sticky && count == 0) {
		unmute(core, code, "it is cleared", now_ns);
	} else if (count < check->muted_count) {
		check->muted_count = count;
		gmm_dirty_health(core, code);
	}
}

static void take(struct gmm_core *core, enum gmm_health_code code, const struct gmm_health_finding *found,
		 uint64_t now_ns)
{
	struct gmm_health_check *check = &core->health.checks[code];
	uint32_t before = check->finding.count;

	if (check->held && gmm_health_held(core, code, found->count, now_ns)) {
		settle_mute(core, code, now_ns);
		return;
	}
	check->finding = *found;
	if (found->count != before)
		gmm_dirty_health(core, code);
	if (found->count && !before) {
		check->since_ns = now_ns;
		tell(core, code, "raised: ", found->summary, now_ns);
	} else if (!found->count && before) {
		tell(core, code, "cleared", "", now_ns);
	} else if (found->count != before) {
		tell(core, code, "now: ", found->summary, now_ns);
	}
	settle_mute(core, code, now_ns);
}

void gmm_core_health_update(struct gmm_core *core, const struct gmm_health_facts *facts, uint64_t now_ns)
{
	gmm_health_remember(core, facts, now_ns);
	for (unsigned code = 0; code < GMM_HEALTH_COUNT; code++) {
		struct gmm_health_finding found = { 0 };

		gmm_health_look(core, code, facts, now_ns, &found);
		assert(found.details <= GMM_HEALTH_DETAILS_MAX && (found.count == 0 || found.summary[0]));
		take(core, code, &found, now_ns);
	}
}

enum gmm_health_severity gmm_core_health_status(const struct gmm_core *core)
{
	enum gmm_health_severity worst = GMM_HEALTH_OK;

	for (unsigned code = 0; code < GMM_HEALTH_COUNT; code++) {
		const struct gmm_health_check *check = &core->health.checks[code];

		if (check->finding.count && !check->muted && gmm_health_kinds[code].severity > worst)
			worst = gmm_health_kinds[code].severity;
	}
	return worst;
}

/* ---------------------------------------------------------------- mutes */

static enum gmm_health_code find(struct gmm_core *core, const char *name)
{
	enum gmm_health_code code = gmm_health_code_named(name);
	struct text text = gmm_refuse(core);

	if (code == GMM_HEALTH_COUNT) {
		text_string(&text, "there is no health check ");
		text_string(&text, name);
		text_string(&text, "; docs/health has a page for each");
	}
	return code;
}

int gmm_core_health_mute(struct gmm_core *core, const char *name, uint64_t for_ns, bool sticky, const char *who, uint64_t now_ns)
{
	enum gmm_health_code code = find(core, name);
	struct gmm_health_check *check;

	assert(strlen(who) < GMM_HEALTH_WHO_BYTES);
	if (code == GMM_HEALTH_COUNT)
		return -ENOENT;
	check = &core->health.checks[code];
	if (check->finding.count == 0 && !sticky) {
		struct text text = gmm_refuse(core);

		text_string(&text, name);
		text_string(&text, " is not raised; a sticky mute can be set before it is");
		return -EBUSY;
	}
	check->muted = true;
	check->sticky = sticky;
	check->muted_count = check->finding.count;
	check->muted_ns = now_ns;
	check->muted_until_ns = for_ns ? now_ns + for_ns : 0;
	memcpy(check->muted_by, who, strlen(who) + 1);
	gmm_dirty_health(core, code);
	tell(core, code, sticky ? "muted, sticky" : "muted", for_ns ? ", for a time" : "", now_ns);
	return 0;
}

int gmm_core_health_unmute(struct gmm_core *core, const char *name, uint64_t now_ns)
{
	enum gmm_health_code code = find(core, name);

	if (code == GMM_HEALTH_COUNT)
		return -ENOENT;
	if (core->health.checks[code].muted)
		unmute(core, code, "by the operator", now_ns);
	return 0;
}
