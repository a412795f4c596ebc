/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VIPD_FRAME_SOCKET_H
#define VIPD_FRAME_SOCKET_H
/* Sends whole Ethernet frames out of any link: one AF_PACKET socket that receives nothing. */
#include <stddef.h>
#include <stdint.h>

/** Frames of one call. */
#define FRAME_BATCH_MAX 64

struct frame {
        int ifindex;
        const uint8_t *bytes; /* from the destination MAC on, at least 14 */
        size_t len;
        int result; /* set by frame_socket_send(): 0 or -errno */
};

struct frame_socket;

/** @return 0 or -errno (-EPERM without CAP_NET_RAW) */
int frame_socket_new(struct frame_socket **ret);

/** NULL is allowed. @return NULL */
struct frame_socket *frame_socket_free(struct frame_socket *s);

/**
 * Send 1..FRAME_BATCH_MAX frames, never waiting; each has its own result: -ENOBUFS and -EAGAIN
 * when a queue is full, -ENETDOWN when the link is down, -ENXIO when it is gone.
 * A frame that fails keeps back none of the others.
 */
void frame_socket_send(struct frame_socket *s, struct frame *frames, unsigned n);

#endif
