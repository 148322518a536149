/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where the manager's decisions last (docs/store.md): rows of the core, the log of their changes, events. Today SQLite; whoever uses
 * this header does not know.
 *
 * Errors are negative errno values with a line for the operator in `error`: -EBUSY another manager has the store, -EUCLEAN it is
 * damaged or makes no sense, -EPROTO a newer version made it, -ENOSPC, -EROFS, -EIO, -ENOENT.
 */
#ifndef PLENUM_GMM_STORE_H
#define PLENUM_GMM_STORE_H

#include <limits.h>
#include <stdint.h>

#include "gmm/core/core.h"
#include "gmm/core/record.h"

#define STORE_ERROR_BYTES 512u
#define STORE_LOG_ROWS_MAX 200000	/* older entries are removed, a thousand at a time */
#define STORE_EVENTS_MAX 100000

#define STORE_CHANGES_BYTES 1024u

struct store;

/* A store of an earlier version becomes one of ours when it is opened. */
struct store_migration {
	int from, to;			/* versions: of the file (0: it is empty) and ours */
	char copy[PATH_MAX];		/* of the store as it was before */
	char changes[STORE_CHANGES_BYTES];	/* tables and columns that are added, "a, b.c", cut off with " ..."; empty: none */
};

/*
 * Open, or make, the store in the file `path`; its directory must be there. One of an earlier version is copied, then migrated
 * in one transaction. NULL: *status and `error` say why.
 */
struct store *store_open(const char *path, int *status, char error[STORE_ERROR_BYTES]);
/* What opening it has migrated. NULL: nothing. */
const struct store_migration *store_migrated(const struct store *store);
/*
 * Would a manager start from this file, and what would it migrate? Changes nothing, also while a manager runs.
 * -ENOENT: there is none yet.
 */
int store_check(const char *path, struct store_migration *migration, char error[STORE_ERROR_BYTES]);
/* Fill a core that was only initialised. The wall clock of its configuration turns the times of events into its own. */
int store_load(struct store *store, struct gmm_core *core, uint64_t now_ns, char error[STORE_ERROR_BYTES]);
/* Keep all rows that changed and all new events, or none of them (S2); the core's marks go with success. */
int store_keep(struct store *store, struct gmm_core *core, char error[STORE_ERROR_BYTES]);
/* Log what an operator asks for, before it is done. A store that cannot take this refuses the command. */
int store_command(struct store *store, uint64_t wall_ns, const char *who, const char *what, char error[STORE_ERROR_BYTES]);
/* Copy the store to a new file while it is in use. -EEXIST: that is never overwritten. */
int store_backup(struct store *store, const char *path, char error[STORE_ERROR_BYTES]);
void store_close(struct store *store);

/*
 * Put a backup in the place of the store of a manager that does not run. The backup is checked first; what was there is kept
 * beside it as PATH.before-restore.
 */
int store_restore(const char *path, const char *backup, char error[STORE_ERROR_BYTES]);

#endif
