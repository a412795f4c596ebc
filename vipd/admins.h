/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VIPD_ADMINS_H
#define VIPD_ADMINS_H
#include <sys/types.h>

/** Id of a user group of the host, or -1 if there is none of that name. (Apart because <grp.h>
 *  has a struct group of its own.) */
gid_t admins_gid(const char *name);

#endif
