/* SPDX-License-Identifier: GPL-2.0-only */
/* Sections [rule NAME] of the configuration: by what a machine becomes a node. */
#ifndef PLENUM_GMM_CONFIG_RULE_H
#define PLENUM_GMM_CONFIG_RULE_H

#include <stdbool.h>
#include <stddef.h>

#include "gmm/core/machine.h"

extern const char *const config_rule_keys[];	/* ends with NULL */

/* Take a key's value, by its place in config_rule_keys. False: `error` says what would be right. */
bool config_rule_set(struct gmm_rule *rule, int key, const char *value, char *error, size_t error_bytes);
/* Is it all there? */
bool config_rule_is_whole(const struct gmm_rule *rule, char *error, size_t error_bytes);

#endif
