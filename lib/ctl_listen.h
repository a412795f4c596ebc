/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef LIB_CTL_LISTEN_H
#define LIB_CTL_LISTEN_H
/* UNIX stream sockets with a name: making one safely, connecting to one. */
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

/** The socket file that was made, so that nobody else's is ever unlinked. */
struct ctl_place {
        char *path; /* heap; NULL: none */
        dev_t dev;
        ino_t ino;
};

/**
 * Make and listen. A socket file nobody listens on is replaced; the file is
 * never open to more than `mode` and `gid` say, not even for a moment.
 * @param gid -1: leave
 * @return the descriptor; -EADDRINUSE: somebody listens there; -EEXIST: not a socket;
 *         -ENAMETOOLONG; -errno
 */
int ctl_listen(const char *path, mode_t mode, gid_t gid, struct ctl_place *ret_place);

/** Unlink the file if it is still the one that was made. */
void ctl_unlisten(struct ctl_place *place);

/**
 * Connect without waiting.
 * @return a non-blocking descriptor; -EAGAIN: the listener's backlog is full;
 *         -ECONNREFUSED: stale file; -ENOENT; -EACCES; -errno
 */
int ctl_connect(const char *path);

#endif
