/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vipd/frame_socket.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/cleanup.h"

/* Above bulk traffic in the link's queue (pfifo_fast's first band), below nothing that needs a
 * right. */
#define SEND_PRIORITY 6
#define SEND_BUFFER (1024 * 1024) /* some hundred small frames need far more than their bytes */

struct frame_socket {
        int fd;
};

int frame_socket_new(struct frame_socket **ret)
{
        const int priority = SEND_PRIORITY, buffer = SEND_BUFFER;
        struct frame_socket *s;
        /* protocol 0: no frame is ever handed to us */
        CLEANUP(closep) int fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

        if (fd < 0)
                return -errno;
        /* both are improvements only */
        setsockopt(fd, SOL_SOCKET, SO_PRIORITY, &priority, sizeof(priority));
        setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &buffer, sizeof(buffer));

        s = malloc(sizeof(*s));
        if (!s)
                return -ENOMEM;
        s->fd = fd;
        fd = -1;
        *ret = s;
        return 0;
}

struct frame_socket *frame_socket_free(struct frame_socket *s)
{
        if (s)
                close(s->fd);
        free(s);
        return NULL;
}

static void fill(struct mmsghdr *message, struct sockaddr_ll *to, struct iovec *part,
                 const struct frame *f)
{
        uint16_t protocol;

        memcpy(&protocol, f->bytes + 12, sizeof(protocol)); /* both in network order */
        *to = (struct sockaddr_ll){.sll_family = AF_PACKET,
                                   .sll_protocol = protocol,
                                   .sll_ifindex = f->ifindex,
                                   .sll_halen = 6};
        memcpy(to->sll_addr, f->bytes, 6);
        *part = (struct iovec){(void *)(uintptr_t)f->bytes, f->len};
        *message = (struct mmsghdr){.msg_hdr = {.msg_name = to,
                                                .msg_namelen = sizeof(*to),
                                                .msg_iov = part,
                                                .msg_iovlen = 1}};
}

void frame_socket_send(struct frame_socket *s, struct frame *frames, unsigned n)
{
        struct mmsghdr messages[FRAME_BATCH_MAX];
        struct sockaddr_ll to[FRAME_BATCH_MAX];
        struct iovec parts[FRAME_BATCH_MAX];
        unsigned done = 0;

        assert(n <= FRAME_BATCH_MAX);
        for (unsigned i = 0; i < n; i++)
                fill(&messages[i], &to[i], &parts[i], &frames[i]);

        while (done < n) {
                int sent = sendmmsg(s->fd, messages + done, n - done, 0);

                if (sent < 0 && errno == EINTR)
                        continue;
                for (int i = 0; i < sent; i++)
                        frames[done++].result = 0;
                /* the error of the first that cannot go; one after others is told by the next call
                 */
                if (sent <= 0)
                        frames[done++].result = sent < 0 ? -errno : -EIO;
        }
}
