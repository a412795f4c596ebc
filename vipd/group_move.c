/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The operator's move: for now by resigning in favour of the next candidate. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "vipd/group_private.h"

/*
 * Backups are silent in VRRP, so who would win is known from the configuration alone. A node that
 * fell silent as owner may be back or not: with_lost says whether it counts. -1: none left.
 */
static int next_candidate(const struct group *g, bool with_lost)
{
        const struct config *c = g->config;
        int best = -1;

        for (unsigned n = 0; n < c->n_nodes; n++) {
                if (n == g->self || (!with_lost && (g->lost_nodes >> n & 1)))
                        continue;
                if (best < 0 ||
                    config_rank(c, g->conf, n) < config_rank(c, g->conf, (unsigned)best))
                        best = (int)n;
        }
        return best;
}

int group_move(struct group *g, unsigned node, int64_t uid, const char *reason, bool dry_run,
               char *why, size_t why_size)
{
        const struct config *c = g->config;
        const char *target = c->nodes[node].name;
        int next = next_candidate(g, true), living = next_candidate(g, false);

        if (strcmp(g->owner, target) == 0)
                snprintf(why, why_size, "%s is on %s already", g->conf->name, target);
        else if (g->election.state != ELECTION_ACTIVE && g->owner[0])
                snprintf(why, why_size, "%s is on %s, not here: run the command there",
                         g->conf->name, g->owner);
        else if (g->election.state != ELECTION_ACTIVE)
                snprintf(why, why_size, "nobody is known to own %s now", g->conf->name);
        else if (g->election.config.priority == VRRP_PRIORITY_OWNER)
                snprintf(why, why_size,
                         "this node is the address owner of %s (priority 255) and would take it "
                         "back at once",
                         g->conf->name);
        else if (next < 0)
                snprintf(why, why_size, "no other node is left to take %s", g->conf->name);
        else if (next != (int)node && living != (int)node)
                snprintf(why, why_size,
                         "this version moves a group by resigning, and the next candidate for %s "
                         "is %s, not %s",
                         g->conf->name, c->nodes[next].name, target);
        else {
                if (dry_run)
                        return 0;
                g->mover_uid = uid;
                timeline_text(g->move_reason, sizeof(g->move_reason), reason);
                group_step(g, &(struct election_event){.type = ELECTION_RESIGN});
                g->mover_uid = -1;
                return 0;
        }
        return -EPERM;
}
