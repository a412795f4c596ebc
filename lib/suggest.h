/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef LIB_SUGGEST_H
#define LIB_SUGGEST_H
/* "Did you mean": the nearest of a set of known words to one that is not known. Pure. */
#include <stdbool.h>

/** Words longer than this are never suggested for, nor suggested. */
#define SUGGEST_WORD_MAX 40

/**
 * Edits that turn `a` into `b`: insert, drop or replace a letter, swap two
 * neighbours (optimal string alignment). Case and '_' against '-' count nothing.
 * A word that is too long is SUGGEST_WORD_MAX away from everything.
 */
unsigned suggest_distance(const char *a, const char *b);

/** The nearest word so far; start with {0} and the unknown word. */
struct suggest {
        const char *unknown; /* kept */
        const char *best;    /* one of the words offered, or NULL */
        unsigned distance;   /* of best */
};

/** Offer a known word; it wins if it is near enough and nearer than those before. Kept. */
void suggest_offer(struct suggest *s, const char *known);

#endif
