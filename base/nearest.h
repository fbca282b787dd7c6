/* SPDX-License-Identifier: Apache-2.0 */
/* The nearest known word to a mistyped one, for error messages that name the way out. */
#ifndef RHEA_NEAREST_H
#define RHEA_NEAREST_H

/* The entry of words[0..n) with the smallest edit distance to `word` (case ignored; a swap of neighbours is one
 * edit; the first wins among equals). NULL entries are skipped. NULL when there is no entry. */
const char *nearest(const char *word, const char *const *words, unsigned n);

#endif
