# SPDX-License-Identifier: GPL-2.0-only
# In the simulator's configuration: a rack of this size has more nodes than most.
bench-store-y += testbed/bench-store/main.c gmm/store/store.c gmm/store/schema.c gmm/store/columns.c gmm/store/keep.c gmm/store/load.c gmm/store/backup.c
