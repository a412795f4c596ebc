/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/byte_ring.h"

#include <string.h>

struct byte_ring byte_ring_over(void *bytes, size_t size)
{
        return (struct byte_ring){.bytes = bytes, .size = size};
}

size_t byte_ring_room(const struct byte_ring *r)
{
        return r->size - r->used;
}

/* Behind the newest record, across the end of the memory if need be. */
static void append(struct byte_ring *r, const void *bytes, size_t len)
{
        size_t at = (r->head + r->used) % r->size;
        size_t first = len < r->size - at ? len : r->size - at;

        if (len == 0)
                return;
        memcpy(r->bytes + at, bytes, first);
        memcpy(r->bytes, (const uint8_t *)bytes + first, len - first);
        r->used += len;
}

/* Off the front; what exceeds `room` is thrown away. */
static void take(struct byte_ring *r, void *ret, size_t len, size_t room)
{
        size_t copy = len < room ? len : room;
        size_t first = copy < r->size - r->head ? copy : r->size - r->head;

        if (copy > 0) {
                memcpy(ret, r->bytes + r->head, first);
                memcpy((uint8_t *)ret + first, r->bytes, copy - first);
        }
        r->head = (r->head + len) % r->size;
        r->used -= len;
}

bool byte_ring_put(struct byte_ring *r, const struct iovec *parts, unsigned n)
{
        size_t total = 0;
        uint32_t len;

        for (unsigned i = 0; i < n; i++)
                total += parts[i].iov_len;
        if (total > UINT32_MAX || byte_ring_room(r) < sizeof(len) ||
            byte_ring_room(r) - sizeof(len) < total)
                return false;

        len = (uint32_t)total;
        append(r, &len, sizeof(len));
        for (unsigned i = 0; i < n; i++)
                append(r, parts[i].iov_base, parts[i].iov_len);
        r->records++;
        return true;
}

size_t byte_ring_get(struct byte_ring *r, void *ret, size_t size)
{
        uint32_t len;

        if (r->records == 0)
                return 0;
        take(r, &len, sizeof(len), sizeof(len));
        take(r, ret, len, size);
        r->records--;
        return len < size ? len : size;
}
