/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/ctl_listen.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/cleanup.h"

#define LISTEN_BACKLOG 64

static int ctl_socket(const char *path, struct sockaddr_un *ret_name)
{
        int fd;

        if (strlen(path) >= sizeof(ret_name->sun_path))
                return -ENAMETOOLONG;
        *ret_name = (struct sockaddr_un){.sun_family = AF_UNIX};
        memcpy(ret_name->sun_path, path, strlen(path));
        fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        return fd < 0 ? -errno : fd;
}

int ctl_connect(const char *path)
{
        struct sockaddr_un name;
        int fd = ctl_socket(path, &name);
        int r;

        if (fd < 0)
                return fd;
        if (connect(fd, (const struct sockaddr *)&name, sizeof(name)) < 0) {
                r = -errno;
                close(fd);
                return r;
        }
        return fd;
}

/** Make way: unlink a socket that nobody listens on. */
static int ctl_clear_stale(const char *path)
{
        CLEANUP(closep) int fd = -1;
        struct stat st;

        if (lstat(path, &st) < 0)
                return errno == ENOENT ? 0 : -errno;
        if (!S_ISSOCK(st.st_mode))
                return -EEXIST;
        fd = ctl_connect(path);
        if (fd >= 0 || fd == -EAGAIN)
                return -EADDRINUSE;
        if (fd != -ECONNREFUSED)
                return fd;
        return unlink(path) < 0 && errno != ENOENT ? -errno : 0;
}

/** From bind on the file exists: 0600 first, opened up when the group is right. */
static int ctl_bind(int fd, const struct sockaddr_un *name, mode_t mode, gid_t gid)
{
        if (fchmod(fd, mode & 0600) < 0 ||
            bind(fd, (const struct sockaddr *)name, sizeof(*name)) < 0)
                return -errno;
        if (listen(fd, LISTEN_BACKLOG) < 0)
                return -errno;
        if (gid != (gid_t)-1 && lchown(name->sun_path, (uid_t)-1, gid) < 0)
                return -errno;
        return chmod(name->sun_path, mode) < 0 ? -errno : 0;
}

int ctl_listen(const char *path, mode_t mode, gid_t gid, struct ctl_place *ret_place)
{
        struct ctl_place place = {0};
        struct sockaddr_un name;
        struct stat st;
        int fd, r;

        fd = ctl_socket(path, &name);
        if (fd < 0)
                return fd;
        r = ctl_clear_stale(path);
        if (r < 0)
                goto fail;
        r = ctl_bind(fd, &name, mode, gid);
        if (r < 0)
                goto fail;
        if (lstat(path, &st) < 0 || !(place.path = strdup(path))) {
                r = -errno;
                goto fail;
        }
        place.dev = st.st_dev;
        place.ino = st.st_ino;
        *ret_place = place;
        return fd;
fail:
        close(fd);
        return r;
}

void ctl_unlisten(struct ctl_place *place)
{
        struct stat st;

        if (place->path && lstat(place->path, &st) == 0 && st.st_dev == place->dev &&
            st.st_ino == place->ino)
                unlink(place->path);
        free(place->path);
        *place = (struct ctl_place){0};
}
