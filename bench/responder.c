/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Answers probes to any address of this host, from the address they were sent to (RFC 1122
 * 4.1.3.5), with this node's name. One socket a family; batches, so that it keeps up with many
 * addresses. Runs until it is ended.
 */
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "bench/probe.h"

#define BATCH 64

struct batch {
        struct mmsghdr msgs[BATCH];
        struct iovec iov[BATCH];
        struct sockaddr_storage from[BATCH];
        struct probe_packet packets[BATCH];
        union {
                struct cmsghdr align;
                char bytes[CMSG_SPACE(sizeof(struct in6_pktinfo))];
        } control[BATCH];
};

static int open_socket(int family, uint16_t port)
{
        struct sockaddr_in6 any6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
        struct sockaddr_in any4 = {.sin_family = AF_INET, .sin_port = htons(port)};
        int fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        int on = 1, buffer = 4 * 1024 * 1024, r;

        if (fd < 0)
                return -errno;
        setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &buffer, sizeof(buffer));
        setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &buffer, sizeof(buffer));
        if (family == AF_INET) {
                setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &on, sizeof(on));
                r = bind(fd, (struct sockaddr *)&any4, sizeof(any4));
        } else {
                setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
                setsockopt(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &on, sizeof(on));
                r = bind(fd, (struct sockaddr *)&any6, sizeof(any6));
        }
        if (r < 0) {
                r = -errno;
                close(fd);
                return r;
        }
        return fd;
}

static void batch_prepare(struct batch *b)
{
        for (int i = 0; i < BATCH; i++) {
                b->iov[i] = (struct iovec){&b->packets[i], sizeof(b->packets[i])};
                b->msgs[i].msg_hdr = (struct msghdr){
                        .msg_name = &b->from[i],
                        .msg_namelen = sizeof(b->from[i]),
                        .msg_iov = &b->iov[i],
                        .msg_iovlen = 1,
                        .msg_control = &b->control[i],
                        .msg_controllen = sizeof(b->control[i]),
                };
        }
}

/* The control data that came in says which address was asked; sent back, it is the source. */
static int answer_batch(int fd, struct batch *b, const char *name)
{
        int n, ready = 0, done = 0;

        batch_prepare(b);
        n = recvmmsg(fd, b->msgs, BATCH, MSG_DONTWAIT, NULL);
        for (int i = 0; i < n; i++) {
                struct probe_packet *p = b->iov[i].iov_base;

                if (b->msgs[i].msg_len != sizeof(*p) || p->magic != PROBE_MAGIC || p->node[0])
                        continue;
                snprintf(p->node, sizeof(p->node), "%s", name);
                b->msgs[ready++] = b->msgs[i];
        }
        /* A message fails when its address has just left this host: skip it. */
        while (done < ready) {
                int sent = sendmmsg(fd, b->msgs + done, (unsigned)(ready - done), MSG_DONTWAIT);

                done += sent > 0 ? sent : 1;
        }
        return n;
}

int responder_run(const struct probe_options *o)
{
        static struct batch batch;
        static const int families[] = {AF_INET, AF_INET6};
        uint16_t port = o->port ? o->port : PROBE_PORT;
        struct pollfd fds[2];
        int n_fds = 0;

        if (!o->name || strlen(o->name) >= PROBE_NODE_MAX) {
                fprintf(stderr, "probe: server needs --name, at most %d characters\n",
                        PROBE_NODE_MAX - 1);
                return 2;
        }
        for (int i = 0; i < 2; i++) {
                int fd = open_socket(families[i], port);

                if (fd == -EAFNOSUPPORT)
                        continue;
                if (fd < 0) {
                        fprintf(stderr, "probe: port %u: %s\n", port, strerror(-fd));
                        return 1;
                }
                fds[n_fds++] = (struct pollfd){.fd = fd, .events = POLLIN};
        }
        if (o->realtime)
                probe_realtime();
        while (!probe_stop) {
                if (poll(fds, (nfds_t)n_fds, -1) < 0)
                        continue;
                for (int i = 0; i < n_fds; i++)
                        while (fds[i].revents && answer_batch(fds[i].fd, &batch, o->name) == BATCH)
                                ;
        }
        return 0;
}
