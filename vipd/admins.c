/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vipd/admins.h"

#include <grp.h>
#include <stddef.h>

gid_t admins_gid(const char *name)
{
        const struct group *g = getgrnam(name);

        return g ? g->gr_gid : (gid_t)-1;
}
