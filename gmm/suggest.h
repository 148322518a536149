/* SPDX-License-Identifier: GPL-2.0-only */
/* What was probably meant by a word that is not known. */
#ifndef PLENUM_GMM_SUGGEST_H
#define PLENUM_GMM_SUGGEST_H

/*
 * The one of `count` candidates that is nearest to `word`: fewest letters changed, added, left out or swapped with
 * their neighbours. NULL when none is near, that is when more than a third of the word would have to change.
 */
const char *suggest(const char *word, const char *const *candidates, unsigned count);

#endif
