/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/suggest.h"

#include <ctype.h>
#include <string.h>

static char folded(char c)
{
        return c == '_' ? '-' : (char)tolower((unsigned char)c);
}

static unsigned min3(unsigned a, unsigned b, unsigned c)
{
        unsigned least = a < b ? a : b;

        return least < c ? least : c;
}

unsigned suggest_distance(const char *a, const char *b)
{
        unsigned rows[3][SUGGEST_WORD_MAX + 1];
        unsigned *before = rows[0], *last = rows[1], *now = rows[2];
        size_t n_a = strnlen(a, SUGGEST_WORD_MAX + 1), n_b = strnlen(b, SUGGEST_WORD_MAX + 1);

        if (n_a > SUGGEST_WORD_MAX || n_b > SUGGEST_WORD_MAX)
                return SUGGEST_WORD_MAX;
        for (unsigned j = 0; j <= n_b; j++)
                last[j] = j;

        for (unsigned i = 1; i <= n_a; i++) {
                unsigned *reuse = before;

                now[0] = i;
                for (unsigned j = 1; j <= n_b; j++) {
                        bool same = folded(a[i - 1]) == folded(b[j - 1]);

                        now[j] = min3(last[j] + 1, now[j - 1] + 1, last[j - 1] + !same);
                        if (i > 1 && j > 1 && folded(a[i - 1]) == folded(b[j - 2]) &&
                            folded(a[i - 2]) == folded(b[j - 1]) && before[j - 2] + 1 < now[j])
                                now[j] = before[j - 2] + 1;
                }
                before = last;
                last = now;
                now = reuse;
        }
        return last[n_b];
}

void suggest_offer(struct suggest *s, const char *known)
{
        size_t len = strlen(s->unknown);
        unsigned distance = suggest_distance(s->unknown, known);
        unsigned bearable = len <= 3 ? 1 : len <= 8 ? 2 : 3; /* about a third of the word */

        if (distance > bearable || distance >= len)
                return;
        if (!s->best || distance < s->distance) {
                s->best = known;
                s->distance = distance;
        }
}
